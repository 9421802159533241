#!/bin/sh
# Puts the sensor's settings and its identity, both of which were uploaded, into
# /opt/sensor/config.
set -eu
umask 022

readonly uploaded=/opt/uploaded_files
readonly target=/opt/sensor/config

# put SOURCE NAME: a half-written file is never under the final name.
put() {
  cp "$1" "$target/$2.new"
  chmod 0644 "$target/$2.new"
  mv -f "$target/$2.new" "$target/$2"
}

[ -s "$uploaded/node_identity.json" ] || { echo "node_identity.json was not uploaded"; exit 1; }
put "$uploaded/config/sensor-config.yaml" sensor-config.yaml
put "$uploaded/node_identity.json" node_identity.json
