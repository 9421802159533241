//! `export`: the fleet for other programs, who reach it as we do. What they have to know of host keys
//! lies in a file of the deployment, beside its state.

use std::io;
use std::path::{self, Path};

use super::environment::Environment;
use crate::cli::ExportFormat;
use crate::config::{Config, Connect};
use crate::files::write_atomically;
use crate::fleet::{Failure, FailureKind, Instance, Step};
use crate::headless::{Export, ExportHost};
use crate::jobs::SshSettings;
use crate::ssh::{HostBlock, Route, config_file};
use crate::store::Paths;

/// An instance, and the way there, if there is one that other programs can go.
struct Reachable {
    host: ExportHost,
    route: Result<Route, Failure>,
}

/// What is to be printed. Writes the files that it names.
pub(super) fn export(
    rows: &[&Instance],
    config: Option<&Config>,
    environment: &Environment,
    format: ExportFormat,
) -> Result<(Vec<ExportHost>, Export), Failure> {
    let access = SshSettings::open(config, environment.home.as_deref(), environment.agent.clone())?;
    let private = config.is_some_and(|config| config.ssh.connect == Connect::Private);
    let found: Vec<Reachable> =
        rows.iter().filter_map(|row| reachable(row, private, &access)).collect();
    let paths = Paths::new(environment.global.state.clone());
    let how = match format {
        ExportFormat::Hosts => Export::Hosts,
        ExportFormat::Json => Export::Json,
        ExportFormat::Prometheus => Export::Prometheus,
        ExportFormat::SshConfig => Export::SshConfig(ssh_config(&found, &paths)?),
        ExportFormat::Ansible => {
            let file = absolute(&paths.ssh_config())?;
            let lines = ssh_config(&found, &paths)?;
            write(&file, &lines)?;
            Export::Ansible(file)
        }
    };
    Ok((found.into_iter().map(|found| found.host).collect(), how))
}

fn reachable(row: &Instance, private: bool, access: &SshSettings) -> Option<Reachable> {
    let machine = row.machine.as_ref()?;
    let address =
        if private { machine.seen.private_ip } else { machine.seen.public_ip }?.to_string();
    let route = access.route(&address);
    let target = route.as_ref().ok().map(|route| &route.target);
    let settings = &access.settings;
    let host = ExportHost {
        id: machine.id.to_string(),
        region: row.region.to_string(),
        zone: machine.zone.to_string(),
        machine_type: machine.machine_type.to_string(),
        lifecycle: machine.birth.lifecycle.word(),
        deployment: row.deployment.to_string(),
        user: target.map_or_else(|| settings.default_user.clone(), |hop| hop.user.clone()),
        port: target.map_or_else(|| settings.port.unwrap_or(22), |hop| hop.port),
        identity: target
            .and_then(|hop| hop.identities.first())
            .or(settings.identity.as_ref())
            .map(|path| path.display().to_string()),
        key: row.host_key.as_ref().map(|key| key.openssh.clone()),
        address,
    };
    Some(Reachable { host, route })
}

/// The lines for `ssh -F`, and beside the state the keys that they name. An instance whose key is
/// not known has none there: ssh refuses it.
fn ssh_config(found: &[Reachable], paths: &Paths) -> Result<Vec<String>, Failure> {
    let known_hosts = absolute(&paths.known_hosts())?;
    let keys: Vec<String> = found
        .iter()
        .filter_map(|found| Some(format!("{} {}", found.host.id, found.host.key.as_ref()?)))
        .collect();
    write(&known_hosts, &keys)?;
    let mut blocks = Vec::new();
    for Reachable { host, route } in found {
        let route = route.as_ref().map_err(Failure::clone)?;
        let names = vec![host.id.as_str(), host.address.as_str()];
        blocks.push(HostBlock { names, key_alias: &host.id, route });
    }
    Ok(config_file(&blocks, &known_hosts))
}

fn absolute(path: &Path) -> Result<path::PathBuf, Failure> {
    path::absolute(path).map_err(|error| not_written(path, &error))
}

fn write(path: &Path, lines: &[String]) -> Result<(), Failure> {
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    // In one step: another program may be reading it.
    write_atomically(path, text.as_bytes()).map_err(|error| not_written(path, &error))
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    let reason = format!("{} cannot be written: {error}", path.display());
    let hint = "the keys of the hosts have to lie in a file beside the state";
    Failure::new(FailureKind::LocalDisk, Step::State, reason, hint)
}
