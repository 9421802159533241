//! The commands about nodes: what they do there is read or run, never kept. What was asked for goes
//! to standard output and nothing else does.

use std::time::Duration;

use crate::app::{Action, Command, InstanceAnswer, Scope};
use crate::cli;
use crate::fleet::{Failure, FailureKind, Hold, Instance, InstanceKey, Logs, Pull, Step};
use crate::headless::{Format, diagnosis_json, dropped_lines, print_diagnosis, print_outputs};
use crate::runtime::environment::Environment;
use crate::runtime::exit_code::ExitCode;
use crate::runtime::recall::Want;
use crate::runtime::resolve;
use crate::runtime::session::{Need, Session, Start};
use crate::runtime::shell::Login;
use crate::runtime::stderr;
use crate::runtime::stdout::{self, Stdout};
use crate::runtime::stop::Stop;
use crate::ssh::quote;

/// `diagnose`. Fails where something is not well.
pub(in crate::runtime) async fn diagnose(
    environment: &Environment,
    name: &str,
    as_json: bool,
) -> Result<ExitCode, Stop> {
    Session::run(Start::looking(environment)?, async |session| {
        let row = instance(session, name)?;
        session.obtain(Command::Act(Action::Diagnose, only(&row))).await?;
        let answer = answers(session).next();
        match answer.and_then(|answer| answer.diagnosis.as_ref()) {
            Some(found) if as_json => stdout::print(&diagnosis_json(&row, found).to_string()),
            Some(found) => print_diagnosis(Stdout, &row.label(), found),
            None => stderr::print(&format!("ERROR: {}", answer.map_or("", InstanceAnswer::end))),
        }
        Ok(session.verdict())
    })
    .await
}

/// `logs`: as they come, and nothing around them.
pub(in crate::runtime) async fn logs(
    environment: &Environment,
    name: &str,
    logs: Logs,
    json: bool,
) -> Result<ExitCode, Stop> {
    let unusual = |c: char| !(c.is_ascii_alphanumeric() || "-_.@".contains(c));
    if let Some(unit) = logs.unit.as_deref()
        && (unit.starts_with('-') || unit.contains(unusual))
    {
        return Err(Stop::Usage(format!("'{}' is not a unit's name", unit.escape_debug())));
    }
    let start = asking(environment, json)?;
    let format = if json { start.format } else { Format::Output };
    let start = Start { want: Want::Read, format, ..start };
    Session::run(start, async |session| {
        let row = instance(session, name)?;
        let follows = logs.follow;
        tokio::select! {
            ended = read_logs(session, logs, &row, json) => ended,
            // What is followed has no end of its own.
            () = stdout::closed(), if follows => Err(Stop::Told(ExitCode::DONE)),
        }
    })
    .await
}

async fn read_logs(
    session: &mut Session,
    logs: Logs,
    row: &Instance,
    json: bool,
) -> Result<ExitCode, Stop> {
    if json {
        return ask(session, Action::Logs(logs), only(row)).await;
    }
    session.obtain(Command::Act(Action::Logs(logs), only(row))).await?;
    if session.verdict() != ExitCode::DONE {
        let end = answers(session).next().map_or("", InstanceAnswer::end);
        stderr::print(&format!("ERROR: {end}"));
    }
    Ok(session.verdict())
}

/// `ssh`. Ends as that did.
pub(in crate::runtime) async fn ssh(
    environment: &Environment,
    name: &str,
    command: &[String],
) -> Result<ExitCode, Stop> {
    let doors = environment.doors();
    Session::run(Start::looking(environment)?, async |session| {
        let row = Box::pin(session.with_host_key(instance(session, name)?)).await?;
        let config = session.model().config.as_deref();
        let login = Login::speaking(&row, config, doors.as_deref()).await?;
        let mut ssh = tokio::process::Command::new("ssh");
        ssh.args(&login.arguments).args(command);
        // Ctrl-C is meant for the far side: the session listens to the signals and passes them
        // over.
        let status = ssh.status().await.map_err(|error| {
            let reason = format!("the program ssh cannot be started: {error}");
            Failure::new(FailureKind::Other, Step::Connect, reason, "install OpenSSH's client")
        })?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.map_or(ExitCode::FAILED, ExitCode))
    })
    .await
}

/// Sets the lease of a node anew, for so many seconds: a file that is gone after a restart says so to
/// both of its services, the one that uses force five minutes behind.
fn extend(seconds: u64) -> String {
    let waits = |name: &str, seconds: u64| {
        let folder = format!("/run/systemd/system/{name}.d");
        format!(
            "mkdir -p {folder} && printf '[Service]\\nRuntimeMaxSec={seconds}s\\n' \
             >{folder}/extended.conf"
        )
    };
    let (term, last) = (waits(LEASE, seconds), waits(LEASE_LAST, seconds + 300));
    let restart = format!("systemctl restart {LEASE} {LEASE_LAST}");
    // The configuration may have lost what the node was launched with: it knows best itself.
    let check =
        format!("systemctl is-active --quiet {LEASE} || {{ echo \"{NO_LEASE}\" >&2; exit 1; }}");
    let script = format!("{check}; {term} && {last} && systemctl daemon-reload && {restart}");
    format!("sudo sh -c {}", quote(&script))
}

/// What waits for the end of a lease, as `instance/arm-lease.sh` calls it.
const LEASE: &str = "spot-tui-lease-term.service";
const LEASE_LAST: &str = "spot-tui-lease-last.service";

/// What a node says that has none.
const NO_LEASE: &str = "this instance has no lease: it was launched without one";

/// The longest lease, as in the configuration.
const LONGEST_LEASE: Duration = Duration::from_hours(365 * 24);

/// `lease`.
pub(in crate::runtime) async fn lease(
    environment: &Environment,
    command: cli::LeaseCommand,
) -> Result<ExitCode, Stop> {
    let cli::LeaseCommand::Extend { time, region, on, json } = command;
    if time < Duration::from_mins(15) {
        return Err(Stop::Usage("a lease is at least 15m".to_owned()));
    }
    if time > LONGEST_LEASE {
        return Err(Stop::Usage("a lease is at most 365d".to_owned()));
    }
    let command = vec![extend(time.as_secs())];
    run_on(environment, &cli::Exec { region, on, json, command }, None).await
}

/// `exec`. Fails where the command failed on a node.
pub(in crate::runtime) async fn exec(
    environment: &Environment,
    args: &cli::Exec,
) -> Result<ExitCode, Stop> {
    let lasts = "what a command changes goes with the instance: a change that is to last belongs in a \
                 new one";
    run_on(environment, args, Some(lasts)).await
}

/// `pull`. Fails where something of a node did not come.
pub(in crate::runtime) async fn pull(
    environment: &Environment,
    args: &cli::Pull,
) -> Result<ExitCode, Stop> {
    let most = args.most.checked_mul(1 << 30).filter(|most| *most > 0);
    let most = most.ok_or_else(|| Stop::Usage(format!("--most {}: not a size", args.most)))?;
    let pull = Pull { paths: args.paths.clone(), to: args.to.clone(), most };
    if let Some(trouble) = pull.trouble() {
        return Err(Stop::Usage(trouble));
    }
    Session::run(asking(environment, args.json)?, async |session| {
        let keys = meant(session, &args.region, &args.on)?;
        ask(session, Action::Pull(pull), Scope::Instances(keys)).await
    })
    .await
}

/// Runs a command on those that are meant, and prints what they answer.
async fn run_on(
    environment: &Environment,
    args: &cli::Exec,
    remark: Option<&str>,
) -> Result<ExitCode, Stop> {
    Session::run(asking(environment, args.json)?, async |session| {
        let keys = meant(session, &args.region, &args.on)?;
        if let Some(remark) = remark {
            stderr::print(remark);
        }
        ask(session, Action::Exec(args.command.join(" ")), Scope::Instances(keys)).await
    })
    .await
}

/// The session of a command that asks nodes for something: people read what they answer and nothing else,
/// programs that as lines among others.
fn asking(environment: &Environment, json: bool) -> Result<Start<'_>, Stop> {
    if json {
        return Start::changing(environment, Want::Run, Need::Instances, json);
    }
    Ok(Start { want: Want::Run, ..Start::looking(environment)? })
}

/// Asks nodes for it, and prints what they answer.
async fn ask(session: &mut Session, action: Action, scope: Scope) -> Result<ExitCode, Stop> {
    let command = Command::Act(action, scope);
    if session.tells_programs() {
        session.perform(command).await?;
        let (printer, model) = session.printer();
        printer.answers(model);
    } else {
        session.obtain(command).await?;
        print_answers(session);
    }
    Ok(session.verdict())
}

/// The instances that are meant: these, or all in these regions, or all.
fn meant(session: &Session, regions: &[String], on: &[String]) -> Result<Vec<InstanceKey>, Stop> {
    let fleet = &session.model().fleet;
    let named: Result<Vec<InstanceKey>, String> =
        on.iter().map(|name| resolve::instance(fleet, name)).collect();
    let named = named.map_err(Stop::Usage)?;
    let keys: Vec<InstanceKey> = fleet
        .alive()
        .filter(|row| named.is_empty() || named.contains(&row.key))
        .filter(|row| regions.is_empty() || regions.iter().any(|name| name == row.region.as_str()))
        .map(|row| row.key.clone())
        .collect();
    if keys.is_empty() {
        let text = "no instance of this deployment is meant: see `spot-tui list`";
        return Err(Stop::Usage(text.to_owned()));
    }
    Ok(keys)
}

/// `awake`: says what the machine says.
pub(in crate::runtime) async fn awake(
    environment: &Environment,
    name: &str,
    time: Hold,
    json: bool,
) -> Result<ExitCode, Stop> {
    Session::run(asking(environment, json)?, async |session| {
        let row = instance(session, name)?;
        ask(session, Action::Awake(time), only(&row)).await
    })
    .await
}

/// The one instance that is meant.
fn instance(session: &Session, name: &str) -> Result<Instance, Stop> {
    let fleet = &session.model().fleet;
    let key = resolve::instance(fleet, name).map_err(Stop::Usage)?;
    fleet.get(&key).cloned().ok_or(Stop::Told(ExitCode::FAILED))
}

fn only(row: &Instance) -> Scope {
    Scope::Instances(vec![row.key.clone()])
}

/// Prints what the nodes answered. Whether all of it is there is said on standard error: standard output
/// is what they printed.
fn print_answers(session: &mut Session) {
    let (printer, model) = session.printer();
    let outputs = printer.outputs(model);
    print_outputs(Stdout, &outputs);
    for remark in dropped_lines(&outputs) {
        stderr::print(&format!("WARNING: {remark}"));
    }
}

/// What the nodes answered.
fn answers(session: &Session) -> impl Iterator<Item = &InstanceAnswer> {
    session.model().answers.iter().flat_map(|answers| &answers.answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node in whose place this machine answers, in the words of the script.
    #[test]
    fn a_node_without_a_lease_says_so() {
        let script = extend(3600);
        let script = script.strip_prefix("sudo ").unwrap();
        let script = format!("systemctl() {{ return 3; }}; {}", script.replace("sh -c", "eval"));
        let ran = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(ran.status.code(), Some(1));
        assert_eq!(String::from_utf8(ran.stderr).unwrap().trim(), NO_LEASE);
    }
}
