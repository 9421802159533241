#!/bin/sh
# Mounts the disks that come with an instance type (the instance store), at each boot and before Docker.
# They are blank after each start and keep what is on them over a reboot. So they are formatted where
# they are blank, and nothing else ever is: no EBS volume, and no disk on which there is anything.
#   instance-store.sh install FILESYSTEM MOUNT  mounts them now and at each boot; btrfs, ext4 or xfs
#   instance-store.sh remove                    does so no more
#   instance-store.sh mount FILESYSTEM MOUNT    what the unit runs
# Several are one file system, striped: what is on it is lost with the first of them.
set -eu

# A tree that stands for the system's own in tests.
root=${SPOT_TUI_ROOT:-}
program=$root/usr/local/sbin/spot-tui-instance-store
unit=spot-tui-instance-store.service
units=$root/etc/systemd/system
# xfs keeps 12 bytes of a label.
label=spot-scratch
# Docker makes anew what it does not find here.
docker=/var/lib/docker

fail() {
    echo "instance-store: $*" >&2
    exit 1
}

# By the names that udev gives them: what is /dev/nvme1n1 today may be an EBS volume after the next
# start. A disk has two such names, and one more for each of its partitions.
find_disks() {
    for link in "$root"/dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_*; do
        case $link in
            *-part*) ;;
            *) [ ! -e "$link" ] || readlink -f "$link" ;;
        esac
    done | sort -u
}

value_of() {
    blkid -p -s "$1" -o value "$2" 2>/dev/null || :
}

# blkid ends with 2 where it finds nothing at all, and wipefs sees what that passes over. What cannot be
# read is not blank.
is_blank() {
    known=0
    blkid -p "$1" >/dev/null 2>&1 || known=$?
    [ "$known" -eq 2 ] && signatures=$(wipefs -n "$1") && [ -z "$signatures" ]
}

is_mounted() {
    grep -q " $mount " "$root/proc/mounts"
}

# The array that the kernel made of this disk and others.
array_of() {
    for holder in "$root/sys/class/block/${1##*/}/holders"/md*; do
        [ ! -e "$holder" ] || echo "$root/dev/${holder##*/}"
    done
}

# What an earlier boot formatted of these disks; nothing where none of them is ours.
find_formatted() {
    for disk in "$@"; do
        case $(value_of LABEL "$disk") in
            "$label")
                echo "$disk"
                return 0
                ;;
            *:"$label")
                array_of "$disk"
                return 0
                ;;
        esac
    done
}

# Those of these disks on which there is nothing.
keep_blank() {
    for disk in "$@"; do
        if is_blank "$disk"; then
            echo "$disk"
        else
            echo "$disk is not blank: it is left as it is" >&2
        fi
    done
}

# Makes one file system of these disks, all blank.
format() {
    command -v "mkfs.$filesystem" >/dev/null ||
        fail "mkfs.$filesystem is not on this machine: node.packages brings it"
    echo "formatting the instance store, which is blank ($# of its disks, $filesystem)"
    device=$1
    if [ "$filesystem" = btrfs ]; then
        data=single
        [ "$#" -eq 1 ] || data=raid0
        mkfs.btrfs -q -L "$label" -d "$data" "$@"
        return 0
    fi
    if [ "$#" -gt 1 ]; then
        command -v mdadm >/dev/null ||
            fail "mdadm is not on this machine, and $# disks are striped by it: node.packages brings it"
        device=$root/dev/md/$label
        mdadm --create "$device" --quiet --run --homehost=any --level=0 "--raid-devices=$#" "$@"
    fi
    format_one
}

# Without -f or -F: what mkfs itself finds on it, it asks about, and nobody answers.
format_one() {
    case $filesystem in
        ext4) mkfs.ext4 -q -m 0 -L "$label" "$device" </dev/null ;;
        xfs) mkfs.xfs -q -L "$label" "$device" ;;
    esac
}

# Sets `device` to what is to be mounted, and `fresh` where it was just formatted.
prepare() {
    fresh=''
    device=$(find_formatted "$@")
    if [ -n "$device" ]; then
        # An array that was made, and no more.
        if is_blank "$device"; then
            fresh=yes
            format_one
        fi
        return 0
    fi
    # shellcheck disable=SC2046 # names of devices, in which there are no spaces
    set -- $(keep_blank "$@")
    [ "$#" -gt 0 ] || fail "no disk of the instance store is blank"
    fresh=yes
    format "$@"
}

mount_store() {
    # A boot and somebody who has just logged in come at the same time.
    exec 9>"$root/run/spot-tui-instance-store.lock"
    flock 9
    ! is_mounted || return 0
    udevadm settle --timeout=30 || :
    # shellcheck disable=SC2046 # as above
    set -- $(find_disks)
    if [ "$#" -eq 0 ]; then
        echo "this instance has no instance store"
        return 0
    fi
    # What lies there would be hidden: keys with which one logs in, or somebody's work.
    if [ "$mount" != "$docker" ] && [ -n "$(ls -A "$root$mount" 2>/dev/null)" ]; then
        fail "$mount is not empty: nothing is mounted over it"
    fi
    prepare "$@"
    mkdir -p "$root$mount"
    mount -o noatime "$device" "$root$mount"
    # Of everybody, as /tmp is.
    [ -z "$fresh" ] || chmod 1777 "$root$mount"
    echo "the instance store is mounted at $mount"
}

# Before Docker, whose containers may lie on it or look into it.
write_unit() {
    above=${mount%/*}
    cat >"$units/$unit" <<END
[Unit]
Description=Mounts the instance store
RequiresMountsFor=${above:-/}
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$program mount $filesystem $mount

[Install]
WantedBy=multi-user.target
END
    systemctl daemon-reload
    systemctl enable --quiet "$unit"
}

install_store() {
    write_unit
    if [ "$mount" = "$docker" ] && ! is_mounted && systemctl is-active --quiet docker.service; then
        systemctl stop docker.socket docker.service
        ended=0
        "$program" mount "$filesystem" "$mount" || ended=$?
        systemctl start docker.service
        return "$ended"
    fi
    mount_store
}

# What is mounted stays so until the next boot: something may be at work there.
remove_store() {
    systemctl disable --quiet "$unit" 2>/dev/null || :
    rm -f "$units/$unit" "$program"
    systemctl daemon-reload
}

filesystem=${2-} mount=${3-}
case ${1-} in
    install) install_store ;;
    remove) remove_store ;;
    mount) mount_store ;;
    *)
        echo "instance-store: install, remove or mount is wanted" >&2
        exit 64
        ;;
esac
