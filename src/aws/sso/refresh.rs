//! Renewing a login without anybody: the refresh token's grant. The SDK would do it too, but go on with
//! the old token where that is refused, and give up the process where the clock was set back.

use aws_config::SdkConfig;
use aws_sdk_ssooidc::error::{ProvideErrorMetadata, SdkError};
use jiff::SignedDuration;
use tokio::sync::Mutex;

use super::token_file::{Token, TokenFiles};
use crate::aws::clock::time_at;
use crate::aws::kept_login::{SignedOut, read_twice};
use crate::aws::profile::Sso;

/// The grant (OIDC CreateToken).
const REFRESH: &str = "refresh_token";
/// So long before its end a token is renewed: what the SDK's provider takes for ended.
const AHEAD: SignedDuration = SignedDuration::from_mins(6);

/// One renewal at a time: the service gives a new refresh token with each, and the old one is void.
static RENEWING: Mutex<()> = Mutex::const_new(());

/// Sees that the login of a profile is good for a while yet.
///
/// # Errors
/// Only where somebody has to sign in. That the service cannot be asked is none as long as the token
/// itself is good.
pub(in crate::aws) async fn keep_signed_in(sdk: &SdkConfig, sso: &Sso) -> Result<(), SignedOut> {
    let files = TokenFiles::of(sso);
    let now = || time_at(&sdk.time_source().unwrap_or_default());
    let is_good = |token: &Token| token.expires_at > now() + AHEAD;
    match read_twice(|| files.token()).await {
        Some(token) if is_good(&token) => return Ok(()),
        Some(_) => {}
        None => return Err(SignedOut::Never),
    }
    let _alone = RENEWING.lock().await;
    // Another process, or who came before, may have renewed it meanwhile.
    let Some(token) = read_twice(|| files.token()).await else { return Err(SignedOut::Never) };
    if is_good(&token) {
        return Ok(());
    }
    let is_over = token.expires_at <= now();
    let ended = || if is_over { Err(SignedOut::Ended(token.expires_at)) } else { Ok(()) };
    let is_known = token.registration_expires_at.is_none_or(|end| end > now());
    let grant = (token.client_id.clone(), token.client_secret.clone(), token.refresh.clone());
    let (Some(id), Some(secret), Some(refresh)) = grant else { return ended() };
    if !is_known {
        return ended();
    }
    let config = aws_sdk_ssooidc::config::Builder::from(sdk)
        .region(aws_config::Region::new(sso.region.clone()));
    let asked = aws_sdk_ssooidc::Client::from_conf(config.build())
        .create_token()
        .client_id(id)
        .client_secret(secret)
        .grant_type(REFRESH)
        .refresh_token(refresh)
        .send()
        .await;
    match asked {
        Ok(told) => {
            let lasts = SignedDuration::from_secs(i64::from(told.expires_in()));
            let renewed = Token {
                access: told.access_token().unwrap_or_default().to_owned(),
                refresh: told.refresh_token().map(str::to_owned).or(token.refresh),
                expires_at: now() + lasts,
                ..token
            };
            if let Err(error) = files.keep_token(&renewed) {
                // It is lost with this process: the old refresh token is void.
                tracing::warn!(%error, "keeping the login that was renewed");
            }
            Ok(())
        }
        Err(error) => {
            tracing::debug!(code = error.code(), "renewing the login");
            // Two renew at once, and one of them has it.
            if read_twice(|| files.token()).await.is_some_and(|token| is_good(&token)) {
                return Ok(());
            }
            match error {
                SdkError::ServiceError(_) if is_over => Err(SignedOut::Over(Box::new(error))),
                _ => ended(),
            }
        }
    }
}
