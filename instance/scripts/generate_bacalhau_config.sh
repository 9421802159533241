#!/bin/sh
# Writes the configuration of the Bacalhau compute node.
#
#   INSTANCE_ID=... REGION=... [ZONE=...] [INSTANCE_TYPE=...] [DEPLOYMENT=...]
#     generate_bacalhau_config.sh [CREDENTIALS_DIR [OUTPUT]]
#
# CREDENTIALS_DIR holds orchestrator_endpoint and orchestrator_token. Without an endpoint the node
# starts and joins nothing. The token goes into OUTPUT (mode 0600) and nowhere else: not into an
# argument, not into the environment, not into a message.
set -eu
umask 077

credentials=${1:-/opt/uploaded_files/files}
output=${2:-/bacalhau_node/config.yaml}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

quote() { printf '%s' "$1" | "$here/json-quote"; }

# A file's text without the line ends that editors leave at its end. Empty where there is none.
content() {
  [ -r "$1" ] || return 0
  text=$(cat "$1")
  carriage_return=$(printf '\r')
  printf '%s' "${text%"$carriage_return"}"
}

# nats://HOST:4222 unless the user says otherwise. A bare IPv6 address needs its brackets.
endpoint_url() {
  scheme=nats
  address=$1
  case $address in
    *://*) scheme=${address%%://*} address=${address#*://} ;;
  esac
  address=${address%/}
  case ${address##*]} in
    *:*) ;;
    *) address=$address:4222 ;;
  esac
  printf '%s://%s' "$scheme" "$address"
}

label() { if [ -n "$2" ]; then printf '  %s: %s\n' "$1" "$(quote "$2")"; fi; }

orchestrator() {
  if [ -z "$endpoint" ]; then
    return
  fi
  printf '  Orchestrators: [%s]\n' "$(quote "$(endpoint_url "$endpoint")")"
  case $endpoint in
    tls://* | wss://*) printf '  TLS:\n    RequireTLS: true\n' ;;
  esac
  if [ -n "$token" ]; then
    printf '  Auth:\n    Token: %s\n' "$(quote "$token")"
  fi
}

config() {
  cat <<YAML
# Written by generate_bacalhau_config.sh at each start. Changes are lost.
DataDir: /bacalhau_data
API:
  # Inside the container. The host publishes the port on its loopback address alone.
  Host: 0.0.0.0
  Port: 1234
Orchestrator:
  Enabled: false
DisableAnalytics: true
Compute:
  Enabled: true
YAML
  orchestrator
  cat <<YAML
  AllowListedLocalPaths:
    - /opt/sensor/data:ro
    - /opt/sensor/exports:rw
Labels:
  managed-by: spot-tui
YAML
  label instance-id "${INSTANCE_ID:-}"
  label region "${REGION:-}"
  label zone "${ZONE:-}"
  label instance-type "${INSTANCE_TYPE:-}"
  label deployment "${DEPLOYMENT:-}"
}

endpoint=$(content "$credentials/orchestrator_endpoint" | tr -d '[:space:]')
token=$(content "$credentials/orchestrator_token")

# A half-written file is never under the final name, and a second run writes the same bytes.
config >"$output.new"
chmod 0600 "$output.new"
mv -f "$output.new" "$output"

if [ -z "$endpoint" ]; then
  echo "WARNING: no orchestrator_endpoint: the node starts and joins nothing"
elif [ -z "$token" ]; then
  echo "WARNING: no orchestrator_token: the orchestrator must accept nodes without one"
else
  # A URL may carry a user and a password before its host.
  address=$(endpoint_url "$endpoint")
  echo "the node will join ${address##*@}"
fi
