use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use flate2::read::GzDecoder;

use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn write(root: &Path, name: &str, mode: u32, content: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

fn files(local: &Path) -> Source {
    Source::Folder { local: local.into(), remote: "files".into(), mode: None }
}

fn entries(bundle: &Bundle) -> Vec<(String, u32, u64)> {
    let Body::Memory(bytes) = &bundle.body else { panic!("on disk") };
    tar::Archive::new(GzDecoder::new(&bytes[..]))
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            let path = entry.path().unwrap().display().to_string();
            (path, header.mode().unwrap(), header.size().unwrap())
        })
        .collect()
}

#[test]
fn modes_and_order_are_kept_and_credentials_are_closed() {
    let root = folder();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    write(root.path(), "z.sh", 0o755, b"#!/bin/sh\n");
    write(root.path(), "a/orchestrator_token", 0o644, b"secret");
    write(root.path(), "a/b/c", 0o640, b"12345");
    fs::set_permissions(root.path().join("a"), fs::Permissions::from_mode(0o500)).unwrap();
    let generated =
        Source::Bytes { path: "node/id".into(), mode: 0o644, content: Bytes::from_static(b"i") };
    let bundle = pack(&[files(root.path()), generated]).unwrap();
    let listed: Vec<_> =
        entries(&bundle).into_iter().filter(|(path, ..)| path != "files/a/b").collect();
    assert_eq!(
        listed,
        [
            ("files".to_owned(), 0o755, 0),
            ("files/a".to_owned(), 0o700, 0),
            ("files/a/b/c".to_owned(), 0o640, 5),
            ("files/a/orchestrator_token".to_owned(), 0o600, 6),
            ("files/z.sh".to_owned(), 0o755, 10),
            ("node".to_owned(), 0o755, 0),
            ("node/id".to_owned(), 0o644, 1),
        ]
    );
    assert_eq!((bundle.files(), bundle.bytes()), (4, 22));
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let root = folder();
    write(root.path(), "one", 0o644, b"1");
    write(root.path(), "two", 0o644, b"2");
    let sums: Vec<_> = (0..2).map(|_| pack(&[files(root.path())]).unwrap().sha256).collect();
    assert_eq!(sums[0], sums[1]);
    assert_eq!(sums[0].len(), 64);
}

#[test]
fn links_inside_are_kept_and_links_out_are_refused() {
    let root = folder();
    write(root.path(), "sub/real", 0o644, b"x");
    symlink("../sub/real", root.path().join("sub/link")).unwrap();
    let bundle = pack(&[files(root.path())]).unwrap();
    assert_eq!(bundle.files(), 2);

    let refused = |target: &str| {
        let link = root.path().join("sub/out");
        symlink(target, &link).unwrap();
        let error = pack(&[files(root.path())]).unwrap_err();
        fs::remove_file(&link).unwrap();
        error.to_string()
    };
    assert!(refused("../../elsewhere").contains("out of its folder"));
    assert!(refused("/etc/passwd").contains("absolute"));
    assert!(refused("nowhere").contains("does not exist"));
    let name = root.path().file_name().unwrap().to_str().unwrap();
    assert!(refused(&format!("../../{name}/sub/real")).contains("out of its folder"));
}

#[test]
fn what_cannot_be_sent_is_refused_by_name() {
    let root = folder();
    let pipe = root.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    assert!(pack(&[files(root.path())]).unwrap_err().to_string().contains("a pipe"));

    let root = folder();
    fs::write(root.path().join("two\nlines"), b"").unwrap();
    assert!(pack(&[files(root.path())]).unwrap_err().to_string().contains("control character"));

    let missing = root.path().join("missing");
    assert!(matches!(pack(&[files(&missing)]), Err(SshError::File { .. })));
}

#[test]
fn people_30_locks_and_sockets_of_this_machine_are_passed_over_by_name() {
    let root = folder();
    write(root.path(), "notes.txt", 0o644, b"x");
    write(root.path(), ".#folder/kept", 0o644, b"x");
    write(root.path(), "sub/.#file", 0o644, b"me@here.123");
    symlink("me@here.123:1700000000", root.path().join(".#notes.txt")).unwrap();
    let _socket = UnixListener::bind(root.path().join("fsmonitor--daemon.ipc")).unwrap();
    let bundle = pack(&[files(root.path())]).unwrap();
    let sent: Vec<_> = entries(&bundle).into_iter().map(|(path, ..)| path).collect();
    let folders_and_files =
        ["files", "files/.#folder", "files/.#folder/kept", "files/notes.txt", "files/sub"];
    assert_eq!(sent, folders_and_files);
    let mut told = bundle.passed_over().to_vec();
    told.sort();
    let path = |name: &str| root.path().canonicalize().unwrap().join(name).display().to_string();
    assert_eq!(
        told,
        [
            format!(
                "{} is not sent: it is the lock of an editor that has the file open",
                path(".#notes.txt")
            ),
            format!("{} is not sent: it is a socket", path("fsmonitor--daemon.ipc")),
            format!(
                "{} is not sent: it is the lock of an editor that has the file open",
                path("sub/.#file")
            ),
        ]
    );
    assert_eq!(Bundle::check(&[files(root.path())]).passed_over.len(), 3);
}

#[test]
fn paths_on_the_far_side_stay_below_the_folder() {
    let bytes =
        |path: &str| Source::Bytes { path: path.into(), mode: 0o644, content: Bytes::new() };
    for path in ["../up", "/etc/passwd", "a/../b"] {
        assert!(matches!(pack(&[bytes(path)]), Err(SshError::BadPath { .. })), "{path}");
    }
    assert!(pack(&[bytes("twice"), bytes("twice")]).is_err());
}

#[test]
fn too_much_is_refused_with_both_sizes() {
    let root = folder();
    let file = File::create(root.path().join("huge")).unwrap();
    file.set_len(LIMIT + 1).unwrap();
    let error = pack(&[files(root.path())]).unwrap_err();
    assert!(matches!(error, SshError::TooBig { bytes, limit: LIMIT } if bytes == LIMIT + 1));
}

#[tokio::test]
async fn chunks_of_a_bundle_on_disk_are_its_bytes() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"0123456789").unwrap();
    let bundle = Bundle {
        body: Body::Disk(Arc::new(file)),
        size: 10,
        sha256: String::new(),
        files: 1,
        bytes: 10,
        passed_over: Vec::new(),
    };
    assert_eq!(bundle.chunk(0, 4).await.unwrap(), "0123");
    assert_eq!(bundle.chunk(8, 4).await.unwrap(), "89");
    assert_eq!(bundle.chunk(10, 4).await.unwrap(), "");
}
