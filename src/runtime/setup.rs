//! The commands that prepare and check: they look at this machine and change files in the folder,
//! nothing at AWS.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::environment::Environment;
use super::exit_code::ExitCode;
use super::startup::read_config;
use super::stderr;
use super::stdout::print;
use super::stop::Stop;
use crate::aws::Aws;
use crate::config::{self, Config, Found};
use crate::files::{MOST, read_text};
use crate::fleet::{Account, Failure, FailureKind, Region, Step};
use crate::jobs::{Credentials, SshAccess, node_files};
use crate::store::write_atomically;

/// How long `setup` waits for AWS to say who we are.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where what runs on a node lies.
const SCRIPTS: &str = "instance/scripts";
/// Where the user's files lie.
const FILES: &str = "deployment-files";
/// The samples in it.
const SAMPLES: [(&str, &str); 3] = [
    ("README.md", include_str!("../../deployment-files/README.md")),
    (
        "orchestrator_endpoint.example",
        include_str!("../../deployment-files/orchestrator_endpoint.example"),
    ),
    (
        "orchestrator_token.example",
        include_str!("../../deployment-files/orchestrator_token.example"),
    ),
];
/// Every key of the configuration, explained.
const EXAMPLE: &str = include_str!("../../config.yaml.example");
/// The usual private keys, the best first, as ssh(1) tries them.
const KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// `version`.
pub(super) fn version() -> ExitCode {
    print(&format!("spot-tui {}", env!("CARGO_PKG_VERSION")));
    ExitCode::DONE
}

/// `validate`.
pub(super) fn validate(environment: &Environment, as_json: bool) -> ExitCode {
    let mut notes = Vec::new();
    let problems: Vec<String> = match read_config(environment) {
        Ok(Some(config)) => {
            let ssh = ssh_config(&config, environment);
            notes = ssh.as_ref().map_or(Vec::new(), Clone::clone);
            missing_files(&config).into_iter().chain(ssh.err()).collect()
        }
        Ok(None) => vec!["there is no config.yaml here: run `spot-tui setup`".to_owned()],
        Err(Stop::Config(complaints)) => complaints.lines().map(str::to_owned).collect(),
        Err(stop) => {
            stop.print();
            return stop.code();
        }
    };
    let path = environment.global.config.display();
    if as_json {
        print(
            &json!({"v": 1, "ok": problems.is_empty(), "problems": problems, "notes": notes})
                .to_string(),
        );
        return if problems.is_empty() { ExitCode::DONE } else { ExitCode::USAGE };
    }
    for note in &notes {
        stderr::print(&format!("WARNING: {note}"));
    }
    if problems.is_empty() {
        print(&format!("{path} is valid"));
    } else {
        for problem in &problems {
            stderr::print(problem);
        }
    }
    if problems.is_empty() { ExitCode::DONE } else { ExitCode::USAGE }
}

/// What `ssh_config` says of our instances and is passed over; an error where it is refused.
fn ssh_config(config: &Config, environment: &Environment) -> Result<Vec<String>, String> {
    // One that is not there is told of with the other files.
    if config.ssh.config_file.as_ref().is_some_and(|path| !expand(path, &home()).exists()) {
        return Ok(Vec::new());
    }
    SshAccess::open(Some(config), environment.home.as_deref(), environment.agent.clone())
        .and_then(|access| access.notes())
        .map_err(|failure| failure.reason)
}

/// What the configuration names and is not there, or cannot work.
fn missing_files(config: &Config) -> Vec<String> {
    let home = home();
    let aws = &config.aws;
    let files = [
        ("aws.private_ssh_key_path", aws.private_ssh_key_path.as_deref()),
        ("aws.public_ssh_key_path", aws.public_ssh_key_path.as_deref()),
        ("aws.additional_commands_script", aws.additional_commands_script.as_deref()),
        ("ssh.config_file", config.ssh.config_file.as_deref()),
        ("bacalhau.api_key_file", config.bacalhau.api_key_file.as_deref()),
        ("node.cloud_init", config.node.cloud_init.as_deref()),
    ];
    let units = config.node.units.iter().map(|unit| ("node.units", Some(unit.as_path())));
    let files = files.into_iter().chain(units).filter_map(|(key, path)| Some((key, path?, false)));
    let folders = [
        ("aws.files_directory", aws.files_directory.as_path(), true),
        ("aws.scripts_directory", aws.scripts_directory.as_path(), true),
    ];
    let folders =
        folders.into_iter().filter(|(_, path, _)| ![FILES, SCRIPTS].map(Path::new).contains(path));
    let credentials = Credentials::look(&expand(&aws.files_directory, &home));
    files
        .chain(folders)
        .filter_map(|(key, path, is_folder)| {
            let why = unfit(&expand(path, &home), is_folder)?;
            Some(format!("{key}: {} {why}", path.display()))
        })
        .chain(credentials.wrong)
        .collect()
}

/// Why this is not the file, or the folder, that is wanted.
fn unfit(path: &Path, is_folder: bool) -> Option<String> {
    match fs::metadata(path) {
        Ok(found) if is_folder && !found.is_dir() => Some("is not a folder".to_owned()),
        Ok(found) if !is_folder && !found.is_file() => Some("is not a file".to_owned()),
        Ok(_) => None,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some("does not exist".to_owned()),
        Err(error) => Some(format!("cannot be looked at: {error}")),
    }
}

/// `setup`. What it had done until something failed stays.
pub(super) async fn setup(environment: &Environment) -> Result<ExitCode, Stop> {
    if environment.demo.is_some() {
        return Err(Stop::Usage("a demo needs no setup: run `spot-tui --demo`".to_owned()));
    }
    let account = identify(environment).await;
    let next = prepare(environment, account.as_ref().ok())?;
    match account {
        Ok(account) => print(&format!("AWS: account {}, {}", account.id, account.arn)),
        Err(why) => print(&format!("AWS: not reached: {why}")),
    }
    print("Next:");
    for (number, step) in next.iter().enumerate() {
        print(&format!("  {}. {step}", number + 1));
    }
    Ok(ExitCode::DONE)
}

async fn identify(environment: &Environment) -> Result<Account, String> {
    let asking = async {
        let aws = Aws::open(&environment.access).await?;
        aws.account().await
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Ok(account)) => Ok(account),
        Ok(Err(error)) => Err(error.failure(Step::Account).to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// Makes what is missing and answers what the user has to do next.
fn prepare(environment: &Environment, account: Option<&Account>) -> Result<Vec<String>, Stop> {
    let home = home();
    let key = KEYS
        .iter()
        .find(|name| home.join(".ssh").join(name).exists())
        .map(|name| Path::new("~/.ssh").join(name));
    let mut next = Vec::new();
    if account.is_none() {
        next.push(
            "sign in to AWS: `aws configure`, or `aws sso login`, or set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY"
                .to_owned(),
        );
    }
    match &key {
        Some(key) => print(&format!("SSH: {}", key.display())),
        None => next.push("make an SSH key: `ssh-keygen -t ed25519`".to_owned()),
    }
    merge_config(&environment.global.config, key)?;
    let mut made = 0;
    made += create(Path::new("config.yaml.example"), 0o644, EXAMPLE.as_bytes())?;
    for (name, content) in SAMPLES {
        made += create(&Path::new(FILES).join(name), 0o644, content.as_bytes())?;
    }
    for file in node_files() {
        made += create(&Path::new("instance").join(file.path), file.mode, file.content)?;
    }
    if made > 0 {
        print(&format!("config.yaml.example, {FILES}/ and instance/: {made} files made"));
    }
    if !Path::new(FILES).join("orchestrator_endpoint").exists() {
        next.push(format!(
            "to join an orchestrator, write {FILES}/orchestrator_endpoint and orchestrator_token"
        ));
    }
    next.push(format!("look through {}", environment.global.config.display()));
    next.push("`spot-tui create --dry-run`, then `spot-tui` for the dashboard".to_owned());
    Ok(next)
}

fn merge_config(path: &Path, private_key: Option<PathBuf>) -> Result<(), Stop> {
    let failed = |error: io::Error| unwritable(path, &error);
    let existing = match read_text(path, MOST) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let region = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .map(Region::from);
    let found = Found { private_key, region };
    let merged = config::merge_defaults(&path.display().to_string(), existing.as_deref(), &found)
        .map_err(|complaints| Stop::Config(complaints.to_string()))?;
    if merged.added.is_empty() {
        print(&format!("{}: complete, left as it is", path.display()));
        return Ok(());
    }
    write_atomically(path, merged.text.as_bytes()).map_err(failed)?;
    print(&format!("{}: added {}", path.display(), merged.added.join(", ")));
    Ok(())
}

/// Makes a file where there is none, and answers how many it made; what the user has is never
/// touched.
fn create(path: &Path, mode: u32, content: &[u8]) -> Result<usize, Stop> {
    let failed = |error: io::Error| unwritable(path, &error);
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(failed)?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        Ok(mut file) => {
            file.write_all(content).map_err(failed)?;
            Ok(1)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(0),
        Err(error) => Err(failed(error)),
    }
}

fn home() -> PathBuf {
    directories::BaseDirs::new()
        .map_or_else(|| PathBuf::from("/"), |base| base.home_dir().to_owned())
}

fn expand(path: &Path, home: &Path) -> PathBuf {
    path.strip_prefix("~").map_or_else(|_| path.to_owned(), |rest| home.join(rest))
}

fn unwritable(path: &Path, error: &io::Error) -> Stop {
    let reason = format!("{}: {error}", path.display());
    Stop::Failure(Failure::new(FailureKind::LocalDisk, Step::State, reason, ""))
}
