use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::ConnectorError;
use aws_sdk_ec2::operation::describe_regions::DescribeRegionsError;

use super::*;
use crate::aws::profile::Sso;

#[test]
fn a_failure_keeps_its_kind() {
    let work = Profile { sso: Some(signing_in()), ..Profile::default() };
    let told = |code: &str| {
        let error = AwsError::refused("RunInstances", &"us-west-2".into(), &work, code, "no");
        error.failure(Step::Launch).kind
    };
    assert_eq!(told("InsufficientInstanceCapacity"), FailureKind::Capacity);
    assert_eq!(told("MaxSpotInstanceCountExceeded"), FailureKind::Quota);
    assert_eq!(told("UnauthorizedOperation"), FailureKind::Permission);
    assert_eq!(told("OptInRequired"), FailureKind::Permission);
    assert_eq!(told("InvalidAMIID.NotFound"), FailureKind::Configuration);
    assert_eq!(told("ExpiredToken"), FailureKind::SignIn);
    assert_eq!(told("Throttling"), FailureKind::Aws);
    assert_eq!(told("NewThing"), FailureKind::Other);
    let lost: SdkError<DescribeRegionsError, HttpResponse> =
        SdkError::timeout_error("no answer in time");
    let lost = AwsError::read(lost, "DescribeRegions", &"us-west-2".into(), &work);
    assert_eq!(lost.kind, FailureKind::Unreachable);
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

fn signing_in() -> Sso {
    Sso {
        session: None,
        start_url: "https://my.awsapps.com/start".into(),
        region: "eu-west-1".into(),
        scopes: Vec::new(),
    }
}

/// A call that was never sent, because there were no credentials for it.
fn without_credentials(cause: CredentialsError, sso: bool) -> AwsError {
    let error: SdkError<DescribeRegionsError, HttpResponse> =
        SdkError::dispatch_failure(ConnectorError::other(cause.into(), None));
    let sso = sso.then(signing_in);
    let profile = Profile { name: Some("work".into()), sso, ..Profile::default() };
    AwsError::read(error, "DescribeRegions", &"us-west-2".into(), &profile)
}

#[test]
fn missing_credentials_are_told_from_an_sso_session_that_ended() {
    let missing = without_credentials(CredentialsError::not_loaded("no providers"), false);
    assert_eq!(missing.class, Class::Credentials(Credential::Missing));
    assert!(missing.message.starts_with("not signed in to AWS"), "{missing}");

    let ended = without_credentials(CredentialsError::provider_error("token expired"), true);
    assert_eq!(ended.class, Class::Credentials(Credential::SsoLogin));
    assert_eq!(ended.hint(), "run: spot-tui login --profile work");

    let broken = without_credentials(CredentialsError::provider_error("exit code 1"), false);
    assert_eq!(broken.class, Class::Credentials(Credential::Broken));
    assert_eq!(&*broken.message, "the profile work gives no credentials: exit code 1");
    let kinds = [missing, ended, broken].map(|error| error.failure(Step::Account).kind);
    let other = FailureKind::Credentials;
    assert_eq!(kinds, [other, FailureKind::SignIn, other]);
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
