//! What can be looked at besides the fleet that a dashboard was started for: other AWS profiles, other
//! deployments. A visit is read from the tags alone, changes nothing and writes nothing down.

use serde::{Deserialize, Serialize};

use super::clean;
use crate::config::is_deployment;
use crate::fleet::text::{profile_flag, shell_word};
use crate::fleet::{DeploymentId, DeploymentSeen};

/// The longest name that is said whole, in bytes.
const NAME: usize = 64;

/// A look elsewhere, and where it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// The AWS profile, where it is another one.
    pub profile: Option<String>,
    /// The deployment; none where the tags of the account are to tell.
    pub deployment: Option<DeploymentId>,
    /// The deployment that the dashboard was started for.
    pub home: DeploymentId,
}

impl Visit {
    /// What it is a visit to: `spot-2 (profile work)`.
    fn named(&self) -> String {
        let profile = self.profile.as_deref().map(|name| format!("profile {}", clean(name, NAME)));
        let deployment = self.deployment.as_ref().map(|id| clean(id.as_str(), NAME));
        match (deployment, profile) {
            (Some(deployment), Some(profile)) => format!("{deployment} ({profile})"),
            (deployment, profile) => deployment.or(profile).unwrap_or_default(),
        }
    }

    /// What stands over the whole screen: that nothing can be changed, how to get back, how to stay.
    /// One line where there is room for it, else two; the command goes whole or not at all, for half of
    /// it does something else.
    pub fn banner(&self, room: usize) -> Vec<String> {
        let what = format!("READ-ONLY: a visit to {}; :deployment goes back", self.named());
        let command = self.recover_command();
        let said = format!("{command} takes it over");
        let fits = |text: &str| text.chars().count() <= room;
        let whole = format!("{what}; {said}");
        if fits(&whole) {
            return vec![whole];
        }
        let keep = [said, command].into_iter().find(|text| fits(text));
        std::iter::once(what).chain(keep).collect()
    }

    /// What is said at its beginning.
    pub fn welcome(&self) -> String {
        format!(
            "nothing is changed or written down; :deployment goes back, `{}` takes it over",
            self.recover_command()
        )
    }

    /// The command that gives it a state file.
    fn recover_command(&self) -> String {
        let profile = self.profile.as_deref().map(|name| clean(name, NAME));
        let deployment = self
            .deployment
            .as_ref()
            .map(|id| format!(" --deployment {}", shell_word(&clean(id.as_str(), NAME))));
        format!(
            "spot-tui recover{}{} --state FILE",
            profile_flag(profile.as_deref()),
            deployment.unwrap_or_default()
        )
    }
}

/// Where one can look, and where one is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visits {
    /// The profiles in the user's AWS files.
    pub profiles: Vec<String>,
    /// The profile that the dashboard was started with, where one was named.
    pub home_profile: Option<String>,
    /// The visit that this is; none in the dashboard that was started.
    pub now: Option<Visit>,
    /// The deployments in the account, once its tags were asked.
    pub found: Option<Vec<DeploymentSeen>>,
    /// Whether one of them is to be chosen as soon as they are known.
    pub(super) is_asked: bool,
}

impl Visits {
    /// Of an account whose tags were not asked yet.
    pub fn new(profiles: Vec<String>, home_profile: Option<String>, now: Option<Visit>) -> Self {
        Self { profiles, home_profile, now, ..Self::default() }
    }

    /// The profile in use, where one was named.
    pub fn profile(&self) -> Option<&String> {
        self.now.as_ref().and_then(|visit| visit.profile.as_ref()).or(self.home_profile.as_ref())
    }

    /// The deployments that can be named, and what there is to say of each.
    pub fn deployments(&self) -> impl Iterator<Item = (&DeploymentId, String)> {
        let named = |it: &&DeploymentSeen| is_deployment(it.deployment.as_str());
        self.found.iter().flatten().filter(named).map(|it| (&it.deployment, it.about()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(profile: Option<&str>, deployment: Option<&str>) -> Visit {
        Visit {
            profile: profile.map(str::to_owned),
            deployment: deployment.map(Into::into),
            home: "spot-1".into(),
        }
    }

    #[test]
    fn a_visit_says_that_it_is_read_only_how_to_get_back_and_how_to_stay() {
        for (profile, deployment, named, command) in [
            (Some("work"), None, "profile work", "--profile work"),
            (None, Some("spot-2"), "spot-2", "--deployment spot-2"),
            (
                Some("my work"),
                Some("spot-2"),
                "spot-2 (profile my work)",
                "--profile 'my work' --deployment spot-2",
            ),
        ] {
            let visit = visit(profile, deployment);
            let what = format!("READ-ONLY: a visit to {named}; :deployment goes back");
            let keep = format!("spot-tui recover {command} --state FILE");
            assert_eq!(visit.banner(200), [format!("{what}; {keep} takes it over")]);
            let least = keep.chars().count();
            assert_eq!(visit.banner(least + 14), [what.clone(), format!("{keep} takes it over")]);
            assert_eq!(visit.banner(least), [what.clone(), keep]);
            assert_eq!(visit.banner(least - 1), [what]);
            let welcome = visit.welcome();
            assert!(
                welcome.contains("goes back")
                    && welcome.contains(&format!("{command} --state FILE"))
            );
        }
    }

    #[test]
    fn a_quote_in_a_name_ends_no_other() {
        assert_eq!(shell_word("it's"), "'it'\\''s'");
        assert_eq!(shell_word("spot-7f3a.x"), "spot-7f3a.x");
    }

    #[test]
    fn only_deployments_that_can_be_named_are_offered() {
        let seen = |id: &str| DeploymentSeen {
            deployment: id.into(),
            creator: Some("alice".into()),
            alive: 2,
            newest: None,
        };
        let found = Some(vec![seen("spot-2"), seen("a b"), seen("\u{1b}[2J")]);
        let visits = Visits { found, ..Visits::default() };
        let offered: Vec<_> =
            visits.deployments().map(|(id, said)| format!("{id} {said}")).collect();
        assert_eq!(offered, ["spot-2 by alice, 2 alive"]);
    }
}
