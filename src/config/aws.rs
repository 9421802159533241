//! The section `aws`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::complaint::{ComplaintSink, Position};
use super::fields::{Fields, Reading};
use super::keys::Section;
use super::schema::{Aws, CpuCredits, Network};
use super::tree::Node;
use super::values::{ValueResult, boolean, choice, path, price, text, whole};
use super::{labels, shapes};
use crate::fleet::{SecurityGroupId, SubnetId, VpcId};

const CPU_CREDITS: [(&str, CpuCredits); 2] =
    [("standard", CpuCredits::Standard), ("unlimited", CpuCredits::Unlimited)];

/// Where its keys stand, in a message.
const PLACE: &str = "in 'aws'";

/// The section, and what is still to be checked against the regions.
pub(super) struct AwsPart {
    /// The section. Its `total_instances` is not settled before the regions are known.
    pub(super) aws: Aws,
    /// `total_instances` as written.
    pub(super) total: Reading<u32>,
    /// What regions take over.
    pub(super) inherited: Inherited,
    /// The keys that name something of one single region.
    pub(super) regional: Vec<(&'static str, Position)>,
    /// Where `associate_public_ip: false` stands.
    pub(super) hidden: Option<Position>,
}

/// What a region takes over where it says nothing itself.
pub(super) struct Inherited {
    pub(super) spot_price_limit: Option<f64>,
    pub(super) instance_storage_gb: u32,
    pub(super) tags: BTreeMap<String, String>,
}

/// Reads the section.
pub(super) fn read(node: Option<&Node>, sink: &mut ComplaintSink) -> AwsPart {
    let mut fields = Fields::of(node, Section::Aws, PLACE, sink);
    let total = fields.read("total_instances", sink, |node| whole(node, 0..=1000, ""));
    let inherited = Inherited {
        spot_price_limit: fields.read("spot_price_limit", sink, price).given(),
        instance_storage_gb: fields.read("instance_storage_gb", sink, storage).or(50),
        tags: read_tags(&mut fields, sink),
    };
    let keys = read_keys(&mut fields, sink);
    let place = read_network(&mut fields, sink);
    let public = fields.read("associate_public_ip", sink, boolean);
    let login = fields.read("username", sink, username).given();
    let aws = Aws {
        total_instances: 0,
        is_username_given: login.is_some(),
        username: login.unwrap_or_else(|| "ubuntu".into()),
        ssh_key_name: keys.name,
        public_ssh_key_path: keys.public,
        private_ssh_key_path: keys.private,
        files_directory: fields.read("files_directory", sink, path).or("deployment-files".into()),
        scripts_directory: fields
            .read("scripts_directory", sink, path)
            .or("instance/scripts".into()),
        additional_commands_script: fields.read("additional_commands_script", sink, path).given(),
        security_groups: place.security_groups,
        network: place.network,
        associate_public_ip: public != Reading::Wrong
            && !matches!(public, Reading::Given(false, _)),
        cpu_credits: fields
            .read("cpu_credits", sink, |node| choice(node, &CPU_CREDITS))
            .or(CpuCredits::Standard),
        iam_instance_profile: fields.read("iam_instance_profile", sink, profile).given(),
        consistency_window_s: fields
            .read("consistency_window_s", sink, |node| whole(node, 1..=600, " (seconds)"))
            .or(60),
        tags: inherited.tags.clone(),
    };
    fields.finish(sink);
    let hidden = if aws.associate_public_ip { None } else { public.at() };
    AwsPart { aws, total, inherited, regional: place.regional, hidden }
}

/// A root volume's size. The images need 8 GiB, gp3 is offered up to 65536 (EC2 API Reference,
/// CreateVolume).
pub(super) fn storage(node: &Node) -> ValueResult<u32> {
    whole(node, 8..=65536, " (GiB)")
}

fn read_tags(fields: &mut Fields<'_>, sink: &mut ComplaintSink) -> BTreeMap<String, String> {
    let tags = labels::read(fields, PLACE, sink);
    if let Reading::Given(tags, at) = &tags {
        labels::check_count(tags, *at, PLACE, sink);
    }
    tags.or(BTreeMap::new())
}

fn username(node: &Node) -> ValueResult<String> {
    text(node, "a Linux user's name", shapes::is_user).map(str::to_owned)
}

fn profile(node: &Node) -> ValueResult<String> {
    let right = "an instance profile's name";
    text(node, right, shapes::is_profile).map(str::to_owned).map_err(|wrong| {
        let is_arn = wrong.found.contains("arn:");
        wrong.with(is_arn.then(|| "write the name that ends the ARN".into()))
    })
}

struct Keys {
    name: Option<String>,
    public: Option<PathBuf>,
    private: Option<PathBuf>,
}

fn read_keys(fields: &mut Fields<'_>, sink: &mut ComplaintSink) -> Keys {
    let name = fields.read("ssh_key_name", sink, |node| {
        text(node, "a key pair's name", shapes::is_key_pair).map(str::to_owned)
    });
    let public = fields.read("public_ssh_key_path", sink, path);
    if let (Some(first), Some(second)) = (name.at(), public.at()) {
        sink.add_with(
            first.max(second),
            "'ssh_key_name' and 'public_ssh_key_path' in 'aws' exclude each other",
            "name a key pair that is in EC2, or import this one",
        );
    }
    let private = fields.read("private_ssh_key_path", sink, path);
    Keys { name: name.given(), public: public.given(), private: private.given() }
}

/// Where the instances are put.
struct NetworkKeys {
    network: Network,
    security_groups: Vec<SecurityGroupId>,
    regional: Vec<(&'static str, Position)>,
}

fn read_network(fields: &mut Fields<'_>, sink: &mut ComplaintSink) -> NetworkKeys {
    let vpc = fields.read("vpc_id", sink, |node| id(node, "vpc").map(VpcId::new));
    let subnet = fields.read("subnet_id", sink, |node| id(node, "subnet").map(SubnetId::new));
    let dedicated = fields.read("use_dedicated_vpc", sink, boolean);
    let groups =
        fields.read_list("security_groups", sink, |node| id(node, "sg").map(SecurityGroupId::new));
    if let (Some(at), Reading::Absent) = (subnet.at(), &vpc) {
        sink.add_with(at, "'subnet_id' in 'aws' without 'vpc_id'", "name the subnet's VPC as well");
    }
    if let (Some(_), Reading::Given(true, at)) = (vpc.at(), &dedicated) {
        sink.add_with(
            *at,
            "'use_dedicated_vpc: true' and 'vpc_id' in 'aws' exclude each other",
            "leave one of them out",
        );
    }
    let own_vpc =
        vpc == Reading::Absent && matches!(dedicated, Reading::Absent | Reading::Given(true, _));
    let has_groups = matches!(&groups, Reading::Given(list, _) if !list.is_empty());
    let groups_at = groups.at().filter(|_| has_groups);
    if let (true, Some(at)) = (own_vpc, groups_at) {
        sink.add_with(
            at,
            "'security_groups' in 'aws' cannot be used in a VPC that is yet to be made",
            "name their VPC in 'vpc_id', or set 'use_dedicated_vpc: false'",
        );
    }
    let mut regional = Vec::new();
    regional.extend(vpc.at().map(|at| ("vpc_id", at)));
    regional.extend(groups_at.map(|at| ("security_groups", at)));
    let network = match (vpc, dedicated) {
        (Reading::Given(vpc, _), _) => Network::Given { vpc, subnet: subnet.given() },
        (_, Reading::Given(false, _)) => Network::Default,
        _ => Network::Dedicated,
    };
    NetworkKeys { network, security_groups: groups.or(Vec::new()), regional }
}

fn id<'a>(node: &'a Node, prefix: &str) -> ValueResult<&'a str> {
    let right = format!("an id such as {prefix}-0a1b2c3d4e5f67890");
    text(node, &right, |text| shapes::is_id(text, prefix))
}
