//! Panics: the terminal is given back before a report is printed, and a job's panic stays a
//! failure of that job. Crashes leave nothing behind.

use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::alternate;

/// Installs the hooks. To be called once, on the thread that will own the screen.
pub(super) fn install() -> color_eyre::Result<()> {
    let (panic_hook, eyre_hook) =
        color_eyre::config::HookBuilder::default().display_env_section(false).into_hooks();
    eyre_hook.install()?;
    let owner = thread::current().id();
    panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        if thread::current().id() == owner || !alternate::is_held() {
            alternate::leave();
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

/// The memory of this process holds keys and tokens: should it crash, the kernel writes none of it
/// to a disk.
pub(super) fn leave_no_core() {
    let limit = Rlimit { current: Some(0), ..getrlimit(Resource::Core) };
    // A limit may always be lowered.
    let _ = setrlimit(Resource::Core, limit);
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::num::NonZeroU16;
    use std::time::{Duration, Instant};

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    use super::super::terminal::Terminal;
    use super::super::tty::Tty as _;

    /// What the child is started for, by its name in the environment.
    const CHILD: &str = "SPOT_TUI_PANICS_IN_A_TERMINAL";

    /// The program's screen, a job that panics behind it, and then the loop itself.
    fn child() {
        super::install().unwrap();
        // The keyboard is read by the loop's runtime.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _entered = runtime.enter();
        let mut terminal = Terminal::enter().unwrap();
        let job = std::thread::spawn(|| panic!("in a job"));
        assert!(job.join().is_err());
        let said = if super::alternate::is_held() { "still drawn" } else { "given back" };
        terminal.draw(|frame| frame.render_widget(said, frame.area())).unwrap();
        // The one who looks says when he has seen it.
        std::io::stdin().read_exact(&mut [0]).unwrap();
        panic!("in the loop");
    }

    #[test]
    fn a_crash_writes_no_core() {
        super::leave_no_core();
        assert_eq!(super::getrlimit(super::Resource::Core).current, Some(0));
    }

    #[test]
    fn a_jobs_panic_leaves_the_screen_and_the_loops_gives_it_back() {
        if std::env::var_os(CHILD).is_some() {
            return child();
        }
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let found = pair.master.get_termios().unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        let name = "a_jobs_panic_leaves_the_screen_and_the_loops_gives_it_back";
        command.args([&format!("runtime::panics::tests::{name}"), "--exact", "--nocapture"]);
        command.env(CHILD, "1");
        // A longer report would scroll its beginning away.
        command.env("RUST_BACKTRACE", "0");
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().unwrap();
        let mut keyboard = pair.master.take_writer().unwrap();
        let [rows, columns] = [24, 80].map(|length| NonZeroU16::new(length).unwrap());
        let mut seen = vt100::Parser::new(rows, columns, 0);
        let deadline = Instant::now() + Duration::from_mins(1);
        let (mut bytes, mut told) = ([0; 4096], false);
        loop {
            // The end of a pseudo-terminal is an error on Linux.
            let count = output.read(&mut bytes).unwrap_or(0);
            seen.process(&bytes[..count]);
            let text = seen.screen().contents();
            if !told && text.contains("still drawn") {
                assert!(seen.screen().alternate_screen());
                std::io::Write::write_all(&mut keyboard, b"x").unwrap();
                told = true;
            }
            assert!(Instant::now() < deadline, "{text}");
            if count == 0 {
                break;
            }
        }
        let text = seen.screen().contents();
        assert!(
            told && !seen.screen().alternate_screen() && !seen.screen().hide_cursor(),
            "{text}"
        );
        assert!(text.contains("in the loop") && !text.contains("in a job"), "{text}");
        assert!(pair.master.get_termios().unwrap() == found);
        assert!(!child.wait().unwrap().success());
    }
}
