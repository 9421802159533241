//! The kinds of what machines keep.

use serde::{Deserialize, Serialize};

/// What of a machine stays: the value of the tag `Kept`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptKind {
    /// The volume that it boots from.
    Root,
    /// The volume on which its user's work is.
    Home,
    /// Its address on the internet.
    Address,
    /// What was on a volume of its at some moment.
    Snapshot,
    /// A volume beside the one that it has: made of a snapshot, or replaced by one that was.
    Aside,
}

impl KeptKind {
    /// Its word, in the tag, in JSON and on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Home => "home",
            Self::Address => "address",
            Self::Snapshot => "snapshot",
            Self::Aside => "aside",
        }
    }

    /// The kind with this word. A tag may say anything.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Root, Self::Home, Self::Address, Self::Snapshot, Self::Aside];
        all.into_iter().find(|kind| kind.word() == word)
    }
}
