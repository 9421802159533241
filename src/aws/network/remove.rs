//! What is taken away: one API call each. A delete may be repeated, so the SDK may try again.

use super::make::permission;
use super::parts::{Gateway, Group, Ingress};
use super::residue::Kind;
use crate::aws::access::Ec2;
use crate::aws::error::AwsError;
use crate::fleet::{InstanceId, SecurityGroupId, SpotRequestId};

impl Ec2 {
    /// Deletes one resource by its id (a key pair by its name), by whatever its kind calls that. The caller makes sure that it is
    /// ours; [`super::super::Class::Gone`] means that it was not there any more.
    pub async fn delete(&self, kind: Kind, id: &str) -> Result<(), AwsError> {
        let ec2 = &self.patient;
        let deleted = match kind {
            Kind::Instance => {
                let ended = self.terminate(&[InstanceId::from(id)]).await;
                return ended.into_iter().try_for_each(|(_, result)| result);
            }
            Kind::SpotRequest => {
                return self.cancel_spot_requests(&[SpotRequestId::from(id)]).await;
            }
            Kind::Address => ec2
                .release_address()
                .allocation_id(id)
                .send()
                .await
                .map(drop)
                .map_err(self.failed("ReleaseAddress")),
            Kind::Interface => ec2
                .delete_network_interface()
                .network_interface_id(id)
                .send()
                .await
                .map(drop)
                .map_err(self.failed("DeleteNetworkInterface")),
            Kind::Volume => ec2
                .delete_volume()
                .volume_id(id)
                .send()
                .await
                .map(drop)
                .map_err(self.failed("DeleteVolume")),
            Kind::Snapshot => ec2
                .delete_snapshot()
                .snapshot_id(id)
                .send()
                .await
                .map(drop)
                .map_err(self.failed("DeleteSnapshot")),
            Kind::KeyPair => ec2
                .delete_key_pair()
                .key_name(id)
                .send()
                .await
                .map(drop)
                .map_err(self.failed("DeleteKeyPair")),
            Kind::Template => ec2
                .delete_launch_template()
                .launch_template_id(id)
                .send()
                .await
                .map(drop)
                .map_err(self.failed("DeleteLaunchTemplate")),
            Kind::SecurityGroup | Kind::Subnet | Kind::RouteTable | Kind::Gateway | Kind::Vpc => {
                self.delete_network_part(kind, id).await
            }
        };
        deleted.map_err(|error| error.on(format!("{id} in {}", self.region())))
    }

    async fn delete_network_part(&self, kind: Kind, id: &str) -> Result<(), AwsError> {
        let ec2 = &self.patient;
        match kind {
            Kind::SecurityGroup => ec2
                .delete_security_group()
                .group_id(id)
                .send()
                .await
                .map(drop)
                .map_err(self.failed("DeleteSecurityGroup")),
            Kind::Subnet => ec2
                .delete_subnet()
                .subnet_id(id)
                .send()
                .await
                .map(drop)
                .map_err(self.failed("DeleteSubnet")),
            Kind::RouteTable => ec2
                .delete_route_table()
                .route_table_id(id)
                .send()
                .await
                .map(drop)
                .map_err(self.failed("DeleteRouteTable")),
            Kind::Gateway => ec2
                .delete_internet_gateway()
                .internet_gateway_id(id)
                .send()
                .await
                .map(drop)
                .map_err(self.failed("DeleteInternetGateway")),
            _ => {
                ec2.delete_vpc().vpc_id(id).send().await.map(drop).map_err(self.failed("DeleteVpc"))
            }
        }
    }

    /// EC2 DetachInternetGateway. Nothing to do for one that is not attached.
    pub(super) async fn detach_gateway(&self, gateway: &Gateway) -> Result<(), AwsError> {
        let Some(vpc) = &gateway.vpc else { return Ok(()) };
        self.patient
            .detach_internet_gateway()
            .internet_gateway_id(gateway.id.as_str())
            .vpc_id(vpc.as_str())
            .send()
            .await
            .map(drop)
            .map_err(self.failed("DetachInternetGateway"))
            .map_err(|error| error.on(format!("{} in {}", gateway.id, self.region())))
    }

    /// EC2 DetachNetworkInterface.
    pub(super) async fn detach_interface(&self, attachment: &str) -> Result<(), AwsError> {
        self.patient
            .detach_network_interface()
            .attachment_id(attachment)
            .send()
            .await
            .map(drop)
            .map_err(self.failed("DetachNetworkInterface"))
    }

    /// EC2 DisassociateRouteTable.
    pub(super) async fn disassociate(&self, association: &str) -> Result<(), AwsError> {
        self.patient
            .disassociate_route_table()
            .association_id(association)
            .send()
            .await
            .map(drop)
            .map_err(self.failed("DisassociateRouteTable"))
    }

    /// EC2 RevokeSecurityGroupIngress.
    pub(super) async fn revoke(
        &self,
        group: &SecurityGroupId,
        rules: &[Ingress],
    ) -> Result<(), AwsError> {
        self.patient
            .revoke_security_group_ingress()
            .group_id(group.as_str())
            .set_ip_permissions(Some(rules.iter().map(permission).collect()))
            .send()
            .await
            .map(drop)
            .map_err(self.failed("RevokeSecurityGroupIngress"))
    }

    /// Takes back the rules of a group that name other groups (EC2 RevokeSecurityGroupIngress and
    /// RevokeSecurityGroupEgress): two groups that name each other cannot be deleted otherwise.
    pub(super) async fn disentangle(&self, group: &Group) -> Result<(), AwsError> {
        if !group.entangled_in.is_empty() {
            self.patient
                .revoke_security_group_ingress()
                .group_id(group.id.as_str())
                .set_ip_permissions(Some(group.entangled_in.clone()))
                .send()
                .await
                .map_err(self.failed("RevokeSecurityGroupIngress"))?;
        }
        if !group.entangled_out.is_empty() {
            self.patient
                .revoke_security_group_egress()
                .group_id(group.id.as_str())
                .set_ip_permissions(Some(group.entangled_out.clone()))
                .send()
                .await
                .map_err(self.failed("RevokeSecurityGroupEgress"))?;
        }
        Ok(())
    }
}
