//! Faults as data: what goes wrong in a world, and when. A file a story.
//!
//! Times are seconds of the world's time since its begin. Ordinals count from 1.

use serde::Deserialize;

use super::hosts::HostFault;
use super::shapes::Shape;
use super::wire::is_action;
use crate::fleet::PLACES;

/// What goes wrong in a world. Everything may be left out.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// What it tells, for people.
    pub name: String,
    /// The seed of everything that chance decides; the world's own where it is left out.
    pub seed: Option<u64>,
    /// Instances of a deployment that run from the beginning.
    pub running: Vec<Running>,
    /// What pools cost, instead of what chance says.
    pub prices: Vec<PoolPrice>,
    /// What has a list price, and is the same in all regions.
    pub list_prices: ListPrices,
    /// Pools that have less than is asked for.
    pub capacity: Vec<CapacityFault>,
    /// Calls that do not go as they should.
    pub calls: Vec<CallFault>,
    /// Instances that do not come up.
    pub instances: Vec<InstanceFault>,
    /// Spot interruptions.
    pub interruptions: Vec<Interruption>,
    /// Hosts that misbehave on SSH. This world only says which; the hosts do it.
    pub hosts: Vec<HostTrouble>,
    /// The most virtual processors of spot instances that a region gives this account (quota
    /// L-34B43A08).
    pub spot_vcpus: Option<u32>,
}

/// Some instances that run from the beginning, launched at that moment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// The zone.
    pub zone: String,
    /// The machine type.
    pub machine_type: String,
    /// How many.
    #[serde(default = "one")]
    pub count: u32,
    /// The root volume in GiB.
    #[serde(default = "storage")]
    pub storage_gb: u32,
    /// The deployment that they belong to.
    pub deployment: String,
}

/// What has a list price, and is the same in all regions.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListPrices {
    /// A public IPv4 address: USD an hour.
    pub ipv4_usd: f64,
    /// gp3 storage: USD a GiB and month.
    pub gp3_usd: f64,
}

impl Default for ListPrices {
    fn default() -> Self {
        Self { ipv4_usd: 0.005, gp3_usd: 0.08 }
    }
}

/// What a pool costs from a moment on. Before the first one of a pool, that one holds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolPrice {
    /// The zone.
    pub zone: String,
    /// The machine type.
    pub machine_type: String,
    /// From when.
    #[serde(default)]
    pub from_s: u32,
    /// USD an hour.
    pub usd: f64,
}

/// How much a zone has to give.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapacityFault {
    /// The zone.
    pub zone: String,
    /// The machine type; all where it is left out.
    #[serde(default)]
    pub machine_type: Option<String>,
    /// How many instances run there at most.
    pub limit: u32,
    /// From when.
    #[serde(default)]
    pub from_s: u32,
    /// Until when; for ever where it is left out.
    #[serde(default)]
    pub until_s: Option<u32>,
}

/// Some calls of an action that go wrong.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallFault {
    /// The API action, `RunInstances`.
    pub action: String,
    /// Only calls to this region are counted and hit; else to any.
    #[serde(default)]
    pub region: Option<String>,
    /// The first call that is hit.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many calls in a row are hit.
    #[serde(default = "one")]
    pub count: u32,
    /// What happens to them.
    pub trouble: Trouble,
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trouble {
    /// RequestLimitExceeded, HTTP 503, without an effect.
    Throttle,
    /// An error with this code, without an effect.
    Error {
        /// The HTTP status.
        status: u16,
        /// AWS's code.
        code: String,
        /// AWS's words.
        #[serde(default)]
        message: String,
    },
    /// No answer, and nothing happened.
    SilenceBefore,
    /// No answer, and what was asked for is done.
    SilenceAfter,
    /// The connection ends, and nothing happened.
    CutBefore,
    /// The connection ends, and what was asked for is done.
    CutAfter,
    /// A page of a gateway: HTTP 502 with HTML, without an effect.
    Gateway,
    /// HTTP 200 with a body that nobody can read, and what was asked for is done.
    GarbledAfter,
}

impl Trouble {
    /// Whether what was asked for is done all the same.
    pub(super) fn has_effect(&self) -> bool {
        matches!(self, Self::SilenceAfter | Self::CutAfter | Self::GarbledAfter)
    }
}

/// Some instances that do not come up.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceFault {
    /// Only this region's instances are counted and hit.
    pub region: String,
    /// The first one that is hit, in the order of their launch.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many in a row are hit.
    #[serde(default = "one")]
    pub count: u32,
    /// Whether EC2 calls it running although its system never starts (its console ends in a
    /// panic). Else it goes from pending to terminated (`Server.InternalError`).
    #[serde(default)]
    pub runs: bool,
}

/// EC2 takes spot instances back.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interruption {
    /// When the notice is given. The instance goes two minutes later.
    pub at_s: u32,
    /// How many, the oldest first.
    #[serde(default = "one")]
    pub count: u32,
    /// Only in this region; else region after region in the order of their codes.
    #[serde(default)]
    pub region: Option<String>,
}

/// Some hosts that misbehave on SSH.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostTrouble {
    /// Only this region's instances are counted and hit.
    pub region: String,
    /// The first one that is hit, in the order of their launch.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many in a row are hit.
    #[serde(default = "one")]
    pub count: u32,
    /// What they do.
    pub fault: HostFault,
}

/// A scenario that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("reading the scenario: {0}")]
pub struct ScenarioError(String);

impl Scenario {
    /// Reads a scenario's YAML. An unknown field is an error: a fault that is misspelt would
    /// never happen, and its story would tell nothing. What follows a line `---` is for whoever
    /// plays the story, and not looked at.
    pub fn parse(yaml: &str) -> Result<Self, ScenarioError> {
        let (story, _) = yaml.split_once("\n---\n").unwrap_or((yaml, ""));
        let scenario: Self =
            serde_yaml::from_str(story).map_err(|error| ScenarioError(error.to_string()))?;
        let Some((what, name)) = scenario.stranger() else { return Ok(scenario) };
        let line = story.lines().position(|line| line.contains(name)).unwrap_or(0) + 1;
        Err(ScenarioError(format!("line {line}: there is no {what} {name}")))
    }

    /// A name that nothing in a world has.
    fn stranger(&self) -> Option<(&'static str, &str)> {
        let running = self.running.iter().map(|it| (&it.zone, Some(&it.machine_type)));
        let prices = self.prices.iter().map(|it| (&it.zone, Some(&it.machine_type)));
        let capacity = self.capacity.iter().map(|it| (&it.zone, it.machine_type.as_ref()));
        let (zones, types): (Vec<_>, Vec<_>) = running.chain(prices).chain(capacity).unzip();
        let regions = (self.calls.iter().filter_map(|it| it.region.as_ref()))
            .chain(self.instances.iter().map(|it| &it.region))
            .chain(self.interruptions.iter().filter_map(|it| it.region.as_ref()))
            .chain(self.hosts.iter().map(|it| &it.region));
        let is_region = |name: &str| PLACES.iter().any(|place| place.code == name);
        let is_zone = |name: &str| PLACES.iter().any(|it| it.zones().any(|zone| zone == name));
        let is_type = |name: &str| Shape::named(name).is_some();
        let mut names = (regions.map(|name| ("region", name, is_region(name))))
            .chain(zones.into_iter().map(|name| ("zone", name, is_zone(name))))
            .chain(types.into_iter().flatten().map(|it| ("machine type", it, is_type(it))))
            .chain(self.calls.iter().map(|it| ("action", &it.action, is_action(&it.action))));
        let stranger = names.find(|(.., is_known)| !is_known);
        stranger.map(|(what, name, _)| (what, name.as_str()))
    }
}

fn one() -> u32 {
    1
}

fn storage() -> u32 {
    30
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORY: &str = "
name: everything at once
seed: 7
capacity:
  - { zone: us-west-2a, limit: 0, until_s: 600 }
calls:
  - { action: RunInstances, nth: 2, trouble: cut_after }
  - { action: DescribeVpcs, region: us-west-2, count: 3, trouble: throttle }
  - action: DeleteVpc
    trouble: { error: { status: 400, code: DependencyViolation } }
instances:
  - { region: us-west-2, nth: 3, runs: true }
interruptions:
  - { at_s: 300, count: 2 }
hosts:
  - { region: us-west-2, fault: { cut_upload: { at: 4096 } } }
  - { region: us-west-2, nth: 2, fault: refuse_key }
";

    #[test]
    fn a_story_is_read_whole() {
        let story = Scenario::parse(STORY).unwrap();
        assert_eq!(story.seed, Some(7));
        assert_eq!(story.capacity[0].until_s, Some(600));
        assert_eq!(story.calls[0].nth, 2);
        assert_eq!(story.calls[0].count, 1);
        assert!(story.calls[0].trouble.has_effect());
        assert!(
            matches!(&story.calls[2].trouble, Trouble::Error { code, .. } if code == "DependencyViolation")
        );
        assert_eq!(story.hosts[0].fault, HostFault::CutUpload { at: 4096, times: 1 });
        assert_eq!(Scenario::parse("{}").unwrap(), Scenario::default());
    }

    #[test]
    fn a_misspelt_fault_is_refused() {
        let error = Scenario::parse("call: []").unwrap_err().to_string();
        assert!(error.contains("call"), "{error}");
        assert!(Scenario::parse("calls: [{ action: X, trouble: explode }]").is_err());
        for (story, why) in [
            ("calls:\n- { action: RunInstancez, trouble: throttle }", "line 2: there is no action"),
            ("name: x\nhosts:\n- { region: us-wset-2, fault: refuse_key }", "line 3: there is no"),
            ("capacity: [{ zone: us-west-2q, limit: 0 }]", "no zone us-west-2q"),
            ("capacity: [{ zone: us-west-2a, machine_type: t9.x, limit: 0 }]", "no machine type"),
        ] {
            let error = Scenario::parse(story).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
