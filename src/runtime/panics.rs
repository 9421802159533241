//! Panics: the terminal is given back before a report is printed, and a job's panic stays a
//! failure of that job.

use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::thread;

use super::terminal;

/// Installs the hooks. To be called once, on the thread that will own the screen.
pub(super) fn install() -> color_eyre::Result<()> {
    let (panic_hook, eyre_hook) =
        color_eyre::config::HookBuilder::default().display_env_section(false).into_hooks();
    eyre_hook.install()?;
    let owner = thread::current().id();
    panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        if thread::current().id() == owner || !terminal::is_held() {
            terminal::leave();
            // The terminal may be gone; a panic about that would end the process on the spot.
            let _ = writeln!(io::stderr(), "{}", panic_hook.panic_report(info));
        } else {
            // A job's panic is caught by the task runner and becomes that job's failure; the
            // screen goes on.
            tracing::error!("{}", panic_hook.panic_report(info));
        }
    }));
    Ok(())
}
