//! The deployment of a node, run for real on a made-up machine.

use std::os::unix::fs::MetadataExt;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;
use spot_tui::fleet::identity::Identity;
use spot_tui::jobs::exit_codes;

use crate::support::machine::{INSTANCE_ID, Root};

const UPLOADED: &str = "/tmp/uploaded_files/scripts/deploy_services.sh";
const PLACED: &str = "/opt/uploaded_files/scripts/deploy_services.sh";
const LOG: &str = "/opt/deployment.log";
const TOKEN: &str = r#"a|b&c\d"e$f'g: #h"#;
const NOTICE: &str = r#"{"action": "terminate", "time": "2026-11-20T15:02:00Z"}"#;
const FILES: &[(&str, &str)] = &[
    ("orchestrator_endpoint", "orchestrator.example.com\n"),
    ("orchestrator_token", TOKEN),
    ("notes/readme.txt", "hello"),
];

fn uploaded() -> Root {
    let root = Root::new();
    root.upload(FILES);
    root
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Deploys, and expects the run to end with this step's code.
fn deploy_fails(root: &Root, code: u32) -> String {
    let output = root.run(&[UPLOADED, "--user", "ubuntu"]);
    let text = said(&output);
    assert_eq!(output.status.code(), i32::try_from(code).ok(), "{text}");
    assert!(exit_codes::explain(code).is_some());
    assert!(text.contains(" ERROR "), "{text}");
    text
}

fn deploy(root: &Root, script: &str) -> String {
    let output = root.run(&[script, "--user", "ubuntu", "--deployment", "d-1"]);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert_eq!(output.stderr, b"", "{text}");
    text
}

fn status(root: &Root) -> Value {
    let output = root.run(&["/opt/uploaded_files/scripts/node-status"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_deployment_puts_everything_in_place() {
    let root = uploaded();
    let text = deploy(&root, UPLOADED);

    assert!(!root.path("/tmp/uploaded_files").exists());
    assert_eq!(root.read("/opt/uploaded_files/files/notes/readme.txt"), "hello");
    assert_eq!(root.mode("/opt/uploaded_files/files"), 0o700);
    assert_eq!(root.mode("/opt/uploaded_files/files/orchestrator_token"), 0o600);
    assert_eq!(root.mode("/bacalhau_node"), 0o700);
    assert_eq!(root.mode("/bacalhau_node/config.yaml"), 0o600);
    assert_eq!(root.mode(LOG), 0o640);
    let notes = root.path("/opt/uploaded_files/files/notes").metadata().unwrap();
    assert_eq!(notes.uid(), 1000, "the user's files are the user's");

    let config: Value = serde_yaml::from_str(&root.read("/bacalhau_node/config.yaml")).unwrap();
    assert_eq!(config["Compute"]["Auth"]["Token"], TOKEN);
    assert_eq!(config["Labels"]["instance-id"], INSTANCE_ID);
    assert_eq!(config["Labels"]["zone"], "us-west-2b");
    assert_eq!(config["Labels"]["deployment"], "d-1");

    assert!(root.path("/etc/systemd/system/bacalhau.service").is_file());
    let calls = root.calls();
    let units =
        "bacalhau-startup.service bacalhau.service sensor-generator.service setup-config.service";
    assert!(calls.contains(&format!("systemctl enable {units}")), "{calls:?}");
    assert!(
        !calls.iter().any(|call| call.starts_with("reboot") || call.contains(" start ")),
        "{calls:?}"
    );

    assert_eq!(root.read(LOG), text, "what is shown is what is logged");
    assert!(text.lines().last().unwrap().ends_with(" END exit=0"), "{text}");
}

#[test]
fn the_token_is_nowhere_but_in_its_files() {
    let root = uploaded();
    let text = deploy(&root, UPLOADED);
    assert!(!text.contains(TOKEN));
    assert!(!root.calls().iter().any(|call| call.contains(TOKEN)));
    let holders: Vec<_> = root
        .tree("/")
        .into_iter()
        .filter(|(_, (.., content))| {
            content.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes())
        })
        .collect();
    assert_eq!(holders.len(), 1, "the uploaded file alone holds the bare token");
    let (_, mode, _) = holders[0].1;
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_second_run_changes_nothing() {
    let root = uploaded();
    let folders = [
        "/opt/uploaded_files",
        "/opt/sensor",
        "/bacalhau_node",
        "/bacalhau_data",
        "/etc",
        "/tmp",
        "/run",
    ];
    let trees = || folders.map(|folder| root.tree(folder));

    deploy(&root, UPLOADED);
    let first = trees();
    deploy(&root, PLACED);
    assert_eq!(trees(), first, "run again from where it was placed");
    root.upload(FILES);
    deploy(&root, UPLOADED);
    assert_eq!(trees(), first, "uploaded again");
}

#[test]
fn services_are_started_where_no_restart_follows() {
    let root = uploaded();
    let output = root.run(&[UPLOADED, "--user", "ubuntu", "--start"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        root.calls()
            .iter()
            .any(|call| call.starts_with("systemctl start --no-block bacalhau-startup.service"))
    );
}

#[test]
fn without_credentials_it_goes_on_and_says_so() {
    let root = Root::new();
    root.upload(&[]);
    let text = deploy(&root, UPLOADED);
    assert!(
        text.contains("WARNING: no orchestrator_endpoint: the node starts and joins nothing"),
        "{text}"
    );
    assert_eq!(status(&root)["files"]["orchestrator_endpoint"], Value::Null);
}

#[test]
fn each_failure_has_its_code() {
    let root = uploaded();
    root.write("/var/stubs/cloud-init", 0o644, "1");
    assert!(deploy_fails(&root, 70).contains("| status: done"));
    // What busybox's timeout reports, and what that of coreutils does.
    for code in ["143", "124"] {
        root.write("/var/stubs/cloud-init", 0o644, code);
        let text = deploy_fails(&root, 71);
        assert!(text.contains("cloud-init is still running (60 s)"), "{text}");
    }
    root.write("/var/stubs/cloud-init", 0o644, "2");
    root.write("/var/imds/instance-id", 0o644, "<html>401</html>");
    assert!(deploy_fails(&root, 82).contains("WARNING cloud-init"));

    root.write("/var/imds/instance-id", 0o644, INSTANCE_ID);
    root.write("/var/stubs/systemctl", 0o644, "1");
    root.upload(FILES);
    deploy_fails(&root, 86);
    assert_eq!(status(&root)["deployment"]["exit"], 86);

    root.upload(FILES);
    std::fs::remove_file(root.path("/tmp/uploaded_files/config/images.env")).unwrap();
    deploy_fails(&root, 80);
}

#[test]
fn wrong_arguments_are_refused() {
    let root = uploaded();
    for (arguments, code) in [
        (&["--colour"] as &[&str], 64),
        (&["--user"], 64),
        (&["--user", "a;b"], 64),
        (&["--instance-id", "$(reboot)"], 64),
        (&["--user", "nobody-here"], 65),
    ] {
        let output = root.run(&[&[UPLOADED], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
    }
    assert!(!root.path(LOG).exists());
}

#[test]
fn two_deployments_do_not_meet() {
    let root = uploaded();
    let owner = std::process::id().to_string();
    root.write("/run/spot-tui-deployment/pid", 0o644, &owner);
    deploy_fails(&root, 67);
    assert!(root.path("/run/spot-tui-deployment").exists(), "the lock is its owner's");

    // No process has the number 0: the owner is gone.
    root.write("/run/spot-tui-deployment/pid", 0o644, "4194304");
    deploy(&root, UPLOADED);
    assert!(!root.path("/run/spot-tui-deployment").exists());
}

#[test]
fn additional_commands_run_once() {
    let root = uploaded();
    let script = "scripts/additional_commands.sh";
    root.write(
        &format!("/tmp/uploaded_files/{script}"),
        0o644,
        "#!/bin/sh\necho END exit=9\nexit 3\n",
    );
    let text = deploy_fails(&root, 88);
    assert!(text.contains("| END exit=9"), "{text}");
    assert_eq!(status(&root)["deployment"]["exit"], 88);

    root.write(
        &format!("/opt/uploaded_files/{script}"),
        0o644,
        "#!/bin/sh\necho ran >>/root/ran\n",
    );
    deploy(&root, PLACED);
    deploy(&root, PLACED);
    assert_eq!(root.read("/root/ran"), "ran\n");
}

/// An agent that holds their output open, and writes to it, until it is told to stop; after a minute it
/// does so by itself.
#[test]
fn what_additional_commands_leave_behind_holds_up_nobody() {
    let root = Root::new();
    let agent = "(for n in $(seq 60); do [ ! -e /root/stop ] || break; echo at work; sleep 1; done; \
                 echo >/root/stopped) &";
    let leave_and = |end: &str| {
        root.upload(FILES);
        let text = format!("#!/bin/sh\necho begun\n{agent}\necho left\n{end}\n");
        root.write("/tmp/uploaded_files/scripts/additional_commands.sh", 0o644, &text);
    };
    let is_complete = |text: &str| {
        let [begun, left] = ["begun", "left"].map(|line| text.find(&format!("Z | {line}\n")));
        begun.is_some() && begun < left
    };
    leave_and("exit 3");
    let text = deploy_fails(&root, 88);
    assert!(is_complete(&text) && text.contains("the additional commands ended with 3"), "{text}");

    // Their quarter of an hour, in a second.
    let short = "#!/bin/sh\nshift\nexec /bin/timeout 1 \"$@\"\n";
    root.write("/usr/local/bin/timeout", 0o755, short);
    leave_and("wait");
    let text = deploy_fails(&root, 89);
    assert!(is_complete(&text), "{text}");
    std::fs::remove_file(root.path("/usr/local/bin/timeout")).unwrap();

    leave_and("exit 0");
    let text = deploy(&root, UPLOADED);
    assert!(is_complete(&text) && root.read(LOG).ends_with(&text), "{text}");
    assert!(root.path("/opt/uploaded_files/additional_commands.done").exists());
    assert!(!root.path("/root/stopped").exists(), "nobody waited for the agent");

    root.write("/root/stop", 0o644, "");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !root.path("/root/stopped").exists() {
        assert!(Instant::now() < deadline, "the agent ended with its output");
        std::thread::yield_now();
    }
}

#[test]
fn the_sensor_has_the_identity_that_was_uploaded() {
    let root = uploaded();
    deploy(&root, UPLOADED);
    let placed = "/opt/sensor/config/node_identity.json";
    assert_eq!(root.read(placed), Identity::of(&INSTANCE_ID.into()).json());
    assert_eq!(root.mode(placed), 0o644);

    root.upload(FILES);
    std::fs::remove_file(root.path("/tmp/uploaded_files/node_identity.json")).unwrap();
    assert!(deploy_fails(&root, 80).contains("node_identity.json is missing"));
}

#[test]
fn the_status_is_one_object() {
    let root = uploaded();
    deploy(&root, UPLOADED);
    let status = status(&root);
    assert_eq!(status["v"], 1);
    assert_eq!(status["instance_id"], INSTANCE_ID);
    assert_eq!(status["cloud_init"], "done");
    assert_eq!(status["files"]["bacalhau_config"], true);
    assert_eq!(status["deployment"]["exit"], 0);
    assert!(status["deployment"]["last"].as_str().unwrap().ends_with("END exit=0"));
    assert_eq!(status["units"].as_object().unwrap().len(), 4);
    assert_eq!(status["units"]["bacalhau.service"], "active");
    assert_eq!(status["docker"], "27.5.1");
    assert_eq!(status["containers"], serde_json::json!({"bacalhau": "running"}));
    assert_eq!(status["bacalhau_alive"], true);
    let readings = serde_json::json!(
        {"running": true, "readings": 42, "errors": 1, "elapsed_s": 41, "per_second": 1}
    );
    assert_eq!(status["sensor"], readings);
    let way = serde_json::json!({"address": "orchestrator.example.com:4222", "reachable": true});
    assert_eq!(status["orchestrator"], way);
    assert!(status["disk"]["total_kb"].as_u64().unwrap() > 0);
    assert_eq!(status["memory"]["free_kb"], 3_000_000);
    assert_eq!(status["uptime"], 123);
    assert_eq!(status["spot_notice"], Value::Null);
    assert_eq!(status["rebalance"], Value::Null);
    assert_eq!(status.get("details"), None);

    root.write("/var/imds/spot/instance-action", 0o644, NOTICE);
    let recommended = r#"{"noticeTime": "2026-11-20T14:50:00Z"}"#;
    root.write("/var/imds/events/recommendations/rebalance", 0o644, recommended);
    let status = self::status(&root);
    assert_eq!(status["spot_notice"], "2026-11-20T15:02:00Z");
    assert_eq!(status["rebalance"], "2026-11-20T14:50:00Z");
}

/// As systemd told it of a machine (`tests/machine/lease.rs`): since 500 s after its boot, for 600 s.
#[test]
fn what_is_left_of_a_lease_is_told() {
    let root = uploaded();
    deploy(&root, UPLOADED);
    let busctl = "#!/bin/sh\ncase \"$*\" in\n\
        *spot_2dtui_2dlease_2dterm_2eservice*ActiveEnterTimestampMonotonic) echo t 500000000 ;;\n\
        *spot_2dtui_2dlease_2dterm_2eservice*RuntimeMaxUSec) echo t 600000000 ;;\n\
        *) exit 1 ;;\nesac\n";
    root.write("/usr/local/bin/busctl", 0o755, busctl);
    // It has been up for 123.45 s.
    assert_eq!(status(&root)["lease_s"], 976);
}

#[test]
fn a_full_status_shows_everything_but_the_token() {
    let root = uploaded();
    deploy(&root, UPLOADED);
    let log = format!("started with {TOKEN}\n\u{1b}[31mred\u{1b}[0m\n");
    root.write("/var/log/cloud-init-output.log", 0o644, &log);
    let output = root.run(&["/opt/uploaded_files/scripts/node-status", "--full"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains(TOKEN) && text.lines().all(|line| line.len() < 4096), "{text}");
    let details = &serde_json::from_str::<Value>(&text).unwrap()["details"];
    assert_eq!(details["cloud_init_log"][0], "started with ***");
    assert_eq!(details["journals"]["bacalhau.service"][0], "a line of the journal");
    let lines = |part: &str| details[part].as_array().unwrap().clone();
    assert!(lines("config").contains(&"    Token: \"***\"".into()), "{details}");
    assert!(lines("deployment_log").last().unwrap().as_str().unwrap().ends_with("END exit=0"));
    assert!(lines("identity").len() > 20 && lines("listing").len() > 5);
    assert!(lines("errors").len() == 1);
}

#[test]
fn the_status_of_a_bare_machine_is_full_of_nulls() {
    let root = uploaded();
    for stub in ["cloud-init", "docker", "systemctl", "curl", "journalctl"] {
        std::fs::remove_file(root.path("/usr/local/bin").join(stub)).unwrap();
    }
    std::fs::remove_dir_all(root.path("/run/cloud-init")).unwrap();
    let output = root.run(&["/tmp/uploaded_files/scripts/node-status"]);
    assert!(output.status.success());
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    for unknown in ["cloud_init", "docker", "sensor", "spot_notice", "rebalance"] {
        assert_eq!(status[unknown], Value::Null, "{unknown}");
    }
    assert_eq!(status["deployment"], serde_json::json!({"exit": null, "last": null}));
    let units = status["units"].as_object().unwrap();
    assert!(units.len() == 4 && units.values().all(Value::is_null), "{units:?}");
    assert_eq!(status["bacalhau_alive"], false);
}
