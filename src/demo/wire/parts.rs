//! What several resources show alike: moments, names, ids and states as EC2 writes them.

use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::xml::Xml;
use crate::demo::world::region::RegionWorld;
use crate::fleet::{Ec2State, RegionLocation};

/// The id of something that belongs to another thing alone: the same digits, another prefix.
pub(super) fn kin(id: &str, prefix: &str) -> String {
    let digits = id.rsplit_once('-').map_or(id, |(_, digits)| digits);
    format!("{prefix}-{digits}")
}

/// The id of the zone with this name.
pub(super) fn zone_id(place: &RegionLocation, zone: &str) -> Option<String> {
    place.zones().position(|known| known == zone).map(|index| numbered(place, index))
}

/// `usw2-az1`: the same for every account, which a zone's name is not.
pub(super) fn numbered(place: &RegionLocation, index: usize) -> String {
    let mut parts = place.code.split('-');
    let area = parts.next().unwrap_or_default();
    let middle: String = parts.next().map(abbreviated).unwrap_or_default();
    format!("{area}{middle}{}-az{}", parts.next().unwrap_or_default(), index + 1)
}

/// `west` is `w`, `southeast` is `se`.
fn abbreviated(word: &str) -> String {
    ["north", "south", "east", "west", "central"]
        .into_iter()
        .filter(|part| word.contains(part))
        .filter_map(|part| part.chars().next())
        .collect()
}

/// Whether a text has the form of an id: a prefix, and 8 or 17 hexadecimal digits.
pub(super) fn is_id(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    digits.is_some_and(|digits| {
        [8, 17].contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_hexdigit())
    })
}

/// EC2's number for a state.
pub(super) fn code(state: Ec2State) -> u8 {
    match state {
        Ec2State::Pending => 0,
        Ec2State::Running => 16,
        Ec2State::ShuttingDown => 32,
        Ec2State::Terminated => 48,
        Ec2State::Stopping => 64,
        Ec2State::Stopped => 80,
    }
}

/// EC2's word for a thing with or without an instance.
pub(super) fn use_of(attached: bool) -> &'static str {
    if attached { "in-use" } else { "available" }
}

/// A moment as EC2 writes it.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// EC2's number and word for a state.
pub(super) fn show_state(xml: &mut Xml, state: Ec2State) {
    xml.text("code", code(state)).text("name", state);
}

/// A group, where something else tells of it.
pub(super) fn show_group(xml: &mut Xml, region: &RegionWorld, id: &str) {
    let name = region.network.groups.get(id).map(|group| group.name.as_str());
    xml.text("groupId", id).text("groupName", name.unwrap_or_default());
}

/// The name of a private address; us-east-1 was there before regions had names of their own.
pub(super) fn private_name(region: &RegionWorld, address: Ipv4Addr) -> String {
    let dashed = address.to_string().replace('.', "-");
    match region.place.code {
        "us-east-1" => format!("ip-{dashed}.ec2.internal"),
        code => format!("ip-{dashed}.{code}.compute.internal"),
    }
}

/// The name of a public address.
pub(super) fn public_name(region: &RegionWorld, address: Ipv4Addr) -> String {
    let dashed = address.to_string().replace('.', "-");
    match region.place.code {
        "us-east-1" => format!("ec2-{dashed}.compute-1.amazonaws.com"),
        code => format!("ec2-{dashed}.{code}.compute.amazonaws.com"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::REGION_LOCATIONS;

    #[test]
    fn zone_ids_are_abbreviated_as_aws_does() {
        let id = |code: &str| {
            numbered(REGION_LOCATIONS.iter().find(|place| place.code == code).unwrap(), 0)
        };
        assert_eq!(id("us-west-2"), "usw2-az1");
        assert_eq!(id("ap-southeast-2"), "apse2-az1");
        assert_eq!(id("eu-central-1"), "euc1-az1");
    }
}
