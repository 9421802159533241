//! Spot requests as AWS shows them: taken back, stopped by AWS, stopped by the user.

use spot_tui::fleet::{Ec2State, Notice};

use super::*;

/// Whatever boto3 or the AWS console does besides us, as a form, in the user's name.
pub(super) fn change(stage: &Stage, action: &str, id: &str) -> String {
    stage.ask(&format!("Action={action}&InstanceId.1={id}"))
}

/// One persistent machine that runs.
pub(super) async fn persistent(story: &str) -> (Stage, Machine) {
    let stage = Stage::play(story).await;
    let ready = stage.ensure().await.unwrap();
    let request = LaunchRequest {
        lifecycle: Lifecycle::PersistentSpot,
        ..stage.request(&ready, "a", 1).await
    };
    stage.ec2().launch(&request).await.unwrap();
    pass(10).await;
    let machine = stage.machines().await.remove(0);
    assert_eq!(machine.seen.state, Ec2State::Running);
    (stage, machine)
}

/// Who is taken back, of those that are known as running.
async fn notices(stage: &Stage) -> Vec<Notice> {
    let known = stage.machines().await.into_iter().map(|machine| machine.id).collect();
    stage.ec2().notices(&ours(), &known, stage.world.clock().now()).await.unwrap()
}

async fn state(stage: &Stage) -> (Ec2State, String, String) {
    let request = stage.requests().await.remove(0);
    (stage.machines().await[0].seen.state, request.state, request.status)
}

fn is(seen: &(Ec2State, String, String), state: Ec2State, request: &str, status: &str) -> bool {
    (seen.0, seen.1.as_str(), seen.2.as_str()) == (state, request, status)
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_back_has_a_closed_request_and_runs_for_two_minutes() {
    for (status, told) in [
        ("no_capacity", "instance-terminated-no-capacity"),
        ("by_price", "instance-terminated-by-price"),
        ("capacity_oversubscribed", "instance-terminated-capacity-oversubscribed"),
    ] {
        let story = format!("interruptions: [{{ at_s: 300, count: 2, status: {status} }}]");
        let stage = Stage::play(&story).await;
        let ready = stage.ensure().await.unwrap();
        stage.ec2().launch(&stage.request(&ready, "a", 3).await).await.unwrap();
        assert_eq!(notices(&stage).await, []);
        stage.at(310).await;
        let closed: Vec<String> = stage
            .requests()
            .await
            .into_iter()
            .filter(|it| it.state == "closed")
            .map(|it| it.status)
            .collect();
        assert_eq!(closed, [told, told]);
        assert!(
            stage.machines().await.iter().all(|it| it.seen.state == Ec2State::Running),
            "{status}"
        );
        let told = notices(&stage).await;
        let ends = origin().at + jiff::SignedDuration::from_secs(420);
        assert_eq!(told.iter().map(|it| it.ends).collect::<Vec<_>>(), [Some(ends); 2]);

        stage.at(421).await;
        let machines = stage.machines().await;
        let taken: Vec<&Machine> =
            machines.iter().filter(|it| it.seen.state == Ec2State::ShuttingDown).collect();
        assert_eq!(taken.len(), 2, "{status}");
        for machine in taken {
            let reason = machine.seen.state_reason.as_deref().unwrap_or_default();
            assert!(reason.starts_with("Server.SpotInstanceTermination"), "{reason}");
        }
        assert_eq!(notices(&stage).await, [], "it is over");
        stage.met_every_fault();
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_marked_stays_active_until_the_end() {
    let stage = Stage::play("interruptions: [{ at_s: 300, status: marked }]").await;
    let ready = stage.ensure().await.unwrap();
    stage.ec2().launch(&stage.request(&ready, "a", 1).await).await.unwrap();
    stage.at(310).await;
    assert!(is(&state(&stage).await, Ec2State::Running, "active", "marked-for-termination"));
    assert_eq!(notices(&stage).await.len(), 1);
    stage.at(480).await;
    let seen = state(&stage).await;
    assert!(
        is(&seen, Ec2State::Terminated, "closed", "instance-terminated-no-capacity"),
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reclaim_may_have_no_reason() {
    let stage = Stage::play("interruptions: [{ at_s: 300, reason: none }]").await;
    let ready = stage.ensure().await.unwrap();
    stage.ec2().launch(&stage.request(&ready, "a", 1).await).await.unwrap();
    stage.at(425).await;
    let body = stage.ask("Action=DescribeInstances");
    assert!(!body.contains("stateReason"), "{body}");
    assert!(
        body.contains("<reason>Service initiated (2026-11-20 09:07:00 GMT)</reason>"),
        "{body}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_by_the_user_is_no_notice_and_its_request_is_disabled_some_time_later() {
    let (stage, machine) = persistent("{}").await;
    let answer = change(&stage, "StopInstances", machine.id.as_str());
    assert!(answer.contains("stopping"), "{answer}");
    assert!(is(&state(&stage).await, Ec2State::Stopping, "active", "marked-for-stop"));
    assert_eq!(notices(&stage).await, [], "nobody takes it back");

    stage.until("stopped", |state| state.0 == Ec2State::Stopped).await;
    assert!(is(&state(&stage).await, Ec2State::Stopped, "active", "instance-stopped-by-user"));
    let early = change(&stage, "StartInstances", machine.id.as_str());
    assert!(early.contains("IncorrectSpotRequestState"), "{early}");
    assert!(early.contains("is not in an appropriate state to support start."), "{early}");

    stage.until("disabled", |state| state.1 == "disabled").await;
    change(&stage, "StartInstances", machine.id.as_str());
    assert!(is(&state(&stage).await, Ec2State::Pending, "open", "pending-evaluation"));
    stage.until("running", |state| state.0 == Ec2State::Running).await;
    assert!(is(&state(&stage).await, Ec2State::Running, "active", "fulfilled"));
    let again = stage.machines().await.remove(0);
    assert_eq!(again.id, machine.id);
    assert!(
        again.birth.launched > machine.birth.launched,
        "its launch time is that of the last start"
    );
    assert_ne!(again.seen.public_ip, machine.seen.public_ip);
}

#[tokio::test(start_paused = true)]
async fn what_aws_stopped_only_aws_starts() {
    let story = "interruptions: [{ at_s: 300, back_after_s: 600 }]";
    let (stage, machine) = persistent(story).await;
    stage.at(310).await;
    assert!(is(&state(&stage).await, Ec2State::Running, "active", "marked-for-stop"));
    assert_eq!(notices(&stage).await.len(), 1);
    stage.until("stopped", |state| state.0 == Ec2State::Stopped).await;
    let seen = state(&stage).await;
    assert!(is(&seen, Ec2State::Stopped, "disabled", "instance-stopped-no-capacity"), "{seen:?}");
    let reason = stage.machines().await[0].seen.state_reason.clone();
    assert!(reason.is_some_and(|it| it.starts_with("Server.SpotInstanceShutdown")));
    let refused = change(&stage, "StartInstances", machine.id.as_str());
    assert!(refused.contains("Only Amazon EC2 can restart"), "{refused}");
    stage.until("back", |state| state.0 == Ec2State::Running).await;
    assert_eq!(stage.machines().await[0].id, machine.id);
    stage.met_every_fault();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_cancelled_while_it_is_stopped_ends_its_instance() {
    let (stage, machine) = persistent("{}").await;
    change(&stage, "StopInstances", machine.id.as_str());
    stage.until("disabled", |state| state.1 == "disabled").await;
    let request = stage.requests().await.remove(0);
    stage.ec2().cancel_spot_requests(&[request.id]).await.unwrap();
    assert_eq!(state(&stage).await.0, Ec2State::Stopped, "not at once");
    stage.until("ended", |state| state.0 == Ec2State::Terminated).await;
    let seen = state(&stage).await;
    assert!(
        is(&seen, Ec2State::Terminated, "cancelled", "instance-terminated-by-service"),
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_cancelled_while_it_runs_cannot_be_stopped() {
    let (stage, machine) = persistent("{}").await;
    let request = stage.requests().await.remove(0);
    stage.ec2().cancel_spot_requests(&[request.id]).await.unwrap();
    let refused = change(&stage, "StopInstances", machine.id.as_str());
    assert!(refused.contains("IncorrectSpotRequestState"), "{refused}");
}

impl Stage {
    /// Waits until this second of the world.
    async fn at(&self, second: u64) {
        let passed = self.world.clock().now().duration_since(self.world.clock().base()).as_secs();
        pass(second.saturating_sub(u64::try_from(passed).unwrap())).await;
    }

    /// Waits for a state of the instance and its request, for a quarter of an hour.
    async fn until(&self, what: &str, is_so: impl Fn(&(Ec2State, String, String)) -> bool) {
        for _ in 0..900 {
            if is_so(&state(self).await) {
                return;
            }
            pass(1).await;
        }
        panic!("never {what}: {:?}", state(self).await);
    }
}
