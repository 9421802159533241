use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::ConnectorError;
use aws_sdk_ec2::operation::describe_regions::DescribeRegionsError;

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
    ("RunInstances", "AuthFailure.ServiceLinkedRoleCreationNotPermitted", 403, Class::FatalAccount),
    ("GetCallerIdentity", "ExpiredToken", 403, Class::Credentials(Credential::Expired)),
    ("DescribeVpcs", "RequestExpired", 400, Class::Credentials(Credential::Expired)),
    ("GetParameter", "ExpiredTokenException", 400, Class::Credentials(Credential::Expired)),
    ("GetCallerIdentity", "InvalidClientTokenId", 403, Class::Credentials(Credential::Rejected)),
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
    ("GetSpotPlacementScores", "TargetCapacityLimitExceededException", 400, Class::Skip),
    ("GetSpotPlacementScores", "MaxConfigLimitExceededException", 400, Class::Skip),
    ("TerminateInstances", "RequestResourceCountExceeded", 400, Class::Split),
    ("TerminateInstances", "ResourceCountExceeded", 400, Class::Split),
];

#[test]
fn every_known_code_has_its_class() {
    for (operation, code, status, class) in EXPECTED {
        assert_eq!(classify(operation, Some(code), Some(*status)), *class, "{code} on {operation}");
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

#[test]
fn a_failure_tells_what_was_tried_on_what_and_why() {
    let error = AwsError::found(
        "DescribeVpcs",
        Some(&"us-west-2".into()),
        Class::FatalRegion,
        "no default VPC.\u{1b}[31m",
        "use a dedicated one",
    )
    .on("us-west-2, default VPC");
    let failure = error.failure(Step::Network);
    assert_eq!(
        failure.to_string(),
        "network: no default VPC. [31m (DescribeVpcs, us-west-2, default VPC) \
         (use a dedicated one)"
    );
}

#[test]
fn the_error_is_small_enough_to_return() {
    assert!(size_of::<AwsError>() < 128);
}

/// A call that was never sent, because there were no credentials for it.
fn without_credentials(cause: CredentialsError, sso: bool) -> AwsError {
    let error: SdkError<DescribeRegionsError, HttpResponse> =
        SdkError::dispatch_failure(ConnectorError::other(cause.into(), None));
    let profile = Profile { name: Some("work".into()), sso, ..Profile::default() };
    AwsError::read(error, "DescribeRegions", &"us-west-2".into(), &profile)
}

#[test]
fn missing_credentials_are_told_from_an_sso_session_that_ended() {
    let missing = without_credentials(CredentialsError::not_loaded("no providers"), false);
    assert_eq!(missing.class, Class::Credentials(Credential::Missing));
    assert!(missing.message.starts_with("no credentials were found"), "{missing}");

    let ended = without_credentials(CredentialsError::provider_error("token expired"), true);
    assert_eq!(ended.class, Class::Credentials(Credential::SsoLogin));
    assert_eq!(ended.hint(), "run: aws sso login --profile work");

    let broken = without_credentials(CredentialsError::provider_error("exit code 1"), false);
    assert_eq!(broken.class, Class::Credentials(Credential::Broken));
}

#[test]
fn a_refused_role_speaks_through_the_code_within() {
    let refused = |code: &str| {
        let inner = ErrorMetadata::builder().code(code).message("no").build();
        without_credentials(CredentialsError::provider_error(inner), false).class
    };
    assert_eq!(refused("ExpiredToken"), Class::Credentials(Credential::Expired));
    assert_eq!(refused("AccessDenied"), Class::Credentials(Credential::Rejected));
}

#[test]
fn a_page_of_sealed_text_is_left_out() {
    let text = clean("You are not authorized. Encoded authorization failure message: AbC0\u{7}");
    assert_eq!(text, "You are not authorized.");
}
