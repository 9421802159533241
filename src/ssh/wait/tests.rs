use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;

use super::*;
use crate::ssh::handshake::HANDSHAKE;
use crate::ssh::{Ask, ByteStream, Settings, SshConfigFile, resolve};

/// A host that takes the connection and then says nothing, or not even that.
#[derive(Debug)]
struct Silent {
    answers: bool,
    dialled: AtomicUsize,
    kept: Mutex<Vec<tokio::io::DuplexStream>>,
}

impl Silent {
    fn new(answers: bool) -> Self {
        Self { answers, dialled: AtomicUsize::new(0), kept: Mutex::default() }
    }
}

impl Dial for Silent {
    fn dial<'a>(
        &'a self,
        _host: &'a str,
        _port: u16,
    ) -> BoxFuture<'a, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async move {
            self.dialled.fetch_add(1, Ordering::SeqCst);
            if !self.answers {
                std::future::pending::<()>().await;
            }
            let (near, far) = tokio::io::duplex(1024);
            self.kept.lock().unwrap().push(far);
            Ok(Box::new(near) as Box<dyn ByteStream>)
        })
    }
}

async fn user() -> (Route, Identities) {
    let mut settings = Settings::new("ubuntu");
    settings.agent = None;
    settings.home = "/nonexistent".into();
    let route = resolve(&SshConfigFile::empty(&settings.home), "192.0.2.1", &settings).unwrap();
    let ask: Ask = Arc::new(|_| Box::pin(async { None }));
    let identities = Identities::load(settings, &route.target, ask).await.unwrap();
    (route, identities)
}

#[tokio::test(start_paused = true)]
async fn a_silent_host_costs_its_time_limit_and_no_more() {
    let (route, identities) = user().await;
    for (dial, limit) in
        [(Silent::new(false), route.target.connect_timeout), (Silent::new(true), HANDSHAKE)]
    {
        let begun = Instant::now();
        let error = connect(&dial, &route, &identities, HostKeyCheck::First).await.unwrap_err();
        assert!(matches!(&error, SshError::TimedOut { after, .. } if *after == limit), "{error}");
        assert!(begun.elapsed() <= limit + Duration::from_millis(10));
        assert_eq!(error.waiting_reason(), "timed out");
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_its_deadline_and_tells_each_reason_once() {
    let (route, identities) = user().await;
    let dial = Silent::new(false);
    let begun = Instant::now();
    let mut reasons = Vec::new();
    let first = || HostKeyCheck::First;
    let waited = wait_for(&dial, &route, &identities, first, WaitTimeouts::default(), |reason| {
        reasons.push(reason.to_owned());
    });
    let error = waited.await.unwrap_err();
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(299) && waited < Duration::from_secs(301), "{waited:?}");
    assert!(matches!(error, SshError::GaveUp { .. }), "{error}");
    assert_eq!(reasons, ["timed out"]);
    let dialled = dial.dialled.load(Ordering::SeqCst);
    assert!((15..30).contains(&dialled), "{dialled}");
}
