//! The file of a session, as the AWS CLI keeps it: `~/.aws/login/cache/SHA256.json` (botocore,
//! `LoginTokenLoader`).

use std::io;
use std::path::{Path, PathBuf};

use aws_sdk_ec2::config::Credentials;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

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

impl Session {
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
        let RenewedKeys { access_key_id, secret_access_key, session_token } = access_token;
        // To the second, as the CLI writes it.
        let now = Timestamp::from_second(now.as_second()).ok()?;
        let keys = Keys {
            access_key_id,
            secret_access_key,
            session_token,
            account_id: self.keys.account_id.clone(),
            expires_at: now + SignedDuration::from_secs(expires_in),
        };
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

    /// The session that is there. One that cannot be read is none: the CLI truncates before it writes.
    pub(super) fn read(&self) -> Option<Session> {
        let bytes = read_bounded(&self.0, MOST).ok()?;
        serde_json::from_slice(&bytes).ok().filter(Session::is_sound)
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
