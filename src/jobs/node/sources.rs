//! What a node is sent and where that lies on this machine; and whether it can be sent at all, which
//! is known before anything is launched. Asks nobody.

use std::path::{Path, PathBuf};

use super::files::{missing_of_node, node_files};
use super::user_data;
use crate::config::Config;
use crate::files::{MOST, read_text};
use crate::ssh::{Bundle, PublicKey, Source};

/// Where the user's files lie when nothing is configured; it may be missing.
pub const DEPLOYMENT_FILES: &str = "deployment-files";
/// Where our scripts lie when nothing is configured; it may be missing.
pub const INSTANCE_SCRIPTS: &str = "instance/scripts";
/// The folder beside the scripts from which they make their configuration.
const TEMPLATES: &str = "config";

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

fn is_there(source: &Source) -> bool {
    match source {
        Source::Folder { local, .. } => local.is_dir(),
        Source::File { local, .. } => local.is_file(),
        Source::Bytes { .. } => true,
    }
}

/// The user's own cloud-config, or why it cannot be read.
pub(super) fn read_cloud_config(path: &Path) -> Result<String, String> {
    read_text(path, MOST).map_err(|error| format!("{}: {error}", path.display()))
}

/// Why a create would refuse what the configuration names for its nodes. What is not there, or not
/// of the right kind, is the caller's to say. Reads files.
pub fn unsendable(config: &Config, path: impl Fn(&Path) -> PathBuf) -> Vec<String> {
    let mut sources = sources(config, &path);
    let is_named = |it: &Source| !matches!(it, Source::Folder { remote, .. } if remote == Path::new(TEMPLATES));
    sources.retain(|source| !is_named(source) || is_there(source));
    let lacking = lacking(config, &path);
    let mut wrong: Vec<String> = Bundle::check(&sources).iter().map(ToString::to_string).collect();
    let cloud_config = config.node.cloud_init.as_deref().map(&path).filter(|it| it.is_file());
    let cloud_config = cloud_config.map(|path| read_cloud_config(&path)).transpose();
    wrong.extend(cloud_config.and_then(|theirs| check_user_data(config, theirs.as_deref())).err());
    let key = config.aws.public_ssh_key_path.as_deref().map(path).filter(|it| it.is_file());
    let key = key.map(|path| PublicKey::read(&path)).transpose();
    wrong.extend(key.err().map(|error| error.to_string()));
    wrong.extend(lacking);
    wrong
}

fn check_user_data(config: &Config, cloud_config: Option<&str>) -> Result<(), String> {
    let inputs = user_data::UserData {
        username: &config.aws.username,
        public_key: None,
        more_keys: &[],
        packages: &config.node.packages,
        cloud_config,
    };
    user_data::render(&inputs).map(drop).map_err(|error| error.to_string())
}
