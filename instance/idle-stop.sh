#!/bin/sh
# Stops a machine on which nothing goes on. It does so by itself: it needs no right at AWS, and nobody
# who watches. An instance whose system powers off is stopped, and costs no more than its disks.
#   idle-stop.sh install AFTER_S PERCENT  looks each minute from now on: who was idle so long is stopped
#   idle-stop.sh remove                   does so no more
#   idle-stop.sh awake SECONDS            holds it for so long; 0 lets it go
#   idle-stop.sh look                     what the timer runs
#   idle-stop.sh status                   one JSON object
# Idle is: since the last start, in each of the last AFTER_S seconds, no minute's work of all processors
# together reached PERCENT, nobody had an SSH session open, and nothing held it. A minute that was not
# looked at counts as work. What is kept awake by hand: /var/lib/spot-tui/keep-awake, with the time until
# then in seconds since 1970; an empty one holds until it is removed.
set -eu

program=/usr/local/sbin/spot-tui-idle
units=/etc/systemd/system
settings=/etc/spot-tui/idle
keep_awake=/var/lib/spot-tui/keep-awake
# It goes with each boot, and so begins anew with each start.
state=/run/spot-tui-idle
# How long before the end it is said, in seconds.
warning=600
# A minute, and what a busy timer may be late. Over a longer time the work of a minute is not seen.
longest_gap=90
# Of a session without a terminal, in seconds: those that only look, such as spot-tui, are shorter.
brief=60

install_timer() {
    mkdir -p "${settings%/*}"
    echo "$1 $2" >"$settings"
    cat >"$units/spot-tui-idle.service" <<END
[Unit]
Description=Stops the machine where nothing goes on

[Service]
Type=oneshot
ExecStart=$program look
END
    cat >"$units/spot-tui-idle.timer" <<END
[Unit]
Description=Looks each minute whether anything goes on

[Timer]
OnBootSec=1min
OnUnitActiveSec=1min
AccuracySec=1s

[Install]
WantedBy=timers.target
END
    systemctl daemon-reload
    systemctl enable --quiet --now spot-tui-idle.timer
}

remove_timer() {
    systemctl disable --quiet --now spot-tui-idle.timer 2>/dev/null || :
    rm -rf "$units/spot-tui-idle.service" "$units/spot-tui-idle.timer" "$settings" "$state"
    systemctl daemon-reload
}

hold() {
    mkdir -p "${keep_awake%/*}"
    if [ "$1" -eq 0 ]; then
        rm -f "$keep_awake"
        echo "It is not held any more."
    else
        echo "$(($(date +%s) + $1))" >"$keep_awake.new"
        mv "$keep_awake.new" "$keep_awake"
        echo "It is kept awake for $(($1 / 60)) minutes."
    fi
}

# Whole seconds since the boot: no clock that is set moves them.
read_uptime() {
    read -r now _ </proc/uptime
    now=${now%.*}
}

# What all processors did since the boot, in ticks. One that waits for a disk works; what the host took
# away (steal) would have been work.
read_ticks() {
    read -r _ user nice system idle iowait irq softirq steal _ </proc/stat
    ticks=$((user + nice + system + idle + iowait + irq + softirq + steal))
}

# What the last look left. Nothing of it where this is the first one of this boot.
read_state() {
    last='' last_ticks='' last_idle='' since='' stops_at=''
    if [ -r "$state" ]; then
        read -r last last_ticks last_idle since stops_at <"$state" || :
    fi
}

write_state() {
    echo "$now $ticks $idle $since $stops_at" >"$state.new"
    mv "$state.new" "$state"
}

# Until when it is held by hand: seconds since 1970, `always`, or nothing.
held_until() {
    [ -e "$keep_awake" ] || return 0
    until=''
    read -r until <"$keep_awake" || :
    case $until in
        '' | *[!0-9]*) echo always ;;
        *) [ "$until" -le "$(date +%s)" ] || echo "$until" ;;
    esac
}

# Whether sshd runs anything for somebody. A connection that runs nothing is no session.
has_session() {
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v now="$now" -v brief="$brief" '
        {
            pid = $1
            name = $0
            sub(/^[^(]*\(/, "", name)
            sub(/\)[^)]*$/, "", name)
            rest = $0
            sub(/^.*\) /, "", rest)
            split(rest, field, " ")
            is_sshd[pid] = name ~ /^sshd/
            parent[pid] = field[2]
            terminal[pid] = field[5]
            # In ticks of a hundredth of a second, on every Linux that EC2 runs.
            age[pid] = now - field[20] / 100
        }
        END {
            for (pid in parent)
                if (is_sshd[parent[pid]] && !is_sshd[pid] && (terminal[pid] != 0 || age[pid] > brief))
                    exit 0
            exit 1
        }'
}

# What goes on, in words; nothing where nothing does.
what_goes_on() {
    if [ -z "$last" ]; then
        echo "it has just started"
        return
    fi
    gap=$((now - last))
    if [ "$gap" -le 0 ] || [ "$gap" -gt "$longest_gap" ]; then
        echo "nobody looked for $gap s"
        return
    fi
    spent=$((ticks - last_ticks))
    worked=$((spent - (idle - last_idle)))
    if [ "$spent" -le 0 ] || [ $((worked * 100)) -ge $((percent * spent)) ]; then
        echo "its processors work"
    elif has_session; then
        echo "somebody is logged in"
    elif [ -n "$(held_until)" ]; then
        echo "it is kept awake"
    fi
}

tell() {
    echo "$1"
    # Where there is no wall, the journal has it.
    wall "$1" 2>/dev/null || :
}

look() {
    [ -r "$settings" ] || exit 0
    read -r after percent <"$settings"
    read_uptime
    read_ticks
    read_state
    reason=$(what_goes_on)
    if [ -n "$reason" ]; then
        [ -z "$stops_at" ] || tell "This machine is not stopped: $reason."
        since=$now stops_at=''
        write_state
    elif [ -z "$stops_at" ] && [ $((now - since)) -ge "$after" ]; then
        stops_at=$((now + warning))
        write_state
        tell "This machine stops in $((warning / 60)) minutes: nothing went on for $(((now - since) / 60)) minutes. To keep it: sudo $program awake 3600"
    else
        write_state
        if [ -n "$stops_at" ] && [ "$now" -ge "$stops_at" ]; then
            tell "This machine stops now."
            systemctl poweroff
        fi
    fi
}

or_null() { echo "${1:-null}"; }

# Seconds are those of the clock on the wall, for whoever reads it elsewhere.
status() {
    [ -r "$settings" ] || {
        echo null
        return
    }
    read -r after percent <"$settings"
    read_uptime
    read_state
    wall_clock=$(date +%s)
    held=$(held_until) is_held=false
    [ -z "$held" ] || is_held=true
    [ "$held" != always ] || held=
    [ -z "$since" ] || since=$((now - since))
    [ -z "$stops_at" ] || stops_at=$((wall_clock + stops_at - now))
    printf '{"after_s":%s,"cpu_below":%s,"idle_s":%s,"stops_at":%s,"is_held":%s,"held_until":%s}\n' \
        "$after" "$percent" "$(or_null "$since")" "$(or_null "$stops_at")" "$is_held" \
        "$(or_null "$held")"
}

case ${1-} in
    install) install_timer "$2" "$3" ;;
    remove) remove_timer ;;
    awake) hold "$2" ;;
    look) look ;;
    status) status ;;
    *)
        echo "idle-stop: install, remove, awake, look or status is wanted" >&2
        exit 64
        ;;
esac
