//! Many instances in many regions, and the jobs on them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use spot_tui::fleet::{DestroyScope, Ec2State, Job, JobId, Outcome};
use spot_tui::jobs::{self, Context, ContextSettings, questions, report_channel};
use spot_tui::store::{Cache, Journal, Paths};

use super::*;

#[tokio::test(start_paused = true)]
async fn every_page_of_2500_instances_is_seen_once() {
    let stage = Stage::play("{}").await;
    assert_eq!(stage.world.preload_in(REGION, 2500, "spot-test", "tester"), 2500);
    let machines = stage.machines().await;
    let ids: BTreeSet<_> = machines.iter().map(|machine| machine.id.clone()).collect();
    assert_eq!((machines.len(), ids.len()), (2500, 2500));
    assert!(machines.iter().all(|machine| machine.seen.state == Ec2State::Running));
    assert_eq!(stage.calls("DescribeInstances"), 3);
    let addresses: BTreeSet<_> = machines.iter().map(|machine| machine.seen.public_ip).collect();
    assert_eq!(addresses.len(), 2500, "everybody has an address of his own");
    assert_eq!(stage.requests().await.len(), 2500);
}

/// What the user's `destroy --all` does, with everything but SSH: 17 regions at once.
#[tokio::test(start_paused = true)]
async fn the_destroy_job_leaves_nothing_in_any_region() {
    let stage = Stage::play(
        "calls:
           - { action: TerminateInstances, region: eu-west-1, trouble: throttle }
           - { action: TerminateInstances, region: us-east-1, trouble: cut_after }
           - { action: CancelSpotInstanceRequests, region: sa-east-1, trouble: silence_before }",
    )
    .await;
    assert_eq!(stage.world.preload(100, "spot-test", "demo"), 100);
    assert_eq!(stage.world.preload(17, "spot-other", "demo"), 17);
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths::new(folder.path().join("instances.json"));
    let context = Arc::new(Context::new(ContextSettings {
        journal: Some(Arc::new(Journal::open(&paths).unwrap())),
        ..ContextSettings::new(
            deployment(),
            access(&stage.world),
            Cache::new(folder.path()),
            questions().0,
        )
    }));
    let real = Instant::now();
    let (report_sender, mut reports) = report_channel(SharedTimeSource::new(stage.world.clock()));
    let told = tokio::spawn(async move { while reports.next().await.job == JobId(1) {} });
    let job = jobs::run(
        context,
        Job::Destroy(DestroyScope::Everything),
        report_sender.reporter(JobId(1)),
    );
    assert_eq!(job.await, Outcome::Done);
    told.abort();
    assert!(real.elapsed().as_secs() < 60, "{:?}", real.elapsed());
    stage.met_every_fault();

    let others = Selector::deployment(&"spot-other".into());
    for region in &stage.aws.account().await.unwrap().regions {
        let ec2 = stage.aws.region(region);
        assert!(ec2.residue(&ours()).await.unwrap().is_empty(), "{region}");
        assert_eq!(ec2.instances(&others).await.unwrap().len(), 1, "{region}: not ours");
    }
}

/// The same seed tells the same story, another one another.
#[tokio::test(start_paused = true)]
async fn a_story_is_the_same_for_the_same_seed() {
    async fn told(seed: u64) -> Vec<String> {
        let stage = Stage::set(&Settings { seed, ..settings() }, "{}").await;
        let ready = stage.ensure().await.unwrap();
        stage.ec2().launch(&stage.request(&ready, "a", 3).await).await.unwrap();
        let mut story = Vec::new();
        for _ in 0..10 {
            pass(1).await;
            let machines = stage.machines().await;
            story.extend(
                machines
                    .iter()
                    .map(|it| format!("{} {} {:?}", it.id, it.seen.state, it.seen.public_ip)),
            );
        }
        story
    }
    let story = told(7).await;
    assert!(!story.is_empty());
    assert_eq!(told(7).await, story);
    assert_ne!(told(8).await, story);
}
