//! Every recorded answer, read by our client: what it makes of each is in a table.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use spot_tui::aws::network::{Kind, NetworkPlan, ensure};
use spot_tui::aws::{Ec2, LaunchRequest, Selector, host_key_fingerprints};
use spot_tui::config::{CpuCredits, Network};
use spot_tui::fleet::tags::Origin;
use spot_tui::fleet::{Level, Lifecycle, Machine, MachineType};

use super::recordings::{self, answer, owned};
use super::script::{self, action};
use super::xml::Element;
use crate::support::journal::Unrecorded;

/// A recording of an answer, the action that it answers, and what our client reads in it.
const READ: &[(&str, &str, &str)] = &[
    ("json/create-vpc.2018.json", "CreateVpc", "vpc-007084954cd5c3c96"),
    (
        "json/describe-instances.spot-running.2018.json",
        "DescribeInstances",
        "i-01db165f1452ef5e4 running m4.large us-east-2b spot sir-rg1rrj3k 203.0.113.3",
    ),
    (
        "json/describe-instances.stopped.2025.json",
        "DescribeInstances",
        "i-00d3f85ef9622b0e2 stopped t4g.micro us-east-2b on-demand \
         Client.UserInitiatedShutdown: User initiated shutdown",
    ),
    (
        "json/describe-instances.stopping.2022.json",
        "DescribeInstances",
        "i-067c1978d00cacbf4 stopping t2.micro us-east-1f on-demand \
         Client.UserInitiatedShutdown: User initiated shutdown",
    ),
    (
        "json/describe-instances.terminated.2026.json",
        "DescribeInstances",
        "i-0074c3be9f6a78da8 terminated t2.micro us-east-1c on-demand \
         Client.UserInitiatedShutdown: User initiated shutdown, i-0b04133f3d6a8381a terminated t2.micro us-east-1c \
         on-demand Client.UserInitiatedShutdown: User initiated shutdown",
    ),
    (
        "json/describe-launch-templates.2019.json",
        "DescribeLaunchTemplates",
        "lt-0877401c93c294001, lt-00b3b2755218e3fdd",
    ),
    (
        "json/describe-spot-instance-requests.fulfilled.2018.json",
        "DescribeSpotInstanceRequests",
        "sir-rg1rrj3k active fulfilled i-01db165f1452ef5e4",
    ),
    ("json/describe-volumes.gp3.json", "DescribeVolumes", ""),
    (
        "json/run-instances.on-demand.2017.json",
        "RunInstances",
        "i-0ccaa6c2846f5a6a2 pending m1.small us-east-1a spot pending",
    ),
    ("json/terminate-instances.json", "TerminateInstances", "i-017cf4e2a33b853fe"),
    (
        "xml/describe-availability-zones.2020.xml",
        "DescribeAvailabilityZones",
        "us-east-1a, us-east-1b, us-east-1c, us-east-1d, us-east-1e, us-east-1f",
    ),
    ("xml/describe-images.own.xml", "DescribeImages", "ami-2051294a /dev/sda1"),
    ("xml/describe-instances.none.xml", "DescribeInstances", ""),
    (
        "xml/describe-instances.running-public-ip.xml",
        "DescribeInstances",
        "i-c72af2f6 running t2.micro us-east-1e on-demand 203.0.113.1",
    ),
    (
        "xml/describe-instances.stopped.xml",
        "DescribeInstances",
        "i-09b65a1400b9538ff stopped t1.micro us-east-1c on-demand Client.UserInitiatedShutdown: User initiated shutdown, \
         i-00ad9fc047e3bc490 stopped t2.micro us-east-1c on-demand Client.UserInitiatedShutdown: User initiated shutdown",
    ),
    ("xml/describe-key-pairs.xml", "DescribeKeyPairs", "key-3, key-4"),
    ("xml/describe-network-interfaces.in-use.xml", "DescribeNetworkInterfaces", "eni-2b986f38"),
    ("xml/describe-regions.2023.xml", "DescribeRegions", "17 regions"),
    ("xml/describe-route-tables.xml", "DescribeRouteTables", "rtb-03d7ab81b8ee536c0, rtb-865664fb"),
    ("xml/describe-security-groups.default.xml", "DescribeSecurityGroups", ""),
    ("xml/describe-security-groups.own.xml", "DescribeSecurityGroups", "sg-80f755ef"),
    ("xml/describe-subnets.xml", "DescribeSubnets", "subnet-f849ff96"),
    ("xml/describe-volumes.root-and-data.xml", "DescribeVolumes", "i-c72af2f6 11 GiB"),
    ("xml/describe-vpcs.xml", "DescribeVpcs", "vpc-ff49ff91"),
    (
        "xml/run-instances.pending.2015.xml",
        "RunInstances",
        "i-11111111 pending m3.medium us-east-1a spot pending",
    ),
];

/// Recordings of answers to what our client does not ask.
const NOT_ASKED: &[&str] = &["json/start-instances.json", "json/stop-instances.json"];

/// Recordings that the other tests here look at.
const LOOKED_AT_ELSEWHERE: &[&str] = &[
    "json/localstack-validated.ec2.json",
    "json/localstack-validated.sts-errors.json",
    "xml/error.idempotent-parameter-mismatch.xml",
    "xml/error.key-pair-not-found.xml",
];

#[tokio::test(start_paused = true)]
async fn every_recorded_answer_is_read() {
    let known = READ.iter().map(|(file, ..)| *file);
    let mut known: Vec<&str> =
        known.chain(NOT_ASKED.iter().copied()).chain(LOOKED_AT_ELSEWHERE.iter().copied()).collect();
    known.sort_unstable();
    assert_eq!([recordings::files("json"), recordings::files("xml")].concat(), known);
    let mut wrong = Vec::new();
    for (file, asked, expected) in READ {
        let read = read(asked, answer(file, asked)).await;
        if read != *expected {
            wrong.push(format!("{file}: {read:?}, and not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn what_localstack_recorded_is_read() {
    let recorded = recordings::json("json/localstack-validated.ec2.json");
    let part = |test: &str, name: &str| recorded[test]["recorded-content"][name].clone();
    let zones =
        part("test_describe_availability_zones_filter_with_zone_names", "availability_zones");
    let zones = recordings::from_json("DescribeAvailabilityZones", &zones);
    assert_eq!(read("DescribeAvailabilityZones", zones).await, "<region>a");
    let tables = serde_json::json!({
        "RouteTables": part("test_create_route_table_association", "route_tables"),
    });
    let tables = recordings::from_json("DescribeRouteTables", &tables);
    assert_eq!(read("DescribeRouteTables", tables).await, "<route_table_id:1>");
    let test = "test_get_security_groups_for_vpc";
    let vpc = recordings::from_json("CreateVpc", &part(test, "create_vpc_response"));
    assert_eq!(read("CreateVpc", vpc).await, "<vpc-id:1>");
}

/// What our client says when it asks and this is the answer: the same with our tags on it.
async fn read(asked: &'static str, recorded: Element) -> String {
    const SETS: [&str; 11] = [
        "imagesSet",
        "instancesSet",
        "keySet",
        "launchTemplates",
        "networkInterfaceSet",
        "routeTableSet",
        "securityGroupInfo",
        "spotInstanceRequestSet",
        "subnetSet",
        "volumeSet",
        "vpcSet",
    ];
    let recorded = owned(recorded, &SETS).to_string();
    let calls: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&calls);
    let account = script::account(move |form| {
        seen.lock().unwrap().push(form.to_owned());
        let body = match action(form) {
            it if it == asked => recorded.clone(),
            "GetCallerIdentity" => "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>\
                arn:aws:iam::111122223333:user/alice</Arn><Account>111122223333</Account>\
                </GetCallerIdentityResult></GetCallerIdentityResponse>"
                .to_owned(),
            // Whoever builds goes no further than what was recorded.
            "ModifyVpcAttribute" | "CreateInternetGateway" => {
                return script::refusal(400, "Stop", "");
            }
            other => format!("<{other}Response></{other}Response>"),
        };
        (200, body)
    })
    .await;
    let ec2 = account.region(&"us-west-2".into());
    match asked {
        "DescribeRegions" => format!("{} regions", account.account().await.unwrap().regions.len()),
        "RunInstances" => list(ec2.launch(&launch()).await.unwrap().iter().map(machine)),
        "CreateVpc" => {
            let plan = NetworkPlan {
                network: Network::Dedicated,
                zones: Vec::new(),
                is_public: false,
                operators: Vec::new(),
                extra_groups: Vec::new(),
            };
            let said = |_: Level, _: String| {};
            let stopped = ensure(&ec2, &plan, &origin(), &Unrecorded, &said).await;
            assert!(stopped.is_err());
            let calls = calls.lock().unwrap();
            let mut ids = calls.iter().rev().filter_map(|form| form.split("VpcId=").nth(1));
            let id = ids.next().expect("the VPC is gone on with");
            id.split('&')
                .next()
                .unwrap()
                .replace("%3C", "<")
                .replace("%3A", ":")
                .replace("%3E", ">")
        }
        "TerminateInstances" => {
            let ended = ec2.terminate(&["i-017cf4e2a33b853fe".into()]).await;
            list(ended.iter().map(|(id, result)| result.as_ref().map(|()| id).unwrap()))
        }
        _ => found(&ec2, asked).await,
    }
}

fn origin() -> Origin {
    Origin {
        deployment: "spot-recorded".into(),
        creator: "alice".into(),
        at: recordings::began(),
        extra: BTreeMap::new(),
    }
}

async fn found(ec2: &Ec2, asked: &str) -> String {
    let ours = Selector::everything().with_terminated();
    match asked {
        "DescribeInstances" => list(ec2.instances(&ours).await.unwrap().iter().map(machine)),
        "DescribeSpotInstanceRequests" => {
            let requests = ec2.spot_requests(&ours).await.unwrap();
            list(requests.iter().map(|it| {
                let instance = it.instance.as_ref().unwrap();
                format!("{} {} {} {instance}", it.id, it.state, it.status)
            }))
        }
        "DescribeVolumes" => {
            let storage = ec2.storage(&ours).await.unwrap();
            list(storage.iter().map(|(id, gib)| format!("{id} {gib} GiB")))
        }
        "DescribeAvailabilityZones" => list(ec2.zones().await.unwrap().iter()),
        "DescribeImages" => {
            let image = ec2.image_by_id(&"ami-2051294a".into()).await.unwrap();
            format!("{} {}", image.id, image.root_device)
        }
        "DescribeLaunchTemplates" => list(ec2.templates(&ours).await.unwrap().iter()),
        _ => network(ec2, asked, &ours).await,
    }
}

/// What of ours a look at everything finds of a kind.
async fn network(ec2: &Ec2, asked: &str, ours: &Selector) -> String {
    let kind = match asked {
        "DescribeKeyPairs" => Kind::KeyPair,
        "DescribeNetworkInterfaces" => Kind::Interface,
        "DescribeRouteTables" => Kind::RouteTable,
        "DescribeSecurityGroups" => Kind::SecurityGroup,
        "DescribeSubnets" => Kind::Subnet,
        "DescribeVpcs" => Kind::Vpc,
        other => panic!("who asks {other}?"),
    };
    let found = ec2.residue(ours).await.unwrap();
    list(found.iter().filter(|it| it.kind == kind).map(|it| &it.id))
}

/// `i-1 running t3.medium us-west-2a spot sir-1 203.0.113.1`, and why it is in its state.
fn machine(machine: &Machine) -> String {
    let words = [
        Some(machine.id.to_string()),
        Some(machine.seen.state.to_string()),
        Some(machine.machine_type.to_string()),
        Some(machine.zone.to_string()),
        Some(
            if machine.birth.lifecycle == Lifecycle::OnDemand { "on-demand" } else { "spot" }
                .to_owned(),
        ),
        machine.birth.spot_request.as_ref().map(ToString::to_string),
        machine.seen.public_ip.map(|it| it.to_string()),
        machine.seen.state_reason.as_ref().map(ToString::to_string),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn list(items: impl Iterator<Item = impl ToString>) -> String {
    items.map(|it| it.to_string()).collect::<Vec<_>>().join(", ")
}

/// Some launch.
pub(super) fn launch() -> LaunchRequest {
    LaunchRequest {
        token: "spot-recorded-1".into(),
        count: 1,
        machine_type: MachineType::from("t3.medium"),
        image: "ami-1".into(),
        root_device: "/dev/sda1".into(),
        subnet: "subnet-1".into(),
        zone: "us-west-2a".into(),
        security_groups: vec!["sg-1".into()],
        key_name: None,
        user_data: "#cloud-config\n".into(),
        storage_gb: 8,
        keeps_root: false,
        cpu_credits: CpuCredits::Standard,
        ends_itself: false,
        lifecycle: Lifecycle::Spot,
        max_price: None,
        associate_public_ip: true,
        instance_profile: None,
        tags: BTreeMap::new(),
    }
}

/// The digests of the three keys of the machine whose console was recorded, in the order of their
/// text.
const NOBLE: [&str; 3] = [
    "SHA256:AaMIOpuRVYhHLQ5nq3ckgGqRYTK2cQW/x8FORTXi/Nw",
    "SHA256:ZWnW5S5xtMkC59HKOd/YbQyNNgTkfSfctHhFIuIoDpA",
    "SHA256:rYkdQIkA8TrEAVzHJN914FGcMFK7d3cJIVB0bxwpZYU",
];
const NOCLOUD: [&str; 3] = [
    "SHA256:P8Sy/yy56+vlHzyqyYBlugNUpDDfpTgDluyGN2Y7SCA",
    "SHA256:QxwPRDmRqAZ78K6XsZpfRuTz1pYA50bn6OZH+r3qT8Y",
    "SHA256:zBVGUuDwKy7rezusoU5GDAbZGHO1G6BDQdigjiXVdCY",
];

#[test]
fn every_recorded_console_tells_its_keys() {
    let read = |name: &str| {
        let mut keys = host_key_fingerprints(&recordings::text(&format!("console/{name}.log")));
        keys.fingerprints.sort_unstable();
        keys.fingerprints.dedup();
        (keys.fingerprints, keys.is_final)
    };
    let told = |digests: [&str; 3]| digests.map(str::to_owned).to_vec();
    assert_eq!(read("ubuntu-24.04.1-ec2"), (told(NOBLE), true));
    assert_eq!(read("ubuntu-24.04.4-nocloud"), (told(NOCLOUD), true));
    // At the prompt the boot goes on for minutes; but ssh-keygen has told its digests.
    assert_eq!(read("ubuntu-24.04.1-ec2.at-login-prompt"), (told(NOBLE), false));
    assert_eq!(recordings::files("console").len(), 3);
}
