//! Single turns of the lock between two machines, on the demo cloud.

use spot_tui::app::{Command, Counts, Scope};
use spot_tui::demo::Scenario;
use spot_tui::fleet::LockStanding;

use super::town::{Role, Town, WANTED};

/// Two that keep, of which the first one holds the lock and has launched.
async fn kept() -> Town {
    let mut town = Town::new([Role::Keep, Role::Keep], "auto", 1);
    Box::pin(town.machines[0].start()).await;
    town.until(60, "all are there", |town| town.alive().len() == WANTED).await;
    town.pass(120).await;
    town
}

fn is_held(town: &Town, which: usize) -> bool {
    *town.standing(which) == LockStanding::Held
}

fn knows_another(town: &Town, which: usize) -> bool {
    matches!(town.standing(which), LockStanding::Other(holder) if holder.purpose == "keep")
}

fn launches(town: &Town) -> usize {
    let calls = town.cloud.world.calls().into_iter();
    calls.filter(|call| call.action == "RunInstances").count()
}

#[tokio::test(start_paused = true)]
async fn the_second_one_says_who_keeps_the_fleet_and_takes_over_when_that_one_has_died() {
    let mut town = kept().await;
    town.machines[1].start().await;
    town.until(60, "it knows", |town| knows_another(town, 1)).await;
    let process = std::process::id();
    let told = format!("kept by process {process} on stage since Nov 20, 09:00 UTC (keep)");
    assert!(town.told().contains(&told), "{}", town.told());
    let (_, banner) = town.machines[1].stage.model().banner();
    let banner = banner.concat();
    assert!(banner.starts_with(&format!("KEPT ELSEWHERE: process {process} on stage")), "{banner}");
    town.pass(900).await;
    assert!(is_held(&town, 0) && knows_another(&town, 1), "it is renewed: {}", town.told());

    town.machines[0].kill();
    town.take_one().await;
    town.pass(200).await;
    assert_eq!(town.alive().len(), WANTED - 1, "its time is not over: {}", town.told());
    town.until(600, "it takes over", |town| is_held(town, 1)).await;
    town.until(60, "it launches", |town| town.alive().len() == WANTED).await;
    assert!(town.told().contains("is taken over"), "{}", town.told());
    assert_eq!(town.most, WANTED, "{}", town.told());

    town.machines[0].start().await;
    town.until(60, "the first one yields", |town| knows_another(town, 0)).await;
    town.pass(600).await;
    assert_eq!((town.most, town.alive().len()), (WANTED, WANTED), "{}", town.told());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_killed_takes_its_own_lock_at_once() {
    let mut town = kept().await;
    town.machines[0].kill();
    town.machines[0].start().await;
    town.until(5, "it is held again", |town| is_held(town, 0)).await;
    assert!(!town.told().contains("launched before"), "{}", town.told());
    assert_eq!(town.locks().await, 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_slept_launches_nothing_when_it_wakes() {
    let mut town = kept().await;
    town.machines[1].start().await;
    town.machines[0].sleep();
    town.until(900, "the other one takes over", |town| is_held(town, 1)).await;
    town.take_one().await;
    town.until(120, "it launches", |town| town.alive().len() == WANTED).await;
    let before = launches(&town);
    town.take_one().await;
    town.machines[0].wake();
    town.until(120, "the first one knows", |town| knows_another(town, 0)).await;
    assert!(town.told().contains("has it now"), "{}", town.told());
    town.until(120, "all are there", |town| town.alive().len() == WANTED).await;
    town.pass(600).await;
    assert_eq!((town.most, launches(&town)), (WANTED, before + 1), "{}", town.told());
}

#[tokio::test(start_paused = true)]
async fn what_is_let_go_of_is_taken_without_waiting_for_its_term() {
    let mut town = kept().await;
    town.machines[1].start().await;
    town.machines[0].end().await;
    assert_eq!(town.locks().await, 0, "{}", town.told());
    // A try each half a minute, and a minute in which EC2 may tell of what the first one launched.
    town.until(120, "the second one has it", |town| is_held(town, 1)).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_launched_a_moment_ago_is_looked_for_before_anything_else() {
    let mut town = Town::new([Role::Keep, Role::Keep], "auto", 1);
    town.machines[0].start().await;
    town.until(60, "all are there", |town| town.alive().len() == WANTED).await;
    town.machines[0].end().await;
    assert_eq!(town.locks().await, 1, "it says that it is free: {}", town.told());
    town.machines[1].start().await;
    town.until(120, "the second one has it", |town| is_held(town, 1)).await;
    assert!(town.told().contains("another machine launched before"), "{}", town.told());
    town.pass(300).await;
    assert_eq!((town.most, town.alive().len()), (WANTED, WANTED), "{}", town.told());
}

#[tokio::test(start_paused = true)]
async fn a_create_is_refused_where_another_machine_keeps() {
    let mut town = kept().await;
    town.machines[1].role = Role::Create;
    town.machines[1].start().await;
    let one = Counts::from([("us-west-2".into(), 1)]);
    town.machines[1].stage.command(Command::create(Some(one)));
    town.pass(300).await;
    assert_eq!((town.most, town.alive().len()), (WANTED, WANTED), "{}", town.told());
    let log = town.machines[1].stage.log();
    assert!(log.contains("[create] WARNING: nothing is launched here: kept by process"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn a_create_after_one_that_died_adds_nothing_to_what_that_one_launched() {
    let mut town = Town::new([Role::Keep, Role::Create], "auto", 1);
    town.machines[0].start().await;
    town.until(60, "it is asked for", |town| launches(town) > 0).await;
    town.machines[0].kill();
    town.pass(310).await;
    // It has not looked yet, and asks for all of them.
    town.machines[1].is_up = true;
    let all = Counts::from([("us-west-2".into(), 3)]);
    town.machines[1].stage.command(Command::create(Some(all)));
    town.pass(900).await;
    assert_eq!((town.most, town.alive().len()), (WANTED, WANTED), "{}", town.told());
    let log = town.machines[1].stage.log();
    assert!(log.contains("who has not renewed the lock in time"), "{log}");
    assert!(log.contains("another machine launched 3 meanwhile"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn a_destroy_waits_for_no_lock_and_leaves_none() {
    let mut town = kept().await;
    town.machines[0].sleep();
    town.machines[1].role = Role::Create;
    town.machines[1].stage.open().await;
    town.machines[1].is_up = true;
    town.machines[1].stage.command(Command::destroy(Scope::All));
    town.until(30, "all of them end", |town| town.alive().is_empty()).await;
    let is_over = |town: &Town| town.machines[1].stage.model().changing().next().is_none();
    town.until(600, "it is over", is_over).await;
    assert_eq!(town.locks().await, 0, "{}", town.told());
    assert!(town.told().contains("what it launches meanwhile is not ended"), "{}", town.told());
    assert_eq!(town.machines[1].stage.left().await, 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_held_the_lock_leaves_none_either() {
    let mut town = Town::new([Role::Create, Role::Keep], "auto", 1);
    town.machines[0].start().await;
    town.until(60, "all are there", |town| town.alive().len() == WANTED).await;
    town.machines[0].stage.command(Command::destroy(Scope::All));
    let is_over = |town: &Town| town.machines[0].stage.model().changing().next().is_none();
    town.until(900, "it is over", is_over).await;
    town.pass(300).await;
    assert_eq!((town.alive().len(), town.locks().await), (0, 0), "{}", town.told());
}

#[tokio::test(start_paused = true)]
async fn where_the_right_for_it_is_missing_it_launches_and_says_so_once() {
    for action in ["CreateLaunchTemplate", "DescribeLaunchTemplates", "CreateTags"] {
        let scenario = format!(
            "calls: [{{ action: {action}, count: 1000, trouble: {{ error: {{ status: 403, code: \
             UnauthorizedOperation, message: no }} }} }}]"
        );
        let scenario = Scenario::parse(&scenario).unwrap();
        let mut town = Town::where_it_happens([Role::Keep, Role::Keep], "auto", scenario);
        town.machines[0].start().await;
        town.until(60, "all are there", |town| town.alive().len() == WANTED).await;
        town.pass(300).await;
        town.take_one().await;
        town.until(120, "it goes on", |town| town.alive().len() == WANTED).await;
        assert!(matches!(town.standing(0), LockStanding::Without(_)), "{}", town.told());
        let said = town.told().matches("no lock keeps two machines").count();
        assert_eq!(said, 1, "{action}: {}", town.told());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_settled_by_its_nonce() {
    let lost = "calls: [{ action: CreateLaunchTemplate, trouble: cut_after }]";
    let scenario = Scenario::parse(lost).unwrap();
    let mut town = Town::where_it_happens([Role::Keep, Role::Keep], "auto", scenario);
    town.machines[0].start().await;
    town.until(120, "it is held", |town| is_held(town, 0)).await;
    town.until(60, "all are there", |town| town.alive().len() == WANTED).await;
    assert_eq!(town.locks().await, 1);
}
