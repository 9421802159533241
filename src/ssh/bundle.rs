//! Everything that a machine is sent, as one compressed tar: built once, sent to all.
//!
//! The same files give the same bytes. Nothing leaves the folders that the user named: links that
//! point out, `..`, pipes and devices are refused before anything is sent. What a program of this
//! machine left there for itself, its lock or its socket, is passed over, and said.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, FileTypeExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tempfile::{SpooledData, SpooledTempFile};

use super::SshError;
use crate::config::{ENDPOINT_FILE, TOKEN_FILE};

/// The most that the files may be together, before compression.
const LIMIT: u64 = 1 << 30;
/// A compressed bundle up to this size stays in memory.
const IN_MEMORY: usize = 16 << 20;
/// The files that hold the way into the user's network, wherever they lie.
const CREDENTIALS: [&str; 2] = [ENDPOINT_FILE, TOKEN_FILE];
const CREDENTIAL_MODE: u32 = 0o600;

/// Something to put into a bundle.
#[derive(Debug, Clone)]
pub enum Source {
    /// A folder with all that is in it.
    Folder {
        /// Where it is.
        local: PathBuf,
        /// Its path in the bundle; empty for the top.
        remote: PathBuf,
        /// The mode of every file in it, where it is not the files' own.
        mode: Option<u32>,
    },
    /// One file.
    File {
        /// Where it is.
        local: PathBuf,
        /// Its path in the bundle.
        remote: PathBuf,
        /// Its mode, where it is not its own.
        mode: Option<u32>,
    },
    /// A file that this program made.
    Bytes {
        /// Its path in the bundle.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// What is in it.
        content: Bytes,
    },
}

/// A `tar.gz` with its checksum.
#[derive(Debug)]
pub struct Bundle {
    body: Body,
    size: u64,
    sha256: String,
    files: usize,
    bytes: u64,
    passed_over: Vec<String>,
}

/// What is known of sources before they are packed.
#[derive(Debug)]
pub struct Checked {
    /// What keeps them from being packed, each source's first trouble.
    pub wrong: Vec<SshError>,
    /// What would not be sent, a sentence each.
    pub passed_over: Vec<String>,
}

#[derive(Debug)]
enum Body {
    Memory(Bytes),
    /// A temporary file without a name.
    Disk(Arc<File>),
}

impl Bundle {
    /// Reads and packs all sources.
    pub async fn collect(sources: Vec<Source>) -> Result<Self, SshError> {
        tokio::task::spawn_blocking(move || pack(&sources)).await.unwrap_or_else(|stopped| {
            Err(SshError::File {
                operation: "packing",
                path: PathBuf::new(),
                source: io::Error::other(stopped.to_string()),
            })
        })
    }

    /// Whether these could be packed. Reads no content.
    pub fn check(sources: &[Source]) -> Checked {
        let mut list = List::default();
        let wrong = sources.iter().filter_map(|source| list.add(source).err()).collect();
        Checked { wrong, passed_over: list.passed_over }
    }

    /// Bytes to send.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its SHA-256 in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// How many files and links are in it.
    pub fn files(&self) -> usize {
        self.files
    }

    /// Bytes of the files, before compression.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What is not in it although it lay in a folder, a sentence each.
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// Up to `most` bytes from `offset`; empty at the end.
    pub(super) async fn chunk(&self, offset: u64, most: usize) -> io::Result<Bytes> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = most.min(left);
        match &self.body {
            Body::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes.slice(start..start + length))
            }
            Body::Disk(file) => {
                let file = Arc::clone(file);
                let read = tokio::task::spawn_blocking(move || {
                    let mut buffer = vec![0; length];
                    file.read_exact_at(&mut buffer, offset).map(|()| Bytes::from(buffer))
                });
                read.await.map_err(io::Error::other)?
            }
        }
    }
}

/// One entry of the tar, by its path in it.
struct Entry {
    mode: u32,
    modified: u64,
    kind: Kind,
}

enum Kind {
    Folder,
    File { local: PathBuf, size: u64 },
    Bytes(Bytes),
    Link(PathBuf),
}

fn pack(sources: &[Source]) -> Result<Bundle, SshError> {
    let mut list = List::default();
    for source in sources {
        list.add(source)?;
    }
    let Packed { spool, sha256 } = write_tar(&list)?;
    let spooled = |source| SshError::File {
        operation: "writing a temporary file in",
        path: std::env::temp_dir(),
        source,
    };
    let (body, size) = match spool.into_inner() {
        SpooledData::InMemory(cursor) => {
            let bytes = Bytes::from(cursor.into_inner());
            let size = bytes.len() as u64;
            (Body::Memory(bytes), size)
        }
        SpooledData::OnDisk(mut file) => {
            let size = file.seek(SeekFrom::End(0)).map_err(spooled)?;
            (Body::Disk(Arc::new(file)), size)
        }
    };
    let files = list.entries.values().filter(|entry| !matches!(entry.kind, Kind::Folder)).count();
    let List { bytes, passed_over, .. } = list;
    Ok(Bundle { body, size, sha256, files, bytes, passed_over })
}

/// What goes in, sorted by path.
#[derive(Default)]
struct List {
    entries: BTreeMap<PathBuf, Entry>,
    bytes: u64,
    passed_over: Vec<String>,
}

impl List {
    fn add(&mut self, source: &Source) -> Result<(), SshError> {
        match source {
            Source::Folder { local, remote, mode } => {
                check_remote(remote)?;
                let root = fs::canonicalize(local).map_err(file_error("reading", local))?;
                let meta = fs::metadata(&root).map_err(file_error("reading", local))?;
                if !meta.is_dir() {
                    return Err(bad(local, "it is not a folder"));
                }
                self.walk(&root, &root, remote, *mode)
            }
            Source::File { local, remote, mode } => {
                check_remote(remote)?;
                let meta = fs::metadata(local).map_err(file_error("reading", local))?;
                if !meta.is_file() {
                    return Err(bad(local, "it is not a file"));
                }
                self.insert_file(local, remote, &meta, *mode)
            }
            Source::Bytes { path, mode, content } => {
                check_remote(path)?;
                self.count(content.len() as u64)?;
                let mode = mode_of(path, *mode);
                let kind = Kind::Bytes(content.clone());
                self.insert(path, Entry { mode, modified: 0, kind })
            }
        }
    }

    fn walk(
        &mut self,
        root: &Path,
        folder: &Path,
        remote: &Path,
        mode: Option<u32>,
    ) -> Result<(), SshError> {
        let meta = fs::metadata(folder).map_err(file_error("reading", folder))?;
        if !remote.as_os_str().is_empty() {
            // The owner has to be able to unpack into it.
            let mode = meta.permissions().mode() & 0o777 | 0o700;
            let entry = Entry { mode, modified: modified(&meta), kind: Kind::Folder };
            self.entries.entry(remote.into()).or_insert(entry);
        }
        for entry in fs::read_dir(folder).map_err(file_error("reading", folder))? {
            let path = entry.map_err(file_error("reading", folder))?.path();
            let Some(name) = path.file_name() else { continue };
            check_name(&path)?;
            let remote = remote.join(name);
            let meta = fs::symlink_metadata(&path).map_err(file_error("reading", &path))?;
            let kind = meta.file_type();
            if let Some(what) = of_this_machine_alone(&path, kind) {
                self.passed_over.push(format!("{} is not sent: it is {what}", path.display()));
            } else if kind.is_dir() {
                self.walk(root, &path, &remote, mode)?;
            } else if kind.is_symlink() {
                let target = link_target(root, &path)?;
                let entry =
                    Entry { mode: 0o777, modified: modified(&meta), kind: Kind::Link(target) };
                self.insert(&remote, entry)?;
            } else if kind.is_file() {
                self.insert_file(&path, &remote, &meta, mode)?;
            } else {
                return Err(bad(&path, "it is a pipe or a device"));
            }
        }
        Ok(())
    }

    fn insert_file(
        &mut self,
        local: &Path,
        remote: &Path,
        meta: &Metadata,
        mode: Option<u32>,
    ) -> Result<(), SshError> {
        self.count(meta.len())?;
        File::open(local).map_err(file_error("reading", local))?;
        let mode = mode_of(remote, mode.unwrap_or(meta.permissions().mode()) & 0o777);
        let kind = Kind::File { local: local.into(), size: meta.len() };
        self.insert(remote, Entry { mode, modified: modified(meta), kind })
    }

    fn insert(&mut self, path: &Path, entry: Entry) -> Result<(), SshError> {
        // No folder is left to the mask of the far side.
        for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
            let folder = || Entry { mode: 0o755, modified: 0, kind: Kind::Folder };
            self.entries.entry(above.into()).or_insert_with(folder);
        }
        match self.entries.insert(path.into(), entry) {
            None => Ok(()),
            Some(_) => Err(bad(path, "two sources have a file of this name")),
        }
    }

    fn count(&mut self, more: u64) -> Result<(), SshError> {
        self.bytes = self.bytes.saturating_add(more);
        if self.bytes > LIMIT {
            return Err(SshError::TooBig { bytes: self.bytes, limit: LIMIT });
        }
        Ok(())
    }
}

fn mode_of(path: &Path, mode: u32) -> u32 {
    let name = path.file_name().and_then(|name| name.to_str());
    if name.is_some_and(|name| CREDENTIALS.contains(&name)) { CREDENTIAL_MODE } else { mode }
}

fn modified(meta: &Metadata) -> u64 {
    let since = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_secs())
}

/// What a running program put into a folder for itself, where that is no use to anybody else: Emacs
/// locks what it edits with a link `.#FILE` to nowhere (a file where there are no links), git's file
/// monitor listens on a socket. tar and rsync send no sockets either.
fn of_this_machine_alone(path: &Path, kind: fs::FileType) -> Option<&'static str> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if kind.is_socket() {
        return Some("a socket");
    }
    let is_lock = name.starts_with(".#") && (kind.is_symlink() || kind.is_file());
    is_lock.then_some("the lock of an editor that has the file open")
}

/// A link is sent as it is, when it is relative and leads to something in its folder.
fn link_target(root: &Path, link: &Path) -> Result<PathBuf, SshError> {
    let target = fs::read_link(link).map_err(file_error("reading", link))?;
    if target.is_absolute() {
        return Err(bad(link, "it is a link to an absolute path; make it relative"));
    }
    // What `..` leaves on the way may lie elsewhere on the far side, even when it comes back.
    let mut depth = link.strip_prefix(root).map_or(0, |inside| inside.components().count()) - 1;
    for part in target.components() {
        match part {
            Component::ParentDir if depth == 0 => {
                return Err(bad(link, "it is a link out of its folder"));
            }
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
    }
    match fs::canonicalize(link) {
        Ok(real) if real.starts_with(root) => Ok(target),
        Ok(_) => Err(bad(link, "it is a link out of its folder")),
        Err(_) => Err(bad(link, "it is a link to something that does not exist")),
    }
}

/// A path in the bundle: relative, without `..`.
fn check_remote(path: &Path) -> Result<(), SshError> {
    if path.components().any(|part| !matches!(part, Component::Normal(_))) {
        return Err(bad(path, "its path on the far side has to be relative, without `..`"));
    }
    check_name(path)
}

fn check_name(path: &Path) -> Result<(), SshError> {
    match path.to_str() {
        None => Err(bad(path, "its name is not UTF-8")),
        Some(name) if name.chars().any(char::is_control) => {
            Err(bad(path, "its name has a control character"))
        }
        Some(_) => Ok(()),
    }
}

struct Packed {
    spool: SpooledTempFile,
    sha256: String,
}

fn write_tar(list: &List) -> Result<Packed, SshError> {
    let spool = Summing { inner: SpooledTempFile::new(IN_MEMORY), sum: Sha256::new() };
    let mut tar = tar::Builder::new(GzEncoder::new(spool, Compression::default()));
    for (path, entry) in &list.entries {
        append(&mut tar, path, entry)?;
    }
    let whole = Path::new("the bundle");
    let spool =
        tar.into_inner().and_then(GzEncoder::finish).map_err(file_error("packing", whole))?;
    let sha256 = hexadecimal(&spool.sum.finalize());
    Ok(Packed { spool: spool.inner, sha256 })
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|n| DIGITS[usize::from(n)]).collect()
}

fn append<W: Write>(tar: &mut tar::Builder<W>, path: &Path, entry: &Entry) -> Result<(), SshError> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_mtime(entry.modified);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    let packed = match &entry.kind {
        Kind::Folder => {
            header.set_entry_type(tar::EntryType::Directory);
            tar.append_data(&mut header, path, io::empty())
        }
        Kind::Link(target) => {
            header.set_entry_type(tar::EntryType::Symlink);
            tar.append_link(&mut header, path, target)
        }
        Kind::Bytes(content) => {
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, path, content.as_ref())
        }
        Kind::File { local, size } => {
            header.set_size(*size);
            let file = File::open(local).map_err(file_error("reading", local))?;
            // A log that grows meanwhile is sent as long as it was.
            let mut content = file.take(*size);
            tar.append_data(&mut header, path, &mut content)
                .map_err(file_error("packing", local))?;
            if content.limit() > 0 {
                return Err(bad(local, "it became shorter while it was read"));
            }
            Ok(())
        }
    };
    packed.map_err(file_error("packing", path))
}

/// Sums up what is written through it.
struct Summing<W> {
    inner: W,
    sum: Sha256,
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn bad(path: &Path, why: &str) -> SshError {
    SshError::BadPath { path: path.into(), why: why.into() }
}

fn file_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SshError {
    let path = path.to_owned();
    move |source| SshError::File { operation, path, source }
}

#[cfg(test)]
mod tests;
