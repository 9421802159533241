//! From text to a checked [`Config`], or to all of its mistakes at once.

use super::aws::AwsPart;
use super::complaint::{ComplaintSink, Complaints, Position, SHORTEST, quoted};
use super::fields::{Fields, Reading};
use super::keys::Section;
use super::regions::Regions;
use super::schema::{Config, Connect, Lease, MachineConfig, RegionConfig};
use super::tree::{Node, Value};
use super::values::{ValueResult, Wrong, boolean, text};
use super::{
    aws, machines, market, notify, regions, scale, services, shapes, ssh, syntax, tree, ui,
};
use crate::fleet::{DeploymentId, Lifecycle};

/// The most instances of one deployment.
const MOST_INSTANCES: u32 = 1000;

/// Reads a configuration. `name` is the file's name, for the complaints.
///
/// Paths stay as they are written: `~/` and relative ones are for the runtime to resolve, since
/// nothing here looks at the environment.
///
/// # Errors
/// Every mistake in the text, sorted by position. Text that is not YAML has one.
pub fn parse(name: &str, text: &str) -> Result<Config, Complaints> {
    parse_with(name, |sink| tree::read(text, sink))
}

/// Reads a configuration from a file's bytes, which may be anything.
///
/// # Errors
/// As [`parse`], and bytes that are not UTF-8.
pub fn parse_bytes(name: &str, bytes: &[u8]) -> Result<Config, Complaints> {
    parse_with(name, |sink| {
        let text = syntax::decode(bytes, sink)?;
        tree::read(text, sink)
    })
}

fn parse_with(
    name: &str,
    read: impl FnOnce(&mut ComplaintSink) -> Option<Node>,
) -> Result<Config, Complaints> {
    let mut sink = ComplaintSink::default();
    let root = read(&mut sink).filter(|root| is_mapping(root, &mut sink));
    let config = root.map(|root| read_config(&root, &mut sink));
    match config {
        Some(config) if sink.is_empty() => Ok(config),
        _ => Err(sink.into_complaints(name)),
    }
}

fn is_mapping(root: &Node, sink: &mut ComplaintSink) -> bool {
    let is_mapping = matches!(root.value, Value::Mapping(_));
    if !is_mapping {
        let Wrong { at, found, .. } = Wrong::new(root, "");
        sink.add_with(
            at,
            format!("a configuration must be keys with values, found {found}"),
            SHORTEST,
        );
    }
    is_mapping
}

/// Reads the whole tree. What is wrong has its default in the result, and a complaint.
fn read_config(root: &Node, sink: &mut ComplaintSink) -> Config {
    let mut fields = Fields::of(Some(root), Section::Top, "", sink);
    let deployment = fields.read("deployment", sink, deployment).given();
    let reboot = fields.read("reboot", sink, boolean).or(true);
    let mut aws = aws::read(fields.get("aws"), sink);
    let regions = fields.entry("regions");
    let machines = machines::read(fields.get("machines"), &aws.inherited, sink);
    let placement = market::placement(fields.get("placement"), sink);
    let replace = market::replace(fields.get("replace"), sink);
    let scaled = fields.get("scale");
    let scale = scaled.and_then(|node| scale::read(node, sink));
    let lock = fields.read("lock", sink, market::lock).or(true);
    let fell = fields.get("fallback");
    let fallback = fell.and_then(|node| market::fallback(node, sink));
    let budget = market::budget(fields.get("budget"), sink);
    let notify = notify::read(fields.get("notify"), sink);
    let cloudwatch = market::cloudwatch(fields.get("cloudwatch"), sink);
    let leased = fields.get("lease");
    let lease = match leased {
        Some(node) if matches!(node.value, Value::Scalar { .. }) => {
            let term = fields.read("lease", sink, market::term).given();
            term.map(|term| Lease { term, replace: false })
        }
        Some(node) => market::lease(node, sink),
        None => None,
    };
    let hooks = services::hooks(fields.get("hooks"), sink);
    let ssh = ssh::read(fields.get("ssh"), sink);
    let bacalhau = services::bacalhau(fields.get("bacalhau"), sink);
    let sensor = services::sensor(fields.get("sensor"), sink);
    let node = services::node(fields.get("node"), sink);
    let ui = ui::read(fields.get("ui"), sink);
    let meant = fields.finish(sink);
    let mut list = Vec::new();
    // Machines alone are a configuration, too.
    let is_asked = machines.is_empty() && !meant.contains(&"regions");
    if regions.is_some() || is_asked {
        let regions = regions::read(regions, &aws.inherited, sink);
        check_regional(&aws, &regions, sink);
        check_reach(&aws, ssh.connect, sink);
        aws.aws.total_instances = settle_total(&aws, &regions, sink);
        list = regions.list;
    }
    if let (Some(node), Some(_)) = (leased, lease) {
        check_lease(node.at, &list, &machines, sink);
    }
    if let (Some(node), Some(_)) = (fell, fallback)
        && !list.iter().any(|it| it.lifecycle == Lifecycle::Spot)
    {
        let message = "'fallback' is for regions with spot instances, and there is none";
        sink.add_with(node.at, message, "leave it out");
    }
    let scaled = scaled.zip(scale.as_ref());
    if let Some((node, scale)) = scaled {
        scale::check(node.at, scale, (&list, aws.aws.total_instances), &bacalhau, sink);
    }
    Config {
        deployment,
        aws: aws.aws,
        regions: list,
        machines,
        placement,
        replace,
        scale,
        lock,
        fallback,
        budget,
        notify,
        cloudwatch,
        lease,
        hooks,
        ssh,
        bacalhau,
        sensor,
        node,
        reboot,
        ui,
    }
}

fn deployment(node: &Node) -> ValueResult<DeploymentId> {
    let right = "up to 64 letters, digits, '-', '_' and '.', the first a letter or digit";
    text(node, right, shapes::is_deployment).map(DeploymentId::new)
}

/// Where what ends itself is started again by EC2, no lease ends anything; and a machine is there to
/// stay.
fn check_lease(
    at: Position,
    regions: &[RegionConfig],
    machines: &[MachineConfig],
    sink: &mut ComplaintSink,
) {
    let persistent = regions.iter().find(|it| it.lifecycle == Lifecycle::PersistentSpot);
    let why = match (persistent, machines.first()) {
        (Some(region), _) => {
            let code = quoted(region.region.as_str());
            format!("EC2 would start the persistent spot instances of {code} again")
        }
        (None, Some(machine)) => format!("the machine {} is there to stay", quoted(&machine.name)),
        (None, None) => return,
    };
    sink.add_with(at, format!("'lease' does not go with this: {why}"), "leave one of both out");
}

/// A VPC and its security groups are in one region: in any other each launch would fail.
fn check_regional(aws: &AwsPart, regions: &Regions, sink: &mut ComplaintSink) {
    let [first, second, ..] = regions.list.as_slice() else { return };
    for (key, at) in &aws.regional {
        sink.add_with(
            *at,
            format!(
                "'{key}' in 'aws' belongs to one region, but there are {} and {}{}",
                quoted(first.region.as_str()),
                quoted(second.region.as_str()),
                if regions.list.len() > 2 { " and more" } else { "" },
            ),
            "keep one region, or leave it out",
        );
    }
}

fn check_reach(aws: &AwsPart, connect: Connect, sink: &mut ComplaintSink) {
    if let (Some(at), Connect::Public) = (aws.hidden, connect) {
        sink.add_with(
            at,
            "without public addresses nothing can be reached by 'connect: public' in 'ssh'",
            "set 'connect: private' there",
        );
    }
}

/// The number of instances in all, which the regions' own counts must allow for.
fn settle_total(aws: &AwsPart, regions: &Regions, sink: &mut ComplaintSink) -> u32 {
    let counts = || regions.list.iter().map(|region| region.instances_per_region);
    let fixed: u32 = counts().flatten().sum();
    let sharing = counts().any(|count| count.is_none());
    let default: u32 = counts().map(|count| count.unwrap_or(1)).sum();
    if regions.doubtful || aws.total.is_wrong() {
        return default;
    }
    let Reading::Given(total, at) = &aws.total else {
        if let (true, Some(at)) = (default > MOST_INSTANCES, regions.at) {
            sink.add(
                at,
                format!(
                    "the regions ask for {default} instances, at most {MOST_INSTANCES} are allowed"
                ),
            );
        }
        return default;
    };
    if fixed > *total {
        sink.add_with(
            *at,
            format!(
                "'total_instances' in 'aws' is {total}, but the regions' counts add up to {fixed}"
            ),
            format!("make it at least {fixed}, or leave it out"),
        );
    } else if !sharing && fixed < *total {
        sink.add_with(
            *at,
            format!(
                "'total_instances' in 'aws' is {total}, but all regions have counts: {fixed} in all"
            ),
            "leave it out",
        );
    }
    *total
}
