//! What the commands about nodes print: a diagnosis, the outputs of one command on many, and the
//! fleet as other programs want it.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Value, json};

use crate::app::Answer;
use crate::config::{Config, Connect};
use crate::fleet::{Diagnosis, Instance};

/// For which program the fleet is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Export {
    /// Host blocks for `ssh_config`.
    SshConfig,
    /// An Ansible inventory, a group a region.
    Ansible,
    /// Lines for `/etc/hosts`.
    Hosts,
    /// An array of objects.
    Json,
}

/// A diagnosis for people: the verdict, a line each, then what it rests on.
pub fn print_diagnosis(out: impl Write, label: &str, found: &Diagnosis) {
    print(out, &[vec![label.to_owned()], found.verdict(), found.details()].concat());
}

fn print(mut out: impl Write, lines: &[String]) {
    // A reader that went away is no reason to fail.
    let _ = lines.iter().try_for_each(|line| writeln!(out, "{line}"));
}

/// A diagnosis for programs: the verdict, the orchestrator's word, and the node's own report.
pub fn diagnosis_json(row: &Instance, found: &Diagnosis) -> Value {
    let Diagnosis { vitals, report } = found;
    let verdict: Vec<Value> = vitals
        .verdict()
        .into_iter()
        .map(|check| json!({"check": check.name, "good": check.good, "text": check.text}))
        .collect();
    json!({
        "v": 1,
        "instance": row.id(),
        "region": row.region,
        "good": vitals.trouble().is_none(),
        "trouble": vitals.trouble(),
        "verdict": verdict,
        "membership": vitals.membership.as_ref().map(ToString::to_string),
        "node": report,
    })
}

/// What one command printed on many nodes; those that answered alike stand together, the largest
/// group first.
pub fn print_outputs<'a>(out: impl Write, answers: impl Iterator<Item = &'a Answer>) {
    let mut groups: BTreeMap<(&str, Vec<&str>), Vec<&str>> = BTreeMap::new();
    for answer in answers {
        let lines = answer.lines.lines().map(|line| line.text.as_str()).collect();
        groups.entry((answer.end(), lines)).or_default().push(&answer.label);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, labels)| std::cmp::Reverse(labels.len()));
    let mut lines = Vec::new();
    for ((end, printed), labels) in groups {
        lines.push(format!("[{}] {end}", labels.join(", ")));
        lines.extend(printed.iter().map(|line| format!("  {line}")));
    }
    print(out, &lines);
}

/// The fleet for another program.
pub fn print_export(out: impl Write, rows: &[&Instance], config: Option<&Config>, how: Export) {
    let hosts: Vec<Host> = rows.iter().filter_map(|row| Host::of(row, config)).collect();
    let lines = match how {
        Export::SshConfig => hosts.iter().flat_map(Host::ssh_config).collect(),
        Export::Hosts => {
            hosts.iter().map(|host| format!("{}\t{}", host.address, host.id)).collect()
        }
        Export::Ansible => ansible(&hosts),
        Export::Json => vec![Value::Array(hosts.iter().map(Host::object).collect()).to_string()],
    };
    print(out, &lines);
}

/// One instance, as far as another program needs it.
struct Host<'a> {
    id: &'a str,
    region: &'a str,
    address: String,
    user: &'a str,
    port: u16,
    identity: Option<String>,
    key: Option<&'a str>,
}

impl<'a> Host<'a> {
    fn of(row: &'a Instance, config: Option<&'a Config>) -> Option<Self> {
        let machine = row.machine.as_ref()?;
        let private = config.is_some_and(|config| config.ssh.connect == Connect::Private);
        let address = if private { machine.private_ip } else { machine.public_ip };
        let identity = config.and_then(|config| config.aws.private_ssh_key_path.as_ref());
        Some(Self {
            id: machine.id.as_str(),
            region: row.region.as_str(),
            address: address?.to_string(),
            user: config.map_or("ubuntu", |config| config.aws.username.as_str()),
            port: config.and_then(|config| config.ssh.port).unwrap_or(22),
            identity: identity.map(|path| path.display().to_string()),
            key: row.host_key.as_ref().map(|key| key.openssh.as_str()),
        })
    }

    fn ssh_config(&self) -> Vec<String> {
        let Self { id, address, user, port, .. } = self;
        let mut lines = vec![
            format!("Host {id}"),
            format!("  HostName {address}"),
            format!("  User {user}"),
            format!("  Port {port}"),
        ];
        lines.extend(self.identity.as_ref().map(|path| format!("  IdentityFile \"{path}\"")));
        lines.push("  StrictHostKeyChecking yes".to_owned());
        lines
    }

    fn object(&self) -> Value {
        json!({
            "id": self.id, "region": self.region, "address": self.address, "user": self.user,
            "port": self.port, "identity_file": self.identity, "host_key": self.key,
        })
    }
}

/// In Ansible's INI format; a group's name has no dashes.
fn ansible(hosts: &[Host<'_>]) -> Vec<String> {
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for host in hosts {
        let Host { id, region, address, user, port, .. } = host;
        let key = host.identity.as_ref();
        let key = key.map(|path| format!(" ansible_ssh_private_key_file='{path}'"));
        groups.entry(region).or_default().push(format!(
            "{id} ansible_host={address} ansible_user={user} ansible_port={port}{}",
            key.unwrap_or_default()
        ));
    }
    let mut lines = Vec::new();
    for (region, hosts) in groups {
        lines.push(format!("[{}]", region.replace('-', "_")));
        lines.extend(hosts);
    }
    lines
}
