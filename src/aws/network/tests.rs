//! The runbooks against answers that AWS gives and no stand-in here does.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::aws::select::Selector;
use crate::aws::{Ec2, scripted};
use crate::config::Network;
use crate::fleet::Level;
use crate::fleet::tags::Origin;

/// A journal that keeps nothing, and how long it takes EC2 to tell of what was made.
struct Unrecorded(Duration);

/// As a configuration has it that says nothing of it.
const UNRECORDED: Unrecorded = Unrecorded(Duration::from_mins(1));

impl RecordIntent for Unrecorded {
    type Entry = ();

    fn consistency_window(&self) -> Duration {
        self.0
    }

    async fn open(&self, _: NetworkCall) -> Result<(), String> {
        Ok(())
    }

    async fn close(&self, (): ()) -> Result<(), String> {
        Ok(())
    }
}

fn origin() -> Origin {
    Origin {
        deployment: "spot-1".into(),
        creator: "alice".into(),
        at: "2026-11-20T09:00:00Z".parse().unwrap(),
        extra: std::collections::BTreeMap::new(),
    }
}

fn plan(network: Network) -> NetworkPlan {
    NetworkPlan {
        network,
        zones: Vec::new(),
        is_public: true,
        operators: vec!["203.0.113.7/32".parse().unwrap()],
        extra_groups: Vec::new(),
    }
}

fn action(call: &str) -> &str {
    call.split('&').next().unwrap_or_default().trim_start_matches("Action=")
}

fn answer(call: &str, inside: &str) -> (u16, String) {
    let action = action(call);
    (200, format!("<{action}Response>{inside}</{action}Response>"))
}

/// A VPC of the user's: `a` uses the main table, which leads nowhere, and `b` one that leads out.
fn users_vpc(call: &str) -> (u16, String) {
    let subnet = |letter: &str, free: u32| {
        format!(
            "<item><subnetId>subnet-{letter}</subnetId><vpcId>vpc-1</vpcId>\
             <availabilityZone>us-west-2{letter}</availabilityZone>\
             <availableIpAddressCount>{free}</availableIpAddressCount></item>"
        )
    };
    let table = |id: &str, used: &str, gateway: &str| {
        format!(
            "<item><routeTableId>{id}</routeTableId><vpcId>vpc-1</vpcId><associationSet><item>\
             <routeTableAssociationId>rtbassoc-{id}</routeTableAssociationId>{used}</item>\
             </associationSet><routeSet><item><destinationCidrBlock>0.0.0.0/0\
             </destinationCidrBlock>{gateway}</item></routeSet></item>"
        )
    };
    match action(call) {
        "DescribeSubnets" if call.contains("vpc-id") => {
            let set = subnet("a", 10) + &subnet("b", 20);
            answer(call, &format!("<subnetSet>{set}</subnetSet>"))
        }
        "DescribeRouteTables" if call.contains("vpc-id") => {
            let nat = "<natGatewayId>nat-1</natGatewayId>";
            let out = "<gatewayId>igw-1</gatewayId>";
            let set = table("rtb-1", "<main>true</main>", nat)
                + &table("rtb-2", "<subnetId>subnet-b</subnetId>", out);
            answer(call, &format!("<routeTableSet>{set}</routeTableSet>"))
        }
        "CreateSecurityGroup" => answer(call, "<groupId>sg-1</groupId>"),
        _ => answer(call, ""),
    }
}

#[tokio::test(start_paused = true)]
async fn only_subnets_that_the_internet_reaches_are_used() {
    let (ec2, _) = scripted::ec2(users_vpc).await;
    let given = |subnet: Option<&str>| Network::Given {
        vpc: "vpc-1".into(),
        subnet: subnet.map(Into::into),
    };
    let ready = ensure(&ec2, &plan(given(None)), &origin(), &UNRECORDED, &|_, _| {}).await.unwrap();
    let zones: Vec<&str> = ready.subnets.iter().map(|(_, zone)| zone.as_str()).collect();
    assert_eq!(zones, ["us-west-2b"]);
    let private = plan(given(Some("subnet-a")));
    let error = ensure(&ec2, &private, &origin(), &UNRECORDED, &|_, _| {}).await.unwrap_err();
    assert!(error.to_string().contains("no subnet of vpc-1 has a route"), "{error}");
    let private = NetworkPlan { is_public: false, ..private };
    let ready = ensure(&ec2, &private, &origin(), &UNRECORDED, &|_, _| {}).await.unwrap();
    assert_eq!(ready.subnets.len(), 1, "through a VPN it will do");
}

/// Zones a and b.
fn two_zones(call: &str) -> (u16, String) {
    let zone = |letter: &str| {
        format!(
            "<item><zoneName>us-west-2{letter}</zoneName><zoneState>available</zoneState></item>"
        )
    };
    let set = zone("a") + &zone("b");
    answer(call, &format!("<availabilityZoneInfo>{set}</availabilityZoneInfo>"))
}

/// A VPC's main route table, which leads nowhere yet.
const MAIN: &str = "<item><routeTableId>rtb-main</routeTableId><vpcId>vpc-1</vpcId><associationSet>\
                    <item><routeTableAssociationId>rtbassoc-main</routeTableAssociationId><main>true\
                    </main></item></associationSet></item>";

/// A network of ours with a route table of its own, as an earlier version made it: in zone a, and
/// half of it.
fn older_network(call: &str) -> (u16, String) {
    let tags = "<tagSet><item><key>ManagedBy</key><value>spot-tui</value></item><item>\
                <key>DeploymentId</key><value>spot-1</value></item></tagSet>";
    match action(call) {
        "DescribeAvailabilityZones" => two_zones(call),
        "DescribeVpcs" => {
            answer(call, &format!("<vpcSet><item><vpcId>vpc-1</vpcId>{tags}</item></vpcSet>"))
        }
        "DescribeSubnets" => answer(
            call,
            &format!(
                "<subnetSet><item><subnetId>subnet-a</subnetId><vpcId>vpc-1</vpcId>\
                 <availabilityZone>us-west-2a</availabilityZone>{tags}</item></subnetSet>"
            ),
        ),
        "DescribeInternetGateways" => answer(
            call,
            &format!(
                "<internetGatewaySet><item><internetGatewayId>igw-1</internetGatewayId>\
                 <attachmentSet><item><vpcId>vpc-1</vpcId></item></attachmentSet>{tags}</item>\
                 </internetGatewaySet>"
            ),
        ),
        "DescribeRouteTables" => {
            let own = "<item><routeTableId>rtb-own</routeTableId><vpcId>vpc-1</vpcId>\
                       <associationSet><item><routeTableAssociationId>rtbassoc-1\
                       </routeTableAssociationId><subnetId>subnet-a</subnetId></item>\
                       </associationSet></item>";
            answer(call, &format!("<routeTableSet>{MAIN}{own}</routeTableSet>"))
        }
        "CreateSubnet" => answer(call, "<subnet><subnetId>subnet-b</subnetId></subnet>"),
        "CreateSecurityGroup" => answer(call, "<groupId>sg-1</groupId>"),
        _ => answer(call, ""),
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_version_laid_out_is_led_out_by_its_own_table_and_what_is_new_by_the_main_one()
 {
    let (ec2, calls) = scripted::ec2(older_network).await;
    let ready = ensure(&ec2, &plan(Network::Dedicated), &origin(), &UNRECORDED, &|_, _| {}).await;
    assert_eq!(ready.unwrap().subnets.len(), 2);
    let calls = calls.lock().unwrap();
    let routes: Vec<&String> = calls.iter().filter(|it| action(it) == "CreateRoute").collect();
    assert_eq!(routes.len(), 2, "{routes:?}");
    assert!(routes[0].contains("rtb-main") && routes[1].contains("rtb-own"), "{routes:?}");
    assert!(!calls.iter().any(|it| action(it) == "AssociateRouteTable"));
}

/// A network of ours whose gateway is gone, and whose main route table still leads out by this one.
fn left_behind(call: &str, way_out: &str) -> (u16, String) {
    match action(call) {
        "DescribeInternetGateways" => answer(call, ""),
        "CreateInternetGateway" => {
            let gateway = "<internetGatewayId>igw-new</internetGatewayId>";
            answer(call, &format!("<internetGateway>{gateway}</internetGateway>"))
        }
        "DescribeRouteTables" => {
            let routes = format!(
                "<routeSet><item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>\
                 local</gatewayId><state>active</state></item><item><destinationCidrBlock>0.0.0.0/0\
                 </destinationCidrBlock><gatewayId>{way_out}</gatewayId><state>blackhole</state>\
                 </item></routeSet></item>"
            );
            let table = MAIN.replace("</associationSet></item>", "</associationSet>") + &routes;
            answer(call, &format!("<routeTableSet>{table}</routeTableSet>"))
        }
        "CreateRoute" => scripted::refusal("RouteAlreadyExists"),
        _ => older_network(call),
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_to_a_gateway_that_is_gone_is_replaced_by_one_to_the_new_gateway() {
    let (ec2, calls) = scripted::ec2(|call| left_behind(call, "igw-old")).await;
    ensure(&ec2, &plan(Network::Dedicated), &origin(), &UNRECORDED, &|_, _| {}).await.unwrap();
    let calls = calls.lock().unwrap();
    let at = |name: &str| calls.iter().position(|call| action(call) == name);
    assert_eq!(at("CreateRoute"), None, "it would be told that there is one");
    let replaced = at("ReplaceRoute").unwrap();
    assert!(at("AttachInternetGateway").unwrap() < replaced);
    for parameter in
        ["RouteTableId=rtb-main", "DestinationCidrBlock=0.0.0.0%2F0", "GatewayId=igw-new"]
    {
        assert!(calls[replaced].contains(parameter), "{parameter}: {}", calls[replaced]);
    }
}

/// A virtual private gateway is there by somebody's will.
#[tokio::test(start_paused = true)]
async fn a_way_out_that_is_no_internet_gateway_is_left_alone() {
    let (ec2, calls) = scripted::ec2(|call| left_behind(call, "vgw-1")).await;
    ensure(&ec2, &plan(Network::Dedicated), &origin(), &UNRECORDED, &|_, _| {}).await.unwrap();
    assert!(!calls.lock().unwrap().iter().any(|call| action(call) == "ReplaceRoute"));
}

/// An EC2 that tells of route tables when it is asked for the third time.
async fn told_late() -> Ec2 {
    let asked = AtomicUsize::new(0);
    let told = scripted::ec2(move |call| match action(call) {
        "DescribeRouteTables" if asked.fetch_add(1, Ordering::SeqCst) < 2 => answer(call, ""),
        _ => older_network(call),
    });
    told.await.0
}

/// EC2 may not tell of what was made with the VPC yet.
#[tokio::test(start_paused = true)]
async fn a_main_route_table_that_is_not_told_of_yet_is_asked_for_again() {
    let ec2 = told_late().await;
    let ready = ensure(&ec2, &plan(Network::Dedicated), &origin(), &UNRECORDED, &|_, _| {}).await;
    assert_eq!(ready.unwrap().subnets.len(), 2);
}

/// On a machine under load the window may be over before EC2 was asked twice.
#[tokio::test(start_paused = true)]
async fn it_is_asked_for_again_also_where_each_answer_takes_as_long_as_the_window() {
    let ec2 = told_late().await;
    let ready =
        ensure(&ec2, &plan(Network::Dedicated), &origin(), &Unrecorded(Duration::ZERO), &|_, _| {})
            .await;
    assert_eq!(ready.unwrap().subnets.len(), 2);
}

/// Zones a and b, of which AWS makes subnets in b alone: its words to older accounts.
fn older_account(call: &str) -> (u16, String) {
    match action(call) {
        "DescribeAvailabilityZones" => two_zones(call),
        "CreateVpc" => answer(call, "<vpc><vpcId>vpc-1</vpcId></vpc>"),
        "CreateInternetGateway" => {
            let gateway = "<internetGatewayId>igw-1</internetGatewayId>";
            answer(call, &format!("<internetGateway>{gateway}</internetGateway>"))
        }
        "DescribeRouteTables" => answer(call, &format!("<routeTableSet>{MAIN}</routeTableSet>")),
        "CreateSecurityGroup" => answer(call, "<groupId>sg-1</groupId>"),
        "CreateSubnet" if call.contains("us-west-2a") => {
            let words = "Value (us-west-2a) for parameter availabilityZone is invalid. Subnets can \
                         currently only be created in the following availability zones: us-west-2b.";
            let error = format!("<Code>InvalidParameterValue</Code><Message>{words}</Message>");
            (400, format!("<Response><Errors><Error>{error}</Error></Errors></Response>"))
        }
        "CreateSubnet" => answer(call, "<subnet><subnetId>subnet-b</subnetId></subnet>"),
        _ => answer(call, ""),
    }
}

#[tokio::test(start_paused = true)]
async fn a_zone_without_subnets_is_said_and_left_out() {
    let (ec2, calls) = scripted::ec2(older_account).await;
    let said = Mutex::new(Vec::new());
    let say = |_: Level, text: String| said.lock().unwrap().push(text);
    let ready =
        ensure(&ec2, &plan(Network::Dedicated), &origin(), &UNRECORDED, &say).await.unwrap();
    assert_eq!(ready.subnets, [("subnet-b".into(), "us-west-2b".into())]);
    assert!(said.lock().unwrap().join("\n").contains("us-west-2a is left out"), "{said:?}");
    calls.lock().unwrap().clear();

    let only_b = NetworkPlan { zones: vec!["us-west-2b".into()], ..plan(Network::Dedicated) };
    ensure(&ec2, &only_b, &origin(), &UNRECORDED, &say).await.unwrap();
    let made = |call: &&String| action(call) == "CreateSubnet";
    let made = calls.lock().unwrap().iter().filter(made).count();
    assert_eq!(made, 1, "no subnet where none is allowed");

    let only_a = NetworkPlan { zones: vec!["us-west-2a".into()], ..plan(Network::Dedicated) };
    let error = ensure(&ec2, &only_a, &origin(), &UNRECORDED, &say).await.unwrap_err();
    assert!(error.to_string().contains("following availability zones"), "{error}");
}

/// A VPC of ours with GuardDuty's endpoint and group in it, and an interface that goes with its
/// instance.
fn guarded(call: &str) -> (u16, String) {
    let tags = "<tagSet><item><key>ManagedBy</key><value>spot-tui</value></item><item>\
                <key>DeploymentId</key><value>spot-1</value></item></tagSet>";
    match action(call) {
        "DescribeVpcs" => {
            answer(call, &format!("<vpcSet><item><vpcId>vpc-1</vpcId>{tags}</item></vpcSet>"))
        }
        "DescribeNetworkInterfaces" => answer(
            call,
            &format!(
                "<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId>\
                 <attachment><attachmentId>eni-attach-1</attachmentId><deleteOnTermination>true\
                 </deleteOnTermination></attachment>{tags}</item></networkInterfaceSet>"
            ),
        ),
        "DescribeVpcEndpoints" => answer(
            call,
            "<vpcEndpointSet><item><vpcEndpointId>vpce-1</vpcEndpointId><serviceName>\
             com.amazonaws.us-west-2.guardduty-data</serviceName></item><item><vpcEndpointId>\
             vpce-2</vpcEndpointId><serviceName>com.amazonaws.us-west-2.s3</serviceName></item>\
             </vpcEndpointSet>",
        ),
        "DescribeSecurityGroups" if call.contains("vpc-id") => answer(
            call,
            "<securityGroupInfo><item><groupId>sg-9</groupId><groupName>\
             GuardDutyManagedSecurityGroup-vpc-1</groupName><vpcId>vpc-1</vpcId></item><item>\
             <groupId>sg-8</groupId><groupName>default</groupName><vpcId>vpc-1</vpcId></item>\
             </securityGroupInfo>",
        ),
        _ => answer(call, ""),
    }
}

#[tokio::test(start_paused = true)]
async fn what_guardduty_put_into_our_vpc_goes_with_it() {
    let (ec2, calls) = scripted::ec2(guarded).await;
    let ours = Selector::deployment(&"spot-1".into());
    let minute = Duration::from_mins(1);
    let _ = teardown(&ec2, &ours, minute, minute, &|_, _| {}).await.unwrap();
    let calls = calls.lock().unwrap();
    let changes: Vec<&str> = calls
        .iter()
        .map(|call| action(call))
        .filter(|action| !action.starts_with("Describe"))
        .collect();
    let begin =
        ["DeleteNetworkInterface", "DeleteVpcEndpoints", "DeleteSecurityGroup", "DeleteVpc"];
    assert_eq!(changes, begin, "what goes with its instance is not detached");
    let of = |name: &str| calls.iter().find(|call| action(call) == name).unwrap().clone();
    assert!(of("DeleteVpcEndpoints").contains("vpce-1"));
    assert!(of("DeleteSecurityGroup").contains("sg-9"));
}

/// A VPC as above. The interface of GuardDuty's endpoint holds the group for a while after the
/// endpoint is told of no more, and the group holds the VPC.
fn guarded_for(held: Duration) -> impl Fn(&str) -> (u16, String) + Send + Sync + 'static {
    let (ended, is_gone) = (OnceLock::<Instant>::new(), AtomicBool::new(false));
    move |call: &str| match action(call) {
        "DeleteVpcEndpoints" => {
            ended.get_or_init(Instant::now);
            answer(call, "")
        }
        "DescribeVpcEndpoints" if ended.get().is_some() => answer(call, ""),
        "DeleteSecurityGroup" if ended.get().is_none_or(|at| at.elapsed() < held) => {
            scripted::refusal("DependencyViolation")
        }
        "DeleteSecurityGroup" => {
            is_gone.store(true, Ordering::SeqCst);
            answer(call, "")
        }
        "DescribeSecurityGroups" if is_gone.load(Ordering::SeqCst) => answer(call, ""),
        "DeleteVpc" if !is_gone.load(Ordering::SeqCst) => scripted::refusal("DependencyViolation"),
        _ => guarded(call),
    }
}

#[tokio::test(start_paused = true)]
async fn guarddutys_group_is_not_forgotten_when_its_endpoint_is_gone() {
    let (ec2, calls) = scripted::ec2(guarded_for(Duration::from_secs(90))).await;
    let said = Mutex::new(Vec::new());
    let say = |level: Level, text: String| said.lock().unwrap().push((level, text));
    let (began, minute) = (Instant::now(), Duration::from_mins(1));
    let ours = Selector::deployment(&"spot-1".into());
    let left = teardown(&ec2, &ours, 5 * minute, minute, &say).await.unwrap();
    assert_eq!(left.left, [], "{said:?}");
    assert!(began.elapsed() < 4 * minute, "{:?}", began.elapsed());
    let said = said.into_inner().unwrap();
    assert!(said.iter().all(|(level, _)| *level != Level::Error), "{said:?}");
    let calls = calls.lock().unwrap();
    let last = calls.iter().map(|call| action(call)).rfind(|it| !it.starts_with("Describe"));
    assert_eq!(last, Some("DeleteVpc"));
}
