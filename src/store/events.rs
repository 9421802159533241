//! What happened, beside the state: a line an event, the newest up to a bound. It is for people who
//! look back; nothing is decided by it, so that whatever stands in it does no harm.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustix::fs::OFlags;

use super::Paths;
use crate::files::{open_regular, regular, write_atomically};

/// From how many bytes on the oldest are let go.
const MOST: u64 = 1 << 20;
/// The bytes of the newest that stay then.
const KEPT: u64 = MOST / 2;
/// The longest line that is read, in bytes.
const LINE: usize = 16 << 10;

/// The file of the events of one state.
#[derive(Debug, Clone)]
pub struct EventFile {
    path: PathBuf,
}

impl EventFile {
    /// The one that goes with a state file. It is made when something is written.
    pub fn new(paths: &Paths) -> Self {
        Self::at(paths.events())
    }

    /// One at this path, with the same bound.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Whether it is there.
    pub fn exists(&self) -> bool {
        self.path.is_file()
    }

    /// Its newest lines, the oldest first; none where there are none, or they cannot be read.
    pub fn read(&self) -> Vec<String> {
        self.try_read().unwrap_or_default()
    }

    /// The same for who is to know that they cannot be read. One that was never written has none.
    pub fn try_read(&self) -> io::Result<Vec<String>> {
        match open_regular(&self.path).and_then(|file| newest(file, MOST)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read,
        }
    }

    /// Adds lines, and lets the oldest go where they become too many. To be called by the one who
    /// holds the lock of the state.
    pub fn append(&self, lines: &[String]) -> io::Result<()> {
        // A pipe would hang.
        let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
        let mut file = File::options()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(nonblocking)
            .open(&self.path)
            .and_then(regular)?;
        let mut text = String::new();
        // A process that was killed may have left half a line, which shall be no part of another.
        if is_torn(&mut file)? {
            text.push('\n');
        }
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        file.write_all(text.as_bytes())?;
        if file.metadata()?.len() > MOST {
            let kept = newest(file, KEPT)?;
            write_atomically(&self.path, (kept.join("\n") + "\n").as_bytes())?;
        }
        Ok(())
    }
}

/// Whether the last line has no end.
fn is_torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// The last whole lines of a file, of so many bytes at the most.
fn newest(mut file: File, most: u64) -> io::Result<Vec<String>> {
    let length = file.metadata()?.len();
    let skipped = length.saturating_sub(most);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    let lines = bytes.split(|byte| *byte == b'\n').skip(usize::from(skipped > 0));
    let is_line = |line: &&[u8]| !line.is_empty() && line.len() <= LINE;
    Ok(lines.filter(is_line).filter_map(|line| String::from_utf8(line.to_vec()).ok()).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file() -> (tempfile::TempDir, EventFile, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path().join("instances.json"));
        let file = EventFile::new(&paths);
        (folder, file, paths.events())
    }

    fn lines(numbers: std::ops::Range<usize>) -> Vec<String> {
        numbers.map(|number| format!("{{\"number\":{number:05}}}")).collect()
    }

    #[test]
    fn it_is_the_users_alone_and_made_by_a_write() {
        let (_folder, file, path) = file();
        assert_eq!((file.read(), file.exists()), (Vec::new(), false));
        file.append(&lines(0..2)).unwrap();
        file.append(&lines(2..3)).unwrap();
        assert_eq!(file.read(), lines(0..3));
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn garbage_and_half_a_line_harm_nobody_else() {
        let (_folder, file, path) = file();
        fs::write(&path, b"\xff\xfe\n\0\0\n{\"torn\":").unwrap();
        file.append(&lines(0..1)).unwrap();
        let read = file.read();
        assert_eq!(read.last(), lines(0..1).last(), "{read:?}");
        fs::write(&path, "x".repeat(3 << 20)).unwrap();
        assert_eq!(file.read(), Vec::<String>::new(), "a line without end");
        file.append(&lines(1..2)).unwrap();
        assert_eq!(file.read(), lines(1..2));
    }

    #[test]
    fn the_newest_stay_within_the_bound() {
        let (_folder, file, path) = file();
        let many = lines(0..90_000);
        for some in many.chunks(9_000) {
            file.append(some).unwrap();
            assert!(fs::metadata(&path).unwrap().len() <= MOST);
        }
        let read = file.read();
        assert!(read.len() > 20_000 && many.ends_with(&read), "{}", read.len());
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
        let (_folder, file, path) = file();
        fs::create_dir(&path).unwrap();
        file.append(&lines(0..1)).unwrap_err();
        assert_eq!(file.read(), Vec::<String>::new());
    }
}
