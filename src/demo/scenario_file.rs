//! Reading a scenario's file: a name that nothing in the world has is an error.

use super::scenario::Scenario;
use super::shapes::Shape;
use super::wire::is_action;
use crate::fleet::REGION_LOCATIONS;

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
        let given = self.networks.iter().flat_map(|it| it.public.iter().chain(&it.private));
        let further = self.zones_without_subnets.iter().chain(given);
        let regions = (self.calls.iter().filter_map(|it| it.region.as_ref()))
            .chain(self.instances.iter().map(|it| &it.region))
            .chain(self.interruptions.iter().filter_map(|it| it.region.as_ref()))
            .chain(self.rebalances.iter().map(|it| &it.region))
            .chain(self.hosts.iter().map(|it| &it.region))
            .chain(self.consoles.iter().map(|it| &it.region))
            .chain(self.impaired.iter().map(|it| &it.region))
            .chain(self.networks.iter().map(|it| &it.region))
            .chain(&self.account.allowed_regions);
        let is_region = |name: &str| REGION_LOCATIONS.iter().any(|place| place.code == name);
        let is_zone =
            |name: &str| REGION_LOCATIONS.iter().any(|it| it.zones().any(|zone| zone == name));
        let is_type = |name: &str| Shape::named(name).is_some();
        let mut names = (regions.map(|name| ("region", name, is_region(name))))
            .chain(zones.into_iter().chain(further).map(|name| ("zone", name, is_zone(name))))
            .chain(types.into_iter().flatten().map(|it| ("machine type", it, is_type(it))))
            .chain(self.calls.iter().map(|it| ("action", &it.action, is_action(&it.action))));
        let stranger = names.find(|(.., is_known)| !is_known);
        stranger.map(|(what, name, _)| (what, name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::hosts::HostFault;
    use crate::demo::scenario::Trouble;

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

    #[test]
    fn the_page_on_scenarios_is_one() {
        let page = include_str!("../../tests/scenarios/README.md");
        let example = page.split("```").nth(1).unwrap().strip_prefix("yaml\n").unwrap();
        let scenario = Scenario::parse(example).unwrap();
        assert!(scenario.account.blocked && scenario.no_launch_credits);
        // Everything that can be said is said there: nothing is left as it is without a file.
        let plain = Scenario::default();
        assert_ne!(scenario.networks, plain.networks);
        assert_ne!(scenario.consoles, plain.consoles);
        assert_ne!(scenario.impaired, plain.impaired);
        assert_ne!(scenario.lags, plain.lags);
        assert_ne!(scenario.rebalances, plain.rebalances);
        assert_ne!(scenario.zones_without_subnets, plain.zones_without_subnets);
        assert_ne!(scenario.beyond_quota, plain.beyond_quota);
        assert_eq!(scenario.interruptions[0].back_after_s, Some(900));
    }
}
