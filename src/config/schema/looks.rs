//! How the screen looks, and what its keys do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How the dashboard looks and listens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ui {
    /// Colours and signs. Default: what the terminal can show.
    pub theme: ThemeName,
    /// Whether the mouse is taken from the terminal at the start. Default false.
    pub mouse: bool,
    /// Whether the bell rings when something fails or is interrupted. Default false.
    pub bell: bool,
    /// Whether nothing moves on the screen but what time itself moves. Default false.
    pub is_still: bool,
    /// Colours of the user's own, in place of the theme's.
    pub palette: Colours,
    /// Commands of the user's own.
    pub commands: Vec<UserCommand>,
    /// Other keys for actions, by the action's name. Which actions there are, and how keys are
    /// written, is the keymap's business.
    pub keymap: BTreeMap<String, Rebound>,
}

/// Colours of the user's own, each red, green and blue; what is not given is the theme's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Colours {
    /// What all is painted on, and ordinary text: both or none.
    pub ground: Option<[[u8; 3]; 2]>,
    /// What does not matter now.
    pub dim: Option<[u8; 3]>,
    /// Good, working and accent, waiting, interrupted, bad.
    pub states: [Option<[u8; 3]>; 5],
    /// What lies under the row of the cursor.
    pub selection: Option<[u8; 3]>,
    /// What lies under marked rows.
    pub mark: Option<[u8; 3]>,
}

/// A command of the user's own for the shell on this side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCommand {
    /// The key that runs it, after the one that offers them.
    pub key: char,
    /// What it is called.
    pub name: String,
    /// The line for the shell; `$ID`, `$IP`, `$REGION` and others say what the row is.
    pub run: String,
    /// Whether it is asked first. Default false.
    pub confirm: bool,
    /// Whether its output stays until Enter. Default true.
    pub wait: bool,
}

/// The keys that an action gets instead of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebound {
    /// Where that is written: the line and the column in characters, from 1.
    pub at: (usize, usize),
    /// The keys, as they were written.
    pub keys: Vec<String>,
}

/// A choice of colours and signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThemeName {
    /// The terminal's own colours; none where it has none.
    #[default]
    Auto,
    /// Colours for a dark background.
    Dark,
    /// Colours for a light background.
    Light,
    /// No colours.
    Mono,
    /// The terminal's own colours, and only signs of ASCII.
    Ascii,
    /// Catppuccin Mocha.
    Catppuccin,
    /// Catppuccin Latte, for who likes it light.
    Latte,
    /// Gruvbox dark.
    Gruvbox,
    /// Tokyo Night.
    Tokyonight,
    /// Nord.
    Nord,
    /// Dracula.
    Dracula,
}

impl ThemeName {
    /// All of them, and their words.
    pub const ALL: [(&'static str, Self); 11] = [
        ("auto", Self::Auto),
        ("dark", Self::Dark),
        ("light", Self::Light),
        ("mono", Self::Mono),
        ("ascii", Self::Ascii),
        ("catppuccin", Self::Catppuccin),
        ("latte", Self::Latte),
        ("gruvbox", Self::Gruvbox),
        ("tokyonight", Self::Tokyonight),
        ("nord", Self::Nord),
        ("dracula", Self::Dracula),
    ];
}
