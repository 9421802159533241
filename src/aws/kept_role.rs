//! The keys of a role that was taken with a code, where the AWS CLI keeps them.

use std::io;
use std::path::{Path, PathBuf};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_sdk_ec2::config::Credentials;
use aws_smithy_async::time::SharedTimeSource;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use super::clock::time_at;
use super::profile::Mfa;
use crate::files::{MOST, in_home, make_private_folder, read_bounded, write_atomically};
use crate::fleet::text::hexadecimal;

/// What ends sooner is not used any more (botocore, `AssumeRoleCredentialFetcher`).
const LEAST: SignedDuration = SignedDuration::from_mins(15);

/// What the AWS CLI keeps of a role.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Kept {
    pub credentials: Keys,
    #[serde(default)]
    pub assumed_role_user: Value,
}

/// Secrets: in no log.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Keys {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    pub expiration: Timestamp,
}

/// Gives the keys of the role from that file, as long as they are good.
#[derive(Debug)]
pub(super) struct KeptRole {
    file: PathBuf,
    time: SharedTimeSource,
}

impl KeptRole {
    pub(super) fn of(mfa: &Mfa, time: SharedTimeSource) -> Self {
        Self { file: file(mfa), time }
    }

    fn credentials(&self) -> provider::Result {
        let bytes = read_bounded(&self.file, MOST).ok();
        let kept: Option<Kept> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let is_good = |keys: &Keys| keys.expiration > time_at(&self.time) + LEAST;
        let Some(keys) = kept.map(|kept| kept.credentials).filter(is_good) else {
            return Err(CredentialsError::provider_error("a code is asked for"));
        };
        let (id, secret) = (keys.access_key_id, keys.secret_access_key);
        let until = keys.expiration.into();
        Ok(Credentials::new(id, secret, Some(keys.session_token), Some(until), "mfa"))
    }
}

impl ProvideCredentials for KeptRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(self.credentials())
    }
}

/// A reader sees the old file or the new one; it is for its owner alone.
pub(super) fn keep(file: &Path, kept: &Kept) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        make_private_folder(folder)?;
    }
    write_atomically(file, &serde_json::to_vec(kept)?)
}

/// Where they lie.
pub(super) fn file(mfa: &Mfa) -> PathBuf {
    let name = format!("~/.aws/cli/cache/{}.json", hexadecimal(&Sha1::digest(kept_as(mfa))));
    in_home(Path::new(&name), std::env::home_dir().as_deref())
}

/// What names the file: a text of Python's `json.dumps(.., sort_keys=True)`, of what the profile says
/// alone.
fn kept_as(mfa: &Mfa) -> String {
    let text = |key: &str, value: Option<&String>| Some(format!("\"{key}\": {}", ascii(value?)));
    let parts = [
        mfa.seconds.map(|seconds| format!("\"DurationSeconds\": {seconds}")),
        text("ExternalId", mfa.external_id.as_ref()),
        text("RoleArn", Some(&mfa.role)),
        text("RoleSessionName", mfa.session.as_ref()),
        text("SerialNumber", Some(&mfa.serial)),
    ];
    format!("{{{}}}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// A text in JSON as Python writes it: beyond ASCII in escapes.
fn ascii(text: &str) -> String {
    let mut said = String::new();
    for c in json!(text).to_string().chars() {
        if c.is_ascii() {
            said.push(c);
        } else {
            let units = c.encode_utf16(&mut [0; 2]).to_vec();
            said.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    /// python3 -c "import json; print(json.dumps({'RoleArn': 'arn:r', 'SerialNumber': 'é', ..},
    /// sort_keys=True))"
    #[test]
    fn a_role_is_kept_under_the_name_that_the_aws_cli_gives_it() {
        let mfa = Mfa {
            serial: "é\u{1f600}".into(),
            role: "arn:r".into(),
            source: "base".into(),
            session: Some("me".into()),
            external_id: Some("x\"1".into()),
            seconds: Some(3600),
        };
        assert_eq!(
            kept_as(&mfa),
            "{\"DurationSeconds\": 3600, \"ExternalId\": \"x\\\"1\", \"RoleArn\": \"arn:r\", \
             \"RoleSessionName\": \"me\", \"SerialNumber\": \"\\u00e9\\ud83d\\ude00\"}"
        );
        let plain = Mfa { session: None, external_id: None, seconds: None, ..mfa };
        assert!(kept_as(&plain).starts_with("{\"RoleArn\""));
    }
}
