use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::aws::{Access, scripted};
use crate::fleet::tests::machine;
use crate::fleet::{Ec2State, InstanceKey, InstanceNews, JobId, News};
use crate::jobs::context::{ContextSettings, Pace};
use crate::store::{Cache, Intent, Journal, Paths};

fn described(state: &str) -> String {
    let tags = [("ManagedBy", "spot-tui"), ("DeploymentId", "spot-1")];
    scripted::instance("i-late", state, &tags)
}

/// An EC2 that tells of an instance only at the fourth look, until it is terminated.
async fn late_instance() -> (Ec2, scripted::Calls) {
    let (looks, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    scripted::ec2(move |call| {
        let action = call.split('&').next().unwrap_or_default().trim_start_matches("Action=");
        let is_over = ended.load(Ordering::SeqCst) > 0;
        let inside = match action {
            "DescribeInstances" if looks.fetch_add(1, Ordering::SeqCst) < 3 => String::new(),
            "DescribeInstances" if !is_over => described("running"),
            "DescribeInstances" if !call.contains("instance-state-name") => described("terminated"),
            "TerminateInstances" => {
                ended.fetch_add(1, Ordering::SeqCst);
                String::new()
            }
            _ => String::new(),
        };
        (200, format!("<{action}Response>{inside}</{action}Response>"))
    })
    .await
}

fn context(journal: Journal) -> Arc<Context> {
    let (asker, _questions) = crate::jobs::questions();
    let busy = Duration::from_millis(1);
    Arc::new(Context::new(ContextSettings {
        journal: Some(Arc::new(journal)),
        pace: Pace { busy, consistency: Duration::from_millis(500), ..Pace::default() },
        ..ContextSettings::new("spot-1".into(), Access::default(), Cache::new("unused"), asker)
    }))
}

#[tokio::test]
async fn what_an_unanswered_launch_made_is_waited_for_and_ended() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&Paths::new(folder.path().join("instances.json"))).unwrap();
    let intent = |region: &str| Intent {
        action: crate::jobs::intents::actions::RUN_INSTANCES.into(),
        region: region.into(),
        deployment: "spot-1".into(),
        launch: Some("l-1".into()),
        request: serde_json::Value::Null,
    };
    journal.record(&intent("us-west-2"), Timestamp::now()).unwrap();
    journal.record(&intent("eu-west-1"), Timestamp::now()).unwrap();
    let context = context(journal);
    let (ec2, calls) = late_instance().await;
    let (report_sender, _receiver) =
        crate::jobs::report_channel(crate::aws::SharedTimeSource::default());
    let reporter = report_sender.reporter(JobId(1));
    let target = DestroyTarget::Deployment("spot-1".into());
    let destruction = Destruction::new(Arc::clone(&context), ec2, reporter, target);
    assert_eq!(destruction.empty().await, 0);
    let calls = calls.lock().unwrap();
    assert!(
        calls.iter().any(|call| call.contains("TerminateInstances") && call.contains("i-late")),
        "{calls:?}"
    );
    let open = context.journal().unwrap().unresolved();
    let regions: Vec<&str> = open.iter().map(|(.., it)| it.region.as_str()).collect();
    assert_eq!(regions, ["eu-west-1"], "each region closes its own");
}

#[tokio::test]
async fn attack_13_a_call_from_the_future_is_waited_for_as_long_as_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths::new(folder.path().join("instances.json"));
    let intent = Intent {
        action: crate::jobs::intents::actions::RUN_INSTANCES.into(),
        region: "us-west-2".into(),
        deployment: "spot-1".into(),
        launch: Some("l-1".into()),
        request: serde_json::Value::Null,
    };
    let next_year = Timestamp::now() + jiff::SignedDuration::from_hours(365 * 24);
    Journal::open(&paths).unwrap().record(&intent, next_year).unwrap();
    let context = context(Journal::open(&paths).unwrap());
    let nothing = |call: &str| {
        let action = call.split('&').next().unwrap_or_default().trim_start_matches("Action=");
        (200, format!("<{action}Response></{action}Response>"))
    };
    let (ec2, _calls) = scripted::ec2(move |call| nothing(call)).await;
    let (report_sender, _receiver) =
        crate::jobs::report_channel(crate::aws::SharedTimeSource::default());
    let target = DestroyTarget::Deployment("spot-1".into());
    let destruction =
        Destruction::new(Arc::clone(&context), ec2, report_sender.reporter(JobId(1)), target);
    let ended = tokio::time::timeout(20 * context.pace.consistency, destruction.empty()).await;
    assert_eq!(ended, Ok(0), "over after its window");
}

/// An EC2 that ends instances and tells nobody what there is.
async fn silent() -> (Ec2, scripted::Calls) {
    scripted::ec2(|call| {
        let action = call.split('&').next().unwrap_or_default().trim_start_matches("Action=");
        match action {
            "DescribeInstances" => {
                let error =
                    "<Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error>";
                (403, format!("<Response><Errors>{error}</Errors></Response>"))
            }
            action => (200, format!("<{action}Response></{action}Response>")),
        }
    })
    .await
}

#[tokio::test]
async fn attack_6_who_may_not_look_ends_what_is_known_by_its_id_and_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&Paths::new(folder.path().join("instances.json"))).unwrap();
    let context = context(journal);
    let entry = serde_json::json!({
        "id": "i-0123456789abcdef0", "region": "us-west-2", "state": "running",
        "deployment_id": "spot-1", "created": "2026-11-20T09:00:00Z",
    });
    let entry: crate::store::StoredInstance = serde_json::from_value(entry).unwrap();
    context.remember(&entry.instance(Timestamp::now()));
    let (ec2, calls) = silent().await;
    let (report_sender, mut report_receiver) =
        crate::jobs::report_channel(crate::aws::SharedTimeSource::default());
    let target = DestroyTarget::Deployment("spot-1".into());
    let destruction =
        Destruction::new(Arc::clone(&context), ec2, report_sender.reporter(JobId(1)), target);
    let patience = 20 * context.pace.consistency;
    let failed = tokio::time::timeout(patience, destruction.empty()).await.unwrap();
    assert_eq!(failed, 1, "nobody knows what else there is");
    let ends = |call: &&String| call.contains("TerminateInstances") && call.contains("i-0123");
    assert!(calls.lock().unwrap().iter().any(|call| ends(&call)), "it is ended all the same");
    let said: Vec<String> = std::iter::from_fn(|| report_receiver.try_next())
        .map(|report| format!("{:?}", report.news))
        .filter(|news| news.contains("not seen to end"))
        .collect();
    assert_eq!(said.len(), 1, "{said:?}");
    let open = context.journal().unwrap().unresolved();
    assert_eq!(open.len(), 1, "the next destroy goes on with it: {open:?}");
}

/// An EC2 that refuses so many cancellations with this. It tells which requests there are where it
/// may: the one of i-back is persistent.
async fn clinging(code: &'static str, times: usize, tells: bool) -> (Ec2, scripted::Calls) {
    let asked = AtomicUsize::new(0);
    let request = |name: &str, kind: &str| {
        format!(
            "<item><spotInstanceRequestId>sir-{name}</spotInstanceRequestId><state>active</state>\
             <type>{kind}</type><instanceId>i-{name}</instanceId><tagSet><item><key>ManagedBy</key>\
             <value>spot-tui</value></item></tagSet></item>"
        )
    };
    let requests = [request("back", "persistent"), request("once", "one-time")].concat();
    let requests = format!("<spotInstanceRequestSet>{requests}</spotInstanceRequestSet>");
    scripted::ec2(move |call| {
        let action = call.split('&').next().unwrap_or_default().trim_start_matches("Action=");
        let inside = match action {
            "CancelSpotInstanceRequests" if asked.fetch_add(1, Ordering::SeqCst) < times => {
                return scripted::refusal(code);
            }
            "DescribeSpotInstanceRequests" if !tells => {
                return scripted::refusal("UnauthorizedOperation");
            }
            "DescribeSpotInstanceRequests" => requests.as_str(),
            _ => "",
        };
        (200, format!("<{action}Response>{inside}</{action}Response>"))
    })
    .await
}

/// What ends of i-back and i-once, how much failed, and which rows failed why.
async fn ended(
    (ec2, calls): (Ec2, scripted::Calls),
) -> (BTreeSet<InstanceId>, usize, Vec<(InstanceKey, Failure)>) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&Paths::new(folder.path().join("instances.json"))).unwrap();
    let context = context(journal);
    let mut known = machine("i-back", Ec2State::Running);
    known.birth.lifecycle = Lifecycle::PersistentSpot;
    known.birth.spot_request = Some("sir-back".into());
    context.known().note(ec2.region(), &"spot-1".into(), &[known]);
    let (report_sender, mut report_receiver) =
        crate::jobs::report_channel(crate::aws::SharedTimeSource::default());
    let target = DestroyTarget::Deployment("spot-1".into());
    let destruction =
        Destruction::new(Arc::clone(&context), ec2, report_sender.reporter(JobId(1)), target);
    let terminations = ["back", "once"].map(|name| Termination {
        key: name.into(),
        id: format!("i-{name}").into(),
        spot_request: Some(format!("sir-{name}").into()),
    });
    let (ending, failed) = destruction.terminate(&terminations).await;
    let calls = calls.lock().unwrap();
    for id in ["i-back", "i-once"] {
        let ends = |call: &String| call.contains("Action=TerminateInstances") && call.contains(id);
        assert_eq!(
            calls.iter().any(ends),
            ending.contains(&InstanceId::from(id)),
            "{id}: {calls:?}"
        );
    }
    let reports = std::iter::from_fn(|| report_receiver.try_next());
    let failures = reports.filter_map(|report| match report.news {
        News::Instance(key, InstanceNews::Entered(Phase::Failed(failure))) => Some((key, failure)),
        _ => None,
    });
    (ending, failed, failures.collect())
}

#[tokio::test(start_paused = true)]
async fn what_a_persistent_request_would_launch_again_is_not_ended_before_that_is_cancelled() {
    for tells in [true, false] {
        let ec2 = clinging("UnauthorizedOperation", usize::MAX, tells).await;
        let (ending, failed, failures) = ended(ec2).await;
        let once = BTreeSet::from([InstanceId::from("i-once")]);
        assert_eq!((ending, failed), (once, 1), "the other one ends");
        let [(key, failure)] = failures.as_slice() else { panic!("{failures:?}") };
        assert_eq!((key, failure.kind), (&InstanceKey::from("back"), FailureKind::Permission));
        for part in ["persistent", "UnauthorizedOperation"] {
            assert!(failure.reason.contains(part), "{failure}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_that_is_throttled_is_asked_for_again() {
    let (ending, failed, failures) = ended(clinging("RequestLimitExceeded", 10, true).await).await;
    assert_eq!((ending.len(), failed, failures), (2, 0, Vec::new()));
}
