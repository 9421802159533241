//! The log file: the user's alone, one a day, and never so many or so large that the program itself
//! fills the disk.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::files::make_private_folder;

/// How many days of log files are kept.
const DAYS: usize = 7;
/// The most bytes that the files of one day have together: two halves, the older of which goes.
const DAY: u64 = 16 << 20;

/// Where log lines are written.
#[derive(Debug)]
pub(super) struct LogFile {
    folder: PathBuf,
    /// The day of the open file.
    day: Date,
    file: File,
    length: u64,
    /// The most bytes of one file.
    most: u64,
}

impl LogFile {
    /// Opens today's file in this folder, which is made where it is missing and closed to others.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        make_private_folder(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        let day = today();
        let (file, length) = append(&name(folder, day, ""))?;
        let this = Self { folder: folder.to_owned(), day, file, length, most: DAY / 2 };
        this.forget_old_days();
        Ok(this)
    }

    /// Begins another file where the day is over or the file is full. The file before a full one is
    /// replaced: what came last tells most.
    fn turn(&mut self) -> io::Result<()> {
        let day = today();
        if day == self.day && self.length < self.most {
            return Ok(());
        }
        if day == self.day {
            fs::rename(name(&self.folder, day, ""), name(&self.folder, day, ".before"))?;
        }
        (self.file, self.length) = append(&name(&self.folder, day, ""))?;
        self.day = day;
        self.forget_old_days();
        Ok(())
    }

    fn forget_old_days(&self) {
        let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let day = |path: &Path| day_of(path.file_name()?.to_str()?);
        let dated = files.map(|file| file.path()).filter_map(|path| Some((day(&path)?, path)));
        let mut dated: Vec<(Date, PathBuf)> = dated.collect();
        dated.sort();
        let mut days: Vec<Date> = dated.iter().map(|(day, _)| *day).collect();
        days.dedup();
        let Some(oldest) = days.iter().rev().nth(DAYS - 1) else { return };
        for (_, path) in dated.iter().filter(|(day, _)| day < oldest) {
            // Tomorrow it is tried again.
            let _ = fs::remove_file(path);
        }
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.turn()?;
        let written = self.file.write(bytes)?;
        self.length += u64::try_from(written).unwrap_or(u64::MAX);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// `spot-tui.2026-11-20.log`.
fn name(folder: &Path, day: Date, part: &str) -> PathBuf {
    folder.join(format!("spot-tui.{day}{part}.log"))
}

/// The day of a log file of ours.
fn day_of(name: &str) -> Option<Date> {
    let day = name.strip_prefix("spot-tui.")?.strip_suffix(".log")?;
    day.strip_suffix(".before").unwrap_or(day).parse().ok()
}

fn append(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    // An older version let others read it.
    file.set_permissions(Permissions::from_mode(0o600))?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        let mut names: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn attack_20_the_log_is_the_users_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        let file = name(&folder, today(), "");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        LogFile::open(&folder).unwrap().write_all(b"line\n").unwrap();
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
    }

    #[test]
    fn attack_20_a_day_has_two_halves_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile { most: 10, ..LogFile::open(folder.path()).unwrap() };
        for n in 0..100 {
            writeln!(log, "line {n:03}").unwrap();
        }
        let day = today();
        let both = [format!("spot-tui.{day}.before.log"), format!("spot-tui.{day}.log")];
        assert_eq!(names(folder.path()), both);
        let text = both.map(|name| fs::read_to_string(folder.path().join(name)).unwrap()).concat();
        assert!(text.len() <= 40 && text.ends_with("line 099\n"), "{text}");
    }

    #[test]
    fn attack_20_a_week_is_kept_and_what_is_not_ours_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for day in 1..=9 {
            fs::write(folder.path().join(format!("spot-tui.2025-01-0{day}.log")), "").unwrap();
        }
        fs::write(folder.path().join("layout.json"), "").unwrap();
        LogFile::open(folder.path()).unwrap();
        let left = names(folder.path());
        assert_eq!(left.len(), 1 + DAYS, "{left:?}");
        assert_eq!(
            (left[0].as_str(), left[1].as_str()),
            ("layout.json", "spot-tui.2025-01-04.log")
        );
    }
}
