//! The commands that show what there is: `list`, `prices`, `export`, `random-ip`. What was asked for
//! goes to standard output and nothing else does; what is wrong goes to standard error.

use crate::app::{Command, LogLine};
use crate::cli::ExportFormat;
use crate::fleet::{Instance, Level, MachineType};
use crate::headless::{cut_short, print_export, print_list, print_pending_creates, print_prices};
use crate::runtime::environment::Environment;
use crate::runtime::exit_code::ExitCode;
use crate::runtime::export;
use crate::runtime::session::{Need, Session, Start};
use crate::runtime::stderr;
use crate::runtime::stdout::{self, Stdout};
use crate::runtime::stop::Stop;

/// `list`.
pub(in crate::runtime) async fn list(
    environment: &Environment,
    pending_creates: bool,
    json: bool,
) -> Result<ExitCode, Stop> {
    let start = Start { need: Need::LastKnown, ..Start::looking(environment)? };
    Session::run(start, async |session| {
        let model = session.model();
        for (region, view) in model.fleet.regions() {
            if let Some(trouble) = &view.trouble {
                stderr::print(&format!("WARNING: {region} did not answer: {trouble}"));
            }
        }
        if let Some(trouble) = &model.trouble {
            stderr::print(&format!("ERROR: {trouble}; what follows is what was last known"));
        }
        let labels: Vec<String> = model.fleet.instances().map(Instance::label).collect();
        let of_rows =
            |line: &&LogLine| line.level >= Level::Warning && labels.contains(&line.about);
        for line in model.log.events().lines().filter(of_rows) {
            stderr::print(&line.to_string());
        }
        if pending_creates {
            print_pending_creates(Stdout, model, json);
            return Ok(session.verdict());
        }
        for order in model.unfinished().filter(|order| order.count > 0) {
            stderr::print(&format!("WARNING: {}", cut_short(model, order)));
        }
        // Where nobody could look, nothing is no answer.
        if json || model.trouble.is_none() || !model.fleet.is_empty() {
            print_list(Stdout, model, json);
        }
        Ok(session.verdict())
    })
    .await
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
