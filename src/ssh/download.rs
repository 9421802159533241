//! Bringing files from the far side: what is there is listed with its checksums first, then what is
//! missing here comes as one compressed archive. What is made of it is another's (`unpack`).

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::command::quote;
use super::unpack::Listing;
use super::{ExitStatus, Pipe, RemoteCommand, Session, SshError};

/// Reading all files once, for their checksums: a disk of 100 GiB takes half an hour.
const LIST: Duration = Duration::from_hours(1);
/// The most that the list may be, in bytes: a quarter of a million files.
const LONGEST_LIST: u64 = 32 << 20;
/// Exit status of [`list_script`] for a path that is not there (sysexits(3) `EX_NOINPUT`).
const MISSING: u32 = 66;

impl Session {
    /// The files at these paths of the far side, and in the folders among them; links are not followed.
    /// What cannot be read is among the odd lines of the list.
    pub async fn list_files(&self, paths: &[String]) -> Result<Listing, SshError> {
        let mut listing = Listing::default();
        let mut last = None;
        let script = RemoteCommand::new(list_script(paths)).limit(LIST).most(LONGEST_LIST);
        let exit = self
            .exec(&script, |pipe, line| match pipe {
                Pipe::Out => listing.push(line),
                Pipe::Err => {
                    last = Some(line.to_owned());
                    listing.odd.push(line.to_owned());
                }
            })
            .await?;
        // That some cannot be read is no reason not to bring the others.
        let is_told = exit.is_success() || !listing.odd.is_empty();
        if exit == ExitStatus::Code(MISSING) || !is_told {
            return Err(SshError::RemoteExit {
                command: "listing files".to_owned(),
                target: self.target.clone(),
                exit,
                last: last.into_iter().collect(),
            });
        }
        Ok(listing)
    }

    /// Sends the files of a list as a `tar.gz` to who reads; ends early, and well, where nobody does
    /// any more.
    pub async fn fetch(&self, listing: &Listing, out: mpsc::Sender<Bytes>) -> Result<(), SshError> {
        // POSIX sh with tar and gzip, for Ubuntu and busybox alike. The names go in on standard
        // input: they may be more than a command line takes, and then more archives than one come,
        // one after the other. Whether all came is seen by their checksums.
        let pack = "export LC_ALL=C; tr '\\012' '\\000' | xargs -0 tar -cf - | gzip -1";
        let command = RemoteCommand::new(pack);
        self.stream(&command.stdin(listing.paths()), out).await
    }
}

/// What lists the files; on one line, for csh has no lines in words.
fn list_script(paths: &[String]) -> String {
    // A name that begins with a dash is no option.
    let named = |path: &String| {
        quote(&if path.starts_with('-') { format!("./{path}") } else { path.clone() })
    };
    let paths = paths.iter().map(named).collect::<Vec<_>>().join(" ");
    format!(
        r#"export LC_ALL=C; for p in {paths}; do [ -e "$p" ] || {{ printf "%s\n" "$p: there is no such file" >&2; exit {MISSING}; }}; done; find {paths} -type f -exec sha256sum {{}} +"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_words_whatever_is_in_them() {
        let script = list_script(&["/var/log".into(), "a b; rm -rf /".into(), "-delete".into()]);
        assert!(
            script.ends_with(
                "find '/var/log' 'a b; rm -rf /' './-delete' -type f -exec sha256sum {} +"
            )
        );
        assert!(!script.contains('\n'));
    }
}
