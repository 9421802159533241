//! `keep`: the fleet is held without a screen. What is decided is decided in `app`, by the rules of the
//! dashboard; here is only what is asked before, and when the process leaves.

use tokio::time::Instant;

use crate::app::{Command, Model, has_ends_ahead, has_too_many, how_full, is_held, would_end};
use crate::cli::{self, Until};
use crate::config::{Budget, Config};
use crate::fleet::Level;
use crate::runtime::confirm;
use crate::runtime::environment::Environment;
use crate::runtime::exit_code::ExitCode;
use crate::runtime::handover::wait_until_free;
use crate::runtime::recall::Want;
use crate::runtime::session::{Need, Session, Start};
use crate::runtime::startup::read_config;
use crate::runtime::stderr;
use crate::runtime::stdout;
use crate::runtime::stop::Stop;
use crate::runtime::unit::unit;
use crate::store::Paths;

/// `keep`.
pub(in crate::runtime) async fn keep(
    environment: &Environment,
    args: &cli::Keep,
) -> Result<ExitCode, Stop> {
    if args.print_unit {
        if environment.global.read_only {
            let text = "a keeper that may change nothing keeps nothing: leave out --read-only";
            return Err(Stop::Usage(text.to_owned()));
        }
        stdout::print(unit(&environment.global)?.trim_end());
        return Ok(ExitCode::DONE);
    }
    let config = read_config(environment)?.ok_or_else(|| {
        Stop::Usage("there is no config.yaml here: run `spot-tui setup`".to_owned())
    })?;
    let end = match args.until {
        Some(Until::After(time)) => Some(Instant::now() + time),
        Some(Until::Ready) | None => None,
    };
    let paths = Paths::new(&environment.global.state);
    let mut is_confirmed = args.yes;
    loop {
        let term = Term { args, end, is_confirmed };
        match Box::pin(hold(environment, &config, &term)).await {
            // Somebody sits at a dashboard, which keeps meanwhile.
            Err(Stop::HandedOver) => {
                stderr::print("the state is handed over; keep goes on when it is free again");
                wait_until_free(&paths).await?;
            }
            ended => return ended,
        }
        // That was asked when the process began, and what a dashboard has changed since was wished.
        is_confirmed = true;
    }
}

/// One term of holding the fleet: from the moment the state is ours until it is handed over.
struct Term<'a> {
    args: &'a cli::Keep,
    /// When it is over in any case.
    end: Option<Instant>,
    /// Whether what is too much may be ended without a question.
    is_confirmed: bool,
}

async fn hold(
    environment: &Environment,
    config: &Config,
    term: &Term<'_>,
) -> Result<ExitCode, Stop> {
    let start = Start {
        environment,
        config: Some(config.clone()),
        want: Want::Write,
        need: Need::Room,
        format: environment.format(term.args.json),
    };
    Session::run(start, async |session| {
        session.name_keeper();
        session.hand_over_on_request(&Paths::new(&environment.global.state));
        confirm_ends(session, config, term.is_confirmed).await?;
        if config.budget != Budget::default() {
            // What is launched is judged by them.
            session.perform(Command::PriceBudget).await?;
        }
        match (term.args.once, term.args.until) {
            (true, _) => {
                // Another machine's keeper does what there is to do.
                let is_done = |model: &Model| is_held(model) && !has_ends_ahead(model);
                session.keep(|model| is_done(model) || model.is_kept_elsewhere(), None).await?;
                if let Some(keeper) = session.model().kept_by() {
                    session.print(Level::Warning, &format!("kept by {keeper}"));
                }
                // An end that AWS refused leaves too many: that is no success either.
                let model = session.model();
                Ok(if has_too_many(model) { ExitCode::FAILED } else { fullness(model) })
            }
            (false, Some(Until::Ready)) => {
                session.keep(is_full, None).await?;
                Ok(ExitCode::DONE)
            }
            (false, Some(Until::After(_)) | None) => {
                session.keep(|_| false, term.end).await?;
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
