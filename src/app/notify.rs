//! Who wants to be told of what, and what they are to be told next.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::Query;
use crate::config::{Config, NotifyTarget, NotifyVia};
use crate::fleet::{Digest, Group, Instance, Notification, NotificationKind};

/// The least time between two notifications of one group in the terminal.
const QUIET: SignedDuration = SignedDuration::from_secs(30);

/// The targets of the configuration, and what waits for them.
#[derive(Debug, Clone, Default)]
pub struct Notify {
    targets: Vec<(NotifyTarget, Query)>,
    /// What is to be told to somebody elsewhere.
    pub(super) posted: Vec<Notification>,
    /// What is to be told in the terminal, and not yet: others of the same group join it.
    pub(super) shown: Vec<Notification>,
    /// When the terminal was last told of a group.
    last_shown: BTreeMap<Group, Timestamp>,
    /// The newest day whose sum was told.
    pub(super) summed: Option<Date>,
    /// How many messages arrived in this run.
    pub delivered: u64,
    /// How many were given up in it.
    pub given_up: u64,
}

impl Notify {
    /// The targets of a configuration.
    pub(super) fn new(config: Option<&Config>) -> Self {
        let targets = config.map(|config| config.notify.clone()).unwrap_or_default();
        let targets = targets.into_iter().map(|it| (Query::parse(&it.filter), it));
        Self { targets: targets.map(|(query, it)| (it, query)).collect(), ..Self::default() }
    }

    /// Whether somebody wants to be told of such.
    pub(super) fn wants(&self, kind: NotificationKind) -> bool {
        self.targets.iter().any(|(target, _)| target.on.contains(&kind))
    }

    /// The names of those who are to be told, in the terminal or elsewhere. A filter chooses
    /// instances: what is of none passes it.
    pub(super) fn to(
        &self,
        kind: NotificationKind,
        row: Option<&Instance>,
        now: Timestamp,
        in_terminal: bool,
    ) -> Vec<String> {
        let is_meant = |(target, query): &&(NotifyTarget, Query)| {
            (target.via == NotifyVia::Terminal) == in_terminal
                && target.on.contains(&kind)
                && row.is_none_or(|row| query.passes(row, now))
        };
        self.targets.iter().filter(is_meant).map(|(target, _)| target.name.clone()).collect()
    }

    /// What the terminal is told now, each group at once and not too often.
    pub(super) fn take_shown(&mut self, now: Timestamp) -> Vec<Digest> {
        let mut digests = Vec::new();
        for (group, notifications) in Group::sort(std::mem::take(&mut self.shown)) {
            let last = self.last_shown.get(&group);
            if last.is_some_and(|last| now.duration_since(*last) < QUIET) {
                self.shown.extend(notifications);
            } else {
                self.last_shown.insert(group, now);
                digests.extend(Digest::of(&notifications));
            }
        }
        digests
    }
}
