//! The disks of a machine's type: mounted on its node, and refused where the type has none.

use spot_tui::demo::Scenario;

use super::{dev, the_row, up, with_config};
use crate::support::stage::Stage;

fn config(kind: &str) -> String {
    format!(
        "machines: [{{ name: dev, region: us-west-2, type: {kind}, \
         instance_store: {{ mount: /scratch, filesystem: xfs }} }}]"
    )
}

#[tokio::test(start_paused = true)]
async fn they_are_mounted_once_it_answers() {
    let stage = with_config(&config("m5d.large"), "{}").await;
    let row = the_row(&stage);
    let printed = stage.model().log.of(&row.key).unwrap();
    let said: Vec<&str> = printed.lines().map(|line| line.text.as_str()).collect();
    assert!(said.contains(&"the instance store is mounted at /scratch"), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_type_without_them_is_refused_before_anything_is_launched() {
    let mut stage = Stage::set(&config("t3.large"), Scenario::parse("{}").unwrap());
    stage.open().await;
    up(&mut stage);
    let quiet = |stage: &Stage| stage.model().changing().next().is_none();
    stage.until(300, "it is over", quiet).await;
    assert!(stage.log().contains("t3.large has no instance store for dev"), "{}", stage.log());
    assert_eq!((stage.calls("RunInstances"), dev(&stage)), (0, "none"));
}
