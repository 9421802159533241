//! The only place where things meet: the loop, the terminal, the files, the signals.

mod clipboard;
mod commands;
mod dashboard;
mod demo;
mod demo_cloud;
mod engine;
mod environment;
mod log_file;
#[cfg(test)]
mod monkey;
mod nodes;
mod panics;
mod recall;
mod relaunch;
mod resolve;
mod screen;
mod session;
mod setup;
mod shell;
mod signals;
mod stdout;
mod tasks;
mod terminal;
mod trace;
mod writer;

use std::io::{self, Write};

use tokio::runtime::{Builder, Runtime};

use crate::cli::{Cli, Command, Global};
use environment::Environment;

/// Runs what the command line asks for. Answers the exit code: 0 all done, 1 something failed,
/// 2 usage or configuration, 130 interrupted.
pub fn run(cli: Cli) -> color_eyre::Result<u8> {
    let debug = std::env::var_os("SPOT_DEBUG").is_some_and(|value| value == "1");
    panics::install()?;
    panics::leave_no_core();
    let Cli { global, command } = cli;
    // What needs nothing of this machine is answered before anything is opened.
    match &command {
        Some(Command::Version) => return Ok(stdout::finish(setup::version())),
        Some(Command::Identity { id, json }) => {
            return Ok(stdout::finish(nodes::identity(id, *json)));
        }
        _ => {}
    }
    let speed = demo::speed(&global.demo);
    let runtime = runtime(speed)?;
    let code = runtime.block_on(async {
        if is_hurried(speed) {
            tokio::spawn(demo::hurry(speed));
        }
        Box::pin(carry_out(global, command, debug)).await
    });
    // A job that hangs in the kernel must not hold up the end.
    runtime.shutdown_background();
    code.map(stdout::finish)
}

/// A runtime whose time passes as fast as real; else one whose clock is pushed.
fn runtime(speed: f64) -> io::Result<Runtime> {
    if is_hurried(speed) {
        Builder::new_current_thread().enable_all().start_paused(true).build()
    } else {
        Builder::new_multi_thread().enable_all().build()
    }
}

fn is_hurried(speed: f64) -> bool {
    (speed - 1.0).abs() > f64::EPSILON
}

async fn carry_out(
    global: Global,
    command: Option<Command>,
    debug: bool,
) -> color_eyre::Result<u8> {
    if let Some(Command::DemoCloud(args)) = &command {
        return Ok(demo_cloud::run(&global.demo, args).await);
    }
    let environment = match Environment::open(global) {
        Ok(environment) => environment,
        Err(why) => {
            // Nobody may be reading.
            let _ = writeln!(io::stderr(), "spot-tui: {why}");
            return Ok(2);
        }
    };
    // What only looks at files needs no log.
    if let Some(Command::Validate { json }) = command {
        return Ok(setup::validate(&environment, json));
    }
    let _trace = trace::start(debug);
    Ok(match command {
        None => dashboard::run(&environment).await?,
        Some(Command::Setup) if environment.demo.is_some() => {
            let _ =
                writeln!(io::stderr(), "spot-tui: a demo needs no setup: run `spot-tui --demo`");
            2
        }
        Some(Command::Setup) => setup::setup(&environment).await,
        Some(Command::Create(args)) => commands::create(&environment, &args, debug).await,
        Some(Command::Destroy(args)) => commands::destroy(&environment, &args, debug).await,
        Some(Command::Nuke(args)) => commands::nuke(&environment, &args, debug).await,
        Some(Command::Cleanup(args)) => commands::cleanup(&environment, &args, debug).await,
        Some(Command::Recover { json }) => commands::recover(&environment, json, debug).await,
        Some(Command::Prices { types, json }) => {
            commands::prices(&environment, &types, json, debug).await
        }
        Some(Command::List { json }) => commands::list(&environment, json, debug).await,
        Some(Command::Diagnose { instance, json }) => {
            nodes::diagnose(&environment, &instance, json, debug).await
        }
        Some(Command::Logs { instance, unit, follow }) => {
            nodes::logs(&environment, &instance, unit.as_deref(), follow, debug).await
        }
        Some(Command::Ssh { instance, command }) => {
            nodes::ssh(&environment, &instance, &command, debug).await
        }
        Some(Command::Exec(args)) => Box::pin(nodes::exec(&environment, &args, debug)).await,
        Some(Command::Retry { instance, yes, json }) => {
            Box::pin(commands::retry(&environment, &instance, yes, json, debug)).await
        }
        Some(Command::RandomIp) => nodes::random_ip(&environment, debug).await,
        Some(Command::Export { format }) => nodes::export(&environment, format, debug).await,
        Some(
            Command::Version
            | Command::Validate { .. }
            | Command::Identity { .. }
            | Command::DemoCloud(_),
        ) => 0,
    })
}
