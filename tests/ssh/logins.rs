//! Keys, agents, host keys and jump hosts.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use spot_tui::fleet::{HostKeyTrust, Step};
use spot_tui::ssh::{HostKeyCheck, PublicKey, SshError};

use super::{User, lines, loopback};
use crate::support::keys::{Key, SshAgent};
use crate::support::sshd::{Sshd, SshdOptions, ssh_config};

#[tokio::test]
async fn every_kind_of_key_gets_in() {
    let kinds: [&[&str]; 5] = [
        &["-t", "ed25519"],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "rsa", "-b", "2048"],
        &["-t", "rsa", "-b", "2048", "-m", "PEM"],
    ];
    let keys: Vec<Key> = kinds.iter().map(|kind| Key::made(kind, "")).collect();
    let accept = keys.iter().map(Key::public).collect();
    let host = Sshd::start(&SshdOptions { accept, ..SshdOptions::default() });
    for (key, kind) in keys.iter().zip(kinds) {
        let session = User::with_key(key).log_in(&host).await;
        let session = session.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(lines(&session, "id -un").await, ["ubuntu"]);
        session.close().await;
    }
}

#[tokio::test]
async fn a_passphrase_is_asked_for_once_for_all_hosts() {
    let key = Key::made(&["-t", "ed25519"], "open sesame");
    let host = Sshd::accepting(&key);
    let user = User::with_key(&key).knowing(&["wrong", "open sesame"]);
    let identities = user.identities().await.unwrap();
    for _ in 0..2 {
        let route = user.route(host.address());
        let dial = spot_tui::ssh::TcpDial;
        spot_tui::ssh::connect(&dial, &route, &identities, HostKeyCheck::First).await.unwrap();
    }
    assert_eq!(user.prompts(), 2);
    assert!(!format!("{identities:?}").contains("sesame"));
}

/// Who keeps a fleet for weeks may have the disk of its key unmounted.
#[tokio::test]
async fn a_key_that_is_open_needs_its_file_no_more() {
    let key = Key::ed25519();
    let host = Sshd::accepting(&key);
    let user = User::with_key(&key);
    let identities = user.identities().await.unwrap();
    fs::remove_file(key.path()).unwrap();
    let (route, dial) = (user.route(host.address()), spot_tui::ssh::TcpDial);
    spot_tui::ssh::connect(&dial, &route, &identities, HostKeyCheck::First).await.unwrap();
}

#[tokio::test]
async fn three_wrong_passphrases_and_a_declined_one_end_it() {
    let key = Key::made(&["-t", "rsa", "-b", "2048", "-m", "PEM"], "right");
    let user = User::with_key(&key).knowing(&["a", "b", "c", "d"]);
    assert!(matches!(user.identities().await, Err(SshError::WrongPassphrase { .. })));
    assert_eq!(user.prompts(), 3);

    let user = User::with_key(&key);
    let error = user.identities().await.unwrap_err();
    assert!(matches!(error, SshError::KeyEncrypted { .. }));
    assert!(error.failure().hint.contains("ssh-add"), "{}", error.failure());
}

#[tokio::test]
async fn a_key_that_others_may_read_is_refused_with_the_chmod_that_mends_it() {
    let key = Key::ed25519();
    fs::set_permissions(key.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let failure = User::with_key(&key).identities().await.unwrap_err().failure();
    assert_eq!(failure.hint, format!("chmod 600 {}", key.path().display()));
    assert_eq!(failure.step, Step::Login);
}

#[tokio::test]
async fn a_key_that_is_none_is_named() {
    let key = Key::ed25519();
    fs::write(key.path(), "not a key").unwrap();
    let error = User::with_key(&key).identities().await.unwrap_err();
    assert!(matches!(&error, SshError::KeyUnreadable { path, .. } if *path == key.path()));
    fs::remove_file(key.path()).unwrap();
    let error = User::with_key(&key).identities().await.unwrap_err();
    assert!(error.to_string().contains("No such file"), "{error}");
}

#[tokio::test]
async fn a_wrong_key_is_refused_by_name() {
    let host = Sshd::accepting(&Key::ed25519());
    let other = Key::ed25519();
    let error = User::with_key(&other).log_in(&host).await.unwrap_err();
    let SshError::AuthRefused { tried, user, .. } = &error else { panic!("{error}") };
    assert_eq!(tried, &[other.path().display().to_string()]);
    assert_eq!(user, "ubuntu");
    assert!(!error.is_retryable());
    assert!(error.failure().hint.contains("aws.private_ssh_key_path"));
}

#[tokio::test]
async fn the_usual_files_are_tried_when_none_is_named() {
    let key = Key::made(&["-t", "ecdsa"], "");
    let host = Sshd::accepting(&key);
    let user = User::new();
    let refused = user.log_in(&host).await.unwrap_err();
    assert!(refused.to_string().contains("no key found"), "{refused}");

    let usual = user.home.path().join(".ssh/id_ecdsa");
    fs::copy(key.path(), &usual).unwrap();
    user.log_in(&host).await.unwrap();

    let identities = user.identities().await.unwrap();
    let route = user.route(host.address());
    let public = identities.public_key(&route.target).await.unwrap().unwrap();
    assert_eq!(public, PublicKey::parse(&key.public()).unwrap());
    assert_eq!(public.comment, "made for a test");
}

#[tokio::test]
async fn an_agents_keys_get_in_without_a_passphrase() {
    for kind in [&["-t", "ed25519"][..], &["-t", "rsa", "-b", "2048"]] {
        let (other, key) = (Key::ed25519(), Key::made(kind, ""));
        let agent = SshAgent::holding(&[&other, &key]);
        let host = Sshd::accepting(&key);
        let mut user = User::new();
        user.settings.agent = Some(agent.socket());
        user.log_in(&host).await.unwrap();
    }
}

#[tokio::test]
async fn only_the_named_key_is_taken_from_a_full_agent() {
    let keys: Vec<Key> = (0..8).map(|_| Key::ed25519()).collect();
    let agent = SshAgent::holding(&keys.iter().collect::<Vec<_>>());
    let wanted = &keys[7];
    let host = Sshd::accepting(wanted);
    let mut user = User::with_key(wanted);
    user.settings.agent = Some(agent.socket());
    // The file itself is not needed when the agent holds the key.
    fs::write(wanted.path(), "locked away").unwrap();
    let session = user.log_in(&host).await.unwrap();
    assert_eq!(lines(&session, "echo in").await, ["in"]);
}

#[tokio::test]
async fn a_server_with_less_patience_than_keys_is_a_refusal_not_a_cut() {
    let keys: Vec<Key> = (0..6).map(|_| Key::ed25519()).collect();
    let agent = SshAgent::holding(&keys.iter().collect::<Vec<_>>());
    let host =
        Sshd::start(&SshdOptions { sshd_config: "MaxAuthTries 2", ..SshdOptions::default() });
    let mut user = User::new();
    user.settings.agent = Some(agent.socket());
    let error = user.log_in(&host).await.unwrap_err();
    assert!(matches!(&error, SshError::AuthRefused { tried, .. } if tried.len() >= 2), "{error}");
}

#[tokio::test]
async fn an_agent_that_is_gone_is_passed_over() {
    let key = Key::ed25519();
    let host = Sshd::accepting(&key);
    let mut user = User::with_key(&key);
    user.settings.agent = Some(user.home.path().join("nobody-listens"));
    user.log_in(&host).await.unwrap();
}

#[tokio::test]
async fn a_host_key_is_kept_and_a_changed_one_is_refused() {
    let key = Key::ed25519();
    let mut host = Sshd::accepting(&key);
    let user = User::with_key(&key);
    let first = user.log_in(&host).await.unwrap().host_key().clone();
    assert_eq!(first.openssh, host.host_key());
    assert_eq!(first.trust, HostKeyTrust::Pinned);

    let known = HostKeyCheck::Known(first.clone());
    let again = user.log_in_at(host.address(), known.clone()).await.unwrap();
    assert_eq!(again.host_key(), &first);

    host.change_host_key();
    let error = user.log_in_at(host.address(), known).await.unwrap_err();
    let SshError::HostKeyMismatch { expected, got, .. } = &error else { panic!("{error}") };
    assert_eq!(expected, &first.fingerprint);
    assert_ne!(got, expected);
    assert!(!error.is_retryable());
    assert_eq!(error.failure().step, Step::HostKey);
}

#[tokio::test]
async fn a_known_key_of_a_type_that_the_host_no_longer_has_is_a_mismatch() {
    let key = Key::ed25519();
    let host = Sshd::accepting(&key);
    let user = User::with_key(&key);
    let mut known = user.log_in(&host).await.unwrap().host_key().clone();
    let other = PublicKey::parse(&Key::made(&["-t", "ecdsa"], "").public()).unwrap();
    known.openssh = other.openssh;
    known.fingerprint = other.fingerprint;
    let error = user.log_in_at(host.address(), HostKeyCheck::Known(known)).await.unwrap_err();
    assert!(
        matches!(&error, SshError::HostKeyMismatch { got, .. } if got.contains("ed25519")),
        "{error}"
    );
}

#[tokio::test]
async fn the_consoles_fingerprints_decide() {
    let key = Key::ed25519();
    let host = Sshd::accepting(&key);
    let user = User::with_key(&key);
    let print = PublicKey::parse(&host.host_key()).unwrap().fingerprint;

    let told = HostKeyCheck::Fingerprints(vec!["SHA256:another".into(), print]);
    let session = user.log_in_at(host.address(), told).await.unwrap();
    assert_eq!(session.host_key().trust, HostKeyTrust::Console);

    let told = HostKeyCheck::Fingerprints(vec!["SHA256:another".into()]);
    let error = user.log_in_at(host.address(), told).await.unwrap_err();
    assert!(matches!(error, SshError::HostKeyMismatch { .. }), "{error}");
    assert_eq!(host.log().matches("Accepted publickey").count(), 1, "{}", host.log());
}

#[tokio::test]
async fn a_jump_host_has_to_be_known() {
    let key = Key::ed25519();
    let options = |last| SshdOptions {
        address: loopback(last),
        accept: vec![key.public()],
        ..SshdOptions::default()
    };
    let (jump, inner) = (Sshd::start(&options(3)), Sshd::start(&options(4)));
    let user = User::new();
    fs::copy(key.path(), user.home.path().join(".ssh/id_ed25519")).unwrap();
    let config = ssh_config(user.home.path(), &[("jump", &jump), ("10.*", &inner)]);
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}Host 10.*\n  ProxyJump jump\n")).unwrap();
    let route = user.route_by(&config, "10.0.0.1").unwrap();

    let error = user.log_in_by(&route, HostKeyCheck::First).await.unwrap_err();
    assert!(matches!(error, SshError::HopUnknown { .. }), "{error}");
    assert!(error.failure().hint.contains("`ssh jump`"), "{}", error.failure());

    let known_hosts = user.home.path().join(".ssh/known_hosts");
    fs::write(&known_hosts, jump.known_hosts_line()).unwrap();
    let session = user.log_in_by(&route, HostKeyCheck::First).await.unwrap();
    assert_eq!(session.host_key().openssh, inner.host_key());
    let from = lines(&session, "echo $SSH_CONNECTION").await;
    assert!(from[0].ends_with(&format!("127.0.0.4 {}", inner.port())), "{from:?}");

    let line = jump.known_hosts_line().replace(&jump.host_key(), &inner.host_key());
    fs::write(&known_hosts, line).unwrap();
    let error = user.log_in_by(&route, HostKeyCheck::First).await.unwrap_err();
    let SshError::HopChanged { known, .. } = &error else { panic!("{error}") };
    assert!(known.ends_with("known_hosts:1"), "{known}");
}

#[tokio::test]
async fn behind_a_jump_host_a_closed_port_and_a_forbidden_jump_are_told_apart() {
    let key = Key::ed25519();
    let open = SshdOptions { accept: vec![key.public()], ..SshdOptions::default() };
    let closed =
        SshdOptions { sshd_config: "AllowTcpForwarding no", address: loopback(5), ..open.clone() };
    let nobody = SshdOptions { up: false, address: loopback(6), ..SshdOptions::default() };
    let (open, closed, nobody) = (Sshd::start(&open), Sshd::start(&closed), Sshd::start(&nobody));
    let user = User::new();
    fs::copy(key.path(), user.home.path().join(".ssh/id_ed25519")).unwrap();
    let known = open.known_hosts_line() + &closed.known_hosts_line();
    fs::write(user.home.path().join(".ssh/known_hosts"), known).unwrap();
    let config =
        ssh_config(user.home.path(), &[("open", &open), ("closed", &closed), ("a b", &nobody)]);
    let text = fs::read_to_string(&config).unwrap();
    let jumps = "Host a\n  ProxyJump open\nHost b\n  ProxyJump closed\n";
    fs::write(&config, text + jumps).unwrap();

    let route = user.route_by(&config, "a").unwrap();
    let error = user.log_in_by(&route, HostKeyCheck::First).await.unwrap_err();
    assert!(matches!(error, SshError::Refused { .. }), "{error}");
    let route = user.route_by(&config, "b").unwrap();
    let error = user.log_in_by(&route, HostKeyCheck::First).await.unwrap_err();
    assert!(matches!(error, SshError::Denied { .. }), "{error}");
}

#[tokio::test]
async fn ssh_configs_commands_are_never_run() {
    let user = User::new();
    let trace = user.home.path().join("it-ran");
    let config = user.home.path().join("ssh_config");
    for text in [
        format!("Host *\n  ProxyCommand touch {}\n", trace.display()),
        format!("Host *\n  PermitLocalCommand yes\n  LocalCommand touch {}\n", trace.display()),
    ] {
        fs::write(&config, &text).unwrap();
        let failure = user.route_by(&config, "192.0.2.1").unwrap_err().failure();
        assert!(failure.reason.contains("ssh_config:"), "{failure}");
        assert!(failure.reason.contains("never"), "{failure}");
        assert!(failure.hint.contains("ssh.config_file"), "{failure}");
    }
    fs::write(&config, format!("\nMatch exec \"touch {}\"\n  User x\n", trace.display())).unwrap();
    let route = user.route_by(&config, "192.0.2.1").unwrap();
    assert_eq!(route.target.user, "ubuntu");
    assert!(route.notes[0].contains("ssh_config:2: `Match exec`"), "{:?}", route.notes);
    assert!(!trace.exists());
}
