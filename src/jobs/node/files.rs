//! The files of `instance/` as this program was built with: what a node gets where the user has
//! none of their own, and what `setup` puts into a new folder.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

static SCRIPTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/instance/scripts");
static CONFIG: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/instance/config");

/// What a deployment calls or reads, below the folder above that of the scripts.
const CONTRACT: [&str; 7] = [
    "scripts/deploy_services.sh",
    "scripts/node-status",
    "scripts/imds",
    "scripts/generate_bacalhau_config.sh",
    "scripts/generate_sensor_config.sh",
    "config/images.env",
    "config/sensor-config.yaml",
];

/// What a folder of scripts, and its sibling `config`, lack of what a node needs: the contract of
/// `instance/README.md`. Looks at files.
pub fn missing_of_node(scripts: &Path) -> Vec<&'static str> {
    CONTRACT.into_iter().filter(|name| !place(scripts, Path::new(name)).is_file()).collect()
}

/// What in them has nothing in it and cannot work so: our programs, and what the contract names. Looks
/// at files.
pub fn emptied_of_node(scripts: &Path) -> Vec<PathBuf> {
    let counts = |file: &NodeFile| {
        file.is_program() || CONTRACT.iter().any(|name| Path::new(name) == file.path)
    };
    let is_empty = |path: &PathBuf| path.metadata().is_ok_and(|it| it.is_file() && it.len() == 0);
    let files = node_files().filter(counts).map(|file| place(scripts, &file.path));
    files.filter(is_empty).collect()
}

/// Where a file of `instance/` is, whose scripts are here.
fn place(scripts: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix("scripts") {
        Ok(script) => scripts.join(script),
        Err(_) => scripts.parent().unwrap_or(Path::new("")).join(path),
    }
}

/// One file of `instance/`.
#[derive(Debug, Clone)]
pub struct NodeFile {
    /// Its path below `instance/`: `scripts/deploy_services.sh`.
    pub path: PathBuf,
    /// Its mode: programs are executable, units and templates are not.
    pub mode: u32,
    /// What is in it.
    pub content: &'static [u8],
}

impl NodeFile {
    /// Whether it is run.
    pub fn is_program(&self) -> bool {
        self.mode == 0o755
    }
}

/// All of them.
pub fn node_files() -> impl Iterator<Item = NodeFile> {
    let below = |folder: &'static str, dir: &'static Dir<'static>| {
        dir.files().map(move |file| NodeFile {
            path: Path::new(folder).join(file.path()),
            mode: if file.contents().starts_with(b"#!") { 0o755 } else { 0o644 },
            content: file.contents(),
        })
    };
    below("scripts", &SCRIPTS).chain(below("config", &CONFIG))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn they_are_those_of_the_folder_with_their_modes() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("instance");
        let mut count = 0;
        for file in node_files() {
            let path = folder.join(&file.path);
            assert_eq!(fs::read(&path).unwrap(), file.content, "{}", path.display());
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode & 0o111 != 0, file.mode & 0o111 != 0, "{}", path.display());
            count += 1;
        }
        let there =
            ["scripts", "config"].map(|name| fs::read_dir(folder.join(name)).unwrap().count());
        assert_eq!(count, there.iter().sum::<usize>());
    }

    #[test]
    fn a_folder_of_other_scripts_lacks_what_a_node_needs() {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("instance/scripts");
        assert_eq!(missing_of_node(&ours), [""; 0]);
        let folder = tempfile::tempdir().unwrap();
        let theirs = folder.path().join("scripts");
        fs::create_dir(&theirs).unwrap();
        fs::write(theirs.join("deploy_services.py"), "").unwrap();
        assert_eq!(missing_of_node(&theirs), CONTRACT);
    }
}
