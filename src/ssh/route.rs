//! From a host's name to the way there: address, user, keys and jump hosts, as `ssh_config` and
//! our own settings say.
//!
//! What our settings say explicitly wins over `ssh_config`, as if it stood on `ssh`'s command line,
//! and that over the defaults. One thing is ours: a `User` that `ssh_config` gives to all hosts
//! does not beat the user that the images have.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SshError;
use super::config::keyword as option;
use super::config::{
    AgentChoice, Chosen, HostFacts, KeepAlive, Setting, SshConfigFile, Strictness, Subject, Tokens,
    expand_tilde, local_user,
};

/// A chain longer than this is a loop.
const MOST_HOPS: usize = 8;
const DEFAULT_PORT: u16 = 22;
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What our own configuration says about SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The user to log in as when `ssh_config` names none for this host in particular.
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
        Self {
            default_user: default_user.into(),
            local_user: local_user(),
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
    /// What `ssh_config` says and was passed over, each with its file and line.
    pub notes: Vec<String>,
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
    /// Certificates that belong to one of the keys.
    pub certificates: Vec<PathBuf>,
    /// How long the TCP connection may take.
    pub connect_timeout: Duration,
    /// Whether it is on the way to another host.
    pub is_jump: bool,
    /// Who signs.
    pub(super) agent: AgentChoice,
    /// Where its key is looked up, and what becomes of one that is not there.
    pub(super) known_hosts: KnownHosts,
    /// When a silent connection is given up.
    pub(super) keep_alive: KeepAlive,
}

/// Where a host's key is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownHosts {
    /// The name under which it is looked up, instead of the host's own.
    pub(super) alias: Option<String>,
    /// The user's files; a new key is kept in the first one.
    pub(super) user_files: Vec<PathBuf>,
    /// The system's files.
    pub(super) system_files: Vec<PathBuf>,
    pub(super) strictness: Strictness,
    /// Whether a name is written as a hash.
    pub(super) is_hashed: bool,
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
    let subject = ours(host, settings);
    let chosen = config.select(&subject)?;
    let mut target = hop(config, &chosen, &subject)?;
    if let Some(identity) = &settings.identity {
        target.identities = vec![expand_tilde(&identity.to_string_lossy(), config.home())];
        target.identities_only = true;
    }
    let mut notes = notes(&chosen);
    let jumps = jumps(config, &chosen, &target, settings, 0, &mut notes)?;
    notes.sort();
    notes.dedup();
    Ok(Route { jumps, target, notes })
}

/// Who logs in on `host`.
pub(super) fn user_of(
    config: &SshConfigFile,
    host: &str,
    settings: &Settings,
) -> Result<String, SshError> {
    let subject = ours(host, settings);
    config.select(&subject).map(|chosen| subject.login(&chosen).to_owned())
}

/// A host of ours, with what our settings say.
fn ours<'a>(host: &'a str, settings: &'a Settings) -> Subject<'a> {
    Subject {
        typed: host,
        user: settings.user.as_deref(),
        fallback_user: &settings.default_user,
        general_user_counts: false,
        port: settings.port,
        local_user: &settings.local_user,
    }
}

/// The chain of a `ProxyJump`. Only its first host's own `ProxyJump` counts: OpenSSH reaches the
/// first one as if the user had typed it, and the others through it.
fn jumps(
    config: &SshConfigFile,
    chosen: &Chosen,
    beyond: &Hop,
    settings: &Settings,
    depth: usize,
    told: &mut Vec<String>,
) -> Result<Vec<Hop>, SshError> {
    let Some(rule) = chosen.get(option::PROXY_JUMP).filter(|rule| !rule.is("none")) else {
        return Ok(Vec::new());
    };
    if depth > MOST_HOPS {
        return Err(rule.at.error("the jump hosts lead in a circle"));
    }
    // It becomes part of a ProxyCommand in OpenSSH, so that its tokens are those.
    let (port, alias, host) = (beyond.port.to_string(), &beyond.alias, &beyond.host);
    let tokens = Tokens::only(&[('h', host), ('n', alias), ('p', &port), ('r', &beyond.user)]);
    let list = tokens.expand(&rule.at, &rule.arguments.join(""))?;
    let mut hops = Vec::new();
    for (index, jump) in list.split(',').enumerate() {
        let (user, host, port) = split_jump(jump).ok_or_else(|| {
            rule.at.error(format!("`{jump}` is not a jump host ([user@]host[:port])"))
        })?;
        let subject = Subject {
            typed: host,
            user,
            fallback_user: &settings.local_user,
            general_user_counts: true,
            port,
            local_user: &settings.local_user,
        };
        let own = config.select(&subject)?;
        let jump = Hop { is_jump: true, ..hop(config, &own, &subject)? };
        told.extend(notes(&own));
        if index == 0 {
            hops = jumps(config, &own, &jump, settings, depth + 1, told)?;
        }
        hops.push(jump);
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

/// Commands are never run, and leaving one out quietly would lead elsewhere than `ssh` does.
fn refuse_commands(chosen: &Chosen) -> Result<(), SshError> {
    let refusal = |rule: &Setting, name: &str, instead: &str| {
        let text = format!("`{name}` runs a command, which spot-tui never does{instead}");
        Err(rule.at.error(text))
    };
    if let Some(rule) = chosen.get(option::PROXY_COMMAND)
        && !rule.is("none")
    {
        return refusal(rule, "ProxyCommand", "; use ProxyJump");
    }
    if let Some(rule) = chosen.get(option::LOCAL_COMMAND)
        && !rule.is("none")
        && chosen.is_yes(option::PERMIT_LOCAL_COMMAND)
    {
        return refusal(rule, "LocalCommand", "");
    }
    Ok(())
}

fn notes(chosen: &Chosen) -> Vec<String> {
    chosen.notes.iter().cloned().chain(chosen.not_honoured()).collect()
}

/// What was chosen for a host, as values.
fn hop(config: &SshConfigFile, chosen: &Chosen, subject: &Subject<'_>) -> Result<Hop, SshError> {
    refuse_commands(chosen)?;
    let home = config.home();
    let port = subject.port.or(chosen.port()?).unwrap_or(DEFAULT_PORT);
    let user = subject.login(chosen);
    let alias = chosen.get(option::HOST_KEY_ALIAS).map(|set| set.value().to_lowercase());
    let jump = chosen.get(option::PROXY_JUMP).filter(|set| !set.is("none"));
    let jump = jump.and_then(|set| split_jump(set.value().rsplit(',').next()?));
    let facts = HostFacts {
        typed: subject.typed,
        host: &chosen.host,
        port,
        user,
        alias: alias.as_deref().unwrap_or(subject.typed),
        jump: jump.map_or("", |(_, host, _)| host),
    };
    let tokens = Tokens::all(home, subject.local_user, facts);
    let (user_files, system_files) = chosen.known_hosts(&tokens, home)?;
    Ok(Hop {
        alias: subject.typed.to_owned(),
        host: chosen.host.clone(),
        port,
        user: user.to_owned(),
        identities: chosen.files(option::IDENTITY_FILE, &tokens, home)?,
        identities_only: chosen.is_yes(option::IDENTITIES_ONLY),
        certificates: chosen.files(option::CERTIFICATE_FILE, &tokens, home)?,
        connect_timeout: chosen.connect_timeout()?.unwrap_or(DEFAULT_CONNECT_TIMEOUT),
        is_jump: false,
        agent: chosen.agent(&tokens, home)?,
        known_hosts: KnownHosts {
            alias,
            user_files,
            system_files,
            strictness: chosen.strictness()?,
            is_hashed: chosen.is_yes(option::HASH_KNOWN_HOSTS),
        },
        keep_alive: chosen.keep_alive()?,
    })
}

/// Where the user keeps keys and known hosts.
pub(super) fn ssh_folder(home: &Path) -> PathBuf {
    home.join(".ssh")
}

#[cfg(test)]
mod tests;
