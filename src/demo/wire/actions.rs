//! The table of actions: what each may be asked with, how often, and who answers.

use super::call::Call;
use super::form::Form;
use super::xml::Xml;
use super::{
    addresses, attributes, capacity_manager, devices, endpoints, fleets, groups, instances, offers,
    root_tasks, routes, spot, status, tags, volumes, vpcs,
};
use crate::demo::world::Refusal;
use crate::demo::world::pace::{END, LAUNCH, MUTATION, QUERY, Rate, TAGGING};

/// What follows the name of an action that is only rehearsed: to scenarios, and to who counts calls,
/// that is another one.
pub(super) const DRY_RUN: &str = " (dry run)";

/// Whether anybody here answers to an action, of whatever service.
pub(in crate::demo) fn is_action(name: &str) -> bool {
    const OF_OTHERS: [&str; 6] = [
        "GetCallerIdentity",
        "GetMetricData",
        "GetParameter",
        "GetProducts",
        "PutMetricData",
        "SpotAdvisor",
    ];
    OF_OTHERS.contains(&name) || Action::named(name.trim_end_matches(DRY_RUN)).is_some()
}

/// An action.
pub(super) struct Action {
    pub(super) name: &'static str,
    pub(super) rate: Rate,
    /// The parameters that it has, up to their first point, besides those that all have.
    pub(super) parameters: &'static [&'static str],
    pub(super) answer: fn(&mut Call<'_>) -> Result<Xml, Refusal>,
}

impl Action {
    /// The action with this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        ACTIONS.iter().find(|action| action.name == name)
    }

    /// A parameter that it does not have.
    pub(super) fn stranger<'a>(&self, form: &'a Form) -> Option<&'a str> {
        const COMMON: [&str; 3] = ["Action", "Version", "DryRun"];
        form.roots().find(|root| !COMMON.contains(root) && !self.parameters.contains(root))
    }
}

const fn action(
    name: &'static str,
    rate: Rate,
    parameters: &'static [&'static str],
    answer: fn(&mut Call<'_>) -> Result<Xml, Refusal>,
) -> Action {
    Action { name, rate, parameters, answer }
}

/// What RunInstances may be asked with; some of it has no effect here.
const LAUNCH_PARAMETERS: &[&str] = &[
    "BlockDeviceMapping",
    "ClientToken",
    "CreditSpecification",
    "DisableApiTermination",
    "EbsOptimized",
    "IamInstanceProfile",
    "ImageId",
    "InstanceInitiatedShutdownBehavior",
    "InstanceMarketOptions",
    "InstanceType",
    "KeyName",
    "MaxCount",
    "MetadataOptions",
    "MinCount",
    "Monitoring",
    "NetworkInterface",
    "Placement",
    "SecurityGroupId",
    "SubnetId",
    "TagSpecification",
    "UserData",
];

/// What CreateFleet may be asked with; some of it has no effect here.
const FLEET_PARAMETERS: &[&str] = &[
    "ClientToken",
    "LaunchTemplateConfigs",
    "SpotOptions",
    "TagSpecification",
    "TargetCapacitySpecification",
    "Type",
];

/// All of them.
#[rustfmt::skip]
static ACTIONS: &[Action] = &[
    action("AllocateAddress", MUTATION, &["Domain", "TagSpecification"], addresses::allocate),
    action("AssociateAddress", MUTATION, &["AllocationId", "AllowReassociation", "InstanceId"], addresses::associate),
    action("AssociateRouteTable", MUTATION, &["RouteTableId", "SubnetId"], routes::associate),
    action("AttachInternetGateway", MUTATION, &["InternetGatewayId", "VpcId"], routes::attach_gateway),
    action("AttachVolume", MUTATION, &["Device", "InstanceId", "VolumeId"], volumes::attach),
    action("AuthorizeSecurityGroupEgress", MUTATION, &["GroupId", "IpPermissions", "TagSpecification"], groups::authorize_out),
    action("AuthorizeSecurityGroupIngress", MUTATION, &["CidrIp", "FromPort", "GroupId", "IpPermissions", "IpProtocol", "TagSpecification", "ToPort"], groups::authorize_in),
    action("CancelSpotInstanceRequests", MUTATION, &["SpotInstanceRequestId"], spot::cancel),
    action("CreateFleet", MUTATION, FLEET_PARAMETERS, fleets::create),
    action("CreateInternetGateway", MUTATION, &["TagSpecification"], routes::create_gateway),
    action("CreateLaunchTemplate", MUTATION, &["ClientToken", "LaunchTemplateData", "LaunchTemplateName", "TagSpecification", "VersionDescription"], fleets::create_template),
    action("CreateReplaceRootVolumeTask", MUTATION, &["ClientToken", "DeleteReplacedRootVolume", "InstanceId", "VolumeId"], root_tasks::create),
    action("CreateRoute", MUTATION, &["DestinationCidrBlock", "GatewayId", "RouteTableId"], routes::create_route),
    action("CreateRouteTable", MUTATION, &["ClientToken", "TagSpecification", "VpcId"], routes::create_table),
    action("CreateSecurityGroup", MUTATION, &["GroupDescription", "GroupName", "TagSpecification", "VpcId"], groups::create),
    action("CreateSnapshot", MUTATION, &["Description", "TagSpecification", "VolumeId"], volumes::create_snapshot),
    action("CreateSubnet", MUTATION, &["AvailabilityZone", "CidrBlock", "TagSpecification", "VpcId"], vpcs::create_subnet),
    action("CreateTags", TAGGING, &["ResourceId", "Tag"], tags::create),
    action("CreateVolume", MUTATION, &["AvailabilityZone", "ClientToken", "Encrypted", "Size", "SnapshotId", "TagSpecification", "VolumeType"], volumes::create),
    action("CreateVpc", MUTATION, &["CidrBlock", "InstanceTenancy", "TagSpecification"], vpcs::create_vpc),
    action("DeleteInternetGateway", MUTATION, &["InternetGatewayId"], routes::delete_gateway),
    action("DeleteKeyPair", MUTATION, &["KeyName", "KeyPairId"], devices::delete_key),
    action("DeleteLaunchTemplate", MUTATION, &["LaunchTemplateId", "LaunchTemplateName"], fleets::delete_template),
    action("DeleteNetworkInterface", MUTATION, &["NetworkInterfaceId"], devices::delete_interface),
    action("DeleteRouteTable", MUTATION, &["RouteTableId"], routes::delete_table),
    action("DeleteSecurityGroup", MUTATION, &["GroupId"], groups::delete),
    action("DeleteSnapshot", END, &["SnapshotId"], volumes::delete_snapshot),
    action("DeleteSubnet", MUTATION, &["SubnetId"], vpcs::delete_subnet),
    action("DeleteTags", TAGGING, &["ResourceId", "Tag"], tags::delete),
    action("DeleteVolume", END, &["VolumeId"], volumes::delete),
    action("DeleteVpc", MUTATION, &["VpcId"], vpcs::delete_vpc),
    action("DeleteVpcEndpoints", MUTATION, &["VpcEndpointId"], endpoints::delete),
    action("DescribeAddresses", QUERY, &["AllocationId", "Filter", "PublicIp"], addresses::describe),
    action("DescribeAvailabilityZones", QUERY, &["AllAvailabilityZones", "Filter", "ZoneId", "ZoneName"], offers::zones),
    action("DescribeImages", QUERY, &["ExecutableBy", "Filter", "ImageId", "IncludeDeprecated", "MaxResults", "NextToken", "Owner"], offers::describe_images),
    action("DescribeInstanceAttribute", QUERY, &["Attribute", "InstanceId"], attributes::describe),
    action("DescribeInstanceStatus", QUERY, &["Filter", "IncludeAllInstances", "InstanceId", "MaxResults", "NextToken"], status::describe),
    action("DescribeInstanceTypeOfferings", QUERY, &["Filter", "LocationType", "MaxResults", "NextToken"], offers::offerings),
    action("DescribeInstanceTypes", QUERY, &["Filter", "InstanceType", "MaxResults", "NextToken"], offers::types),
    action("DescribeInstances", QUERY, &["Filter", "InstanceId", "MaxResults", "NextToken"], instances::describe),
    action("DescribeInternetGateways", QUERY, &["Filter", "InternetGatewayId", "MaxResults", "NextToken"], routes::describe_gateways),
    action("DescribeKeyPairs", QUERY, &["Filter", "IncludePublicKey", "KeyName", "KeyPairId"], devices::describe_keys),
    action("DescribeLaunchTemplates", QUERY, &["Filter", "LaunchTemplateId", "LaunchTemplateName", "MaxResults", "NextToken"], fleets::describe_templates),
    action("DescribeNetworkInterfaces", QUERY, &["Filter", "MaxResults", "NetworkInterfaceId", "NextToken"], devices::describe_interfaces),
    action("DescribeRegions", QUERY, &["AllRegions", "Filter", "RegionName"], offers::regions),
    action("DescribeReplaceRootVolumeTasks", QUERY, &["Filter", "MaxResults", "NextToken", "ReplaceRootVolumeTaskId"], root_tasks::describe),
    action("DescribeRouteTables", QUERY, &["Filter", "MaxResults", "NextToken", "RouteTableId"], routes::describe_tables),
    action("DescribeSecurityGroups", QUERY, &["Filter", "GroupId", "GroupName", "MaxResults", "NextToken"], groups::describe),
    action("DescribeSnapshots", QUERY, &["Filter", "MaxResults", "NextToken", "Owner", "SnapshotId"], volumes::describe_snapshots),
    action("DescribeSpotInstanceRequests", QUERY, &["Filter", "MaxResults", "NextToken", "SpotInstanceRequestId"], spot::describe),
    action("DescribeSpotPriceHistory", QUERY, &["AvailabilityZone", "EndTime", "Filter", "InstanceType", "MaxResults", "NextToken", "ProductDescription", "StartTime"], spot::prices),
    action("DescribeSubnets", QUERY, &["Filter", "MaxResults", "NextToken", "SubnetId"], vpcs::describe_subnets),
    action("DescribeTags", QUERY, &["Filter", "MaxResults", "NextToken"], tags::describe),
    action("DescribeVolumes", QUERY, &["Filter", "MaxResults", "NextToken", "VolumeId"], volumes::describe),
    action("DescribeVpcAttribute", QUERY, &["Attribute", "VpcId"], vpcs::describe_attribute),
    action("DescribeVpcEndpoints", QUERY, &["Filter", "MaxResults", "NextToken", "VpcEndpointId"], endpoints::describe),
    action("DescribeVpcs", QUERY, &["Filter", "MaxResults", "NextToken", "VpcId"], vpcs::describe_vpcs),
    action("DetachInternetGateway", MUTATION, &["InternetGatewayId", "VpcId"], routes::detach_gateway),
    action("DetachNetworkInterface", MUTATION, &["AttachmentId", "Force"], devices::detach_interface),
    action("DetachVolume", MUTATION, &["Device", "Force", "InstanceId", "VolumeId"], volumes::detach),
    action("DisassociateAddress", MUTATION, &["AssociationId"], addresses::disassociate),
    action("DisassociateRouteTable", MUTATION, &["AssociationId"], routes::disassociate),
    action("GetCapacityManagerAttributes", QUERY, &[], capacity_manager::attributes),
    action("GetCapacityManagerMetricData", QUERY, &["EndTime", "GroupBy", "MaxResults", "MetricName", "NextToken", "Period", "StartTime"], capacity_manager::metric_data),
    action("GetConsoleOutput", QUERY, &["InstanceId", "Latest"], instances::console),
    action("GetSpotPlacementScores", QUERY, &["InstanceType", "MaxResults", "NextToken", "RegionName", "SingleAvailabilityZone", "TargetCapacity"], spot::scores),
    action("ImportKeyPair", MUTATION, &["KeyName", "PublicKeyMaterial", "TagSpecification"], devices::import_key),
    action("ModifyInstanceAttribute", MUTATION, &["BlockDeviceMapping", "InstanceId", "InstanceType", "UserData"], attributes::modify),
    action("ModifySubnetAttribute", MUTATION, &["MapPublicIpOnLaunch", "SubnetId"], vpcs::modify_subnet),
    action("ModifyVpcAttribute", MUTATION, &["EnableDnsHostnames", "EnableDnsSupport", "VpcId"], vpcs::modify_vpc),
    action("RebootInstances", MUTATION, &["InstanceId"], instances::reboot),
    action("ReleaseAddress", MUTATION, &["AllocationId"], addresses::release),
    action("ReplaceRoute", MUTATION, &["DestinationCidrBlock", "GatewayId", "RouteTableId"], routes::replace_route),
    action("RevokeSecurityGroupEgress", MUTATION, &["GroupId", "IpPermissions"], groups::revoke_out),
    action("RevokeSecurityGroupIngress", MUTATION, &["CidrIp", "FromPort", "GroupId", "IpPermissions", "IpProtocol", "ToPort"], groups::revoke_in),
    action("RunInstances", LAUNCH, LAUNCH_PARAMETERS, instances::run),
    action("StartInstances", LAUNCH, &["InstanceId"], instances::start),
    action("StopInstances", MUTATION, &["Force", "Hibernate", "InstanceId"], instances::stop),
    action("TerminateInstances", END, &["InstanceId"], instances::terminate),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_says_each_thing_once() {
        assert!(ACTIONS.is_sorted_by(|a, b| a.name < b.name));
        for action in ACTIONS {
            assert!(action.parameters.is_sorted_by(|a, b| a < b), "{}", action.name);
        }
    }
}
