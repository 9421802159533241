//! Somebody else's networks and instances in a world of this process: with names like ours, and
//! with almost our tags.

use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Instance, InstanceType, ResourceType};
use spot_tui::demo::World;

use super::plain_ec2::{born_with, create_vpc, in_world};

const NAME: &str = "spot-tui-spot-test";
/// Of another tool, and of another deployment of ours.
const ALMOST: [[(&str, &str); 3]; 2] = [
    [("ManagedBy", "spot-tui-py"), ("DeploymentId", "spot-test"), ("Name", NAME)],
    [("ManagedBy", "spot-tui"), ("DeploymentId", "spot-other"), ("Name", NAME)],
];

/// What strangers have in a region.
pub(crate) struct Strangers {
    ec2: Client,
    homes: Vec<Home>,
    before: Vec<String>,
}

/// What one of them has.
struct Home {
    vpc: String,
    subnet: String,
    group: String,
    instance: String,
}

impl Strangers {
    /// How often they call this action when they move in.
    pub(crate) fn calls(action: &str) -> u32 {
        const CALLS: [&str; 9] = [
            "CreateVpc",
            "CreateSubnet",
            "CreateSecurityGroup",
            "DescribeImages",
            "RunInstances",
            "DescribeVpcs",
            "DescribeSubnets",
            "DescribeSecurityGroups",
            "DescribeInstances",
        ];
        if CALLS.contains(&action) { 2 } else { 0 }
    }

    /// Lets them move in.
    pub(crate) async fn settle(world: &World, region: &'static str) -> Self {
        let ec2 = in_world(world, region);
        let mut homes = Vec::new();
        for tags in ALMOST {
            homes.push(Home::build(&ec2, &tags).await);
        }
        // By then they run.
        tokio::time::sleep(Duration::from_mins(1)).await;
        let strangers = Self { ec2, homes, before: Vec::new() };
        let before = strangers.look().await;
        Self { before, ..strangers }
    }

    /// All of it is there, as it was.
    pub(crate) async fn assert_there(&self) {
        assert_eq!(self.look().await, self.before);
    }

    async fn look(&self) -> Vec<String> {
        let (ec2, mut seen) = (&self.ec2, Vec::new());
        for Home { vpc, subnet, group, instance } in &self.homes {
            let vpc = ec2.describe_vpcs().vpc_ids(vpc).send().await.unwrap();
            let subnet = ec2.describe_subnets().subnet_ids(subnet).send().await.unwrap();
            let group = ec2.describe_security_groups().group_ids(group).send().await.unwrap();
            let instance = ec2.describe_instances().instance_ids(instance).send().await.unwrap();
            seen.push(format!(
                "{:?} {:?} {:?} {:?}",
                vpc.vpcs(),
                subnet.subnets(),
                group.security_groups(),
                instance.reservations()
            ));
        }
        seen
    }
}

impl Home {
    async fn build(ec2: &Client, tags: &[(&str, &str)]) -> Self {
        let born = |kind: ResourceType| born_with(kind, tags);
        let vpc = create_vpc(ec2, "10.200.0.0/16", tags).await;
        let subnet = ec2.create_subnet().vpc_id(&vpc).cidr_block("10.200.0.0/20");
        let subnet = subnet.tag_specifications(born(ResourceType::Subnet)).send().await.unwrap();
        let subnet = subnet.subnet().and_then(|subnet| subnet.subnet_id()).unwrap().to_owned();
        let group = ec2.create_security_group().vpc_id(&vpc).group_name(NAME).description(NAME);
        let group =
            group.tag_specifications(born(ResourceType::SecurityGroup)).send().await.unwrap();
        let group = group.group_id().unwrap().to_owned();
        let images = ec2.describe_images().owners("099720109477").send().await.unwrap();
        let launched = ec2
            .run_instances()
            .image_id(images.images()[0].image_id().unwrap())
            .instance_type(InstanceType::T3Micro)
            .min_count(1)
            .max_count(1)
            .subnet_id(&subnet)
            .security_group_ids(&group)
            .tag_specifications(born(ResourceType::Instance))
            .send()
            .await
            .unwrap();
        let instance = launched.instances().first().and_then(Instance::instance_id);
        Self { vpc, subnet, group, instance: instance.unwrap().to_owned() }
    }
}
