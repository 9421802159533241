//! What may be launched, and what is ended because it costs too much or for too long.

use std::collections::BTreeSet;

use super::*;
use crate::app::{Action, Aim, CreatePlan};
use crate::config::{AtCap, AtLifetime, Budget, CpuCredits, InstanceRequirements, Replace};
use crate::fleet::market::{History, PriceList, Quote};
use crate::fleet::{LaunchId, Notice, PendingCreate, Pool, RegionPrices};

pub(super) const WEST: &str = REGIONS[0];

pub(super) fn with(change: impl FnOnce(&mut Config)) -> Opening {
    let mut config = config();
    change(&mut config);
    Opening { config: Some(Arc::new(config)), ..opening(true) }
}

fn limited(budget: Budget) -> Model {
    Model::new(with(|config| config.budget = budget))
}

pub(super) fn pending(count: u32) -> PendingCreate {
    PendingCreate {
        deployment: "spot-7f3a".into(),
        region: WEST.into(),
        launch: "spot-7f3a-lz3k-us-west-2".into(),
        count,
        made: ["i-1".into(), "i-2".into(), "i-3".into()].into(),
        origin: None,
        is_replacement: false,
        machine: None,
    }
}

/// A create of so many in the west.
pub(super) fn create(count: u32) -> Command {
    Command::create(Some([(WEST.into(), count)].into()))
}

/// The ids of the launches that follow, and how many each of them makes.
pub(super) fn launched(effects: &[Effect]) -> Option<Vec<(LaunchId, usize)>> {
    effects.iter().find_map(|effect| match effect {
        Effect::Start(_, Job::Create(launches)) => {
            Some(launches.iter().map(|it| (it.id.clone(), it.keys.len())).collect())
        }
        _ => None,
    })
}

pub(super) fn ids(numbers: std::ops::RangeInclusive<u32>) -> Vec<Machine> {
    numbers.map(|number| running(&format!("i-{number}")).1).collect()
}

/// The region's prices: of t3.medium at the least on demand.
pub(super) fn prices(spot: &[(&str, f64)], on_demand: &[(&str, f64)]) -> RegionPrices {
    let spot = spot.iter().map(|(machine_type, usd)| {
        let pool = Pool { zone: format!("{WEST}a").into(), machine_type: (*machine_type).into() };
        (pool, History::new([Quote { since: at(-3600), usd: *usd }]))
    });
    let on_demand = on_demand.iter().map(|(name, usd)| ((*name).into(), *usd));
    let list = PriceList {
        on_demand: on_demand.collect(),
        ipv4: Some(0.0),
        gp3: Some(0.0),
        snapshot: Some(0.0),
    };
    RegionPrices { spot: spot.collect(), list, ..RegionPrices::default() }
}

pub(super) fn priced(model: &mut Model, prices: RegionPrices) {
    report(model, 0, News::Region(WEST.into(), RegionNews::Prices(prices)));
}

/// What one in the west costs is told: three cents.
pub(super) fn all_priced(model: &mut Model) {
    priced(model, prices(&[("t3.medium", 0.03)], &[("t3.medium", 0.04)]));
}

#[test]
fn what_is_being_requested_counts_for_the_budget() {
    let mut model = limited(Budget { max_instances: Some(3), ..Budget::default() });
    let first = command(&mut model, create(3));
    assert_eq!(launched(&first).unwrap()[0].1, 3);
    let second = command(&mut model, create(3));
    assert_eq!(launched(&second), None, "{}", last_line(&model));
    assert!(last_line(&model).contains("budget.max_instances is 3"), "{}", last_line(&model));
}

#[test]
fn what_is_being_requested_costs_money_already() {
    let mut model = limited(Budget { max_hourly_usd: Some(0.05), ..Budget::default() });
    priced(&mut model, prices(&[("t3.medium", 0.01)], &[("t3.medium", 0.04)]));
    assert!(launched(&command(&mut model, create(4))).is_some());
    let second = command(&mut model, create(4));
    assert_eq!(launched(&second), None, "{}", last_line(&model));
}

/// What AWS may charge for surplus credits is a part of what a machine may cost.
#[test]
fn unlimited_cpu_credits_count_for_the_budget() {
    for (cpu_credits, is_launched) in [(CpuCredits::Standard, true), (CpuCredits::Unlimited, false)]
    {
        let mut model = Model::new(with(|config| {
            config.budget = Budget { max_hourly_usd: Some(0.05), ..Budget::default() };
            config.aws.cpu_credits = cpu_credits;
        }));
        priced(&mut model, prices(&[("t3.medium", 0.01)], &[("t3.medium", 0.04)]));
        let effects = command(&mut model, create(1));
        assert_eq!(launched(&effects).is_some(), is_launched, "{}", last_line(&model));
    }
}

/// The west names no type, but what it needs.
fn by_need(config: &mut Config) {
    config.regions[0].machine_types = Vec::new();
    config.regions[0].requirements =
        Some(InstanceRequirements { vcpus: 2, memory_gib: 4, arch: vec!["x86_64"] });
    config.budget = Budget { max_hourly_usd: Some(0.05), ..Budget::default() };
}

#[test]
fn unlimited_cpu_credits_count_for_the_budget_of_a_plan_by_need() {
    let burstable = ["m5.large", "t3.medium"].as_slice();
    for (cpu_credits, types, is_launched) in [
        (CpuCredits::Standard, burstable, true),
        (CpuCredits::Unlimited, burstable, false),
        (CpuCredits::Unlimited, ["m5.large"].as_slice(), true),
    ] {
        let mut model = Model::new(with(|config| {
            by_need(config);
            config.aws.cpu_credits = cpu_credits;
        }));
        let spot: Vec<(&str, f64)> = types.iter().map(|name| (*name, 0.01)).collect();
        priced(&mut model, prices(&spot, &[]));
        let effects = command(&mut model, create(1));
        let said = last_line(&model);
        assert_eq!(launched(&effects).is_some(), is_launched, "{types:?}: {said}");
    }
}

#[test]
fn a_plan_by_need_without_a_price_is_refused_and_says_what_has_none() {
    let mut model = Model::new(with(|config| {
        by_need(config);
        config.aws.cpu_credits = CpuCredits::Unlimited;
    }));
    let effects = command(&mut model, create(1));
    let [Effect::Start(job, Job::Prices(asked))] = effects.as_slice() else {
        panic!("the price is asked for first: {effects:?}")
    };
    assert!(asked[&WEST.into()].is_empty(), "all that it comes to: {asked:?}");
    let effects = report(&mut model, job.0, News::Job(JobNews::Ended(Outcome::Done)));
    assert_eq!(launched(&effects), None);
    let said = "the price of a machine with 2 vCPUs and 4 GiB in us-west-2 is not known";
    assert!(last_line(&model).contains(said), "{}", last_line(&model));
    let config = model.config.as_ref().unwrap();
    let remark = surplus_remark(config, &config.regions[0]).unwrap();
    assert!(remark.contains("burstable") && !remark.contains("sum"), "{remark}");
}

/// AWS tells nobody with the machine what it charges for them: the sums say that they are not all.
#[test]
fn with_unlimited_cpu_credits_a_sum_is_at_least_that() {
    for (cpu_credits, is_partial) in [(CpuCredits::Standard, false), (CpuCredits::Unlimited, true)]
    {
        let mut model = Model::new(with(|config| config.aws.cpu_credits = cpu_credits));
        survey(&mut model, WEST, ids(1..=1));
        priced(&mut model, prices(&[("t3.medium", 0.01)], &[("t3.medium", 0.04)]));
        let cost = model.fleet.instances().next().unwrap().cost;
        assert_eq!(cost.accrued.is_partial, is_partial);
        assert!(cost.hourly.usd >= 0.01, "{cost:?}");
    }
}

#[test]
fn attack_1_an_older_create_launches_no_more_than_is_asked_for_now() {
    let budget = Budget { max_instances: Some(5), ..Budget::default() };
    let opening = with(|config| config.budget = budget);
    let mut model = Model::new(Opening { pending_creates: vec![pending(30)], ..opening });
    let effects = command(&mut model, create(3));
    let made: usize = launched(&effects).unwrap().iter().map(|(_, count)| count).sum();
    assert_eq!(made, 3);
    let said = |text: &str| model.log.events().lines().any(|line| line.text.contains(text));
    assert!(said("27 more than is asked for now are left out"));
}

/// A model that opens with these orders.
fn cut_short(pending_creates: Vec<PendingCreate>, change: impl FnOnce(&mut Config)) -> Model {
    Model::new(Opening { pending_creates, ..with(change) })
}

#[test]
fn attack_1_the_dialog_and_its_price_are_of_what_is_launched() {
    for asked in [1, 3] {
        let mut model = cut_short(vec![pending(30)], |_| {});
        survey(&mut model, WEST, ids(1..=2));
        let counts = [(WEST.into(), asked)].into();
        let plan = CreatePlan::more(&model, &counts);
        assert_eq!(plan.launched(), counts, "as many more as the dialog says");
        assert!(plan.remark().unwrap().contains("2 of it run"), "{:?}", plan.remark());
        let effects = command(&mut model, Command::more(counts));
        let made: usize = launched(&effects).unwrap().iter().map(|(_, count)| count).sum();
        assert_eq!(made, asked as usize);
    }
}

#[test]
fn attack_1_what_one_order_has_made_counts_before_another_launches() {
    let (first, second) =
        (pending(3), PendingCreate { launch: "spot-7f3a-lz4k-us-west-2".into(), ..pending(3) });
    let first = PendingCreate { made: BTreeSet::new(), ..first };
    let mut model = cut_short(vec![first, second], |_| {});
    survey(&mut model, WEST, ids(1..=3));
    let effects = command(&mut model, create(3));
    let made: usize = launched(&effects).unwrap().iter().map(|(_, count)| count).sum();
    assert_eq!(made, 0, "three are there, and three are asked for");
}

#[test]
fn attack_1_what_is_destroyed_by_name_is_not_made_again() {
    let mut model = cut_short(vec![pending(3)], |_| {});
    survey(&mut model, WEST, ids(1..=3));
    let scope = Scope::Instances(vec!["i-1".into(), "i-2".into()]);
    command(&mut model, Command::destroy(scope));
    assert_eq!(model.unfinished().next().unwrap().count, 1);
}

#[test]
fn attack_1_an_order_ends_with_its_wish() {
    let forget = |model: &mut Model| command(model, Command::Act(Action::Forget, Scope::All));
    let dropped = |effects: &[Effect]| {
        effects.iter().any(|effect| matches!(effect, Effect::Start(_, Job::Forget(_))))
    };
    let mut model = cut_short(vec![pending(3)], |_| {});
    assert!(dropped(&forget(&mut model)));
    assert_eq!(model.unfinished().count(), 0, "by a key");
    assert_eq!(forget(&mut model), [], "once");
    command(&mut model, Command::Ask(Action::Forget, Aim::Deployment));
    assert!(model.dialog.is_none(), "there is nothing to ask about");
    assert!(last_line(&model).contains("no create was cut short"), "{}", last_line(&model));

    let mut model = cut_short(vec![pending(3)], |_| {});
    command(&mut model, Command::destroy(Scope::Region(WEST.into())));
    assert_eq!(model.unfinished().count(), 0, "with its region");

    let mut model = cut_short(vec![pending(3)], |_| {});
    survey(&mut model, WEST, ids(1..=3));
    assert!(!dropped(&send(&mut model, 1, Message::Clock)), "they are not set up");
    for number in 1..=3 {
        let key: InstanceKey = format!("i-{number}").as_str().into();
        for phase in [Phase::Connecting, Phase::Verifying, Phase::Ready] {
            report(&mut model, 9, News::Instance(key.clone(), InstanceNews::Entered(phase)));
        }
    }
    let effects = send(&mut model, 2, Message::Clock);
    assert!(dropped(&effects), "{}", last_line(&model));
    assert_eq!(model.unfinished().count(), 0, "when all of it is ready");
    let told = "the create that was cut short is complete";
    assert_eq!(last_line(&model), told);
    let job = effects.iter().find_map(|effect| match effect {
        Effect::Start(job, Job::Forget(_)) => Some(job.0),
        _ => None,
    });
    report(&mut model, job.unwrap(), News::Job(JobNews::Ended(Outcome::Done)));
    assert_eq!(last_line(&model), told, "nobody asked for what is struck from the journal");
}

#[test]
fn attack_9_the_budget_lets_a_create_that_was_cut_short_be_completed() {
    for (count, missing) in [(3, 0), (4, 1)] {
        let budget = Budget { max_instances: Some(count), ..Budget::default() };
        let opening = with(|config| config.budget = budget);
        let mut model = Model::new(Opening { pending_creates: vec![pending(count)], ..opening });
        survey(&mut model, WEST, ids(1..=3));
        let effects = command(&mut model, create(count));
        let launches = launched(&effects).unwrap_or_else(|| panic!("{}", last_line(&model)));
        assert_eq!(launches[0].1, missing);
    }
}

#[test]
fn a_running_instance_without_a_spot_price_counts_as_on_demand() {
    let mut model = limited(Budget { max_hourly_usd: Some(0.12), ..Budget::default() });
    let large = Machine { machine_type: "m5.large".into(), ..running("i-1").1 };
    survey(&mut model, WEST, vec![large]);
    priced(&mut model, prices(&[("t3.medium", 0.03)], &[("m5.large", 0.10)]));
    let effects = command(&mut model, create(1));
    assert_eq!(launched(&effects), None, "0.10 runs, 0.03 is asked for");
    let said = "$0.1000/h runs and $0.0300/h is asked for: budget.max_hourly_usd is 0.12";
    assert!(last_line(&model).contains(said), "{}", last_line(&model));
}

#[test]
fn a_limit_that_cannot_be_judged_refuses_and_names_the_price() {
    let mut model = limited(Budget { max_hourly_usd: Some(9.0), ..Budget::default() });
    survey(&mut model, WEST, vec![Machine { machine_type: "m5.large".into(), ..running("i-1").1 }]);
    priced(&mut model, prices(&[("t3.medium", 0.03)], &[]));
    let effects = command(&mut model, create(1));
    let [Effect::Start(job, Job::Prices(asked))] = effects.as_slice() else {
        panic!("the price is asked for first: {effects:?}")
    };
    assert!(asked[&WEST.into()].contains(&"m5.large".into()), "{asked:?}");
    let effects = report(&mut model, job.0, News::Job(JobNews::Ended(Outcome::Done)));
    assert_eq!(launched(&effects), None);
    let said = "the price of m5.large in us-west-2 is not known";
    assert!(last_line(&model).contains(said), "{}", last_line(&model));
}

#[test]
fn a_retry_that_is_refused_by_prices_that_come_later_ends_nothing() {
    let mut model = limited(Budget { max_hourly_usd: Some(9.0), ..Budget::default() });
    survey(&mut model, WEST, vec![Machine { machine_type: "m5.large".into(), ..running("i-1").1 }]);
    priced(&mut model, prices(&[("t3.medium", 0.03)], &[]));
    let key = model.fleet.by_id(&"i-1".into()).unwrap().key.clone();
    let retry = Command::Act(Action::Retry, Scope::Instances(vec![key]));
    let effects = command(&mut model, retry);
    let [Effect::Start(job, Job::Prices(_))] = effects.as_slice() else {
        panic!("the price is asked for first: {effects:?}")
    };
    let effects = report(&mut model, job.0, News::Job(JobNews::Ended(Outcome::Done)));
    assert_eq!(launched(&effects), None);
    let ends = |effect: &Effect| matches!(effect, Effect::Start(_, Job::Destroy(_)));
    assert!(!effects.iter().any(ends), "{effects:?}");
    assert!(last_line(&model).contains("is not known"), "{}", last_line(&model));
}

#[test]
fn the_budget_is_judged_by_what_the_last_look_found() {
    let mut model = limited(Budget { max_hourly_usd: Some(0.05), ..Budget::default() });
    priced(&mut model, prices(&[("t3.medium", 0.01)], &[]));
    // Nothing has been reckoned since.
    survey(&mut model, WEST, ids(1..=5));
    let effects = command(&mut model, create(1));
    assert_eq!(launched(&effects), None, "five run");
}

/// An opening with the configuration of this text.
pub(super) fn of_text(text: &str) -> Opening {
    let config = crate::config::parse("config.yaml", text).unwrap();
    Opening { config: Some(Arc::new(config)), ..opening(true) }
}

fn up(model: &mut Model, name: &str) -> Vec<Effect> {
    command(model, Command::Act(Action::Up(name.to_owned()), Scope::All))
}

#[test]
fn a_machine_is_judged_by_itself_while_another_is_launched_elsewhere() {
    let mut model = Model::new(of_text(
        "machines:\n  - { name: dev, region: us-west-2, type: t3.medium }\n  - { name: box, \
         region: eu-west-1, type: t3.medium }\nbudget: { max_hourly_usd: 1 }",
    ));
    for region in &REGIONS[..2] {
        let told = RegionNews::Prices(prices(&[("t3.medium", 0.01)], &[]));
        report(&mut model, 0, News::Region((*region).into(), told));
    }
    for name in ["dev", "box"] {
        let effects = up(&mut model, name);
        assert!(launched(&effects).is_some(), "{name}: {}", last_line(&model));
    }
}

#[test]
fn a_home_that_is_made_with_its_machine_counts_for_the_budget() {
    for (home, is_launched) in [("", true), (", home: { size_gb: 900, mount: /work }", false)] {
        let mut model = Model::new(of_text(&format!(
            "machines:\n  - {{ name: dev, region: us-west-2, type: t3.medium{home} }}\nbudget: {{ \
             max_hourly_usd: 0.05 }}"
        )));
        let mut told = prices(&[("t3.medium", 0.01)], &[]);
        told.list.gp3 = Some(0.08);
        priced(&mut model, told);
        let effects = up(&mut model, "dev");
        assert_eq!(launched(&effects).is_some(), is_launched, "{}", last_line(&model));
    }
}

/// Where disks are larger less is left for processors, or nothing.
#[test]
fn what_may_spill_has_a_ceiling_for_each_region() {
    for (gib, is_reachable) in [(50, true), (2000, false)] {
        let mut model = Model::new(with(|config| {
            config.placement.spill = true;
            config.regions[1].instance_storage_gb = gib;
            config.budget = Budget { max_hourly_usd: Some(0.08), ..Budget::default() };
        }));
        let mut told = prices(&[("t3.medium", 0.01)], &[("t3.medium", 0.04)]);
        told.list.gp3 = Some(0.08);
        for region in &REGIONS[..2] {
            let told = RegionNews::Prices(told.clone());
            report(&mut model, 0, News::Region((*region).into(), told));
        }
        let effects = command(&mut model, create(2));
        let ceiling = effects.iter().find_map(|effect| match effect {
            Effect::Start(_, Job::Create(launches)) => launches[0].price_ceiling.clone(),
            _ => None,
        });
        let ceiling = ceiling.unwrap_or_else(|| panic!("{}", last_line(&model)));
        assert!((ceiling.whole - 0.04).abs() < 1e-9, "half of the limit: {ceiling:?}");
        let stored = 50.0 * 0.08 / 720.0;
        let left = ceiling.processors[&WEST.into()];
        assert!((left - (0.04 - stored)).abs() < 1e-9, "{ceiling:?}");
        let elsewhere = ceiling.processors.get(&REGIONS[1].into());
        assert_eq!(elsewhere.copied(), is_reachable.then_some(left), "{ceiling:?}");
    }
}

pub(super) fn interrupt(model: &mut Model, id: &str) -> Vec<Effect> {
    let notices = vec![Notice { instance: id.into(), ends: Some(at(120)) }];
    report(model, 0, News::Region(WEST.into(), RegionNews::Notices(notices)))
}

#[test]
fn a_replacement_wakes_no_create_that_was_cut_short() {
    let opening = with(|config| config.replace = Replace { enabled: true, ..Replace::default() });
    let mut model = Model::new(Opening { pending_creates: vec![pending(12)], ..opening });
    survey(&mut model, WEST, ids(1..=3));
    let effects = interrupt(&mut model, "i-2");
    let launches = launched(&effects).unwrap();
    assert_eq!(launches.len(), 1, "{launches:?}");
    assert_eq!(launches[0].1, 1);
    assert_ne!(launches[0].0, pending(12).launch);
    let replaced = effects.iter().find_map(|effect| match effect {
        Effect::Start(_, Job::Create(launches)) => Some(launches[0].replaces.clone()),
        _ => None,
    });
    let replaced: Vec<_> = replaced.unwrap().into_iter().map(|machine| machine.id).collect();
    assert_eq!(replaced, ["i-2".into()]);
    let left: Vec<u32> = model.unfinished().map(|order| order.count).collect();
    assert_eq!(left, [11], "the next create does not launch what was replaced");
}

#[test]
fn attack_17_a_dashboard_that_replaces_goes_on_with_its_own_replacements() {
    let pending_creates =
        || vec![pending(12), PendingCreate { is_replacement: true, ..pending(4) }];
    let mut model = cut_short(pending_creates(), |_| {});
    survey(&mut model, WEST, ids(1..=3));
    assert_eq!(launched(&send(&mut model, 1, Message::Clock)), None, "it does not replace");
    let replaces =
        |config: &mut Config| config.replace = Replace { enabled: true, ..Replace::default() };
    let mut model = cut_short(pending_creates(), replaces);
    assert_eq!(launched(&send(&mut model, 1, Message::Clock)), None, "nobody has looked");
    survey(&mut model, WEST, ids(1..=3));
    let launches = launched(&send(&mut model, 1, Message::Clock)).unwrap();
    assert_eq!(launches.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1]);
    assert_eq!(launched(&send(&mut model, 2, Message::Clock)), None, "once");
    assert_eq!(model.unfinished().count(), 1, "what the user asked for waits for the user");
}

#[test]
fn a_replacement_that_is_refused_stays_owed() {
    let mut model = Model::new(with(|config| {
        config.replace = Replace { enabled: true, ..Replace::default() };
        config.budget = Budget { max_instances: Some(2), ..Budget::default() };
    }));
    survey(&mut model, WEST, ids(1..=3));
    assert_eq!(launched(&interrupt(&mut model, "i-1")), None, "two others run");
    assert_eq!(launched(&send(&mut model, 1, Message::Clock)), None);
    report(&mut model, 0, News::Region(WEST.into(), RegionNews::Vanished(vec!["i-2".into()])));
    let effects = send(&mut model, 2, Message::Clock);
    assert_eq!(launched(&effects).unwrap()[0].1, 1, "as soon as there is room");
}

/// A model in which one hour is the most, and an instance that was launched at the beginning.
fn aging() -> Model {
    let mut model = limited(Budget {
        max_lifetime: Some(jiff::SignedDuration::from_hours(1)),
        at_lifetime: AtLifetime::Destroy,
        ..Budget::default()
    });
    survey(&mut model, WEST, ids(1..=1));
    model
}

fn destroyed(effects: &[Effect]) -> Option<JobId> {
    effects.iter().find_map(|effect| match effect {
        Effect::Start(job, Job::Destroy(_)) => Some(*job),
        _ => None,
    })
}

#[test]
fn a_cap_that_is_spent_is_kept_where_not_all_prices_are_known() {
    let mut model =
        limited(Budget { total_usd: Some(0.01), at_cap: AtCap::Destroy, ..Budget::default() });
    survey(&mut model, WEST, ids(1..=1));
    let mut told = prices(&[("t3.medium", 0.01)], &[]);
    told.list.gp3 = None;
    priced(&mut model, told);
    assert_eq!(destroyed(&send(&mut model, 1800, Message::Clock)), None, "half of it is left");
    assert!(!has_ends_ahead(&model));
    assert_eq!(destroyed(&send(&mut model, 7200, Message::Clock)), None, "it is said first");
    assert_eq!(destroyed(&send(&mut model, 7700, Message::Clock)), None);
    assert!(has_ends_ahead(&model), "whoever leaves now never ends them");
    assert!(destroyed(&send(&mut model, 7800, Message::Clock)).is_some(), "{}", last_line(&model));
    assert!(!has_ends_ahead(&model));
}

#[test]
fn a_lifetime_that_could_not_be_ended_is_ended_again() {
    let mut model = aging();
    assert!(!has_ends_ahead(&model));
    send(&mut model, 3000, Message::Clock);
    assert!(has_ends_ahead(&model), "whoever leaves now never ends it");
    let job = destroyed(&send(&mut model, 3600, Message::Clock)).expect("its time is over");
    assert!(!has_ends_ahead(&model), "what AWS refuses is not waited for");
    let failure = Failure::new(FailureKind::Aws, Step::Terminate, "no", "");
    let ended = News::Job(JobNews::Ended(Outcome::Failed(failure)));
    report(&mut model, job.0, ended);
    assert_eq!(destroyed(&send(&mut model, 3601, Message::Clock)), None, "not at once");
    assert!(destroyed(&send(&mut model, 3661, Message::Clock)).is_some());
    assert_eq!(destroyed(&send(&mut model, 3800, Message::Clock)), None, "it is under way");
}

#[test]
fn attack_18_an_end_is_announced_ten_minutes_before_whenever_it_is_first_seen() {
    let mut model = aging();
    assert_eq!(destroyed(&send(&mut model, 9000, Message::Clock)), None);
    assert!(last_line(&model).contains("destroyed in 10 min"), "{}", last_line(&model));
    assert_eq!(destroyed(&send(&mut model, 9599, Message::Clock)), None);
    assert!(destroyed(&send(&mut model, 9600, Message::Clock)).is_some());
}
