//! What a user can do about a failure: one table by code, and one by class.

use super::class::{Class, Credential};
use super::codes::{Refusal, is_opt_in};
use super::profile::Profile;
use super::quota::{quota_link, quotas};
use crate::fleet::text::profile_flag;
use crate::fleet::{MachineType, Region};

/// What to do, in one sentence; empty where nobody knows.
pub(super) fn hint(refusal: &Refusal<'_>, class: Class, profile: &Profile) -> String {
    by_message(refusal)
        .or_else(|| by_code(refusal, profile))
        .unwrap_or_else(|| by_class(class, refusal, profile))
}

/// What to do about a quota that a launch of this type has met; `None` for another failure.
pub(super) fn about_quota(
    code: Option<&str>,
    region: &Region,
    machine_type: &MachineType,
) -> Option<String> {
    let is_spot = match code? {
        "MaxSpotInstanceCountExceeded" => true,
        "VcpuLimitExceeded" => false,
        _ => return None,
    };
    let (kind, link) = (
        if is_spot { "spot vCPUs" } else { "vCPUs" },
        quota_link(region, Some(machine_type), is_spot),
    );
    Some(format!(
        "the quota for {kind} of {machine_type}'s families is used up; raise it at {link}, use \
         other regions, or other families of machine types"
    ))
}

/// What only AWS's own words tell.
fn by_message(refusal: &Refusal<'_>) -> Option<String> {
    let says = |text| refusal.message.contains(text);
    if says("invalid peer certificate") {
        return Some(
            "a certificate on the way is of an authority that nobody here knows: name its file in \
             AWS_CA_BUNDLE, or as ca_bundle in the profile"
                .into(),
        );
    }
    if says("Signature expired") || says("not yet current") {
        return Some("this machine's clock is wrong: set it, as with `timedatectl`".into());
    }
    let code = refusal.code?;
    if code == "InvalidParameterCombination" && says("not eligible for Free Tier") {
        return Some(
            "the account is on AWS's free plan: use t3.micro, t3.small, t4g.micro, t4g.small, \
             c7i-flex.large or m7i-flex.large, or upgrade the plan"
                .into(),
        );
    }
    if code == "OperationNotPermitted" {
        return Some(match () {
            () if says("disableApiStop") => "stop protection is on: switch it off first".into(),
            () if says("cannot be detached") => "it goes with its instance".into(),
            () => "termination protection is on: switch it off in the AWS console first".into(),
        });
    }
    if code == "IncorrectSpotRequestState" && says("Only Amazon EC2 can restart") {
        return Some("AWS stopped it and starts it again when there is capacity".into());
    }
    None
}

fn by_code(refusal: &Refusal<'_>, profile: &Profile) -> Option<String> {
    let region = refusal.region;
    Some(match refusal.code? {
        "InsufficientInstanceCapacity" | "UnfulfillableCapacity" => {
            "no spot capacity there now: allow more machine types or zones in the configuration, \
             or try again later"
                .into()
        }
        "SpotMaxPriceTooLow" => {
            "raise spot_price_limit or leave it out; AWS never charges more than on-demand".into()
        }
        "Unsupported" | "InvalidFleetConfiguration" => {
            "this zone does not offer that machine type: allow more machine types, or leave \
             availability_zones out"
                .into()
        }
        "InsufficientFreeAddressesInSubnet" => "the subnet is full: use another one".into(),
        "AuthFailure.ServiceLinkedRoleCreationNotPermitted" => {
            "somebody with IAM rights runs this once: aws iam create-service-linked-role \
             --aws-service-name spot.amazonaws.com"
                .into()
        }
        "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => denied(refusal),
        "OptInRequired" if refusal.message.contains("not subscribed") => {
            "the account is not signed up for this service yet: finish that in the AWS console"
                .into()
        }
        "OptInRequired" | "RegionDisabledException" => enable(region),
        "AuthFailure" if is_opt_in(region) => enable(region),
        "AuthFailure" => by_credential(Credential::Rejected, profile),
        "PendingVerification" => {
            "AWS checks new accounts: wait for its e-mail, up to four hours, or use another region"
                .into()
        }
        "Blocked" => "AWS has blocked the account: ask AWS Support".into(),
        "InvalidAMIID.NotFound" | "InvalidAMIID.Unavailable" | "InvalidAMIID.Malformed" => {
            "an image belongs to one region: check the id, or use image: auto".into()
        }
        "InvalidInstanceType" => {
            "check machine_type: a name like t3.medium that this region offers".into()
        }
        "InvalidKeyPair.NotFound" => format!(
            "there is no key pair of this name in {region}: check ssh_key_name, or leave it out"
        ),
        "InvalidVpcID.NotFound" | "InvalidSubnetID.NotFound" => {
            format!("check the id in the configuration: it has to exist in {region}")
        }
        "InvalidZone.NotFound" => "check availability_zones: that zone is not there".into(),
        "RequestExpired" if profile.name.is_none() => {
            "get new credentials, and check this machine's clock".into()
        }
        code if code.contains("KMS") => KMS.into(),
        code => return limit(code, region),
    })
}

/// Who may not use the key that encrypts the volumes, and what mends it.
const KMS: &str = "the account's default key for volumes may not be used: let the spot \
                              role use it (aws kms create-grant, grantee AWSServiceRoleForEC2Spot)";

/// What to do about an instance that ended before it ran, by EC2's reason for that.
pub fn hint_of_end(reason: &str) -> Option<&'static str> {
    // What a launch is told of a key that may not be used (EC2 user guide, "Instance terminates
    // immediately").
    reason.starts_with("Client.InternalError").then_some(KMS)
}

/// A quota that is used up, by the thing that it counts.
fn limit(code: &str, region: &Region) -> Option<String> {
    Some(match code {
        "MaxSpotInstanceCountExceeded" => format!(
            "the quota for spot vCPUs is used up; raise it at {}, use other regions, or other \
             families of machine types",
            quota_link(region, None, true)
        ),
        "VcpuLimitExceeded" | "InstanceLimitExceeded" => {
            format!("the account's quota is used up; raise it at {}", quotas(region, "ec2"))
        }
        "VolumeLimitExceeded" => {
            format!("the quota for volumes is used up; raise it at {}", quotas(region, "ebs"))
        }
        "VpcLimitExceeded"
        | "InternetGatewayLimitExceeded"
        | "RouteTableLimitExceeded"
        | "SubnetLimitExceeded"
        | "SecurityGroupLimitExceeded" => format!(
            "the quota is used up; raise it at {}, or use the default VPC",
            quotas(region, "vpc")
        ),
        "RulesPerSecurityGroupLimitExceeded" => format!(
            "the security group is full: allow fewer networks, or raise the quota at {}",
            quotas(region, "vpc")
        ),
        code if code.ends_with("LimitExceeded") && code != "RequestLimitExceeded" => {
            let service =
                if code.starts_with("NetworkInterface") || code.starts_with("SecurityGroups") {
                    "vpc"
                } else {
                    "ec2"
                };
            format!("the quota is used up; raise it at {}", quotas(region, service))
        }
        _ => return None,
    })
}

/// An action that is not allowed: AWS says which, and it may be another than the one called.
fn denied(refusal: &Refusal<'_>) -> String {
    let named = refusal
        .message
        .split_once("not authorized to perform: ")
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .map(|action| action.trim_end_matches(['.', ',']).to_owned());
    let action = named.unwrap_or_else(|| permission(refusal.operation));
    let says = |text| refusal.message.contains(text);
    match () {
        () if says("service control policy") => format!(
            "a policy of the organization (SCP) denies {action} in {}: no permission of this \
             identity helps; leave the region out, or ask who runs the organization",
            refusal.region
        ),
        () if says("permissions boundary") => {
            format!("the identity's permissions boundary does not allow {action}")
        }
        () if says("explicit deny") => {
            format!("a policy denies {action} explicitly: whoever wrote it has to change it")
        }
        () if action == "iam:PassRole" => {
            "the identity needs iam:PassRole for the role of aws.iam_instance_profile".into()
        }
        () => format!("the identity needs the permission {action}"),
    }
}

fn enable(region: &Region) -> String {
    format!(
        "if {region} is an opt-in region, enable it in the account: aws account enable-region \
         --region-name {region}"
    )
}

fn by_class(class: Class, refusal: &Refusal<'_>, profile: &Profile) -> String {
    match class {
        Class::Credentials(credential) => by_credential(credential, profile),
        Class::Retry => {
            format!("AWS or the way to it in {} has trouble: try again", refusal.region)
        }
        Class::Unknown => {
            "it may have happened: the next run finds out by its tags before it acts".into()
        }
        Class::Dependency => "something else still uses it".into(),
        _ => String::new(),
    }
}

pub(super) fn by_credential(credential: Credential, profile: &Profile) -> String {
    let flag = profile_flag(profile.name.as_deref());
    match credential {
        Credential::Missing => {
            "run aws configure; or spot-tui login --profile NAME, for IAM Identity Center; or set \
             AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                .into()
        }
        Credential::SsoLogin => format!("run: {}", profile.login_command()),
        Credential::Expired => "the credentials have expired: get new ones".into(),
        Credential::Rejected => format!(
            "check the keys, the role and this machine's clock: aws sts get-caller-identity{flag}"
        ),
        Credential::Broken => {
            format!("check the profile: aws sts get-caller-identity{flag}")
        }
        Credential::OtherAccount => {
            "use the credentials of that account (AWS_PROFILE, --profile), or name another file \
             with --state"
                .into()
        }
    }
}

/// An action as IAM spells it.
fn permission(operation: &str) -> String {
    let service = match operation {
        "GetCallerIdentity" => "sts",
        "GetParameter" => "ssm",
        "GetProducts" => "pricing",
        "GetServiceQuota" => "servicequotas",
        "GetMetricData" | "PutMetricData" => "cloudwatch",
        _ => "ec2",
    };
    format!("{service}:{operation}")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::aws::profile::Sso;

    fn told(operation: &str, code: Option<&str>, message: &str, profile: &Profile) -> String {
        let region = &"us-west-2".into();
        let refusal = Refusal { operation, region, code, status: Some(400), message };
        hint(&refusal, refusal.class().behind(profile), profile)
    }

    fn launch(code: &str, message: &str) -> String {
        told("RunInstances", Some(code), message, &Profile::default())
    }

    #[test]
    fn an_sso_profile_is_told_how_to_log_in() {
        let sso = Sso {
            session: None,
            start_url: "https://my.awsapps.com/start".into(),
            region: "eu-west-1".into(),
            scopes: Vec::new(),
        };
        let work = Profile { name: Some("work".into()), sso: Some(sso), ..Profile::default() };
        let text = told("RunInstances", Some("RequestExpired"), "", &work);
        assert_eq!(text, "run: spot-tui login --profile work");
    }

    #[test]
    fn a_command_that_is_pasted_takes_any_profile_for_one_word() {
        let name = "it's me; rm -rf ~ $(id) `id`";
        let profile = Profile { name: Some(name.into()), ..Profile::default() };
        for credential in [Credential::SsoLogin, Credential::Rejected, Credential::Broken] {
            let text = by_credential(credential, &profile);
            let (_, command) = text.rsplit_once(": ").unwrap();
            // A shell shows what words it makes of it, a line each.
            let shell =
                Command::new("sh").args(["-c", &format!("printf '%s\\n' {command}")]).output();
            let words = String::from_utf8(shell.unwrap().stdout).unwrap();
            assert_eq!(
                words.lines().rev().take(2).collect::<Vec<_>>(),
                [name, "--profile"],
                "{text}"
            );
        }
    }

    #[test]
    fn a_full_quota_links_to_where_that_familys_is_raised() {
        let code = Some("MaxSpotInstanceCountExceeded");
        let text = about_quota(code, &"us-west-2".into(), &"g5.xlarge".into()).unwrap();
        assert!(text.contains("us-west-2.console.aws.amazon.com/servicequotas"), "{text}");
        assert!(text.contains("L-3819A6DF"), "{text}");
        assert_eq!(about_quota(Some("Blocked"), &"us-west-2".into(), &"t3.nano".into()), None);
    }

    #[test]
    fn a_missing_service_role_names_the_command() {
        let text = launch("AuthFailure.ServiceLinkedRoleCreationNotPermitted", "");
        assert!(text.ends_with("--aws-service-name spot.amazonaws.com"), "{text}");
    }

    /// The words are those of public logs and AWS's list of error codes.
    #[test]
    fn what_is_denied_is_what_aws_names() {
        let user = "You are not authorized to perform this operation. User: arn:aws:iam::1:user/a \
                    is not authorized to perform: ";
        let text = launch(
            "UnauthorizedOperation",
            &format!(
                "{user}ec2:CreateTags on resource: arn:aws:ec2:us-west-2:1:instance/* because \
                      no identity-based policy allows the ec2:CreateTags action."
            ),
        );
        assert_eq!(text, "the identity needs the permission ec2:CreateTags");
        let text = launch("UnauthorizedOperation", &format!("{user}iam:PassRole on resource: r"));
        assert!(text.contains("iam:PassRole for the role"), "{text}");
        let text = launch(
            "UnauthorizedOperation",
            &format!(
                "{user}ec2:RunInstances on resource: r with an explicit deny in a service \
                      control policy."
            ),
        );
        assert!(text.contains("SCP") && text.contains("no permission"), "{text}");
        let none = Profile::default();
        let text = told("GetProducts", Some("AccessDeniedException"), "", &none);
        assert_eq!(text, "the identity needs the permission pricing:GetProducts");
    }

    #[test]
    fn new_accounts_are_told_what_they_may_do() {
        let free = "The specified instance type is not eligible for Free Tier.";
        assert!(launch("InvalidParameterCombination", free).contains("t4g.small"));
        assert!(launch("PendingVerification", "").contains("four hours"));
        assert!(launch("Blocked", "").contains("AWS Support"));
        let subscribed = "You are not subscribed to this service.";
        assert!(!launch("OptInRequired", subscribed).contains("enable-region"));
    }

    #[test]
    fn protection_and_primary_interfaces_are_told_apart() {
        let protected = "The instance 'i-1' may not be terminated. Modify its \
                         'disableApiTermination' instance attribute and try again.";
        assert!(launch("OperationNotPermitted", protected).contains("termination protection"));
        let primary = "The network interface at device index 0 and networkCard index 0 cannot be \
                       detached.";
        assert_eq!(launch("OperationNotPermitted", primary), "it goes with its instance");
    }

    #[test]
    fn a_wrong_clock_and_keys_that_nobody_knows_are_no_matter_of_opt_in() {
        let skewed = "Signature expired: 20261128T050000Z is now earlier than 20261128T061500Z";
        let none = Profile::default();
        let text = told("GetCallerIdentity", Some("SignatureDoesNotMatch"), skewed, &none);
        assert!(text.contains("clock is wrong"), "{text}");
        let unknown = "AWS was not able to validate the provided access credentials";
        let text = told("DescribeRegions", Some("AuthFailure"), unknown, &none);
        assert!(text.contains("check the keys") && text.contains("clock"), "{text}");
    }

    #[test]
    fn every_quota_says_where_it_is_raised() {
        for code in ["InternetGateway", "RouteTable", "Subnet", "KeyPair", "NetworkInterface"] {
            let text = launch(&format!("{code}LimitExceeded"), "");
            assert!(text.contains("/servicequotas/"), "{code}: {text}");
        }
        assert!(!launch("RequestLimitExceeded", "").contains("quota"));
    }
}
