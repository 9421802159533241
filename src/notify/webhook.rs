//! A webhook: one request a try, and what its answer means.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::Value;

use super::attempt::Attempt;
use super::body::body;
use super::signature::{Key, WrongKey};
use crate::config::WebhookForm;
use crate::fleet::text::clean;
use crate::fleet::{Digest, Secret};

/// How much of an answer is read, in bytes.
const ANSWER: usize = 4 << 10;
/// How much of it is told.
const TOLD: usize = 200;
/// The longest pause that a far side is granted: one that asks for more is asked again then.
const LONGEST: Duration = Duration::from_hours(6);
/// From how many characters on a part of a URL may be the secret in it.
const LEAST_SECRET: usize = 6;

/// Where requests go, and in what words.
#[derive(Clone)]
pub struct Webhook {
    client: Client,
    form: WebhookForm,
    url: Url,
    host: String,
    /// What `json` is signed with.
    key: Option<Key>,
    /// What `ntfy` lets in by.
    token: Option<HeaderValue>,
    /// The topic of `ntfy`.
    topic: String,
}

/// Why a webhook cannot be used. It does not tell the URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongUrl {
    /// It is no URL of the web.
    #[error("its URL does not begin with https://")]
    Scheme,
    /// ntfy's has no topic.
    #[error("its URL does not end with a topic, as https://ntfy.sh/topic does")]
    Topic,
    /// The key is none.
    #[error("its key: {0}")]
    Key(#[from] WrongKey),
    /// The token cannot be sent.
    #[error("its token has control characters")]
    Token,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Webhook {
    /// A webhook of this form at this URL. `is_plain_allowed` says whether it may be one without
    /// TLS: only on this machine, for whoever reads the URL on its way can write there.
    pub fn new(
        client: Client,
        form: WebhookForm,
        url: &Secret,
        key: Option<&Secret>,
        is_plain_allowed: impl Fn(&str) -> bool,
    ) -> Result<Self, WrongUrl> {
        let text = url.reveal().trim();
        let mut url = Url::parse(text).map_err(|_| WrongUrl::Scheme)?;
        let host = url.host_str().ok_or(WrongUrl::Scheme)?.to_owned();
        if !(url.scheme() == "https" || url.scheme() == "http" && is_plain_allowed(text)) {
            return Err(WrongUrl::Scheme);
        }
        let mut topic = String::new();
        let (mut signs, mut token) = (None, None);
        match form {
            WebhookForm::Ntfy => {
                let path = url.path().trim_end_matches('/').to_owned();
                let (root, last) = path.rsplit_once('/').ok_or(WrongUrl::Topic)?;
                if last.is_empty() {
                    return Err(WrongUrl::Topic);
                }
                last.clone_into(&mut topic);
                url.set_path(&format!("{root}/"));
                token = key.map(bearer).transpose()?;
            }
            WebhookForm::Json => signs = key.map(|it| Key::parse(it.reveal())).transpose()?,
            // Without it nothing is told of a message that was not kept.
            WebhookForm::Discord => drop(url.query_pairs_mut().append_pair("wait", "true")),
            WebhookForm::Slack | WebhookForm::Teams => {}
        }
        Ok(Self { client, form, url, host, key: signs, token, topic })
    }

    /// The host alone.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Posts a message once.
    pub(super) async fn post(&self, digest: &Digest, now: Timestamp, limit: Duration) -> Attempt {
        let text = body(self.form, digest, &self.topic).to_string();
        let headers = self.headers(digest, now, &text);
        let request = self.client.post(self.url.clone()).timeout(limit).headers(headers).body(text);
        let asked = async {
            let answer = request.send().await?;
            let (status, after) = (answer.status(), retry_after(answer.headers(), now));
            Ok::<_, reqwest::Error>((status, after, read(answer).await?))
        };
        match asked.await {
            Ok((status, after, bytes)) => self.judge(status, after, &bytes),
            Err(error) if error.is_timeout() => {
                Attempt::Later(format!("no answer within {} s", limit.as_secs().max(1)), None)
            }
            Err(error) => Attempt::Later(self.mask(&innermost(&error.without_url())), None),
        }
    }

    fn headers(&self, digest: &Digest, now: Timestamp, body: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let kind = match self.form {
            WebhookForm::Json => "application/cloudevents+json",
            _ => "application/json",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(token) = &self.token {
            headers.insert(AUTHORIZATION, token.clone());
        }
        if self.form == WebhookForm::Json {
            let mut add = |name: &'static str, value: &str| {
                // All of them are digits and letters.
                if let Ok(value) = HeaderValue::from_str(value) {
                    headers.insert(name, value);
                }
            };
            add("webhook-id", &digest.id);
            add("webhook-timestamp", &now.as_second().to_string());
            if let Some(key) = &self.key {
                add("webhook-signature", &key.sign(&digest.id, now, body));
            }
        }
        headers
    }

    fn judge(&self, status: StatusCode, after: Option<Duration>, bytes: &[u8]) -> Attempt {
        if status.is_success() {
            return Attempt::Delivered;
        }
        let said = self.mask(&clean(&String::from_utf8_lossy(bytes), TOLD));
        let number = status.as_u16();
        let why = if said.is_empty() {
            format!("HTTP {number}")
        } else {
            format!("HTTP {number}: {said}")
        };
        match number {
            404 => Attempt::Missing(why),
            410 => Attempt::Gone(why),
            408 | 425 | 429 => Attempt::Later(why, after.or_else(|| discord_after(bytes))),
            400..=499 => Attempt::Refused(why),
            // A redirect is not followed: it could carry the message to somebody else.
            300..=399 => Attempt::Refused(format!("{why}: redirects are not followed")),
            _ => Attempt::Later(why, after),
        }
    }

    /// A text without what of the URL may be a secret.
    fn mask(&self, text: &str) -> String {
        let parts = self.url.path_segments().into_iter().flatten();
        let parts = parts.chain(self.url.query()).chain([self.topic.as_str()]);
        let secrets = parts.filter(|part| part.len() >= LEAST_SECRET);
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

fn bearer(token: &Secret) -> Result<HeaderValue, WrongUrl> {
    let value = HeaderValue::try_from(format!("Bearer {}", token.reveal().trim()));
    let mut value = value.map_err(|_| WrongUrl::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The beginning of an answer's body.
async fn read(mut answer: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER {
            break;
        }
    }
    Ok(bytes)
}

/// For how long the far side wants to be left alone: seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = if let Ok(seconds) = value.parse::<f64>() {
        Duration::try_from_secs_f64(seconds).ok()?
    } else {
        let date = DateTimeParser::new().parse_timestamp(value).ok()?;
        date.duration_since(now).try_into().unwrap_or_default()
    };
    Some(pause.min(LONGEST))
}

/// The same in Discord's body, to the millisecond.
fn discord_after(bytes: &[u8]) -> Option<Duration> {
    let body: Value = serde_json::from_slice(bytes).ok()?;
    let pause = Duration::try_from_secs_f64(body.get("retry_after")?.as_f64()?).ok()?;
    Some(pause.min(LONGEST))
}

/// What is at the bottom of an error of reqwest: what went wrong.
fn innermost(error: &reqwest::Error) -> String {
    let error: &dyn std::error::Error = error;
    let bottom = std::iter::successors(Some(error), |error| error.source()).last();
    bottom.map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(form: WebhookForm, url: &str) -> Result<Webhook, WrongUrl> {
        let is_near = |url: &str| url.starts_with("http://127.0.0.1");
        Webhook::new(Client::new(), form, &Secret::new(url), None, is_near)
    }

    #[test]
    fn only_what_is_encrypted_or_here_is_written_to() {
        let slack = |url| webhook(WebhookForm::Slack, url);
        assert_eq!(
            slack("https://hooks.slack.com/services/T/B/X").unwrap().host(),
            "hooks.slack.com"
        );
        slack("http://127.0.0.1:9/x").unwrap();
        for wrong in ["http://hooks.slack.com/services/T/B/X", "ftp://x/", "hooks.slack.com/x", ""]
        {
            assert_eq!(slack(wrong).unwrap_err(), WrongUrl::Scheme, "{wrong}");
        }
    }

    #[test]
    fn a_topic_is_taken_off_the_url() {
        let ntfy = webhook(WebhookForm::Ntfy, "https://ntfy.sh/my-topic").unwrap();
        assert_eq!((ntfy.url.as_str(), ntfy.topic.as_str()), ("https://ntfy.sh/", "my-topic"));
        let below = webhook(WebhookForm::Ntfy, "https://example.com/ntfy/t/").unwrap();
        assert_eq!((below.url.as_str(), below.topic.as_str()), ("https://example.com/ntfy/", "t"));
        assert_eq!(webhook(WebhookForm::Ntfy, "https://ntfy.sh/").unwrap_err(), WrongUrl::Topic);
    }

    #[test]
    fn an_answer_decides_what_follows() {
        let hook = webhook(WebhookForm::Slack, "https://h/services/T0/B0/s3cr3ts3cr3t").unwrap();
        let of = |status: u16, body: &str| {
            hook.judge(StatusCode::from_u16(status).unwrap(), None, body.as_bytes())
        };
        assert_eq!(of(202, "anything"), Attempt::Delivered);
        assert_eq!(
            of(403, "action_prohibited"),
            Attempt::Refused("HTTP 403: action_prohibited".into())
        );
        assert_eq!(of(410, ""), Attempt::Gone("HTTP 410".into()));
        assert_eq!(of(503, ""), Attempt::Later("HTTP 503".into(), None));
        let pause = Some(Duration::from_millis(1337));
        let limited = r#"{"message": "slow", "retry_after": 1.337}"#;
        assert!(matches!(of(429, limited), Attempt::Later(_, after) if after == pause));
        let Attempt::Refused(why) = of(302, "") else { panic!("a redirect") };
        assert!(why.contains("not followed"), "{why}");
        let Attempt::Missing(why) = of(404, "Cannot POST /services/T0/B0/s3cr3ts3cr3t") else {
            panic!("missing")
        };
        assert_eq!(why, "HTTP 404: Cannot POST /***/T0/B0/***", "no echo of the URL");
        assert!(!format!("{hook:?}").contains("s3cr3t"));
    }

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_by_a_date() {
        let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let of = |value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            retry_after(&[(RETRY_AFTER, value)].into_iter().collect(), now)
        };
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("Sat, 28 Nov 2026 12:01:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(of("Sat, 28 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("99999999"), Some(LONGEST));
        assert_eq!(of("-1"), None);
        assert_eq!(of("soon"), None);
    }
}
