//! One error for everything that AWS answers, and the one classifier of its codes.
//!
//! The classes say what to do next, not what went wrong: that is AWS's message, which is kept.
//! Codes and classes follow AWS's list of EC2 error codes and what launchers in the field
//! (Karpenter, ParallelCluster) make of them.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::RequestId;
use aws_smithy_types::error::ErrorMetadata;

use super::hints;
use super::profile::Profile;
use crate::fleet::{Failure, Region, Step};

/// The longest message that is kept: a batch of a hundred ids fits, a web page does not.
const MESSAGE_CAP: usize = 4096;

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Another zone or machine type may do.
    Elsewhere,
    /// The same request again, with the same token, after a pause.
    Retry,
    /// Right, but too early: what was just made is not known everywhere yet, or its state is on
    /// the way. The same again for up to a minute.
    NotYet,
    /// Something still uses the thing. Again once that is gone.
    Dependency,
    /// The thing is not there (any more). For a delete this is success.
    Gone,
    /// The thing is there already: adopt it, if it is ours.
    Exists,
    /// The same request with a new token: the old one belongs to an instance that is gone.
    NewToken,
    /// Fewer at once.
    Split,
    /// An optional question that AWS does not answer now; go on without.
    Skip,
    /// Nothing more in this region; others may work.
    FatalRegion,
    /// Nothing more in this account.
    FatalAccount,
    /// No call will succeed before somebody logs in.
    Credentials(Credential),
    /// It may have happened or not: ask by token or tag before doing it again.
    Unknown,
}

/// What is wrong with the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credential {
    /// None were found.
    Missing,
    /// They were good once.
    Expired,
    /// An SSO login is needed.
    SsoLogin,
    /// AWS does not know or does not accept them.
    Rejected,
    /// The profile or the program behind it does not work.
    Broken,
}

/// A call that did not do what was asked.
#[derive(Debug, Clone)]
pub struct AwsError {
    /// The API action, `RunInstances`.
    pub operation: &'static str,
    /// Where, for calls that have a region.
    pub region: Option<Region>,
    /// What to do about it.
    pub class: Class,
    /// AWS's code, where AWS answered with one.
    pub code: Option<Box<str>>,
    /// AWS's own words, or the connection's. Control characters are gone.
    pub message: Box<str>,
    rest: Box<Rest>,
}

/// What only a closer look needs.
#[derive(Debug, Clone, Default)]
struct Rest {
    target: Option<String>,
    status: Option<u16>,
    request_id: Option<String>,
    hint: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl AwsError {
    /// Reads what the SDK says about a failed call, of whatever service.
    pub(super) fn read<E>(
        error: SdkError<E>,
        operation: &'static str,
        region: &Region,
        profile: &Profile,
    ) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let code = error.code().filter(|code| !code.is_empty()).map(str::to_owned);
        let class = match &error {
            SdkError::ServiceError(_) => classify(operation, code.as_deref(), status),
            SdkError::DispatchFailure(_) => unsent(&error, operation, profile),
            SdkError::ConstructionFailure(_) => Class::FatalRegion,
            _ => lost(operation),
        };
        let message = match error.message() {
            Some(message) if !message.is_empty() => clean(message),
            // The chain names every provider that was asked and why it has none.
            _ if class == Class::Credentials(Credential::Missing) => {
                tracing::debug!("{}", clean(&chain(&error)));
                "no credentials were found in the environment, a profile or a role".to_owned()
            }
            _ => clean(&chain(&error)),
        };
        let request_id = error.request_id().map(str::to_owned);
        let hint = hints::hint(operation, code.as_deref(), class, region, profile);
        let source: Arc<dyn Error + Send + Sync> = Arc::new(error);
        Self {
            operation,
            region: Some(region.clone()),
            class,
            code: code.map(String::into_boxed_str),
            message: message.into_boxed_str(),
            rest: Box::new(Rest { target: None, status, request_id, hint, source: Some(source) }),
        }
    }

    /// A failure that we saw ourselves in what AWS answered, or before asking.
    pub(super) fn found(
        operation: &'static str,
        region: Option<&Region>,
        class: Class,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            operation,
            region: region.cloned(),
            class,
            code: None,
            message: clean(&message.into()).into_boxed_str(),
            rest: Box::new(Rest { hint: hint.into(), ..Rest::default() }),
        }
    }

    /// A refusal of a part, which AWS tells in an answer that is a success otherwise.
    pub(super) fn told(
        operation: &'static str,
        region: &Region,
        profile: &Profile,
        code: &str,
        message: &str,
    ) -> Self {
        let class = classify(operation, Some(code), None);
        let hint = hints::hint(operation, Some(code), class, region, profile);
        let code = Some(clean(code).into_boxed_str());
        Self { code, ..Self::found(operation, Some(region), class, message, hint) }
    }

    /// Something that the user asked for is not there: nothing more in this region.
    pub fn missing(
        operation: &'static str,
        region: &Region,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::found(operation, Some(region), Class::FatalRegion, message, hint)
    }

    /// Names what the call was about, `2 x t3.medium in us-west-2a`.
    #[must_use]
    pub fn on(mut self, target: impl Into<String>) -> Self {
        self.rest.target = Some(target.into());
        self
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.rest.status
    }

    /// AWS's id of the request, for its support.
    pub fn request_id(&self) -> Option<&str> {
        self.rest.request_id.as_deref()
    }

    /// What the user can do about it; empty where nobody knows.
    pub fn hint(&self) -> &str {
        &self.rest.hint
    }

    /// Whether the image is what was refused, so that a remembered choice has to be forgotten.
    pub fn is_stale_image(&self) -> bool {
        self.code.as_deref().is_some_and(|code| code.starts_with("InvalidAMIID."))
    }

    /// The same as the user reads it on a row of the table.
    pub fn failure(&self, step: Step) -> Failure {
        Failure::new(step, self.to_string(), self.hint())
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The most telling word first: rows are narrow.
        self.code.as_deref().map_or(Ok(()), |code| write!(f, "{code}: "))?;
        write!(f, "{} ({}", self.message.trim_end_matches('.'), self.operation)?;
        match (&self.rest.target, &self.region) {
            (Some(target), _) => write!(f, ", {target})"),
            (None, Some(region)) => write!(f, ", {region})"),
            (None, None) => f.write_str(")"),
        }
    }
}

impl Error for AwsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.rest.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// Codes that mean the same for every action.
const CODES: &[(&[&str], Class)] = &[
    (
        &[
            "InsufficientInstanceCapacity",
            "InsufficientHostCapacity",
            "InsufficientReservedInstanceCapacity",
            "InsufficientCapacity",
            "ReservationCapacityExceeded",
            "UnfulfillableCapacity",
            "SpotMaxPriceTooLow",
            "Unsupported",
            "InsufficientFreeAddressesInSubnet",
        ],
        Class::Elsewhere,
    ),
    (
        &[
            "MaxSpotInstanceCountExceeded",
            "VcpuLimitExceeded",
            "InstanceLimitExceeded",
            "VolumeLimitExceeded",
            "VpcLimitExceeded",
            "SecurityGroupLimitExceeded",
            "MaxFleetCountExceeded",
            "InvalidAMIID.NotFound",
            "InvalidAMIID.Unavailable",
            "InvalidAMIID.Malformed",
            "InvalidParameterValue",
            "InvalidParameterCombination",
            "InvalidBlockDeviceMapping",
            "InvalidUserData.Malformed",
            "InvalidKeyPair.NotFound",
            "AuthFailure",
            "OptInRequired",
            "IdempotentParameterMismatch",
            "OperationNotPermitted",
        ],
        Class::FatalRegion,
    ),
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
    ),
    (
        &[
            "UnauthorizedOperation",
            "AccessDenied",
            "AccessDeniedException",
            "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
        ],
        Class::FatalAccount,
    ),
    (
        &["ExpiredToken", "ExpiredTokenException", "RequestExpired"],
        Class::Credentials(Credential::Expired),
    ),
    (
        &[
            "InvalidClientTokenId",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
            "MissingAuthenticationToken",
        ],
        Class::Credentials(Credential::Rejected),
    ),
    (&["IdempotentInstanceTerminated"], Class::NewToken),
    (&["IncorrectSpotRequestState", "IncorrectInstanceState", "IncorrectState"], Class::NotYet),
    (&["DependencyViolation", "VolumeInUse", "InvalidNetworkInterface.InUse"], Class::Dependency),
    (&["InvalidGroup.InUse", "InvalidIPAddress.InUse"], Class::Dependency),
    (&["TargetCapacityLimitExceededException", "MaxConfigLimitExceededException"], Class::Skip),
    (&["RequestResourceCountExceeded", "ResourceCountExceeded"], Class::Split),
];

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
    if let Some((_, class)) = CODES.iter().find(|(codes, _)| codes.contains(&code)) {
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
fn lost(operation: &str) -> Class {
    if operation.starts_with("Describe") || operation.starts_with("Get") {
        Class::Retry
    } else {
        Class::Unknown
    }
}

/// The class of a call that got no answer, or was never sent.
fn unsent(error: &(dyn Error + 'static), operation: &str, profile: &Profile) -> Class {
    if let Some(credentials) = links(error).find_map(|link| link.downcast_ref()) {
        return Class::Credentials(credential(error, credentials, profile));
    }
    let never_connected = links(error).any(|link| {
        link.downcast_ref::<io::Error>().is_some_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable
            )
        }) || link.to_string().contains("dns error")
    });
    if never_connected { Class::Retry } else { lost(operation) }
}

fn credential(
    error: &(dyn Error + 'static),
    credentials: &CredentialsError,
    profile: &Profile,
) -> Credential {
    let inner = links(error)
        .find_map(|link| link.downcast_ref::<ErrorMetadata>())
        .and_then(ErrorMetadata::code);
    if inner.is_some_and(|code| code.contains("Expired")) {
        return Credential::Expired;
    }
    match credentials {
        CredentialsError::CredentialsNotLoaded(_) => Credential::Missing,
        // The SDK has no type for an SSO session that ended; but behind a profile with SSO a
        // provider that fails is always mended by logging in.
        CredentialsError::ProviderError(_) if profile.sso => Credential::SsoLogin,
        _ if inner.is_some() => Credential::Rejected,
        _ => Credential::Broken,
    }
}

/// An error and everything behind it.
fn links<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |link| {
        let link: &'a (dyn Error + 'static) = *link;
        link.source()
    })
}

/// The whole chain on one line, each text once. Not the SDK's own `DisplayErrorContext`, which
/// prints the raw answer.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for link in links(error) {
        let text = link.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

/// One line without control characters, of bounded length, and without the sealed part of an
/// authorization failure, which is a page of base64.
fn clean(text: &str) -> String {
    let text = text.split("Encoded authorization failure message").next().unwrap_or_default();
    let mut line: String =
        text.chars().take(MESSAGE_CAP).map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests;
