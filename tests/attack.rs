//! What must hold when things go wrong in ways that no user plans: files that are lost, slips of
//! the finger, an endpoint that says nothing.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::demo_cloud::DemoCloud;
use crate::support::moto::Moto;
use crate::support::spot::{Ran, Spot};

const REGION: &str = "us-west-2";

/// A folder whose configuration does not name the deployment, and asks for a zone that is not.
fn nowhere(endpoint: &str) -> Spot {
    let spot = Spot::new(endpoint);
    let config = format!(
        "aws: {{private_ssh_key_path: {}, consistency_window_s: 2}}\nregions:\n  - {REGION}: {{machine_type: t3.medium, \
         availability_zones: [{REGION}z]}}\n",
        spot.key().path().display()
    );
    spot.write("config.yaml", 0o644, config.as_bytes());
    spot
}

fn forget_everything(spot: &Spot) {
    for file in fs::read_dir(spot.path()).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("instances.json") {
            fs::remove_file(path).unwrap();
        }
    }
}

fn ours(moto: &Moto) -> usize {
    let seen = moto.inspect(&[REGION]);
    let kinds = seen[REGION].as_object().unwrap().values();
    let things = kinds.flat_map(|things| things.as_array().unwrap());
    things.filter(|thing| thing["tags"]["ManagedBy"] == "spot-tui").count()
}

#[test]
fn a_network_without_instances_is_found_and_removed_without_a_state_file() {
    let moto = Moto::start();
    let spot = nowhere(&moto.url());
    let refused = spot.run(&["create", "--yes"]);
    assert_eq!(refused.code, 1, "{}", refused.told());
    assert_eq!(ours(&moto), 0, "a create that launches nothing keeps nothing: {}", refused.told());
    moto.leave(REGION, "spot-left");
    assert!(ours(&moto) > 0, "the network stands");
    forget_everything(&spot);
    let destroyed = spot.run(&["destroy", "--all", "--yes", "--deployment", "spot-left"]);
    assert_eq!(destroyed.code, 0, "{}", destroyed.told());
    assert_eq!(ours(&moto), 0, "{}", destroyed.told());
}

#[test]
fn slips_of_the_finger_are_refused_and_nothing_is_done() {
    let moto = Moto::start();
    let spot = nowhere(&moto.url());
    let refused = |arguments: &[&str], code: i32, why: &str| {
        let ran: Ran = spot.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.told());
        assert!(ran.told().contains(why), "{arguments:?}: {}", ran.told());
    };
    let none = format!("{REGION}=0");
    refused(&["create", "--yes", "--region", &none], 2, "nothing to create");
    let many = format!("{REGION}=4000000000");
    refused(&["create", "--yes", "--region", &many], 1, "10000 are the most");
    refused(&["destroy", "--yes", "--region", "us-wset-2"], 2, "us-wset-2");
    refused(&["destroy", "--yes", "i-0"], 2, "i-0");
    refused(&["list", "--state", "/dev/zero"], 1, "not a regular file");
    refused(&["prices", "--type", "bogus.type"], 1, "a price of bogus.type");
    refused(&["list", "--deployment", "../x"], 2, "letters, digits");
    refused(&["list", "--endpoint-url", "nonsense"], 2, "http://host:port");
    let of_b = r#"{"version":1,"deployment":"b","instances":[
        {"id":"i-0123456789abcdef0","region":"us-west-2","deployment_id":"b","state":"running"}]}"#;
    let of_b = spot.write("b.json", 0o600, of_b.as_bytes());
    let of_b = of_b.to_str().unwrap();
    refused(&["list", "--state", of_b, "--deployment", "a"], 1, "holds the instances of b");
    refused(&["create", "--yes", "--state", of_b, "--deployment", "a"], 1, "--state");
    let key = spot.write("open_key", 0o644, &fs::read(spot.key().path()).unwrap());
    let config = format!(
        "aws: {{private_ssh_key_path: {}}}\nregions: [{{{REGION}: {{machine_type: t3.medium}}}}]\n",
        key.display()
    );
    spot.write("config.yaml", 0o644, config.as_bytes());
    refused(&["create", "--yes"], 1, "chmod 600");
    let folder = config.replace(&key.display().to_string(), "/tmp");
    spot.write("config.yaml", 0o644, folder.as_bytes());
    refused(&["create", "--yes"], 1, "/tmp cannot be read: it is not a regular file");
    refused(&["validate"], 2, "aws.private_ssh_key_path: /tmp is not a file");
    assert_eq!(ours(&moto), 0);
}

#[test]
fn what_could_not_be_written_is_a_failure_and_a_reader_that_went_away_is_none() {
    let spot = nowhere("http://127.0.0.1:9");
    let run = |stdout: Stdio| {
        let mut command = spot.command();
        command.args(["identity", "i-0123456789abcdef0", "--json"]).stdout(stdout);
        command.stderr(Stdio::piped()).output().unwrap()
    };
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let ran = run(full.into());
    assert_eq!(ran.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("No space left on device"), "{ran:?}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(run(writer.into()).status.code(), Some(0));
}

#[test]
fn ctrl_c_ends_a_command_whose_endpoint_says_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let spot = nowhere(&format!("http://{}", silent.local_addr().unwrap()));
    for arguments in [&["list"][..], &["create", "--yes"], &["destroy", "--all", "--yes"]] {
        let mut child = spot
            .command()
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Its first question has come: it listens to signals by now.
        let _asked = silent.accept().unwrap();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!("{arguments:?} goes on after Ctrl-C");
            }
            std::thread::yield_now();
        };
        assert_eq!(status.code(), Some(130), "{arguments:?}");
    }
}

/// A file that create would refuse is refused before, when nobody pays yet.
#[test]
fn attack_22_validate_refuses_what_create_would_refuse() {
    let spot = nowhere("http://127.0.0.1:9");
    let config = format!(
        "ssh: {{allow_from: ['0.0.0.0/0', '::/0', '198.51.100.0/24']}}\n\
         regions: [{{{REGION}: {{machine_type: t3.medium}}}}]\n"
    );
    spot.write("config.yaml", 0o644, config.as_bytes());
    let folder = spot.path().join("deployment-files");
    let validate = || spot.run(&["validate"]);
    let ran = validate();
    assert_eq!(ran.code, 0, "{}", ran.told());
    for open in ["0.0.0.0/0", "::/0"] {
        let note = format!("{open} lets the whole internet knock");
        assert!(ran.told().contains(&note), "{}", ran.told());
    }
    assert!(!ran.told().contains("198.51.100.0/24 lets"), "{}", ran.told());

    let refused = |why: &str| {
        let ran = validate();
        assert_eq!(ran.code, 2, "{why}: {}", ran.told());
        assert!(ran.told().contains(why), "{why}: {}", ran.told());
        fs::remove_dir_all(&folder).unwrap();
    };
    let put = |name: &OsStr| {
        fs::create_dir_all(&folder).unwrap();
        folder.join(name)
    };
    let pipe = put("pipe".as_ref());
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    refused("a pipe or a device");
    for (to, why) in
        [("/etc/passwd", "absolute path"), ("../config.yaml", "out of its"), ("x", "not exist")]
    {
        symlink(to, put("link".as_ref())).unwrap();
        refused(why);
    }
    fs::write(put("a\nb".as_ref()), "").unwrap();
    refused("control character");
    fs::write(put(OsStr::from_bytes(b"a\xff")), "").unwrap();
    refused("not UTF-8");
    fs::File::create(put("large".as_ref())).unwrap().set_len(2 << 30).unwrap();
    refused("a bundle holds");
    fs::write(&folder, "").unwrap();
    let ran = validate();
    assert_eq!(ran.code, 2);
    assert!(ran.told().contains("deployment-files is not a folder"), "{}", ran.told());

    fs::remove_file(&folder).unwrap();
    let named = format!("node: {{cloud_init: theirs.yaml}}\n{config}");
    spot.write("config.yaml", 0o644, named.as_bytes());
    spot.write("theirs.yaml", 0o644, b"#!/bin/sh\n");
    let ran = validate();
    assert!(ran.code == 2 && ran.told().contains("#cloud-config"), "{}", ran.told());
}

/// What runs in a region that was disabled since, or that a file makes up, is not passed over.
#[test]
fn attack_25_a_row_in_a_region_that_is_not_enabled_is_said_and_never_counts_as_gone() {
    let cloud = DemoCloud::start(&["--no-ssh"]);
    let spot = nowhere(cloud.url());
    let row = r#"{"version":1,"deployment":"b","instances":[{"id":"i-0123456789abcdef0",
        "region":"xx-nowhere-9","deployment_id":"b","state":"running"}]}"#;
    spot.write("instances.json", 0o600, row.as_bytes());
    let listed = spot.run(&["list"]);
    assert!(listed.told().contains("xx-nowhere-9 did not answer"), "{}", listed.told());
    let destroyed = spot.run(&["destroy", "--all", "--yes"]);
    assert_eq!(destroyed.code, 1, "{}", destroyed.told());
    assert!(destroyed.told().contains("xx-nowhere-9"), "{}", destroyed.told());
    let state = fs::read_to_string(spot.path().join("instances.json")).unwrap();
    assert!(state.contains("i-0123456789abcdef0"), "{state}");
}

/// The SDK would read them to their end.
#[test]
fn attack_25_profiles_that_are_no_files_are_refused() {
    let spot = nowhere("http://127.0.0.1:9");
    let pipe = spot.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        let output =
            spot.command().env(variable, &pipe).args(["destroy", "--all", "--yes"]).output();
        let output = output.unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = told + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("pipe: it is not a regular file"), "{told}");
        assert!(told.contains(variable), "{told}");
    }
}
