#!/bin/sh
# Arms the lease: arm-lease SECONDS. By cloud-init at each boot, before anything else.
#
# Two timers of the monotonic clock, so that no clock that is set matters. spot-tui restarts them at
# each visit. When the first is over the node is shut down in good order; when the second is, five
# minutes later, by force: a unit that hangs may hold up a shutdown for half an hour. EC2 terminates
# an instance that shuts itself down. Nothing here needs a network, Docker, or rights at AWS.
units=/etc/systemd/system
# The name, when it is over, and what ends the instance then.
arm() {
  cat >"$units/$1.timer" <<END
[Unit]
Description=Ends this instance unless spot-tui renews its lease
DefaultDependencies=no
[Timer]
OnActiveSec=$2s
AccuracySec=30s
END
  cat >"$units/$1.service" <<END
[Unit]
Description=The lease of this instance is over
DefaultDependencies=no
SuccessAction=$3
FailureAction=poweroff-force
JobTimeoutSec=2min
JobTimeoutAction=poweroff-force
[Service]
Type=oneshot
TimeoutStartSec=90s
ExecStart=-$4
END
}
arm spot-tui-lease "$1" poweroff "/usr/bin/timeout 60 /usr/bin/systemctl stop bacalhau.service"
arm spot-tui-lease-force "$(($1 + 300))" poweroff-force /usr/bin/true
# A kernel that gave up would stand there for ever.
sysctl --quiet --write kernel.panic=10
systemctl daemon-reload
# Not waited for: at this point of a boot nothing that is started is ready before we are.
systemctl start --no-block spot-tui-lease.timer spot-tui-lease-force.timer
