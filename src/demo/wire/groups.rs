//! Security groups on the wire.

use ipnet::IpNet;

use super::call::Call;
use super::form::Form;
use super::select::{Shown, select};
use super::tags::born_with;
use super::xml::Xml;
use crate::demo::world::Refusal;
use crate::demo::world::groups::{Group, Peer, Rule, Way};
use crate::demo::world::region::RegionWorld;
use crate::demo::world::resource::Tags;

impl Shown for Group {
    const IDS: &'static str = "GroupId";
    const MISSING: &'static str = "InvalidGroup.NotFound";
    const NOUN: &'static str = "security group";
    const FILTERS: &'static [&'static str] = &["description", "group-id", "group-name", "vpc-id"];

    fn field(&self, filter: &str) -> Vec<String> {
        vec![match filter {
            "description" => self.description.clone(),
            "group-name" => self.name.clone(),
            "vpc-id" => self.vpc.clone(),
            _ => self.id.clone(),
        }]
    }
}

/// DescribeSecurityGroups.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let region = &*call.region;
    let names = call.form.list("GroupName");
    let meant = |group: &&Group| names.is_empty() || names.contains(&group.name);
    let page = select(call.form, region, region.network.groups.values().filter(meant))?;
    let account = &region.laws.account;
    let mut xml = Xml::default();
    xml.list("securityGroupInfo", page.items, |item, group| {
        item.text("ownerId", account).text("groupId", &group.id).text("groupName", &group.name);
        item.text("groupDescription", &group.description).text("vpcId", &group.vpc);
        item.text("securityGroupArn", arn(region, &group.id));
        show_rules(item, "ipPermissions", &group.ingress, account);
        show_rules(item, "ipPermissionsEgress", &group.egress, account);
        item.tags_if_any(&group.tags);
    });
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

fn arn(region: &RegionWorld, id: &str) -> String {
    format!("arn:aws:ec2:{}:{}:security-group/{id}", region.place.code, region.laws.account)
}

/// Rules for the same protocol and ports stand together.
fn show_rules(xml: &mut Xml, tag: &str, rules: &[Rule], account: &str) {
    let mut sorted: Vec<&Rule> = rules.iter().collect();
    sorted.sort_by_key(|rule| (rule.protocol.clone(), rule.ports));
    let alike = |a: &&Rule, b: &&Rule| a.protocol == b.protocol && a.ports == b.ports;
    xml.list(tag, sorted.chunk_by(alike), |item, rules| {
        item.text("ipProtocol", &rules[0].protocol);
        item.maybe("fromPort", rules[0].ports.map(|ports| ports.0));
        item.maybe("toPort", rules[0].ports.map(|ports| ports.1));
        let groups = rules.iter().filter_map(|rule| match &rule.peer {
            Peer::Group(id) => Some((id, rule)),
            Peer::Net(_) => None,
        });
        item.list("groups", groups, |item, (id, rule)| {
            item.text("userId", account).text("groupId", id);
            describe_rule(item, rule);
        });
        let nets = |v4: bool| {
            rules.iter().filter_map(move |rule| match &rule.peer {
                Peer::Net(net) if net.addr().is_ipv4() == v4 => Some((*net, *rule)),
                _ => None,
            })
        };
        item.list("ipRanges", nets(true), |item, (net, rule)| {
            item.text("cidrIp", net);
            describe_rule(item, rule);
        });
        item.list("ipv6Ranges", nets(false), |item, (net, rule)| {
            item.text("cidrIpv6", net);
            describe_rule(item, rule);
        });
        item.list("prefixListIds", [(); 0], |_, ()| {});
    });
}

fn describe_rule(xml: &mut Xml, rule: &Rule) {
    xml.maybe("description", Some(&rule.description).filter(|text| !text.is_empty()));
}

/// CreateSecurityGroup.
pub(super) fn create(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let tags = born_with(call.form, "security-group")?;
    let name = call.form.need("GroupName")?;
    let description = call.form.need("GroupDescription")?;
    if name == "default" || name.starts_with("sg-") {
        let message = format!("Cannot use reserved security group name: {name}");
        return Err(Refusal::value(message));
    }
    let id = call.region.create_group(call.form.get("VpcId"), name, description, tags.clone())?;
    let mut xml = Xml::done();
    xml.text("securityGroupArn", arn(call.region, &id)).text("groupId", id).tags(&tags);
    Ok(xml)
}

/// DeleteSecurityGroup.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let id = call.form.need("GroupId")?;
    call.region.delete_group(id)?;
    let mut xml = Xml::done();
    xml.text("groupId", id);
    Ok(xml)
}

/// AuthorizeSecurityGroupIngress.
pub(super) fn authorize_in(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    authorize(call, Way::In)
}

/// AuthorizeSecurityGroupEgress.
pub(super) fn authorize_out(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    authorize(call, Way::Out)
}

/// RevokeSecurityGroupIngress.
pub(super) fn revoke_in(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    revoke(call, Way::In)
}

/// RevokeSecurityGroupEgress.
pub(super) fn revoke_out(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    revoke(call, Way::Out)
}

fn authorize(call: &mut Call<'_>, way: Way) -> Result<Xml, Refusal> {
    let id = call.form.need("GroupId")?;
    let tags = born_with(call.form, "security-group-rule")?;
    let made = call.region.authorize(id, way, rules(call.form, &tags)?)?;
    let mut xml = Xml::done();
    xml.list("securityGroupRuleSet", made, |item, rule| {
        item.text("securityGroupRuleId", &rule.id).text("groupId", id);
        item.text("isEgress", way == Way::Out).text("ipProtocol", &rule.protocol);
        item.maybe("fromPort", rule.ports.map(|ports| ports.0));
        item.maybe("toPort", rule.ports.map(|ports| ports.1));
        describe_rule(item, &rule);
        match rule.peer {
            Peer::Net(IpNet::V4(net)) => item.text("cidrIpv4", net),
            Peer::Net(IpNet::V6(net)) => item.text("cidrIpv6", net),
            Peer::Group(peer) => item.group("referencedGroupInfo", |it| {
                it.text("groupId", peer);
            }),
        };
        item.tags(&rule.tags);
    });
    Ok(xml)
}

fn revoke(call: &mut Call<'_>, way: Way) -> Result<Xml, Refusal> {
    let id = call.form.need("GroupId")?;
    call.region.revoke(id, way, &rules(call.form, &Tags::new())?)?;
    Ok(Xml::done())
}

/// The rules of a request: those under `IpPermissions`, or the single one that is written flat.
fn rules(form: &Form, tags: &Tags) -> Result<Vec<Rule>, Refusal> {
    let mut rules = Vec::new();
    for permission in form.items("IpPermissions") {
        let (protocol, ports) = traffic(&permission)?;
        let mut add = |peer: Peer, description: Option<&str>| {
            rules.push(Rule {
                id: String::new(),
                protocol: protocol.clone(),
                ports,
                peer,
                description: description.unwrap_or_default().to_owned(),
                tags: tags.clone(),
            });
        };
        for (list, field) in [("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")] {
            for range in permission.items(list) {
                add(Peer::Net(net(range.need(field)?)?), range.get("Description"));
            }
        }
        for group in permission.items("Groups") {
            add(Peer::Group(group.need("GroupId")?.to_owned()), group.get("Description"));
        }
    }
    if let Some(cidr) = form.get("CidrIp") {
        let (protocol, ports) = traffic(form)?;
        rules.push(Rule {
            id: String::new(),
            protocol,
            ports,
            peer: Peer::Net(net(cidr)?),
            description: String::new(),
            tags: tags.clone(),
        });
    }
    if rules.is_empty() {
        return Err(Refusal::missing("ipPermissions"));
    }
    Ok(rules)
}

fn traffic(form: &Form) -> Result<(String, Option<(i32, i32)>), Refusal> {
    let protocol = match form.need("IpProtocol")? {
        "6" => "tcp",
        "17" => "udp",
        other => other,
    };
    let (from, to) = (form.value::<i32>("FromPort")?, form.value::<i32>("ToPort")?);
    match (protocol, from, to) {
        ("-1", ..) => Ok((protocol.to_owned(), None)),
        ("tcp" | "udp", Some(from @ 0..=65535), Some(to @ 0..=65535)) if from <= to => {
            Ok((protocol.to_owned(), Some((from, to))))
        }
        ("icmp" | "icmpv6", Some(from), Some(to)) => Ok((protocol.to_owned(), Some((from, to)))),
        _ => Err(Refusal::value(format!("Invalid value for portRange of protocol '{protocol}'."))),
    }
}

fn net(text: &str) -> Result<IpNet, Refusal> {
    text.parse::<IpNet>()
        .map(|net| net.trunc())
        .map_err(|_| Refusal::value(format!("CIDR block {text} is malformed")))
}
