//! How files of ours are written: replaced in one step, through links, with nothing left beside
//! them.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// How many links may lead from one to the next; Linux follows as many.
const LINKS: usize = 40;
/// How the name of a file ends that is not yet in its place.
const DRAFT: &str = ".new";

/// Replaces a file in one step, so that a reader or a crash sees the old one or the new one: a draft
/// beside it, fsync, rename, fsync of the folder. A link stays, and what it leads to is replaced; a
/// file that is there keeps its mode, a new one has 0600.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = behind_links(path)?;
    let mode = match fs::metadata(&target) {
        Ok(found) if found.is_file() => found.permissions(),
        Ok(_) => return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")),
        Err(_) => Permissions::from_mode(0o600),
    };
    let draft = draft_of(&target, 0o600, bytes)?;
    draft.as_file().set_permissions(mode)?;
    draft.as_file().sync_all()?;
    draft.persist(&target).map_err(|error| error.error)?;
    sync_folder(folder_of(&target))
}

/// Makes a file where nothing is, whole or not at all, and answers whether it did: what is there is
/// left as it is, be that a link to nothing.
pub fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<bool> {
    if fs::symlink_metadata(path).is_ok() {
        return Ok(false);
    }
    let draft = draft_of(path, mode, bytes)?;
    draft.as_file().sync_all()?;
    match draft.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// A file beside another one, with what that is to have in it. What goes wrong is told without its name,
/// which is another one at each try: therefore neither `tempfile_in` nor a write by the draft itself.
fn draft_of(target: &Path, mode: u32, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let prefix = draft_prefix(target);
    let make = |path: &Path| OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let draft =
        tempfile::Builder::new().prefix(&prefix).suffix(DRAFT).make_in(folder_of(target), make);
    let mut draft = draft?;
    draft.as_file_mut().write_all(bytes)?;
    Ok(draft)
}

/// Removes what killed processes left of files that they were about to replace. Only for the one
/// who may write the file.
pub fn sweep_drafts(path: &Path) {
    let Ok(target) = behind_links(path) else { return };
    let prefix = draft_prefix(&target);
    let is_draft = |name: &str| name.starts_with(&prefix) && name.ends_with(DRAFT);
    let files = fs::read_dir(folder_of(&target)).into_iter().flatten().flatten();
    for file in files.filter(|file| file.file_name().to_str().is_some_and(is_draft)) {
        // It is in nobody's way.
        let _ = fs::remove_file(file.path());
    }
}

/// Makes a folder, and those above it, that are the user's alone.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The file that a path means in the end, be it there or not.
pub fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = folder_of(&path).join(next),
            // No link, or nothing there.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("its links lead in a circle"))
}

/// Makes sure that a folder knows of its files after a crash.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn draft_prefix(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_link_stays_and_its_file_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["dotfiles.json", "state.json"].map(|name| folder.path().join(name));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        symlink("dotfiles.json", &link).unwrap();
        write_atomically(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!((fs::read(&file).unwrap().as_slice(), mode(&file)), (b"new".as_slice(), 0o640));
    }

    #[test]
    fn what_is_there_is_left_and_what_is_new_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let [new, link] = ["new", "link"].map(|name| folder.path().join(name));
        assert!(write_new(&new, 0o755, b"first").unwrap());
        assert!(!write_new(&new, 0o755, b"second").unwrap());
        assert_eq!(fs::read(&new).unwrap(), b"first");
        assert_eq!(mode(&new) & 0o700, 0o700);
        symlink("nowhere", &link).unwrap();
        assert!(!write_new(&link, 0o644, b"text").unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft stays");
    }

    #[test]
    fn a_link_to_nothing_is_written_through_and_a_circle_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["there", "link"].map(|name| folder.path().join(name));
        symlink(&file, &link).unwrap();
        write_atomically(&link, b"new").unwrap();
        assert_eq!((fs::read(&file).unwrap().as_slice(), mode(&file)), (b"new".as_slice(), 0o600));
        let round = folder.path().join("round");
        symlink(&round, &round).unwrap();
        write_atomically(&round, b"new").unwrap_err();
    }

    #[test]
    fn nothing_is_left_beside_a_file_and_what_a_killed_process_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        write_atomically(&file, b"1").unwrap();
        for name in [".state.json.x1.new", ".other.json.x1.new", "state.json.new"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        sweep_drafts(&file);
        let left = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
        let mut left: Vec<_> = left.collect();
        left.sort();
        assert_eq!(left, [".other.json.x1.new", "state.json", "state.json.new"]);
    }
}
