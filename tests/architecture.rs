//! The arrows between the rooms, kept by reading the source.
//!
//! Not a compiler: comments, texts and `#[cfg(test)]` modules are taken away, then every path is
//! looked at, in `use` lines and elsewhere.

mod circles;
mod syntax;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use circles::Graph;
use syntax::{paths, tokens, without_tests};

/// A room and the rooms that it may know. Those that are not named may know every room but `demo`.
const ARROWS: &[(&str, &[&str])] = &[
    ("fleet", &[]),
    ("config", &["fleet"]),
    ("app", &["fleet", "config"]),
    ("view", &["fleet", "config", "app"]),
    ("aws", &["fleet", "config", "files", "retry"]),
    ("ssh", &["fleet", "config", "files", "retry"]),
    ("bacalhau", &["fleet", "config"]),
    ("store", &["fleet", "config", "files"]),
    ("notify", &["fleet", "config", "program"]),
    ("jobs", &["fleet", "config", "aws", "ssh", "bacalhau", "store", "files", "program", "retry"]),
    ("headless", &["fleet", "config", "app", "view"]),
    ("demo", &["fleet"]),
    ("files", &[]),
    ("program", &[]),
    ("retry", &[]),
    ("cli", &["fleet", "config"]),
];

/// A room of `jobs` and the rooms there that it may know.
const INSIDE_JOBS: &[(&str, &[&str])] = &[
    ("network", &[]),
    ("context", &["network"]),
    ("intents", &["network", "context"]),
    ("market", &["context"]),
    ("node", &["context"]),
    ("machine", &["network", "context", "intents", "market", "node"]),
    ("create", &["network", "context", "intents", "market", "node", "machine"]),
    ("watch", &["context", "intents", "market", "node"]),
    ("keep", &["context", "node"]),
    ("destroy", &["network", "context", "intents", "market", "node", "watch"]),
    ("lock", &["context", "intents", "watch"]),
];

const EVERY_ROOM: &[&str] = &[
    "aws", "app", "bacalhau", "cli", "config", "demo", "files", "fleet", "headless", "jobs",
    "notify", "program", "retry", "runtime", "ssh", "store", "view",
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
    ("prometheus_client", &["headless"]),
    ("qrcode", &["view"]),
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
        if let ("jobs", Some("jobs"), Some(me)) =
            (self.room(), inner.first().map(String::as_str), self.module.get(1))
        {
            let target = inner.get(1)?;
            let (_, allowed) = INSIDE_JOBS.iter().find(|(room, _)| room == me)?;
            let is_room = INSIDE_JOBS.iter().any(|(room, _)| room == target);
            let is_allowed = me == target || allowed.contains(&target.as_str());
            return (is_room && !is_allowed)
                .then(|| format!("within jobs, {me} may not know {target}"));
        }
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

/// All of the source. `tests.rs` is a test module in a file of its own.
fn house() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root);
    assert!(files.len() > 5, "the source was not found");
    let code = files.iter().filter(|path| !path.ends_with("tests.rs"));
    code.map(|path| {
        let text = fs::read_to_string(path).expect("a source file");
        Source::new(path.strip_prefix(&root).expect("below src"), &text)
    })
    .collect()
}

#[test]
fn the_rooms_keep_their_arrows() {
    let violations: Vec<String> = house().iter().flat_map(Source::violations).collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
#[expect(clippy::print_stdout, reason = "how deep the house is, for whoever wants to know")]
fn no_file_is_in_a_circle() {
    let graph = Graph::read(&house());
    let circles: Vec<String> = graph.circles().iter().map(|it| graph.arrows_within(it)).collect();
    assert!(circles.is_empty(), "these files know each other:\n{}", circles.join("\n"));
    let longest = graph.longest_path();
    println!("the longest path, {} files: {}", longest.len(), longest.join(" -> "));
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
            ("jobs/market/prices.rs", "use crate::jobs::create::create;"),
            ("jobs/intents/mod.rs", "fn f() { super::destroy::destroy(); }"),
            ("jobs/watch/mod.rs", "use super::destroy::cleanup;"),
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
            (
                "jobs/watch/look.rs",
                "use super::super::market::prices; use crate::jobs::context::X;",
            ),
            ("jobs/create.rs", "use crate::{aws::Ec2, fleet::{Job, Progress}, ssh::Session};"),
            ("aws/launch.rs", "use aws_sdk_ec2::types::Tag; use super::errors::Failure;"),
            ("runtime/engine.rs", "use crate::{app, view, jobs, store}; use std::fs;"),
            ("headless/lines.rs", "fn f() { println!(\"x\"); }"),
            ("main.rs", "use spot_tui::runtime; fn main() { eprintln!(\"x\"); }"),
        ] {
            assert_eq!(check(path, text), Vec::<String>::new(), "{path}: {text}");
        }
    }

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::new(Path::new(path), text)).collect();
        let graph = Graph::read(&sources);
        graph.circles().iter().map(|circle| graph.arrows_within(circle)).collect()
    }

    #[test]
    fn finds_a_planted_circle_even_over_re_exports_and_other_names() {
        let two = [("a.rs", "use crate::b::B;"), ("b.rs", "fn f(x: super::a::A) {}")];
        assert_eq!(circles(&two), ["  a -> b\n  b -> a\n"]);
        let signpost = [
            ("a/mod.rs", "mod low; mod high; pub use low::Low; pub use high::High as Tall;"),
            ("a/low.rs", "use super::Tall;"),
            ("a/high.rs", "use crate::a as rooms; fn f(x: rooms::Low) {}"),
        ];
        assert_eq!(circles(&signpost), ["  a::high -> a::low\n  a::low -> a::high\n"]);
        let parent = [
            ("a/mod.rs", "mod low; const A: u8 = 1; fn f() { low::g(); }"),
            ("a/low.rs", "use super::{A, B};"),
        ];
        assert_eq!(circles(&parent), ["  a -> a::low\n  a::low -> a\n"]);
    }

    #[test]
    fn finds_no_circle_where_a_room_only_shows_what_is_in_it() {
        let files = [
            ("a/mod.rs", "mod low; mod high; pub use low::{Low}; pub use high::*;"),
            ("a/low.rs", "pub struct Low;\n#[cfg(test)] mod tests { use crate::a::high::High; }"),
            ("a/high.rs", "use super::Low; pub struct High;"),
            ("b.rs", "use crate::a::{self, Low}; fn f(x: a::High) {}"),
        ];
        assert_eq!(circles(&files), Vec::<String>::new());
    }
}
