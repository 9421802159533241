//! The files of a login, as the AWS CLI and the SDKs keep them: `~/.aws/sso/cache/SHA1.json` (the SDK
//! reference, "SSO token provider configuration"; botocore's tokens.py and utils.py for the names).

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use crate::aws::profile::Sso;
use crate::files::{MOST, in_home, make_private_folder, read_bounded, write_atomically};
use crate::fleet::text::hexadecimal;

/// A registration that ends sooner is not used any more (botocore's).
const LEAST: SignedDuration = SignedDuration::from_mins(15);

/// What a login brings.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token {
    pub start_url: String,
    pub region: String,
    #[serde(rename = "accessToken")]
    pub access: String,
    pub expires_at: Timestamp,
    /// What renews it; logins of the older form have none of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_expires_at: Option<Timestamp>,
    #[serde(rename = "refreshToken", default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
}

/// As whom this machine is known to the service.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Registration {
    pub client_id: String,
    pub client_secret: String,
    pub expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Of one that was made for browsers on the same machine: it is not good for devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_types: Option<Value>,
}

/// Secrets are in no log.
impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Where the files of one login lie.
#[derive(Debug)]
pub(in crate::aws) struct TokenFiles {
    folder: PathBuf,
    token: PathBuf,
    registration: PathBuf,
}

impl TokenFiles {
    pub(in crate::aws) fn of(sso: &Sso) -> Self {
        let home = std::env::home_dir();
        let folder = in_home(Path::new("~/.aws/sso/cache"), home.as_deref());
        let file =
            |hashed: &str| folder.join(format!("{}.json", hexadecimal(&Sha1::digest(hashed))));
        Self {
            token: file(sso.session.as_deref().unwrap_or(&sso.start_url)),
            registration: file(&registered_as(sso)),
            folder,
        }
    }

    /// The file of the token.
    pub(in crate::aws) fn token_path(&self) -> &Path {
        &self.token
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The token that is there. One that cannot be read is none: the CLI truncates before it writes.
    pub(super) fn token(&self) -> Option<Token> {
        read(&self.token)
    }

    pub(super) fn keep_token(&self, token: &Token) -> io::Result<()> {
        self.keep(&self.token, token)
    }

    /// Whether there was one.
    pub(super) fn forget_token(&self) -> io::Result<bool> {
        match fs::remove_file(&self.token) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn registration(&self, now: Timestamp) -> Option<Registration> {
        let known: Registration = read(&self.registration)?;
        (known.grant_types.is_none() && known.expires_at > now + LEAST).then_some(known)
    }

    pub(super) fn keep_registration(&self, registration: &Registration) -> io::Result<()> {
        self.keep(&self.registration, registration)
    }

    pub(super) fn forget_registration(&self) {
        // The next one is written over it.
        let _ = fs::remove_file(&self.registration);
    }

    /// A reader sees the old file or the new one; it is for its owner alone.
    fn keep(&self, path: &Path, thing: &impl Serialize) -> io::Result<()> {
        make_private_folder(&self.folder)?;
        write_atomically(path, &serde_json::to_vec(thing)?)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&read_bounded(path, MOST).ok()?).ok()
}

/// What names a registration: a text of Python's `json.dumps(.., sort_keys=True)`.
fn registered_as(sso: &Sso) -> String {
    let scopes: Vec<String> = sso.scopes.iter().map(|scope| json!(scope).to_string()).collect();
    let scopes =
        if scopes.is_empty() { "null".to_owned() } else { format!("[{}]", scopes.join(", ")) };
    format!(
        "{{\"region\": {}, \"scopes\": {scopes}, \"session_name\": {}, \"startUrl\": {}, \"tool\": \
         \"botocore\"}}",
        json!(sso.region),
        json!(sso.session),
        json!(sso.start_url),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sso(session: Option<&str>, scopes: &[&str]) -> Sso {
        Sso {
            session: session.map(str::to_owned),
            start_url: "https://my.awsapps.com/start".to_owned(),
            region: "eu-west-1".to_owned(),
            scopes: scopes.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    #[test]
    fn files_are_named_as_botocore_names_them() {
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        // printf my-sso | sha1sum; printf https://my.awsapps.com/start | sha1sum
        let files = TokenFiles::of(&sso(Some("my-sso"), &["sso:account:access"]));
        assert_eq!(name(&files.token), "0ad374308c5a4e22f723adf10145eafad7c4031c.json");
        let legacy = TokenFiles::of(&sso(None, &[]));
        assert_eq!(name(&legacy.token), "40840c65697c043e2a71754cccb2ab4de3acc1c1.json");
    }

    #[test]
    fn a_registration_is_named_by_what_python_prints() {
        assert_eq!(
            registered_as(&sso(Some("my-sso"), &["sso:account:access"])),
            "{\"region\": \"eu-west-1\", \"scopes\": [\"sso:account:access\"], \"session_name\": \
             \"my-sso\", \"startUrl\": \"https://my.awsapps.com/start\", \"tool\": \"botocore\"}"
        );
        assert!(
            registered_as(&sso(None, &[])).contains("\"scopes\": null, \"session_name\": null")
        );
    }
}
