//! What AWS thinks of the account, and who governs it: refusals that no parameter mends.

use std::sync::Arc;

use super::groups::{Group, Rule};
use super::network::{Endpoint, Interface};
use super::refusal::Refusal;
use super::region::RegionWorld;
use crate::demo::shapes::Shape;

/// The tag that GuardDuty puts on what it makes.
const GUARD_DUTYS: &str = "GuardDutyManaged";

impl RegionWorld {
    /// Whether the account may launch this type. The texts are those of `tests/oracle`.
    pub(super) fn check_account(&mut self, shape: &Shape) -> Result<(), Refusal> {
        let laws = Arc::clone(&self.laws);
        let account = &laws.scenario.account;
        // A dry run says nothing of these (seen for the free plan).
        if self.rehearsal {
            return Ok(());
        }
        if account.blocked {
            self.hits.insert("account.blocked".into());
            let message =
                "This account is currently blocked and not recognized as a valid account.";
            return Err(Refusal::new("Blocked", message));
        }
        let since = self.now.duration_since(laws.began).as_secs();
        if account.pending_verification_until_s.is_some_and(|until| since < i64::from(until)) {
            self.hits.insert("account.pending_verification_until_s".into());
            return Err(Refusal::new("PendingVerification", PENDING_VERIFICATION));
        }
        if account.free_plan && !shape.is_free_tier() {
            self.hits.insert("account.free_plan".into());
            return Err(Refusal::new("InvalidParameterCombination", NOT_FREE));
        }
        Ok(())
    }

    /// GuardDuty puts an endpoint and a group of its own into a VPC in which something is launched.
    pub(super) fn watch_over(&mut self, vpc: &str, subnet: &str) {
        let watched = self.network.endpoints.values().any(|endpoint| endpoint.vpc == vpc);
        if !self.laws.scenario.account.guard_duty || watched {
            return;
        }
        self.hits.insert("account.guard_duty".into());
        let Some(subnet) = self.network.subnets.get(subnet).cloned() else { return };
        let Ok(private_ip) = self.network.take_address(&subnet) else { return };
        let tags = [(GUARD_DUTYS.to_owned(), "true".to_owned())];
        let group = Group {
            id: self.dice.id("sg"),
            vpc: vpc.to_owned(),
            name: format!("GuardDutyManagedSecurityGroup-{vpc}"),
            description: format!("Associated with VPC-{vpc} and tagged as {GUARD_DUTYS}"),
            ingress: Vec::new(),
            egress: vec![Rule::everything_out(&mut self.dice)],
            tags: tags.clone().into(),
            born: self.now,
        };
        let endpoint = Endpoint {
            id: self.dice.id("vpce"),
            vpc: vpc.to_owned(),
            service: format!("com.amazonaws.{}.guardduty-data", self.place.code),
            subnet: subnet.id.clone(),
            group: group.id.clone(),
            interface: self.dice.id("eni"),
            tags: tags.into(),
            born: self.now,
        };
        let interface = Interface {
            id: endpoint.interface.clone(),
            subnet: subnet.id,
            vpc: vpc.to_owned(),
            zone: subnet.zone,
            private_ip,
            public_ip: None,
            groups: vec![group.id.clone()],
            attached: None,
            endpoint: Some(endpoint.id.clone()),
            delete_on_termination: false,
            tags: super::resource::Tags::new(),
            born: self.now,
        };
        self.network.interfaces.insert(interface.id.clone(), interface);
        self.network.groups.insert(group.id.clone(), group);
        self.network.endpoints.insert(endpoint.id.clone(), endpoint);
    }
}

const PENDING_VERIFICATION: &str = "Your request for accessing resources in this region is being validated, and you will not be \
     able to launch additional resources in this region until the validation is complete. We will \
     notify you by email once your request has been validated. While normally resolved within \
     minutes, please allow up to 4 hours for this process to complete. If the issue still \
     persists, please let us know by writing to aws-verification@amazon.com for further \
     assistance.";

const NOT_FREE: &str = "The specified instance type is not eligible for Free Tier. For a list of Free Tier instance \
     types, run 'describe-instance-types' with the filter 'free-tier-eligible=true'.";
