//! The actions of EC2 that are asked for, and what for: the list behind `spot-tui iam-policy`. README
//! has the same one, and tests hold both against the calls of real runs.

/// What an action is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Changes nothing.
    Look,
    /// Says where spot is likeliest to be had, for `placement.spill`.
    Score,
    /// Reads what Capacity Manager tells of the account, for `placement.capacity_manager`.
    Capacity,
    /// Reads what CloudWatch measured, for `cloudwatch.metrics`: no action of EC2's.
    Measure,
    /// Tells CloudWatch the fleet's figures, for `cloudwatch.publish`: no action of EC2's.
    Publish,
    /// Launches.
    Launch,
    /// Takes the lock between machines; with CreateTags on it, and what looks and removes.
    Lock,
    /// Launches many at once, for `placement.strategy: fleet`.
    Fleet,
    /// Lays out a network.
    Network,
    /// Stops and starts what stays, and moves what it keeps. It needs to apply to nothing but what
    /// carries our tag.
    Stay,
    /// Makes what machines keep.
    Keep,
    /// Takes away what GuardDuty puts into a VPC of ours, where its Runtime Monitoring is on. It
    /// carries GuardDuty's tag, and never ours.
    Guards,
    /// Takes away. It needs to apply to nothing but what carries our tag.
    Remove,
}

/// The actions of EC2, by what for.
pub const EC2_ACTIONS: &[(Purpose, &[&str])] = &[
    (
        Purpose::Look,
        &[
            "DescribeAddresses",
            "DescribeAvailabilityZones",
            "DescribeImages",
            "DescribeInstances",
            "DescribeInstanceStatus",
            "DescribeInstanceTypeOfferings",
            "DescribeInstanceTypes",
            "DescribeInternetGateways",
            "DescribeKeyPairs",
            "DescribeLaunchTemplates",
            "DescribeNetworkInterfaces",
            "DescribeRegions",
            "DescribeReplaceRootVolumeTasks",
            "DescribeRouteTables",
            "DescribeSecurityGroups",
            "DescribeSnapshots",
            "DescribeSpotInstanceRequests",
            "DescribeSpotPriceHistory",
            "DescribeSubnets",
            "DescribeTags",
            "DescribeVolumes",
            "DescribeVpcAttribute",
            "DescribeVpcEndpoints",
            "DescribeVpcs",
            "GetConsoleOutput",
        ],
    ),
    (Purpose::Score, &["GetSpotPlacementScores"]),
    (Purpose::Capacity, &["GetCapacityManagerAttributes", "GetCapacityManagerMetricData"]),
    (Purpose::Launch, &["RunInstances", "CreateTags", "ImportKeyPair"]),
    // A fleet needs a template as well.
    (Purpose::Lock, &["CreateLaunchTemplate"]),
    (Purpose::Fleet, &["CreateFleet"]),
    (
        Purpose::Network,
        &[
            "CreateVpc",
            "ModifyVpcAttribute",
            "CreateSubnet",
            "CreateInternetGateway",
            "AttachInternetGateway",
            "CreateRoute",
            "ReplaceRoute",
            "CreateSecurityGroup",
            "AuthorizeSecurityGroupIngress",
            "RevokeSecurityGroupIngress",
            "RevokeSecurityGroupEgress",
        ],
    ),
    (
        Purpose::Stay,
        &[
            "StopInstances",
            "StartInstances",
            "RebootInstances",
            "AttachVolume",
            "DetachVolume",
            "AssociateAddress",
            "CreateReplaceRootVolumeTask",
            "ModifyInstanceAttribute",
        ],
    ),
    (Purpose::Keep, &["CreateVolume", "AllocateAddress", "CreateSnapshot"]),
    (Purpose::Guards, &["DeleteVpcEndpoints", "DeleteSecurityGroup"]),
    (
        Purpose::Remove,
        &[
            "CancelSpotInstanceRequests",
            "TerminateInstances",
            "DeleteVolume",
            "DeleteSnapshot",
            "DetachNetworkInterface",
            "DeleteNetworkInterface",
            "ReleaseAddress",
            // Groups that let each other in hold each other.
            "RevokeSecurityGroupIngress",
            "RevokeSecurityGroupEgress",
            "DeleteSecurityGroup",
            "DeleteSubnet",
            "DisassociateRouteTable",
            "DeleteRouteTable",
            "DetachInternetGateway",
            "DeleteInternetGateway",
            "DeleteVpc",
            "DeleteKeyPair",
            "DeleteLaunchTemplate",
        ],
    ),
];
