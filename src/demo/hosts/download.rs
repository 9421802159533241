//! What `pull` asks of a host: the checksums of files, and then those files as an archive. It answers in the
//! shapes of sha256sum(1) and tar(1), to whose real ones the stories of `pull` hold the same client.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::files::Kind;
use super::host::Host;
use super::process::{End, Output, Stdin};
use super::root::{Root, home};
use crate::fleet::text::hexadecimal;

/// What packs the files whose names come in.
const PACK: &str = "export LC_ALL=C; tr '\\012' '\\000' | xargs -0 tar -cf - | gzip -1";
/// How the script begins that lists files, and how it ends.
const LIST: [&str; 2] = ["export LC_ALL=C; for p in ", " -type f -exec sha256sum {} +"];
/// Exit status of that script for a path that is not there.
const MISSING: u32 = 66;
/// The most that is read of a list of names.
const LONGEST: usize = 32 << 20;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Download {
    /// The checksums of the files at these paths, and below them.
    List(Vec<String>),
    /// An archive of the files whose names come in.
    Pack,
}

/// Reads such a command; `words` cuts a line as a shell does.
pub(super) fn parse(line: &str, words: impl Fn(&str) -> Option<Vec<String>>) -> Option<Download> {
    if line == PACK {
        return Some(Download::Pack);
    }
    let [begin, end] = LIST;
    let (_, paths) = line.strip_prefix(begin)?.strip_suffix(end)?.rsplit_once("; find ")?;
    words(paths).map(Download::List)
}

/// Does it.
pub(super) async fn run(
    host: &Host,
    user: &str,
    download: &Download,
    stdin: Stdin,
    output: &Output,
) -> End {
    let files = Files::of(host, user);
    match download {
        Download::List(paths) => files.list(paths, output).await,
        Download::Pack => files.pack(stdin, output).await,
    }
}

/// The files of a host, as one user finds them.
struct Files<'a> {
    root: Root<'a>,
    user: &'a str,
    uploaded: BTreeMap<PathBuf, Bytes>,
}

impl<'a> Files<'a> {
    fn of(host: &'a Host, user: &'a str) -> Self {
        let uploaded =
            host.machine.files().into_iter().filter_map(|(path, file)| match file.kind {
                Kind::File(content) => Some((path, content)),
                Kind::Folder | Kind::Link(_) => None,
            });
        Self { root: Root::of(host), user, uploaded: uploaded.collect() }
    }

    /// Where a name leads: relative ones begin at home.
    fn path(&self, name: &str) -> PathBuf {
        home(self.user).join(name)
    }

    /// A file's content, or what is complained of.
    fn content(&self, path: &Path) -> Result<Bytes, String> {
        let lines = self.root.cat(self.user, path)?;
        let text = || lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>();
        Ok(self.uploaded.get(path).cloned().unwrap_or_else(|| text().into()))
    }

    async fn list(&self, names: &[String], output: &Output) -> End {
        let is_there = |name: &&String| {
            let path = self.path(name);
            self.root.is_folder(&path) || !self.root.below(&path).is_empty()
        };
        if let Some(missing) = names.iter().find(|name| !is_there(name)) {
            output.complain(&format!("{missing}: there is no such file")).await;
            return End::Exit(MISSING);
        }
        let mut code = 0;
        for name in names {
            let start = self.path(name);
            for path in self.root.below(&start) {
                let rest = path.strip_prefix(&start).unwrap_or(path);
                // As `find` says it: what it was called with, and what is below that.
                let rest = rest.display().to_string();
                let told = match (rest.as_str(), name.trim_end_matches('/')) {
                    ("", _) => name.clone(),
                    (rest, name) => format!("{name}/{rest}"),
                };
                match self.content(path) {
                    Ok(content) => {
                        let sum = hexadecimal(&Sha256::digest(&content));
                        output.line(&format!("{sum}  {told}")).await;
                    }
                    Err(why) => {
                        code = 1;
                        let why = why.rsplit(": ").next().unwrap_or_default().to_owned();
                        output.complain(&format!("sha256sum: {told}: {why}")).await;
                    }
                }
            }
        }
        End::Exit(code)
    }

    async fn pack(&self, mut stdin: Stdin, output: &Output) -> End {
        let mut names = Vec::new();
        while let Some(piece) = stdin.read().await {
            names.extend_from_slice(&piece);
            if names.len() > LONGEST {
                return End::Exit(1);
            }
        }
        let names = String::from_utf8_lossy(&names).into_owned();
        match self.archive(names.lines()) {
            Ok(archive) => {
                output.bytes(archive.into()).await;
                End::Exit(0)
            }
            Err(error) => {
                output.complain(&format!("tar: {error}")).await;
                End::Exit(2)
            }
        }
    }

    /// As GNU tar makes it: without the slash that names begin with. What is gone meanwhile is left out.
    fn archive<'n>(&self, names: impl Iterator<Item = &'n str>) -> io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for name in names {
            let Ok(content) = self.content(&self.path(name)) else { continue };
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name.trim_start_matches('/'), content.as_ref())?;
        }
        tar.into_inner()?.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pull_sends_is_read() {
        let words = |line: &str| Some(line.split(',').map(str::to_owned).collect());
        assert_eq!(parse(PACK, words), Some(Download::Pack));
        let list = "export LC_ALL=C; for p in /var/log,a; do exit 66; done; find /var/log,a -type f \
                    -exec sha256sum {} +";
        let paths = ["/var/log", "a"].map(str::to_owned).to_vec();
        assert_eq!(parse(list, words), Some(Download::List(paths)));
        assert_eq!(parse("export LC_ALL=C; reboot", words), None);
    }
}
