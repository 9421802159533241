//! What a shell completes: commands and options as clap knows them, and beside them the regions there
//! are, the machines of the configuration and the instances of the state file. It asks nobody but
//! these files, so that a key in a shell never waits for a network.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, Command, CommandFactory};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use super::exit_code::ExitCode;
use super::stdout::Stdout;
use super::stop::Stop;
use crate::cli::{Cli, Shell};
use crate::config;
use crate::files::{MOST, read_bounded};
use crate::fleet::{REGION_LOCATIONS, RegionLocation};
use crate::store::{Paths, StateFile, StoredInstance};

/// With this set the program completes a line instead of carrying it out.
const VARIABLE: &str = "SPOT_TUI_COMPLETE";
/// As the shell calls the program.
const PROGRAM: &str = "spot-tui";

/// Answers a shell that asks how a line goes on, and ends the process; comes back where nobody asks.
pub fn answer() {
    CompleteEnv::with_factory(command).var(VARIABLE).completer(PROGRAM).complete();
}

/// `completions`.
pub(super) fn completions(shell: Shell) -> Result<ExitCode, Stop> {
    let name = match shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
        Shell::Powershell => "powershell",
    };
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(name) else {
        return Err(Stop::Usage(format!("{name} cannot be completed for")));
    };
    // What cannot be written is told at the end.
    let _ = shell.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut Stdout);
    Ok(ExitCode::DONE)
}

/// The command line, with what is completed beside its own words.
fn command() -> Command {
    completed(Cli::command())
}

fn completed(command: Command) -> Command {
    command
        .mut_args(|arg| match candidates(&arg) {
            Some(candidates) => arg.add(candidates),
            None => arg,
        })
        .mut_subcommands(completed)
}

/// What stands for a value is known by its name in the help.
fn candidates(arg: &Arg) -> Option<ArgValueCandidates> {
    let name = arg.get_value_names()?.first()?;
    match name.as_str() {
        "INSTANCE" => Some(ArgValueCandidates::new(instances)),
        "REGION" | "REGION[=N]" => Some(ArgValueCandidates::new(regions)),
        "NAME" if arg.get_long().is_none() => Some(ArgValueCandidates::new(machines)),
        _ => None,
    }
}

fn instances() -> Vec<CompletionCandidate> {
    let path = file("--state", "SPOT_STATE_PATH", "instances.json");
    let entries = StateFile::new(Paths::new(path)).read().map(|loaded| loaded.state.entries);
    let told = |entry: StoredInstance| {
        let machine_type = entry.machine_type.map(|name| format!(", {name}")).unwrap_or_default();
        let help = format!("{}{machine_type}", entry.region);
        CompletionCandidate::new(entry.id.to_string()).help(Some(help.into()))
    };
    entries.unwrap_or_default().into_iter().map(told).collect()
}

fn regions() -> Vec<CompletionCandidate> {
    let told =
        |place: &RegionLocation| CompletionCandidate::new(place.code).help(Some(place.city.into()));
    REGION_LOCATIONS.iter().map(told).collect()
}

fn machines() -> Vec<CompletionCandidate> {
    let path = file("--config", "SPOT_CONFIG_PATH", "config.yaml");
    let Ok(bytes) = read_bounded(&path, MOST) else { return Vec::new() };
    let config = config::parse_bytes(&path.display().to_string(), &bytes);
    let told = |machine: config::MachineConfig| {
        CompletionCandidate::new(machine.name).help(Some(machine.place.region.to_string().into()))
    };
    config.map(|it| it.machines).unwrap_or_default().into_iter().map(told).collect()
}

/// A file as the line to be completed names it, else the environment, else its usual name.
fn file(option: &str, variable: &str, usual: &str) -> PathBuf {
    let words: Vec<OsString> = std::env::args_os().collect();
    let named = words.windows(2).find_map(|pair| (pair[0] == option).then(|| pair[1].clone()));
    named.or_else(|| std::env::var_os(variable)).unwrap_or_else(|| usual.into()).into()
}
