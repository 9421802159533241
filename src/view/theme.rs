//! Colours and glyphs. State is never colour alone: each has its glyph and its word.
//!
//! At first the terminal's own colours by name, and its default fore- and background: so one theme
//! reads on dark and on light. Yellow alone is another one: the terminal's own cannot be seen on
//! white.

use ratatui::style::{Color, Modifier, Style};

use crate::config::ThemeName;
use crate::fleet::{Health, Level};

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Ordinary text.
    #[default]
    Plain,
    /// What does not matter now: headings, rules, what is not known.
    Dim,
    /// What matters: titles, totals.
    Strong,
    /// The one accent: cursor, focus, keys.
    Accent,
    /// Seen working.
    Good,
    /// Something of ours is at work.
    Working,
    /// Nothing happens until somebody acts.
    Waiting,
    /// AWS takes it back.
    Interrupted,
    /// Needs a person.
    Bad,
}

impl From<Health> for Tone {
    fn from(health: Health) -> Self {
        match health {
            Health::Bad => Self::Bad,
            Health::Interrupted => Self::Interrupted,
            Health::Working => Self::Working,
            Health::Waiting => Self::Waiting,
            Health::Good => Self::Good,
            Health::Ending => Self::Dim,
        }
    }
}

impl From<Level> for Tone {
    fn from(level: Level) -> Self {
        match level {
            Level::Info => Self::Plain,
            Level::Success => Self::Good,
            Level::Warning => Self::Waiting,
            Level::Error => Self::Bad,
        }
    }
}

/// The signs that go with the words.
#[derive(Debug, PartialEq, Eq)]
pub struct Glyphs {
    health: [&'static str; 6],
    /// A full and an empty cell of a progress bar.
    pub bar: [&'static str; 2],
    /// A cell of a region's bar.
    pub block: &'static str,
    /// The row under the cursor.
    pub cursor: &'static str,
    /// A marked row.
    pub mark: &'static str,
    /// A rule across the screen.
    pub rule: &'static str,
    /// Sorted upwards, downwards.
    pub sort: [&'static str; 2],
    /// What is not known.
    pub none: &'static str,
    /// What was cut.
    pub cut: &'static str,
    /// How a price went, from the lowest to the highest.
    pub spark: &'static str,
    /// A service that works.
    pub well: &'static str,
    /// A service of which nothing is known.
    pub unknown: &'static str,
    /// A line beside a pane.
    pub wall: &'static str,
    /// Between two things of the same weight.
    pub dot: &'static str,
    /// A character of a secret.
    pub secret: &'static str,
}

const UNICODE: Glyphs = Glyphs {
    health: ["✗", "◷", "◐", "○", "●", "◌"],
    bar: ["▰", "▱"],
    block: "▇",
    cursor: "▌",
    mark: "◆",
    rule: "─",
    sort: ["▴", "▾"],
    none: "–",
    cut: "…",
    wall: "│",
    well: "✓",
    unknown: "·",
    spark: "▁▂▃▄▅▆▇█",
    dot: "·",
    secret: "•",
};

const ASCII: Glyphs = Glyphs {
    health: ["x", "!", ">", "o", "*", "~"],
    bar: ["#", "-"],
    block: "#",
    cursor: "|",
    mark: "+",
    rule: "-",
    sort: ["^", "v"],
    none: "-",
    cut: "~",
    wall: "|",
    well: "+",
    unknown: ".",
    spark: "_.-=^",
    dot: "|",
    secret: "*",
};

impl Glyphs {
    /// The sign of a state.
    pub fn health(&self, health: Health) -> &'static str {
        self.health[match health {
            Health::Bad => 0,
            Health::Interrupted => 1,
            Health::Working => 2,
            Health::Waiting => 3,
            Health::Good => 4,
            Health::Ending => 5,
        }]
    }
}

/// Colours and glyphs of the whole screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// The signs.
    pub glyphs: &'static Glyphs,
    palette: Palette,
    /// What is behind the text, where the terminal said so.
    background: Option<Background>,
}

/// What is behind the text of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    /// Something dark.
    Dark,
    /// Something light.
    Light,
}

impl Background {
    /// A shade that can be told from it, and on which its colours still read.
    fn shade(self) -> Color {
        Color::Indexed(match self {
            Self::Dark => 237,
            Self::Light => 254,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Palette {
    /// The terminal's own, by name.
    Own,
    /// For a dark background, of the 256.
    Dark,
    /// For a light background, of the 256.
    Light,
    Mono,
}

impl Palette {
    /// Good, working and accent, waiting, interrupted, bad; `None` for no colours.
    fn colours(self) -> Option<[Color; 5]> {
        let indexed = |colours: [u8; 5]| Some(colours.map(Color::Indexed));
        match self {
            Self::Own => Some([Color::Green, Color::Cyan, AMBER, Color::Magenta, Color::Red]),
            Self::Dark => indexed([114, 80, 179, 176, 203]),
            Self::Light => indexed([28, 25, 130, 127, 160]),
            Self::Mono => None,
        }
    }
}

/// A yellow for both backgrounds: `#af8700` of the 256 colours.
const AMBER: Color = Color::Indexed(136);

impl Theme {
    /// The theme of a name, as far as the terminal can show it.
    pub fn named(name: ThemeName, terminal: Ability) -> Self {
        let palette = match name {
            _ if !terminal.colours => Palette::Mono,
            ThemeName::Auto | ThemeName::Ascii => Palette::Own,
            ThemeName::Dark => Palette::Dark,
            ThemeName::Light => Palette::Light,
            ThemeName::Mono => Palette::Mono,
        };
        let theme = Self { glyphs: &UNICODE, palette, background: None };
        if name == ThemeName::Ascii || !terminal.unicode { theme.ascii() } else { theme }
    }

    /// In colours that read on dark and on light.
    pub fn colours() -> Self {
        Self { glyphs: &UNICODE, palette: Palette::Own, background: None }
    }

    /// The same on this background: what the terminal's own colours do not tell is the shade under the
    /// cursor.
    #[must_use]
    pub fn on(self, background: Option<Background>) -> Self {
        Self { background, ..self }
    }

    /// Without colours, for `NO_COLOR` and for terminals that have none.
    pub fn mono() -> Self {
        Self { palette: Palette::Mono, ..Self::colours() }
    }

    /// The same with ascii glyphs, for fonts and locales in which the others are missing or wide.
    #[must_use]
    pub fn ascii(self) -> Self {
        Self { glyphs: &ASCII, ..self }
    }

    /// Whether only ASCII may be drawn.
    pub fn is_ascii(&self) -> bool {
        self.glyphs.rule.is_ascii()
    }

    /// How text of a meaning is drawn.
    pub fn style(&self, tone: Tone) -> Style {
        let style = match tone {
            Tone::Plain => return Style::new(),
            Tone::Dim => return Style::new().add_modifier(Modifier::DIM),
            Tone::Strong => return Style::new().add_modifier(Modifier::BOLD),
            Tone::Accent | Tone::Bad => Style::new().add_modifier(Modifier::BOLD),
            _ => Style::new(),
        };
        let Some([good, working, waiting, interrupted, bad]) = self.palette.colours() else {
            return style;
        };
        style.fg(match tone {
            Tone::Good => good,
            Tone::Waiting => waiting,
            Tone::Interrupted => interrupted,
            Tone::Bad => bad,
            _ => working,
        })
    }

    /// What is laid over the row under the cursor.
    pub fn selection(&self) -> Style {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        match self.palette {
            Palette::Mono => Style::new().add_modifier(Modifier::REVERSED),
            Palette::Own => self.background.map_or(bold, |it| bold.bg(it.shade())),
            Palette::Dark => bold.bg(Background::Dark.shade()),
            Palette::Light => bold.bg(Background::Light.shade()),
        }
    }

    /// What is laid over a chosen button or field.
    pub fn chosen(&self) -> Style {
        self.style(Tone::Accent).add_modifier(Modifier::REVERSED)
    }
}

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ability {
    /// Whether it has colours, and they are wanted.
    pub colours: bool,
    /// Whether it shows more than ASCII.
    pub unicode: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    const HEALTHS: [Health; 6] = [
        Health::Bad,
        Health::Interrupted,
        Health::Working,
        Health::Waiting,
        Health::Good,
        Health::Ending,
    ];

    #[test]
    fn the_row_under_the_cursor_has_a_shade_where_the_background_is_known() {
        let own = Theme::colours();
        assert_eq!(own.selection().bg, None);
        let [dark, light] = [Background::Dark, Background::Light]
            .map(|it| own.clone().on(Some(it)).selection().bg.unwrap());
        assert_ne!(dark, light);
        assert_eq!(Theme::mono().on(Some(Background::Dark)).selection().bg, None);
    }

    #[test]
    fn each_state_has_a_glyph_of_its_own_one_column_wide() {
        for glyphs in [&UNICODE, &ASCII] {
            for (at, health) in HEALTHS.iter().enumerate() {
                assert_eq!(glyphs.health(*health).width(), 1);
                assert!(
                    HEALTHS[..at]
                        .iter()
                        .all(|other| { glyphs.health(*other) != glyphs.health(*health) })
                );
            }
        }
        assert!(HEALTHS.iter().all(|health| ASCII.health(*health).is_ascii()));
    }

    #[test]
    fn a_theme_never_shows_more_than_the_terminal_can() {
        let poor = Ability { colours: false, unicode: false };
        for (_, name) in ThemeName::ALL {
            let theme = Theme::named(name, poor);
            assert!(theme.is_ascii() && theme.style(Tone::Bad).fg.is_none());
        }
        let rich = Ability { colours: true, unicode: true };
        assert!(Theme::named(ThemeName::Ascii, rich).is_ascii());
        let selected = Theme::named(ThemeName::Light, rich).selection();
        assert!(selected.add_modifier.contains(Modifier::BOLD), "not by its ground alone");
    }

    #[test]
    fn mono_has_no_colour_and_shows_the_selection_without_one() {
        let theme = Theme::mono();
        for health in HEALTHS {
            assert_eq!(theme.style(health.into()).fg, None);
        }
        assert!(theme.selection().add_modifier.contains(Modifier::REVERSED));
        assert_eq!(theme.chosen().fg, None);
    }
}
