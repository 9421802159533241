//! `validate`: reads the configuration and looks at the files that it names, as a create would. Asks
//! nobody and changes nothing.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::json;

use super::environment::Environment;
use super::exit_code::ExitCode;
use super::setup::home;
use super::startup::read_config;
use super::stderr;
use super::stdout::print;
use super::stop::Stop;
use crate::config::Config;
use crate::files::in_home;
use crate::jobs::{Credentials, DEPLOYMENT_FILES, INSTANCE_SCRIPTS, SshSettings, unsendable};

/// `validate`.
pub(super) fn validate(environment: &Environment, as_json: bool) -> ExitCode {
    let mut notes = Vec::new();
    let problems: Vec<String> = match read_config(environment) {
        Ok(Some(config)) => {
            let ssh = ssh_config(&config, environment);
            notes = ssh.as_ref().map_or(Vec::new(), Clone::clone);
            notes.extend(config.ssh.allow_from.notes());
            unfit_files(&config).into_iter().chain(ssh.err()).collect()
        }
        Ok(None) => vec!["there is no config.yaml here: run `spot-tui setup`".to_owned()],
        Err(Stop::Config(complaints)) => complaints.lines().map(str::to_owned).collect(),
        Err(stop) => {
            stop.print();
            return stop.code();
        }
    };
    let code = if problems.is_empty() { ExitCode::DONE } else { ExitCode::USAGE };
    if as_json {
        let told = json!({"v": 1, "ok": problems.is_empty(), "problems": problems, "notes": notes});
        print(&told.to_string());
        return code;
    }
    for note in &notes {
        stderr::print(&format!("WARNING: {note}"));
    }
    for problem in &problems {
        stderr::print(problem);
    }
    if problems.is_empty() {
        print(&format!("{} is valid", environment.global.config.display()));
    }
    code
}

/// What `ssh_config` says of our instances and is passed over; an error where it is refused.
fn ssh_config(config: &Config, environment: &Environment) -> Result<Vec<String>, String> {
    // One that is not there is told of with the other files.
    if config.ssh.config_file.as_ref().is_some_and(|path| !in_home(path, Some(&home())).exists()) {
        return Ok(Vec::new());
    }
    SshSettings::open(Some(config), environment.home.as_deref(), environment.agent.clone())
        .and_then(|access| access.notes())
        .map_err(|failure| failure.reason)
}

/// What the configuration names and is not there, cannot work, or would not be sent.
fn unfit_files(config: &Config) -> Vec<String> {
    let home = home();
    let named = named_files(config).into_iter().filter_map(|(key, path)| Some((key, path?, false)));
    let unfit = named.chain(folders(config, &home)).filter_map(|(key, path, is_folder)| {
        let why = unfit(&in_home(path, Some(&home)), is_folder)?;
        Some(format!("{key}: {} {why}", path.display()))
    });
    let credentials = Credentials::inspect(&in_home(&config.aws.files_directory, Some(&home)));
    let sent = unsendable(config, |path| in_home(path, Some(&home)));
    unfit.chain(credentials.wrong).chain(sent).collect()
}

/// Every file that the configuration may name, by its key.
fn named_files(config: &Config) -> Vec<(&'static str, Option<&Path>)> {
    let aws = &config.aws;
    let mut files = vec![
        ("aws.private_ssh_key_path", aws.private_ssh_key_path.as_deref()),
        ("aws.public_ssh_key_path", aws.public_ssh_key_path.as_deref()),
        ("aws.additional_commands_script", aws.additional_commands_script.as_deref()),
        ("ssh.config_file", config.ssh.config_file.as_deref()),
        ("bacalhau.api_key_file", config.bacalhau.api_key_file.as_deref()),
        ("node.cloud_init", config.node.cloud_init.as_deref()),
    ];
    files.extend(config.node.units.iter().map(|unit| ("node.units", Some(unit.as_path()))));
    files
}

/// The folders. The usual ones may be missing, but what is there in their place has to be a folder.
fn folders<'a>(
    config: &'a Config,
    home: &'a Path,
) -> impl Iterator<Item = (&'static str, &'a Path, bool)> {
    let usual = [DEPLOYMENT_FILES, INSTANCE_SCRIPTS].map(Path::new);
    [
        ("aws.files_directory", config.aws.files_directory.as_path(), true),
        ("aws.scripts_directory", config.aws.scripts_directory.as_path(), true),
    ]
    .into_iter()
    .filter(move |(_, path, _)| !usual.contains(path) || in_home(path, Some(home)).exists())
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
