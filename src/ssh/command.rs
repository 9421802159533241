//! A command for the far side, how its words are quoted, where its lines are printed and how it
//! ends. Knows no session: `exec` runs it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

const DEFAULT_LIMIT: Duration = Duration::from_mins(1);
/// The most that the answer to a question of ours may be, in bytes, noise of the login shell
/// included. The longest, a full report of a node, is half of it.
pub const LONGEST_ANSWER: u64 = 512 << 10;

/// One word for a POSIX shell, whatever is in it.
pub fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The same for whatever reads it: csh takes `!` for its history, and fish reads backslashes
/// between quotation marks, so that both stand outside of them. csh has no lines in words.
fn quote_for_any_shell(line: &str) -> String {
    let mut quoted = String::from("'");
    for c in line.chars() {
        match c {
            '\'' | '\\' | '!' => quoted.extend(["'\\", c.encode_utf8(&mut [0; 4]), "'"]),
            plain => quoted.push(plain),
        }
    }
    quoted.push('\'');
    quoted
}

/// A command for the far side.
#[derive(Debug, Clone)]
pub struct RemoteCommand {
    /// What the login shell is given, whichever that is.
    pub(super) line: String,
    pub(super) stdin: Bytes,
    pub(super) limit: Duration,
    pub(super) most: u64,
}

impl RemoteCommand {
    /// A command line of POSIX sh, without line ends, whatever the login shell is: zsh, tcsh and
    /// fish do not read our lines. Whoever builds it quotes what does not come from this program.
    pub fn new(line: impl AsRef<str>) -> Self {
        Self::for_login_shell(format!("exec sh -c {}", quote_for_any_shell(line.as_ref())))
    }

    /// A command line of the user's, for their own login shell, as `ssh HOST LINE` has it.
    pub fn for_login_shell(line: impl Into<String>) -> Self {
        Self { line: line.into(), stdin: Bytes::new(), limit: DEFAULT_LIMIT, most: u64::MAX }
    }

    /// What it reads; nothing else.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Bytes>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// How long it may take; a minute else.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// How many bytes it may print before it is ended; any number else. For whatever is kept until
    /// the command's end: a node must not be able to fill the memory of this side.
    #[must_use]
    pub fn most(mut self, bytes: u64) -> Self {
        self.most = bytes;
        self
    }
}

/// Where a line was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipe {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How a command ended. That the connection was lost instead is an error of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitStatus {
    /// With this exit status.
    Code(u32),
    /// By this signal, without `SIG`.
    Signal(String),
}

impl ExitStatus {
    /// Whether it is exit status 0.
    pub fn is_success(&self) -> bool {
        *self == Self::Code(0)
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(name) => write!(f, "signal {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(quote("spot-1"), "'spot-1'");
        assert_eq!(quote("a'; rm -rf /"), r"'a'\''; rm -rf /'");
    }

    #[test]
    fn what_shells_disagree_about_stands_outside_of_quotes() {
        assert_eq!(quote_for_any_shell("echo $a"), "'echo $a'");
        assert_eq!(quote_for_any_shell(r"[ ! -L 'a\n' ]"), r"'[ '\!' -L '\''a'\\'n'\'' ]'");
    }
}
