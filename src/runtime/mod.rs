//! The only place where things meet: the loop, the terminal, the files, the signals.

mod aim;
mod commands;
mod dashboard;
mod engine;
mod nodes;
mod opening;
mod panics;
mod screen;
mod setup;
mod signals;
mod tasks;
mod terminal;
mod trace;
mod writer;

use crate::cli::{Cli, Command};

/// Runs what the command line asks for. Answers the exit code: 0 all done, 1 something failed,
/// 2 usage or configuration, 130 interrupted.
pub fn run(cli: Cli) -> color_eyre::Result<u8> {
    let debug = std::env::var_os("SPOT_DEBUG").is_some_and(|value| value == "1");
    panics::install()?;
    let Cli { global, command } = cli;
    // What needs no loop and no network is answered before either is set up.
    match &command {
        Some(Command::Version) => return Ok(setup::version()),
        Some(Command::Validate { json }) => return Ok(setup::validate(&global, *json)),
        Some(Command::Identity { id, json }) => return Ok(nodes::identity(id, *json)),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _trace = trace::start(debug);
    let code = match command {
        None => runtime.block_on(dashboard::run(&global))?,
        Some(Command::Setup) => runtime.block_on(setup::setup(&global)),
        Some(Command::Create(args)) => runtime.block_on(commands::create(&global, &args, debug)),
        Some(Command::Destroy(args)) => runtime.block_on(commands::destroy(&global, &args, debug)),
        Some(Command::List { json }) => runtime.block_on(commands::list(&global, json, debug)),
        Some(Command::Version | Command::Validate { .. } | Command::Identity { .. }) => 0,
    };
    // A job that hangs in the kernel must not hold up the end.
    runtime.shutdown_background();
    Ok(code)
}
