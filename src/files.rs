//! How files are read and written. They are read, whoever wrote them, as regular ones only and no
//! more of them than they may hold: a pipe, a device or a file that grew over night must not hang or
//! fill this process.

mod write;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

pub use write::{
    behind_links, folder_of, make_private_folder, sweep_drafts, sync_folder, write_atomically,
    write_new,
};

/// The most bytes that a file may have where nothing smaller will do: 10,000 instances take 9 MB of
/// a state file. What is larger would fill the memory many times over when it is parsed.
pub const MOST: u64 = 16 << 20;

/// A path of the user's, with the home folder for a `~` at its beginning. `~somebody` is a name.
pub fn in_home(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(below), Some(home)) => home.join(below),
        _ => path.to_owned(),
    }
}

/// Opens what is a file: a device or a pipe would never end, and a pipe not even open.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    regular(File::options().read(true).custom_flags(nonblocking).open(path)?)
}

/// What is open, if it is a file.
pub fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
}

/// Reads a file of at most so many bytes. A larger one is an error of the kind `FileTooLarge`.
pub fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        return Ok(bytes);
    }
    let why = format!("it has more than {} KiB, which is more than it may have", most >> 10);
    Err(io::Error::new(io::ErrorKind::FileTooLarge, why))
}

/// The same of a text.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read_bounded(path, most)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not a text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_tilde_stands_for_the_home_folder_and_only_at_the_beginning() {
        let home = Some(Path::new("/home/me"));
        assert_eq!(in_home(Path::new("~/.ssh/key"), home), Path::new("/home/me/.ssh/key"));
        for as_it_is in ["/a/~/b", "~you/key", "key"] {
            assert_eq!(in_home(Path::new(as_it_is), home), Path::new(as_it_is));
        }
        assert_eq!(in_home(Path::new("~/key"), None), Path::new("~/key"));
    }

    #[test]
    fn attack_25_a_pipe_is_refused_and_nobody_waits_for_its_other_end() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        let error = read_bounded(&pipe, MOST).unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
        read_bounded(Path::new("/dev/zero"), MOST).unwrap_err();
    }

    #[test]
    fn attack_19_no_more_is_read_than_a_file_may_hold() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, [b'x'; 10]).unwrap();
        assert_eq!(read_bounded(&file, 10).unwrap().len(), 10);
        let error = read_bounded(&file, 9).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
