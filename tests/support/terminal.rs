//! The built program on a real terminal: a pseudo-terminal on one side, vt100's reading of what
//! the program writes on the other.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take to appear on the screen.
const DEADLINE: Duration = Duration::from_mins(1);

/// A program and the terminal that it runs in.
pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    is_as_found: Box<Comparison>,
    keyboard: Box<dyn Write + Send>,
    glass: Arc<Glass>,
    reader: Option<JoinHandle<()>>,
}

/// Whether a terminal's settings are as they were at some moment.
type Comparison = dyn Fn(&dyn MasterPty) -> bool + Send;

/// What is seen: written by the thread that reads, watched by the test.
struct Glass {
    screen: Mutex<Seen>,
    changed: Condvar,
}

struct Seen {
    parser: vt100::Parser,
    /// Every byte that was ever written.
    written: Vec<u8>,
    /// What was written and is not shown yet: a frame is seen whole or not at all.
    held: Vec<u8>,
    /// Whether the program closed its side.
    ended: bool,
}

/// Between these two a terminal with synchronized output shows nothing.
const FRAME: (&[u8], &[u8]) = (b"\x1b[?2026h", b"\x1b[?2026l");

impl Seen {
    fn new(size: (NonZeroU16, NonZeroU16)) -> Self {
        let parser = vt100::Parser::new(size.0, size.1, 0);
        Self { parser, written: Vec::new(), held: Vec::new(), ended: false }
    }

    /// Takes what the program wrote; nothing more comes after an empty write.
    fn take(&mut self, written: &[u8]) {
        self.ended = written.is_empty();
        self.written.extend_from_slice(written);
        self.held.extend_from_slice(written);
        let shown = if self.ended { self.held.len() } else { whole_frames(&self.held) };
        self.parser.process(&self.held[..shown]);
        self.held.drain(..shown);
    }
}

/// How many bytes there are before a frame that is not complete, or before what may be the start
/// of one.
fn whole_frames(held: &[u8]) -> usize {
    let find = |from: usize, mark: &[u8]| {
        held[from..].windows(mark.len()).position(|bytes| bytes == mark).map(|at| from + at)
    };
    let mut shown = 0;
    while let Some(begin) = find(shown, FRAME.0) {
        match find(begin, FRAME.1) {
            Some(end) => shown = end + FRAME.1.len(),
            None => return begin,
        }
    }
    let torn = (1..FRAME.0.len()).rev().find(|&length| held.ends_with(&FRAME.0[..length]));
    held.len() - torn.unwrap_or(0)
}

impl Glass {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.screen.lock().unwrap()
    }
}

impl Terminal {
    /// Starts a command in a terminal of so many columns and rows.
    pub(crate) fn start(command: CommandBuilder, (columns, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(pty_size(columns, rows)).unwrap();
        let found = pair.master.get_termios().unwrap();
        let is_as_found = move |master: &dyn MasterPty| master.get_termios().unwrap() == found;
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let glass = Arc::new(Glass {
            screen: Mutex::new(Seen::new((size(rows), size(columns)))),
            changed: Condvar::new(),
        });
        let reader = thread::spawn({
            let (mut output, glass) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&glass));
            move || {
                let mut buffer = [0; 8192];
                loop {
                    // The end of a pseudo-terminal is an error on Linux.
                    let count = output.read(&mut buffer).unwrap_or(0);
                    glass.lock().take(&buffer[..count]);
                    glass.changed.notify_all();
                    if count == 0 {
                        return;
                    }
                }
            }
        });
        let keyboard = pair.master.take_writer().unwrap();
        Self {
            child,
            master: pair.master,
            is_as_found: Box::new(is_as_found),
            keyboard,
            glass,
            reader: Some(reader),
        }
    }

    /// Sends what the keyboard sends: `\x1b[C` is the right arrow, `\r` Enter, `\x03` Ctrl-C.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Sends what a terminal with bracketed paste sends for a paste.
    pub(crate) fn paste(&mut self, text: &str) {
        self.press(&format!("\x1b[200~{text}\x1b[201~"));
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&mut self, (columns, rows): (u16, u16)) {
        self.glass.lock().parser.screen_mut().set_size(size(rows), size(columns));
        self.master.resize(pty_size(columns, rows)).unwrap();
    }

    /// The number of the process that was started.
    pub(crate) fn process(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.process().try_into().unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits until a text is on the screen, and returns the screen.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contents().contains(text))
    }

    /// Waits until a text is on the screen no more, and returns the screen.
    pub(crate) fn wait_gone(&self, text: &str) -> String {
        self.wait(&format!("no {text}"), |screen| !screen.contents().contains(text))
    }

    /// Waits until the screen is as it shall be, and returns it as text. Looks at every change.
    pub(crate) fn wait(&self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) -> String {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = self.glass.lock();
        loop {
            let contents = seen.parser.screen().contents();
            if is_so(seen.parser.screen()) {
                return contents;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!seen.ended, "the program ended before {what}:\n{contents}");
            assert!(!left.is_zero(), "still waiting for {what}:\n{contents}");
            seen = self.glass.changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Every byte that the program ever wrote to it.
    pub(crate) fn written(&self) -> Vec<u8> {
        self.glass.lock().written.clone()
    }

    /// Whether the terminal is as the program found it: the line discipline's settings, which
    /// `stty` shows, unchanged, no alternate screen, the cursor shown, a paste not bracketed, the
    /// mouse the terminal's own.
    pub(crate) fn is_given_back(&self) -> bool {
        let seen = self.glass.lock();
        let screen = seen.parser.screen();
        (self.is_as_found)(&*self.master)
            && !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }

    /// Waits for the program to end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = self.glass.lock();
        while !seen.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            let contents = seen.parser.screen().contents();
            assert!(!left.is_zero(), "the program does not end:\n{contents}");
            seen = self.glass.changed.wait_timeout(seen, left).unwrap().0;
        }
        drop(seen);
        self.child.wait().unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// Starts a command in a terminal, waits until a text is on it, and takes the terminal away, as
/// when its window is closed.
pub(crate) fn hang_up(command: CommandBuilder, text: &str) -> ExitStatus {
    let pair = native_pty_system().openpty(pty_size(80, 24)).unwrap();
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut output = pair.master.try_clone_reader().unwrap();
    let mut parser = vt100::Parser::new(size(24), size(80), 0);
    let mut buffer = [0; 8192];
    while !parser.screen().contents().contains(text) {
        let count = output.read(&mut buffer).unwrap();
        parser.process(&buffer[..count]);
    }
    drop(output);
    drop(pair.master);
    child.wait().unwrap()
}

/// A command in a folder, with nothing of this machine's environment but the way to programs.
pub(crate) fn command(folder: &Path, program: &str, arguments: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(program);
    command.args(arguments);
    command.cwd(folder);
    command.env_clear();
    let path = std::env::var("PATH").unwrap();
    let home = folder.display().to_string();
    for (name, value) in [
        ("PATH", path.as_str()),
        ("HOME", &home),
        ("TERM", "xterm-256color"),
        ("LANG", "C.UTF-8"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ] {
        command.env(name, value);
    }
    command
}

fn pty_size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn size(length: u16) -> NonZeroU16 {
    NonZeroU16::new(length).expect("a terminal has lines and columns")
}
