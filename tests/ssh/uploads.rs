//! Bundles: byte for byte with their modes, or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use spot_tui::fleet::{Step, Transfer};
use spot_tui::ssh::{Bundle, HostKeyCheck, Operation, Source, SshError};

use super::{User, in_time, lines, logged_in};
use crate::support::cut::Cut;
use crate::support::keys::Key;
use crate::support::sshd::{Sshd, SshdOptions};

const FOLDER: &str = "/tmp/spot-tui";

/// Bytes that do not compress, the same each time.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(length)
    .collect()
}

/// A folder of some megabytes with all that a folder may have.
pub(super) fn folder(bytes: usize) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let put = |name: &str, mode: u32, content: &[u8]| {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for part in 0..20 {
        put(&format!("data/{part}/noise.bin"), 0o644, &noise(bytes / 20, part));
    }
    put("scripts/run me.sh", 0o755, b"#!/bin/sh\n");
    put("scripts/näme", 0o600, b"");
    put(&format!("deep/{}/end", "folder/".repeat(30)), 0o444, b"x");
    put(&format!("{}.txt", "long".repeat(50)), 0o640, b"long");
    put("orchestrator_token", 0o600, b"secret");
    fs::create_dir(root.path().join("empty")).unwrap();
    symlink("../data/1/noise.bin", root.path().join("scripts/link")).unwrap();
    root
}

fn source(folder: &Path) -> Source {
    Source::Folder { local: folder.into(), remote: "files".into(), mode: None }
}

/// Every path below a folder with its mode and its content.
fn tree(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = if meta.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else if meta.is_dir() {
                folders.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            let name = path.strip_prefix(root).unwrap().to_owned();
            found.insert(name, (meta.permissions().mode(), content));
        }
    }
    found
}

/// Two folders are the same; else the paths, modes and sizes that differ.
pub(super) fn assert_same(there: &Path, here: &Path) {
    let (there, here) = (tree(there), tree(here));
    let differs = |name: &&PathBuf| there.get(*name) != here.get(*name);
    let shown = |(mode, content): &(u32, Vec<u8>)| format!("{mode:o} {}", content.len());
    let names: BTreeSet<&PathBuf> = there.keys().chain(here.keys()).filter(differs).collect();
    let different: Vec<_> = names
        .into_iter()
        .map(|name| (name, there.get(name).map(shown), here.get(name).map(shown)))
        .collect();
    assert!(different.is_empty(), "{different:#?}");
}

async fn upload(
    session: &spot_tui::ssh::Session,
    bundle: &Bundle,
) -> Result<Vec<Transfer>, SshError> {
    let mut progress = Vec::new();
    in_time(session.upload(bundle, FOLDER, |transfer| progress.push(transfer))).await?;
    Ok(progress)
}

#[tokio::test]
async fn a_bundle_arrives_byte_for_byte_with_its_modes() {
    let (host, session) = logged_in().await;
    let local = folder(5 << 20);
    let node = Source::Bytes { path: "node/id".into(), mode: 0o640, content: Bytes::from("i-1\n") };
    let bundle = Bundle::collect(vec![source(local.path()), node]).await.unwrap();
    assert!(bundle.size() > 5 << 20 && bundle.files() == 27, "{bundle:?}");

    let progress = upload(&session, &bundle).await.unwrap();
    let there = host.root().join("tmp/spot-tui");
    assert_same(&there.join("files"), local.path());
    assert_eq!(fs::read(there.join("node/id")).unwrap(), b"i-1\n");
    assert_eq!(fs::metadata(&there).unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(fs::read_dir(&there).unwrap().count(), 2, "the archive is removed");

    assert!(progress.len() > 10, "{progress:?}");
    assert!(progress.is_sorted_by_key(|transfer| transfer.sent));
    assert_eq!(progress[0], Transfer { sent: 0, total: bundle.size() });
    let finished = progress.iter().filter(|transfer| transfer.percent() == 100).count();
    assert_eq!(finished, 1);
}

#[tokio::test]
async fn a_host_with_nothing_but_busybox_takes_it_too() {
    let key = Key::ed25519();
    let host = Sshd::accepting(&key);
    let passwd = host.root().join("etc/passwd");
    let text = fs::read_to_string(&passwd).unwrap();
    fs::write(&passwd, text.replace("/bin/bash", "/bin/ash")).unwrap();
    let session = User::with_key(&key).log_in(&host).await.unwrap();
    let local = folder(100_000);
    let bundle = Bundle::collect(vec![source(local.path())]).await.unwrap();
    upload(&session, &bundle).await.unwrap();
    assert_same(&host.root().join("tmp/spot-tui/files"), local.path());
}

#[tokio::test]
async fn one_bundle_goes_to_several_hosts_at_once() {
    let key = Key::ed25519();
    let hosts: Vec<Sshd> = (0..3).map(|_| Sshd::accepting(&key)).collect();
    let local = folder(1 << 20);
    let bundle = Arc::new(Bundle::collect(vec![source(local.path())]).await.unwrap());
    let mut sending = Vec::new();
    for host in &hosts {
        let session = User::with_key(&key).log_in(host).await.unwrap();
        let bundle = Arc::clone(&bundle);
        sending.push(tokio::spawn(async move { upload(&session, &bundle).await.map(drop) }));
    }
    for task in sending {
        task.await.unwrap().unwrap();
    }
    for host in &hosts {
        assert_same(&host.root().join("tmp/spot-tui/files"), local.path());
    }
}

#[tokio::test]
async fn a_second_upload_leaves_nothing_of_the_first() {
    let (host, session) = logged_in().await;
    let bytes =
        |path: &str| Source::Bytes { path: path.into(), mode: 0o644, content: Bytes::new() };
    for name in ["first", "second"] {
        let bundle = Bundle::collect(vec![bytes(name)]).await.unwrap();
        upload(&session, &bundle).await.unwrap();
    }
    let there = tree(&host.root().join("tmp/spot-tui"));
    assert_eq!(there.keys().collect::<Vec<_>>(), [Path::new("second")]);
}

#[tokio::test]
async fn a_folder_of_somebody_else_is_not_used() {
    let (host, session) = logged_in().await;
    let bundle = Bundle::collect(vec![source(folder(1000).path())]).await.unwrap();
    lines(&session, "sudo mkdir -m 777 /tmp/spot-tui; sudo touch /tmp/spot-tui/theirs").await;
    let error = upload(&session, &bundle).await.unwrap_err();
    assert!(error.to_string().contains("belongs to somebody else"), "{error}");
    assert!(host.root().join("tmp/spot-tui/theirs").exists());

    lines(&session, "sudo rm -r /tmp/spot-tui; mkdir /tmp/real; ln -s real /tmp/spot-tui").await;
    let error = upload(&session, &bundle).await.unwrap_err();
    assert!(error.to_string().contains("belongs to somebody else"), "{error}");
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_hangs() {
    // The first disk has no room for the archive, the second none for what is in it.
    for kib in [512, 3 * 1024] {
        let key = Key::ed25519();
        let host = Sshd::start(&SshdOptions {
            accept: vec![key.public()],
            small_disk: Some(("/tmp", kib)),
            ..SshdOptions::default()
        });
        let session = User::with_key(&key).log_in(&host).await.unwrap();
        let local = folder(2 << 20);
        let bundle = Bundle::collect(vec![source(local.path())]).await.unwrap();
        let error = upload(&session, &bundle).await.unwrap_err();
        let SshError::DiskFull { bytes, path, .. } = &error else { panic!("{kib}: {error}") };
        assert_eq!((*bytes, path.as_str()), (bundle.size() + bundle.bytes(), FOLDER));
        assert!(!error.is_retryable());
        assert_eq!(error.failure().step, Step::Upload);
        assert_eq!(lines(&session, "echo well").await, ["well"]);
        let left = lines(&session, "ls -A /tmp/spot-tui | grep -c bundle || true").await;
        assert_eq!(left, ["0"], "the archive is removed");
    }
}

#[tokio::test]
async fn a_cut_in_the_middle_is_told_and_the_next_attempt_works() {
    let key = Key::ed25519();
    let host = Sshd::accepting(&key);
    let local = folder(4 << 20);
    let bundle = Bundle::collect(vec![source(local.path())]).await.unwrap();
    let proxy = Cut::times(host.address(), 2 << 20, 1);
    let user = User::with_key(&key);
    let session = user.log_in_at(proxy.address(), HostKeyCheck::First).await.unwrap();
    let error = upload(&session, &bundle).await.unwrap_err();
    assert!(matches!(error, SshError::Cut { operation: Operation::Upload, .. }), "{error}");
    assert!(error.is_retryable());
    assert_eq!(proxy.cuts(), 1);

    let session = user.log_in_at(proxy.address(), HostKeyCheck::First).await.unwrap();
    upload(&session, &bundle).await.unwrap();
    assert_same(&host.root().join("tmp/spot-tui/files"), local.path());
}

/// Cut off, it still reads, sums and cleans up while the next attempt is under way.
#[tokio::test]
async fn an_attempt_before_that_ends_late_takes_nothing_away() {
    let (host, session) = logged_in().await;
    host.stub(
        "sha256sum",
        "until_there() { until [ -e \"$1\" ]; do sleep 0.05; done; }\n\
         if mkdir /tmp/first 2>/dev/null\n\
         then until_there /tmp/second; cat >/dev/null; echo 'e3b0c442  -'\n\
         else mkdir /tmp/second; until_there /tmp/third; exec busybox sha256sum; fi",
    );
    let local = folder(1000);
    let bundle = Bundle::collect(vec![source(local.path())]).await.unwrap();
    let first = async {
        let error = upload(&session, &bundle).await.unwrap_err();
        assert!(matches!(error, SshError::ChecksumMismatch { .. }), "{error}");
        lines(&session, "mkdir /tmp/third").await;
    };
    let second = async {
        lines(&session, "until [ -e /tmp/first ]; do sleep 0.05; done").await;
        upload(&session, &bundle).await.unwrap();
    };
    tokio::join!(first, second);
    assert_same(&host.root().join("tmp/spot-tui/files"), local.path());
    assert_eq!(lines(&session, "ls -A /tmp | grep spot-tui").await, ["spot-tui"]);
}

#[tokio::test]
async fn a_path_that_always_breaks_ends_each_attempt() {
    let key = Key::ed25519();
    let host = Sshd::accepting(&key);
    let bundle = Bundle::collect(vec![source(folder(2 << 20).path())]).await.unwrap();
    let proxy = Cut::after(host.address(), 1 << 20);
    let user = User::with_key(&key);
    for attempt in 1..=2 {
        let session = user.log_in_at(proxy.address(), HostKeyCheck::First).await.unwrap();
        let error = upload(&session, &bundle).await.unwrap_err();
        assert!(matches!(error, SshError::Cut { .. }), "{error}");
        assert_eq!(proxy.cuts(), attempt);
    }
    let session = user.log_in(&host).await.unwrap();
    lines(&session, "while ls -A /tmp/spot-tui | grep -q bundle; do sleep 0.05; done").await;
}

#[tokio::test]
async fn a_host_that_dies_in_the_middle_is_a_cut() {
    let key = Key::ed25519();
    let mut host = Sshd::accepting(&key);
    let session = User::with_key(&key).log_in(&host).await.unwrap();
    let bundle = Bundle::collect(vec![source(folder(8 << 20).path())]).await.unwrap();
    let mut killed = false;
    let error = in_time(session.upload(&bundle, FOLDER, |transfer| {
        if transfer.sent > 0 && !killed {
            killed = true;
            host.kill();
        }
    }));
    let error = error.await.unwrap_err();
    assert!(matches!(error, SshError::Cut { operation: Operation::Upload, .. }), "{error}");
}

#[tokio::test]
async fn damage_is_noticed_before_anything_is_unpacked() {
    let (host, session) = logged_in().await;
    host.stub("sha256sum", "cat >/dev/null; echo 'e3b0c44298fc1c149afbf4c8996fb924  -'");
    let bundle = Bundle::collect(vec![source(folder(1000).path())]).await.unwrap();
    let error = upload(&session, &bundle).await.unwrap_err();
    assert!(matches!(error, SshError::ChecksumMismatch { .. }), "{error}");
    assert_eq!(tree(&host.root().join("tmp/spot-tui")).len(), 0);
}

#[tokio::test]
async fn what_tar_says_is_told() {
    let (host, session) = logged_in().await;
    host.stub("tar", "echo 'tar: this is broken' >&2; exit 2");
    let bundle = Bundle::collect(vec![source(folder(1000).path())]).await.unwrap();
    let error = upload(&session, &bundle).await.unwrap_err();
    assert!(error.to_string().contains("tar: this is broken"), "{error}");
}
