//! How a node is: what was last seen on it, and the verdict that follows.
//!
//! Ready means that all of it was seen working: the deployment, the services, the node's API, the
//! sensor's data, and the orchestrator's word that the node is a connected member.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::idle::Idle;
use super::text::clean_line;

/// Less free space than this on the root disk, in KiB, is trouble to come: Docker needs room.
const LEAST_DISK_KB: u64 = 512 * 1024;

/// So many readings that were due and did not come are no accident.
const TURNS: f64 = 2.0;

/// The units of `instance/scripts`.
const OUR_UNITS: [&str; 4] = [
    "bacalhau-startup.service",
    "setup-config.service",
    "bacalhau.service",
    "sensor-generator.service",
];

/// What was seen on a node at one look. Unknown is `None`; unknown parts of a report are passed
/// over.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Vitals {
    /// cloud-init's own word: `done`, `running`, `error`, `disabled`.
    pub cloud_init: Option<String>,
    /// Which of the files that the services read are there; `None` for those that nobody deployed.
    pub files: BTreeMap<String, Option<bool>>,
    /// The last run of the deployment.
    pub deployment: Deployment,
    /// systemd's word for each of our units: `active`, `failed`, ...
    pub units: BTreeMap<String, Option<String>>,
    /// The version of the Docker daemon that answers.
    pub docker: Option<String>,
    /// Whether the compute node's API says that it is alive.
    pub bacalhau_alive: bool,
    /// What the sensor counted; `None` where it does not answer.
    pub sensor: Option<Readings>,
    /// The way from the node to its orchestrator.
    pub orchestrator: OrchestratorLink,
    /// Work of all processors in the last second.
    pub cpu_percent: Option<u8>,
    /// The root disk.
    pub disk: Option<Usage>,
    /// The memory.
    pub memory: Option<Usage>,
    /// Seconds since the boot.
    pub uptime: Option<u64>,
    /// When AWS takes the instance back, as its metadata say.
    pub spot_notice: Option<String>,
    /// When AWS recommended to replace it, for its risk of interruption is elevated (EC2 instance
    /// rebalance recommendations). Only its metadata say so: EC2 has no call that tells.
    pub rebalance: Option<String>,
    /// How it stands, where it stops by itself when nothing goes on.
    pub idle: Option<Idle>,
    /// How many seconds of its lease are left; `None` where it has none.
    #[serde(default)]
    pub lease_s: Option<u64>,
    /// Readings a second since an earlier look; `None` where there was none, or where so little
    /// time went by that a slow sensor may not have had its turn.
    #[serde(skip)]
    pub sensor_rate: Option<f64>,
    /// What the orchestrator says; `None` where none is asked.
    #[serde(skip)]
    pub membership: Option<NodeMembership>,
}

/// The last run of `deploy_services.sh`, from its log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Deployment {
    /// Its exit code; `None` while it is under way.
    pub exit: Option<u32>,
    /// The last line of its log.
    pub last: Option<String>,
}

/// What a sensor counted since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Readings {
    /// Whether it says that it runs; `None` on a node whose `node-status` did not ask yet.
    pub running: Option<bool>,
    /// Readings that were written.
    pub readings: u64,
    /// Those that could not be written.
    pub errors: u64,
    /// Seconds since it began.
    pub elapsed_s: u64,
    /// Readings a second that it means to write.
    pub per_second: Option<f64>,
}

/// The way from the node to its orchestrator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OrchestratorLink {
    /// `host:port` of its NATS server; `None` where the node joins nothing.
    pub address: Option<String>,
    /// Whether that takes a connection from the node.
    pub reachable: bool,
}

/// Room and what is left of it, in KiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All of it.
    pub total_kb: u64,
    /// What is free.
    pub free_kb: u64,
}

impl Usage {
    /// What is used, in whole percent.
    pub fn used_percent(self) -> u8 {
        let used = u128::from(self.total_kb.saturating_sub(self.free_kb));
        u8::try_from(used * 100 / u128::from(self.total_kb.max(1))).unwrap_or(100)
    }
}

/// What the orchestrator says of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeMembership {
    /// It is connected and may work.
    Connected,
    /// It is known and not connected.
    Disconnected,
    /// A person has to approve it.
    Pending,
    /// A person refused it.
    Rejected,
    /// It never came.
    Absent,
    /// The orchestrator did not tell, for this reason.
    Unanswered(String),
}

impl fmt::Display for NodeMembership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("connected"),
            Self::Disconnected => f.write_str("disconnected"),
            Self::Pending => f.write_str("waits for approval"),
            Self::Rejected => f.write_str("rejected"),
            Self::Absent => f.write_str("not a member"),
            Self::Unanswered(why) => write!(f, "unknown: {why}"),
        }
    }
}

/// One line of a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// Whether it is well.
    pub good: bool,
    /// What was seen, as the user reads it.
    pub text: String,
}

impl Vitals {
    /// The verdict, a line for each part, in the order in which a node comes up.
    pub fn verdict(&self) -> Vec<Check> {
        let mut checks = vec![
            self.cloud_init(),
            self.deployment(),
            self.files(),
            self.docker(),
            self.units(),
            self.bacalhau(),
            self.sensor(),
            self.disk(),
            self.way(),
        ];
        checks.extend(self.membership.as_ref().map(|membership| Check {
            name: "membership",
            good: *membership == NodeMembership::Connected,
            text: format!("the orchestrator's word for the node: {membership}"),
        }));
        checks
    }

    /// What does not work, in one sentence; `None` when all is well.
    pub fn trouble(&self) -> Option<String> {
        let bad: Vec<String> = self
            .verdict()
            .into_iter()
            .filter(|check| !check.good)
            .map(|check| check.text)
            .collect();
        (!bad.is_empty()).then(|| bad.join("; "))
    }

    /// Whether a deployment came to its end on this node.
    pub fn is_deployed(&self) -> bool {
        self.deployment.exit == Some(0)
    }

    /// Whether any of its services has begun.
    pub fn is_at_work(&self) -> bool {
        self.units.values().any(|state| state.as_deref() == Some("active"))
    }

    /// Whether the sensor was seen writing: between two looks, for what it counted before the
    /// first one may be long ago. The sensor's own word for its health is not asked: the generator
    /// (v1.17.0) answers 503 "unhealthy" for ever while it writes.
    pub fn is_sensor_writing(&self) -> bool {
        self.sensor_rate.is_some_and(|rate| rate > 0.0)
    }

    /// Takes the sensor's rate from what it counted since an earlier look. One that was started
    /// anew meanwhile counts from its own beginning.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn measure(&mut self, earlier: Option<&Self>) {
        let Some(now) = self.sensor else { return };
        let Some(before) = earlier.and_then(|earlier| earlier.sensor) else { return };
        let is_same = before.elapsed_s <= now.elapsed_s && before.readings <= now.readings;
        let before = if is_same { before } else { Readings::default() };
        let seconds = (now.elapsed_s - before.elapsed_s) as f64;
        let written = (now.readings - before.readings) as f64;
        // A sensor that is to write once a minute stands still in between.
        let is_telling = written > 0.0 || seconds * now.per_second.unwrap_or(1.0) >= TURNS;
        self.sensor_rate = is_telling.then(|| written / seconds.max(1.0));
    }

    fn cloud_init(&self) -> Check {
        let word = self.cloud_init.as_deref().unwrap_or("not there");
        // An image without it is the user's own affair: the deployment says what is missing.
        let good = !matches!(word, "error" | "running");
        Check { name: "cloud-init", good, text: format!("cloud-init: {}", clean_line(word)) }
    }

    fn deployment(&self) -> Check {
        let text = match self.deployment.exit {
            Some(0) => "the deployment is complete".to_owned(),
            Some(code) => format!("the deployment ended with exit code {code}"),
            None => {
                let last = self.deployment.last.as_deref().unwrap_or("no log");
                format!("the deployment is not finished: {}", clean_line(last))
            }
        };
        Check { name: "deployment", good: self.is_deployed(), text }
    }

    fn files(&self) -> Check {
        let gone = self.files.iter().filter(|(_, there)| **there == Some(false));
        let mut missing: Vec<String> = gone.map(|(name, _)| clean_line(name)).collect();
        if self.files.is_empty() {
            missing.push("everything".into());
        }
        let good = missing.is_empty();
        let text = if good {
            "all files are in place".to_owned()
        } else {
            format!("files are missing: {}", missing.join(", "))
        };
        Check { name: "files", good, text }
    }

    fn docker(&self) -> Check {
        let text = match &self.docker {
            Some(version) => format!("Docker {} answers", clean_line(version)),
            None => "Docker does not answer".to_owned(),
        };
        Check { name: "docker", good: self.docker.is_some(), text }
    }

    fn units(&self) -> Check {
        let down: Vec<String> = self
            .units
            .iter()
            .filter(|(unit, state)| is_down(unit, state.as_deref()))
            .map(|(unit, state)| {
                clean_line(&format!("{unit} is {}", state.as_deref().unwrap_or("unknown")))
            })
            .collect();
        let text = match (self.units.len(), down.as_slice()) {
            (0, _) => "no services are installed".to_owned(),
            (count, []) => format!("all {count} units are well"),
            _ => down.join(", "),
        };
        Check { name: "units", good: !self.units.is_empty() && down.is_empty(), text }
    }

    fn bacalhau(&self) -> Check {
        let good = self.bacalhau_alive;
        let text = if good { "Bacalhau is alive" } else { "Bacalhau does not answer" };
        Check { name: "bacalhau", good, text: text.to_owned() }
    }

    fn sensor(&self) -> Check {
        let (good, text) = match (self.sensor, self.sensor_rate) {
            (None, _) => (false, "the sensor does not answer".to_owned()),
            (Some(Readings { running: Some(false), .. }), _) => {
                (false, "the sensor says that it does not run".to_owned())
            }
            (Some(_), Some(rate)) if rate <= 0.0 => (false, "the sensor writes nothing".to_owned()),
            (Some(_), Some(rate)) => {
                (true, format!("the sensor writes {rate:.1} readings a second"))
            }
            (Some(_), None) => (true, "the sensor runs".to_owned()),
        };
        Check { name: "sensor", good, text }
    }

    fn disk(&self) -> Check {
        let free = self.disk.map(|disk| disk.free_kb);
        let good = free.is_none_or(|free| free >= LEAST_DISK_KB);
        let text = match free {
            Some(free) if good => format!("{} MiB are free on the disk", free / 1024),
            Some(free) => format!("the disk is full: {} MiB are free", free / 1024),
            None => "the disk is unknown".to_owned(),
        };
        Check { name: "disk", good, text }
    }

    fn way(&self) -> Check {
        let (good, text) = match &self.orchestrator {
            OrchestratorLink { address: None, .. } => (true, "the node joins nothing".to_owned()),
            OrchestratorLink { address: Some(address), reachable } => {
                let not = if *reachable { "" } else { "not " };
                let address = clean_line(address);
                (*reachable, format!("the orchestrator {address} is {not}reachable from the node"))
            }
        };
        Check { name: "orchestrator", good, text }
    }
}

/// Our units run as long as the node does; one that the user added may well have ended.
fn is_down(unit: &str, state: Option<&str>) -> bool {
    if OUR_UNITS.contains(&unit) { state != Some("active") } else { state == Some("failed") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Vitals {
        let text = r#"{"cloud_init":"done","files":{"orchestrator_token":true},
            "deployment":{"exit":0},"units":{"bacalhau.service":"active"},"docker":"27.5.1",
            "bacalhau_alive":true,
            "sensor":{"running":true,"readings":20,"errors":0,"elapsed_s":10,"per_second":1},
            "orchestrator":{"address":"h:4222","reachable":true},
            "disk":{"total_kb":8000000,"free_kb":6000000},"new":1}"#;
        let mut vitals: Vitals = serde_json::from_str(text).unwrap();
        vitals.measure(None);
        vitals.membership = Some(NodeMembership::Connected);
        vitals
    }

    #[test]
    fn all_that_was_seen_working_is_no_trouble() {
        assert_eq!(good().trouble(), None);
        let apart = Vitals { membership: None, ..good() };
        assert_eq!(apart.trouble(), None, "nobody is asked where no orchestrator is configured");
    }

    #[test]
    fn each_thing_that_is_broken_is_named() {
        type Break = fn(&mut Vitals);
        let broken: [(Break, &str); 11] = [
            (|node| node.cloud_init = Some("error".into()), "cloud-init: error"),
            (|node| node.deployment.exit = Some(84), "exit code 84"),
            (|node| node.deployment = Deployment::default(), "not finished: no log"),
            (|node| _ = node.files.insert("token".into(), Some(false)), "missing: token"),
            (|node| node.docker = None, "Docker does not answer"),
            (
                |node| _ = node.units.insert("bacalhau.service".into(), None),
                "bacalhau.service is unknown",
            ),
            (|node| node.bacalhau_alive = false, "Bacalhau does not answer"),
            (|node| node.sensor = None, "the sensor does not answer"),
            (|node| node.disk = Some(Usage { total_kb: 1, free_kb: 0 }), "the disk is full"),
            (|node| node.orchestrator.reachable = false, "h:4222 is not reachable"),
            (|node| node.membership = Some(NodeMembership::Absent), "not a member"),
        ];
        for (breaks, words) in broken {
            let mut vitals = good();
            breaks(&mut vitals);
            let trouble = vitals.trouble().unwrap_or_default();
            assert!(trouble.contains(words) && !trouble.contains(';'), "{words}: {trouble}");
        }
        assert_eq!(Vitals::default().verdict().iter().filter(|check| check.good).count(), 3);
    }

    #[test]
    fn a_sensor_is_seen_writing_at_the_second_look_or_not_at_all() {
        let counted =
            |readings, elapsed_s| Readings { readings, elapsed_s, ..good().sensor.unwrap() };
        let at = |sensor: Readings, earlier: Option<&Vitals>| {
            let mut vitals = Vitals { sensor: Some(sensor), ..good() };
            vitals.measure(earlier);
            vitals
        };
        let first = at(counted(20, 10), None);
        assert_eq!((first.trouble(), first.is_sensor_writing()), (None, false));
        let writes = at(counted(50, 25), Some(&first));
        assert_eq!((writes.sensor_rate, writes.is_sensor_writing()), (Some(2.0), true));
        let still = at(counted(20, 25), Some(&first));
        assert_eq!(still.trouble().unwrap(), "the sensor writes nothing");
        let anew = at(counted(3, 3), Some(&first));
        assert_eq!(anew.sensor_rate, Some(1.0), "it counts from its own beginning");
        let slow = Readings { per_second: Some(0.02), ..counted(20, 70) };
        let between = at(slow, Some(&first));
        assert_eq!((between.trouble(), between.is_sensor_writing()), (None, false));
        let says = at(Readings { running: Some(false), ..counted(50, 25) }, Some(&first));
        assert_eq!(says.trouble().unwrap(), "the sensor says that it does not run");
    }
}
