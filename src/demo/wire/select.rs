//! What a Describe call is told of: ids, filters, pages; the same for every kind of resource.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use super::form::Form;
use super::parts::is_id;
use crate::demo::world::Refusal;
use crate::demo::world::region::RegionWorld;
use crate::demo::world::resource::Resource;

/// The most values of all filters of one call.
const FILTER_VALUES: usize = 200;
/// How large a page may be.
const PAGE: std::ops::RangeInclusive<usize> = 5..=1000;

/// A resource that can be asked for.
pub(super) trait Shown: Resource {
    /// The parameter that names some of them.
    const IDS: &'static str;
    /// The code where one of those is not there.
    const MISSING: &'static str;
    /// What AWS calls it in that message.
    const NOUN: &'static str;
    /// The prefix of an id, and the code where one has not that form; for kinds of which it is
    /// known.
    const MALFORMED: Option<(&'static str, &'static str)> = None;
    /// The names of its filters, besides those by tag.
    const FILTERS: &'static [&'static str];

    /// What a filter looks at. Empty where it has no such thing.
    fn field(&self, filter: &str) -> Vec<String>;

    /// What is said where one that is named is not there.
    fn missing(id: &str) -> Refusal {
        Refusal::no_such(Self::MISSING, Self::NOUN, id)
    }

    /// The name by which it is asked for.
    fn name(&self) -> &str {
        self.id()
    }

    /// What pages are ordered by.
    fn rank(&self) -> String {
        self.id().to_owned()
    }
}

/// A page of what was asked for, and where the next one begins.
#[derive(Debug)]
pub(super) struct Page<'a, T> {
    pub(super) items: Vec<&'a T>,
    pub(super) next: Option<String>,
}

/// What a call asks for, out of everything that the region tells of.
pub(super) fn select<'a, T: Shown>(
    form: &Form,
    region: &RegionWorld,
    all: impl IntoIterator<Item = &'a T>,
) -> Result<Page<'a, T>, Refusal> {
    select_where(form, region, all, |_| true)
}

/// The same of those that are meant. One that is named and not meant is no error.
pub(super) fn select_where<'a, T: Shown>(
    form: &Form,
    region: &RegionWorld,
    all: impl IntoIterator<Item = &'a T>,
    is_meant: impl Fn(&T) -> bool,
) -> Result<Page<'a, T>, Refusal> {
    let filters = Filters::read(form, T::FILTERS)?;
    let ids = form.list(T::IDS);
    if let Some((prefix, code)) = T::MALFORMED
        && let Some(id) = ids.iter().find(|id| !is_id(id, prefix))
    {
        return Err(Refusal::new(code, format!("Invalid id: \"{id}\"")));
    }
    let mut items: Vec<&T> = all.into_iter().filter(|item| region.knows(*item)).collect();
    let unknown: Vec<&str> = ids
        .iter()
        .filter(|id| !items.iter().any(|item| item.name() == id.as_str()))
        .map(String::as_str)
        .collect();
    match unknown[..] {
        [] => {}
        [id] => return Err(T::missing(id)),
        _ => {
            let message = format!("The {}s '{}' do not exist", T::NOUN, unknown.join(", "));
            return Err(Refusal::new(T::MISSING, message));
        }
    }
    items.retain(|item| {
        let named = ids.is_empty() || ids.iter().any(|id| id == item.name());
        named && is_meant(item) && filters.let_through(*item, region.lists_tags_of(*item))
    });
    let mut ranked: Vec<(String, &T)> = items.into_iter().map(|it| (it.rank(), it)).collect();
    ranked.sort_by(|a, b| a.0.cmp(&b.0));
    let (ranked, next) = cut(form, ranked, !ids.is_empty())?;
    Ok(Page { items: ranked.into_iter().map(|(_, item)| item).collect(), next })
}

/// A page with what it is sorted by, and where the next one begins.
pub(super) type Cut<T> = (Vec<(String, T)>, Option<String>);

/// Cuts a page out of what is sorted by its first part.
pub(super) fn cut<T>(
    form: &Form,
    mut ranked: Vec<(String, T)>,
    has_ids: bool,
) -> Result<Cut<T>, Refusal> {
    let size = form.value::<usize>("MaxResults")?;
    if let Some(size) = size {
        if has_ids {
            let message = "The parameter MaxResults cannot be used with a list of ids";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        if !PAGE.contains(&size) {
            return Err(Refusal::value(format!(
                "Value ( {size} ) for parameter maxResults is invalid. Expecting a value between \
                 {} and {}.",
                PAGE.start(),
                PAGE.end()
            )));
        }
    }
    if let Some(token) = form.get("NextToken").filter(|token| !token.is_empty()) {
        let last = BASE64.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(last) = last else {
            let message = "The specified pagination token is not valid or is expired.";
            return Err(Refusal::new("InvalidPaginationToken", message));
        };
        ranked.retain(|(rank, _)| *rank > last);
    }
    let size = match (size, form.get("NextToken")) {
        (Some(size), _) => size,
        (None, Some(_)) => *PAGE.end(),
        (None, None) => return Ok((ranked, None)),
    };
    let more = ranked.len() > size;
    ranked.truncate(size);
    let last = ranked.last().filter(|_| more);
    let next = last.map(|(rank, _)| BASE64.encode(rank));
    Ok((ranked, next))
}

/// The filters of a call: each has to let a resource through, by any of its values.
#[derive(Debug)]
pub(super) struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    /// Reads them; one whose name AWS does not know is refused.
    pub(super) fn read(form: &Form, known: &[&str]) -> Result<Self, Refusal> {
        let mut filters = Vec::new();
        for item in form.items("Filter") {
            let name = item.need("Name")?.to_owned();
            let by_tag = name.strip_prefix("tag:").is_some_and(|key| !key.is_empty());
            if !by_tag && name != "tag-key" && !known.contains(&name.as_str()) {
                return Err(Refusal::value(format!("The filter '{name}' is invalid")));
            }
            filters.push((name, item.list("Value")));
        }
        if filters.iter().map(|(_, values)| values.len()).sum::<usize>() > FILTER_VALUES {
            let message = "The maximum number of filter values specified on a single call is 200";
            return Err(Refusal::new("FilterLimitExceeded", message));
        }
        Ok(Self(filters))
    }

    fn let_through<T: Shown>(&self, item: &T, has_tags: bool) -> bool {
        self.pass(|name| match name.strip_prefix("tag:") {
            _ if !has_tags && name.starts_with("tag") => Vec::new(),
            Some(key) => item.tags().get(key).cloned().into_iter().collect(),
            None if name == "tag-key" => item.tags().keys().cloned().collect(),
            None => item.field(name),
        })
    }

    /// Whether what has these values by name passes.
    pub(super) fn pass(&self, field: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|(name, patterns)| {
            let values = field(name);
            patterns.iter().any(|pattern| values.iter().any(|value| matches(pattern, value)))
        })
    }
}

/// `*` is any text, `?` any one character, `\` takes their meaning away.
fn matches(pattern: &str, text: &str) -> bool {
    if !pattern.contains(['*', '?', '\\']) {
        return pattern == text;
    }
    let signs = signs(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut seen) = (0, 0);
    // Where to go on after the last `*`, when what followed it did not fit.
    let mut retry: Option<(usize, usize)> = None;
    while seen < text.len() {
        match signs.get(at) {
            Some(Sign::Any) => {
                at += 1;
                retry = Some((at, seen));
                continue;
            }
            Some(Sign::One) => {}
            Some(Sign::This(c)) if *c == text[seen] => {}
            _ => {
                let Some((after, from)) = retry else { return false };
                (at, seen) = (after, from + 1);
                retry = Some((after, seen));
                continue;
            }
        }
        (at, seen) = (at + 1, seen + 1);
    }
    signs[at..].iter().all(|sign| *sign == Sign::Any)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Any,
    One,
    This(char),
}

fn signs(pattern: &str) -> Vec<Sign> {
    let mut signs = Vec::with_capacity(pattern.len());
    let mut letters = pattern.chars();
    while let Some(c) = letters.next() {
        signs.push(match c {
            '*' => Sign::Any,
            '?' => Sign::One,
            '\\' => Sign::This(letters.next().unwrap_or('\\')),
            c => Sign::This(c),
        });
    }
    signs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_ec2s_do() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("abc", "abc"),
            ("a*c", "abbbc"),
            ("a*c*", "acc"),
            ("?b?", "abc"),
            ("*-server-*", "ubuntu-server-2026"),
            ("a\\*b", "a*b"),
            ("*a*b", "xxaxxbxb"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a", ""), ("a*c", "abd"), ("?", "ab"), ("a\\*b", "axb"), ("ABC", "abc")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn pages_follow_each_other_without_gaps() {
        let all: Vec<(String, u32)> = (0..23).map(|n| (format!("i-{n:02}"), n)).collect();
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let form = Form::parse(format!("MaxResults=5&NextToken={token}").as_bytes());
            let (page, next) = cut(&form, all.clone(), false).unwrap();
            seen.extend(page.into_iter().map(|(_, n)| n));
            let Some(next) = next else { break };
            token = next;
        }
        assert_eq!(seen, (0..23).collect::<Vec<_>>());
        let wrong = |text: &str| {
            cut(&Form::parse(text.as_bytes()), all.clone(), true).unwrap_err().code.into_owned()
        };
        assert_eq!(wrong("MaxResults=5"), "InvalidParameterCombination");
        assert_eq!(wrong("NextToken=%25"), "InvalidPaginationToken");
        assert!(cut(&Form::parse(b"MaxResults=4"), all.clone(), false).is_err());
    }
}
