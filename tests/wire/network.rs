//! The network: built once, finished when half built, and taken away without a trace.

use aws_sdk_ec2::primitives::Blob;

use super::*;
use crate::support::plain_ec2;

#[tokio::test]
async fn a_network_is_built_once_tagged_at_birth_and_recorded_first() {
    let world = World::start().await;
    let first = world.ensure(&dedicated()).await.unwrap();
    let zones = world.ec2().zones().await.unwrap();
    assert_eq!(first.subnets.len(), zones.len());

    let calls = world.proxy.take();
    let creates = calls.iter().filter(|call| call.action.starts_with("Create"));
    let mut marks = BTreeSet::new();
    for call in creates.filter(|call| call.action != "CreateRoute") {
        let tagged = call.tagged();
        let mut tags: BTreeMap<_, _> = tagged[0].1.iter().cloned().collect();
        assert!(marks.insert(tags.remove("LaunchId").unwrap()), "two things with one mark");
        assert_eq!(tags, origin().tags(&REGION.into(), "spot-tui-spot-test"), "{}", call.action);
    }
    let recorded: Vec<_> =
        world.journal.opened.lock().unwrap().iter().map(|intent| intent.action).collect();
    assert_eq!(recorded, mutating(&calls));
    assert!(world.journal.open.lock().unwrap().is_empty());

    let again = world.ensure(&dedicated()).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(mutating(&world.proxy.take()), Vec::<&str>::new());

    let seen = world.seen();
    let group = seen["groups"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["id"] == first.security_groups[0].as_str());
    let ingress = group.unwrap()["ingress"].as_array().unwrap();
    assert_eq!(ingress.len(), 1);
    assert_eq!(ingress[0]["from_port"], 22);
    assert_eq!(ingress[0]["cidrs"], serde_json::json!(["203.0.113.7/32"]));
    // The main table, which is there with the VPC and goes with it, leads all subnets out.
    let tables = seen["route_tables"].as_array().unwrap().iter();
    let of_vpc: Vec<&Value> = tables.filter(|it| it["VpcId"] == first.vpc.as_str()).collect();
    assert_eq!(of_vpc.len(), 1, "{of_vpc:?}");
    let routes = of_vpc[0]["Routes"].as_array().unwrap();
    assert!(
        routes.iter().any(|it| it["GatewayId"].as_str().unwrap_or_default().starts_with("igw-"))
    );
}

#[tokio::test]
async fn a_network_that_was_half_built_is_finished() {
    let world = World::start().await;
    let refuse = Fault::Refuse { status: 400, code: "VpcLimitExceeded", message: "no more" };
    world.proxy.fail("CreateSubnet", 2, refuse);
    let error = aws_error(world.ensure(&dedicated()).await.unwrap_err());
    assert_eq!(error.class, Class::FatalRegion);
    assert!(error.failure(Step::Network).hint.contains("servicequotas"), "{error}");
    world.proxy.take();

    let ready = world.ensure(&dedicated()).await.unwrap();
    let calls = world.proxy.take();
    let made = mutating(&calls);
    assert!(!made.contains(&"CreateVpc") && !made.contains(&"CreateInternetGateway"), "{made:?}");
    assert_eq!(made.iter().filter(|it| **it == "CreateSubnet").count(), ready.subnets.len() - 1);
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_not_made_twice() {
    let world = World::start().await;
    world.proxy.fail("CreateVpc", 1, Fault::CutAfter);
    world.ensure(&dedicated()).await.unwrap();
    assert_eq!(world.proxy.calls_of("CreateVpc").len(), 1);
    assert_eq!(ours(&world.seen(), "vpcs").len(), 1);
    assert_eq!(world.journal.open.lock().unwrap().len(), 1, "the unknown outcome stays open");
}

#[tokio::test]
async fn nothing_is_sent_that_could_not_be_recorded() {
    let world = World::start().await;
    let error = ensure(&world.ec2(), &dedicated(), &origin(), &FullDisk, &|_, _| {}).await;
    let failure = error.unwrap_err().failure(Step::Network);
    assert_eq!(failure.step, Step::State);
    assert!(failure.reason.contains("No space left"), "{failure}");
    assert_eq!(mutating(&world.proxy.calls()), Vec::<&str>::new());
}

#[tokio::test]
async fn the_rule_follows_the_operators_address() {
    let world = World::start().await;
    world.ensure(&dedicated()).await.unwrap();
    world.proxy.take();
    world.ensure(&plan(Network::Dedicated, &["198.51.100.9/32"])).await.unwrap();
    let moved = ["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"];
    assert_eq!(mutating(&world.proxy.take()), moved);
    let said = world.said.lock().unwrap().join("\n");
    assert!(said.contains("address has changed") && said.contains("203.0.113.7/32"), "{said}");
    let seen = world.seen();
    let groups = seen["groups"].as_array().unwrap();
    let group = groups.iter().find(|it| it["tags"]["DeploymentId"] == "spot-test").unwrap();
    assert_eq!(group["ingress"].as_array().unwrap().len(), 1);
    assert_eq!(group["ingress"][0]["cidrs"], serde_json::json!(["198.51.100.9/32"]));
}

#[tokio::test]
async fn in_a_network_of_others_only_our_group_is_made_and_removed() {
    let world = World::start().await;
    let ready = world.ensure(&plan(Network::Default, &["203.0.113.7/32"])).await.unwrap();
    let made = ["CreateSecurityGroup", "AuthorizeSecurityGroupIngress"];
    assert_eq!(mutating(&world.proxy.take()), made);
    let given = Network::Given { vpc: ready.vpc.clone(), subnet: Some(ready.subnets[1].0.clone()) };
    let same = world.ensure(&plan(given, &["203.0.113.7/32"])).await.unwrap();
    assert_eq!(same.subnets, [ready.subnets[1].clone()]);
    assert_eq!(same.security_groups, ready.security_groups);
    assert_eq!(mutating(&world.proxy.take()), Vec::<&str>::new());
    assert_eq!(world.teardown().await, Vec::<String>::new());
    assert_eq!(mutating(&world.proxy.take()), ["DeleteSecurityGroup"]);
}

#[tokio::test]
async fn a_missing_default_vpc_is_an_error_with_a_way_out() {
    let world = World::start().await;
    let ec2 = world.ec2();
    for subnet in world.seen()["subnets"].as_array().unwrap() {
        ec2.delete(Kind::Subnet, subnet["id"].as_str().unwrap()).await.unwrap();
    }
    for vpc in world.seen()["vpcs"].as_array().unwrap() {
        ec2.delete(Kind::Vpc, vpc["id"].as_str().unwrap()).await.unwrap();
    }
    let error = world.ensure(&plan(Network::Default, &["203.0.113.7/32"])).await.unwrap_err();
    let failure = error.failure(Step::Network);
    assert!(failure.reason.contains("no default VPC"), "{failure}");
    assert!(failure.hint.contains("create-default-vpc"), "{failure}");
}

#[tokio::test]
async fn a_key_pair_is_imported_once_and_a_strangers_is_not_taken() {
    let world = World::start().await;
    let ec2 = world.ec2();
    let say = |_: Level, _: String| {};
    let name = ensure_key_pair(&ec2, PUBLIC_KEY, &origin(), &world.journal, &say).await.unwrap();
    let again = ensure_key_pair(&ec2, PUBLIC_KEY, &origin(), &world.journal, &say).await.unwrap();
    assert_eq!(name, again);
    assert_eq!(world.proxy.calls_of("ImportKeyPair").len(), 1);
    assert_eq!(world.proxy.calls_of("ImportKeyPair")[0].tagged()[0].0, "key-pair");

    let other_key = PUBLIC_KEY.replace("AAAAIJ9i", "AAAAIJ9j");
    let import = plain_ec2::at(&world.moto.url(), REGION).import_key_pair();
    let import = import.key_name("spot-tui-spot-test-stranger");
    import.public_key_material(Blob::new(PUBLIC_KEY)).send().await.unwrap();
    let other = ensure_key_pair(&ec2, &other_key, &origin(), &world.journal, &say).await.unwrap();
    assert_ne!(other, name, "another key has another name");
    assert_eq!(world.teardown().await, Vec::<String>::new());
    let seen = world.seen();
    let left: Vec<_> =
        seen["key_pairs"].as_array().unwrap().iter().map(|it| &it["KeyName"]).collect();
    assert_eq!(left, ["spot-tui-spot-test-stranger"]);
}

#[tokio::test]
async fn a_destroyed_network_leaves_nothing_and_touches_nobody() {
    let world = World::start().await;
    let strangers = world.moto.settle_strangers(&[REGION]);
    let before = world.seen();
    let ready = world.ensure(&dedicated()).await.unwrap();
    let say = |_: Level, _: String| {};
    ensure_key_pair(&world.ec2(), PUBLIC_KEY, &origin(), &world.journal, &say).await.unwrap();
    let machines = world.launch(&ready, 1).await;

    let kept = world.teardown().await;
    assert!(kept.iter().any(|it| it.starts_with("instance")), "{kept:?}");
    assert!(ours(&world.seen(), "vpcs").len() == 1, "a network with a living instance stays");

    world.end(&machines).await;
    world.proxy.take();
    let busy = Fault::Refuse { status: 400, code: "DependencyViolation", message: "in use" };
    world.proxy.fail("DeleteSubnet", 1, busy.clone());
    world.proxy.fail("DeleteVpc", 1, busy);
    assert_eq!(world.teardown().await, Vec::<String>::new());
    let calls = world.proxy.take();
    assert!(calls.is_sorted_by_key(|call| call.at));
    let last = |what: fn(&Call) -> bool| calls.iter().rposition(what).unwrap();
    assert!(
        last(|call| call.action == "DescribeVpcs") > last(Call::is_mutating),
        "what is left is looked for after the last delete"
    );
    let mut order = mutating(&calls);
    order.dedup();
    assert_eq!(order[..2], ["DeleteSecurityGroup", "DeleteSubnet"]);
    let the_rest = ["DetachInternetGateway", "DeleteInternetGateway", "DeleteVpc", "DeleteKeyPair"];
    assert_eq!(order[2..], the_rest);

    let after = world.seen();
    assert_eq!(after["vpcs"], before["vpcs"]);
    for kind in [
        "instances",
        "subnets",
        "gateways",
        "route_tables",
        "groups",
        "key_pairs",
        "volumes",
        "interfaces",
        "addresses",
        "spot_requests",
    ] {
        let ids = |seen: &Value| -> BTreeSet<String> {
            seen[kind].as_array().unwrap().iter().map(|it| it["id"].to_string()).collect()
        };
        assert_eq!(ids(&after), ids(&before), "{kind}");
    }
    let text = after.to_string();
    for id in strangers[REGION].as_array().unwrap() {
        assert!(text.contains(id.as_str().unwrap()), "{id} is gone");
    }
    assert_eq!(world.teardown().await, Vec::<String>::new());
    assert_eq!(mutating(&world.proxy.take()), Vec::<&str>::new(), "a second time does nothing");
}

#[tokio::test]
async fn what_will_not_go_is_told() {
    let world = World::start().await;
    let ready = world.ensure(&dedicated()).await.unwrap();
    let refuse =
        Fault::Refuse { status: 403, code: "UnauthorizedOperation", message: "not allowed" };
    world.proxy.fail("DeleteVpc", 1, refuse);
    assert_eq!(world.teardown().await, [format!("VPC {}", ready.vpc)]);
    let said = world.said.lock().unwrap().join("\n");
    assert!(said.contains("DeleteVpc") && said.contains("not allowed"), "{said}");
    assert_eq!(world.teardown().await, Vec::<String>::new());
}
