//! Many notifications as one message: a storm of interruptions is told once, with a count.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DeploymentId, Level, Notification, NotificationKind, Region};

/// How many notifications a message holds word by word; of the rest it has the number.
const MOST: usize = 500;

/// What is told in one message, because it is the same thing in the same place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    kind: NotificationKind,
    is_good: bool,
    region: Option<Region>,
    deployment: DeploymentId,
}

impl Group {
    /// The group of a notification.
    pub fn of(notification: &Notification) -> Self {
        let Notification { kind, level, region, deployment, .. } = notification;
        Self {
            kind: *kind,
            is_good: is_good(*level),
            region: region.clone(),
            deployment: deployment.clone(),
        }
    }

    /// Notifications by their group, in their order.
    pub fn sort(notifications: Vec<Notification>) -> BTreeMap<Self, Vec<Notification>> {
        let mut groups: BTreeMap<Self, Vec<Notification>> = BTreeMap::new();
        for notification in notifications {
            groups.entry(Self::of(&notification)).or_default().push(notification);
        }
        groups
    }
}

/// One message: a notification, or several of one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// That of its first notification. However often it is sent, it is this one.
    pub id: String,
    /// When the first one was seen.
    pub at: Timestamp,
    /// Of which kind they are.
    pub kind: NotificationKind,
    /// The most serious of theirs.
    pub level: Level,
    /// Whose they are.
    pub deployment: DeploymentId,
    /// Where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The first of them, in their order.
    pub notifications: Vec<Told>,
    /// How many more there are.
    #[serde(default)]
    pub more: usize,
}

/// A notification in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Its id.
    pub id: String,
    /// When it was seen.
    pub at: Timestamp,
    /// Whom it is about.
    pub about: String,
    /// What happened.
    pub text: String,
}

impl Digest {
    /// One message of notifications of one group; `None` of none.
    pub fn of<'a>(notifications: impl IntoIterator<Item = &'a Notification>) -> Option<Self> {
        let mut notifications = notifications.into_iter();
        let first = notifications.next()?;
        let mut digest = Self {
            id: first.id.clone(),
            at: first.at,
            kind: first.kind,
            level: first.level,
            deployment: first.deployment.clone(),
            region: first.region.clone(),
            notifications: Vec::new(),
            more: 0,
        };
        digest.add(first);
        notifications.for_each(|it| digest.add(it));
        Some(digest)
    }

    /// Takes in one more. To be done only while nobody was sent it: whoever has it drops what comes
    /// under its id again.
    pub fn add(&mut self, notification: &Notification) {
        if self.notifications.len() >= MOST {
            self.more += 1;
            return;
        }
        let Notification { id, at, about, text, .. } = notification.clone();
        self.level = self.level.max(notification.level);
        self.notifications.push(Told { id, at, about, text });
    }

    /// The group of its notifications.
    pub fn group(&self) -> Group {
        Group {
            kind: self.kind,
            is_good: is_good(self.level),
            region: self.region.clone(),
            deployment: self.deployment.clone(),
        }
    }

    /// How many notifications it stands for.
    pub fn count(&self) -> usize {
        self.notifications.len() + self.more
    }

    /// Its one line.
    pub fn title(&self) -> String {
        if let ([only], 0) = (self.notifications.as_slice(), self.more) {
            return format!("{}: {}", only.about, only.text);
        }
        let place = self.region.as_ref().map(|it| format!(" in {it}")).unwrap_or_default();
        let instances = format!("{} instances", self.count());
        let is_good = is_good(self.level);
        match self.kind {
            NotificationKind::Interrupted => format!("AWS reclaims {instances}{place}"),
            NotificationKind::Failed if is_good => format!("{instances}{place} work again"),
            NotificationKind::Failed => format!("{instances}{place} do not work"),
            NotificationKind::Ready => format!("{instances}{place} are ready"),
            NotificationKind::Lifetime => format!("{instances}{place} get too old"),
            NotificationKind::Replaced
            | NotificationKind::Budget
            | NotificationKind::Daily
            | NotificationKind::Weekly
            | NotificationKind::Test => {
                format!("{} notifications: {}", self.count(), self.kind.word())
            }
        }
    }

    /// What stands below it: a line a notification, so many at the most, and the number of the rest.
    pub fn lines(&self, most: usize) -> Vec<String> {
        if self.count() == 1 {
            return Vec::new();
        }
        let told = self.notifications.iter().take(most);
        let mut lines: Vec<String> =
            told.map(|told| format!("{}: {}", told.about, told.text)).collect();
        let left = self.count() - lines.len();
        if left > 0 {
            lines.push(format!("{left} more"));
        }
        lines
    }
}

fn is_good(level: Level) -> bool {
    matches!(level, Level::Info | Level::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notification(number: usize) -> Notification {
        let (kind, level) = (NotificationKind::Interrupted, Level::Warning);
        Notification { kind, level, text: "AWS reclaims it".into(), ..Notification::sample(number) }
    }

    #[test]
    fn one_is_told_as_it_is() {
        let digest = Digest::of(&[notification(1)]).unwrap();
        assert_eq!(digest.title(), "i-1: AWS reclaims it");
        assert!(digest.lines(10).is_empty());
        assert_eq!(Digest::of([]), None);
    }

    #[test]
    fn a_storm_is_one_message_with_a_count() {
        let storm: Vec<Notification> = (0..700).map(notification).collect();
        let digest = Digest::of(&storm).unwrap();
        assert_eq!(digest.id, storm[0].id);
        assert_eq!(digest.title(), "AWS reclaims 700 instances in us-west-2");
        let lines = digest.lines(3);
        assert_eq!((lines.len(), lines[3].as_str()), (4, "697 more"));
    }

    #[test]
    fn what_is_elsewhere_or_good_is_another_group() {
        let bad = notification(1);
        let mut elsewhere = bad.clone();
        elsewhere.region = Some("eu-west-1".into());
        let good = Notification { level: Level::Success, ..bad.clone() };
        assert_eq!(Group::of(&bad), Group::of(&notification(2)));
        assert_ne!(Group::of(&bad), Group::of(&elsewhere));
        assert_ne!(Group::of(&bad), Group::of(&good));
    }
}
