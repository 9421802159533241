use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::fleet::{Failure, FailureKind, Phase, Region, Step};

fn fleet(rows: &[(&str, &str, Phase)]) -> Fleet {
    let mut fleet = Fleet::default();
    for (key, region, phase) in rows {
        let mut instance = Instance::planned(
            (*key).into(),
            Region::from(*region),
            "spot-1".into(),
            Timestamp::UNIX_EPOCH,
        );
        instance.phase = phase.clone();
        fleet.insert(instance);
    }
    fleet
}

fn failed() -> Phase {
    Phase::Failed(Failure::new(FailureKind::Capacity, Step::Launch, "no capacity", ""))
}

fn order(table: &Table) -> Vec<&str> {
    table.order.iter().map(InstanceKey::as_str).collect()
}

fn three() -> Fleet {
    fleet(&[
        ("a", "us-west-2", Phase::Ready),
        ("b", "eu-west-1", Phase::Ready),
        ("c", "sa-east-1", failed()),
        ("d", "us-east-1", Phase::Interrupted { at: None }),
    ])
}

#[test]
fn bad_news_comes_first_also_in_reverse() {
    let fleet = three();
    let mut table = Table::default();
    table.arrange(&fleet);
    assert_eq!(order(&table), ["d", "c", "b", "a"]);
    table.sort_reverse(&fleet);
    assert_eq!(order(&table), ["d", "c", "a", "b"]);
    table.sort_by(Field::Instance, &fleet);
    assert_eq!(order(&table), ["a", "b", "c", "d"]);
}

#[test]
fn until_somebody_does_something_the_list_shows_its_beginning() {
    let mut fleet = three();
    let mut table = Table::default();
    table.resize(2);
    table.sort_by(Field::Instance, &fleet);
    let mut comes = |table: &mut Table, key: &str| {
        let (region, deployment) = ("us-west-2".into(), "spot-1".into());
        fleet.insert(Instance::planned(key.into(), region, deployment, Timestamp::UNIX_EPOCH));
        table.arrange(&fleet);
        table.cursor().unwrap().to_string()
    };
    assert_eq!(comes(&mut table, "Z"), "Z", "what comes before the first is shown");
    table.touch();
    assert_eq!(comes(&mut table, "Y"), "Z", "the cursor stays with its row");
}

#[test]
fn the_cursor_stays_on_its_instance_when_the_order_changes() {
    let mut fleet = three();
    let mut table = Table::default();
    table.resize(2);
    table.arrange(&fleet);
    table.select(&"a".into());
    assert_eq!(table.window().len(), 2);
    table.sort_by(Field::Instance, &fleet);
    assert_eq!(table.cursor().unwrap().as_str(), "a");
    assert!(table.window().contains(&"a".into()));
    fleet.remove(&"a".into());
    table.arrange(&fleet);
    assert_eq!(table.cursor().unwrap().as_str(), "b", "the one that took its place");
}

#[test]
fn a_filter_hides_rows_marks_and_cursor() {
    let fleet = three();
    let mut table = Table::default();
    table.resize(10);
    table.arrange(&fleet);
    table.select(&"a".into());
    table.mark();
    table.set_filter("CAPACITY sa-", &fleet);
    assert_eq!(order(&table), ["c"]);
    assert_eq!(table.cursor().unwrap().as_str(), "c");
    assert!(table.marks().is_empty());
    table.set_filter("nothing like it", &fleet);
    assert_eq!(table.cursor(), None);
    assert!(table.chosen().is_empty());
}

#[test]
fn the_window_follows_the_cursor_and_never_shows_less_than_it_could() {
    let rows: Vec<String> = (0..100).map(|number| format!("{number:03}")).collect();
    let rows: Vec<_> = rows.iter().map(|key| (key.as_str(), "us-west-2", Phase::Ready)).collect();
    let fleet = fleet(&rows);
    let mut table = Table::default();
    table.resize(10);
    table.arrange(&fleet);
    table.step(Motion::PageDown);
    assert_eq!((table.cursor().unwrap().as_str(), table.top()), ("010", 1));
    table.step(Motion::Last);
    assert_eq!((table.cursor().unwrap().as_str(), table.top()), ("099", 90));
    table.resize(50);
    assert_eq!(table.top(), 50);
    table.resize(0);
    assert!(table.window().is_empty());
}

#[test]
fn a_range_grows_and_shrinks_with_the_cursor_and_keeps_what_was_marked() {
    let fleet = three();
    let mut table = Table::default();
    table.resize(10);
    table.arrange(&fleet);
    let marks = |table: &Table| table.marks().iter().map(ToString::to_string).collect::<String>();
    table.step(Motion::Last);
    table.mark();
    table.step(Motion::First);
    table.mark_range();
    table.step(Motion::Down);
    assert_eq!(marks(&table), "acd", "d and c are the first two, a was marked before");
    table.step(Motion::Up);
    assert_eq!(marks(&table), "ad");
    table.mark_range();
    table.step(Motion::Last);
    assert_eq!(marks(&table), "ad", "the range is closed");
    table.mark_others();
    assert_eq!(marks(&table), "bc");
    table.mark_all();
    assert_eq!(marks(&table), "abcd");
}

fn phases() -> impl Strategy<Value = Phase> {
    prop_oneof![
        Just(Phase::Ready),
        Just(Phase::Pending),
        Just(failed()),
        Just(Phase::Interrupted { at: None }),
    ]
}

proptest! {
    /// Moving the rows that changed comes to the same as sorting all of them.
    #[test]
    fn few_changed_rows_end_where_a_whole_sort_puts_them(
        changes in prop::collection::vec((0..64usize, phases()), 1..12),
        field in prop::sample::select(Field::ALL.to_vec()),
        reverse: bool,
        filter in prop::sample::select(vec!["", "phase:ready", "region:us"]),
    ) {
        let keys: Vec<String> = (0..64).map(|number| format!("k{number:02}")).collect();
        let regions = ["us-west-2", "eu-west-1", "sa-east-1"];
        let rows: Vec<(&str, &str, Phase)> = keys
            .iter()
            .enumerate()
            .map(|(at, key)| (key.as_str(), regions[at % 3], Phase::Ready))
            .collect();
        let mut fleet = fleet(&rows);
        let mut table = Table::default();
        table.resize(10);
        table.set_filter(filter, &fleet);
        table.sort_by(field, &fleet);
        if reverse {
            table.sort_reverse(&fleet);
        }
        let mut changed = BTreeSet::new();
        for (at, phase) in changes {
            let mut row = fleet.get(&keys[at].as_str().into()).unwrap().clone();
            row.phase = phase;
            changed.insert(row.key.clone());
            fleet.insert(row);
        }
        table.rearrange(&fleet, &changed);
        let mut whole = table.clone();
        whole.arrange(&fleet);
        prop_assert_eq!(order(&table), order(&whole));
    }
}

#[test]
fn a_filter_that_hides_the_row_of_the_cursor_gives_it_back() {
    let fleet = three();
    let mut table = Table::default();
    table.resize(4);
    table.sort_by(Field::Instance, &fleet);
    table.select(&"b".into());
    let at = |table: &Table| table.cursor().unwrap().to_string();
    table.set_filter("region:us", &fleet);
    assert_eq!(at(&table), "a", "the first that is shown");
    table.set_filter("", &fleet);
    assert_eq!(at(&table), "b");
    table.set_filter("region:us", &fleet);
    table.step(Motion::Down);
    table.set_filter("", &fleet);
    assert_eq!(at(&table), "d", "where somebody put it since");
}
