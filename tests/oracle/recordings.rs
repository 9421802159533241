//! The recordings: read from their files, and those that boto3 wrote as JSON turned back into the
//! XML that was on the wire.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use super::xml::Element;

/// Whose they are for our client: it leaves out what has not its tags.
const TAGS: [(&str, &str); 2] = [("ManagedBy", "spot-tui"), ("DeploymentId", "spot-recorded")];

/// What boto3 calls otherwise than the wire: the name there, under whatever holds it.
const RENAMED: &[(&str, &str)] = &[
    ("Associations", "associationSet"),
    ("Attachments", "attachmentSet"),
    ("AvailabilityZones", "availabilityZoneInfo"),
    ("BlockDeviceMappings", "blockDeviceMapping"),
    ("Groups", "groupSet"),
    ("Instances", "instancesSet"),
    ("Ipv6Addresses", "ipv6AddressesSet"),
    ("LaunchTemplates", "launchTemplates"),
    ("Messages", "messageSet"),
    ("NetworkInterfaces", "networkInterfaceSet"),
    ("PrivateIpAddresses", "privateIpAddressesSet"),
    ("PropagatingVgws", "propagatingVgwSet"),
    ("PublicIpAddress", "ipAddress"),
    ("Reservations", "reservationSet"),
    ("RouteTables", "routeTableSet"),
    ("Routes", "routeSet"),
    ("SecurityGroups", "groupSet"),
    ("SpotInstanceRequests", "spotInstanceRequestSet"),
    ("StartingInstances", "instancesSet"),
    ("StateTransitionReason", "reason"),
    ("StoppingInstances", "instancesSet"),
    ("Tags", "tagSet"),
    ("TerminatingInstances", "instancesSet"),
    ("Volumes", "volumeSet"),
    ("Vpcs", "vpcSet"),
];

/// The same where it depends on what holds it.
const RENAMED_IN: &[(&str, &str, &str)] = &[
    ("AvailabilityZones", "State", "zoneState"),
    ("Instances", "PublicDnsName", "dnsName"),
    ("Instances", "State", "instanceState"),
    ("Volumes", "State", "status"),
    ("Attachments", "State", "status"),
];

/// A moment after all of them.
pub(super) fn began() -> Timestamp {
    "2026-11-20T09:00:00Z".parse().unwrap()
}

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle")
}

/// A file's text.
pub(super) fn text(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A file of JSON.
pub(super) fn json(file: &str) -> Value {
    serde_json::from_str(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// All files of a folder, `xml/describe-vpcs.xml`.
pub(super) fn files(of: &str) -> Vec<String> {
    let entries = fs::read_dir(folder().join(of)).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> =
        entries.map(|name| format!("{of}/{}", name.to_str().unwrap())).collect();
    names.sort();
    names
}

/// What was answered to an action, as it was on the wire.
pub(super) fn answer(file: &str, action: &str) -> Element {
    if file.starts_with("xml/") {
        return Element::parse(&text(file));
    }
    from_json(action, &json(file))
}

/// An answer that boto3 wrote down, as it was on the wire.
pub(super) fn from_json(action: &str, recorded: &Value) -> Element {
    let mut root = Element::new(&format!("{action}Response"));
    convert(recorded, action, &mut root);
    root
}

fn convert(value: &Value, holder: &str, into: &mut Element) {
    match value {
        Value::Object(members) => {
            for (name, value) in members.iter().filter(|(name, _)| *name != "ResponseMetadata") {
                let mut inside = Element::new(&on_the_wire(holder, name));
                convert(value, name, &mut inside);
                into.inside.push(inside);
            }
        }
        Value::Array(items) => {
            for value in items {
                let mut item = Element::new("item");
                convert(value, holder, &mut item);
                into.inside.push(item);
            }
        }
        Value::String(text) => into.text.clone_from(text),
        other => into.text = other.to_string(),
    }
}

fn on_the_wire(holder: &str, name: &str) -> String {
    let inside = RENAMED_IN.iter().find(|(of, known, _)| *of == holder && *known == name);
    let renamed = RENAMED.iter().find(|(known, _)| *known == name);
    match (inside, renamed) {
        (Some((.., wire)), _) | (None, Some((_, wire))) => (*wire).to_owned(),
        (None, None) => {
            let mut letters = name.chars();
            letters
                .next()
                .map(|first| first.to_ascii_lowercase())
                .into_iter()
                .chain(letters)
                .collect()
        }
    }
}

/// The same as if we had made it: each of these, wherever they are, gets our tags.
pub(super) fn owned(mut answer: Element, sets: &[&str]) -> Element {
    own(&mut answer, sets);
    answer
}

fn own(element: &mut Element, sets: &[&str]) {
    for inside in &mut element.inside {
        if sets.contains(&inside.name.as_str()) {
            for item in &mut inside.inside {
                let tags = item.child_mut("tagSet");
                tags.inside.extend(TAGS.map(|(key, value)| {
                    let mut item = Element::new("item");
                    item.inside =
                        vec![Element::with_text("key", key), Element::with_text("value", value)];
                    item
                }));
            }
        }
        own(inside, sets);
    }
}
