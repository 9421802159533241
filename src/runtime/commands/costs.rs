//! `costs`: what was spent, from the ledger. AWS is asked for nothing but prices that are missing in
//! it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::app::Command;
use crate::cli::{self, Since};
use crate::fleet::{Entries, Grouping, MachineType, Spending, Thing};
use crate::headless::{CostsFormat, Format, print_costs, print_focus};
use crate::runtime::environment::Environment;
use crate::runtime::exit_code::ExitCode;
use crate::runtime::recall::Want;
use crate::runtime::session::{Need, Session, Start};
use crate::runtime::startup::read_config;
use crate::runtime::stderr;
use crate::runtime::stdout::Stdout;
use crate::runtime::stop::Stop;
use crate::store::{LedgerFile, Paths, StateFile};

/// `costs`.
pub(in crate::runtime) async fn costs(
    environment: &Environment,
    args: &cli::Costs,
) -> Result<ExitCode, Stop> {
    let mut entries = read(environment)?;
    let unpriced = unpriced(&entries);
    if !unpriced.is_empty() {
        learn_prices(environment, unpriced).await;
        entries = read(environment)?;
    }
    if let Some(since) = args.since {
        let now = environment.access.now();
        entries = entries.since(match since {
            Since::At(moment) => moment,
            Since::Ago(span) => now.saturating_sub(span).unwrap_or(Timestamp::MIN),
        });
    }
    if args.focus {
        return focus(environment, &entries);
    }
    let spending = Spending::of(&entries, &args.by);
    let format = match (args.json, args.csv) {
        (true, _) => CostsFormat::Json,
        (false, true) => CostsFormat::Csv,
        (false, false) => CostsFormat::Table,
    };
    print_costs(Stdout, &spending, &word(&args.by), format);
    Ok(ExitCode::DONE)
}

/// The same for programs that read the bills of many clouds.
fn focus(environment: &Environment, entries: &Entries) -> Result<ExitCode, Stop> {
    let file = StateFile::new(Paths::new(&environment.global.state));
    let state = file.read().map_err(|error| Stop::Failure(error.failure()))?.state;
    let unpriced = print_focus(Stdout, entries, state.account.as_ref());
    if unpriced > 0 {
        let text = format!("WARNING: {unpriced} entries have no price and are left out");
        stderr::print(&text);
    }
    Ok(ExitCode::DONE)
}

fn read(environment: &Environment) -> Result<Entries, Stop> {
    let paths = Paths::new(&environment.global.state);
    let loaded = LedgerFile::read(&paths).map_err(|error| Stop::Failure(error.failure()))?;
    if loaded.unread > 0 {
        let path = paths.ledger();
        let text = format!("WARNING: {}: {} lines cannot be read", path.display(), loaded.unread);
        stderr::print(&text);
    }
    Ok(Entries::of(loaded.lines))
}

/// The types of what has no price, and is over. Of surplus credits it is not the price that is missing.
fn unpriced(entries: &Entries) -> BTreeSet<MachineType> {
    let unpriced = entries.iter().filter(|(_, entry)| {
        entry.usd.is_none() && !entry.is_open && entry.thing != Thing::SurplusCredits
    });
    unpriced.filter_map(|(holder, _)| holder.machine_type()).cloned().collect()
}

/// Asks for prices, and writes down what they make of the entries that have none. Where that cannot
/// be, those stay without: a dashboard at work prices them itself.
async fn learn_prices(environment: &Environment, types: BTreeSet<MachineType>) {
    let Ok(config) = read_config(environment) else { return };
    let (want, need, format) = (Want::WriteIfFree, Need::Account, Format::Silent);
    let start = Start { environment, config, want, need, format };
    let types: Vec<MachineType> = types.into_iter().collect();
    let learnt = Session::run(start, async |session| {
        session.perform(Command::Prices(types)).await?;
        Ok(session.verdict())
    })
    .await;
    if !matches!(learnt, Ok(ExitCode::DONE)) {
        stderr::print("WARNING: AWS did not tell all prices; the sums are partial");
    }
}

fn word(grouping: &Grouping) -> String {
    match grouping {
        Grouping::Day => "day".to_owned(),
        Grouping::Month => "month".to_owned(),
        Grouping::Region => "region".to_owned(),
        Grouping::Type => "type".to_owned(),
        Grouping::Machine => "machine".to_owned(),
        Grouping::Thing => "thing".to_owned(),
        Grouping::Tag(name) => format!("tag:{name}"),
    }
}
