//! Reading the user's AWS profile, and seeing that it exists.

use std::io;
use std::path::{Path, PathBuf};

use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_ec2::config::Credentials;

use super::class::{Class, Credential};
use super::credential_process;
use super::error::AwsError;
use super::kept_role;
use super::login_session;
use super::profile::{LoginSession, Mfa, Profile, Sso};
use super::profiles::Profiles;
use super::sso::token_file::TokenFiles;
use crate::files::{MOST, in_home, read_bounded};

/// The least that brings a login that is renewed by itself (AWS CLI, "sso_registration_scopes").
const LEAST_SCOPE: &str = "sso:account:access";
/// The variables that name a profile, in the order of the AWS CLI.
const NAMED_BY: [&str; 2] = ["AWS_DEFAULT_PROFILE", "AWS_PROFILE"];

/// The variables that name a region, in the order of the AWS CLI.
const REGION_BY: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// A profile, and what the SDK is told of it.
#[derive(Debug, Clone)]
pub(super) struct ReadProfile {
    /// The profile.
    pub profile: Profile,
    /// The file that the SDK gets in place of the user's.
    pub files: EnvConfigFiles,
    /// The profile's name in that file.
    pub name: String,
    /// Whether keys in the environment serve, whatever the files say.
    pub has_keys: bool,
}

/// Reads the profile with this name; else the one that the environment names, else the default.
///
/// A profile that does not exist is refused here: the SDK would only notice at the first call, and
/// first look for credentials on the network.
pub(super) fn read_profile(name: Option<&str>) -> Result<ReadProfile, AwsError> {
    read_profile_with(name, None)
}

/// The same, where these are the keys of the session that `aws login` keeps for it.
pub(super) fn read_profile_with(
    name: Option<&str>,
    session_keys: Option<&Credentials>,
) -> Result<ReadProfile, AwsError> {
    let config = read("AWS_CONFIG_FILE", "~/.aws/config")?;
    let credentials = read("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")?;
    let profiles = Profiles::read(&config, &credentials);
    let chosen = name.map(str::to_owned).or_else(named_profile);
    let is_named = name.is_some();
    let chosen = chosen.unwrap_or_else(|| "default".to_owned());
    if !profiles.has(&chosen) && chosen != "default" {
        return Err(no_such_profile(&chosen, &profiles));
    }
    let has_keys = !is_named && set("AWS_ACCESS_KEY_ID").is_some();
    if let Some(line) = profiles.wrong_for(&chosen).filter(|_| !has_keys) {
        let message = format!("{line} cannot be read: it is no setting");
        return Err(broken(message, "write it as `name = value`, or as a comment"));
    }
    let (text, name) = profiles.for_sdk(&chosen, credential_process::line_for);
    let mut files = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, text);
    if let (Some(keys), Some((_, _, of))) = (session_keys, profiles.login_session(&chosen)) {
        files = files.with_contents(EnvConfigFileKind::Credentials, key_lines(&of, keys));
    }
    let profile = profile(&profiles, &chosen);
    Ok(ReadProfile { profile, files: files.build(), name, has_keys })
}

/// The names of the profiles in the user's files; none of files that cannot be read.
pub fn profiles() -> Vec<String> {
    let config = read("AWS_CONFIG_FILE", "~/.aws/config").unwrap_or_default();
    let credentials = read("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials").unwrap_or_default();
    Profiles::read(&config, &credentials).names().map(str::to_owned).collect()
}

/// Whether a person signs in by a profile: with a code of a device, or on a page.
pub fn signs_in_here(profile: Option<&str>) -> bool {
    read_profile(profile).is_ok_and(|read| !read.has_keys && read.profile.signs_in())
}

/// The profile that the environment names.
pub fn named_profile() -> Option<String> {
    NAMED_BY.into_iter().find_map(set)
}

/// What a variable says.
fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A profile of the SDK's with these keys.
fn key_lines(name: &str, keys: &Credentials) -> String {
    format!(
        "[{name}]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
        keys.access_key_id(),
        keys.secret_access_key(),
        keys.session_token().unwrap_or_default()
    )
}

/// The files in which a login leaves its trace: those of the profiles, and what the profile's own login
/// keeps.
pub(super) fn login_files(name: Option<&str>) -> Vec<PathBuf> {
    let profiles = [
        path("AWS_CONFIG_FILE", "~/.aws/config"),
        path("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    ];
    let profile = read_profile(name).map(|read| read.profile).unwrap_or_default();
    let token = profile.sso.as_ref().map(|sso| TokenFiles::of(sso).token_path().to_owned());
    let role = profile.mfa.as_ref().map(kept_role::file);
    let session = profile.login_session.as_ref().map(login_session::path);
    profiles.into_iter().chain(token).chain(role).chain(session).collect()
}

fn profile(profiles: &Profiles, chosen: &str) -> Profile {
    let setting = |key: &str| profiles.setting(chosen, key).map(str::to_owned);
    Profile {
        name: (chosen != "default").then(|| chosen.to_owned()),
        region: setting("region"),
        ca_bundle: setting("ca_bundle"),
        sso: signs_in(profiles, chosen),
        login_session: login_session(profiles, chosen),
        mfa: mfa(profiles, chosen),
    }
}

/// How a profile signs in; where it takes a role, how the profile does that it takes it from.
fn signs_in(profiles: &Profiles, chosen: &str) -> Option<Sso> {
    let names = profiles.chain(chosen);
    let names_it = |name: &&str| {
        ["sso_session", "sso_start_url"].iter().any(|key| profiles.setting(name, key).is_some())
    };
    let name = names.into_iter().find(names_it)?;
    let setting = |key: &str| profiles.setting(name, key).map(str::to_owned);
    let Some(session) = setting("sso_session") else {
        let (start_url, region) = (setting("sso_start_url")?, setting("sso_region")?);
        return Some(Sso { session: None, start_url, region, scopes: Vec::new() });
    };
    let of_session = |key: &str| profiles.of_session(&session, key).map(str::to_owned);
    let (start_url, region) = (of_session("sso_start_url")?, of_session("sso_region")?);
    let told = of_session("sso_registration_scopes").unwrap_or_else(|| LEAST_SCOPE.to_owned());
    let scopes = told.split(',').map(str::trim).filter(|scope| !scope.is_empty());
    let scopes = scopes.map(str::to_owned).collect();
    Some(Sso { session: Some(session), start_url, region, scopes })
}

/// The session whose keys a profile uses, or the one does that it takes its role from.
fn login_session(profiles: &Profiles, chosen: &str) -> Option<LoginSession> {
    let (name, arn, _) = profiles.login_session(chosen)?;
    Some(LoginSession {
        arn,
        profile: (name != "default").then(|| name.to_owned()),
        // In the order of the AWS CLI, which signs in and renews there.
        region: REGION_BY
            .into_iter()
            .find_map(set)
            .or_else(|| profiles.setting(name, "region").map(str::to_owned)),
    })
}

/// The role that a profile takes with a code from a device.
fn mfa(profiles: &Profiles, chosen: &str) -> Option<Mfa> {
    let setting = |key: &str| profiles.setting(chosen, key).map(str::to_owned);
    Some(Mfa {
        serial: setting("mfa_serial")?,
        role: setting("role_arn")?,
        source: setting("source_profile")?,
        session: setting("role_session_name"),
        external_id: setting("external_id"),
        seconds: setting("duration_seconds").and_then(|told| told.parse().ok()),
    })
}

/// The text of a file; empty where there is none. One that is not UTF-8 is read as far as it goes.
fn read(variable: &str, usual: &str) -> Result<String, AwsError> {
    let path = path(variable, usual);
    match read_bounded(&path, MOST) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => {
            let message = format!("{}: {error}", path.display());
            Err(broken(message, format!("mend it, or name another file with {variable}")))
        }
    }
}

fn path(variable: &str, usual: &str) -> PathBuf {
    let named = set(variable);
    in_home(Path::new(named.as_deref().unwrap_or(usual)), std::env::home_dir().as_deref())
}

fn broken(message: impl Into<String>, hint: impl Into<String>) -> AwsError {
    let class = Class::Credentials(Credential::Broken);
    AwsError::found("reading the AWS profiles", None, class, message, hint)
}

fn no_such_profile(name: &str, profiles: &Profiles) -> AwsError {
    let known: Vec<&str> = profiles.names().collect();
    let hint = if known.is_empty() {
        "there is no profile at all: run aws configure".into()
    } else {
        format!("the profiles are: {}", known.join(", "))
    };
    AwsError::found(
        "choosing the AWS profile",
        None,
        Class::Credentials(Credential::Broken),
        format!("there is no profile '{name}' in ~/.aws/config or ~/.aws/credentials"),
        hint,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_that_does_not_exist_is_refused_before_any_call() {
        let error = read_profile(Some("spot-tui-no-such-profile")).unwrap_err();
        assert_eq!(error.class, Class::Credentials(Credential::Broken));
        assert!(error.to_string().contains("'spot-tui-no-such-profile'"), "{error}");
        assert!(error.hint().contains("profile"), "{}", error.hint());
    }
}
