#!/bin/sh
# Plays a week before spot-tui-idle: drive.sh LOOKS prints what it did at which look.
while read -r uptime busy rest who held booted; do
    number=$((number + 1))
    if [ "$booted" = 1 ]; then
        rm -f /run/spot-tui-idle
        worked=1000 rested=1000
    fi
    worked=$((worked + busy)) rested=$((rested + rest))
    echo "$uptime.50 7.00" >/proc/uptime
    echo "cpu  $worked 0 0 $rested 0 0 0 0 0 0" >/proc/stat
    # A shell has a terminal; what runs without one is told by its age, in hundredths since the boot.
    case $who in
        nobody) rm -f /proc/77/stat ;;
        shell) echo "77 (bash) S 70 77 77 34816 77 0 0 0 0 0 0 0 0 0 20 0 1 0 $((uptime * 100))" >/proc/77/stat ;;
        brief) echo "77 (node (x) y) S 70 77 77 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 $((uptime * 100 - 5900))" >/proc/77/stat ;;
        long) echo "77 (sh) S 70 77 77 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 $((uptime * 100 - 6200))" >/proc/77/stat ;;
    esac
    case $held in
        nothing) rm -f /var/lib/spot-tui/keep-awake ;;
        always) : >/var/lib/spot-tui/keep-awake ;;
        future) echo 9999999999 >/var/lib/spot-tui/keep-awake ;;
        past) echo 1 >/var/lib/spot-tui/keep-awake ;;
    esac
    : >/var/calls
    spot-tui-idle look >/var/said || exit
    while read -r program words; do
        case $program:$words in
            wall:*"stops in 10 minutes"*) echo "$number warns" ;;
            wall:*"is not stopped"*) echo "$number keeps" ;;
            systemctl:poweroff) echo "$number stops" ;;
        esac
    done </var/calls
done <"$1"
