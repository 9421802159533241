//! How a node is: what was last seen on it, and the verdict that follows.
//!
//! Ready means that all of it was seen working: the deployment, the services, the node's API, the
//! sensor's data, and the orchestrator's word that the node is a connected member.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::text::clean_line;

/// Less free space than this on the root disk, in KiB, is trouble to come: Docker needs room.
const LEAST_DISK_KB: u64 = 512 * 1024;

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
    /// Whether the sensor says that it is healthy.
    pub sensor_healthy: bool,
    /// What the sensor counted.
    pub sensor: Option<Readings>,
    /// The way from the node to its orchestrator.
    pub orchestrator: Way,
    /// Work of all processors in the last second.
    pub cpu_percent: Option<u8>,
    /// The root disk.
    pub disk: Option<Space>,
    /// The memory.
    pub memory: Option<Space>,
    /// Seconds since the boot.
    pub uptime: Option<u64>,
    /// When AWS takes the instance back, as its metadata say.
    pub spot_notice: Option<String>,
    /// When AWS recommended to replace it, for its risk of interruption is elevated (EC2 instance
    /// rebalance recommendations). Only its metadata say so: EC2 has no call that tells.
    pub rebalance: Option<String>,
    /// Readings a second since the look before, or since the sensor began.
    #[serde(skip)]
    pub sensor_rate: Option<f64>,
    /// What the orchestrator says; `None` where none is asked.
    #[serde(skip)]
    pub membership: Option<Membership>,
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Readings {
    /// Readings that were written.
    pub readings: u64,
    /// Those that could not be written.
    pub errors: u64,
    /// Seconds since it began.
    pub elapsed_s: u64,
}

/// The way from the node to its orchestrator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Way {
    /// `host:port` of its NATS server; `None` where the node joins nothing.
    pub address: Option<String>,
    /// Whether that takes a connection from the node.
    pub reachable: bool,
}

/// Room and what is left of it, in KiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Space {
    /// All of it.
    pub total_kb: u64,
    /// What is free.
    pub free_kb: u64,
}

impl Space {
    /// What is used, in whole percent.
    pub fn used_percent(self) -> u8 {
        let used = u128::from(self.total_kb.saturating_sub(self.free_kb));
        u8::try_from(used * 100 / u128::from(self.total_kb.max(1))).unwrap_or(100)
    }
}

/// What the orchestrator says of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
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

impl fmt::Display for Membership {
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
            good: *membership == Membership::Connected,
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

    /// Takes the sensor's rate from what it counted since an earlier look, or since its start.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn measure(&mut self, earlier: Option<&Self>) {
        let Some(now) = self.sensor else { return };
        let before = earlier
            .and_then(|earlier| earlier.sensor)
            .filter(|before| before.elapsed_s < now.elapsed_s && before.readings <= now.readings);
        let before = before.unwrap_or_default();
        let seconds = now.elapsed_s - before.elapsed_s;
        if seconds > 0 {
            self.sensor_rate = Some((now.readings - before.readings) as f64 / seconds as f64);
        }
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
        let is_still = self.sensor_rate.is_some_and(|rate| rate <= 0.0);
        let text = match (self.sensor_healthy, self.sensor_rate) {
            (false, _) => "the sensor does not answer that it is healthy".to_owned(),
            (true, _) if is_still => "the sensor writes nothing".to_owned(),
            (true, Some(rate)) => format!("the sensor writes {rate:.1} readings a second"),
            (true, None) => "the sensor is healthy".to_owned(),
        };
        Check { name: "sensor", good: self.sensor_healthy && !is_still, text }
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
            Way { address: None, .. } => (true, "the node joins nothing".to_owned()),
            Way { address: Some(address), reachable } => {
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
            "bacalhau_alive":true,"sensor_healthy":true,
            "sensor":{"readings":20,"errors":0,"elapsed_s":10},
            "orchestrator":{"address":"h:4222","reachable":true},
            "disk":{"total_kb":8000000,"free_kb":6000000},"new":1}"#;
        let mut vitals: Vitals = serde_json::from_str(text).unwrap();
        vitals.measure(None);
        vitals.membership = Some(Membership::Connected);
        vitals
    }

    #[test]
    fn all_that_was_seen_working_is_no_trouble() {
        assert_eq!(good().trouble(), None);
        assert_eq!(good().sensor_rate, Some(2.0));
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
            (|node| node.sensor_healthy = false, "the sensor does not answer"),
            (|node| node.disk = Some(Space { total_kb: 1, free_kb: 0 }), "the disk is full"),
            (|node| node.orchestrator.reachable = false, "h:4222 is not reachable"),
            (|node| node.membership = Some(Membership::Absent), "not a member"),
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
    fn a_sensor_that_stands_still_is_noticed_at_the_second_look() {
        let mut later = good();
        later.sensor = Some(Readings { readings: 20, errors: 0, elapsed_s: 25 });
        later.measure(Some(&good()));
        assert_eq!(later.trouble().unwrap(), "the sensor writes nothing");
        // One that was started anew counts from its own beginning.
        later.sensor = Some(Readings { readings: 3, errors: 0, elapsed_s: 3 });
        later.measure(Some(&good()));
        assert_eq!(later.sensor_rate, Some(1.0));
    }
}
