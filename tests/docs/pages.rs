//! The pages in `docs/`: what they show works as it stands.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use spot_tui::app::Command;
use spot_tui::app::keymap::{Context, Keymap};
use spot_tui::cli::Cli;
use spot_tui::config;

use crate::support::shell;

const PAGES: [&str; 5] = ["fleets", "machines", "access", "troubleshooting", "costs"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Each page with its name.
fn pages() -> Vec<(String, String)> {
    let mut pages: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                fs::read_to_string(path).unwrap(),
            )
        })
        .collect();
    pages.sort();
    pages
}

/// The blocks of one language in a page.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("```{language}\n");
    page.split(begin.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// What stands between backticks in the text of a page, outside of blocks.
fn spans(page: &str) -> Vec<&str> {
    let texts = page.split("```").step_by(2);
    texts.flat_map(|text| text.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn there_is_a_page_for_each_subject_and_readme_leads_to_it() {
    let names: Vec<String> = pages().into_iter().map(|(name, _)| name).collect();
    let readme = fs::read_to_string(folder().join("../README.md")).unwrap();
    for page in PAGES {
        let name = format!("{page}.md");
        assert!(names.contains(&name), "docs lacks {name}");
        assert!(readme.contains(&format!("docs/{name}")), "README does not lead to {name}");
    }
}

/// Each line of a block is a command line, as the program reads it.
#[test]
fn each_command_of_the_pages_is_one() {
    let mut count = 0;
    for (name, page) in pages() {
        let shown = blocks(&page, "sh").into_iter().flat_map(str::lines);
        let named = spans(&page).into_iter().filter(|span| span.starts_with("spot-tui "));
        for line in shown.chain(named) {
            let words = shell::words(line);
            let is_read = Cli::try_parse_from(&words);
            assert!(words[0] == "spot-tui" && is_read.is_ok(), "{name}: {line}: {is_read:?}");
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
}

/// A character, or the name of a key, that stands by itself in a page is a key of the dashboard.
#[test]
fn each_key_of_the_pages_is_one() {
    let keymap = Keymap::default();
    let mut known = super::keys(&keymap);
    // Those of the one dialog that has keys of its own.
    let in_dialog = keymap.bindings(Context::Code);
    let in_dialog = in_dialog.filter(|(binding, _)| matches!(binding.command, Command::Page(_)));
    known.extend(in_dialog.flat_map(|(_, keys)| keys.iter().map(|key| key.name())));
    // A price that is not known, a sum that is not whole, and what is not wanted in a filter.
    let signs = ["–", "+", "-"];
    let mut count = 0;
    for (name, page) in pages() {
        for span in spans(&page) {
            let is_key = span.chars().count() == 1
                || ["Enter", "Esc", "Tab", "Space"].contains(&span)
                || span.starts_with("Ctrl-");
            if is_key && !signs.contains(&span) {
                assert!(known.contains(span), "{name}: {span}");
                count += 1;
            }
        }
    }
    assert!(count > 8, "{count}");
}

/// A configuration that is shown is one, and a key of it that is named is in the example.
#[test]
fn each_configuration_of_the_pages_is_one() {
    let example = fs::read_to_string(folder().join("../config.yaml.example")).unwrap();
    for (name, page) in pages() {
        for block in blocks(&page, "yaml") {
            if let Err(wrong) = config::parse_bytes(&name, block.as_bytes()) {
                panic!("{wrong}\n{block}");
            }
        }
        let sections = ["aws.", "placement.", "replace.", "budget.", "ssh.", "ui."];
        for span in spans(&page) {
            let Some(section) = sections.iter().find(|section| span.starts_with(**section)) else {
                continue;
            };
            let key = span[section.len()..].split(':').next().unwrap();
            assert!(example.contains(&format!("\n  {key}: ")), "{name}: {span}");
        }
    }
}

#[test]
fn each_link_of_the_pages_leads_somewhere() {
    for (name, page) in pages() {
        for link in page.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let is_there = link.starts_with("https://") || folder().join(link).is_file();
            assert!(is_there, "{name}: {link}");
        }
    }
}
