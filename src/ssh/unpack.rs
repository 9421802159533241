//! Files from the far side, unpacked as they come. The far side is hostile: only what was asked for is
//! written, as plain files below one folder, up to a bound, and each only gets its name when its
//! checksum is right.
//!
//! Not here: how the bytes come (`download`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use tar::{Archive, EntryType};
use tempfile::NamedTempFile;

use crate::fleet::text::{clean, hexadecimal};

/// The longest name of a file, in bytes (`PATH_MAX` of Linux).
const LONGEST_NAME: u64 = 4096;
/// Bytes read at a time.
const CHUNK: usize = 128 << 10;
/// Letters of a SHA-256.
const SUM: usize = 64;

/// The files that are there, as the far side lists them: what each is called in an archive, and its
/// SHA-256.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The checksum of each.
    pub files: BTreeMap<String, String>,
    /// What the far side calls them.
    paths: BTreeMap<String, String>,
    /// Lines that name no file that can be brought: a name with a line end in it, for one.
    pub odd: Vec<String>,
}

/// Why what came was not unpacked to its end.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The far side sends what nobody asked for.
    #[error("the far side sends {name}: {why}")]
    Hostile {
        /// What it calls it.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It is more than may be brought.
    #[error("it is more than {most} bytes")]
    TooMuch {
        /// How much may be.
        most: u64,
    },
    /// What came is no archive, or was cut off.
    #[error("what came cannot be read: {0}")]
    Archive(io::Error),
    /// A file on this side.
    #[error("{}: {source}", path.display())]
    Disk {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Listing {
    /// Takes in a line of `sha256sum`.
    pub fn push(&mut self, line: &str) {
        let parts = line.split_at_checked(SUM);
        let is_sum = |sum: &str| sum.bytes().all(|byte| byte.is_ascii_hexdigit());
        let named = parts.filter(|(sum, _)| is_sum(sum)).and_then(|(sum, rest)| {
            let path = rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *"))?;
            Some((sum, path)).filter(|(_, path)| !path.contains('\\'))
        });
        let Some((sum, path)) = named else {
            self.odd.push(line.to_owned());
            return;
        };
        match plain(Path::new(path.trim_start_matches('/'))) {
            Some(name) => {
                self.paths.insert(name.clone(), path.to_owned());
                self.files.insert(name, sum.to_ascii_lowercase());
            }
            None => self.odd.push(line.to_owned()),
        }
    }

    /// What of it is not below a folder as it should be.
    #[must_use]
    pub fn missing_in(&self, folder: &Path) -> Self {
        let is_here = |name: &String, sum: &String| {
            is_plain_below(folder, Path::new(name))
                && sum_of(&folder.join(name)).ok().as_ref() == Some(sum)
        };
        let files: BTreeMap<_, _> =
            self.files.clone().into_iter().filter(|(name, sum)| !is_here(name, sum)).collect();
        Self { files, paths: self.paths.clone(), odd: Vec::new() }
    }

    /// The paths of its files over there, a line each.
    pub fn paths(&self) -> String {
        let paths = self.files.keys().filter_map(|name| self.paths.get(name));
        paths.flat_map(|path| [path.as_str(), "\n"]).collect()
    }
}

/// What was unpacked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Files that are as they were listed.
    pub files: BTreeSet<String>,
    /// Files that were changed between the list and the archive: they are not here.
    pub changed: BTreeSet<String>,
    /// Bytes of both.
    pub bytes: u64,
}

/// Unpacks a compressed archive below a folder: of these files, and of no more bytes. What came whole
/// until an error is in `unpacked`.
pub fn unpack(
    archive: impl Read,
    folder: &Path,
    listing: &Listing,
    most: u64,
    unpacked: &mut Unpacked,
) -> Result<(), UnpackError> {
    // With what surrounds each file: an archive of nothing but zeros has an end, too.
    let around = (listing.files.len() as u64 + 16) * LONGEST_NAME;
    let plain_bytes = GzDecoder::new(archive).take(most.saturating_add(around));
    let mut archive = Archive::new(plain_bytes);
    // Long lists come as several archives, one after the other.
    archive.set_ignore_zeros(true);
    // Raw: whoever resolves long names reads them into memory, be they of any length.
    let entries = archive.entries().map_err(UnpackError::Archive)?.raw(true);
    let mut long: Option<String> = None;
    for entry in entries {
        let mut entry = entry.map_err(UnpackError::Archive)?;
        let kind = entry.header().entry_type();
        let told = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = long.take().unwrap_or(told);
        let hostile = |why| UnpackError::Hostile { name: printable(&name), why };
        match kind {
            EntryType::GNULongName if entry.size() <= LONGEST_NAME => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).map_err(UnpackError::Archive)?;
                while bytes.last() == Some(&0) {
                    bytes.pop();
                }
                long = Some(String::from_utf8_lossy(&bytes).into_owned());
                continue;
            }
            EntryType::Regular | EntryType::Continuous => {}
            _ => return Err(hostile("it is no plain file")),
        }
        let name = plain(Path::new(&name)).ok_or_else(|| hostile("it leads out of its folder"))?;
        let Some(sum) = listing.files.get(&name) else {
            return Err(hostile("nobody asked for it"));
        };
        if unpacked.files.contains(&name) {
            return Err(hostile("it came before"));
        }
        if unpacked.bytes.saturating_add(entry.size()) > most {
            return Err(UnpackError::TooMuch { most });
        }
        let is_right = write(&mut entry, folder, &name, sum)?;
        unpacked.bytes += entry.size();
        if is_right { &mut unpacked.files } else { &mut unpacked.changed }.insert(name);
    }
    Ok(())
}

/// Writes one file; whether it is as it was listed. Until then it has no name.
fn write(entry: &mut impl Read, folder: &Path, name: &str, sum: &str) -> Result<bool, UnpackError> {
    let path = folder.join(name);
    let disk = |source| UnpackError::Disk { path: path.clone(), source };
    if !is_plain_below(folder, Path::new(name)) {
        return Err(disk(io::Error::other("a link is in its way")));
    }
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(disk)?;
    let mut file = NamedTempFile::new_in(parent).map_err(disk)?;
    let (mut hasher, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
    loop {
        let read = entry.read(&mut chunk).map_err(UnpackError::Archive)?;
        if read == 0 {
            break;
        }
        hasher.update(&chunk[..read]);
        file.write_all(&chunk[..read]).map_err(disk)?;
    }
    if hexadecimal(&hasher.finalize()) != sum {
        return Ok(false);
    }
    file.persist(&path).map_err(|error| disk(error.error))?;
    Ok(true)
}

/// A path of plain parts alone, relative; `None` for any other.
fn plain(path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect();
    parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("/"))
}

/// Whether no link of this side lies on the way from a folder to a path below it.
fn is_plain_below(folder: &Path, name: &Path) -> bool {
    let mut path = folder.to_owned();
    name.components().all(|part| {
        path.push(part);
        !fs::symlink_metadata(&path).is_ok_and(|it| it.is_symlink())
    })
}

fn sum_of(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = fs::File::open(path)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(hexadecimal(&hasher.finalize()));
        }
        hasher.update(&chunk[..read]);
    }
}

fn printable(name: &str) -> String {
    clean(name, 256)
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, Header};

    use super::*;

    fn listing(files: &[(&str, &str)]) -> Listing {
        let mut listing = Listing::default();
        for (name, content) in files {
            listing.push(&format!("{}  {name}", hexadecimal(&Sha256::digest(content.as_bytes()))));
        }
        listing
    }

    /// An entry whose name is written as it is: the crate refuses to write `..`.
    fn entry(kind: EntryType, name: &str, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        header
    }

    fn archive(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (kind, name, content) in entries {
            let header = entry(*kind, name, content.len() as u64);
            builder.append(&header, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn unpacked(
        bytes: &[u8],
        listing: &Listing,
        most: u64,
    ) -> (tempfile::TempDir, Result<Unpacked, UnpackError>) {
        let folder = tempfile::tempdir().unwrap();
        let mut unpacked = Unpacked::default();
        let done = unpack(bytes, folder.path(), listing, most, &mut unpacked);
        (folder, done.map(|()| unpacked))
    }

    #[test]
    fn files_are_written_and_what_is_right_already_is_not_asked_for_again() {
        let files = [("/var/log/a", "one"), ("out/b", "two")];
        let listing = listing(&files);
        let bytes = archive(&[
            (EntryType::Regular, "var/log/a", "one"),
            (EntryType::Regular, "./out/b", "changed since"),
        ]);
        let (folder, done) = unpacked(&bytes, &listing, 1000);
        let done = done.unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("var/log/a")).unwrap(), "one");
        assert!(!folder.path().join("out/b").exists(), "what is not as it was listed has no name");
        assert_eq!((done.files.len(), done.changed.len()), (1, 1));
        assert_eq!(listing.missing_in(folder.path()).paths(), "out/b\n");
        fs::write(folder.path().join("var/log/a"), "spoilt").unwrap();
        assert_eq!(listing.missing_in(folder.path()).paths(), "out/b\n/var/log/a\n");
    }

    #[test]
    fn hostile_archives_are_refused_and_write_nothing_outside() {
        let listing = listing(&[("a", "one"), ("b/c", "two")]);
        for (kind, name, why) in [
            (EntryType::Regular, "../a", "it leads out of its folder"),
            (EntryType::Regular, "b/../../a", "it leads out of its folder"),
            (EntryType::Regular, "/etc/cron.d/a", "it leads out of its folder"),
            (EntryType::Regular, "other", "nobody asked for it"),
            (EntryType::Symlink, "a", "it is no plain file"),
            (EntryType::Link, "a", "it is no plain file"),
            (EntryType::Char, "a", "it is no plain file"),
            (EntryType::Block, "a", "it is no plain file"),
            (EntryType::Fifo, "a", "it is no plain file"),
            (EntryType::Directory, "b", "it is no plain file"),
            (EntryType::GNUSparse, "a", "it is no plain file"),
            (EntryType::XHeader, "a", "it is no plain file"),
            (EntryType::GNULongLink, "a", "it is no plain file"),
        ] {
            let (folder, done) = unpacked(&archive(&[(kind, name, "")]), &listing, 1000);
            let error = done.unwrap_err();
            assert!(
                matches!(&error, UnpackError::Hostile { why: told, .. } if *told == why),
                "{error}"
            );
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{name}");
        }
        let twice = [(EntryType::Regular, "a", "one"), (EntryType::Regular, "a", "one")];
        let (_folder, done) = unpacked(&archive(&twice), &listing, 1000);
        assert!(done.unwrap_err().to_string().contains("it came before"));
    }

    #[test]
    fn a_link_on_this_side_is_not_followed() {
        let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(out.path(), folder.path().join("b")).unwrap();
        let bytes = archive(&[(EntryType::Regular, "b/c", "two")]);
        let listing = listing(&[("b/c", "two")]);
        let done = unpack(&*bytes, folder.path(), &listing, 1000, &mut Unpacked::default());
        assert!(done.unwrap_err().to_string().contains("a link is in its way"));
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
    }

    /// Says that it is so long, and goes on for ever.
    struct Zeros(u64);

    impl Read for Zeros {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(0);
            self.0 += buffer.len() as u64;
            Ok(buffer.len())
        }
    }

    #[test]
    fn a_hundred_gigabytes_of_zeros_are_refused_before_they_are_read() {
        let size = 100 << 30;
        let listing = listing(&[("a", "one")]);
        for (kind, told) in [
            (EntryType::Regular, "it is more than 1000 bytes"),
            (EntryType::GNULongName, "it is no plain file"),
        ] {
            // Stored, so that no encoder has to pass a hundred gigabytes.
            let mut head = GzEncoder::new(Vec::new(), Compression::none());
            head.write_all(entry(kind, "a", size).as_bytes()).unwrap();
            let mut bytes = head.finish().unwrap();
            bytes.truncate(bytes.len() - 8);
            let stream = io::Cursor::new(bytes).chain(Zeros(0));
            let folder = tempfile::tempdir().unwrap();
            let done = unpack(stream, folder.path(), &listing, 1000, &mut Unpacked::default());
            assert!(done.unwrap_err().to_string().contains(told));
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn what_is_cut_off_keeps_what_came_whole() {
        let listing = listing(&[("a", "one"), ("b/c", "two")]);
        let bytes =
            archive(&[(EntryType::Regular, "a", "one"), (EntryType::Regular, "b/c", "two")]);
        let folder = tempfile::tempdir().unwrap();
        let mut unpacked = Unpacked::default();
        let half = GzDecoder::new(&*bytes);
        let mut plain = Vec::new();
        half.take(512 + 512 + 512 + 1).read_to_end(&mut plain).unwrap();
        let mut cut = GzEncoder::new(Vec::new(), Compression::fast());
        cut.write_all(&plain).unwrap();
        let cut = cut.finish().unwrap();
        let done = unpack(&*cut, folder.path(), &listing, 1000, &mut unpacked);
        assert!(matches!(done, Err(UnpackError::Archive(_))), "{done:?}");
        assert_eq!(unpacked.files, BTreeSet::from(["a".to_owned()]));
        assert_eq!(listing.missing_in(folder.path()).paths(), "b/c\n");
    }

    #[test]
    fn lines_that_name_no_file_are_told() {
        let mut listing = Listing::default();
        let sum = "0".repeat(64);
        for odd in [
            format!("\\{sum}  a\\nb"),
            format!("{sum}  ../a"),
            "rest of a name".to_owned(),
            format!("{sum} a"),
        ] {
            listing.push(&odd);
        }
        assert_eq!((listing.files.len(), listing.odd.len()), (0, 4), "{listing:?}");
        listing.push(&format!("{sum} */a b"));
        assert_eq!(listing.paths(), "/a b\n");
    }
}
