//! `iam-policy`: the permissions that are used, as a policy document of IAM (its grammar, version
//! 2012-10-17).

use serde_json::{Value, json};

use super::exit_code::ExitCode;
use super::stdout;
use super::stop::Stop;
use crate::aws::{EC2_ACTIONS, Purpose};
use crate::cli::IamPolicy;
use crate::fleet::cloudwatch::NAMESPACE;
use crate::fleet::tags;

/// The actions that make something and give it its tags in the same call.
const TAGGING: [&str; 12] = [
    "RunInstances",
    "CreateFleet",
    "CreateLaunchTemplate",
    "CreateVpc",
    "CreateSubnet",
    "CreateInternetGateway",
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupIngress",
    "ImportKeyPair",
    "CreateVolume",
    "AllocateAddress",
    "CreateSnapshot",
];

/// The tag of what GuardDuty makes, by whose presence its own role is bound
/// (`AmazonGuardDutyServiceRolePolicy`).
const GUARD_DUTYS: &str = "GuardDutyManaged";

/// `iam-policy`.
pub(super) fn iam_policy(args: &IamPolicy, looks_only: bool) -> Result<ExitCode, Stop> {
    if looks_only && (args.launch || args.destroy || args.all_features) {
        let text = "--read-only is a policy of its own: leave out the other option";
        return Err(Stop::Usage(text.to_owned()));
    }
    let policy = policy(&|purpose| match purpose {
        Purpose::Look => true,
        _ if looks_only => false,
        _ if args.all_features => true,
        Purpose::Launch | Purpose::Lock | Purpose::Network => !args.destroy,
        Purpose::Remove | Purpose::Guards => !args.launch,
        Purpose::Score
        | Purpose::Capacity
        | Purpose::Measure
        | Purpose::Publish
        | Purpose::Fleet
        | Purpose::Stay
        | Purpose::Keep => false,
    });
    stdout::print(&format!("{policy:#}"));
    Ok(ExitCode::DONE)
}

fn policy(wants: &dyn Fn(Purpose) -> bool) -> Value {
    let mut statements = vec![
        statement("WhoAmI", &["sts:GetCallerIdentity".to_owned()], "*"),
        statement("ListPrices", &["pricing:GetProducts".to_owned()], "*"),
        statement("Quotas", &["servicequotas:GetServiceQuota".to_owned()], "*"),
        statement(
            "CanonicalsImages",
            &["ssm:GetParameter".to_owned()],
            "arn:aws:ssm:*::parameter/aws/service/canonical/*",
        ),
    ];
    if wants(Purpose::Measure) {
        statements.push(statement("Metrics", &["cloudwatch:GetMetricData".to_owned()], "*"));
    }
    if wants(Purpose::Publish) {
        let mut publish = statement("Publish", &["cloudwatch:PutMetricData".to_owned()], "*");
        publish["Condition"] = json!({ "StringEquals": { "cloudwatch:namespace": NAMESPACE } });
        statements.push(publish);
    }
    for (purpose, actions) in EC2_ACTIONS.iter().filter(|(purpose, _)| wants(*purpose)) {
        let (tagging, rest): (Vec<&str>, Vec<&str>) =
            actions.iter().partition(|action| **action == "CreateTags");
        statements.push(on_ec2(*purpose, &rest));
        if !tagging.is_empty() {
            statements.push(tags_at_birth());
        }
        match purpose {
            Purpose::Keep => statements.push(host_key_tag()),
            Purpose::Lock => statements.push(lock_tags()),
            _ => {}
        }
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn on_ec2(purpose: Purpose, actions: &[&str]) -> Value {
    let actions: Vec<String> = actions.iter().map(|action| format!("ec2:{action}")).collect();
    let mut statement = statement(&format!("{purpose:?}"), &actions, "*");
    match purpose {
        // What ends or takes away applies to what carries our tag alone.
        Purpose::Remove | Purpose::Stay => {
            let key = format!("aws:ResourceTag/{}", tags::MANAGED_BY);
            statement["Condition"] = json!({ "StringEquals": { key: tags::SPOT_TUI } });
        }
        Purpose::Guards => {
            let key = format!("aws:ResourceTag/{GUARD_DUTYS}");
            statement["Condition"] = json!({ "Null": { key: "false" } });
        }
        _ => {}
    }
    statement
}

/// The host key is written on a volume that is kept, once it is known; a root that the configuration came
/// to keep later is said to be kept; and a restore says anew which volume is the machine's own.
fn host_key_tag() -> Value {
    tags_later("HostKeyTag", &[tags::HOST_KEY, tags::KEPT, tags::ASIDE_OF])
}

/// Who holds the lock between machines writes anew until when.
fn lock_tags() -> Value {
    tags_later("LockTags", &tags::LOCK_KEYS)
}

/// These tags may be written on what is ours.
fn tags_later(name: &str, keys: &[&str]) -> Value {
    let mut statement = statement(name, &["ec2:CreateTags".to_owned()], "*");
    let key = format!("aws:ResourceTag/{}", tags::MANAGED_BY);
    statement["Condition"] = json!({
        "StringEquals": { key: tags::SPOT_TUI },
        "ForAllValues:StringEquals": { "aws:TagKeys": keys },
    });
    statement
}

/// All other tags are given in the call that makes something, and never later.
fn tags_at_birth() -> Value {
    let mut statement = statement("TagAtBirth", &["ec2:CreateTags".to_owned()], "*");
    statement["Condition"] = json!({ "StringEquals": { "ec2:CreateAction": TAGGING } });
    statement
}

fn statement(name: &str, actions: &[String], resource: &str) -> Value {
    json!({ "Sid": name, "Effect": "Allow", "Action": actions, "Resource": resource })
}
