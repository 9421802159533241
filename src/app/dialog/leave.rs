//! How to leave while jobs are at work.

use strum::VariantArray;

use crate::app::Left;

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

    /// The word on the button, of who quits or goes elsewhere.
    pub fn word(self, to: &Left) -> &'static str {
        let quits = matches!(to, Left::Exit(_));
        match self {
            Self::Stay => "Stay",
            Self::Wait if quits => "Wait, then quit",
            Self::Wait => "Wait, then go",
            Self::Resume if quits => "Quit, resume later",
            Self::Resume => "Go, resume later",
            Self::Cancel => "Stop the work",
        }
    }

    /// What it means.
    pub fn meaning(self, to: &Left) -> &'static str {
        let quits = matches!(to, Left::Exit(_));
        match self {
            Self::Stay => "Nothing changes.",
            Self::Wait if quits => "Quits when the work is done.",
            Self::Wait => "Goes there when the work is done.",
            Self::Resume if quits => {
                "Instances keep running and cost money; the next start resumes."
            }
            Self::Resume => "Instances keep running and cost money; coming back resumes.",
            Self::Cancel if quits => "Stops the work, removes what a create has made, and quits.",
            Self::Cancel => "Stops the work, removes what a create has made, and goes there.",
        }
    }
}
