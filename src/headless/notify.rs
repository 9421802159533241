//! `notify`: what somebody is to be told and was not yet, and what went, in how many tries.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::list::aligned;
use crate::fleet::{Digest, Notification};

/// How many of what is over are shown.
const NEWEST: usize = 20;

/// A message, on its way or at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its target.
    pub target: String,
    /// Its id.
    pub id: String,
    /// Its one line.
    pub title: String,
    /// For how many notifications it stands.
    pub count: usize,
    /// When the first of them was seen.
    pub seen: Timestamp,
    /// How often it was tried.
    pub tries: u32,
    /// How it stands.
    pub state: SentState,
}

/// How a message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SentState {
    /// It is tried then; and what came of the last try.
    Waits(Timestamp, Option<String>),
    /// It arrived then.
    Delivered(Timestamp),
    /// It was given up then, for this reason.
    GivenUp(Timestamp, String),
}

impl SentState {
    fn word(&self) -> &'static str {
        match self {
            Self::Waits(..) => "waits",
            Self::Delivered(_) => "delivered",
            Self::GivenUp(..) => "given up",
        }
    }

    fn at(&self) -> Timestamp {
        match self {
            Self::Waits(at, _) | Self::Delivered(at) | Self::GivenUp(at, _) => *at,
        }
    }

    fn why(&self) -> Option<&str> {
        match self {
            Self::Waits(_, why) => why.as_deref(),
            Self::Delivered(_) => None,
            Self::GivenUp(_, why) => Some(why),
        }
    }
}

/// Prints what is in no message yet, what waits, and what went: a table, or one JSON object.
pub fn print_sent(mut out: impl Write, held: &[Notification], sent: &[Sent], is_json: bool) {
    let text = if is_json { object(held, sent).to_string() } else { table(held, sent) };
    // A reader that went away is no reason to fail.
    let _ = writeln!(out, "{text}");
}

/// What came of telling a target something at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// The target.
    pub target: String,
    /// Where that is, without what is secret of it; empty for a terminal.
    pub place: String,
    /// Whether it arrived, as far as anybody knows.
    pub is_delivered: bool,
    /// What came of it, in words.
    pub said: String,
}

/// Prints what came of one: a line, or a JSON object on one.
pub fn print_tested(mut out: impl Write, tested: &Tested, is_json: bool) {
    let Tested { target, place, is_delivered, said } = tested;
    let _ = match (is_json, place.as_str()) {
        (true, _) => {
            let line = json!({
                "v": 1, "target": target, "place": place, "delivered": is_delivered, "said": said,
            });
            writeln!(out, "{line}")
        }
        (false, "") => writeln!(out, "{target}: {said}"),
        (false, place) => writeln!(out, "{target} ({place}): {said}"),
    };
}

/// Prints what became of each message that was to be sent: a line each, or one JSON object as for all
/// that went.
pub fn print_delivered(mut out: impl Write, sent: &[Sent], is_json: bool) {
    if is_json {
        return print_sent(out, &[], sent, true);
    }
    if sent.is_empty() {
        let _ = writeln!(out, "nothing waits");
    }
    for it in sent {
        let why = it.state.why().map(|why| format!(": {why}")).unwrap_or_default();
        let said = match &it.state {
            SentState::Waits(at, _) => {
                format!("waits until {} UTC{why}", at.strftime("%Y-%m-%d %H:%M:%S"))
            }
            SentState::Delivered(_) | SentState::GivenUp(..) => format!("{}{why}", it.state.word()),
        };
        let _ = writeln!(out, "{}: {said}; the message: {}", it.target, it.title);
    }
}

fn table(held: &[Notification], sent: &[Sent]) -> String {
    let headings = ["TARGET", "STATE", "TRIES", "SEEN", "MESSAGE"].map(str::to_owned);
    let mut lines = vec![headings.to_vec()];
    let moment = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    for notification in held {
        let title = Digest::of([notification]).map(|digest| digest.title()).unwrap_or_default();
        let to = notification.to.join(", ");
        lines.push(vec![to, "gathers".into(), "0".into(), moment(notification.at), title]);
    }
    let is_over = |it: &&Sent| !matches!(it.state, SentState::Waits(..));
    let hidden = sent.iter().filter(is_over).count().saturating_sub(NEWEST);
    let over = sent.iter().filter(is_over).skip(hidden);
    let waiting = sent.iter().filter(|it| !is_over(it));
    for it in over.chain(waiting) {
        let title = match it.state.why() {
            Some(why) => format!("{} ({why})", it.title),
            None => it.title.clone(),
        };
        let (tries, seen) = (it.tries.to_string(), moment(it.seen));
        lines.push(vec![it.target.clone(), it.state.word().into(), tries, seen, title]);
    }
    if lines.len() == 1 {
        return "nobody was told anything, and nothing waits".to_owned();
    }
    aligned(&lines)
}

fn object(held: &[Notification], sent: &[Sent]) -> Value {
    let messages = sent.iter().map(|it| {
        json!({
            "id": it.id,
            "target": it.target,
            "title": it.title,
            "count": it.count,
            "seen": it.seen,
            "tries": it.tries,
            "state": it.state.word(),
            "at": it.state.at(),
            "why": it.state.why(),
        })
    });
    json!({"v": 1, "gathering": held.len(), "messages": messages.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_each_message_is_a_line() {
        let at = Timestamp::UNIX_EPOCH;
        let of = |state| Sent {
            target: "ops".into(),
            id: "a".into(),
            title: "i-0a: Failed".into(),
            count: 1,
            seen: at,
            tries: 1,
            state,
        };
        let told = |sent: &[Sent]| {
            let mut out = Vec::new();
            print_delivered(&mut out, sent, false);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(told(&[]), "nothing waits\n");
        let sent = [
            of(SentState::Delivered(at)),
            of(SentState::GivenUp(at, "HTTP 404".into())),
            of(SentState::Waits(at, Some("HTTP 503".into()))),
        ];
        assert_eq!(
            told(&sent),
            "ops: delivered; the message: i-0a: Failed\n\
             ops: given up: HTTP 404; the message: i-0a: Failed\n\
             ops: waits until 1970-01-01 00:00:00 UTC: HTTP 503; the message: i-0a: Failed\n"
        );
    }
}
