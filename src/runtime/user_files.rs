//! The files that the configuration names, looked at before anything is launched: `validate` and a
//! dry run say what a create would refuse.

use std::fs;
use std::io;
use std::path::Path;

use super::setup::home;
use crate::config::Config;
use crate::files::in_home;
use crate::jobs::{Credentials, DEPLOYMENT_FILES, FilesChecked, INSTANCE_SCRIPTS, check_files};

/// What the configuration names and is not there, cannot work, or would not be sent.
pub(super) fn check(config: &Config) -> FilesChecked {
    let home = home();
    let named = named_files(config).into_iter().filter_map(|(key, path)| Some((key, path?, false)));
    let unfit = named.chain(folders(config, &home)).filter_map(|(key, path, is_folder)| {
        let why = unfit(&in_home(path, Some(&home)), is_folder)?;
        Some(format!("{key}: {} {why}", path.display()))
    });
    let credentials = Credentials::inspect(&in_home(&config.aws.files_directory, Some(&home)));
    let sent = check_files(config, |path| in_home(path, Some(&home)));
    let wrong = unfit.chain(credentials.wrong).chain(sent.wrong).collect();
    FilesChecked { wrong, notes: sent.notes }
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
