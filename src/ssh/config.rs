//! Reads `ssh_config(5)` files into rules, in order, each with its file and line.
//!
//! Only reads: nothing that such a file names is ever run. What a rule means for a host is
//! [`super::route`]'s business. Own code, because the parsers on crates.io (ssh2-config,
//! russh-config) let the settings of a `Match` block leak into the `Host` block above it and keep
//! no line numbers, and a refusal has to name the line.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SshError;

/// As in OpenSSH's `readconf.c`.
const INCLUDE_DEPTH: usize = 16;

/// What the files say, with all `Include`s in their places.
#[derive(Debug, Clone, Default)]
pub struct SshConfigFile {
    pub(super) rules: Vec<Rule>,
    /// The folder that `~` stands for.
    pub(super) home: PathBuf,
}

/// One setting.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) place: Place,
    /// In small letters.
    pub(super) keyword: String,
    pub(super) arguments: Vec<String>,
    /// The `Host` and `Match` lines that it stands under, from the outside in: an `Include` within
    /// a block is under that block.
    pub(super) scope: Vec<Arc<Condition>>,
}

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) line: usize,
}

impl Place {
    pub(super) fn error(&self, text: impl Into<String>) -> SshError {
        SshError::Config { file: self.file.clone(), line: self.line, text: text.into() }
    }
}

/// A line that decides for which hosts the lines below it hold.
#[derive(Debug)]
pub(super) enum Condition {
    Host(Vec<Pattern>),
    Match(Vec<Criterion>),
}

/// One test of a `Match` line.
#[derive(Debug)]
pub(super) struct Criterion {
    pub(super) place: Place,
    pub(super) negated: bool,
    pub(super) test: Test,
}

#[derive(Debug)]
pub(super) enum Test {
    All,
    Host(Vec<Pattern>),
    OriginalHost(Vec<Pattern>),
    User(Vec<Pattern>),
    /// One that this program cannot decide; the word.
    Unknown(String),
}

impl SshConfigFile {
    /// The file that the user named, or `~/.ssh/config` where it exists. Blocks on the disk.
    ///
    /// A file that was named has to exist. A `Match exec` anywhere is an error: whether it holds
    /// cannot be known without running something.
    pub fn load(named: Option<&Path>, home: &Path) -> Result<Self, SshError> {
        let usual = home.join(".ssh/config");
        let path = named.map_or(usual.as_path(), |path| path);
        let mut reader = Reader { home, rules: Vec::new() };
        match read(path) {
            Ok(text) => reader.read_text(path, &text, &[], 0)?,
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => {
                return Err(SshError::File { operation: "reading", path: path.into(), source });
            }
        }
        Ok(Self { rules: reader.rules, home: home.into() })
    }

    /// No file at all: every host is what its name says.
    pub fn empty(home: &Path) -> Self {
        Self { rules: Vec::new(), home: home.into() }
    }
}

fn read(path: &Path) -> io::Result<String> {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

struct Reader<'a> {
    home: &'a Path,
    rules: Vec<Rule>,
}

impl Reader<'_> {
    fn read_text(
        &mut self,
        file: &Path,
        text: &str,
        outer: &[Arc<Condition>],
        depth: usize,
    ) -> Result<(), SshError> {
        let mut scope = outer.to_vec();
        for (index, line) in text.lines().enumerate() {
            let place = Place { file: file.into(), line: index + 1 };
            let mut words = split_words(line)
                .ok_or_else(|| place.error("a quotation mark is missing on this line"))?;
            if words.is_empty() {
                continue;
            }
            let keyword = words.remove(0).to_lowercase();
            if words.is_empty() {
                return Err(place.error(format!("`{keyword}` needs a value")));
            }
            match keyword.as_str() {
                "host" => {
                    let patterns = words.iter().map(|word| Pattern::parse(word)).collect();
                    scope = under(outer, Condition::Host(patterns));
                }
                "match" => scope = under(outer, Condition::Match(criteria(&place, &words)?)),
                "include" => self.include(&place, &words, &scope, depth)?,
                _ => {
                    let scope = scope.clone();
                    self.rules.push(Rule { place, keyword, arguments: words, scope });
                }
            }
        }
        Ok(())
    }

    /// Relative paths lie in `~/.ssh`, and what matches nothing is no error, as in OpenSSH.
    fn include(
        &mut self,
        place: &Place,
        patterns: &[String],
        scope: &[Arc<Condition>],
        depth: usize,
    ) -> Result<(), SshError> {
        if depth >= INCLUDE_DEPTH {
            return Err(place.error("too many files include each other"));
        }
        for pattern in patterns {
            let path = self.home.join(".ssh").join(expand_tilde(pattern, self.home));
            for path in matching_files(&path) {
                let text = read(&path).map_err(|error| {
                    place.error(format!("{} cannot be read: {error}", path.display()))
                })?;
                self.read_text(&path, &text, scope, depth + 1)?;
            }
        }
        Ok(())
    }
}

fn under(outer: &[Arc<Condition>], condition: Condition) -> Vec<Arc<Condition>> {
    outer.iter().cloned().chain([Arc::new(condition)]).collect()
}

fn criteria(place: &Place, words: &[String]) -> Result<Vec<Criterion>, SshError> {
    let mut criteria = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (negated, word) = word.strip_prefix('!').map_or((false, word.as_str()), |w| (true, w));
        // Both `host=web*` and `host web*` are written.
        let (name, attached) =
            word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let name = name.to_lowercase();
        let mut patterns = || -> Result<Vec<Pattern>, SshError> {
            let list = attached
                .or_else(|| words.next().map(String::as_str))
                .ok_or_else(|| place.error(format!("`Match {name}` needs a value")))?;
            Ok(list.split(',').map(Pattern::parse).collect())
        };
        let test = match name.as_str() {
            "all" => Test::All,
            "host" => Test::Host(patterns()?),
            "originalhost" => Test::OriginalHost(patterns()?),
            "user" => Test::User(patterns()?),
            "exec" => {
                return Err(place.error(
                    "`Match exec` runs a command, which spot-tui never does; point \
                     ssh.config_file at a file without it",
                ));
            }
            _ => {
                if !matches!(name.as_str(), "canonical" | "final") {
                    patterns()?;
                }
                Test::Unknown(name)
            }
        };
        criteria.push(Criterion { place: place.clone(), negated, test });
    }
    Ok(criteria)
}

/// A pattern of ssh_config: `*`, `?`, and `!` in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    negated: bool,
    text: String,
}

impl Pattern {
    fn parse(word: &str) -> Self {
        match word.strip_prefix('!') {
            Some(text) => Self { negated: true, text: text.to_lowercase() },
            None => Self { negated: false, text: word.to_lowercase() },
        }
    }

    /// Whether one of the patterns matches and none of the negated ones does.
    pub(super) fn any(patterns: &[Self], subject: &str) -> bool {
        let subject = subject.to_lowercase();
        let mut found = false;
        for pattern in patterns {
            if wildcard(pattern.text.as_bytes(), subject.as_bytes()) {
                if pattern.negated {
                    return false;
                }
                found = true;
            }
        }
        found
    }
}

/// Whether `*` and `?` of the pattern can be filled so that it is the subject. Linear in memory,
/// and never worse than pattern times subject.
fn wildcard(pattern: &[u8], subject: &[u8]) -> bool {
    let (mut p, mut s) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while s < subject.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, s));
                p += 1;
            }
            Some(&c) if c == b'?' || c == subject[s] => {
                p += 1;
                s += 1;
            }
            _ => match star {
                Some((star_p, star_s)) => {
                    star = Some((star_p, star_s + 1));
                    p = star_p + 1;
                    s = star_s + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

/// `~` and `~/x`; other people's homes are left alone.
pub(super) fn expand_tilde(path: &str, home: &Path) -> PathBuf {
    match path.strip_prefix('~') {
        Some("") => home.into(),
        Some(rest) => rest.strip_prefix('/').map_or_else(|| path.into(), |rest| home.join(rest)),
        None => path.into(),
    }
}

/// The files that a path with wildcards names, sorted, folder by folder.
fn matching_files(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str();
        let text = part.to_string_lossy();
        if !text.contains(['*', '?']) {
            for path in &mut found {
                path.push(part);
            }
            continue;
        }
        found = found
            .iter()
            .flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten())
            .filter(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                // As for a shell, a dot in front is matched by a dot alone.
                (text.starts_with('.') || !name.starts_with('.'))
                    && wildcard(text.as_bytes(), name.as_bytes())
            })
            .map(|entry| entry.path())
            .collect();
        found.sort();
    }
    found.retain(|path| path.is_file());
    found
}

/// The words of a line: quotes, backslashes, `keyword=value`, and comments from a `#` that begins
/// a word. `None` when a quotation mark is missing.
fn split_words(line: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = line.trim().chars().peekable();
    while let Some(&first) = rest.peek() {
        if first.is_whitespace() || (first == '=' && words.len() == 1) {
            rest.next();
            continue;
        }
        if first == '#' {
            break;
        }
        let mut word = String::new();
        let mut quote = None;
        while let Some(&c) = rest.peek() {
            if quote.is_none() && (c.is_whitespace() || (c == '=' && words.is_empty())) {
                break;
            }
            rest.next();
            match (c, quote) {
                ('"' | '\'', None) => quote = Some(c),
                (c, Some(open)) if c == open => quote = None,
                ('\\', _) if rest.peek().is_some_and(|c| matches!(c, '"' | '\'' | '\\' | ' ')) => {
                    word.extend(rest.next());
                }
                _ => word.push(c),
            }
        }
        if quote.is_some() {
            return None;
        }
        words.push(word);
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        split_words(line).unwrap()
    }

    #[test]
    fn words_are_split_as_openssh_does() {
        assert_eq!(words("  Port 22 # the usual"), ["Port", "22"]);
        assert_eq!(words("Port=22"), ["Port", "22"]);
        assert_eq!(words("Port = 22"), ["Port", "22"]);
        assert_eq!(words(r#"IdentityFile "~/my keys/id""#), ["IdentityFile", "~/my keys/id"]);
        assert_eq!(words(r"IdentityFile my\ key"), ["IdentityFile", "my key"]);
        assert_eq!(words("SetEnv A=b"), ["SetEnv", "A=b"]);
        assert!(words("# nothing").is_empty());
        assert_eq!(split_words(r#"User "open"#), None);
    }

    #[test]
    fn wildcards() {
        let any = |patterns: &[&str], host| {
            Pattern::any(&patterns.iter().map(|p| Pattern::parse(p)).collect::<Vec<_>>(), host)
        };
        assert!(any(&["*"], ""));
        assert!(any(&["54.214.*.*"], "54.214.7.8"));
        assert!(any(&["web?"], "WEB1"));
        assert!(!any(&["web?"], "web"));
        assert!(!any(&["*", "!web1"], "web1"));
        assert!(!any(&["!web1"], "web2"));
        assert!(any(&["a*b*c"], "aXbYbZc"));
        assert!(!any(&["a*b*c"], "aXbYbZ"));
    }

    #[test]
    fn includes_are_found_sorted_and_stand_under_their_block() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".ssh/conf.d");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("b.conf"), "Port 2\nHost inner\nPort 3\n").unwrap();
        fs::write(folder.join("a.conf"), "Port 1\n").unwrap();
        fs::write(folder.join(".hidden.conf"), "Port 9\n").unwrap();
        let main = home.path().join(".ssh/config");
        fs::write(&main, "Host outer\n  Include conf.d/*.conf nowhere/*\n  Port 4\n").unwrap();

        let config = SshConfigFile::load(None, home.path()).unwrap();
        let ports: Vec<_> =
            config.rules.iter().map(|r| (r.arguments[0].as_str(), r.scope.len())).collect();
        assert_eq!(ports, [("1", 1), ("2", 1), ("3", 2), ("4", 1)]);
        assert_eq!(config.rules[3].place, Place { file: main, line: 3 });
    }

    #[test]
    fn a_file_that_includes_itself_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("loop");
        fs::write(&path, format!("Include {}\n", path.display())).unwrap();
        let error = SshConfigFile::load(Some(&path), home.path()).unwrap_err();
        assert!(error.to_string().contains("loop:1: too many"), "{error}");
    }

    #[test]
    fn a_missing_file_is_an_error_only_when_it_was_named() {
        let home = tempfile::tempdir().unwrap();
        assert!(SshConfigFile::load(None, home.path()).unwrap().rules.is_empty());
        let named = home.path().join("named");
        assert!(matches!(
            SshConfigFile::load(Some(&named), home.path()),
            Err(SshError::File { .. })
        ));
    }
}
