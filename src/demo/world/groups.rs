//! Security groups and their rules.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use jiff::Timestamp;

use super::resource::Tags;
use crate::demo::dice::Dice;

/// Who is on the other side of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A network.
    Net(IpNet),
    /// Whatever is in a group.
    Group(String),
}

/// A rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: String,
    /// `tcp`, `udp`, `icmp`, or `-1` for all.
    pub(crate) protocol: String,
    /// The ports; `None` where the protocol is `-1`.
    pub(crate) ports: Option<(i32, i32)>,
    pub(crate) peer: Peer,
    pub(crate) description: String,
    pub(crate) tags: Tags,
}

impl Rule {
    /// What AWS puts into every new group.
    pub(super) fn everything_out(dice: &mut Dice) -> Self {
        Self {
            id: dice.id("sgr"),
            protocol: "-1".into(),
            ports: None,
            peer: Peer::Net(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0).into()),
            description: String::new(),
            tags: Tags::new(),
        }
    }

    /// What AWS puts into every default group: its members reach each other.
    pub(super) fn from_within(dice: &mut Dice, group: &str) -> Self {
        Self { peer: Peer::Group(group.to_owned()), ..Self::everything_out(dice) }
    }

    /// Whether it lets the same through. Its description does not count.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.protocol == other.protocol && self.ports == other.ports && self.peer == other.peer
    }
}

/// A security group.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) ingress: Vec<Rule>,
    pub(crate) egress: Vec<Rule>,
    pub(crate) tags: Tags,
    pub(crate) born: Timestamp,
}

impl Group {
    /// Whether one of its rules names that group.
    pub(super) fn names(&self, id: &str) -> bool {
        let named = Peer::Group(id.to_owned());
        self.ingress.iter().chain(&self.egress).any(|rule| rule.peer == named)
    }
}

/// The two directions of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `Ingress`.
    In,
    /// `Egress`.
    Out,
}
