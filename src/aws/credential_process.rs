//! A profile's `credential_process`, run by us: no shell, nothing to read on its standard input, no
//! terminal, and an end after a minute. The SDK runs a line in a shell, lets it read the keys that are
//! meant for the dashboard, and waits for ever; so the line that it gets is this program, which runs
//! the words in its place.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process_group, setsid};

/// With this set the program runs what it holds, and nothing else.
const VARIABLE: &str = "SPOT_TUI_CREDENTIAL_PROCESS";
/// How long it may take: people who ask a device for a touch set a minute.
const LIMIT: Duration = Duration::from_mins(1);
/// Between two looks whether it has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// The line that the SDK runs in place of a profile's own; that one where this program's own file is
/// not known.
pub(super) fn line_for(process: &str) -> String {
    let program = std::env::current_exe().ok();
    let program = program.as_deref().and_then(|path| shlex::try_quote(path.to_str()?).ok());
    match program {
        // Encoded: the SDK takes ` #` for a comment, and it is no shell that reads the words.
        Some(program) => format!("{VARIABLE}={} {program}", STANDARD.encode(process)),
        None => process.to_owned(),
    }
}

/// Runs the process that the environment holds, and tells how it ended; `None` where it holds none.
pub fn answer() -> Option<ExitCode> {
    let told = std::env::var(VARIABLE).ok()?;
    let line = STANDARD.decode(told).ok().and_then(|line| String::from_utf8(line).ok());
    let ended =
        line.ok_or_else(|| format!("{VARIABLE} is this program's own")).and_then(|line| run(&line));
    Some(ended.unwrap_or_else(|why| {
        // The SDK takes what stands here for the reason.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), why.as_bytes());
        ExitCode::FAILURE
    }))
}

fn run(line: &str) -> Result<ExitCode, String> {
    let words = shlex::split(line).filter(|words| !words.is_empty());
    let Some(words) = words else { return Err(format!("it is no command line: {line}")) };
    // Of its own session it has no terminal, and cannot ask there for what nobody would see.
    let _ = setsid();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env_remove(VARIABLE).stdin(Stdio::null()).process_group(0);
    let mut child = command.spawn().map_err(|error| format!("{}: {error}", words[0]))?;
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(ExitCode::SUCCESS),
            Ok(Some(status)) => {
                let code = status.code().and_then(|code| u8::try_from(code).ok());
                return Ok(code.map_or(ExitCode::FAILURE, ExitCode::from));
            }
            Ok(None) => thread::sleep(PAUSE),
            Err(error) => return Err(format!("{}: {error}", words[0])),
        }
    }
    end(&mut child);
    Err(format!("{} gave no credentials in {} s", words[0], LIMIT.as_secs()))
}

/// Ends it, and what it has started.
fn end(child: &mut Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    let _ = child.wait();
}
