//! The only place where things meet: the loop, the terminal, the files, the signals.

mod above;
mod alternate;
mod announce;
mod bookkeeper;
mod browser;
mod clipboard;
mod colour;
mod commands;
pub mod completions;
mod confirm;
pub mod courier;
mod dashboard;
mod demo;
mod demo_cloud;
pub mod engine;
mod environment;
pub mod event_loop;
mod event_writer;
mod exit_code;
mod export;
mod handover;
mod iam_policy;
mod identity;
pub mod keyboard;
mod last_lines;
mod limits;
mod lines;
mod log_file;
mod manual;
mod metrics;
mod migrate;
#[cfg(test)]
mod monkey;
mod notifier;
mod notify_targets;
mod panics;
mod read_only;
mod recall;
mod relaunch;
mod resolve;
pub mod screen;
mod service_manager;
mod session;
mod setup;
mod shell;
mod signals;
mod startup;
mod stderr;
mod stdout;
mod stop;
mod tasks;
mod terminal;
mod trace;
pub mod tty;
mod unit;
mod user_files;
mod validate;
mod writer;

use std::io;

use tokio::runtime::{Builder, Runtime};

use crate::app::Action;
use crate::cli::{Cli, Command, Global, Machines};
use crate::fleet::{Logs, Restore};
use commands::{clear, costs, create, destroy, keep, login, machines, nodes, notify, show};
use environment::Environment;
use exit_code::ExitCode;
use stop::Stop;

/// Runs what the command line asks for. Answers the exit code: 0 all done, 1 something failed,
/// 2 usage or configuration, 130 interrupted or declined.
pub fn run(cli: Cli) -> color_eyre::Result<u8> {
    panics::install()?;
    panics::leave_no_core();
    let Cli { global, command } = cli;
    colour::choose(global.color);
    let result = match command {
        // What needs nothing of this machine is answered before anything is opened.
        Some(Command::Version) => Ok(setup::version()),
        Some(Command::Identity { id, json }) => identity::identity(&id, json),
        Some(Command::IamPolicy(args)) => iam_policy::iam_policy(&args, global.read_only),
        Some(Command::Completions { shell }) => completions::completions(shell),
        Some(Command::Man { folder }) => {
            read_only::check(&global, &Command::Man { folder: folder.clone() })
                .and_then(|()| manual::manual(folder.as_deref()))
        }
        command => drive(global, command)?,
    };
    let code = result.unwrap_or_else(|stop| {
        stop.print();
        stop.code()
    });
    Ok(stdout::finish(code).0)
}

/// Carries a command out in a runtime of its own.
fn drive(global: Global, command: Option<Command>) -> io::Result<Result<ExitCode, Stop>> {
    limits::raise_open_files();
    let speed = demo::speed(&global.demo);
    // It rests nearly always, and then wakes one thread at a time.
    let is_keeper = matches!(command, Some(Command::Keep(_)));
    let runtime = runtime(speed, is_keeper)?;
    let result = runtime.block_on(async {
        signals::outlive_file_limits()?;
        if is_hurried(speed) {
            tokio::spawn(demo::hurry(speed));
        }
        Ok(Box::pin(carry_out(global, command)).await)
    });
    // A job that hangs in the kernel must not hold up the end.
    runtime.shutdown_background();
    result
}

/// A runtime whose time passes as fast as real; else one whose clock is pushed. With one thread for who
/// rests: there is nobody to hand work to and to wait for.
fn runtime(speed: f64, rests: bool) -> io::Result<Runtime> {
    let is_hurried = is_hurried(speed);
    let mut builder = if is_hurried || rests {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    builder.enable_all().start_paused(is_hurried).build()
}

fn is_hurried(speed: f64) -> bool {
    (speed - 1.0).abs() > f64::EPSILON
}

async fn carry_out(global: Global, command: Option<Command>) -> Result<ExitCode, Stop> {
    if let Some(Command::DemoCloud(args)) = &command {
        return demo_cloud::run(&global.demo, args).await;
    }
    let tells_lines = command.as_ref().is_some_and(last_lines::are_wanted);
    let opened = Environment::open(global).map_err(Stop::Usage);
    let (at, done) = match &opened {
        Ok(at) => (Some(at), Box::pin(carry_out_at(at, command)).await),
        Err(stop) => (None, Err(stop.clone())),
    };
    if let Err(stop) = &done
        && tells_lines
    {
        last_lines::print(at, stop);
    }
    done
}

async fn carry_out_at(at: &Environment, command: Option<Command>) -> Result<ExitCode, Stop> {
    if let Some(command) = &command {
        read_only::check(&at.global, command)?;
    }
    // What only looks at files needs no log.
    if let Some(Command::Validate { json }) = command {
        return Ok(validate::validate(at, json));
    }
    let _trace = trace::start(at.debug, command.is_none(), !at.global.read_only);
    Box::pin(dispatch(at, command)).await
}

async fn dispatch(at: &Environment, command: Option<Command>) -> Result<ExitCode, Stop> {
    match command {
        None => Box::pin(dashboard::run(at)).await,
        Some(Command::Setup { migrate }) => {
            if migrate {
                migrate::migrate(at)?;
            }
            setup::setup(at).await
        }
        Some(Command::Create(args)) => Box::pin(create::create(at, &args)).await,
        Some(Command::Keep(args)) => Box::pin(keep::keep(at, &args)).await,
        Some(Command::Costs(args)) => costs::costs(at, &args).await,
        Some(Command::Destroy(args)) => destroy::destroy(at, &args).await,
        Some(Command::Retry(args)) => Box::pin(destroy::retry(at, &args)).await,
        Some(Command::Up { name, json }) => machines::up(at, name, json).await,
        Some(Command::Down { name, yes, json }) => {
            let args = Machines { instances: vec![name], yes, json };
            machines::act(at, Action::Stop, &args).await
        }
        Some(Command::Stop(args)) => machines::act(at, Action::Stop, &args).await,
        Some(Command::Start(args)) => machines::act(at, Action::Start, &args).await,
        Some(Command::Reboot(args)) => machines::act(at, Action::Reboot, &args).await,
        Some(Command::Awake { name, time, json }) => nodes::awake(at, &name, time, json).await,
        Some(Command::Snapshot { name, scheduled, json }) => {
            machines::snapshot(at, name, scheduled, json).await
        }
        Some(Command::Restore { name, snapshot, zone, volume, yes, json }) => {
            let step = match (snapshot.unwrap_or_default(), volume) {
                (_, Some(volume)) => Restore::Use(volume),
                (snapshot, None) => Restore::Make { snapshot, zone: zone.map(Into::into) },
            };
            machines::restore(at, name, step, yes, json).await
        }
        Some(Command::Recreate(args)) => machines::act(at, Action::Recreate, &args).await,
        Some(Command::Drain(args)) => machines::act(at, Action::Drain, &args).await,
        Some(Command::Nuke(args)) => Box::pin(clear::nuke(at, &args)).await,
        Some(Command::Cleanup(args)) => Box::pin(clear::cleanup(at, &args)).await,
        Some(Command::Recover { json }) => clear::recover(at, json).await,
        Some(Command::List(args)) => show::list(at, &args).await,
        Some(Command::Status(args)) => show::status(at, &args).await,
        Some(Command::Events(args)) => show::events(at, &args),
        Some(Command::Notify(args)) => notify::notify(at, &args).await,
        Some(Command::Prices { types, json }) => Box::pin(show::prices(at, &types, json)).await,
        Some(Command::RandomIp) => Box::pin(show::random_ip(at)).await,
        Some(Command::Export { format }) => Box::pin(show::export(at, format)).await,
        Some(Command::Diagnose { instance, json }) => {
            Box::pin(nodes::diagnose(at, &instance, json)).await
        }
        Some(Command::Logs { instance, unit, follow, json }) => {
            nodes::logs(at, &instance, Logs { unit, follow }, json).await
        }
        Some(Command::Login { json }) => login::login(at, json).await,
        Some(Command::Logout) => login::logout(at).await,
        Some(Command::Ssh { instance, command }) => {
            Box::pin(nodes::ssh(at, &instance, &command)).await
        }
        Some(Command::Lease { command }) => nodes::lease(at, command).await,
        Some(Command::Pull(args)) => nodes::pull(at, &args).await,
        Some(Command::Exec(args)) => nodes::exec(at, &args).await,
        // These were answered before.
        Some(
            Command::Version
            | Command::Validate { .. }
            | Command::Identity { .. }
            | Command::IamPolicy(_)
            | Command::Completions { .. }
            | Command::Man { .. }
            | Command::DemoCloud(_),
        ) => Ok(ExitCode::DONE),
    }
}
