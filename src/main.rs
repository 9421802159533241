//! The program: completes or parses the command line, calls the library, turns the result into an exit code.

use std::process::ExitCode;

use clap::Parser;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> color_eyre::Result<ExitCode> {
    if let Some(ended) = spot_tui::aws::credential_process::answer() {
        return Ok(ended);
    }
    spot_tui::runtime::completions::answer();
    let cli = spot_tui::cli::Cli::parse();
    spot_tui::runtime::run(cli).map(ExitCode::from)
}
