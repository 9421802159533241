//! How to leave while jobs are at work.

use strum::VariantArray;

/// How to leave while jobs are at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum Leave {
    /// Not at all.
    Stay,
    /// When the jobs are done.
    Wait,
    /// Now; the next start takes the work up again.
    Resume,
    /// When the jobs have stopped and what they created is taken back.
    Cancel,
}

impl Leave {
    /// All ways, the harmless one first.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The word on the button.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stay => "Stay",
            Self::Wait => "Wait, then quit",
            Self::Resume => "Quit, resume later",
            Self::Cancel => "Stop the work",
        }
    }

    /// What it means.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Stay => "Nothing changes.",
            Self::Wait => "Quits when the work is done.",
            Self::Resume => "Instances keep running and cost money; the next start resumes.",
            Self::Cancel => "Stops the work, removes what a create has made, and quits.",
        }
    }
}
