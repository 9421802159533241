//! Taking a network away: what still depends on what, by AWS's rules.

use super::network::Association;
use super::refusal::Refusal;
use super::region::RegionWorld;

impl RegionWorld {
    /// DeleteVpc. Its main route table and its default group go with it; anything else holds it.
    pub(crate) fn delete_vpc(&mut self, id: &str) -> Result<(), Refusal> {
        self.network.vpc(id)?;
        let network = &self.network;
        let held = network.subnets.values().any(|it| it.vpc == id)
            || network.interfaces.values().any(|it| it.vpc == id)
            || network.endpoints.values().any(|it| it.vpc == id)
            || network.gateways.values().any(|it| it.vpc.as_deref() == Some(id))
            || network.groups.values().any(|it| it.vpc == id && it.name != "default")
            || network.tables.values().any(|it| it.vpc == id && !it.is_main());
        if held {
            let message = format!("The vpc '{id}' has dependencies and cannot be deleted.");
            return Err(Refusal::dependency(message));
        }
        self.network.groups.retain(|_, group| group.vpc != id);
        self.network.tables.retain(|_, table| table.vpc != id);
        self.network.vpcs.remove(id);
        Ok(())
    }

    /// DeleteSubnet. An interface in it holds it, an instance's too.
    pub(crate) fn delete_subnet(&mut self, id: &str) -> Result<(), Refusal> {
        self.network.subnet(id)?;
        if self.network.interfaces.values().any(|interface| interface.subnet == id) {
            let message = format!("The subnet '{id}' has dependencies and cannot be deleted.");
            return Err(Refusal::dependency(message));
        }
        for table in self.network.tables.values_mut() {
            table.associations.retain(|used| used.subnet.as_deref() != Some(id));
        }
        self.network.subnets.remove(id);
        Ok(())
    }

    /// DeleteSecurityGroup. An interface or another group's rule holds it.
    pub(crate) fn delete_group(&mut self, id: &str) -> Result<(), Refusal> {
        if self.network.group(id)?.name == "default" {
            let message = format!(
                "the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"
            );
            return Err(Refusal::new("CannotDelete", message));
        }
        let guards =
            self.network.interfaces.values().any(|it| it.groups.iter().any(|group| group == id));
        let named = self.network.groups.values().any(|group| group.id != id && group.names(id));
        if guards || named {
            return Err(Refusal::dependency(format!("resource {id} has a dependent object")));
        }
        self.network.groups.remove(id);
        Ok(())
    }

    /// DetachInternetGateway. While something in the VPC has a public address it stays.
    pub(crate) fn detach_gateway(&mut self, id: &str, vpc: &str) -> Result<(), Refusal> {
        self.network.vpc(vpc)?;
        if self.network.gateway(id)?.vpc.as_deref() != Some(vpc) {
            let message = format!("resource {id} is not attached to network {vpc}");
            return Err(Refusal::new("Gateway.NotAttached", message));
        }
        let interfaces = &self.network.interfaces;
        if interfaces.values().any(|it| it.vpc == vpc && it.public_ip.is_some()) {
            return Err(Refusal::dependency(format!(
                "Network {vpc} has some mapped public address(es). Please unmap those public \
                 address(es) before detaching the gateway."
            )));
        }
        self.network.gateway(id)?.vpc = None;
        Ok(())
    }

    /// DeleteInternetGateway. It has to be detached.
    pub(crate) fn delete_gateway(&mut self, id: &str) -> Result<(), Refusal> {
        if self.network.gateway(id)?.vpc.is_some() {
            let message =
                format!("The internetGateway '{id}' has dependencies and cannot be deleted.");
            return Err(Refusal::dependency(message));
        }
        self.network.gateways.remove(id);
        Ok(())
    }

    /// DeleteRouteTable. A subnet that uses it holds it; a main one goes with its VPC only.
    pub(crate) fn delete_table(&mut self, id: &str) -> Result<(), Refusal> {
        if !self.network.table(id)?.associations.is_empty() {
            let message = format!("The routeTable '{id}' has dependencies and cannot be deleted.");
            return Err(Refusal::dependency(message));
        }
        self.network.tables.remove(id);
        Ok(())
    }

    /// DisassociateRouteTable.
    pub(crate) fn disassociate(&mut self, id: &str) -> Result<(), Refusal> {
        let is_it = |used: &Association| used.id == id;
        let table = self.network.tables.values_mut().find(|it| it.associations.iter().any(is_it));
        let Some(table) = table else {
            let code = "InvalidAssociationID.NotFound";
            return Err(Refusal::no_such(code, "association ID", id));
        };
        if table.associations.iter().any(|used| is_it(used) && used.subnet.is_none()) {
            let message = format!("cannot disassociate the main route table association {id}");
            return Err(Refusal::value(message));
        }
        table.associations.retain(|used| !is_it(used));
        Ok(())
    }

    /// DeleteNetworkInterface. It has to be detached.
    pub(crate) fn delete_interface(&mut self, id: &str) -> Result<(), Refusal> {
        let Some(interface) = self.network.interfaces.get(id) else {
            let code = "InvalidNetworkInterfaceID.NotFound";
            return Err(Refusal::no_such(code, "networkInterface ID", id));
        };
        if interface.endpoint.is_some() {
            let message = "You are not allowed to manage 'ela-attach' attachments.";
            return Err(Refusal::new("OperationNotPermitted", message));
        }
        if interface.attached.is_some() {
            let message = format!("Network interface '{id}' is currently in use.");
            // The list of codes has one of its own; this is what was seen (cloud-nuke#1132).
            return Err(Refusal::value(message));
        }
        self.network.remove_interface(id);
        Ok(())
    }

    /// DetachNetworkInterface. Every instance here has one interface, and the first one of an
    /// instance cannot be detached.
    pub(crate) fn detach_interface(&mut self, attachment: &str) -> Result<(), Refusal> {
        let mut attached = self.network.interfaces.values().filter_map(|it| it.attached.as_ref());
        if attached.any(|(_, id)| id == attachment) {
            let message = "The network interface at device index 0 and networkCard index 0 cannot \
                           be detached.";
            return Err(Refusal::new("OperationNotPermitted", message));
        }
        let code = "InvalidAttachmentID.NotFound";
        Err(Refusal::no_such(code, "interface attachment", attachment))
    }

    /// DeleteVpcEndpoints: what is there goes with its interface. Answers what was not there.
    pub(crate) fn delete_endpoints(&mut self, ids: &[String]) -> Vec<String> {
        let mut missing = Vec::new();
        for id in ids {
            match self.network.endpoints.remove(id) {
                Some(endpoint) => self.network.remove_interface(&endpoint.interface),
                None => missing.push(id.clone()),
            }
        }
        missing
    }
}
