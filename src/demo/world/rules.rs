//! Opening and closing security groups.

use super::groups::{Group, Peer, Rule, Way};
use super::refusal::Refusal;
use super::region::RegionWorld;

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
    let protocol = rule.protocol.to_uppercase();
    format!("peer: {peer}, {protocol}, from port: {from}, to port: {to}, ALLOW")
}
