//! The settings that this program honours, as values, and a word about those that it does not.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::keyword as option;
use super::location::Location;
use super::pattern::{Case, Pattern};
use super::select::{Chosen, Setting};
use super::tokens::{Tokens, expand_tilde};
use crate::ssh::SshError;

/// Settings that change who is reached, or how, and are not followed; and the values with which
/// they change nothing. All others (forwardings, terminals, logs, multiplexing) are no business
/// of a client of ours.
const NOT_HONOURED: [(&str, &[&str]); 16] = [
    ("addressfamily", &["any"]),
    ("bindaddress", &[]),
    ("bindinterface", &[]),
    ("casignaturealgorithms", &[]),
    ("canonicalizehostname", &["no", "false"]),
    ("ciphers", &[]),
    ("hostkeyalgorithms", &[]),
    ("kexalgorithms", &[]),
    ("knownhostscommand", &["none"]),
    ("macs", &[]),
    ("pkcs11provider", &["none"]),
    ("proxyusefdpass", &["no", "false"]),
    ("pubkeyacceptedalgorithms", &[]),
    ("pubkeyauthentication", &["yes", "true", "unbound", "host-bound"]),
    ("revokedhostkeys", &["none"]),
    ("verifyhostkeydns", &["no", "false", "ask"]),
];

/// OpenSSH's own (ssh_config(5), GlobalKnownHostsFile).
const GLOBAL_KNOWN_HOSTS: [&str; 2] = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];
const USER_KNOWN_HOSTS: [&str; 2] = ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"];

/// Which ssh-agent is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ssh) enum AgentChoice {
    /// The one of the environment.
    Usual,
    /// None at all.
    Nobody,
    /// The one that listens here.
    At(PathBuf),
}

/// What becomes of a host whose key nobody knows (ssh_config(5), StrictHostKeyChecking).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ssh) enum Strictness {
    /// It is refused: nobody is there to be asked.
    Known,
    /// A new key is kept, a changed one is refused.
    AcceptNew,
    /// Any key will do but a revoked one.
    Off,
}

/// When a silent connection is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ssh) struct KeepAlive {
    /// Between two questions whether the far side is there.
    pub(in crate::ssh) interval: Duration,
    /// How many may stay unanswered.
    pub(in crate::ssh) count: usize,
}

impl Default for KeepAlive {
    /// Where nothing is set `ssh` never asks; we cannot wait for ever.
    fn default() -> Self {
        Self { interval: Duration::from_secs(15), count: 3 }
    }
}

impl Chosen {
    pub(in crate::ssh) fn port(&self) -> Result<Option<u16>, SshError> {
        // A service's name will do for `ssh`; of those in services(5) one makes sense.
        let number = |set: &Setting| if set.is("ssh") { Ok(22) } else { set.number(1..=65535) };
        let port = self.get(option::PORT).map(number).transpose()?;
        Ok(port.and_then(|port| u16::try_from(port).ok()))
    }

    /// `None` where nothing is said, or `none`.
    pub(in crate::ssh) fn connect_timeout(&self) -> Result<Option<Duration>, SshError> {
        let set = self.get(option::CONNECT_TIMEOUT).filter(|set| !set.is("none"));
        set.map(Setting::time).transpose().map(|limit| limit.filter(|limit| !limit.is_zero()))
    }

    pub(in crate::ssh) fn is_yes(&self, keyword: &str) -> bool {
        self.get(keyword).is_some_and(|set| set.is("yes"))
    }

    pub(in crate::ssh) fn strictness(&self) -> Result<Strictness, SshError> {
        let Some(set) = self.get(option::STRICT_HOST_KEY_CHECKING) else {
            return Ok(Strictness::Known);
        };
        if set.is("yes") || set.is("ask") {
            Ok(Strictness::Known)
        } else if set.is("accept-new") {
            Ok(Strictness::AcceptNew)
        } else if set.is("no") || set.is("off") {
            Ok(Strictness::Off)
        } else {
            Err(set.at.error(format!(
                "`StrictHostKeyChecking {}` is none of yes, ask, accept-new, no",
                set.value()
            )))
        }
    }

    pub(in crate::ssh) fn keep_alive(&self) -> Result<KeepAlive, SshError> {
        let usual = KeepAlive::default();
        let interval = self.get(option::SERVER_ALIVE_INTERVAL).map(Setting::time).transpose()?;
        let count = self.get(option::SERVER_ALIVE_COUNT_MAX);
        let count = count.map(|set| set.number(1..=1_000_000)).transpose()?;
        Ok(KeepAlive {
            interval: interval.filter(|every| !every.is_zero()).unwrap_or(usual.interval),
            count: count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usual.count),
        })
    }

    /// `IdentityAgent`, with its special words (ssh_config(5)).
    pub(in crate::ssh) fn agent(
        &self,
        tokens: &Tokens,
        home: &std::path::Path,
    ) -> Result<AgentChoice, SshError> {
        let Some(set) = self.get(option::IDENTITY_AGENT) else { return Ok(AgentChoice::Usual) };
        let value = set.value();
        if value == "none" {
            return Ok(AgentChoice::Nobody);
        }
        if value == "SSH_AUTH_SOCK" {
            return Ok(AgentChoice::Usual);
        }
        let variable = value.strip_prefix('$').filter(|rest| !rest.starts_with('{'));
        if let Some(name) = variable {
            let socket = std::env::var_os(name).filter(|socket| !socket.is_empty());
            return Ok(socket.map_or(AgentChoice::Nobody, |path| AgentChoice::At(path.into())));
        }
        Ok(AgentChoice::At(expand_tilde(&tokens.expand(&set.at, value)?, home)))
    }

    /// The paths of one of the keywords that add up; `none` stands for no file.
    pub(in crate::ssh) fn files(
        &self,
        keyword: &str,
        tokens: &Tokens,
        home: &std::path::Path,
    ) -> Result<Vec<PathBuf>, SshError> {
        self.all(keyword)
            .filter(|set| !set.is("none"))
            .map(|set| Ok(expand_tilde(&tokens.expand(&set.at, set.value())?, home)))
            .collect()
    }

    /// The user's `known_hosts` files, then the system's.
    pub(in crate::ssh) fn known_hosts(
        &self,
        tokens: &Tokens,
        home: &std::path::Path,
    ) -> Result<(Vec<PathBuf>, Vec<PathBuf>), SshError> {
        let files = |keyword: &str, usual: [&str; 2], tokens: Option<&Tokens>| {
            let Some(set) = self.get(keyword) else {
                return Ok(usual.iter().map(|path| expand_tilde(path, home)).collect());
            };
            let named = set.arguments.iter().filter(|path| !path.eq_ignore_ascii_case("none"));
            named
                .map(|path| {
                    let path = match tokens {
                        Some(tokens) => tokens.expand(&set.at, path)?,
                        None => path.clone(),
                    };
                    Ok(expand_tilde(&path, home))
                })
                .collect::<Result<Vec<PathBuf>, SshError>>()
        };
        Ok((
            files(option::USER_KNOWN_HOSTS_FILE, USER_KNOWN_HOSTS, Some(tokens))?,
            files(option::GLOBAL_KNOWN_HOSTS_FILE, GLOBAL_KNOWN_HOSTS, None)?,
        ))
    }

    /// What is set for this host and not followed.
    pub(in crate::ssh) fn not_honoured(&self) -> Vec<String> {
        self.unknown().chain(self.known_and_not_honoured()).collect()
    }

    /// A slip of the finger, which `ssh` refuses; or an option of tomorrow.
    fn unknown(&self) -> impl Iterator<Item = String> {
        let ignored = self.get(option::IGNORE_UNKNOWN);
        let ignored = ignored.map(|set| Pattern::list(set.value())).unwrap_or_default();
        let is_passed_over = move |set: &&Setting| {
            option::is_known(&set.keyword) || Pattern::any(&ignored, &set.keyword, Case::Ignored)
        };
        self.every().filter(move |set| !is_passed_over(set)).map(
            |Setting { at, keyword, .. }| {
                format!("{at}: `{keyword}` is no option of ssh_config(5) and is passed over")
            },
        )
    }

    fn known_and_not_honoured(&self) -> impl Iterator<Item = String> {
        self.every()
            .filter(|set| {
                NOT_HONOURED.iter().any(|(keyword, harmless)| {
                    *keyword == set.keyword && !harmless.iter().any(|word| set.is(word))
                })
            })
            .map(|set| {
                let Setting { at, keyword, .. } = set;
                format!("{at}: `{keyword} {}` is not honoured", set.value())
            })
    }
}

impl Setting {
    fn number(&self, range: RangeInclusive<u64>) -> Result<u64, SshError> {
        let value = self.value();
        value.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            self.at.error(format!(
                "`{} {value}` is not a number from {} to {}",
                self.keyword,
                range.start(),
                range.end()
            ))
        })
    }

    /// Seconds, or `1h30m` and the like (sshd_config(5), TIME FORMATS).
    fn time(&self) -> Result<Duration, SshError> {
        let wrong = |at: &Location| {
            at.error(format!("`{} {}` is not a time such as 30 or 5m", self.keyword, self.value()))
        };
        parse_time(self.value()).ok_or_else(|| wrong(&self.at))
    }
}

fn parse_time(text: &str) -> Option<Duration> {
    let mut total = 0_u64;
    let mut number = String::new();
    for c in text.chars() {
        let unit = match c.to_ascii_lowercase() {
            digit if digit.is_ascii_digit() => {
                number.push(digit);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86400,
            'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    if !number.is_empty() {
        total = total.checked_add(number.parse().ok()?)?;
    }
    let seconds = u32::try_from(total).ok().filter(|_| !text.is_empty())?;
    Some(Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_sshd_config_has_them() {
        let seconds = |text| parse_time(text).map(|time| time.as_secs());
        assert_eq!(seconds("600"), Some(600));
        assert_eq!(seconds("10m"), Some(600));
        assert_eq!(seconds("1h30m"), Some(5400));
        assert_eq!(seconds("1W"), Some(604_800));
        for wrong in ["", "m", "5x", "-1", "99999999999"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
