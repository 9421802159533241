#!/bin/sh
# Lets the program run in a root that has what the Dockerfile's last stage has, and nothing else: no
# shell, no package manager, the C library and the authorities of the internet, as a user who is
# nobody's root.
#
#   try-image.sh BINARY FOLDER
#
# Needs root, for chroot alone. The base image itself is not fetched. FOLDER goes afterwards.
set -eu

binary=$(readlink -f "$1")
mkdir -p "$2"
folder=$(cd "$2" && pwd)
trap 'rm -rf "$folder"' EXIT

# What gcr.io/distroless/cc-debian12 has of libraries: those of libc6 and libgcc-s1
# (https://github.com/GoogleContainerTools/distroless/blob/main/cc/README.md).
ldd "$binary" | grep -o '/[^ ]*' | while read -r library; do
  case $(basename "$library") in
    libc.so.6 | libm.so.6 | libgcc_s.so.1 | ld-linux-*) ;;
    *)
      echo "try-image.sh: the image has no $library" >&2
      exit 1
      ;;
  esac
  install -D "$library" "$folder$library"
done
install -D "$binary" "$folder/usr/bin/spot-tui"
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"
install -d -o 65532 -g 65532 "$folder/fleet" "$folder/home/nonroot"
install -d -m 1777 "$folder/tmp"
install -d "$folder/proc" "$folder/dev"

within() {
  env -i PATH="$PATH" HOME=/home/nonroot LANG=C.UTF-8 \
    chroot --userspec=65532:65532 "$folder" /usr/bin/spot-tui "$@"
}

within --version
within --demo --preload 3 list
within --demo --speed 60 create --region us-west-2=1 --yes --quiet
echo "the program works with what its image has"
