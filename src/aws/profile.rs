//! What a user's AWS profile says that is ours to know. The SDK reads the rest by itself.

use crate::fleet::text::profile_flag;

/// A profile, or that there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Profile {
    /// Its name, where it is not the default one.
    pub(super) name: Option<String>,
    /// Its region.
    pub(super) region: Option<String>,
    /// The file of the authorities that it trusts, `ca_bundle`.
    pub(super) ca_bundle: Option<String>,
    /// How it signs in, where it, or the profile that it takes a role from, does by IAM Identity
    /// Center.
    pub(super) sso: Option<Sso>,
    /// The session that `aws login` keeps for it, or for the profile that it takes a role from.
    pub(super) login_session: Option<LoginSession>,
    /// The role that it takes with a code from a device.
    pub(super) mfa: Option<Mfa>,
}

impl Profile {
    /// Whether a person signs in by it, from time to time.
    pub(super) fn signs_in(&self) -> bool {
        self.sso.is_some() || self.login_session.is_some() || self.mfa.is_some()
    }

    /// The command that signs in.
    pub(super) fn login_command(&self) -> String {
        format!("spot-tui login{}", profile_flag(self.name.as_deref()))
    }
}

/// A session that `aws login` keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoginSession {
    /// Whose it is, `login_session`.
    pub(super) arn: String,
    /// The profile that names it, where it is not the default one.
    pub(super) profile: Option<String>,
    /// Where it is asked for: what the environment says, else the region of that profile.
    pub(super) region: Option<String>,
}

/// A role that is taken with a code from a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mfa {
    /// The device, `mfa_serial`.
    pub(super) serial: String,
    /// The role.
    pub(super) role: String,
    /// The profile whose keys ask for it.
    pub(super) source: String,
    /// How the session is called, where the profile says so.
    pub(super) session: Option<String>,
    /// What the role wants to hear, where it does.
    pub(super) external_id: Option<String>,
    /// How long the keys are good, in seconds, where the profile says so.
    pub(super) seconds: Option<i32>,
}

/// How a profile signs in by IAM Identity Center.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sso {
    /// The name of its `sso-session`; none where the profile itself says the rest.
    pub(super) session: Option<String>,
    /// The page of the organisation.
    pub(super) start_url: String,
    /// Where its IAM Identity Center is.
    pub(super) region: String,
    /// What the login is good for.
    pub(super) scopes: Vec<String>,
}
