#!/bin/sh
# Makes what is published of a version: a tarball, a Debian package and their checksums.
#
#   dist.sh BINARY FOLDER
#
# BINARY is the program as `cargo build --release --locked` makes it; FOLDER is made anew. The same
# BINARY at the same commit makes the same bytes, on any day and for any user: names are sorted, owners
# are root, and times are SOURCE_DATE_EPOCH, else the commit's
# (https://reproducible-builds.org/docs/source-date-epoch/).
set -eu
LC_ALL=C
export LC_ALL
umask 022

binary=$(readlink -f "$1")
root=$(cd "$(dirname "$0")/.." && pwd)
rm -rf "$2"
mkdir -p "$2"
folder=$(cd "$2" && pwd)
cd "$root"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
told=$("$binary" --version)
[ "$told" = "spot-tui $version" ] || {
  echo "dist.sh: $binary is \"$told\", and Cargo.toml says $version" >&2
  exit 1
}
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH

machine=$(uname -m)
case $machine in
  x86_64) debian=amd64 ;;
  aarch64) debian=arm64 ;;
  *)
    echo "dist.sh: no name for a $machine in Debian" >&2
    exit 1
    ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A tar whose bytes follow from names and contents alone.
pack() {
  tar --create --sort=name --owner=0 --group=0 --numeric-owner --format=ustar \
    --mtime="@$SOURCE_DATE_EPOCH" --directory="$1" "$2" | gzip --no-name --best
}

# What there is beside the program, as a user unpacks it.
lay_out() {
  mkdir -p "$1/completions" "$1/man" "$1/examples" "$1/schemas"
  for shell in bash zsh fish powershell; do
    "$binary" completions "$shell" >"$1/completions/spot-tui.$shell"
  done
  "$binary" man "$1/man" >/dev/null
  cp README.md CHANGELOG.md LICENSE config.yaml.example "$1"
  cp assets/examples/*.yaml "$1/examples"
  cp assets/*.schema.json "$1/schemas"
  [ ! -d docs ] || cp -R docs "$1/docs"
  python3 packaging/licences.py >"$1/THIRD-PARTY.txt"
}

tarball() {
  name=spot-tui-$version-$machine-linux
  mkdir "$work/tar" "$work/tar/$name"
  cp -R "$work/share/." "$work/tar/$name"
  install -m 755 "$binary" "$work/tar/$name/spot-tui"
  pack "$work/tar" "$name" >"$folder/$name.tar.gz"
}

# The oldest C library that has all the symbols that the program asks for.
libc_version() {
  objdump --dynamic-syms "$binary" 2>/dev/null | sed -n 's/.*GLIBC_\([0-9.]*\).*/\1/p' |
    sort --version-sort | tail -n 1
}

# Debian's own places: https://www.debian.org/doc/debian-policy/
package() {
  tree=$work/deb
  shared=$tree/usr/share
  documents=$shared/doc/spot-tui
  mkdir -p "$tree/DEBIAN" "$tree/usr/bin" "$shared/man/man1" "$documents" \
    "$shared/bash-completion/completions" "$shared/zsh/vendor-completions" \
    "$shared/fish/vendor_completions.d"
  install -m 755 "$binary" "$tree/usr/bin/spot-tui"
  cp "$work/share/completions/spot-tui.bash" "$shared/bash-completion/completions/spot-tui"
  cp "$work/share/completions/spot-tui.zsh" "$shared/zsh/vendor-completions/_spot-tui"
  cp "$work/share/completions/spot-tui.fish" "$shared/fish/vendor_completions.d/spot-tui.fish"
  cp "$work/share/man"/*.1 "$shared/man/man1"
  cp -R "$work/share/README.md" "$work/share/config.yaml.example" "$work/share/examples" \
    "$work/share/schemas" "$work/share/THIRD-PARTY.txt" "$documents"
  [ ! -d docs ] || cp -R "$work/share/docs" "$documents"
  cp CHANGELOG.md "$documents/changelog"
  cp packaging/copyright "$documents/copyright"
  gzip --no-name --best "$shared/man/man1"/*.1 "$documents/changelog" "$documents/THIRD-PARTY.txt"
  control >"$tree/DEBIAN/control"
  (cd "$tree" && find usr -type f | sort | xargs md5sum) >"$tree/DEBIAN/md5sums"
  find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group -Zxz --build "$tree" \
    "$folder/spot-tui_${version}_$debian.deb" >/dev/null
}

control() {
  size=$(du --apparent-size --summarize --block-size=1K "$tree/usr" | cut -f 1)
  libc=$(libc_version)
  cat <<END
Package: spot-tui
Version: $version
Section: net
Priority: optional
Architecture: $debian
Maintainer: spot-tui <maintainers@spot-tui.invalid>
Installed-Size: $size
Depends: libc6${libc:+ (>= $libc)}, libgcc-s1
Recommends: ca-certificates, openssh-client
Description: terminal dashboard for EC2 spot instances in many regions
 Creates, watches and destroys AWS EC2 spot instances in many regions at once
 and turns them into Bacalhau compute nodes. Every action of the dashboard is a
 command as well. "spot-tui --demo" shows it without an account.
END
}

mkdir "$work/share"
lay_out "$work/share"
tarball
package
(cd "$folder" && sha256sum -- *.tar.gz *.deb >SHA256SUMS)
