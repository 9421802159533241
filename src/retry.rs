//! When to try again, and when to stop waiting: the one backoff, and one table of pauses, retry
//! windows and timeouts, each with where it comes from. Grep for a name to find who uses it.
//!
//! Not here: what the AWS SDK retries by itself (`aws/access.rs`), the window in which EC2 is
//! eventually consistent (`aws.consistency_window_s` of the configuration), and how often a
//! settled region is asked (`jobs::Pace`).

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// Launches that EC2 throttled or that failed on its side. EC2 refills a bucket of 2 RunInstances a
/// second (Request throttling for the Amazon EC2 API): half a minute empties no bucket twice.
pub const THROTTLED: Pauses = Pauses::new(Duration::from_millis(500), Duration::from_secs(30));
/// How often one launch is sent again: with [`THROTTLED`] that is about a minute and a half.
pub const LAUNCH_RETRIES: u32 = 6;
/// Parts of a network that depend on each other, or are not told of everywhere yet
/// (Eventual consistency in the Amazon EC2 API: begin with a second or less, and back off).
pub const DEPENDENT: Pauses = Pauses::new(Duration::from_millis(500), Duration::from_secs(7));
/// How often they are tried at the least, however short `aws.consistency_window_s` is: on a busy machine
/// a single answer takes seconds.
pub const DEPENDENT_ATTEMPTS: usize = 4;
/// A host that boots: sshd is up within seconds of the first answer, and a login costs the host
/// more than us.
pub const BOOTING: Pauses = Pauses::new(Duration::from_millis(500), Duration::from_secs(5));
/// The longest pause of a question that a region refuses, whatever its pace: with chance, 45 to 90
/// seconds.
pub const LONGEST_REFUSED: Duration = Duration::from_secs(45);
/// How often an upload or a set-up whose connection was cut is begun again.
pub const CUT_RETRIES: u32 = 3;
/// A server that has no room for another session: it has not closed the last one yet
/// (`MaxSessions`).
pub const CLOSING: Pauses = Pauses::new(Duration::from_millis(50), Duration::from_secs(1));
/// How long that may take.
pub const CLOSING_TIMEOUT: Duration = Duration::from_secs(5);
/// Until a keeper tries again to open the keys of its nodes: there may be an agent by then, and a lease
/// is longer.
pub const OPENED: Pauses = Pauses::new(Duration::from_mins(1), Duration::from_mins(5));
/// Between two tries while another deployment holds the lock of an instance.
pub const LOCKED_PAUSE: Duration = Duration::from_secs(30);

/// How long EC2 may take from pending to running, and tell an address. It takes under a minute;
/// large bare-metal types take the longest, up to ten.
pub const BOOT_TIMEOUT: Duration = Duration::from_mins(10);
/// How long AWS may be out of order before it has told who we are and which regions there are: the
/// SDK's own three attempts are over within seconds, and a deployment of STS or a balancer takes
/// longer.
pub const ACCOUNT_TIMEOUT: Duration = Duration::from_mins(1);
/// How long an instance may take from stopping until its spot request is `disabled`: a minute, on
/// bare metal several, and then the request follows within two (seen in the field; AWS names about
/// two minutes for the same message after a hibernation).
pub const STOP_TIMEOUT: Duration = Duration::from_mins(10);
/// How long EC2 may throttle a reboot: with many at once it takes five of such calls a second.
pub const REBOOT_TIMEOUT: Duration = Duration::from_mins(5);
/// Between two starts of what found no room in the zone of its volumes.
pub const CAPACITY: Pauses = Pauses::new(Duration::from_secs(15), Duration::from_mins(1));
/// How long a start waits for such room. A zone that is out of a type is so for minutes or for
/// hours (Karpenter's and Spot.io's retries): whoever is there decides about the hours.
pub const CAPACITY_TIMEOUT: Duration = Duration::from_mins(15);
/// How long an instance may take from shutting-down to terminated. AWS documents "a few minutes",
/// and up to an hour where the host is broken; by then another run goes on with it.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_mins(15);
/// How long the parts of a network may depend on each other after the last instance is gone: a
/// network interface lingers for a minute or two.
pub const TEARDOWN_TIMEOUT: Duration = Duration::from_mins(5);
/// How long it is tried to make or to delete a launch template.
pub const TEMPLATE_TIMEOUT: Duration = Duration::from_mins(1);
/// For how long the lock between machines is taken.
pub const LOCK_TERM: Duration = Duration::from_mins(5);
/// Between two renewals: two may fail before it is over.
pub const LOCK_RENEWAL: Duration = Duration::from_secs(90);
/// Between two tries of a renewal that failed.
pub const LOCK_RETRY: Duration = Duration::from_secs(10);
/// How long a lock whose time is over has to be seen unchanged before its holder counts as dead:
/// longer than it takes to renew it, for the clocks of two machines may differ.
pub const LOCK_PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks at it meanwhile.
pub const LOCK_LOOK: Duration = Duration::from_secs(10);
/// How long a process that ends tries to let go of it: the next one would wait a few minutes.
pub const LOCK_RELEASE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a pool that was out of capacity is left alone, as launchers in the field do
/// (Karpenter's unavailable offerings: 3 minutes).
pub const UNAVAILABLE_POOL_TTL: Duration = Duration::from_mins(3);

/// How long `deploy_services.sh` may take: it waits for cloud-init, which installs packages. That
/// takes a minute or two, and five times as long on a T3 that has a fifth of its processors.
pub const CONFIGURE_TIMEOUT: Duration = Duration::from_mins(30);
/// How long services may take to come up; they pull their images first, some 400 MB to unpack. That
/// takes half a minute of a processor, and minutes on a T3 that has a fifth of one.
pub const VERIFY_TIMEOUT: Duration = Duration::from_mins(20);
/// How long a host that shook hands may take to let us in, without what an agent's user takes.
pub const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long `node-status` may take: a machine under load is slow.
pub const STATUS_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a drain may take. EC2 gives two minutes from the notice to the end; the notice itself is
/// seen up to four seconds late, or eight where nobody watches.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(100);

/// How long a hook of the user's may take when AWS takes the node back: EC2 gives two minutes, and some
/// seconds are gone before anybody knows.
pub const INTERRUPTED_HOOK_TIMEOUT: Duration = Duration::from_secs(110);
/// How long one may take at any other turn.
pub const HOOK_TIMEOUT: Duration = Duration::from_mins(5);

/// Notifications that did not arrive. Services that limit say themselves for how long (Slack and
/// Discord: seconds); what is down is so for minutes or for hours.
pub const NOTIFY: Pauses = Pauses::new(Duration::from_secs(5), Duration::from_hours(1));
/// How long a webhook may take to answer, and half of what a program may take.
pub const NOTIFY_TIMEOUT: Duration = Duration::from_secs(15);
/// How long it is tried to deliver a notification: who was away for a night still reads it.
pub const NOTIFY_WINDOW: Duration = Duration::from_hours(24);

/// How long a source of credentials may take: a `credential_process` has a minute.
pub const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(75);
/// Between two tries while calls wait for a login and nothing changed.
pub const LOGIN_AGAIN: Duration = Duration::from_mins(1);
/// Between two looks whether somebody signed in in another terminal.
pub const LOGIN_LOOK: Duration = Duration::from_secs(2);

/// After so many attempts any pause is the longest.
const MANY: u32 = 40;

/// How pauses grow: from the first to the longest, doubling, each lengthened by up to its own
/// length by chance, so that what was refused together does not come back together.
#[derive(Debug, Clone, Copy)]
pub struct Pauses(ExponentialBuilder);

impl Pauses {
    /// Pauses without an end: when to give up is the caller's to say.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        let doubling = ExponentialBuilder::new().with_factor(2.0).with_jitter();
        let doubling = doubling.with_min_delay(first).with_max_delay(longest);
        Self(doubling.without_max_times())
    }

    /// The pause after so many attempts, for who does not live through all of them.
    pub fn after(self, attempts: u32) -> Duration {
        let mut backoff = self.backoff();
        let pauses = (0..attempts.clamp(1, MANY)).map(|_| backoff.pause());
        pauses.last().unwrap_or_default()
    }

    /// The state of one loop that retries.
    pub fn backoff(self) -> Backoff {
        Backoff { pauses: self, left: self.0.build() }
    }
}

/// Where a loop that retries is among its pauses.
#[derive(Debug)]
pub struct Backoff {
    pauses: Pauses,
    left: ExponentialBackoff,
}

impl Backoff {
    /// The pause before the next attempt; the one after it is longer.
    pub fn pause(&mut self) -> Duration {
        // It has no end; where backon's arithmetic finds one, the first pause is none too long.
        self.left.next().unwrap_or_default()
    }

    /// It was answered: the next refusal begins with the first pause.
    pub fn reset(&mut self) {
        self.left = self.pauses.0.build();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_eight(pauses: Pauses) -> Vec<Duration> {
        let mut backoff = pauses.backoff();
        (0..8).map(|_| backoff.pause()).collect()
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_differ_from_loop_to_loop() {
        let pauses = first_eight(BOOTING);
        let base = [500, 1000, 2000, 4000, 5000, 5000, 5000, 5000].map(Duration::from_millis);
        for (pause, base) in pauses.iter().zip(base) {
            assert!((base..=base * 2).contains(pause), "{pause:?} of {base:?}");
        }
        assert_ne!(pauses, first_eight(BOOTING), "no two loops knock in step");
    }

    #[test]
    fn chance_can_be_repeated() {
        fastrand::seed(7);
        let pauses = first_eight(THROTTLED);
        fastrand::seed(7);
        assert_eq!(pauses, first_eight(THROTTLED));
    }

    #[test]
    fn a_pause_follows_from_the_number_of_attempts() {
        for (attempts, base) in [(0, 5), (1, 5), (3, 20), (12, 3600), (10_000, 3600)] {
            let (pause, base) = (NOTIFY.after(attempts), Duration::from_secs(base));
            assert!((base..=base * 2).contains(&pause), "{attempts}: {pause:?}");
        }
    }

    #[test]
    fn an_answer_begins_anew() {
        let mut backoff = THROTTLED.backoff();
        for _ in 0..6 {
            backoff.pause();
        }
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_secs(1));
    }
}
