//! Patterns of `ssh_config` and `known_hosts`: `*`, `?`, and `!` in front (ssh_config(5), PATTERNS).

/// Whether capital letters are different ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ssh) enum Case {
    /// As after `Host` and for users.
    Matters,
    /// As after `Match host` and in `known_hosts`.
    Ignored,
}

/// One pattern of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ssh) struct Pattern {
    negated: bool,
    text: String,
}

impl Pattern {
    pub(in crate::ssh) fn parse(word: &str) -> Self {
        match word.strip_prefix('!') {
            Some(text) => Self { negated: true, text: text.to_owned() },
            None => Self { negated: false, text: word.to_owned() },
        }
    }

    /// A list with commas in between.
    pub(in crate::ssh) fn list(words: &str) -> Vec<Self> {
        words.split(',').map(Self::parse).collect()
    }

    /// Whether it is `*`: every host is meant.
    pub(super) fn is_everything(&self) -> bool {
        !self.negated && !self.text.is_empty() && self.text.chars().all(|c| c == '*')
    }

    /// An IPv4 address that it matches, if addresses are what it is about.
    pub(super) fn example_address(&self) -> Option<String> {
        let is_about_addresses = !self.negated
            && self.text.contains(|c: char| c.is_ascii_digit())
            && self.text.chars().all(|c| c.is_ascii_digit() || ".*?".contains(c));
        if !is_about_addresses {
            return None;
        }
        let mut parts: Vec<String> =
            self.text.split('.').map(|part| part.replace(['*', '?'], "1")).collect();
        // A star stands for all parts that are not written.
        while parts.len() < 4 && self.text.ends_with('*') {
            parts.push("1".into());
        }
        let address = parts.join(".");
        address.parse::<std::net::Ipv4Addr>().is_ok().then_some(address)
    }

    /// Whether one of the patterns matches and none of the negated ones does.
    pub(in crate::ssh) fn any(patterns: &[Self], subject: &str, case: Case) -> bool {
        let fold = |text: &str| match case {
            Case::Matters => text.to_owned(),
            Case::Ignored => text.to_lowercase(),
        };
        let subject = fold(subject);
        let mut found = false;
        for pattern in patterns {
            if wildcard(fold(&pattern.text).as_bytes(), subject.as_bytes()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn any(patterns: &[&str], host: &str) -> bool {
        let patterns: Vec<_> = patterns.iter().map(|word| Pattern::parse(word)).collect();
        Pattern::any(&patterns, host, Case::Ignored)
    }

    #[test]
    fn wildcards() {
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
    fn patterns_of_addresses_have_examples() {
        let example = |text: &str| Pattern::parse(text).example_address();
        assert_eq!(example("127.8.0.*").as_deref(), Some("127.8.0.1"));
        assert_eq!(example("10.*").as_deref(), Some("10.1.1.1"));
        assert_eq!(example("54.2??.*.*").as_deref(), Some("54.211.1.1"));
        for none in ["*", "web*", "!10.*", "*.example.com", "10.9.8.7.6", "web-10.1.2.3"] {
            assert_eq!(example(none), None, "{none}");
        }
    }

    #[test]
    fn capitals_matter_after_host_and_not_in_known_hosts() {
        let patterns = Pattern::list("Web*,!webmail");
        assert!(!Pattern::any(&patterns, "web1", Case::Matters));
        assert!(Pattern::any(&patterns, "Web1", Case::Matters));
        assert!(Pattern::any(&patterns, "WEB1", Case::Ignored));
        assert!(!Pattern::any(&patterns, "webmail", Case::Ignored));
    }
}
