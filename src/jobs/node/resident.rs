//! Programs of ours that stay on a machine and have it do something by itself: put there, or taken away.

use std::time::Duration;

use bytes::Bytes;

use crate::ssh::{LONGEST_ANSWER, RemoteCommand, quote};

/// How long it may take to install itself: one makes a file system on each disk of the instance.
const LIMIT: Duration = Duration::from_mins(15);

/// A program that stays on a machine.
pub(super) struct Resident {
    /// Where it lies.
    pub path: &'static str,
    /// What it is called where programs are listed.
    pub name: &'static str,
    /// The program. It comes over the command's input: one that is older is replaced.
    pub program: &'static [u8],
}

impl Resident {
    /// What puts it there and has it install itself as these words say. It is moved to its place whole:
    /// a timer, or the next boot, may run it at any moment.
    pub(super) fn install(&self, words: &[&str]) -> RemoteCommand {
        let Self { path, name, program } = self;
        let put = format!(
            "cat >{path}.new && chmod 755 {path}.new && mv {path}.new {path} && \
             exec {path} install \"$@\""
        );
        let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
        let line = format!("sudo sh -c {} {name} {}", quote(&put), words.join(" "));
        RemoteCommand::new(line)
            .limit(LIMIT)
            .most(LONGEST_ANSWER)
            .stdin(Bytes::from_static(program))
    }

    /// What takes it away, where it is there.
    pub(super) fn remove(&self) -> RemoteCommand {
        let path = self.path;
        let line = format!("if [ -x {path} ]; then exec {path} remove; fi");
        RemoteCommand::new(format!("sudo sh -c {}", quote(&line))).most(LONGEST_ANSWER)
    }
}
