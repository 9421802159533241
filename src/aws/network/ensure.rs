//! Putting a network there: adopt what exists by its tags, create what is missing.

use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;

use super::addresses::{network_of, part_of};
use super::parts::{Group, Ingress, NetworkFound, Subnet};
use super::plan::{NetworkCall, NetworkError, NetworkPlan, NetworkReady, RecordIntent, Say};
use crate::aws::access::Ec2;
use crate::aws::class::Class;
use crate::aws::error::AwsError;
use crate::aws::ids::{GatewayId, random_launch};
use crate::aws::keys::KeyPair;
use crate::aws::retry::retry_within;
use crate::aws::select::Selector;
use crate::config::Network;
use crate::fleet::tags::{self, Origin};
use crate::fleet::{LaunchId, Level, SecurityGroupId, SubnetId, VpcId, Zone};

/// How often the runbook begins again after a call whose outcome is unknown: it then adopts what
/// the call made, if it made it.
const PASSES: usize = 3;
/// The pause before that: EC2 does not tell at once of what was just made, and who looks too early
/// makes it a second time.
const SETTLE: Duration = Duration::from_secs(5);
/// Where SSH listens on our images.
const SSH: u16 = 22;
/// By this description a rule is known as ours. Others in the group are the user's.
const RULE: &str = "spot-tui: SSH for the operator";

/// Makes sure of a region's network, and of our security group in it.
pub async fn ensure<R: RecordIntent>(
    ec2: &Ec2,
    plan: &NetworkPlan,
    origin: &Origin,
    before: &R,
    say: Say<'_>,
) -> Result<NetworkReady, NetworkError> {
    let builder = NetworkBuilder::new(ec2, origin, before, say);
    let mut passes = 1;
    loop {
        match builder.build(plan).await {
            Err(NetworkError::Aws(error)) if error.class == Class::Unknown && passes < PASSES => {
                passes += 1;
                say(Level::Warning, format!("{error}; looking again at what is there"));
                sleep(SETTLE).await;
            }
            done => return done,
        }
    }
}

/// Makes sure that the public key is in EC2, and tells its name there. The name carries a digest
/// of the key: another key gets another name, and one that exists under it holds this key.
pub async fn ensure_key_pair<R: RecordIntent>(
    ec2: &Ec2,
    public_key: &str,
    origin: &Origin,
    before: &R,
    say: Say<'_>,
) -> Result<String, NetworkError> {
    let builder = NetworkBuilder::new(ec2, origin, before, say);
    let name = format!("{}-{}", origin.name(), digest(public_key));
    if builder.adopt_key(&name).await?.is_some() {
        return Ok(name);
    }
    let mut mark = builder.mark();
    mark.tags.insert(tags::NAME.into(), name.clone());
    let import = || ec2.import_key(&name, public_key, &mark.tags);
    let imported = builder.born("ImportKeyPair", &mark, import).await;
    match imported {
        Ok(_) => Ok(name),
        // Another run was faster, or a lost answer was a success.
        Err(NetworkError::Aws(error)) if matches!(error.class, Class::Exists | Class::Unknown) => {
            match builder.adopt_key(&name).await? {
                Some(_) => Ok(name),
                None => Err(error.into()),
            }
        }
        Err(error) => Err(error),
    }
}

/// Eight hexadecimal digits of the key's own bytes; its comment does not count.
fn digest(public_key: &str) -> String {
    let key = public_key.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    format!("{a:02x}{b:02x}{c:02x}{d:02x}")
}

/// What makes one resource known as the work of one call.
struct Mark {
    launch: LaunchId,
    tags: BTreeMap<String, String>,
}

/// One region while it is being built in.
struct NetworkBuilder<'a, R> {
    ec2: &'a Ec2,
    origin: &'a Origin,
    before: &'a R,
    say: Say<'a>,
}

impl<'a, R: RecordIntent> NetworkBuilder<'a, R> {
    fn new(ec2: &'a Ec2, origin: &'a Origin, before: &'a R, say: Say<'a>) -> Self {
        Self { ec2, origin, before, say }
    }

    async fn build(&self, plan: &NetworkPlan) -> Result<NetworkReady, NetworkError> {
        let ours = Selector::deployment(&self.origin.deployment);
        let is_dedicated = plan.network == Network::Dedicated;
        let found = self.ec2.network_parts(&ours, is_dedicated).await?;
        let (vpc, subnets) = match &plan.network {
            Network::Dedicated => self.dedicated(plan, &found).await?,
            Network::Default => self.default_vpc().await?,
            Network::Given { vpc, subnet } => self.given(plan, vpc, subnet.as_ref()).await?,
        };
        let group = self.security_group(&vpc, &found).await?;
        self.let_in(&group, &plan.operators).await?;
        let mut security_groups = vec![group.id];
        security_groups.extend(plan.extra_groups.iter().cloned());
        Ok(NetworkReady { vpc, subnets, security_groups })
    }

    /// A VPC of the deployment's own, with a way out and a subnet in every zone.
    async fn dedicated(
        &self,
        plan: &NetworkPlan,
        found: &NetworkFound,
    ) -> Result<(VpcId, Vec<(SubnetId, Zone)>), NetworkError> {
        let cidr = network_of(self.ec2.region());
        let known = found.vpcs.first().map(|vpc| vpc.id.clone());
        let is_new = known.is_none();
        let vpc = if let Some(vpc) = known {
            vpc
        } else {
            let mark = self.mark();
            self.born("CreateVpc", &mark, || self.ec2.create_vpc(cidr, &mark.tags)).await?
        };
        // A new VPC gives no names (AmazonVPC: DNS attributes for your VPC).
        if is_new || !self.retried(|| self.ec2.has_dns_hostnames(&vpc)).await? {
            self.change("ModifyVpcAttribute", || self.ec2.enable_dns_hostnames(&vpc)).await?;
        }
        let gateway = self.gateway(&vpc, found).await?;
        self.lead_out(&vpc, &gateway, found).await?;
        let mut subnets = Vec::new();
        let mut refused = None;
        let is_allowed = |zone: &Zone| plan.zones.is_empty() || plan.zones.contains(zone);
        for zone in self.ec2.zones().await?.into_iter().filter(is_allowed) {
            match self.subnet(&vpc, cidr, &zone, found).await {
                Ok(Some(subnet)) => subnets.push((subnet, zone)),
                Ok(None) => {}
                // Older accounts may have zones that are told of and take no subnets.
                Err(NetworkError::Aws(error)) if is_of_zone(&error) => {
                    (self.say)(Level::Warning, format!("{zone} is left out: {error}"));
                    refused = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        match refused {
            Some(error) if subnets.is_empty() => Err(error.into()),
            _ => Ok((vpc, subnets)),
        }
    }

    async fn gateway(&self, vpc: &VpcId, found: &NetworkFound) -> Result<GatewayId, NetworkError> {
        let known = found
            .gateways
            .iter()
            .find(|gateway| gateway.vpc.as_ref() == Some(vpc))
            .or_else(|| found.gateways.iter().find(|gateway| gateway.vpc.is_none()));
        let gateway = match known {
            Some(gateway) if gateway.vpc.is_some() => return Ok(gateway.id.clone()),
            Some(gateway) => gateway.id.clone(),
            None => {
                let mark = self.mark();
                let create = || self.ec2.create_gateway(&mark.tags);
                self.born("CreateInternetGateway", &mark, create).await?
            }
        };
        self.change("AttachInternetGateway", || self.ec2.attach_gateway(&gateway, vpc)).await?;
        Ok(gateway)
    }

    /// Leads our subnets out. They use the VPC's main route table, which is there with it, and goes
    /// with it; an earlier version made one beside it, which those that use it go on using.
    async fn lead_out(
        &self,
        vpc: &VpcId,
        gateway: &GatewayId,
        found: &NetworkFound,
    ) -> Result<(), NetworkError> {
        let ours: Vec<&SubnetId> = found.subnets.iter().map(|subnet| &subnet.id).collect();
        for table in self.retried(|| self.ec2.route_tables_for(vpc, &ours)).await? {
            match &table.way_out {
                Some(known) if known == gateway => {}
                // A VPC has one internet gateway: a route to another is left from one that is gone,
                // and leads nowhere. CreateRoute would find it there, and leave it.
                Some(known) if known.as_str().starts_with("igw-") => {
                    let replace = || self.ec2.replace_way_out(&table.id, gateway);
                    self.change("ReplaceRoute", replace).await?;
                }
                _ => {
                    let create = || self.ec2.create_way_out(&table.id, gateway);
                    self.change("CreateRoute", create).await?;
                }
            }
        }
        Ok(())
    }

    /// `None`, with a word about it, for a zone that the address plan has no place for.
    async fn subnet(
        &self,
        vpc: &VpcId,
        cidr: Ipv4Net,
        zone: &Zone,
        found: &NetworkFound,
    ) -> Result<Option<SubnetId>, NetworkError> {
        let known = found.subnets.iter().find(|it| it.vpc == *vpc && it.zone == *zone);
        if let Some(subnet) = known {
            return Ok(Some(subnet.id.clone()));
        }
        let Some(part) = part_of(cidr, zone.letter(self.ec2.region())) else {
            (self.say)(Level::Warning, format!("{zone} is left out: no subnet fits"));
            return Ok(None);
        };
        let mark = self.mark();
        let create = || self.ec2.create_subnet(vpc, zone, part, &mark.tags);
        self.born("CreateSubnet", &mark, create).await.map(Some)
    }

    async fn default_vpc(&self) -> Result<(VpcId, Vec<(SubnetId, Zone)>), NetworkError> {
        let Some(vpc) = self.ec2.default_vpc().await? else {
            return Err(AwsError::missing(
                "DescribeVpcs",
                self.ec2.region(),
                "the region has no default VPC",
                "leave use_dedicated_vpc on, or make one: aws ec2 create-default-vpc",
            )
            .into());
        };
        let subnets = self.ec2.subnets_of(&vpc.id).await?;
        self.usable(vpc.id, subnets.into_iter().filter(|subnet| subnet.is_default).collect())
    }

    async fn given(
        &self,
        plan: &NetworkPlan,
        vpc: &VpcId,
        subnet: Option<&SubnetId>,
    ) -> Result<(VpcId, Vec<(SubnetId, Zone)>), NetworkError> {
        let mut subnets = self.ec2.subnets_of(vpc).await?;
        if let Some(wanted) = subnet {
            subnets.retain(|subnet| subnet.id == *wanted);
        }
        if plan.is_public && !subnets.is_empty() {
            let reachable = self.ec2.reachable_subnets(vpc, &subnets).await?;
            subnets.retain(|subnet| reachable.contains(&subnet.id));
            if subnets.is_empty() {
                return Err(AwsError::missing(
                    "DescribeRouteTables",
                    self.ec2.region(),
                    format!("no subnet of {vpc} has a route to an internet gateway"),
                    "name a public one: subnet_id, or reach the instances otherwise: ssh.connect: \
                     private",
                )
                .into());
            }
        }
        self.usable(vpc.clone(), subnets)
    }

    fn usable(
        &self,
        vpc: VpcId,
        subnets: Vec<Subnet>,
    ) -> Result<(VpcId, Vec<(SubnetId, Zone)>), NetworkError> {
        if subnets.is_empty() {
            return Err(AwsError::missing(
                "DescribeSubnets",
                self.ec2.region(),
                format!("{vpc} has no subnet that could be used"),
                "check vpc_id and subnet_id: both have to exist in this region",
            )
            .into());
        }
        Ok((vpc, subnets.into_iter().map(|subnet| (subnet.id, subnet.zone)).collect()))
    }

    /// Our group in the VPC; in a network that is not ours it is the only thing that we make.
    async fn security_group(
        &self,
        vpc: &VpcId,
        found: &NetworkFound,
    ) -> Result<Group, NetworkError> {
        if let Some(group) = found.security_groups.iter().find(|group| group.vpc == *vpc) {
            return Ok(group.clone());
        }
        let name = self.origin.name();
        let mark = self.mark();
        let create = || self.ec2.create_security_group(vpc, &name, &mark.tags);
        let id: SecurityGroupId = self.born("CreateSecurityGroup", &mark, create).await?;
        Ok(Group::empty(id, vpc.clone(), name))
    }

    /// Lets the operators in on port 22 and nobody else. The new rule comes before the old one
    /// goes: an operator who did not move is never locked out.
    async fn let_in(&self, group: &Group, operators: &[IpNet]) -> Result<(), NetworkError> {
        let ours = group.ingress.iter().filter(|rule| rule.description == RULE);
        let (kept, stale): (Vec<&Ingress>, Vec<&Ingress>) =
            ours.partition(|rule| rule.port == SSH && operators.contains(&rule.from));
        let missing: Vec<Ingress> = operators
            .iter()
            .filter(|operator| !kept.iter().any(|rule| rule.from == **operator))
            .map(|operator| Ingress { from: *operator, port: SSH, description: RULE.into() })
            .collect();
        let stale: Vec<Ingress> = stale.into_iter().cloned().collect();
        if !missing.is_empty() {
            if !stale.is_empty() {
                let text = format!(
                    "your address has changed: port 22 of {} is opened for {} and closed for {}",
                    group.id,
                    listed(&missing),
                    listed(&stale)
                );
                (self.say)(Level::Warning, text);
            }
            let tags = self.origin.tags(self.ec2.region(), &self.origin.name());
            // One by one: a rule that the user added already would refuse them all.
            for rule in missing.chunks(1) {
                let authorize = || self.ec2.authorize(&group.id, rule, &tags);
                self.change("AuthorizeSecurityGroupIngress", authorize).await?;
            }
        }
        if !stale.is_empty() {
            let revoke = || self.ec2.revoke(&group.id, &stale);
            self.change("RevokeSecurityGroupIngress", revoke).await?;
        }
        Ok(())
    }

    /// A key pair of ours by this name; one that is somebody else's is an error.
    async fn adopt_key(&self, name: &str) -> Result<Option<KeyPair>, NetworkError> {
        let Some(pair) = self.ec2.key_pair(name).await? else { return Ok(None) };
        let is_ours = pair.tags.get(tags::MANAGED_BY).is_some_and(|by| by == tags::SPOT_TUI)
            && pair.tags.get(tags::DEPLOYMENT_ID).map(String::as_str)
                == Some(self.origin.deployment.as_str());
        if is_ours {
            return Ok(Some(pair));
        }
        Err(AwsError::missing(
            "DescribeKeyPairs",
            self.ec2.region(),
            format!("the key pair {name} exists and is not ours"),
            "delete it, or name a key pair of yours: ssh_key_name",
        )
        .into())
    }

    /// A question about what may be too young to be known.
    async fn retried<T, Fut>(&self, ask: impl FnMut() -> Fut) -> Result<T, NetworkError>
    where
        Fut: Future<Output = Result<T, AwsError>>,
    {
        Ok(retry_within(self.before.consistency_window(), early, ask).await?)
    }

    /// Tags that only one call gives.
    fn mark(&self) -> Mark {
        let launch = random_launch(self.ec2.region());
        let mut tags = self.origin.tags(self.ec2.region(), &self.origin.name());
        tags.insert(tags::LAUNCH_ID.into(), launch.to_string());
        Mark { launch, tags }
    }

    /// A call that makes what carries this mark.
    async fn born<T, Fut>(
        &self,
        action: &'static str,
        mark: &Mark,
        call: impl FnMut() -> Fut,
    ) -> Result<T, NetworkError>
    where
        Fut: Future<Output = Result<T, AwsError>>,
    {
        let (launch, tags) = (Some(mark.launch.clone()), mark.tags.clone());
        let intent = self.intent(action);
        self.make(NetworkCall { launch, tags, ..intent }, call).await
    }

    /// A call that changes what is there. That it is so already is as good.
    async fn change<Fut>(
        &self,
        action: &'static str,
        call: impl FnMut() -> Fut,
    ) -> Result<(), NetworkError>
    where
        Fut: Future<Output = Result<(), AwsError>>,
    {
        match self.make(self.intent(action), call).await {
            Err(NetworkError::Aws(error)) if matches!(error.class, Class::Exists | Class::Gone) => {
                Ok(())
            }
            done => done,
        }
    }

    fn intent(&self, action: &'static str) -> NetworkCall {
        NetworkCall {
            region: self.ec2.region().clone(),
            action,
            name: self.origin.name(),
            launch: None,
            tags: BTreeMap::new(),
        }
    }

    /// One mutating call: recorded, sent, and closed as soon as its outcome is known.
    async fn make<T, Fut>(
        &self,
        intent: NetworkCall,
        call: impl FnMut() -> Fut,
    ) -> Result<T, NetworkError>
    where
        Fut: Future<Output = Result<T, AwsError>>,
    {
        let entry = self.before.open(intent).await.map_err(NetworkError::NotRecorded)?;
        let done = retry_within(self.before.consistency_window(), early, call).await;
        if !matches!(&done, Err(error) if error.class == Class::Unknown) {
            self.before.close(entry).await.map_err(NetworkError::NotRecorded)?;
        }
        Ok(done?)
    }
}

/// Whether AWS makes no subnet in a zone that it tells of.
fn is_of_zone(error: &AwsError) -> bool {
    error.operation == "CreateSubnet"
        && error.code.as_deref() == Some("InvalidParameterValue")
        && error.message.contains("vailability")
}

fn early(error: &AwsError) -> bool {
    matches!(error.class, Class::NotYet | Class::Retry)
}

fn listed(rules: &[Ingress]) -> String {
    rules.iter().map(|rule| rule.from.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keys_comment_is_no_part_of_its_name() {
        assert_eq!(digest("ssh-ed25519 AAAA me@here\n"), digest("ssh-ed25519 AAAA"));
        assert_ne!(digest("ssh-ed25519 AAAA"), digest("ssh-ed25519 AAAB"));
        assert_eq!(digest("ssh-ed25519 AAAA").len(), 8);
    }
}
