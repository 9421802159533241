//! Brings files from nodes: into one folder a node, each file verified. What is here already and is
//! right is not brought again, so that whoever was cut off goes on.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::node_access::{NodeAccess, NodeTarget};
use crate::fleet::{CommandResult, Failure, FailureKind, Instance, Pull, Step};
use crate::jobs::context::reporter::Reporter;
use crate::retry::CUT_RETRIES;
use crate::ssh::{Listing, Session, SshError, UnpackError, Unpacked, unpack};

/// Pieces of an archive that wait to be unpacked: while they do, the far side waits too.
const WAITING: usize = 16;

/// What was brought from a node so far.
#[derive(Debug, Default)]
struct Brought {
    here: usize,
    unpacked: Unpacked,
}

/// Brings them from one node.
pub(super) async fn pull_from(
    nodes: &NodeAccess,
    pull: &Pull,
    instance: &Instance,
    reporter: &Reporter,
) -> Result<CommandResult, Failure> {
    let target = NodeTarget::of(instance)?;
    let folder = pull.to.join(target.machine.id.as_str());
    let say = |text: String| reporter.printed(&instance.key, text);
    let (mut cuts, mut brought) = (CUT_RETRIES, Brought::default());
    let listing = loop {
        let session = nodes.session(&target).await?;
        let done = once(&session, pull, &folder, &mut brought, reporter, instance).await;
        session.close().await;
        match done {
            Err(Trouble::Cut(error)) if cuts > 0 => {
                cuts -= 1;
                say(format!("{error}: going on with what is missing")).await;
            }
            Err(Trouble::Cut(error)) => return Err(error.failure()),
            Err(Trouble::Final(failure)) => return Err(failure),
            Ok(listing) => break listing,
        }
    };
    for odd in &listing.odd {
        say(format!("not brought: {odd}")).await;
    }
    for changed in &brought.unpacked.changed {
        say(format!("not brought: {changed} was written to meanwhile")).await;
    }
    let missing = listing.files.len().saturating_sub(brought.here + brought.unpacked.files.len());
    let (count, bytes) = (brought.unpacked.files.len(), brought.unpacked.bytes);
    let before =
        if brought.here > 0 { format!(", {} were here", brought.here) } else { String::new() };
    let lacks = if missing > 0 { format!(", {missing} are missing") } else { String::new() };
    let end = format!("{count} files, {bytes} bytes in {}{before}{lacks}", folder.display());
    Ok(CommandResult { went_well: missing == 0 && listing.odd.is_empty(), end })
}

/// Why a visit came to nothing.
#[derive(Debug)]
enum Trouble {
    /// The connection was lost: another one may go on.
    Cut(SshError),
    Final(Failure),
}

impl From<SshError> for Trouble {
    fn from(error: SshError) -> Self {
        if matches!(error, SshError::Cut { .. }) {
            return Self::Cut(error);
        }
        Self::Final(error.failure())
    }
}

/// One visit: what is there, and what of it is missing here.
async fn once(
    session: &Session,
    pull: &Pull,
    folder: &Path,
    brought: &mut Brought,
    reporter: &Reporter,
    instance: &Instance,
) -> Result<Listing, Trouble> {
    let listing = session.list_files(&pull.paths).await?;
    let looked = {
        let (listing, folder) = (listing.clone(), folder.to_owned());
        spawn_blocking(move || fs::create_dir_all(&folder).map(|()| listing.missing_in(&folder)))
    };
    let looked = looked.await.map_err(internal)?;
    let missing = looked.map_err(|error| Trouble::Final(disk(folder, &error)))?;
    let already = listing.files.len() - missing.files.len();
    brought.here = already.saturating_sub(brought.unpacked.files.len());
    if missing.files.is_empty() {
        return Ok(listing);
    }
    let text = format!("{} of {} files are brought", missing.files.len(), listing.files.len());
    reporter.printed(&instance.key, text).await;
    let (sender, receiver) = mpsc::channel(WAITING);
    let unpacking = {
        let (missing, folder, most) =
            (missing.clone(), folder.to_owned(), pull.most.saturating_sub(brought.unpacked.bytes));
        spawn_blocking(move || {
            let mut unpacked = Unpacked::default();
            let done = unpack(Pieces::new(receiver), &folder, &missing, most, &mut unpacked);
            (unpacked, done)
        })
    };
    let fetched = session.fetch(&missing, sender).await;
    let (unpacked, done) = unpacking.await.map_err(internal)?;
    brought.unpacked.files.extend(unpacked.files);
    brought.unpacked.changed = unpacked.changed;
    brought.unpacked.bytes += unpacked.bytes;
    // An archive that broke off says so, too: why it did comes first.
    fetched?;
    done.map_err(|error| Trouble::Final(refused(&error)))?;
    Ok(listing)
}

fn internal(panic: tokio::task::JoinError) -> Trouble {
    Trouble::Final(Failure::internal(panic))
}

/// Why what came was not unpacked, and at whom one has to look for it.
fn refused(error: &UnpackError) -> Failure {
    let hint = match error {
        UnpackError::Disk { path, source } => return disk(path, source),
        UnpackError::TooMuch { .. } => {
            "what came whole until then is here; `pull --most GIB` brings more"
        }
        UnpackError::Hostile { .. } | UnpackError::Archive(_) => {
            "what came whole until then is here; look at the node"
        }
    };
    Failure::new(FailureKind::Node, Step::Verify, error.to_string(), hint)
}

/// A file or a folder on this side, which no node has to do with.
fn disk(path: &Path, error: &io::Error) -> Failure {
    let why = format!("{}: {error}", path.display());
    let hint = "it is the disk of this machine: make room, or name another folder with `pull --to`; \
                what came whole is not brought again";
    Failure::new(FailureKind::LocalDisk, Step::State, why, hint)
}

/// The pieces of an archive as one text, for who reads and blocks.
struct Pieces {
    receiver: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Pieces {
    fn new(receiver: mpsc::Receiver<Bytes>) -> Self {
        Self { receiver, piece: Bytes::new() }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_of_this_machine_is_no_failure_of_the_node() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let error = UnpackError::Disk { path: "pulled/i-1/log".into(), source: full };
        let failure = refused(&error);
        assert_eq!(failure.kind, FailureKind::LocalDisk);
        assert!(failure.reason.starts_with("pulled/i-1/log: "), "{failure}");
        assert!(failure.hint.contains("disk of this machine"), "{failure}");
        assert!(!failure.to_string().contains("look at the node"), "{failure}");
    }

    #[test]
    fn who_has_more_than_may_be_brought_reads_which_option_allows_it() {
        let failure = refused(&UnpackError::TooMuch { most: 1 << 30 });
        assert!(failure.hint.contains("--most"), "{failure}");
        let hostile = UnpackError::Hostile { name: "x".into(), why: "nobody asked for it" };
        assert!(refused(&hostile).hint.ends_with("look at the node"));
    }
}
