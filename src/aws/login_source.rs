//! Where the gate gets credentials: the profile as the user's files have it at that moment, and the
//! SDK's providers behind it.

use std::fs;
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials as _};
use aws_sdk_ec2::error::{ConnectorError, SdkError};
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_types::error::ErrorMetadata;
use futures_util::future::BoxFuture;

use super::error::AwsError;
use super::gate::Source;
use super::login_session;
use super::profile::LoginSession;
use super::profile_file::{login_files, read_profile, read_profile_with};
use super::sdk::{Access, SharedHttpClient, unopened};
use super::sso::refresh::keep_signed_in;
use crate::fleet::Region;

/// What is to be known for asking.
#[derive(Debug)]
pub(super) struct LoginSource {
    pub access: Access,
    /// What carries the requests.
    pub http: SharedHttpClient,
    /// Where questions are asked that have no region of their own.
    pub home: String,
}

impl LoginSource {
    async fn ask(&self) -> provider::Result {
        let read = read_profile(self.access.profile.as_deref());
        let read = read.map_err(CredentialsError::invalid_configuration)?;
        let sdk = unopened(&self.access, &read, self.http.clone(), self.home.clone()).await;
        // Nobody has to be signed in where the environment has keys, or the file of a role.
        if read.has_keys || read.profile.mfa.is_some() {
            return provided(&sdk).await;
        }
        if let Some(session) = &read.profile.login_session {
            return self.by_session(&sdk, session).await;
        }
        if let Some(sso) = &read.profile.sso {
            keep_signed_in(&sdk, sso).await.map_err(CredentialsError::provider_error)?;
        }
        provided(&sdk).await
    }

    /// The keys of a session of `aws login`, or of the role that is taken with them.
    async fn by_session(&self, sdk: &SdkConfig, session: &LoginSession) -> provider::Result {
        let keys = login_session::keys(sdk, session).await;
        let keys = keys.map_err(CredentialsError::provider_error)?;
        let read = read_profile_with(self.access.profile.as_deref(), Some(&keys));
        let read = read.map_err(CredentialsError::invalid_configuration)?;
        let sdk = unopened(&self.access, &read, self.http.clone(), self.home.clone()).await;
        let mut provided = provided(&sdk).await?;
        // To the SDK those of the session itself are keys that are written down, for ever.
        if provided.expiry().is_none() {
            *provided.expiry_mut() = keys.expiry();
        }
        Ok(provided)
    }
}

async fn provided(sdk: &SdkConfig) -> provider::Result {
    match sdk.credentials_provider() {
        Some(provider) => provider.provide_credentials().await,
        None => Err(CredentialsError::not_loaded_no_source()),
    }
}

impl Source for LoginSource {
    /// Reads the files and asks whom they name. A login that has ended is renewed where it can be, and
    /// else that is said without asking anybody.
    fn credentials(&self) -> BoxFuture<'_, provider::Result> {
        Box::pin(self.ask())
    }

    fn told(&self, error: CredentialsError) -> AwsError {
        let profile = read_profile(self.access.profile.as_deref());
        let profile = profile.map(|read| read.profile).unwrap_or_default();
        // What the SDK makes of credentials that it does not get.
        let error: SdkError<ErrorMetadata> =
            SdkError::dispatch_failure(ConnectorError::other(error.into(), None));
        AwsError::read(error, "signing in", &Region::from(self.home.as_str()), &profile)
    }

    /// A login in another terminal leaves its trace in these files.
    fn trace(&self) -> Vec<Option<SystemTime>> {
        let files = login_files(self.access.profile.as_deref());
        files.iter().map(|file| fs::metadata(file).and_then(|it| it.modified()).ok()).collect()
    }

    fn time(&self) -> SharedTimeSource {
        self.access.time.clone()
    }
}
