//! Why SSH work ended, in variants that a caller can act on and in words for the user.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::ExitStatus;
use crate::fleet::{Failure, FailureKind, Step};

/// A failure of the SSH room. Every variant names what was tried and on what.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// Nobody listens on the port yet.
    #[error("connection refused by {target}")]
    Refused {
        /// `host:port`.
        target: String,
        /// The system's own words.
        source: io::Error,
    },
    /// No way to the address: no route, no such name.
    #[error("{target} cannot be reached: {source}")]
    Unreachable {
        /// `host:port`.
        target: String,
        /// The system's own words.
        source: io::Error,
    },
    /// Something took longer than it may.
    #[error("{operation} on {target} was not done within {after:?}")]
    TimedOut {
        /// What was tried.
        operation: Operation,
        /// `host:port`.
        target: String,
        /// The limit.
        after: Duration,
    },
    /// The port answered, but not with a whole SSH handshake: a server that still starts does so.
    #[error("the SSH handshake with {target} failed: {reason}")]
    Handshake {
        /// `host:port`.
        target: String,
        /// The protocol's own words.
        reason: String,
    },
    /// The host showed another key than the one it has to show.
    #[error("the host key of {target} is {got}, expected {expected}")]
    HostKeyMismatch {
        /// `host:port`.
        target: String,
        /// The fingerprints that would have been right.
        expected: String,
        /// The fingerprint that was shown.
        got: String,
    },
    /// The host showed a key while nobody could say yet which one is right.
    #[error("the host key {got} of {target} cannot be checked yet")]
    HostKeyUndecided {
        /// `host:port`.
        target: String,
        /// The fingerprint that was shown.
        got: String,
    },
    /// A jump host is not in the user's `known_hosts`.
    #[error(
        "the jump host {target} shows the key {got}, which is not in {known_hosts}{}",
        lines_unread(unread)
    )]
    HopUnknown {
        /// `host:port` of the jump host.
        target: String,
        /// What the user would write after `ssh`.
        alias: String,
        /// The fingerprint that was shown.
        got: String,
        /// The files that were asked.
        known_hosts: String,
        /// Lines about it that could not be read.
        unread: String,
    },
    /// A jump host shows another key than the user's `known_hosts` has.
    #[error("the jump host {target} shows the key {got}, and {known} has another one")]
    HopChanged {
        /// `host:port` of the jump host.
        target: String,
        /// What the user would write after `ssh`.
        alias: String,
        /// The fingerprint that was shown.
        got: String,
        /// Where the other one is written.
        known: String,
    },
    /// A jump host shows a key that was called back.
    #[error("the jump host {target} shows the key {got}, which {at} revokes")]
    HopRevoked {
        /// `host:port` of the jump host.
        target: String,
        /// The fingerprint that was shown.
        got: String,
        /// Where it is revoked.
        at: String,
    },
    /// The server accepted none of the keys.
    #[error("{target} accepts no key for {user}; tried: {}", tried_or_none(tried))]
    AuthRefused {
        /// `host:port`.
        target: String,
        /// The user that wanted in.
        user: String,
        /// The keys, as the user knows them.
        tried: Vec<String>,
        /// What the user would write after `ssh`, if it is a jump host.
        jump: Option<String>,
    },
    /// A key file that cannot be used.
    #[error("the key {} cannot be read: {reason}", path.display())]
    KeyUnreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A public key whose private half nobody has.
    #[error("{} is a public key, and the ssh-agent does not hold its private half", path.display())]
    KeyNotInAgent {
        /// The file.
        path: PathBuf,
    },
    /// A private key in OpenSSL's old form, with a cipher that is not read.
    #[error("the key {} is encrypted in an old form ({cipher}) that is not read", path.display())]
    KeyInOldForm {
        /// The file.
        path: PathBuf,
        /// What its header says.
        cipher: String,
    },
    /// A private key that others may read.
    #[error("the private key {} may be read by others (mode {mode:04o})", path.display())]
    KeyTooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A private key with a passphrase that nobody gave.
    #[error("the key {} is encrypted and no passphrase was given", path.display())]
    KeyEncrypted {
        /// The file.
        path: PathBuf,
    },
    /// All passphrases that were given were wrong.
    #[error("no passphrase that was given opens the key {}", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// `ssh_config` asks for something that this program does not do.
    #[error("{}:{line}: {text}", file.display())]
    Config {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it, and what to do.
        text: String,
    },
    /// An `ssh_config` file that others may write to; `ssh` refuses it, too.
    #[error("{} belongs to somebody else or may be written by others (mode {mode:04o})", path.display())]
    ConfigTooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The connection ended in the middle of something.
    #[error("the connection to {target} was lost during {operation}: {reason}")]
    Cut {
        /// What was under way.
        operation: Operation,
        /// `host:port`.
        target: String,
        /// Why, as far as anybody knows.
        reason: String,
    },
    /// The far side does not let us do it.
    #[error("{target} does not allow {operation}: {reason}")]
    Denied {
        /// What was asked for.
        operation: Operation,
        /// `host:port`.
        target: String,
        /// The server's reason.
        reason: String,
    },
    /// A command ended badly.
    #[error("`{command}` on {target} ended with {exit}{}", tail(last))]
    RemoteExit {
        /// The command, or what it was for.
        command: String,
        /// `host:port`.
        target: String,
        /// How it ended.
        exit: ExitStatus,
        /// The last lines that it printed, cleaned.
        last: Vec<String>,
    },
    /// The far side ended with success and did nothing of what it was asked for.
    #[error("{target} did not run what it was sent; it said: {}", said_or_nothing(said))]
    NotRun {
        /// `host:port`.
        target: String,
        /// The last lines that it printed, cleaned.
        said: Vec<String>,
    },
    /// It printed without end, and was ended.
    #[error("a command on {target} was ended: it printed more than {} KiB", most >> 10)]
    Flooded {
        /// `host:port`.
        target: String,
        /// How much it was allowed to print, in bytes.
        most: u64,
    },
    /// The disk of the far side is full.
    #[error("the disk of {target} is full: {bytes} bytes do not fit into {path}")]
    DiskFull {
        /// `host:port`.
        target: String,
        /// The folder on the far side.
        path: String,
        /// The bytes that were to be written.
        bytes: u64,
    },
    /// What arrived is not what was sent.
    #[error("the bundle that {target} received is damaged (its SHA-256 differs)")]
    ChecksumMismatch {
        /// `host:port`.
        target: String,
    },
    /// A path that is not sent.
    #[error("{} is not sent: {why}", path.display())]
    BadPath {
        /// The file or folder, or its path on the far side.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// More than fits into a bundle.
    #[error("the files are {bytes} bytes in all; a bundle holds {limit}")]
    TooBig {
        /// What there is.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },
    /// A file of ours cannot be read or written.
    #[error("{operation} {}: {source}", path.display())]
    File {
        /// `reading`, `walking`, `writing`.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// Waiting ended with its deadline.
    #[error("{last}, for {after:?} now")]
    GaveUp {
        /// `host:port`.
        target: String,
        /// The time that was allowed.
        after: Duration,
        /// What the last attempt said.
        last: Box<SshError>,
    },
}

/// What was under way, for the sentence and for the step of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Opening the connection.
    Connect,
    /// Proving who we are.
    Login,
    /// Sending the bundle.
    Upload,
    /// Running a command.
    RemoteCommand,
    /// Reaching the next host through a jump host.
    Jump,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Connect => "connecting",
            Self::Login => "logging in",
            Self::Upload => "the upload",
            Self::RemoteCommand => "a command",
            Self::Jump => "the jump",
        })
    }
}

impl SshError {
    /// Whether the same thing may work later without anybody's help.
    ///
    /// A refused login counts as final here; [`super::wait_for`] gives it the time that a
    /// booting machine needs.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::Handshake { .. }
            | Self::HostKeyUndecided { .. }
            | Self::Cut { .. }
            | Self::ChecksumMismatch { .. } => true,
            Self::TimedOut { operation, .. } => *operation != Operation::RemoteCommand,
            _ => false,
        }
    }

    /// Why [`super::wait_for`] goes on waiting, in few words.
    pub fn waiting_reason(&self) -> String {
        match self {
            Self::Refused { .. } => "connection refused".into(),
            Self::TimedOut { .. } => "timed out".into(),
            Self::Unreachable { source, .. }
                if matches!(
                    source.kind(),
                    io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
                ) =>
            {
                "no route".into()
            }
            Self::Unreachable { source, .. } => source.to_string(),
            Self::Handshake { reason, .. } => format!("the server is not ready: {reason}"),
            Self::HostKeyUndecided { .. } => {
                "the console has not told the host key's fingerprint yet".into()
            }
            Self::AuthRefused { jump: Some(_), .. } => self.hint(),
            Self::AuthRefused { user, .. } => format!("no key of ours is accepted for {user} yet"),
            other => other.to_string(),
        }
    }

    /// The failure as the user reads it: step, reason, what to do.
    pub fn failure(&self) -> Failure {
        Failure::new(self.kind(), self.step(), self.to_string(), self.hint())
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::TimedOut { operation: Operation::RemoteCommand, .. }
            | Self::Denied { .. }
            | Self::RemoteExit { .. }
            | Self::NotRun { .. }
            | Self::Flooded { .. }
            | Self::DiskFull { .. } => FailureKind::Node,
            Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::Handshake { .. }
            | Self::TimedOut { .. }
            | Self::Cut { .. }
            | Self::ChecksumMismatch { .. } => FailureKind::Unreachable,
            Self::HostKeyMismatch { .. }
            | Self::HostKeyUndecided { .. }
            | Self::HopUnknown { .. }
            | Self::HopChanged { .. }
            | Self::HopRevoked { .. } => FailureKind::HostKey,
            Self::AuthRefused { .. }
            | Self::KeyUnreadable { .. }
            | Self::KeyNotInAgent { .. }
            | Self::KeyInOldForm { .. }
            | Self::KeyTooOpen { .. }
            | Self::KeyEncrypted { .. }
            | Self::WrongPassphrase { .. } => FailureKind::Key,
            Self::Config { .. }
            | Self::ConfigTooOpen { .. }
            | Self::BadPath { .. }
            | Self::TooBig { .. } => FailureKind::Configuration,
            Self::File { .. } => FailureKind::LocalDisk,
            Self::GaveUp { last, .. } => last.kind(),
        }
    }

    fn step(&self) -> Step {
        match self {
            Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::Handshake { .. }
            | Self::Config { .. }
            | Self::ConfigTooOpen { .. } => Step::Connect,
            Self::HostKeyMismatch { .. }
            | Self::HostKeyUndecided { .. }
            | Self::HopUnknown { .. }
            | Self::HopChanged { .. }
            | Self::HopRevoked { .. } => Step::HostKey,
            Self::AuthRefused { .. }
            | Self::KeyUnreadable { .. }
            | Self::KeyNotInAgent { .. }
            | Self::KeyInOldForm { .. }
            | Self::KeyTooOpen { .. }
            | Self::KeyEncrypted { .. }
            | Self::WrongPassphrase { .. } => Step::Login,
            Self::DiskFull { .. }
            | Self::NotRun { .. }
            | Self::ChecksumMismatch { .. }
            | Self::BadPath { .. }
            | Self::TooBig { .. }
            | Self::File { .. } => Step::Upload,
            Self::RemoteExit { .. } | Self::Flooded { .. } => Step::Configure,
            Self::TimedOut { operation, .. }
            | Self::Cut { operation, .. }
            | Self::Denied { operation, .. } => match operation {
                Operation::Connect | Operation::Jump => Step::Connect,
                Operation::Login => Step::Login,
                Operation::Upload => Step::Upload,
                Operation::RemoteCommand => Step::Configure,
            },
            Self::GaveUp { last, .. } => last.step(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Refused { .. } | Self::Unreachable { .. } | Self::Handshake { .. } => {
                "look at the instance's console output; sshd may not have started".into()
            }
            Self::TimedOut { operation: Operation::Connect | Operation::Jump, .. } => {
                "check that the security group lets your address in on the SSH port, and \
                 ssh.allow_from if your address changed"
                    .into()
            }
            Self::TimedOut { .. } => "look at the end of the instance's log".into(),
            Self::HostKeyMismatch { .. } => {
                "somebody else may answer at this address: do not log in; destroy the instance and \
                 create it again"
                    .into()
            }
            Self::HostKeyUndecided { .. } => {
                "the console output names no fingerprint; ssh.host_key: pin accepts the first key"
                    .into()
            }
            Self::HopUnknown { alias, .. } => {
                format!("run `ssh {alias}` once, compare the fingerprint and accept it")
            }
            Self::HopChanged { alias, .. } => format!(
                "somebody else may answer there; if its key was changed on purpose, remove that \
                 line and run `ssh {alias}` once"
            ),
            Self::HopRevoked { .. } => {
                "do not log in: whoever keeps that host has to give it another key".into()
            }
            Self::AuthRefused { jump: Some(alias), .. } => format!(
                "look whether `ssh {alias}` gets in; User, IdentityFile and CertificateFile of \
                 that jump host stand in ssh_config, not in config.yaml"
            ),
            Self::AuthRefused { user, .. } => format!(
                "set aws.private_ssh_key_path to the key that belongs to the instance's public \
                 key, and check that aws.username {user} is right for the image"
            ),
            Self::KeyUnreadable { .. } => "check the path and the file".into(),
            Self::KeyNotInAgent { .. } => {
                "add the private half with ssh-add, or name its file instead".into()
            }
            Self::KeyInOldForm { path, .. } => {
                format!("`ssh-keygen -p -f {}` writes it in today's form", path.display())
            }
            Self::KeyTooOpen { path, .. } => format!("chmod 600 {}", path.display()),
            Self::KeyEncrypted { path } | Self::WrongPassphrase { path } => {
                format!("add it to ssh-agent first: ssh-add {}", path.display())
            }
            Self::Config { .. } => {
                "point ssh.config_file at a file without it (an empty one will do)".into()
            }
            Self::ConfigTooOpen { path, .. } => {
                format!("chmod go-w {} and make it your own", path.display())
            }
            Self::Cut { .. } | Self::ChecksumMismatch { .. } => "try again".into(),
            Self::Denied { operation: Operation::Jump, .. } => {
                "the jump host has to allow TCP forwarding to this address".into()
            }
            Self::Denied { .. } => "look at the far side's sshd_config".into(),
            Self::RemoteExit { .. } => "look at the instance's log".into(),
            Self::NotRun { .. } => {
                "look at the login user's shell and at ForceCommand in its sshd_config: something \
                 else runs in place of our commands"
                    .into()
            }
            Self::Flooded { .. } => {
                "look at the login user's ~/.bashrc or ~/.profile: something prints on and on"
                    .into()
            }
            Self::DiskFull { .. } => "raise instance_storage_gb or send less".into(),
            Self::BadPath { .. } => "remove it from the folder or move it elsewhere".into(),
            Self::TooBig { .. } => {
                "send a download link instead of the files, or leave files out".into()
            }
            Self::File { .. } => "check that the path exists and can be read".into(),
            Self::GaveUp { last, .. } => last.hint(),
        }
    }
}

fn lines_unread(unread: &str) -> String {
    if unread.is_empty() { String::new() } else { format!(" ({unread} cannot be read)") }
}

fn tried_or_none(tried: &[String]) -> String {
    if tried.is_empty() { "no key found".into() } else { tried.join(", ") }
}

fn said_or_nothing(said: &[String]) -> String {
    if said.is_empty() { "nothing".into() } else { said.join(" / ") }
}

fn tail(last: &[String]) -> String {
    last.last().map(|line| format!(": {line}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_too_open_names_the_chmod_that_mends_it() {
        let error = SshError::KeyTooOpen { path: "/home/u/.ssh/id_rsa".into(), mode: 0o644 };
        let failure = error.failure();
        assert_eq!(failure.step, Step::Login);
        assert_eq!(failure.hint, "chmod 600 /home/u/.ssh/id_rsa");
        assert!(failure.reason.contains("0644"), "{}", failure.reason);
        assert!(!error.is_retryable());
    }

    #[test]
    fn a_deadline_keeps_the_step_and_the_hint_of_the_last_attempt() {
        let last = SshError::Refused {
            target: "192.0.2.1:22".into(),
            source: io::ErrorKind::ConnectionRefused.into(),
        };
        let hint = last.failure().hint;
        let gave_up = SshError::GaveUp {
            target: "192.0.2.1:22".into(),
            after: Duration::from_mins(5),
            last: Box::new(last),
        };
        assert!(!gave_up.is_retryable());
        assert_eq!(gave_up.failure().step, Step::Connect);
        assert_eq!(gave_up.failure().hint, hint);
        assert_eq!(gave_up.failure().kind, FailureKind::Unreachable);
        assert!(gave_up.to_string().contains("300s"), "{gave_up}");
    }

    #[test]
    fn a_slow_command_is_final_and_a_slow_connection_is_not() {
        let slow = |operation| SshError::TimedOut {
            operation,
            target: "h:22".into(),
            after: Duration::from_secs(1),
        };
        assert!(!slow(Operation::RemoteCommand).is_retryable());
        assert!(slow(Operation::Connect).is_retryable());
    }
}
