//! Our routes in OpenSSH's words: what the system's own `ssh` has to be told to go the same way, and
//! a file for `ssh -F` that needs no other one.

use std::path::{Path, PathBuf};

use super::SshError;
use super::config::{AgentChoice, SshConfigFile, Strictness};
use super::keys::USUAL_FILES;
use super::route::{Hop, KnownHosts, Route, Settings, ssh_folder, user_of};

/// A keyword of ssh_config(5) and its arguments.
pub type OpenSshOption = (&'static str, Vec<String>);

/// What a file for `ssh -F` says instead of what the route says of the host's key.
const OF_THE_KEY: [&str; 4] =
    ["HostKeyAlias", "UserKnownHostsFile", "GlobalKnownHostsFile", "StrictHostKeyChecking"];

/// What `ssh` has to be told so that our own settings win over the same `ssh_config`: the words
/// before the host.
pub fn arguments(
    config: &SshConfigFile,
    host: &str,
    settings: &Settings,
) -> Result<Vec<String>, SshError> {
    let mut words = Vec::new();
    if let Some(path) = config.named() {
        words.extend(["-F".to_owned(), path.display().to_string()]);
    }
    if let Some(port) = settings.port {
        words.extend(["-p".to_owned(), port.to_string()]);
    }
    if let Some(identity) = &settings.identity {
        words.extend(["-i".to_owned(), identity.display().to_string()]);
        // An agent's copy of that key is used all the same (ssh_config(5)).
        words.extend(["-o", "IdentitiesOnly=yes"].map(str::to_owned));
    }
    words.extend(["-l".to_owned(), user_of(config, host, settings)?]);
    Ok(words)
}

/// What it has to be told besides where `$HOME` is not the home of the user database: in that one
/// alone it looks for files and keys (`sudo -E`, containers).
pub fn arguments_of_another_home(config: &SshConfigFile, route: &Route) -> Vec<String> {
    let mut words = Vec::new();
    let file = config.home().join(".ssh/config");
    if config.named().is_none() && file.is_file() {
        words.extend(["-F".to_owned(), file.display().to_string()]);
    }
    let usual = || USUAL_FILES.iter().map(|name| ssh_folder(config.home()).join(name));
    let keys = match route.target.identities.as_slice() {
        [] => usual().filter(|path| path.is_file()).collect(),
        named => named.to_vec(),
    };
    words.extend(text(&keys).into_iter().flat_map(|path| ["-i".to_owned(), path]));
    words
}

/// A host in a file for `ssh -F`.
#[derive(Debug)]
pub struct HostBlock<'a> {
    /// How it may be called.
    pub names: Vec<&'a str>,
    /// The name of its key in `known_hosts`.
    pub key_alias: &'a str,
    /// The way there.
    pub route: &'a Route,
}

/// The lines of a file for `ssh -F`: each host, the jump hosts, and which keys they have to show.
pub fn config_file(hosts: &[HostBlock<'_>], known_hosts: &Path) -> Vec<String> {
    let mut jumps: Vec<&Hop> = Vec::new();
    let mut lines = Vec::new();
    for HostBlock { names, key_alias, route } in hosts {
        let chain: Vec<String> = route.jumps.iter().map(|hop| jump_name(&mut jumps, hop)).collect();
        lines.push(format!("Host {}", names.join(" ")));
        let options = route.target.options();
        let options = options.iter().filter(|(keyword, _)| !OF_THE_KEY.contains(keyword));
        lines.extend(options.map(|(keyword, words)| line(keyword, words)));
        lines.push(line("HostKeyAlias", &[(*key_alias).to_owned()]));
        lines.push(line("UserKnownHostsFile", &[known_hosts.display().to_string()]));
        lines.push(line("GlobalKnownHostsFile", &["none".to_owned()]));
        lines.push(line("StrictHostKeyChecking", &["yes".to_owned()]));
        lines.push(line(
            "ProxyJump",
            &[if chain.is_empty() { "none".into() } else { chain.join(",") }],
        ));
    }
    for (index, hop) in jumps.iter().enumerate() {
        lines.push(format!("# {}", crate::fleet::text::clean_line(&hop.alias)));
        lines.push(format!("Host jump-{}", index + 1));
        lines.extend(hop.options().iter().map(|(keyword, words)| line(keyword, words)));
        lines.push(line("ProxyJump", &["none".to_owned()]));
    }
    lines
}

/// Jump hosts have names of their own in the file: an alias may be an address, or two of them.
fn jump_name<'a>(jumps: &mut Vec<&'a Hop>, hop: &'a Hop) -> String {
    let known = jumps.iter().position(|other| *other == hop);
    let index = known.unwrap_or_else(|| {
        jumps.push(hop);
        jumps.len() - 1
    });
    format!("jump-{}", index + 1)
}

fn line(keyword: &str, words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| config_word(word)).collect();
    format!("  {keyword} {}", words.join(" "))
}

/// A word of ssh_config: tokens stand for themselves, blanks are kept together.
fn config_word(word: &str) -> String {
    let word = word.replace('%', "%%");
    if word.contains([' ', '\t', '"', '\'', '\\', '#']) {
        format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        word
    }
}

impl Hop {
    /// Everything that is known about the way to this host, but its jump hosts.
    pub fn options(&self) -> Vec<OpenSshOption> {
        let mut options: Vec<OpenSshOption> = vec![
            ("HostName", vec![self.host.clone()]),
            ("Port", vec![self.port.to_string()]),
            ("User", vec![self.user.clone()]),
        ];
        for path in text(&self.identities) {
            options.push(("IdentityFile", vec![path]));
        }
        options.push(("IdentitiesOnly", vec![yes_or_no(self.identities_only)]));
        for path in text(&self.certificates) {
            options.push(("CertificateFile", vec![path]));
        }
        match &self.agent {
            AgentChoice::Usual => {}
            AgentChoice::Nobody => options.push(("IdentityAgent", vec!["none".into()])),
            AgentChoice::At(path) => {
                options.push(("IdentityAgent", vec![path.display().to_string()]));
            }
        }
        options.extend(self.known_hosts.options());
        options.push(("ConnectTimeout", vec![self.connect_timeout.as_secs().to_string()]));
        let (interval, count) = (self.keep_alive.interval, self.keep_alive.count);
        options.push(("ServerAliveInterval", vec![interval.as_secs().to_string()]));
        options.push(("ServerAliveCountMax", vec![count.to_string()]));
        options
    }
}

impl KnownHosts {
    fn options(&self) -> Vec<OpenSshOption> {
        let Self { alias, user_files, system_files, strictness, .. } = self;
        let strict = match strictness {
            Strictness::Known => "yes",
            Strictness::AcceptNew => "accept-new",
            Strictness::Off => "no",
        };
        let mut options: Vec<OpenSshOption> =
            alias.clone().map(|alias| ("HostKeyAlias", vec![alias])).into_iter().collect();
        options.push(("UserKnownHostsFile", or_none(text(user_files))));
        options.push(("GlobalKnownHostsFile", or_none(text(system_files))));
        options.push(("StrictHostKeyChecking", vec![strict.into()]));
        options
    }
}

fn text(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

fn yes_or_no(is: bool) -> String {
    if is { "yes".into() } else { "no".into() }
}

fn or_none(paths: Vec<String>) -> Vec<String> {
    if paths.is_empty() { vec!["none".into()] } else { paths }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_ssh_config_stay_what_they_are() {
        assert_eq!(config_word("/a/b"), "/a/b");
        assert_eq!(config_word("/a b/100%"), "\"/a b/100%%\"");
        assert_eq!(config_word(r#"a"b\c"#), r#""a\"b\\c""#);
    }

    #[test]
    fn people_25_ssh_is_told_of_a_home_that_it_does_not_know() {
        let folder = tempfile::tempdir().unwrap();
        let ssh = folder.path().join(".ssh");
        std::fs::create_dir(&ssh).unwrap();
        let told = |named: &str| {
            let named = folder.path().join(named);
            let named = named.is_file().then_some(named.as_path());
            let config = SshConfigFile::load(named, folder.path()).unwrap();
            let settings = Settings { home: folder.path().into(), ..Settings::new("ubuntu") };
            let route = crate::ssh::resolve(&config, "192.0.2.1", &settings).unwrap();
            let words = arguments_of_another_home(&config, &route).join(" ");
            words.replace(&folder.path().display().to_string(), "HOME")
        };
        assert_eq!(told(""), "");
        std::fs::write(ssh.join("id_rsa"), "").unwrap();
        assert_eq!(told(""), "-i HOME/.ssh/id_rsa");
        std::fs::write(ssh.join("config"), "IdentityFile ~/one\nIdentityFile ~/two\n").unwrap();
        assert_eq!(told(""), "-F HOME/.ssh/config -i HOME/one -i HOME/two");
        std::fs::write(folder.path().join("other"), "IdentityFile %d/three\n").unwrap();
        assert_eq!(told("other"), "-i HOME/three");
    }

    /// aws-simple-ec2-cli#104, vagrant#5017: twelve other keys in the agent come first without it.
    #[test]
    fn a_named_key_is_told_to_ssh_as_the_only_one() {
        let home = Path::new("/home/me");
        let config = SshConfigFile::empty(home);
        let mut settings = Settings::new("ubuntu");
        assert_eq!(arguments(&config, "192.0.2.1", &settings).unwrap(), ["-l", "ubuntu"]);
        settings.identity = Some("/keys/one".into());
        settings.port = Some(2222);
        let words = arguments(&config, "192.0.2.1", &settings).unwrap().join(" ");
        assert_eq!(words, "-p 2222 -i /keys/one -o IdentitiesOnly=yes -l ubuntu");
    }
}
