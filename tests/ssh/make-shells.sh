#!/bin/sh
# Fetches zsh, tcsh and fish, with the libraries that they need, as archives to be unpacked into the
# roots of test hosts:
#
#   make-shells.sh FOLDER
#
# Nothing is installed. Needs apt.
set -eu

folder=$1
apt-cache show zsh >/dev/null 2>&1 || apt-get update
rm -rf "$folder.new"
mkdir -p "$folder.new"
trap 'rm -rf "$folder.new"' EXIT
cd "$folder.new"
apt-get download --quiet zsh zsh-common tcsh fish fish-common \
  libc6 libcap2 libcrypt1 libgcc-s1 libncursesw6 libpcre2-32-0 libstdc++6 libtinfo6
for package in *.deb; do
  dpkg-deb --fsys-tarfile "$package" >"${package%.deb}.tar"
  rm "$package"
done
cd /
rm -rf "$folder"
mv "$folder.new" "$folder"
