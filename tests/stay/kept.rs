//! What a machine keeps, over stops, recreates and ends.

use std::time::Duration;

use spot_tui::app::{Action, Command, Scope, Selection, receipt};
use spot_tui::demo::hosts::Arrived;
use spot_tui::demo::{Scenario, by_hand, connector};
use spot_tui::fleet::Kept;
use spot_tui::headless::{ListFormat, print_list};
use spot_tui::jobs::Pace;

use super::{KEEPS, brought_up, counts, dev, kept, the_row, up, with_all_it_keeps};
use crate::support::stage::{Stage, seldom};

#[tokio::test(start_paused = true)]
async fn a_machine_keeps_its_root_its_home_and_its_address_over_a_stop() {
    let mut stage = with_all_it_keeps("{}").await;
    let (before, row) = (kept(&stage), the_row(&stage));
    assert_eq!(before.keys().copied().collect::<Vec<_>>(), ["address", "home", "root"]);
    assert_eq!(before["home"].1, Some(20));
    let address = row.address();
    assert_eq!(address, before["address"].2, "{}", stage.log());
    let scope = Scope::Instances(vec![row.key.clone()]);
    stage.command(Command::Act(Action::Stop, scope));
    stage.until(400, "dev is stopped", |stage| dev(stage) == "Stopped").await;
    stage.until_second(3600).await;
    // Its disks and its address go on: 20 and 30 GiB at 0.08 a month, and 0.005 an hour.
    let stopped = the_row(&stage).cost.hourly;
    let gib = f64::from(20 + before["root"].1.unwrap());
    let wanted = gib * 0.08 / 720.0 + 0.005;
    assert!((stopped.usd - wanted).abs() < 1e-6 && !stopped.is_partial, "{stopped:?} {wanted}");
    up(&mut stage);
    stage.until(900, "dev is ready again", |stage| dev(stage) == "Ready").await;
    assert_eq!((the_row(&stage).address(), kept(&stage)), (address, before));
    assert_eq!(counts(&stage), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_recreated_on_its_own_disk_with_its_key_and_its_address() {
    let mut stage = with_all_it_keeps("{}").await;
    let (before, old) = (kept(&stage), the_row(&stage));
    let scope = Scope::Instances(vec![old.key.clone()]);
    stage.command(Command::Act(Action::Recreate, scope));
    let is_another = |stage: &Stage| {
        let mut rows = stage.model().fleet.alive();
        rows.any(|row| row.phase.word() == "Ready" && row.id() != old.id())
    };
    stage.until(2400, "another instance is ready", is_another).await;
    stage.pass(60).await;
    let new = the_row(&stage);
    assert_eq!(new.host_key, old.host_key, "{}", stage.log());
    assert_eq!((new.address(), kept(&stage)), (old.address(), before), "{}", stage.log());
    assert_eq!(counts(&stage), (2, 1), "the disk that the launch brought is gone");
    assert_eq!(stage.model().fleet.alive().count(), 1);
    let first = old.id().unwrap();
    let arrivals = stage.cloud.hosts.arrivals(first);
    let uploads = arrivals.iter().filter(|it| it.what == Arrived::Upload).count();
    assert_eq!(uploads, 1, "what is set up on the disk is not set up again");
    let mounts = stage.cloud.hosts.mounts(&kept(&stage)["home"].0);
    assert_eq!(mounts, [first.clone(), new.id().unwrap().clone()], "formatted once");
    assert_eq!(stage.calls("RunInstances"), 2);
    stage.destroy().await;
    assert_eq!(stage.left().await, 0, "{}", stage.log());
    assert_eq!(counts(&stage), (2, 1), "what is kept stays: {}", stage.log());
    assert!(stage.log().contains("--with-kept 3"), "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_goes_only_when_it_is_named() {
    let mut stage = with_all_it_keeps("{}").await;
    let discard = super::discard(&stage);
    stage.command(discard.clone());
    assert!(stage.log().contains("destroy it first"), "{}", stage.log());
    stage.destroy().await;
    // Nobody has it now, and it costs.
    let hourly = stage.model().fleet.costs()[&"us-west-2".into()].hourly;
    assert!(hourly.usd > 0.005, "{hourly:?}");
    let clean_up = Command::Act(Action::CleanUp, Scope::Account("123456789012".into(), Vec::new()));
    stage.command(clean_up);
    stage.until(600, "it is cleaned up", |stage| stage.model().active().count() == 1).await;
    assert_eq!(counts(&stage), (2, 1), "{}", stage.log());
    stage.command(discard);
    stage.until(600, "it is gone", |stage| counts(stage) == (0, 0)).await;
    stage.pass(30).await;
    assert_eq!(stage.model().fleet.kept().count(), 0);
    assert_eq!(stage.left().await, 0, "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_aws_ended_comes_back_by_its_name() {
    let mut stage = with_all_it_keeps("{}").await;
    let (before, old) = (kept(&stage), the_row(&stage));
    let request = old.machine.as_ref().unwrap().birth.spot_request.clone().unwrap();
    let end = format!("Action=CancelSpotInstanceRequests&SpotInstanceRequestId.1={request}");
    by_hand(&stage.cloud.world, "us-west-2", &end);
    let end = format!("Action=TerminateInstances&InstanceId.1={}", old.id().unwrap());
    by_hand(&stage.cloud.world, "us-west-2", &end);
    stage.until(600, "it is over", |stage| dev(stage) == "none").await;
    up(&mut stage);
    stage.until(2400, "dev is ready", |stage| dev(stage) == "Ready").await;
    stage.pass(60).await;
    let new = the_row(&stage);
    assert_eq!((new.host_key.as_ref(), new.address()), (old.host_key.as_ref(), old.address()));
    assert_eq!((kept(&stage), counts(&stage)), (before, (2, 1)), "{}", stage.log());
}

/// Its request was not cancelled: EC2 launches another one for it by itself. Where that was quicker, it is
/// named, and nothing is launched beside it.
#[tokio::test(start_paused = true)]
async fn a_machine_that_somebody_ended_does_not_come_back_twice() {
    for pause in [0, 20, 60] {
        let mut stage = with_all_it_keeps("{}").await;
        let old = the_row(&stage);
        let end = format!("Action=TerminateInstances&InstanceId.1={}", old.id().unwrap());
        by_hand(&stage.cloud.world, "us-west-2", &end);
        stage.until(600, "it ends", |stage| !matches!(dev(stage), "Ready" | "Degraded")).await;
        stage.pass(pause).await;
        up(&mut stage);
        let is_another = |stage: &Stage| {
            let mut rows = stage.model().fleet.alive();
            rows.any(|row| row.phase.word() == "Ready" && row.id() != old.id())
        };
        let is_there = |stage: &Stage| stage.log().contains("dev is there already");
        stage.until(2400, "it goes on", |stage| is_another(stage) || is_there(stage)).await;
        stage.pass(300).await;
        let alive = stage.model().fleet.alive().count();
        assert_eq!(alive, 1, "{pause} s after its end: {}", stage.log());
    }
}

/// Who looked before the other one launched sees it right before it launches itself.
#[tokio::test(start_paused = true)]
async fn a_machine_that_another_process_has_launched_is_not_launched_twice() {
    let mut one = Stage::set(KEEPS, Scenario::parse("{}").unwrap());
    let mut other = Stage::beside(&one.cloud, connector(&one.cloud.world), KEEPS);
    one.open().await;
    other.open().await;
    other.pass(10).await;
    up(&mut one);
    one.until(300, "it is launched", |stage| stage.calls("RunInstances") == 1).await;
    // What it has built is told by then; the other one has not looked again.
    one.pass(20).await;
    assert_eq!(dev(&other), "none");
    up(&mut other);
    let is_refused = |stage: &Stage| stage.log().contains("dev is there already");
    other.until(300, "the second one is refused", is_refused).await;
    one.until(900, "dev is ready", |stage| dev(stage) == "Ready").await;
    assert_eq!(one.calls("RunInstances"), 1, "{}", other.log());
}

/// The configuration came to keep the root when the machine was there already.
#[tokio::test(start_paused = true)]
async fn a_root_that_is_kept_later_outlives_a_recreate() {
    let plain = "machines: [{ name: dev, region: us-west-2, type: t3.small }]";
    let mut stage = super::with_config(plain, "{}").await;
    assert_eq!(kept(&stage).len(), 0);
    let old = the_row(&stage);
    stage.configure("machines: [{ name: dev, region: us-west-2, type: t3.small, keep: root }]");
    stage.open().await;
    stage.until(300, "it is seen", |stage| dev(stage) == "Ready").await;
    let key = the_row(&stage).key.clone();
    stage.command(Command::Act(Action::Recreate, Scope::Instances(vec![key])));
    let is_another = |stage: &Stage| {
        let mut rows = stage.model().fleet.alive();
        rows.any(|row| row.phase.word() == "Ready" && row.id() != old.id())
    };
    stage.until(2400, "another instance is ready", is_another).await;
    stage.pass(60).await;
    assert_eq!(the_row(&stage).host_key, old.host_key, "{}", stage.log());
    assert_eq!(counts(&stage), (1, 0), "one root, the old one: {}", stage.log());
}

/// A type that does not exist is found out before the instance is ended.
#[tokio::test(start_paused = true)]
async fn a_recreate_that_aws_would_refuse_ends_nothing() {
    let config =
        |kind: &str| format!("machines: [{{ name: dev, region: us-west-2, type: {kind} }}]");
    let mut stage = super::with_config(&config("t3.small"), "{}").await;
    let old = the_row(&stage);
    stage.configure(&config("t3.enormous"));
    stage.open().await;
    stage.until(300, "it is seen", |stage| dev(stage) == "Ready").await;
    let key = the_row(&stage).key.clone();
    stage.command(Command::Act(Action::Recreate, Scope::Instances(vec![key])));
    stage.until(300, "it is refused", |stage| stage.log().contains("nothing was ended")).await;
    stage.pass(60).await;
    assert_eq!((dev(&stage), the_row(&stage).id()), ("Ready", old.id()), "{}", stage.log());
    assert_eq!(stage.calls("TerminateInstances"), 0, "{}", stage.log());
}

/// What it kept costs on, and goes by its name, when the configuration has it no more.
#[tokio::test(start_paused = true)]
async fn what_a_machine_kept_is_seen_after_it_left_the_configuration() {
    let mut stage = with_all_it_keeps("{}").await;
    assert_eq!(stage.calls("ModifyInstanceAttribute"), 0, "its root was born so");
    stage.destroy().await;
    assert_eq!(kept(&stage).len(), 3);
    stage.configure("regions: [eu-west-1: { machine_type: t3.small }]");
    stage.open().await;
    stage.until(300, "it is seen", |stage| kept(stage).len() == 3).await;
    stage.command(super::discard(&stage));
    stage.until(600, "it is gone", |stage| counts(stage) == (0, 0)).await;
    let is_forgotten = |stage: &Stage| stage.model().upkeep.kept_in().is_empty();
    stage.until(300, "nothing is kept anywhere", is_forgotten).await;
}

/// What was asked for and not heard of is waited for: the tags of what was just made are told late.
#[tokio::test(start_paused = true)]
async fn what_is_kept_is_made_once_whenever_the_process_is_killed() {
    for second in [0, 1, 2, 3, 4, 6, 8, 12, 20] {
        let mut stage = Stage::set(KEEPS, Scenario::parse("lags: { tags_s: 30 }").unwrap());
        stage.open().await;
        up(&mut stage);
        stage.until(600, "it runs", |stage| dev(stage) == "Running").await;
        stage.pass(second).await;
        stage.kill();
        stage.open().await;
        stage.pass(1).await;
        up(&mut stage);
        stage.until(1800, "dev is ready", |stage| dev(stage) == "Ready").await;
        stage.pass(120).await;
        assert_eq!(counts(&stage), (2, 1), "killed after {second} s: {}", stage.log());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_and_on_no_instance_is_listed_and_counts_for_the_budget() {
    // The disks and the address come to 0.008 an hour, a t3.small with its own to some 0.013.
    let config = format!(
        "{KEEPS}\nregions: [us-west-2: {{ machine_type: t3.small, instances_per_region: 1 }}]\n\
         aws: {{ instance_storage_gb: 8 }}\nbudget: {{ max_hourly_usd: 0.018 }}"
    );
    let mut stage = super::with_config(&config, "{}").await;
    let listed = |stage: &Stage| {
        let mut out = Vec::new();
        print_list(&mut out, stage.model(), &Selection::default(), ListFormat::Table);
        String::from_utf8(out).unwrap()
    };
    assert!(!listed(&stage).contains("on no instance"), "{}", listed(&stage));
    stage.destroy().await;
    let text = listed(&stage);
    for words in ["kept, and on no instance:", "dev", "20 GiB", "address", " a month"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let counts = [("us-west-2".into(), 1)].into();
    stage.command(Command::Act(Action::Add(counts), Scope::All));
    stage.pass(60).await;
    assert!(stage.log().contains("budget.max_hourly_usd"), "{}", stage.log());
    assert_eq!(stage.calls("RunInstances"), 1, "{}", stage.log());
    stage.command(super::discard(&stage));
    stage.until(600, "it keeps nothing", |stage| super::counts(stage) == (0, 0)).await;
    stage.pass(60).await;
    let counts = [("us-west-2".into(), 1)].into();
    stage.command(Command::Act(Action::Add(counts), Scope::All));
    stage.until(900, "there is room for one", |stage| stage.calls("RunInstances") == 2).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_goes_on_costing_when_its_instance_is_gone() {
    let minute = Duration::from_mins(1);
    let pace = Pace { steady: minute, ..seldom() };
    let mut stage = brought_up(Stage::paced(KEEPS, Scenario::parse("{}").unwrap(), pace)).await;
    stage.destroy().await;
    stage.pass(60).await;
    let spent = |stage: &Stage| -> f64 {
        stage.model().fleet.costs().values().map(|cost| cost.accrued.usd).sum()
    };
    let hourly = |stage: &Stage| -> f64 {
        let fleet = &stage.model().fleet;
        let of = |(region, it): (_, &Kept)| it.hourly(&fleet.prices(region).list).usd;
        fleet.kept_apart().map(of).sum()
    };
    let (before, each) = (spent(&stage), hourly(&stage));
    assert!(before > 0.0 && each > 0.005, "two disks and an address: {each}");
    stage.pass(24 * 3600).await;
    let day = spent(&stage) - before;
    assert!((day - 24.0 * each).abs() < each / 60.0, "{day} for {each} an hour");
    // What is over is in the ledger, under its own names.
    let ledger = stage.model().fleet.ledger();
    let (posted, all) = (ledger.sum().total().usd, spent(&stage));
    assert!(posted > all - 1.1 * each && posted <= all, "{posted} of {all}");
    assert_eq!(ledger.instances(), 1);
    let told = receipt(stage.model()).unwrap();
    assert!(
        told.starts_with("1 instance ran ") && told.contains("what is kept goes on for $"),
        "{told}"
    );

    // The next instance pays for it: nothing is paid for twice, and nothing by nobody.
    up(&mut stage);
    stage.until(2400, "dev is ready", |stage| super::dev(stage) == "Ready").await;
    stage.pass(60).await;
    assert!(hourly(&stage) <= 0.0, "{}", stage.log());
    let row = the_row(&stage);
    let gib: u32 = kept(&stage).values().filter_map(|(_, gib, _)| *gib).sum();
    assert_eq!(row.bill.storage_gb, Some(gib), "its own root and its home");
    let born = row.machine.unwrap().birth.launched;
    let begun = stage.model().now.duration_since(born).as_secs_f64() / 3600.0;
    let apart = spent(&stage) - all - row.cost.accrued.usd;
    let until_then = apart / each;
    assert!(
        (-0.001..0.2).contains(&until_then),
        "{until_then} h, and {begun} h since: {}",
        stage.log()
    );
}
