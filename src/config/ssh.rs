//! The section `ssh`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::complaint::ComplaintSink;
use super::fields::{Fields, Reading};
use super::keys::Section;
use super::schema::{AllowFrom, Connect, HostKeyPolicy, MatchExec, Ssh};
use super::tree::{Node, Value};
use super::values::{ValueResult, choice, path, text, url, whole};

/// AWS's own service that tells a caller's public address.
const CHECKIP: &str = "https://checkip.amazonaws.com";

const CONNECT: [(&str, Connect); 2] = [("public", Connect::Public), ("private", Connect::Private)];

const MATCH_EXEC: [(&str, MatchExec); 2] =
    [("skip", MatchExec::Skip), ("refuse", MatchExec::Refuse)];

const HOST_KEY: [(&str, HostKeyPolicy); 3] = [
    ("console", HostKeyPolicy::Console),
    ("strict", HostKeyPolicy::Strict),
    ("pin", HostKeyPolicy::Pin),
];

/// Reads the section.
pub(super) fn read(node: Option<&Node>, sink: &mut ComplaintSink) -> Ssh {
    let mut fields = Fields::of(node, Section::Ssh, "in 'ssh'", sink);
    let ssh = Ssh {
        config_file: fields.read("config_file", sink, path).given(),
        match_exec: fields
            .read("match_exec", sink, |node| choice(node, &MATCH_EXEC))
            .or(MatchExec::Skip),
        port: fields.read("port", sink, port).given(),
        connect: fields.read("connect", sink, |node| choice(node, &CONNECT)).or(Connect::Public),
        allow_from: read_allow_from(&mut fields, sink),
        checkip_url: fields.read("checkip_url", sink, |node| url(node, CHECKIP)).or(CHECKIP.into()),
        timeout_s: fields
            .read("timeout_s", sink, |node| whole(node, 10..=3600, " (seconds)"))
            .or(300),
        console_timeout_s: fields
            .read("console_timeout_s", sink, |node| whole(node, 10..=3600, " (seconds)"))
            .or(900),
        host_key: fields
            .read("host_key", sink, |node| choice(node, &HOST_KEY))
            .or(HostKeyPolicy::Console),
    };
    fields.finish(sink);
    ssh
}

fn port(node: &Node) -> ValueResult<u16> {
    let number = whole(node, 1..=u32::from(u16::MAX), "")?;
    Ok(u16::try_from(number).unwrap_or(u16::MAX))
}

fn read_allow_from(fields: &mut Fields<'_>, sink: &mut ComplaintSink) -> AllowFrom {
    let is_list = fields.get("allow_from").is_some_and(|node| matches!(node.value, Value::List(_)));
    if !is_list {
        return fields.read("allow_from", sink, one_source).or(AllowFrom::Auto);
    }
    match fields.read_list("allow_from", sink, network) {
        Reading::Given(networks, at) if networks.is_empty() => {
            sink.add_with(at, "'allow_from' in 'ssh' is an empty list", "write 'auto'");
            AllowFrom::Auto
        }
        reading => reading.given().map_or(AllowFrom::Auto, AllowFrom::Networks),
    }
}

fn one_source(node: &Node) -> ValueResult<AllowFrom> {
    let right = "'auto', or networks such as 203.0.113.0/24";
    let word = text(node, right, |text| text == "auto" || parse_network(text).is_some())?;
    Ok(parse_network(word).map_or(AllowFrom::Auto, |network| AllowFrom::Networks(vec![network])))
}

fn network(node: &Node) -> ValueResult<IpNet> {
    let right = "a network such as 203.0.113.0/24";
    let word = text(node, right, |text| parse_network(text).is_some())?;
    Ok(parse_network(word).unwrap_or_default())
}

/// A network, its host bits cleared as EC2 wants them, or a single address.
fn parse_network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok().map(|network| network.trunc());
    network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
