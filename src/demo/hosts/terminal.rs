//! A shell that one can type into: a line editor of the simplest kind, and the host's programs
//! behind it. No pipes, no variables, no jobs.

use std::collections::VecDeque;
use std::path::{Component, PathBuf};

use bytes::Bytes;

use super::host::Host;
use super::process::{End, Output, Stdin};
use super::root::{Root, home};
use super::shell::{self, Request};

/// The keys that mean something, as a terminal sends them.
mod key {
    pub(super) const INTERRUPT: u8 = 0x03;
    pub(super) const END: u8 = 0x04;
    pub(super) const BACKSPACE: u8 = 0x08;
    pub(super) const TAB: u8 = 0x09;
    pub(super) const CLEAR: u8 = 0x0c;
    pub(super) const ERASE_LINE: u8 = 0x15;
    pub(super) const ESCAPE: u8 = 0x1b;
    pub(super) const DELETE: u8 = 0x7f;
}

/// Ended by an interrupt, as a shell counts it.
const INTERRUPTED: u32 = 128 + 2;

/// A login with a shell.
pub(super) struct Terminal<'a> {
    host: &'a Host,
    user: &'a str,
    output: &'a Output,
    stdin: Stdin,
    /// What was typed and not read yet.
    typed: VecDeque<u8>,
    /// Where one is.
    folder: PathBuf,
}

/// What a line came to.
enum Line {
    /// A whole line.
    Whole(String),
    /// The line was given up.
    Interrupted,
    /// The end of the input.
    End,
}

impl<'a> Terminal<'a> {
    pub(super) fn new(host: &'a Host, user: &'a str, stdin: Stdin, output: &'a Output) -> Self {
        let folder = home(user);
        Self { host, user, output, stdin, typed: VecDeque::new(), folder }
    }

    /// Reads and does, line by line, until the end.
    pub(super) async fn run(mut self) -> End {
        self.greet().await;
        let mut code = 0;
        loop {
            self.print(self.prompt()).await;
            let line = match self.line().await {
                Line::Whole(line) => line,
                Line::Interrupted => continue,
                Line::End => return End::Exit(code),
            };
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [] => {}
                ["exit" | "logout"] => return End::Exit(code),
                ["cd", rest @ ..] => code = self.change_folder(rest.first().copied()).await,
                ["pwd"] => self.output.line(&self.folder.display().to_string()).await,
                ["clear"] => self.print("\u{1b}[H\u{1b}[2J").await,
                ["help"] => self.help().await,
                _ => match self.perform(&line).await {
                    End::Exit(ended) => code = ended,
                    End::Gone => return End::Gone,
                },
            }
        }
    }

    async fn greet(&self) {
        if self.output.is_terminal() {
            let now = self.host.hosts.now().strftime("%a %b %e %H:%M:%S UTC %Y");
            self.output.line(&format!("Welcome to Ubuntu 24.04.3 LTS, of a demo ({now})")).await;
            self.output.line("`help` tells what there is; `exit` leaves.").await;
        }
    }

    async fn help(&self) {
        self.output.line(shell::PROGRAMS).await;
        self.output.line("There are no pipes, variables or redirections on a demo host.").await;
    }

    fn prompt(&self) -> String {
        if !self.output.is_terminal() {
            return String::new();
        }
        let folder = match self.folder.strip_prefix(home(self.user)) {
            Ok(inside) if inside.as_os_str().is_empty() => "~".to_owned(),
            Ok(inside) => format!("~/{}", inside.display()),
            Err(_) => self.folder.display().to_string(),
        };
        let sign = if self.user == "root" { '#' } else { '$' };
        format!("{}@{}:{folder}{sign} ", self.user, self.host.instance())
    }

    async fn print(&self, text: impl Into<String>) {
        self.output.text(text.into()).await;
    }

    /// Shows what is typed, where there is a terminal: it sends keys and shows nothing itself.
    async fn echo(&self, text: &str) {
        if self.output.is_terminal() {
            self.print(text).await;
        }
    }

    /// The next line, with the few keys that edit it.
    async fn line(&mut self) -> Line {
        let mut line: Vec<u8> = Vec::new();
        loop {
            let Some(byte) = self.byte().await else { return Line::End };
            match byte {
                b'\r' | b'\n' => {
                    self.echo("\n").await;
                    return Line::Whole(String::from_utf8_lossy(&line).into_owned());
                }
                key::INTERRUPT => {
                    self.echo("^C\n").await;
                    return Line::Interrupted;
                }
                key::END if line.is_empty() => {
                    self.echo("logout\n").await;
                    return Line::End;
                }
                key::BACKSPACE | key::DELETE => {
                    // A letter is all of its bytes.
                    while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
                    self.redraw(&line).await;
                }
                key::ERASE_LINE => {
                    line.clear();
                    self.redraw(&line).await;
                }
                key::CLEAR => {
                    self.echo("\u{1b}[H\u{1b}[2J").await;
                    self.redraw(&line).await;
                }
                key::ESCAPE => self.skip_sequence().await,
                key::TAB | key::END => {}
                byte if byte < b' ' => {}
                byte => {
                    line.push(byte);
                    // The last bytes of a letter come one by one; each is shown as it is.
                    if self.output.is_terminal() {
                        self.output.bytes(Bytes::from(vec![byte])).await;
                    }
                }
            }
        }
    }

    async fn redraw(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        self.echo(&format!("\r\u{1b}[K{}{line}", self.prompt())).await;
    }

    /// Arrows and their kin mean nothing here.
    async fn skip_sequence(&mut self) {
        if !matches!(self.byte().await, Some(b'[' | b'O')) {
            return;
        }
        while let Some(byte) = self.byte().await {
            if (0x40..=0x7e).contains(&byte) {
                return;
            }
        }
    }

    async fn byte(&mut self) -> Option<u8> {
        while self.typed.is_empty() {
            self.typed.extend(self.stdin.read().await?);
        }
        self.typed.pop_front()
    }

    /// Runs a program to its end, or until it is interrupted. What is typed meanwhile is for after.
    async fn perform(&mut self, line: &str) -> End {
        let request = match shell::parse(line) {
            // Those that read their input have none to read here.
            Request::Upload(_) | Request::Identity => Request::Unknown(line.to_owned()),
            Request::Program(words, as_root) => Request::Program(self.settled(words), as_root),
            request => request,
        };
        let (host, user, output) = (self.host, self.user, self.output);
        let performed = shell::perform(host, user, request, output);
        tokio::pin!(performed);
        loop {
            // What was typed before an interrupt is forgotten, as a terminal forgets it.
            if let Some(at) = self.typed.iter().rposition(|byte| *byte == key::INTERRUPT) {
                self.typed.drain(..=at);
                output.line("^C").await;
                return End::Exit(INTERRUPTED);
            }
            tokio::select! {
                end = &mut performed => return end,
                bytes = self.stdin.read() => match bytes {
                    Some(bytes) => self.typed.extend(bytes),
                    // No more is typed; the program goes on.
                    None => return performed.await,
                },
            }
        }
    }

    /// The same words with whole paths, for the programs that look at files.
    fn settled(&self, mut words: Vec<String>) -> Vec<String> {
        let looks = matches!(words.first().map(String::as_str), Some("cat" | "ls"));
        if looks {
            let mut named = false;
            for word in words.iter_mut().skip(1).filter(|word| !word.starts_with('-')) {
                *word = self.whole(word).display().to_string();
                named = true;
            }
            if !named && words[0] == "ls" {
                words.push(self.folder.display().to_string());
            }
        }
        words
    }

    fn whole(&self, path: &str) -> PathBuf {
        let path = match path.strip_prefix('~') {
            Some(rest) => home(self.user).join(rest.trim_start_matches('/')),
            None => self.folder.join(path),
        };
        let mut whole = PathBuf::from("/");
        for part in path.components() {
            match part {
                Component::ParentDir => drop(whole.pop()),
                Component::Normal(name) => whole.push(name),
                _ => {}
            }
        }
        whole
    }

    async fn change_folder(&mut self, to: Option<&str>) -> u32 {
        let folder = to.map_or_else(|| home(self.user), |to| self.whole(to));
        let is_home = folder == home(self.user);
        if is_home || Root::of(self.host).is_folder(&folder) {
            self.folder = folder;
            return 0;
        }
        let text = format!("bash: cd: {}: No such file or directory", to.unwrap_or_default());
        self.output.complain(&text).await;
        1
    }
}
