//! The headless commands about nodes: what they do on them is read or run, never kept.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::commands::{FAILED, Need, Run, complain, refuse, say};
use super::environment::Environment;
use super::recall::Want;
use super::resolve;
use super::session;
use super::shell::Login;
use super::stdout::Stdout;
use crate::app::Exit;
use crate::cli::{self, ExportFormat};
use crate::fleet::identity::Identity;
use crate::fleet::{Failure, Instance, InstanceId, Phase};
use crate::headless::{Export, diagnosis_json, print_diagnosis, print_export, print_outputs};
use crate::jobs::{Place, Visitor};
use crate::ssh;

/// Lines of a log that are shown before it is followed.
const TAIL: u32 = 200;
/// Lines that are kept of one node's output of a command.
const OUTPUT: usize = 1000;

/// `identity`.
pub(super) fn identity(id: &str, as_json: bool) -> u8 {
    let digits = id.strip_prefix("i-").unwrap_or_default();
    let plain = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
    if digits.is_empty() || !digits.chars().all(plain) {
        return refuse(&format!("'{}' is not an instance's id", id.escape_debug()));
    }
    let identity = Identity::of(&InstanceId::from(id));
    if as_json {
        print(&identity.json());
    } else {
        let (device, place) = (&identity.device_info, &identity.location);
        print(&format!(
            "{}\n{} {}, firmware {}, {}\n{}\n",
            identity.sensor_id,
            device.manufacturer,
            device.model,
            device.firmware_version,
            device.serial_number,
            place.address,
        ));
    }
    0
}

/// `diagnose`. Answers 1 where something is not well.
pub(super) async fn diagnose(
    environment: &Environment,
    name: &str,
    as_json: bool,
    debug: bool,
) -> u8 {
    let (mut run, row) = match one(environment, name, debug).await {
        Ok(found) => found,
        Err(code) => return code,
    };
    let work = Box::pin(async {
        let visitor = Visitor::open(&run.open.context).await?;
        visitor.diagnose(&Place::of(&row)?).await
    });
    let seen = tokio::select! {
        seen = work => seen,
        _ = run.signals.next() => return Exit::Interrupted.code(),
    };
    let diagnosis = match seen {
        Ok(diagnosis) => diagnosis,
        Err(failure) => return fail(&failure),
    };
    if as_json {
        print(&format!("{}\n", diagnosis_json(&row, &diagnosis)));
    } else {
        print_diagnosis(Stdout, &row.label(), &diagnosis);
    }
    u8::from(diagnosis.vitals.trouble().is_some())
}

/// `logs`.
pub(super) async fn logs(
    environment: &Environment,
    name: &str,
    unit: Option<&str>,
    follow: bool,
    debug: bool,
) -> u8 {
    let unusual = |c: char| !(c.is_ascii_alphanumeric() || "-_.@".contains(c));
    let command = match unit {
        Some(unit) if unit.starts_with('-') || unit.contains(unusual) => {
            return refuse(&format!("'{}' is not a unit's name", unit.escape_debug()));
        }
        Some(unit) => {
            let follow = if follow { " --follow" } else { "" };
            format!("sudo journalctl --no-pager --lines={TAIL}{follow} --unit={unit}")
        }
        None => {
            let follow = if follow { " -F" } else { "" };
            format!("sudo tail -n {TAIL}{follow} /opt/deployment.log")
        }
    };
    let (mut run, row) = match one(environment, name, debug).await {
        Ok(found) => found,
        Err(code) => return code,
    };
    let work = Box::pin(async {
        let visitor = Visitor::open(&run.open.context).await?;
        visitor.run(&Place::of(&row)?, &command, |_, line| print(&format!("{line}\n"))).await
    });
    tokio::select! {
        ran = work => match ran {
            Ok(exit) => code(&exit),
            Err(failure) => fail(&failure),
        },
        _ = run.signals.next() => Exit::Interrupted.code(),
    }
}

/// `ssh`.
pub(super) async fn ssh(
    environment: &Environment,
    name: &str,
    command: &[String],
    debug: bool,
) -> u8 {
    if environment.demo.is_some() {
        return refuse("the hosts of a demo live in the process: no ssh reaches them");
    }
    let (run, row) = match one(environment, name, debug).await {
        Ok(found) => found,
        Err(code) => return code,
    };
    let config = run.open.engine.model.config.as_deref();
    let login = match Login::new(&row, config) {
        Ok(login) => login,
        Err(failure) => return fail(&failure),
    };
    let mut ssh = tokio::process::Command::new("ssh");
    ssh.args(&login.arguments).args(command);
    // Ctrl-C is meant for the far side: the signals are listened to here and passed over.
    match ssh.status().await {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED),
        Err(error) => {
            say(&format!("ERROR: the program ssh cannot be started: {error}"));
            FAILED
        }
    }
}

/// `exec`. Answers 1 where the command failed on a node.
pub(super) async fn exec(environment: &Environment, args: &cli::Exec, debug: bool) -> u8 {
    let mut run = match look(environment, debug).await {
        Ok(run) => run,
        Err(code) => return code,
    };
    let fleet = &run.open.engine.model.fleet;
    let named: Result<Vec<_>, _> =
        args.on.iter().map(|name| resolve::instance(fleet, name)).collect();
    let named = match named {
        Ok(named) => named,
        Err(why) => return refuse(&why),
    };
    let rows: Vec<Instance> = fleet
        .alive()
        .filter(|row| named.is_empty() || named.contains(&row.key))
        .filter(|row| {
            args.region.is_empty() || args.region.iter().any(|name| name == row.region.as_str())
        })
        .cloned()
        .collect();
    if rows.is_empty() {
        return refuse("no instance of this deployment is meant: see `spot-tui list`");
    }
    say(
        "what a command changes goes with the instance: a change that is to last belongs in a new one",
    );
    let visitor = match Visitor::open(&run.open.context).await {
        Ok(visitor) => Arc::new(visitor),
        Err(failure) => return fail(&failure),
    };
    let mut visits = JoinSet::new();
    for row in rows {
        let (visitor, command) = (Arc::clone(&visitor), args.command.join(" "));
        visits.spawn(async move { (row.label(), run_on(&visitor, &row, &command).await) });
    }
    let mut outputs = BTreeMap::new();
    let mut failed = false;
    loop {
        let ended = tokio::select! {
            ended = visits.join_next() => ended,
            _ = run.signals.next() => return Exit::Interrupted.code(),
        };
        let Some(ended) = ended else { break };
        // A panic was logged by the hook.
        let Ok((label, (ok, end, lines))) = ended else { return FAILED };
        failed |= !ok;
        outputs.insert(label, (end, lines));
    }
    print_outputs(Stdout, &outputs);
    u8::from(failed)
}

/// Whether it went well, how it ended, and what was printed.
async fn run_on(visitor: &Visitor, row: &Instance, command: &str) -> (bool, String, Vec<String>) {
    let mut lines = Vec::new();
    let work = async {
        let place = Place::of(row)?;
        visitor
            .run(&place, command, |_, line| {
                if lines.len() < OUTPUT {
                    lines.push(line.to_owned());
                }
            })
            .await
    };
    match work.await {
        Ok(exit) => (exit.is_success(), exit.to_string(), lines),
        Err(failure) => (false, failure.to_string(), lines),
    }
}

/// `random-ip`.
pub(super) async fn random_ip(environment: &Environment, debug: bool) -> u8 {
    let run = match look(environment, debug).await {
        Ok(run) => run,
        Err(code) => return code,
    };
    let addresses: Vec<_> = run
        .open
        .engine
        .model
        .fleet
        .alive()
        .filter_map(|row| row.machine.as_ref()?.public_ip)
        .collect();
    if addresses.is_empty() {
        return refuse("no instance has a public address");
    }
    print(&format!("{}\n", addresses[fastrand::usize(..addresses.len())]));
    0
}

/// `export`.
pub(super) async fn export(environment: &Environment, format: ExportFormat, debug: bool) -> u8 {
    let run = match look(environment, debug).await {
        Ok(run) => run,
        Err(code) => return code,
    };
    let model = &run.open.engine.model;
    let mut rows: Vec<&Instance> = model.fleet.alive().collect();
    rows.sort_by_key(|row| (&row.region, row.id()));
    let how = match format {
        ExportFormat::SshConfig => Export::SshConfig,
        ExportFormat::Ansible => Export::Ansible,
        ExportFormat::Hosts => Export::Hosts,
        ExportFormat::Json => Export::Json,
    };
    print_export(Stdout, &rows, model.config.as_deref(), how);
    0
}

/// The deployment as AWS sees it now, for a command that changes nothing. An exit code when there
/// is no way on.
async fn look(environment: &Environment, debug: bool) -> Result<Run, u8> {
    let config = session::read_config(environment).map_err(|error| complain(&error))?;
    let mut run = Run::open(environment, config, Want::Read, false, debug)
        .map_err(|error| complain(&error))?;
    // What was asked for goes to standard output, and nothing else.
    run.printer.mute();
    match run.look(Need::Instances).await {
        Some(code) => {
            if let Some(trouble) = &run.open.engine.model.trouble {
                say(&format!("ERROR: {trouble}"));
            }
            Err(code)
        }
        None => Ok(run),
    }
}

/// The one instance that is meant.
async fn one(environment: &Environment, name: &str, debug: bool) -> Result<(Run, Instance), u8> {
    let run = look(environment, debug).await?;
    let fleet = &run.open.engine.model.fleet;
    let key = resolve::instance(fleet, name).map_err(|why| refuse(&why))?;
    let row = fleet.get(&key).cloned().ok_or(FAILED)?;
    Ok((run, row))
}

fn fail(failure: &Failure) -> u8 {
    say(&format!("ERROR: {}", Phase::Failed(failure.clone())));
    FAILED
}

fn code(exit: &ssh::Exit) -> u8 {
    match exit {
        ssh::Exit::Code(code) => u8::try_from(*code).unwrap_or(FAILED),
        ssh::Exit::Signal(_) => FAILED,
    }
}

/// Text on standard output.
fn print(text: &str) {
    // A reader that went away is no reason to fail.
    let _ = Stdout.write_all(text.as_bytes());
}
