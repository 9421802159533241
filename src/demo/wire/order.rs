//! RunInstances' parameters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::form::Form;
use super::tags;
use crate::demo::world::Refusal;
use crate::demo::world::order::{Behaviour, Order, RootVolume, SpotTerms};

/// What a token does not stand for: where it is asked is its scope, not its meaning.
const BESIDE_THE_TOKEN: [&str; 5] =
    ["ClientToken", "SubnetId", "Placement.AvailabilityZone", "DryRun", "Version"];

/// Reads what a launch is asked for. What cannot be right whatever the region is like is refused.
pub(super) fn read(form: &Form) -> Result<Order, Refusal> {
    let nic = form.items("NetworkInterface").into_iter().next().unwrap_or_default();
    if !nic.list("SecurityGroupId").is_empty() && !form.list("SecurityGroupId").is_empty() {
        let message = "Network interfaces and an instance-level security groups may not be \
                       specified on the same request";
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    let mut groups = nic.list("SecurityGroupId");
    groups.extend(form.list("SecurityGroupId"));
    let subnet = nic.get("SubnetId").or_else(|| form.get("SubnetId"));
    Ok(Order {
        token: token(form)?,
        digest: digest(form),
        machine_type: form.get("InstanceType").unwrap_or("m1.small").to_owned(),
        image: form.need("ImageId")?.to_owned(),
        min: form.value("MinCount")?.ok_or_else(|| Refusal::missing("MinCount"))?,
        max: form.value("MaxCount")?.ok_or_else(|| Refusal::missing("MaxCount"))?,
        subnet: subnet.map(str::to_owned),
        zone: form.get("Placement.AvailabilityZone").map(str::to_owned),
        groups,
        key_name: form.get("KeyName").map(str::to_owned),
        user_data: user_data(form.get("UserData").unwrap_or_default())?,
        spot: spot(form)?,
        public_ip: nic.flag("AssociatePublicIpAddress")?,
        volume: volume(form)?,
        preloaded: false,
        shutdown_terminates: form.get("InstanceInitiatedShutdownBehavior") == Some("terminate"),
        interface_stays: nic.flag("DeleteOnTermination")? == Some(false),
        http_tokens: form.get("MetadataOptions.HttpTokens").unwrap_or("required").to_owned(),
        hop_limit: form.value("MetadataOptions.HttpPutResponseHopLimit")?.unwrap_or(2),
        profile: form.get("IamInstanceProfile.Name").map(str::to_owned),
        credits: credits(form)?,
        tags: tags::specified(
            form,
            &["instance", "volume", "network-interface", "spot-instances-request"],
        )?,
    })
}

/// The client token of a call.
pub(super) fn token(form: &Form) -> Result<Option<String>, Refusal> {
    let token = form.get("ClientToken").filter(|token| !token.is_empty());
    if token.is_some_and(|token| token.len() > 64 || !token.is_ascii()) {
        return Err(Refusal::value("The client token has to be at most 64 ASCII characters"));
    }
    Ok(token.map(str::to_owned))
}

fn user_data(text: &str) -> Result<(String, usize), Refusal> {
    let compact: String = text.split_whitespace().collect();
    match STANDARD.decode(&compact) {
        Ok(bytes) => Ok((compact, bytes.len())),
        Err(_) => Err(Refusal::value("Invalid BASE64 encoding of user data.")),
    }
}

fn spot(form: &Form) -> Result<Option<SpotTerms>, Refusal> {
    match form.get("InstanceMarketOptions.MarketType") {
        None => return Ok(None),
        Some("spot") => {}
        Some(other) => {
            return Err(Refusal::value(format!("Invalid value '{other}' for MarketType.")));
        }
    }
    let option = |name: &str| form.get(&format!("InstanceMarketOptions.SpotOptions.{name}"));
    let persistent = option("SpotInstanceType") == Some("persistent");
    let word = option("InstanceInterruptionBehavior").unwrap_or("terminate");
    let behaviour = Behaviour::read(word).filter(|it| persistent != (*it == Behaviour::Terminate));
    let Some(behaviour) = behaviour else {
        return Err(Refusal::new(
            "InvalidParameterCombination",
            format!("'{word}' is not supported for this type of spot request."),
        ));
    };
    let max_price = form.value::<f64>("InstanceMarketOptions.SpotOptions.MaxPrice")?;
    if max_price.is_some_and(|price| !(price.is_finite() && price > 0.0)) {
        return Err(Refusal::value("Invalid Spot price. It has to be greater than 0."));
    }
    Ok(Some(SpotTerms { persistent, behaviour, max_price }))
}

fn credits(form: &Form) -> Result<Option<String>, Refusal> {
    match form.get("CreditSpecification.CpuCredits") {
        None => Ok(None),
        Some(word @ ("standard" | "unlimited")) => Ok(Some(word.to_owned())),
        Some(other) => Err(Refusal::value(format!("Invalid value '{other}' for CpuCredits."))),
    }
}

fn volume(form: &Form) -> Result<RootVolume, Refusal> {
    let device = form.items("BlockDeviceMapping").into_iter().next().unwrap_or_default();
    let gib = device.value("Ebs.VolumeSize")?.unwrap_or(8);
    if gib > 65536 {
        let message = format!("Volume of {gib}GiB is too large for volume type gp3");
        return Err(Refusal::value(message));
    }
    Ok(RootVolume {
        device: device.get("DeviceName").unwrap_or("/dev/sda1").to_owned(),
        gib,
        kind: device.get("Ebs.VolumeType").unwrap_or("gp3").to_owned(),
        encrypted: device.flag("Ebs.Encrypted")?.unwrap_or(false),
        delete_on_termination: device.flag("Ebs.DeleteOnTermination")?.unwrap_or(true),
    })
}

/// What a client token stands for.
pub(super) fn digest(form: &Form) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for (key, value) in form.without(&BESIDE_THE_TOKEN) {
        for part in [key, value] {
            hasher.update(part.len().to_be_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hasher.finalize().into()
}
