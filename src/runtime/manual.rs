//! The manual, a page a command, made of the same words as the help.

use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;

use super::exit_code::ExitCode;
use super::stdout::{self, Stdout};
use super::stop::Stop;
use crate::cli::Cli;

/// `man`.
pub(super) fn manual(folder: Option<&Path>) -> Result<ExitCode, Stop> {
    let Some(folder) = folder else {
        // What cannot be written is told at the end.
        let _ = Man::new(Cli::command()).render(&mut Stdout);
        return Ok(ExitCode::DONE);
    };
    clap_mangen::generate_to(Cli::command(), folder).map_err(|error| {
        let hint = "name a folder that is there and may be written to";
        Stop::Usage(format!("the manual was not written to {}: {error}; {hint}", folder.display()))
    })?;
    let pages = Cli::command().get_subcommands().count() + 1;
    stdout::print(&format!("{pages} pages are in {}; read one with man -l FILE", folder.display()));
    Ok(ExitCode::DONE)
}
