//! `create`.

use crate::app::{self, Command, Counts};
use crate::cli;
use crate::config::Config;
use crate::fleet::Level;
use crate::runtime::confirm;
use crate::runtime::environment::Environment;
use crate::runtime::exit_code::ExitCode;
use crate::runtime::recall::Want;
use crate::runtime::session::{Need, Session, Start};
use crate::runtime::startup::read_config;
use crate::runtime::stop::Stop;

/// `create`: shows the plan, asks, and launches.
pub(in crate::runtime) async fn create(
    environment: &Environment,
    args: &cli::Create,
) -> Result<ExitCode, Stop> {
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
        need: Need::Nothing,
        format: environment.format(args.json),
    };
    Session::run(start, async |session| {
        // Whoever reads the plan reads what it costs, and of which deployment it is.
        if args.dry_run || !args.yes {
            session.learn(Need::Room).await?;
            session.perform(Command::Prices(Vec::new())).await?;
        }
        if !args.json || args.dry_run {
            let (printer, model) = session.printer();
            printer.plan(model, &config, &counts);
        }
        if args.dry_run {
            session.print(Level::Info, "nothing was launched");
            return Err(Stop::Told(session.verdict()));
        }
        if !args.yes {
            session.confirm("Create these instances?", "y").await?;
        }
        // Only now, so that what is there is known as it is when they are launched.
        session.learn(Need::Room).await?;
        tell_what_is_there(session);
        session.perform(Command::create(Some(counts))).await?;
        Ok(session.verdict())
    })
    .await
}

fn tell_what_is_there(session: &mut Session) {
    let model = session.model();
    let alive = model.fleet.alive().count();
    if alive > 0 {
        let then = match model.unfinished().next() {
            Some(_) => "what was cut short is completed, and counts",
            None => "these are added",
        };
        let text = format!("{alive} already there in {}; {then}", model.deployment);
        session.print(Level::Info, &text);
    }
}

/// The counts that `--region R[=N]` asks for; without any, the configuration's.
fn counts(config: &Config, asked: &[String]) -> Result<Counts, String> {
    if asked.is_empty() {
        return Ok(config.spread());
    }
    app::counts(config, asked.iter().map(String::as_str))
}
