//! Reads files from the disk, and those that they include, in their places.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::location::Location;
use super::parse::{File, Included, Kind, Scope, Statement, criteria, split_line};
use super::pattern::Pattern;
use super::tokens::{Tokens, expand_tilde, is_known_early};
use crate::files::{MOST, read_bounded};
use crate::ssh::SshError;

/// As in OpenSSH's `readconf.c`.
const DEPTH: usize = 16;
/// Where relative paths of the system's file lie.
const SYSTEM_FOLDER: &str = "/etc/ssh";

/// Reads files of one user.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    home: PathBuf,
}

impl Reader {
    pub(super) fn new(home: &Path) -> Self {
        Self { home: home.into() }
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// A file that the user named: it has to exist, and may be anybody's.
    pub(super) fn named(&self, path: &Path) -> Result<File, SshError> {
        let text = read(path).map_err(|error| unreadable(path, error))?;
        self.parse(path, &text, Scope::User, 0)
    }

    /// The user's usual file, if it is there.
    pub(super) fn usual(&self, path: &Path) -> Result<Option<File>, SshError> {
        self.if_there(path, Scope::User, true)
    }

    /// The system's file, if it is there.
    pub(super) fn system(&self, path: &Path) -> Result<Option<File>, SshError> {
        self.if_there(path, Scope::System, false)
    }

    fn if_there(&self, path: &Path, scope: Scope, checked: bool) -> Result<Option<File>, SshError> {
        let text = match read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(path, error)),
        };
        if checked {
            check_permissions(path)?;
        }
        self.parse(path, &text, scope, 0).map(Some)
    }

    fn parse(&self, path: &Path, text: &str, scope: Scope, depth: usize) -> Result<File, SshError> {
        let mut statements = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let at = Location { file: path.into(), line: index + 1 };
            let Some((keyword, words)) = split_line(&at, line)? else { continue };
            let what = match keyword.as_str() {
                "host" => Kind::Host(words.iter().map(|word| Pattern::parse(word)).collect()),
                "match" => Kind::Match(criteria(&at, &words)?),
                "include" => Kind::Include(self.include(&at, &words, scope, depth)?),
                _ if !is_word(&keyword) => return Err(at.error(no_word(&keyword))),
                _ => Kind::Setting { keyword, arguments: words },
            };
            statements.push(Statement { at, what });
        }
        Ok(File { statements })
    }

    fn include(
        &self,
        at: &Location,
        patterns: &[String],
        scope: Scope,
        depth: usize,
    ) -> Result<Vec<Included>, SshError> {
        let mut included = Vec::new();
        for pattern in patterns {
            if is_known_early(pattern) {
                let path = Tokens::early(&self.home).expand(at, pattern)?;
                let files = self.files(at, &path, scope, depth + 1)?;
                included.extend(files.into_iter().map(Included::File));
            } else {
                included.push(Included::Later { path: pattern.clone(), scope });
            }
        }
        Ok(included)
    }

    /// The files that a pattern names, by name. What matches nothing is no error, as in OpenSSH.
    /// Relative paths lie in `~/.ssh`, those of the system's file in `/etc/ssh`.
    pub(super) fn files(
        &self,
        at: &Location,
        pattern: &str,
        scope: Scope,
        depth: usize,
    ) -> Result<Vec<File>, SshError> {
        if depth > DEPTH {
            return Err(at.error("too many files include each other"));
        }
        let path = match scope {
            Scope::User => self.home.join(".ssh").join(expand_tilde(pattern, &self.home)),
            Scope::System if pattern.starts_with('~') => {
                return Err(at.error("a system's file may not include a user's"));
            }
            Scope::System => Path::new(SYSTEM_FOLDER).join(pattern),
        };
        let mut files = Vec::new();
        for path in matching(at, &path)? {
            match read(&path) {
                Ok(text) => {
                    check_permissions(&path)?;
                    files.push(self.parse(&path, &text, scope, depth)?);
                }
                // A link to nowhere.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(at.error(format!("{} cannot be read: {error}", path.display())));
                }
            }
        }
        Ok(files)
    }
}

/// Options are letters and digits.
fn is_word(keyword: &str) -> bool {
    keyword.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// What an editor or a web page put before an option. `ssh` refuses the file; without its first
/// `Host`, what stands below would hold for all.
fn no_word(keyword: &str) -> String {
    match keyword.chars().find(|c| !c.is_ascii_alphanumeric()) {
        Some('\u{feff}') => "the file begins with a byte order mark: save it without one".into(),
        Some('\u{a0}') => "a no-break space stands where a blank is meant".into(),
        _ => format!("`{}` is no option of ssh_config(5)", keyword.escape_debug()),
    }
}

fn read(path: &Path) -> io::Result<String> {
    read_bounded(path, MOST).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn unreadable(path: &Path, source: io::Error) -> SshError {
    SshError::File { operation: "reading", path: path.into(), source }
}

/// `ssh` follows no file that somebody else could have written (readconf.c, SSHCONF_CHECKPERM).
fn check_permissions(path: &Path) -> Result<(), SshError> {
    let found = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    let me = rustix::process::getuid().as_raw();
    if (found.uid() == 0 || found.uid() == me) && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(SshError::ConfigTooOpen { path: path.into(), mode: found.mode() & 0o7777 })
}

/// As glob(7) has it: by name, and a dot in front is matched by a dot alone.
fn matching(at: &Location, pattern: &Path) -> Result<Vec<PathBuf>, SshError> {
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    // `**` is no more than `*` to glob(7).
    let pattern = pattern.to_string_lossy().replace("**", "*");
    let found = glob::glob_with(&pattern, options)
        .map_err(|error| at.error(format!("`{pattern}` is no pattern of files: {error}")))?;
    // What lies in a folder that cannot be read is not found, as for a shell.
    Ok(found.filter_map(Result::ok).filter(|path| !path.is_dir()).collect())
}
