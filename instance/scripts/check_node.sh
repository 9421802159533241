#!/bin/sh
# Run at each boot by bacalhau-startup.service: is all in place that the services build on?
# Prints what is missing and fails; systemd tries again.

say() { printf '%s\n' "$*"; }

missing=0
for path in /bacalhau_node/node.env /opt/uploaded_files/config/images.env /bacalhau_data \
  /opt/sensor/config /opt/sensor/data /opt/sensor/logs /opt/sensor/exports; do
  [ -e "$path" ] || { say "missing: $path"; missing=1; }
done
timeout 60 docker info >/dev/null 2>&1 || { say "the Docker daemon does not answer"; missing=1; }
timeout 30 docker compose version >/dev/null 2>&1 || { say "docker compose is missing"; missing=1; }

free_kb=$(df -P -k / | awk 'NR == 2 { print $4 }')
[ "${free_kb:-0}" -ge 1048576 ] || say "less than 1 GiB is free on /"

[ "$missing" -eq 0 ] && say "the node is complete"
exit "$missing"
