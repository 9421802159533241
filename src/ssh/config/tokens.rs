//! `%h` and its like, `${VARIABLE}`, and `~` (ssh_config(5), TOKENS and ENVIRONMENT VARIABLES).

use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

use super::location::Location;
use crate::fleet::text::hexadecimal;
use crate::ssh::SshError;

/// The tokens that need no host.
const EARLY: &str = "dilLu%";

/// What each token stands for.
#[derive(Debug, Clone, Default)]
pub(in crate::ssh) struct Tokens {
    values: Vec<(char, String)>,
    /// Whether `${VARIABLE}` stands for something, too.
    variables: bool,
}

/// The host that tokens are about.
#[derive(Debug, Clone, Copy)]
pub(in crate::ssh) struct HostFacts<'a> {
    /// What was typed: `%n`.
    pub(in crate::ssh) typed: &'a str,
    /// What is dialled: `%h`.
    pub(in crate::ssh) host: &'a str,
    /// `%p`.
    pub(in crate::ssh) port: u16,
    /// Who logs in: `%r`.
    pub(in crate::ssh) user: &'a str,
    /// `%k`; the typed name where there is no alias.
    pub(in crate::ssh) alias: &'a str,
    /// `%j`, empty without a jump host.
    pub(in crate::ssh) jump: &'a str,
}

impl Tokens {
    /// For paths: all tokens of a host, and variables.
    pub(in crate::ssh) fn all(home: &Path, local_user: &str, facts: HostFacts<'_>) -> Self {
        let mut tokens = Self::of_user(home, local_user);
        let HostFacts { typed, host, port, user, alias, jump } = facts;
        let connection = format!("{}{host}{port}{user}{jump}", tokens.value('l').unwrap_or(""));
        for (token, value) in [
            ('n', typed),
            ('h', host),
            ('p', &port.to_string()),
            ('r', user),
            ('k', alias),
            ('j', jump),
            ('C', &hexadecimal(&Sha1::digest(connection))),
        ] {
            tokens.values.push((token, value.to_owned()));
        }
        tokens
    }

    /// Those that are known before a host is.
    pub(super) fn early(home: &Path) -> Self {
        Self::of_user(home, &local_user())
    }

    fn of_user(home: &Path, local_user: &str) -> Self {
        let machine = machine_name();
        let first = machine.split('.').next().unwrap_or_default().to_owned();
        let values = vec![
            ('d', home.to_string_lossy().into_owned()),
            ('i', rustix::process::getuid().as_raw().to_string()),
            ('l', machine),
            ('L', first),
            ('u', local_user.to_owned()),
        ];
        Self { values, variables: true }
    }

    /// These alone, and no variables.
    pub(in crate::ssh) fn only(values: &[(char, &str)]) -> Self {
        let values = values.iter().map(|(token, value)| (*token, (*value).to_owned())).collect();
        Self { values, variables: false }
    }

    fn value(&self, token: char) -> Option<&str> {
        self.values.iter().find(|(name, _)| *name == token).map(|(_, value)| value.as_str())
    }

    /// The text with everything filled in. What is not known is an error, as for `ssh`.
    pub(in crate::ssh) fn expand(&self, at: &Location, text: &str) -> Result<String, SshError> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some(found) = rest.find(['%', '$']) {
            expanded.push_str(&rest[..found]);
            let after = &rest[found + 1..];
            if self.variables && rest[found..].starts_with("${") {
                let (name, tail) = after[1..]
                    .split_once('}')
                    .ok_or_else(|| at.error(format!("`{text}` lacks a `}}`")))?;
                let value = std::env::var(name)
                    .map_err(|_| at.error(format!("the environment variable {name} is not set")))?;
                expanded.push_str(&value);
                rest = tail;
            } else if rest[found..].starts_with('$') {
                expanded.push('$');
                rest = after;
            } else {
                let token = after
                    .chars()
                    .next()
                    .ok_or_else(|| at.error(format!("`{text}` ends with a `%`")))?;
                let value = if token == '%' { Some("%") } else { self.value(token) };
                let unknown = || at.error(format!("`%{token}` is not known here"));
                expanded.push_str(value.ok_or_else(unknown)?);
                rest = &after[token.len_utf8()..];
            }
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

/// Whether all tokens of a text are known before a host is.
pub(super) fn is_known_early(text: &str) -> bool {
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '%' && !rest.next().is_some_and(|token| EARLY.contains(token)) {
            return false;
        }
    }
    true
}

/// `~`, `~/x` and, where the machine knows them, `~somebody/x`.
pub(in crate::ssh) fn expand_tilde(path: &str, home: &Path) -> PathBuf {
    let Some(rest) = path.strip_prefix('~') else { return path.into() };
    let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
    let folder = if name.is_empty() { Some(home.to_owned()) } else { home_of(name) };
    match folder {
        Some(folder) if below.is_empty() => folder,
        Some(folder) => folder.join(below),
        None => path.into(),
    }
}

/// Who uses this machine, as `ssh` sees it: by the number, not by what the environment says.
pub(in crate::ssh) fn local_user() -> String {
    let me = rustix::process::getuid().as_raw().to_string();
    account(|fields| fields.get(2) == Some(&me.as_str()))
        .and_then(|fields| fields.into_iter().next())
        .or_else(|| std::env::var("USER").ok())
        .unwrap_or(me)
}

fn home_of(name: &str) -> Option<PathBuf> {
    account(|fields| fields.first() == Some(&name)).and_then(|fields| Some(fields.get(5)?.into()))
}

/// A line of passwd(5). Accounts of a directory service are not in it: those are not known here.
fn account(is_wanted: impl Fn(&[&str]) -> bool) -> Option<Vec<String>> {
    let text = std::fs::read_to_string("/etc/passwd").ok()?;
    text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        is_wanted(&fields).then(|| fields.into_iter().map(str::to_owned).collect())
    })
}

fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
