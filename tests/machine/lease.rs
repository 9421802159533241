//! The lease of a node, under a real systemd: it ends what nobody looks after, and no clock moves it.

use std::thread;
use std::time::Duration;

use spot_tui::jobs::user_data::RENEW_LEASE;

use super::node::Machine;

/// Longer than an emulated boot, in seconds. It is armed before anybody can log in.
const TERM: u64 = 600;
/// How late an emulated machine does what is due, in seconds.
const LATE: u64 = 30;
/// What waits for its end.
const WAITS: &str = "spot-tui-lease-term.service";

/// When its lease is over, in seconds since its boot.
fn due(machine: &Machine) -> u64 {
    let told = |interface: &str, property: &str| {
        let told = machine.told(&format!(
            "busctl get-property org.freedesktop.systemd1 \
             /org/freedesktop/systemd1/unit/spot_2dtui_2dlease_2dterm_2eservice \
             org.freedesktop.systemd1.{interface} {property}"
        ));
        told.strip_prefix("t ").and_then(|it| it.parse::<u64>().ok()).expect(&told)
    };
    let end = told("Unit", "ActiveEnterTimestampMonotonic") + told("Service", "RuntimeMaxUSec");
    end / 1_000_000
}

/// How long it has been up, in seconds.
fn uptime(machine: &Machine) -> u64 {
    let told = machine.told("cut -d. -f1 /proc/uptime");
    told.parse().expect(&told)
}

#[test]
#[ignore = "boots an emulated machine and waits for two leases, some twenty minutes: make test-node"]
fn a_lease_ends_the_node_unless_it_is_renewed_and_no_clock_moves_it() {
    let mut machine = Machine::boot("i-0leased", |inputs| inputs.lease_s = Some(TERM));
    machine.wait_until(&format!("systemctl is-active {WAITS}"));
    let (first, up) = (due(&machine), uptime(&machine));
    println!("up for {up} s, and over at {first} s");
    assert!(first > up && first <= up + TERM, "armed in the boot, for its term");

    for (by, seconds) in [("+1 day", 86_400), ("-3 days", -3 * 86_400)] {
        let clock = || machine.told("date +%s").parse::<i64>().unwrap();
        let before = clock();
        machine.told(&format!("sudo date --set '{by}'"));
        let moved = clock() - before;
        assert!((moved - seconds).abs() < 600, "its clock was to be set by {by}: {moved} s");
        assert_eq!(due(&machine), first, "its clock was set by {moved} s");
    }

    // As whoever installs a package does.
    machine.told("sudo systemctl daemon-reload");
    assert_eq!(due(&machine), first, "systemd was reloaded");
    machine.put("/tmp/node-status", "755", include_str!("../../instance/scripts/node-status"));
    // Without a deployment the rest of it has no answers.
    let status = machine.told("sudo /tmp/node-status");
    let left = status.rsplit_once("\"lease_s\":").unwrap().1.trim_end_matches('}');
    let left: u64 = left.trim().parse().expect(&status);
    assert!((first - uptime(&machine)).abs_diff(left) <= LATE, "node-status: {left}");

    machine.told("sudo pkill -f 'sleep infinity'");
    machine.wait_until(&format!("systemctl is-active {WAITS}"));
    let killed = due(&machine);
    assert!(killed > first, "who is killed waits for a full term");
    let first = killed;

    // Late, so that both terms are seen to their end.
    while uptime(&machine) + 120 < first {
        thread::sleep(Duration::from_secs(10));
    }
    machine.told(RENEW_LEASE);
    let (second, up) = (due(&machine), uptime(&machine));
    println!("renewed at {up} s, over at {second} s");
    assert!(second >= up + TERM - LATE && second > first);
    while uptime(&machine) <= first + 2 * LATE {
        thread::sleep(Duration::from_secs(10));
    }
    assert_eq!(machine.told(&format!("systemctl is-active {WAITS}")), "active");
    println!("alive {} s after the end of its first term", uptime(&machine) - first);

    let left = second - uptime(&machine);
    let took = machine.wait_until_off().as_secs();
    assert!(took + 2 * LATE >= left, "off {took} s later, and its term had {left} s left");
}
