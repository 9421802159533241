//! The one source of credentials for all clients. Asked before each attempt of a call, it answers from
//! memory, renews what ends soon in the background, and reads the user's files anew whenever it has to
//! ask: what is new there every client has at its next attempt.
//!
//! Where the login ends under a program that waits for people ([`Logins::wait`]), calls stand still
//! here, before they are signed and sent, and go on after the next login, here or in another terminal:
//! a launch as well, with the token that it has. Everywhere else they fail at once.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_sdk_ec2::config::Credentials;
use aws_smithy_async::time::SharedTimeSource;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::clock::time_at;
use super::error::AwsError;
use super::logins::Logins;
use crate::retry::{CREDENTIALS_TIMEOUT, LOGIN_AGAIN, LOGIN_LOOK};

/// So long before their end keys are renewed.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// Keys that name no end are read anew after so long, as the SDK's own cache does.
const UNDATED: Duration = Duration::from_mins(15);
/// For how long a failure is told to all who ask: they asked together.
const HELD: Duration = Duration::from_secs(2);

/// Where the gate gets credentials.
pub(super) trait Source: fmt::Debug + Send + Sync {
    /// Asks for them once.
    fn credentials(&self) -> BoxFuture<'_, provider::Result>;
    /// A failure in the words of our users.
    fn told(&self, error: CredentialsError) -> AwsError;
    /// When what a login leaves behind last changed.
    fn trace(&self) -> Vec<Option<SystemTime>>;
    /// What tells the time.
    fn time(&self) -> SharedTimeSource;
}

/// The gate. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub(super) struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    source: Box<dyn Source>,
    logins: Logins,
    /// When AWS last called keys expired. Not among what is held, so that no word of it is lost to who
    /// holds that.
    rejected: SyncMutex<Option<Instant>>,
    /// Held while somebody asks: who comes meanwhile waits, and finds the answer.
    held: Mutex<Held>,
    is_renewing: AtomicBool,
}

#[derive(Debug, Default)]
struct Held {
    keys: Option<Keys>,
    failure: Option<(Arc<CredentialsError>, Instant)>,
}

#[derive(Debug)]
struct Keys {
    credentials: Credentials,
    since: Instant,
    /// Their end, and from when on others are asked for: those of a short life would be asked for all
    /// the time else.
    ends: Option<[Timestamp; 2]>,
}

impl Keys {
    fn new(credentials: Credentials, now: Timestamp) -> Self {
        let end = credentials.expiry().and_then(|end| Timestamp::try_from(end).ok());
        let ends = end.map(|end| [end - AHEAD.min(end.duration_since(now) / 4), end]);
        Self { credentials, since: Instant::now(), ends }
    }

    /// Whether calls may be signed with them, where AWS last called keys expired then, whatever these say
    /// of themselves. It says so of those before as well, for a moment: keys that are new are not meant.
    fn is_good(&self, now: Timestamp, rejected: Option<Instant>) -> bool {
        let is_rejected = rejected.is_some_and(|at| at > self.since + HELD);
        let is_over = match self.ends {
            Some([_, end]) => end <= now,
            None => self.since.elapsed() > UNDATED,
        };
        !is_over && !is_rejected
    }
}

impl Gate {
    /// Nothing is asked for yet.
    pub(super) fn new(source: impl Source + 'static, logins: Logins) -> Self {
        let (held, is_renewing) = (Mutex::default(), AtomicBool::new(false));
        let (source, rejected) = (Box::new(source), SyncMutex::default());
        Self(Arc::new(Shared { source, logins, rejected, held, is_renewing }))
    }

    /// AWS says that the keys have expired.
    pub(super) fn reject(&self) {
        *self.rejected() = Some(Instant::now());
    }

    fn rejected(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.rejected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn credentials(&self) -> provider::Result {
        let mut held = self.0.held.lock().await;
        let now = time_at(&self.0.source.time());
        let rejected = *self.rejected();
        if let Some(keys) = held.keys.as_ref().filter(|keys| keys.is_good(now, rejected)) {
            if keys.ends.is_some_and(|[soon, _]| soon <= now) {
                self.renew();
            }
            return Ok(keys.credentials.clone());
        }
        if let Some((failure, since)) = &held.failure
            && since.elapsed() < HELD
        {
            return Err(again(failure));
        }
        let was_signed_in = held.keys.is_some();
        let waits = self.0.logins.waits() && was_signed_in;
        let asked = if waits { Ok(self.wait().await) } else { self.ask().await };
        match asked {
            Ok(credentials) => {
                *held = self.held(credentials.clone());
                Ok(credentials)
            }
            Err(error) => {
                let error = Arc::new(error);
                held.failure = Some((Arc::clone(&error), Instant::now()));
                Err(again(&error))
            }
        }
    }

    fn held(&self, credentials: Credentials) -> Held {
        let keys = Keys::new(credentials, time_at(&self.0.source.time()));
        Held { keys: Some(keys), failure: None }
    }

    /// Renews the keys while calls go on with those that there are.
    fn renew(&self) {
        if self.0.is_renewing.swap(true, Ordering::SeqCst) {
            return;
        }
        let gate = self.clone();
        tokio::spawn(async move {
            match gate.ask().await {
                Ok(keys) => *gate.0.held.lock().await = gate.held(keys),
                // Until they end it is nobody's business.
                Err(error) => {
                    tracing::debug!(%error, "renewing the credentials");
                    sleep(LOGIN_AGAIN).await;
                }
            }
            gate.0.is_renewing.store(false, Ordering::SeqCst);
        });
    }

    /// Asks once, for as long as any source may take.
    async fn ask(&self) -> provider::Result {
        match timeout(CREDENTIALS_TIMEOUT, self.0.source.credentials()).await {
            Ok(asked) => asked,
            Err(_) => Err(CredentialsError::provider_timed_out(CREDENTIALS_TIMEOUT)),
        }
    }

    /// Asks until somebody has signed in. Who is cancelled meanwhile leaves the question to the next.
    async fn wait(&self) -> Credentials {
        let logins = &self.0.logins;
        loop {
            // Before it is asked: who signs in meanwhile has left a trace since.
            let trace = self.0.source.trace();
            let error = match self.ask().await {
                Ok(keys) => {
                    logins.go_on();
                    return keys;
                }
                Err(error) => self.0.source.told(error),
            };
            logins.end(error);
            self.signed_in(&trace).await;
        }
    }

    /// Waits until it is worth asking again: somebody says so, or a file of a login changed.
    async fn signed_in(&self, trace: &[Option<SystemTime>]) {
        let begun = Instant::now();
        let told = self.0.logins.signed_in();
        tokio::pin!(told);
        while begun.elapsed() < LOGIN_AGAIN && self.0.source.trace() == *trace {
            tokio::select! {
                () = &mut told => return,
                () = sleep(LOGIN_LOOK) => {}
            }
        }
    }
}

impl ProvideCredentials for Gate {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// The same failure for one more who asked.
fn again(error: &Arc<CredentialsError>) -> CredentialsError {
    let behind = Behind(Arc::clone(error));
    match &**error {
        CredentialsError::CredentialsNotLoaded(_) => CredentialsError::not_loaded(behind),
        CredentialsError::InvalidConfiguration(_) => {
            CredentialsError::invalid_configuration(behind)
        }
        _ => CredentialsError::provider_error(behind),
    }
}

/// A failure that several have.
#[derive(Debug)]
struct Behind(Arc<CredentialsError>);

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Behind {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::future::pending;
    use std::sync::Mutex as Lock;

    use aws_smithy_async::time::TimeSource;
    use futures_util::future::join_all;

    use super::*;
    use crate::aws::class::{Class, Credential};

    /// What comes of asking.
    #[derive(Debug, Clone, Copy)]
    enum Told {
        /// Keys of this name, good for so many seconds; 0 names no end.
        Keys(&'static str, u64),
        Refused,
        /// Nobody ever answers.
        Nothing,
    }

    /// A source that tells these, the last one for ever, a second after each question.
    #[derive(Debug, Clone)]
    struct Script {
        told: Arc<Lock<VecDeque<Told>>>,
        asked: Arc<Lock<usize>>,
        clock: Clock,
    }

    #[derive(Debug, Clone)]
    struct Clock(SystemTime, Instant);

    impl TimeSource for Clock {
        fn now(&self) -> SystemTime {
            self.0 + self.1.elapsed()
        }
    }

    impl Script {
        fn of(told: &[Told]) -> Self {
            let told = Arc::new(Lock::new(told.iter().copied().collect()));
            Self { told, asked: Arc::default(), clock: Clock(SystemTime::now(), Instant::now()) }
        }

        fn asked(&self) -> usize {
            *self.asked.lock().unwrap()
        }
    }

    impl Source for Script {
        fn credentials(&self) -> BoxFuture<'_, provider::Result> {
            Box::pin(async {
                *self.asked.lock().unwrap() += 1;
                sleep(Duration::from_secs(1)).await;
                let told = {
                    let mut told = self.told.lock().unwrap();
                    if told.len() > 1 { told.pop_front() } else { told.front().copied() }
                };
                match told.unwrap() {
                    Told::Keys(key, 0) => Ok(Credentials::new(key, "s", None, None, "test")),
                    Told::Keys(key, seconds) => {
                        let end = self.clock.now() + Duration::from_secs(seconds);
                        Ok(Credentials::new(key, "s", None, Some(end), "test"))
                    }
                    Told::Refused => Err(CredentialsError::provider_error("the session is over")),
                    Told::Nothing => pending().await,
                }
            })
        }

        fn told(&self, error: CredentialsError) -> AwsError {
            let class = Class::Credentials(Credential::SsoLogin);
            AwsError::found("signing in", None, class, error.to_string(), "run: spot-tui login")
        }

        fn trace(&self) -> Vec<Option<SystemTime>> {
            Vec::new()
        }

        fn time(&self) -> SharedTimeSource {
            SharedTimeSource::new(self.clock.clone())
        }
    }

    async fn key(gate: &Gate) -> Result<String, CredentialsError> {
        gate.credentials().await.map(|keys| keys.access_key_id().to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn seventeen_who_ask_together_ask_once_be_it_in_vain() {
        for (told, is_good) in [(Told::Keys("a", 3600), true), (Told::Refused, false)] {
            let script = Script::of(&[told]);
            let gate = Gate::new(script.clone(), Logins::default());
            let all = join_all((0..17).map(|_| key(&gate))).await;
            assert!(all.iter().all(|it| it.is_ok() == is_good), "{all:?}");
            assert_eq!(script.asked(), 1, "{told:?}");
            sleep(HELD).await;
            let _ = key(&gate).await;
            assert_eq!(script.asked(), if is_good { 1 } else { 2 });
        }
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_renewed_ahead_while_calls_go_on_with_the_old_ones() {
        let script = Script::of(&[Told::Keys("a", 3600), Told::Keys("b", 3600)]);
        let gate = Gate::new(script.clone(), Logins::default());
        assert_eq!(key(&gate).await.unwrap(), "a");
        sleep(Duration::from_mins(56)).await;
        let begun = Instant::now();
        assert_eq!(key(&gate).await.unwrap(), "a");
        assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waits for it");
        sleep(Duration::from_secs(2)).await;
        assert_eq!(key(&gate).await.unwrap(), "b");
        assert_eq!(script.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_renewed_is_good_to_its_end_and_then_calls_wait_for_a_login() {
        let script = Script::of(&[Told::Keys("a", 3600), Told::Refused]);
        let logins = Logins::default();
        logins.wait();
        let gate = Gate::new(script.clone(), logins.clone());
        let mut changes = logins.changes();
        assert_eq!(key(&gate).await.unwrap(), "a");
        sleep(Duration::from_mins(57)).await;
        assert_eq!(key(&gate).await.unwrap(), "a");
        assert!(!changes.has_changed().unwrap(), "nobody is asked yet");
        sleep(Duration::from_mins(4)).await;

        let calls = tokio::spawn({
            let gate = gate.clone();
            async move { join_all((0..17).map(|_| key(&gate))).await }
        });
        changes.changed().await.unwrap();
        assert!(changes.borrow_and_update().is_some());
        sleep(Duration::from_mins(10)).await;
        assert!(!changes.has_changed().unwrap(), "it is told once");
        assert!(!calls.is_finished() && script.asked() < 20, "{}", script.asked());
        *script.told.lock().unwrap() = [Told::Keys("b", 3600)].into();
        logins.look_again();
        let calls: Vec<String> = calls.await.unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!(calls, ["b"; 17]);
        changes.changed().await.unwrap();
        assert!(changes.borrow().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_cancelled_while_it_waits_leaves_the_question_to_the_next() {
        let script = Script::of(&[Told::Keys("a", 60), Told::Refused]);
        let logins = Logins::default();
        logins.wait();
        let gate = Gate::new(script.clone(), logins.clone());
        key(&gate).await.unwrap();
        sleep(Duration::from_mins(2)).await;
        assert!(timeout(Duration::from_secs(5), key(&gate)).await.is_err());
        *script.told.lock().unwrap() = [Told::Keys("b", 60)].into();
        assert_eq!(key(&gate).await.unwrap(), "b");
        assert!(logins.changes().borrow().is_none(), "the question is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_login_before_and_without_anybody_nothing_waits() {
        let logins = Logins::default();
        logins.wait();
        let gate = Gate::new(Script::of(&[Told::Refused]), logins);
        assert!(key(&gate).await.is_err(), "there is nothing to lose yet");
        let gate = Gate::new(Script::of(&[Told::Keys("a", 60), Told::Refused]), Logins::default());
        key(&gate).await.unwrap();
        sleep(Duration::from_mins(2)).await;
        assert!(key(&gate).await.is_err(), "a command in a script ends");
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_hangs_is_given_up() {
        let gate = Gate::new(Script::of(&[Told::Nothing]), Logins::default());
        let begun = Instant::now();
        assert!(matches!(key(&gate).await, Err(CredentialsError::ProviderError(_))));
        assert_eq!(begun.elapsed(), CREDENTIALS_TIMEOUT);
    }

    /// Others fetch keys while a call is refused.
    #[tokio::test(start_paused = true)]
    async fn a_refusal_counts_whoever_holds_the_keys_at_that_moment() {
        let gate = Gate::new(
            Script::of(&[Told::Keys("a", 3600), Told::Keys("b", 3600)]),
            Logins::default(),
        );
        assert_eq!(key(&gate).await.unwrap(), "a");
        sleep(HELD * 2).await;
        let held = gate.0.held.lock().await;
        gate.reject();
        drop(held);
        assert_eq!(key(&gate).await.unwrap(), "b");
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_aws_calls_expired_or_that_name_no_end_are_asked_for_anew() {
        let script = Script::of(&[Told::Keys("a", 3600), Told::Keys("b", 0), Told::Keys("c", 0)]);
        let gate = Gate::new(script.clone(), Logins::default());
        assert_eq!(key(&gate).await.unwrap(), "a");
        gate.reject();
        assert_eq!(key(&gate).await.unwrap(), "a", "the answer was to those before");
        sleep(HELD * 2).await;
        gate.reject();
        assert_eq!(key(&gate).await.unwrap(), "b");
        sleep(UNDATED + Duration::from_secs(1)).await;
        assert_eq!(key(&gate).await.unwrap(), "c");
    }
}
