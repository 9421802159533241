//! What the commands that look print: `list` as tables, CSV and JSON, by the dashboard's filter and
//! fields; `status`; `events`; and how a question on the terminal is answered.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::slice;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use spot_tui::app::{EventKind, LogLine, kept_line};
use spot_tui::fleet::Level;
use tempfile::TempDir;

use crate::support::demo_cloud::DemoCloud;
use crate::support::schema::{EVENTS, STATUS, assert_list, complaints};
use crate::support::spot::{Ran, Spot};
use crate::support::terminal::Terminal;

/// A demo, the same one each time.
fn demo(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spot-tui"));
    command.current_dir(folder.path()).env_clear().env("HOME", folder.path());
    command.args(["--demo", "--seed", "7"]).args(arguments).stdin(Stdio::null());
    command
}

/// A run of it in which forty instances are there.
fn run(folder: &TempDir, arguments: &[&str]) -> Ran {
    // At the pace of the clock: a list gives prices eight seconds of the demo's time.
    let paced = ["--preload", "40", "--speed", "1"];
    Ran::of(&demo(folder, arguments).args(paced).output().unwrap())
}

/// A column of what `list --output csv` printed.
fn column(ran: &Ran, name: &str) -> Vec<String> {
    let mut lines = ran.out.split_terminator("\r\n").map(|line| line.split(',').collect());
    let head: Vec<&str> = lines.next().unwrap();
    let at = head.iter().position(|field| *field == name).unwrap();
    lines.map(|cells: Vec<&str>| cells[at].to_owned()).collect()
}

#[test]
fn a_list_goes_by_the_dashboards_filter_and_fields() {
    let folder = tempfile::tempdir().unwrap();
    let all = run(&folder, &["list", "--json"]);
    assert_list(&all.out);
    assert_eq!((all.code, all.array().len()), (0, 40), "{}", all.told());
    assert!(all.array().iter().all(|row| row["hourly_usd"].as_f64() > Some(0.0)), "{}", all.out);
    let csv = |arguments: &[&str]| run(&folder, &[&["list", "-o", "csv"], arguments].concat());
    let in_us = csv(&["--filter", "region:us-west -type:large"]);
    let regions = column(&in_us, "region");
    let wanted = all.array().into_iter().filter(|row| {
        let says = |key: &str, word| row[key].as_str().unwrap().contains(word);
        says("region", "us-west") && !says("type", "large")
    });
    assert!(!regions.is_empty() && regions.len() < 40, "{regions:?}");
    assert_eq!(regions.len(), wanted.count(), "{}", in_us.told());
    let west = csv(&["--region", "us-west-2"]);
    assert!(column(&west, "region").iter().all(|it| it == "us-west-2"), "{}", west.told());
    let prices = |arguments| -> Vec<f64> {
        column(&csv(arguments), "hourly")
            .iter()
            .map(|usd| usd.trim_end_matches('+').parse().unwrap())
            .collect()
    };
    let dearest = prices(&["--sort", "$/H"]);
    assert!(dearest.len() == 40 && dearest.is_sorted_by(|a, b| a >= b), "{dearest:?}");
    assert!(prices(&["--sort=-hourly"]).is_sorted(), "the other way round");
    let wrong = run(&folder, &["list", "--sort", "colour"]);
    assert!(wrong.code == 2 && wrong.err.contains("hourly"), "{}", wrong.told());
    let none = run(&folder, &["list", "--filter", "-us -eu -ap -sa -ca"]);
    assert_eq!(none.out, "no such instances in spot-demo\n", "{}", none.told());
}

#[test]
fn a_table_ends_with_what_it_comes_to() {
    let folder = tempfile::tempdir().unwrap();
    let table = run(&folder, &["ls"]);
    let last = table.out.lines().last().unwrap();
    assert!(last.starts_with("40 instances, $") && last.ends_with("/h"), "{}", table.told());
    let wide = run(&folder, &["list", "-o", "wide"]);
    assert!(wide.out.lines().next().unwrap().contains("PRIVATE"), "{}", wide.told());
    let line = run(&folder, &["status", "--refresh"]).out;
    assert!(line.starts_with("spot-demo: 40 instances") && line.contains("/h, "), "{line}");
    let status = run(&folder, &["status", "--refresh", "--json"]);
    let wrong = complaints(STATUS, &[&status.out]);
    assert!(wrong.is_empty(), "{wrong:?} {}", status.told());
    let status: Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(status["instances"], 40);
}

/// Whoever reads is told again what has changed; a reader that goes away, or Ctrl-C, is its end.
#[test]
fn a_watched_list_comes_again_until_nobody_reads() {
    let folder = tempfile::tempdir().unwrap();
    let watching = || {
        let arguments = ["list", "--watch", "--speed", "100", "--preload", "3"];
        demo(&folder, &arguments).stdout(Stdio::piped()).spawn().unwrap()
    };
    let mut child = watching();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let tables = lines.filter(|line| line.starts_with("REGION")).take(2).count();
    assert_eq!(tables, 2, "it was printed again");
    // The pipe is closed by now.
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut child = watching();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_status_asks_nobody_and_says_how_old_it_is() {
    let cloud = DemoCloud::start(&["--no-ssh", "--speed", "30"]);
    let spot = Spot::new(cloud.url());
    let before = spot.run(&["status"]);
    assert_eq!((before.code, before.out.as_str()), (0, "nothing was created here yet\n"));
    let listed = spot.run(&["list"]);
    assert_eq!((listed.code, listed.out), (0, before.out), "no made-up name: {}", listed.err);
    spot.configure_without_hosts("", &["us-west-2"]);
    // Nothing answers there: it fails, and the instance is there.
    spot.run(&["create", "--yes"]);
    drop(cloud);
    let after = spot.run(&["status"]);
    assert_eq!(after.code, 0, "{}", after.told());
    assert!(after.out.starts_with("spot-test: 1 instance, 1 in trouble"), "{}", after.told());
    assert!(after.out.ends_with("s ago\n"), "{}", after.told());
}

#[test]
fn events_are_found_by_the_dashboards_words() {
    let folder = tempfile::tempdir().unwrap();
    let line = |hour: u8, kind, text: &str| LogLine {
        number: 0,
        at: format!("2026-11-28T{hour:02}:00:00Z").parse().unwrap(),
        level: Level::Warning,
        kind,
        about: "us-west-2".to_owned(),
        origin: None,
        text: text.to_owned(),
    };
    let lines = [
        line(1, EventKind::Reclaimed, "taken \u{1b}[2J back"),
        line(2, EventKind::Job, "created"),
        line(3, EventKind::Reclaimed, "again"),
    ];
    let text: Vec<String> = lines.iter().map(|line| kept_line(line).unwrap()).collect();
    let mut file = text.join("\n").into_bytes();
    file.extend(b"\n\xff\n{\"torn\":");
    fs::write(folder.path().join("instances.json.events"), file).unwrap();
    let events = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spot-tui"));
        command.current_dir(folder.path()).env_clear().env("HOME", folder.path());
        Ran::of(&command.arg("events").args(arguments).output().unwrap())
    };
    let found = events(&["kind:reclaimed"]);
    let times: Vec<&str> =
        found.out.lines().filter_map(|it| it.split_once(" [")).map(|it| it.0).collect();
    assert_eq!(times, ["2026-11-28 01:00:00", "2026-11-28 03:00:00"], "{}", found.told());
    assert!(!found.out.contains('\u{1b}'), "{:?}", found.out);
    assert!(events(&["--last", "1", "--", "-again"]).out.ends_with("created\n"));
    let json = events(&["--json", "since:2026-11-28T02:00:00Z"]);
    let lines: Vec<&str> = json.out.lines().collect();
    assert_eq!((lines.len(), complaints(EVENTS, &lines).len()), (2, 0), "{}", json.told());
    let none = events(&["kind:host-key"]);
    assert!(none.code == 0 && none.err.contains("no such event"), "{}", none.told());
}

/// A no is said to be one, and is the end: nothing is done, and the shell is told.
#[test]
fn a_no_says_so_and_ends_with_130() {
    let cloud = DemoCloud::start(&["--no-ssh"]);
    let spot = Spot::new(cloud.url());
    spot.configure_without_hosts("", &["us-west-2"]);
    for answer in ["n\r", "\r", "\u{4}"] {
        let mut command = spot.on_terminal();
        command.arg("create");
        let mut terminal = Terminal::start(command, (100, 30));
        terminal.wait_for("Create these instances? [y/N]");
        terminal.press(answer);
        let text = terminal.wait_for("declined: nothing was changed");
        assert!(!text.contains("alive in"), "there is nothing to sum up: {text}");
        assert_eq!(terminal.end().exit_code(), 130);
    }
    assert_eq!(spot.run(&["list", "--json"]).array().len(), 0);
}

#[test]
fn on_a_terminal_each_region_is_a_line_that_moves_and_in_a_pipe_nothing_does() {
    let cloud = DemoCloud::start(&["--no-ssh", "--speed", "30"]);
    let spot = Spot::new(cloud.url());
    spot.configure_without_hosts("  total_instances: 4", &["us-west-2", "eu-west-1"]);
    let mut command = spot.on_terminal();
    command.args(["create", "--yes"]);
    command.env("LANG", "C.UTF-8");
    let mut terminal = Terminal::start(command, (79, 24));
    terminal.wait_for(" us-west-2  ▰");
    // Nothing answers there: they fail, and that is said once.
    let text = terminal.wait_for("4 failed");
    for region in ["us-west-2", "eu-west-1"] {
        let lines: Vec<&str> =
            text.lines().filter(|line| line.contains(&format!(" {region}  "))).collect();
        assert!(lines.len() == 1 && lines[0].starts_with('✗'), "it is drawn over:\n{text}");
        assert!(lines[0].contains("▰  2 failed  "), "{text}");
    }
    assert!(!text.contains("Created") && !text.contains("Connecting"), "{text}");
    assert_eq!(terminal.end().exit_code(), 1);

    let piped = spot.run(&["create", "--yes"]);
    assert!(piped.out.contains("SUCCESS: Created"), "{}", piped.told());
    assert!(!piped.out.contains(['\x1b', '▰', '\r']), "{}", piped.told());
    let mut command = spot.on_terminal();
    command.args(["create", "--yes"]);
    command.env("LANG", "C.UTF-8");
    command.env("TERM", "dumb");
    let mut terminal = Terminal::start(command, (79, 24));
    let text = terminal.wait_for("4 failed");
    assert!(text.contains("Created") && !text.contains('▰'), "{text}");
    assert_eq!(terminal.end().exit_code(), 1);
}

/// The account has room for one: beside the old one there is none for a fresh one.
#[test]
fn screen_d1_a_retry_refuses_before_it_ends_anything_and_can_end_first() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.yaml");
    fs::write(&scenario, "spot_vcpus: 2\n").unwrap();
    let arguments = ["--no-ssh", "--speed", "30", "--scenario", scenario.to_str().unwrap()];
    let cloud = DemoCloud::start(&arguments);
    let spot = Spot::new(cloud.url());
    spot.configure_without_hosts("", &["us-west-2"]);
    // Nothing answers there: it fails, and the instance is there.
    spot.run(&["create", "--yes"]);
    let alive = || -> Vec<String> {
        let rows = spot.run(&["list", "--json"]).array();
        let alive = rows.into_iter().filter(|row| row["state"] == "running");
        alive.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    let [old] = alive().try_into().unwrap();
    let refused = spot.run(&["retry", &old, "--yes"]);
    assert_eq!(refused.code, 1, "{}", refused.told());
    assert!(refused.out.contains("room for 0 of 1"), "{}", refused.told());
    assert!(refused.out.contains("--end-first"), "{}", refused.told());
    assert_eq!(alive(), slice::from_ref(&old));
    // A region that is not configured is refused before, in this order too.
    spot.configure_without_hosts("", &["eu-west-1"]);
    let refused = spot.run(&["retry", &old, "--end-first", "--yes"]);
    assert!(
        refused.code == 1 && refused.out.contains("nothing was destroyed"),
        "{}",
        refused.told()
    );
    assert_eq!(alive(), slice::from_ref(&old));
    spot.configure_without_hosts("", &["us-west-2"]);
    let replaced = spot.run(&["retry", &old, "--end-first", "--yes"]);
    let [fresh] = alive().try_into().unwrap_or_else(|it| panic!("{it:?} {}", replaced.told()));
    assert_ne!(fresh, old, "{}", replaced.told());
}

#[test]
fn quiet_says_what_went_wrong_and_colours_are_for_terminals() {
    let folder = tempfile::tempdir().unwrap();
    let create = |more: &[&str]| {
        let arguments = ["create", "--yes", "--region", "us-west-2=1", "--speed", "60"];
        Ran::of(&demo(&folder, &[&arguments, more].concat()).output().unwrap())
    };
    let quiet = create(&["-q"]);
    assert_eq!(quiet.code, 0, "{}", quiet.told());
    assert!(!quiet.out.contains("INFO") && !quiet.out.contains("SUCCESS"), "{}", quiet.told());
    assert!(quiet.out.contains("1 launched, 1 ready"), "{}", quiet.told());
    let plain = create(&[]);
    assert!(
        plain.out.contains(" SUCCESS: Ready") && !plain.out.contains('\u{1b}'),
        "{}",
        plain.told()
    );
    let coloured = create(&["--color", "always"]).out;
    assert!(coloured.contains("\u{1b}[32mSUCCESS\u{1b}[0m: Ready"), "{coloured}");
    assert!(create(&["-v"]).out.contains("INFO: | "), "lines from the nodes");
    let both = create(&["-q", "-v"]);
    assert_eq!(both.code, 2, "{}", both.told());
}

#[test]
fn a_list_that_is_watched_ends_when_nobody_reads_it_any_more() {
    let folder = tempfile::tempdir().unwrap();
    // What it shows stays the same: it has nothing more to write.
    let arguments = ["list", "--watch", "--filter", "-us -eu -ap -sa -ca"];
    let mut child = demo(&folder, &arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("no such instances"), "{line}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_restore_of_what_is_not_kept_fails() {
    let cloud = DemoCloud::start(&["--no-ssh"]);
    let spot = Spot::new(cloud.url());
    spot.configure_without_hosts("", &["us-west-2"]);
    let refused = spot.run(&["restore", "dev", "--snapshot", "snap-0123", "--json"]);
    assert_eq!(refused.code, 1, "{}", refused.told());
    let last: Value = serde_json::from_str(refused.out.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["ok"]), (&"summary".into(), &false.into()));
    assert!(refused.out.contains("keeps no snap-0123"), "{}", refused.told());
}
