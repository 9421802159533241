//! The one classifier of AWS's error codes.
//!
//! Codes and classes follow AWS's list of EC2 error codes and what launchers in the field
//! (Karpenter, ParallelCluster) make of them.

use super::class::{Class, Credential};
use crate::fleet::{FailureKind, REGION_LOCATIONS, Region};

/// Codes that mean the same for every action: what to do about them, and what would mend them.
const CODES: &[(&[&str], Class, FailureKind)] = &[
    (
        &[
            "InsufficientInstanceCapacity",
            "InsufficientHostCapacity",
            "InsufficientReservedInstanceCapacity",
            "InsufficientCapacity",
            "ReservationCapacityExceeded",
            "UnfulfillableCapacity",
            "SpotMaxPriceTooLow",
            "InsufficientFreeAddressesInSubnet",
            "InsufficientVolumeCapacity",
        ],
        Class::Elsewhere,
        FailureKind::Capacity,
    ),
    (
        &["Unsupported", "VolumeTypeNotAvailableInZone"],
        Class::Elsewhere,
        FailureKind::Configuration,
    ),
    (&["MaxSpotInstanceCountExceeded", "VcpuLimitExceeded"], Class::Quota, FailureKind::Quota),
    // "Break up your request into smaller requests", whatever the account's quota is.
    (
        &["ResourceCountExceeded", "RequestResourceCountExceeded"],
        Class::TooMany,
        FailureKind::Quota,
    ),
    (&["MaxFleetCountExceeded"], Class::FatalRegion, FailureKind::Quota),
    (
        &[
            "InvalidAMIID.NotFound",
            "InvalidAMIID.Unavailable",
            "InvalidAMIID.Malformed",
            "InvalidInstanceType",
            "InvalidParameterValue",
            "InvalidParameterCombination",
            "InvalidBlockDeviceMapping",
            "InvalidUserData.Malformed",
            "InvalidKeyPair.NotFound",
            // A zone is named by the region's own list: it will not come into being.
            "InvalidZone.NotFound",
        ],
        Class::FatalRegion,
        FailureKind::Configuration,
    ),
    (
        &["AuthFailure", "OptInRequired", "PendingVerification", "OperationNotPermitted"],
        Class::FatalRegion,
        FailureKind::Permission,
    ),
    (&["IdempotentParameterMismatch"], Class::FatalRegion, FailureKind::Internal),
    (
        &[
            "RequestLimitExceeded",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
            "InternalError",
            "ServerInternal",
            "InternalFailure",
            "InternalServerError",
            "ServiceUnavailable",
            "Unavailable",
        ],
        Class::Retry,
        FailureKind::Aws,
    ),
    (
        &["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"],
        Class::Denied,
        FailureKind::Permission,
    ),
    (
        &["AuthFailure.ServiceLinkedRoleCreationNotPermitted", "Blocked"],
        Class::FatalAccount,
        FailureKind::Permission,
    ),
    (
        &["ExpiredToken", "ExpiredTokenException", "RequestExpired"],
        Class::Credentials(Credential::Expired),
        FailureKind::Credentials,
    ),
    (
        &[
            "InvalidClientTokenId",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "InvalidSignatureException",
            "IncompleteSignature",
            "IncompleteSignatureException",
        ],
        Class::Credentials(Credential::Rejected),
        FailureKind::Credentials,
    ),
    (&["IdempotentInstanceTerminated"], Class::NewToken, FailureKind::Aws),
    (
        &["IncorrectSpotRequestState", "IncorrectInstanceState", "IncorrectState"],
        Class::NotYet,
        FailureKind::Aws,
    ),
    (
        &[
            "DependencyViolation",
            "VolumeInUse",
            "InvalidNetworkInterface.InUse",
            "InvalidGroup.InUse",
            "InvalidIPAddress.InUse",
        ],
        Class::Dependency,
        FailureKind::Aws,
    ),
];

/// The kind of a failure: by its code where the table has it with this class, else by the class.
pub(super) fn kind(code: Option<&str>, class: Class) -> FailureKind {
    let listed = CODES.iter().find(|(codes, listed, _)| {
        *listed == class && code.is_some_and(|code| codes.contains(&code))
    });
    match (class, listed) {
        (Class::Credentials(Credential::SsoLogin), _) => FailureKind::SignIn,
        (_, Some((_, _, kind))) => *kind,
        (Class::Credentials(_), None) => FailureKind::Credentials,
        (Class::Denied | Class::FatalAccount, None) => FailureKind::Permission,
        (Class::Elsewhere, None) => FailureKind::Capacity,
        (Class::Quota | Class::TooMany, None) => FailureKind::Quota,
        (Class::FatalRegion, None) if code.is_some_and(|it| it.ends_with("LimitExceeded")) => {
            FailureKind::Quota
        }
        (Class::FatalRegion, None) => FailureKind::Other,
        (
            Class::Retry
            | Class::NotYet
            | Class::Dependency
            | Class::Gone
            | Class::Exists
            | Class::NewToken
            | Class::Unknown,
            None,
        ) => FailureKind::Aws,
    }
}

/// What AWS answered to a call, as far as its class depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal<'a> {
    /// The API action.
    pub(super) operation: &'a str,
    /// Where it was asked.
    pub(super) region: &'a Region,
    /// AWS's code, where there is one.
    pub(super) code: Option<&'a str>,
    /// The HTTP status; `None` for a part of an answer.
    pub(super) status: Option<u16>,
    /// AWS's own words.
    pub(super) message: &'a str,
}

impl Refusal<'_> {
    /// The class of a service's answer.
    pub(super) fn class(&self) -> Class {
        let Some(code) = self.code else {
            // A gateway's page, or a 200 that nobody can read: the service may have acted.
            return if self.status.is_some_and(|status| (400..500).contains(&status)) {
                Class::FatalRegion
            } else {
                lost(self.operation)
            };
        };
        self.by_message(code).or_else(|| by_code(code)).unwrap_or_else(|| self.by_shape(code))
    }

    /// Codes that AWS uses for several things, which only its words tell apart.
    fn by_message(&self, code: &str) -> Option<Class> {
        let says = |text| self.message.contains(text);
        let launches = ["RunInstances", "CreateFleet"].contains(&self.operation);
        Some(match code {
            // Accounts on the free plan may launch some types only, since July 2025.
            "InvalidParameterCombination" if says("not eligible for Free Tier") => Class::Elsewhere,
            // The type and the image do not go together: ENA, boot mode.
            "UnsupportedOperation" if launches => Class::Elsewhere,
            // Key pairs are eventually consistent: one that was just imported may not be known.
            "InvalidKeyPair.NotFound" if launches => Class::NotYet,
            // A fleet's word for `Unsupported`.
            "InvalidFleetConfiguration" if says("not supported in your requested") => {
                Class::Elsewhere
            }
            // DeleteNetworkInterface's other word for `InvalidNetworkInterface.InUse`.
            "InvalidParameterValue" if says("currently in use") => Class::Dependency,
            // A primary interface goes with its instance.
            "OperationNotPermitted" if says("cannot be detached") => Class::Dependency,
            "IncorrectSpotRequestState" if says("Only Amazon EC2 can restart") => {
                Class::FatalRegion
            }
            // AssociateAddress, of an instance that is pending.
            "InvalidInstanceID" if says("not in a valid state") => Class::NotYet,
            "AuthFailure" if says("do not have permission") => Class::Denied,
            // In a region that an account has to opt in to, this is how AWS says that it did not.
            "AuthFailure" if says("validate the provided access") && !is_opt_in(self.region) => {
                Class::Credentials(Credential::Rejected)
            }
            _ => return None,
        })
    }

    /// The class of a code that is in no table.
    fn by_shape(&self, code: &str) -> Class {
        let there = [".Duplicate", "AlreadyExists", "AlreadyExistsException", ".AlreadyAssociated"];
        if there.iter().any(|ending| code.ends_with(ending)) {
            return Class::Exists;
        }
        if code == "Gateway.NotAttached" {
            return Class::Gone;
        }
        if code.ends_with("NotFound") || code.ends_with("NotFoundException") {
            // On a delete it is success; on anything else it may be too young to be known.
            return if undoes(self.operation) { Class::Gone } else { Class::NotYet };
        }
        match self.status {
            Some(500..) => Class::Retry,
            _ => Class::FatalRegion,
        }
    }
}

fn by_code(code: &str) -> Option<Class> {
    CODES.iter().find(|(codes, ..)| codes.contains(&code)).map(|(_, class, _)| *class)
}

/// Whether an account has to opt in to a region; of one that nobody knows, it may.
pub(super) fn is_opt_in(region: &Region) -> bool {
    REGION_LOCATIONS
        .iter()
        .find(|place| place.code == region.as_str())
        .is_none_or(|place| place.opt_in)
}

/// Whether an action takes something away.
fn undoes(operation: &str) -> bool {
    ["Delete", "Terminate", "Cancel", "Detach", "Disassociate", "Revoke", "Release"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

/// The class of a call whose answer was lost: a question is asked again; an act may have happened.
pub(super) fn lost(operation: &str) -> Class {
    if operation.starts_with("Describe") || operation.starts_with("Get") {
        Class::Retry
    } else {
        Class::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code of the list, with the action that meets it.
    const EXPECTED: &[(&str, &str, u16, Class)] = &[
        ("RunInstances", "InsufficientInstanceCapacity", 500, Class::Elsewhere),
        ("RunInstances", "UnfulfillableCapacity", 400, Class::Elsewhere),
        ("RunInstances", "SpotMaxPriceTooLow", 400, Class::Elsewhere),
        ("RunInstances", "Unsupported", 400, Class::Elsewhere),
        ("RunInstances", "InsufficientFreeAddressesInSubnet", 400, Class::Elsewhere),
        ("RunInstances", "ReservationCapacityExceeded", 400, Class::Elsewhere),
        ("RunInstances", "InsufficientHostCapacity", 500, Class::Elsewhere),
        ("RunInstances", "InsufficientReservedInstanceCapacity", 500, Class::Elsewhere),
        ("RunInstances", "InsufficientCapacity", 500, Class::Elsewhere),
        ("RunInstances", "MaxSpotInstanceCountExceeded", 400, Class::Quota),
        ("CreateFleet", "VcpuLimitExceeded", 400, Class::Quota),
        ("RunInstances", "ResourceCountExceeded", 400, Class::TooMany),
        ("RunInstances", "RequestResourceCountExceeded", 400, Class::TooMany),
        ("RunInstances", "InsufficientVolumeCapacity", 500, Class::Elsewhere),
        ("RunInstances", "VolumeTypeNotAvailableInZone", 400, Class::Elsewhere),
        ("RunInstances", "UnsupportedOperation", 400, Class::Elsewhere),
        ("RunInstances", "InvalidKeyPair.NotFound", 400, Class::NotYet),
        ("DescribeKeyPairs", "InvalidKeyPair.NotFound", 400, Class::FatalRegion),
        ("GetConsoleOutput", "UnsupportedOperation", 400, Class::FatalRegion),
        ("CreateSubnet", "InvalidZone.NotFound", 400, Class::FatalRegion),
        ("RunInstances", "PendingVerification", 400, Class::FatalRegion),
        ("RunInstances", "Blocked", 400, Class::FatalAccount),
        ("GetParameter", "AccessDeniedException", 400, Class::Denied),
        ("RunInstances", "InstanceLimitExceeded", 400, Class::FatalRegion),
        ("RunInstances", "VolumeLimitExceeded", 400, Class::FatalRegion),
        ("CreateVpc", "VpcLimitExceeded", 400, Class::FatalRegion),
        ("CreateSecurityGroup", "SecurityGroupLimitExceeded", 400, Class::FatalRegion),
        ("CreateFleet", "MaxFleetCountExceeded", 400, Class::FatalRegion),
        ("DescribeInstances", "RequestLimitExceeded", 503, Class::Retry),
        ("DescribeInstances", "Throttling", 400, Class::Retry),
        ("RunInstances", "InternalError", 500, Class::Retry),
        ("RunInstances", "ServerInternal", 500, Class::Retry),
        ("RunInstances", "InternalFailure", 500, Class::Retry),
        ("RunInstances", "ServiceUnavailable", 503, Class::Retry),
        ("RunInstances", "Unavailable", 503, Class::Retry),
        ("RunInstances", "InvalidAMIID.NotFound", 400, Class::FatalRegion),
        ("RunInstances", "InvalidAMIID.Unavailable", 400, Class::FatalRegion),
        ("RunInstances", "InvalidParameterValue", 400, Class::FatalRegion),
        ("RunInstances", "InvalidParameterCombination", 400, Class::FatalRegion),
        ("RunInstances", "InvalidBlockDeviceMapping", 400, Class::FatalRegion),
        ("RunInstances", "InvalidUserData.Malformed", 400, Class::FatalRegion),
        ("RunInstances", "UnauthorizedOperation", 403, Class::Denied),
        ("DescribeInstances", "AuthFailure", 401, Class::FatalRegion),
        ("DescribeInstances", "OptInRequired", 401, Class::FatalRegion),
        (
            "RunInstances",
            "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
            403,
            Class::FatalAccount,
        ),
        ("GetCallerIdentity", "ExpiredToken", 403, Class::Credentials(Credential::Expired)),
        ("DescribeVpcs", "RequestExpired", 400, Class::Credentials(Credential::Expired)),
        ("GetParameter", "ExpiredTokenException", 400, Class::Credentials(Credential::Expired)),
        (
            "GetCallerIdentity",
            "InvalidClientTokenId",
            403,
            Class::Credentials(Credential::Rejected),
        ),
        ("RunInstances", "IdempotentParameterMismatch", 400, Class::FatalRegion),
        ("RunInstances", "IdempotentInstanceTerminated", 400, Class::NewToken),
        ("GetConsoleOutput", "InvalidInstanceID.NotFound", 400, Class::NotYet),
        ("DescribeInstances", "InvalidInstanceID.NotFound", 400, Class::NotYet),
        ("TerminateInstances", "InvalidInstanceID.NotFound", 400, Class::Gone),
        ("StopInstances", "IncorrectSpotRequestState", 400, Class::NotYet),
        ("StartInstances", "IncorrectInstanceState", 400, Class::NotYet),
        ("AttachVolume", "IncorrectState", 400, Class::NotYet),
        ("DeleteVpc", "DependencyViolation", 400, Class::Dependency),
        ("DeleteVpc", "InvalidVpcID.NotFound", 400, Class::Gone),
        ("DeleteSecurityGroup", "InvalidGroup.NotFound", 400, Class::Gone),
        ("DetachInternetGateway", "Gateway.NotAttached", 400, Class::Gone),
        ("CreateSubnet", "InvalidVpcID.NotFound", 400, Class::NotYet),
        ("CreateSecurityGroup", "InvalidGroup.Duplicate", 400, Class::Exists),
        ("ImportKeyPair", "InvalidKeyPair.Duplicate", 400, Class::Exists),
        ("AuthorizeSecurityGroupIngress", "InvalidPermission.Duplicate", 400, Class::Exists),
        ("TerminateInstances", "OperationNotPermitted", 400, Class::FatalRegion),
    ];

    fn class(operation: &str, code: Option<&str>, status: u16, message: &str) -> Class {
        let region = &"us-west-2".into();
        Refusal { operation, region, code, status: Some(status), message }.class()
    }

    #[test]
    fn every_known_code_has_its_class() {
        for (operation, code, status, expected) in EXPECTED {
            let found = class(operation, Some(code), *status, "");
            assert_eq!(found, *expected, "{code} on {operation}");
        }
    }

    /// AWS's own words, from public logs and its list of error codes.
    #[test]
    fn where_a_code_means_several_things_the_words_decide() {
        for (operation, code, message, expected) in [
            (
                "RunInstances",
                "InvalidParameterCombination",
                "The specified instance type is not eligible for Free Tier. For a list of Free \
                 Tier instance types, run 'describe-instance-types' with the filter \
                 'free-tier-eligible=true'.",
                Class::Elsewhere,
            ),
            (
                "CreateFleet",
                "InvalidFleetConfiguration",
                "Your requested instance type (trn1.2xlarge) is not supported in your requested \
                 Availability Zone (us-east-2a).",
                Class::Elsewhere,
            ),
            (
                "CreateFleet",
                "InvalidFleetConfig",
                "The fleet configuration contains duplicate instance pools.",
                Class::FatalRegion,
            ),
            (
                "DeleteNetworkInterface",
                "InvalidParameterValue",
                "Network interface 'eni-0123456789abcdef0' is currently in use.",
                Class::Dependency,
            ),
            (
                "DetachNetworkInterface",
                "OperationNotPermitted",
                "The network interface at device index 0 and networkCard index 0 cannot be \
                 detached.",
                Class::Dependency,
            ),
            (
                "StartInstances",
                "IncorrectSpotRequestState",
                "Only Amazon EC2 can restart an interrupted stopped Spot Instance.",
                Class::FatalRegion,
            ),
            (
                "DetachNetworkInterface",
                "AuthFailure",
                "You do not have permission to access the specified resource.",
                Class::Denied,
            ),
        ] {
            assert_eq!(class(operation, Some(code), 400, message), expected, "{message}");
        }
    }

    #[test]
    fn keys_that_aws_does_not_know_are_told_from_a_region_without_opt_in() {
        let message = "AWS was not able to validate the provided access credentials";
        let in_region = |region: &str| {
            let region = &region.into();
            let (operation, code) = ("DescribeRegions", Some("AuthFailure"));
            Refusal { operation, region, code, status: Some(401), message }.class()
        };
        assert_eq!(in_region("us-east-1"), Class::Credentials(Credential::Rejected));
        assert_eq!(in_region("af-south-1"), Class::FatalRegion);
    }

    #[test]
    fn an_unlisted_code_goes_by_its_status() {
        assert_eq!(class("RunInstances", Some("NewThing"), 400, ""), Class::FatalRegion);
        assert_eq!(class("RunInstances", Some("NewThing"), 503, ""), Class::Retry);
    }

    #[test]
    fn an_answer_without_a_code_is_an_unknown_outcome_for_acts_alone() {
        for status in [200, 502] {
            assert_eq!(class("RunInstances", None, status, ""), Class::Unknown);
            assert_eq!(class("DescribeInstances", None, status, ""), Class::Retry);
        }
        assert_eq!(class("RunInstances", None, 400, ""), Class::FatalRegion);
    }
}
