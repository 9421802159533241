//! What AWS thinks of the account, and what others put into its networks.

use spot_tui::aws::Class;
use spot_tui::fleet::Ec2State;

use super::*;

async fn refused(stage: &Stage, machine_type: &str) -> AwsError {
    let ready = stage.ensure().await.unwrap();
    // What was just made is told of.
    pass(2).await;
    let mut request = stage.request(&ready, "a", 1).await;
    request.machine_type = machine_type.into();
    stage.ec2().launch(&request).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn the_free_plan_takes_its_own_types_and_dry_runs_of_all() {
    let stage = Stage::play("account: { free_plan: true }").await;
    let error = refused(&stage, "t3.medium").await;
    assert_eq!(error.code.as_deref(), Some("InvalidParameterCombination"));
    assert!(error.message.contains("not eligible for Free Tier"), "{error}");
    let ready = stage.ensure().await.unwrap();
    let mut request = stage.request(&ready, "b", 1).await;
    request.machine_type = "t3.small".into();
    stage.ec2().launch(&request).await.unwrap();
    let free = stage
        .ask("Action=DescribeInstanceTypes&Filter.1.Name=free-tier-eligible&Filter.1.Value.1=true");
    assert!(free.contains("t3.micro") && !free.contains("t3.medium"), "{free}");
    stage.met_every_fault();
}

#[tokio::test(start_paused = true)]
async fn a_new_account_waits_and_a_blocked_one_waits_for_ever() {
    let stage = Stage::play("account: { pending_verification_until_s: 600 }").await;
    let error = refused(&stage, "t3.medium").await;
    assert_eq!(error.code.as_deref(), Some("PendingVerification"));
    pass(600).await;
    let ready = stage.ensure().await.unwrap();
    stage.ec2().launch(&stage.request(&ready, "a", 1).await).await.unwrap();
    stage.met_every_fault();

    let stage = Stage::play("account: { blocked: true }").await;
    assert_eq!(refused(&stage, "t3.medium").await.code.as_deref(), Some("Blocked"));
    stage.met_every_fault();
}

#[tokio::test(start_paused = true)]
async fn an_organisation_denies_every_call_in_other_regions() {
    let stage = Stage::play("account: { allowed_regions: [us-west-2, us-east-1] }").await;
    let regions = stage.aws.account().await.unwrap().regions;
    assert_eq!(regions.len(), 17, "they are enabled all the same");
    let denied = stage.aws.region(&"eu-west-1".into()).instances(&ours()).await.unwrap_err();
    assert_eq!(
        (denied.code.as_deref(), denied.status()),
        (Some("UnauthorizedOperation"), Some(403))
    );
    assert!(denied.message.contains("explicit deny in a service control policy"), "{denied}");
    assert_eq!(stage.machines().await, []);
    stage.met_every_fault();

    let stage = Stage::play("account: { allowed_regions: [us-west-2] }").await;
    let denied = stage.aws.account().await.unwrap_err();
    assert_eq!(denied.operation, "DescribeRegions", "asked in us-east-1");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_spot_may_not_use_ends_the_instance_before_it_runs() {
    let stage = Stage::play("account: { kms_refuses_spot: true }").await;
    let ready = stage.ensure().await.unwrap();
    stage.ec2().launch(&stage.request(&ready, "a", 1).await).await.unwrap();
    pass(60).await;
    let machine = stage.machines().await.remove(0);
    assert_eq!(machine.seen.state, Ec2State::Terminated);
    let reason = machine.seen.state_reason.unwrap_or_default();
    assert_eq!(reason, "Client.InternalError: Client error on launch");
    let body = stage.ask("Action=DescribeInstances");
    assert!(body.contains("Client.InternalError: Client error on launch"), "{body}");
    stage.met_every_fault();
}

#[tokio::test(start_paused = true)]
async fn a_quota_may_refuse_the_whole_of_what_is_asked() {
    let stage = Stage::play("{ spot_vcpus: 5, beyond_quota: nothing }").await;
    let ready = stage.ensure().await.unwrap();
    let error = stage.ec2().launch(&stage.request(&ready, "a", 3).await).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("MaxSpotInstanceCountExceeded"));
    let two = stage.ec2().launch(&stage.request(&ready, "b", 2).await).await.unwrap();
    assert_eq!(two.len(), 2);
    stage.met_every_fault();
}

#[tokio::test(start_paused = true)]
async fn guard_duty_leaves_an_endpoint_and_a_group_that_hold_the_vpc() {
    let stage = Stage::play("account: { guard_duty: true }").await;
    let ready = stage.ensure().await.unwrap();
    stage.ec2().launch(&stage.request(&ready, "a", 1).await).await.unwrap();
    pass(10).await;
    stage.end(&stage.machines().await).await;
    let body = stage.ask("Action=DescribeVpcEndpoints");
    assert!(body.contains("com.amazonaws.us-west-2.guardduty-data"), "{body}");
    let groups = stage.ask("Action=DescribeSecurityGroups");
    assert!(groups.contains("GuardDutyManagedSecurityGroup-vpc-"), "{groups}");
    let endpoint = body.split("<vpcEndpointId>").nth(1).unwrap().split('<').next().unwrap();
    let gone = stage.ask(&format!("Action=DeleteVpcEndpoints&VpcEndpointId.1={endpoint}"));
    assert!(gone.contains("<unsuccessful></unsuccessful>"), "{gone}");
    assert!(!stage.ask("Action=DescribeVpcEndpoints").contains("guardduty"));
    stage.met_every_fault();
}

#[tokio::test(start_paused = true)]
async fn a_newborn_is_found_by_nobody_and_tags_are_listed_later_still() {
    let stage = Stage::play("lags: { newborn_s: 20, tags_s: 60 }").await;
    let ready = stage.ensure().await.unwrap();
    let id = stage.ec2().launch(&stage.request(&ready, "a", 1).await).await.unwrap()[0].id.clone();
    let ended = stage.ask(&format!("Action=TerminateInstances&InstanceId.1={id}"));
    assert!(ended.contains("InvalidInstanceID.NotFound"), "{ended}");
    pass(21).await;
    let by_id = stage.ask(&format!("Action=DescribeInstances&InstanceId.1={id}"));
    assert!(by_id.contains("spot-test"), "by its id it is known, with its tags: {by_id}");
    assert_eq!(stage.machines().await, [], "by its tags it is not");
    let tags = format!("Action=DescribeTags&Filter.1.Name=resource-id&Filter.1.Value.1={id}");
    assert!(!stage.ask(&tags).contains("DeploymentId"));
    pass(40).await;
    assert_eq!(stage.machines().await.len(), 1);
    assert!(stage.ask(&tags).contains("DeploymentId"));
}

#[tokio::test(start_paused = true)]
async fn some_zones_take_no_subnets() {
    let stage = Stage::play("zones_without_subnets: [us-west-2b]").await;
    let vpc = stage.ask("Action=CreateVpc&CidrBlock=10.9.0.0/16");
    let vpc = vpc.split("<vpcId>").nth(1).unwrap().split('<').next().unwrap();
    let asked = format!(
        "Action=CreateSubnet&VpcId={vpc}&CidrBlock=10.9.1.0/24&AvailabilityZone=us-west-2b"
    );
    let refused = stage.ask(&asked);
    assert!(
        refused.contains(
            "Value (us-west-2b) for parameter availabilityZone is invalid. Subnets can currently \
             only be created in the following availability zones: us-west-2a, us-west-2c, us-west-2d."
        ),
        "{refused}"
    );
    assert_eq!(stage.ec2().zones().await.unwrap().len(), 4, "it is called available");
    stage.met_every_fault();
}

#[tokio::test(start_paused = true)]
async fn a_network_of_the_users_own_has_ways_out_for_some_of_its_subnets() {
    let stage = Stage::play(
        "networks:
          - { region: us-west-2, vpc: vpc-0123456789abcdef0, public: [us-west-2a], private: [us-west-2a, us-west-2b] }",
    )
    .await;
    let of_it = "&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-0123456789abcdef0";
    let subnets = stage.ask(&format!("Action=DescribeSubnets{of_it}"));
    assert_eq!(subnets.matches("<subnetId>").count(), 3, "{subnets}");
    let tables = stage.ask(
        "Action=DescribeRouteTables&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-0123456789abcdef0",
    );
    assert_eq!(tables.matches("<destinationCidrBlock>0.0.0.0/0").count(), 1, "{tables}");
}

#[tokio::test(start_paused = true)]
async fn without_credits_a_t3_in_standard_mode_starts_at_a_fifth() {
    let stage = Stage::play("{ no_launch_credits: true }").await;
    let ready = stage.ensure().await.unwrap();
    let zones = ["a", "b"].map(|letter| stage.request(&ready, letter, 1));
    let [first, second] = zones;
    for (request, credits) in [(first.await, "standard"), (second.await, "unlimited")] {
        let form = format!(
            "Action=RunInstances&ImageId={}&InstanceType=t3.medium&MinCount=1&MaxCount=1\
             &NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SubnetId={}\
             &NetworkInterface.1.AssociatePublicIpAddress=true\
             &CreditSpecification.CpuCredits={credits}",
            request.image, request.subnet
        );
        assert!(stage.ask(&form).contains("pending"));
    }
    pass(120).await;
    let mut ended = Vec::new();
    for guest in stage.world.guests() {
        let console = stage.ec2().console_output(&guest.id).await.unwrap().unwrap();
        ended.push((guest.cpu_part < 1.0, console.contains(" finished at ")));
    }
    ended.sort_unstable();
    assert_eq!(ended, [(false, true), (true, false)]);
    assert!(matches!(
        refused(&stage, "t9.nano").await.class,
        Class::FatalRegion | Class::Elsewhere
    ));
}
