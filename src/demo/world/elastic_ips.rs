//! Elastic IP addresses: an address that is ours until it is given back, whatever instance has it.
//!
//! Codes and texts: EC2 API reference ("Client error codes", AssociateAddress, ReleaseAddress) and
//! terraform-provider-aws, which waits by the text of a pending instance.

use std::net::Ipv4Addr;

use super::network::ElasticIp;
use super::refusal::Refusal;
use super::region::RegionWorld;
use super::resource::Tags;
use crate::fleet::Ec2State;

/// How many a region gives an account (quota L-0263D0A3).
const LIMIT: usize = 5;

impl RegionWorld {
    /// AllocateAddress: there is no client token, so that a lost answer costs an address. Answers
    /// the allocation's id.
    pub(crate) fn allocate_address(&mut self, tags: Tags) -> Result<String, Refusal> {
        let address = if self.elastic_ips.len() < LIMIT { self.take_public() } else { None };
        let Some(address) = address else {
            let message = "The maximum number of addresses has been reached.";
            return Err(Refusal::new("AddressLimitExceeded", message));
        };
        let id = self.dice.id("eipalloc");
        let made = ElasticIp { id: id.clone(), address, association: None, tags, born: self.now };
        self.elastic_ips.insert(id.clone(), made);
        Ok(id)
    }

    /// AssociateAddress with an instance, in the place of the address that this has. Answers the
    /// association's id.
    pub(crate) fn associate_address(
        &mut self,
        id: &str,
        instance: &str,
        may_move: bool,
    ) -> Result<String, Refusal> {
        let (address, association) = {
            let known = self.elastic_ip(id)?;
            (known.address, known.association.clone())
        };
        let Some(state) = self.instances.get(instance).map(|it| it.state) else {
            return Err(Refusal::no_such("InvalidInstanceID.NotFound", "instance ID", instance));
        };
        if matches!(state, Ec2State::Pending | Ec2State::ShuttingDown | Ec2State::Terminated) {
            let message = format!(
                "The {state} instance '{instance}' is not in a valid state for this operation."
            );
            return Err(Refusal::new("InvalidInstanceID", message));
        }
        match association {
            Some((association, at)) if at == instance => return Ok(association),
            Some((association, _)) if !may_move => {
                let message =
                    format!("resource {id} is already associated with associate-id {association}");
                return Err(Refusal::new("Resource.AlreadyAssociated", message));
            }
            Some((association, _)) => self.disassociate_address(&association)?,
            None => {}
        }
        // One that it had before is nobody's then; an automatic one is given back for good.
        for other in self.elastic_ips.values_mut() {
            other.association.take_if(|(_, at)| at == instance);
        }
        self.lose_address(instance);
        let association = self.dice.id("eipassoc");
        if let Some(known) = self.elastic_ips.get_mut(id) {
            known.association = Some((association.clone(), instance.to_owned()));
        }
        self.show_address(instance, Some(address));
        Ok(association)
    }

    /// DisassociateAddress. The instance has none then.
    pub(crate) fn disassociate_address(&mut self, association: &str) -> Result<(), Refusal> {
        let mut known = self.elastic_ips.values_mut();
        let gone = known
            .find_map(|it| it.association.take_if(|(id, _)| id == association))
            .map(|(_, instance)| instance);
        let Some(instance) = gone else {
            let code = "InvalidAssociationID.NotFound";
            return Err(Refusal::no_such(code, "association ID", association));
        };
        self.show_address(&instance, None);
        Ok(())
    }

    /// ReleaseAddress. One that an instance has is held by it.
    pub(crate) fn release_address(&mut self, id: &str) -> Result<(), Refusal> {
        let known = self.elastic_ip(id)?;
        let address = known.address;
        if known.association.is_some() {
            let message = format!("Address {address} is in use.");
            return Err(Refusal::new("InvalidIPAddress.InUse", message));
        }
        self.elastic_ips.remove(id);
        self.free_public(Some(address));
        Ok(())
    }

    /// The elastic address that an instance has.
    pub(super) fn elastic_ip_of(&self, instance: &str) -> Option<&ElasticIp> {
        let is_its = |(_, at): &(String, String)| at == instance;
        self.elastic_ips.values().find(|it| it.association.as_ref().is_some_and(is_its))
    }

    /// An instance loses its address: an automatic one is given back; an elastic one stays ours.
    pub(super) fn lose_address(&mut self, instance: &str) {
        let address = self.instances.get(instance).and_then(|it| it.public_ip);
        if !self.elastic_ips.values().any(|it| Some(it.address) == address) {
            self.free_public(address);
        }
        self.show_address(instance, None);
    }

    /// The end of an instance ends the association, not the address.
    pub(super) fn part_from_address(&mut self, instance: &str) {
        self.lose_address(instance);
        for known in self.elastic_ips.values_mut() {
            known.association.take_if(|(_, at)| at == instance);
        }
    }

    fn show_address(&mut self, instance: &str, address: Option<Ipv4Addr>) {
        let Some(host) = self.instances.get_mut(instance) else { return };
        host.public_ip = address;
        if let Some(interface) = self.network.interfaces.get_mut(&host.interface) {
            interface.public_ip = address;
        }
    }

    fn elastic_ip(&self, id: &str) -> Result<&ElasticIp, Refusal> {
        self.elastic_ips
            .get(id)
            .ok_or_else(|| Refusal::no_such("InvalidAllocationID.NotFound", "allocation ID", id))
    }
}
