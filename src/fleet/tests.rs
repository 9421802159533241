use std::collections::BTreeMap;

use super::market::{History, Quote};
use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub(crate) fn machine(id: &str, state: Ec2State) -> Machine {
    Machine {
        id: id.into(),
        machine_type: "t3.medium".into(),
        zone: "us-west-2a".into(),
        vpc: None,
        name: None,
        birth: Birth {
            lifecycle: Lifecycle::Spot,
            image: None,
            spot_request: None,
            launched: at(0),
            launch: None,
            creator: None,
            machine: None,
        },
        seen: Seen { state, state_reason: None, public_ip: None, private_ip: None, request: None },
    }
}

fn report(second: i64, news: News) -> Report {
    Report { job: JobId(1), at: at(second), news }
}

fn surveyed(second: i64, machines: Vec<Machine>) -> Report {
    report(second, News::Region("us-west-2".into(), RegionNews::Surveyed(machines)))
}

/// What became different, or the step that was refused.
fn apply(fleet: &mut Fleet, report: &Report) -> Result<Vec<Change>, IllegalStep> {
    let changes = fleet.apply(report, &"spot-1".into());
    let refused = changes.iter().find_map(|change| match change {
        Change::Refused(step) => Some(step.clone()),
        _ => None,
    });
    refused.map_or(Ok(changes), Err)
}

fn with_planned(key: &str) -> Fleet {
    let mut fleet = Fleet::default();
    fleet.insert(Instance::planned(key.into(), "us-west-2".into(), "spot-1".into(), at(0)));
    fleet
}

#[test]
fn a_look_adopts_what_it_finds_and_not_what_is_already_gone() {
    let mut fleet = Fleet::default();
    let found = vec![machine("i-1", Ec2State::Running), machine("i-2", Ec2State::Terminated)];
    apply(&mut fleet, &surveyed(1, found)).unwrap();
    assert_eq!(fleet.len(), 1);
    let adopted = fleet.by_id(&"i-1".into()).unwrap();
    assert_eq!(adopted.phase, Phase::Running);
    assert_eq!(adopted.deployment, DeploymentId::from("spot-1"));
}

#[test]
fn what_is_gone_is_told_when_its_row_is_taken_out_too() {
    let mut fleet = Fleet::default();
    apply(&mut fleet, &surveyed(1, vec![machine("i-1", Ec2State::Running)])).unwrap();
    assert!(fleet.gone().is_empty());
    apply(&mut fleet, &surveyed(2, vec![machine("i-1", Ec2State::Terminated)])).unwrap();
    let gone = BTreeSet::from(["i-1".into()]);
    assert_eq!(fleet.gone(), gone);
    let key = fleet.by_id(&"i-1".into()).unwrap().key.clone();
    fleet.remove(&key);
    assert_eq!(fleet.gone(), gone);
}

#[test]
fn a_row_that_was_adopted_too_early_gives_way_to_the_planned_one() {
    let mut fleet = with_planned("us-west-2/l#0");
    apply(&mut fleet, &surveyed(1, vec![machine("i-1", Ec2State::Pending)])).unwrap();
    assert_eq!(fleet.len(), 2);
    let seen = InstanceNews::Seen(Box::new(machine("i-1", Ec2State::Pending)));
    apply(&mut fleet, &report(2, News::Instance("us-west-2/l#0".into(), seen))).unwrap();
    assert_eq!(fleet.len(), 1);
    assert_eq!(fleet.by_id(&"i-1".into()).unwrap().key, "us-west-2/l#0".into());
}

#[test]
fn attack_2_a_row_is_gone_when_ec2_does_not_know_its_id_and_not_because_a_look_is_silent() {
    let mut fleet = Fleet::default();
    apply(&mut fleet, &surveyed(1, vec![machine("i-1", Ec2State::Running)])).unwrap();
    apply(&mut fleet, &surveyed(3600, vec![])).unwrap();
    assert!(fleet.by_id(&"i-1".into()).unwrap().is_alive());
    let vanished = RegionNews::Vanished(vec!["i-1".into()]);
    apply(&mut fleet, &report(3601, News::Region("us-west-2".into(), vanished))).unwrap();
    assert_eq!(fleet.by_id(&"i-1".into()).unwrap().phase, Phase::Terminated);
}

#[test]
fn a_look_never_takes_a_deployment_back_to_running() {
    let mut fleet = with_planned("k");
    let row = |news| News::Instance("k".into(), news);
    for phase in [Phase::Requesting, Phase::Pending, Phase::Running, Phase::Connecting] {
        apply(&mut fleet, &report(1, row(InstanceNews::Entered(phase)))).unwrap();
    }
    let seen = InstanceNews::Seen(Box::new(machine("i-1", Ec2State::Running)));
    apply(&mut fleet, &report(2, row(seen))).unwrap();
    assert_eq!(fleet.get(&"k".into()).unwrap().phase, Phase::Connecting);
}

#[test]
fn an_illegal_step_is_refused_and_the_last_good_phase_stays() {
    let mut fleet = with_planned("k");
    let row = |news| News::Instance("k".into(), news);
    apply(&mut fleet, &report(1, row(InstanceNews::Entered(Phase::Terminating)))).unwrap();
    let refused =
        apply(&mut fleet, &report(2, row(InstanceNews::Entered(Phase::Ready)))).unwrap_err();
    assert_eq!(refused.to_string(), "k: Terminating cannot become Ready");
    assert_eq!(fleet.get(&"k".into()).unwrap().phase, Phase::Terminating);
}

#[test]
fn an_end_that_aws_chose_is_an_interruption() {
    let mut fleet = Fleet::default();
    apply(&mut fleet, &surveyed(1, vec![machine("i-1", Ec2State::Running)])).unwrap();
    let mut taken = machine("i-1", Ec2State::ShuttingDown);
    taken.seen.state_reason = Some("Server.SpotInstanceTermination".into());
    apply(&mut fleet, &surveyed(2, vec![taken])).unwrap();
    assert_eq!(fleet.by_id(&"i-1".into()).unwrap().phase, Phase::Interrupted { at: None });
}

#[test]
fn the_timeline_keeps_each_phase_once() {
    let mut fleet = with_planned("k");
    let row = |news| News::Instance("k".into(), news);
    for (second, sent) in [(1, 0), (2, 5), (3, 10)] {
        let phase = Phase::Uploading(Transfer { sent, total: 10 });
        apply(&mut fleet, &report(second, row(InstanceNews::Entered(phase)))).unwrap();
    }
    let instance = fleet.get(&"k".into()).unwrap();
    assert_eq!(instance.timeline.len(), 2);
    assert_eq!(instance.since, at(1));
    assert_eq!(instance.phase, Phase::Uploading(Transfer { sent: 10, total: 10 }));
}

#[test]
fn a_planned_instance_may_be_stopping_when_it_is_first_seen() {
    for (state, phase) in
        [(Ec2State::Stopping, Phase::Stopping), (Ec2State::Stopped, Phase::Stopped)]
    {
        let mut fleet = with_planned("k");
        let seen = InstanceNews::Seen(Box::new(machine("i-1", state)));
        apply(&mut fleet, &report(1, News::Instance("k".into(), seen))).unwrap();
        assert_eq!(fleet.get(&"k".into()).unwrap().phase, phase);
    }
}

#[test]
fn a_report_answers_what_became_different() {
    let mut fleet = with_planned("k");
    let seen = InstanceNews::Seen(Box::new(machine("i-1", Ec2State::Pending)));
    let seen = report(1, News::Instance("k".into(), seen));
    let entered = Change::Entered { key: "k".into(), from: Phase::Planned, to: Phase::Pending };
    let changes = apply(&mut fleet, &seen).unwrap();
    assert_eq!(changes, [Change::Launched("k".into()), entered]);
    assert_eq!(apply(&mut fleet, &seen), Ok(Vec::new()), "the same again is no change");
    let two = vec![machine("i-1", Ec2State::Pending), machine("i-2", Ec2State::Running)];
    let changes = apply(&mut fleet, &surveyed(2, two)).unwrap();
    assert_eq!(changes, [Change::Adopted("i-2".into())]);
}

#[test]
fn what_a_machine_was_born_with_outlives_a_look() {
    let mut fleet = with_planned("k");
    let mut born = machine("i-1", Ec2State::Running);
    (born.birth.lifecycle, born.birth.launch) = (Lifecycle::PersistentSpot, Some("l".into()));
    let seen = |machine| News::Instance("k".into(), InstanceNews::Seen(Box::new(machine)));
    apply(&mut fleet, &report(1, seen(born.clone()))).unwrap();
    // DescribeInstances says `spot` of both kinds, and its launch time is that of the last start.
    let mut later = machine("i-1", Ec2State::Running);
    later.birth.launched = at(500);
    let changes = apply(&mut fleet, &surveyed(501, vec![later])).unwrap();
    assert_eq!(fleet.get(&"k".into()).unwrap().machine.as_ref(), Some(&born));
    assert_eq!(changes, []);
}

#[test]
fn what_fails_ec2_s_checks_does_not_work_whatever_it_says_of_itself() {
    let mut fleet = Fleet::default();
    let running = machine("i-1", Ec2State::Running);
    apply(&mut fleet, &surveyed(1, vec![running])).unwrap();
    let key = fleet.by_id(&"i-1".into()).unwrap().key.clone();
    let phase = |fleet: &Fleet| fleet.get(&key).unwrap().phase.clone();
    let enter = |fleet: &mut Fleet, phase: Phase| {
        let news = News::Instance(key.clone(), InstanceNews::Entered(phase));
        apply(fleet, &report(2, news)).unwrap()
    };
    let checks = |fleet: &mut Fleet, failed: &[StatusCheck]| {
        let failed = failed.iter().map(|check| FailedCheck { check: *check, since: None });
        let all = [(InstanceId::from("i-1"), failed.collect::<Vec<_>>())];
        let all = all.into_iter().filter(|(_, failed)| !failed.is_empty()).collect();
        let news = News::Region("us-west-2".into(), RegionNews::StatusChecks(all));
        apply(fleet, &report(3, news)).unwrap()
    };
    // On its way up it is not judged.
    enter(&mut fleet, Phase::Verifying);
    checks(&mut fleet, &[StatusCheck::Instance]);
    assert_eq!(phase(&fleet), Phase::Verifying);
    let reason = "EC2's instance status check fails".to_owned();
    enter(&mut fleet, Phase::Ready);
    assert_eq!(phase(&fleet), Phase::Degraded { reason: reason.clone() });
    // The node's own trouble comes and goes beside it.
    enter(&mut fleet, Phase::Degraded { reason: "no sensor".into() });
    assert_eq!(phase(&fleet), Phase::Degraded { reason: format!("no sensor; {reason}") });
    checks(&mut fleet, &[]);
    assert_eq!(phase(&fleet), Phase::Degraded { reason: "no sensor".into() });
    enter(&mut fleet, Phase::Ready);
    checks(&mut fleet, &[StatusCheck::System]);
    assert_eq!(phase(&fleet).word(), "Degraded");
    let changes = checks(&mut fleet, &[]);
    assert_eq!(phase(&fleet), Phase::Ready);
    assert!(changes.iter().any(|it| matches!(it, Change::Entered { to: Phase::Ready, .. })));
}

/// Sixty days of hours in which the price changed twelve times, posted at once by who comes back: by
/// the hour they come to the same, whether their prices were known then or are told later.
#[test]
fn what_ran_unseen_for_months_is_a_few_entries_and_costs_the_same() {
    const HOURS: i64 = 60 * 24;
    let quote = |change: u8| Quote {
        since: at(i64::from(change) * 432_345),
        usd: 0.01 + f64::from(change * 7 % 5) / 1000.0,
    };
    let history = History::new((0..12).map(quote));
    let usd_at = |hour: i64| history.at(at(hour * 3600)).unwrap().usd;
    let by_the_hour = (0..HOURS).map(usd_at).sum::<f64>() + usd_at(HOURS) / 6.0;
    let pool = machine("i-1", Ec2State::Running).pool();
    let prices = RegionPrices { spot: [(pool, history.clone())].into(), ..RegionPrices::default() };
    let now = at(HOURS * 3600 + 600);
    for is_known in [true, false] {
        let mut fleet = Fleet::default();
        let told = report(0, News::Region("us-west-2".into(), RegionNews::Prices(prices.clone())));
        if is_known {
            apply(&mut fleet, &told).unwrap();
        }
        let look = Report { at: now, ..surveyed(0, vec![machine("i-1", Ec2State::Running)]) };
        apply(&mut fleet, &look).unwrap();
        let mut lines = fleet.post(now, |_, _| BTreeMap::new());
        assert!(lines.len() < 100, "{}", lines.len());
        if !is_known {
            apply(&mut fleet, &told).unwrap();
            lines.extend(fleet.post(now, |_, _| BTreeMap::new()));
        }
        lines.extend(fleet.open_hours(now, |_, _| BTreeMap::new()));
        let compute = |lines: Vec<LedgerLine>| {
            let spending = Spending::of(&Entries::of(lines), &Grouping::Thing);
            (spending.groups["compute"].total().usd, spending.groups["compute"].hours)
        };
        let (usd, hours) = compute(lines.clone());
        assert!((usd - by_the_hour).abs() < 1e-9, "{is_known}: {usd} {by_the_hour}");
        assert!((hours - 1440.0 - 1.0 / 6.0).abs() < 1e-9, "{hours}");
        assert_eq!(fleet.ledger().days().len(), 61);
        // A later process that comes back has what was open then in its entries.
        let later = at(HOURS * 3600 + 72 * 3600);
        let mut fleet = Fleet::default();
        apply(&mut fleet, &look).unwrap();
        fleet.take_over(lines.clone());
        apply(&mut fleet, &told).unwrap();
        lines.extend(fleet.post(later, |_, _| BTreeMap::new()));
        let (_, hours) = compute(lines);
        assert!((hours - 1440.0 - 72.0).abs() < 1e-9, "{hours}");
    }
}
