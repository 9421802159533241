//! What a user can do about a failure: one table by code, and one by class.

use super::class::{Class, Credential};
use super::profile::Profile;
use crate::fleet::Region;

/// What to do, in one sentence; empty where nobody knows.
pub(super) fn hint(
    operation: &str,
    code: Option<&str>,
    class: Class,
    region: &Region,
    profile: &Profile,
) -> String {
    code.and_then(|code| by_code(operation, code, region, profile))
        .unwrap_or_else(|| by_class(class, region, profile))
}

fn by_code(operation: &str, code: &str, region: &Region, profile: &Profile) -> Option<String> {
    Some(match code {
        "InsufficientInstanceCapacity" | "UnfulfillableCapacity" => {
            "no spot capacity there now: allow more machine types or zones in the configuration, \
             or try again later"
                .into()
        }
        "SpotMaxPriceTooLow" => {
            "raise spot_price_limit or leave it out; AWS never charges more than on-demand".into()
        }
        "Unsupported" => {
            "this zone does not offer that machine type: allow more machine types, or \
                          leave availability_zones out"
                .into()
        }
        "InsufficientFreeAddressesInSubnet" => "the subnet is full: use another one".into(),
        "MaxSpotInstanceCountExceeded" => format!(
            "the quota for spot vCPUs is used up; raise it at {}, use other regions, or other \
             families of machine types",
            quota(region, "L-34B43A08")
        ),
        "VcpuLimitExceeded" | "InstanceLimitExceeded" => {
            format!("the account's quota is used up; raise it at {}", quotas(region, "ec2"))
        }
        "VolumeLimitExceeded" => {
            format!("the quota for volumes is used up; raise it at {}", quotas(region, "ebs"))
        }
        "VpcLimitExceeded" | "SecurityGroupLimitExceeded" => format!(
            "the quota is used up; raise it at {}, or use the default VPC",
            quotas(region, "vpc")
        ),
        "AuthFailure.ServiceLinkedRoleCreationNotPermitted" => {
            "somebody with IAM rights runs this once: aws iam create-service-linked-role \
             --aws-service-name spot.amazonaws.com"
                .into()
        }
        "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => {
            format!("the identity needs the permission {}", permission(operation))
        }
        "AuthFailure" | "OptInRequired" => format!(
            "if {region} is an opt-in region, enable it in the account: aws account enable-region \
             --region-name {region}"
        ),
        "InvalidAMIID.NotFound" | "InvalidAMIID.Unavailable" | "InvalidAMIID.Malformed" => {
            "an image belongs to one region: check the id, or use image: auto".into()
        }
        "InvalidInstanceType" => {
            "check machine_type: a name like t3.medium that this region offers".into()
        }
        "InvalidKeyPair.NotFound" => {
            format!(
                "there is no key pair of this name in {region}: check ssh_key_name, or leave \
                     it out to have the public key imported"
            )
        }
        "InvalidKey.Format" => "EC2 takes ed25519 and rsa public keys only".into(),
        "InvalidVpcID.NotFound" | "InvalidSubnetID.NotFound" => {
            format!("check the id in the configuration: it has to exist in {region}")
        }
        "OperationNotPermitted" => {
            "termination protection is on: switch it off in the AWS console first".into()
        }
        "RequestExpired" if profile.name.is_none() => {
            "get new credentials, and check this machine's clock".into()
        }
        _ => return None,
    })
}

fn by_class(class: Class, region: &Region, profile: &Profile) -> String {
    match class {
        Class::Credentials(credential) => by_credential(credential, profile),
        Class::Retry => format!("AWS or the way to it in {region} has trouble: try again"),
        Class::Unknown => {
            "it may have happened: the next run finds out by its tags before it acts".into()
        }
        Class::Dependency => "something else still uses it".into(),
        _ => String::new(),
    }
}

pub(super) fn by_credential(credential: Credential, profile: &Profile) -> String {
    let flag = profile.name.as_deref().map(|name| format!(" --profile {name}"));
    let flag = flag.unwrap_or_default();
    match credential {
        Credential::Missing => {
            "set AWS_PROFILE or --profile, or run: aws configure (or aws sso login)".into()
        }
        Credential::SsoLogin => format!("run: aws sso login{flag}"),
        Credential::Expired => "the credentials have expired: get new ones".into(),
        Credential::Rejected => {
            format!("check the keys and the role: aws sts get-caller-identity{flag}")
        }
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
        _ => "ec2",
    };
    format!("{service}:{operation}")
}

fn quota(region: &Region, code: &str) -> String {
    format!("{}/{code}", quotas(region, "ec2"))
}

fn quotas(region: &Region, service: &str) -> String {
    format!("https://{region}.console.aws.amazon.com/servicequotas/home/services/{service}/quotas")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: Option<&str>, class: Class, profile: &Profile) -> String {
        hint("RunInstances", code, class, &"us-west-2".into(), profile)
    }

    #[test]
    fn an_sso_profile_is_told_how_to_log_in() {
        let work = Profile { name: Some("work".into()), sso: true, ..Profile::default() };
        let expired = Class::Credentials(Credential::SsoLogin);
        assert_eq!(
            told(Some("RequestExpired"), expired, &work),
            "run: aws sso login --profile work"
        );
    }

    #[test]
    fn a_full_quota_links_to_where_it_is_raised() {
        let code = Some("MaxSpotInstanceCountExceeded");
        let text = told(code, Class::FatalRegion, &Profile::default());
        assert!(text.contains("us-west-2.console.aws.amazon.com/servicequotas"), "{text}");
        assert!(text.contains("L-34B43A08"), "{text}");
    }

    #[test]
    fn a_missing_service_role_names_the_command() {
        let code = Some("AuthFailure.ServiceLinkedRoleCreationNotPermitted");
        let text = told(code, Class::FatalAccount, &Profile::default());
        assert!(text.ends_with("--aws-service-name spot.amazonaws.com"), "{text}");
    }
}
