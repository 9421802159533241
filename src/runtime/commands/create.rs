//! `create`.

use super::keep::is_full;
use crate::app::{
    self, Action, Command, Counts, CreatePlan, Model, Scope, budget_refusal, lock_refusal,
    only_machines,
};
use crate::cli;
use crate::config::Config;
use crate::fleet::{Level, Region};
use crate::runtime::confirm;
use crate::runtime::environment::Environment;
use crate::runtime::exit_code::ExitCode;
use crate::runtime::recall::Want;
use crate::runtime::session::{Need, Session, Start};
use crate::runtime::startup::read_config;
use crate::runtime::stop::Stop;
use crate::runtime::user_files;

/// `create`: shows the plan, asks, and launches.
pub(in crate::runtime) async fn create(
    environment: &Environment,
    args: &cli::Create,
) -> Result<ExitCode, Stop> {
    if args.forget {
        return forget(environment, args).await;
    }
    let config = read_config(environment)?.ok_or_else(|| {
        Stop::Usage("there is no config.yaml here: run `spot-tui setup`".to_owned())
    })?;
    let counts = counts(&config, &args.regions).map_err(Stop::Usage)?;
    let is_confirmed = args.yes || args.dry_run;
    confirm::possible(
        is_confirmed,
        "create launches instances: without a terminal it needs --yes",
    )?;
    let start = Start {
        environment,
        config: Some(config.clone()),
        want: if args.dry_run { Want::Read } else { Want::Write },
        // What is launched depends on what is there.
        need: Need::Room,
        format: environment.moving(args.json),
    };
    Session::run(start, async |session| {
        loop {
            let plan = tell_plan(session, &config, &counts, (environment, args)).await?;
            if args.dry_run {
                return Err(Stop::Told(dry(session, &config, &plan).await?));
            }
            if args.yes {
                break;
            }
            session.confirm("Create these instances?", confirm::YES).await?;
            // Nobody knows how long the question stood.
            session.perform(Command::Refresh).await?;
            if CreatePlan::of(session.model(), &counts).launched() == plan.launched() {
                break;
            }
            session.print(Level::Warning, "meanwhile something changed: this is the plan now");
        }
        session.perform(Command::create(Some(counts))).await?;
        if args.wait {
            session.name_keeper();
            session.keep(is_full, None).await?;
            return Ok(ExitCode::DONE);
        }
        Ok(session.verdict())
    })
    .await
}

/// Says what is there and what would be launched.
async fn tell_plan(
    session: &mut Session,
    config: &Config,
    counts: &Counts,
    (environment, args): (&Environment, &cli::Create),
) -> Result<CreatePlan, Stop> {
    // Nobody is asked, and nobody asked for it.
    let is_unwanted = args.yes && (args.json || environment.global.quiet);
    let is_told = args.dry_run || !is_unwanted;
    if args.dry_run && config.budget.limits_money() {
        // By them it is judged, and a create would wait for them too.
        session.perform(Command::PriceBudget).await?;
    } else if is_told {
        // Whoever reads the plan reads what it costs.
        session.ask_for_prices(Command::PriceBudget).await?;
    }
    let plan = CreatePlan::of(session.model(), counts);
    if let Some(text) = what_is_there(session.model(), &plan) {
        session.print(Level::Info, &text);
    }
    if is_told {
        let (printer, model) = session.printer();
        printer.plan(model, config, &plan);
    }
    Ok(plan)
}

/// Judges all that the create would judge first, and ends as it would be refused.
async fn dry(session: &mut Session, config: &Config, plan: &CreatePlan) -> Result<ExitCode, Stop> {
    let files = user_files::check(config);
    let counts = plan.launched();
    // Who asks AWS looks at the files again, and tells of those that are fit but not sent.
    if files.wrong.is_empty() && !counts.is_empty() {
        session.perform(Command::Preflight(counts, None)).await?;
    }
    let model = session.model();
    let refused = lock_refusal(model).into_iter().chain(budget_refusal(model, plan));
    let refusals: Vec<String> = refused.chain(files.wrong).collect();
    for text in &refusals {
        session.print(Level::Warning, text);
    }
    session.print(Level::Info, "nothing was launched");
    Ok(if refusals.is_empty() { session.verdict() } else { ExitCode::FAILED })
}

fn what_is_there(model: &Model, plan: &CreatePlan) -> Option<String> {
    let alive = model.fleet.alive().count();
    let then = match plan.remark() {
        Some(_) => "what was cut short is completed, and counts",
        None => "these are added",
    };
    (alive > 0).then(|| format!("{alive} already there in {}; {then}", model.deployment))
}

/// `create --forget`: drops what was cut short.
async fn forget(environment: &Environment, args: &cli::Create) -> Result<ExitCode, Stop> {
    let start = Start::changing(environment, Want::Write, Need::Nothing, args.json)?;
    let regions = args.regions.iter().filter_map(|asked| asked.split('=').next());
    let scopes: Vec<Scope> = regions.map(|name| Scope::Region(Region::from(name))).collect();
    let scopes = if scopes.is_empty() { vec![Scope::All] } else { scopes };
    Session::run(start, async |session| {
        for scope in scopes {
            let before = session.model().unfinished().count();
            session.perform(Command::Act(Action::Forget, scope)).await?;
            if session.model().unfinished().count() < before {
                session.print(Level::Success, "dropped; what it made stays, see `spot-tui list`");
            }
        }
        Ok(session.verdict())
    })
    .await
}

/// The counts that `--region R[=N]` asks for; without any, the configuration's.
fn counts(config: &Config, asked: &[String]) -> Result<Counts, String> {
    if asked.is_empty() {
        return only_machines(config).map_or_else(|| Ok(config.spread()), Err);
    }
    app::counts(config, asked.iter().map(String::as_str))
}
