//! The fault sweep: each action that a full run calls, and each way in which a call goes wrong.
//! Whatever happens, every instance ends as Ready or says why it did not, and a destroy leaves
//! nothing.
//!
//! `make test` tells a few of these stories, `make sweep` all of them, and prints the table.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use spot_tui::demo::{CallFault, Scenario, Trouble};
use spot_tui::fleet::Phase;

use crate::support::stage::Stage;
use crate::support::strangers::Strangers;

const ONE: &str =
    "regions: [ { us-west-2: { machine_type: t3.medium, instances_per_region: 1 } } ]";

/// How a call goes wrong.
fn troubles() -> [(&'static str, Trouble); 8] {
    let error = |status, code: &str| Trouble::Error {
        status,
        code: code.to_owned(),
        message: "made up".to_owned(),
    };
    [
        ("throttled", Trouble::Throttle),
        ("500", error(500, "InternalError")),
        ("timeout", Trouble::SilenceBefore),
        ("cut", Trouble::CutBefore),
        ("cut after", Trouble::CutAfter),
        ("denied", error(403, "UnauthorizedOperation")),
        ("not found", error(400, "InvalidMadeUp.NotFound")),
        ("dependency", error(400, "DependencyViolation")),
    ]
}

/// The actions that a full run calls, from its call log.
async fn actions() -> Vec<String> {
    let mut stage = Stage::set(ONE, Scenario::default());
    stage.create(0).await;
    stage.destroy().await;
    assert_eq!(stage.left().await, 0);
    let called: BTreeSet<String> =
        stage.cloud.world.calls().into_iter().map(|call| call.action).collect();
    called.into_iter().collect()
}

/// How an instance has ended: as Ready, or with a reason why not.
fn end(phase: &Phase) -> Option<String> {
    match phase {
        Phase::Ready => Some("Ready".to_owned()),
        Phase::Failed(failure) if !failure.reason.is_empty() => {
            Some(format!("Failed at {}", failure.step))
        }
        Phase::Degraded { reason } if !reason.is_empty() => Some("Degraded".to_owned()),
        _ => None,
    }
}

/// What became of a run in which one call of this action goes wrong.
async fn play(action: &str, trouble: Trouble) -> Result<String, String> {
    // Strangers call before we do.
    let nth = Strangers::calls(action) + 1;
    let fault = CallFault { action: action.to_owned(), region: None, nth, count: 1, trouble };
    let scenario = Scenario { calls: vec![fault], ..Scenario::default() };
    let mut stage = Stage::set(ONE, scenario);
    let strangers = Strangers::settle(&stage.cloud.world, "us-west-2").await;
    stage.create(0).await;
    let mut ends = BTreeSet::new();
    for instance in stage.model().fleet.instances() {
        let end = end(&instance.phase);
        ends.insert(end.ok_or_else(|| format!("an instance has no end:\n{}", stage.log()))?);
    }
    let mut destroys = 0;
    while destroys == 0 || destroys < 2 && stage.left().await > 0 {
        stage.destroy().await;
        destroys += 1;
    }
    if stage.left().await > 0 {
        return Err(format!("something is left:\n{}", stage.log()));
    }
    if !stage.unmet().is_empty() {
        return Err("the fault never came".to_owned());
    }
    strangers.assert_there().await;
    let end = ends.into_iter().collect::<Vec<_>>().join(", ");
    Ok(if destroys > 1 { format!("{end}; destroy twice") } else { end })
}

#[tokio::test(start_paused = true)]
async fn a_few_faults_of_every_kind_leave_nothing() {
    // One for each kind, at the calls that make and unmake the most.
    let actions = ["CreateVpc", "RunInstances", "DescribeInstances", "TerminateInstances"];
    let cases = troubles().into_iter().zip(actions.into_iter().cycle());
    for ((name, trouble), action) in cases {
        if let Err(why) = Box::pin(play(action, trouble)).await {
            panic!("{action}, {name}: {why}");
        }
    }
}

/// Each case has a world and a clock of its own, so that as many go on at once as there are cores.
fn play_all(actions: &[String]) -> Vec<(String, &'static str, Result<String, String>)> {
    let cases: Vec<_> = actions
        .iter()
        .flat_map(|action| troubles().map(|(name, trouble)| (action.clone(), name, trouble)))
        .collect();
    let (next, played) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some((action, name, trouble)) =
                    cases.get(next.fetch_add(1, Ordering::SeqCst))
                {
                    let story = || on_a_paused_clock(play(action, trouble.clone()));
                    let told = catch_unwind(AssertUnwindSafe(story));
                    let told = told.unwrap_or_else(|_| Err("it ended in a panic".to_owned()));
                    played.lock().unwrap().push((action.clone(), *name, told));
                }
            });
        }
    });
    played.into_inner().unwrap()
}

fn on_a_paused_clock<T>(story: impl Future<Output = T>) -> T {
    let mut clock = tokio::runtime::Builder::new_current_thread();
    clock.enable_all().start_paused(true).build().unwrap().block_on(story)
}

#[test]
#[ignore = "minutes: make sweep"]
fn every_fault_of_every_action_leaves_nothing() {
    let mut played = play_all(&on_a_paused_clock(actions()));
    played.sort();
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut wrong, mut out) = (Vec::new(), std::io::stdout());
    for (action, name, told) in &played {
        let outcome = told.as_ref().map_or_else(
            |why| {
                wrong.push(format!("{action}, {name}: {why}"));
                "WRONG"
            },
            String::as_str,
        );
        // With --nocapture it is what `make sweep` shows.
        writeln!(out, "{action:32} {name:12} {outcome}").unwrap();
        *outcomes.entry(outcome).or_default() += 1;
    }
    for (outcome, count) in &outcomes {
        writeln!(out, "{count:4}  {outcome}").unwrap();
    }
    writeln!(out, "cases {}, wrong {}", played.len(), wrong.len()).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
