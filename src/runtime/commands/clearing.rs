//! `nuke`, `cleanup`, `recover`: the commands for what no state file tells of.

use std::io::{self, IsTerminal};

use super::{FAILED, Need, Run, asked, complain, refusal, refuse, session};
use crate::app::{Action, Command, Exit, Scope};
use crate::cli;
use crate::fleet::{Account, Level, Region, Subject};
use crate::runtime::environment::Environment;
use crate::runtime::recall::Want;

/// `nuke`: everything that this program ever made in the account.
pub(in crate::runtime) async fn nuke(
    environment: &Environment,
    args: &cli::Nuke,
    debug: bool,
) -> u8 {
    if args.yes && args.account.is_none() {
        return refuse("nuke --yes needs the account's number as well: --account ID");
    }
    if !args.dry_run && !args.yes && !io::stdin().is_terminal() {
        return refuse("nuke destroys everything: without a terminal it needs --yes --account ID");
    }
    let want = if args.dry_run { Want::Read } else { Want::Destroy };
    let mut run = match open(environment, want, args.json, debug) {
        Ok(run) => run,
        Err(code) => return code,
    };
    let (account, regions) = match run.known_account(&args.region).await {
        Ok(known) => known,
        Err(code) => return code,
    };
    if let Some(wanted) = args.account.as_ref().filter(|wanted| **wanted != account.id.as_str()) {
        let text = format!("--account {wanted}: these credentials are of {}", account.id);
        return run.leave(refuse(&text));
    }
    if let Some(exit) = run.perform(Command::Inspect(regions.clone())).await {
        return run.close(exit).await;
    }
    if args.dry_run || run.open.engine.model.verdict() == Exit::Failed {
        return run.end().await;
    }
    let question =
        format!("Destroy all of this, of every deployment and creator, in account {}?", account.id);
    if !args.yes
        && let Some(exit) = refusal(asked(&mut run.signals, &question, account.id.as_str()).await)
    {
        return run.close(exit).await;
    }
    run.do_and_end(Command::Act(Action::Nuke, Scope::Account(account.id, regions))).await
}

/// `cleanup`: what is left of deployments of which nothing is alive.
pub(in crate::runtime) async fn cleanup(
    environment: &Environment,
    args: &cli::Cleanup,
    debug: bool,
) -> u8 {
    if !args.dry_run && !args.yes && !io::stdin().is_terminal() {
        return refuse("cleanup removes networks and disks: without a terminal it needs --yes");
    }
    let want = if args.dry_run { Want::Read } else { Want::Destroy };
    let mut run = match open(environment, want, args.json, debug) {
        Ok(run) => run,
        Err(code) => return code,
    };
    let regions = match run.known_account(&args.region).await {
        Ok((_, regions)) => regions,
        Err(code) => return code,
    };
    if args.dry_run || !args.yes {
        if let Some(exit) = run.perform(Command::FindLeftOvers(regions.clone())).await {
            return run.close(exit).await;
        }
        if args.dry_run {
            return run.end().await;
        }
        if let Some(exit) = refusal(asked(&mut run.signals, "Remove what is left?", "y").await) {
            return run.close(exit).await;
        }
    }
    run.do_and_end(Command::Act(Action::CleanUp, Scope::LeftOvers(regions))).await
}

/// `recover`: the state file, anew from the tags.
pub(in crate::runtime) async fn recover(environment: &Environment, json: bool, debug: bool) -> u8 {
    let mut run = match open(environment, Want::Write, json, debug) {
        Ok(run) => run,
        Err(code) => return code,
    };
    if let Some(code) = run.look(Need::Instances).await {
        return code;
    }
    if let Some(exit) = run.perform(Command::Act(Action::Recover, Scope::All)).await {
        return run.close(exit).await;
    }
    let model = &run.open.engine.model;
    let text = format!(
        "{} instances of {} are in {}",
        model.fleet.alive().count(),
        model.deployment,
        environment.global.state.display()
    );
    run.printer.line(model, &Subject::Job, Level::Success, &text);
    run.end().await
}

fn open(environment: &Environment, want: Want, json: bool, debug: bool) -> Result<Run, u8> {
    let config = session::read_config(environment).map_err(|error| complain(&error))?;
    Run::open(environment, config, want, json, debug).map_err(|error| complain(&error))
}

impl Run {
    /// Who we are, and the regions that were named. An exit code where that cannot be told.
    async fn known_account(&mut self, named: &[String]) -> Result<(Account, Vec<Region>), u8> {
        if let Some(exit) = self.perform(Command::Refresh).await {
            return Err(self.close(exit).await);
        }
        let Some(account) = self.open.engine.model.account.clone() else {
            let code = self.end().await;
            return Err(if code == 0 { FAILED } else { code });
        };
        let regions: Vec<Region> = named.iter().map(|name| Region::from(name.as_str())).collect();
        if let Some(unknown) = regions.iter().find(|region| !account.regions.contains(region)) {
            let text = format!("--region {unknown}: the account has no such region");
            return Err(self.leave(refuse(&text)));
        }
        Ok((account, regions))
    }

    async fn do_and_end(&mut self, command: Command) -> u8 {
        match self.perform(command).await {
            Some(exit) => self.close(exit).await,
            None => self.end().await,
        }
    }
}
