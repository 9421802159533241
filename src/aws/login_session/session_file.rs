//! The file of a session, as the AWS CLI keeps it: `~/.aws/login/cache/SHA256.json` (botocore,
//! `LoginTokenLoader`).

use std::path::{Path, PathBuf};
use std::{fs, io};

use aws_sdk_ec2::config::Credentials;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::page::CLIENT;
use crate::aws::profile::LoginSession;
use crate::files::{MOST, folder_of, in_home, make_private_folder, read_bounded, write_atomically};
use crate::fleet::text::hexadecimal;

/// The variable that names another folder for them.
const FOLDER: &str = "AWS_LOGIN_CACHE_DIRECTORY";

/// What `aws login` keeps. Secrets: in no log.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Session {
    #[serde(rename = "accessToken")]
    keys: Keys,
    client_id: String,
    refresh_token: String,
    dpop_key: String,
    /// Where it was begun; sessions of older CLIs do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sign_in_region: Option<String>,
    /// What is not ours to know.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    expires_at: Timestamp,
}

/// What AWS gives for a refresh token (AWS Sign-In, CreateOAuth2TokenResponseBody).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Renewed {
    access_token: RenewedKeys,
    expires_in: i64,
    refresh_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RenewedKeys {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
}

/// What AWS gives for a code (the same, with who signed in).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Begun {
    access_token: RenewedKeys,
    token_type: String,
    expires_in: i64,
    refresh_token: String,
    id_token: String,
}

/// Who signed in, among what an ID token claims.
#[derive(Deserialize)]
struct Claims {
    sub: String,
}

impl Begun {
    /// The ARN of who signed in. Nobody here can check the token's signature: it came from AWS.
    fn arn(&self) -> Option<String> {
        let claims = self.id_token.split('.').nth(1)?.trim_end_matches('=');
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
        let Claims { sub } = serde_json::from_slice(&claims).ok()?;
        let is_one = sub.starts_with("arn:") && sub.bytes().all(|byte| byte.is_ascii_graphic());
        is_one.then_some(sub)
    }
}

impl RenewedKeys {
    fn until(self, account_id: Option<String>, expires_at: Timestamp) -> Keys {
        let Self { access_key_id, secret_access_key, session_token } = self;
        Keys { access_key_id, secret_access_key, session_token, account_id, expires_at }
    }
}

/// The end of keys that are good for so long from now on, to the second, as the CLI writes it.
fn end(now: Timestamp, seconds: i64) -> Option<Timestamp> {
    let now = Timestamp::from_second(now.as_second()).ok()?;
    now.checked_add(SignedDuration::from_secs(seconds)).ok()
}

impl Session {
    /// The session that AWS told of, bound to this key, and whose it is; `None` where that is not
    /// whole.
    pub(super) fn begun(told: Value, pem: &str, now: Timestamp) -> Option<(Self, String)> {
        let begun: Begun = serde_json::from_value(told).ok()?;
        let arn = begun.arn()?;
        let account = arn.split(':').nth(4).map(str::to_owned);
        let rest = [("tokenType", begun.token_type), ("idToken", begun.id_token)];
        let session = Self {
            keys: begun.access_token.until(account, end(now, begun.expires_in)?),
            client_id: CLIENT.to_owned(),
            refresh_token: begun.refresh_token,
            dpop_key: pem.to_owned(),
            sign_in_region: None,
            rest: rest.into_iter().map(|(key, text)| (key.to_owned(), text.into())).collect(),
        };
        Some((session, arn)).filter(|(session, _)| session.is_sound())
    }

    /// When the keys end.
    pub(super) fn ends_at(&self) -> Timestamp {
        self.keys.expires_at
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn refresh_token(&self) -> &str {
        &self.refresh_token
    }

    /// What proves that the refresh token is ours, in PEM.
    pub(super) fn dpop_key(&self) -> &str {
        &self.dpop_key
    }

    pub(super) fn region(&self) -> Option<&str> {
        self.sign_in_region.as_deref()
    }

    /// The keys, with their end.
    pub(super) fn keys(&self) -> Credentials {
        let Keys { access_key_id, secret_access_key, session_token, .. } = self.keys.clone();
        let (token, end) = (Some(session_token), Some(self.keys.expires_at.into()));
        Credentials::new(access_key_id, secret_access_key, token, end, "aws login")
    }

    /// The same with what AWS told of it now; `None` where that is not whole.
    pub(super) fn with(&self, told: Value, now: Timestamp) -> Option<Self> {
        let Renewed { access_token, expires_in, refresh_token } =
            serde_json::from_value(told).ok()?;
        let keys = access_token.until(self.keys.account_id.clone(), end(now, expires_in)?);
        Some(Self { keys, refresh_token, ..self.clone() }).filter(Self::is_sound)
    }

    /// Keys become lines of a profile: none of them may be two.
    fn is_sound(&self) -> bool {
        let Keys { access_key_id, secret_access_key, session_token, .. } = &self.keys;
        let is_word = |text: &&String| text.bytes().all(|byte| byte.is_ascii_graphic());
        [access_key_id, secret_access_key, session_token].iter().all(is_word)
    }
}

/// Where one session lies.
pub(super) struct SessionFile(PathBuf);

impl SessionFile {
    pub(super) fn of(session: &LoginSession) -> Self {
        Self(path(session))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The session that is there. One that cannot be read is none: the CLI truncates before it writes.
    pub(super) fn read(&self) -> Option<Session> {
        let bytes = read_bounded(&self.0, MOST).ok()?;
        serde_json::from_slice(&bytes).ok().filter(Session::is_sound)
    }

    /// Whether there was one.
    pub(super) fn forget(&self) -> io::Result<bool> {
        match fs::remove_file(&self.0) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A reader sees the old file or the new one; it is for its owner alone.
    pub(super) fn keep(&self, session: &Session) -> io::Result<()> {
        make_private_folder(folder_of(&self.0))?;
        write_atomically(&self.0, &serde_json::to_vec(session)?)
    }
}

/// The file of a session.
pub(in crate::aws) fn path(session: &LoginSession) -> PathBuf {
    let named = std::env::var(FOLDER).ok().filter(|folder| !folder.is_empty());
    let folder = Path::new(named.as_deref().unwrap_or("~/.aws/login/cache"));
    let name = format!("{}.json", hexadecimal(&Sha256::digest(session.arn.trim())));
    in_home(folder, std::env::home_dir().as_deref()).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name is that of aws-config's own test (login/cache.rs).
    #[test]
    fn a_session_lies_where_the_aws_cli_keeps_it() {
        let arn = "arn:aws:iam::0123456789012:user/Admin".to_owned();
        let path = path(&LoginSession { arn, profile: None, region: None });
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert_eq!(name, "36db1d138ff460920374e4c3d8e01f53f9f73537e89c88d639f68393df0e2726");
    }

    /// The keys and their form are those of the file that AWS CLI 2.36.7 writes.
    #[test]
    fn what_begins_here_is_what_the_aws_cli_writes() {
        let claims = |sub: &str| BASE64_URL_SAFE_NO_PAD.encode(format!("{{\"sub\":\"{sub}\"}}"));
        let told = |sub: &str| {
            serde_json::json!({
                "accessToken": { "accessKeyId": "A", "secretAccessKey": "s", "sessionToken": "t" },
                "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "r",
                "idToken": format!("h.{}.s", claims(sub)),
            })
        };
        let arn = "arn:aws:sts::012345678901:assumed-role/Admin/me";
        let now = "2026-01-01T01:00:00.5Z".parse().unwrap();
        let (session, whose) = Session::begun(told(arn), "PEM", now).unwrap();
        assert_eq!(whose, arn);
        let wanted = serde_json::json!({
            "accessToken": { "accessKeyId": "A", "secretAccessKey": "s", "sessionToken": "t",
                "accountId": "012345678901", "expiresAt": "2026-01-01T01:15:00Z" },
            "tokenType": "aws_sigv4", "clientId": "arn:aws:signin:::devtools/cross-device",
            "refreshToken": "r", "idToken": format!("h.{}.s", claims(arn)), "dpopKey": "PEM",
        });
        assert_eq!(serde_json::to_value(session).unwrap(), wanted);
        for nobody in ["", "me", "arn:aws:iam::1:user/a b"] {
            assert!(Session::begun(told(nobody), "PEM", now).is_none(), "{nobody}");
        }
        let mut half = told(arn);
        half["idToken"] = "no token".into();
        assert!(Session::begun(half, "PEM", now).is_none());
    }

    #[test]
    fn a_renewal_changes_what_is_renewed_and_nothing_else() {
        let kept = serde_json::json!({
            "accessToken": { "accessKeyId": "A", "secretAccessKey": "s", "sessionToken": "t",
                "accountId": "012345678901", "expiresAt": "2026-01-01T00:00:00Z" },
            "tokenType": "aws_sigv4", "refreshToken": "r", "idToken": "i", "clientId": "c",
            "dpopKey": "k", "signInRegion": "eu-west-1", "of tomorrow": [1],
        });
        let session: Session = serde_json::from_value(kept.clone()).unwrap();
        let told = |key: &str| {
            serde_json::json!({
                "accessToken": { "accessKeyId": key, "secretAccessKey": "s2", "sessionToken": "t2" },
                "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "r2",
            })
        };
        let now = "2026-01-01T01:00:00.5Z".parse().unwrap();
        let renewed = serde_json::to_value(session.with(told("B"), now).unwrap()).unwrap();
        let mut wanted = kept;
        wanted["accessToken"] = serde_json::json!({ "accessKeyId": "B", "secretAccessKey": "s2",
            "sessionToken": "t2", "accountId": "012345678901", "expiresAt": "2026-01-01T01:15:00Z" });
        wanted["refreshToken"] = "r2".into();
        assert_eq!(renewed, wanted);
        assert!(session.with(told("B\nrole_arn = x"), now).is_none());
        assert!(session.with(serde_json::json!({}), now).is_none());
    }
}
