#!/bin/sh
# One host of the tests, in a mount namespace of its own: boots it, takes orders, and takes
# everything with it when the test that holds its standard input is gone.
#
#   supervise.sh ROOT UP PAUSE [FOLDER KIB OPTIONS]
#
# Orders, one a line on standard input or, from inside, on /run/orders: up, down, reboot.
# A boot is a PID namespace: no process on it sees or outlives anything of this machine.
set -u
root=$1 pause=$3 running=

if [ $# -eq 6 ]; then
  mkdir -p "$root$4"
  mount -t tmpfs -o "size=$5k,mode=1777,$6" tmpfs "$root$4" || exit 1
fi

up() {
  [ -z "$running" ] || return 0
  cat /proc/sys/kernel/random/uuid >"$root/run/boot_id"
  # sshd is tried again while the port is still held by the boot before. What would reach past
  # the root, the kernel and the network above all, is out of its capabilities.
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount --uts --pid --fork --kill-child=KILL /bin/sh -c '
    mount -t proc -o ro proc "$1/proc" &&
      mount --bind "$1/run/boot_id" "$1/proc/sys/kernel/random/boot_id" || exit 1
    while :; do
      setpriv --bounding-set=-sys_module,-sys_time,-sys_boot,-net_admin,-sys_rawio \
        chroot "$1" /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config
      sleep 0.05
    done' boot "$root" </dev/null >>"$root/var/log/sshd.log" 2>&1 3>&- 4>&- &
  running=$!
}

down() {
  [ -n "$running" ] || return 0
  kill -KILL "$running"
  wait "$running" 2>/dev/null
  running=
}

mkfifo -m 600 "$root/run/orders"
exec 3<>"$root/run/orders" 4<&0
{
  cat <&4 >&3
  echo quit >&3
} &
[ "$2" = up ] && up

while read -r order <&3; do
  case $order in
    up) up ;;
    down) down ;;
    reboot)
      down
      sleep "$pause"
      up
      ;;
    quit)
      down
      exit 0
      ;;
  esac
done
