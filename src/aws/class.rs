//! What to do about a failure: few classes, whatever AWS calls it.

use super::profile::Profile;

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
    /// The quota of this family of machine types is used up in this region: fewer of them, or
    /// another family.
    Quota,
    /// More than one request may ask for: fewer of them, in several requests.
    TooMany,
    /// This identity may not do it, or its organization lets nobody do it.
    Denied,
    /// Nothing more in this region; others may work.
    FatalRegion,
    /// Nothing more in this account.
    FatalAccount,
    /// No call will succeed before somebody logs in.
    Credentials(Credential),
    /// It may have happened or not: ask by token or tag before doing it again.
    Unknown,
}

impl Class {
    /// The same behind this profile: with SSO, credentials that have expired are renewed by
    /// signing in.
    pub(super) fn behind(self, profile: &Profile) -> Self {
        match self {
            Self::Credentials(Credential::Expired) if profile.signs_in() => {
                Self::Credentials(Credential::SsoLogin)
            }
            class => class,
        }
    }
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
    /// They are of another account than what is to be looked at.
    OtherAccount,
}
