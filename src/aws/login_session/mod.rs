//! The session that `aws login` keeps for a profile (`login_session`): its keys, and their renewal
//! without anybody, every quarter of an hour, for as long as the session lasts (AWS Sign-In,
//! CreateOAuth2Token; botocore's `LoginCredentialFetcher`); and beginning one, by a page on any machine.
//!
//! The SDK's own provider for it is not used: it gives up the process where the clock was set back, and
//! asks nobody again after a first mistake.

mod page;
mod proof;
mod session_file;
mod sign_in;

use aws_config::SdkConfig;
use aws_sdk_ec2::config::Credentials;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::clock::time_at;
use super::endpoint::said_for;
use super::json_service::{operation, read};
use super::kept_login::{SignedOut, read_twice};
use super::profile::LoginSession;
use proof::Proof;
use session_file::{Session, SessionFile};

pub(super) use session_file::path;
pub use sign_in::{Asks, LoginEnd};

/// The grant (AWS Sign-In, CreateOAuth2Token).
const REFRESH: &str = "refresh_token";
/// Where it is called.
const TOKEN: &str = "/v1/token";
/// So long before their end keys are renewed (botocore's).
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// Where the session is asked for, if neither it nor its profile names a region.
const HOME: &str = "us-east-1";

/// One renewal at a time: the service gives a new refresh token with each, and the old one is void.
static RENEWING: Mutex<()> = Mutex::const_new(());

/// The keys of the session, good for a while yet where that can be had.
///
/// # Errors
/// Only where somebody has to sign in. That the service cannot be asked is none as long as the keys
/// themselves are good.
pub(super) async fn keys(
    sdk: &SdkConfig,
    session: &LoginSession,
) -> Result<Credentials, SignedOut> {
    let file = SessionFile::of(session);
    let now = || time_at(&sdk.time_source().unwrap_or_default());
    let is_good = |kept: &Session| kept.ends_at() > now() + AHEAD;
    match read_twice(|| file.read()).await {
        Some(kept) if is_good(&kept) => return Ok(kept.keys()),
        Some(_) => {}
        None => return Err(SignedOut::Never),
    }
    let _alone = RENEWING.lock().await;
    // Another process, or who came before, may have renewed it meanwhile.
    let Some(kept) = read_twice(|| file.read()).await else { return Err(SignedOut::Never) };
    if is_good(&kept) {
        return Ok(kept.keys());
    }
    let error = match renewed(sdk, session, &kept, now()).await {
        Ok(renewed) => {
            if let Err(error) = file.keep(&renewed) {
                // It is lost with this process: the old refresh token is void.
                tracing::warn!(%error, "keeping the session that was renewed");
            }
            return Ok(renewed.keys());
        }
        Err(error) => error,
    };
    tracing::debug!(%error, "renewing the session");
    // Two renew at once, and one of them has it.
    if let Some(kept) = read_twice(|| file.read()).await.filter(is_good) {
        return Ok(kept.keys());
    }
    match error {
        _ if kept.ends_at() > now() => Ok(kept.keys()),
        Refused::ByAws(error) => Err(SignedOut::Over(error)),
        Refused::Otherwise(_) => Err(SignedOut::Ended(kept.ends_at())),
    }
}

/// Why a session is not renewed.
#[derive(Debug, thiserror::Error)]
enum Refused {
    /// AWS does not renew it: TOKEN_EXPIRED, USER_CREDENTIALS_CHANGED, INVALID_REQUEST ..
    #[error("AWS renews it no more: {0}")]
    ByAws(BoxError),
    /// AWS was not asked, or did not answer.
    #[error("{0}")]
    Otherwise(BoxError),
}

/// The session with the keys that AWS gives for its refresh token.
async fn renewed(
    sdk: &SdkConfig,
    of: &LoginSession,
    kept: &Session,
    now: Timestamp,
) -> Result<Session, Refused> {
    let key = "the file of the session has no key that can sign";
    let proof = Proof::of(kept.dpop_key()).ok_or_else(|| Refused::Otherwise(key.into()))?;
    let endpoint = endpoint(sdk, region(Some(kept), of));
    let asked = token(sdk, &endpoint, proof, kept.grant(REFRESH)).await;
    let told = asked.map_err(|error| match error {
        SdkError::ServiceError(_) => Refused::ByAws(error.into()),
        _ => Refused::Otherwise(error.into()),
    })?;
    let half = "AWS's answer has no keys in it";
    kept.with(told, now).ok_or_else(|| Refused::Otherwise(half.into()))
}

/// The region of a session: the one that it was begun in, else that of its profile.
fn region<'a>(kept: Option<&'a Session>, of: &'a LoginSession) -> &'a str {
    kept.and_then(Session::region).or(of.region.as_deref()).unwrap_or(HOME)
}

/// Where a region's sessions are asked for: where the user says, else at AWS.
fn endpoint(sdk: &SdkConfig, region: &str) -> String {
    said_for(sdk, "Signin").unwrap_or_else(|| usual(region))
}

/// What AWS gives for a grant (AWS Sign-In, CreateOAuth2Token).
async fn token(
    sdk: &SdkConfig,
    endpoint: &str,
    proof: Proof,
    grant: String,
) -> Result<Value, SdkError<ErrorMetadata, HttpResponse>> {
    operation(sdk, "Signin", endpoint)
        .no_auth()
        .interceptor(proof)
        .serializer(write)
        .deserializer(read)
        .build()
        .invoke(grant)
        .await
}

fn write(grant: String) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(grant));
    request.set_method("POST")?;
    request.set_uri(TOKEN)?;
    request.headers_mut().insert("content-type", "application/json");
    Ok(request)
}

/// AWS's own endpoint in a region (the service's endpoint rule set, for the partitions that are not
/// cut off from the internet).
fn usual(region: &str) -> String {
    let suffix = match region.split('-').next() {
        Some("cn") => "amazonaws.cn",
        Some("us") if region.starts_with("us-gov-") => "amazonaws-us-gov.com",
        Some("eusc") => "amazonaws-eusc.eu",
        _ => "aws.amazon.com",
    };
    format!("https://{region}.signin.{suffix}")
}

impl Session {
    /// What is asked for with this grant.
    fn grant(&self, kind: &str) -> String {
        let (client, token) = (self.client_id(), self.refresh_token());
        json!({ "clientId": client, "grantType": kind, "refreshToken": token }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// endpoint-rule-set-1.json of botocore 1.44.8, its `signin`.
    #[test]
    fn each_partition_has_an_endpoint_of_its_own() {
        for (region, host) in [
            ("us-east-1", "us-east-1.signin.aws.amazon.com"),
            ("eu-west-1", "eu-west-1.signin.aws.amazon.com"),
            ("cn-north-1", "cn-north-1.signin.amazonaws.cn"),
            ("us-gov-west-1", "us-gov-west-1.signin.amazonaws-us-gov.com"),
            ("eusc-de-east-1", "eusc-de-east-1.signin.amazonaws-eusc.eu"),
        ] {
            assert_eq!(usual(region), format!("https://{host}"));
        }
    }
}
