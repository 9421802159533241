//! Instances: the launch that says everything in one call, the look, and the end.

use super::*;

/// What EC2 says of credentials that it does not know.
const REJECTED: &str = "AWS was not able to validate the provided access credentials";

#[tokio::test]
async fn a_launch_says_everything_in_one_call() {
    let world = World::start().await;
    let ready = world.ensure(&dedicated()).await.unwrap();
    let request = world.request(&ready, 2).await;
    world.proxy.take();
    let machines = world.ec2().launch(&request).await.unwrap();
    assert_eq!(machines[0].birth.launch, Some("spot-test-l1".into()));
    assert_eq!(machines[0].birth.lifecycle, Lifecycle::Spot);
    assert_eq!(machines[0].birth.creator.as_deref(), Some("tester"));
    assert_eq!(machines[0].seen.state, Ec2State::Pending);

    let call = &world.proxy.calls_of("RunInstances")[0];
    for (name, value) in [
        ("ClientToken", "spot-test-l1"),
        ("MinCount", "1"),
        ("MaxCount", "2"),
        ("InstanceMarketOptions.MarketType", "spot"),
        ("InstanceMarketOptions.SpotOptions.SpotInstanceType", "one-time"),
        ("InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior", "terminate"),
        ("MetadataOptions.HttpTokens", "required"),
        ("MetadataOptions.HttpPutResponseHopLimit", "1"),
        ("BlockDeviceMapping.1.DeviceName", "/dev/sda1"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
        ("BlockDeviceMapping.1.Ebs.VolumeType", "gp3"),
        ("BlockDeviceMapping.1.Ebs.VolumeSize", "50"),
        ("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true"),
        ("NetworkInterface.1.AssociatePublicIpAddress", "true"),
        ("NetworkInterface.1.DeleteOnTermination", "true"),
        ("NetworkInterface.1.SubnetId", ready.subnets[0].0.as_str()),
        ("UserData", "I2Nsb3VkLWNvbmZpZwo="),
    ] {
        assert_eq!(call.parameter(name), Some(value), "{name}");
    }
    assert_eq!(call.parameter("InstanceMarketOptions.SpotOptions.MaxPrice"), None);
    let tagged: BTreeMap<_, BTreeMap<_, _>> =
        call.tagged().into_iter().map(|(kind, tags)| (kind, tags.into_iter().collect())).collect();
    let kinds = ["instance", "network-interface", "spot-instances-request", "volume"];
    assert_eq!(tagged.keys().collect::<Vec<_>>(), kinds);
    assert!(tagged.values().all(|tags| *tags == request.tags), "{tagged:?}");

    let seen = world.seen();
    let instance = &seen["instances"][0];
    assert_eq!(instance["lifecycle"], "spot");
    assert_eq!(instance["metadata"], serde_json::json!({ "tokens": "required", "hops": 1 }));
    assert_eq!(instance["volumes"][0]["encrypted"], true);
}

#[tokio::test]
async fn a_persistent_request_stops_and_on_demand_tags_no_request() {
    let world = World::start().await;
    let ready = world.ensure(&dedicated()).await.unwrap();
    let mut request = world.request(&ready, 1).await;
    request.lifecycle = Lifecycle::PersistentSpot;
    request.max_price = Some(0.0125);
    let machines = world.ec2().launch(&request).await.unwrap();
    assert_eq!(machines[0].birth.lifecycle, Lifecycle::PersistentSpot);
    request.lifecycle = Lifecycle::OnDemand;
    world.ec2().launch(&request).await.unwrap();
    let calls = world.proxy.calls_of("RunInstances");
    let spot = "InstanceMarketOptions.SpotOptions";
    assert_eq!(calls[0].parameter(&format!("{spot}.SpotInstanceType")), Some("persistent"));
    assert_eq!(calls[0].parameter(&format!("{spot}.InstanceInterruptionBehavior")), Some("stop"));
    assert_eq!(calls[0].parameter(&format!("{spot}.MaxPrice")), Some("0.0125"));
    assert_eq!(calls[1].parameter("InstanceMarketOptions.MarketType"), None);
    assert!(calls[1].tagged().iter().all(|(kind, _)| kind != "spot-instances-request"));
}

#[tokio::test]
async fn instances_are_found_by_tags_page_by_page_and_end_in_spite_of_a_bad_id() {
    let world = World::start().await;
    world.moto.settle_strangers(&[REGION]);
    let ready = world.ensure(&dedicated()).await.unwrap();
    let launched = world.launch(&ready, 3).await;
    let ours = Selector::deployment(&deployment());
    world.proxy.take();
    let found = world.ec2().instances(&ours).await.unwrap();
    let ids = |machines: &[Machine]| -> BTreeSet<_> {
        machines.iter().map(|machine| machine.id.clone()).collect()
    };
    assert_eq!(ids(&found), ids(&launched));
    assert!(found.iter().all(|machine| machine.seen.public_ip.is_some()), "{found:?}");
    assert_eq!(world.proxy.calls()[0].parameter("MaxResults"), Some("1000"));
    let by_launch = Selector::everything().made_for(&"spot-test".into());
    assert_eq!(world.ec2().instances(&by_launch).await.unwrap().len(), 3);

    let deployments = world.ec2().deployments().await.unwrap();
    let told: Vec<_> = deployments.iter().map(|it| (it.deployment.as_str(), it.alive)).collect();
    assert_eq!(told, [("spot-other", 1), ("spot-test", 3)]);
    assert_eq!(deployments[1].creator.as_deref(), Some("tester"));

    let mut doomed: Vec<_> = ids(&launched).into_iter().collect();
    doomed.insert(1, "i-0123456789abcdef0".into());
    let ended = world.ec2().terminate(&doomed).await;
    assert_eq!(ended.len(), 4);
    assert!(ended.iter().all(|(_, result)| result.is_ok()), "{ended:?}");
    assert_eq!(world.proxy.calls_of("TerminateInstances").len(), 2);
    let left = world.ec2().instances(&ours).await.unwrap();
    assert!(left.iter().all(|machine| machine.seen.state == Ec2State::ShuttingDown), "{left:?}");
    let all = world.ec2().instances(&ours.with_terminated()).await.unwrap();
    assert_eq!(all.len(), 3);
}

#[tokio::test]
async fn a_launch_is_never_repeated_by_itself() {
    let world = World::start().await;
    let ready = world.ensure(&dedicated()).await.unwrap();
    let request = world.request(&ready, 1).await;
    let refuse = |status, code, message| Fault::Refuse { status, code, message };
    let cases = [
        (
            refuse(500, "InsufficientInstanceCapacity", "no capacity in us-west-2a"),
            Class::Elsewhere,
        ),
        (refuse(503, "RequestLimitExceeded", "slow down"), Class::Retry),
        (refuse(401, "AuthFailure", REJECTED), Class::Credentials(Credential::Rejected)),
        (refuse(502, "", ""), Class::Unknown),
        (Fault::Garble, Class::Unknown),
        (Fault::Cut, Class::Unknown),
        (Fault::CutAfter, Class::Unknown),
    ];
    for (fault, class) in cases {
        world.proxy.take();
        world.proxy.fail("RunInstances", 1, fault.clone());
        let error = world.ec2().launch(&request).await.unwrap_err();
        assert_eq!(error.class, class, "{fault:?}: {error}");
        assert_eq!(world.proxy.calls_of("RunInstances").len(), 1, "{fault:?}");
        let failure = error.failure(Step::Launch);
        assert!(failure.reason.contains("1 x t3.medium in us-west-2a"), "{failure}");
        assert!(!failure.hint.is_empty(), "{failure}");
    }
}

#[tokio::test]
async fn the_console_is_decoded() {
    let world = World::start().await;
    let ready = world.ensure(&dedicated()).await.unwrap();
    let machine = &world.launch(&ready, 1).await[0];
    let text = world.ec2().console_output(&machine.id).await.unwrap().unwrap();
    assert!(text.contains("Linux version"), "{text}");
    assert_eq!(world.proxy.calls_of("GetConsoleOutput")[0].parameter("Latest"), Some("true"));
    let young = world.ec2().console_output(&"i-0123456789abcdef0".into()).await.unwrap_err();
    assert_eq!(young.class, Class::NotYet);
}
