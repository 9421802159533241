//! Files as people have them: dotfiles behind links, what editors and git leave in a folder, scripts
//! that passed through Windows.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::demo_cloud::DemoCloud;
use crate::support::schema::assert_json_lines;
use crate::support::spot::{Ran, Spot};

const REGION: &str = "us-west-2";

/// A user with one region, no way to a host, and further lines under `aws`.
fn user(endpoint: &str, aws: &str) -> Spot {
    let spot = Spot::new(endpoint);
    spot.configure_without_hosts(aws, &[REGION]);
    spot
}

/// Moves a file of the user's where dotfiles lie, with this mode, and leaves a link.
fn link_to_dotfiles(spot: &Spot, name: &str, mode: u32) -> PathBuf {
    let file = spot.path().join("home/dotfiles").join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let link = spot.path().join(name);
    if link.exists() {
        fs::rename(&link, &file).unwrap();
    } else {
        fs::write(&file, "").unwrap();
    }
    fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    symlink(Path::new("home/dotfiles").join(name), &link).unwrap();
    file
}

/// Whether the link is one still; and what is behind it, with its mode.
fn behind(link: &Path) -> (bool, u32, String) {
    let is_link = fs::symlink_metadata(link).unwrap().is_symlink();
    let mode = fs::metadata(link).unwrap().permissions().mode() & 0o777;
    (is_link, mode, fs::read_to_string(link).unwrap())
}

#[test]
fn people_29_dotfiles_behind_links_are_written_through_and_keep_their_modes() {
    let cloud = DemoCloud::start(&["--no-ssh", "--speed", "30"]);
    let spot = Spot::new(cloud.url());
    let [config, state, hosts] = ["config.yaml", "instances.json", "instances.json.known_hosts"]
        .map(|name| spot.path().join(name));
    link_to_dotfiles(&spot, "config.yaml", 0o664);
    link_to_dotfiles(&spot, "instances.json", 0o640);
    spot.write("instances.json.known_hosts", 0o644, b"old");
    link_to_dotfiles(&spot, "instances.json.known_hosts", 0o644);

    let ran = spot.run(&["setup"]);
    assert!(ran.code == 0 && ran.out.contains("config.yaml: added"), "{}", ran.told());
    let (is_link, mode, text) = behind(&config);
    assert!(is_link && mode == 0o664 && text.contains("regions:"), "{mode:o}: {text}");

    spot.configure_without_hosts("", &[REGION]);
    let created = spot.run(&["create", "--yes"]);
    assert!(created.told().contains("1 failed"), "no way leads to a host: {}", created.told());
    let (is_link, mode, text) = behind(&state);
    assert!(is_link && mode == 0o640 && text.contains("\"i-"), "{mode:o}: {text}");

    // That no way leads there is told only after the keys were written.
    let exported = spot.run(&["export", "ssh-config"]);
    let (is_link, mode, text) = behind(&hosts);
    assert!(is_link && mode == 0o644 && text != "old", "{mode:o}: {}", exported.told());

    let destroyed = spot.run(&["destroy", "--all", "--yes"]);
    assert_eq!(destroyed.code, 0, "{}", destroyed.told());
    let (is_link, mode, text) = behind(&state);
    assert!(is_link && mode == 0o640 && !text.contains("\"i-"), "{mode:o}: {text}");
}

/// What these commands say to the files of a configuration; the last one would launch.
fn judged(spot: &Spot) -> [Ran; 3] {
    [&["validate"][..], &["create", "--dry-run"], &["create", "--yes"]]
        .map(|arguments| spot.run(arguments))
}

fn refused(spot: &Spot, why: &str) {
    for (ran, code) in judged(spot).into_iter().zip([2, 1, 1]) {
        assert!(ran.code == code && ran.told().contains(why), "{why}: {}", ran.told());
    }
    assert_eq!(spot.run(&["list", "--json"]).array().len(), 0, "nothing was launched");
}

#[test]
fn people_30_odd_files_are_passed_over_or_refused_alike_by_all() {
    let cloud = DemoCloud::start(&["--no-ssh", "--speed", "30"]);
    let spot = user(cloud.url(), "");
    let folder = spot.path().join("deployment-files");
    fs::create_dir(&folder).unwrap();

    let pipe = folder.join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    refused(&spot, "it is a pipe or a device");
    fs::remove_file(pipe).unwrap();
    symlink("nowhere", folder.join("link")).unwrap();
    refused(&spot, "a link to something that does not exist");
    fs::remove_file(folder.join("link")).unwrap();

    symlink("me@here.123:1700000000", folder.join(".#notes.txt")).unwrap();
    let _listening = UnixListener::bind(folder.join("fsmonitor--daemon.ipc")).unwrap();
    let [valid, dry, created] = judged(&spot);
    assert_eq!((valid.code, dry.code), (0, 0), "{}{}", valid.told(), dry.told());
    for ran in [valid, dry, created] {
        for note in [".#notes.txt is not sent: it is the lock", "ipc is not sent: it is a socket"] {
            assert!(ran.told().contains(note), "{note}: {}", ran.told());
        }
    }
    assert_eq!(spot.run(&["list", "--json"]).array().len(), 1, "this one was launched");
}

#[test]
fn people_34_scripts_that_no_node_would_start_are_found_before_the_launch() {
    let cloud = DemoCloud::start(&["--no-ssh", "--speed", "30"]);
    let spot = user(cloud.url(), "  additional_commands_script: extra.sh\n");
    for (script, why) in [
        ("#!/bin/bash\r\necho hi\r\n", "extra.sh has the line ends of Windows"),
        ("\u{feff}#!/bin/sh\necho hi\n", "extra.sh begins with a byte order mark"),
        ("echo hi\n", "extra.sh does not say what runs it"),
    ] {
        spot.write("extra.sh", 0o755, script.as_bytes());
        refused(&spot, why);
    }
    spot.write("extra.sh", 0o644, b"#!/bin/sh\necho hi\n");
    assert_eq!(spot.run(&["validate"]).code, 0);

    // A checkout with `core.autocrlf`.
    assert_eq!(spot.run(&["setup"]).code, 0);
    let ours = spot.path().join("instance/scripts/node-status");
    let text = fs::read_to_string(&ours).unwrap();
    fs::write(&ours, text.replace('\n', "\r\n")).unwrap();
    refused(&spot, "instance/scripts/node-status has the line ends of Windows");
    fs::write(&ours, text).unwrap();

    // Credentials from there: the node would take the mark for a part of the token.
    spot.write("deployment-files/orchestrator_token", 0o600, "\u{feff}token\r\n".as_bytes());
    refused(&spot, "orchestrator_token begins with a byte order mark");
    spot.write("deployment-files/orchestrator_token", 0o600, b"\xff\xfet\0o\0");
    refused(&spot, "orchestrator_token: it is not a text in UTF-8");
    spot.write("deployment-files/orchestrator_token", 0o600, b"token\r\n");

    // A cloud-config from there is read as it was meant; what is none is told before.
    spot.add_configuration("node: {cloud_init: theirs.yaml}\n");
    spot.write("theirs.yaml", 0o644, "#!/bin/sh\n".as_bytes());
    refused(&spot, "its first line has to be #cloud-config");
    spot.write("theirs.yaml", 0o644, "\u{feff}#cloud-config\r\nruncmd: [[date]]\r\n".as_bytes());
    let ran = spot.run(&["validate"]);
    assert_eq!(ran.code, 0, "{}", ran.told());
}

#[test]
fn setup_brings_back_a_script_of_its_own_that_is_missing_or_empty() {
    let cloud = DemoCloud::start(&["--no-ssh"]);
    let spot = user(cloud.url(), "");
    assert_eq!(spot.run(&["setup"]).code, 0);
    let folder = spot.path().join("instance");
    assert!(folder.join("README.md").exists(), "the contract");
    // As a disk left it that was full.
    let [emptied, missing] =
        ["scripts/node-status", "scripts/deploy_services.sh"].map(|name| folder.join(name));
    let whole = fs::read(&emptied).unwrap();
    fs::write(&emptied, "").unwrap();
    refused(&spot, "node-status is empty");
    fs::remove_file(&missing).unwrap();
    let ran = spot.run(&["setup"]);
    assert!(ran.code == 0 && ran.out.contains("2 files made"), "{}", ran.told());
    assert_eq!(fs::read(&emptied).unwrap(), whole);
    assert_eq!(fs::metadata(&missing).unwrap().permissions().mode() & 0o700, 0o700);
    assert_eq!(spot.run(&["validate"]).code, 0);
}

#[test]
fn read_only_leaves_nothing_on_the_disk() {
    let cloud = DemoCloud::start(&["--no-ssh"]);
    let spot = user(cloud.url(), "");
    let files = || {
        let mut found = Vec::new();
        let mut folders = vec![spot.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry.clone());
                }
                found.push(entry);
            }
        }
        found.sort();
        found
    };
    let before = files();
    for (arguments, code) in [
        (&["setup"][..], 2),
        (&["create", "--yes"], 2),
        (&["destroy", "--all", "--yes"], 2),
        (&["export", "ansible"], 2),
        (&["exec", "--", "uptime"], 2),
        (&["ssh", "i-1", "--", "touch x"], 2),
        (&["lease", "extend", "2h"], 2),
        (&["logout"], 2),
        (&["list"], 0),
        (&["create", "--dry-run"], 0),
    ] {
        let ran = spot.run(&[&["--read-only"], arguments].concat());
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.told());
        assert_eq!(files(), before, "{arguments:?}");
        assert_eq!(ran.err.contains("--read-only forbids it"), code == 2, "{}", ran.told());
    }
}

#[test]
fn a_keeper_of_another_container_is_not_taken_for_a_process_of_here() {
    let cloud = DemoCloud::start(&["--no-ssh"]);
    let spot = user(cloud.url(), "");
    // It was the first process there, and there is always one of that number.
    spot.write("instances.json.lock", 0o600, b"1\nvm\n2026-11-28T21:04:00Z\n");
    for arguments in [&["status"][..], &["list"], &["create", "--dry-run"]] {
        let ran = spot.run(arguments);
        assert!(ran.code == 0 && !ran.told().contains("kept by"), "{}", ran.told());
    }
}

#[test]
fn programs_are_told_why_a_command_ended_before_it_began() {
    let cloud = DemoCloud::start(&["--no-ssh"]);
    let spot = user(cloud.url(), "");
    let last = |ran: &Ran| {
        assert_json_lines(&ran.out);
        let lines: Vec<Value> =
            ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(ran.code != 0 && lines.len() >= 2, "{}", ran.told());
        let (why, summary) = (&lines[lines.len() - 2], &lines[lines.len() - 1]);
        assert_eq!(summary["ok"], false, "{}", ran.told());
        assert_eq!(summary["deployment"], "spot-test");
        why["text"].as_str().unwrap().to_owned()
    };
    let asks = last(&spot.run(&["create", "--json"]));
    assert!(asks.contains("without a terminal it needs --yes"), "{asks}");
    let forbidden = last(&spot.run(&["--read-only", "up", "dev", "--json"]));
    assert!(forbidden.contains("--read-only"), "{forbidden}");
    let unknown = last(&spot.run(&["up", "dev", "--json"]));
    assert!(unknown.starts_with("up: no machine 'dev'"), "{unknown}");
    let held = fs::File::create(spot.path().join("instances.json.lock")).unwrap();
    held.lock().unwrap();
    let locked = last(&spot.run(&["create", "--yes", "--json"]));
    assert!(locked.contains("process"), "{locked}");
    drop(held);
    spot.write("instances.json", 0o600, br#"{"version": 999, "deployment": "spot-test"}"#);
    let newer = last(&spot.run(&["destroy", "--all", "--yes", "--json"]));
    assert!(newer.contains("newer"), "{newer}");
}
