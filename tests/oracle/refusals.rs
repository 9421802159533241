//! The demo cloud's refusals held against the recorded ones: status, code and message.

use std::time::Duration;

use serde_json::Value;
use spot_tui::demo::{Scenario, Settings, World, by_hand};

use super::recordings;
use super::xml::Element;

/// A launch in the region's first zone.
const LAUNCH: &str = "Action=RunInstances&MinCount=1&MaxCount=1&InstanceType=t3.medium\
                      &ImageId={imageId}&Placement.AvailabilityZone=us-east-1a";
const SPOT: &str = "&InstanceMarketOptions.MarketType=spot";
const PERSISTENT: &str = "&InstanceMarketOptions.SpotOptions.SpotInstanceType=persistent\
                          &InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior=stop";

/// A recorded refusal, by action and code and a word of its text; the story in which the demo gives
/// it; and the calls that lead to it. `{vpcId}` is what an earlier answer told, `wait` is a minute.
struct Like {
    operation: &'static str,
    code: &'static str,
    word: &'static str,
    story: &'static str,
    calls: &'static [&'static str],
}

const fn like(
    operation: &'static str,
    code: &'static str,
    story: &'static str,
    calls: &'static [&'static str],
) -> Like {
    Like { operation, code, word: "", story, calls }
}

const ALL: &[Like] = &[
    like(
        "RunInstances",
        "InsufficientInstanceCapacity",
        "capacity: [{ zone: us-east-1a, limit: 0 }]",
        &["LAUNCH SPOT"],
    ),
    like("RunInstances", "MaxSpotInstanceCountExceeded", "spot_vcpus: 1", &["LAUNCH SPOT"]),
    like(
        "RunInstances",
        "SpotMaxPriceTooLow",
        "prices: [{ zone: us-east-1a, machine_type: t3.medium, usd: 0.0218 }]",
        &["LAUNCH SPOT &InstanceMarketOptions.SpotOptions.MaxPrice=0.001"],
    ),
    like(
        "RunInstances",
        "InvalidParameterCombination",
        "account: { free_plan: true }",
        &["LAUNCH"],
    ),
    like(
        "RunInstances",
        "PendingVerification",
        "account: { pending_verification_until_s: 60 }",
        &["LAUNCH"],
    ),
    like("RunInstances", "Blocked", "account: { blocked: true }", &["LAUNCH"]),
    Like {
        word: "service control policy",
        ..like(
            "RunInstances",
            "UnauthorizedOperation",
            "account: { allowed_regions: [us-west-2] }",
            &["Action=RunInstances"],
        )
    },
    like(
        "RunInstances",
        "IdempotentParameterMismatch",
        "{}",
        &["LAUNCH &ClientToken=a", "LAUNCH &ClientToken=a&KeyName=other"],
    ),
    like(
        "RunInstances",
        "IdempotentInstanceTerminated",
        "{}",
        &[
            "LAUNCH &ClientToken=a",
            "Action=TerminateInstances&InstanceId.1={instanceId}",
            "wait",
            "LAUNCH &ClientToken=a",
        ],
    ),
    like(
        "RunInstances",
        "InvalidBlockDeviceMapping",
        "{}",
        &[
            "LAUNCH &BlockDeviceMapping.1.DeviceName=/dev/sda1&BlockDeviceMapping.1.Ebs.VolumeSize=4",
        ],
    ),
    like(
        "RunInstances",
        "InsufficientFreeAddressesInSubnet",
        "{}",
        &[
            "Action=CreateVpc&CidrBlock=10.0.0.0/24",
            "Action=CreateSubnet&VpcId={vpcId}&CidrBlock=10.0.0.0/28",
            "Action=RunInstances&MinCount=12&MaxCount=12&InstanceType=t3.medium\
             &ImageId={imageId}&SubnetId={subnetId}",
        ],
    ),
    like(
        "RunInstances",
        "Unsupported",
        "{}",
        &["Action=RunInstances&MinCount=1&MaxCount=1&InstanceType=t3.medium&ImageId={imageId}\
           &Placement.AvailabilityZone=us-east-1e"],
    ),
    like("any", "AuthFailure", "{}", &["in af-south-1 Action=DescribeInstances"]),
    like(
        "DescribeVolumes",
        "InvalidVolume.NotFound",
        "{}",
        &["Action=DescribeVolumes&VolumeId.1=vol-04c1b309bb8d18d71"],
    ),
    like(
        "DescribeInternetGateways",
        "InvalidInternetGatewayID.NotFound",
        "{}",
        &["Action=DescribeInternetGateways&InternetGatewayId.1=igw-5bce113f"],
    ),
    like(
        "DescribeLaunchTemplateVersions",
        "InvalidLaunchTemplateId.NotFound",
        "{}",
        &["Action=DescribeLaunchTemplates&LaunchTemplateId.1=lt-0a49586208137d8de"],
    ),
    like(
        "DeleteNetworkInterface",
        "InvalidNetworkInterfaceID.NotFound",
        "{}",
        &["Action=DeleteNetworkInterface&NetworkInterfaceId=eni-d834cdcf"],
    ),
    like(
        "DeleteSubnet",
        "DependencyViolation",
        "{}",
        &["LAUNCH", "Action=DeleteSubnet&SubnetId={subnetId}"],
    ),
    like(
        "DeleteNetworkInterface",
        "InvalidParameterValue",
        "{}",
        &["LAUNCH", "Action=DeleteNetworkInterface&NetworkInterfaceId={networkInterfaceId}"],
    ),
    Like {
        word: "device index",
        ..like(
            "DetachNetworkInterface",
            "OperationNotPermitted",
            "{}",
            &["LAUNCH", "Action=DetachNetworkInterface&AttachmentId={attachmentId}"],
        )
    },
    like(
        "StartInstances",
        "IncorrectSpotRequestState",
        "{}",
        &[
            "LAUNCH SPOT PERSISTENT",
            "wait",
            "Action=StopInstances&InstanceId.1={instanceId}",
            "Action=StartInstances&InstanceId.1={instanceId}",
        ],
    ),
    like(
        "StopInstances",
        "UnsupportedOperation",
        "{}",
        &["LAUNCH SPOT", "wait", "Action=StopInstances&InstanceId.1={instanceId}"],
    ),
    like(
        "GetConsoleOutput",
        "UnsupportedOperation",
        "{}",
        &[
            "Action=RunInstances&MinCount=1&MaxCount=1&InstanceType=t2.medium&ImageId={imageId}",
            "wait",
            "Action=GetConsoleOutput&InstanceId={instanceId}&Latest=true",
        ],
    ),
    like(
        "DescribeKeyPairs",
        "InvalidKeyPair.NotFound",
        "{}",
        &["Action=DescribeKeyPairs&KeyName.1=key-1"],
    ),
];

/// Recorded refusals that the demo does not give by itself; `calls` in a scenario gives any.
const NOT_PLAYED: &[(&str, &str, &str)] = &[
    ("any", "OptInRequired", "an account without a subscription"),
    ("any", "RequestExpired", "signatures are not verified"),
    ("RunInstances", "UnauthorizedOperation", "identities have no policies here"),
    ("RunInstances", "RequestLimitExceeded", "given where throttles hold; without a recorded text"),
    ("TerminateInstances", "OperationNotPermitted", "nobody protects an instance here"),
    ("GetSpotPlacementScores", "MaxConfigLimitExceeded", "scores have no limit here"),
    ("CreateVolume or RunInstances", "InsufficientVolumeCapacity", "volumes have no limit here"),
];

#[tokio::test(start_paused = true)]
async fn the_demo_refuses_as_the_recordings_do() {
    let recorded = recordings::json("errors.json");
    let items = recorded["items"].as_array().unwrap();
    let is = |item: &Value, operation: &str, code: &str, word: &str| {
        item["operation"] == operation
            && item["code"] == code
            && item["message"].as_str().unwrap_or_default().contains(word)
    };
    let mut wrong = Vec::new();
    for like in ALL {
        let item = items.iter().find(|it| is(it, like.operation, like.code, like.word)).unwrap();
        let expected = (
            item["status"].as_u64().unwrap(),
            like.code.to_owned(),
            plain(item["message"].as_str().unwrap()),
        );
        let (status, code, message) = play(like).await;
        let met = (u64::from(status), code, plain(&message));
        if met != expected {
            wrong.push(format!("{met:?}\n  and not {expected:?}"));
        }
    }
    for item in items {
        let played = ALL.iter().any(|like| is(item, like.operation, like.code, like.word));
        let known = NOT_PLAYED.iter().any(|(operation, code, _)| is(item, operation, code, ""));
        if !played && !known {
            wrong.push(format!("nobody plays {item}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The last answer of a story: its status, code and message.
async fn play(like: &Like) -> (u16, String, String) {
    let settings = Settings { began: recordings::began(), throttles: false, ..Settings::default() };
    let world = World::new(&settings, Scenario::parse(like.story).unwrap());
    let image = "Action=DescribeImages&Owner.1=099720109477&Filter.1.Name=architecture\
                 &Filter.1.Value.1=x86_64";
    let mut told = vec![by_hand(&world, "us-east-1", image)];
    for call in like.calls {
        if *call == "wait" {
            tokio::time::sleep(Duration::from_mins(1)).await;
            continue;
        }
        let (region, call) = match call.strip_prefix("in ") {
            Some(rest) => rest.split_once(' ').unwrap(),
            None => ("us-east-1", *call),
        };
        let form = call.replace("LAUNCH", LAUNCH).replace("SPOT", SPOT);
        let form = form.replace("PERSISTENT", PERSISTENT).replace(' ', "");
        told.push(by_hand(&world, region, &filled(form, &told)));
    }
    let (status, body) = told.pop().unwrap();
    let answer = Element::parse(&body);
    let text = |name: &str| answer.find(name).map(|it| it.text.clone()).unwrap_or_default();
    (status, text("Code"), text("Message"))
}

/// A form with what earlier answers told, the newest first.
fn filled(mut form: String, told: &[(u16, String)]) -> String {
    while let Some((before, rest)) = form.split_once('{') {
        let (name, after) = rest.split_once('}').unwrap();
        let value = told.iter().rev().find_map(|(_, body)| {
            (!body.is_empty()).then(|| Element::parse(body)).and_then(|it| it.find(name).cloned())
        });
        let value = value.unwrap_or_else(|| panic!("nobody told {name}: {told:?}")).text;
        form = format!("{before}{value}{after}");
    }
    form
}

/// A message without what is of one machine, names and numbers; and without the sealed part.
fn plain(message: &str) -> String {
    let message = message.split(" Encoded authorization").next().unwrap().trim_end_matches('.');
    // Who asked for what is left out of the recording.
    let message = match message.split_once(" User: ") {
        Some((before, rest)) => {
            let end = rest.find(" with an explicit").map_or("", |at| &rest[at..]);
            format!("{before}{end}")
        }
        None => message.to_owned(),
    };
    let has_digit = |word: &str| word.chars().any(|c| c.is_ascii_digit());
    let words = message.split_whitespace().map(|word| if has_digit(word) { "#" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
