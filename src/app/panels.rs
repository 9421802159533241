//! How the user arranged the screen: which panels there are and how large. It is remembered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Columns, Field, clean};
use crate::config::ThemeName;

/// A part of the screen that the keyboard can go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Panel {
    /// The instances.
    #[default]
    Table,
    /// The pane beside the table.
    Side,
    /// The log.
    Log,
}

/// How the fleet is shown, where the table stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// A row an instance.
    #[default]
    Rows,
    /// A row a region.
    Regions,
    /// A cell an instance.
    Grid,
}

/// What the pane beside the table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pane {
    /// Everything about the instance under the cursor.
    Details,
    /// What that instance printed and what was said of it.
    Output,
    /// The world and the fleet on it.
    Map,
    /// What instances cost, and cost before.
    Prices,
    /// Everything that happened.
    Events,
    /// What was spent, day by day.
    Costs,
    /// What machines keep.
    Kept,
    /// What a command printed on several instances, side by side.
    Answers,
}

impl Pane {
    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Details => "details",
            Self::Output => "log of",
            Self::Map => "map",
            Self::Prices => "prices",
            Self::Events => "events",
            Self::Costs => "costs",
            Self::Kept => "kept",
            Self::Answers => "answers",
        }
    }

    /// Whether it follows the cursor of the table, which keeps the keyboard then.
    pub fn follows(self) -> bool {
        matches!(self, Self::Details | Self::Map | Self::Prices)
    }

    /// Whether it is a view, with a digit, where it has the whole screen.
    pub fn is_view(self) -> bool {
        matches!(self, Self::Map | Self::Prices | Self::Events | Self::Costs | Self::Kept)
    }

    /// Whether it shows lines that can be searched.
    pub fn is_read(self) -> bool {
        matches!(self, Self::Output | Self::Events)
    }
}

/// Which panels there are, and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Panels {
    /// How the fleet is shown.
    pub view: View,
    /// What is shown beside the table.
    pub side: Option<Pane>,
    /// The pane's share of the width, in percent.
    pub share: u16,
    /// Whether there is a log.
    pub log: bool,
    /// How many lines more than by itself the log gets, or fewer.
    pub more_log: i16,
    /// The one panel that has the whole screen. Not remembered.
    #[serde(skip)]
    pub whole: Option<Panel>,
}

impl Default for Panels {
    fn default() -> Self {
        Self { view: View::Rows, side: None, share: 42, log: true, more_log: 0, whole: None }
    }
}

/// The least and the greatest share of the pane, in percent.
const SHARES: (u16, u16) = (25, 70);
/// By how much one key changes it.
const STEP: u16 = 4;
/// As far as the log's lines can be pushed up or down.
const LINES: i16 = 40;

impl Panels {
    /// Makes a panel larger, or smaller. The table gives and takes what the others do not.
    pub(super) fn resize(&mut self, panel: Panel, larger: bool) {
        match panel {
            Panel::Log => {
                let step = if larger { 1 } else { -1 };
                self.more_log = (self.more_log + step).clamp(-LINES, LINES);
            }
            Panel::Side | Panel::Table => {
                let grows = larger == (panel == Panel::Side);
                let share = if grows { self.share + STEP } else { self.share.saturating_sub(STEP) };
                self.share = share.clamp(SHARES.0, SHARES.1);
            }
        }
    }
}

impl Panels {
    /// Gives the pane so many of the columns.
    pub(super) fn split_side(&mut self, columns: u16, width: u16) {
        let share = u32::from(columns) * 100 / u32::from(width.max(1));
        self.share = u16::try_from(share).unwrap_or(SHARES.1).clamp(SHARES.0, SHARES.1);
    }

    /// Gives the log so many lines, where it has `now`.
    pub(super) fn split_log(&mut self, lines: u16, now: u16) {
        let more = i32::from(lines) - i32::from(now) + i32::from(self.more_log);
        self.more_log = i16::try_from(more).unwrap_or(0).clamp(-LINES, LINES);
    }
}

/// How the fleet is shown, under a name of the user's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedView {
    /// As rows, regions or cells.
    pub view: View,
    /// Which rows.
    pub filter: String,
    /// What they are sorted by.
    pub sort: Field,
    /// Whether the other way round.
    pub reverse: bool,
    /// The columns.
    pub columns: Columns,
}

/// What is remembered of the screen from one start to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// The panels.
    pub panels: Panels,
    /// The columns.
    pub columns: Columns,
    /// What the table is sorted by.
    pub sort: Field,
    /// Whether the other way round.
    pub reverse: bool,
    /// The theme that was chosen by key.
    pub theme: Option<ThemeName>,
    /// The views that have a name.
    pub views: BTreeMap<String, SavedView>,
}

impl Remembered {
    /// What a file says that an older or newer version may have written, made sound. `None` for
    /// what is none of ours.
    pub fn read(text: &str) -> Option<Self> {
        let mut read: Self = serde_json::from_str(text).ok()?;
        read.columns.complete();
        read.views.retain(|name, _| clean(name, 32) == *name && !name.is_empty());
        read.views.values_mut().for_each(|view| view.columns.complete());
        read.panels.share = read.panels.share.clamp(SHARES.0, SHARES.1);
        read.panels.more_log = read.panels.more_log.clamp(-LINES, LINES);
        Some(read)
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_read_again() {
        let mut remembered = Remembered::default();
        remembered.panels.side = Some(Pane::Map);
        remembered.sort = Field::Age;
        assert_eq!(Remembered::read(&remembered.text()), Some(remembered));
    }

    #[test]
    fn nonsense_is_made_sound_or_forgotten() {
        assert_eq!(Remembered::read("not json"), None);
        let read = Remembered::read(r#"{"panels":{"share":900,"more_log":-9999}}"#).unwrap();
        assert_eq!((read.panels.share, read.panels.more_log), (70, -40));
    }

    #[test]
    fn a_panel_grows_at_the_others_cost() {
        let mut panels = Panels::default();
        panels.resize(Panel::Side, true);
        assert_eq!(panels.share, 46);
        panels.resize(Panel::Table, true);
        assert_eq!(panels.share, 42);
        for _ in 0..100 {
            panels.resize(Panel::Table, true);
        }
        assert_eq!(panels.share, SHARES.0);
    }
}
