//! The unit that `keep --print-unit` prints, under a real user manager of systemd: started, watched,
//! killed, hung, wrong, stopped. The cloud that it keeps a fleet in is the demo's, on the same machine.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::tempdir;

use super::PATIENCE;
use super::node::Machine;
use crate::support::root::run;

const UNIT: &str = "spot-tui-keep.service";
const ENDPOINT: &str = "http://127.0.0.1:4566";
/// In the shell of whoever logs in: where its manager listens.
const USER: &str = "export XDG_RUNTIME_DIR=/run/user/$(id -u);";
/// `WatchdogSec` of the unit, and some.
const WATCHED: Duration = Duration::from_secs(150);
const CLOUD: &str = "\
[Service]
ExecStart=/usr/local/bin/spot-tui demo-cloud --listen 127.0.0.1:4566
StandardOutput=file:%h/cloud.json
";

/// A property of the unit.
fn property(machine: &Machine, name: &str) -> String {
    machine.told(&format!("{USER} systemctl --user show -P {name} {UNIT}"))
}

fn restarts(machine: &Machine) -> u32 {
    property(machine, "NRestarts").parse().unwrap()
}

/// Waits until it was restarted so often and is up again.
fn wait_for_restart(machine: &Machine, times: u32) {
    let begun = Instant::now();
    while restarts(machine) < times || property(machine, "ActiveState") != "active" {
        assert!(begun.elapsed() < PATIENCE, "{}", journal(machine));
        thread::sleep(Duration::from_secs(2));
    }
    println!("restart {times} after {} s", begun.elapsed().as_secs());
    assert_eq!(restarts(machine), times);
}

fn journal(machine: &Machine) -> String {
    machine
        .told(&format!("sudo journalctl --no-pager _SYSTEMD_USER_UNIT={UNIT} + USER_UNIT={UNIT}"))
}

/// Instances that are there, by the cloud's own word.
fn alive(machine: &Machine) -> String {
    machine.told(
        "cd fleet && spot-tui --endpoint-url http://127.0.0.1:4566 --read-only list --json \
        | jq -r '.[] | select(.state == \"running\" or .state == \"pending\") | .id'",
    )
}

fn wait_for_fleet(machine: &Machine) -> String {
    let begun = Instant::now();
    loop {
        let alive = alive(machine);
        if !alive.is_empty() {
            return alive;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", journal(machine));
        thread::sleep(Duration::from_secs(2));
    }
}

/// The program, the demo's cloud and a configuration on it.
fn furnish(machine: &Machine) {
    let folder = tempdir().unwrap();
    let program = folder.path().join("spot-tui");
    let mut strip = Command::new("strip");
    run(strip.arg("-o").arg(&program).arg(env!("CARGO_BIN_EXE_spot-tui")));
    machine.put("spot-tui", "755", fs::read(&program).unwrap());
    machine.told("sudo mv spot-tui /usr/local/bin/ && sudo loginctl enable-linger ubuntu");
    machine.told("mkdir -p .config/systemd/user .aws fleet && ssh-keygen -q -t ed25519 -N '' -f .ssh/id_ed25519");
    machine.put(".config/systemd/user/cloud.service", "644", CLOUD);
    machine.put(
        ".aws/credentials",
        "600",
        "[default]\naws_access_key_id=a\naws_secret_access_key=b\n",
    );
    machine.wait_until(&format!("{USER} systemctl --user start cloud && test -s cloud.json"));
    let port = machine.told("jq .ssh_port cloud.json");
    let config = format!(
        "regions:\n  - us-west-2: {{ machine_type: t3.medium }}\nssh: {{ port: {port} }}\n"
    );
    machine.put("fleet/config.yaml", "644", config);
    machine.told(&format!(
        "cd fleet && spot-tui --endpoint-url {ENDPOINT} keep --print-unit >~/.config/systemd/user/{UNIT}"
    ));
}

#[test]
#[ignore = "boots an emulated machine and lets a watchdog bite, some twenty minutes: make test-node"]
fn the_printed_unit_keeps_a_fleet_under_systemd() {
    let machine = Machine::boot("i-0keeper", |_| {});
    machine.wait_until_up();
    furnish(&machine);

    // Returns when the keeper has said that it is ready: `Type=notify`.
    let started = machine.ask(
        &format!("{USER} systemctl --user daemon-reload && systemctl --user enable --now {UNIT}"),
        "",
    );
    started.unwrap_or_else(|said| panic!("{said}\n{}", journal(&machine)));
    println!("status: {}", property(&machine, "StatusText"));
    // It is ready to hold the count before it holds it.
    let first = wait_for_fleet(&machine);
    assert!(first.starts_with("i-") && first.lines().count() == 1, "{first}");

    // It tells the watchdog that it lives.
    thread::sleep(WATCHED);
    assert_eq!((restarts(&machine), property(&machine, "ActiveState").as_str()), (0, "active"));

    let signal = |name: &str| {
        machine.told(&format!("{USER} kill -{name} $(systemctl --user show -P MainPID {UNIT})"))
    };
    signal("STOP");
    wait_for_restart(&machine, 1);
    assert!(journal(&machine).contains("Watchdog timeout"), "{}", journal(&machine));
    signal("KILL");
    wait_for_restart(&machine, 2);
    assert_eq!(alive(&machine), first, "two restarts later it is the same fleet");

    // What is wrong is not tried again.
    machine.told("cp fleet/config.yaml right && echo 'colour: red' >>fleet/config.yaml");
    machine.ask(&format!("{USER} systemctl --user restart {UNIT}"), "").unwrap_err();
    thread::sleep(Duration::from_secs(20));
    assert_eq!(property(&machine, "ExecMainStatus"), "2");
    assert_eq!(property(&machine, "ActiveState"), "failed", "{}", journal(&machine));
    machine.told("mv right fleet/config.yaml");

    machine.told(&format!("{USER} systemctl --user start {UNIT} && systemctl --user stop {UNIT}"));
    assert_eq!(property(&machine, "Result"), "success", "told to leave, it answers with 130");
    assert_eq!(property(&machine, "ExecMainStatus"), "130");
    assert_eq!(alive(&machine), first, "the fleet goes on");
    println!("{}", journal(&machine));
}
