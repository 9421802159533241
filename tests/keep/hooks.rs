//! The user's commands at the turns of a node's life, on the demo's hosts.

use spot_tui::app::{Action, Command, Scope};
use spot_tui::demo::Scenario;

use crate::support::stage::Stage;

fn config(hooks: &str) -> String {
    format!(
        "aws: {{ total_instances: 2 }}\nregions: [us-west-2: {{ machine_type: t3.medium }}]\n\
         hooks: {hooks}\n"
    )
}

async fn ready(hooks: &str, story: &str) -> Stage {
    let mut stage = Stage::set(&config(hooks), Scenario::parse(story).unwrap());
    stage.open().await;
    stage.command(Command::create(None));
    let all_ready = |stage: &Stage| stage.phases().get("Ready") == Some(&2);
    stage.until(2400, "two are ready", all_ready).await;
    stage
}

fn said(stage: &Stage, line: &str) -> usize {
    stage.output().lines().filter(|said| *said == line).count()
}

#[tokio::test(start_paused = true)]
async fn they_run_at_the_turns_of_a_nodes_life_and_what_they_print_is_its_output() {
    let hooks = "{ ready: echo it works, interrupted: echo saved, destroy: echo bye }";
    let story = "interruptions: [{ at_s: 1800, count: 1 }]";
    let mut stage = ready(hooks, story).await;
    assert_eq!(said(&stage, "ready: it works"), 2, "{}", stage.output());
    stage.until(2400, "one is taken back", |stage| said(stage, "interrupted: saved") == 1).await;
    stage
        .until(200, "its work is stopped after that", |stage| stage.log().contains("drained"))
        .await;
    let log = stage.log();
    let (hook, drained) = (log.find("hook interrupted: done"), log.find("drained: Bacalhau"));
    assert!(hook.unwrap() < drained.unwrap(), "{log}");
    assert_eq!(said(&stage, "destroy: bye"), 0);
    // Until that one is gone.
    stage.pass(300).await;
    stage.destroy().await;
    assert_eq!(said(&stage, "destroy: bye"), 1, "on the one that is left\n{}", stage.output());
    assert_eq!(stage.left().await, 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_is_said_and_holds_up_nothing() {
    let mut stage = ready("{ ready: nonsense, destroy: nonsense }", "{}").await;
    assert_eq!(stage.log().matches("hook ready: exit status").count(), 2, "{}", stage.log());
    stage.destroy().await;
    assert_eq!(stage.log().matches("hook destroy: exit status").count(), 2, "{}", stage.log());
    assert_eq!(stage.left().await, 0);
}

#[tokio::test(start_paused = true)]
async fn before_a_machine_is_stopped_its_command_runs_and_after_it_the_machine_rests() {
    let config = "machines: [{ name: dev, region: us-west-2, type: t3.small }]\n\
                  hooks: { stop: echo saved, ready: echo up }";
    let mut stage = Stage::set(config, Scenario::parse("{}").unwrap());
    stage.open().await;
    stage.command(Command::Act(Action::Up("dev".into()), Scope::All));
    stage.until(900, "dev is ready", |stage| stage.phases().contains_key("Ready")).await;
    assert_eq!((said(&stage, "ready: up"), said(&stage, "stop: saved")), (1, 0));
    let dev = stage.model().fleet.instances().next().unwrap().key.clone();
    stage.command(Command::Act(Action::Stop, Scope::Instances(vec![dev])));
    stage.until(900, "it stops", |stage| stage.phases().contains_key("Stopped")).await;
    assert_eq!(said(&stage, "stop: saved"), 1, "{}", stage.output());
    assert_eq!(stage.calls("StopInstances"), 1);
}
