#!/bin/sh
# Unpacks systemd and cloud-init, with all that they depend on, into a root of their own, so that
# units and user-data can be checked without installing anything:
#
#   make-lint-root.sh FOLDER
#
# Nothing is configured and no maintainer's script is run. Needs root and apt; takes half a minute,
# once.
set -eu

folder=$1
apt-cache show systemd >/dev/null 2>&1 || apt-get update
rm -rf "$folder.new"
mkdir -p "$folder.new/packages"
trap 'rm -rf "$folder.new"' EXIT
cd "$folder.new/packages"
# `apt-cache depends` names each package at the beginning of a line, and virtual ones in brackets.
apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
  --no-replaces --no-enhances systemd cloud-init | sed -n 's/^\([a-z0-9][a-z0-9.+-]*\)$/\1/p' | sort -u |
  xargs apt-cache show --no-all-versions 2>/dev/null | sed -n 's/^Package: //p' | sort -u |
  xargs apt-get download --quiet
for package in *.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder.new" --keep-directory-symlink
done
cd /
rm -r "$folder.new/packages"
mkdir -p "$folder.new/proc" "$folder.new/dev" "$folder.new/tmp" "$folder.new/run"
mknod -m 666 "$folder.new/dev/null" c 1 3
mknod -m 666 "$folder.new/dev/urandom" c 1 9
mv "$folder.new" "$folder"
