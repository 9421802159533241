//! Which prices are asked for, and what is said where one is not known.

use super::money::{WEST, create, ids, launched, of_text, priced, prices, with};
use super::*;
use crate::fleet::entry::End;
use crate::fleet::{Entry, Holder, HolderKind, Kept, KeptKind, LedgerLine, Thing};

/// A fleet that has spent an hour of m5.large in a region that the configuration has no more.
fn with_an_unpriced_hour() -> Fleet {
    let holder = Holder {
        kind: HolderKind::Instance {
            id: "i-9".into(),
            machine_type: "m5.large".into(),
            lifecycle: Lifecycle::Spot,
        },
        region: REGIONS[2].into(),
        zone: Some("sa-east-1a".into()),
        deployment: "spot-7f3a".into(),
        machine: None,
        storage_gb: Some(50),
        tags: BTreeMap::new(),
    };
    let hour = Entry {
        holder: holder.id(),
        thing: Thing::Compute,
        from: at(-7200),
        until: at(-3600),
        usd: None,
        on_demand: None,
        end: Some(End::Chosen),
        is_free: false,
        is_open: false,
    };
    let mut fleet = Fleet::default();
    fleet.take_over([LedgerLine::Holder(holder), LedgerLine::Entry(hour)]);
    fleet
}

#[test]
fn what_was_spent_without_a_price_counts_under_a_cap_once_it_was_asked_for() {
    for (on_demand, is_launched) in [(None, false), (Some(0.2), true), (Some(0.6), false)] {
        let budget = Budget { month_usd: Some(0.5), ..Budget::default() };
        let fleet = with_an_unpriced_hour();
        let mut model = Model::new(Opening { fleet, ..with(|config| config.budget = budget) });
        priced(&mut model, prices(&[("t3.medium", 0.01)], &[]));
        let effects = command(&mut model, create(1));
        let [Effect::Start(job, Job::Prices(asked))] = effects.as_slice() else {
            panic!("the price is asked for first: {effects:?}")
        };
        assert_eq!(asked[&REGIONS[2].into()], ["m5.large".into()], "{asked:?}");
        let told: Vec<(&str, f64)> = on_demand.map(|usd| ("m5.large", usd)).into_iter().collect();
        let told = RegionNews::Prices(prices(&[], &told));
        report(&mut model, job.0, News::Region(REGIONS[2].into(), told));
        let effects = report(&mut model, job.0, News::Job(JobNews::Ended(Outcome::Done)));
        let said = last_line(&model);
        assert_eq!(launched(&effects).is_some(), is_launched, "{on_demand:?}: {said}");
        let why = match on_demand {
            None => "the price of m5.large in sa-east-1 is not known",
            Some(_) => "budget.month_usd is 0.5",
        };
        assert!(is_launched || said.contains(why), "{said}");
    }
}

/// Nobody watches that region any more, and a cap waits for its price.
#[test]
fn a_price_that_a_cap_waits_for_is_asked_for_by_itself() {
    let budget = Budget { total_usd: Some(0.5), ..Budget::default() };
    let fleet = with_an_unpriced_hour();
    let mut model = Model::new(Opening { fleet, ..with(|config| config.budget = budget) });
    let asks = |effects: &[Effect]| {
        effects.iter().any(|effect| {
            matches!(effect, Effect::Start(_, Job::Prices(asked)) if asked.contains_key(&REGIONS[2].into()))
        })
    };
    assert!(!asks(&send(&mut model, 60, Message::Clock)), "it may come");
    assert!(asks(&send(&mut model, 700, Message::Clock)));
    assert!(!asks(&send(&mut model, 800, Message::Clock)), "once in a while");
}

#[test]
fn prices_are_asked_for_of_machines_and_of_what_is_kept() {
    let mut model = Model::new(of_text(
        "regions: [us-west-2: { machine_type: t3.medium, instances_per_region: 1 }]\nmachines:\n  - \
         { name: dev, region: us-west-2, type: m5.large }\n  - { name: box, region: eu-west-1, type: \
         c5.large }",
    ));
    let asked = |effects: Vec<Effect>| match effects.as_slice() {
        [Effect::Start(_, Job::Prices(asked))] => asked.clone(),
        effects => panic!("{effects:?}"),
    };
    let wanted = asked(command(&mut model, Command::Prices(Vec::new())));
    assert_eq!(wanted[&WEST.into()], ["t3.medium".into(), "m5.large".into()]);
    assert_eq!(wanted[&REGIONS[1].into()], ["c5.large".into()]);
    assert_eq!(command(&mut model, Command::PriceFleet), [], "nothing is there");
    let home = Kept {
        machine: "dev".into(),
        kind: KeptKind::Home,
        id: "vol-1".into(),
        zone: Some("sa-east-1a".into()),
        gib: Some(100),
        address: None,
        instance: None,
        host_key: None,
        since: None,
        snapshot: None,
        aside_of: None,
    };
    report(&mut model, 0, News::Region(REGIONS[2].into(), RegionNews::Kept(vec![home])));
    let wanted = asked(command(&mut model, Command::PriceFleet));
    assert_eq!(wanted.keys().map(Region::as_str).collect::<Vec<_>>(), [REGIONS[2]]);
    assert!(asked(command(&mut model, Command::PriceBudget)).contains_key(&REGIONS[2].into()));
}

#[test]
fn a_machine_says_its_price_before_it_is_there() {
    let mut model =
        Model::new(of_text("machines: [{ name: dev, region: us-west-2, type: t3.medium }]"));
    assert_eq!(machine_price(&model, "dev"), None, "nobody told");
    priced(&mut model, prices(&[("t3.medium", 0.01)], &[]));
    let told = machine_price(&model, "dev").unwrap();
    assert_eq!(told, "dev: t3.medium (persistent-spot) in us-west-2, from $0.0100/h");
    command(&mut model, Command::create(None));
    assert!(last_line(&model).contains("`spot-tui up NAME` (dev)"), "{}", last_line(&model));
}

/// Of what nobody told the price of, it is not known that it costs nothing.
#[test]
fn what_was_never_priced_costs_an_unknown_sum() {
    let mut model = Model::new(opening(false));
    survey(&mut model, WEST, ids(1..=1));
    let row = model.fleet.instances().next().unwrap();
    assert!(row.cost.hourly.is_unknown() && row.cost.accrued.is_unknown(), "{:?}", row.cost);
}
