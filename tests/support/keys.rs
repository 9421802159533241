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

    /// A copy of the private key's file where it is wanted.
    pub(crate) fn copy_to(&self, path: &Path) {
        fs::copy(self.path(), path).unwrap();
    }

    /// A certificate of this key, made by an authority; `arguments` say for whom, and for how long.
    pub(crate) fn certified_by(&self, authority: &Self, arguments: &[&str]) -> String {
        let public = self.folder.path().join("key.pub");
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-s"]).arg(authority.path()).args(["-I", "made for a test"]);
        run(sign.args(arguments).arg(&public));
        let certificate = self.folder.path().join("key-cert.pub");
        let text = fs::read_to_string(&certificate).unwrap();
        fs::remove_file(certificate).unwrap();
        text
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
        let agent = Self::start(None);
        for key in keys {
            agent.add(&key.path(), &[]);
        }
        agent
    }

    /// Starts one that asks its user each time: this program answers, with its exit status.
    pub(crate) fn asking(askpass: &Path, key: &Key) -> Self {
        let agent = Self::start(Some(askpass));
        agent.add(&key.path(), &["-c"]);
        agent
    }

    /// Adds a key, and the certificate beside it.
    pub(crate) fn add(&self, key: &Path, options: &[&str]) {
        let mut add = Command::new("ssh-add");
        run(add.arg("-q").args(options).arg(key).env("SSH_AUTH_SOCK", self.socket()));
    }

    fn start(askpass: Option<&Path>) -> Self {
        let folder = tempfile::Builder::new().prefix("an agent's ").tempdir().unwrap();
        let socket = folder.path().join("socket");
        let mut agent = Command::new("ssh-agent");
        if let Some(askpass) = askpass {
            agent.env("SSH_ASKPASS", askpass).env("SSH_ASKPASS_REQUIRE", "force");
            agent.env("DISPLAY", ":nobody-looks");
        }
        // An agent with a child ends with it, and the child with our end of its input.
        let process = agent
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
        Self { folder, process }
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
