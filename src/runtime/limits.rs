//! How many files this process may have open. Each node that is looked after, and each that is
//! deployed to, is a connection, and each of those is an open file; what shells give is 1024, or 256
//! on macOS.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What macOS allows at most, where it says that there is no limit (OPEN_MAX; setrlimit(2) there).
const OPEN_MAX: u64 = 10_240;
/// What is kept for all but the connections to nodes: AWS, the journal, the logs.
const SPARE: u64 = 256;

/// Raises the limit as far as the system lets it. Answers how many files may be open.
pub(super) fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raise = |current| setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum });
    if raise(limit.maximum).is_err() {
        // Refused as well, it stays as it was.
        let _ = raise(Some(limit.maximum.map_or(OPEN_MAX, |most| most.min(OPEN_MAX))));
    }
    open_files()
}

/// How many files may be open.
pub(super) fn open_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many connections to nodes may be held open at rest, so that as many again can be made.
pub(super) fn held_connections() -> usize {
    usize::try_from(open_files().saturating_sub(SPARE) / 2).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_and_half_of_the_rest_is_held() {
        let raised = raise_open_files();
        let most = getrlimit(Resource::Nofile).maximum;
        assert!(most.is_none_or(|most| raised == most.min(raised.max(OPEN_MAX))), "{raised}");
        assert!(held_connections() as u64 <= raised / 2);
    }
}
