//! `keep`: the fleet is held without a screen. What is decided is decided in `app`, by the rules of the
//! dashboard; here is only what is asked before, and when the process leaves.

use crate::app::{Command, Model, how_full, is_held, would_end};
use crate::cli::{self, Until};
use crate::config::{Budget, Config};
use crate::fleet::Level;
use crate::runtime::confirm;
use crate::runtime::environment::Environment;
use crate::runtime::exit_code::ExitCode;
use crate::runtime::recall::Want;
use crate::runtime::session::{Need, Session, Start};
use crate::runtime::startup::read_config;
use crate::runtime::stderr;
use crate::runtime::stdout;
use crate::runtime::stop::Stop;
use crate::runtime::unit::unit;

/// `keep`.
pub(in crate::runtime) async fn keep(
    environment: &Environment,
    args: &cli::Keep,
) -> Result<ExitCode, Stop> {
    if args.print_unit {
        stdout::print(unit(&environment.global)?.trim_end());
        return Ok(ExitCode::DONE);
    }
    let config = read_config(environment)?.ok_or_else(|| {
        Stop::Usage("there is no config.yaml here: run `spot-tui setup`".to_owned())
    })?;
    let start = Start {
        environment,
        config: Some(config.clone()),
        want: Want::Write,
        need: Need::Room,
        format: environment.format(args.json),
    };
    Session::run(start, async |session| {
        session.name_keeper();
        confirm_ends(session, &config, args.yes).await?;
        if config.budget != Budget::default() {
            // What is launched is judged by them.
            session.perform(Command::Prices(Vec::new())).await?;
        }
        match (args.once, args.until) {
            (true, _) => {
                session.keep(is_held, None).await?;
                Ok(fullness(session.model()))
            }
            (false, Some(Until::Ready)) => {
                session.keep(is_full, None).await?;
                Ok(ExitCode::DONE)
            }
            (false, Some(Until::After(time))) => {
                session.keep(|_| false, Some(time)).await?;
                Ok(ExitCode::DONE)
            }
            (false, None) => {
                session.keep(|_| false, None).await?;
                Ok(ExitCode::DONE)
            }
        }
    })
    .await
}

/// Whether all that is wanted is ready.
pub(super) fn is_full(model: &Model) -> bool {
    let (ready, wanted) = how_full(model);
    ready >= wanted && is_held(model)
}

fn fullness(model: &Model) -> ExitCode {
    if is_full(model) { ExitCode::DONE } else { ExitCode::FAILED }
}

/// What would be ended is shown before it is: a count that was lowered in the configuration, or
/// another configuration than was meant.
async fn confirm_ends(
    session: &mut Session,
    config: &Config,
    is_confirmed: bool,
) -> Result<(), Stop> {
    let ends = would_end(session.model(), config);
    if ends.is_empty() {
        return Ok(());
    }
    let count: u32 = ends.iter().map(|(_, there, wanted)| there - wanted).sum();
    for (region, there, wanted) in &ends {
        let text = format!("{region}: {there} are there and {wanted} are wanted");
        if is_confirmed {
            session.print(Level::Warning, &text);
        } else {
            stderr::print(&format!("  {text}"));
        }
    }
    if is_confirmed {
        return Ok(());
    }
    let otherwise = format!("keep would end {count} instances: without a terminal it needs --yes");
    confirm::possible(false, &otherwise)?;
    let question = format!("End {count} of these instances?");
    session.confirm(&question, &count.to_string()).await
}
