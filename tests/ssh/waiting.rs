//! Waiting for a machine that is not there yet.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use spot_tui::ssh::{self, Dial, HostKeyCheck, PublicKey, SshError, TcpDial, WaitTimeouts};

use super::{User, in_time, lines};
use crate::support::keys::Key;
use crate::support::sshd::{Sshd, SshdOptions};

const WAIT: WaitTimeouts =
    WaitTimeouts { overall: Duration::from_secs(20), refused_login: Duration::from_secs(20) };

#[tokio::test]
async fn a_port_that_comes_up_is_found_and_the_wait_says_why() {
    let key = Key::ed25519();
    let options = SshdOptions { accept: vec![key.public()], up: false, ..SshdOptions::default() };
    let mut host = Sshd::start(&options);
    let user = User::with_key(&key);
    let identities = user.identities().await.unwrap();
    let mut reasons = Vec::new();
    let route = user.route(host.address());
    let session = in_time(ssh::wait_for(
        &TcpDial,
        &route,
        &identities,
        || HostKeyCheck::First,
        WAIT,
        |reason| {
            reasons.push(reason.to_owned());
            host.begin_up();
        },
    ));
    let session = session.await.unwrap();
    assert_eq!(reasons[0], "connection refused");
    assert_eq!(lines(&session, "echo up").await, ["up"]);
}

#[tokio::test]
async fn a_port_that_stays_closed_ends_with_the_deadline() {
    let host = Sshd::start(&SshdOptions { up: false, ..SshdOptions::default() });
    let key = Key::ed25519();
    let user = User::with_key(&key);
    let identities = user.identities().await.unwrap();
    let route = user.route(host.address());
    let timeouts = WaitTimeouts { overall: Duration::from_millis(1200), ..WAIT };
    let begun = Instant::now();
    let waited =
        ssh::wait_for(&TcpDial, &route, &identities, || HostKeyCheck::First, timeouts, |_| ());
    let error = in_time(waited).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert!(
        matches!(&error, SshError::GaveUp { last, .. } if matches!(**last, SshError::Refused { .. })),
        "{error}"
    );
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_refused_login_is_given_time_and_no_more() {
    let key = Key::ed25519();
    let host = Sshd::start(&SshdOptions::default());
    let user = User::with_key(&key);
    let identities = user.identities().await.unwrap();
    let route = user.route(host.address());
    let refused_login = Duration::from_millis(700);
    let short = WaitTimeouts { refused_login, ..WAIT };
    let first = || HostKeyCheck::First;
    let waited = ssh::wait_for(&TcpDial, &route, &identities, first, short, |_| ());
    let error = in_time(waited).await.unwrap_err();
    assert!(matches!(error, SshError::AuthRefused { .. }), "{error}");

    let mut reasons = Vec::new();
    let waited = ssh::wait_for(&TcpDial, &route, &identities, first, WAIT, |reason| {
        reasons.push(reason.to_owned());
        host.accept(&key.public());
    });
    in_time(waited).await.unwrap();
    assert_eq!(reasons, ["no key of ours is accepted for ubuntu yet"]);
}

#[tokio::test]
async fn a_wrong_host_key_is_final_at_once() {
    let key = Key::ed25519();
    let host = Sshd::accepting(&key);
    let user = User::with_key(&key);
    let identities = user.identities().await.unwrap();
    let route = user.route(host.address());
    let expect = || HostKeyCheck::Fingerprints(vec!["SHA256:another".into()]);
    let waited = ssh::wait_for(&TcpDial, &route, &identities, expect, WAIT, |reason| {
        panic!("it waits: {reason}")
    });
    let error = in_time(waited).await.unwrap_err();
    assert!(matches!(error, SshError::HostKeyMismatch { .. }), "{error}");
}

#[tokio::test]
async fn it_waits_for_the_consoles_word() {
    let key = Key::ed25519();
    let host = Sshd::accepting(&key);
    let user = User::with_key(&key);
    let identities = user.identities().await.unwrap();
    let route = user.route(host.address());
    let expect = Mutex::new(HostKeyCheck::Undecided);
    let print = PublicKey::parse(&host.host_key()).unwrap().fingerprint;
    let mut reasons = Vec::new();
    let waited = ssh::wait_for(
        &TcpDial,
        &route,
        &identities,
        || expect.lock().unwrap().clone(),
        WAIT,
        |reason| {
            reasons.push(reason.to_owned());
            *expect.lock().unwrap() = HostKeyCheck::Fingerprints(vec![print.clone()]);
        },
    );
    in_time(waited).await.unwrap();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(!host.log().contains("Failed publickey"), "{}", host.log());
}

#[tokio::test]
async fn a_port_that_is_no_ssh_server_is_waited_for_and_says_so() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let key = Key::ed25519();
    let user = User::with_key(&key);
    let error = user.log_in_at(address, HostKeyCheck::First).await.unwrap_err();
    assert!(matches!(error, SshError::Handshake { .. }), "{error}");
    assert!(error.is_retryable());
    serve.abort();
}

#[tokio::test]
async fn many_pipelines_run_as_tasks_of_their_own() {
    let key = Key::ed25519();
    let host = Arc::new(Sshd::accepting(&key));
    let user = User::with_key(&key);
    let identities = Arc::new(user.identities().await.unwrap());
    let dial: Arc<dyn Dial> = Arc::new(TcpDial);
    let pipelines: Vec<_> = (0..8)
        .map(|number| {
            let (dial, identities) = (Arc::clone(&dial), Arc::clone(&identities));
            let route = user.route(host.address());
            tokio::spawn(async move {
                let first = || HostKeyCheck::First;
                let session =
                    ssh::wait_for(&*dial, &route, &identities, first, WAIT, |_| ()).await?;
                let mut told = Vec::new();
                let command = ssh::RemoteCommand::new(format!("echo {number}"));
                session.run("echo", &command, |_, line| told.push(line.to_owned())).await?;
                session.close().await;
                Ok::<_, SshError>(told)
            })
        })
        .collect();
    for (number, pipeline) in pipelines.into_iter().enumerate() {
        assert_eq!(in_time(pipeline).await.unwrap().unwrap(), [number.to_string()]);
    }
}

#[tokio::test]
async fn a_machine_that_reboots_is_found_again_by_its_key() {
    let key = Key::ed25519();
    let host = Sshd::accepting(&key);
    let user = User::with_key(&key);
    let session = user.log_in(&host).await.unwrap();
    let boot = "cat /proc/sys/kernel/random/boot_id";
    let before = lines(&session, boot).await;
    let known = HostKeyCheck::Known(session.host_key().clone());
    let command = ssh::RemoteCommand::new("sudo reboot; sleep 60");
    assert!(in_time(session.exec(&command, |_, _| ())).await.is_err());

    let identities = user.identities().await.unwrap();
    let route = user.route(host.address());
    let expect = || known.clone();
    let waited = ssh::wait_for(&TcpDial, &route, &identities, expect, WAIT, |_| ());
    let session = in_time(waited).await.unwrap();
    assert_ne!(lines(&session, boot).await, before);
}
