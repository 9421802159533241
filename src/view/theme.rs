//! Colours and glyphs. State is never colour alone: each has its glyph and its word.
//!
//! At first the terminal's own colours by name, and its default fore- and background: so one theme
//! reads on dark and on light.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use super::palettes::{self, Palette};

use crate::config::{Colours, ThemeName};
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
    /// What is at work, turning.
    turning: [&'static str; 4],
    /// A full and an empty cell of a progress bar.
    pub bar: [&'static str; 2],
    /// A cell of a region's bar.
    pub block: &'static str,
    /// An instance among many that is well.
    block_cell: &'static str,
    /// The signs of an amount, from little to much.
    levels: [&'static str; 8],
    /// A line that stands for more.
    pub folded: &'static str,
    /// The row under the cursor.
    pub cursor: &'static str,
    /// A marked row.
    pub mark: &'static str,
    /// A line that stands for rows of which some are marked.
    pub some_marked: &'static str,
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
    /// Where in a list one is.
    pub thumb: &'static str,
    /// A line beside a pane.
    pub wall: &'static str,
    /// Between two things of the same weight.
    pub dot: &'static str,
    /// A character of a secret.
    pub secret: &'static str,
}

const UNICODE: Glyphs = Glyphs {
    health: ["✗", "◷", "◐", "○", "●", "◌"],
    turning: ["◐", "◓", "◑", "◒"],
    bar: ["▰", "▱"],
    block: "▇",
    block_cell: "■",
    levels: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    folded: "▸",
    cursor: "▌",
    mark: "◆",
    some_marked: "◇",
    rule: "─",
    sort: ["▴", "▾"],
    none: "–",
    cut: "…",
    thumb: "▐",
    wall: "│",
    well: "✓",
    unknown: "·",
    spark: "▁▂▃▄▅▆▇█",
    dot: "·",
    secret: "•",
};

const ASCII: Glyphs = Glyphs {
    health: ["x", "!", ">", "o", "*", "~"],
    turning: [">", ">", ">", ">"],
    bar: ["#", "-"],
    block: "#",
    block_cell: "*",
    levels: ["0", "1", "2", "3", "4", "5", "6", "7"],
    folded: ">",
    cursor: "|",
    mark: "+",
    some_marked: "-",
    rule: "-",
    sort: ["^", "v"],
    none: "-",
    cut: "~",
    thumb: "#",
    wall: "|",
    well: "+",
    unknown: ".",
    spark: "_.-=^",
    dot: "|",
    secret: "*",
};

impl Glyphs {
    /// Whether all of them are ASCII.
    pub fn is_ascii(&self) -> bool {
        self.rule.is_ascii()
    }

    /// The sign of a state where there are many: what is well is a block, and the others stand out.
    pub fn cell(&self, health: Health) -> &'static str {
        if health == Health::Good { self.block_cell } else { self.health(health) }
    }

    /// The sign of a share between 0 and 1.
    pub fn level_of(&self, share: f64) -> &'static str {
        self.levels[level(share, self.levels.len())]
    }

    /// The sign of how serious a sentence is; a blank where it is not.
    pub fn level(&self, level: Level) -> &'static str {
        match level {
            Level::Info => " ",
            Level::Success => self.well,
            Level::Warning => "!",
            Level::Error => self.health(Health::Bad),
        }
    }

    /// The sign of what is at work, a turn further each second: nothing wakes for it alone.
    pub fn turning(&self, second: i64) -> &'static str {
        let turn = usize::try_from(second.rem_euclid(4)).unwrap_or(0);
        self.turning[turn]
    }

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

/// The level of a share, of so many.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share lies between 0 and 1, and there are a few levels"
)]
pub(super) fn level(share: f64, levels: usize) -> usize {
    ((share.clamp(0.0, 1.0) * levels as f64) as usize).min(levels.saturating_sub(1))
}

/// Colours and glyphs of the whole screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// The signs.
    pub glyphs: &'static Glyphs,
    palette: Palette,
    /// Whether the terminal has the colours of the palette, and not the nearest of 256.
    truecolour: bool,
    /// Whether the terminal has links.
    links: bool,
}

/// What is behind the text of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    /// Something dark.
    Dark,
    /// Something light.
    Light,
}

impl Theme {
    /// The theme of a name, as far as the terminal can show it.
    pub fn named(name: ThemeName, terminal: Ability) -> Self {
        let palette = match name {
            _ if !terminal.colours => palettes::MONO,
            ThemeName::Auto | ThemeName::Ascii => palettes::OWN,
            ThemeName::Dark => palettes::DARK,
            ThemeName::Light => palettes::LIGHT,
            ThemeName::Mono => palettes::MONO,
            ThemeName::Catppuccin => palettes::CATPPUCCIN,
            ThemeName::Latte => palettes::LATTE,
            ThemeName::Gruvbox => palettes::GRUVBOX,
            ThemeName::Tokyonight => palettes::TOKYONIGHT,
            ThemeName::Nord => palettes::NORD,
            ThemeName::Dracula => palettes::DRACULA,
        };
        let Ability { truecolour, links, .. } = terminal;
        let theme = Self { glyphs: &UNICODE, palette, truecolour, links };
        if name == ThemeName::Ascii || !terminal.unicode { theme.ascii() } else { theme }
    }

    /// The same with these colours in place of its own; without colours it stays so.
    #[must_use]
    pub fn with(mut self, colours: &Colours) -> Self {
        let rgb = |[red, green, blue]: [u8; 3]| Color::Rgb(red, green, blue);
        let Some(states) = &mut self.palette.states else { return self };
        for (state, own) in states.iter_mut().zip(colours.states) {
            *state = own.map_or(*state, rgb);
        }
        let palette = &mut self.palette;
        palette.ground = colours.ground.map(|both| both.map(rgb)).or(palette.ground);
        palette.dim = colours.dim.map(rgb).or(palette.dim);
        palette.selection = colours.selection.map(rgb).or(palette.selection);
        palette.mark = colours.mark.map(rgb).or(palette.mark);
        self
    }

    /// In colours that read on dark and on light.
    pub fn colours() -> Self {
        Self { glyphs: &UNICODE, palette: palettes::OWN, truecolour: true, links: false }
    }

    /// The same on this background: where the terminal's own colours were meant, those that read on
    /// it and have a shade for the row under the cursor.
    #[must_use]
    pub fn on(self, background: Option<Background>) -> Self {
        let palette = match background {
            Some(_) if self.palette != palettes::OWN => self.palette,
            Some(Background::Dark) => palettes::DARK,
            Some(Background::Light) => palettes::LIGHT,
            None => self.palette,
        };
        Self { palette, ..self }
    }

    /// Without colours, for `NO_COLOR` and for terminals that have none.
    pub fn mono() -> Self {
        Self { palette: palettes::MONO, ..Self::colours() }
    }

    /// The same with ascii glyphs, for fonts and locales in which the others are missing or wide.
    #[must_use]
    pub fn ascii(self) -> Self {
        Self { glyphs: &ASCII, ..self }
    }

    /// Whether there are colours.
    pub fn has_colours(&self) -> bool {
        self.palette.states.is_some() && !self.is_ascii()
    }

    /// Whether the terminal has links.
    pub(super) fn has_links(&self) -> bool {
        self.links
    }

    /// Whether only ASCII may be drawn.
    pub fn is_ascii(&self) -> bool {
        self.glyphs.is_ascii()
    }

    /// A colour as far as the terminal has it.
    fn colour(&self, colour: Color) -> Color {
        if self.truecolour { colour } else { palettes::nearest(colour) }
    }

    /// Black on white, whatever the ground is: for what a camera is to read.
    pub(super) fn printed(&self) -> Style {
        let [black, white] = [Color::Rgb(0, 0, 0), Color::Rgb(255, 255, 255)];
        Style::new().fg(self.colour(black)).bg(self.colour(white))
    }

    /// How text of a meaning is drawn.
    pub fn style(&self, tone: Tone) -> Style {
        let style = match tone {
            Tone::Plain => return Style::new(),
            Tone::Dim => {
                let own = || Style::new().add_modifier(Modifier::DIM);
                return self.palette.dim.map_or_else(own, |dim| Style::new().fg(self.colour(dim)));
            }
            Tone::Strong => return Style::new().add_modifier(Modifier::BOLD),
            Tone::Accent | Tone::Bad => Style::new().add_modifier(Modifier::BOLD),
            _ => Style::new(),
        };
        let Some([good, working, waiting, interrupted, bad]) = self.palette.states else {
            return style;
        };
        style.fg(self.colour(match tone {
            Tone::Good => good,
            Tone::Waiting => waiting,
            Tone::Interrupted => interrupted,
            Tone::Bad => bad,
            _ => working,
        }))
    }

    /// What is laid over the row under the cursor. Where nobody knows the terminal's ground, fore-
    /// and background change places: that is seen on each.
    pub fn selection(&self) -> Style {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        match self.palette.selection {
            Some(ground) => bold.bg(self.colour(ground)),
            None => Style::new()
                .fg(Color::Reset)
                .remove_modifier(Modifier::DIM)
                .add_modifier(Modifier::REVERSED | Modifier::BOLD),
        }
    }

    /// What is laid over a marked row.
    pub fn marked(&self) -> Style {
        match self.palette.mark {
            Some(ground) => Style::new().bg(self.colour(ground)),
            None => Style::new().add_modifier(Modifier::UNDERLINED),
        }
    }

    /// What is laid over a sign where something has just gone wrong.
    pub fn alarm(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    /// What is laid over a row that has just entered another phase.
    pub fn lit(&self) -> Style {
        Style::new().remove_modifier(Modifier::DIM).add_modifier(Modifier::BOLD)
    }

    /// Paints what has no colour of its own in those of the theme, where it brings its ground.
    pub(super) fn dress(&self, buffer: &mut Buffer) {
        let Some([ground, text]) = self.palette.ground else { return };
        let (ground, text) = (self.colour(ground), self.colour(text));
        for cell in &mut buffer.content {
            if cell.bg == Color::Reset {
                cell.bg = ground;
            }
            if cell.fg == Color::Reset {
                cell.fg = text;
            }
        }
    }

    /// What is laid over a chosen button or field.
    pub fn chosen(&self) -> Style {
        self.style(Tone::Accent).add_modifier(Modifier::REVERSED)
    }
}

/// What a terminal can show.
#[expect(clippy::struct_excessive_bools, reason = "a terminal has each or not, by itself")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ability {
    /// Whether it has colours, and they are wanted.
    pub colours: bool,
    /// Whether it shows more than ASCII.
    pub unicode: bool,
    /// Whether it has any colour, and not 256.
    pub truecolour: bool,
    /// Whether it has links (OSC 8), or at least leaves their sequences out.
    pub links: bool,
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
        assert!(own.selection().add_modifier.contains(Modifier::REVERSED), "else it is turned");
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
        let poor = Ability { colours: false, unicode: false, truecolour: false, links: false };
        for (_, name) in ThemeName::ALL {
            let theme = Theme::named(name, poor);
            assert!(theme.is_ascii() && theme.style(Tone::Bad).fg.is_none());
        }
        let rich = Ability { colours: true, unicode: true, truecolour: true, links: true };
        assert!(Theme::named(ThemeName::Ascii, rich).is_ascii());
        let selected = Theme::named(ThemeName::Light, rich).selection();
        assert!(selected.add_modifier.contains(Modifier::BOLD), "not by its ground alone");
    }

    #[test]
    fn colours_of_the_users_own_take_the_place_of_the_themes() {
        let colours = Colours {
            states: [None, Some([1, 2, 3]), None, None, None],
            selection: Some([4, 5, 6]),
            ..Colours::default()
        };
        let theme = Theme::colours().with(&colours);
        assert_eq!(theme.style(Tone::Accent).fg, Some(Color::Rgb(1, 2, 3)));
        assert_eq!(theme.style(Tone::Good).fg, Theme::colours().style(Tone::Good).fg);
        assert_eq!(theme.selection().bg, Some(Color::Rgb(4, 5, 6)));
        assert_eq!(Theme::mono().with(&colours), Theme::mono(), "NO_COLOR is heeded");
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
