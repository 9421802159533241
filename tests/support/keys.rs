//! Keys made by ssh-keygen, and a real ssh-agent.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::root::run;

/// A key pair in a folder of its own.
pub(crate) struct Key {
    folder: TempDir,
}

impl Key {
    /// The usual kind.
    pub(crate) fn ed25519() -> Self {
        Self::made(&["-t", "ed25519"], "")
    }

    /// One of ssh-keygen's kinds, with a passphrase where it is not empty.
    pub(crate) fn made(kind: &[&str], passphrase: &str) -> Self {
        let key = Self { folder: tempfile::tempdir().unwrap() };
        generate(&key.path(), kind, passphrase);
        key
    }

    /// The private key's file.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// The public key's line.
    pub(crate) fn public(&self) -> String {
        fs::read_to_string(self.folder.path().join("key.pub")).unwrap().trim().to_owned()
    }
}

pub(crate) fn generate(path: &Path, kind: &[&str], passphrase: &str) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-C", "made for a test", "-N", passphrase]).args(kind).arg("-f").arg(path);
    run(&mut command);
}

/// An ssh-agent, gone when it is dropped or the test process ends.
pub(crate) struct SshAgent {
    folder: TempDir,
    process: Child,
}

impl SshAgent {
    /// Starts one that holds these keys.
    pub(crate) fn holding(keys: &[&Key]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        // An agent with a child ends with it, and the child with our end of its input.
        let process = Command::new("ssh-agent")
            .arg("-a")
            .arg(&socket)
            .args(["/bin/cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("ssh-agent is missing: apt-get install openssh-client");
        let begun = Instant::now();
        while !socket.exists() {
            assert!(begun.elapsed() < Duration::from_secs(10), "ssh-agent did not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        let agent = Self { folder, process };
        for key in keys {
            let mut add = Command::new("ssh-add");
            run(add.arg("-q").arg(key.path()).env("SSH_AUTH_SOCK", agent.socket()));
        }
        agent
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        if let Some(mut input) = self.process.stdin.take() {
            let _ = input.flush();
        }
        let _ = self.process.wait();
    }
}
