//! `setup --migrate`: what a user of spot-tui's predecessor has in the folder, made into what this
//! program reads. Whatever is changed is kept as it was under another name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::setup::{create, home, refuse_demo, unwritable};
use super::stderr;
use super::stdout::print;
use super::stop::Stop;
use crate::config;
use crate::files::{MOST, in_home, read_text, write_atomically};
use crate::jobs::missing_of_node;

/// What is put behind the name of what was replaced.
const KEPT: &str = "predecessor";
/// Where the predecessor kept its state.
const STATE: &str = "output/instances.json";

/// Changes the configuration and moves the predecessor's `instance/` away.
pub(super) fn migrate(environment: &Environment) -> Result<(), Stop> {
    refuse_demo(environment)?;
    migrate_config(&environment.global.config)?;
    migrate_scripts()?;
    if Path::new(STATE).exists() && !environment.global.state.exists() {
        print(&format!(
            "{STATE} is the predecessor's state: `spot-tui --state {STATE} list` tells what of it \
             still runs, and `destroy` with it ends that"
        ));
    }
    Ok(())
}

fn migrate_config(path: &Path) -> Result<(), Stop> {
    let failed = |error: io::Error| unwritable(path, &error);
    let existing = match read_text(path, MOST) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let home = home();
    let migrated = config::migrate(&existing, |folder| {
        let folder = in_home(folder, Some(&home));
        folder.exists() && missing_of_node(&folder).is_empty()
    });
    for left in &migrated.by_hand {
        stderr::print(&format!("WARNING: {}: to be changed by hand: {left}", path.display()));
    }
    if migrated.changes.is_empty() {
        print(&format!("{}: nothing of the predecessor's in it", path.display()));
        return Ok(());
    }
    // The secrets first: they are in no other place once the text is written.
    for (name, content) in &migrated.files {
        let file = files_directory(path, &migrated.text).join(name);
        let made = create(&file, 0o600, format!("{content}\n").as_bytes())?;
        let said =
            if made == 1 { "written from" } else { "is there already: left as it is, unlike" };
        print(&format!("{}: {said} {}", file.display(), path.display()));
    }
    let kept = keep(path)?;
    write_atomically(path, migrated.text.as_bytes()).map_err(failed)?;
    print(&format!(
        "{}: {} changes; it was kept as {}",
        path.display(),
        migrated.changes.len(),
        kept.display()
    ));
    for change in &migrated.changes {
        print(&format!("  {change}"));
    }
    if migrated.text.contains("auto") {
        print("  image: auto is Ubuntu 24.04 here; for 22.04 write image: ubuntu-22.04");
    }
    Ok(())
}

fn files_directory(path: &Path, text: &str) -> PathBuf {
    let config = config::parse(&path.display().to_string(), text);
    config.map_or_else(
        |_| "deployment-files".into(),
        |it| in_home(&it.aws.files_directory, Some(&home())),
    )
}

/// A folder whose scripts set no node of ours up gives way to the program's own.
fn migrate_scripts() -> Result<(), Stop> {
    let folder = Path::new("instance");
    let scripts = folder.join("scripts");
    let missing = missing_of_node(&scripts);
    if !scripts.exists() || missing.is_empty() {
        return Ok(());
    }
    let kept = free(folder);
    fs::rename(folder, &kept).map_err(|error| unwritable(folder, &error))?;
    print(&format!(
        "{}: has no {}; it is {} now, and the program's own takes its place",
        folder.display(),
        missing.join(", "),
        kept.display()
    ));
    Ok(())
}

/// Copies a file beside itself, for its owner alone: a token may be in it.
fn keep(path: &Path) -> Result<PathBuf, Stop> {
    let failed = |error: io::Error| unwritable(path, &error);
    let kept = free(path);
    let content = fs::read(path).map_err(failed)?;
    create(&kept, 0o600, &content)?;
    Ok(kept)
}

/// A name beside this one that nothing has.
fn free(path: &Path) -> PathBuf {
    let named = |end: String| PathBuf::from(format!("{}.{end}", path.display()));
    let first = named(KEPT.to_owned());
    if !first.exists() {
        return first;
    }
    let numbered = (2..).map(|n| named(format!("{KEPT}.{n}")));
    numbered.into_iter().find(|name| !name.exists()).unwrap_or(first)
}
