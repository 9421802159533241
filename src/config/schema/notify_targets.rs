//! Who is told of what happens, and how.

use std::path::PathBuf;

use crate::fleet::NotificationKind;

/// Who is told of what happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyTarget {
    /// Its name, unique in the file.
    pub name: String,
    /// The way there.
    pub via: NotifyVia,
    /// Of what. Default: of what somebody may want to act on.
    pub on: Vec<NotificationKind>,
    /// Of which instances, in the words of the table's filter; empty for all.
    pub filter: String,
}

/// The way of notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifyVia {
    /// An HTTP request.
    Webhook {
        /// In the words of which service.
        form: WebhookForm,
        /// Where to. Whoever knows the URL can write there: it is a secret.
        url: SecretSource,
        /// What signs `json`, or lets in at `ntfy`.
        key: Option<SecretSource>,
    },
    /// A program on this machine, which is not run by a shell, and its arguments.
    Command(Vec<String>),
    /// The terminal that the dashboard is in.
    Terminal,
}

/// Whose words a webhook takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookForm {
    /// Slack's incoming webhooks.
    Slack,
    /// Discord's webhooks.
    Discord,
    /// A workflow of Microsoft Teams.
    Teams,
    /// ntfy, at ntfy.sh or elsewhere.
    Ntfy,
    /// `CloudEvents` 1.0 in JSON, signed as Standard Webhooks says.
    Json,
}

impl WebhookForm {
    /// All of them, and their words.
    pub const ALL: [(&'static str, Self); 5] = [
        ("slack", Self::Slack),
        ("discord", Self::Discord),
        ("teams", Self::Teams),
        ("ntfy", Self::Ntfy),
        ("json", Self::Json),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, form)| *form == self).map_or("", |(word, _)| word)
    }
}

/// Where a secret is; never in the configuration itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The first line of a file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
}
