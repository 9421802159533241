//! The one classifier of AWS's error codes.
//!
//! Codes and classes follow AWS's list of EC2 error codes and what launchers in the field
//! (Karpenter, ParallelCluster) make of them.

use super::class::{Class, Credential};
use crate::fleet::FailureKind;

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
        ],
        Class::Elsewhere,
        FailureKind::Capacity,
    ),
    (&["Unsupported"], Class::Elsewhere, FailureKind::Configuration),
    (
        &[
            "MaxSpotInstanceCountExceeded",
            "VcpuLimitExceeded",
            "InstanceLimitExceeded",
            "VolumeLimitExceeded",
            "VpcLimitExceeded",
            "SecurityGroupLimitExceeded",
            "MaxFleetCountExceeded",
        ],
        Class::FatalRegion,
        FailureKind::Quota,
    ),
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
        ],
        Class::FatalRegion,
        FailureKind::Configuration,
    ),
    (&["InvalidKey.Format"], Class::FatalRegion, FailureKind::Key),
    (
        &["AuthFailure", "OptInRequired", "OperationNotPermitted"],
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
        &[
            "UnauthorizedOperation",
            "AccessDenied",
            "AccessDeniedException",
            "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
        ],
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

/// The kind of a failure: by its code where the table has it, else by its class.
pub(super) fn kind(code: Option<&str>, class: Class) -> FailureKind {
    let listed = CODES.iter().find(|(codes, ..)| code.is_some_and(|code| codes.contains(&code)));
    match (class, listed) {
        (Class::Credentials(Credential::SsoLogin), _) => FailureKind::SignIn,
        (_, Some((_, _, kind))) => *kind,
        (Class::Credentials(_), None) => FailureKind::Credentials,
        (Class::FatalAccount, None) => FailureKind::Permission,
        (Class::Elsewhere, None) => FailureKind::Capacity,
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

/// The class of a service's answer.
pub(super) fn classify(operation: &str, code: Option<&str>, status: Option<u16>) -> Class {
    let Some(code) = code else {
        // A gateway's page, or a 200 that nobody can read: the service may have acted.
        return if status.is_some_and(|status| (400..500).contains(&status)) {
            Class::FatalRegion
        } else {
            lost(operation)
        };
    };
    if let Some((_, class, _)) = CODES.iter().find(|(codes, ..)| codes.contains(&code)) {
        return *class;
    }
    let there = [".Duplicate", "AlreadyExists", "AlreadyExistsException", ".AlreadyAssociated"];
    if there.iter().any(|ending| code.ends_with(ending)) {
        return Class::Exists;
    }
    if code == "Gateway.NotAttached" {
        return Class::Gone;
    }
    if code.ends_with("NotFound") || code.ends_with("NotFoundException") {
        // On a delete it is success; on anything else it may be too young to be known.
        return if undoes(operation) { Class::Gone } else { Class::NotYet };
    }
    match status {
        Some(500..) => Class::Retry,
        _ => Class::FatalRegion,
    }
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
        ("RunInstances", "MaxSpotInstanceCountExceeded", 400, Class::FatalRegion),
        ("RunInstances", "VcpuLimitExceeded", 400, Class::FatalRegion),
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
        ("RunInstances", "UnauthorizedOperation", 403, Class::FatalAccount),
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

    #[test]
    fn every_known_code_has_its_class() {
        for (operation, code, status, class) in EXPECTED {
            assert_eq!(
                classify(operation, Some(code), Some(*status)),
                *class,
                "{code} on {operation}"
            );
        }
    }

    #[test]
    fn an_unlisted_code_goes_by_its_status() {
        assert_eq!(classify("RunInstances", Some("NewThing"), Some(400)), Class::FatalRegion);
        assert_eq!(classify("RunInstances", Some("NewThing"), Some(503)), Class::Retry);
    }

    #[test]
    fn an_answer_without_a_code_is_an_unknown_outcome_for_acts_alone() {
        for status in [200, 502] {
            assert_eq!(classify("RunInstances", None, Some(status)), Class::Unknown);
            assert_eq!(classify("DescribeInstances", None, Some(status)), Class::Retry);
        }
        assert_eq!(classify("RunInstances", None, Some(400)), Class::FatalRegion);
    }
}
