//! The arrows between the rooms, kept by reading the source.
//!
//! Not a compiler: comments, texts and `#[cfg(test)]` modules are taken away, then every path is
//! looked at, in `use` lines and elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A room and the rooms that it may know. Those that are not named may know every room but `demo`.
const ARROWS: &[(&str, &[&str])] = &[
    ("fleet", &[]),
    ("config", &["fleet"]),
    ("app", &["fleet", "config"]),
    ("view", &["fleet", "config", "app"]),
    ("aws", &["fleet", "config"]),
    ("ssh", &["fleet", "config"]),
    ("bacalhau", &["fleet", "config"]),
    ("store", &["fleet", "config"]),
    ("jobs", &["fleet", "config", "aws", "ssh", "bacalhau", "store"]),
    ("headless", &["fleet", "config", "app", "view"]),
    ("demo", &["fleet"]),
    ("cli", &["fleet", "config"]),
];

const EVERY_ROOM: &[&str] = &[
    "aws", "app", "bacalhau", "cli", "config", "demo", "fleet", "headless", "jobs", "runtime",
    "ssh", "store", "view",
];

/// Where the command line offers the demo cloud. Nothing else of the program knows of it.
const DEMO_FRONTS: &[&str] = &["runtime::demo", "runtime::demo_cloud"];

const PURE: &[&str] = &["fleet", "config", "app", "view"];

/// What a pure room may not touch. A path is meant with everything below it.
const IMPURE: &[&str] = &[
    "tokio",
    "tokio_util",
    "reqwest",
    "std::env",
    "std::fs",
    "io::stderr",
    "io::stdin",
    "io::stdout",
    "std::net",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Uuid::new_v4",
    "Zoned::now",
];

/// Parts of what is impure that are only values.
const HARMLESS: &[&str] =
    &["std::net::AddrParseError", "std::net::IpAddr", "std::net::Ipv4Addr", "std::net::Ipv6Addr"];

/// Crates that belong to some rooms.
const CRATES: &[(&str, &[&str])] = &[
    ("aws_sdk_*", &["aws", "demo"]),
    ("aws_*", &["aws", "demo"]),
    ("russh", &["ssh", "demo"]),
    ("ratatui", &["app", "view", "runtime", "headless"]),
    ("crossterm", &["app", "view", "runtime", "headless"]),
];

/// Who may print.
const PRINTERS: &[&str] = &["headless", "main"];

/// One source file: where it is in the crate, and what it says.
struct Source {
    /// `["aws", "launch"]` for `src/aws/launch.rs`.
    module: Vec<String>,
    text: String,
}

impl Source {
    fn new(path: &Path, text: &str) -> Self {
        let mut module: Vec<String> = path
            .with_extension("")
            .components()
            .map(|part| part.as_os_str().to_str().expect("a plain name").to_owned())
            .collect();
        if module.last().is_some_and(|name| name == "mod") {
            module.pop();
        }
        Self { module, text: text.to_owned() }
    }

    fn room(&self) -> &str {
        &self.module[0]
    }

    /// `crate` and `super` taken away; `None` for a path of another crate.
    fn inside_crate(&self, path: &[String]) -> Option<Vec<String>> {
        let ups = path.iter().take_while(|part| *part == "super").count();
        match path[0].as_str() {
            "crate" => Some(path[1..].to_vec()),
            "super" => {
                let kept = self.module.len().saturating_sub(ups);
                Some([&self.module[..kept], &path[ups..]].concat())
            }
            _ => None,
        }
    }

    /// What this file does that its room may not do.
    fn violations(&self) -> Vec<String> {
        let tokens = without_tests(&tokens(&self.text));
        let mut found = BTreeSet::new();
        for path in paths(&tokens) {
            let written = path.join("::");
            let reason = match self.inside_crate(&path) {
                Some(inner) => self.forbidden_room(&inner),
                None => self.forbidden_crate(&written, &path[0]),
            };
            found.extend(
                reason.map(|reason| format!("{}: `{written}`: {reason}", self.module.join("::"))),
            );
        }
        for pair in tokens.windows(2) {
            let prints = ["print", "println", "eprint", "eprintln"].contains(&pair[0].as_str());
            if prints && pair[1] == "!" && !PRINTERS.contains(&self.room()) {
                found.insert(format!(
                    "{}: `{}!`: only {PRINTERS:?} print",
                    self.module.join("::"),
                    pair[0]
                ));
            }
        }
        found.into_iter().collect()
    }

    fn forbidden_room(&self, inner: &[String]) -> Option<String> {
        let target = inner.first().map(String::as_str).filter(|name| EVERY_ROOM.contains(name))?;
        let me = self.room();
        let allowed = match ARROWS.iter().find(|(room, _)| *room == me) {
            Some((_, allowed)) => allowed.contains(&target),
            None => target != "demo" || DEMO_FRONTS.contains(&self.module.join("::").as_str()),
        };
        (target != me && !allowed).then(|| format!("{me} may not know {target}"))
    }

    fn forbidden_crate(&self, written: &str, first: &str) -> Option<String> {
        let me = self.room();
        let owned = CRATES.iter().find(|(name, _)| match name.strip_suffix('*') {
            Some(start) => first.starts_with(start),
            None => first == *name,
        });
        if let Some((name, owners)) = owned.filter(|(_, owners)| !owners.contains(&me)) {
            return Some(format!("{name} stays in {owners:?}"));
        }
        let below =
            |whole: &str, part: &str| format!("::{whole}::").contains(&format!("::{part}::"));
        let impure = IMPURE.iter().any(|part| below(written, part));
        let harmless = HARMLESS.iter().any(|part| below(written, part));
        (PURE.contains(&me) && impure && !harmless).then(|| format!("{me} is pure"))
    }
}

/// Words and signs (`::` is one sign), without comments, texts and characters.
fn tokens(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let rest = &letters[at..];
        let c = letters[at];
        let begin = at;
        at += match (c, rest.get(1)) {
            ('/', Some('/')) => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ('/', Some('*')) => length_until(rest, "*/"),
            ('r' | 'b', _) if raw_text(rest).is_some() => raw_text(rest).unwrap_or(1),
            ('"', _) => text_length(rest),
            ('\'', Some('\\')) => 3 + rest[3..].iter().position(|c| *c == '\'').unwrap_or(0),
            ('\'', _) if rest.get(2) == Some(&'\'') => 3,
            (':', Some(':')) => 2,
            _ if is_word(c) => rest.iter().position(|c| !is_word(*c)).unwrap_or(rest.len()),
            _ => 1,
        };
        let silent =
            c.is_whitespace() || ['"', '\''].contains(&c) || letters[begin..at].contains(&'"');
        let comment = c == '/' && at - begin > 1;
        if !silent && !comment {
            tokens.push(letters[begin..at].iter().collect());
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn length_until(rest: &[char], end: &str) -> usize {
    let text: String = rest.iter().collect();
    text.find(end).map_or(rest.len(), |byte| text[..byte].chars().count() + end.len())
}

/// The length of `"..."`, escapes heeded.
fn text_length(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// The length of `r"..."`, `r#"..."#` and their kin; `None` where it is just a word.
fn raw_text(rest: &[char]) -> Option<usize> {
    let prefix = rest.iter().take_while(|c| ['r', 'b'].contains(*c)).count();
    if prefix > 2 || !rest[..prefix].contains(&'r') {
        return None;
    }
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let body = prefix + hashes + 1;
    (rest.get(body - 1) == Some(&'"'))
        .then(|| body + length_until(&rest[body..], &format!("\"{}", "#".repeat(hashes))))
}

/// The tokens without the blocks behind `#[cfg(test)] mod`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let marked = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
        if tokens[at..].iter().take(marked.len()).eq(marked) {
            at += marked.len() + 1;
            // `mod tests;` names a file, which is looked at by itself.
            at += if tokens.get(at).is_some_and(|token| token == "{") {
                block(&tokens[at..])
            } else {
                1
            };
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The length of the block that begins here, its braces counted in.
fn block(tokens: &[String]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// Every path of more than one part, groups in braces spread out.
fn paths(tokens: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_word(tokens[at].chars().next().unwrap_or(' ')) {
            at += spread(&tokens[at..], &[], &mut found);
        } else {
            at += 1;
        }
    }
    found.retain(|path: &Vec<String>| path.len() > 1);
    found
}

/// Reads one path behind `before` into `found`, and returns how many tokens it took.
fn spread(tokens: &[String], before: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    path.push(tokens[0].clone());
    let mut at = 1;
    while tokens.get(at).is_some_and(|token| token == "::") {
        match tokens.get(at + 1).map(String::as_str) {
            Some("{") => {
                let end = at + 1 + block(&tokens[at + 1..]);
                let mut inner = at + 2;
                while inner < end {
                    let word = is_word(tokens[inner].chars().next().unwrap_or(' '));
                    inner += if word { spread(&tokens[inner..end], &path, found) } else { 1 };
                }
                return end;
            }
            Some(next) if is_word(next.chars().next().unwrap_or(' ')) => {
                path.push(next.to_owned());
                at += 2;
            }
            _ => break,
        }
    }
    found.push(path);
    at
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("src is there") {
        let path = entry.expect("src can be read").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_rooms_keep_their_arrows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root);
    assert!(files.len() > 5, "the source was not found");
    let violations: Vec<String> = files
        .iter()
        // `tests.rs` is a test module in a file of its own.
        .filter(|path| !path.ends_with("tests.rs"))
        .flat_map(|path| {
            let text = fs::read_to_string(path).expect("a source file");
            Source::new(path.strip_prefix(&root).expect("below src"), &text).violations()
        })
        .collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// The checker finds what it must find, and nothing else.
mod checker {
    use super::*;

    fn check(path: &str, text: &str) -> Vec<String> {
        Source::new(Path::new(path), text).violations()
    }

    #[test]
    fn finds_what_is_forbidden() {
        for (path, text) in [
            ("fleet/phase.rs", "use crate::config::Config;"),
            ("fleet/phase.rs", "use super::super::aws::Ec2;"),
            ("fleet/mod.rs", "use super::app::Model;"),
            ("config/parse.rs", "use std::{collections::BTreeMap, fs};"),
            ("config/parse.rs", "use std::fs::{self, File};"),
            ("config/parse.rs", "fn f() { let x = std::env::var(\"X\"); }"),
            ("app/model.rs", "use std::net::{IpAddr, TcpStream};"),
            ("app/model.rs", "use jiff::Timestamp; fn f() -> Timestamp { Timestamp::now() }"),
            ("app/update.rs", "use tokio::sync::mpsc;"),
            ("view/table.rs", "use crate::{app::Model, runtime::Engine};"),
            ("jobs/create.rs", "use ratatui::Frame;"),
            ("jobs/create.rs", "use aws_sdk_ec2::Client;"),
            ("jobs/create.rs", "use crate::app::Message;"),
            ("aws/launch.rs", "use crate::ssh::Session;"),
            ("store/mod.rs", "fn f(x: &crate::aws::Ec2) {}"),
            ("runtime/engine.rs", "use russh::client;"),
            ("runtime/engine.rs", "use crate::demo::World;"),
            ("app/update.rs", "use std::io; fn f() { io::stdout(); }"),
            ("runtime/engine.rs", "fn f() { println!(\"x\"); }"),
            ("view/mod.rs", "fn f() { eprintln!(\"x\"); }"),
            ("fleet/cost.rs", "const A: char = '\"'; const B: &str = r#\"\"\"#; use tokio::task;"),
        ] {
            assert!(!check(path, text).is_empty(), "{path}: {text}");
        }
    }

    #[test]
    fn allows_what_is_allowed() {
        for (path, text) in [
            ("fleet/ids.rs", "use super::phase::Phase; use crate::fleet::Region;"),
            ("app/model.rs", "use std::net::{IpAddr, Ipv4Addr}; use crate::config::Config;"),
            (
                "app/model.rs",
                "// tokio::spawn\n/* std::fs::read */ const A: &str = \"std::env::var\";",
            ),
            ("app/model.rs", "#[cfg(test)]\nmod tests { use std::fs; fn f() { println!(); } }"),
            ("app/model.rs", "fn f<'a>(x: &'a str) -> &'a str { x }"),
            ("jobs/create.rs", "use crate::{aws::Ec2, fleet::{Job, Progress}, ssh::Session};"),
            ("aws/launch.rs", "use aws_sdk_ec2::types::Tag; use super::errors::Failure;"),
            ("runtime/engine.rs", "use crate::{app, view, jobs, store}; use std::fs;"),
            ("headless/lines.rs", "fn f() { println!(\"x\"); }"),
            ("main.rs", "use spot_tui::runtime; fn main() { eprintln!(\"x\"); }"),
        ] {
            assert_eq!(check(path, text), Vec::<String>::new(), "{path}: {text}");
        }
    }
}
