//! Taking a network away, and looking whether it is gone.
//!
//! The order is AWS's: an interface holds its security group and its subnet, a public address
//! holds the gateway, all of them hold the VPC. A simulated EC2 may accept another order; AWS
//! answers DependencyViolation.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::parts::{Group, NetworkFound, Vpc};
use super::plan::Say;
use super::residue::{Kind, Residue};
use crate::aws::access::Ec2;
use crate::aws::class::Class;
use crate::aws::error::AwsError;
use crate::aws::retry::retry_until;
use crate::aws::select::Selector;
use crate::aws::spot::SpotRequest;
use crate::fleet::{Ec2State, Level, Machine, Step};

/// The pause between two looks at instances that are shutting down.
const LOOK: Duration = Duration::from_secs(3);
/// How long is waited for what holds a thing, before one looks whether something holds it that was
/// not there: a call that was in flight may make it meanwhile.
const PASS: Duration = Duration::from_mins(1);

/// What a teardown came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Teardown {
    /// What is still there.
    pub left: Vec<Residue>,
    /// Whether something may not be removed by this identity: time does not mend that.
    pub is_denied: bool,
}

/// Removes everything that `ours` selects from a region but its living instances: open spot requests,
/// left volumes and interfaces, the network, the key pair. Gives back what is left.
///
/// Waits for instances that are shutting down. While one is alive that nobody asked to end,
/// nothing of the network is touched. Trouble with one resource never keeps the others; an error
/// is only what makes it impossible to see what is there.
pub async fn teardown(
    ec2: &Ec2,
    ours: &Selector,
    timeout: Duration,
    consistency: Duration,
    say: Say<'_>,
) -> Result<Teardown, AwsError> {
    let demolition = Demolition { ec2, ours, deadline: Instant::now() + timeout, consistency, say };
    demolition.cancel_spot_requests().await?;
    if !demolition.wait_for_the_end_of_instances().await? {
        return Ok(Teardown { left: ec2.residue(ours).await?, is_denied: false });
    }
    loop {
        let found = ec2.network(ours).await?;
        let removal = demolition.remove(&found).await;
        if removal.is_held && !removal.is_refused {
            continue;
        }
        let known = found.residue();
        let left = demolition.verify(!removal.is_refused, &known).await?;
        let is_over = removal.is_refused || Instant::now() + LOOK > demolition.deadline;
        if is_over || !is_news(&left, &known) {
            return Ok(Teardown { left, is_denied: removal.is_denied });
        }
    }
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
            alive.retain(|machine| machine.seen.state != Ec2State::ShuttingDown);
            if let Some(Machine { id, seen, .. }) = alive.first() {
                let text =
                    format!("{id} is {}: the network stays until it is terminated", seen.state);
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

    /// One way through everything that was found.
    async fn remove(&self, found: &NetworkFound) -> Removed {
        let until = self.deadline.min(Instant::now() + PASS);
        let removed = Removed::default();
        let mut removal = Removal { of: self, until, removed };
        removal.remove(found).await;
        removal.removed
    }

    /// Looks again. What was just deleted may be told of for a moment longer; what refused to go
    /// is not waited for, and what shows only now is removed at once.
    async fn verify(
        &self,
        everything_went: bool,
        known: &[Residue],
    ) -> Result<Vec<Residue>, AwsError> {
        let deadline = self.deadline.min(Instant::now() + self.consistency);
        loop {
            // Everything is gone that was seen here: its tags are gone with it, or go.
            let residue = if everything_went {
                self.ec2.residue_by_tags(self.ours).await?
            } else {
                self.ec2.residue(self.ours).await?
            };
            let is_news = is_news(&residue, known);
            let is_over = !everything_went || Instant::now() + LOOK > deadline;
            if residue.is_empty() || is_over || is_news {
                return Ok(residue);
            }
            sleep(LOOK).await;
        }
    }
}

/// Whether something is left that was not there when one went through everything.
fn is_news(left: &[Residue], known: &[Residue]) -> bool {
    let is_known = |it: &Residue| known.iter().any(|k| (k.kind, &k.id) == (it.kind, &it.id));
    // Instances and their requests are looked at by who asked for the teardown.
    let is_part = |it: &Residue| !matches!(it.kind, Kind::Instance | Kind::SpotRequest);
    left.iter().any(|it| is_part(it) && !is_known(it))
}

/// One way through everything, from what holds to what is held.
struct Removal<'a> {
    of: &'a Demolition<'a>,
    /// Until when is waited for what holds a thing.
    until: Instant,
    removed: Removed,
}

/// What one way through everything came to.
#[derive(Debug, Default)]
struct Removed {
    /// Whether something is held that may be let go: one looks again.
    is_held: bool,
    /// Whether something would not go. What it holds is tried once then, and not waited for.
    is_refused: bool,
    is_denied: bool,
}

impl Removal<'_> {
    async fn remove(&mut self, found: &NetworkFound) {
        let ec2 = self.of.ec2;
        for address in &found.addresses {
            self.delete(Kind::Address, &address.id).await;
        }
        for interface in &found.interfaces {
            if let Some(attachment) = &interface.attachment {
                self.mend(|| ec2.detach_interface(attachment)).await;
            }
            self.delete(Kind::Interface, &interface.id).await;
        }
        for volume in &found.volumes {
            self.delete(Kind::Volume, &volume.id).await;
        }
        for vpc in &found.vpcs {
            self.remove_guards(vpc).await;
        }
        for group in &found.security_groups {
            self.mend(|| ec2.disentangle(group)).await;
        }
        for group in &found.security_groups {
            self.delete(Kind::SecurityGroup, group.id.as_str()).await;
        }
        for subnet in &found.subnets {
            self.delete(Kind::Subnet, subnet.id.as_str()).await;
        }
        for table in &found.route_tables {
            for used in &table.associations {
                self.mend(|| ec2.disassociate(&used.id)).await;
            }
            self.delete(Kind::RouteTable, table.id.as_str()).await;
        }
        for gateway in &found.gateways {
            self.mend(|| ec2.detach_gateway(gateway)).await;
            self.delete(Kind::Gateway, gateway.id.as_str()).await;
        }
        for vpc in &found.vpcs {
            if !self.delete(Kind::Vpc, vpc.id.as_str()).await && self.removed.is_refused {
                self.name_what_blocks(vpc, &found.security_groups).await;
            }
        }
        for template in &found.templates {
            self.delete(Kind::Template, template.as_str()).await;
        }
        for pair in &found.key_pairs {
            self.delete(Kind::KeyPair, &pair.name).await;
        }
    }

    /// What GuardDuty put into a VPC of ours, in which nothing runs any more: it holds subnets and
    /// VPC. Where it cannot be seen, what it holds is said later.
    ///
    /// It puts the group there with the endpoint, and the group outlives it: so one looks for the
    /// group first, and for the endpoint only beside it.
    async fn remove_guards(&mut self, vpc: &Vpc) {
        let ec2 = self.of.ec2;
        let groups = ec2.guard_groups(&vpc.id).await.unwrap_or_default();
        if groups.is_empty() {
            return;
        }
        for endpoint in &ec2.guard_endpoints(&vpc.id).await.unwrap_or_default() {
            let text = format!("{endpoint}: GuardDuty's endpoint in {} goes with it", vpc.id);
            (self.of.say)(Level::Info, text);
            self.mend(|| ec2.delete_endpoint(endpoint)).await;
        }
        for group in &groups {
            self.delete(Kind::SecurityGroup, group.id.as_str()).await;
        }
    }

    /// Deletes one thing, however long that takes until the deadline. True when it is gone.
    async fn delete(&mut self, kind: Kind, id: &str) -> bool {
        let ec2 = self.of.ec2;
        self.mend(|| ec2.delete(kind, id)).await
    }

    /// Does one thing that may fail without stopping the rest; says so when it does.
    async fn mend<Fut>(&mut self, act: impl FnMut() -> Fut) -> bool
    where
        Fut: Future<Output = Result<(), AwsError>>,
    {
        let removed = &mut self.removed;
        let waits = !removed.is_refused && !removed.is_held;
        let worth = if waits { passing } else { passing_alone };
        match retry_until(self.until, worth, act).await {
            Ok(()) => true,
            Err(error) if error.class == Class::Gone => true,
            Err(error)
                if error.class == Class::Dependency
                    && !removed.is_refused
                    && self.until < self.of.deadline =>
            {
                removed.is_held = true;
                false
            }
            Err(error) => {
                (self.of.say)(Level::Error, error.failure(Step::Teardown).to_string());
                removed.is_refused = true;
                removed.is_denied |= error.class == Class::Denied;
                false
            }
        }
    }

    /// DependencyViolation does not tell what depends; in a VPC it is an interface, or a group that
    /// is none of ours: of ours it was said already why they stay.
    async fn name_what_blocks(&self, vpc: &Vpc, ours: &[Group]) {
        for interface in self.of.ec2.interfaces_in(&vpc.id).await.unwrap_or_default() {
            let text = format!(
                "{} is kept by the network interface {} ({})",
                vpc.id, interface.id, interface.description
            );
            (self.of.say)(Level::Error, text);
        }
        for group in self.of.ec2.groups_in(&vpc.id).await.unwrap_or_default() {
            if !ours.iter().any(|it| it.id == group.id) {
                let text = format!(
                    "{} is kept by the security group {} ({})",
                    vpc.id, group.id, group.name
                );
                (self.of.say)(Level::Error, text);
            }
        }
    }
}

/// What time mends while things are being taken away. A lost answer too: deletes are repeatable.
fn passing(error: &AwsError) -> bool {
    matches!(error.class, Class::Dependency | Class::NotYet | Class::Retry | Class::Unknown)
}

/// The same of what has nothing to wait for.
fn passing_alone(error: &AwsError) -> bool {
    matches!(error.class, Class::Retry | Class::Unknown)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::aws::scripted;

    /// A VPC of ours that something holds for ever.
    fn held(call: &str) -> (u16, String) {
        held_with(call, |_| None)
    }

    /// The same, where some actions are answered otherwise.
    fn held_with(call: &str, otherwise: impl Fn(&str) -> Option<(u16, String)>) -> (u16, String) {
        let tags = "<tagSet><item><key>ManagedBy</key><value>spot-tui</value></item><item>\
                    <key>DeploymentId</key><value>spot-1</value></item></tagSet>";
        let action = call.split('&').next().unwrap_or_default().trim_start_matches("Action=");
        if let Some(answer) = otherwise(action) {
            return answer;
        }
        let inside = match action {
            "DescribeSecurityGroups" if call.contains("vpc-id") => format!(
                "<securityGroupInfo><item><groupId>sg-1</groupId><vpcId>vpc-1</vpcId>{tags}</item>\
                 <item><groupId>sg-0</groupId><groupName>default</groupName><vpcId>vpc-1</vpcId>\
                 </item><item><groupId>sg-9</groupId><groupName>somebody's</groupName><vpcId>vpc-1\
                 </vpcId></item></securityGroupInfo>"
            ),
            "DescribeSecurityGroups" => format!(
                "<securityGroupInfo><item><groupId>sg-1</groupId><vpcId>vpc-1</vpcId>{tags}</item>\
                 </securityGroupInfo>"
            ),
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
        let timeout = Duration::from_mins(5);
        let left = teardown(&ec2, &Selector::deployment(&"spot-1".into()), timeout, timeout, &say)
            .await
            .unwrap();
        assert!(began.elapsed() <= timeout, "{:?}", began.elapsed());
        assert!(began.elapsed() > timeout / 2, "{:?}", began.elapsed());
        assert!(left.left.iter().any(|it| it.to_string() == "VPC vpc-1") && !left.is_denied);
        let said = said.into_inner().unwrap().join("\n");
        assert!(said.contains("eni-9 (somebody's database)"), "{said}");
        assert!(said.contains("the security group sg-9 (somebody's)"), "{said}");
        assert!(!said.contains("group sg-1") && !said.contains("group sg-0"), "{said}");
        let calls = calls.lock().unwrap();
        let tries = calls.iter().filter(|call| call.starts_with("Action=DeleteVpc")).count();
        assert!((20..60).contains(&tries), "{tries}");
    }

    #[tokio::test(start_paused = true)]
    async fn attack_24_what_is_denied_is_told_with_its_permission_and_holds_up_nothing() {
        let denied = |action: &str| {
            (action == "DeleteSecurityGroup").then(|| scripted::refusal("UnauthorizedOperation"))
        };
        let (ec2, _) = scripted::ec2(move |call| held_with(call, denied)).await;
        let said = Mutex::new(Vec::new());
        let say = |_: Level, text: String| said.lock().unwrap().push(text);
        let (began, timeout) = (Instant::now(), Duration::from_mins(5));
        let left = teardown(&ec2, &Selector::deployment(&"spot-1".into()), timeout, timeout, &say)
            .await
            .unwrap();
        assert!(left.is_denied);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let said = said.into_inner().unwrap().join("\n");
        assert!(said.contains("ec2:DeleteSecurityGroup"), "{said}");
    }
}
