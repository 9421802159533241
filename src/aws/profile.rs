//! What a user's AWS profile says that is ours to know. The SDK reads the rest by itself.

/// A profile, or that there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Profile {
    /// Its name, where it is not the default one.
    pub(super) name: Option<String>,
    /// Its region.
    pub(super) region: Option<String>,
    /// The file of the authorities that it trusts, `ca_bundle`.
    pub(super) ca_bundle: Option<String>,
    /// Whether it logs in by SSO.
    pub(super) sso: bool,
}
