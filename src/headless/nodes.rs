//! What the commands about nodes print: a diagnosis, and the fleet as other programs want it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::fleet::{Diagnosis, Instance};

/// For which program the fleet is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Export {
    /// A file for `ssh -F`; its lines.
    SshConfig(Vec<String>),
    /// An Ansible inventory, a group a region, whose ssh goes by this file.
    Ansible(PathBuf),
    /// Lines for `/etc/hosts`.
    Hosts,
    /// An array of objects.
    Json,
    /// Targets for Prometheus.
    Prometheus,
}

/// One instance, as far as another program needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportHost {
    /// Its id.
    pub id: String,
    /// Its region.
    pub region: String,
    /// Its zone.
    pub zone: String,
    /// Its type.
    pub machine_type: String,
    /// How it is paid for, by its word.
    pub lifecycle: &'static str,
    /// The deployment that it belongs to.
    pub deployment: String,
    /// The address that is dialled.
    pub address: String,
    /// Who logs in.
    pub user: String,
    /// The port.
    pub port: u16,
    /// The private key that is tried first.
    pub identity: Option<String>,
    /// The key that it has to show, as in `known_hosts`.
    pub key: Option<String>,
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

/// The fleet for another program.
pub fn print_export(out: impl Write, hosts: &[ExportHost], how: &Export) {
    let lines = match how {
        Export::SshConfig(lines) => lines.clone(),
        Export::Hosts => {
            hosts.iter().map(|host| format!("{}\t{}", host.address, host.id)).collect()
        }
        Export::Ansible(ssh_config) => ansible(hosts, ssh_config),
        Export::Json => vec![Value::Array(hosts.iter().map(object).collect()).to_string()],
        Export::Prometheus => {
            vec![Value::Array(hosts.iter().map(target_group).collect()).to_string()]
        }
    };
    print(out, &lines);
}

fn object(host: &ExportHost) -> Value {
    json!({
        "id": host.id, "region": host.region, "address": host.address, "user": host.user,
        "port": host.port, "identity_file": host.identity, "host_key": host.key,
    })
}

/// Where Prometheus' node_exporter listens (its README). Nothing of ours opens that port: it takes a
/// security group or a network of the user's own.
const EXPORTER: u16 = 9100;

/// A target of Prometheus' file_sd (Prometheus, "Configuration", file_sd_config). The `__meta_ec2_`
/// labels are those of its own EC2 discovery, so that rules for that serve here too; it sets the
/// lifecycle of spot instances alone.
fn target_group(host: &ExportHost) -> Value {
    let mut labels = json!({
        "__meta_ec2_instance_id": host.id,
        "__meta_ec2_instance_type": host.machine_type,
        "__meta_ec2_availability_zone": host.zone,
        "__meta_ec2_region": host.region,
        "instance_id": host.id,
        "region": host.region,
        "deployment": host.deployment,
    });
    if host.lifecycle != "on-demand" {
        labels["__meta_ec2_instance_lifecycle"] = json!("spot");
    }
    let address = if host.address.contains(':') {
        format!("[{}]:{EXPORTER}", host.address)
    } else {
        format!("{}:{EXPORTER}", host.address)
    };
    json!({"targets": [address], "labels": labels})
}

/// In Ansible's INI format; a group's name has no dashes. Keys, jump hosts and host keys are in the
/// file that its ssh is given.
fn ansible(hosts: &[ExportHost], ssh_config: &Path) -> Vec<String> {
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for host in hosts {
        let ExportHost { id, region, address, user, port, .. } = host;
        let key = host.identity.as_ref();
        let key = key.map(|path| format!(" ansible_ssh_private_key_file='{path}'"));
        groups.entry(region).or_default().push(format!(
            "{id} ansible_host={address} ansible_user={user} ansible_port={port}{} \
             ansible_ssh_common_args='-F \"{}\"'",
            key.unwrap_or_default(),
            ssh_config.display()
        ));
    }
    let mut lines = Vec::new();
    for (region, hosts) in groups {
        lines.push(format!("[{}]", region.replace('-', "_")));
        lines.extend(hosts);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(address: &str, lifecycle: &'static str) -> ExportHost {
        ExportHost {
            id: "i-1".into(),
            region: "us-west-2".into(),
            zone: "us-west-2a".into(),
            machine_type: "t3.medium".into(),
            lifecycle,
            deployment: "spot-1".into(),
            address: address.into(),
            user: "ubuntu".into(),
            port: 22,
            identity: None,
            key: None,
        }
    }

    #[test]
    fn prometheus_gets_a_target_with_the_labels_of_its_own_discovery() {
        let spot = target_group(&host("192.0.2.7", "persistent-spot"));
        assert_eq!(spot["targets"], json!(["192.0.2.7:9100"]));
        assert_eq!(spot["labels"]["__meta_ec2_instance_lifecycle"], "spot");
        assert_eq!(spot["labels"]["deployment"], "spot-1");
        let bought = target_group(&host("2001:db8::7", "on-demand"));
        assert_eq!(bought["targets"], json!(["[2001:db8::7]:9100"]));
        assert!(bought["labels"].get("__meta_ec2_instance_lifecycle").is_none());
    }
}
