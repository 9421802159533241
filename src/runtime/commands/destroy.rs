//! `destroy` and `retry`.

use crate::app::{Action, Command, Scope};
use crate::cli;
use crate::runtime::confirm;
use crate::runtime::environment::Environment;
use crate::runtime::exit_code::ExitCode;
use crate::runtime::recall::Want;
use crate::runtime::resolve::{self, Targets};
use crate::runtime::session::{Need, Session, Start};
use crate::runtime::startup::read_config;
use crate::runtime::stderr;
use crate::runtime::stop::Stop;

/// `destroy`.
pub(in crate::runtime) async fn destroy(
    environment: &Environment,
    args: &cli::Destroy,
) -> Result<ExitCode, Stop> {
    if args.instances.is_empty() && args.region.is_empty() && !args.all {
        return Err(Stop::Usage("name instances, or --region REGION, or --all".to_owned()));
    }
    confirm::possible(args.yes, "destroy ends instances: without a terminal it needs --yes")?;
    // Who ends everything unasked has no use for a list: the destroy looks for itself.
    let need = if args.all && args.yes { Need::Deployment } else { Need::Instances };
    let start = Start { need, ..start(environment, Want::Destroy, args.json)? };
    Session::run(start, async |session| {
        let model = session.model();
        let targets =
            resolve::targets(&model.fleet, model.account.as_ref(), args).map_err(Stop::Usage)?;
        if !args.yes {
            confirm_destroy(session, &targets).await?;
        }
        for scope in targets.scopes() {
            session.perform(Command::destroy(scope)).await?;
        }
        Ok(session.verdict())
    })
    .await
}

/// `retry`: a node that failed is never mended; a fresh instance takes its place once it is ready.
pub(in crate::runtime) async fn retry(
    environment: &Environment,
    name: &str,
    is_confirmed: bool,
    json: bool,
) -> Result<ExitCode, Stop> {
    confirm::possible(is_confirmed, "retry ends an instance: without a terminal it needs --yes")?;
    Session::run(start(environment, Want::Write, json)?, async |session| {
        let fleet = &session.model().fleet;
        let key = resolve::instance(fleet, name).map_err(Stop::Usage)?;
        if !is_confirmed {
            confirm_destroy(session, &Targets::Instances(vec![key.clone()])).await?;
        }
        session.perform(Command::Act(Action::Retry, Scope::Instances(vec![key]))).await?;
        Ok(session.verdict())
    })
    .await
}

fn start(environment: &Environment, want: Want, json: bool) -> Result<Start<'_>, Stop> {
    Ok(Start {
        environment,
        config: read_config(environment)?,
        want,
        need: Need::Instances,
        format: environment.format(json),
    })
}

/// Names what will go and asks: one by `y`, several by their count, everything by `all`.
async fn confirm_destroy(session: &mut Session, targets: &Targets) -> Result<(), Stop> {
    let doomed: Vec<_> = targets.instances(&session.model().fleet).collect();
    for instance in &doomed {
        stderr::print(&format!("  {}  {}  {}", instance.region, instance.label(), instance.phase));
    }
    let count = doomed.len();
    match targets {
        Targets::All => session.confirm("Destroy everything of this deployment?", "all").await,
        _ if count == 1 => session.confirm("Destroy this instance?", "y").await,
        _ => {
            session.confirm(&format!("Destroy these {count} instances?"), &count.to_string()).await
        }
    }
}
