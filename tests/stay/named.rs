//! Machines of the configuration, by their names.

use spot_tui::app::{Action, Command, Scope};
use spot_tui::demo::Scenario;

use super::{dev, up, word};
use crate::support::stage::Stage;

const NAMED: &str = "regions: [us-west-2: { machine_type: t3.medium, instances_per_region: 1 }]\n\
                     machines: [{ name: dev, region: us-west-2, type: t3.small }]";

#[tokio::test(start_paused = true)]
async fn a_machine_is_launched_and_started_by_its_name_and_counts_nowhere() {
    let mut stage = Stage::set(NAMED, Scenario::parse("{}").unwrap());
    stage.open().await;
    up(&mut stage);
    up(&mut stage);
    stage.until(600, "dev is ready", |stage| dev(stage) == "Ready").await;
    assert!(stage.log().contains("dev is being launched"), "{}", stage.log());
    let row = stage.model().fleet.alive().next().unwrap().clone();
    let machine = row.machine.clone().unwrap();
    assert_eq!((machine.name.as_deref(), machine.machine_type.as_str()), (Some("dev"), "t3.small"));

    // The count of its region is one, and it is none of that.
    stage.command(Command::create(None));
    stage.until(600, "the fleet is ready", |stage| word(stage) == "Ready Ready").await;
    up(&mut stage);
    stage.pass(30).await;
    assert_eq!(stage.model().fleet.alive().count(), 2, "{}", stage.log());
    assert!(stage.log().contains("dev is there: Ready"), "{}", stage.log());

    let scope = Scope::Instances(vec![row.key.clone()]);
    stage.command(Command::Act(Action::Stop, scope));
    stage.until(400, "dev is stopped", |stage| dev(stage) == "Stopped").await;
    up(&mut stage);
    stage.until(600, "dev is ready again", |stage| dev(stage) == "Ready").await;
    assert_eq!(stage.calls("RunInstances"), 2, "{}", stage.log());
    stage.destroy().await;
    assert_eq!(stage.left().await, 0, "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn a_machine_whose_launch_was_killed_is_one_machine_after_the_next_up() {
    for seconds in [0, 1, 2, 4, 8, 20, 60] {
        let mut stage = Stage::set(NAMED, Scenario::parse("{}").unwrap());
        stage.open().await;
        up(&mut stage);
        stage.pass(seconds).await;
        stage.kill();
        stage.open().await;
        stage.pass(5).await;
        up(&mut stage);
        stage.until(900, "dev is ready", |stage| dev(stage) == "Ready").await;
        stage.pass(120).await;
        assert_eq!(stage.model().fleet.alive().count(), 1, "{seconds}: {}", stage.log());
        let zones = stage.zones().await;
        assert_eq!(zones.values().sum::<usize>(), 1, "{seconds}: {zones:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_not_in_the_configuration_is_refused_with_those_that_are() {
    let mut stage = Stage::set(NAMED, Scenario::parse("{}").unwrap());
    stage.open().await;
    stage.command(Command::Act(Action::Up("prod".into()), Scope::All));
    assert!(stage.log().contains("no machine 'prod' under machines: there is dev"));
    assert_eq!(stage.calls("RunInstances"), 0);
}
