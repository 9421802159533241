//! Throttles, lost answers, closed regions: how they look from the program's side.

use std::time::Instant;

use spot_tui::aws::Class;
use tokio::task::JoinSet;

use super::*;

#[tokio::test(start_paused = true)]
async fn launches_beyond_ec2s_pace_are_throttled_and_fill_up_again() {
    let stage = Stage::play("{}").await;
    let ready = stage.ensure().await.unwrap();
    let request = stage.request(&ready, "a", 1).await;
    let mut launches = JoinSet::new();
    for n in 0..8 {
        let (ec2, mut request) = (stage.ec2(), request.clone());
        request.token = format!("spot-test-{n}").into();
        launches.spawn(async move { ec2.launch(&request).await.map(drop) });
    }
    let refused: Vec<AwsError> =
        launches.join_all().await.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 3, "five at once: {refused:?}");
    for error in &refused {
        assert_eq!((error.class, error.status()), (Class::Retry, Some(503)));
        assert_eq!(error.code.as_deref(), Some("RequestLimitExceeded"));
    }
    pass(1).await;
    stage.ec2().launch(&request).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_throttled_for_long_is_given_up() {
    let story = "calls: [{ action: DescribeInstances, count: 3, trouble: throttle }]";
    let stage = Stage::play(story).await;
    let error = stage.ec2().instances(&ours()).await.unwrap_err();
    assert_eq!(error.class, Class::Retry);
    assert_eq!(stage.calls("DescribeInstances"), 3, "three attempts");
    stage.met_every_fault();
    assert_eq!(stage.machines().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_hung_answer_ends_at_the_read_timeout_without_real_time() {
    let story = "calls: [{ action: DescribeInstances, count: 3, trouble: silence_before }]";
    let stage = Stage::play(story).await;
    let (real, began) = (Instant::now(), tokio::time::Instant::now());
    let error = stage.ec2().instances(&ours()).await.unwrap_err();
    assert_eq!(error.class, Class::Retry, "{error}");
    assert!(began.elapsed().as_secs() >= 180, "three times a minute: {:?}", began.elapsed());
    assert!(real.elapsed().as_secs() < 5, "{:?}", real.elapsed());
    stage.met_every_fault();
}

#[tokio::test(start_paused = true)]
async fn a_gateways_page_is_no_answer() {
    let story = "calls: [{ action: RunInstances, trouble: gateway }]";
    let stage = Stage::play(story).await;
    let ready = stage.ensure().await.unwrap();
    let request = stage.request(&ready, "a", 1).await;
    let error = stage.ec2().launch(&request).await.unwrap_err();
    assert_eq!((error.class, error.status()), (Class::Unknown, Some(502)), "{error}");
    stage.met_every_fault();
}

#[tokio::test(start_paused = true)]
async fn a_region_that_was_not_opted_in_to_is_closed() {
    let stage = Stage::play("{}").await;
    let account = stage.aws.account().await.unwrap();
    assert_eq!((account.id.as_str(), account.creator.as_str()), ("111122223333", "demo"));
    assert_eq!(account.regions.len(), 17);
    assert!(!account.regions.contains(&"af-south-1".into()));
    let closed = stage.aws.region(&"af-south-1".into());
    let error = closed.zones().await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("AuthFailure"));
    assert_eq!(error.class, Class::FatalRegion);

    let opted_in = ["af-south-1".to_owned()].into();
    let open = Stage::set(&Settings { opted_in, ..settings() }, "{}").await;
    assert_eq!(open.aws.account().await.unwrap().regions.len(), 18);
    assert_eq!(open.aws.region(&"af-south-1".into()).zones().await.unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_are_told_as_such() {
    let story = "calls:
      - action: DescribeVpcs
        count: 9
        trouble: { error: { status: 400, code: RequestExpired, message: Request has expired. } }";
    let stage = Stage::play(story).await;
    let error = aws_error(stage.ensure().await.unwrap_err());
    assert!(matches!(error.class, Class::Credentials(_)), "{error}");
    stage.met_every_fault();
}
