//! The demo cloud's answers held against the recorded ones: the same members, and the same words
//! where they tell something. What differs is listed, with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use spot_tui::demo::{Scenario, Settings, World, by_hand};

use super::recordings::{self, answer};
use super::xml::Element;

const REGION: &str = "us-east-1";

/// A recording, the action, the situation in the demo that is like the recorded one, and the
/// members whose words have to be the same.
const LIKE: &[(&str, &str, &str, &[&str])] = &[
    ("json/create-vpc.2018.json", "CreateVpc", "vpc is made", &["vpc/state", "vpc/isDefault"]),
    (
        "json/describe-instances.spot-running.2018.json",
        "DescribeInstances",
        "spot runs",
        &[RUNS, "reservationSet/item/instancesSet/item/instanceLifecycle", REASON, ATTACHMENT],
    ),
    (
        "json/describe-instances.stopped.2025.json",
        "DescribeInstances",
        "stopped",
        &[STATE, STATE_REASON, STATE_REASON_TEXT, REASON, ATTACHMENT],
    ),
    (
        "json/describe-instances.stopping.2022.json",
        "DescribeInstances",
        "stopping",
        &[STATE, STATE_REASON, STATE_REASON_TEXT, REASON],
    ),
    (
        "json/describe-instances.terminated.2026.json",
        "DescribeInstances",
        "terminated",
        &[STATE, STATE_REASON, STATE_REASON_TEXT, REASON, PRIVATE_NAME, PUBLIC_NAME],
    ),
    ("json/describe-launch-templates.2019.json", "DescribeLaunchTemplates", "template", &[]),
    (
        "json/describe-spot-instance-requests.fulfilled.2018.json",
        "DescribeSpotInstanceRequests",
        "request is fulfilled",
        &[
            "spotInstanceRequestSet/item/state",
            "spotInstanceRequestSet/item/type",
            "spotInstanceRequestSet/item/status/code",
            "spotInstanceRequestSet/item/status/message",
            "spotInstanceRequestSet/item/productDescription",
            "spotInstanceRequestSet/item/instanceInterruptionBehavior",
            "spotInstanceRequestSet/item/launchSpecification/monitoring/enabled",
        ],
    ),
    (
        "json/describe-volumes.gp3.json",
        "DescribeVolumes",
        "volume",
        &["volumeSet/item/iops", "volumeSet/item/throughput", "volumeSet/item/volumeType"],
    ),
    ("json/run-instances.on-demand.2017.json", "RunInstances", "on-demand is launched", LAUNCHED),
    ("json/start-instances.json", "StartInstances", "is started", CHANGED),
    ("json/stop-instances.json", "StopInstances", "is stopped", CHANGED),
    ("json/terminate-instances.json", "TerminateInstances", "is terminated", CHANGED),
    (
        "xml/describe-availability-zones.2020.xml",
        "DescribeAvailabilityZones",
        "zones",
        &[
            "availabilityZoneInfo/item/zoneName",
            "availabilityZoneInfo/item/zoneState",
            "availabilityZoneInfo/item/regionName",
            "availabilityZoneInfo/item/optInStatus",
            "availabilityZoneInfo/item/networkBorderGroup",
            "availabilityZoneInfo/item/zoneType",
        ],
    ),
    ("xml/describe-images.own.xml", "DescribeImages", "image", &["imagesSet/item/imageState"]),
    ("xml/describe-instances.none.xml", "DescribeInstances", "nothing", &[]),
    (
        "xml/describe-instances.running-public-ip.xml",
        "DescribeInstances",
        "spot runs",
        &[RUNS, REASON, ATTACHMENT],
    ),
    ("xml/describe-instances.stopped.xml", "DescribeInstances", "stopped", &[STATE]),
    ("xml/describe-key-pairs.xml", "DescribeKeyPairs", "key pair", &[]),
    (
        "xml/describe-network-interfaces.in-use.xml",
        "DescribeNetworkInterfaces",
        "interface",
        &[
            "networkInterfaceSet/item/status",
            "networkInterfaceSet/item/attachment/status",
            "networkInterfaceSet/item/attachment/deviceIndex",
            "networkInterfaceSet/item/interfaceType",
            "networkInterfaceSet/item/requesterManaged",
        ],
    ),
    (
        "xml/describe-regions.2023.xml",
        "DescribeRegions",
        "regions",
        &["regionInfo/item/optInStatus"],
    ),
    (
        "xml/describe-route-tables.xml",
        "DescribeRouteTables",
        "route table",
        &["routeTableSet/item/routeSet/item/origin", "routeTableSet/item/routeSet/item/state"],
    ),
    (
        "xml/describe-security-groups.default.xml",
        "DescribeSecurityGroups",
        "default group",
        &[
            "securityGroupInfo/item/groupName",
            "securityGroupInfo/item/groupDescription",
            "securityGroupInfo/item/ipPermissions/item/ipProtocol",
            "securityGroupInfo/item/ipPermissionsEgress/item/ipRanges/item/cidrIp",
        ],
    ),
    (
        "xml/describe-security-groups.own.xml",
        "DescribeSecurityGroups",
        "group",
        &[
            "securityGroupInfo/item/ipPermissions/item/fromPort",
            "securityGroupInfo/item/ipPermissions/item/toPort",
        ],
    ),
    (
        "xml/describe-subnets.xml",
        "DescribeSubnets",
        "subnet",
        &["subnetSet/item/state", "subnetSet/item/mapCustomerOwnedIpOnLaunch"],
    ),
    (
        "xml/describe-volumes.root-and-data.xml",
        "DescribeVolumes",
        "volume",
        &["volumeSet/item/status", "volumeSet/item/attachmentSet/item/status"],
    ),
    (
        "xml/describe-vpcs.xml",
        "DescribeVpcs",
        "vpc",
        &[
            "vpcSet/item/state",
            "vpcSet/item/instanceTenancy",
            "vpcSet/item/cidrBlockAssociationSet/item/cidrBlockState/state",
        ],
    ),
    ("xml/run-instances.pending.2015.xml", "RunInstances", "on-demand is launched", LAUNCHED),
];

const STATE: &str = "reservationSet/item/instancesSet/item/instanceState/name";
const RUNS: &str = STATE;
const REASON: &str = "reservationSet/item/instancesSet/item/reason";
const STATE_REASON: &str = "reservationSet/item/instancesSet/item/stateReason/code";
const STATE_REASON_TEXT: &str = "reservationSet/item/instancesSet/item/stateReason/message";
const ATTACHMENT: &str =
    "reservationSet/item/instancesSet/item/networkInterfaceSet/item/attachment/status";
const PRIVATE_NAME: &str = "reservationSet/item/instancesSet/item/privateDnsName";
const PUBLIC_NAME: &str = "reservationSet/item/instancesSet/item/dnsName";
const LAUNCHED: &[&str] = &[
    "instancesSet/item/instanceState/code",
    "instancesSet/item/instanceState/name",
    "instancesSet/item/stateReason/code",
    "instancesSet/item/stateReason/message",
    "instancesSet/item/reason",
    "instancesSet/item/dnsName",
    "instancesSet/item/blockDeviceMapping",
    "instancesSet/item/networkInterfaceSet/item/status",
    "instancesSet/item/networkInterfaceSet/item/attachment/status",
    "instancesSet/item/placement/tenancy",
    "instancesSet/item/monitoring/state",
    "instancesSet/item/hypervisor",
];
const CHANGED: &[&str] = &[
    "instancesSet/item/currentState/code",
    "instancesSet/item/currentState/name",
    "instancesSet/item/previousState/code",
    "instancesSet/item/previousState/name",
];

/// What a recording has and the demo has not: a part of the member's path, and why.
const LACKING: &[(&str, &str)] = &[
    (
        "DescribeInstances reservationSet/item/requesterId",
        "somebody else launched that one for them",
    ),
    ("DescribeInstances reservationSet/item/groupSet/item", "EC2-Classic, which is gone"),
    ("kernelId", "paravirtual machines, which no type here is"),
    ("association/natEnabled", "seen in 2020 alone"),
];

/// What the demo has and no recording of that action has: members that are newer than it, as
/// AWS's service model has them.
const FURTHER: &[(&str, &str)] = &[
    ("DescribeImages imagesSet/item/bootMode", "since 2021"),
    ("DescribeImages imagesSet/item/deprecationTime", "since 2021"),
    ("DescribeImages imagesSet/item/enaSupport", "that image has it not"),
    ("DescribeImages imagesSet/item/imageOwnerAlias", "Canonical's have one, that one has not"),
    ("DescribeKeyPairs keySet/item/createTime", "since 2022"),
    ("DescribeKeyPairs keySet/item/keyType", "since 2021"),
    ("DescribeNetworkInterfaces attachment/networkCardIndex", "since 2020"),
    ("DescribeNetworkInterfaces networkInterfaceSet/item/operator", "since 2024"),
    ("DescribeNetworkInterfaces privateDnsName", "that VPC has no DNS"),
    ("DescribeSecurityGroups securityGroupInfo/item/securityGroupArn", "since 2024"),
    ("DescribeSubnets subnetSet/item/enableDns64", "since 2021"),
    ("DescribeSubnets subnetSet/item/ipv6Native", "since 2021"),
    ("DescribeSubnets subnetSet/item/privateDnsNameOptionsOnLaunch", "since 2021"),
];

/// Members that LocalStack recorded of the same actions (validated against AWS in 2024 and 2025).
fn localstacks() -> Vec<(&'static str, Element)> {
    let recorded = recordings::json("json/localstack-validated.ec2.json");
    let part = |test: &str, name: &str| recorded[test]["recorded-content"][name].clone();
    let zones = "test_describe_availability_zones_filter_with_zone_names";
    let tables = part("test_create_route_table_association", "route_tables");
    let tables = serde_json::json!({ "RouteTables": tables });
    [
        ("DescribeAvailabilityZones", part(zones, "availability_zones")),
        ("DescribeRouteTables", tables),
        ("CreateVpc", part("test_get_security_groups_for_vpc", "create_vpc_response")),
    ]
    .map(|(action, json)| (action, recordings::from_json(action, &json)))
    .into()
}

/// The demo's answers, by situation.
struct Played(BTreeMap<&'static str, Element>);

impl Played {
    async fn begin() -> Self {
        let began = recordings::began();
        let settings = Settings { began, throttles: false, ..Settings::default() };
        let story = "prices: [{ zone: us-east-1a, machine_type: t3.medium, usd: 0.0123 }]";
        let world = World::new(&settings, Scenario::parse(story).unwrap());
        let mut played = Self(BTreeMap::new());
        let ask = |form: &str| {
            let (status, body) = by_hand(&world, REGION, form);
            assert_eq!(status, 200, "{form}: {body}");
            Element::parse(&body)
        };
        played.network(&ask).await;
        played.machines(&ask).await;
        played
    }

    fn put(&mut self, situation: &'static str, answer: Element) -> Element {
        self.0.insert(situation, answer.clone());
        answer
    }

    async fn network(&mut self, ask: &impl Fn(&str) -> Element) {
        self.put("nothing", ask("Action=DescribeInstances"));
        self.put("zones", ask("Action=DescribeAvailabilityZones"));
        self.put("regions", ask("Action=DescribeRegions"));
        let vpc = self.put(
            "vpc is made",
            ask(&format!("Action=CreateVpc&CidrBlock=10.0.0.0/16{}", tags("vpc"))),
        );
        let vpc = text(&vpc, "vpcId");
        let subnet = ask(&format!(
            "Action=CreateSubnet&VpcId={vpc}&CidrBlock=10.0.0.0/24&AvailabilityZone=us-east-1a{}",
            tags("subnet")
        ));
        let subnet = text(&subnet, "subnetId");
        ask(&format!("Action=CreateRouteTable&VpcId={vpc}{}", tags("route-table")));
        let group = ask(&format!(
            "Action=CreateSecurityGroup&VpcId={vpc}&GroupName=group-1&GroupDescription=words"
        ));
        let group = text(&group, "groupId");
        for (protocol, ports) in [("tcp", (22, 22)), ("icmp", (-1, -1))] {
            ask(&format!(
                "Action=AuthorizeSecurityGroupIngress&GroupId={group}\
                 &IpPermissions.1.IpProtocol={protocol}&IpPermissions.1.FromPort={}\
                 &IpPermissions.1.ToPort={}&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0",
                ports.0, ports.1
            ));
        }
        ask(&format!(
            "Action=CreateLaunchTemplate&LaunchTemplateName=template-1\
             &LaunchTemplateData.ImageId={IMAGE}"
        ));
        let key = "c3NoLWVkMjU1MTkgQUFBQUMzTnphQzFsWkRJMU5URTVBQUFBSUo5aTB2SDFtV0o4bDllNG1NcVlI\
                   bjBuMVZReXExelE5bEptMmNac1FlcUsgbWVAaGVyZQ==";
        ask(&format!("Action=ImportKeyPair&KeyName=key-3&PublicKeyMaterial={key}"));
        tokio::time::sleep(Duration::from_secs(3)).await;
        let by_id =
            |action: &str, ids: &str, id: &str| ask(&format!("Action={action}&{ids}.1={id}"));
        self.put("vpc", by_id("DescribeVpcs", "VpcId", &vpc));
        self.put("subnet", by_id("DescribeSubnets", "SubnetId", &subnet));
        self.put("group", by_id("DescribeSecurityGroups", "GroupId", &group));
        let of_it = |action: &str, further: &str| {
            ask(&format!("Action={action}&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}{further}"))
        };
        self.put("route table", of_it("DescribeRouteTables", ""));
        let default = "&Filter.2.Name=group-name&Filter.2.Value.1=default";
        self.put("default group", of_it("DescribeSecurityGroups", default));
        self.put("template", ask("Action=DescribeLaunchTemplates"));
        self.put("key pair", ask("Action=DescribeKeyPairs"));
        let images = ask("Action=DescribeImages&Owner.1=099720109477");
        let image = text(&images, "imageId");
        self.put("image", by_id("DescribeImages", "ImageId", &image));
        self.put("the subnet", Element::with_text("subnetId", &subnet));
    }

    async fn machines(&mut self, ask: &impl Fn(&str) -> Element) {
        let images = ask("Action=DescribeImages&Owner.1=099720109477&Filter.1.Name=architecture\
             &Filter.1.Value.1=x86_64");
        let launch = format!(
            "Action=RunInstances&MinCount=1&MaxCount=1&InstanceType=t3.medium&ImageId={}",
            text(&images, "imageId")
        );
        let options = "&InstanceMarketOptions.MarketType=spot\
                       &InstanceMarketOptions.SpotOptions.MaxPrice=0.1";
        self.put("on-demand is launched", ask(&launch));
        let tags = tags("instance")
            + &tags("spot-instances-request").replace("n.1.R", "n.2.R").replace("n.1.T", "n.2.T");
        let tags = tags + &self::tags("volume").replace("n.1.", "n.3.");
        let volume =
            "&BlockDeviceMapping.1.DeviceName=/dev/sda1&BlockDeviceMapping.1.Ebs.Encrypted=true";
        let spot = ask(&format!("{launch}{options}&KeyName=key-3{tags}{volume}"));
        let (spot, request) = (text(&spot, "instanceId"), text(&spot, "spotInstanceRequestId"));
        let persistent = "&InstanceMarketOptions.SpotOptions.SpotInstanceType=persistent\
                          &InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior=stop";
        let stays = ask(&format!(
            "{launch}{options}{persistent}&IamInstanceProfile.Name=name&ClientToken=token-1&KeyName=key-3{tags}"
        ));
        let stays = text(&stays, "instanceId");
        tokio::time::sleep(Duration::from_secs(20)).await;
        let one = |id: &str| ask(&format!("Action=DescribeInstances&InstanceId.1={id}"));
        self.put("spot runs", one(&spot));
        let requests = "Action=DescribeSpotInstanceRequests&SpotInstanceRequestId.1=";
        self.put("request is fulfilled", ask(&format!("{requests}{request}")));
        let volumes =
            "Action=DescribeVolumes&Filter.1.Name=attachment.instance-id&Filter.1.Value.1=";
        self.put("volume", ask(&format!("{volumes}{spot}")));
        let interfaces = "Action=DescribeNetworkInterfaces&Filter.1.Name=attachment.instance-id\
                          &Filter.1.Value.1=";
        self.put("interface", ask(&format!("{interfaces}{spot}")));
        self.put("is stopped", ask(&format!("Action=StopInstances&InstanceId.1={stays}")));
        self.put("stopping", one(&stays));
        tokio::time::sleep(Duration::from_mins(3)).await;
        self.put("stopped", one(&stays));
        self.put("is started", ask(&format!("Action=StartInstances&InstanceId.1={stays}")));
        self.put("is terminated", ask(&format!("Action=TerminateInstances&InstanceId.1={spot}")));
        tokio::time::sleep(Duration::from_mins(2)).await;
        self.put("terminated", one(&spot));
    }
}

/// Any image: templates are not checked.
const IMAGE: &str = "ami-0123456789abcdef0";

/// A tag for what a call makes.
fn tags(kind: &str) -> String {
    format!(
        "&TagSpecification.1.ResourceType={kind}&TagSpecification.1.Tag.1.Key=Name\
         &TagSpecification.1.Tag.1.Value=value"
    )
}

fn text(answer: &Element, name: &str) -> String {
    answer.find(name).unwrap_or_else(|| panic!("no {name} in {answer}")).text.clone()
}

/// A text without what differs from one moment to the next.
fn timeless(text: &str) -> String {
    match text.split_once('(') {
        Some((words, rest)) if rest.ends_with("GMT)") => format!("{words}(time)"),
        _ => text.to_owned(),
    }
}

/// The texts at a place, each once.
fn words(members: &BTreeMap<String, Vec<String>>, path: &str) -> BTreeSet<String> {
    members.get(path).into_iter().flatten().map(|text| timeless(text)).collect()
}

/// The entry of a list for a member.
fn listed(list: &[(&'static str, &str)], action: &str, path: &str) -> Option<&'static str> {
    let found = list.iter().find(|(end, _)| {
        let (of, part) = end.split_once(' ').unwrap_or(("", end));
        let is_there = format!("/{path}/").contains(&format!("/{part}/"));
        (of.is_empty() || of == action) && is_there
    });
    found.map(|(end, _)| *end)
}

#[tokio::test(start_paused = true)]
async fn the_demo_answers_with_the_members_and_words_of_the_recordings() {
    let Played(played) = Played::begin().await;
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    let mut recorded_by_action: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut seen_by_action: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (file, action, situation, telling) in LIKE {
        let recorded = answer(file, action).members();
        let demo = played[situation].members();
        for path in recorded.keys().filter(|path| !demo.contains_key(*path)) {
            match listed(LACKING, action, path) {
                Some(entry) => drop(used.insert(entry)),
                None => wrong.push(format!("{file}: {situation} lacks {path}")),
            }
        }
        for path in *telling {
            let (recorded, demo) = (words(&recorded, path), words(&demo, path));
            if recorded != demo {
                wrong.push(format!("{file}: {path}: {recorded:?}, and {situation} has {demo:?}"));
            }
        }
        recorded_by_action.entry(action).or_default().extend(recorded.into_keys());
        seen_by_action.entry(action).or_default().extend(demo.into_keys());
    }
    for (action, recorded) in localstacks() {
        recorded_by_action.entry(action).or_default().extend(recorded.members().into_keys());
    }
    // A launch tells of instances as a question for them does.
    let told = recorded_by_action["DescribeInstances"].clone();
    let told = told.iter().filter_map(|path| path.strip_prefix("reservationSet/item/"));
    recorded_by_action.entry("RunInstances").or_default().extend(told.map(str::to_owned));
    for (action, seen) in seen_by_action {
        for path in seen.difference(&recorded_by_action[action]) {
            // The request's id is in every answer; boto3 keeps it elsewhere.
            if path == "requestId" {
                continue;
            }
            match listed(FURTHER, action, path) {
                Some(entry) => drop(used.insert(entry)),
                None => wrong.push(format!("{action}: the demo alone has {path}")),
            }
        }
    }
    let all = LACKING.iter().chain(FURTHER).map(|(entry, _)| *entry);
    wrong.extend(all.filter(|it| !used.contains(it)).map(|it| format!("{it}: listed in vain")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
