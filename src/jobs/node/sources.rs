//! What a node is sent and where that lies on this machine; and whether it can be sent at all, which
//! is known before anything is launched. Asks nobody.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::files::{emptied_of_node, missing_of_node, node_files};
use super::{scripts, user_data};
use crate::config::Config;
use crate::files::{MOST, open_regular, read_text};
use crate::ssh::{Bundle, PublicKey, Source};

/// Where the user's files lie when nothing is configured; it may be missing.
pub const DEPLOYMENT_FILES: &str = "deployment-files";
/// Where our scripts lie when nothing is configured; it may be missing.
pub const INSTANCE_SCRIPTS: &str = "instance/scripts";
/// The folder beside the scripts from which they make their configuration.
const TEMPLATES: &str = "config";
/// How many bytes of a script are looked at.
const HEAD: u64 = 64 << 10;

/// All that goes into the bundle. `path` fills in the home folder.
pub(super) fn sources(config: &Config, path: impl Fn(&Path) -> PathBuf) -> Vec<Source> {
    let aws = &config.aws;
    let mut sources = node_sources(config, &path);
    let files = path(&aws.files_directory);
    if files.exists() || aws.files_directory != Path::new(DEPLOYMENT_FILES) {
        sources.push(Source::Folder { local: files, remote: "files".into(), mode: None });
    }
    if let Some(script) = &aws.additional_commands_script {
        let remote = "scripts/additional_commands.sh".into();
        sources.push(Source::File { local: path(script), remote, mode: Some(0o755) });
    }
    for unit in &config.node.units {
        let Some(name) = unit.file_name() else { continue };
        let remote = Path::new("units").join(name);
        sources.push(Source::File { local: path(unit), remote, mode: Some(0o644) });
    }
    sources
}

/// `instance/` as the user has it; where there is none at the usual place, as this program was
/// built with.
fn node_sources(config: &Config, path: impl Fn(&Path) -> PathBuf) -> Vec<Source> {
    let scripts = path(&config.aws.scripts_directory);
    if !scripts.exists() && config.aws.scripts_directory == Path::new(INSTANCE_SCRIPTS) {
        return node_files()
            .map(|file| Source::Bytes {
                path: file.path,
                mode: file.mode,
                content: file.content.into(),
            })
            .collect();
    }
    let templates = scripts.parent().map(|folder| folder.join(TEMPLATES)).unwrap_or_default();
    vec![
        Source::Folder { local: scripts, remote: "scripts".into(), mode: None },
        Source::Folder { local: templates, remote: TEMPLATES.into(), mode: None },
    ]
}

/// Why the folder of scripts cannot set a node up, where there is one that cannot: it does not keep
/// the contract of `instance/README.md`. Looks at files.
pub(super) fn lacking(config: &Config, path: impl Fn(&Path) -> PathBuf) -> Option<String> {
    let scripts = path(&config.aws.scripts_directory);
    let missing = if scripts.is_dir() { missing_of_node(&scripts) } else { Vec::new() };
    (!missing.is_empty()).then(|| {
        format!(
            "aws.scripts_directory: {} lacks {}; `spot-tui setup` fills in what is missing, and \
             `spot-tui setup --migrate` puts the program's own in the place of a predecessor's",
            config.aws.scripts_directory.display(),
            missing.join(", ")
        )
    })
}

/// Which files of the folder are there and have nothing in them.
fn emptied(config: &Config, path: impl Fn(&Path) -> PathBuf) -> Vec<String> {
    let scripts = path(&config.aws.scripts_directory);
    let empty = emptied_of_node(&scripts).into_iter();
    let text = |it: PathBuf| {
        format!(
            "aws.scripts_directory: {} is empty; `spot-tui setup` writes those of `instance/` anew",
            it.display()
        )
    };
    empty.map(text).collect()
}

/// Which scripts no node could start, and how each is mended: the user's own, and those of the folder
/// that say what runs them, or are empty. A node would find out after it was paid for. Looks at files.
pub(super) fn unrunnable(config: &Config, path: impl Fn(&Path) -> PathBuf) -> Vec<String> {
    let empty = emptied(config, &path);
    let own = config.aws.additional_commands_script.iter().map(|script| {
        let head = read_head(&path(script)).ok()?;
        let why = scripts::unrunnable(&head)?;
        Some(format!("aws.additional_commands_script: {} {why}", script.display()))
    });
    let folder = &config.aws.scripts_directory;
    let names = fs::read_dir(path(folder)).into_iter().flatten().flatten();
    let theirs = names.map(|entry| {
        let head = read_head(&entry.path()).ok().filter(|head| scripts::is_script(head))?;
        let why = scripts::unrunnable(&head)?;
        let script = folder.join(entry.file_name());
        Some(format!("aws.scripts_directory: {} {why}", script.display()))
    });
    let mut found: Vec<String> = own.chain(theirs).flatten().chain(empty).collect();
    found.sort();
    found
}

/// The beginning of a file: enough to tell how its lines end.
fn read_head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    open_regular(path)?.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}

fn is_there(source: &Source) -> bool {
    match source {
        Source::Folder { local, .. } => local.is_dir(),
        Source::File { local, .. } => local.is_file(),
        Source::Bytes { .. } => true,
    }
}

/// The user's own cloud-config without the mark that editors of Windows put before it, or why it
/// cannot be read.
pub(super) fn read_cloud_config(path: &Path) -> Result<String, String> {
    let text = read_text(path, MOST).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}

/// What a create would make of the files that the configuration names.
#[derive(Debug, Default)]
pub struct FilesChecked {
    /// Why it would refuse them.
    pub wrong: Vec<String>,
    /// What it would remark.
    pub notes: Vec<String>,
}

/// Looks at what the configuration names for its nodes, as a create does. What is not there, or not
/// of the right kind, is the caller's to say. Reads files.
pub fn check_files(config: &Config, path: impl Fn(&Path) -> PathBuf) -> FilesChecked {
    let mut sources = sources(config, &path);
    let is_named = |it: &Source| !matches!(it, Source::Folder { remote, .. } if remote == Path::new(TEMPLATES));
    sources.retain(|source| !is_named(source) || is_there(source));
    let checked = Bundle::check(&sources);
    let mut wrong: Vec<String> = checked.wrong.iter().map(ToString::to_string).collect();
    let cloud_config = config.node.cloud_init.as_deref().map(&path).filter(|it| it.is_file());
    let cloud_config = cloud_config.map(|path| read_cloud_config(&path)).transpose();
    wrong.extend(cloud_config.and_then(|theirs| check_user_data(config, theirs.as_deref())).err());
    let key = config.aws.public_ssh_key_path.as_deref().map(&path).filter(|it| it.is_file());
    let key = key.map(|path| PublicKey::read(&path)).transpose();
    wrong.extend(key.err().map(|error| error.to_string()));
    wrong.extend(lacking(config, &path));
    wrong.extend(unrunnable(config, &path));
    FilesChecked { wrong, notes: checked.passed_over }
}

fn check_user_data(config: &Config, cloud_config: Option<&str>) -> Result<(), String> {
    let inputs = user_data::UserData {
        username: &config.aws.username,
        public_key: None,
        more_keys: &[],
        packages: &config.node.packages,
        cloud_config,
        // The longer of both.
        keeps_root: true,
        lease_s: config.lease.map(|lease| lease.seconds()),
    };
    user_data::render(&inputs).map(drop).map_err(|error| error.to_string())
}
