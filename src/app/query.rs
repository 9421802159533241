//! A filter as it is typed: words, and words of one field: `region:us phase:failed -type:t3a`.

use jiff::{SignedDuration, Timestamp};

use super::Field;
use crate::fleet::Instance;
use crate::fleet::text::clean;

/// The longest word that is repeated, in bytes.
const LONGEST: usize = 64;

/// What a row has to say to be shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    text: String,
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq)]
struct Term {
    /// The field to look in; any where there is none.
    field: Option<Field>,
    asks: Asks,
    /// Whether a row must not be so.
    not: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Asks {
    /// It says this.
    Word(String),
    /// It has more than this of it.
    Above(f64),
    /// It has less.
    Below(f64),
}

impl Query {
    /// Reads a filter. What looks like a field but is none is a word.
    pub fn parse(text: &str) -> Self {
        let terms = text.split_whitespace().filter_map(|word| {
            let (not, word) = match word.strip_prefix('-') {
                Some(rest) if !rest.is_empty() => (true, rest),
                _ => (false, word),
            };
            let split = word.split_once(':').and_then(|(name, rest)| {
                Field::named(&name.to_ascii_lowercase()).map(|field| (Some(field), rest))
            });
            let (field, word) = split.unwrap_or((None, word));
            // `phase:` is on its way to `phase:failed`, and `cpu:>` to `cpu:>90`.
            let asks = match (field, word.strip_prefix('>'), word.strip_prefix('<')) {
                (Some(_), Some(amount), _) => Asks::Above(amount_of(amount)?),
                (Some(_), None, Some(amount)) => Asks::Below(amount_of(amount)?),
                _ => Asks::Word(word.to_owned()),
            };
            (!word.is_empty()).then_some(Term { field, asks, not })
        });
        Self { text: text.to_owned(), terms: terms.collect() }
    }

    /// Reads a filter that is whole. What looks like a field must be one, and what is a number is
    /// compared with one: else nothing passes, and nobody knows why. The error is for the user.
    pub fn parse_whole(text: &str) -> Result<Self, String> {
        for word in text.split_whitespace() {
            let word = word.strip_prefix('-').unwrap_or(word);
            let Some((name, asked)) = word.split_once(':') else { continue };
            let is_word = !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphabetic());
            let field = Field::named(&name.to_ascii_lowercase());
            match field {
                // An address has colons as well.
                None if is_word => {
                    let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
                    let name = clean(name, LONGEST);
                    return Err(format!(
                        "there is no field '{name}'; there are {}",
                        names.join(", ")
                    ));
                }
                Some(field) if field.is_measure() => {
                    let amount = asked.strip_prefix(['>', '<']);
                    if amount.and_then(amount_of).is_none() {
                        let (word, name) = (clean(word, LONGEST), field.name());
                        let most = if field.is_timed() { "15m" } else { "90" };
                        return Err(format!(
                            "{word}: {name} is a number: ask for more or less of it, such as \
                             {name}:>{most}"
                        ));
                    }
                }
                _ => {}
            }
        }
        Ok(Self::parse(text))
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it lets every row pass.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a row may pass a moment later that does not pass now.
    pub(super) fn is_timed(&self) -> bool {
        let is_word = |term: &Term| matches!(term.asks, Asks::Word(_));
        self.terms.iter().any(|it| !is_word(it) && it.field.is_some_and(Field::is_timed))
    }

    /// Whether a row passes at this moment.
    pub fn passes(&self, row: &Instance, now: Timestamp) -> bool {
        self.terms.iter().all(|term| term.holds(row, now) != term.not)
    }
}

impl Term {
    fn holds(&self, row: &Instance, now: Timestamp) -> bool {
        let amount = || self.field.and_then(|field| field.amount(row, now));
        match &self.asks {
            Asks::Word(word) => {
                let says = |field: Field| contains(&field.text(row), word);
                let anywhere = || Field::ALL.iter().any(|field| tells(*field, row, word));
                self.field.map_or_else(anywhere, says)
            }
            Asks::Above(least) => amount().is_some_and(|amount| amount > *least),
            Asks::Below(most) => amount().is_some_and(|amount| amount < *most),
        }
    }
}

/// Whether a word alone is meant for this field of a row. In what is prose it is the beginning of a
/// word: whoever types `us` means a region, and no Houston.
fn tells(field: Field, row: &Instance, word: &str) -> bool {
    let text = field.text(row);
    match field {
        Field::City | Field::Output => {
            let begins = |rest: &str| {
                rest.get(..word.len()).is_some_and(|begun| begun.eq_ignore_ascii_case(word))
            };
            let mut ends = text.char_indices().filter(|(_, it)| !it.is_alphanumeric());
            begins(&text) || ends.any(|(at, it)| begins(&text[at + it.len_utf8()..]))
        }
        _ => contains(&text, word),
    }
}

/// An amount as it is typed: `90`, `90%`, `$0.03`, `15m`.
fn amount_of(typed: &str) -> Option<f64> {
    let number = typed.trim_start_matches('$').trim_end_matches('%').parse().ok();
    number.filter(|number: &f64| number.is_finite()).or_else(|| Some(length(typed)?.as_secs_f64()))
}

/// The filter with its last word finished: the name of a field, or something that a row says in it.
pub(super) fn completed<'a>(
    typed: &str,
    rows: impl Iterator<Item = &'a Instance>,
) -> Option<String> {
    let (before, last) = typed
        .rsplit_once(' ')
        .map_or(("", typed), |(before, last)| (&typed[..=before.len()], last));
    let (not, last) = last.strip_prefix('-').map_or(("", last), |last| ("-", last));
    let Some((name, begun)) = last.split_once(':') else {
        let field = Field::ALL.iter().find(|field| field.name().starts_with(last))?;
        return Some(format!("{before}{not}{}:", field.name()));
    };
    let field = Field::named(&name.to_ascii_lowercase())?;
    let said = rows.filter_map(|row| {
        let said = field.text(row).split_whitespace().next()?.to_ascii_lowercase();
        (said.len() > begun.len() && said.starts_with(&begun.to_ascii_lowercase())).then_some(said)
    });
    Some(format!("{before}{not}{name}:{} ", said.min()?))
}

/// Whether a text contains a word, in whatever case of ASCII letters. Nothing is allocated: it is
/// asked of every row and line.
pub(super) fn contains(text: &str, word: &str) -> bool {
    find(text, word).is_some()
}

/// Where a text contains a word, in bytes.
pub fn find(text: &str, word: &str) -> Option<usize> {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    if word.is_empty() {
        return Some(0);
    }
    text.windows(word.len()).position(|part| part.eq_ignore_ascii_case(word))
}

/// A length of time as it is typed: `90s`, `15m`, `1h`, `2d`.
pub(super) fn length(typed: &str) -> Option<SignedDuration> {
    let (number, unit) = typed.split_at_checked(typed.len().checked_sub(1)?)?;
    let number: i64 = number.parse().ok().filter(|number| (0..=100_000).contains(number))?;
    Some(match unit {
        "s" => SignedDuration::from_secs(number),
        "m" => SignedDuration::from_mins(number),
        "h" => SignedDuration::from_hours(number),
        "d" => SignedDuration::from_hours(24 * number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Failure, FailureKind, Phase, Step};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn row(region: &str, phase: Phase) -> Instance {
        let now = Timestamp::UNIX_EPOCH;
        let mut row = Instance::planned("a".into(), region.into(), "spot-1".into(), now);
        row.phase = phase;
        row
    }

    #[test]
    fn words_are_looked_for_anywhere_and_fields_in_their_place() {
        let failed = row(
            "us-west-2",
            Phase::Failed(Failure::new(FailureKind::Capacity, Step::Launch, "no Capacity", "")),
        );
        for yes in ["", "us-", "CAPACITY west", "region:us phase:failed", "phase:", "-eu", "-"] {
            // A lone dash is a word that every region has.
            assert!(Query::parse(yes).passes(&failed, NOW), "{yes}");
        }
        for no in ["eu", "region:capacity", "phase:us", "-region:us", "region:us phase:ready"] {
            assert!(!Query::parse(no).passes(&failed, NOW), "{no}");
        }
    }

    #[test]
    fn a_word_alone_finds_no_middle_of_a_word_in_prose() {
        let mut row = row("eu-west-1", Phase::Ready);
        row.last_line = Some("joined the cluster: done".into());
        for yes in ["joined", "CLUSTER", "done", "cluster:", "output:lust"] {
            assert!(Query::parse(yes).passes(&row, NOW), "{yes}");
        }
        for no in ["us", "oined", "luster:", "ne"] {
            assert!(!Query::parse(no).passes(&row, NOW), "{no}");
        }
    }

    #[test]
    fn what_is_no_field_is_a_word() {
        assert!(!Query::parse("colour:red").passes(&row("us-west-2", Phase::Ready), NOW));
        assert_eq!(find("a Failed step", "FAILED"), Some(2));
    }

    #[test]
    fn a_filter_that_is_whole_has_fields_that_are_there_and_numbers_where_they_belong() {
        for typed in ["foo:bar", "us -Colour:red", "cpu:high", "age:>", "cpu:>much", "cost:1"] {
            let why = Query::parse_whole(typed).unwrap_err();
            assert!(why.contains("there is no field") || why.contains("is a number"), "{why}");
        }
        for typed in ["", "us", "region:us -phase:failed", "cpu:>90% age:<2h", "::1 2600:1f14:a"] {
            assert_eq!(Query::parse_whole(typed), Ok(Query::parse(typed)), "{typed}");
        }
    }

    #[test]
    fn a_length_is_a_number_and_a_unit() {
        assert_eq!(length("90s"), Some(SignedDuration::from_secs(90)));
        assert_eq!(length("2d"), Some(SignedDuration::from_hours(48)));
        for typed in ["", "h", "-1h", "1", "1y", "99999999999999999999h", "ä"] {
            assert_eq!(length(typed), None, "{typed}");
        }
    }

    #[test]
    fn amounts_are_compared_and_what_nobody_knows_is_neither_more_nor_less() {
        let now = Timestamp::from_second(5_400).unwrap();
        let mut row = row("us-west-2", Phase::Ready);
        row.cpu = vec![10, 95];
        row.cost.hourly = crate::fleet::Amount { usd: 0.04, is_partial: false };
        for yes in ["age:>1h", "cpu:>90%", "$/h:>0.03 cpu:<96", "age:>", "-disk:>1", "age:<2h"] {
            assert!(Query::parse(yes).passes(&row, now), "{yes}");
        }
        for no in ["age:>2h", "cpu:>95", "cost:<$0.04 hourly:<$0.04", "disk:>1", "disk:<99"] {
            assert!(!Query::parse(no).passes(&row, now), "{no}");
        }
        assert!(Query::parse("for:>10m").is_timed() && !Query::parse("age:3 cpu:>4").is_timed());
    }

    #[test]
    fn the_last_word_is_finished_from_what_rows_say() {
        let rows = [row("us-west-2", Phase::Ready), row("eu-west-1", Phase::Ready)];
        let finished = |typed: &str| completed(typed, rows.iter());
        assert_eq!(finished("ph").as_deref(), Some("phase:"));
        assert_eq!(finished("type:t3 -reg").as_deref(), Some("type:t3 -region:"));
        assert_eq!(finished("region:").as_deref(), Some("region:eu-west-1 "));
        assert_eq!(finished("a -region:US").as_deref(), Some("a -region:us-west-2 "));
        assert_eq!((finished("colour"), finished("region:zz")), (None, None));
    }
}
