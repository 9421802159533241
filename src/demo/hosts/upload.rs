//! The upload: a script that reads a `tar.gz`, verifies it and unpacks it. It is known word by
//! word, and done here as it would be done there, with its exit statuses.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::deployment::STAGING;
use super::files::{Tree, Trouble};
use super::host::Host;
use super::lock::lock;
use super::machine::Arrived;
use super::process::{End, Output, Stdin};
use super::{HostFault, Hosts};
use crate::fleet::text::hexadecimal;

/// The script, with its holes, as `src/ssh/upload.rs` writes it; there it is one line.
const SCRIPT: &str = r#"umask 077; export LC_ALL=C; d={folder}; a="$d/.bundle.$$.tar.gz";
fail() {
  rm -f "$a"; printf "%s\n" "$2" >&2;
  case $2 in *"No space left"* | *"File too large"* | *"quota exceeded"*) exit 28 ;; esac;
  exit "$1";
};
if [ -e "$d" ] || [ -L "$d" ]; then
  { [ ! -L "$d" ] && [ -d "$d" ] && [ -O "$d" ]; } || fail 73 "$d belongs to somebody else";
  mv "$d" "$d.$$" || fail 73 "$d cannot be emptied"; rm -rf "$d.$$";
fi;
e=$(mkdir -p "$d" 2>&1 && chmod 700 "$d" 2>&1) || fail 73 "$e";
e=$(cat 2>&1 >"$a") || fail 74 "$e";
s=$(sha256sum 2>&1 <"$a") || fail 69 "$s";
[ "${s%% *}" = {sha256} ] || fail 65 "checksum";
e=$(umask 0; tar -xzpf "$a" -C "$d" 2>&1) || fail 66 "$e";
rm -f "$a"; echo "unpacked {sha256}""#;

/// Its exit statuses.
mod status {
    pub(super) const DISK_FULL: u32 = 28;
    pub(super) const CHECKSUM: u32 = 65;
    pub(super) const UNPACK: u32 = 66;
}

/// Bytes in a second that a host takes.
const BANDWIDTH: u64 = 1 << 20;
/// Bytes in a second that it unpacks, at least a quarter of a second long.
const UNPACKING: u64 = 32 << 20;
/// Free bytes on a disk that is full.
const LAST_FREE: u64 = 32 * 1024;

/// What the script is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upload {
    folder: PathBuf,
    sha256: String,
}

/// Reads the script; `None` for anything else.
pub(super) fn parse(script: &str) -> Option<Upload> {
    let (_, rest) = script.split_once(" d=")?;
    let (folder, _) = rest.split_once(';')?;
    let sha256 = script.strip_suffix('"')?.rsplit(' ').next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let fine = script == written(folder, sha256)
        && folder.starts_with('/')
        && folder.chars().all(plain)
        && sha256.len() == 64;
    fine.then(|| Upload { folder: folder.into(), sha256: sha256.into() })
}

fn written(folder: &str, sha256: &str) -> String {
    let script = SCRIPT.replace("{folder}", folder).replace("{sha256}", sha256);
    script.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Takes a bundle in.
pub(super) async fn run(host: &Host, upload: &Upload, stdin: Stdin, output: &Output) -> End {
    host.machine.stage(None);
    let taken = match take(host, stdin).await {
        Ok(archive) => keep(host, upload, archive).await,
        Err(stopped) => Err(stopped),
    };
    match taken {
        Ok(()) => {
            output.line(&format!("unpacked {}", upload.sha256)).await;
            End::Exit(0)
        }
        Err(Stopped::Cut) => {
            host.cut.cancel();
            End::Gone
        }
        Err(Stopped::Failed(code, words)) => {
            output.complain(&words).await;
            End::Exit(code)
        }
    }
}

/// Takes the sensor's identity in, where a bundle was before it.
pub(super) async fn take_identity(host: &Host, mut stdin: Stdin) -> End {
    host.machine.note_arrival(host.hosts.now(), Arrived::File);
    while stdin.read().await.is_some() {}
    let there = host.machine.is_staged(Path::new(STAGING));
    if there {
        host.machine.record(|deployment| deployment.has_identity = true);
    }
    End::Exit(u32::from(!there))
}

/// Why an upload did not come to its end.
enum Stopped {
    Cut,
    Failed(u32, String),
}

impl Stopped {
    fn no_space(program: &str) -> Self {
        Self::Failed(status::DISK_FULL, format!("{program}: write error: No space left on device"))
    }
}

/// Reads to the end of the input, as fast as the network would bring it.
async fn take(host: &Host, mut stdin: Stdin) -> Result<Vec<u8>, Stopped> {
    let cut_at = cut_at(host);
    let full = host.suffers(&HostFault::DiskFull);
    let mut archive = Vec::new();
    while let Some(bytes) = stdin.read().await {
        if archive.is_empty() {
            host.machine.note_arrival(host.hosts.now(), Arrived::Upload);
        }
        host.hosts.pause(time_for(bytes.len(), BANDWIDTH)).await;
        archive.extend_from_slice(&bytes);
        let length = archive.len() as u64;
        if cut_at.is_some_and(|(at, times)| length >= at && host.machine.cut_upload(times)) {
            return Err(Stopped::Cut);
        }
        if full && length > LAST_FREE {
            return Err(Stopped::no_space("cat"));
        }
    }
    Ok(archive)
}

fn cut_at(host: &Host) -> Option<(u64, u32)> {
    host.state.faults.iter().find_map(|fault| match fault {
        HostFault::CutUpload { at, times } => Some((*at, *times)),
        _ => None,
    })
}

/// Verifies and unpacks.
async fn keep(host: &Host, upload: &Upload, archive: Vec<u8>) -> Result<(), Stopped> {
    let sum = hexadecimal(&Sha256::digest(&archive));
    if sum != upload.sha256 {
        return Err(Stopped::Failed(status::CHECKSUM, "checksum".into()));
    }
    let time = time_for(archive.len(), UNPACKING) + Duration::from_millis(250);
    host.hosts.pause(time).await;
    if host.suffers(&HostFault::DiskFull) {
        return Err(Stopped::no_space("tar"));
    }
    match host.hosts.bundle(&sum, archive).await {
        Ok(tree) => {
            host.machine.stage(Some((upload.folder.clone(), tree)));
            Ok(())
        }
        Err(Trouble::NoSpace) => Err(Stopped::no_space("tar")),
        Err(Trouble::Broken(error)) => {
            Err(Stopped::Failed(status::UNPACK, format!("tar: {error}")))
        }
    }
}

impl Hosts {
    /// The content of an archive; hosts that were sent the same one share it.
    async fn bundle(&self, sha256: &str, archive: Vec<u8>) -> Result<Arc<Tree>, Trouble> {
        let known = lock(&self.shared.bundles).get(sha256).and_then(std::sync::Weak::upgrade);
        if let Some(tree) = known {
            return Ok(tree);
        }
        let unpacked = tokio::task::spawn_blocking(move || Tree::unpack(&archive)).await;
        let tree = Arc::new(unpacked.map_err(std::io::Error::other)??);
        let mut bundles = lock(&self.shared.bundles);
        bundles.retain(|_, tree| tree.strong_count() > 0);
        bundles.insert(sha256.to_owned(), Arc::downgrade(&tree));
        Ok(tree)
    }
}

fn time_for(bytes: usize, in_a_second: u64) -> Duration {
    Duration::from_micros(bytes as u64 * 1_000_000 / in_a_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_known_word_by_word() {
        let sum = "a".repeat(64);
        let script = written("/tmp/x", &sum);
        assert_eq!(parse(&script).unwrap(), Upload { folder: "/tmp/x".into(), sha256: sum });
        for other in [
            script.replace("chmod 700", "chmod 755"),
            script.replace("/tmp/x", "$(id)"),
            script.replace("exit 28", "exit 0"),
            format!("{script}; id"),
            format!("{script}\n"),
            String::new(),
        ] {
            assert_eq!(parse(&other), None, "{other}");
        }
    }
}
