//! The stories in `tests/scenarios/`: the program's own loop and jobs against a demo cloud in
//! which something goes wrong, on a paused clock, minutes of it in a moment.
//!
//! A file has two parts. The first is the scenario, as `--scenario` reads it. The second, after a
//! line `---`, says with which configuration the story is played and what there has to be at the
//! end. A story is played once more without each of its faults: if it then ended in the same way,
//! it would tell nothing of that fault.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use spot_tui::app::Command;
use spot_tui::demo::hosts::HostFault;
use spot_tui::demo::{Scenario, Trouble};
use spot_tui::jobs::Pace;

use crate::support::stage::Stage;

const TWO_IN_OREGON: &str =
    "regions: [ { us-west-2: { machine_type: t3.medium, instances_per_region: 2 } } ]";

/// The second part of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Telling {
    /// `config.yaml`; two instances in us-west-2 where nothing is said.
    #[serde(default)]
    config: Option<String>,
    /// The same, as a file of the project.
    #[serde(default)]
    config_file: Option<PathBuf>,
    /// How long the story is watched, in seconds of the world; in any case until the create has
    /// ended.
    #[serde(default)]
    lasts_s: u32,
    /// Whether everything is destroyed then.
    #[serde(default)]
    destroy: bool,
    /// Whether its faults are taken out all at once: for a long story, whose faults each have a
    /// story of their own.
    #[serde(default)]
    is_long: bool,
    end: End,
}

/// What there has to be at the end. What is left out may be anything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    /// How many rows there are in each phase; phases that are left out have none.
    phases: BTreeMap<String, usize>,
    /// How many instances AWS has, by zone; those that are terminated do not count.
    #[serde(default)]
    zones: Option<BTreeMap<String, usize>>,
    /// What has to be in the log, each in one line.
    #[serde(default)]
    says: Vec<String>,
    /// What may not be in the log.
    #[serde(default)]
    never_says: Vec<String>,
    /// How long it takes at least until nothing is being changed any more, in seconds.
    #[serde(default)]
    at_least_s: u64,
    /// What an instance has to print, in one line.
    #[serde(default)]
    prints: Vec<String>,
    /// How often an action was called, exactly.
    #[serde(default)]
    calls: BTreeMap<String, usize>,
    /// What of ours AWS has at the end: instances, networks, keys. Only looked at after a destroy.
    #[serde(default)]
    left: Option<usize>,
}

impl Telling {
    fn config(&self) -> String {
        match (&self.config, &self.config_file) {
            (Some(text), _) => text.clone(),
            (None, Some(path)) => fs::read_to_string(project().join(path)).unwrap(),
            (None, None) => TWO_IN_OREGON.to_owned(),
        }
    }
}

/// A story as it is in its file.
struct Story {
    scenario: Scenario,
    telling: Telling,
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder() -> PathBuf {
    project().join("tests/scenarios")
}

impl Story {
    fn read(name: &str) -> Self {
        let path = folder().join(format!("{name}.yaml"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (_, telling) = text.split_once("\n---\n").unwrap_or_else(|| {
            panic!("{name}: there is no second part, after ---, that says how it ends")
        });
        Self {
            scenario: Scenario::parse(&text).unwrap(),
            telling: serde_yaml::from_str(telling)
                .unwrap_or_else(|error| panic!("{name}: {error}")),
        }
    }

    /// Plays it, with these faults. The stage at the end, and what is not as it should be.
    async fn play(&self, scenario: &Scenario) -> (Stage, Vec<String>) {
        let mut stage = Stage::set(&self.telling.config(), scenario.clone());
        stage.create(self.telling.lasts_s).await;
        if self.telling.destroy {
            stage.destroy().await;
        }
        let wrong = self.telling.end.differences(&stage).await;
        (stage, wrong)
    }
}

/// The scenario without one of its faults, for each of them.
fn without_each(scenario: &Scenario) -> Vec<(String, Scenario)> {
    let mut all = Vec::new();
    let mut less = |name: String, remove: &dyn Fn(&mut Scenario)| {
        let mut scenario = scenario.clone();
        remove(&mut scenario);
        all.push((name, scenario));
    };
    for n in 0..scenario.capacity.len() {
        less(format!("capacity[{n}]"), &|it| drop(it.capacity.remove(n)));
    }
    for n in 0..scenario.calls.len() {
        less(format!("calls[{n}]"), &|it| drop(it.calls.remove(n)));
    }
    for n in 0..scenario.impaired.len() {
        less(format!("impaired[{n}]"), &|it| drop(it.impaired.remove(n)));
    }
    for n in 0..scenario.instances.len() {
        less(format!("instances[{n}]"), &|it| drop(it.instances.remove(n)));
    }
    for n in 0..scenario.interruptions.len() {
        less(format!("interruptions[{n}]"), &|it| drop(it.interruptions.remove(n)));
    }
    for n in 0..scenario.hosts.len() {
        less(format!("hosts[{n}]"), &|it| drop(it.hosts.remove(n)));
    }
    if scenario.spot_vcpus.is_some() {
        less("spot_vcpus".into(), &|it| it.spot_vcpus = None);
    }
    all
}

impl End {
    async fn differences(&self, stage: &Stage) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut compare = |what: &str, is: String, should: String| {
            if is != should {
                wrong.push(format!("{what}: {is}, not {should}"));
            }
        };
        compare("phases", format!("{:?}", stage.phases()), format!("{:?}", self.phases));
        if let Some(zones) = &self.zones {
            compare("zones", format!("{:?}", stage.zones().await), format!("{zones:?}"));
        }
        for (action, count) in &self.calls {
            compare(action, stage.calls(action).to_string(), count.to_string());
        }
        if let Some(left) = self.left {
            compare("left at AWS", stage.left().await.to_string(), left.to_string());
        }
        let long_enough = stage.took().as_secs() >= self.at_least_s;
        compare("takes so long", long_enough.to_string(), "true".into());
        let (log, output) = (stage.log(), stage.output());
        for text in &self.prints {
            compare(&format!("prints '{text}'"), output.contains(text).to_string(), "true".into());
        }
        for text in &self.says {
            compare(&format!("log says '{text}'"), log.contains(text).to_string(), "true".into());
        }
        for text in &self.never_says {
            compare(&format!("log says '{text}'"), log.contains(text).to_string(), "false".into());
        }
        wrong
    }
}

async fn tell(name: &str) {
    let story = Story::read(name);
    let (stage, wrong) = Box::pin(story.play(&story.scenario)).await;
    let unmet = stage.unmet();
    assert!(unmet.is_empty(), "{name}: these faults never came: {unmet:?}\n{}", stage.log());
    assert!(wrong.is_empty(), "{name}: {wrong:#?}\n{}\n{}", stage.log(), stage.output());
    let lesser = if story.telling.is_long {
        vec![("any fault".to_owned(), Scenario::default())]
    } else {
        without_each(&story.scenario)
    };
    assert!(!lesser.is_empty(), "{name}: nothing goes wrong in it");
    for (fault, scenario) in lesser {
        let (stage, wrong) = Box::pin(story.play(&scenario)).await;
        assert!(!wrong.is_empty(), "{name}: it ends so without {fault} too\n{}", stage.log());
    }
}

fn kind_of_call(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::Throttle => "throttle",
        Trouble::Error { .. } => "error",
        Trouble::SilenceBefore => "silence_before",
        Trouble::SilenceAfter => "silence_after",
        Trouble::CutBefore => "cut_before",
        Trouble::CutAfter => "cut_after",
        Trouble::Gateway => "gateway",
        Trouble::GarbledAfter => "garbled_after",
    }
}

fn kind_of_host(fault: &HostFault) -> &'static str {
    match fault {
        HostFault::RefuseKey => "refuse_key",
        HostFault::ChangeHostKey => "change_host_key",
        HostFault::CutUpload { .. } => "cut_upload",
        HostFault::CutSetUp => "cut_set_up",
        HostFault::SudoPassword => "sudo_password",
        HostFault::FloodLog(_) => "flood_log",
        HostFault::EscapeSequences => "escape_sequences",
        HostFault::RebootForever => "reboot_forever",
        HostFault::NeverUp => "never_up",
        HostFault::SlowCloudInit(_) => "slow_cloud_init",
        HostFault::DiskFull => "disk_full",
        HostFault::SensorStuck(_) => "sensor_stuck",
        HostFault::Flood(_) => "flood",
    }
}

/// What goes wrong in a scenario, by its kinds.
fn kinds(scenario: &Scenario) -> Vec<&'static str> {
    let mut kinds: Vec<&str> = Vec::new();
    kinds.extend(scenario.capacity.iter().map(|_| "capacity"));
    kinds.extend(scenario.calls.iter().map(|fault| kind_of_call(&fault.trouble)));
    kinds.extend(scenario.instances.iter().map(|it| if it.runs { "dead" } else { "stillborn" }));
    kinds.extend(scenario.interruptions.iter().map(|_| "interruption"));
    kinds.extend(scenario.hosts.iter().map(|fault| kind_of_host(&fault.fault)));
    kinds.extend(scenario.impaired.iter().map(|_| "impaired"));
    kinds.extend(scenario.spot_vcpus.map(|_| "spot_vcpus"));
    kinds
}

/// 8 kinds of trouble with a call, 13 with a host, 2 with an instance, and capacity, interruptions,
/// EC2's own checks and the quota.
const KINDS: usize = 27;

#[test]
fn every_kind_of_fault_occurs() {
    let told: BTreeSet<&str> =
        STORIES.iter().flat_map(|name| kinds(&Story::read(name).scenario)).collect();
    assert_eq!(told.len(), KINDS, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_tells_the_same_story() {
    async fn told(seed: Option<u64>) -> (String, usize) {
        let story = Story::read("half_full");
        let scenario = Scenario { seed, ..story.scenario.clone() };
        let (stage, _) = Box::pin(story.play(&scenario)).await;
        (stage.log(), stage.calls("DescribeInstances"))
    }
    let once = told(Some(5)).await;
    assert_eq!(told(Some(5)).await, once);
    assert_ne!(told(Some(6)).await, once);
}

/// It goes on there, silently, and holds its lock for longer than a cut is tried again.
#[tokio::test(start_paused = true)]
async fn a_set_up_whose_connection_was_lost_is_waited_for() {
    let slow = "hosts:\n  - { region: us-west-2, fault: { slow_cloud_init: 600 } }\n";
    let one = "regions: [ { us-west-2: { machine_type: t3.medium } } ]";
    let (mut stage, wire) = Stage::wired(one, Scenario::parse(slow).unwrap(), Pace::default());
    stage.command(Command::Refresh);
    stage.command(Command::create(None));
    let waits = |stage: &Stage| stage.output().contains("cloud-init is still running");
    stage.until(600, "it is set up", waits).await;
    wire.lose();
    let is_ready = |stage: &Stage| stage.phases().contains_key("Ready");
    stage.until(3000, "it is ready", is_ready).await;
    let (log, output) = (stage.log(), stage.output());
    let refused = output.matches("ERROR another deployment is running").count();
    assert!(refused > 10, "{refused}: {output}");
    let said = "another deployment is running on the instance: waiting for its end";
    assert_eq!(log.matches(said).count(), 1, "{log}");
}

/// One test a story.
macro_rules! stories {
    ($($name:ident)*) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                tell(stringify!($name)).await;
            }
        )*

        const STORIES: &[&str] = &[$(stringify!($name)),*];
    };
}

#[test]
fn every_story_in_the_folder_is_told() {
    let there = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    for path in there.filter(|path| path.extension().is_some_and(|end| end == "yaml")) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(STORIES.contains(&name.as_str()), "{name} is told by no test");
    }
}

stories! {
    attack_8_set_up_cut
    destroy_hindered
    destroy_throttled
    disk_full
    escape_sequences
    half_full
    impaired
    interrupted
    key_changed
    key_refused
    launch_cut
    launch_garbled
    launch_lost
    launch_silent
    launch_throttled
    launch_unreachable
    launch_unsent
    log_flood
    look_denied
    network_denied
    network_lost
    never_up
    no_system
    quota
    region_full
    restarts_forever
    second_type
    sensor_stuck
    flood
    slow_cloud_init
    stillborn
    sudo_password
    tour
    upload_always_cut
    upload_cut_once
    zone_full
}
