//! Security groups and their rules.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use jiff::Timestamp;

use super::network::Tags;
use super::refusal::Refusal;
use super::region::RegionWorld;
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

    /// Whether it lets the same through. Its description does not count.
    fn is_like(&self, other: &Self) -> bool {
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

impl RegionWorld {
    /// AuthorizeSecurityGroupIngress and -Egress: all of the rules or none.
    pub(crate) fn authorize(
        &mut self,
        id: &str,
        way: Way,
        mut rules: Vec<Rule>,
    ) -> Result<Vec<Rule>, Refusal> {
        for rule in &mut rules {
            rule.id = self.dice.id("sgr");
            if let Peer::Group(named) = &rule.peer {
                self.network.group(named)?;
            }
        }
        let known = rules_of(self.network.group(id)?, way);
        for rule in &rules {
            if known.iter().any(|known| known.is_like(rule)) {
                let message = format!("the specified rule \"{}\" already exists", described(rule));
                return Err(Refusal::new("InvalidPermission.Duplicate", message));
            }
        }
        known.extend(rules.iter().cloned());
        Ok(rules)
    }

    /// RevokeSecurityGroupIngress and -Egress: all of the rules or none.
    pub(crate) fn revoke(&mut self, id: &str, way: Way, rules: &[Rule]) -> Result<(), Refusal> {
        let known = rules_of(self.network.group(id)?, way);
        if !rules.iter().all(|rule| known.iter().any(|known| known.is_like(rule))) {
            let message = "The specified rule does not exist in this security group.";
            return Err(Refusal::new("InvalidPermission.NotFound", message));
        }
        known.retain(|known| !rules.iter().any(|rule| rule.is_like(known)));
        Ok(())
    }
}

fn rules_of(group: &mut Group, way: Way) -> &mut Vec<Rule> {
    match way {
        Way::In => &mut group.ingress,
        Way::Out => &mut group.egress,
    }
}

fn described(rule: &Rule) -> String {
    let peer = match &rule.peer {
        Peer::Net(net) => net.to_string(),
        Peer::Group(id) => id.clone(),
    };
    let (from, to) = rule.ports.unwrap_or((-1, -1));
    format!("peer: {peer}, {}, from port: {from}, to port: {to}, ALLOW", rule.protocol)
}
