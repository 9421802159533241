//! Sending a bundle: one stream into one command of the far side, which verifies before it
//! unpacks and says what it unpacked. That word alone counts: a `ForceCommand` ends with success,
//! too.

use std::time::Duration;

use tokio::time::timeout;

use super::command::LONGEST_ANSWER;
use super::error::Operation;
use super::exec::Writer;
use super::lines::Output;
use super::{Bundle, ExitStatus, LastLines, Pipe, RemoteCommand, Session, SshError};
use crate::fleet::Transfer;

/// Bytes handed over at a time: big enough to keep a channel busy, small enough for a percentage.
const CHUNK: usize = 256 * 1024;
/// No byte for so long is a cut, whatever the connection says.
const STALL: Duration = Duration::from_mins(1);
/// Summing up and unpacking, after the last byte was sent.
const UNPACK: Duration = Duration::from_mins(5);

/// With what the far side says what it unpacked.
const UNPACKED: &str = "unpacked ";

/// Exit statuses of [`script`].
mod status {
    /// Errno `ENOSPC`.
    pub(super) const DISK_FULL: u32 = 28;
    /// sysexits(3) `EX_DATAERR`.
    pub(super) const CHECKSUM: u32 = 65;
}

impl Session {
    /// Sends the bundle and unpacks it into `folder` of the far side, which is emptied first and
    /// belongs to the user who is logged in, with mode 0700.
    ///
    /// `folder` is a path of letters, digits, `.`, `_`, `-` and `/`, absolute or from the home
    /// folder. `on_progress` counts the bytes that the far side's window took; it reaches the
    /// total only when the bundle was verified and unpacked.
    pub async fn upload(
        &self,
        bundle: &Bundle,
        folder: &str,
        mut on_progress: impl FnMut(Transfer),
    ) -> Result<(), SshError> {
        check_folder(folder)?;
        let total = bundle.size();
        on_progress(Transfer { sent: 0, total });
        let done = format!("{UNPACKED}{}", bundle.sha256());
        let (mut said, mut is_done) = (LastLines::default(), false);
        let mut tell = |pipe, line: &str| {
            is_done |= pipe == Pipe::Out && line == done;
            said.push(line);
        };
        let mut output = Output::default();
        let script = RemoteCommand::new(script(folder, bundle.sha256())).most(LONGEST_ANSWER);
        let running = self.start(Operation::Upload, &script).await?;
        let feed = self.send_all(bundle, running.writer.clone(), &mut on_progress);
        let exit =
            self.converse(running, feed, |pipe, bytes| output.push(pipe, bytes, &mut tell)).await?;
        output.finish(tell);
        let target = self.target.clone();
        match exit {
            ExitStatus::Code(0) if is_done => {
                on_progress(Transfer { sent: total, total });
                Ok(())
            }
            ExitStatus::Code(0) => {
                Err(SshError::NotRun { target, said: said.iter().map(str::to_owned).collect() })
            }
            ExitStatus::Code(status::DISK_FULL) => Err(SshError::DiskFull {
                target,
                path: folder.to_owned(),
                bytes: bundle.size() + bundle.bytes(),
            }),
            ExitStatus::Code(status::CHECKSUM) => Err(SshError::ChecksumMismatch { target }),
            exit => Err(SshError::RemoteExit {
                command: format!("unpacking into {folder}"),
                target,
                exit,
                last: said.iter().map(str::to_owned).collect(),
            }),
        }
    }

    async fn send_all(
        &self,
        bundle: &Bundle,
        writer: Writer,
        on_progress: &mut impl FnMut(Transfer),
    ) -> Result<(), SshError> {
        let total = bundle.size();
        let mut sent = 0;
        while sent < total {
            let chunk = bundle.chunk(sent, CHUNK).await.map_err(|source| SshError::File {
                operation: "reading",
                path: "the bundle".into(),
                source,
            })?;
            let length = chunk.len() as u64;
            match timeout(STALL, writer.send(chunk)).await {
                Ok(true) => sent += length,
                // The reader is about to know why.
                Ok(false) => return Ok(()),
                Err(_) => return Err(self.stalled("no byte moved", STALL)),
            }
            if sent < total {
                on_progress(Transfer { sent, total });
            }
        }
        writer.finish().await;
        tokio::time::sleep(UNPACK).await;
        Err(self.stalled("the bundle was not unpacked", UNPACK))
    }

    fn stalled(&self, what: &str, after: Duration) -> SshError {
        SshError::Cut {
            operation: Operation::Upload,
            target: self.target.clone(),
            reason: format!("{what} for {} s", after.as_secs()),
        }
    }
}

/// What runs over there; POSIX sh with tar, gzip and sha256sum, for Ubuntu and busybox alike, on
/// one line, for csh has no lines in words.
///
/// busybox's tar masks the modes whatever `-p` says; no folder in a bundle is left to the mask.
///
/// Where a connection was cut, the command of the attempt before may still be at work: its archive
/// has a name of its own, and the folder that it unpacks into is out of the way.
///
/// A folder that somebody else made, or a link in its place, is refused: in `/tmp` others could
/// read or swap what is unpacked.
fn script(folder: &str, sha256: &str) -> String {
    let script = format!(
        r#"umask 077; export LC_ALL=C; d={folder}; a="$d/.bundle.$$.tar.gz";
fail() {{
  rm -f "$a"; printf "%s\n" "$2" >&2;
  case $2 in *"No space left"* | *"File too large"* | *"quota exceeded"*) exit 28 ;; esac;
  exit "$1";
}};
if [ -e "$d" ] || [ -L "$d" ]; then
  {{ [ ! -L "$d" ] && [ -d "$d" ] && [ -O "$d" ]; }} || fail 73 "$d belongs to somebody else";
  mv "$d" "$d.$$" || fail 73 "$d cannot be emptied"; rm -rf "$d.$$";
fi;
e=$(mkdir -p "$d" 2>&1 && chmod 700 "$d" 2>&1) || fail 73 "$e";
e=$(cat 2>&1 >"$a") || fail 74 "$e";
s=$(sha256sum 2>&1 <"$a") || fail 69 "$s";
[ "${{s%% *}}" = {sha256} ] || fail 65 "checksum";
e=$(umask 0; tar -xzpf "$a" -C "$d" 2>&1) || fail 66 "$e";
rm -f "$a"; echo "{UNPACKED}{sha256}""#
    );
    script.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// The folder goes into a command line and is emptied: nothing but a plain path of at least two
/// parts, or one below the home folder.
fn check_folder(folder: &str) -> Result<(), SshError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let mut parts = folder.split('/').filter(|part| !part.is_empty());
    let depth = parts.clone().count();
    let fine = folder.chars().all(plain)
        && !folder.starts_with('-')
        && parts.all(|part| part != "." && part != "..")
        && depth >= if folder.starts_with('/') { 2 } else { 1 };
    if fine {
        return Ok(());
    }
    Err(SshError::BadPath {
        path: folder.into(),
        why: "the folder on the far side has to be a plain path, not a top folder".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_folders_are_emptied() {
        for fine in ["/tmp/spot-tui", "/opt/a/b_c.d", ".spot-tui/stage", "stage"] {
            assert!(check_folder(fine).is_ok(), "{fine}");
        }
        for bad in ["/", "/tmp", "", "//tmp/", "/tmp/../etc", "/tmp/$(id)", "a b", "-rf", "."] {
            assert!(check_folder(bad).is_err(), "{bad}");
        }
    }
}
