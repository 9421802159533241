//! `costs`: what was spent, from the ledger. AWS is asked for nothing but prices that are missing in
//! it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::app::Command;
use crate::cli::{self, Since};
use crate::fleet::{Entries, Grouping, MachineType, Market, Region, Spending, Thing};
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
        let market = learn_prices(environment, unpriced).await;
        entries = read(environment)?;
        // What goes on, and what another process has the ledger of, is not written down here.
        entries.price(&market);
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

/// Where something has no price, and of which types: addresses, storage and snapshots are of none. Of
/// surplus credits it is not the price that is missing.
fn unpriced(entries: &Entries) -> BTreeMap<Region, Vec<MachineType>> {
    let mut regions: BTreeMap<Region, Vec<MachineType>> = BTreeMap::new();
    let unpriced = entries
        .iter()
        .filter(|(_, entry)| entry.usd.is_none() && entry.thing != Thing::SurplusCredits);
    for (holder, _) in unpriced {
        let types = regions.entry(holder.region.clone()).or_default();
        let named = holder.machine_type().filter(|it| !it.as_str().is_empty());
        types.extend(named.filter(|it| !types.contains(it)).cloned());
    }
    regions
}

/// Asks for prices, and writes down what they make of the entries that have none. Where that cannot
/// be, those stay without: a dashboard at work prices them itself.
/// Answers with what they are.
async fn learn_prices(
    environment: &Environment,
    unpriced: BTreeMap<Region, Vec<MachineType>>,
) -> Market {
    let mut market = Market::default();
    let Ok(config) = read_config(environment) else { return market };
    let (want, need, format) = (Want::WriteIfFree, Need::Account, Format::Silent);
    let start = Start { environment, config, want, need, format };
    let learnt = Session::run(start, async |session| {
        session.perform(Command::PricesOf(unpriced)).await?;
        market.clone_from(session.model().fleet.market());
        Ok(session.verdict())
    })
    .await;
    if !matches!(learnt, Ok(ExitCode::DONE)) {
        stderr::print("WARNING: AWS did not tell all prices; the sums are partial");
    }
    market
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
