//! Which settings hold for a host. The first value of each keyword wins, and `Host` and `Match`
//! lines are judged from top to bottom, each by what was said above it, as in OpenSSH's
//! `readconf.c`.

use std::collections::BTreeMap;

use super::file::{SshConfigFile, Undecided};
use super::keyword::{self as option, is_listed};
use super::location::Location;
use super::parse::{Criterion, Included, Kind, Statement, Test};
use super::pattern::{Case, Pattern};
use super::tokens::{HostFacts, Tokens};
use crate::ssh::SshError;

/// The host that the files are asked about, and what is known of it beforehand, as if it had been
/// said on `ssh`'s command line.
#[derive(Debug, Clone, Copy)]
pub(in crate::ssh) struct Subject<'a> {
    /// What the user would type.
    pub(in crate::ssh) typed: &'a str,
    /// Who logs in, whatever the files say.
    pub(in crate::ssh) user: Option<&'a str>,
    /// Who logs in where nothing is said of this host in particular.
    pub(in crate::ssh) fallback_user: &'a str,
    /// Whether a `User` that is meant for all hosts counts less than the fallback.
    pub(in crate::ssh) general_user_counts: bool,
    /// The port, whatever the files say.
    pub(in crate::ssh) port: Option<u16>,
    /// Who sits here.
    pub(in crate::ssh) local_user: &'a str,
}

/// One setting that holds.
#[derive(Debug, Clone)]
pub(in crate::ssh) struct Setting {
    pub(in crate::ssh) at: Location,
    pub(in crate::ssh) keyword: String,
    pub(in crate::ssh) arguments: Vec<String>,
    /// Whether it is said of all hosts: outside of blocks, under `Host *`, under `Match all`.
    pub(in crate::ssh) is_general: bool,
}

/// All settings that hold for one host.
#[derive(Debug, Clone, Default)]
pub(in crate::ssh) struct Chosen {
    first: BTreeMap<String, Setting>,
    listed: Vec<Setting>,
    /// The name that is dialled, in small letters.
    pub(in crate::ssh) host: String,
    /// What was passed over, and where it is written.
    pub(in crate::ssh) notes: Vec<String>,
}

impl SshConfigFile {
    /// What the files say of this host.
    pub(in crate::ssh) fn select(&self, subject: &Subject<'_>) -> Result<Chosen, SshError> {
        let mut pass = Pass {
            config: self,
            subject,
            called: subject.typed.to_owned(),
            is_final: false,
            wants_final: false,
            chosen: Chosen::default(),
        };
        pass.read_all()?;
        pass.chosen.host = pass.host()?.to_lowercase();
        // ssh reads all files again, now for the name that the host turned out to have.
        let canonical = pass.chosen.get("canonicalizehostname").is_some_and(|set| !set.is("no"));
        if pass.wants_final || canonical {
            pass.is_final = true;
            pass.called = pass.chosen.host.clone();
            pass.read_all()?;
        }
        Ok(pass.chosen)
    }
}

impl Chosen {
    /// The first setting with this keyword.
    pub(in crate::ssh) fn get(&self, keyword: &str) -> Option<&Setting> {
        self.first.get(keyword)
    }

    /// All settings with this keyword, for those that add up.
    pub(in crate::ssh) fn all<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = &'a Setting> {
        self.listed.iter().filter(move |setting| setting.keyword == keyword)
    }

    /// Everything that is set, once each.
    pub(super) fn every(&self) -> impl Iterator<Item = &Setting> {
        self.first.values()
    }

    fn set_first(&mut self, setting: Setting) {
        let keyword = setting.keyword.as_str();
        if is_listed(keyword) {
            let is_there =
                |old: &Setting| old.keyword == keyword && old.arguments == setting.arguments;
            if !self.listed.iter().any(is_there) {
                self.listed.push(setting);
            }
            return;
        }
        // The one of the two that comes first shuts the other out (ssh_config(5), ProxyJump).
        let rival = match keyword {
            "proxyjump" => Some("proxycommand"),
            "proxycommand" => Some("proxyjump"),
            _ => None,
        };
        if rival.is_none_or(|rival| !self.first.contains_key(rival)) {
            self.first.entry(keyword.to_owned()).or_insert(setting);
        }
    }
}

impl Setting {
    /// Its first argument.
    pub(in crate::ssh) fn value(&self) -> &str {
        self.arguments.first().map_or("", String::as_str)
    }

    /// Whether its first argument is this word. `yes` and `true`, `no` and `false` are the same.
    pub(in crate::ssh) fn is(&self, word: &str) -> bool {
        let same = match word {
            "yes" => "true",
            "no" => "false",
            other => other,
        };
        self.value().eq_ignore_ascii_case(word) || self.value().eq_ignore_ascii_case(same)
    }
}

/// One reading of all files.
struct Pass<'a> {
    config: &'a SshConfigFile,
    subject: &'a Subject<'a>,
    /// What the patterns of `Host` are compared with: what was typed, and in the second reading
    /// the host's name.
    called: String,
    is_final: bool,
    wants_final: bool,
    chosen: Chosen,
}

/// Where a statement stands.
#[derive(Clone, Copy)]
struct Standing {
    /// Whether the lines here hold.
    holds: bool,
    /// Whether they are meant for all hosts.
    is_general: bool,
    depth: usize,
}

impl Pass<'_> {
    fn read_all(&mut self) -> Result<(), SshError> {
        let config = self.config;
        let top = Standing { holds: true, is_general: true, depth: 0 };
        config.files.iter().try_for_each(|file| self.read(&file.statements, top))
    }

    fn read(&mut self, statements: &[Statement], outer: Standing) -> Result<(), SshError> {
        let mut here = outer;
        for Statement { at, what } in statements {
            match what {
                Kind::Host(patterns) => {
                    here.holds = outer.holds && Pattern::any(patterns, &self.called, Case::Matters);
                    here.is_general =
                        outer.is_general && patterns.iter().any(Pattern::is_everything);
                }
                Kind::Match(criteria) => {
                    // Judged even where it cannot hold: a `final` asks for the second reading.
                    here.holds = self.matches(at, criteria, outer.holds)?;
                    here.is_general = outer.is_general && !criteria.iter().any(names_hosts);
                }
                Kind::Include(included) => self.include(at, included, here)?,
                Kind::Setting { keyword, arguments } if here.holds => {
                    self.chosen.set_first(Setting {
                        at: at.clone(),
                        keyword: keyword.clone(),
                        arguments: arguments.clone(),
                        is_general: here.is_general,
                    });
                }
                Kind::Setting { .. } => {}
            }
        }
        Ok(())
    }

    /// An included file is under the block that it is included in.
    fn include(
        &mut self,
        at: &Location,
        included: &[Included],
        here: Standing,
    ) -> Result<(), SshError> {
        let below = Standing { depth: here.depth + 1, ..here };
        for one in included {
            match one {
                Included::File(file) => self.read(&file.statements, below)?,
                Included::Later { path, scope } if here.holds => {
                    let host = self.host()?;
                    let facts = HostFacts {
                        typed: self.subject.typed,
                        host: &host,
                        port: self.subject.port.unwrap_or(22),
                        user: self.user(),
                        alias: self.subject.typed,
                        jump: "",
                    };
                    let reader = &self.config.reader;
                    let tokens = Tokens::all(reader.home(), self.subject.local_user, facts);
                    let path = tokens.expand(at, path)?;
                    for file in reader.files(at, &path, *scope, below.depth)? {
                        self.read(&file.statements, below)?;
                    }
                }
                Included::Later { .. } => {}
            }
        }
        Ok(())
    }

    /// Whether all criteria hold, from left to right. A criterion that nobody here can answer
    /// matters only where all others hold.
    fn matches(
        &mut self,
        at: &Location,
        criteria: &[Criterion],
        mut holds: bool,
    ) -> Result<bool, SshError> {
        let mut undecided = None;
        for Criterion { negated, test } in criteria {
            let answer = match test {
                Test::All => true,
                Test::Final => {
                    self.wants_final = true;
                    self.is_final
                }
                Test::Canonical => self.is_final,
                Test::Host(patterns) => Pattern::any(patterns, &self.host()?, Case::Ignored),
                Test::OriginalHost(patterns) => {
                    Pattern::any(patterns, self.subject.typed, Case::Ignored)
                }
                Test::User(patterns) => Pattern::any(patterns, self.user(), Case::Matters),
                Test::LocalUser(patterns) => {
                    Pattern::any(patterns, self.subject.local_user, Case::Matters)
                }
                Test::Unanswerable(word) => {
                    undecided.get_or_insert(word);
                    continue;
                }
            };
            holds &= answer != *negated;
        }
        match undecided {
            Some(word) if holds => self.undecided(at, word),
            _ => Ok(holds),
        }
    }

    fn undecided(&mut self, at: &Location, word: &str) -> Result<bool, SshError> {
        let why = match word {
            "exec" => "`Match exec` runs a command, which spot-tui never does",
            _ => "spot-tui cannot answer this `Match`",
        };
        match self.config.undecided {
            Undecided::Refuse => Err(at.error(format!("{why}, and {} is meant", self.called))),
            Undecided::Skip => {
                self.note(format!("{at}: {why}: the block is passed over"));
                Ok(false)
            }
        }
    }

    fn note(&mut self, text: String) {
        if !self.chosen.notes.contains(&text) {
            self.chosen.notes.push(text);
        }
    }

    /// The name that is dialled, as far as the files have told it.
    fn host(&self) -> Result<String, SshError> {
        if self.is_final {
            return Ok(self.chosen.host.clone());
        }
        match self.chosen.get(option::HOST_NAME) {
            None => Ok(self.called.clone()),
            Some(set) => Tokens::only(&[('h', &self.called)]).expand(&set.at, set.value()),
        }
    }

    fn user(&self) -> &str {
        self.subject.login(&self.chosen)
    }
}

impl<'a> Subject<'a> {
    /// Who logs in.
    pub(in crate::ssh) fn login<'b>(&self, chosen: &'b Chosen) -> &'b str
    where
        'a: 'b,
    {
        let written = chosen
            .get(option::USER)
            .filter(|set| self.general_user_counts || !set.is_general)
            .map(Setting::value);
        self.user.or(written).unwrap_or(self.fallback_user)
    }
}

fn names_hosts(criterion: &Criterion) -> bool {
    match &criterion.test {
        Test::Host(patterns) | Test::OriginalHost(patterns) => {
            !patterns.iter().any(Pattern::is_everything)
        }
        _ => false,
    }
}
