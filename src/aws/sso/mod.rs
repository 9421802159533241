//! Signing in by IAM Identity Center: the device flow of its OIDC service (OAuth 2.0, RFC 8628). Token
//! and registration lie where the AWS CLI keeps them, so that who signed in by one of them is signed in
//! for the other.

pub(super) mod refresh;
pub(super) mod token_file;

use std::time::Duration;

use aws_sdk_ssooidc::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssooidc::operation::create_token::{CreateTokenError, CreateTokenOutput};
use aws_sdk_ssooidc::operation::start_device_authorization::StartDeviceAuthorizationOutput;
use aws_smithy_async::time::SharedTimeSource;
use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use super::access::Aws;
use super::class::{Class, Credential};
use super::clock::time_at;
use super::error::AwsError;
use super::profile::{Profile, Sso};
use crate::fleet::Region;
use token_file::{Registration, Token, TokenFiles};

/// Of a device that waits until somebody confirms its code elsewhere.
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// As which client the AWS CLI and we register: one that can keep no secret.
const KIND: &str = "public";
/// How often is asked whether somebody confirmed, where the service does not say.
const INTERVAL: Duration = Duration::from_secs(5);
/// By how much longer, once the service finds that too often (RFC 8628, 3.5).
const SLOWER: Duration = Duration::from_secs(5);

/// A login that waits for a person.
#[derive(Debug)]
pub struct SignIn {
    /// Where it is confirmed.
    pub url: String,
    /// The same with the code in it, where the service gives that; it may lack the code.
    pub whole_url: Option<String>,
    /// What the page has to show.
    pub code: String,
    /// How long the code is good.
    pub good_for: Duration,
    oidc: Oidc,
    registration: Registration,
    device: String,
    interval: Duration,
}

/// The service, for one profile.
#[derive(Debug)]
struct Oidc {
    client: aws_sdk_ssooidc::Client,
    sso: Sso,
    files: TokenFiles,
    region: Region,
    profile: Profile,
    time: SharedTimeSource,
}

impl Aws {
    /// Begins to sign in: the person is to be shown page and code. An error says that the profile does
    /// not sign in that way, or why the service refuses.
    pub async fn sign_in(&self) -> Result<SignIn, AwsError> {
        let oidc = self.oidc()?;
        let mut registration = oidc.registration().await?;
        let mut begun = oidc.begin(&registration).await;
        // A registration that the service has forgotten is made anew, once.
        if begun.as_ref().is_err_and(|it| it.code.as_deref() == Some("InvalidClientException")) {
            oidc.files.forget_registration();
            registration = oidc.register().await?;
            begun = oidc.begin(&registration).await;
        }
        let told = begun?;
        let seconds = |told: i32| u64::try_from(told).ok().filter(|told| *told > 0);
        Ok(SignIn {
            url: told.verification_uri().unwrap_or_default().to_owned(),
            whole_url: told.verification_uri_complete().map(str::to_owned),
            code: told.user_code().unwrap_or_default().to_owned(),
            good_for: Duration::from_secs(seconds(told.expires_in()).unwrap_or(600)),
            device: told.device_code().unwrap_or_default().to_owned(),
            interval: seconds(told.interval()).map_or(INTERVAL, Duration::from_secs),
            oidc,
            registration,
        })
    }

    /// Forgets the login of the profile. Whether there was one.
    pub fn sign_out(&self) -> Result<bool, AwsError> {
        let oidc = self.oidc()?;
        oidc.files.forget_token().map_err(|error| oidc.disk(&error))
    }

    fn oidc(&self) -> Result<Oidc, AwsError> {
        let profile = self.profile();
        let Some(sso) = profile.sso.clone() else { return Err(no_sso(profile)) };
        let config = aws_sdk_ssooidc::config::Builder::from(self.sdk())
            .region(aws_config::Region::new(sso.region.clone()));
        Ok(Oidc {
            client: aws_sdk_ssooidc::Client::from_conf(config.build()),
            files: TokenFiles::of(&sso),
            region: sso.region.as_str().into(),
            profile: profile.clone(),
            time: self.sdk().time_source().unwrap_or_default(),
            sso,
        })
    }
}

/// Of a profile that signs in some other way, or that nobody signs in by.
fn no_sso(profile: &Profile) -> AwsError {
    let name = profile.name.as_deref().unwrap_or("default");
    let text = format!("the profile {name} does not sign in by IAM Identity Center");
    let hint = "name one that does with --profile, or make one: aws configure sso";
    AwsError::found("signing in", None, Class::Credentials(Credential::Broken), text, hint)
}

impl Oidc {
    async fn registration(&self) -> Result<Registration, AwsError> {
        match self.files.registration(self.now()) {
            Some(known) => Ok(known),
            None => self.register().await,
        }
    }

    /// (OIDC RegisterClient.)
    async fn register(&self) -> Result<Registration, AwsError> {
        let scopes = (!self.sso.scopes.is_empty()).then(|| self.sso.scopes.clone());
        let told = self
            .client
            .register_client()
            .client_name(format!("spot-tui-{}", self.now().as_second()))
            .client_type(KIND)
            .set_scopes(scopes.clone())
            .send()
            .await
            .map_err(|error| self.failed("RegisterClient", error))?;
        let registration = Registration {
            client_id: told.client_id().unwrap_or_default().to_owned(),
            client_secret: told.client_secret().unwrap_or_default().to_owned(),
            expires_at: Timestamp::from_second(told.client_secret_expires_at()).unwrap_or_default(),
            scopes,
            grant_types: None,
        };
        self.files.keep_registration(&registration).map_err(|error| self.disk(&error))?;
        Ok(registration)
    }

    /// (OIDC StartDeviceAuthorization.)
    async fn begin(
        &self,
        registration: &Registration,
    ) -> Result<StartDeviceAuthorizationOutput, AwsError> {
        self.client
            .start_device_authorization()
            .client_id(&registration.client_id)
            .client_secret(&registration.client_secret)
            .start_url(&self.sso.start_url)
            .send()
            .await
            .map_err(|error| self.failed("StartDeviceAuthorization", error))
    }

    fn now(&self) -> Timestamp {
        time_at(&self.time)
    }

    fn failed<E>(&self, operation: &'static str, error: SdkError<E>) -> AwsError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        if error.code() == Some("InvalidRequestException") {
            return self.broken(
                operation,
                format!(
                    "IAM Identity Center in {} does not know {}",
                    self.region, self.sso.start_url
                ),
                "check sso_start_url and sso_region of the profile",
            );
        }
        let unsent = matches!(error, SdkError::DispatchFailure(_) | SdkError::TimeoutError(_));
        let read = AwsError::read(error, operation, &self.region, &self.profile);
        if !unsent {
            return read;
        }
        self.broken(
            operation,
            format!("IAM Identity Center in {}: {}", self.region, read.message),
            "check sso_region of the profile, and whether this machine is online",
        )
    }

    fn broken(&self, operation: &'static str, text: String, hint: &str) -> AwsError {
        let class = Class::Credentials(Credential::Broken);
        AwsError::found(operation, Some(&self.region), class, text, hint)
    }

    fn disk(&self, error: &std::io::Error) -> AwsError {
        let text = format!("{}: {error}", self.files.folder().display());
        self.broken("keeping the login", text, "look whether that folder can be written to")
    }
}

impl SignIn {
    /// The page's address, with the code in it where the service gives that.
    pub fn page(&self) -> &str {
        self.whole_url.as_deref().unwrap_or(&self.url)
    }

    /// Waits until somebody confirmed, here or by a login in another terminal. Until when one is
    /// signed in then.
    pub async fn confirmed(mut self) -> Result<Timestamp, AwsError> {
        let before = self.oidc.files.token().map(|token| token.expires_at);
        loop {
            if let Some(until) = self.ask().await? {
                return Ok(until);
            }
            sleep(self.interval).await;
            let token = self.oidc.files.token().map(|token| token.expires_at);
            if let Some(until) = token.filter(|until| Some(*until) != before)
                && until > self.oidc.now()
            {
                return Ok(until);
            }
        }
    }

    /// (OIDC CreateToken.)
    async fn ask(&mut self) -> Result<Option<Timestamp>, AwsError> {
        let asked = self
            .oidc
            .client
            .create_token()
            .client_id(&self.registration.client_id)
            .client_secret(&self.registration.client_secret)
            .grant_type(DEVICE)
            .device_code(&self.device)
            .send()
            .await;
        let error = match asked {
            Ok(told) => return self.keep(&told).map(Some),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(CreateTokenError::AuthorizationPendingException(_)) => Ok(None),
            Some(CreateTokenError::SlowDownException(_)) => {
                self.interval += SLOWER;
                Ok(None)
            }
            Some(CreateTokenError::ExpiredTokenException(_)) => Err(self.oidc.broken(
                "signing in",
                "nobody confirmed the code while it was good".to_owned(),
                "sign in again, for a new code",
            )),
            Some(CreateTokenError::AccessDeniedException(_)) => Err(self.oidc.broken(
                "signing in",
                "it was refused in the browser".to_owned(),
                "sign in again, and confirm it there",
            )),
            _ => Err(self.oidc.failed("CreateToken", error)),
        }
    }

    fn keep(&self, told: &CreateTokenOutput) -> Result<Timestamp, AwsError> {
        let lasts = SignedDuration::from_secs(i64::from(told.expires_in()));
        let Sso { session: _, start_url, region, scopes: _ } = &self.oidc.sso;
        let token = Token {
            start_url: start_url.clone(),
            region: region.clone(),
            access: told.access_token().unwrap_or_default().to_owned(),
            expires_at: self.oidc.now() + lasts,
            client_id: Some(self.registration.client_id.clone()),
            client_secret: Some(self.registration.client_secret.clone()),
            registration_expires_at: Some(self.registration.expires_at),
            refresh: told.refresh_token().map(str::to_owned),
        };
        self.oidc.files.keep_token(&token).map_err(|error| self.oidc.disk(&error))?;
        Ok(token.expires_at)
    }
}
