//! The user's AWS profiles: which there are by the AWS CLI's rules, and what the SDK is told of the one
//! that is used. It reads nothing but text; where that comes from is `profile_file`.
//!
//! The SDK's own reader refuses whole files that the AWS CLI reads, and passes names over that have
//! blanks or quotes. So it gets a file of ours: the chosen profile and those that it takes its role
//! from, each setting on a line, under names that it knows.

mod ini;

use std::collections::BTreeMap;

use ini::{Ini, Settings};

/// How many profiles may take their role from another one.
const CHAIN: usize = 8;
/// What the SDK knows in a name besides letters and digits (aws-runtime, `env_config/parse.rs`).
const KNOWN: &str = "_-/.%@:+";
/// The settings of an IAM Identity Center login.
const SSO: [&str; 5] =
    ["sso_session", "sso_start_url", "sso_region", "sso_account_id", "sso_role_name"];
/// Keys that are written down.
const KEYS: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

/// What names the session that `aws login` keeps.
const LOGIN: &str = "login_session";

/// The profiles of both files, and what they name.
#[derive(Debug, Clone, Default)]
pub(super) struct Profiles {
    by_name: BTreeMap<String, Settings>,
    sessions: BTreeMap<String, Settings>,
    services: BTreeMap<String, Settings>,
    /// The profiles whose keys are in the credentials file: these come before a `credential_process`.
    with_keys: Vec<String>,
    /// Lines that cannot be read: the file, the line, and the profile that it belongs to.
    wrong: Vec<(&'static str, usize, Option<String>)>,
}

/// Which of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum File {
    Config,
    Credentials,
}

impl Profiles {
    /// Of the texts of the two files; empty where there is none.
    pub(super) fn read(config: &str, credentials: &str) -> Self {
        let mut this = Self::default();
        this.take(File::Config, Ini::read(config));
        this.take(File::Credentials, Ini::read(credentials));
        this
    }

    fn take(&mut self, file: File, ini: Ini) {
        let profile_of = |header: &str| match file {
            File::Credentials => Some(header.to_owned()),
            File::Config if header == "default" => Some(header.to_owned()),
            File::Config => named(header, "profile"),
        };
        for (line, header) in &ini.wrong {
            let told = if file == File::Config { "~/.aws/config" } else { "~/.aws/credentials" };
            self.wrong.push((told, *line, header.as_deref().and_then(profile_of)));
        }
        for (header, settings) in ini.sections {
            if let Some(name) = profile_of(&header) {
                if file == File::Config {
                    // Of `[default]` and `[profile default]` the later one holds.
                    self.by_name.insert(name, settings);
                    continue;
                }
                if settings.contains_key(KEYS[0]) {
                    self.with_keys.push(name.clone());
                }
                self.by_name.entry(name).or_default().extend(settings);
            } else if let Some(name) = named(&header, "sso-session") {
                self.sessions.insert(name, settings);
            } else if let Some(name) = named(&header, "services") {
                self.services.insert(name, settings);
            }
        }
    }

    /// The names that there are.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Whether there is a profile of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// What a profile says, where it says something.
    pub(super) fn setting(&self, profile: &str, key: &str) -> Option<&str> {
        said(self.by_name.get(profile)?, key)
    }

    /// What an `sso-session` says.
    pub(super) fn of_session(&self, session: &str, key: &str) -> Option<&str> {
        said(self.sessions.get(session)?, key)
    }

    /// The profile, and after it those that each takes its role from.
    pub(super) fn chain<'a>(&'a self, chosen: &'a str) -> Vec<&'a str> {
        let mut chain = Vec::new();
        let mut next = Some(chosen);
        while let Some(name) = next {
            if chain.len() == CHAIN || chain.contains(&name) || !self.has(name) {
                break;
            }
            chain.push(name);
            next = self.setting(name, "source_profile");
        }
        chain
    }

    /// The profile of the chain whose keys are those of a session of `aws login`, the session, and the
    /// name that the profile has in the SDK's file.
    pub(super) fn login_session<'a>(
        &'a self,
        chosen: &'a str,
    ) -> Option<(&'a str, String, String)> {
        let mut chain = self.chain(chosen).into_iter().enumerate();
        chain.find_map(|(at, name)| {
            let session = said(&self.used(name), LOGIN)?.to_owned();
            Some((name, session, sdk_name(name, at)))
        })
    }

    /// A line that cannot be read in what is used of the files, as `FILE:LINE`.
    pub(super) fn wrong_for(&self, chosen: &str) -> Option<String> {
        let chain = self.chain(chosen);
        let wrong = self.wrong.iter().find(|(_, _, profile)| {
            profile.as_deref().is_some_and(|profile| chain.contains(&profile))
        });
        wrong.map(|(file, line, _)| format!("{file}:{line}"))
    }

    /// What the SDK is told: a file with the chain of the chosen profile, and the name that this has
    /// there. `process` makes of a `credential_process` the line that is run in its place.
    pub(super) fn for_sdk(
        &self,
        chosen: &str,
        process: impl Fn(&str) -> String,
    ) -> (String, String) {
        let chain = self.chain(chosen);
        let mut lines = Vec::new();
        for (at, name) in chain.iter().enumerate() {
            lines.push(format!("[profile {}]", sdk_name(name, at)));
            let source = self.setting(name, "source_profile");
            let source = source.and_then(|it| chain.iter().position(|known| *known == it));
            let mut used = self.used(name);
            // The SDK here knows no such session: it gets the keys.
            used.remove(LOGIN);
            for (key, value) in used {
                let value = match (key.as_str(), source) {
                    ("source_profile", Some(at)) => sdk_name(chain[at], at),
                    ("credential_process", _) => process(&value),
                    _ => value,
                };
                lines.extend(setting_lines(&key, &value));
            }
            let named = [
                ("sso-session", "sso_session", &self.sessions),
                ("services", "services", &self.services),
            ];
            for (kind, named_by, sections) in named {
                let Some(name) = self.setting(name, named_by) else { continue };
                let Some(settings) = sections.get(name) else { continue };
                lines.push(format!("[{kind} {name}]"));
                lines.extend(settings.iter().flat_map(|(key, value)| setting_lines(key, value)));
            }
        }
        let text = lines.iter().map(|line| line.clone() + "\n").collect();
        (text, sdk_name(chosen, 0))
    }

    /// The settings of a profile without those that the AWS CLI would not come to: its order is role,
    /// web identity, SSO, keys of the credentials file, `aws login`, process, keys of the configuration
    /// (botocore, `create_credential_resolver`), and the SDK's is another one.
    fn used(&self, name: &str) -> Settings {
        let mut settings = self.by_name.get(name).cloned().unwrap_or_default();
        let has = |settings: &Settings, key: &str| said(settings, key).is_some();
        if has(&settings, "sso_session") {
            // The SDK takes it for a mistake where they are said twice.
            settings.remove("sso_start_url");
            settings.remove("sso_region");
        }
        let is_role = has(&settings, "role_arn")
            && ["source_profile", "credential_source", "web_identity_token_file"]
                .iter()
                .any(|key| has(&settings, key));
        let is_own_source = said(&settings, "source_profile") == Some(name);
        if is_role && !is_own_source {
            drop_all(&mut settings, &KEYS);
            drop_all(&mut settings, &["credential_process", LOGIN]);
            drop_all(&mut settings, &SSO);
        } else if has(&settings, "sso_account_id") || has(&settings, "sso_role_name") {
            drop_all(&mut settings, &KEYS);
            drop_all(&mut settings, &["credential_process", LOGIN]);
        } else if self.with_keys.iter().any(|known| known == name) {
            drop_all(&mut settings, &["credential_process", LOGIN]);
        } else if has(&settings, LOGIN) {
            drop_all(&mut settings, &KEYS);
            drop_all(&mut settings, &["credential_process"]);
        } else if has(&settings, "credential_process") {
            drop_all(&mut settings, &KEYS);
        }
        settings
    }
}

/// What settings say under a name, where that is not empty.
fn said<'a>(settings: &'a Settings, key: &str) -> Option<&'a str> {
    settings.get(key).map(|value| value.trim()).filter(|value| !value.is_empty())
}

fn drop_all(settings: &mut Settings, keys: &[&str]) {
    for key in keys {
        settings.remove(*key);
    }
}

/// The name in a header `kind NAME`, as a shell would take the words: in quotes where it has blanks.
fn named(header: &str, kind: &str) -> Option<String> {
    let words = shlex::split(header.strip_prefix(kind)?)?;
    let is_apart = header[kind.len()..].starts_with([' ', '\t']);
    <[String; 1]>::try_from(words).ok().filter(|_| is_apart).map(|[name]| name)
}

/// The name under which the SDK finds a profile: its own where the SDK knows all of its characters.
fn sdk_name(name: &str, at: usize) -> String {
    let is_known = |c: char| c.is_ascii_alphanumeric() || KNOWN.contains(c);
    if name.chars().all(is_known) { name.to_owned() } else { format!("spot-tui:{at}") }
}

/// A setting on a line; one that has settings of its own on lines below it.
fn setting_lines(key: &str, value: &str) -> Vec<String> {
    let nested = value.strip_prefix('\n').filter(|nested| nested.contains('='));
    let Some(nested) = nested else {
        return vec![format!("{key} = {}", value.replace('\n', " ").trim())];
    };
    let inside = nested.lines().filter(|inside| inside.contains('='));
    let inside = inside.map(|inside| format!("  {}", inside.trim()));
    std::iter::once(format!("{key} =")).chain(inside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(config: &str) -> Vec<String> {
        Profiles::read(config, "").names().map(str::to_owned).collect()
    }

    #[test]
    fn people_16_names_are_what_a_shell_makes_of_them() {
        for (header, name) in [
            ("[profile work]", Some("work")),
            ("[profile\twork]", Some("work")),
            ("[profile \"my work\"]", Some("my work")),
            ("[profile 'a (b)']", Some("a (b)")),
            ("[profile a#b]", Some("a#b")),
            ("[default]", Some("default")),
            ("[profile my work]", None),
            ("[profilework]", None),
            ("[work]", None),
            ("[profile 'open]", None),
        ] {
            let found = names(&format!("{header}\nregion = x"));
            assert_eq!(found, name.into_iter().map(str::to_owned).collect::<Vec<_>>(), "{header}");
        }
    }

    #[test]
    fn the_sdk_is_told_the_chain_under_names_that_it_knows() {
        let profiles = Profiles::read(
            "[profile \"my work\"]\nrole_arn: a\nsource_profile = base one\n[profile 'base one']\n\
             credential_process = /bin/x 'y z'\naws_access_key_id = k\n[profile other]\nregion = x",
            "",
        );
        let (text, name) = profiles.for_sdk("my work", |line| format!("run {line}"));
        assert_eq!(name, "spot-tui:0");
        assert_eq!(
            text,
            "[profile spot-tui:0]\nrole_arn = a\nsource_profile = spot-tui:1\n\
             [profile spot-tui:1]\ncredential_process = run /bin/x 'y z'\n"
        );
    }

    #[test]
    fn the_credentials_file_wins_key_by_key_and_before_a_process() {
        let profiles = Profiles::read(
            "[default]\nregion = x\naws_access_key_id = a\ncredential_process = p",
            "[default]\naws_access_key_id = b\naws_secret_access_key = s",
        );
        let (text, _) = profiles.for_sdk("default", str::to_owned);
        let wanted =
            "[profile default]\naws_access_key_id = b\naws_secret_access_key = s\nregion = x\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn people_14_a_wrong_line_is_named_where_its_profile_is_used() {
        let text = "[profile a]\nnothing\nrole_arn = r\nsource_profile = b\n[profile b]\nregion = x\n\
                    [profile c]\nregion = y";
        let profiles = Profiles::read(text, "");
        assert_eq!(profiles.wrong_for("a").as_deref(), Some("~/.aws/config:2"));
        assert_eq!((profiles.wrong_for("b"), profiles.wrong_for("c")), (None, None));
    }
}
