//! Who we are, which images and machine types there are, and what the wire does when it fails.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

#[tokio::test]
async fn the_account_names_its_creator_and_only_its_enabled_regions() {
    let world = World::start().await;
    let account = world.aws.account().await.unwrap();
    assert_eq!(account.id.as_str(), "123456789012");
    assert!(!account.creator.is_empty() && !account.creator.contains([':', '/']));
    assert!(account.regions.contains(&REGION.into()));
    assert!(account.regions.is_sorted());
    assert!(!account.regions.contains(&"me-south-1".into()), "not opted in: {account:?}");
    assert!(world.aws.is_loopback());
    let who = &world.proxy.calls()[0];
    assert_eq!((who.service.as_str(), who.action.as_str()), ("sts", "GetCallerIdentity"));
    let asked = &world.proxy.calls_of("DescribeRegions")[0];
    assert_eq!(asked.parameter("Filter.1.Name"), Some("opt-in-status"));
}

#[tokio::test]
async fn the_image_is_canonicals_newest_where_ssm_has_no_answer() {
    let world = World::start().await;
    let ec2 = world.ec2();
    for (release, name) in
        [(UbuntuRelease::Jammy, "jammy-22.04"), (UbuntuRelease::Noble, "noble-24.04")]
    {
        for architecture in [Architecture::Amd64, Architecture::Arm64] {
            let image = ec2.image(release, architecture).await.unwrap();
            let wanted = format!("ubuntu-{name}-{}-server-20261101", architecture.word());
            assert!(image.name.ends_with(&wanted), "{image:?}");
            assert_eq!(
                (image.architecture, image.root_device.as_str()),
                (architecture, "/dev/sda1")
            );
        }
    }
    let asked = world.proxy.calls_of("GetParameter");
    assert_eq!(asked.len(), 4);
    assert_eq!((asked[3].service.as_str(), asked[3].region.as_str()), ("ssm", REGION));
    assert!(asked[3].body.contains("24.04/stable/current/arm64/hvm/ebs-gp3/ami-id"));
    let unknown = ec2.image_by_id(&"ami-00000000000000000".into()).await.unwrap_err();
    assert!(unknown.is_stale_image(), "{unknown}");
    assert_eq!(unknown.class, Class::FatalRegion);
}

#[tokio::test]
async fn an_unknown_machine_type_is_named() {
    let world = World::start().await;
    let ec2 = world.ec2();
    let known = ec2.machine_types(&["t4g.medium".into(), "t3.medium".into()]).await.unwrap();
    assert_eq!(known[0].architecture, Architecture::Arm64);
    assert_eq!((known[1].vcpus, known[1].memory_mib, known[1].spot), (2, 4096, true));
    let some = ec2.machine_types(&["t3.medium".into(), "t9.mega".into()]).await.unwrap();
    assert_eq!(some, known[1..], "the others go on");
    let unknown = ec2.machine_types(&["t9.mega".into()]).await.unwrap_err();
    let failure = unknown.failure(Step::Launch);
    assert!(failure.reason.contains("t9.mega"), "{failure}");
    assert!(failure.hint.contains("machine_type"), "{failure}");
    let offers = ec2.offerings(&["t3.medium".into()]).await.unwrap();
    let zones = ec2.zones().await.unwrap();
    assert!(!offers.is_empty());
    assert!(offers.iter().all(|(_, zone)| zones.contains(zone)), "{offers:?} {zones:?}");
}

#[tokio::test]
async fn a_question_is_asked_again_and_an_answer_that_stays_away_is_an_error() {
    let world = World::start().await;
    let ours = Selector::deployment(&deployment());
    let slow = || Fault::Refuse { status: 503, code: "RequestLimitExceeded", message: "slow" };
    world.proxy.fail("DescribeInstances", 1, slow());
    assert!(world.ec2().instances(&ours).await.unwrap().is_empty());
    assert_eq!(world.proxy.take().len(), 2);
    for nth in 1..=3 {
        world.proxy.fail("DescribeInstances", nth, slow());
    }
    let error = world.ec2().instances(&ours).await.unwrap_err();
    assert_eq!((error.class, error.status()), (Class::Retry, Some(503)));
    assert!(error.request_id().is_some_and(|id| id.starts_with("req-")));
    assert_eq!(world.proxy.take().len(), 3);
    world.proxy.fail("DescribeInstances", 1, Fault::Cut);
    assert!(world.ec2().instances(&ours).await.unwrap().is_empty());
    let stale = Fault::Refuse { status: 403, code: "ExpiredToken", message: "expired" };
    world.proxy.fail("GetCallerIdentity", 1, stale);
    let error = world.aws.account().await.unwrap_err();
    assert_eq!(error.class, Class::Credentials(Credential::Expired), "{error}");
}

#[tokio::test]
async fn nobody_at_the_endpoint_is_trouble_that_may_pass() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let aws = Aws::open(&Access {
        endpoint: Some(format!("http://{closed}")),
        credentials: Some(Credentials::new("key", "secret", None, None, "test")),
        ..Access::default()
    })
    .await
    .unwrap();
    let error = aws.account().await.unwrap_err();
    assert_eq!(error.class, Class::Retry, "{error}");
    assert!(error.to_string().to_lowercase().contains("connection refused"), "{error}");
}

#[tokio::test]
async fn an_answer_that_stops_in_the_middle_ends() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (begun, half) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n<GetCallerIdentity";
        stream.write_all(head).await.unwrap();
        begun.send(()).unwrap();
        // It stays open and says nothing more; nor is another one taken.
        std::future::pending::<()>().await;
    });
    let access = Access {
        endpoint: Some(endpoint),
        credentials: Some(Credentials::new("key", "secret", None, None, "test")),
        ..Access::default()
    };
    let aws = Aws::open(&access).await.unwrap();
    let asked = tokio::spawn(async move { aws.account().await });
    half.await.unwrap();
    tokio::time::pause();
    let answer = tokio::time::timeout(Duration::from_mins(10), asked).await;
    let error = answer.expect("it waits for ever").unwrap().unwrap_err();
    assert_eq!(error.class, Class::Retry, "{error}");
}
