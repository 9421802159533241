//! `--demo` and `demo-cloud` as a newcomer meets them: what they leave alone, what they refuse, how
//! they end.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_mins(1);

/// The program in a folder of its own.
fn program(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spot-tui"));
    command.args(arguments).current_dir(folder.path()).env_clear();
    command.env("HOME", folder.path()).stdin(Stdio::null());
    command
}

/// The exit code of what should end by itself, and soon.
fn end(child: &mut Child, what: &str) -> Option<i32> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("{what} does not end");
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_demo_touches_nothing_of_the_users() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // Whoever opens one of these waits for ever.
    let traps = [".aws/config", ".aws/credentials", ".ssh/config", ".ssh/id_ed25519", "token"];
    for trap in traps {
        fs::create_dir_all(path(trap).parent().unwrap()).unwrap();
        mknodat(CWD, path(trap), FileType::Fifo, Mode::RUSR, 0).unwrap();
    }
    let agent = UnixListener::bind(path("agent")).unwrap();
    let network = TcpListener::bind("127.0.0.1:0").unwrap();
    agent.set_nonblocking(true).unwrap();
    network.set_nonblocking(true).unwrap();
    let url = format!("http://{}", network.local_addr().unwrap());
    for arguments in [&["list", "--preload", "3"][..], &["create", "--yes", "--speed", "60"]] {
        let mut child = program(&folder, &["--demo"])
            .args(arguments)
            .env("SSH_AUTH_SOCK", path("agent"))
            .env("AWS_ACCESS_KEY_ID", "AKIAREAL")
            .env("AWS_SECRET_ACCESS_KEY", "real")
            .env("AWS_PROFILE", "nobody")
            .env("AWS_REGION", "mars-1")
            .env("AWS_ENDPOINT_URL", &url)
            .env("AWS_ENDPOINT_URL_EC2", &url)
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)
            .env("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/real")
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", path("token"))
            .env("AWS_RETRY_MODE", "never heard of")
            .env("HTTP_PROXY", &url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        assert_eq!(end(&mut child, &arguments.join(" ")), Some(0));
    }
    assert_eq!(agent.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "the agent was asked");
    assert_eq!(network.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "it connected");
    assert!(!path("instances.json").exists());
}

/// A demo in which nothing goes wrong, with instances that are there already. The same ones every
/// time: they have the same ids.
struct Calm(TempDir);

impl Calm {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("calm.yaml"), "name: calm\n").unwrap();
        Self(folder)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let demo = ["--demo", "--preload", "40", "--scenario", "calm.yaml", "--speed", "60"];
        let mut command = program(&self.0, &demo);
        command.args(arguments);
        command
    }

    /// What it printed, and its exit code.
    fn run(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let ran = self.command(arguments).output().unwrap();
        let text = [ran.stdout, ran.stderr].concat();
        (String::from_utf8(text).unwrap(), ran.status.code())
    }

    /// The id of an instance in a region of the demo's configuration.
    fn an_instance(&self) -> String {
        let (listed, _) = self.run(&["list"]);
        let row = listed.lines().find(|line| line.starts_with("us-west-2")).expect(&listed);
        row.split_whitespace().find(|word| word.starts_with("i-")).expect(row).to_owned()
    }
}

#[test]
fn a_newcomer_can_try_each_command_about_nodes() {
    let demo = Calm::new();
    let id = &demo.an_instance();
    for (arguments, code, words) in [
        (&["diagnose", id][..], 0, "  ok   docker        Docker 27.5.1 answers"),
        (&["diagnose", id], 0, "sensor-log-generator  | INFO readings written"),
        (&["diagnose", id], 0, "Token: \"***\""),
        (&["diagnose", id, "--json"], 0, "\"good\":true"),
        (&["logs", id], 0, "END exit=0"),
        (&["logs", id, "--unit", "setup-config"], 0, "the node will join nats://"),
        (&["logs", id, "--unit", "never-heard-of"], 0, "No entries"),
        (&["exec", "--on", id, "--", "uptime"], 0, "load average"),
        (&["exec", "--on", id, "--", "cat", "/etc/os-release"], 0, "Ubuntu 24.04"),
        (&["exec", "--on", id, "--", "docker", "ps"], 0, "sensor-log-generator"),
        (&["exec", "--on", id, "--", "systemctl", "is-active", "bacalhau"], 0, "active"),
        (&["exec", "--on", id, "--", "ls", "/opt/uploaded_files"], 0, "scripts"),
        (
            &["exec", "--on", id, "--", "cat", "/opt/uploaded_files/files/orchestrator_token"],
            1,
            "Permission denied",
        ),
        (&["exec", "--on", id, "--", "vim"], 1, "vim: not found"),
        (&["drain", id, "--yes"], 0, "drained: Bacalhau is stopped"),
        (&["ssh", id, "--", "uname", "-a"], 0, "Linux"),
        (&["ssh", id, "--", "vim"], 127, "vim: not found"),
        (&["identity", id], 0, "SENSOR_"),
        (&["random-ip"], 0, "."),
        (&["export", "ssh-config"], 0, id),
        (&["export", "ansible"], 0, "[us_west_2]"),
        (&["export", "hosts"], 0, id),
        (&["export", "json"], 0, id),
    ] {
        let (said, ended) = demo.run(arguments);
        assert_eq!(ended, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

#[test]
fn a_journal_of_the_demo_is_followed() {
    let demo = Calm::new();
    let id = demo.an_instance();
    let mut command = demo.command(&["logs", &id, "--unit", "sensor-generator", "-f"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut batch = || {
        let line = lines.next().unwrap().unwrap();
        line.rsplit_once("batch ").and_then(|(_, number)| number.parse::<u64>().ok())
    };
    // More than the lines that are shown before it follows.
    let seen: Vec<u64> = std::iter::repeat_with(&mut batch).flatten().take(210).collect();
    assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seen:?}");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(end(&mut child, "logs -f"), Some(130));
}

#[test]
fn a_node_that_failed_is_replaced_by_a_fresh_one() {
    let demo = Calm::new();
    let id = demo.an_instance();
    let (said, ended) = demo.run(&["retry", &id]);
    assert!(ended == Some(2) && said.contains("it needs --yes"), "{said}");
    let (said, ended) = demo.run(&["retry", &id, "--yes", "--json"]);
    assert_eq!(ended, Some(0), "{said}");
    let lines: Vec<Value> =
        said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut gone = lines.iter().filter(|it| it["event"] == "phase" && it["phase"] == "Terminated");
    assert!(gone.all(|line| line["instance"] == *id), "{said}");
    let summary = lines.last().unwrap();
    let counts = ["launched", "terminated", "failed", "alive"].map(|name| summary[name].as_u64());
    assert_eq!(counts, [1, 1, 0, 40].map(Some), "{summary}");
}

#[test]
fn a_demo_cloud_refuses_what_it_cannot_do() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| fs::write(folder.path().join(name), text).unwrap();
    write("explode.yaml", b"name: x\ncalls:\n- { action: RunInstances, trouble: explode }\n");
    write("typo.yaml", b"name: x\nhosts:\n- { region: us-wset-2, fault: refuse_key }\n");
    write("rubbish.yaml", b"\xff\xfe\0\0");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, why) in [
        (["--listen", "0.0.0.0:0"], "not a loopback address"),
        (["--listen", "localhost:0"], "like 127.0.0.1:4566 or [::1]:4566"),
        (["--listen", &taken], "in use"),
        (["--speed", "0"], "from 0.01"),
        (["--speed", "1e300"], "to 10000"),
        (["--preload", "4000000000"], "50000"),
        (["--scenario", "nowhere.yaml"], "nowhere.yaml: No such file"),
        (["--scenario", "/dev/zero"], "not a regular file"),
        (["--scenario", "rubbish.yaml"], "rubbish.yaml: it is not a text in UTF-8"),
        (["--scenario", "explode.yaml"], "line 3 column"),
        (["--scenario", "typo.yaml"], "line 3: there is no region us-wset-2"),
    ] {
        let ran = program(&folder, &["demo-cloud"]).args(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(why), "{arguments:?}: {told}");
    }
}

#[test]
fn a_demo_cloud_ends_in_good_order() {
    let folder = tempfile::tempdir().unwrap();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut command = program(&folder, &["demo-cloud", "--listen", "[::1]:0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("http://[::1]:"), "{line}");
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(end(&mut child, "demo-cloud"), Some(0), "{signal:?}");
    }
}
