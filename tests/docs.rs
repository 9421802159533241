//! What README and the pages of `docs/` promise is what the program has.

mod pages;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::CommandFactory;
use spot_tui::app::keymap::{Context, Keymap};
use spot_tui::cli::Cli;

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The API actions that the adapter names in its errors, one for each call that it makes.
fn actions() -> BTreeSet<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws")];
    let mut actions = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.ends_with("tests.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let quoted = code.split('"').skip(1).step_by(2);
            actions.extend(quoted.filter(|word| is_action(word)).map(str::to_owned));
        }
    }
    actions
}

fn is_action(word: &str) -> bool {
    const VERBS: [&str; 21] = [
        "Allocate",
        "Associate",
        "Attach",
        "Authorize",
        "Cancel",
        "Create",
        "Delete",
        "Describe",
        "Detach",
        "Disassociate",
        "Get",
        "Import",
        "Modify",
        "Reboot",
        "Release",
        "Revoke",
        "Run",
        "Start",
        "Stop",
        "Terminate",
        "Replace",
    ];
    VERBS.iter().any(|verb| word.len() > verb.len() && word.starts_with(verb))
        && word.chars().all(char::is_alphabetic)
        // A parameter of GetMetricData.
        && word != "StartTime"
}

#[test]
fn every_call_to_aws_is_among_the_permissions() {
    let readme = readme();
    let actions = actions();
    assert!(actions.len() > 30, "the source was not read: {actions:?}");
    let missing: Vec<&String> =
        actions.iter().filter(|action| !readme.contains(&format!("`{action}`"))).collect();
    assert!(missing.is_empty(), "README's permissions lack {missing:?}");
}

#[test]
fn every_command_and_option_is_told() {
    let readme = readme();
    let cli = Cli::command();
    for command in cli.get_subcommands() {
        assert!(readme.contains(&format!("`{}", command.get_name())), "{}", command.get_name());
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(readme.contains(&format!("--{option}")), "{} --{option}", command.get_name());
        }
    }
    // What is hidden is told from process to process.
    let shown = cli.get_arguments().filter(|option| !option.is_hide_set());
    for option in shown.filter_map(clap::Arg::get_long) {
        let known = ["help", "version"].contains(&option);
        assert!(known || readme.contains(&format!("--{option}")), "--{option}");
    }
}

/// `tests/README.md` has a row for each story, and no other; and says of each whether it starts
/// moto or sshd.
#[test]
fn every_story_is_told_with_what_it_needs() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let main = fs::read_to_string(tests.join("main.rs")).unwrap();
    let table = fs::read_to_string(tests.join("README.md")).unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();
    let stories = main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    let stories: Vec<&str> = stories.filter(|story| *story != "support").collect();
    assert_eq!(rows.len(), stories.len());
    for story in stories {
        let row = rows.iter().find(|row| row.starts_with(&format!("| `{story}` |")));
        let row = row.unwrap_or_else(|| panic!("tests/README.md has no row for {story}"));
        let needs = row.rsplit('|').nth(1).unwrap();
        let text = source_of(&tests, story);
        let starts = |module: &str| text.contains(&format!("support::{module}::"));
        assert_eq!(needs.contains("moto"), starts("moto") || starts("scene"), "{story}: moto");
        assert_eq!(needs.contains("sshd"), starts("sshd"), "{story}: sshd");
    }
}

/// A story's file, and those in its folder.
fn source_of(tests: &Path, story: &str) -> String {
    let mut text = fs::read_to_string(tests.join(format!("{story}.rs"))).unwrap_or_default();
    for entry in fs::read_dir(tests.join(story)).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    text
}

/// All keys that do anything in the dashboard's panels, by their names.
fn keys(keymap: &Keymap) -> BTreeSet<String> {
    let panels = [Context::Table, Context::Pane, Context::Reader, Context::Log];
    let bindings = panels.into_iter().flat_map(|context| keymap.bindings(context));
    bindings.flat_map(|(_, keys)| keys.iter().map(|key| key.name())).collect()
}

/// README's table of the dashboard's keys, a row a line.
fn key_table() -> Vec<String> {
    let readme = readme();
    let table = readme.split("| key | what it does |").nth(1).unwrap();
    table.lines().skip(2).take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

#[test]
fn every_key_of_the_dashboard_is_told_and_no_other() {
    let keymap = Keymap::default();
    let table = key_table();
    for (binding, keys) in keymap.actions() {
        if let Some(key) = keys.first() {
            let told = table.iter().any(|row| row.contains(&format!("`{}`", key.name())));
            assert!(told, "README lacks {}: {}", key.name(), binding.name);
        }
    }
    let known = keys(&keymap);
    let first = table.iter().filter_map(|row| row.split(" | ").next());
    let told = first.flat_map(|keys| keys.split('`').skip(1).step_by(2));
    let strangers: Vec<&str> = told.filter(|key| !known.contains(*key)).collect();
    assert!(strangers.is_empty(), "README tells keys that do nothing: {strangers:?}");
}
