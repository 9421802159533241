//! Who vouches for the key of a host that nobody knows yet: the instance's console, which comes over
//! EC2's API and not over the network in between. Nothing is sent to the host before it has spoken.
//!
//! Not here: what follows from it. The pipeline says it, and logs in or fails.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::aws::{ConsoleKeys, Ec2, host_key_fingerprints};
use crate::fleet::InstanceId;

/// The console of one instance.
#[derive(Debug)]
pub(super) struct Console<'a> {
    pub ec2: &'a Ec2,
    pub id: &'a InstanceId,
    /// Between two questions.
    pub every: Duration,
    /// How long it may be silent.
    pub timeout: Duration,
}

/// What a console tells of its host's keys.
#[derive(Debug)]
pub(super) enum Told {
    /// The fingerprints of its keys.
    Keys(Vec<String>),
    /// None, and why not: its boot has ended without any, or it was silent for too long.
    Nothing(String),
}

/// What a console says of a key that its host showed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opinion {
    /// It is one of its keys.
    Vouches,
    /// Its keys are these, and it will not tell of others.
    Denies(Vec<String>),
    /// It tells no keys at all.
    None,
}

impl Console<'_> {
    /// The keys that it tells, as soon as it tells any.
    pub(super) async fn told(&self) -> Told {
        match self.ask_until(|keys| !keys.fingerprints.is_empty()).await {
            Ok(keys) if keys.fingerprints.is_empty() => {
                Told::Nothing("its boot ended without a host key on its console".to_owned())
            }
            Ok(keys) => Told::Keys(keys.fingerprints),
            Err(silent) => Told::Nothing(silent),
        }
    }

    /// What it says of a key. The keys of a machine are printed one after the other while it boots:
    /// one that is not among them is wrong only when all have been told.
    pub(super) async fn opinion(&self, fingerprint: &str) -> Opinion {
        let mut told = Vec::new();
        let is_told = |keys: &ConsoleKeys| {
            told.clone_from(&keys.fingerprints);
            keys.fingerprints.iter().any(|key| key == fingerprint)
        };
        // Silent or not: what it told last is what there is.
        let _ = self.ask_until(is_told).await;
        match told {
            told if told.iter().any(|key| key == fingerprint) => Opinion::Vouches,
            told if told.is_empty() => Opinion::None,
            told => Opinion::Denies(told),
        }
    }

    /// Asks until this is so or until nothing more will be told. An error where the time is over
    /// first, in words for the user.
    async fn ask_until(
        &self,
        mut is_enough: impl FnMut(&ConsoleKeys) -> bool,
    ) -> Result<ConsoleKeys, String> {
        let deadline = Instant::now() + self.timeout;
        loop {
            let silence = match self.ec2.console_output(self.id).await {
                Ok(text) => {
                    let keys = text.as_deref().map(host_key_fingerprints).unwrap_or_default();
                    if is_enough(&keys) || keys.is_final {
                        return Ok(keys);
                    }
                    format!("its console told no host key within {} s", self.timeout.as_secs())
                }
                Err(error) => format!("its console cannot be read: {error}"),
            };
            if Instant::now() + self.every > deadline {
                return Err(silence);
            }
            sleep(self.every).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::aws::scripted;

    const RSA: &str = "SHA256:Zl3zn1lFvV4qB9m3vQ3GZf0zW0bW3CwzBq0d+2k/XyE";
    const ED: &str = "SHA256:0WnO0q1QFMlW3TxQyC1Gv5qPmXz0jfvAq8N1s0aJm7c";

    fn made(digest: &str) -> String {
        format!("The key fingerprint is:\r\n{digest} root@host\r\n")
    }

    /// Puts a question to a console that says these things one after the other.
    async fn asked<T>(says: Vec<String>, put: impl AsyncFnOnce(Console<'_>) -> T) -> (T, Duration) {
        let asked = AtomicUsize::new(0);
        let (ec2, _) = scripted::ec2(move |_| {
            let nth = asked.fetch_add(1, Ordering::SeqCst).min(says.len() - 1);
            let output = STANDARD.encode(&says[nth]);
            let text = format!(
                "<GetConsoleOutputResponse><output>{output}</output></GetConsoleOutputResponse>"
            );
            (200, text)
        })
        .await;
        let (every, timeout) = (Duration::from_secs(5), Duration::from_mins(15));
        let begun = Instant::now();
        let said = put(Console { ec2: &ec2, id: &"i-1".into(), every, timeout }).await;
        (said, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_is_told_later_is_no_wrong_one() {
        let says = vec![made(RSA), made(RSA), made(RSA) + &made(ED)];
        let (opinion, took) = asked(says, async |it| it.opinion(ED).await).await;
        assert_eq!(opinion, Opinion::Vouches);
        assert!(took >= Duration::from_secs(10), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn another_key_is_wrong_when_all_are_told() {
        let end = "Cloud-init v. 25.2 finished at Fri, 20 Nov 2026 09:00:10 +0000.\r\n";
        let says = vec![made(RSA), made(RSA) + end];
        let (opinion, took) = asked(says, async |it| it.opinion(ED).await).await;
        assert_eq!(opinion, Opinion::Denies(vec![RSA.to_owned()]));
        assert!(took < Duration::from_secs(10), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_console_is_waited_for_and_says_nothing() {
        let (told, took) = asked(vec!["Linux".into()], async |it| it.told().await).await;
        assert!(matches!(&told, Told::Nothing(why) if why.contains("within 900 s")), "{told:?}");
        assert!(took >= Duration::from_secs(890), "{took:?}");
        let (opinion, _) = asked(vec!["Linux".into()], async |it| it.opinion(ED).await).await;
        assert_eq!(opinion, Opinion::None);
    }
}
