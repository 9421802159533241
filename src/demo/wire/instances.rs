//! Instances on the wire.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::call::Call;
use super::devices::{Teller, show_interface};
use super::order;
use super::parts::{
    code, is_id, moment, private_name, public_name, show_group, show_state, zone_id,
};
use super::select::{Shown, select};
use super::xml::Xml;
use crate::demo::world::Refusal;
use crate::demo::world::console::Keys;
use crate::demo::world::instance::Instance;
use crate::demo::world::pace::{ENDED, LAUNCHED};
use crate::demo::world::region::RegionWorld;
use crate::demo::world::volume::Volume;
use crate::fleet::Ec2State;

impl Shown for Instance {
    const IDS: &'static str = "InstanceId";
    const MISSING: &'static str = "InvalidInstanceID.NotFound";
    const NOUN: &'static str = "instance ID";
    const MALFORMED: Option<(&'static str, &'static str)> =
        Some(("i", "InvalidInstanceID.Malformed"));
    const FILTERS: &'static [&'static str] = &[
        "architecture",
        "availability-zone",
        "client-token",
        "image-id",
        "instance-id",
        "instance-lifecycle",
        "instance-state-code",
        "instance-state-name",
        "instance-type",
        "instance.group-id",
        "ip-address",
        "key-name",
        "private-ip-address",
        "reservation-id",
        "spot-instance-request-id",
        "subnet-id",
        "vpc-id",
    ];

    fn field(&self, filter: &str) -> Vec<String> {
        let here = self.state != Ec2State::Terminated;
        let value = match filter {
            "architecture" => Some(self.shape.architecture.to_owned()),
            "availability-zone" => Some(self.zone.clone()),
            "client-token" => self.token.clone(),
            "image-id" => Some(self.image.clone()),
            "instance-id" => Some(self.id.clone()),
            "instance-lifecycle" => self.spot_request.as_ref().map(|_| "spot".to_owned()),
            "instance-state-code" => Some(code(self.state).to_string()),
            "instance-state-name" => Some(self.state.to_string()),
            "instance-type" => Some(self.shape.name.to_owned()),
            "instance.group-id" => return self.groups.clone(),
            "ip-address" => self.public_ip.map(|address| address.to_string()),
            "key-name" => self.key_name.clone(),
            "private-ip-address" => here.then(|| self.private_ip.to_string()),
            "reservation-id" => Some(self.reservation.clone()),
            "spot-instance-request-id" => self.spot_request.clone(),
            "subnet-id" => here.then(|| self.subnet.clone()),
            "vpc-id" => here.then(|| self.vpc.clone()),
            _ => None,
        };
        value.into_iter().collect()
    }

    fn rank(&self) -> String {
        format!("{} {:05}", self.reservation, self.index)
    }
}

/// DescribeInstances. Pages are cut between instances; those of one launch stand together.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let region = &*call.region;
    let page = select(call.form, region, region.instances.values())?;
    let mut xml = Xml::default();
    let reservations = page.items.chunk_by(|a, b| a.reservation == b.reservation);
    xml.list("reservationSet", reservations, |item, instances| {
        reservation(item, region, instances);
    });
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

/// RunInstances.
pub(super) fn run(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let order = order::read(call.form)?;
    call.spend("RunInstances instances", LAUNCHED, order.max)?;
    let made = call.region.run(&order)?;
    let region = &*call.region;
    let mut instances: Vec<&Instance> =
        region.instances.values().filter(|it| it.reservation == made).collect();
    instances.sort_by_key(|instance| instance.index);
    let mut xml = Xml::default();
    reservation(&mut xml, region, &instances);
    Ok(xml)
}

fn reservation(xml: &mut Xml, region: &RegionWorld, instances: &[&Instance]) {
    let id = instances.first().map(|instance| instance.reservation.as_str());
    xml.maybe("reservationId", id).text("ownerId", &region.laws.account);
    xml.list("groupSet", [(); 0], |_, ()| {});
    xml.list("instancesSet", instances, |item, instance| show(item, region, instance));
}

fn show(xml: &mut Xml, region: &RegionWorld, instance: &Instance) {
    let here = instance.state != Ec2State::Terminated;
    let is_newborn = instance.is_newborn(region.now);
    let address = instance.public_ip.filter(|_| !is_newborn);
    let private_name = private_name(region, instance.private_ip);
    xml.text("instanceId", &instance.id).text("imageId", &instance.image);
    xml.group("instanceState", |state| show_state(state, instance.state));
    xml.text("privateDnsName", if here { private_name } else { String::new() });
    xml.text("dnsName", address.map(|it| public_name(region, it)).unwrap_or_default());
    xml.text("reason", &instance.transition);
    xml.maybe("keyName", instance.key_name.as_ref());
    xml.text("amiLaunchIndex", instance.index);
    xml.list("productCodes", [(); 0], |_, ()| {});
    xml.text("instanceType", instance.shape.name);
    xml.text("launchTime", moment(instance.launched));
    xml.group("placement", |place| {
        place.text("availabilityZone", &instance.zone);
        place.maybe("availabilityZoneId", zone_id(region.place, &instance.zone));
        place.text("groupName", "").text("tenancy", "default");
    });
    xml.group("monitoring", |it| {
        it.text("state", "disabled");
    });
    if here {
        xml.text("subnetId", &instance.subnet).text("vpcId", &instance.vpc);
        xml.text("privateIpAddress", instance.private_ip).maybe("ipAddress", address);
        xml.text("sourceDestCheck", true);
    }
    xml.list("groupSet", instance.groups.iter().filter(|_| here), |item, id| {
        show_group(item, region, id);
    });
    if let Some((code, message)) = instance.reason {
        xml.group("stateReason", |reason| {
            reason.text("code", code).text("message", message);
        });
    }
    show_machine(xml, region, instance);
    if let Some(request) = &instance.spot_request {
        xml.text("instanceLifecycle", "spot").text("spotInstanceRequestId", request);
    }
    xml.text("clientToken", instance.token.as_deref().unwrap_or_default());
    xml.tags_if_any(&instance.tags);
    if let Some(profile) = &instance.profile {
        let account = &region.laws.account;
        xml.group("iamInstanceProfile", |it| {
            it.text("arn", format_args!("arn:aws:iam::{account}:instance-profile/{profile}"));
            it.text("id", "AIPAEXAMPLEEXAMPLEEX");
        });
    }
    let interface = region.network.interfaces.get(&instance.interface).filter(|_| here);
    xml.list("networkInterfaceSet", interface, |item, interface| {
        let teller = if is_newborn { Teller::Launch } else { Teller::Instance };
        show_interface(item, region, interface, teller);
    });
    show_options(xml, instance);
}

/// What the machine is, and its volumes.
fn show_machine(xml: &mut Xml, region: &RegionWorld, instance: &Instance) {
    xml.text("architecture", instance.shape.architecture);
    xml.text("rootDeviceType", "ebs").text("rootDeviceName", &instance.root_device);
    let volumes = instance.volumes.iter().filter_map(|id| region.volumes.get(id));
    let volumes = volumes.filter(|_| !instance.is_newborn(region.now));
    xml.list("blockDeviceMapping", volumes, |item, volume| show_device(item, region, volume));
    // EC2 says xen of Nitro as well.
    xml.text("virtualizationType", "hvm").text("hypervisor", "xen");
    xml.text("ebsOptimized", false).text("enaSupport", true);
    xml.group("cpuOptions", |it| {
        let cores = instance.shape.cores();
        it.text("coreCount", cores).text("threadsPerCore", instance.shape.vcpus / cores);
    });
}

/// What EC2 tells of every instance, whatever it was asked for.
fn show_options(xml: &mut Xml, instance: &Instance) {
    xml.group("capacityReservationSpecification", |it| {
        it.text("capacityReservationPreference", "open");
    });
    xml.group("hibernationOptions", |it| {
        it.text("configured", false);
    });
    xml.group("enclaveOptions", |it| {
        it.text("enabled", false);
    });
    xml.group("metadataOptions", |options| {
        let is_settled = instance.state != Ec2State::Pending;
        options.text("state", if is_settled { "applied" } else { "pending" });
        options.text("httpTokens", &instance.http_tokens);
        options.text("httpPutResponseHopLimit", instance.hop_limit);
        options.text("httpEndpoint", "enabled").text("httpProtocolIpv6", "disabled");
        options.text("instanceMetadataTags", "disabled");
    });
    xml.text("platformDetails", "Linux/UNIX").text("usageOperation", "RunInstances");
    xml.text("usageOperationUpdateTime", moment(instance.born));
    xml.group("maintenanceOptions", |it| {
        it.text("autoRecovery", "default").text("rebootMigration", "default");
    });
    xml.group("privateDnsNameOptions", |it| {
        it.text("hostnameType", "ip-name").text("enableResourceNameDnsARecord", false);
        it.text("enableResourceNameDnsAAAARecord", false);
    });
    let is_arm = instance.shape.architecture == "arm64";
    xml.text("bootMode", if is_arm { "uefi" } else { "uefi-preferred" });
    let uefi = is_arm || instance.shape.is_nitro();
    xml.text("currentInstanceBootMode", if uefi { "uefi" } else { "legacy-bios" });
    xml.group("networkPerformanceOptions", |it| {
        it.text("bandwidthWeighting", "default");
    });
    xml.group("operator", |it| {
        it.text("managed", false);
    });
}

fn show_device(xml: &mut Xml, region: &RegionWorld, volume: &Volume) {
    let Some(attachment) = &volume.attached else { return };
    xml.text("deviceName", &attachment.device);
    xml.group("ebs", |ebs| {
        ebs.text("volumeId", &volume.id).text("status", attachment.word(region.now));
        ebs.text("attachTime", moment(attachment.at));
        ebs.text("deleteOnTermination", attachment.delete_on_termination);
    });
}

/// TerminateInstances.
pub(super) fn terminate(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let ids = named(call)?;
    call.spend(
        "TerminateInstances instances",
        ENDED,
        u32::try_from(ids.len()).unwrap_or(u32::MAX),
    )?;
    Ok(changes(call.region.terminate(&ids)))
}

/// StopInstances. A one-time spot instance cannot be stopped.
pub(super) fn stop(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let ids = named(call)?;
    for id in &ids {
        let Some(instance) = call.region.instances.get(id) else { continue };
        let request = instance.spot_request.as_ref().and_then(|it| call.region.requests.get(it));
        if request.is_some_and(|request| request.again.is_none()) {
            return Err(Refusal::new(
                "UnsupportedOperation",
                format!(
                    "You can't stop the Spot Instance '{id}' because it is associated with a \
                     one-time Spot Instance request. You can only stop Spot Instances associated \
                     with persistent Spot Instance requests."
                ),
            ));
        }
        if request.is_some_and(|request| request.state == "cancelled") {
            return Err(wrong_request(id, "stop"));
        }
        match instance.state {
            Ec2State::Running | Ec2State::Stopping | Ec2State::Stopped => {}
            Ec2State::Pending => {
                let message = format!(
                    "The instance '{id}' cannot be stopped as it has never reached the 'running' \
                     state."
                );
                return Err(Refusal::new("IncorrectInstanceState", message));
            }
            Ec2State::ShuttingDown | Ec2State::Terminated => {
                return Err(wrong_state(id, "stopped"));
            }
        }
    }
    Ok(changes(call.region.stop(&ids)))
}

/// StartInstances. What EC2 stopped only EC2 starts; what the user stopped starts when its request
/// is disabled, a while after.
pub(super) fn start(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let ids = named(call)?;
    for id in &ids {
        let Some(instance) = call.region.instances.get(id) else { continue };
        let request = instance.spot_request.as_ref().and_then(|it| call.region.requests.get(it));
        if instance.reclaimed.is_some() && instance.state != Ec2State::Running {
            let message = "Only Amazon EC2 can restart an interrupted stopped Spot Instance.";
            return Err(Refusal::new("IncorrectSpotRequestState", message));
        }
        let is_stopped = [Ec2State::Stopping, Ec2State::Stopped].contains(&instance.state);
        if is_stopped && request.is_some_and(|request| request.state != "disabled") {
            return Err(wrong_request(id, "start"));
        }
        let fine = [Ec2State::Running, Ec2State::Pending, Ec2State::Stopped];
        if !fine.contains(&instance.state) {
            return Err(wrong_state(id, "started"));
        }
        if instance.state == Ec2State::Stopped && call.region.root_of(id).is_none() {
            let device = &instance.root_device;
            return Err(Refusal::value(format!(
                "Instance does not have a volume attached at root ({device})"
            )));
        }
    }
    call.region.find_room(&ids)?;
    Ok(changes(call.region.start(&ids)))
}

/// RebootInstances.
pub(super) fn reboot(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let ids = named(call)?;
    for id in &ids {
        let state = call.region.instances.get(id).map(|it| it.state);
        if state.is_some_and(|it| it != Ec2State::Running) {
            return Err(wrong_state(id, "rebooted"));
        }
    }
    call.region.reboot(&ids);
    Ok(Xml::done())
}

fn wrong_request(id: &str, act: &str) -> Refusal {
    Refusal::new(
        "IncorrectSpotRequestState",
        format!(
            "You can't {act} the Spot Instance '{id}' because the associated Spot Instance request \
             is not in an appropriate state to support {act}."
        ),
    )
}

fn wrong_state(id: &str, done: &str) -> Refusal {
    let message = format!("The instance '{id}' is not in a state from which it can be {done}.");
    Refusal::new("IncorrectInstanceState", message)
}

/// The instances that are named; one that is not there spoils the whole call.
pub(super) fn named(call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    let ids = call.form.list("InstanceId");
    if ids.is_empty() {
        return Err(Refusal::missing("InstanceId"));
    }
    if let Some(id) = ids.iter().find(|id| !is_id(id, "i")) {
        let message = format!("Invalid id: \"{id}\"");
        return Err(Refusal::new("InvalidInstanceID.Malformed", message));
    }
    let unknown: Vec<&str> = ids
        .iter()
        .filter(|id| call.region.instances.get(*id).is_none_or(|it| !call.region.finds(it)))
        .map(String::as_str)
        .collect();
    match unknown[..] {
        [] => Ok(ids),
        [id] => Err(Refusal::no_such("InvalidInstanceID.NotFound", "instance ID", id)),
        _ => {
            let message = format!("The instance IDs '{}' do not exist", unknown.join(", "));
            Err(Refusal::new("InvalidInstanceID.NotFound", message))
        }
    }
}

fn changes(changes: Vec<(String, Ec2State, Ec2State)>) -> Xml {
    let mut xml = Xml::default();
    xml.list("instancesSet", changes, |item, (id, before, after)| {
        item.text("instanceId", id);
        item.group("currentState", |state| show_state(state, after));
        item.group("previousState", |state| show_state(state, before));
    });
    xml
}

/// GetConsoleOutput. `Latest` is for Nitro types only.
pub(super) fn console(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let id = call.form.need("InstanceId")?;
    let known = call.region.instances.get(id).filter(|it| call.region.knows(*it));
    let Some(instance) = known.cloned() else {
        return Err(Refusal::no_such("InvalidInstanceID.NotFound", "instance ID", id));
    };
    if call.form.flag("Latest")? == Some(true) && !instance.shape.is_nitro() {
        let message = "This instance type does not support retrieving the latest console logs";
        return Err(Refusal::new("UnsupportedOperation", message));
    }
    let of = call.region.keys_of(&instance).into();
    let fingerprint = call.keys.and_then(|keys| keys.fingerprint(&of));
    let public = call.keys.and_then(|keys| keys.public_key(&of));
    let keys = Keys { fingerprint: fingerprint.as_deref(), public: public.as_deref() };
    let text = call.region.console(&instance, keys);
    let mut xml = Xml::default();
    xml.text("instanceId", id).text("timestamp", moment(call.region.now));
    let output = (!text.is_empty()).then(|| STANDARD.encode(text));
    xml.maybe("output", output);
    Ok(xml)
}
