//! The wire by itself: what is answered to a form, and that rubbish does no harm.

use super::*;
use crate::demo::dice::Dice;
use crate::demo::{Scenario, Settings};

const AUTHORIZATION: &str =
    "AWS4-HMAC-SHA256 Credential=key/20261120/us-west-2/ec2/aws4_request, SignedHeaders=host";

fn world() -> World {
    let began = "2026-11-20T09:00:00Z".parse().unwrap();
    let settings =
        Settings { began, throttles: false, lag: std::time::Duration::ZERO, ..Settings::default() };
    World::new(&settings, Scenario::default())
}

fn request(form: &str) -> Request {
    Request {
        authorization: AUTHORIZATION.to_owned(),
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
        ("Action=TerminateInstances&InstanceId.1=i-1", "InvalidInstanceID.NotFound"),
        ("Action=CreateVpc&CidrBlock=10.0.0.0/8", "InvalidVpc.Range"),
        ("Action=CreateVpc&CidrBlock=x", "InvalidParameterValue"),
        ("Action=DescribeInstanceTypes&InstanceType.1=p9.future", "InvalidInstanceType"),
        ("Action=ReleaseAddress&AllocationId=eipalloc-1", "InvalidAllocationID.NotFound"),
        ("Action=CreateTags&ResourceId.1=vpc-1&Tag.1.Key=a", "InvalidVpcID.NotFound"),
        ("Action=CreateTags&ResourceId.1=x-1&Tag.1.Key=a", "InvalidID"),
        ("Action=DescribeInstanceStatus&InstanceId.1=i-1", "InvalidInstanceID.NotFound"),
        ("Action=DescribeTags&Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue"),
    ] {
        assert_eq!(refused(&world, form), code, "{form}");
    }
    let unsigned = Request { authorization: String::new(), ..request("Action=DescribeVpcs") };
    assert!(matches!(answer(&world, &unsigned), Reply::Answer(it) if it.status == 403));
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
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    let stop_spot = format!("Action=StopInstances&InstanceId.1={spot}");
    assert_eq!(refused(&world, &stop_spot), "UnsupportedOperation");
    told(&world, &format!("Action=StopInstances&InstanceId.1={plain}"));
    assert_eq!(state(&plain).as_deref(), Some("stopping"));
    let start = format!("Action=StartInstances&InstanceId.1={plain}");
    assert_eq!(refused(&world, &start), "IncorrectInstanceState");
    tokio::time::sleep(std::time::Duration::from_secs(40)).await;
    assert_eq!(state(&plain).as_deref(), Some("stopped"));
    told(&world, &start);
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
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

/// Requests as the program sends them.
fn recorded() -> Vec<Vec<u8>> {
    let image = crate::demo::world::images::images("us-west-2").remove(0).id;
    let run = format!(
        "Action=RunInstances&Version=2016-11-15&ImageId={image}&InstanceType=t3.medium&MinCount=1\
         &MaxCount=2&ClientToken=spot-1&UserData=I2Nsb3VkLWNvbmZpZwo%3D\
         &InstanceMarketOptions.MarketType=spot&BlockDeviceMapping.1.DeviceName=%2Fdev%2Fsda1\
         &BlockDeviceMapping.1.Ebs.VolumeSize=50&NetworkInterface.1.DeviceIndex=0\
         &TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=ManagedBy\
         &TagSpecification.1.Tag.1.Value=spot-tui"
    );
    [
        run.as_str(),
        "Action=CreateVpc&CidrBlock=10.0.0.0/16&TagSpecification.1.ResourceType=vpc",
        "Action=DescribeInstances&Filter.1.Name=tag:ManagedBy&Filter.1.Value.1=spot*&MaxResults=5",
        "Action=DescribeSpotPriceHistory&InstanceType.1=t3.medium&StartTime=2026-11-20T09:00:00Z",
        "Action=AuthorizeSecurityGroupIngress&GroupId=sg-1&IpPermissions.1.IpProtocol=tcp\
         &IpPermissions.1.FromPort=22&IpPermissions.1.ToPort=22\
         &IpPermissions.1.IpRanges.1.CidrIp=203.0.113.7%2F32",
        "Action=ImportKeyPair&KeyName=k&PublicKeyMaterial=c3NoLWVkMjU1MTkgQUFBQQ%3D%3D",
        "Action=TerminateInstances&InstanceId.1=i-1&InstanceId.2=i-2",
        "Action=DescribeRegions&Filter.1.Name=opt-in-status&Filter.1.Value.1=opted-in",
    ]
    .map(|form| form.as_bytes().to_vec())
    .into()
}

/// Changes a few bytes of a request: cuts, doubles, swaps, overwrites.
fn mutate(dice: &mut Dice, mut body: Vec<u8>) -> Vec<u8> {
    let below = |dice: &mut Dice, n: usize| usize::try_from(dice.throw()).unwrap_or(0) % n.max(1);
    for _ in 0..=below(dice, 4) {
        let at = below(dice, body.len());
        match below(dice, 5) {
            0 => body.truncate(at),
            1 => body.insert(at, b"&=.%+*-0\xff\0"[below(dice, 10)]),
            2 if !body.is_empty() => {
                body.remove(at);
            }
            3 => body.extend_from_within(at..),
            _ if !body.is_empty() => body[at] = u8::try_from(below(dice, 256)).unwrap_or(0),
            _ => {}
        }
        body.truncate(4096);
    }
    body
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_broken_requests_do_no_harm() {
    let (mut world, recorded) = (self::world(), recorded());
    let mut dice = Dice::named(1, "mutations");
    for n in 0..100_000 {
        if n % 4000 == 0 {
            // Some of them launch; a full world only takes longer.
            world = self::world();
        }
        let body = mutate(&mut dice, recorded[n % recorded.len()].clone());
        let authorization = match n % 7 {
            0 => String::from_utf8_lossy(&mutate(&mut dice, AUTHORIZATION.into())).into_owned(),
            1 => AUTHORIZATION.replace("/ec2/", "/sts/"),
            2 => AUTHORIZATION.replace("/ec2/", "/ssm/"),
            _ => AUTHORIZATION.to_owned(),
        };
        let target = if n % 7 == 2 { "AmazonSSM.GetParameter" } else { "" }.to_owned();
        let reply = answer(&world, &Request { authorization, target, body });
        assert!(matches!(reply, Reply::Answer(_)), "{reply:?}");
    }
    assert!(told(&world, "Action=DescribeVpcs").contains("172.31.0.0/16"));
    let run = String::from_utf8(recorded[0].clone()).unwrap().replace("spot-1", "spot-2");
    assert!(told(&world, &run).contains("<name>pending</name>"));
}
