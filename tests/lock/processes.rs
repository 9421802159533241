//! Two folders without a common file, against moto: what the second one says of the first, what one that
//! was suspended does when it wakes, and that a destroy waits for nobody.
//!
//! moto 5.2.5 shows in DescribeLaunchTemplates the tags of a template's birth for ever
//! (`LaunchTemplate.__init__` copies them); what CreateTags writes later only DescribeTags tells. AWS
//! shows it in both. So here nobody sees a renewal, or that a lock was let go of and stands: those are
//! told in `turns` and `histories`, on the demo cloud.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::eye::{Eye, ours};
use crate::support::moto::Moto;
use crate::support::proxy::Proxy;
use crate::support::spot::Spot;
use crate::support::terminal::Terminal;

const REGION: &str = "us-west-2";
const PATIENCE: Duration = Duration::from_mins(2);

/// A machine's folder, with the configuration that all have.
fn machine(proxy: &Proxy) -> Spot {
    let spot = Spot::new(proxy.url());
    configure(&spot, 3);
    spot
}

/// So many are wanted, and each is being set up for longer than any story.
fn configure(spot: &Spot, count: usize) {
    let nowhere = "Host *\n  HostName 127.0.0.1\n  Port 9\n";
    let ssh_config = spot.write("ssh_config", 0o644, nowhere.as_bytes());
    let regions = format!("  - {REGION}: {{ machine_type: t3.medium }}\n");
    spot.configure(&ssh_config, 3000, &format!("  total_instances: {count}"), &regions);
}

/// `keep`, until it is killed.
struct Keeper<'a> {
    child: Child,
    spot: &'a Spot,
}

impl<'a> Keeper<'a> {
    fn start(spot: &'a Spot) -> Self {
        let out = fs::File::create(spot.path().join("out")).unwrap();
        let mut command = spot.command();
        command.arg("keep").stdin(Stdio::null()).stderr(out.try_clone().unwrap()).stdout(out);
        Self { child: command.spawn().unwrap(), spot }
    }

    /// What it printed so far.
    fn out(&self) -> String {
        fs::read_to_string(self.spot.path().join("out")).unwrap_or_default()
    }

    fn says(&self, what: &str) {
        until(what, || self.out().contains(what), || self.out());
    }

    /// What others say of it.
    fn named(&self) -> String {
        format!("process {} on ", self.child.id())
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Suspends it, as a lid that is closed does: from here on it sends nothing.
    fn suspend(&self) {
        self.signal(Signal::STOP);
        let stat = format!("/proc/{}/stat", self.child.id());
        let is_stopped = || fs::read_to_string(&stat).unwrap().contains(") T ");
        until("it is stopped", is_stopped, || self.out());
    }
}

impl Drop for Keeper<'_> {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool, told: impl Fn() -> String) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}\n{}", told());
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

/// Moto behind the recording proxy, and boto3's eye.
struct Scene {
    moto: Moto,
    proxy: Proxy,
    eye: Eye,
}

impl Scene {
    fn set() -> Self {
        let moto = Moto::start();
        let proxy = Proxy::start(moto.address());
        proxy.limit_regions(&[REGION]);
        let mut eye = Eye::open();
        eye.settle_strangers(&moto.url(), &[REGION]);
        Self { moto, proxy, eye }
    }

    /// The ids of what is ours, the locks and the rest.
    fn ours(&mut self) -> (BTreeSet<String>, BTreeSet<String>) {
        let seen = self.eye.alive(&self.moto.url(), &[REGION]);
        let ids = ours(&seen).map(|(_, id)| id.clone());
        ids.partition(|id| id.starts_with("lt-"))
    }

    /// How many locks there are, and how much of ours besides.
    fn count(&mut self) -> (usize, usize) {
        let (locks, rest) = self.ours();
        (locks.len(), rest.len())
    }

    fn instances(&mut self) -> BTreeSet<String> {
        self.ours().1.into_iter().filter(|id| id.starts_with("i-")).collect()
    }

    fn lock(&mut self) -> String {
        self.ours().0.pop_first().unwrap()
    }

    /// What DescribeTags tells of a lock.
    fn told(&mut self, lock: &str) -> BTreeMap<String, String> {
        self.eye.told(&self.moto.url(), REGION, lock)
    }

    /// The process that holds the lock, as DescribeTags tells.
    fn holder(&mut self) -> Option<String> {
        let lock = self.ours().0.pop_first()?;
        self.told(&lock).remove("LockHolder")
    }

    /// How many were ever launched.
    fn launched(&mut self) -> usize {
        self.eye.launched(&self.moto.url(), &[REGION]).len()
    }

    fn until_launched(&mut self, count: usize, keeper: &Keeper<'_>) {
        until(&format!("{count} launched"), || self.launched() == count, || keeper.out());
    }

    /// Keeps from this folder, until the three of the configuration run.
    fn keep<'a>(&mut self, spot: &'a Spot) -> Keeper<'a> {
        let keeper = Keeper::start(spot);
        self.until_launched(3, &keeper);
        keeper.says("Running");
        keeper
    }

    /// Somebody ends an instance of ours.
    fn end_one(&mut self) {
        let id = self.instances().pop_first().unwrap();
        self.eye.terminate(&self.moto.url(), REGION, &[&id]);
    }
}

#[test]
fn the_second_machine_says_who_keeps_the_fleet_and_destroys_all_the_same() {
    let mut scene = Scene::set();
    let (one, other) = (machine(&scene.proxy), machine(&scene.proxy));
    let keeper = scene.keep(&one);
    let lock = scene.proxy.calls_of("CreateLaunchTemplate").remove(0);
    assert_eq!(lock.parameter("LaunchTemplateName"), Some("spot-tui-lock-spot-test"));
    let told = format!("kept by {}", keeper.named());

    for command in [["create", "--yes"], ["create", "--dry-run"]] {
        let refused = other.run(&command);
        let is_told = refused.told().contains(&format!("nothing is launched here: {told}"));
        assert!(refused.code == 1 && is_told, "{}", refused.told());
    }
    let listed = other.run(&["list"]);
    assert!(listed.out.contains(&told), "{}", listed.told());
    let kept_once = other.run(&["keep", "--once", "--yes"]);
    assert!(kept_once.code == 1 && kept_once.told().contains(&told), "{}", kept_once.told());
    let dashboard = Terminal::start(other.on_terminal(), (140, 40));
    dashboard.wait_for(&format!("KEPT ELSEWHERE: {}", keeper.named()));
    drop(dashboard);
    assert_eq!(scene.launched(), 3);

    // It hangs: the lock stands for minutes, and nobody waits for it.
    keeper.suspend();
    let left = other.run(&["cleanup", "--yes"]);
    assert_eq!(left.code, 0, "{}", left.told());
    assert_eq!(scene.count().0, 1, "cleanup took a live lock: {}", left.told());
    let gone = other.run(&["destroy", "--all", "--yes"]);
    assert_eq!(gone.code, 0, "{}", gone.told());
    assert!(gone.told().contains(&keeper.named()), "{}", gone.told());
    assert_eq!(scene.count(), (0, 0), "{}", gone.told());
}

#[test]
fn a_stop_goes_on_and_says_who_keeps_the_fleet() {
    let mut scene = Scene::set();
    let (one, other) = (machine(&scene.proxy), machine(&scene.proxy));
    for spot in [&one, &other] {
        let path = spot.path().join("config.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace("t3.medium }", "t3.medium, lifecycle: on-demand }");
        fs::write(path, text).unwrap();
    }
    let keeper = scene.keep(&one);
    let id = scene.instances().pop_first().unwrap();
    let stopped = other.run(&["stop", &id, "--yes"]);
    let told = format!("stop: who keeps the fleet goes on: {}", keeper.named());
    assert!(stopped.code == 0 && stopped.told().contains(&told), "{}", stopped.told());
    assert_eq!(scene.launched(), 3, "{}", keeper.out());
}

#[test]
fn a_process_of_this_machine_that_was_killed_is_not_waited_for() {
    let mut scene = Scene::set();
    let (one, other) = (machine(&scene.proxy), machine(&scene.proxy));
    let keeper = scene.keep(&one);
    let (lock, named) = (scene.lock(), keeper.named());
    let waiting = Keeper::start(&other);
    waiting.says(&format!("kept by {named}"));
    drop((keeper, waiting));

    // kill -9, and its files are lost, so that it does not know its own lock.
    let files = fs::read_dir(one.path()).unwrap().map(|file| file.unwrap().path());
    let state = files.filter(|path| path.to_string_lossy().contains("instances.json"));
    assert!(state.map(|path| fs::remove_file(path).unwrap()).count() > 1);
    let keeper = Keeper::start(&one);
    keeper.says(&format!("the lock of {named}"));
    keeper.says("another machine launched before");
    scene.end_one();
    scene.until_launched(4, &keeper);
    assert_ne!(scene.lock(), lock, "{}", keeper.out());
    assert_eq!(scene.instances().len(), 3, "{}", keeper.out());
}

#[test]
fn one_that_was_suspended_launches_nothing_when_it_wakes() {
    let mut scene = Scene::set();
    let (one, other) = (machine(&scene.proxy), machine(&scene.proxy));
    let sleeper = scene.keep(&one);
    sleeper.suspend();
    // Whoever takes over after some minutes deletes it by its id, as boto3 does now.
    let lock = scene.lock();
    scene.eye.drop_template(&scene.moto.url(), REGION, &lock);
    let keeper = Keeper::start(&other);
    until("the other one has it", || scene.count().0 == 1, || keeper.out());
    scene.end_one();
    scene.until_launched(4, &keeper);

    // It wakes where one is missing, and takes the lock for its own.
    scene.end_one();
    sleeper.signal(Signal::CONT);
    sleeper.says("has it now");
    assert!(sleeper.out().contains(&keeper.named()), "{}", sleeper.out());
    scene.until_launched(5, &keeper);
    scene.end_one();
    scene.until_launched(6, &keeper);
    until("three are there", || scene.instances().len() == 3, || keeper.out());
    assert_eq!(scene.launched(), 6, "{}", sleeper.out());
    assert_ne!(scene.lock(), lock);
}

#[test]
fn a_create_lets_go_of_its_lock_and_a_nuke_leaves_none() {
    let mut scene = Scene::set();
    let (one, other) = (machine(&scene.proxy), machine(&scene.proxy));
    one.configure_without_hosts("  total_instances: 1", &[REGION]);
    let made = one.run(&["create", "--yes"]);
    assert_eq!(scene.launched(), 1, "{}", made.told());
    // It ended a moment after its launch: its lock stands, and says that it is free.
    let lock = scene.lock();
    let told = scene.told(&lock);
    assert_eq!(told["LockExpiresAt"], "free", "{told:?}\n{}", made.told());

    // The next process of the same files knows it for its own, also after one that was killed.
    configure(&one, 1);
    for _ in 0..2 {
        let keeper = Keeper::start(&one);
        let pid = keeper.child.id().to_string();
        until("it is held", || scene.holder().as_ref() == Some(&pid), || keeper.out());
    }
    assert_eq!(scene.count().0, 1);
    let gone = other.run(&["nuke", "--yes", "--account", "123456789012"]);
    assert_eq!(gone.code, 0, "{}", gone.told());
    assert_eq!(scene.count(), (0, 0), "{}", gone.told());
}
