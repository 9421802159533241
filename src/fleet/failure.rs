//! Why something ended badly: its kind for the program, its step, reason and remedy for people.

use std::borrow::Cow;
use std::fmt;

use serde::de::IntoDeserializer;
use serde::{Deserialize, Deserializer, Serialize};

/// Why a step ended badly: what was tried, why it failed, what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure it is: what the screen and the keeper act on. A state file of an
    /// earlier version does not tell it.
    #[serde(default, deserialize_with = "known_kind")]
    pub kind: FailureKind,
    /// The step that failed.
    pub step: Step,
    /// Why, in one sentence, with AWS's or the system's own words.
    pub reason: String,
    /// What the user can do about it; empty where nobody knows.
    #[serde(default)]
    pub hint: String,
}

impl Failure {
    /// A failure of `step` because of `reason`; what to do is `hint`.
    pub fn new(
        kind: FailureKind,
        step: Step,
        reason: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { kind, step, reason: reason.into(), hint: hint.into() }
    }

    /// A bug of ours: a task that panicked, what the system never refuses.
    pub fn internal(reason: impl fmt::Display) -> Self {
        Self::new(FailureKind::Internal, Step::Internal, reason.to_string(), "")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.reason)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, " ({})", self.hint) }
    }
}

/// What kind of failure it is, by what would mend it. People read the text; the program acts on
/// this. `aws::AwsError` and `ssh::SshError` each hold one table from their errors to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No call succeeds before somebody signs in, with SSO.
    SignIn,
    /// There are no credentials, or AWS does not accept them, and no sign-in mends that.
    Credentials,
    /// The identity or the account may not do it.
    Permission,
    /// There is no room for it now; later, elsewhere or with another type there may be.
    Capacity,
    /// A quota of the account is used up.
    Quota,
    /// The configuration asks for what is not there or makes no sense.
    Configuration,
    /// The SSH key is missing, cannot be read or is not accepted.
    Key,
    /// The host's key is another one, or cannot be checked.
    HostKey,
    /// Nobody answers: the network, an address, a port.
    Unreachable,
    /// AWS has trouble or has not finished; the same request may succeed later.
    Aws,
    /// What runs on the instance did not do what it was asked for.
    Node,
    /// A file or the disk of this machine.
    LocalDisk,
    /// A bug of ours.
    Internal,
    /// None of these, or not known.
    #[default]
    Other,
}

/// A kind that a later version named is none that this one can act on.
fn known_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FailureKind, D::Error> {
    let word = Cow::<str>::deserialize(deserializer)?;
    let known: Result<FailureKind, serde::de::value::Error> =
        FailureKind::deserialize(word.into_deserializer());
    Ok(known.unwrap_or_default())
}

/// The steps of a life, as failures name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Credentials, account, permissions.
    Account,
    /// VPC, subnets, gateway, route, security group.
    Network,
    /// The SSH key pair in EC2.
    KeyPair,
    /// Choosing the machine image.
    Image,
    /// RunInstances.
    Launch,
    /// From pending to running.
    Boot,
    /// Reaching SSH.
    Connect,
    /// Checking the host's key.
    HostKey,
    /// Logging in.
    Login,
    /// Sending the bundle.
    Upload,
    /// `deploy_services`.
    Configure,
    /// The reboot.
    Reboot,
    /// Looking at the services.
    Verify,
    /// Stopping.
    Stop,
    /// Starting what was stopped.
    Start,
    /// Bringing a machine what it keeps.
    Keep,
    /// Terminating.
    Terminate,
    /// Removing the network.
    Teardown,
    /// Our own files.
    State,
    /// A bug of ours.
    Internal,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Account => "account",
            Self::Network => "network",
            Self::KeyPair => "key pair",
            Self::Image => "image",
            Self::Launch => "launch",
            Self::Boot => "boot",
            Self::Connect => "connect",
            Self::HostKey => "host key",
            Self::Login => "login",
            Self::Upload => "upload",
            Self::Configure => "configure",
            Self::Reboot => "reboot",
            Self::Verify => "verify",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Keep => "keep",
            Self::Terminate => "terminate",
            Self::Teardown => "teardown",
            Self::State => "state",
            Self::Internal => "internal",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_an_earlier_or_a_later_version_is_read() {
        let read = |text: &str| serde_json::from_str::<Failure>(text).unwrap().kind;
        assert_eq!(read(r#"{"step": "launch", "reason": "no"}"#), FailureKind::Other);
        let later = r#"{"kind": "tax", "step": "launch", "reason": "no"}"#;
        assert_eq!(read(later), FailureKind::Other);
        let quota = Failure::new(FailureKind::Quota, Step::Launch, "no", "ask");
        assert_eq!(read(&serde_json::to_string(&quota).unwrap()), FailureKind::Quota);
    }
}
