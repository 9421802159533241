//! A network is built and taken away, by AWS's own rules.

use aws_sdk_ec2::error::ProvideErrorMetadata as _;
use spot_tui::aws::Class;

use super::*;
use crate::support::plain_ec2;

#[tokio::test(start_paused = true)]
async fn a_network_goes_up_and_comes_down_without_a_trace() {
    let stage = Stage::play("{}").await;
    let ready = stage.ensure().await.unwrap();
    assert_eq!(ready.subnets.len(), 4, "us-west-2 has four zones");
    pass(2).await;
    let again = stage.ensure().await.unwrap();
    assert_eq!(again, ready, "what is there is adopted");
    assert_eq!(stage.calls("CreateVpc"), 1);

    assert_eq!(stage.teardown().await, Vec::<String>::new());
    assert_eq!(stage.left(&[Kind::Vpc]).await, Vec::<String>::new());
    let vpcs = plain_ec2::in_world(&stage.world, REGION).describe_vpcs().send().await.unwrap();
    let defaults: Vec<_> = vpcs.vpcs().iter().map(aws_sdk_ec2::types::Vpc::is_default).collect();
    assert_eq!(defaults, [Some(true)], "not ours, not touched");
}

/// The rules that moto does not have: each wrong step is refused with DependencyViolation.
#[tokio::test(start_paused = true)]
async fn what_is_in_use_cannot_be_deleted() {
    let stage = Stage::play("{}").await;
    let ready = stage.ensure().await.unwrap();
    let machines = stage.ec2().launch(&stage.request(&ready, "a", 2).await).await.unwrap();
    pass(10).await;

    let mut gateway = String::new();
    for kind in
        [Kind::SecurityGroup, Kind::Subnet, Kind::Vpc, Kind::Gateway, Kind::Volume, Kind::Interface]
    {
        // The instances are in the first subnet; the others could go.
        let id = match kind {
            Kind::Subnet => ready.subnets[0].0.to_string(),
            _ => stage.left(&[kind]).await.swap_remove(0),
        };
        let error = stage.ec2().delete(kind, &id).await.unwrap_err();
        assert_eq!(error.class, Class::Dependency, "{error}");
        if kind == Kind::Gateway {
            gateway = id;
        }
    }
    let plain = plain_ec2::in_world(&stage.world, REGION);
    let detach = plain.detach_internet_gateway().internet_gateway_id(gateway);
    let error = detach.vpc_id(ready.vpc.as_str()).send().await.unwrap_err();
    assert!(error.message().unwrap().contains("mapped public address"), "{error:?}");
    assert_eq!(error.code(), Some("DependencyViolation"));

    let kept = stage.teardown().await;
    assert!(kept.iter().any(|it| it.starts_with("instance")), "{kept:?}");
    assert_eq!(stage.left(&[Kind::Vpc]).await.len(), 1);

    stage.end(&machines).await;
    assert_eq!(stage.teardown().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn teardown_waits_for_instances_that_are_shutting_down() {
    let stage = Stage::play("{}").await;
    let ready = stage.ensure().await.unwrap();
    let machines = stage.ec2().launch(&stage.request(&ready, "b", 3).await).await.unwrap();
    pass(10).await;
    let ids: Vec<_> = machines.iter().map(|machine| machine.id.clone()).collect();
    stage.ec2().terminate(&ids).await;
    assert_eq!(stage.teardown().await, Vec::<String>::new());
    let calls = stage.world.calls();
    let refused: Vec<_> =
        calls.iter().filter(|call| call.code.as_deref() == Some("DependencyViolation")).collect();
    assert!(refused.is_empty(), "the right order is never refused: {refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_build_goes_on() {
    let stage = Stage::play(
        "calls:
           - { action: DescribeVpcs, count: 2, trouble: throttle }
           - { action: CreateSubnet, nth: 2, trouble: throttle }
           - action: AttachInternetGateway
             trouble: { error: { status: 503, code: Unavailable } }",
    )
    .await;
    let ready = stage.ensure().await.unwrap();
    assert_eq!(ready.subnets.len(), 4);
    assert_eq!(stage.calls("CreateSubnet"), 5);
    stage.met_every_fault();
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_was_lost_makes_one_network() {
    for trouble in ["cut_after", "silence_after", "garbled_after", "cut_before"] {
        let stage =
            Stage::play(&format!("calls: [{{ action: CreateVpc, trouble: {trouble} }}]")).await;
        stage.ensure().await.unwrap_or_else(|error| panic!("{trouble}: {error}"));
        pass(5).await;
        assert_eq!(stage.left(&[Kind::Vpc]).await.len(), 1, "{trouble}");
        stage.met_every_fault();
        assert_eq!(stage.teardown().await, Vec::<String>::new(), "{trouble}");
    }
}

/// A network of which a destroy had to leave the VPC.
async fn with_a_vpc_that_stays() -> (Stage, String) {
    let stage = Stage::play(
        "calls:
           - action: DeleteVpc
             trouble: { error: { status: 403, code: UnauthorizedOperation, message: not allowed } }",
    )
    .await;
    let vpc = stage.ensure().await.unwrap().vpc.to_string();
    pass(2).await;
    assert_eq!(stage.teardown().await, [format!("VPC {vpc}")]);
    stage.met_every_fault();
    (stage, vpc)
}

#[tokio::test(start_paused = true)]
async fn what_aws_will_not_let_go_is_told() {
    let (stage, _) = with_a_vpc_that_stays().await;
    assert!(stage.said.lock().unwrap().join("\n").contains("not allowed"));
    assert_eq!(stage.teardown().await, Vec::<String>::new());
}

/// Its main route table still leads to the gateway that went.
#[tokio::test(start_paused = true)]
async fn a_vpc_that_a_destroy_left_is_led_out_by_its_new_gateway() {
    let (stage, vpc) = with_a_vpc_that_stays().await;
    let of_ours = format!("Action=DescribeRouteTables&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}");
    let tables = stage.ask(&of_ours);
    assert!(tables.contains("blackhole"), "{tables}");

    pass(60).await;
    assert_eq!(stage.ensure().await.unwrap().vpc.as_str(), vpc, "it is adopted");
    let tables = stage.ask(&of_ours);
    assert!(!tables.contains("blackhole"), "{tables}");
    assert_eq!((stage.calls("CreateRoute"), stage.calls("ReplaceRoute")), (1, 1));

    let behind = |words: &str| tables.split(words).nth(1).unwrap().split('<').next().unwrap();
    let (table, gateway) = (behind("<routeTableId>"), behind("<gatewayId>igw-"));
    let unknown = stage.ask(&format!(
        "Action=ReplaceRoute&RouteTableId={table}&GatewayId=igw-{gateway}&\
         DestinationCidrBlock=192.0.2.0%2F24"
    ));
    assert!(unknown.contains("InvalidRoute.NotFound"), "{unknown}");
    assert_eq!(stage.teardown().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_region_without_room_for_a_vpc_says_so() {
    let stage = Stage::play("{}").await;
    for _ in 0..4 {
        let plain = plain_ec2::in_world(&stage.world, REGION);
        plain_ec2::create_vpc(&plain, "10.9.0.0/16", &[("Name", "somebody's")]).await;
    }
    let error = aws_error(stage.ensure().await.unwrap_err());
    assert_eq!(error.code.as_deref(), Some("VpcLimitExceeded"));
}
