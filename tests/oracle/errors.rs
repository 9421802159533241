//! Every recorded error, met by our client: what it says and what it does about it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use spot_tui::aws::{Aws, AwsError, FleetOverride, FleetRequest, Kind, LaunchOutcome, Selector};
use spot_tui::fleet::{InstanceId, Notice, Pool};

use super::client::launch;
use super::recordings;
use super::script::{self, action, refusal};

/// What our client does about an error, in the words of its class, by how far the error reaches as
/// `errors.json` says it. One reach that means several things is told apart by its code.
const CLASSES: &[(&str, &str, &str)] = &[
    ("InsufficientInstanceCapacity", "pool", "Elsewhere"),
    ("SpotMaxPriceTooLow", "pool", "Elsewhere"),
    ("Unsupported", "pool, for ever", "Elsewhere"),
    ("InsufficientFreeAddressesInSubnet", "subnet", "Elsewhere"),
    ("InsufficientVolumeCapacity", "zone", "Elsewhere"),
    ("InvalidParameterCombination", "machine type", "Elsewhere"),
    ("MaxSpotInstanceCountExceeded", "family group in the region", "Quota"),
    ("PendingVerification", "region, for a while", "FatalRegion"),
    ("Blocked", "account", "FatalAccount"),
    ("OptInRequired", "account or region", "FatalRegion"),
    ("AuthFailure", "credentials, or a region", "Credentials(Rejected)"),
    ("RequestExpired", "credentials that ran out", "Credentials(Expired)"),
    ("UnauthorizedOperation", "account", "Denied"),
    ("IdempotentParameterMismatch", "request", "FatalRegion"),
    ("IdempotentInstanceTerminated", "request", "NewToken"),
    ("InvalidBlockDeviceMapping", "request", "FatalRegion"),
    ("RequestLimitExceeded", "transient", "Retry"),
    ("InvalidVolume.NotFound", "resource", "NotYet"),
    ("InvalidInternetGatewayID.NotFound", "resource", "NotYet"),
    ("InvalidNetworkInterfaceID.NotFound", "resource", "Gone"),
    ("DependencyViolation", "resource, until", "Dependency"),
    ("InvalidParameterValue", "resource, until detached", "Dependency"),
    ("OperationNotPermitted", "instance: termination protection", "FatalRegion"),
    ("MaxConfigLimitExceeded", "account, a day", "FatalRegion"),
];

/// Errors of actions that our client does not call, or calls inside a runbook alone.
const NOT_CALLED: &[&str] = &[
    "DescribeKeyPairs",
    "DescribeLaunchTemplateVersions",
    "DetachNetworkInterface",
    "StartInstances",
    "StopInstances",
];

#[tokio::test(start_paused = true)]
async fn every_recorded_error_is_read_and_has_its_class() {
    let recorded = recordings::json("errors.json");
    let mut wrong = Vec::new();
    let mut met = 0;
    for item in recorded["items"].as_array().unwrap() {
        let word = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let operation = word("operation");
        if NOT_CALLED.contains(&operation.as_str()) {
            continue;
        }
        met += 1;
        if let Err(why) = meet(item).await {
            wrong.push(format!("{} on {operation}: {why}", word("code")));
        }
    }
    assert!(wrong.is_empty(), "of {met}:\n{}", wrong.join("\n"));
    assert_eq!(met, 26);
}

/// Lets our client meet an error, and looks what it makes of it.
async fn meet(item: &Value) -> Result<(), String> {
    let word = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let (operation, code, message) = (word("operation"), word("code"), word("message"));
    let status = u16::try_from(item["status"].as_u64().unwrap()).unwrap();
    let answered = (status, code.clone(), message.clone());
    let account = script::account(move |_| refusal(answered.0, &answered.1, &answered.2)).await;
    if (operation.as_str(), code.as_str()) == ("GetConsoleOutput", "UnsupportedOperation") {
        return ask_again_for_the_older_output().await;
    }
    let error = call(&account, &operation).await;
    let reach = word("reach");
    let class = CLASSES
        .iter()
        .find(|(known, start, _)| *known == code && reach.starts_with(start))
        .map(|(.., class)| *class)
        .ok_or_else(|| format!("nobody says what to do about {reach:?}"))?;
    let Some(error) = error else {
        return Err("it counts as success".into());
    };
    let found = format!("{:?}", error.class);
    if !class.split('|').any(|class| class == found) {
        return Err(format!("{found}, and not {class}"));
    }
    if error.code.as_deref() != Some(code.as_str()) || error.status() != Some(status) {
        return Err(format!("code or status were lost: {error:?}"));
    }
    // The sealed part is nobody's, and the full stop at the end is ours to set.
    let kept = message.split(" Encoded authorization").next().unwrap().trim_end_matches('.');
    if !error.to_string().contains(kept) {
        return Err(format!("AWS's words were lost: {error}"));
    }
    Ok(())
}

/// What an action fails with; nothing where our client takes the refusal for the answer.
async fn call(account: &Aws, operation: &str) -> Option<AwsError> {
    let ec2 = account.region(&"us-west-2".into());
    let ours = Selector::everything();
    match operation {
        "RunInstances" | "CreateVolume or RunInstances" => ec2.launch(&launch()).await.err(),
        "any" => ec2.instances(&ours).await.err(),
        "DescribeVolumes" => ec2.storage(&ours).await.err(),
        "DescribeInternetGateways" => ec2.residue(&ours).await.err(),
        "DeleteNetworkInterface" => ec2.delete(Kind::Interface, "eni-1").await.err(),
        "DeleteSubnet" => ec2.delete(Kind::Subnet, "subnet-1").await.err(),
        "TerminateInstances" => {
            let ended = ec2.terminate(&[InstanceId::from("i-017fc9a2a33b853fe")]).await;
            ended.into_iter().find_map(|(_, result)| result.err())
        }
        "GetSpotPlacementScores" => {
            account.placement_scores(&["t3.medium".into()], 1, &["us-west-2".into()]).await.err()
        }
        other => panic!("who calls {other}?"),
    }
}

/// A machine without Nitro refuses the latest output, and is asked for the older one.
async fn ask_again_for_the_older_output() -> Result<(), String> {
    let recorded = recordings::json("errors.json");
    let items = recorded["items"].as_array().unwrap();
    let item = items.iter().find(|it| it["operation"] == "GetConsoleOutput").unwrap();
    let word = |name: &str| item[name].as_str().unwrap().to_owned();
    let (code, message) = (word("code"), word("message"));
    let account = script::account(move |form| {
        if form.contains("Latest=true") {
            return refusal(400, &code, &message);
        }
        (200, "<GetConsoleOutputResponse><output>aGk=</output></GetConsoleOutputResponse>".into())
    })
    .await;
    let output = account.region(&"us-west-2".into()).console_output(&"i-1".into()).await;
    match output {
        Ok(Some(text)) if text == "hi" => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

#[tokio::test(start_paused = true)]
async fn recorded_error_bodies_are_read_with_their_blanks() {
    for (file, code, words) in [
        (
            "xml/error.idempotent-parameter-mismatch.xml",
            "IdempotentParameterMismatch",
            "Arguments on this idempotent request are inconsistent with arguments used in previous \
             request(s)",
        ),
        (
            "xml/error.key-pair-not-found.xml",
            "InvalidKeyPair.NotFound",
            "The key pair 'key-1' does not exist",
        ),
    ] {
        let account = script::account(move |_| (400, recordings::text(file))).await;
        let error = account.region(&"us-west-2".into()).launch(&launch()).await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some(code));
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn sts_errors_are_read() {
    let recorded = recordings::json("json/localstack-validated.sts-errors.json");
    let told = &recorded["test_sts_invalid_parameters"]["recorded-content"];
    for (name, item) in told.as_object().unwrap() {
        let error = &item["Error"];
        let word = |name: &str| error[name].as_str().unwrap().to_owned();
        let inside = format!(
            "<Type>{}</Type><Code>{}</Code><Message>{}</Message>",
            word("Type"),
            word("Code"),
            word("Message"),
        );
        let body = format!("<ErrorResponse><Error>{inside}</Error></ErrorResponse>");
        let account = script::account(move |_| (400, body.clone())).await;
        let failed = account.account().await.unwrap_err();
        assert_eq!(failed.code.as_deref(), Some("ValidationError"), "{name}");
        assert!(failed.to_string().contains(&word("Message")), "{name}: {failed}");
    }
}

/// What a fleet's pools refuse with, and what our client does about each.
const FLEET_CLASSES: &[(&str, &str)] = &[
    ("UnfulfillableCapacity", "Elsewhere"),
    ("InsufficientInstanceCapacity", "Elsewhere"),
    ("MaxSpotInstanceCountExceeded", "Quota"),
    ("VcpuLimitExceeded", "Quota"),
    ("SpotMaxPriceTooLow", "Elsewhere"),
    ("InvalidFleetConfiguration", "Elsewhere"),
    ("UnauthorizedOperation", "Denied"),
];

#[tokio::test(start_paused = true)]
async fn every_recorded_refusal_of_a_fleets_pool_is_read_and_has_its_class() {
    let recorded = recordings::json("fleet-instant.json");
    let mut wrong = Vec::new();
    for item in recorded["codes"].as_array().unwrap() {
        let word = |name: &str| item[name].as_str().unwrap().to_owned();
        let (code, message) = (word("code"), word("message"));
        let given = fleet(&code, &message).await;
        assert_eq!(given.machines.len(), 1, "{code}: the pool that gave one");
        let (pool, error) = &given.refused[0];
        assert_eq!((pool.machine_type.as_str(), given.refused.len()), ("c6a.large", 1));
        assert!(error.to_string().contains(message.trim_end_matches('.')), "{error}");
        let class = FLEET_CLASSES.iter().find(|(known, _)| *known == code).unwrap().1;
        let found = format!("{:?}", error.class);
        if !class.split('|').any(|class| class == found) {
            wrong.push(format!("{code}: {found}, and not {class}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A fleet of two pools: the first refuses with this, the second gives one.
async fn fleet(code: &str, message: &str) -> LaunchOutcome {
    let place = |machine_type: &str, weighted: &str| {
        format!(
            "<launchTemplateAndOverrides><launchTemplateSpecification><launchTemplateId>lt-1\
             </launchTemplateId><version>1</version></launchTemplateSpecification><overrides>\
             <instanceType>{machine_type}</instanceType><subnetId>subnet-1</subnetId>{weighted}\
             </overrides></launchTemplateAndOverrides><lifecycle>spot</lifecycle>"
        )
    };
    let refused = format!(
        "<item>{}<errorCode>{code}</errorCode><errorMessage>{message}</errorMessage></item>",
        place("c6a.large", ""),
    );
    let gave = format!(
        "<item>{}<instanceIds><item>i-1</item></instanceIds><instanceType>m6a.large\
         </instanceType></item>",
        place("m6a.large", "<weightedCapacity>1.0</weightedCapacity>"),
    );
    let body = format!(
        "<CreateFleetResponse><fleetId>fleet-1</fleetId><errorSet>{refused}</errorSet>\
         <fleetInstanceSet>{gave}</fleetInstanceSet></CreateFleetResponse>"
    );
    let account = script::account(move |_| (200, body.clone())).await;
    let places = ["c6a.large", "m6a.large"].map(|name| FleetOverride {
        pool: Pool { machine_type: name.into(), zone: "us-west-2a".into() },
        image: "ami-1".into(),
        subnet: "subnet-1".into(),
    });
    let request = FleetRequest {
        token: "spot-recorded-1".into(),
        count: 2,
        template: "lt-1".into(),
        places: places.to_vec(),
        max_price: None,
        tags: BTreeMap::new(),
    };
    let ec2 = account.region(&"us-west-2".into());
    ec2.create_fleet(&request, recordings::began()).await.unwrap()
}

/// The request's statuses that mean that AWS takes a running instance back.
const TAKES_BACK: [&str; 3] =
    ["marked-for-stop", "marked-for-termination", "instance-terminated-no-capacity"];

#[tokio::test(start_paused = true)]
async fn each_row_of_awss_table_of_request_statuses_is_a_notice_or_none() {
    let recorded = recordings::json("spot-interruption.json");
    let mut wrong = Vec::new();
    for row in recorded["rule"]["table"].as_array().unwrap() {
        let word = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let (code, states, instance) = (word("code"), word("state"), word("instance"));
        let state = states.split([' ', ',']).next().unwrap().to_owned();
        // A stopped instance that is started again is `fulfilled` as well.
        let instance = instance.split([',', ' ']).next().unwrap_or_default().to_owned();
        let expected = instance == "running" && TAKES_BACK.contains(&code.as_str());
        let told = notices(&code, &state, &instance, 30).await;
        if told.len() != usize::from(expected) {
            wrong.push(format!("{code} {state} {instance}: {told:?}"));
        }
        let ends = recordings::began() + jiff::SignedDuration::from_secs(90);
        if told.iter().any(|notice| notice.ends != Some(ends)) {
            wrong.push(format!("{code}: not two minutes after the update: {told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_instance_is_gone_asks_for_no_further_look() {
    let account = script::account(|form| match action(form) {
        "DescribeSpotInstanceRequests" => {
            (200, requests("instance-terminated-no-capacity", "closed", 3 * 3600))
        }
        other => panic!("{other} is asked each time"),
    });
    let ec2 = account.await.region(&"us-west-2".into());
    let (nobody, now) = (BTreeSet::new(), recordings::began());
    assert_eq!(ec2.notices(&Selector::everything(), &nobody, now).await.unwrap(), []);
}

/// What our client is told of where a request has had this status for so long, and its instance is
/// in this state.
async fn notices(code: &str, state: &str, instance: &str, ago_s: i64) -> Vec<Notice> {
    let (requests, instance) = (requests(code, state, ago_s), instance.to_owned());
    let account = script::account(move |form| match action(form) {
        "DescribeSpotInstanceRequests" => (200, requests.clone()),
        _ => (200, instances(&instance)),
    });
    let (known, now) = (["i-1".into()].into(), recordings::began());
    let ec2 = account.await.region(&"us-west-2".into());
    ec2.notices(&Selector::everything(), &known, now).await.unwrap()
}

const OURS: &str = "<tagSet><item><key>ManagedBy</key><value>spot-tui</value></item></tagSet>";

fn requests(code: &str, state: &str, ago_s: i64) -> String {
    let since = recordings::began() - jiff::SignedDuration::from_secs(ago_s);
    format!(
        "<DescribeSpotInstanceRequestsResponse><spotInstanceRequestSet><item>\
         <spotInstanceRequestId>sir-rg1rrj3k</spotInstanceRequestId><type>one-time</type><state>\
         {state}</state><status><code>{code}</code><updateTime>{since}</updateTime></status>\
         <instanceId>i-1</instanceId>{OURS}</item></spotInstanceRequestSet>\
         </DescribeSpotInstanceRequestsResponse>"
    )
}

fn instances(state: &str) -> String {
    let instance = format!(
        "<item><instanceId>i-1</instanceId><instanceState><name>{state}</name></instanceState>\
         <instanceType>t3.medium</instanceType><launchTime>2026-11-20T08:00:00Z</launchTime>\
         <placement><availabilityZone>us-west-2a</availabilityZone></placement>{OURS}</item>"
    );
    let instances = if state.is_empty() { String::new() } else { instance };
    format!(
        "<DescribeInstancesResponse><reservationSet><item><instancesSet>{instances}</instancesSet>\
         </item></reservationSet></DescribeInstancesResponse>"
    )
}
