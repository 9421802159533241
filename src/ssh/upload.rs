//! Sending a bundle: one stream into one command of the far side, which verifies before it
//! unpacks.

use std::time::Duration;

use tokio::time::timeout;

use super::error::Operation;
use super::exec::Writer;
use super::lines::Output;
use super::{Bundle, Exit, Session, SshError};
use crate::fleet::Transfer;

/// Bytes handed over at a time: big enough to keep a channel busy, small enough for a percentage.
const CHUNK: usize = 256 * 1024;
/// No byte for so long is a cut, whatever the connection says.
const STALL: Duration = Duration::from_mins(1);
/// Summing up and unpacking, after the last byte was sent.
const UNPACK: Duration = Duration::from_mins(5);

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
        let mut said = Vec::new();
        let mut output = Output::default();
        let script = script(folder, bundle.sha256());
        let running = self.start(Operation::Upload, &script).await?;
        let feed = self.send_all(bundle, running.writer.clone(), &mut on_progress);
        let exit = self
            .converse(running, feed, |pipe, bytes| {
                output.push(pipe, bytes, |_, line| said.push(line.to_owned()));
            })
            .await?;
        output.finish(|_, line| said.push(line.to_owned()));
        let target = self.target.clone();
        match exit {
            Exit::Code(0) => {
                on_progress(Transfer { sent: total, total });
                Ok(())
            }
            Exit::Code(status::DISK_FULL) => Err(SshError::DiskFull {
                target,
                path: folder.to_owned(),
                bytes: bundle.size() + bundle.bytes(),
            }),
            Exit::Code(status::CHECKSUM) => Err(SshError::ChecksumMismatch { target }),
            exit => Err(SshError::RemoteExit {
                command: format!("unpacking into {folder}"),
                target,
                exit,
                last: said,
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

/// What runs over there; POSIX sh with tar, gzip and sha256sum, for Ubuntu and busybox alike.
///
/// busybox's tar masks the modes whatever `-p` says; no folder in a bundle is left to the mask.
///
/// A folder that somebody else made, or a link in its place, is refused: in `/tmp` others could
/// read or swap what is unpacked.
fn script(folder: &str, sha256: &str) -> String {
    format!(
        r#"umask 077; export LC_ALL=C; d={folder}; a="$d/.bundle.tar.gz"
end() {{
  rm -f "$a"; printf '%s\n' "$2" >&2
  case $2 in *"No space left"* | *"File too large"* | *"quota exceeded"*) exit 28 ;; esac
  exit "$1"
}}
if [ -e "$d" ] || [ -L "$d" ]; then
  {{ [ ! -L "$d" ] && [ -d "$d" ] && [ -O "$d" ]; }} || end 73 "$d belongs to somebody else"
  rm -rf "$d" || end 73 "$d cannot be emptied"
fi
e=$(mkdir -p "$d" 2>&1 && chmod 700 "$d" 2>&1) || end 73 "$e"
e=$(cat 2>&1 >"$a") || end 74 "$e"
s=$(sha256sum <"$a") || end 69 "sha256sum is missing"
[ "${{s%% *}}" = {sha256} ] || end 65 "checksum"
e=$(umask 0; tar -xzpf "$a" -C "$d" 2>&1) || end 66 "$e"
rm -f "$a""#
    )
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
