//! The dashboard's edge of the loop: keys and signals in, frames out, and what only the holder of
//! a terminal can do. It goes on while the terminal is lent to an ssh: nothing is drawn then.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use tokio::process::Child;
use tokio::task::JoinHandle;

use super::announce::Announcer;
use super::browser::{browser, open as open_page};
use super::clipboard::Clipboard;
use super::event_loop::Edge;
use super::shell::{Doors, Login};
use super::tty::{Event, Stopped, Tty};
use crate::app::{Command, Effect, Input, Message, Model, Panel, PanelsCommand, Program, Signal};
use crate::files::{make_private_folder, write_atomically};
use crate::fleet::{InstanceKey, Level};
use crate::headless::exported;
use crate::view::{self, Ability, HitMap, Progress, Theme};

/// Who has the terminal.
#[derive(Debug)]
enum Holder {
    Us,
    /// The shell, until `fg`.
    Shell,
    /// A program, until it ends.
    Program(Box<Lent>),
}

/// The program that the terminal is lent to.
#[derive(Debug)]
struct Lent {
    program: Child,
    errand: Errand,
}

/// What it does there.
#[derive(Debug)]
enum Errand {
    /// An ssh, with what it logs in by.
    Ssh(Option<Login>),
    /// A command of the user's.
    Command,
    /// A login at AWS.
    SignIn,
}

impl Errand {
    fn name(&self) -> &'static str {
        match self {
            Self::Ssh(_) => "ssh",
            Self::Command => "command",
            Self::SignIn => "login",
        }
    }
}

/// A text on its way to the clipboard, and where it is then.
#[derive(Debug)]
struct Copying {
    text: String,
    places: JoinHandle<Vec<&'static str>>,
}

/// A screen on a terminal.
#[derive(Debug)]
pub struct Screen<T> {
    tty: T,
    holder: Holder,
    /// What the terminal can show.
    ability: Ability,
    /// The folder in which the arrangement of the screen is remembered.
    memory: Option<PathBuf>,
    /// How an ssh gets to instances that are in this process.
    doors: Option<Box<dyn Doors>>,
    /// Whether the mouse is taken.
    mouse: bool,
    clipboard: Clipboard,
    announcer: Announcer,
    /// A text on its way to the clipboard.
    copying: Option<Copying>,
    /// What lies where in the newest frame.
    hits: HitMap,
    /// What the window was called last.
    title: String,
    /// What the terminal was told last of how far something is, where it shows that.
    progress: Option<Progress>,
    has_progress: bool,
    /// Where and when a button was pressed last.
    clicked: Option<(Instant, u16, u16)>,
    /// The panel whose edge is held by the mouse.
    held: Option<Panel>,
    /// What the loop is told next.
    pending: VecDeque<Message>,
}

impl<T: Tty> Screen<T> {
    /// A screen on this terminal, which is ours. Whether it takes the mouse, the model tells at
    /// the first frame.
    pub fn new(
        tty: T,
        ability: Ability,
        memory: Option<PathBuf>,
        doors: Option<Box<dyn Doors>>,
    ) -> Self {
        Self {
            tty,
            holder: Holder::Us,
            ability,
            memory,
            doors,
            mouse: false,
            clipboard: Clipboard::of(|name| std::env::var(name).ok()),
            announcer: Announcer::of(|name| std::env::var(name).ok()),
            copying: None,
            hits: HitMap::default(),
            title: String::new(),
            progress: None,
            has_progress: shows_progress(|name| std::env::var(name).ok()),
            clicked: None,
            held: None,
            pending: VecDeque::new(),
        }
    }

    /// Calls the window so (OSC 2), if it is called otherwise.
    fn entitle(&mut self, title: String) -> io::Result<()> {
        if self.title == title {
            return Ok(());
        }
        self.tty.send(format!("\x1b]2;{title}\x07").as_bytes())?;
        self.title = title;
        Ok(())
    }

    /// Tells the terminal how far something is (OSC 9;4), where it is known to show that and takes
    /// it for nothing else.
    fn tell_progress(&mut self, progress: Option<Progress>) -> io::Result<()> {
        if !self.has_progress || self.progress == progress {
            return Ok(());
        }
        self.progress = progress;
        let said = match progress {
            None => "0".to_owned(),
            Some(Progress::Unknown) => "3".to_owned(),
            Some(Progress::Percent(percent)) => format!("1;{percent}"),
        };
        self.tty.send(format!("\x1b]9;4;{said}\x07").as_bytes())
    }

    /// Takes back what the terminal would go on to show after this.
    pub(super) fn rest(&mut self) {
        // A terminal that is gone shows nothing.
        let _ = self.tell_progress(None);
    }

    /// What a move of the mouse asks for, which only the newest frame knows.
    fn pointed(&mut self, mouse: MouseEvent) -> Option<Command> {
        let (column, row) = (mouse.column, mouse.row);
        match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                let now = Instant::now();
                let before = self.clicked.replace((now, column, row));
                self.held = self.hits.edge_at(column, row);
                let is_second = before.is_some_and(|(at, x, y)| {
                    (x, y) == (column, row) && now.duration_since(at) < DOUBLE
                });
                let second = is_second.then(|| self.hits.second(mouse)).flatten();
                if second.is_some() {
                    self.clicked = None;
                }
                second.or_else(|| self.hits.command(mouse))
            }
            MouseEventKind::Drag(MouseButton::Left) => {
                let at = |panel| if panel == Panel::Side { column } else { row };
                self.held.map(|panel| Command::Panels(PanelsCommand::Split(panel, at(panel))))
            }
            MouseEventKind::Up(_) => {
                self.held = None;
                None
            }
            _ => self.hits.command(mouse),
        }
    }

    /// The terminal.
    pub fn tty(&self) -> &T {
        &self.tty
    }

    /// The same, for a test's: somebody else sits down at it.
    #[cfg(test)]
    pub(super) fn tty_mut(&mut self) -> &mut T {
        &mut self.tty
    }

    fn is_ours(&self) -> bool {
        matches!(self.holder, Holder::Us)
    }

    /// Says what came of something.
    fn note(&mut self, level: Level, about: &'static str, text: impl Into<String>) {
        self.pending.push_back(Message::Noted { level, about, text: text.into() });
    }

    /// What an event is to the model, if it is anything.
    fn heard(&mut self, event: Event) -> Option<Message> {
        let is_lent = matches!(self.holder, Holder::Program(_));
        match event {
            // What lies under the mouse is known to the newest frame alone.
            Event::Input(Input::Mouse(mouse)) => {
                return self.pointed(mouse).map(Message::Command);
            }
            Event::Input(input) => return Some(Message::Input(input)),
            // Ctrl-C belongs to the shell over there.
            Event::Signal(Signal::Interrupt) if is_lent => {}
            Event::Signal(signal) => return Some(Message::Signal(signal)),
            Event::Stop if self.is_ours() => self.stop(Stopped::Process),
            Event::Continued if !is_lent => self.come_back(),
            // A wish to stop that came by way of our own group is fulfilled already; and where
            // somebody else has the terminal, it is theirs to stop with.
            Event::Stop | Event::Continued => {}
        }
        None
    }

    /// Gives the terminal to the shell and stops. The loop goes on at [`Event::Continued`].
    fn stop(&mut self, who: Stopped) {
        self.rest();
        self.tty.lend();
        self.holder = Holder::Shell;
        match self.tty.stop(who) {
            Ok(true) => {}
            Ok(false) => {
                self.come_back();
                let text = "no shell with job control started this: nobody could bring it back";
                self.note(Level::Warning, "suspend", text);
            }
            Err(error) => {
                self.come_back();
                self.note(Level::Warning, "suspend", error.to_string());
            }
        }
    }

    /// After somebody else had the terminal, or this process was stopped in front of it: whatever
    /// its state is now, it is given away and taken anew, and nobody told us of another size.
    fn come_back(&mut self) {
        self.tty.lend();
        self.holder = Holder::Us;
        self.mouse = false;
        // Whoever had it may have called it otherwise.
        self.title.clear();
        let size = self.tty.take_back().and_then(|()| self.tty.size());
        self.pending.push_back(match size {
            Ok((columns, rows)) => Message::Input(Input::Resize(columns, rows)),
            Err(_) => Message::Signal(Signal::HangUp),
        });
    }

    /// Lends the terminal to an ssh.
    async fn shell(&mut self, key: &InstanceKey, model: &Model) {
        let Some(row) = model.fleet.get(key) else { return };
        match Login::new(row, model.config.as_deref(), self.doors.as_deref()).await {
            Ok(login) => {
                let mut ssh = tokio::process::Command::new("ssh");
                ssh.args(&login.arguments);
                self.lend(ssh, Errand::Ssh(Some(login)));
            }
            Err(failure) => self.note(Level::Warning, "ssh", failure.to_string()),
        }
    }

    /// Lends the terminal to a program until that ends.
    pub fn lend_to(&mut self, program: tokio::process::Command) {
        self.lend(program, Errand::Ssh(None));
    }

    /// Lends the terminal to this program's own login, with the options that it has itself.
    fn sign_in(&mut self) {
        match std::env::current_exe() {
            Ok(program) => {
                let mut login = tokio::process::Command::new(program);
                login.args(std::env::args_os().skip(1)).arg("login");
                self.lend(login, Errand::SignIn);
            }
            Err(error) => self.note(Level::Error, "login", error.to_string()),
        }
    }

    fn lend(&mut self, mut program: tokio::process::Command, errand: Errand) {
        self.tty.lend();
        match program.kill_on_drop(true).spawn() {
            Ok(program) => self.holder = Holder::Program(Box::new(Lent { program, errand })),
            Err(error) => {
                self.come_back();
                let name = errand.name();
                let text = format!("it could not be started: {error}; is it installed?");
                self.note(Level::Error, name, text);
            }
        }
    }

    /// Lends the terminal to a command of the user's.
    fn run(&mut self, program: &Program) {
        let mut shell = tokio::process::Command::new("sh");
        // The line is an argument: no quote in it can end another.
        let script = if program.wait {
            "sh -c \"$1\"; printf '\\n%s ended with %s. Enter goes back.' \"$2\" \"$?\"; read -r _"
        } else {
            "exec sh -c \"$1\""
        };
        shell.args(["-c", script, "sh", &program.line, &program.name]);
        shell.envs(program.variables.iter().map(|(name, value)| (name, value)));
        self.lend(shell, Errand::Command);
    }

    /// Shows a page in the browser, else puts its address on the clipboard.
    fn open(&mut self, page: String) -> io::Result<()> {
        let Some(program) = browser(|name| std::env::var(name).ok()) else {
            return self.copy(page);
        };
        match open_page(&program, &page) {
            Ok(()) => self.note(Level::Info, "browser", format!("{program} shows the page")),
            Err(error) => {
                self.note(Level::Warning, "browser", format!("{program}: {error}"));
                self.copy(page)?;
            }
        }
        Ok(())
    }

    /// Writes the rows that the table shows.
    fn export_table(&mut self, file: &str, model: &Model) {
        let is_json = Path::new(file).extension().is_some_and(|it| it.eq_ignore_ascii_case("json"));
        let (level, text) = export(file, &exported(model, is_json));
        self.note(level, "export", text);
    }

    fn program_ended(&mut self, ended: io::Result<ExitStatus>) {
        let Holder::Program(lent) = std::mem::replace(&mut self.holder, Holder::Us) else { return };
        let name = lent.errand.name();
        self.come_back();
        match (ended, lent.errand) {
            (Err(error), _) => self.note(Level::Error, name, error.to_string()),
            (Ok(status), Errand::SignIn) if status.success() => {
                self.note(Level::Success, name, "signed in");
                self.pending.push_back(Message::Command(Command::Refresh));
            }
            (Ok(_), Errand::SignIn) => {
                self.note(
                    Level::Warning,
                    name,
                    "the login was not made; `spot-tui login` tells why",
                );
            }
            (Ok(status), _) if status.success() => self.note(Level::Info, name, "back"),
            // ssh's own failures end with 255 (ssh(1), EXIT STATUS).
            (Ok(status), Errand::Ssh(login)) if status.code() == Some(255) => {
                let said = login.as_ref().map(Login::said).unwrap_or_default();
                self.pending.push_back(Message::NotLoggedIn { said });
            }
            (Ok(status), _) => self.note(Level::Info, name, format!("back, {status}")),
        }
    }

    fn take_mouse(&mut self, taken: bool) -> io::Result<()> {
        self.mouse = taken;
        // Not crossterm's own way, which also asks for every move: hundreds of events a second. This
        // asks for those with a button held.
        self.tty.send(if taken { b"\x1b[?1002h\x1b[?1006h" } else { b"\x1b[?1006l\x1b[?1002l" })
    }

    /// Puts a text on the clipboard. Programs that help with it take their time.
    fn copy(&mut self, text: String) -> io::Result<()> {
        if !self.clipboard.has_programs() {
            return self.ask_for_copy(&text);
        }
        let places = tokio::spawn(self.clipboard.clone().hand_over(text.clone()));
        self.copying = Some(Copying { text, places });
        Ok(())
    }

    /// Says where it is, or asks the terminal to take it.
    fn copied(&mut self, text: &str, places: &[&str]) -> io::Result<()> {
        if places.is_empty() {
            return self.ask_for_copy(text);
        }
        let told = format!("{} is {}", short(text), places.join(" and "));
        self.note(Level::Info, "copy", told);
        Ok(())
    }

    fn ask_for_copy(&mut self, text: &str) -> io::Result<()> {
        match self.clipboard.sequence(text) {
            // Whoever has the terminal now did not ask for it.
            Ok(_) if !self.is_ours() => {}
            Ok(sequence) => {
                self.tty.send(sequence.as_bytes())?;
                let told = format!("{} was sent to the terminal, for its clipboard", short(text));
                self.note(Level::Info, "copy", told);
            }
            Err(why) => self.note(Level::Warning, "copy", format!("{}: {why}", short(text))),
        }
        Ok(())
    }

    async fn copy_shell(&mut self, key: &InstanceKey, model: &Model) -> io::Result<()> {
        let folder = self.memory.clone().unwrap_or_else(std::env::temp_dir);
        let Some(row) = model.fleet.get(key) else { return Ok(()) };
        match Login::line(row, model.config.as_deref(), self.doors.as_deref(), &folder).await {
            Ok(line) => self.copy(line),
            Err(failure) => {
                self.note(Level::Warning, "copy", failure.to_string());
                Ok(())
            }
        }
    }

    /// Keeps the arrangement for the next start. That it cannot be kept is no reason to disturb.
    fn remember(&self, text: &str) {
        let Some(folder) = &self.memory else { return };
        let written = make_private_folder(folder)
            .and_then(|()| write_atomically(&folder.join(LAYOUT), text.as_bytes()));
        if let Err(error) = written {
            tracing::warn!(%error, "the layout was not kept");
        }
    }
}

impl<T: Tty> Edge for Screen<T> {
    async fn input(&mut self) -> Message {
        loop {
            if let Some(message) = self.pending.pop_front() {
                return message;
            }
            let event = tokio::select! {
                biased;
                ended = program_ends(&mut self.holder) => {
                    self.program_ended(ended);
                    continue;
                }
                (text, places) = copied(&mut self.copying) => {
                    if self.copied(&text, &places).is_err() {
                        return Message::Signal(Signal::HangUp);
                    }
                    continue;
                }
                event = self.tty.next() => event,
            };
            match event {
                Ok(event) => {
                    if let Some(message) = self.heard(event) {
                        return message;
                    }
                }
                // The signal may be on its way, or never come.
                Err(_) => return Message::Signal(Signal::HangUp),
            }
        }
    }

    fn show(&mut self, model: &mut Model) -> io::Result<()> {
        if !self.is_ours() {
            return Ok(());
        }
        if self.mouse != model.mouse {
            self.take_mouse(model.mouse)?;
        }
        tui_logger::move_events();
        model.refresh();
        self.entitle(view::title(model))?;
        self.tell_progress(view::progress(model))?;
        let theme = Theme::named(model.shown_theme(), self.ability).on(self.tty.background());
        let own = model.config.as_ref().map(|config| config.ui.palette).unwrap_or_default();
        let theme = theme.with(&own);
        let hits = &mut self.hits;
        self.tty.draw(|frame| *hits = view::render(model, &theme, frame))
    }

    async fn act(&mut self, effect: Effect, model: &Model) -> io::Result<()> {
        match effect {
            Effect::Remember(remembered) => self.remember(&remembered.text()),
            // Nothing else may disturb whoever has the terminal, and no key can have asked for it.
            _ if !self.is_ours() => {}
            Effect::Suspend => self.stop(Stopped::Group),
            Effect::Bell => self.tty.send(b"\x07")?,
            Effect::Announce(digest) => {
                self.tty.send(self.announcer.sequence(&digest).as_bytes())?;
            }
            Effect::Copy(text) => self.copy(text)?,
            Effect::CopyShell(key) => self.copy_shell(&key, model).await?,
            Effect::Shell(key) => self.shell(&key, model).await,
            Effect::SignIn => self.sign_in(),
            Effect::ExportTable(file) => self.export_table(&file, model),
            Effect::Open(page) => self.open(page)?,
            Effect::Run(program) => self.run(&program),
            Effect::Export { file, text } => {
                let (level, text) = export(&file, &text);
                self.note(level, "export", text);
            }
            // The next frame takes the mouse, or gives it back; the loop does the rest.
            _ => {}
        }
        Ok(())
    }
}

/// Two clicks within this time are one.
const DOUBLE: Duration = Duration::from_millis(400);

/// Whether a terminal shows how far something is: others take OSC 9 for a notification.
fn shows_progress(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let program = variable("TERM_PROGRAM").unwrap_or_default();
    // In tmux it is the program's that was there when that began.
    !is_set("TMUX")
        && (is_set("WT_SESSION")
            || is_set("ConEmuANSI")
            || matches!(&*program, "ghostty" | "WezTerm"))
}

/// Waits for the end of the program that has the terminal. Pends while there is none.
async fn program_ends(holder: &mut Holder) -> io::Result<ExitStatus> {
    match holder {
        Holder::Program(lent) => lent.program.wait().await,
        Holder::Us | Holder::Shell => std::future::pending().await,
    }
}

/// Waits until the text on its way to the clipboard is there, or is not. Pends while none is.
async fn copied(copying: &mut Option<Copying>) -> (String, Vec<&'static str>) {
    let Some(Copying { places, .. }) = copying else { return std::future::pending().await };
    let places = places.await.unwrap_or_default();
    (copying.take().map(|it| it.text).unwrap_or_default(), places)
}

/// A text, as far as it has room in a sentence.
fn short(text: &str) -> String {
    view::text::cut(&crate::app::clean(text, 1024), 60, "…").into_owned()
}

/// Writes a text to a new file. What is there stays as it is.
fn export(file: &str, text: &str) -> (Level, String) {
    let written = std::fs::File::options()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut out| out.write_all(text.as_bytes()));
    match written {
        Ok(()) => (Level::Success, format!("{} lines are in {file}", text.lines().count())),
        Err(error) => (Level::Warning, format!("{file} was not written: {error}; name another")),
    }
}

/// The file in which the arrangement of the screen is kept.
pub(super) const LAYOUT: &str = "layout.json";
