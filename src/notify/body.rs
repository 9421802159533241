//! A message in the words of each service. Where a service has a limit, the text is cut to it: what
//! is too long is refused there, and then nobody is told anything.

use serde_json::{Value, json};

use crate::config::WebhookForm;
use crate::fleet::{Digest, Level};

/// How many notifications are named in a chat.
const LINES: usize = 10;
/// The longest section of Slack's, in characters: <https://docs.slack.dev/reference/block-kit/blocks/section-block>.
const SLACK: usize = 3000;
/// The longest content of Discord's, in characters: <https://discord.com/developers/docs/resources/webhook#execute-webhook>.
const DISCORD: usize = 2000;
/// The longest message of ntfy's, in bytes; a longer one becomes an attachment:
/// <https://docs.ntfy.sh/publish/#limitations>.
const NTFY: usize = 4096;
/// A card of Teams' may have 28 KB; so many characters leave room for what is around them:
/// <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>.
const TEAMS: usize = 6000;

/// The body of a request, in the words of a service. `topic` is ntfy's.
pub(super) fn body(form: WebhookForm, digest: &Digest, topic: &str) -> Value {
    match form {
        WebhookForm::Slack => slack(digest),
        WebhookForm::Discord => discord(digest),
        WebhookForm::Teams => teams(digest),
        WebhookForm::Ntfy => ntfy(digest, topic),
        WebhookForm::Json => event(digest),
    }
}

/// The text of a message without its title.
fn below(digest: &Digest) -> String {
    digest.lines(LINES).join("\n")
}

/// Whose it is, and since when.
fn foot(digest: &Digest) -> String {
    format!("spot-tui, {}, {}", digest.deployment, digest.at.strftime("%Y-%m-%d %H:%M:%S UTC"))
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(2)).collect();
    format!("{kept}..")
}

fn sign(level: Level) -> &'static str {
    match level {
        Level::Info => "",
        Level::Success => "\u{2705} ",
        Level::Warning => "\u{26a0}\u{fe0f} ",
        Level::Error => "\u{274c} ",
    }
}

/// An incoming webhook of Slack's. What Slack would obey is escaped: `<!channel>` rings everybody
/// (<https://docs.slack.dev/messaging/formatting-message-text>).
fn slack(digest: &Digest) -> Value {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let title = format!("{}{}", sign(digest.level), digest.title());
    let (title, below) = (escape(&cut(&title, SLACK / 6)), escape(&cut(&below(digest), SLACK / 6)));
    let text = format!("*{title}*\n{below}");
    let section = |text: &str| json!({"type": "section", "text": {"type": "mrkdwn", "text": text}});
    let foot =
        json!({"type": "context", "elements": [{"type": "plain_text", "text": foot(digest)}]});
    json!({"text": title, "blocks": [section(text.trim_end()), foot]})
}

/// A webhook of Discord's. It mentions nobody.
fn discord(digest: &Digest) -> Value {
    let title = format!("**{}{}**", sign(digest.level), digest.title());
    let text = format!("{title}\n{}\n-# {}", below(digest), foot(digest));
    json!({"content": cut(&text, DISCORD), "allowed_mentions": {"parse": []}})
}

/// A card for a workflow of Teams' that begins when a webhook request is received.
fn teams(digest: &Digest) -> Value {
    let block = |text: String| json!({"type": "TextBlock", "text": text, "wrap": true});
    let mut title = block(cut(&digest.title(), TEAMS / 2));
    title["weight"] = "Bolder".into();
    // A card takes one line feed for a space.
    let below = cut(&below(digest).replace('\n', "\n\n"), TEAMS);
    let mut foot = block(foot(digest));
    foot["isSubtle"] = true.into();
    let blocks = if below.is_empty() { vec![title, foot] } else { vec![title, block(below), foot] };
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    });
    let kind = "application/vnd.microsoft.card.adaptive";
    json!({"type": "message", "attachments": [{"contentType": kind, "content": card}]})
}

/// A message to ntfy's root (<https://docs.ntfy.sh/publish/#publish-as-json>).
fn ntfy(digest: &Digest, topic: &str) -> Value {
    let (priority, tags) = match digest.level {
        Level::Info => (2, json!([])),
        Level::Success => (3, json!(["white_check_mark"])),
        Level::Warning => (4, json!(["warning"])),
        Level::Error => (5, json!(["x"])),
    };
    let title = format!("spot-tui: {}", digest.kind.word());
    let text = format!("{}\n{}", digest.title(), below(digest));
    let mut message = text.trim_end().to_owned();
    message.truncate(message.floor_char_boundary(NTFY));
    json!({"topic": topic, "title": title, "message": message, "priority": priority, "tags": tags})
}

/// A message as an event of CloudEvents 1.0, for programs: `assets/notification.schema.json`.
pub fn event(digest: &Digest) -> Value {
    let told = digest
        .notifications
        .iter()
        .map(|told| json!({"id": told.id, "at": told.at, "about": told.about, "text": told.text}));
    let subject = digest.region.as_ref().map_or(digest.deployment.as_str(), |it| it.as_str());
    json!({
        "specversion": "1.0",
        "id": digest.id,
        "source": format!("spot-tui/{}", digest.deployment),
        "type": format!("spot-tui.{}", digest.kind.word()),
        "time": digest.at,
        "subject": subject,
        "datacontenttype": "application/json",
        "data": {
            "v": 1,
            "kind": digest.kind.word(),
            "level": digest.level,
            "title": digest.title(),
            "deployment": digest.deployment,
            "region": digest.region,
            "count": digest.count(),
            "notifications": told.collect::<Vec<_>>(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Notification, NotificationKind};

    fn storm(count: usize, text: &str) -> Digest {
        let notifications = (0..count).map(|number| Notification {
            kind: NotificationKind::Interrupted,
            level: Level::Warning,
            text: text.to_owned(),
            ..Notification::sample(number)
        });
        Digest::of(&notifications.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn slack_obeys_nothing_of_what_a_node_says() {
        let text = slack(&storm(1, "<!channel> & <https://evil|x>")).to_string();
        assert!(text.contains("&lt;!channel&gt; &amp; &lt;https://evil|x&gt;"), "{text}");
        assert!(!text.contains("<!channel>"), "{text}");
    }

    #[test]
    fn every_service_gets_what_it_takes_at_the_most() {
        let long = "&".repeat(9_000);
        for digest in [storm(1, &long), storm(300, &long)] {
            let slack = slack(&digest);
            let section = slack["blocks"][0]["text"]["text"].as_str().unwrap();
            assert!(
                section.chars().count() <= 3000 + 20 && !section.is_empty(),
                "{}",
                section.len()
            );
            let discord = discord(&digest);
            assert!(discord["content"].as_str().unwrap().chars().count() <= 2000);
            assert_eq!(discord["allowed_mentions"]["parse"], json!([]));
            assert!(teams(&digest).to_string().len() <= 28 << 10);
            assert!(ntfy(&digest, "t")["message"].as_str().unwrap().len() <= 4096);
        }
    }

    #[test]
    fn a_storm_is_named_by_its_first_ones_and_counted() {
        let text = discord(&storm(300, "AWS reclaims it"))["content"].as_str().unwrap().to_owned();
        assert!(text.contains("AWS reclaims 300 instances in us-west-2"), "{text}");
        assert!(text.contains("i-9: AWS reclaims it\n290 more"), "{text}");
        let event = event(&storm(300, "AWS reclaims it"));
        assert_eq!(event["data"]["count"], 300);
        assert_eq!(event["data"]["notifications"].as_array().unwrap().len(), 300);
    }
}
