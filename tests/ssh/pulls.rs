//! Files from a host: listed, brought, verified; what is here is not brought again, and what a host
//! should not send is not taken.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::symlink;
use std::path::Path;

use bytes::{Buf as _, Bytes};
use spot_tui::ssh::{HostKeyCheck, Listing, Session, SshError, UnpackError, Unpacked, unpack};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::uploads::{assert_same, folder};
use super::{User, in_time, logged_in};
use crate::support::cut::Cut;
use crate::support::keys::Key;
use crate::support::sshd::Sshd;

/// What a session sends, for who reads and blocks.
struct Pieces(mpsc::Receiver<Bytes>, Bytes);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.1.is_empty() {
            match self.0.blocking_recv() {
                Some(piece) => self.1 = piece,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.1.len());
        self.1.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// Brings these files, and what came of it on both sides.
pub(super) async fn bring(
    session: &Session,
    listing: &Listing,
    into: &Path,
) -> (Result<(), SshError>, Result<(), UnpackError>, Unpacked) {
    let (sender, receiver) = mpsc::channel(16);
    let (listing_there, into) = (listing.clone(), into.to_owned());
    let unpacking = spawn_blocking(move || {
        let mut unpacked = Unpacked::default();
        let pieces = Pieces(receiver, Bytes::new());
        let done = unpack(pieces, &into, &listing_there, 1 << 30, &mut unpacked);
        (done, unpacked)
    });
    let fetched = in_time(session.fetch(listing, sender)).await;
    let (done, unpacked) = unpacking.await.unwrap();
    (fetched, done, unpacked)
}

/// A folder of a host's with all that a folder may have.
fn furnish(host: &Sshd, bytes: usize) -> tempfile::TempDir {
    let there = host.root().join("tmp/results");
    let made = folder(bytes);
    let copied =
        std::process::Command::new("cp").arg("-a").arg(made.path()).arg(&there).status().unwrap();
    assert!(copied.success());
    let opened = std::process::Command::new("chmod").args(["-R", "a+rX"]).arg(&there).status();
    assert!(opened.unwrap().success());
    // They lead out of it, and are passed over.
    symlink("/etc/passwd", there.join("out")).unwrap();
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_comes_as_it_is_and_only_what_is_missing_comes_again() {
    let (host, session) = logged_in().await;
    let made = furnish(&host, 3 << 20);
    let paths = ["/tmp/results".to_owned(), "/etc/hostname".to_owned()];
    fs::write(host.root().join("etc/hostname"), "a-node\n").unwrap();
    let listing = in_time(session.list_files(&paths)).await.unwrap();
    assert_eq!(listing.odd, Vec::<String>::new());
    let into = tempfile::tempdir().unwrap();
    let (fetched, done, unpacked) = bring(&session, &listing, into.path()).await;
    fetched.unwrap();
    done.unwrap();
    assert_eq!(unpacked.files.len(), listing.files.len());
    assert_eq!(fs::read_to_string(into.path().join("etc/hostname")).unwrap(), "a-node\n");
    assert!(!into.path().join("tmp/results/out").exists(), "no link comes");
    assert!(listing.missing_in(into.path()).files.is_empty());

    // The user spoilt one, and removed another.
    fs::write(into.path().join("tmp/results/data/3/noise.bin"), "spoilt").unwrap();
    fs::remove_file(into.path().join("tmp/results/data/4/noise.bin")).unwrap();
    let missing = listing.missing_in(into.path());
    let names: BTreeSet<&str> = missing.files.keys().map(String::as_str).collect();
    let wanted = ["tmp/results/data/3/noise.bin", "tmp/results/data/4/noise.bin"];
    assert_eq!(names, BTreeSet::from(wanted));
    let (fetched, done, unpacked) = bring(&session, &missing, into.path()).await;
    fetched.unwrap();
    done.unwrap();
    assert_eq!(unpacked.files.len(), 2);
    for name in ["data", "deep"] {
        plain_modes(&made.path().join(name));
        plain_modes(&into.path().join("tmp/results").join(name));
        assert_same(&made.path().join(name), &into.path().join("tmp/results").join(name));
    }
}

/// Modes are not brought.
fn plain_modes(folder: &Path) {
    let changed =
        std::process::Command::new("chmod").args(["-R", "u=rwX,go="]).arg(folder).status();
    assert!(changed.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_and_what_cannot_be_read_is_left_out() {
    let (host, session) = logged_in().await;
    let missing = in_time(session.list_files(&["/tmp/nothing".to_owned()])).await.unwrap_err();
    assert!(missing.to_string().contains("there is no such file"), "{missing}");
    let odd = host.root().join("tmp/odd");
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join("good"), "good").unwrap();
    fs::write(odd.join("back\\slash"), "bad").unwrap();
    let listing = in_time(session.list_files(&["/tmp/odd".to_owned()])).await.unwrap();
    assert_eq!(listing.files.keys().collect::<Vec<_>>(), ["tmp/odd/good"]);
    assert!(!listing.odd.is_empty(), "{listing:?}");
    let into = tempfile::tempdir().unwrap();
    let (fetched, done, _) = bring(&session, &listing, into.path()).await;
    fetched.unwrap();
    done.unwrap();
    assert_eq!(fs::read_to_string(into.path().join("tmp/odd/good")).unwrap(), "good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_leaves_what_came_whole_and_the_next_connection_brings_the_rest() {
    let key = Key::ed25519();
    let host = Sshd::accepting(&key);
    furnish(&host, 8 << 20);
    let user = User::with_key(&key);
    let paths = ["/tmp/results".to_owned()];
    let session = user.log_in(&host).await.unwrap();
    let listing = in_time(session.list_files(&paths)).await.unwrap();
    let into = tempfile::tempdir().unwrap();

    let cut = Cut::answers(host.address(), 4 << 20);
    let cut_off = user.log_in_at(cut.address(), HostKeyCheck::First).await.unwrap();
    let (fetched, done, unpacked) = bring(&cut_off, &listing, into.path()).await;
    assert!(matches!(fetched, Err(SshError::Cut { .. })), "{fetched:?}");
    assert!(matches!(done, Err(UnpackError::Archive(_))), "{done:?}");
    let came = unpacked.files.len();
    assert!(came > 0 && came < listing.files.len(), "{came}");

    let missing = listing.missing_in(into.path());
    assert_eq!(missing.files.len(), listing.files.len() - came);
    let (fetched, done, unpacked) = bring(&session, &missing, into.path()).await;
    fetched.unwrap();
    done.unwrap();
    assert_eq!(unpacked.files.len(), missing.files.len());
    assert!(listing.missing_in(into.path()).files.is_empty());
}
