//! All sentences that the screen can say, in one snapshot: so that they can be read as a whole, and a
//! new one is read when it comes. The words are those of the field: what AWS, k9s and systemd users
//! say, short, present tense.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms whose texts stand on the screen.
const ROOMS: [&str; 3] = ["app", "fleet", "view"];

#[test]
fn the_words_of_the_screen_are_read_as_a_whole() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut said = String::new();
    for room in ROOMS {
        for file in files(&source.join(room)) {
            let sentences = sentences(&fs::read_to_string(&file).unwrap());
            if sentences.is_empty() {
                continue;
            }
            writeln!(said, "{}", file.strip_prefix(&source).unwrap().display()).unwrap();
            for line in sentences {
                writeln!(said, "    {line}").unwrap();
            }
        }
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_sentence_is_a_text_with_a_space_outside_of_tests_and_attributes() {
    let source = r#"
        //! "no text of the screen"
        #[expect(clippy::x, reason = "not this")]
        const A: &str = "one, \
            in two lines {so}";
        let b = ('"', "word", "the \"second\" one", r"raw text");
        #[cfg(test)]
        mod tests { const C: &str = "not in tests"; }
    "#;
    let found = ["one, in two lines {so}", "the \"second\" one", "raw text"];
    assert_eq!(sentences(source), found);
}

/// The files below a folder that hold no tests alone, in their order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut entries: Vec<PathBuf> = entries.filter(|path| !path.ends_with("tests")).collect();
    entries.sort();
    let of = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries
        .into_iter()
        .flat_map(of)
        .filter(|path| !IN_TESTS.iter().any(|name| path.ends_with(name)))
        .collect()
}

/// Files that are there in tests alone.
const IN_TESTS: [&str; 2] = ["tests.rs", "witness.rs"];
/// Before what is there in tests alone.
const MARK: &str = "#[cfg(test)]";

/// The texts of a file that have a space between words, in their order.
fn sentences(source: &str) -> Vec<String> {
    let is_tests = |at: usize| source[at + MARK.len()..].trim_start().starts_with("mod tests");
    let end = source.match_indices(MARK).map(|(at, _)| at).find(|at| is_tests(*at));
    let source = &source[..end.unwrap_or(source.len())];
    let letters: Vec<char> = source.chars().collect();
    let mut found = Vec::new();
    let (mut at, mut attribute) = (0, 0_usize);
    while at < letters.len() {
        let rest = &letters[at..];
        at += match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['\'', '\\', _, '\'', ..] => 4,
            ['\'', _, '\'', ..] => 3,
            ['#', '[', ..] | ['#', '!', '[', ..] => {
                attribute += 1;
                2
            }
            ['[', ..] if attribute > 0 => {
                attribute += 1;
                1
            }
            [']', ..] if attribute > 0 => {
                attribute -= 1;
                1
            }
            ['"', ..] => {
                let (text, length) = text(&rest[1..]);
                let is_sentence =
                    text.trim().contains(' ') && text.chars().any(char::is_alphabetic);
                if is_sentence && attribute == 0 {
                    found.push(text);
                }
                length + 1
            }
            _ => 1,
        };
    }
    found
}

/// A text up to its quote, escapes resolved; and how many characters it takes with that.
fn text(rest: &[char]) -> (String, usize) {
    let mut text = String::new();
    let mut at = 0;
    while at < rest.len() && rest[at] != '"' {
        match (rest[at], rest.get(at + 1)) {
            ('\\', Some('\n')) => {
                at += 2;
                at += rest[at..].iter().take_while(|c| c.is_whitespace()).count();
            }
            ('\\', Some(escaped)) => {
                text.push(if *escaped == 'n' { ' ' } else { *escaped });
                at += 2;
            }
            (letter, _) => {
                text.push(letter);
                at += 1;
            }
        }
    }
    (text, at + 1)
}
