//! Reading the user's AWS profile, and seeing that it exists.

use std::io;
use std::path::Path;

use aws_config::profile::{self, ProfileSet};

use super::class::{Class, Credential};
use super::error::AwsError;
use super::profile::{Profile, Sso};
use crate::files::{MOST, in_home, open_regular};

/// How many profiles may take their role from another one.
const CHAIN: usize = 8;
/// The least that brings a login that is renewed by itself (AWS CLI, "sso_registration_scopes").
const LEAST_SCOPE: &str = "sso:account:access";

/// Reads the profile with this name; else the one that AWS_PROFILE names, else the default.
///
/// A profile that does not exist is refused here: the SDK would only notice at the first call, and
/// first look for credentials on the network.
pub(super) async fn read_profile(name: Option<&str>) -> Result<Profile, AwsError> {
    check_files()?;
    let profiles = read_all(name).await?;
    let chosen = profiles.selected_profile();
    if profiles.get_profile(chosen).is_none() && chosen != "default" {
        return Err(no_such_profile(chosen, &profiles));
    }
    let setting = |key: &str| {
        profiles.get(key).map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
    };
    Ok(Profile {
        name: (chosen != "default").then(|| chosen.to_owned()),
        region: setting("region"),
        ca_bundle: setting("ca_bundle"),
        sso: sso(&profiles, chosen),
    })
}

/// How a profile signs in; where it takes a role, how the profile does that it takes it from.
fn sso(profiles: &ProfileSet, chosen: &str) -> Option<Sso> {
    let mut name = chosen.to_owned();
    for _ in 0..CHAIN {
        let profile = profiles.get_profile(&name)?;
        let setting = |key: &str| {
            profile.get(key).map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
        };
        if let Some(session) = setting("sso_session") {
            return of_session(profiles, session);
        }
        if let Some(start_url) = setting("sso_start_url") {
            let region = setting("sso_region")?;
            return Some(Sso { session: None, start_url, region, scopes: Vec::new() });
        }
        name = setting("source_profile").filter(|source| *source != name)?;
    }
    None
}

fn of_session(profiles: &ProfileSet, name: String) -> Option<Sso> {
    let session = profiles.sso_session(&name)?;
    let start_url = session.get("sso_start_url")?.trim().to_owned();
    let region = session.get("sso_region")?.trim().to_owned();
    let told = session.get("sso_registration_scopes").unwrap_or(LEAST_SCOPE);
    let scopes = told.split(',').map(str::trim).filter(|scope| !scope.is_empty());
    let scopes = scopes.map(str::to_owned).collect();
    Some(Sso { session: Some(name), start_url, region, scopes })
}

/// The SDK reads these files to their end, whatever they are: a pipe would hang it, and a device fill
/// the memory.
fn check_files() -> Result<(), AwsError> {
    for (variable, usual) in [
        ("AWS_CONFIG_FILE", "~/.aws/config"),
        ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    ] {
        let named = std::env::var(variable).ok().filter(|path| !path.is_empty());
        let named = Path::new(named.as_deref().unwrap_or(usual));
        let path = in_home(named, std::env::home_dir().as_deref());
        match check(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(AwsError::found(
                    "reading the AWS profiles",
                    None,
                    Class::Credentials(Credential::Broken),
                    format!("{}: {error}", path.display()),
                    format!("mend it, or name another file with {variable}"),
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn check(path: &Path) -> io::Result<()> {
    if open_regular(path)?.metadata()?.len() > MOST {
        return Err(io::Error::other(format!("it has more than {} KiB", MOST >> 10)));
    }
    Ok(())
}

#[expect(clippy::default_trait_access, reason = "the SDK has no public names for these types")]
async fn read_all(name: Option<&str>) -> Result<ProfileSet, AwsError> {
    let name = name.map(|name| name.to_owned().into());
    profile::load(&Default::default(), &Default::default(), &Default::default(), name)
        .await
        .map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            AwsError::found(
                "reading the AWS profiles",
                None,
                Class::Credentials(Credential::Broken),
                format!("{error}: {}", cause.unwrap_or_default()),
                "mend ~/.aws/config or ~/.aws/credentials",
            )
        })
}

fn no_such_profile(name: &str, profiles: &ProfileSet) -> AwsError {
    let mut known: Vec<&str> = profiles.profiles().collect();
    known.sort_unstable();
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

    #[tokio::test]
    async fn a_profile_that_does_not_exist_is_refused_before_any_call() {
        let error = read_profile(Some("spot-tui-no-such-profile")).await.unwrap_err();
        assert_eq!(error.class, Class::Credentials(Credential::Broken));
        assert!(error.to_string().contains("'spot-tui-no-such-profile'"), "{error}");
        assert!(error.hint().contains("profile"), "{}", error.hint());
    }
}
