//! What was unpacked on a host: paths, modes and contents, in memory.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use flate2::read::GzDecoder;

/// What fits on a host's disk, unpacked. An archive that claims more is not believed.
const DISK: u64 = 512 << 20;

/// One thing in the file system of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOnHost {
    /// Its permission bits.
    pub mode: u32,
    /// What it is.
    pub kind: Kind,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file with this content.
    File(Bytes),
    /// A symbolic link to this path.
    Link(PathBuf),
}

/// The content of one archive, by path in it. Never changed: hosts share it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tree(BTreeMap<PathBuf, FileOnHost>);

/// Why an archive was not unpacked.
#[derive(Debug)]
pub(super) enum Trouble {
    NoSpace,
    Broken(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl Tree {
    /// Unpacks a `tar.gz` as `tar -xzp` does.
    pub(super) fn unpack(archive: &[u8]) -> Result<Self, Trouble> {
        let mut room = DISK;
        let mut tree = BTreeMap::new();
        for entry in tar::Archive::new(GzDecoder::new(archive)).entries()? {
            let mut entry = entry?;
            let path = inside(&entry.path()?)?;
            let mode = entry.header().mode()? & 0o7777;
            let kind = match entry.header().entry_type() {
                tar::EntryType::Directory => Kind::Folder,
                tar::EntryType::Symlink => {
                    let target = entry.link_name()?.unwrap_or_default();
                    Kind::Link(target.into_owned())
                }
                _ => {
                    room = room.checked_sub(entry.size()).ok_or(Trouble::NoSpace)?;
                    let mut content = Vec::new();
                    entry.read_to_end(&mut content)?;
                    Kind::File(content.into())
                }
            };
            tree.insert(path, FileOnHost { mode, kind });
        }
        Ok(Self(tree))
    }

    /// These files.
    pub(super) fn of(files: impl IntoIterator<Item = (PathBuf, u32, Bytes)>) -> Self {
        let files = files.into_iter();
        let file = |mode, content| FileOnHost { mode, kind: Kind::File(content) };
        Self(files.map(|(path, mode, content)| (path, file(mode, content))).collect())
    }

    /// Everything in it, by path.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Path, &FileOnHost)> {
        self.0.iter().map(|(path, file)| (path.as_path(), file))
    }

    /// A file's content; `None` where there is no file.
    pub(super) fn content(&self, path: impl AsRef<Path>) -> Option<&Bytes> {
        match &self.0.get(path.as_ref())?.kind {
            Kind::File(content) => Some(content),
            _ => None,
        }
    }

    /// Whether there is a file with something in it.
    pub(super) fn has_content(&self, path: impl AsRef<Path>) -> bool {
        self.content(path).is_some_and(|content| !content.is_empty())
    }

    /// Whether there is a file that its owner may run.
    pub(super) fn is_executable(&self, path: &Path) -> bool {
        self.0
            .get(path)
            .is_some_and(|file| matches!(file.kind, Kind::File(_)) && file.mode & 0o100 != 0)
    }
}

/// A path that stays below the folder it is unpacked into.
fn inside(path: &Path) -> io::Result<PathBuf> {
    let plain = |part: &Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !path.components().all(|part| plain(&part)) {
        return Err(io::Error::other(format!("{} leads out", path.display())));
    }
    Ok(path.components().filter(|part| matches!(part, Component::Normal(_))).collect())
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn archive(size: u64, path: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        tar.append(&header, &b"content"[..]).unwrap();
        tar.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn a_file_comes_out_as_it_went_in() {
        let tree = Tree::unpack(&archive(7, b"./a/b")).unwrap();
        assert_eq!(tree.content("a/b").unwrap().as_ref(), b"content");
        assert!(tree.has_content("a/b") && !tree.is_executable(Path::new("a/b")));
    }

    #[test]
    fn what_leads_out_or_claims_too_much_is_refused() {
        assert!(matches!(Tree::unpack(&archive(7, b"../a")), Err(Trouble::Broken(_))));
        assert!(matches!(Tree::unpack(&archive(7, b"/a")), Err(Trouble::Broken(_))));
        assert!(matches!(Tree::unpack(&archive(1 << 40, b"a")), Err(Trouble::NoSpace)));
        assert!(matches!(Tree::unpack(b"no archive"), Err(Trouble::Broken(_))));
    }
}
