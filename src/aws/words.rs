//! What is said of a call that AWS did not answer, and of credentials that are not there: in the words
//! of our users. What the libraries below say of it goes to the log.

use std::error::Error;
use std::io;

use aws_sdk_ec2::error::SdkError;

use super::class::Credential;
use super::profile::Profile;

/// Where nobody is signed in.
pub(super) const SIGNED_OUT: &str =
    "not signed in to AWS: no credentials in the environment, in ~/.aws, or of a role";

/// What went wrong on the way to AWS, or back; `None` where AWS itself said something.
pub(super) fn of_the_way<E>(error: &SdkError<E>) -> Option<String>
where
    E: Error + Send + Sync + 'static,
{
    match error {
        SdkError::TimeoutError(_) => Some("AWS did not answer in time".to_owned()),
        SdkError::DispatchFailure(_) => {
            Some(format!("AWS cannot be reached: {}", of_connection(error)))
        }
        SdkError::ResponseError(_) => {
            Some(format!("AWS's answer was not whole: {}", innermost(error)))
        }
        SdkError::ConstructionFailure(_) => {
            Some(format!("the request cannot be made: {}", innermost(error)))
        }
        _ => None,
    }
}

/// What is wrong with credentials that were not refused by AWS.
pub(super) fn of_credentials(
    credential: Credential,
    error: &(dyn Error + 'static),
    profile: &Profile,
) -> Option<String> {
    let name = profile.name.as_deref().unwrap_or("default");
    match credential {
        Credential::Missing => Some(SIGNED_OUT.to_owned()),
        Credential::SsoLogin => Some(format!("the profile {name} is not signed in to AWS")),
        Credential::Expired => Some("the credentials have expired".to_owned()),
        Credential::Broken => {
            let why = innermost(error);
            // What a `credential_process` says of it, and not what the SDK says around that.
            let why = why.split_once("Stderr: ").map_or(why.as_str(), |(_, said)| said);
            let why = if why.trim().is_empty() { "its credential_process failed" } else { why };
            Some(format!("the profile {name} gives no credentials: {why}"))
        }
        Credential::Rejected | Credential::OtherAccount => None,
    }
}

/// Why there is no connection: what the system says of it, else whatever is known closest to it.
fn of_connection(error: &(dyn Error + 'static)) -> String {
    let links = || links(error);
    if links().any(|link| link.to_string().contains("dns error")) {
        return "its name is not found: is this machine online?".to_owned();
    }
    let kinds = links().filter_map(|link| Some(link.downcast_ref::<io::Error>()?.kind()));
    let of_system = kinds.filter(|kind| *kind != io::ErrorKind::Other);
    of_system.last().map_or_else(|| innermost(error), |kind| kind.to_string())
}

/// What lies behind all the others.
fn innermost(error: &(dyn Error + 'static)) -> String {
    links(error).last().map(ToString::to_string).unwrap_or_default()
}

/// An error and everything behind it.
pub(super) fn links<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |link| {
        let link: &'a (dyn Error + 'static) = *link;
        link.source()
    })
}
