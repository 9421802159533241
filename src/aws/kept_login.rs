//! What the logins have in common that lie in a file of the AWS CLI's: why nobody is signed in, and how
//! to read a file that somebody may be writing.

use std::error::Error;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

/// How long a file that cannot be read may be in the making: the AWS CLI truncates before it writes.
const MAKING: Duration = Duration::from_millis(100);

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignedOut {
    /// Nobody ever was, or somebody signed out.
    #[error("there is no login of this profile")]
    Never,
    /// It ended, and cannot be renewed.
    #[error("the login ended at {0}")]
    Ended(Timestamp),
    /// The service renews it no more: the session behind it is over.
    #[error("the session of the login is over")]
    Over(#[source] Box<dyn Error + Send + Sync>),
}

/// Reads a login; where it cannot be read, once more a moment later.
pub(super) async fn read_twice<T>(read: impl Fn() -> Option<T>) -> Option<T> {
    if let Some(login) = read() {
        return Some(login);
    }
    sleep(MAKING).await;
    read()
}
