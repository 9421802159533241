//! The text of one file into statements. What they mean for a host is [`super::select`]'s business.

use super::location::Location;
use super::pattern::Pattern;
use crate::ssh::SshError;

/// One file, as it is written.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) statements: Vec<Statement>,
}

impl File {
    /// Tells of all patterns of hosts in it, and in what it includes.
    pub(super) fn patterns(&self, tell: &mut impl FnMut(&Pattern)) {
        for statement in &self.statements {
            match &statement.what {
                Kind::Host(patterns) => patterns.iter().for_each(&mut *tell),
                Kind::Match(criteria) => criteria.iter().for_each(|criterion| {
                    if let Test::Host(patterns) | Test::OriginalHost(patterns) = &criterion.test {
                        patterns.iter().for_each(&mut *tell);
                    }
                }),
                Kind::Include(included) => included.iter().for_each(|one| {
                    if let Included::File(file) = one {
                        file.patterns(tell);
                    }
                }),
                Kind::Setting { .. } => {}
            }
        }
    }
}

/// One line that says something.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) at: Location,
    pub(super) what: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// The lines below hold for hosts that are called so.
    Host(Vec<Pattern>),
    /// The lines below hold where all of these do.
    Match(Vec<Criterion>),
    /// Other files stand here.
    Include(Vec<Included>),
    /// A setting, its keyword in small letters.
    Setting { keyword: String, arguments: Vec<String> },
}

/// What an `Include` stands for.
#[derive(Debug, Clone)]
pub(super) enum Included {
    File(File),
    /// A path with tokens that are known only when a host is. The scope of the file that names it
    /// decides where relative paths lie.
    Later {
        path: String,
        scope: Scope,
    },
}

/// Whose file it is, which decides where its relative paths lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    User,
    System,
}

/// One test of a `Match` line.
#[derive(Debug, Clone)]
pub(super) struct Criterion {
    pub(super) negated: bool,
    pub(super) test: Test,
}

#[derive(Debug, Clone)]
pub(super) enum Test {
    All,
    /// `final` and `canonical` hold in the second pass over the files.
    Final,
    Canonical,
    Host(Vec<Pattern>),
    OriginalHost(Vec<Pattern>),
    User(Vec<Pattern>),
    LocalUser(Vec<Pattern>),
    /// One that this program cannot answer, such as `exec`; its word.
    Unanswerable(String),
}

/// A line's keyword, in small letters, and what follows it. `None` for a line that says nothing.
pub(super) fn split_line(
    at: &Location,
    line: &str,
) -> Result<Option<(String, Vec<String>)>, SshError> {
    let mut words =
        split_words(line).ok_or_else(|| at.error("a quotation mark is missing on this line"))?;
    if words.is_empty() {
        return Ok(None);
    }
    let keyword = words.remove(0).to_lowercase();
    if words.is_empty() {
        return Err(at.error(format!("`{keyword}` needs a value")));
    }
    Ok(Some((keyword, words)))
}

/// The criteria of a `Match` line.
pub(super) fn criteria(at: &Location, words: &[String]) -> Result<Vec<Criterion>, SshError> {
    let mut criteria: Vec<Criterion> = Vec::new();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let (negated, word) = word.strip_prefix('!').map_or((false, word), |word| (true, word));
        // All of `host=web*`, `host = web*` and `host web*` are written.
        let (name, attached) =
            word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let name = name.to_lowercase();
        let mut value = || {
            attached
                .filter(|value| !value.is_empty())
                .or_else(|| words.find(|word| *word != "="))
                .map(|value| value.strip_prefix('=').unwrap_or(value))
                .ok_or_else(|| at.error(format!("`Match {name}` needs a value")))
        };
        let test = match name.as_str() {
            "all" => Test::All,
            "final" => Test::Final,
            "canonical" => Test::Canonical,
            "host" => Test::Host(Pattern::list(value()?)),
            "originalhost" => Test::OriginalHost(Pattern::list(value()?)),
            "user" => Test::User(Pattern::list(value()?)),
            "localuser" => Test::LocalUser(Pattern::list(value()?)),
            _ => {
                value()?;
                Test::Unanswerable(name)
            }
        };
        if matches!(test, Test::All) && criteria.len() > 1 {
            return Err(at.error("`Match all` stands alone, or after `final` or `canonical`"));
        }
        criteria.push(Criterion { negated, test });
    }
    Ok(criteria)
}

/// The words of a line: quotes, backslashes, `keyword=value`, and comments from a `#` that begins
/// a word. `None` when a quotation mark is missing.
pub(super) fn split_words(line: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = line.trim_matches(is_blank).chars().peekable();
    while let Some(&first) = rest.peek() {
        if is_blank(first) || (first == '=' && words.len() == 1) {
            rest.next();
            continue;
        }
        if first == '#' {
            break;
        }
        let mut word = String::new();
        let mut quote = None;
        while let Some(&c) = rest.peek() {
            if quote.is_none() && (is_blank(c) || (c == '=' && words.is_empty())) {
                break;
            }
            rest.next();
            match (c, quote) {
                ('"' | '\'', None) => quote = Some(c),
                (c, Some(open)) if c == open => quote = None,
                // A blank is escaped outside of quotes alone, as in OpenSSH's argv_split.
                ('\\', _)
                    if rest.peek().is_some_and(|&next| {
                        matches!(next, '"' | '\'' | '\\') || (next == ' ' && quote.is_none())
                    }) =>
                {
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

/// What stands between words. A no-break space does not.
fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace()
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
        assert_eq!(words(r#"IdentityFile "my\ key""#), ["IdentityFile", r"my\ key"]);
        assert_eq!(words("SetEnv A=b"), ["SetEnv", "A=b"]);
        assert!(words("# nothing").is_empty());
        assert_eq!(split_words(r#"User "open"#), None);
    }

    #[test]
    fn a_match_line_is_written_in_many_ways() {
        let at = Location { file: "f".into(), line: 1 };
        for line in
            ["host web*,db !user root", "host=web*,db !user=root", "host = web*,db !user root"]
        {
            let criteria = criteria(&at, &words(&format!("Match {line}"))[1..]).unwrap();
            let [host, user] = &criteria[..] else { panic!("{line}: {criteria:?}") };
            assert!(matches!(&host.test, Test::Host(list) if list.len() == 2), "{line}");
            assert!(matches!(&user.test, Test::User(_)) && user.negated, "{line}");
        }
        assert!(criteria(&at, &["host".into()]).is_err());
    }
}
