//! Launches: capacity, tokens, prices, and what becomes of an instance.

use std::collections::BTreeSet;
use std::sync::Arc;

use spot_tui::aws::{Class, host_key_fingerprints};
use spot_tui::demo::HostKeys;
use spot_tui::fleet::{Ec2State, InstanceId};

use super::*;

/// Whether EC2 gives this code as the reason; its words follow.
fn is_reason(machine: &Machine, code: &str) -> bool {
    machine.seen.state_reason.as_deref().is_some_and(|reason| reason.starts_with(code))
}

#[tokio::test(start_paused = true)]
async fn an_instance_lives_and_dies_as_ec2s_do() {
    let stage = Stage::play("{}").await;
    let ready = stage.ensure().await.unwrap();
    let machines = stage.ec2().launch(&stage.request(&ready, "a", 2).await).await.unwrap();
    assert!(machines.iter().all(|machine| machine.seen.state == Ec2State::Pending));
    assert_eq!(stage.machines().await, [], "what is too young is not told of");

    pass(10).await;
    let running = stage.machines().await;
    assert_eq!(running.len(), 2);
    for machine in &running {
        assert_eq!(machine.seen.state, Ec2State::Running);
        assert!(machine.seen.public_ip.is_some_and(|ip| ip.to_string().starts_with("198.1")));
        assert_eq!(machine.birth.launch, Some("spot-test-a".into()));
        let guest = stage.world.guest(machine.seen.public_ip.unwrap()).unwrap();
        assert_eq!(guest.id, machine.id);
    }
    assert!(stage.requests().await.iter().all(|request| request.status == "fulfilled"));

    stage.end(&running).await;
    let gone = stage.machines().await;
    assert!(gone.iter().all(|it| is_reason(it, "Client.UserInitiatedShutdown")));
    assert!(gone.iter().all(|it| it.seen.public_ip.is_none()));
    assert!(stage.requests().await.iter().all(|request| !request.is_alive()));
    let left = stage.left(&[Kind::Volume, Kind::Interface]).await;
    assert_eq!(left, Vec::<String>::new(), "they go with the instance");
    pass(3700).await;
    assert_eq!(stage.machines().await, [], "forgotten after an hour");
}

#[tokio::test(start_paused = true)]
async fn a_zone_without_capacity_is_refused_once_and_the_next_one_gives() {
    let stage = Stage::play(
        "capacity:
           - { zone: us-west-2a, machine_type: t3.medium, limit: 0, until_s: 600 }
           - { zone: us-west-2b, limit: 3 }",
    )
    .await;
    let ready = stage.ensure().await.unwrap();
    let in_a = stage.request(&ready, "a", 5).await;
    let error = stage.ec2().launch(&in_a).await.unwrap_err();
    assert_eq!(error.class, Class::Elsewhere, "{error}");
    assert_eq!(error.status(), Some(500));
    assert_eq!(stage.calls("RunInstances"), 1, "the SDK does not try it again");

    let some = stage.ec2().launch(&stage.request(&ready, "b", 5).await).await.unwrap();
    assert_eq!(some.len(), 3, "what there is");
    pass(600).await;
    assert_eq!(stage.ec2().launch(&in_a).await.unwrap().len(), 5, "the zone has room again");
    stage.met_every_fault();
}

#[tokio::test(start_paused = true)]
async fn a_token_launches_once() {
    let stage = Stage::play("{}").await;
    let ready = stage.ensure().await.unwrap();
    let request = stage.request(&ready, "a", 2).await;
    let ids = |machines: &[Machine]| -> BTreeSet<InstanceId> {
        machines.iter().map(|machine| machine.id.clone()).collect()
    };
    let first = stage.ec2().launch(&request).await.unwrap();
    let again = stage.ec2().launch(&request).await.unwrap();
    assert_eq!(ids(&first), ids(&again));

    let other = LaunchRequest { storage_gb: 51, ..request.clone() };
    let error = stage.ec2().launch(&other).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("IdempotentParameterMismatch"));

    let elsewhere =
        LaunchRequest { token: request.token.clone(), ..stage.request(&ready, "b", 2).await };
    let elsewhere = LaunchRequest { tags: request.tags.clone(), ..elsewhere };
    let more = stage.ec2().launch(&elsewhere).await.unwrap();
    assert!(ids(&more).is_disjoint(&ids(&first)), "in another zone a token is another token");

    pass(10).await;
    stage.end(&stage.machines().await).await;
    let error = stage.ec2().launch(&request).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("IdempotentInstanceTerminated"));
    assert_eq!(error.class, Class::NewToken);
}

#[tokio::test(start_paused = true)]
async fn a_launch_whose_answer_was_lost_is_found_by_its_tags_and_its_token() {
    for trouble in ["cut_after", "silence_after", "garbled_after"] {
        let stage =
            Stage::play(&format!("calls: [{{ action: RunInstances, trouble: {trouble} }}]")).await;
        let ready = stage.ensure().await.unwrap();
        let request = stage.request(&ready, "a", 3).await;
        let error = stage.ec2().launch(&request).await.unwrap_err();
        assert_eq!(error.class, Class::Unknown, "{trouble}: {error}");
        assert_eq!(stage.calls("RunInstances"), 1, "{trouble}: never tried again by itself");
        pass(2).await;
        let found = stage.ec2().instances(&ours().made_by(&request.token)).await;
        assert_eq!(found.unwrap().len(), 3, "{trouble}");
        assert_eq!(stage.ec2().launch(&request).await.unwrap().len(), 3, "{trouble}");
        assert_eq!(stage.machines().await.len(), 3, "{trouble}: nothing was launched twice");
        stage.met_every_fault();
    }
}

#[tokio::test(start_paused = true)]
async fn a_persistent_request_launches_again_until_it_is_cancelled() {
    let stage = Stage::play("{}").await;
    let ready = stage.ensure().await.unwrap();
    let request = LaunchRequest {
        lifecycle: Lifecycle::PersistentSpot,
        ..stage.request(&ready, "a", 1).await
    };
    let first = stage.ec2().launch(&request).await.unwrap();
    pass(10).await;
    stage.ec2().terminate(&[first[0].id.clone()]).await;
    pass(120).await;
    let mut alive = stage.machines().await;
    alive.retain(Machine::is_alive);
    assert_eq!(alive.len(), 1, "it came back");
    assert_ne!(alive[0].id, first[0].id);
    assert_eq!(alive[0].birth.lifecycle, Lifecycle::PersistentSpot, "after a look, too");

    let behind = stage.requests().await;
    assert_eq!(behind[0].lifecycle, Lifecycle::PersistentSpot);
    stage.ec2().cancel_spot_requests(&[behind[0].id.clone()]).await.unwrap();
    stage.end(&alive).await;
    pass(300).await;
    assert!(stage.machines().await.iter().all(|machine| !machine.is_alive()));
}

#[tokio::test(start_paused = true)]
async fn some_instances_never_come_up() {
    let stage = Stage::play(
        "instances:
           - { region: us-west-2, nth: 2 }
           - { region: us-west-2, nth: 3, runs: true }",
    )
    .await;
    let ready = stage.ensure().await.unwrap();
    let made = stage.ec2().launch(&stage.request(&ready, "a", 3).await).await.unwrap();
    pass(60).await;
    let seen = stage.machines().await;
    let nth = |n: usize| seen.iter().find(|it| it.id == made[n].id).unwrap().clone();
    assert_eq!(nth(0).seen.state, Ec2State::Running);
    assert_eq!(nth(1).seen.state, Ec2State::Terminated);
    assert!(is_reason(&nth(1), "Server.InternalError"), "{:?}", nth(1));
    assert_eq!(nth(2).seen.state, Ec2State::Running);
    let console = stage.ec2().console_output(&made[2].id).await.unwrap().unwrap();
    assert!(console.contains("Kernel panic"), "{console}");
    assert!(!host_key_fingerprints(&console).is_final);
    stage.met_every_fault();
}

struct OneKey;

impl HostKeys for OneKey {
    fn fingerprint(&self, _: &InstanceId) -> Option<String> {
        Some("SHA256:0WnO0q1QFMlW3TxQyC1Gv5qPmXz0jfvAq8N1s0aJm7c".into())
    }
}

#[tokio::test(start_paused = true)]
async fn the_console_vouches_for_the_host_key() {
    let stage = Stage::play("{}").await;
    stage.world.set_host_keys(Arc::new(OneKey));
    let ready = stage.ensure().await.unwrap();
    let id = stage.ec2().launch(&stage.request(&ready, "a", 1).await).await.unwrap()[0].id.clone();
    pass(2).await;
    assert_eq!(stage.ec2().console_output(&id).await.unwrap(), None, "it has not printed yet");
    let own = "SHA256:0WnO0q1QFMlW3TxQyC1Gv5qPmXz0jfvAq8N1s0aJm7c".to_owned();
    pass(25).await;
    let console = stage.ec2().console_output(&id).await.unwrap().unwrap();
    let keys = host_key_fingerprints(&console);
    assert!(keys.fingerprints.contains(&own) && !keys.is_final, "made, and not done: {console}");
    assert!(!console.contains("-----BEGIN"), "{console}");
    pass(60).await;
    let console = stage.ec2().console_output(&id).await.unwrap().unwrap();
    let keys = host_key_fingerprints(&console);
    assert!(keys.fingerprints.contains(&own) && keys.is_final, "{console}");
    let order =
        ["login: ", "'modules:final'", "-----BEGIN SSH HOST KEY FINGERPRINTS", " finished at "];
    let places = order.map(|words| console.find(words).unwrap());
    assert!(places.is_sorted(), "{places:?} {console}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused_as_ec2_refuses_it() {
    let stage = Stage::play("spot_vcpus: 4").await;
    let ready = stage.ensure().await.unwrap();
    let good = stage.request(&ready, "a", 1).await;
    let (mut poor, mut wrong, mut old, mut keyless, mut many) =
        (good.clone(), good.clone(), good.clone(), good.clone(), good);
    poor.max_price = Some(0.001);
    wrong.machine_type = "t4g.medium".into();
    old.image = "ami-00000000000000000".into();
    keyless.key_name = Some("nobody".into());
    many.count = 5000;
    for (request, code) in [
        (poor, "SpotMaxPriceTooLow"),
        (wrong, "InvalidParameterValue"),
        (old, "InvalidAMIID.NotFound"),
        (keyless, "InvalidKeyPair.NotFound"),
        (many, "RequestLimitExceeded"),
    ] {
        let error = stage.ec2().launch(&request).await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some(code), "{error}");
        pass(1).await;
    }
    assert_eq!(stage.machines().await, [], "what is refused launches nothing");
    for letter in ["a", "b"] {
        pass(1).await;
        stage.ec2().launch(&stage.request(&ready, letter, 1).await).await.unwrap();
    }
    let error = stage.ec2().launch(&stage.request(&ready, "c", 1).await).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("MaxSpotInstanceCountExceeded"));
    stage.met_every_fault();
}
