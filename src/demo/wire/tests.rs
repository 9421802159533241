//! The wire by itself: what is answered to a form, and that rubbish does no harm.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::answer::answer;
use super::message::{Reply, Request};
use super::*;
use crate::demo::dice::Dice;
use crate::demo::{Scenario, Settings, World};

const AUTHORIZATION: &str =
    "AWS4-HMAC-SHA256 Credential=key/20261120/us-west-2/ec2/aws4_request, SignedHeaders=host";

fn world() -> World {
    let began = "2026-11-20T09:00:00Z".parse().unwrap();
    let settings = Settings { began, throttles: false, lag: Duration::ZERO, ..Settings::default() };
    World::new(&settings, Scenario::default())
}

fn request(form: &str) -> Request {
    Request {
        authorization: AUTHORIZATION.to_owned(),
        path: "/".to_owned(),
        target: String::new(),
        body: form.as_bytes().to_vec(),
    }
}

/// The status and the body of the answer to a form.
fn ask(world: &World, form: &str) -> (u16, String) {
    match answer(world, &request(form)) {
        Reply::Answer(answer) => (answer.status, answer.body),
        other => panic!("{form}: {other:?}"),
    }
}

/// The answer of a form that has to succeed.
fn told(world: &World, form: &str) -> String {
    let (status, body) = ask(world, form);
    assert_eq!(status, 200, "{form}: {body}");
    body
}

/// The code of a form that has to be refused.
fn refused(world: &World, form: &str) -> String {
    let (status, body) = ask(world, form);
    assert_ne!(status, 200, "{form}: {body}");
    inside(&body, "Code").unwrap_or_default()
}

/// The text of the first such element.
fn inside(body: &str, tag: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("<{tag}>"))?;
    Some(rest.split_once("</")?.0.to_owned())
}

#[tokio::test(start_paused = true)]
async fn strange_questions_are_refused_as_aws_refuses_them() {
    let world = world();
    for (form, code) in [
        ("", "InvalidAction"),
        ("Action=DescribeUnicorns", "InvalidAction"),
        ("Action=DescribeVpcs&Colour=red", "UnknownParameter"),
        ("Action=DescribeVpcs&Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue"),
        ("Action=DescribeVpcs&Filter.1.Value.1=red", "MissingParameter"),
        ("Action=DescribeVpcs&VpcId.1=vpc-1", "InvalidVpcID.NotFound"),
        ("Action=DescribeVpcs&MaxResults=2", "InvalidParameterValue"),
        ("Action=DescribeVpcs&MaxResults=many", "InvalidParameterValue"),
        ("Action=DescribeVpcs&NextToken=%25%25", "InvalidPaginationToken"),
        ("Action=DescribeVpcs&DryRun=true", "DryRunOperation"),
        ("Action=TerminateInstances", "MissingParameter"),
        ("Action=TerminateInstances&InstanceId.1=x", "InvalidInstanceID.Malformed"),
        ("Action=TerminateInstances&InstanceId.1=i-1", "InvalidInstanceID.Malformed"),
        ("Action=DescribeInstances&InstanceId.1=i-1", "InvalidInstanceID.Malformed"),
        ("Action=DescribeVolumes&VolumeId.1=vol-x", "InvalidVolumeID.Malformed"),
        ("Action=TerminateInstances&InstanceId.1=i-01234567", "InvalidInstanceID.NotFound"),
        ("Action=CreateTags&ResourceId.1=i-01234567&Tag.1.Key=aws:x", "InvalidTagKey.Malformed"),
        ("Action=CreateVpc&CidrBlock=10.0.0.0/8", "InvalidVpc.Range"),
        ("Action=CreateVpc&CidrBlock=x", "InvalidParameterValue"),
        ("Action=DescribeInstanceTypes&InstanceType.1=p9.future", "InvalidInstanceType"),
        ("Action=ReleaseAddress&AllocationId=eipalloc-1", "InvalidAllocationID.NotFound"),
        ("Action=CreateTags&ResourceId.1=vpc-1&Tag.1.Key=a", "InvalidVpcID.NotFound"),
        ("Action=CreateTags&ResourceId.1=x-1&Tag.1.Key=a", "InvalidID"),
        ("Action=DescribeInstanceStatus&InstanceId.1=i-01234567", "InvalidInstanceID.NotFound"),
        ("Action=DescribeTags&Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue"),
    ] {
        assert_eq!(refused(&world, form), code, "{form}");
    }
    let unsigned = Request { authorization: String::new(), ..request("Action=DescribeVpcs") };
    assert!(matches!(answer(&world, &unsigned), Reply::Answer(it) if it.status == 403));
}

/// `Filter` of the Price List API: a value has one character at the least.
#[tokio::test(start_paused = true)]
async fn the_price_list_refuses_a_filter_without_a_value() {
    let world = world();
    for (value, status) in [("t3.medium", 200), ("", 400)] {
        let filter = format!(r#"{{"Type":"ANY_OF","Field":"instanceType","Value":"{value}"}}"#);
        let body = format!(r#"{{"ServiceCode":"AmazonEC2","Filters":[{filter}]}}"#);
        let asked = Request {
            authorization: AUTHORIZATION.replace("/ec2/", "/pricing/"),
            target: "AWSPriceListService.GetProducts".to_owned(),
            ..request(&body)
        };
        let Reply::Answer(told) = answer(&world, &asked) else { panic!("no answer") };
        assert_eq!(told.status, status, "{value:?}: {}", told.body);
    }
}

#[tokio::test(start_paused = true)]
async fn tags_are_written_read_by_pattern_and_taken_away() {
    let world = world();
    let made = told(
        &world,
        "Action=CreateVpc&CidrBlock=10.0.0.0/16&TagSpecification.1.ResourceType=vpc\
         &TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=a%3Cb%26c",
    );
    let id = inside(&made, "vpcId").unwrap();
    assert!(made.contains("<value>a&lt;b&amp;c</value>"), "{made}");
    let found = |form: &str| told(&world, &format!("Action=DescribeVpcs&{form}")).contains(&id);
    assert!(found("Filter.1.Name=tag:Name&Filter.1.Value.1=a*c"));
    assert!(found("Filter.1.Name=tag-key&Filter.1.Value.1=Name"));
    assert!(!found("Filter.1.Name=tag:Name&Filter.1.Value.1=b*"));
    told(&world, &format!("Action=CreateTags&ResourceId.1={id}&Tag.1.Key=team&Tag.1.Value=blue"));
    assert!(found("Filter.1.Name=tag:team&Filter.1.Value.1=blue"));
    told(&world, &format!("Action=DeleteTags&ResourceId.1={id}&Tag.1.Key=team&Tag.1.Value=red"));
    assert!(found("Filter.1.Name=tag:team&Filter.1.Value.1=blue"), "another value: not meant");
    told(&world, &format!("Action=DeleteTags&ResourceId.1={id}&Tag.1.Key=team"));
    assert!(!found("Filter.1.Name=tag:team&Filter.1.Value.1=blue"));
    let wrong = "Action=CreateVpc&CidrBlock=10.1.0.0/16&TagSpecification.1.ResourceType=subnet";
    assert_eq!(refused(&world, wrong), "InvalidParameterValue");
}

#[tokio::test(start_paused = true)]
async fn prices_have_a_history_in_pages() {
    let world = world();
    let now = "Action=DescribeSpotPriceHistory&InstanceType.1=t3.medium\
               &ProductDescription.1=Linux%2FUNIX&StartTime=2026-11-20T09:00:00Z";
    let body = told(&world, now);
    assert_eq!(body.matches("<spotPrice>").count(), 4, "one for each zone: {body}");
    let price: f64 = inside(&body, "spotPrice").unwrap().parse().unwrap();
    assert!((0.005..0.0416).contains(&price), "{price}");
    let none = "Action=DescribeSpotPriceHistory&ProductDescription.1=Windows";
    assert_eq!(told(&world, none).matches("<item>").count(), 0);

    let month = now.replace("StartTime=2026-11", "MaxResults=1000&StartTime=2026-10");
    let (mut seen, mut token) = (0, String::new());
    loop {
        let body = told(&world, &format!("{month}&NextToken={token}"));
        seen += body.matches("<spotPrice>").count();
        token = inside(&body, "nextToken").unwrap();
        if token.is_empty() {
            break;
        }
    }
    assert!(seen > 4 * 180, "a change every few hours for a month: {seen}");
}

#[tokio::test(start_paused = true)]
async fn what_is_stopped_can_be_started_and_spot_cannot_be_stopped() {
    let world = world();
    let image = crate::demo::world::images::images("us-west-2").remove(0).id;
    let run =
        format!("Action=RunInstances&ImageId={image}&InstanceType=t3.small&MinCount=1&MaxCount=1");
    let plain = inside(&told(&world, &run), "instanceId").unwrap();
    let spot = format!("{run}&InstanceMarketOptions.MarketType=spot");
    let spot = inside(&told(&world, &spot), "instanceId").unwrap();
    let state = |id: &str| {
        inside(&told(&world, &format!("Action=DescribeInstances&InstanceId.1={id}")), "name")
    };
    tokio::time::sleep(Duration::from_secs(10)).await;
    let stop_spot = format!("Action=StopInstances&InstanceId.1={spot}");
    assert_eq!(refused(&world, &stop_spot), "UnsupportedOperation");
    told(&world, &format!("Action=StopInstances&InstanceId.1={plain}"));
    assert_eq!(state(&plain).as_deref(), Some("stopping"));
    let start = format!("Action=StartInstances&InstanceId.1={plain}");
    assert_eq!(refused(&world, &start), "IncorrectInstanceState");
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(state(&plain).as_deref(), Some("stopped"));
    told(&world, &start);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(state(&plain).as_deref(), Some("running"));
}

#[tokio::test(start_paused = true)]
async fn groups_that_name_each_other_hold_each_other() {
    let world = world();
    let make = |name: &str| {
        let form = format!("Action=CreateSecurityGroup&GroupName={name}&GroupDescription=x");
        inside(&told(&world, &form), "groupId").unwrap()
    };
    let (one, other) = (make("one"), make("other"));
    let rule = |group: &str, peer: &str| {
        format!(
            "GroupId={group}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=22\
             &IpPermissions.1.ToPort=22&IpPermissions.1.Groups.1.GroupId={peer}"
        )
    };
    let authorize = format!("Action=AuthorizeSecurityGroupIngress&{}", rule(&one, &other));
    told(&world, &authorize);
    assert_eq!(refused(&world, &authorize), "InvalidPermission.Duplicate");
    let delete = format!("Action=DeleteSecurityGroup&GroupId={other}");
    assert_eq!(refused(&world, &delete), "DependencyViolation");
    let revoke = format!("Action=RevokeSecurityGroupIngress&{}", rule(&one, &other));
    told(&world, &revoke);
    assert_eq!(refused(&world, &revoke), "InvalidPermission.NotFound");
    told(&world, &delete);
    let again = "Action=CreateSecurityGroup&GroupName=one&GroupDescription=x";
    assert_eq!(refused(&world, again), "InvalidGroup.Duplicate");
}

#[tokio::test(start_paused = true)]
async fn a_launch_template_has_its_name_alone_until_it_is_gone_by_its_id() {
    let world = world();
    let make = |token: &str| {
        format!(
            "Action=CreateLaunchTemplate&LaunchTemplateName=one&ClientToken={token}\
             &LaunchTemplateData.EbsOptimized=false"
        )
    };
    let id = inside(&told(&world, &make("a")), "launchTemplateId").unwrap();
    assert_eq!(inside(&told(&world, &make("a")), "launchTemplateId").as_ref(), Some(&id));
    let exists = "InvalidLaunchTemplateName.AlreadyExistsException";
    assert_eq!(refused(&world, &make("b")), exists);
    let other = make("a").replace("Name=one", "Name=other");
    assert_eq!(refused(&world, &other), "IdempotentParameterMismatch");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let tag = format!("Action=CreateTags&ResourceId.1={id}&Tag.1.Key=Until&Tag.1.Value=noon");
    told(&world, &tag);
    for by in [
        format!("LaunchTemplateId.1={id}"),
        "LaunchTemplateName.1=one".to_owned(),
        "Filter.1.Name=launch-template-name&Filter.1.Value.1=one".to_owned(),
        "Filter.1.Name=tag:Until&Filter.1.Value.1=noon".to_owned(),
    ] {
        assert!(
            told(&world, &format!("Action=DescribeLaunchTemplates&{by}")).contains(&id),
            "{by}"
        );
    }
    let delete = format!("Action=DeleteLaunchTemplate&LaunchTemplateId={id}");
    told(&world, &delete);
    let no_id = "InvalidLaunchTemplateId.NotFound";
    assert_eq!(refused(&world, &delete), no_id);
    assert_eq!(refused(&world, &tag), no_id);
    assert_eq!(
        refused(&world, "Action=DescribeLaunchTemplates&LaunchTemplateName.1=one"),
        "InvalidLaunchTemplateName.NotFoundException"
    );
    let again = inside(&told(&world, &make("b")), "launchTemplateId").unwrap();
    assert_ne!(again, id, "who deletes by the old id cannot hit the new one");
    told(&world, "Action=DeleteLaunchTemplate&LaunchTemplateName=one");
}

/// Requests as boto3 sent them to a world with this seed, one a line, so that the ids in them are
/// those of what they make: `tests/support/boto3/journey.py record ENDPOINT`.
const RECORDED: &str = include_str!("recorded.txt");
/// Where the recorded requests begin to take away what they made.
const TURN: &str = "Action=StopInstances";
/// How long a connection may last that its client has closed.
const PATIENCE: Duration = Duration::from_mins(5);

/// A recorded form as the connector hands it on.
fn recorded(body: &str) -> Request {
    let (service, target) = match body {
        json if json.starts_with('{') => ("/ssm/", "AmazonSSM.GetParameter"),
        sts if sts.contains("GetCallerIdentity") => ("/sts/", ""),
        _ => ("/ec2/", ""),
    };
    let authorization = AUTHORIZATION.replace("/ec2/", service);
    let (path, body) = ("/".to_owned(), body.as_bytes().to_vec());
    Request { authorization, target: target.to_owned(), path, body }
}

/// The same as it comes over a connection.
fn on_the_line(request: &Request) -> Vec<u8> {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {}\r\nX-Amz-Target: {}\r\n\
         Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n\
         Content-Length: {}\r\n\r\n",
        request.authorization,
        request.target,
        request.body.len()
    );
    [head.as_bytes(), &request.body].concat()
}

/// A world in which the ids of the recorded requests are somebody's.
async fn peopled() -> World {
    let world = world();
    let building = RECORDED.lines().take_while(|line| !line.starts_with(TURN));
    for line in building {
        answer(&world, &recorded(line));
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(world.guests().len() > 5, "the recorded requests no longer launch");
    world
}

/// Changes a few bytes of a request: cuts, doubles, swaps, overwrites.
fn mutate(dice: &mut Dice, mut bytes: Vec<u8>) -> Vec<u8> {
    let below = |dice: &mut Dice, n: usize| usize::try_from(dice.throw()).unwrap_or(0) % n.max(1);
    for _ in 0..=below(dice, 4) {
        let at = below(dice, bytes.len());
        match below(dice, 5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, b"&=.%+*-0\xff\0\r\n: "[below(dice, 14)]),
            2 if !bytes.is_empty() => {
                bytes.remove(at);
            }
            3 => bytes.extend_from_within(at..),
            _ if !bytes.is_empty() => bytes[at] = u8::try_from(below(dice, 256)).unwrap_or(0),
            _ => {}
        }
        bytes.truncate(8192);
    }
    bytes
}

/// What a world says to a client that sends this and closes its side.
async fn converse(world: &World, bytes: Vec<u8>) -> Vec<u8> {
    let (mut near, far) = tokio::io::duplex(1 << 20);
    let talk = async {
        // It may hang up before it has heard everything.
        let _ = near.write_all(&bytes).await;
        let _ = near.shutdown().await;
        let mut heard = Vec::new();
        near.read_to_end(&mut heard).await.unwrap();
        heard
    };
    let both = async { tokio::join!(server::converse(far, world.clone()), talk).1 };
    tokio::time::timeout(PATIENCE, both).await.expect("it goes on after its client has gone")
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_broken_requests_do_no_harm() {
    let lines: Vec<&str> = RECORDED.lines().collect();
    let mut dice = Dice::named(1, "mutations");
    let mut world = peopled().await;
    for n in 0..100_000 {
        if n % 5000 == 0 {
            // Some of them launch, and some of them end what others are about.
            world = peopled().await;
        }
        let mut request = recorded(lines[n / 2 % lines.len()]);
        if n % 2 == 0 {
            let bytes = mutate(&mut dice, on_the_line(&request));
            converse(&world, bytes).await;
        } else {
            request.body = mutate(&mut dice, request.body);
            let reply = answer(&world, &request);
            assert!(matches!(reply, Reply::Answer(_)), "{reply:?}");
        }
    }
    let valid = on_the_line(&recorded("Action=DescribeVpcs"));
    let heard = String::from_utf8(converse(&world, valid).await).unwrap();
    assert!(heard.starts_with("HTTP/1.1 200 OK"), "{heard}");
    assert!(heard.contains("172.31.0.0/16"), "{heard}");
    let run = lines.iter().find(|line| line.contains("MarketType=spot")).unwrap();
    let run = run.replace("ClientToken=spot-1", "ClientToken=spot-2");
    assert!(told(&world, &run).contains("<name>pending</name>"));
}
