#!/bin/sh
# Puts the sensor's settings and its identity into /opt/sensor/config.
#
#   INSTANCE_ID=... generate_sensor_config.sh
#
# An identity that came with the upload wins; else one is derived from the instance id.
set -eu
umask 022

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
readonly uploaded=/opt/uploaded_files
readonly target=/opt/sensor/config

# put SOURCE NAME: a half-written file is never under the final name.
put() {
  cp "$1" "$target/$2.new"
  chmod 0644 "$target/$2.new"
  mv -f "$target/$2.new" "$target/$2"
}

put "$uploaded/config/sensor-config.yaml" sensor-config.yaml

if [ -s "$uploaded/node_identity.json" ]; then
  put "$uploaded/node_identity.json" node_identity.json
  echo "the sensor has the identity that came with the upload"
else
  "$here/generate_node_identity.sh" "${INSTANCE_ID:?}" >"$target/node_identity.json.new"
  mv -f "$target/node_identity.json.new" "$target/node_identity.json"
  echo "the sensor has an identity derived from the instance id"
fi
