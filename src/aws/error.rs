//! One error for everything that AWS answers.
//!
//! Its class says what to do next, not what went wrong: that is AWS's message, which is kept.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use aws_config::imds::client::error::ImdsError;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::RequestId;
use aws_smithy_types::error::ErrorMetadata;

use super::class::{Class, Credential};
use super::codes::{Refusal, kind, lost};
use super::hints;
use super::profile::Profile;
use super::words::{self, links};
use crate::fleet::{AccountId, Failure, FailureKind, MachineType, Region, Step};

/// The longest message that is kept: a batch of a hundred ids fits, a web page does not.
const MESSAGE_CAP: usize = 4096;

/// A call that did not do what was asked.
#[derive(Debug, Clone)]
pub struct AwsError {
    /// The API action, `RunInstances`.
    pub operation: &'static str,
    /// Where, for calls that have a region.
    pub region: Option<Region>,
    /// What to do about it.
    pub class: Class,
    /// What would mend it.
    pub kind: FailureKind,
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
        let words = error.message().filter(|words| !words.is_empty()).map(str::to_owned);
        let chain = chain(&error);
        let message = words.as_deref().unwrap_or(&chain);
        let refusal = Refusal { operation, region, code: code.as_deref(), status, message };
        let class = match &error {
            SdkError::ServiceError(_) => refusal.class().behind(profile),
            SdkError::DispatchFailure(_) => unsent(&error, operation, profile),
            SdkError::ConstructionFailure(_) => Class::FatalRegion,
            _ => lost(operation),
        };
        let is_credential = matches!(class, Class::Credentials(_));
        let kind = match &error {
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) if !is_credential => {
                FailureKind::Unreachable
            }
            _ => kind(code.as_deref(), class),
        };
        let hint = hints::hint(&refusal, class, profile);
        let ours = match (class, &error) {
            // What AWS says of them is for its users already.
            (Class::Credentials(credential), SdkError::ServiceError(_))
                if credential != Credential::SsoLogin =>
            {
                None
            }
            (Class::Credentials(credential), _) => {
                words::of_credentials(credential, &error, profile)
            }
            _ => words::of_the_way(&error),
        };
        if ours.is_some() {
            // The chain names every layer, and every provider that was asked and why it has none.
            tracing::debug!("{}", clean(&chain));
        }
        let message = clean(ours.as_deref().unwrap_or(message));
        let request_id = error.request_id().map(str::to_owned);
        let source: Arc<dyn Error + Send + Sync> = Arc::new(error);
        Self {
            operation,
            region: Some(region.clone()),
            class,
            kind,
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
            kind: kind(None, class),
            code: None,
            message: clean(&message.into()).into_boxed_str(),
            rest: Box::new(Rest { hint: hint.into(), ..Rest::default() }),
        }
    }

    /// A refusal of a part, which AWS tells in an answer that is a success otherwise.
    pub(super) fn refused(
        operation: &'static str,
        region: &Region,
        profile: &Profile,
        code: &str,
        message: &str,
    ) -> Self {
        let refusal = Refusal { operation, region, code: Some(code), status: None, message };
        let class = refusal.class().behind(profile);
        let hint = hints::hint(&refusal, class, profile);
        let kind = kind(Some(code), class);
        let code = Some(clean(code).into_boxed_str());
        Self { kind, code, ..Self::found(operation, Some(region), class, message, hint) }
    }

    /// Something that the user asked for is not there: nothing more in this region.
    pub fn missing(
        operation: &'static str,
        region: &Region,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let class = Class::FatalRegion;
        let kind = FailureKind::Configuration;
        Self { kind, ..Self::found(operation, Some(region), class, message, hint) }
    }

    /// The credentials are of another account than the instances that we know.
    pub fn other_account(ours: &AccountId, found: &AccountId) -> Self {
        let message =
            format!("our instances are in account {ours}, these credentials are of {found}");
        let class = Class::Credentials(Credential::OtherAccount);
        let hint = hints::by_credential(Credential::OtherAccount, &Profile::default());
        Self::found("GetCallerIdentity", None, class, message, hint)
    }

    /// Names what the call was about, `2 x t3.medium in us-west-2a`.
    #[must_use]
    pub fn on(mut self, target: impl Into<String>) -> Self {
        self.rest.target = Some(target.into());
        self
    }

    /// Names the machine type that was asked for: its families have a quota of their own.
    #[must_use]
    pub(super) fn of_type(mut self, machine_type: &MachineType) -> Self {
        let region = self.region.as_ref();
        let hint = region.and_then(|it| hints::about_quota(self.code.as_deref(), it, machine_type));
        self.rest.hint = hint.unwrap_or(self.rest.hint);
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

    /// Whether it says that nothing in its region is open to this identity.
    pub fn closes_region(&self) -> bool {
        let not_enabled = ["AuthFailure", "OptInRequired", "RegionDisabledException"];
        self.operation == "DescribeInstances"
            && (self.class == Class::Denied
                || self.class == Class::FatalRegion
                    && self.code.as_deref().is_some_and(|code| not_enabled.contains(&code)))
    }

    /// The same as the user reads it on a row of the table.
    pub fn failure(&self, step: Step) -> Failure {
        Failure::new(self.kind, step, self.to_string(), self.hint())
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
        return if profile.signs_in() { Credential::SsoLogin } else { Credential::Expired };
    }
    // The last one that is asked is the role of a machine at AWS; on any other one nobody answers
    // there, or somebody who refuses.
    let asked_machine = links(error).any(|link| link.downcast_ref::<ImdsError>().is_some());
    match credentials {
        CredentialsError::CredentialsNotLoaded(_) => Credential::Missing,
        CredentialsError::ProviderError(_) if asked_machine && !profile.signs_in() => {
            Credential::Missing
        }
        // The SDK has no type for an SSO session that ended; but behind a profile with SSO a
        // provider that fails is always mended by logging in.
        CredentialsError::ProviderError(_) if profile.signs_in() => Credential::SsoLogin,
        _ if inner.is_some() => Credential::Rejected,
        _ => Credential::Broken,
    }
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
