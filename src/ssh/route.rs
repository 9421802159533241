//! From a host's name to the way there: address, user, keys and jump hosts, as `ssh_config` and
//! our own settings say.
//!
//! What our settings say explicitly wins over `ssh_config`, and that over the defaults. Within
//! `ssh_config` the first value wins, except for `IdentityFile`, which adds up (ssh_config(5)).

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SshError;
use super::config::{
    Condition, Criterion, Pattern, Place, Rule, SshConfigFile, Test, expand_tilde,
};

/// A chain longer than this is a loop.
const MOST_HOPS: usize = 8;
const DEFAULT_PORT: u16 = 22;
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What our own configuration says about SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The user to log in as when `ssh_config` names none.
    pub default_user: String,
    /// The user to log in as, whatever `ssh_config` says.
    pub user: Option<String>,
    /// Who logs in on jump hosts for which `ssh_config` names nobody: the user of this machine.
    pub local_user: String,
    /// The port, whatever `ssh_config` says.
    pub port: Option<u16>,
    /// The private key; the only one that is tried when it is given.
    pub identity: Option<PathBuf>,
    /// The socket of the ssh-agent; `None` uses no agent.
    pub agent: Option<PathBuf>,
    /// The user's home: `~`, `~/.ssh/known_hosts` and the usual key files.
    pub home: PathBuf,
}

impl Settings {
    /// The settings of a user who configured nothing: home from the environment, no agent.
    pub fn new(default_user: impl Into<String>) -> Self {
        let default_user = default_user.into();
        Self {
            local_user: std::env::var("USER").unwrap_or_else(|_| default_user.clone()),
            default_user,
            user: None,
            port: None,
            identity: None,
            agent: None,
            home: std::env::home_dir().unwrap_or_else(|| "/".into()),
        }
    }
}

/// Where the user's ssh-agent listens: SSH_AUTH_SOCK.
pub fn agent() -> Option<PathBuf> {
    std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty()).map(PathBuf::from)
}

/// The way to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The jump hosts, the nearest first.
    pub jumps: Vec<Hop>,
    /// The host itself.
    pub target: Hop,
}

/// One host on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The name that was asked for.
    pub alias: String,
    /// The name or address that is dialled.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// Key files, in the order in which they are tried; empty for the usual ones.
    pub identities: Vec<PathBuf>,
    /// Whether only these keys may be tried, not all those of the agent.
    pub identities_only: bool,
    /// How long the TCP connection may take.
    pub connect_timeout: Duration,
}

impl Hop {
    /// `host:port`, for messages.
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// The way to `host`.
pub fn resolve(config: &SshConfigFile, host: &str, settings: &Settings) -> Result<Route, SshError> {
    let user = User { given: settings.user.as_deref(), fallback: &settings.default_user };
    let found = Found::of(config, host, user)?;
    let mut target = found.hop(config, host, user, settings)?;
    if let Some(port) = settings.port {
        target.port = port;
    }
    if let Some(identity) = &settings.identity {
        target.identities = vec![expand_tilde(&identity.to_string_lossy(), &config.home)];
        target.identities_only = true;
    }
    let jumps = jumps(config, &found, settings, 0)?;
    Ok(Route { jumps, target })
}

/// The chain of a `ProxyJump`. Only its first host's own `ProxyJump` counts: OpenSSH reaches the
/// first one as if the user had typed it, and the others through it.
fn jumps(
    config: &SshConfigFile,
    found: &Found<'_>,
    settings: &Settings,
    depth: usize,
) -> Result<Vec<Hop>, SshError> {
    let Some(rule) = found.proxy_jump else { return Ok(Vec::new()) };
    let list = rule.arguments.join("");
    if list.eq_ignore_ascii_case("none") {
        return Ok(Vec::new());
    }
    if depth > MOST_HOPS {
        return Err(rule.place.error("the jump hosts lead in a circle"));
    }
    let mut hops = Vec::new();
    for (index, jump) in list.split(',').enumerate() {
        let (user, host, port) = split_jump(jump).ok_or_else(|| {
            rule.place.error(format!("`{jump}` is not a jump host ([user@]host[:port])"))
        })?;
        let user = User { given: user, fallback: &settings.local_user };
        let own = Found::of(config, host, user)?;
        if index == 0 {
            hops = jumps(config, &own, settings, depth + 1)?;
        }
        let mut hop = own.hop(config, host, user, settings)?;
        hop.port = port.unwrap_or(hop.port);
        hops.push(hop);
    }
    Ok(hops)
}

/// `[user@]host[:port]`, also as `ssh://...`, with IPv6 addresses in brackets.
fn split_jump(jump: &str) -> Option<(Option<&str>, &str, Option<u16>)> {
    let jump = jump.strip_prefix("ssh://").unwrap_or(jump);
    let (user, rest) =
        jump.rsplit_once('@').map_or((None, jump), |(user, rest)| (Some(user), rest));
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            (host, after.strip_prefix(':'))
        }
        None if rest.matches(':').count() == 1 => {
            rest.split_once(':').map(|(host, port)| (host, Some(port)))?
        }
        None => (rest, None),
    };
    let port = match port {
        Some(port) => Some(port.parse().ok()?),
        None => None,
    };
    (!host.is_empty() && user != Some("")).then_some((user, host, port))
}

/// Who logs in: the one that was given, else `ssh_config`'s, else the fallback.
#[derive(Clone, Copy)]
struct User<'a> {
    given: Option<&'a str>,
    fallback: &'a str,
}

/// The rules that hold for one host, the first of each kind.
#[derive(Default)]
struct Found<'a> {
    host_name: Option<&'a Rule>,
    port: Option<&'a Rule>,
    user: Option<&'a Rule>,
    identity_files: Vec<&'a Rule>,
    identities_only: Option<&'a Rule>,
    proxy_jump: Option<&'a Rule>,
    proxy_command: Option<&'a Rule>,
    connect_timeout: Option<&'a Rule>,
    local_command: Option<&'a Rule>,
    permit_local_command: Option<&'a Rule>,
}

impl<'a> Found<'a> {
    fn of(config: &'a SshConfigFile, host: &str, user: User<'_>) -> Result<Self, SshError> {
        let mut found = Self::default();
        for rule in &config.rules {
            let subject =
                Subject { original: host, host: &found.host(host)?, user: found.user(user) };
            if subject.is_under(&rule.scope)? {
                found.take(rule);
            }
        }
        found.refuse_commands()?;
        Ok(found)
    }

    fn take(&mut self, rule: &'a Rule) {
        let slot = match rule.keyword.as_str() {
            "hostname" => &mut self.host_name,
            "port" => &mut self.port,
            "user" => &mut self.user,
            "identityfile" => return self.identity_files.push(rule),
            "identitiesonly" => &mut self.identities_only,
            // The one of the two that comes first shuts the other out (ssh_config(5)).
            "proxyjump" if self.proxy_command.is_none() => &mut self.proxy_jump,
            "proxycommand" if self.proxy_jump.is_none() => &mut self.proxy_command,
            "connecttimeout" => &mut self.connect_timeout,
            "localcommand" => &mut self.local_command,
            "permitlocalcommand" => &mut self.permit_local_command,
            _ => return,
        };
        slot.get_or_insert(rule);
    }

    /// Commands are never run, and leaving one out quietly would lead elsewhere than `ssh` does.
    fn refuse_commands(&self) -> Result<(), SshError> {
        let refusal = |rule: &Rule, name: &str, instead: &str| {
            Err(rule.place.error(format!(
                "`{name}` runs a command, which spot-tui never does; {instead}point \
                 ssh.config_file at a file without it"
            )))
        };
        if let Some(rule) = self.proxy_command
            && !rule.is("none")
        {
            return refusal(rule, "ProxyCommand", "use ProxyJump, or ");
        }
        if let Some(rule) = self.local_command
            && self.permit_local_command.is_some_and(|permit| permit.is("yes"))
        {
            return refusal(rule, "LocalCommand", "");
        }
        Ok(())
    }

    fn host(&self, original: &str) -> Result<String, SshError> {
        match self.host_name {
            None => Ok(original.to_owned()),
            Some(rule) => expand(rule, &[('h', original)]),
        }
    }

    fn user<'u>(&self, user: User<'u>) -> &'u str
    where
        'a: 'u,
    {
        user.given.or_else(|| self.user.and_then(Rule::value)).unwrap_or(user.fallback)
    }

    fn hop(
        &self,
        config: &SshConfigFile,
        alias: &str,
        user: User<'_>,
        settings: &Settings,
    ) -> Result<Hop, SshError> {
        let host = self.host(alias)?;
        let user = self.user(user).to_owned();
        let port = self.port.map(|rule| rule.number(1..=65535)).transpose()?;
        let port = port.and_then(|port| u16::try_from(port).ok()).unwrap_or(DEFAULT_PORT);
        let connect_timeout = match self.connect_timeout {
            Some(rule) if rule.is("none") => DEFAULT_CONNECT_TIMEOUT,
            Some(rule) => Duration::from_secs(rule.number(1..=3600)?),
            None => DEFAULT_CONNECT_TIMEOUT,
        };
        let home = config.home.to_string_lossy();
        let tokens = [
            ('d', &*home),
            ('h', &host),
            ('n', alias),
            ('p', &port.to_string()),
            ('r', &user),
            ('u', &settings.local_user),
        ];
        let identities = self
            .identity_files
            .iter()
            .filter(|rule| !rule.is("none"))
            .map(|rule| Ok(expand_tilde(&expand(rule, &tokens)?, &config.home)))
            .collect::<Result<Vec<PathBuf>, SshError>>()?;
        Ok(Hop {
            alias: alias.to_owned(),
            host,
            port,
            user,
            identities,
            identities_only: self.identities_only.is_some_and(|rule| rule.is("yes")),
            connect_timeout,
        })
    }
}

impl Rule {
    fn value(&self) -> Option<&str> {
        self.arguments.first().map(String::as_str)
    }

    fn is(&self, word: &str) -> bool {
        self.value().is_some_and(|value| value.eq_ignore_ascii_case(word))
    }

    fn number(&self, range: std::ops::RangeInclusive<u64>) -> Result<u64, SshError> {
        let value = self.value().unwrap_or_default();
        value.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            self.place.error(format!(
                "`{} {value}` is not a number from {} to {}",
                self.keyword,
                range.start(),
                range.end()
            ))
        })
    }
}

/// Whom the conditions are about.
struct Subject<'a> {
    original: &'a str,
    host: &'a str,
    user: &'a str,
}

impl Subject<'_> {
    fn is_under(&self, scope: &[std::sync::Arc<Condition>]) -> Result<bool, SshError> {
        for condition in scope {
            let holds = match &**condition {
                Condition::Host(patterns) => Pattern::any(patterns, self.original),
                Condition::Match(criteria) => self.matches(criteria)?,
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A criterion that cannot be decided is refused only where the others leave it to decide.
    fn matches(&self, criteria: &[Criterion]) -> Result<bool, SshError> {
        let mut undecided: Option<(&Place, &str)> = None;
        for criterion in criteria {
            let holds = match &criterion.test {
                Test::All => true,
                Test::Host(patterns) => Pattern::any(patterns, self.host),
                Test::OriginalHost(patterns) => Pattern::any(patterns, self.original),
                Test::User(patterns) => Pattern::any(patterns, self.user),
                Test::Unknown(word) => {
                    undecided = Some((&criterion.place, word));
                    continue;
                }
            };
            if holds == criterion.negated {
                return Ok(false);
            }
        }
        match undecided {
            None => Ok(true),
            Some((place, word)) => Err(place.error(format!(
                "`Match {word}` is not known to spot-tui and could apply to {}; point \
                 ssh.config_file at a file without it",
                self.original
            ))),
        }
    }
}

/// Replaces `%x` tokens and, as OpenSSH does for key files, `${VARIABLE}`.
fn expand(rule: &Rule, tokens: &[(char, &str)]) -> Result<String, SshError> {
    let text = rule.value().unwrap_or_default();
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['%', '$']) {
        expanded.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if rest[at..].starts_with("${") {
            let (name, tail) = after[1..]
                .split_once('}')
                .ok_or_else(|| rule.place.error(format!("`{text}` lacks a `}}`")))?;
            let value = std::env::var(name).map_err(|_| {
                rule.place.error(format!("the environment variable {name} is not set"))
            })?;
            expanded.push_str(&value);
            rest = tail;
        } else if rest[at..].starts_with('$') {
            expanded.push('$');
            rest = after;
        } else {
            let token = after.chars().next();
            let value = match token {
                Some('%') => "%",
                Some(token) => tokens
                    .iter()
                    .find_map(|(name, value)| (*name == token).then_some(*value))
                    .ok_or_else(|| rule.place.error(format!("`%{token}` is not known here")))?,
                None => return Err(rule.place.error(format!("`{text}` ends with a `%`"))),
            };
            expanded.push_str(value);
            rest = &after[token.map_or(0, char::len_utf8)..];
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Where the user keeps keys and known hosts.
pub(super) fn ssh_folder(home: &Path) -> PathBuf {
    home.join(".ssh")
}

#[cfg(test)]
mod tests;
