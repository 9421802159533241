//! Just enough of Rust's syntax to find the paths in a file.

/// Words and signs (`::` is one sign), without comments, texts and characters.
pub(super) fn tokens(text: &str) -> Vec<String> {
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

pub(super) fn is_word(c: char) -> bool {
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
pub(super) fn without_tests(tokens: &[String]) -> Vec<String> {
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
pub(super) fn block(tokens: &[String]) -> usize {
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
pub(super) fn paths(tokens: &[String]) -> Vec<Vec<String>> {
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
