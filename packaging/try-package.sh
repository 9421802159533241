#!/bin/sh
# Installs a package of ours in a Debian root that is made for it, and lets the demo run there:
#
#   try-package.sh PACKAGE.deb FOLDER
#
# Needs root and a mirror of Debian. Nothing is installed on this machine, and FOLDER goes afterwards.
set -eu

package=$(readlink -f "$1")
mkdir -p "$2"
folder=$(cd "$2" && pwd)
trap 'rm -rf "$folder"' EXIT

debootstrap --variant=minbase bookworm "$folder" >"$folder.log" || {
  tail -n 20 "$folder.log" >&2
  exit 1
}
rm "$folder.log"
cp "$package" "$folder/tmp/spot-tui.deb"

within() {
  chroot "$folder" /usr/bin/env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8 "$@"
}

within dpkg --install /tmp/spot-tui.deb
within dpkg --verify spot-tui
within spot-tui --version
within spot-tui --demo --preload 3 list
within spot-tui --demo --speed 60 create --region us-west-2=1 --yes --quiet
within test -e /usr/share/man/man1/spot-tui.1.gz
within bash -c 'source /usr/share/bash-completion/completions/spot-tui && complete -p spot-tui'
within dpkg --remove spot-tui
if within sh -c 'command -v spot-tui'; then
  echo "try-package.sh: the program is still there" >&2
  exit 1
fi
echo "the package works in a fresh root, and goes without a trace"
