#!/bin/sh
# Installs what a node needs and is missing, and nothing else: an image that has all of it boots
# without a network. cloud-init runs it at the first boot, with further packages as arguments.
#
# Docker comes from its own repository. Its key is checked by its whole fingerprint before it
# is trusted, and for this repository alone.
set -eu
export DEBIAN_FRONTEND=noninteractive
readonly fingerprint=9DC858229FC7DD38854AE2D88D81803C0EBFCD88
readonly keys=/etc/apt/keyrings/docker.asc

missing=
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need curl curl
need wget wget
need unzip unzip
need git git
need gpg gnupg
need lsb_release lsb-release
need jq jq
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"
for package in "$@"; do
  dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
docker=
docker compose version >/dev/null 2>&1 ||
  docker="docker-ce docker-ce-cli containerd.io docker-compose-plugin"
[ -n "$missing$docker" ] || { echo "nothing is missing"; exit 0; }

# Another process may be at it: Ubuntu upgrades itself at its first boot.
apt() { apt-get -o DPkg::Lock::Timeout=300 "$@"; }
add() { apt install --yes --no-install-recommends "$@"; }
apt update
# Names of packages: words.
# shellcheck disable=SC2086
[ -z "$missing" ] || add $missing
[ -n "$docker" ] || exit 0
# shellcheck source=/dev/null
. /etc/os-release
mkdir -p /etc/apt/keyrings
curl --fail --silent --show-error --location --retry 5 --output "$keys.new" \
  "https://download.docker.com/linux/$ID/gpg"
found=$(gpg --show-keys --with-colons "$keys.new" | awk -F: '$1 == "pub" { want = 1 } $1 == "fpr" && want { print $10; want = 0 }')
[ "$found" = "$fingerprint" ] || { echo "Docker's key is another one: $found" >&2; exit 1; }
chmod 0644 "$keys.new" && mv "$keys.new" "$keys"
echo "deb [arch=$(dpkg --print-architecture) signed-by=$keys] https://download.docker.com/linux/$ID $VERSION_CODENAME stable" \
  >/etc/apt/sources.list.d/docker.list
apt update
# shellcheck disable=SC2086
add $docker
