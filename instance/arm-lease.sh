#!/bin/sh
# Arms the lease: arm-lease SECONDS. By cloud-init at each boot, before anything else.
#
# Two services that wait, and may wait for so long: systemd counts that from their start, by the
# monotonic clock. No clock that is set matters, nor does `daemon-reload`, with which a timer of
# OnActiveSec= begins anew (systemd, timer.c, timer_coldplug). spot-tui restarts them at each visit.
# When the first one's time is over the node is shut down in good order; when the second one's is,
# five minutes later, by force: a unit that hangs may hold up a shutdown for half an hour. EC2
# terminates an instance that shuts itself down. Nothing here needs a network, Docker, or rights at
# AWS. Whoever kills what waits is given a new term by that; whoever stops it ends the lease.
units=/etc/systemd/system
# The name, how long it may wait, and what comes of it when that is over.
arm() {
  cat >"$units/$1.service" <<END
[Unit]
Description=Ends this instance unless spot-tui renews its lease
DefaultDependencies=no
IgnoreOnIsolate=yes
StartLimitIntervalSec=0
$3
[Service]
Type=exec
ExecStart=/usr/bin/sleep infinity
RuntimeMaxSec=$2s
Restart=on-success
OOMScoreAdjust=-1000
END
}
arm spot-tui-lease-term "$1" OnFailure=spot-tui-lease-over.service
arm spot-tui-lease-last "$(($1 + 300))" FailureAction=poweroff-force
cat >"$units/spot-tui-lease-over.service" <<END
[Unit]
Description=The lease of this instance is over
DefaultDependencies=no
SuccessAction=poweroff
FailureAction=poweroff-force
JobTimeoutSec=2min
JobTimeoutAction=poweroff-force
[Service]
Type=oneshot
TimeoutStartSec=90s
ExecStart=-/usr/bin/timeout 60 /usr/bin/systemctl stop bacalhau.service
END
# A kernel that gave up would stand there for ever.
sysctl --quiet --write kernel.panic=10
systemctl daemon-reload
# Not waited for: at this point of a boot nothing that is started is ready before we are.
systemctl start --no-block spot-tui-lease-term.service spot-tui-lease-last.service
