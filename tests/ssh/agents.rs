//! Agents and keys as people have them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use spot_tui::ssh::{self, HostKeyCheck, Route, Session, SshError, TcpDial};

use super::{User, in_time};
use crate::support::keys::{Key, SshAgent};
use crate::support::sshd::{Sshd, SshdOptions};

/// The way to a host, with settings that `ssh_config` gives to all hosts.
fn route(user: &User, host: &Sshd, settings: &str) -> Route {
    let address = host.address();
    let text = format!(
        "Host *\n{settings}\nHost web\n  HostName {}\n  Port {}\n",
        address.ip(),
        address.port()
    );
    let path = user.write("config", text);
    user.route_by(&path, "web").unwrap()
}

async fn log_in(user: &User, host: &Sshd, settings: &str) -> Result<Session, SshError> {
    user.log_in_by(&route(user, host, settings), HostKeyCheck::First).await
}

/// net-ssh PR#942, 1Password: the file says which of the agent's keys is meant.
#[tokio::test]
async fn a_public_identity_file_means_the_agents_key() {
    let (others, key) = ([Key::ed25519(), Key::ed25519(), Key::ed25519()], Key::ed25519());
    let held: Vec<&Key> = others.iter().chain([&key]).collect();
    let agent = SshAgent::holding(&held);
    let options = SshdOptions {
        accept: vec![key.public()],
        sshd_config: "MaxAuthTries 1",
        ..SshdOptions::default()
    };
    let host = Sshd::start(&options);
    let mut user = User::new();
    user.settings.agent = Some(agent.socket());
    let public = user.write("work.pub", key.public());
    fs::set_permissions(&public, fs::Permissions::from_mode(0o644)).unwrap();
    let settings = "  IdentityFile ~/.ssh/work.pub\n  IdentitiesOnly yes";
    log_in(&user, &host, settings).await.unwrap();

    // The same from our own configuration.
    user.settings.identity = Some(public.clone());
    log_in(&user, &host, "").await.unwrap();
    user.settings.agent = Some(SshAgent::holding(&[&others[0]]).socket());
    let failure = user.identities().await.unwrap_err().failure();
    assert!(failure.reason.contains("work.pub is a public key"), "{failure}");
    assert!(failure.hint.contains("ssh-add"), "{failure}");
}

/// lazyssh#41: the agent is where ssh_config says.
#[tokio::test]
async fn the_agent_that_ssh_config_names_is_asked() {
    let key = Key::ed25519();
    let (agent, other) = (SshAgent::holding(&[&key]), SshAgent::holding(&[&Key::ed25519()]));
    let host = Sshd::accepting(&key);
    let mut user = User::new();
    user.settings.agent = Some(other.socket());
    let named = format!("  IdentityAgent \"{}\"", agent.socket().display());
    assert!(named.contains(' '));
    log_in(&user, &host, &named).await.unwrap();
    assert!(log_in(&user, &host, "").await.is_err());
    user.settings.agent = Some(agent.socket());
    let error = log_in(&user, &host, "  IdentityAgent none").await.unwrap_err();
    assert!(error.to_string().contains("no key found"), "{error}");
}

/// russh#385: a comment that is not UTF-8 hid the whole agent.
#[tokio::test]
async fn a_comment_in_another_encoding_hides_nothing() {
    let (strange, key) = (Key::ed25519(), Key::ed25519());
    let mut comment = Command::new("ssh-keygen");
    comment.args(["-q", "-c", "-C"]).arg(OsStr::from_bytes(b"J\xfcrgen")).arg("-f");
    assert!(comment.arg(strange.path()).status().unwrap().success());
    let agent = SshAgent::holding(&[&strange, &key]);
    let host = Sshd::accepting(&key);
    let mut user = User::new();
    user.settings.agent = Some(agent.socket());
    log_in(&user, &host, "").await.unwrap();
}

/// A program that answers an agent's question, and tells when two were asked at once.
fn askpass(folder: &Path, seconds: &str, status: u8) -> PathBuf {
    let path = folder.join("askpass");
    let script = format!(
        "#!/bin/sh\ncd '{}'\nmkdir asking || echo two at once >>asked\necho asked >>asked\n\
         sleep {seconds}\nrmdir asking\nexit {status}\n",
        folder.display()
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

/// bolt#3342: twenty questions at once are answered by nobody.
#[tokio::test]
async fn an_agent_that_asks_each_time_is_asked_one_after_the_other() {
    let (folder, key) = (tempfile::tempdir().unwrap(), Key::ed25519());
    let agent = SshAgent::asking(&askpass(folder.path(), "1.2", 0), &key);
    let host = Sshd::accepting(&key);
    let mut user = User::new();
    user.settings.agent = Some(agent.socket());
    let identities = user.identities().await.unwrap();
    let route = user.route(host.address());
    let logins = (0..4).map(|_| ssh::connect(&TcpDial, &route, &identities, HostKeyCheck::First));
    let sessions = in_time(futures_util::future::join_all(logins)).await;
    for session in sessions {
        session.unwrap();
    }
    let asked = fs::read_to_string(folder.path().join("asked")).unwrap();
    assert_eq!(asked, "asked\n".repeat(4));
}

#[tokio::test]
async fn a_refusal_of_the_agents_user_is_told() {
    let (folder, key) = (tempfile::tempdir().unwrap(), Key::ed25519());
    let agent = SshAgent::asking(&askpass(folder.path(), "0", 1), &key);
    let host = Sshd::accepting(&key);
    let mut user = User::new();
    user.settings.agent = Some(agent.socket());
    let error = log_in(&user, &host, "").await.unwrap_err();
    assert!(error.to_string().contains("the agent refused to sign, or its user did"), "{error}");
}

/// russh#325: OpenSSL's old form with ciphers of its time.
#[tokio::test]
async fn an_old_pem_key_is_named_with_the_command_that_converts_it() {
    let user = User::new();
    let path = user.home.path().join(".ssh/old");
    for cipher in ["-aes256", "-des3"] {
        let mut make = Command::new("openssl");
        make.args(["genrsa", "-traditional", cipher, "-passout", "pass:secret", "-out"]);
        let done = make.arg(&path).arg("2048").output().expect("openssl is missing");
        assert!(done.status.success(), "{done:?}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let mut settings = user.settings.clone();
        settings.identity = Some(path.clone());
        let asked = User { settings, ..User::new() }.knowing(&["secret"]);
        let failure = asked.identities().await.unwrap_err().failure();
        assert!(failure.reason.contains("old form"), "{failure}");
        assert_eq!(
            failure.hint,
            format!("`ssh-keygen -p -f {}` writes it in today's form", path.display())
        );

        // That command does it.
        let mut convert = Command::new("ssh-keygen");
        convert.args(["-q", "-p", "-P", "secret", "-N", "secret", "-f"]).arg(&path);
        assert!(convert.output().unwrap().status.success());
        asked.knowing(&["secret"]).identities().await.unwrap();
        fs::remove_file(&path).unwrap();
    }
}

/// As OpenSSH minds it: a key that somebody else owns and lets us read is theirs to protect.
#[tokio::test]
async fn the_mode_of_somebody_elses_key_is_theirs() {
    let key = Key::ed25519();
    let host = Sshd::accepting(&key);
    fs::set_permissions(key.path(), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(User::with_key(&key).log_in(&host).await, Err(SshError::KeyTooOpen { .. })));
    chown(key.path(), Some(65534), None).unwrap();
    User::with_key(&key).log_in(&host).await.unwrap();
}
