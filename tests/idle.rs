//! A machine that stops by itself: `instance/idle-stop.sh` on a made-up machine, held to a script in
//! Python that reads the same curves and was written from what is promised alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::machine::Root;
use crate::support::moto::python;

const PROGRAM: &str = "/usr/local/sbin/spot-tui-idle";
const AFTER_S: u32 = 12 * 3600;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A machine with the program, and a shell that asks it: nothing of it reaches this one, for in there
/// `systemctl` and `wall` only record that they were called.
fn machine() -> Root {
    let root = Root::new();
    let text = fs::read_to_string(project("instance/idle-stop.sh")).unwrap();
    root.write(PROGRAM, 0o755, &text);
    let wall = "#!/bin/sh\necho \"wall $*\" >>/var/calls\n";
    root.write("/usr/local/bin/wall", 0o755, wall);
    for folder in ["/proc/70", "/proc/77", "/var/lib/spot-tui"] {
        fs::create_dir_all(root.path(folder)).unwrap();
    }
    root.write("/proc/70/stat", 0o444, &line_of(70, "sshd-session", 1));
    root
}

/// What Linux tells of a process without a terminal, as old as the machine (proc_pid_stat(5)).
fn line_of(pid: u32, name: &str, parent: u32) -> String {
    format!("{pid} ({name}) S {parent} {pid} {pid} 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1\n")
}

fn run(root: &Root, words: &[&str]) -> String {
    let command: Vec<&str> = [PROGRAM].iter().chain(words).copied().collect();
    let output = root.run(&command);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complained.is_empty(), "{words:?}: {said}{complained}");
    said
}

/// One week, played and reckoned; the number of stops.
fn week(seed: u32, after_s: u32) -> usize {
    let root = machine();
    run(&root, &["install", &after_s.to_string(), "5"]);
    let folder = tempfile::tempdir().unwrap();
    let reckoned = Command::new(python())
        .arg(project("tests/idle/week.py"))
        .args([seed.to_string(), after_s.to_string(), "5".into()])
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(reckoned.success());
    let expected = fs::read_to_string(folder.path().join("expected")).unwrap();
    fs::copy(folder.path().join("looks"), root.path("/looks")).unwrap();
    fs::copy(project("tests/idle/drive.sh"), root.path("/drive.sh")).unwrap();
    let played = root.run(&["sh", "/drive.sh", "/looks"]);
    let said = String::from_utf8_lossy(&played.stdout).into_owned();
    assert_eq!(said, expected, "{seed}: {}", String::from_utf8_lossy(&played.stderr));
    expected.lines().filter(|line| line.ends_with("stops")).count()
}

#[test]
fn a_week_of_curves_stops_it_exactly_where_they_say() {
    // Among them a warning after which somebody came.
    assert_eq!(week(3, AFTER_S), 3);
}

#[test]
#[ignore = "make sweep"]
fn eight_weeks_of_curves_stop_it_exactly_where_they_say() {
    let stops: usize = (10..18).map(|seed| week(seed, [AFTER_S, 3600][(seed % 2) as usize])).sum();
    assert!(stops > 20, "{stops}");
}

#[test]
fn it_is_put_there_told_of_and_taken_away() {
    let root = machine();
    let status = || serde_json::from_str::<Value>(&run(&root, &["status"])).unwrap();
    assert_eq!(status(), Value::Null);
    run(&root, &["install", "43200", "5"]);
    let calls = root.calls().join("\n");
    assert!(calls.contains("systemctl enable --quiet --now spot-tui-idle.timer"), "{calls}");
    assert!(root.read("/etc/systemd/system/spot-tui-idle.service").contains(PROGRAM));

    // Two looks a minute apart, and nothing in between.
    root.write("/proc/stat", 0o644, "cpu  100 0 0 900 0 0 0 0 0 0\n");
    run(&root, &["look"]);
    root.write("/proc/stat", 0o644, "cpu  100 0 0 12900 0 0 0 0 0 0\n");
    root.write("/proc/uptime", 0o644, "183.45 7.00\n");
    run(&root, &["look"]);
    let now = status();
    assert_eq!((&now["after_s"], &now["idle_s"]), (&43200.into(), &60.into()), "{now}");
    assert_eq!((&now["is_held"], &now["stops_at"]), (&false.into(), &Value::Null), "{now}");

    run(&root, &["awake", "3600"]);
    let held = status();
    assert!(
        held["is_held"] == true && held["held_until"].as_i64().unwrap() > 1_700_000_000,
        "{held}"
    );
    run(&root, &["awake", "0"]);
    assert_eq!(status()["is_held"], false);
    root.write("/var/lib/spot-tui/keep-awake", 0o644, "");
    assert_eq!((&status()["is_held"], &status()["held_until"]), (&true.into(), &Value::Null));

    run(&root, &["remove"]);
    assert_eq!(status(), Value::Null);
    assert!(!root.path("/etc/systemd/system/spot-tui-idle.timer").exists());
    assert!(!root.calls().join("\n").contains("poweroff"));
}

#[test]
fn node_status_tells_of_it() {
    let root = machine();
    root.upload(&[]);
    let status = |root: &Root| -> Value {
        let output = root.run(&["sh", "/tmp/uploaded_files/scripts/node-status"]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(status(&root)["idle"], Value::Null);
    run(&root, &["install", "3600", "5"]);
    assert_eq!(status(&root)["idle"]["after_s"], 3600);
}
