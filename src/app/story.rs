//! What is behind one row, line by line: its phases, and what placing it took.

use jiff::{SignedDuration, Timestamp};

use super::Model;
use crate::fleet::{Attempt, InstanceKey, Phase};

/// One line of an instance's story.
#[derive(Debug, Clone, PartialEq)]
pub enum Story<'a> {
    /// What follows.
    Heading(&'static str),
    /// A phase, when it was entered, and how long it lasted or lasts.
    Phase(Timestamp, &'a Phase, SignedDuration),
    /// An attempt to launch it.
    Attempt(&'a Attempt),
}

/// The story of one instance, oldest first in each part; empty for one that is not known.
pub fn story<'a>(model: &'a Model, key: &InstanceKey) -> Vec<Story<'a>> {
    let Some(instance) = model.fleet.get(key) else { return Vec::new() };
    let mut story = vec![Story::Heading("timeline")];
    let ends = instance.timeline.iter().skip(1).map(|(at, _)| *at).chain([model.now]);
    for ((at, phase), end) in instance.timeline.iter().zip(ends) {
        story.push(Story::Phase(*at, phase, end.duration_since(*at)));
    }
    if !instance.attempts.is_empty() {
        story.push(Story::Heading("attempts"));
        story.extend(instance.attempts.iter().map(Story::Attempt));
    }
    story
}
