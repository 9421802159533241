//! The SDK's own EC2 client: for what a test does at AWS behind the program's back.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::{BehaviorVersion, Builder, Config, Credentials, Region};
use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use spot_tui::aws::SharedTimeSource;
use spot_tui::demo::{World, connector};

/// A client for a world of this process.
pub(crate) fn in_world(world: &World, region: &'static str) -> Client {
    let config = config(region)
        .endpoint_url("http://127.0.0.1")
        .http_client(connector(world))
        .time_source(SharedTimeSource::new(world.clock()));
    Client::from_conf(config.build())
}

/// A client for what listens there.
pub(crate) fn at(url: &str, region: &'static str) -> Client {
    Client::from_conf(config(region).endpoint_url(url).build())
}

/// Makes a VPC with these tags; its id.
pub(crate) async fn create_vpc(ec2: &Client, cidr: &str, tags: &[(&str, &str)]) -> String {
    let call = ec2.create_vpc().cidr_block(cidr);
    let made = call.tag_specifications(born_with(ResourceType::Vpc, tags)).send().await.unwrap();
    made.vpc().and_then(|vpc| vpc.vpc_id()).unwrap().to_owned()
}

/// The tags of what a call makes.
pub(crate) fn born_with(kind: ResourceType, tags: &[(&str, &str)]) -> TagSpecification {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build());
    TagSpecification::builder().resource_type(kind).set_tags(Some(tags.collect())).build()
}

fn config(region: &'static str) -> Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(Credentials::new("stranger", "secret", None, None, "test"))
}
