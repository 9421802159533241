//! Network interfaces and key pairs on the wire.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::call::Call;
use super::parts::{moment, private_name, public_name, show_group, use_of};
use super::select::{Shown, select};
use super::tags::born_with;
use super::xml::Xml;
use crate::demo::world::Refusal;
use crate::demo::world::network::{Interface, KeyPair};
use crate::demo::world::region::RegionWorld;

impl Shown for Interface {
    const IDS: &'static str = "NetworkInterfaceId";
    const MISSING: &'static str = "InvalidNetworkInterfaceID.NotFound";
    const NOUN: &'static str = "networkInterface ID";
    const FILTERS: &'static [&'static str] = &[
        "attachment.instance-id",
        "availability-zone",
        "group-id",
        "network-interface-id",
        "status",
        "subnet-id",
        "vpc-id",
    ];

    fn field(&self, filter: &str) -> Vec<String> {
        match filter {
            "attachment.instance-id" => {
                self.attached.iter().map(|(instance, _)| instance.clone()).collect()
            }
            "availability-zone" => vec![self.zone.clone()],
            "group-id" => self.groups.clone(),
            "status" => vec![use_of(is_used(self)).to_owned()],
            "subnet-id" => vec![self.subnet.clone()],
            "vpc-id" => vec![self.vpc.clone()],
            _ => vec![self.id.clone()],
        }
    }
}

impl Shown for KeyPair {
    const IDS: &'static str = "KeyName";
    const MISSING: &'static str = "InvalidKeyPair.NotFound";
    const NOUN: &'static str = "key pair";
    const FILTERS: &'static [&'static str] = &["key-name", "key-pair-id"];

    fn field(&self, filter: &str) -> Vec<String> {
        vec![if filter == "key-name" { self.name.clone() } else { self.id.clone() }]
    }

    fn name(&self) -> &str {
        &self.name
    }
}

fn is_used(interface: &Interface) -> bool {
    interface.attached.is_some() || interface.endpoint.is_some()
}

/// Who tells of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Teller {
    /// It is asked for itself.
    Itself,
    /// Its instance, which has it already.
    Instance,
    /// The launch of its instance, which is only getting it.
    Launch,
}

/// An interface.
pub(super) fn show_interface(
    xml: &mut Xml,
    region: &RegionWorld,
    interface: &Interface,
    teller: Teller,
) {
    let is_newborn = teller == Teller::Launch;
    xml.text("networkInterfaceId", &interface.id).text("subnetId", &interface.subnet);
    xml.text("vpcId", &interface.vpc).text("ownerId", &region.laws.account);
    let endpoint = interface.endpoint.as_ref();
    let description = endpoint.map(|id| format!("VPC Endpoint Interface {id}"));
    xml.text("description", description.unwrap_or_default());
    xml.text("status", use_of(is_used(interface)));
    xml.text("interfaceType", "interface").text("sourceDestCheck", true);
    xml.text("macAddress", mac_address(&interface.id));
    xml.list("groupSet", &interface.groups, |item, id| show_group(item, region, id));
    if let Some((instance, attachment)) = &interface.attached {
        xml.group("attachment", |it| {
            it.text("attachmentId", attachment);
            if teller == Teller::Itself {
                it.text("instanceId", instance).text("instanceOwnerId", &region.laws.account);
            }
            it.text("networkCardIndex", 0).text("deviceIndex", 0);
            it.text("status", if is_newborn { "attaching" } else { "attached" });
            it.text("attachTime", moment(interface.born));
            it.text("deleteOnTermination", interface.delete_on_termination);
        });
    }
    show_addresses(xml, region, interface, is_newborn);
    xml.list("privateIpAddressesSet", [interface], |item, interface| {
        item.text("primary", true);
        show_addresses(item, region, interface, is_newborn);
    });
    xml.list("ipv6AddressesSet", [(); 0], |_, ()| {});
    xml.group("operator", |it| {
        it.text("managed", false);
    });
}

fn show_addresses(xml: &mut Xml, region: &RegionWorld, interface: &Interface, is_newborn: bool) {
    xml.text("privateIpAddress", interface.private_ip);
    xml.text("privateDnsName", private_name(region, interface.private_ip));
    if let Some(address) = interface.public_ip.filter(|_| !is_newborn) {
        xml.group("association", |it| {
            let elastic = region.elastic_ips.values().find(|it| it.address == address);
            let owner = elastic.map_or("amazon", |_| region.laws.account.as_str());
            it.text("publicIp", address).text("ipOwnerId", owner);
            it.text("publicDnsName", public_name(region, address));
        });
    }
}

/// One that nobody sells: locally administered, out of the interface's id.
fn mac_address(id: &str) -> String {
    let digits: Vec<char> = id.chars().rev().take(10).collect();
    let pairs: Vec<String> = digits.chunks(2).map(|pair| pair.iter().collect()).collect();
    format!("02:{}", pairs.join(":"))
}

/// DescribeNetworkInterfaces.
pub(super) fn describe_interfaces(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let region = &*call.region;
    let page = select(call.form, region, region.network.interfaces.values())?;
    let mut xml = Xml::default();
    xml.list("networkInterfaceSet", page.items, |item, interface: &Interface| {
        show_interface(item, region, interface, Teller::Itself);
        item.text("availabilityZone", &interface.zone);
        item.text("requesterManaged", interface.endpoint.is_some());
        item.tags(&interface.tags);
    });
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

/// DeleteNetworkInterface.
pub(super) fn delete_interface(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    call.region.delete_interface(call.form.need("NetworkInterfaceId")?)?;
    Ok(Xml::done())
}

/// DetachNetworkInterface.
pub(super) fn detach_interface(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    call.region.detach_interface(call.form.need("AttachmentId")?)?;
    Ok(Xml::done())
}

/// DescribeKeyPairs.
pub(super) fn describe_keys(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let page = select(call.form, call.region, call.region.network.keys.values())?;
    let mut xml = Xml::default();
    xml.list("keySet", page.items, |item, pair: &KeyPair| {
        show_key(item, pair);
        item.text("keyType", if is_ed25519(pair) { "ed25519" } else { "rsa" });
        item.text("createTime", moment(pair.born));
    });
    Ok(xml)
}

/// ImportKeyPair.
pub(super) fn import_key(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let tags = born_with(call.form, "key-pair")?;
    let material = call.form.need("PublicKeyMaterial")?;
    let material: String = material.split_whitespace().collect();
    let public = STANDARD.decode(material).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = call.region.import_key(
        call.form.need("KeyName")?,
        public.as_deref().unwrap_or_default(),
        tags,
    )?;
    let mut xml = Xml::default();
    show_key(&mut xml, pair);
    Ok(xml)
}

fn is_ed25519(pair: &KeyPair) -> bool {
    pair.public.starts_with("ssh-ed25519")
}

fn show_key(xml: &mut Xml, pair: &KeyPair) {
    xml.text("keyPairId", &pair.id).text("keyName", &pair.name);
    // An ed25519 key's fingerprint is OpenSSH's SHA-256. AWS's own digest of an imported RSA key
    // (MD5 of its DER) is not told here rather than told wrongly.
    let blob = pair.public.split_whitespace().nth(1).and_then(|key| STANDARD.decode(key).ok());
    if let Some(blob) = blob.filter(|_| is_ed25519(pair)) {
        xml.text("keyFingerprint", STANDARD.encode(Sha256::digest(blob)));
    }
    xml.tags(&pair.tags);
}

/// DeleteKeyPair: one that is not there is no error.
pub(super) fn delete_key(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let keys = &mut call.region.network.keys;
    let (name, id) = (call.form.get("KeyName"), call.form.get("KeyPairId"));
    if name.or(id).is_none() {
        return Err(Refusal::missing("KeyName"));
    }
    let meant = |pair: &KeyPair| match name {
        Some(name) => pair.name == name,
        None => Some(pair.id.as_str()) == id,
    };
    let gone = keys.values().find(|pair| meant(pair)).map(|pair| pair.id.clone());
    keys.retain(|_, pair| !meant(pair));
    let mut xml = Xml::done();
    xml.maybe("keyPairId", gone);
    Ok(xml)
}
