//! A node that AWS recommends to rebalance gets a fresh one before its notice comes: the new one first,
//! the old one once that is ready. Through the whole program, on the paused clock.

use std::cell::Cell;

use spot_tui::app::{Command, Model};
use spot_tui::demo::Scenario;
use spot_tui::fleet::{Instance, InstanceId, Phase};

use crate::support::stage::Stage;

const THREE: &str = "regions: [us-west-2: { machine_type: t3.medium, instances_per_region: 3 }]\n";
const WISHED: &str = "replace: { on_rebalance: true }";
const FIRST: &str = "rebalances: [{ at_s: 500, region: us-west-2 }]";

/// Three that are ready, and somebody who watches.
async fn three(config: &str, scenario: &str) -> Stage {
    let mut stage = Stage::set(&format!("{THREE}{config}"), Scenario::parse(scenario).unwrap());
    stage.open().await;
    stage.command(Command::create(None));
    stage.until(490, "three are ready", |stage| ready(stage) == 3).await;
    stage
}

fn count(stage: &Stage, is_it: impl Fn(&Instance) -> bool) -> usize {
    stage.model().fleet.instances().filter(|row| is_it(row)).count()
}

fn ready(stage: &Stage) -> usize {
    count(stage, |row| row.phase == Phase::Ready)
}

/// The node that is recommended to be rebalanced.
fn recommended(model: &Model) -> Option<InstanceId> {
    let told =
        |row: &&Instance| row.vitals.as_ref().is_some_and(|(_, vitals)| vitals.rebalance.is_some());
    model.fleet.alive().find(told).and_then(Instance::id).cloned()
}

/// How many instances the world ever made.
fn made(stage: &Stage) -> usize {
    stage.cloud.world.guests().into_iter().map(|guest| guest.ordinal as usize).max().unwrap_or(0)
}

/// That one is gone, and three are ready that are others.
fn is_replaced(stage: &Stage, old: &InstanceId) -> bool {
    let row = stage.model().fleet.by_id(old);
    row.is_none_or(|row| row.phase == Phase::Terminated) && ready(stage) == 3
}

#[tokio::test(start_paused = true)]
async fn three_are_four_for_a_while_and_three_again_and_never_fewer() {
    for is_kept in [false, true] {
        let mut stage = three(WISHED, FIRST).await;
        if is_kept {
            stage.command(Command::Keep);
        }
        stage.until(600, "it is recommended", |stage| recommended(stage.model()).is_some()).await;
        let old = recommended(stage.model()).unwrap();
        stage.until(120, "four run", |stage| stage.running().len() == 4).await;
        assert_eq!(ready(&stage), 3, "the old one works on: {}", stage.log());
        let fewest = Cell::new(3);
        let ends = |stage: &Stage| {
            fewest.set(fewest.get().min(ready(stage)));
            is_replaced(stage, &old)
        };
        stage.until(900, "it is replaced", ends).await;
        assert_eq!(fewest.get(), 3, "{}", stage.log());
        assert!(stage.log().contains("drained: Bacalhau is stopped"), "{}", stage.log());
        stage.pass(900).await;
        assert_eq!((ready(&stage), made(&stage)), (3, 4), "{}", stage.log());
        assert!(stage.model().upkeep.replacements().is_empty());
        assert!(stage.unmet().is_empty(), "{:?}", stage.unmet());
        stage.destroy().await;
        assert_eq!(stage.left().await, 0, "{}", stage.log());
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_said_and_nothing_done_where_it_is_off_or_too_dear() {
    for (config, why) in [
        ("replace: true", "AWS recommends to replace it"),
        ("replace: { on_rebalance: true }\nbudget: { max_instances: 3 }", "max_instances is 3"),
    ] {
        let mut stage = three(config, FIRST).await;
        stage.pass(900).await;
        assert_eq!((ready(&stage), made(&stage)), (3, 3), "{config}: {}", stage.log());
        assert_eq!(stage.log().matches(why).count(), 1, "{config}: {}", stage.log());
        assert!(stage.unmet().is_empty(), "{:?}", stage.unmet());
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_the_second_one_waits_for_the_brake() {
    let config = "replace: { on_rebalance: true, at_most: 1, within_m: 20 }";
    let mut stage = three(config, "rebalances: [{ at_s: 500, region: us-west-2, count: 2 }]").await;
    stage.pass(1000).await;
    assert_eq!((ready(&stage), made(&stage)), (3, 4), "{}", stage.log());
    assert!(stage.log().contains("1 in 20 minutes are the most"), "{}", stage.log());
    stage.pass(1500).await;
    assert_eq!((ready(&stage), made(&stage)), (3, 5), "{}", stage.log());
    assert_eq!(recommended(stage.model()), None, "both are gone: {}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn a_notice_meanwhile_finds_its_replacement_under_way() {
    let scenario = format!("{FIRST}\ninterruptions: [{{ at_s: 590, region: us-west-2 }}]");
    let mut stage = three("replace: { enabled: true, on_rebalance: true }", &scenario).await;
    stage.until(600, "four run", |stage| stage.running().len() == 4).await;
    let old = recommended(stage.model()).unwrap();
    stage.until(900, "three are ready", |stage| is_replaced(stage, &old)).await;
    stage.pass(900).await;
    assert_eq!((ready(&stage), made(&stage)), (3, 4), "{}", stage.log());
    assert!(stage.unmet().is_empty(), "{:?}", stage.unmet());
}

/// A turn of a story, and how it is known.
type Turn<'a> = (&'a str, &'a dyn Fn(&Stage) -> bool);

/// A crash at the turns of a replacement: the next start goes on with it.
#[tokio::test(start_paused = true)]
async fn killed_in_between_it_goes_on_and_launches_none_twice() {
    let begun = |stage: &Stage| !stage.model().upkeep.replacements().is_empty();
    let asked = |stage: &Stage| made(stage) == 4;
    let runs = |stage: &Stage| stage.running().len() == 4;
    let both_are = |stage: &Stage| ready(stage) == 4;
    let turns: [Turn<'_>; 4] =
        [("begun", &begun), ("asked for", &asked), ("runs", &runs), ("ready", &both_are)];
    for (turn, is_there) in turns {
        for is_kept in [false, true] {
            let mut stage = three(WISHED, FIRST).await;
            if is_kept {
                stage.command(Command::Keep);
            }
            stage.until(900, turn, is_there).await;
            let old = stage.model().upkeep.replacements()[0].instance.clone();
            stage.kill();
            stage.visit();
            stage.open().await;
            if is_kept {
                stage.command(Command::Keep);
            }
            stage.until(1500, turn, |stage| is_replaced(stage, &old)).await;
            stage.pass(900).await;
            assert_eq!((ready(&stage), made(&stage)), (3, 4), "{turn}: {}", stage.log());
        }
    }
}
