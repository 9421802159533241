#!/bin/sh
# Turns an instance that has booted and received its files into a Bacalhau node.
#
#   deploy_services.sh [--user NAME] [--instance-id ID] [--region REGION] [--deployment ID]
#     [--bacalhau-image IMAGE] [--sensor-image IMAGE] [--start]
#
# Runs as root, as often as one likes: a second run ends in the same state. Each step is logged with
# its time and result to /opt/deployment.log and to standard output; the first failure ends the run
# with that step's exit code (config/exit-codes). Nothing that it prints holds a secret.
umask 022

readonly upload=/tmp/uploaded_files
readonly home=/opt/uploaded_files
readonly node=/bacalhau_node
readonly log=/opt/deployment.log
readonly lock=/run/spot-tui-deployment
# In rounds of half a minute, so that something is said meanwhile and a cut connection is noticed.
readonly cloud_init_rounds=30
readonly additional_commands_limit=900
# How long what a command left behind, such as a `tee`, may still pass on the command's last lines.
readonly last_lines_limit=2
# What ends the relaying of an output. No command knows it.
readonly end_mark="this output ends here ($$)"

now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

# Readable for root, and for the group that reads logs where the image has it.
open_log() {
  touch "$log" && chmod 0640 "$log" || return 1
  chgrp adm "$log" 2>/dev/null || true
}

say() {
  line="$(now) $*"
  printf '%s\n' "$line"
  printf '%s\n' "$line" >>"$log"
}

# Ends the run with a code, and with the reason as the last words of the log.
fail() {
  code=$1
  shift
  say "ERROR $*"
  say "END exit=$code"
  exit "$code"
}

# refuse CODE REASON: like fail, before there may be a log.
refuse() {
  printf '%s ERROR %s\n' "$(now)" "$2" >&2
  exit "$1"
}

# step NAME FUNCTION: runs it, and logs when it began and how long it took.
step() {
  say "STEP $1"
  began=$(date +%s)
  "$2"
  say "OK $1 ($(($(date +%s) - began)) s)"
}

# Logs a command's output line by line, and returns the command's result. Its end is the end,
# whatever it leaves behind: a process that keeps its output open for ever holds up nobody. All in a
# subshell, so that a signal is heeded when the command is over.
relay() (
  pipe=$lock/output
  rm -f "$pipe"
  mkfifo -m 0600 "$pipe" || exit 1
  follow <"$pipe" 3<&0 &
  follower=$!
  "$@" >"$pipe" 2>&1 </dev/null
  ended_with=$?
  # Mostly the follower has read to the end by now. Opened to read as well, for otherwise this would
  # wait for a reader that may be gone.
  { sleep "$last_lines_limit" && printf '%s\n' "$end_mark" 1<>"$pipe"; } >/dev/null 2>&1 </dev/null &
  marker=$!
  wait "$follower"
  { kill "$marker" && wait "$marker"; } 2>/dev/null
  exit "$ended_with"
)

# Logs what comes in, marked so that it cannot be taken for a step of ours, until nobody writes any
# more or the end is marked.
follow() {
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      *"$end_mark")
        line=${line%"$end_mark"}
        [ -z "$line" ] || say "| $line"
        # Whoever still writes is read on, unheard: a broken pipe would end it.
        cat <&3 3<&- >/dev/null 2>&1 &
        return
        ;;
    esac
    say "| $line"
  done
}

read_arguments() {
  user=ubuntu instance_id='' region='' deployment='' bacalhau_image='' sensor_image='' start=no
  while [ $# -gt 0 ]; do
    case $1 in
      --start) start=yes; shift; continue ;;
      --user | --instance-id | --region | --deployment | --bacalhau-image | --sensor-image) ;;
      *) refuse 64 "unknown argument: $1" ;;
    esac
    [ $# -ge 2 ] || refuse 64 "$1 needs a value"
    case $1=$2 in
      *= | *=-*) refuse 64 "$1 has an impossible value" ;;
      *-image=*[!A-Za-z0-9._/:@-]*) refuse 64 "$1 has an impossible value" ;;
      *-image=*) ;;
      *=*[!A-Za-z0-9._-]*) refuse 64 "$1 has an impossible value" ;;
    esac
    case $1 in
      --user) user=$2 ;;
      --instance-id) instance_id=$2 ;;
      --region) region=$2 ;;
      --deployment) deployment=$2 ;;
      --bacalhau-image) bacalhau_image=$2 ;;
      --sensor-image) sensor_image=$2 ;;
    esac
    shift 2
  done
  id -u "$user" >/dev/null 2>&1 || refuse 65 "there is no user $user"
}

# A folder is the lock: making one succeeds for one process only. A lock whose owner is gone, after
# a cut connection or a reboot, is taken over.
take_lock() {
  mkdir -p "${lock%/*}"
  if ! mkdir "$lock" 2>/dev/null; then
    owner=$(cat "$lock/pid" 2>/dev/null)
    if [ -n "$owner" ] && kill -0 "$owner" 2>/dev/null; then
      refuse 67 "another deployment is running (process $owner)"
    fi
  fi
  echo "$$" >"$lock/pid"
  trap 'rm -rf "$lock"' EXIT
  trap 'fail 129 "interrupted: the connection was closed"' HUP
  trap 'fail 143 "interrupted: told to stop"' TERM INT
}

wait_for_cloud_init() {
  if ! command -v cloud-init >/dev/null 2>&1; then
    say "cloud-init is not on this image: nothing to wait for"
    return
  fi
  round=1
  while [ "$round" -le "$cloud_init_rounds" ]; do
    timeout 30 cloud-init status --wait >/dev/null 2>&1
    result=$?
    case $result in
      0) return ;;
      2)
        say "WARNING cloud-init finished with recoverable errors"
        return
        ;;
      # busybox reports the signal, coreutils a code of its own.
      124 | 143) say "cloud-init is still running ($((round * 30)) s)" ;;
      *)
        relay timeout 10 cloud-init status --long
        fail 70 "cloud-init reported an error"
        ;;
    esac
    round=$((round + 1))
  done
  fail 71 "cloud-init did not finish within $((cloud_init_rounds * 30)) s"
}

check_tools() {
  for tool in docker curl systemctl awk sha256sum timeout; do
    command -v "$tool" >/dev/null 2>&1 || fail 72 "$tool is not installed"
  done
  timeout 30 docker compose version >/dev/null 2>&1 || fail 72 "docker compose is not installed"
}

# The upload goes to its final place as a whole, folder by folder. Without an upload, what an
# earlier run put there is used again.
place_files() {
  if [ -L "$upload" ]; then
    fail 80 "$upload is a link"
  fi
  if [ -d "$upload" ]; then
    source=$upload
  else
    say "nothing new was uploaded"
    source=$home
  fi
  for path in scripts/deploy_services.sh config/images.env config/sensor-config.yaml node_identity.json; do
    [ -f "$source/$path" ] || fail 80 "$source/$path is missing"
  done
  if [ "$source" = "$upload" ]; then
    mkdir -p "$home" "$upload/files" "$upload/units" || fail 81 "$home could not be made"
    for folder in scripts config files units; do
      replace_folder "$folder" || fail 81 "$home/$folder could not be written"
    done
    cp "$upload/node_identity.json" "$home/" || fail 81 "$home/node_identity.json could not be written"
    rm -rf "$upload"
  fi
  set_owners || fail 81 "owners and modes under $home could not be set"
}

replace_folder() {
  rm -rf "$home/$1.new" &&
    cp -pR "$upload/$1" "$home/$1.new" &&
    rm -rf "${home:?}/$1" &&
    mv "$home/$1.new" "$home/$1"
}

# Root runs scripts and reads config, so nobody else may write them. The user's files are theirs,
# with the modes that they gave them; the credentials are root's alone.
set_owners() {
  chown -R root:root "$home/scripts" "$home/config" "$home/units" &&
    chmod -R go-w "$home/scripts" "$home/config" "$home/units" &&
    chmod 0755 "$home" "$home/scripts" "$home/config" "$home/units" &&
    chown -R "$user" "$home/files" &&
    chmod 0700 "$home/files" || return 1
  for credential in "$home/files/orchestrator_endpoint" "$home/files/orchestrator_token"; do
    [ -f "$credential" ] || continue
    chown root:root "$credential" && chmod 0600 "$credential" || return 1
  done
}

make_folder() { mkdir -p "$2" && chown root:root "$2" && chmod "$1" "$2"; }

make_folders() {
  for folder in /opt/sensor /opt/sensor/config /opt/sensor/data /opt/sensor/logs /opt/sensor/exports; do
    make_folder 0755 "$folder" || fail 83 "$folder could not be made"
  done
  for folder in "$node" /bacalhau_data; do
    make_folder 0700 "$folder" || fail 83 "$folder could not be made"
  done
}

# What the units must know about this instance, each value checked: it comes from the network.
write_facts() {
  imds=$home/scripts/imds
  [ -n "$instance_id" ] || instance_id=$("$imds" instance-id) || instance_id=
  case $instance_id in
    i-*[!0-9a-z]* | i- | i) instance_id= ;;
    i-*) ;;
    *) instance_id= ;;
  esac
  [ -n "$instance_id" ] || fail 82 "the instance id is not known"
  [ -n "$region" ] || region=$(word_of placement/region)
  if ! facts >"$node/node.env.new" || ! mv -f "$node/node.env.new" "$node/node.env"; then
    fail 83 "$node/node.env could not be written"
  fi
}

facts() {
  echo "INSTANCE_ID=$instance_id"
  echo "REGION=$region"
  echo "ZONE=$(word_of placement/availability-zone)"
  echo "INSTANCE_TYPE=$(word_of instance-type)"
  echo "DEPLOYMENT=$deployment"
  # These come after those of images.env, and win.
  [ -z "$bacalhau_image" ] || echo "BACALHAU_IMAGE=$bacalhau_image"
  [ -z "$sensor_image" ] || echo "SENSOR_IMAGE=$sensor_image"
  # What node-status has to find from now on.
  for credential in orchestrator_endpoint orchestrator_token; do
    [ ! -s "$home/files/$credential" ] || echo "$credential=deployed"
  done
}

# A metadata value, or nothing where it is not a plain word.
word_of() {
  value=$("$imds" "$1") || value=
  case $value in
    *[!A-Za-z0-9._-]*) ;;
    *) printf '%s' "$value" ;;
  esac
}

configure_bacalhau() {
  with_facts generate_bacalhau_config.sh || fail 84 "$node/config.yaml could not be written"
}

configure_sensor() {
  with_facts generate_sensor_config.sh || fail 85 "/opt/sensor/config could not be written"
}

with_facts() {
  # The file holds words only: write_facts saw to that.
  # shellcheck disable=SC2046
  relay env $(cat "$node/node.env") "$home/scripts/$1"
}

install_unit() {
  target=/etc/systemd/system/${1##*/}
  cp "$1" "$target" && chown root:root "$target" && chmod 0644 "$target"
}

# Ours, and those that the user added.
all_units() {
  for unit in "$home"/scripts/*.service "$home"/units/*; do
    [ ! -f "$unit" ] || echo "$unit"
  done
}

install_units() {
  for unit in $(all_units); do
    install_unit "$unit" || fail 86 "${unit##*/} could not be installed"
  done
  relay systemctl daemon-reload || fail 86 "systemd could not read the units"
}

enable_units() {
  set --
  for unit in $(all_units); do
    set -- "$@" "${unit##*/}"
  done
  relay systemctl enable "$@" || fail 87 "the units could not be enabled"
  if [ "$start" = yes ]; then
    # Images are pulled at the first start: nobody waits for it here.
    relay systemctl start --no-block "$@" || fail 87 "the units could not be started"
  fi
}

# Once on a node, as the configuration promises: a mark is left behind when they succeed.
run_additional_commands() {
  commands=$home/scripts/additional_commands.sh
  mark=$home/additional_commands.done
  if [ ! -f "$commands" ]; then
    say "there are no additional commands"
    return
  fi
  if [ -e "$mark" ]; then
    say "the additional commands ran before"
    return
  fi
  chmod 0700 "$commands"
  relay timeout "$additional_commands_limit" "$commands"
  result=$?
  case $result in
    0) now >"$mark" ;;
    124 | 143) fail 89 "the additional commands did not end within $additional_commands_limit s" ;;
    *) fail 88 "the additional commands ended with $result" ;;
  esac
}

main() {
  read_arguments "$@"
  [ "$(id -u)" -eq 0 ] || refuse 66 "root is needed"
  take_lock
  open_log || refuse 83 "$log could not be written"
  say "BEGIN deployment for user $user"
  step cloud-init wait_for_cloud_init
  step tools check_tools
  step bundle place_files
  step folders make_folders
  step facts write_facts
  step bacalhau-config configure_bacalhau
  step sensor-config configure_sensor
  step units install_units
  step enable enable_units
  step additional-commands run_additional_commands
  say "END exit=0"
}

# On the last line, so that the shell has read all of it before the file moves away.
main "$@"
