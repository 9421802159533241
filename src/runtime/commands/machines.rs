//! `up`, `down`, `stop`, `start`, `reboot`: what is done to machines that stay; and `drain`, which is asked
//! for as these are.

use crate::app::action::Confirm;
use crate::app::{Action, Aim, Command, Model, Scope, machine_price};
use crate::cli;
use crate::fleet::{InstanceKey, Level, Restore};
use crate::runtime::confirm;
use crate::runtime::environment::Environment;
use crate::runtime::exit_code::ExitCode;
use crate::runtime::recall::Want;
use crate::runtime::resolve;
use crate::runtime::session::{Need, Session, Start};
use crate::runtime::stderr;
use crate::runtime::stop::Stop;

/// `up`: the machine of this name runs when it has ended, as far as that can be had.
pub(in crate::runtime) async fn up(
    environment: &Environment,
    name: String,
    json: bool,
) -> Result<ExitCode, Stop> {
    let start = Start::changing(environment, Want::Write, Need::Room, json)?;
    Session::run(start, async |session| {
        let model = session.model();
        let is_known = model.config.as_ref().is_some_and(|config| config.machine(&name).is_some())
            || model.fleet.alive().any(|row| row.machine_name() == Some(&name));
        if !is_known {
            return Err(Stop::Usage(unknown(model, &name)));
        }
        tell_price(session, &name).await?;
        session.perform(Command::Act(Action::Up(name), Scope::All)).await?;
        Ok(session.verdict())
    })
    .await
}

fn unknown(model: &Model, name: &str) -> String {
    let machines = model.config.iter().flat_map(|config| &config.machines);
    let names: Vec<&str> = machines.map(|it| it.name.as_str()).collect();
    let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    format!("up: no machine '{name}' under machines: there is {there}")
}

/// Says what a machine of the configuration will cost that is about to be launched.
async fn tell_price(session: &mut Session, name: &str) -> Result<(), Stop> {
    if session.model().fleet.alive().any(|row| row.machine_name() == Some(name)) {
        return Ok(());
    }
    session.ask_for_prices(Command::PriceBudget).await?;
    if let Some(text) = machine_price(session.model(), name) {
        session.print(Level::Info, &text);
    }
    Ok(())
}

/// `snapshot`: of each volume that the machine keeps; or of what has none of today.
pub(in crate::runtime) async fn snapshot(
    environment: &Environment,
    name: String,
    scheduled: bool,
    json: bool,
) -> Result<ExitCode, Stop> {
    let start = Start::changing(environment, Want::Write, Need::Instances, json)?;
    Session::run(start, async |session| {
        let action = Action::Snapshot { names: vec![name], is_scheduled: scheduled };
        session.perform(Command::Act(action, Scope::Instances(Vec::new()))).await?;
        Ok(session.verdict())
    })
    .await
}

/// `restore`: a volume of a snapshot costs from then on; using it is asked about.
pub(in crate::runtime) async fn restore(
    environment: &Environment,
    name: String,
    step: Restore,
    yes: bool,
    json: bool,
) -> Result<ExitCode, Stop> {
    let asks = matches!(step, Restore::Use(_)) && !yes;
    if asks {
        let otherwise = "restore changes the disk of a machine: without a terminal it needs --yes";
        confirm::possible(false, otherwise)?;
    }
    let start = Start::changing(environment, Want::Write, Need::Instances, json)?;
    Session::run(start, async |session| {
        if asks {
            let question = format!("Give it the place of the volume that {name} has?");
            session.confirm(&question, "y").await?;
        }
        session.perform(Command::Act(Action::Restore(name, step), Scope::All)).await?;
        Ok(session.verdict())
    })
    .await
}

/// Does it to the instances that are named, each by itself; asks as the dashboard does.
pub(in crate::runtime) async fn act(
    environment: &Environment,
    action: Action,
    args: &cli::Machines,
) -> Result<ExitCode, Stop> {
    let verb = action.entry().verb;
    let asks = action.entry().confirm == Confirm::Always && !args.yes;
    if asks {
        let otherwise = format!("{verb} interrupts what runs: without a terminal it needs --yes");
        confirm::possible(false, &otherwise)?;
    }
    // What is done over SSH leaves nothing to remember.
    let want = if action.entry().over_ssh { Want::Run } else { Want::Write };
    let start = Start::changing(environment, want, Need::Instances, args.json)?;
    Session::run(start, async |session| {
        let keys = named(session, &args.instances)?;
        if asks {
            let fleet = &session.model().fleet;
            for row in keys.iter().filter_map(|key| fleet.get(key)) {
                stderr::print(&format!("  {}  {}  {}", row.region, row.label(), row.phase));
            }
            let these = match keys.len() {
                1 => "this instance".to_owned(),
                count => format!("these {count} instances"),
            };
            let question = action.way(Aim::Chosen).map(|way| way.question).unwrap_or_default();
            session.confirm(&question.replace("{these}", &these), confirm::YES).await?;
        }
        session.perform(Command::Act(action, Scope::Instances(keys))).await?;
        Ok(session.verdict())
    })
    .await
}

fn named(session: &Session, names: &[String]) -> Result<Vec<InstanceKey>, Stop> {
    let fleet = &session.model().fleet;
    let mut keys = Vec::new();
    for name in names {
        let key = resolve::instance(fleet, name).map_err(Stop::Usage)?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}
