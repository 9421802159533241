//! Servers that are not OpenSSH's: dropbear, and what people build with asyncssh and paramiko.

use std::fs;

use spot_tui::ssh::{Bundle, ExitStatus, HostKeyCheck, RemoteCommand, Source, SshError};

use super::uploads::{assert_same, folder};
use super::{User, in_time, lines};
use crate::support::cut::Cut;
use crate::support::keys::Key;
use crate::support::sshd::{Server, Sshd, SshdOptions};

/// Logs in, runs commands, cuts an upload in the middle and sends it again.
async fn all_of_it(server: Server) {
    let key = Key::ed25519();
    let options = SshdOptions { server, accept: vec![key.public()], ..SshdOptions::default() };
    let host = Sshd::start(&options);
    let user = User::with_key(&key);
    let session =
        user.log_in(&host).await.unwrap_or_else(|error| panic!("{error}\n{}", host.log()));
    assert_eq!(session.host_key().openssh, host.host_key());
    for turn in 0..5 {
        assert_eq!(lines(&session, &format!("echo {turn}; id -un >&2")).await.len(), 2);
    }
    let stdin = RemoteCommand::new("cat >/tmp/there; exit 7").stdin("it's there");
    let exit = in_time(session.exec(&stdin, |_, _| ())).await.unwrap();
    assert_eq!(exit, ExitStatus::Code(7), "{}", host.log());
    assert_eq!(fs::read(host.root().join("tmp/there")).unwrap(), b"it's there");

    let local = folder(4 << 20);
    let source = Source::Folder { local: local.path().into(), remote: "files".into(), mode: None };
    let bundle = Bundle::collect(vec![source]).await.unwrap();
    let proxy = Cut::times(host.address(), 2 << 20, 1);
    let session = user.log_in_at(proxy.address(), HostKeyCheck::First).await.unwrap();
    let cut = in_time(session.upload(&bundle, "/tmp/spot-tui", |_| ())).await.unwrap_err();
    assert!(matches!(cut, SshError::Cut { .. }), "{cut}");
    let session = user.log_in_at(proxy.address(), HostKeyCheck::First).await.unwrap();
    in_time(session.upload(&bundle, "/tmp/spot-tui", |_| ()))
        .await
        .unwrap_or_else(|error| panic!("{error}\n{}", host.log()));
    assert_same(&host.root().join("tmp/spot-tui/files"), local.path());

    let stranger = User::with_key(&Key::ed25519()).log_in(&host).await.unwrap_err();
    assert!(matches!(stranger, SshError::AuthRefused { .. }), "{stranger}");
}

#[tokio::test]
async fn dropbear_is_as_good() {
    all_of_it(Server::Dropbear).await;
}

#[tokio::test]
async fn asyncssh_is_as_good() {
    all_of_it(Server::Python("asyncssh_server.py")).await;
}

#[tokio::test]
async fn paramiko_is_as_good() {
    all_of_it(Server::Python("paramiko_server.py")).await;
}
