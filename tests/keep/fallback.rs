//! A keeper that falls back to on demand, and is killed on the way there and on the way back, against a
//! demo cloud of its own: what spot there is a crowd has, until it leaves. Minutes that a keeper would
//! wait pass while none runs: what it remembers is made older.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::support::demo_cloud::DemoCloud;

const REGION: &str = "us-west-2";
/// How many are wanted, of which half may be on demand.
const WANTED: usize = 4;

/// All room that there is for spot is taken; on demand there is more.
const CROWDED: &str = "capacity: [{ zone: us-west-2a, limit: 20, spot_only: true }]\n\
                       running: [{ zone: us-west-2a, machine_type: t3.medium, count: 20, \
                       deployment: crowd }]\n";

/// What was there: all that ever was, and the most at once, in all and in the place of spot.
#[derive(Debug, Default)]
struct Sighted {
    ids: BTreeSet<String>,
    most: (usize, usize),
}

/// Who looks all the time, beside the story.
struct Watcher {
    sighted: Arc<Mutex<Sighted>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    fn start(url: String) -> Self {
        let (sighted, ends) = (Arc::<Mutex<Sighted>>::default(), Arc::<AtomicBool>::default());
        let (told, is_over) = (Arc::clone(&sighted), Arc::clone(&ends));
        let thread = std::thread::spawn(move || {
            let mut eye = Eye::open();
            while !is_over.load(Ordering::SeqCst) {
                let up = of("spot-test", eye.up(&url, REGION));
                let (all, on_demand) = count(&up);
                let mut told = told.lock().unwrap();
                told.most = (told.most.0.max(all), told.most.1.max(on_demand));
                told.ids.extend(up.into_keys());
                drop(told);
                std::thread::park_timeout(Duration::from_millis(100));
            }
        });
        Self { sighted, ends, thread: Some(thread) }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

type Tagged = BTreeMap<String, BTreeMap<String, String>>;

fn of(deployment: &str, mut up: Tagged) -> Tagged {
    up.retain(|_, tags| tags.get("DeploymentId").is_some_and(|it| it == deployment));
    up
}

/// How many, and how many of these in the place of spot.
fn count(up: &Tagged) -> (usize, usize) {
    (up.len(), up.values().filter(|tags| tags.contains_key("FallbackFor")).count())
}

/// A demo cloud behind the proxy, a user, and two eyes.
struct Town {
    watcher: Watcher,
    eye: Eye,
    spot: Spot,
    proxy: Proxy,
    cloud: DemoCloud,
}

impl Town {
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scenario = folder.path().join("scenario.yaml");
        fs::write(&scenario, CROWDED).unwrap();
        let cloud = DemoCloud::start(&["--speed", "60", "--scenario", scenario.to_str().unwrap()]);
        let proxy = Proxy::start(cloud.address());
        proxy.limit_regions(&[REGION]);
        let spot = Spot::new(proxy.url());
        let ssh_config = spot.write("ssh_config", 0o644, b"");
        let region = format!(
            "  - {REGION}: {{ machine_type: t3.medium, availability_zones: [us-west-2a], \
             instances_per_region: {WANTED} }}\n"
        );
        spot.configure(&ssh_config, 60, "", &region);
        let port = cloud.ssh_port();
        spot.add_configuration(&format!("  port: {port}\n  allow_from: 127.0.0.1/32\n"));
        spot.add_configuration(&format!("fallback: true\n{FREE}"));
        let watcher = Watcher::start(cloud.url().to_owned());
        Self { watcher, eye: Eye::open(), spot, proxy, cloud }
    }

    fn keep(&self) -> Keeper {
        let out = self.spot.path().join("out");
        let out = fs::File::options().create(true).append(true).open(out).unwrap();
        let mut command = self.spot.command();
        command.arg("keep").stdin(Stdio::null());
        Keeper(command.stderr(out.try_clone().unwrap()).stdout(out).spawn().unwrap())
    }

    fn out(&self) -> String {
        fs::read_to_string(self.spot.path().join("out")).unwrap_or_default()
    }

    fn state(&self) -> Value {
        let text = fs::read_to_string(self.spot.path().join("instances.json"));
        text.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// What is remembered of whether spot is given.
    fn breaker(&self) -> BTreeMap<String, Timestamp> {
        let breaker = self.state()["upkeep"]["spot"][REGION].clone();
        let known = breaker.as_object().into_iter().flatten();
        known.filter_map(|(name, at)| Some((name.clone(), at.as_str()?.parse().ok()?))).collect()
    }

    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "{what}: {:?}\n{}", self.breaker(), self.out());
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// How many are there, and how many of these in the place of spot.
    fn there(&mut self) -> (usize, usize) {
        count(&of("spot-test", self.eye.up(self.cloud.url(), REGION)))
    }

    fn until_there(&mut self, all: usize, on_demand: usize) {
        let what = format!("{all} are there, {on_demand} on demand");
        self.until(&what, |town| town.there() == (all, on_demand));
    }

    fn until_ready(&mut self, count: usize) {
        let is_ready = |row: &&Value| row["phase"]["is"] == "ready";
        let what = format!("{count} are ready");
        self.until(&what, |town| town.spot.state().iter().filter(is_ready).count() == count);
    }

    /// What has all spot leaves.
    fn disperse(&mut self) {
        let crowd = of("crowd", self.eye.up(self.cloud.url(), REGION));
        let ids: Vec<&str> = crowd.keys().map(String::as_str).collect();
        self.eye.terminate(self.cloud.url(), REGION, &ids);
    }

    /// Nobody keeps for so many minutes: what is remembered of spot is so much older.
    fn pass(&self, minutes: i64) {
        let mut state = self.state();
        for (name, at) in self.breaker() {
            let earlier = at - SignedDuration::from_mins(minutes);
            state["upkeep"]["spot"][REGION][name] = earlier.to_string().into();
        }
        fs::write(self.spot.path().join("instances.json"), state.to_string()).unwrap();
    }

    /// A keeper is started, and killed at its first call of this kind.
    fn killed_at(&self, action: &str, moment: Moment) {
        let trap = self.proxy.trap(Some(action), 1, moment);
        let keeper = self.keep();
        let sprung = trap.sprung.recv_timeout(PATIENCE);
        assert!(sprung.is_ok(), "{action} {moment:?}: {:?}\n{}", self.breaker(), self.out());
        keeper.kill();
        trap.gate.open();
    }
}

#[test]
fn a_keeper_that_is_killed_on_the_way_to_on_demand_and_back_has_what_is_wanted_and_never_more() {
    let mut town = Town::set();
    let keeper = town.keep();
    town.until("spot is refused", |town| town.breaker().contains_key("refused"));
    keeper.kill();
    assert_eq!(town.there(), (0, 0));

    // On demand: half of what is wanted.
    town.pass(11);
    town.killed_at("RunInstances", Moment::Unsent);
    let opened = town.breaker()["opened"];
    town.killed_at("RunInstances", Moment::Unanswered);
    let keeper = town.keep();
    town.until_ready(2);
    assert_eq!((town.there(), town.breaker()["opened"]), ((2, 2), opened), "{}", town.out());
    keeper.kill();

    // One is tried as spot.
    town.disperse();
    town.pass(16);
    town.killed_at("RunInstances", Moment::Unanswered);
    let keeper = town.keep();
    town.until_ready(3);
    assert_eq!(town.there(), (3, 2), "{}", town.out());
    town.until("it counts as given", |town| town.breaker().contains_key("held"));
    keeper.kill();

    // It is held: what is missing comes, and those on demand give way one by one.
    town.pass(31);
    for (action, moment) in [
        ("RunInstances", Moment::Unsent),
        ("RunInstances", Moment::Unanswered),
        ("TerminateInstances", Moment::Unsent),
        ("TerminateInstances", Moment::Unanswered),
    ] {
        town.killed_at(action, moment);
        assert!(!town.breaker().contains_key("opened"), "{action} {moment:?}: {}", town.out());
    }
    let keeper = town.keep();
    town.until_there(WANTED, 0);
    town.until_ready(WANTED);
    keeper.kill();

    let gone = town.spot.run(&["destroy", "--all", "--yes"]);
    assert_eq!(gone.code, 0, "{}", gone.told());
    let left = town.eye.alive(town.cloud.url(), &[REGION]);
    assert_eq!(ours(&left).next(), None);
    let sighted = town.watcher.sighted.lock().unwrap();
    assert!(sighted.most.0 <= WANTED + 1 && sighted.most.1 <= WANTED / 2, "{sighted:?}");
    // Two on demand and four of spot: none twice.
    assert_eq!(sighted.ids.len(), WANTED + WANTED / 2, "{sighted:?}\n{}", town.out());
}
