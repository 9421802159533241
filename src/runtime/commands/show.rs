//! The commands that show what there is: `list`, `status`, `events`, `prices`, `export`, `random-ip`.
//! What was asked for goes to standard output and nothing else does; what is wrong goes to standard
//! error.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::app::{Command, LogLine, Model, Query, Selection, clean, matching, read_lines};
use crate::cli::{self, ExportFormat, ListOutput};
use crate::fleet::{Instance, Level, MachineType, REGION_LOCATIONS, Region};
use crate::headless::{
    ListFormat, cut_short, print_events, print_export, print_list, print_pending_creates,
    print_prices, print_status,
};
use crate::runtime::environment::Environment;
use crate::runtime::exit_code::ExitCode;
use crate::runtime::export;
use crate::runtime::session::{Need, Session, Start};
use crate::runtime::stderr;
use crate::runtime::stdout::{self, Stdout};
use crate::runtime::stop::Stop;
use crate::store::{EventFile, Paths};

/// Between two looks of `list --watch`.
const PACE: Duration = Duration::from_secs(10);
/// The longest name that is repeated, in bytes.
const LONGEST: usize = 64;

/// `list`. With --watch again and again: each look reads the state anew, for another process may be
/// at work on it.
pub(in crate::runtime) async fn list(
    environment: &Environment,
    args: &cli::List,
) -> Result<ExitCode, Stop> {
    let mut shown = Shown::default();
    loop {
        let code = Box::pin(look(environment, args, &mut shown)).await?;
        let is_over = matches!(code, ExitCode::USAGE | ExitCode::INTERRUPTED);
        if !args.watch || is_over || stdout::is_closed() {
            return Ok(code);
        }
    }
}

/// What a list that is looked at again has printed.
#[derive(Debug, Default)]
struct Shown(Option<Vec<u8>>);

impl Shown {
    /// Prints what there is now: on a terminal in the place of what stood there.
    fn print(&mut self, text: Vec<u8>, is_again: bool) {
        let on_terminal = is_again && io::stdout().is_terminal();
        if self.0.as_ref() == Some(&text) && !on_terminal {
            return;
        }
        if on_terminal {
            stdout::write("\x1b[H\x1b[J");
        }
        let _ = Stdout.write_all(&text).and_then(|()| Stdout.flush());
        self.0 = Some(text);
    }
}

/// One look, and with --watch the time until the next one.
async fn look(
    environment: &Environment,
    args: &cli::List,
    shown: &mut Shown,
) -> Result<ExitCode, Stop> {
    let asked = selection(args)?;
    let start = Start { need: Need::LastKnown, ..Start::looking(environment)? };
    Session::run(start, async |session| {
        let verdict = session.verdict();
        if args.pending_creates {
            tell_troubles(session.model());
            print_pending_creates(Stdout, session.model(), args.json);
            return Ok(verdict);
        }
        // What it costs belongs to a list; that nobody tells it is no failure of one.
        session.ask_for_prices(Command::PriceFleet).await?;
        let model = session.model();
        check_regions(model, &asked.regions)?;
        let mut text = Vec::new();
        // Where nobody could look, nothing is no answer.
        if args.output() == ListOutput::Json || model.trouble.is_none() || !model.fleet.is_empty() {
            let is_table = matches!(args.output(), ListOutput::Table | ListOutput::Wide);
            if is_table && session.is_new() && model.fleet.is_empty() {
                // The deployment has a name when it has an instance.
                text.extend_from_slice(b"nothing was created here yet\n");
            } else {
                print_list(&mut text, model, &asked, format(args.output()));
            }
        }
        if shown.0.is_none() {
            tell_troubles(model);
        }
        shown.print(text, args.watch);
        if args.watch && !stdout::is_closed() {
            tokio::select! {
                rested = session.rest(PACE) => rested?,
                () = stdout::closed() => {}
            }
        }
        Ok(verdict)
    })
    .await
}

/// Says what of the answer is not whole.
fn tell_troubles(model: &Model) {
    for (region, view) in model.fleet.regions() {
        if let Some(trouble) = &view.trouble {
            stderr::print(&format!("WARNING: {region} did not answer: {trouble}"));
        }
    }
    if let Some(trouble) = &model.trouble {
        stderr::print(&format!("ERROR: {trouble}; what follows is what was last known"));
    }
    let labels: Vec<String> = model.fleet.instances().map(Instance::label).collect();
    let of_rows = |line: &&LogLine| line.level >= Level::Warning && labels.contains(&line.about);
    for line in model.log.events().lines().filter(of_rows) {
        stderr::print(&line.to_string());
    }
    for order in model.unfinished().filter(|order| order.count > 0) {
        stderr::print(&format!("WARNING: {}", cut_short(model, order)));
    }
}

fn selection(args: &cli::List) -> Result<Selection, Stop> {
    let order = args.sort.as_deref().map(Selection::order).transpose();
    Ok(Selection {
        query: Query::parse_whole(&args.filter)
            .map_err(|why| Stop::Usage(format!("--filter: {why}")))?,
        regions: args.region.iter().map(|name| name.as_str().into()).collect(),
        order: order.map_err(|why| Stop::Usage(format!("--sort: {why}")))?,
    })
}

/// Refuses a region that AWS does not have: a list of it is empty whatever there is.
fn check_regions(model: &Model, asked: &[Region]) -> Result<(), Stop> {
    let is_known = |region: &Region| {
        REGION_LOCATIONS.iter().any(|place| place.code == region.as_str())
            || model.fleet.regions().contains_key(region)
            || model.fleet.instances().any(|row| row.region == *region)
    };
    match asked.iter().find(|region| !is_known(region)) {
        Some(unknown) => {
            let name = clean(unknown.as_str(), LONGEST);
            Err(Stop::Usage(format!("--region: there is no region '{name}'")))
        }
        None => Ok(()),
    }
}

fn format(output: ListOutput) -> ListFormat {
    match output {
        ListOutput::Table => ListFormat::Table,
        ListOutput::Wide => ListFormat::Wide,
        ListOutput::Csv => ListFormat::Csv,
        ListOutput::Json => ListFormat::Json,
    }
}

/// `status`.
pub(in crate::runtime) async fn status(
    environment: &Environment,
    args: &cli::Status,
) -> Result<ExitCode, Stop> {
    let need = if args.refresh { Need::LastKnown } else { Need::Nothing };
    let start = Start { need, ..Start::looking(environment)? };
    Session::run(start, async |session| {
        let verdict = session.verdict();
        if args.refresh {
            tell_troubles(session.model());
            session.ask_for_prices(Command::PriceFleet).await?;
        }
        let model = session.model();
        let answered = model.fleet.regions().values().filter_map(|view| view.answered).max();
        let known = answered.or_else(|| written(&environment.global.state));
        print_status(Stdout, model, (known, session.is_new()), args.json);
        Ok(verdict)
    })
    .await
}

/// When a file was last written.
fn written(file: &Path) -> Option<Timestamp> {
    file.metadata().and_then(|known| known.modified()).ok()?.try_into().ok()
}

/// `events`. It reads a file and asks nobody.
pub(in crate::runtime) fn events(
    environment: &Environment,
    args: &cli::Events,
) -> Result<ExitCode, Stop> {
    let paths = Paths::new(&environment.global.state);
    let read = EventFile::new(&paths).try_read();
    // That there is nothing and that nobody knows are not the same.
    let found = |lines: Vec<String>| {
        let lines = read_lines(lines.iter().map(String::as_str));
        matching(lines, &args.words.join(" "), environment.access.now()).map_err(Stop::Usage)
    };
    let found = match read {
        Ok(lines) => found(lines)?,
        Err(error) => {
            found(Vec::new())?;
            stderr::print(&format!("ERROR: {} cannot be read: {error}", paths.events().display()));
            return Ok(ExitCode::FAILED);
        }
    };
    let skipped = args.last.map_or(0, |last| found.len().saturating_sub(last));
    if found.is_empty() {
        stderr::print(&format!("no such event in {}", paths.events().display()));
    }
    print_events(Stdout, &found[skipped..], args.json);
    Ok(ExitCode::DONE)
}

/// `prices`.
pub(in crate::runtime) async fn prices(
    environment: &Environment,
    types: &[String],
    json: bool,
) -> Result<ExitCode, Stop> {
    let start = Start { need: Need::Account, ..Start::looking(environment)? };
    if start.config.is_none() && types.is_empty() {
        return Err(Stop::Usage("without a configuration, prices needs --type TYPE".to_owned()));
    }
    let types: Vec<MachineType> = types.iter().map(|name| name.as_str().into()).collect();
    Session::run(start, async |session| {
        session.perform(Command::Prices(types.clone())).await?;
        let model = session.model();
        for line in model.log.events().lines().filter(|line| line.level >= Level::Warning) {
            stderr::print(&line.to_string());
        }
        print_prices(Stdout, model, json);
        let pools: Vec<_> = model.fleet.market().values().flat_map(|it| it.spot.keys()).collect();
        let has_price = |it: &&MachineType| pools.iter().any(|pool| pool.machine_type == **it);
        let mut code = session.verdict();
        for unknown in types.iter().filter(|it| !has_price(it)) {
            stderr::print(&format!("ERROR: no region that was asked has a price of {unknown}"));
            code = ExitCode::FAILED;
        }
        Ok(code)
    })
    .await
}

/// `random-ip`.
pub(in crate::runtime) async fn random_ip(environment: &Environment) -> Result<ExitCode, Stop> {
    Session::run(Start::looking(environment)?, async |session| {
        let rows = session.model().fleet.alive();
        let addresses: Vec<_> =
            rows.filter_map(|row| row.machine.as_ref()?.seen.public_ip).collect();
        if addresses.is_empty() {
            return Err(Stop::Usage("no instance has a public address".to_owned()));
        }
        stdout::print(&addresses[fastrand::usize(..addresses.len())].to_string());
        Ok(ExitCode::DONE)
    })
    .await
}

/// `export`.
pub(in crate::runtime) async fn export(
    environment: &Environment,
    format: ExportFormat,
) -> Result<ExitCode, Stop> {
    Session::run(Start::looking(environment)?, async |session| {
        let model = session.model();
        let mut rows: Vec<&Instance> = model.fleet.alive().collect();
        rows.sort_by_key(|row| (&row.region, row.id()));
        let (hosts, how) = export::export(&rows, model.config.as_deref(), environment, format)?;
        print_export(Stdout, &hosts, &how);
        Ok(ExitCode::DONE)
    })
    .await
}
