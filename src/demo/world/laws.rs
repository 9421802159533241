//! What a world is like, and what does not change while it lasts.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use jiff::{SignedDuration, Timestamp};

use crate::demo::scenario::Scenario;

/// What a world is like. The default suits a test and the dashboard alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What chance starts from. A scenario's own seed wins.
    pub seed: u64,
    /// How many times as fast as outside time passes.
    pub speed: f64,
    /// When the world begins, in its own time.
    pub began: Timestamp,
    /// The account's number.
    pub account: String,
    /// The name of the user who calls.
    pub user: String,
    /// Regions that the account opted in to, besides those that need no opt-in.
    pub opted_in: BTreeSet<String>,
    /// Where public addresses are from. 198.18.0.0/15 is nobody's on the internet (RFC 2544).
    pub addresses: Ipv4Net,
    /// How long EC2 does not tell of what was just made.
    pub lag: Duration,
    /// How long a call takes, in the world's time.
    pub latency: Duration,
    /// Whether EC2's limits on calls hold.
    pub throttles: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            speed: 1.0,
            began: Timestamp::now(),
            account: "111122223333".into(),
            user: "demo".into(),
            opted_in: BTreeSet::new(),
            addresses: Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15),
            lag: Duration::from_secs(1),
            latency: Duration::from_millis(60),
            throttles: true,
        }
    }
}

/// What does not change while a world lasts.
#[derive(Debug)]
pub(crate) struct Laws {
    pub(crate) seed: u64,
    pub(crate) began: Timestamp,
    pub(crate) account: String,
    pub(crate) user: String,
    pub(crate) opted_in: BTreeSet<String>,
    pub(crate) addresses: Ipv4Net,
    pub(crate) lag: SignedDuration,
    pub(crate) throttles: bool,
    pub(crate) scenario: Scenario,
}

impl Laws {
    /// Who calls.
    pub(crate) fn user_arn(&self) -> String {
        format!("arn:aws:iam::{}:user/{}", self.account, self.user)
    }

    /// Whether a service control policy denies everything in a region.
    pub(crate) fn denies(&self, region: &str) -> bool {
        let allowed = &self.scenario.account.allowed_regions;
        !allowed.is_empty() && !allowed.iter().any(|it| it == region)
    }
}
