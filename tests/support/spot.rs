//! The program itself, as its user starts it: in a folder of its own, with a home of its own, and
//! with nothing of this machine's AWS or SSH settings.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use portable_pty::CommandBuilder;
use serde_json::Value;
use tempfile::TempDir;

use super::keys::Key;

/// A user's folder.
pub(crate) struct Spot {
    folder: TempDir,
    key: Key,
    endpoint: String,
}

/// What a run of the program left.
pub(crate) struct Ran {
    /// Its exit code.
    pub(crate) code: i32,
    /// What it printed.
    pub(crate) out: String,
    /// What it complained about.
    pub(crate) err: String,
}

impl Spot {
    /// A folder whose AWS is this endpoint.
    pub(crate) fn new(endpoint: impl Into<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder, key: Key::ed25519(), endpoint: endpoint.into() }
    }

    /// The folder in which the program runs.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The user's SSH key.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Writes the configuration: `regions` as YAML list items, with the key, the `ssh_config` of
    /// the test's hosts, and whatever else is wanted under `aws`.
    pub(crate) fn configure(&self, ssh_config: &Path, timeout_s: u32, aws: &str, regions: &str) {
        let text = format!(
            "deployment: spot-test\naws:\n  private_ssh_key_path: {}\n  consistency_window_s: 2\n\
             {aws}\nregions:\n{regions}\n\
             ssh:\n  config_file: {}\n  timeout_s: {timeout_s}\n",
            self.key.path().display(),
            ssh_config.display(),
        );
        self.write("config.yaml", 0o644, text.as_bytes());
    }

    /// The same for these regions, a `t3.medium` in each, whose deployments end at the launch: no
    /// way leads to a host.
    pub(crate) fn configure_without_hosts(&self, aws: &str, regions: &[&str]) {
        let nowhere = "Host * !192.0.2.1\n  ProxyCommand nobody\n";
        let ssh_config = self.write("ssh_config", 0o644, nowhere.as_bytes());
        let region = |name: &&str| format!("  - {name}: {{ machine_type: t3.medium }}\n");
        let regions: String = regions.iter().map(region).collect();
        self.configure(&ssh_config, 10, aws, &regions);
    }

    /// Adds sections to the configuration.
    pub(crate) fn add_configuration(&self, sections: &str) {
        let path = self.path().join("config.yaml");
        let text = fs::read_to_string(&path).unwrap() + sections;
        fs::write(path, text).unwrap();
    }

    /// Writes a file of the user's.
    pub(crate) fn write(&self, path: &str, mode: u32, content: &[u8]) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// The program, ready to be started.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spot-tui"));
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path().join("home"))
            .env("LANG", "C.UTF-8")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL", &self.endpoint);
        command
    }

    /// The program, ready to be started on a terminal.
    pub(crate) fn on_terminal(&self) -> CommandBuilder {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_spot-tui"));
        command.cwd(self.path());
        command.env_clear();
        for (name, value) in self.command().get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.env("TERM", "xterm-256color");
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command().args(arguments).output().unwrap();
        Ran::of(&output)
    }

    /// The entries of `instances.json`.
    pub(crate) fn state(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path().join("instances.json")).unwrap();
        let state: Value = serde_json::from_str(&text).unwrap();
        state["instances"].as_array().unwrap().clone()
    }
}

impl Ran {
    /// What such a run left.
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What it printed, as JSON lines.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// What it printed, as one JSON array.
    pub(crate) fn array(&self) -> Vec<Value> {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.told()))
    }

    /// All of it, for a message.
    pub(crate) fn told(&self) -> String {
        format!("exit {}\n{}\n{}", self.code, self.out, self.err)
    }
}
