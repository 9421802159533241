#!/bin/sh
# Makes the disk of the machine that the deployment is proven on, from Debian's packages alone:
#
#   make-disk.sh FOLDER
#
# FOLDER gets disk.img (ext4, no partitions), vmlinuz and initrd. Needs root, debootstrap, busybox
# (static) and e2fsprogs; takes some five minutes, once.
set -eu

mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
folder=$1
root=$folder/root.new

inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }

rm -rf "$root"
mkdir -p "$folder"
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=systemd-sysv,udev,dbus,ca-certificates trixie "$root" "$mirror"

# Nothing starts while packages are installed.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 0755 "$root/usr/sbin/policy-rc.d"
mount -t proc proc "$root/proc"
# An emulated machine of two processors falls over under the newer kernel (QEMU 7.2 without KVM).
echo "deb $mirror bookworm main" >"$root/etc/apt/sources.list.d/kernel.list"
inside apt-get update
# The programs that user-data would install, so that nothing is missing on a machine without a way
# out; a golden AMI is made alike.
inside apt-get install --yes --no-install-recommends \
  btrfs-progs cloud-init curl dbus-user-session docker-cli docker-compose docker.io e2fsprogs git gnupg iproute2 iptables \
  jq libpam-systemd linux-image-cloud-amd64/bookworm lsb-release mdadm openssh-server sudo systemd-resolved unzip wget \
  xfsprogs zstd
inside apt-get clean
umount "$root/proc"
rm "$root/usr/sbin/policy-rc.d"

# The network is systemd's; cloud-init finds its user-data on the disk.
mkdir -p "$root/etc/systemd/network" "$root/etc/cloud/cloud.cfg.d" "$root/var/lib/cloud/seed/nocloud"
printf '[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n' >"$root/etc/systemd/network/machine.network"
printf 'datasource_list: [NoCloud]\nnetwork: {config: disabled}\n' \
  >"$root/etc/cloud/cloud.cfg.d/99-machine.cfg"
echo '/dev/vda / ext4 defaults 0 1' >"$root/etc/fstab"
inside systemctl enable systemd-networkd ssh docker
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/machine-id"
: >"$root/etc/machine-id"

# Containers cannot be pulled: small ones stand under the pinned names.
mkdir -p "$root/usr/local/lib/containers/root/bin"
cp "$(command -v busybox)" "$root/usr/local/lib/containers/root/bin/busybox"
cp "$here/containers/bacalhau" "$here/containers/sensor" "$root/usr/local/lib/containers/root/bin/"
cp "$here/containers/load" "$root/usr/local/lib/containers/load"
cp "$here/containers/load.service" "$root/etc/systemd/system/local-images.service"
cp "$here/../../instance/config/images.env" "$root/usr/local/lib/containers/images.env"
chmod 0755 "$root/usr/local/lib/containers/load" "$root/usr/local/lib/containers/root/bin/"*
inside systemctl enable local-images

cp "$root"/boot/vmlinuz-* "$folder/vmlinuz"
cp "$root"/boot/initrd.img-* "$folder/initrd"
rm -f "$folder/disk.new"
truncate --size 4G "$folder/disk.new"
mke2fs -q -t ext4 -d "$root" "$folder/disk.new"
mv "$folder/disk.new" "$folder/disk.img"
