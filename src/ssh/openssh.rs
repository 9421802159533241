//! Our routes in OpenSSH's words: what the system's own `ssh` has to be told to go the same way, and
//! what a file for `ssh -F` says.

use super::config::{AgentChoice, Strictness};
use super::route::{Hop, KnownHosts};

/// A keyword of ssh_config(5) and its arguments.
pub type OpenSshOption = (&'static str, Vec<String>);

impl Hop {
    /// Everything that is known about the way to this host, but its jump hosts.
    pub fn options(&self) -> Vec<OpenSshOption> {
        let mut options: Vec<OpenSshOption> = vec![
            ("HostName", vec![self.host.clone()]),
            ("Port", vec![self.port.to_string()]),
            ("User", vec![self.user.clone()]),
        ];
        let paths = |paths: &[std::path::PathBuf]| -> Vec<String> {
            paths.iter().map(|path| path.display().to_string()).collect()
        };
        for path in paths(&self.identities) {
            options.push(("IdentityFile", vec![path]));
        }
        options.push(("IdentitiesOnly", vec![yes_or_no(self.identities_only)]));
        for path in paths(&self.certificates) {
            options.push(("CertificateFile", vec![path]));
        }
        match &self.agent {
            AgentChoice::Usual => {}
            AgentChoice::Nobody => options.push(("IdentityAgent", vec!["none".into()])),
            AgentChoice::At(path) => options.push(("IdentityAgent", paths(&[path.clone()]))),
        }
        let KnownHosts { alias, user_files, system_files, strictness, .. } = &self.known_hosts;
        options.extend(alias.clone().map(|alias| ("HostKeyAlias", vec![alias])));
        options.push(("UserKnownHostsFile", or_none(paths(user_files))));
        options.push(("GlobalKnownHostsFile", or_none(paths(system_files))));
        let strict = match strictness {
            Strictness::Known => "yes",
            Strictness::AcceptNew => "accept-new",
            Strictness::Off => "no",
        };
        options.push(("StrictHostKeyChecking", vec![strict.into()]));
        options.push(("ConnectTimeout", vec![self.connect_timeout.as_secs().to_string()]));
        let (interval, count) = (self.keep_alive.interval, self.keep_alive.count);
        options.push(("ServerAliveInterval", vec![interval.as_secs().to_string()]));
        options.push(("ServerAliveCountMax", vec![count.to_string()]));
        options
    }
}

fn yes_or_no(is: bool) -> String {
    if is { "yes".into() } else { "no".into() }
}

fn or_none(paths: Vec<String>) -> Vec<String> {
    if paths.is_empty() { vec!["none".into()] } else { paths }
}
