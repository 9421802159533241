//! The list `notify`: who is told of what happens.

use super::complaint::{ComplaintSink, quoted};
use super::fields::{Fields, Reading};
use super::keys::Section;
use super::schema::{NotifyTarget, NotifyVia, SecretSource, WebhookForm};
use super::tree::{Node, Value};
use super::values::{ValueResult, Wrong, boolean, choice, path, text};
use crate::fleet::NotificationKind;

/// How a target is written, for hints.
const FORM: &str = "write '- { webhook: slack, url_env: SLACK_URL }'";

/// Reads the list.
pub(super) fn read(node: Option<&Node>, sink: &mut ComplaintSink) -> Vec<NotifyTarget> {
    let Some(node) = node else { return Vec::new() };
    let Value::List(items) = &node.value else {
        let Wrong { found, .. } = Wrong::new(node, "");
        sink.add_with(node.at, format!("'notify' must be a list, found {found}"), FORM);
        return Vec::new();
    };
    let mut targets: Vec<NotifyTarget> = Vec::new();
    for item in items {
        let Some(target) = read_one(item, sink) else { continue };
        if targets.iter().any(|known| known.name == target.name) {
            let message = format!("two of 'notify' are called {}", quoted(&target.name));
            sink.add_with(item.at, message, "give each a 'name' of its own");
        } else {
            targets.push(target);
        }
    }
    targets
}

fn read_one(item: &Node, sink: &mut ComplaintSink) -> Option<NotifyTarget> {
    let mut fields = Fields::of(Some(item), Section::Notify, "in 'notify'", sink);
    let name = fields.read("name", sink, name);
    let form = fields.read("webhook", sink, |node| choice(node, &WebhookForm::ALL));
    let url = secret(&mut fields, ["url_file", "url_env"], sink);
    let key = secret(&mut fields, ["key_file", "key_env"], sink);
    let command = fields.get("command").map(|node| program(node, "'command' in 'notify'", sink));
    let terminal = fields.read("terminal", sink, boolean);
    let on = fields.read_list("on", sink, kind);
    let filter = fields.read("filter", sink, filter);
    let is_wrong = name.is_wrong()
        || form.is_wrong()
        || terminal.is_wrong()
        || url.is_wrong()
        || key.is_wrong()
        || matches!(command, Some(None));
    fields.finish(sink);
    if is_wrong {
        return None;
    }
    let (form, url, key) = (form.given(), url.given(), key.given());
    let word = form.map(WebhookForm::word);
    let ways = Ways { form, url, key, command: command.flatten(), terminal: terminal.or(false) };
    let via = match ways.only() {
        Ok(via) => via,
        Err((message, hint)) => {
            sink.add_with(item.at, message, hint);
            return None;
        }
    };
    let usual = match &via {
        NotifyVia::Webhook { .. } => word.unwrap_or_default(),
        NotifyVia::Command(_) => "command",
        NotifyVia::Terminal => "terminal",
    };
    Some(NotifyTarget {
        name: name.given().unwrap_or_else(|| usual.to_owned()),
        via,
        on: on.or(NotificationKind::USUAL.to_vec()),
        filter: filter.given().unwrap_or_default(),
    })
}

/// What an entry says of the way.
struct Ways {
    form: Option<WebhookForm>,
    url: Option<SecretSource>,
    key: Option<SecretSource>,
    command: Option<Vec<String>>,
    terminal: bool,
}

impl Ways {
    /// The one way; else what is wrong, and what to write.
    fn only(self) -> Result<NotifyVia, (String, &'static str)> {
        let count = usize::from(self.form.is_some())
            + usize::from(self.command.is_some())
            + usize::from(self.terminal);
        if count != 1 {
            let what = "one of 'notify' needs either 'webhook', 'command' or 'terminal: true'";
            return Err((what.to_owned(), FORM));
        }
        let Some(form) = self.form else {
            if self.url.is_some() || self.key.is_some() {
                let what = "a URL and a key belong to a 'webhook'";
                return Err((what.to_owned(), "leave them out"));
            }
            return Ok(self.command.map_or(NotifyVia::Terminal, NotifyVia::Command));
        };
        let takes_key = matches!(form, WebhookForm::Ntfy | WebhookForm::Json);
        if self.key.is_some() && !takes_key {
            let what = format!("'webhook: {}' has no key", form.word());
            return Err((what, "leave it out: its URL is the secret"));
        }
        let Some(url) = self.url else {
            let hint = "name where the URL is: 'url_env: NAME' or 'url_file: PATH'; it is a secret";
            return Err((format!("'webhook: {}' needs a URL", form.word()), hint));
        };
        Ok(NotifyVia::Webhook { form, url, key: self.key })
    }
}

/// Where a secret is: one of two keys says it.
fn secret(
    fields: &mut Fields<'_>,
    [file, variable]: [&'static str; 2],
    sink: &mut ComplaintSink,
) -> Reading<SecretSource> {
    let is_file = fields.read(file, sink, path);
    let is_variable = fields.read(variable, sink, variable_name);
    match (is_file, is_variable) {
        (Reading::Given(_, at), Reading::Given(..)) => {
            let message = format!("'{file}' excludes '{variable}'");
            sink.add_with(at, message, "keep one of them");
            Reading::Wrong
        }
        (Reading::Given(path, at), Reading::Absent) => Reading::Given(SecretSource::File(path), at),
        (Reading::Absent, Reading::Given(name, at)) => {
            Reading::Given(SecretSource::Variable(name), at)
        }
        (Reading::Absent, Reading::Absent) => Reading::Absent,
        _ => Reading::Wrong,
    }
}

/// A program and its arguments; `None` after a complaint. `what` names the key.
pub(super) fn program(node: &Node, what: &str, sink: &mut ComplaintSink) -> Option<Vec<String>> {
    let right = format!("{what} must be a list: the program and its arguments");
    let Value::List(items) = &node.value else {
        let Wrong { found, .. } = Wrong::new(node, "");
        let hint = "no shell runs it; write 'command: [program, argument]'";
        sink.add_with(node.at, format!("{right}, found {found}"), hint);
        return None;
    };
    let word = |node| text(node, "", |word| !word.contains('\0')).ok().map(str::to_owned);
    let words: Option<Vec<String>> = items.iter().map(word).collect();
    let words = words.filter(|words| words.first().is_some_and(|program| !program.is_empty()));
    if words.is_none() {
        sink.add_with(node.at, right, "put each of them in quotes");
    }
    words
}

fn kind(node: &Node) -> ValueResult<NotificationKind> {
    let asked_for = NotificationKind::ALL.iter().filter(|kind| **kind != NotificationKind::Test);
    let words: Vec<_> = asked_for.map(|kind| (kind.word(), *kind)).collect();
    choice(node, &words)
}

fn name(node: &Node) -> ValueResult<String> {
    let is_name = |text: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=32).contains(&text.len()) && text.chars().all(plain) && !text.starts_with('-')
    };
    text(node, "up to 32 of a-z, 0-9 and '-'", is_name).map(str::to_owned)
}

fn variable_name(node: &Node) -> ValueResult<String> {
    let is_name = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !text.is_empty()
            && text.chars().all(plain)
            && !text.starts_with(|c: char| c.is_ascii_digit())
    };
    // What does not look like a name may be the secret itself: it is not to be repeated.
    let named = text(node, "the name of a variable of the environment", is_name);
    named.map(str::to_owned).map_err(|wrong| Wrong { found: "something else".to_owned(), ..wrong })
}

fn filter(node: &Node) -> ValueResult<String> {
    let is_filter = |text: &str| text.len() <= 200 && !text.chars().any(char::is_control);
    text(node, "a filter as in the table, such as 'region:us-*'", is_filter).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    const REGIONS: &str = "regions:\n  - us-west-2: { machine_type: t3.medium }\n";

    fn targets(list: &str) -> Result<Vec<NotifyTarget>, String> {
        let text = format!("{REGIONS}notify:\n{list}");
        parse("c", &text).map(|config| config.notify).map_err(|why| why.to_string())
    }

    #[test]
    fn a_target_is_named_after_its_way_and_told_what_matters() {
        let read = targets(
            "  - { webhook: slack, url_env: SLACK_URL }\n  \
             - { name: ops, webhook: json, url_file: ~/url, key_env: KEY, on: [ready, daily], \
             filter: 'region:us-*' }\n  - { command: [notify-send, spot-tui] }\n  \
             - { terminal: true }\n",
        );
        let [slack, ops, command, terminal] = read.unwrap().try_into().unwrap();
        assert_eq!((slack.name.as_str(), slack.on), ("slack", NotificationKind::USUAL.to_vec()));
        assert_eq!(ops.on, [NotificationKind::Ready, NotificationKind::Daily]);
        assert_eq!((ops.name.as_str(), ops.filter.as_str()), ("ops", "region:us-*"));
        let key = Some(SecretSource::Variable("KEY".into()));
        let url = SecretSource::File("~/url".into());
        assert_eq!(ops.via, NotifyVia::Webhook { form: WebhookForm::Json, url, key });
        assert_eq!((command.name.as_str(), terminal.name.as_str()), ("command", "terminal"));
        assert_eq!(terminal.via, NotifyVia::Terminal);
    }

    #[test]
    fn what_cannot_work_is_refused_in_a_sentence() {
        for (list, words) in [
            ("  slack\n", "must be a list"),
            ("  - { on: [ready] }\n", "either 'webhook', 'command' or 'terminal: true'"),
            ("  - { webhook: slack, terminal: true, url_env: A }\n", "either 'webhook'"),
            ("  - { webhook: slack }\n", "needs a URL"),
            ("  - { webhook: slak, url_env: A }\n", "did you mean 'slack'?"),
            ("  - { webhook: slack, url_env: A, url_file: b }\n", "excludes 'url_env'"),
            ("  - { webhook: slack, url_env: A, key_env: B }\n", "has no key"),
            ("  - { terminal: true, url_env: A }\n", "belong to a 'webhook'"),
            ("  - { command: notify-send }\n", "the program and its arguments"),
            ("  - { command: [] }\n", "the program and its arguments"),
            ("  - { terminal: true, on: [everything] }\n", "interrupted, failed, replaced"),
            ("  - { terminal: true }\n  - { terminal: true }\n", "two of 'notify'"),
        ] {
            let why = targets(list).unwrap_err();
            assert!(why.contains(words), "{list}: {why}");
        }
    }

    #[test]
    fn a_url_in_the_wrong_place_is_not_repeated() {
        let secret = "https://hooks.example.com/services/T0/B0/s3cr3t";
        for key in ["url", "url_env"] {
            let why = targets(&format!("  - {{ webhook: slack, {key}: '{secret}' }}\n"));
            let why = why.unwrap_err();
            assert!(!why.contains("s3cr3t"), "{why}");
        }
    }
}
