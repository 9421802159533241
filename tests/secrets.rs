//! Where the user's secrets are after a deployment, and where they were meanwhile: in the files that
//! are for them, and nowhere else.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::moto::Moto;
use crate::support::orchestrator::Orchestrator;
use crate::support::proxy::Proxy;
use crate::support::spot::Spot;
use crate::support::sshd::{Sshd, SshdOptions, console, leading_to};
use crate::support::terminal::Terminal;

const TOKEN: &str = "t0ken-0f-the-0rchestrator";
const API_KEY: &str = "ap1-key-0f-the-0rchestrator";

fn has_secret(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.contains(TOKEN) || text.contains(API_KEY)
}

/// The files below a folder that have a secret in them.
fn holders(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if meta.is_dir() {
            found.extend(holders(&path));
        } else if meta.is_file() && has_secret(&fs::read(&path).unwrap()) {
            found.insert(path);
        }
    }
    found
}

/// Looks at the arguments and the environment of every process of this machine, those of the far
/// sides included, until it is told to stop.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(BTreeSet<String>, BTreeSet<String>)>,
}

impl Watch {
    fn begin() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let (mut seen, mut caught) = (BTreeSet::new(), BTreeSet::new());
            while !told.load(Ordering::Relaxed) {
                for entry in fs::read_dir("/proc").unwrap().flatten() {
                    let process = entry.path();
                    for name in ["cmdline", "environ"] {
                        // It may have ended meanwhile.
                        let bytes = fs::read(process.join(name)).unwrap_or_default();
                        let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
                        if name == "cmdline" && text.contains("spot-tui") {
                            seen.insert(text.clone());
                        }
                        if has_secret(text.as_bytes()) {
                            caught.insert(text);
                        }
                    }
                }
                thread::sleep(Duration::from_millis(10));
            }
            (seen, caught)
        });
        Self { stop, thread }
    }

    /// The command lines of the program, and everything in which a secret was.
    fn end(self) -> (BTreeSet<String>, BTreeSet<String>) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

struct Scene {
    _moto: Moto,
    proxy: Proxy,
    orchestrator: Orchestrator,
    spot: Spot,
    hosts: [Sshd; 2],
}

impl Scene {
    fn new() -> Self {
        let moto = Moto::start();
        let proxy = Proxy::start(moto.address());
        let (spot, orchestrator) = (Spot::new(proxy.url()), Orchestrator::start());
        let hosts = [2, 3].map(|last| {
            let accept = vec![spot.key().public()];
            let address = Ipv4Addr::new(127, 0, 0, last);
            let host = Sshd::start(&SshdOptions { address, accept, ..SshdOptions::default() });
            host.run_services();
            host
        });
        proxy.give_addresses(hosts.iter().map(|host| host.address().ip()));
        proxy.print_on_consoles(&console(&hosts));
        orchestrator.ask_for_key(API_KEY);
        for (name, text) in [("endpoint", "nats://nats.example.com:4222"), ("token", TOKEN)] {
            spot.write(&format!("deployment-files/orchestrator_{name}"), 0o600, text.as_bytes());
        }
        spot.write("api-key", 0o600, API_KEY.as_bytes());
        let ssh_config = spot.write("ssh_config", 0o644, leading_to(&hosts).as_bytes());
        let regions = "  - us-west-2: { machine_type: t3.medium }\n";
        spot.configure(&ssh_config, 60, "  total_instances: 1", regions);
        let config = fs::read_to_string(spot.path().join("config.yaml")).unwrap();
        let bacalhau =
            format!("bacalhau: {{ api: \"{}\", api_key_file: api-key }}\n", orchestrator.url());
        spot.write("config.yaml", 0o644, (config + &bacalhau).as_bytes());
        Self { _moto: moto, proxy, orchestrator, spot, hosts }
    }

    /// Every instance that was launched is a node; their ids.
    fn register_all(&self) -> Vec<String> {
        let calls = self.proxy.calls_of("RunInstances");
        let id = |answer: &str| {
            let (_, rest) = answer.split_once("<instanceId>")?;
            rest.split_once('<').map(|(id, _)| id.to_owned())
        };
        let ids: Vec<String> = calls.iter().filter_map(|call| id(&call.answer)).collect();
        for id in &ids {
            self.orchestrator.register(id, "CONNECTED");
        }
        ids
    }

    /// Runs the program to its end; what it says is kept beside its files.
    fn run(&self, arguments: &[&str]) {
        let title = arguments.join("_").replace('/', "-");
        let said =
            |name: &str| File::create(self.spot.path().join(format!("{title}.{name}"))).unwrap();
        let mut program = self.spot.command();
        program.args(arguments).stdin(Stdio::null()).stdout(said("out")).stderr(said("err"));
        let mut running = program.env("SPOT_DEBUG", "1").spawn().unwrap();
        let ended = loop {
            self.register_all();
            if let Some(ended) = running.try_wait().unwrap() {
                break ended;
            }
            thread::sleep(Duration::from_millis(20));
        };
        assert!(ended.success(), "{arguments:?}");
    }

    /// Adds another node by keyboard and looks at everything that the screen can show of it.
    fn look_around(&self) {
        let mut terminal = Terminal::start(self.spot.on_terminal(), (160, 48));
        terminal.wait_for("● 1 ready");
        terminal.press("c");
        terminal.wait_for("Create instances");
        terminal.press("+");
        terminal.wait_for("1 instance in 1 region");
        terminal.press("\r");
        terminal.wait_for("[ No ]");
        terminal.press("\x1b[C\r");
        while self.register_all().len() < 2 {
            thread::sleep(Duration::from_millis(20));
        }
        terminal.wait_for("● 2 ready");
        for (key, shown) in
            [("\r", "host key"), ("h", "all is well"), ("o", "ok   docker"), ("e", "✓ Ready")]
        {
            terminal.press(key);
            terminal.wait_for(shown);
        }
        terminal.press(":quit\r");
        assert!(terminal.end().success());
        self.spot.write("screen", 0o600, &terminal.written());
    }
}

#[test]
fn a_deployment_leaves_them_in_their_files_and_shows_them_nowhere() {
    let scene = Scene::new();
    let watch = Watch::begin();
    scene.run(&["create", "--yes", "--json"]);
    let id = scene.register_all().remove(0);
    for arguments in [
        &["list", "--json"][..],
        &["diagnose", &id],
        &["diagnose", &id, "--json"],
        &["logs", &id],
        &["export", "json"],
        &["exec", "--", "sudo", "ls", "-lR", "/opt/uploaded_files", "/bacalhau_node"],
    ] {
        scene.run(arguments);
    }
    scene.look_around();
    let (seen, caught) = watch.end();

    assert!(seen.iter().any(|line| line.contains("create --yes")), "{seen:?}");
    assert!(seen.iter().any(|line| line.trim().ends_with("spot-tui")), "{seen:?}");
    assert_eq!(caught, BTreeSet::new(), "in a process's arguments or environment");

    for call in scene.proxy.calls() {
        let user_data = call.parameter("UserData").map(|text| STANDARD.decode(text).unwrap());
        let whole = format!("{} {:?} {}", call.body, call.form, call.answer);
        let parts = [whole.as_bytes(), user_data.as_deref().unwrap_or_default()];
        assert!(!parts.into_iter().any(has_secret), "{}", call.action);
    }

    let folder = scene.spot.path();
    let theirs = ["api-key", "deployment-files/orchestrator_token"].map(|path| folder.join(path));
    assert_eq!(holders(folder), BTreeSet::from(theirs), "state, journal, logs, JSON, screen");

    for host in &scene.hosts {
        let places = ["bacalhau_node/config.yaml", "opt/uploaded_files/files/orchestrator_token"];
        let places = places.map(|path| host.root().join(path));
        for path in &places {
            let meta = fs::metadata(path).unwrap();
            assert_eq!((meta.mode() & 0o777, meta.uid()), (0o600, 0), "{}", path.display());
        }
        assert_eq!(holders(host.root()), BTreeSet::from(places));
    }
}
