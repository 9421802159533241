//! `nuke`, `cleanup`, `recover`: the commands for what no state file tells of.

use crate::app::{Action, Command, Scope};
use crate::cli;
use crate::fleet::Level;
use crate::runtime::confirm;
use crate::runtime::environment::Environment;
use crate::runtime::exit_code::ExitCode;
use crate::runtime::recall::Want;
use crate::runtime::session::{Need, Session, Start};
use crate::runtime::stop::Stop;

/// `nuke`: everything that this program ever made in the account.
pub(in crate::runtime) async fn nuke(
    environment: &Environment,
    args: &cli::Nuke,
) -> Result<ExitCode, Stop> {
    if args.yes && args.account.is_none() {
        let text = "nuke --yes needs the account's number as well: --account ID";
        return Err(Stop::Usage(text.to_owned()));
    }
    confirm::possible(
        args.dry_run || args.yes,
        "nuke destroys everything: without a terminal it needs --yes --account ID",
    )?;
    Session::run(
        Start::changing(environment, want(args.dry_run), Need::Account, args.json)?,
        async |session| {
            let (account, regions) = session.account(&args.region)?;
            if let Some(other) =
                args.account.as_ref().filter(|other| **other != account.id.as_str())
            {
                let text = format!("--account {other}: these credentials are of {}", account.id);
                return Err(Stop::Usage(text));
            }
            session.perform(Command::Inspect(regions.clone())).await?;
            // What could not be looked at is not destroyed unseen.
            if args.dry_run || session.verdict() != ExitCode::DONE {
                return Ok(session.verdict());
            }
            if !args.yes {
                let question = format!(
                    "Destroy all of this, of every deployment and creator, in account {}?",
                    account.id
                );
                session.confirm(&question, account.id.as_str()).await?;
            }
            session.perform(Command::destroy(Scope::Account(account.id, regions))).await?;
            Ok(session.verdict())
        },
    )
    .await
}

/// `cleanup`: what is left of deployments of which nothing is alive.
pub(in crate::runtime) async fn cleanup(
    environment: &Environment,
    args: &cli::Cleanup,
) -> Result<ExitCode, Stop> {
    confirm::possible(
        args.dry_run || args.yes,
        "cleanup removes networks and disks: without a terminal it needs --yes",
    )?;
    Session::run(
        Start::changing(environment, want(args.dry_run), Need::Account, args.json)?,
        async |session| {
            let (account, regions) = session.account(&args.region)?;
            if args.dry_run || !args.yes {
                session.perform(Command::FindLeftOvers(regions.clone())).await?;
            }
            if args.dry_run {
                return Ok(session.verdict());
            }
            if !args.yes {
                session.confirm("Remove what is left?", confirm::YES).await?;
            }
            let left_overs = Scope::Account(account.id, regions);
            session.perform(Command::Act(Action::CleanUp, left_overs)).await?;
            Ok(session.verdict())
        },
    )
    .await
}

/// `recover`: the state file, anew from the tags.
pub(in crate::runtime) async fn recover(
    environment: &Environment,
    json: bool,
) -> Result<ExitCode, Stop> {
    let start = Start::changing(environment, Want::Write, Need::Instances, json)?;
    Session::run(start, async |session| {
        session.perform(Command::Act(Action::Recover, Scope::All)).await?;
        let model = session.model();
        let text = format!(
            "{} instances of {} are in {}",
            model.fleet.alive().count(),
            model.deployment,
            environment.global.state.display()
        );
        session.print(Level::Success, &text);
        Ok(session.verdict())
    })
    .await
}

fn want(dry_run: bool) -> Want {
    if dry_run { Want::Read } else { Want::Destroy }
}
