//! That a sweep of kills can fail: without the journal something is made twice, and without its tag what
//! is kept goes with the rest.

use spot_tui::demo::{Scenario, by_hand};

use super::{KEEPS, counts, dev, kept, up, with_all_it_keeps};
use crate::support::stage::Stage;

/// The first launch of a machine is killed as soon as this was asked for, where EC2 tells of new tags half
/// a minute late, and somebody asks for the machine again at once. How many volumes and addresses there
/// are then.
async fn killed_at(action: &str, has_journal: bool) -> (usize, usize) {
    let mut stage = Stage::set(KEEPS, Scenario::parse("lags: { tags_s: 30 }").unwrap());
    stage.open().await;
    up(&mut stage);
    stage.until(600, "it is asked for", |stage| stage.calls(action) == 1).await;
    if !has_journal {
        stage.change_journal(|_| String::new());
    }
    stage.kill();
    stage.open().await;
    up(&mut stage);
    stage.until(1800, "dev is ready", |stage| dev(stage) == "Ready").await;
    stage.pass(120).await;
    counts(&stage)
}

#[tokio::test(start_paused = true)]
async fn without_the_journal_something_is_made_twice() {
    for action in ["CreateVolume", "AllocateAddress"] {
        assert_eq!(killed_at(action, true).await, (2, 1), "{action}");
        let (volumes, addresses) = killed_at(action, false).await;
        assert_eq!(volumes + addresses, 4, "{action}: {volumes} volumes, {addresses} addresses");
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_tag_what_is_kept_goes_with_the_rest() {
    for (kind, left) in [("root", (1, 1)), ("home", (1, 1)), ("address", (2, 0))] {
        let mut stage = with_all_it_keeps("{}").await;
        let id = kept(&stage)[kind].0.clone();
        let form = format!("Action=DeleteTags&ResourceId.1={id}&Tag.1.Key=Kept");
        by_hand(&stage.cloud.world, "us-west-2", &form);
        stage.destroy().await;
        assert_eq!(counts(&stage), left, "{kind}: {}", stage.log());
    }
}
