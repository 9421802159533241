//! Taking a network away, and looking whether it is gone.
//!
//! The order is AWS's: an interface holds its security group and its subnet, a public address
//! holds the gateway, all of them hold the VPC. A simulated EC2 may accept another order; AWS
//! answers DependencyViolation.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::parts::{NetworkFound, Vpc};
use super::plan::Say;
use super::residue::{Kind, Residue};
use crate::aws::access::Ec2;
use crate::aws::class::Class;
use crate::aws::error::AwsError;
use crate::aws::retry::retry_until;
use crate::aws::select::Selector;
use crate::aws::spot::SpotRequest;
use crate::fleet::{Ec2State, Level, Machine};

/// The pause between two looks at instances that are shutting down.
const LOOK: Duration = Duration::from_secs(3);

/// Removes everything that `ours` selects from a region but its living instances: open spot requests,
/// left volumes and interfaces, the network, the key pair. Gives back what is left.
///
/// Waits for instances that are shutting down. While one is alive that nobody asked to end,
/// nothing of the network is touched. Trouble with one resource never keeps the others; an error
/// is only what makes it impossible to see what is there.
pub async fn teardown(
    ec2: &Ec2,
    ours: &Selector,
    patience: Duration,
    consistency: Duration,
    say: Say<'_>,
) -> Result<Vec<Residue>, AwsError> {
    let demolition =
        Demolition { ec2, ours, deadline: Instant::now() + patience, consistency, say };
    demolition.cancel_spot_requests().await?;
    if !demolition.wait_for_the_end_of_instances().await? {
        return ec2.residue(ours).await;
    }
    let found = ec2.network(ours).await?;
    let everything_went = demolition.remove(&found).await;
    demolition.verify(everything_went).await
}

struct Demolition<'a> {
    ec2: &'a Ec2,
    ours: &'a Selector,
    deadline: Instant,
    /// How long EC2 may go on telling of what it has deleted.
    consistency: Duration,
    say: Say<'a>,
}

impl Demolition<'_> {
    /// First of all: an open persistent request would launch into what is being taken away.
    async fn cancel_spot_requests(&self) -> Result<(), AwsError> {
        let requests = self.ec2.spot_requests(self.ours).await?;
        let alive: Vec<_> =
            requests.into_iter().filter(SpotRequest::is_alive).map(|request| request.id).collect();
        if alive.is_empty() {
            return Ok(());
        }
        retry_until(self.deadline, passing, || self.ec2.cancel_spot_requests(&alive)).await
    }

    /// False when an instance lives on, or does not end in time.
    async fn wait_for_the_end_of_instances(&self) -> Result<bool, AwsError> {
        loop {
            let mut alive = self.ec2.instances(self.ours).await?;
            alive.retain(Machine::is_alive);
            if alive.is_empty() {
                return Ok(true);
            }
            alive.retain(|machine| machine.state != Ec2State::ShuttingDown);
            if let Some(Machine { id, state, .. }) = alive.first() {
                let text = format!("{id} is {state}: the network stays until it is terminated");
                (self.say)(Level::Warning, text);
                return Ok(false);
            }
            if Instant::now() + LOOK > self.deadline {
                (self.say)(Level::Warning, "instances are still shutting down".into());
                return Ok(false);
            }
            sleep(LOOK).await;
        }
    }

    /// True when nothing refused to go.
    async fn remove(&self, found: &NetworkFound) -> bool {
        let mut went = true;
        for address in &found.addresses {
            went &= self.delete(Kind::Address, &address.id).await;
        }
        for interface in &found.interfaces {
            if let Some(attachment) = &interface.attachment {
                went &= self.mend(|| self.ec2.detach_interface(attachment)).await;
            }
            went &= self.delete(Kind::Interface, &interface.id).await;
        }
        for volume in &found.volumes {
            went &= self.delete(Kind::Volume, &volume.id).await;
        }
        for vpc in &found.vpcs {
            went &= self.remove_guards(vpc).await;
        }
        for group in &found.security_groups {
            went &= self.mend(|| self.ec2.disentangle(group)).await;
        }
        for group in &found.security_groups {
            went &= self.delete(Kind::SecurityGroup, group.id.as_str()).await;
        }
        for subnet in &found.subnets {
            went &= self.delete(Kind::Subnet, subnet.id.as_str()).await;
        }
        for table in &found.route_tables {
            for used in &table.associations {
                went &= self.mend(|| self.ec2.disassociate(&used.id)).await;
            }
            went &= self.delete(Kind::RouteTable, table.id.as_str()).await;
        }
        for gateway in &found.gateways {
            went &= self.mend(|| self.ec2.detach_gateway(gateway)).await;
            went &= self.delete(Kind::Gateway, gateway.id.as_str()).await;
        }
        for vpc in &found.vpcs {
            let gone = self.delete(Kind::Vpc, vpc.id.as_str()).await;
            if !gone {
                self.name_what_blocks(vpc).await;
            }
            went &= gone;
        }
        for template in &found.templates {
            went &= self.delete(Kind::Template, template.as_str()).await;
        }
        for pair in &found.key_pairs {
            went &= self.delete(Kind::KeyPair, &pair.name).await;
        }
        went
    }

    /// What GuardDuty put into a VPC of ours, in which nothing runs any more: it holds subnets and
    /// VPC. Where it cannot be seen, what it holds is said later.
    async fn remove_guards(&self, vpc: &Vpc) -> bool {
        let endpoints = self.ec2.guard_endpoints(&vpc.id).await.unwrap_or_default();
        if endpoints.is_empty() {
            return true;
        }
        let mut went = true;
        for endpoint in &endpoints {
            let text = format!("{endpoint}: GuardDuty's endpoint in {} goes with it", vpc.id);
            (self.say)(Level::Info, text);
            went &= self.mend(|| self.ec2.delete_endpoint(endpoint)).await;
        }
        for group in self.ec2.guard_groups(&vpc.id).await.unwrap_or_default() {
            went &= self.delete(Kind::SecurityGroup, group.id.as_str()).await;
        }
        went
    }

    /// Deletes one thing, however long that takes until the deadline. True when it is gone.
    async fn delete(&self, kind: Kind, id: &str) -> bool {
        self.mend(|| self.ec2.delete(kind, id)).await
    }

    /// Does one thing that may fail without stopping the rest; says so when it does.
    async fn mend<Fut>(&self, act: impl FnMut() -> Fut) -> bool
    where
        Fut: Future<Output = Result<(), AwsError>>,
    {
        match retry_until(self.deadline, passing, act).await {
            Ok(()) => true,
            Err(error) if error.class == Class::Gone => true,
            Err(error) => {
                (self.say)(Level::Error, error.to_string());
                false
            }
        }
    }

    /// DependencyViolation does not tell what depends; in a VPC it is an interface.
    async fn name_what_blocks(&self, vpc: &Vpc) {
        for interface in self.ec2.interfaces_in(&vpc.id).await.unwrap_or_default() {
            let text = format!(
                "{} is kept by the network interface {} ({})",
                vpc.id, interface.id, interface.description
            );
            (self.say)(Level::Error, text);
        }
    }

    /// Looks again. What was just deleted may be told of for a moment longer; what refused to go
    /// is not waited for.
    async fn verify(&self, everything_went: bool) -> Result<Vec<Residue>, AwsError> {
        let deadline = self.deadline.min(Instant::now() + self.consistency);
        loop {
            let residue = self.ec2.residue(self.ours).await?;
            if residue.is_empty() || !everything_went || Instant::now() + LOOK > deadline {
                return Ok(residue);
            }
            sleep(LOOK).await;
        }
    }
}

/// What time mends while things are being taken away. A lost answer too: deletes are repeatable.
fn passing(class: Class) -> bool {
    matches!(class, Class::Dependency | Class::NotYet | Class::Retry | Class::Unknown)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::aws::scripted;

    /// A VPC of ours that something holds for ever.
    fn held(call: &str) -> (u16, String) {
        let tags = "<tagSet><item><key>ManagedBy</key><value>spot-tui</value></item><item>\
                    <key>DeploymentId</key><value>spot-1</value></item></tagSet>";
        let action = call.split('&').next().unwrap_or_default().trim_start_matches("Action=");
        let inside = match action {
            "DeleteVpc" => return scripted::refusal("DependencyViolation"),
            "DescribeVpcs" => {
                format!("<vpcSet><item><vpcId>vpc-1</vpcId>{tags}</item></vpcSet>")
            }
            "DescribeNetworkInterfaces" if call.contains("vpc-id") => {
                "<networkInterfaceSet><item><networkInterfaceId>eni-9</networkInterfaceId>\
                 <description>somebody's database</description></item></networkInterfaceSet>"
                    .to_owned()
            }
            _ => String::new(),
        };
        (200, format!("<{action}Response>{inside}</{action}Response>"))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_for_ever_ends_at_the_deadline_and_names_the_holder() {
        let (ec2, calls) = scripted::ec2(held).await;
        let said = Mutex::new(Vec::new());
        let say = |_: Level, text: String| said.lock().unwrap().push(text);
        let began = Instant::now();
        let patience = Duration::from_mins(5);
        let left =
            teardown(&ec2, &Selector::deployment(&"spot-1".into()), patience, patience, &say)
                .await
                .unwrap();
        assert!(began.elapsed() <= patience, "{:?}", began.elapsed());
        assert!(began.elapsed() > patience / 2, "{:?}", began.elapsed());
        assert_eq!(left.iter().map(ToString::to_string).collect::<Vec<_>>(), ["VPC vpc-1"]);
        let said = said.into_inner().unwrap().join("\n");
        assert!(said.contains("eni-9 (somebody's database)"), "{said}");
        let calls = calls.lock().unwrap();
        let tries = calls.iter().filter(|call| call.starts_with("Action=DeleteVpc")).count();
        assert!((20..60).contains(&tries), "{tries}");
    }
}
