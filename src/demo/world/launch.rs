//! RunInstances: every check in AWS's order, then what a launch makes.

use jiff::SignedDuration;

use super::images::{Image, images};
use super::instance::{Fate, Instance};
use super::network::{Interface, Subnet};
use super::order::{Order, TokenUse};
use super::refusal::Refusal;
use super::region::{Event, RegionWorld};
use super::spot::SpotRequest;
use super::volume::{Attachment, Volume};
use crate::demo::shapes::Shape;
use crate::fleet::Ec2State;

/// EC2's limit for user-data, before base64.
const USER_DATA_CAP: usize = 16 * 1024;
/// The most instances of one call.
const LAUNCH_CAP: u32 = 1000;

/// How long a spot request is good.
const VALIDITY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// What is said to another order under a token that was used.
pub(super) const MISMATCH: &str = "Arguments on this idempotent request are inconsistent with \
                                   arguments used in previous request(s).";

/// What was checked and can be launched.
struct Approved {
    shape: &'static Shape,
    subnet: Subnet,
    groups: Vec<String>,
    count: u32,
    price: f64,
}

impl RegionWorld {
    /// RunInstances: answers the reservation's id. A token that was used gives what it gave.
    pub(crate) fn run(&mut self, order: &Order) -> Result<String, Refusal> {
        let subnet = self.subnet_for(order)?;
        // A token is zonal when a subnet or a zone is named, else regional.
        let zonal = order.subnet.is_some() || order.zone.is_some();
        let scope = if zonal { subnet.zone.clone() } else { String::new() };
        if let Some(reservation) = self.replay(order, &scope)? {
            return Ok(reservation);
        }
        let approved = self.approve(order, subnet)?;
        let reservation = self.dice.id("r");
        for index in 0..approved.count {
            let request = order.spot.as_ref().map(|terms| {
                let id = self.dice.short_id("sir");
                let request = SpotRequest {
                    id: id.clone(),
                    state: "active",
                    status: "fulfilled",
                    updated: self.now,
                    instance: None,
                    machine_type: approved.shape.name,
                    zone: approved.subnet.zone.clone(),
                    image: order.image.clone(),
                    max_price: terms.max_price.unwrap_or(approved.price),
                    behaviour: terms.behaviour,
                    groups: approved.groups.clone(),
                    subnet: approved.subnet.id.clone(),
                    valid_until: self.now + VALIDITY,
                    again: terms.persistent.then(|| Box::new(order.clone())),
                    tags: order.tags("spot-instances-request"),
                    born: self.now,
                };
                self.requests.insert(id.clone(), request);
                id
            });
            let instance = self.place(order, &approved, (&reservation, index), request.clone())?;
            if let Some(request) = request.and_then(|id| self.requests.get_mut(&id)) {
                request.instance = Some(instance);
            }
        }
        if let Some(token) = &order.token {
            let used = TokenUse { digest: order.digest, reservation: reservation.clone() };
            self.tokens.insert((token.clone(), scope), used);
        }
        Ok(reservation)
    }

    /// One instance for a persistent request.
    pub(super) fn launch_again(&mut self, order: &Order, request: &str) -> Option<String> {
        let subnet = self.subnet_for(order).ok()?;
        let one = Order { min: 1, max: 1, ..order.clone() };
        let approved = self.approve(&one, subnet).ok()?;
        let reservation = self.dice.id("r");
        self.place(&one, &approved, (&reservation, 0), Some(request.to_owned())).ok()
    }

    /// What a used token gives (EC2: ensuring idempotency).
    fn replay(&self, order: &Order, scope: &str) -> Result<Option<String>, Refusal> {
        let Some(token) = &order.token else { return Ok(None) };
        let Some(used) = self.tokens.get(&(token.clone(), scope.to_owned())) else {
            return Ok(None);
        };
        if used.digest != order.digest {
            return Err(Refusal::new("IdempotentParameterMismatch", MISMATCH));
        }
        let mut made = self.instances.values().filter(|it| it.reservation == used.reservation);
        if !made.any(Instance::is_alive) {
            return Err(Refusal::new(
                "IdempotentInstanceTerminated",
                "The client token you have provided is associated with a terminated instance. \
                 Please use a different client token",
            ));
        }
        Ok(Some(used.reservation.clone()))
    }

    fn subnet_for(&mut self, order: &Order) -> Result<Subnet, Refusal> {
        if let Some(id) = &order.subnet {
            return self.network.subnet(id).cloned();
        }
        if let Some(zone) = &order.zone
            && !self.place.zones().any(|known| known == *zone)
        {
            return Err(Refusal::value(format!("Invalid availability zone: [{zone}]")));
        }
        let fits = |subnet: &&Subnet| {
            subnet.is_default && order.zone.as_ref().is_none_or(|zone| subnet.zone == *zone)
        };
        let found = self.network.subnets.values().filter(fits).min_by_key(|it| it.zone.clone());
        found.cloned().ok_or_else(|| {
            let message = "No default subnet for availability zone: 'null'.";
            Refusal::new("MissingInput", message)
        })
    }

    fn approve(&mut self, order: &Order, subnet: Subnet) -> Result<Approved, Refusal> {
        let shape = Shape::named(&order.machine_type).ok_or_else(|| {
            Refusal::value(format!("Invalid value '{}' for InstanceType.", order.machine_type))
        })?;
        self.check_image(&order.image, shape)?;
        if order.min == 0 || order.min > order.max || order.max > LAUNCH_CAP {
            return Err(Refusal::value(format!(
                "Value ({}) for parameter maxCount is invalid. It has to be between minCount \
                 ({}) and {LAUNCH_CAP}.",
                order.max, order.min
            )));
        }
        if let Some(key) = order.key_name.as_ref().filter(|it| !self.network.keys.contains_key(*it))
        {
            return Err(Refusal::no_such("InvalidKeyPair.NotFound", "key pair", key));
        }
        self.check_volume(order)?;
        if order.user_data.1 > USER_DATA_CAP {
            return Err(Refusal::value("User data is limited to 16384 bytes"));
        }
        let groups = self.guards(order, &subnet)?;
        let price = self.price(shape, &subnet.zone, self.now);
        if let Some(most) = order.spot.as_ref().and_then(|terms| terms.max_price)
            && most < price
        {
            return Err(Refusal::new(
                "SpotMaxPriceTooLow",
                format!(
                    "Your Spot request price of {most} is lower than the minimum required Spot \
                     request fulfillment price of {price:.4}."
                ),
            ));
        }
        self.check_account(shape)?;
        let count = self.grant(order, shape, &subnet.zone)?;
        Ok(Approved { shape, subnet, groups, count, price })
    }

    /// A volume is as large as the snapshot that it is made of.
    fn check_volume(&self, order: &Order) -> Result<(), Refusal> {
        let known = images(self.place.code);
        let Some(image) = known.iter().find(|image| image.id == order.image) else { return Ok(()) };
        let least = Image::GIB;
        if order.volume.gib >= least {
            return Ok(());
        }
        let (asked, snapshot) = (order.volume.gib, image.snapshot());
        Err(Refusal::new(
            "InvalidBlockDeviceMapping",
            format!(
                "Volume of size {asked}GB is smaller than snapshot '{snapshot}', expect size >= \
                 {least}GB"
            ),
        ))
    }

    fn check_image(&self, id: &str, shape: &Shape) -> Result<(), Refusal> {
        if !id.starts_with("ami-") {
            let message = format!("Invalid id: \"{id}\" (expecting \"ami-...\")");
            return Err(Refusal::new("InvalidAMIID.Malformed", message));
        }
        let known = images(self.place.code);
        let Some(Image { architecture, .. }) = known.iter().find(|image| image.id == id) else {
            let message = format!("The image id '[{id}]' does not exist");
            return Err(Refusal::new("InvalidAMIID.NotFound", message));
        };
        if *architecture == shape.architecture {
            return Ok(());
        }
        Err(Refusal::value(format!(
            "The architecture '{}' of the specified instance type does not match the architecture \
             '{architecture}' of the specified AMI. Specify an instance type and an AMI that have \
             matching architectures, and try again.",
            shape.architecture
        )))
    }

    fn guards(&mut self, order: &Order, subnet: &Subnet) -> Result<Vec<String>, Refusal> {
        if order.groups.is_empty() {
            let mut groups = self.network.groups.values();
            let default = groups.find(|it| it.vpc == subnet.vpc && it.name == "default");
            return Ok(default.map(|group| group.id.clone()).into_iter().collect());
        }
        for id in &order.groups {
            if self.network.group(id)?.vpc != subnet.vpc {
                let message = format!(
                    "Security group {id} and subnet {} belong to different networks.",
                    subnet.id
                );
                return Err(Refusal::new("InvalidParameter", message));
            }
        }
        Ok(order.groups.clone())
    }

    /// One instance with all that hangs on it. Answers its id.
    fn place(
        &mut self,
        order: &Order,
        approved: &Approved,
        (reservation, index): (&str, u32),
        spot_request: Option<String>,
    ) -> Result<String, Refusal> {
        let subnet = &approved.subnet;
        let private_ip = self.network.take_address(subnet)?;
        let public = order.public_ip.unwrap_or(subnet.maps_public_ip);
        let public_ip = if public { self.take_public() } else { None };
        let id = self.dice.id("i");
        self.launched += 1;
        let instance = Instance {
            id: id.clone(),
            preloaded: order.preloaded,
            reservation: reservation.to_owned(),
            index,
            ordinal: self.launched,
            token: order.token.clone(),
            state: Ec2State::Pending,
            reason: Some(("pending", "pending")),
            transition: String::new(),
            reclaimed: None,
            idle_stop: None,
            lease: None,
            shutdown_terminates: order.shutdown_terminates,
            shape: approved.shape,
            zone: subnet.zone.clone(),
            image: order.image.clone(),
            key_name: order.key_name.clone(),
            user_data: order.user_data.0.clone(),
            launched: self.now,
            running_since: None,
            first_ran: None,
            boots: 0,
            booted_at: None,
            subnet: subnet.id.clone(),
            vpc: subnet.vpc.clone(),
            private_ip,
            public_ip,
            groups: approved.groups.clone(),
            spot_request,
            profile: order.profile.clone(),
            root_device: order.volume.device.clone(),
            volumes: vec![self.dice.id("vol")],
            interface: self.dice.id("eni"),
            http_tokens: order.http_tokens.clone(),
            hop_limit: order.hop_limit,
            credits: credits(order, approved.shape),
            fate: self.fate(order, self.launched),
            tags: order.tags("instance"),
            born: self.now,
        };
        self.hang_on(order, &instance);
        self.watch_over(&instance.vpc, &instance.subnet);
        if instance.spot_request.is_some() {
            self.expect_reclaim(&id, approved.shape);
        }
        self.instances.insert(id.clone(), instance);
        let boots: SignedDuration = self.boot_time();
        self.later(boots, Event::Runs(id.clone()));
        Ok(id)
    }

    /// The interface and the volume of a new instance.
    fn hang_on(&mut self, order: &Order, instance: &Instance) {
        let interface = Interface {
            id: instance.interface.clone(),
            subnet: instance.subnet.clone(),
            vpc: instance.vpc.clone(),
            zone: instance.zone.clone(),
            private_ip: instance.private_ip,
            public_ip: instance.public_ip,
            groups: instance.groups.clone(),
            attached: Some((instance.id.clone(), self.dice.id("eni-attach"))),
            endpoint: None,
            delete_on_termination: !order.interface_stays,
            tags: order.tags("network-interface"),
            born: self.now,
        };
        self.network.interfaces.insert(interface.id.clone(), interface);
        let (root, device) = (&order.volume, &order.volume.device);
        for id in &instance.volumes {
            let deletes = root.delete_on_termination;
            let attachment = Attachment::at_launch(&instance.id, device, deletes, self.now);
            let volume = Volume {
                id: id.clone(),
                zone: instance.zone.clone(),
                gib: root.gib,
                kind: root.kind.clone(),
                encrypted: root.encrypted,
                snapshot: Some(instance.image.replace("ami-", "snap-")),
                attached: Some(attachment),
                made: self.now,
                root_of: Some(instance.id.clone()),
                tags: order.tags("volume"),
                born: self.now,
            };
            self.volumes.insert(id.clone(), volume);
        }
    }

    /// What the scenario has in store for the region's n-th instance.
    fn fate(&mut self, order: &Order, ordinal: u32) -> Fate {
        let here = self.place.code;
        let laws = std::sync::Arc::clone(&self.laws);
        let uses_the_key = order.spot.is_some() && order.volume.encrypted;
        if laws.scenario.account.kms_refuses_spot && uses_the_key {
            self.hits.insert("account.kms_refuses_spot".into());
            return Fate::Keyless;
        }
        for (index, fault) in laws.scenario.instances.iter().enumerate() {
            let hit = fault.nth <= ordinal && ordinal - fault.nth < fault.count;
            if fault.region == here && hit {
                self.hits.insert(format!("instances[{index}]"));
                return if fault.runs { Fate::Dead } else { Fate::Stillborn };
            }
        }
        Fate::Good
    }
}

/// How a burstable machine spends its credits. Unless it is told: T2 within what it has earned, the
/// others without a limit (AWS: unlimited mode).
fn credits(order: &Order, shape: &Shape) -> Option<String> {
    let usual = if shape.name.starts_with("t2.") { "standard" } else { "unlimited" };
    let word = order.credits.clone().unwrap_or_else(|| usual.to_owned());
    shape.is_burstable().then_some(word)
}
