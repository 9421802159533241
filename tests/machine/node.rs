//! An emulated machine that one logs in to past the program.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use spot_tui::jobs::user_data::{UserData, render};

use super::{ADDRESS, PATIENCE};
use crate::support::keys::Key;
use crate::support::vm::Vm;

/// A machine, and who may log in to it.
pub(super) struct Machine {
    pub(super) vm: Vm,
    pub(super) key: Key,
}

impl Machine {
    /// Boots one whose user-data is what the program makes of these inputs.
    pub(super) fn boot(instance: &str, change: impl FnOnce(&mut UserData<'_>)) -> Self {
        let key = Key::ed25519();
        let user_data = user_data_of(&key, change);
        let vm = Vm::with_volumes(user_data.as_bytes(), instance, new_door(), &[]);
        Self { vm, key }
    }

    /// Runs a command on it. What it printed, or what it said where it failed.
    pub(super) fn ask(&self, command: &str, input: impl AsRef<[u8]>) -> Result<String, String> {
        let mut ssh = self.vm.command(&self.key.path(), &[], command);
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = ssh.spawn().unwrap();
        // One that ends early reads no more.
        let _ = child.stdin.take().unwrap().write_all(input.as_ref());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stdout) + &text(&output.stderr))
        }
    }

    pub(super) fn told(&self, command: &str) -> String {
        self.ask(command, "").unwrap_or_else(|said| panic!("{command}: {said}"))
    }

    /// Puts a file there, for its user.
    pub(super) fn put(&self, path: &str, mode: &str, content: impl AsRef<[u8]>) {
        let put = format!("cat >{path} && chmod {mode} {path}");
        self.ask(&put, content).unwrap_or_else(|said| panic!("{path}: {said}"));
    }

    /// Waits until a command says yes.
    pub(super) fn wait_until(&self, command: &str) {
        let begun = Instant::now();
        while let Err(said) = self.ask(command, "") {
            assert!(begun.elapsed() < PATIENCE, "{command}: {said}\n{}", self.vm.console());
            thread::sleep(Duration::from_secs(2));
        }
        println!("{command}: after {} s", begun.elapsed().as_secs());
    }

    /// Waits until cloud-init has come to its end in this boot.
    pub(super) fn wait_until_up(&self) {
        self.wait_until("test -e /run/cloud-init/result.json");
    }

    /// Waits until it is off, and answers how long that took.
    pub(super) fn wait_until_off(&mut self) -> Duration {
        let begun = Instant::now();
        while !self.vm.is_off() {
            assert!(begun.elapsed() < PATIENCE, "{}", self.vm.console());
            thread::sleep(Duration::from_secs(1));
        }
        println!("off after {} s", begun.elapsed().as_secs());
        begun.elapsed()
    }

    /// Somebody at a terminal.
    pub(super) fn log_in(&self) -> Child {
        let mut ssh = self.vm.command(&self.key.path(), &["-tt"], "cat");
        ssh.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        ssh.spawn().unwrap()
    }
}

/// A free port, for the machine's own.
pub(super) fn new_door() -> SocketAddr {
    TcpListener::bind((ADDRESS, 0)).unwrap().local_addr().unwrap()
}

/// The program's user-data for who has this key.
pub(super) fn user_data_of(key: &Key, change: impl FnOnce(&mut UserData<'_>)) -> String {
    let public = fs::read_to_string(key.path().with_extension("pub")).unwrap();
    let mut inputs = UserData {
        username: "ubuntu",
        public_key: Some(public.trim()),
        more_keys: &[],
        packages: &[],
        cloud_config: None,
        keeps_root: false,
        lease_s: None,
    };
    change(&mut inputs);
    render(&inputs).unwrap()
}
