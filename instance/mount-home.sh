#!/bin/sh
# Mounts a machine's home volume, now and at each boot. Run as root, as often as one likes:
#   mount-home.sh VOLUME MOUNT SWAP_GB
# A volume with nothing on it is formatted, and what lies at MOUNT then is copied onto it; nothing
# else is ever formatted. It is mounted by its label, and a boot goes on without it.
set -eu

volume=$1
mount=$2
swap_gb=$3
# A tree that stands for the system's own in tests.
root=${SPOT_TUI_ROOT:-}
label=spot-tui-home
# What it is called until it is filled. ext4 keeps 16 bytes of a label.
label_unfilled=spot-tui-empty
fstab=$root/etc/fstab
# What tells our lines in fstab: mount(8) passes over options that begin with x-.
mark=x-spot-tui
options=defaults,nofail,x-systemd.device-timeout=30s,$mark

fail() {
    echo "mount-home: $*" >&2
    exit 1
}

# Names like /dev/nvme1n1 change from one start to the next. On Nitro udev names a volume by its id;
# before that it is at the device to which it was attached.
find_device() {
    id=$(printf %s "$volume" | tr -d -)
    for device in "$root/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_$id" \
        "$root/dev/xvdf" "$root/dev/sdf"; do
        if [ -e "$device" ]; then
            readlink -f "$device"
            return 0
        fi
    done
    return 1
}

value_of() {
    blkid -p -s "$1" -o value "$device" 2>/dev/null || :
}

# Copies what lies at the mount point onto a volume that was just formatted. Only then it gets its
# label: who was cut short in between begins anew, and nobody takes the half of it for all.
fill() {
    fresh=$(mktemp -d)
    mount "$device" "$fresh"
    if [ -d "$mount" ]; then
        cp -a "$mount/." "$fresh/"
    fi
    umount "$fresh"
    rmdir "$fresh"
    e2label "$device" "$label"
}

# The keys that may log in come with the instance, and may be others than those on the volume.
add_keys() {
    new=$mount/.ssh/authorized_keys
    [ -f "$new" ] || return 0
    fresh=$(mktemp -d)
    mount "$device" "$fresh"
    old=$fresh/.ssh/authorized_keys
    if [ -f "$old" ]; then
        while IFS= read -r key; do
            grep -qxF -e "$key" "$old" || printf '%s\n' "$key" >>"$old"
        done <"$new"
    elif [ ! -e "$fresh/.ssh" ]; then
        cp -a "$mount/.ssh" "$fresh/"
    fi
    umount "$fresh"
    rmdir "$fresh"
}

write_fstab() {
    draft=$fstab.spot-tui
    grep -v "$mark" "$fstab" >"$draft" 2>/dev/null || :
    printf '%s %s auto %s 0 2\n' "$source" "$mount" "$options" >>"$draft"
    if [ "$swap_gb" -gt 0 ]; then
        printf '%s none swap sw,nofail,%s 0 0\n' "$mount/.swapfile" "$mark" >>"$draft"
    fi
    if cmp -s "$draft" "$fstab"; then
        rm "$draft"
        return 0
    fi
    chmod 644 "$draft"
    mv "$draft" "$fstab"
    systemctl daemon-reload 2>/dev/null || :
}

is_mounted() {
    grep -q " $mount " "$root/proc/mounts"
}

waited=0
until device=$(find_device); do
    [ "$waited" -lt 60 ] || fail "no device of $volume has come up"
    sleep 1
    waited=$((waited + 1))
done

if ! is_mounted; then
    # blkid ends with 2 where it finds nothing at all, and wipefs sees what that passes over.
    known=0
    blkid -p "$device" >/dev/null 2>&1 || known=$?
    # What it cannot read is not blank.
    if [ "$known" -eq 2 ] && signatures=$(wipefs -n "$device") && [ -z "$signatures" ]; then
        echo "formatting $volume, which is blank"
        # Without -F: what mkfs itself finds on it, it asks about, and nobody answers.
        mkfs.ext4 -q -L "$label_unfilled" "$device" </dev/null
    elif [ "$known" -ne 0 ]; then
        fail "$volume cannot be told to be blank or not; it is left as it is"
    fi
    if [ "$(value_of LABEL)" = "$label_unfilled" ]; then
        fill
    else
        add_keys
    fi
fi

if [ "$(value_of LABEL)" = "$label" ]; then
    source=LABEL=$label
else
    # Somebody's own file system: it is taken as it is.
    source=UUID=$(value_of UUID)
fi
write_fstab
if ! is_mounted; then
    mkdir -p "$mount"
    mount "$mount"
    echo "$volume is mounted at $mount"
fi

swap=$mount/.swapfile
if [ "$swap_gb" -gt 0 ]; then
    if [ ! -f "$swap" ]; then
        rm -f "$swap.new"
        fallocate -l "${swap_gb}G" "$swap.new"
        chmod 600 "$swap.new"
        mkswap "$swap.new" >/dev/null
        mv "$swap.new" "$swap"
    fi
    grep -q "^$swap " "$root/proc/swaps" || swapon "$swap"
fi
