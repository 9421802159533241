//! `setup` and `version`: they look at this machine and change files in the folder, nothing at AWS.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment::Environment;
use super::exit_code::ExitCode;
use super::stdout::print;
use super::stop::Stop;
use crate::aws::Aws;
use crate::config::{self, Discovered, ENDPOINT_FILE, TOKEN_FILE};
use crate::files::{MOST, read_bounded, read_text, write_atomically, write_new};
use crate::fleet::{Account, Failure, FailureKind, Region, Step};
use crate::jobs::{
    DEPLOYMENT_FILES, INSTANCE_SCRIPTS, NodeFile, emptied_of_node, missing_of_node, node_files,
};

/// How long `setup` waits for AWS to say who we are.
const PROFILE_TIMEOUT: Duration = Duration::from_secs(5);
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
/// What a node's scripts have to do.
const CONTRACT: &str = include_str!("../../instance/README.md");
/// Every key of the configuration, explained.
const EXAMPLE: &str = include_str!("../../config.yaml.example");
/// The usual private keys, the best first, as ssh(1) tries them.
const KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// `version`.
pub(super) fn version() -> ExitCode {
    print(&format!("spot-tui {}", env!("CARGO_PKG_VERSION")));
    ExitCode::DONE
}

/// `setup`. What it had done until something failed stays.
pub(super) async fn setup(environment: &Environment) -> Result<ExitCode, Stop> {
    refuse_demo(environment)?;
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

/// A demo has nothing that could be set up.
pub(super) fn refuse_demo(environment: &Environment) -> Result<(), Stop> {
    match environment.demo {
        Some(_) => Err(Stop::Usage("a demo needs no setup: run `spot-tui --demo`".to_owned())),
        None => Ok(()),
    }
}

async fn identify(environment: &Environment) -> Result<Account, String> {
    let asking = async {
        let aws = Aws::open(&environment.access).await?;
        aws.account().await
    };
    match tokio::time::timeout(PROFILE_TIMEOUT, asking).await {
        Ok(Ok(account)) => Ok(account),
        Ok(Err(error)) => Err(error.failure(Step::Account).to_string()),
        Err(_) => Err(format!("no answer within {} s", PROFILE_TIMEOUT.as_secs())),
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
            "sign in to AWS: `aws configure`, or `aws configure sso` and `spot-tui login`, or set \
             AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
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
        made += create(&Path::new(DEPLOYMENT_FILES).join(name), 0o644, content.as_bytes())?;
    }
    let scripts = Path::new(INSTANCE_SCRIPTS);
    let missing = missing_of_node(scripts);
    let instance = Path::new("instance");
    let is_without = scripts.exists() && missing.contains(&"scripts/deploy_services.sh");
    if is_without && !has_ours(instance) {
        // Its units would be installed on the nodes beside ours.
        let text = format!(
            "{INSTANCE_SCRIPTS} is not this program's: it lacks {}; `spot-tui setup --migrate` \
             moves it away",
            missing.join(", ")
        );
        return Err(Stop::Usage(text));
    }
    // As a full disk left them: nothing of the user's is in them.
    for empty in emptied_of_node(scripts) {
        fs::remove_file(&empty).map_err(|error| unwritable(&empty, &error))?;
    }
    made += create(&instance.join("README.md"), 0o644, CONTRACT.as_bytes())?;
    for file in node_files() {
        made += create(&instance.join(file.path), file.mode, file.content)?;
    }
    if made > 0 {
        print(&format!(
            "config.yaml.example, {DEPLOYMENT_FILES}/ and instance/: {made} files made"
        ));
    }
    if !Path::new(DEPLOYMENT_FILES).join(ENDPOINT_FILE).exists() {
        next.push(format!(
            "to join an orchestrator, write {DEPLOYMENT_FILES}/{ENDPOINT_FILE} and {TOKEN_FILE}"
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
    let found = Discovered { private_key, region };
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
pub(super) fn create(path: &Path, mode: u32, content: &[u8]) -> Result<usize, Stop> {
    let failed = |error: io::Error| unwritable(path, &error);
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(failed)?;
    }
    write_new(path, mode, content).map(usize::from).map_err(failed)
}

/// Whether a script in it is one of this program's, as it came.
fn has_ours(folder: &Path) -> bool {
    let is_as_it_came = |file: NodeFile| {
        let most = u64::try_from(file.content.len()).unwrap_or(MOST);
        read_bounded(&folder.join(&file.path), most).is_ok_and(|found| found == file.content)
    };
    node_files().filter(NodeFile::is_program).any(is_as_it_came)
}

pub(super) fn home() -> PathBuf {
    directories::BaseDirs::new()
        .map_or_else(|| PathBuf::from("/"), |base| base.home_dir().to_owned())
}

pub(super) fn unwritable(path: &Path, error: &io::Error) -> Stop {
    let reason = format!("{}: {error}", path.display());
    Stop::Failure(Failure::new(FailureKind::LocalDisk, Step::State, reason, ""))
}
