//! The only place where things meet: the loop, the terminal, the files, the signals.

mod aim;
mod clipboard;
mod commands;
mod dashboard;
mod demo_cloud;
mod engine;
#[cfg(test)]
mod monkey;
mod nodes;
mod opening;
mod out;
mod panics;
mod rehearsal;
mod screen;
mod setup;
mod shell;
mod signals;
mod site;
mod tasks;
mod terminal;
mod trace;
mod turning;
mod writer;

use std::io::{self, Write};

use tokio::runtime::{Builder, Runtime};

use crate::cli::{Cli, Command, Global};
use site::Site;

/// Runs what the command line asks for. Answers the exit code: 0 all done, 1 something failed,
/// 2 usage or configuration, 130 interrupted.
pub fn run(cli: Cli) -> color_eyre::Result<u8> {
    let debug = std::env::var_os("SPOT_DEBUG").is_some_and(|value| value == "1");
    panics::install()?;
    panics::leave_no_core();
    let Cli { global, command } = cli;
    // What needs nothing of this machine is answered before anything is opened.
    match &command {
        Some(Command::Version) => return Ok(out::settle(setup::version())),
        Some(Command::Identity { id, json }) => return Ok(out::settle(nodes::identity(id, *json))),
        _ => {}
    }
    let speed = rehearsal::speed(&global.demo);
    let runtime = runtime(speed)?;
    let code = runtime.block_on(async {
        if is_hurried(speed) {
            tokio::spawn(rehearsal::hurry(speed));
        }
        Box::pin(carry_out(global, command, debug)).await
    });
    // A job that hangs in the kernel must not hold up the end.
    runtime.shutdown_background();
    code.map(out::settle)
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
    let site = match Site::open(global) {
        Ok(site) => site,
        Err(why) => {
            // Nobody may be reading.
            let _ = writeln!(io::stderr(), "spot-tui: {why}");
            return Ok(2);
        }
    };
    // What only looks at files needs no log.
    if let Some(Command::Validate { json }) = command {
        return Ok(setup::validate(&site, json));
    }
    let _trace = trace::start(debug);
    Ok(match command {
        None => dashboard::run(&site).await?,
        Some(Command::Setup) if site.rehearsal.is_some() => {
            let _ =
                writeln!(io::stderr(), "spot-tui: a demo needs no setup: run `spot-tui --demo`");
            2
        }
        Some(Command::Setup) => setup::setup(&site).await,
        Some(Command::Create(args)) => commands::create(&site, &args, debug).await,
        Some(Command::Destroy(args)) => commands::destroy(&site, &args, debug).await,
        Some(Command::Nuke(args)) => commands::nuke(&site, &args, debug).await,
        Some(Command::Cleanup(args)) => commands::cleanup(&site, &args, debug).await,
        Some(Command::Recover { json }) => commands::recover(&site, json, debug).await,
        Some(Command::Prices { types, json }) => commands::prices(&site, &types, json, debug).await,
        Some(Command::List { json }) => commands::list(&site, json, debug).await,
        Some(Command::Diagnose { instance, json }) => {
            nodes::diagnose(&site, &instance, json, debug).await
        }
        Some(Command::Logs { instance, unit, follow }) => {
            nodes::logs(&site, &instance, unit.as_deref(), follow, debug).await
        }
        Some(Command::Ssh { instance, command }) => {
            nodes::ssh(&site, &instance, &command, debug).await
        }
        Some(Command::Exec(args)) => Box::pin(nodes::exec(&site, &args, debug)).await,
        Some(Command::Retry { instance, yes, json }) => {
            Box::pin(commands::retry(&site, &instance, yes, json, debug)).await
        }
        Some(Command::RandomIp) => nodes::random_ip(&site, debug).await,
        Some(Command::Export { format }) => nodes::export(&site, format, debug).await,
        Some(
            Command::Version
            | Command::Validate { .. }
            | Command::Identity { .. }
            | Command::DemoCloud(_),
        ) => 0,
    })
}
