//! The keeper: a process without a screen holds the wanted count, against moto, with boto3 behind its
//! back. It is killed in the midst of a replacement, and goes on.

mod fallback;
mod handover;
mod hooks;
mod visits;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::instance::{in_lint_root, lint_root};
use crate::support::eye::{Eye, Seen, ours};
use crate::support::moto::Moto;
use crate::support::proxy::Proxy;
use crate::support::schema::assert_json_lines;
use crate::support::spot::{Ran, Spot};
use crate::support::trap::{Gate, Moment};

const REGIONS: [&str; 2] = ["us-west-2", "eu-west-1"];
/// How many are wanted.
const COUNT: usize = 6;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// moto behind the recording proxy, a user, and boto3's eye.
struct Scene {
    moto: Moto,
    proxy: Proxy,
    spot: Spot,
    eye: Eye,
    before: Seen,
}

/// A keeper under way. It ends with the test.
struct Keeper(Child);

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Keeper {
    /// kill -9.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Tells it to leave, as a service manager does; its exit code.
    fn end(mut self) -> Option<i32> {
        let pid = i32::try_from(self.0.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Scene {
    /// Six are to be there, in two regions. No console tells a host key and nobody answers SSH, so
    /// that each goes on being set up for longer than any story.
    fn set(more: &str) -> Self {
        let moto = Moto::start();
        let proxy = Proxy::start(moto.address());
        proxy.limit_regions(&REGIONS);
        let spot = Spot::new(proxy.url());
        let nowhere = "Host *\n  HostName 127.0.0.1\n  Port 9\n";
        let ssh_config = spot.write("ssh_config", 0o644, nowhere.as_bytes());
        let region = |name: &&str| format!("  - {name}: {{ machine_type: t3.medium }}\n");
        let regions: String = REGIONS.iter().map(region).collect();
        spot.configure(&ssh_config, 3000, &format!("  total_instances: {COUNT}"), &regions);
        spot.add_configuration(more);
        let mut eye = Eye::open();
        eye.settle_strangers(&moto.url(), &REGIONS[..1]);
        let before = eye.alive(&moto.url(), &REGIONS);
        Self { moto, proxy, spot, eye, before }
    }

    fn keep(&self, more: &[&str]) -> Keeper {
        let out = self.spot.path().join("out");
        let out = fs::File::options().create(true).append(true).open(out).unwrap();
        let mut command = self.spot.command();
        command.arg("keep").args(more).stdin(Stdio::null());
        Keeper(command.stderr(out.try_clone().unwrap()).stdout(out).spawn().unwrap())
    }

    /// What it printed so far.
    fn out(&self) -> String {
        fs::read_to_string(self.spot.path().join("out")).unwrap_or_default()
    }

    /// Our instances: region and id.
    fn alive(&mut self) -> BTreeSet<(String, String)> {
        let seen = self.eye.alive(&self.moto.url(), &REGIONS);
        ours(&seen).filter(|(_, id)| id.starts_with("i-")).cloned().collect()
    }

    /// How many were ever launched.
    fn launched(&mut self) -> usize {
        self.eye.launched(&self.moto.url(), &REGIONS).len()
    }

    /// Waits until so many are there.
    fn until(&mut self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let alive = self.alive().len();
            if alive == count {
                return;
            }
            assert!(Instant::now() < deadline, "{alive} instead of {count}\n{}", self.out());
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// Waits until each region has been looked at so many times more.
    fn looks(&self, times: usize) {
        let looks = |region: &str| {
            let calls = self.proxy.calls();
            calls
                .iter()
                .filter(|it| it.region == region && it.action == "DescribeInstances")
                .count()
        };
        let before = REGIONS.map(looks);
        let deadline = Instant::now() + PATIENCE;
        while REGIONS.iter().zip(before).any(|(region, before)| looks(region) < before + times) {
            assert!(Instant::now() < deadline, "nobody looks\n{}", self.out());
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// Waits until a keeper has said this.
    fn hear(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.out().contains(text) {
            assert!(Instant::now() < deadline, "{text} was not said\n{}", self.out());
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// boto3 ends so many of ours, from the first on.
    fn take(&mut self, count: usize) {
        for (region, id) in self.alive().into_iter().take(count) {
            self.eye.terminate(&self.moto.url(), &region, &[&id]);
        }
    }

    /// The wanted count of the state file, and how many launches the brake remembers.
    fn remembered(&self) -> (u64, usize) {
        let text = fs::read_to_string(self.spot.path().join("instances.json")).unwrap();
        let state: Value = serde_json::from_str(&text).unwrap();
        let wanted = state["upkeep"]["wanted"].as_object().unwrap();
        let brake = state["upkeep"]["brake"].as_array().map_or(0, Vec::len);
        (wanted.values().filter_map(Value::as_u64).sum(), brake)
    }

    fn destroy_all(&mut self) {
        let gone = self.spot.run(&["destroy", "--all", "--yes"]);
        assert_eq!(gone.code, 0, "{}", gone.told());
        assert_eq!(self.eye.alive(&self.moto.url(), &REGIONS), self.before);
    }
}

#[test]
fn two_that_end_from_outside_come_again_and_one_that_is_destroyed_by_hand_does_not() {
    let mut scene = Scene::set("");
    let keeper = scene.keep(&["--json"]);
    scene.until(COUNT);
    scene.take(2);
    scene.until(COUNT);
    scene.looks(3);
    assert_eq!((scene.alive().len(), scene.launched()), (COUNT, COUNT + 2), "none comes twice");
    // Whoever finds the fleet kept is told by whom.
    let told = format!("kept by process {}", keeper.0.id());
    let refused = scene.spot.run(&["create", "--yes"]);
    assert!(refused.code == 1 && refused.err.contains(&told), "{}", refused.told());
    let foreseen = scene.spot.run(&["create", "--dry-run"]);
    assert!(foreseen.code == 1 && foreseen.told().contains(&told), "{}", foreseen.told());
    let status = scene.spot.run(&["status"]);
    assert!(status.code == 0 && status.out.contains(&told), "{}", status.told());
    assert_eq!(keeper.end(), Some(130));
    let out = scene.out();
    assert_json_lines(&out);
    for told in ["6 instances are wanted, 0 are there", "2 of 3 are there, 1 are launched"] {
        assert!(out.contains(told) || out.contains("1 of 3 are there, 2 are launched"), "{out}");
    }
    let one = scene.alive().pop_first().unwrap().1;
    let gone = scene.spot.run(&["destroy", &one, "--yes"]);
    assert_eq!(gone.code, 0, "{}", gone.told());
    assert_eq!(scene.remembered().0, 5);
    let kept = scene.spot.run(&["keep", "--until", "20s"]);
    assert_eq!(kept.code, 0, "{}", kept.told());
    assert_eq!((scene.alive().len(), scene.launched()), (COUNT - 1, COUNT + 2), "{}", kept.told());
    scene.destroy_all();
}

/// Where a keeper is killed.
#[derive(Debug, Clone, Copy)]
enum Point {
    /// At its launch, the nth.
    Launch(usize, Moment),
    /// So long after its start.
    After(Duration),
}

/// Two are taken, and the keeper is killed while it replaces them: the next one holds six again.
fn killed_at(scene: &mut Scene, point: Point) {
    let launched = scene.launched();
    scene.take(2);
    let gate = match point {
        Point::Launch(nth, moment) => {
            let trap = scene.proxy.trap(Some("RunInstances"), nth, moment);
            let keeper = scene.keep(&[]);
            // Both may have been launched at one stroke: then nobody comes into the second trap.
            let _ = trap.sprung.recv_timeout(Duration::from_secs(20));
            keeper.kill();
            if moment != Moment::Late {
                trap.gate.open();
            }
            trap.gate
        }
        Point::After(time) => {
            let keeper = scene.keep(&[]);
            std::thread::park_timeout(time);
            keeper.kill();
            Gate::default()
        }
    };
    assert_eq!(scene.remembered().0, COUNT as u64, "{point:?}");
    let before = scene.proxy.calls().len();
    let keeper = scene.keep(&[]);
    let deadline = Instant::now() + PATIENCE;
    // What was in flight takes effect in the midst of the next run.
    while scene.proxy.calls().len() < before + 6 {
        assert!(Instant::now() < deadline, "{point:?}: it does not begin\n{}", scene.out());
        std::thread::park_timeout(Duration::from_millis(10));
    }
    gate.open();
    scene.until(COUNT);
    scene.looks(2);
    let (alive, made) = (scene.alive().len(), scene.launched() - launched);
    assert_eq!((alive, made), (COUNT, 2), "{point:?}\n{}", scene.out());
    keeper.kill();
}

/// No brake for stories that lose more than one may.
const FREE: &str = "replace: { at_most: 1000, within_m: 1 }\n";

#[test]
fn a_keeper_that_is_killed_in_a_replacement_goes_on_and_never_has_too_many() {
    let mut scene = Scene::set(FREE);
    let keeper = scene.keep(&[]);
    scene.until(COUNT);
    scene.looks(1);
    keeper.kill();
    for moment in Moment::ALL {
        killed_at(&mut scene, Point::Launch(1, moment));
    }
    scene.destroy_all();
}

#[test]
fn a_killed_keepers_brake_is_remembered() {
    let mut scene = Scene::set("replace: { at_most: 2, within_m: 1440 }\n");
    let keeper = scene.keep(&[]);
    scene.until(COUNT);
    assert_eq!(scene.remembered(), (COUNT as u64, 0), "what was never there is not braked");
    scene.take(2);
    scene.until(COUNT);
    keeper.kill();
    assert_eq!(scene.remembered(), (COUNT as u64, 2));
    scene.take(1);
    let keeper = scene.keep(&[]);
    scene.hear("2 in 1440 minutes are the most");
    scene.looks(3);
    assert_eq!(scene.alive().len(), COUNT - 1, "two in a day are the most");
    keeper.kill();
    scene.destroy_all();
}

#[test]
#[ignore = "a quarter of an hour"]
fn sixty_kills_of_a_keeper_hold_the_count() {
    let mut scene = Scene::set(FREE);
    let keeper = scene.keep(&[]);
    scene.until(COUNT);
    scene.looks(1);
    keeper.kill();
    let launches = Moment::ALL.into_iter().cycle().take(40).enumerate();
    let launches = launches.map(|(number, moment)| Point::Launch(1 + number % 8 / 4, moment));
    let times = (1..=20).map(|number| Point::After(Duration::from_millis(150 * number)));
    for (number, point) in launches.chain(times).enumerate() {
        killed_at(&mut scene, point);
        writeln!(std::io::stdout(), "{number}: {point:?}: six, none twice").unwrap();
    }
    scene.destroy_all();
}

/// The demo's cloud and hosts live in the process: this is all of it, from nothing to ready nodes.
#[test]
fn it_fills_what_was_never_there_and_leaves_when_all_is_ready() {
    let spot = Spot::new("");
    let demo = ["--demo", "--speed", "60"];
    let (keep, create) =
        (["keep", "--until", "ready", "--json"], ["create", "--wait", "--yes", "--json"]);
    for command in [keep, create] {
        filled(&spot.run(&[demo.as_slice(), command.as_slice()].concat()));
    }
}

fn filled(kept: &Ran) {
    assert_eq!(kept.code, 0, "{}", kept.told());
    assert_json_lines(&kept.out);
    let summary = kept.lines().pop().unwrap();
    assert_eq!(summary["event"], "summary");
    // Some may have been taken back meanwhile, and replaced.
    let [alive, ready] = ["alive", "ready"].map(|key| summary[key].as_u64().unwrap());
    assert!(alive > 0 && ready >= alive && summary["failed"] == 0, "{summary}");
}

#[test]
fn what_it_would_end_has_to_be_confirmed() {
    let mut scene = Scene::set(FREE);
    let keeper = scene.keep(&[]);
    scene.until(COUNT);
    keeper.kill();
    let path = scene.spot.path().join("config.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("total_instances: 6", "total_instances: 4")).unwrap();
    let refused = scene.spot.run(&["keep", "--once"]);
    assert_eq!(refused.code, 2, "{}", refused.told());
    assert!(refused.err.contains("keep would end 2 instances"), "{}", refused.told());
    assert_eq!(scene.alive().len(), COUNT);
    let keeper = scene.keep(&["--yes"]);
    scene.until(COUNT - 2);
    keeper.kill();
    assert!(scene.out().contains("1 more than wanted: ended in 60 s"), "{}", scene.out());
    scene.destroy_all();
}

#[test]
fn the_printed_unit_is_valid_and_its_keeper_tells_the_manager_that_it_lives() {
    let mut scene = Scene::set("");
    let printed = scene.spot.run(&["keep", "--print-unit"]);
    assert_eq!(printed.code, 0, "{}", printed.told());
    // In the lint root the program is another one, and the folder is not there.
    let program = env!("CARGO_BIN_EXE_spot-tui");
    let folder = fs::canonicalize(scene.spot.path()).unwrap();
    let text = printed.out.replace(program, "/usr/bin/systemd-analyze");
    assert!(text != printed.out, "it starts this program:\n{text}");
    let text =
        text.replace(&format!("WorkingDirectory={}", folder.display()), "WorkingDirectory=/");
    assert!(text.contains("Type=notify") && text.contains("WatchdogSec=2min"), "{text}");
    for (name, text, is_right) in [
        ("spot-tui-keep.service", text.clone(), true),
        ("spot-tui-wrong.service", text.replace("WatchdogSec", "WatchdogSek"), false),
    ] {
        fs::write(lint_root().join("tmp").join(name), text).unwrap();
        let path = format!("/tmp/{name}");
        let (_, said) = in_lint_root(&["systemd-analyze", "verify", "--man=no", &path]);
        assert_eq!(said.is_empty(), is_right, "{said}");
    }

    let path = scene.spot.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = scene.spot.command();
    command.args(["keep", "--json"]).stdin(Stdio::null()).stdout(Stdio::null());
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "2000000");
    let keeper = Keeper(command.spawn().unwrap());
    let mut told = BTreeSet::new();
    let mut hear = |last: &str| {
        while !told.contains(last) {
            let mut message = [0; 256];
            let length = socket.recv(&mut message).unwrap_or_else(|_| panic!("{last}: {told:?}"));
            let message = String::from_utf8_lossy(&message[..length]).into_owned();
            told.extend(message.lines().map(str::to_owned));
        }
    };
    for last in ["READY=1", "STATUS=0 of 6 ready", "WATCHDOG=1"] {
        hear(last);
    }
    scene.until(COUNT);
    assert_eq!(keeper.end(), Some(130));
    hear("STOPPING=1");
    scene.destroy_all();
}
