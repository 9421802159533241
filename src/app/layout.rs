//! How the screen is dealt out, as far as the model has to know: a page down moves by as many rows
//! as the panel shows.

use super::{Pane, Panel, Panels};

/// The smallest screen that is drawn, in columns and rows.
pub const SMALLEST: (u16, u16) = (60, 15);

/// From how many columns on a pane has room beside the table.
const BESIDE: u16 = 100;
/// The columns that a table keeps beside a pane, and the least of a pane.
const LEAST: (u16, u16) = (56, 38);

/// The columns of the terminal that a column of keys takes.
const HELP: u16 = 66;

/// The log's lines: the table says how each row goes on.
const LOG: u16 = 5;
/// The same where the screen has less than 20.
const SHORT_LOG: u16 = 2;

/// How many lines each part of the screen gets. Parts without lines are not drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layout {
    /// Whether the screen is large enough at all.
    pub fits: bool,
    /// The line with a bar for each region.
    pub strip: u16,
    /// The lines that say what restricts the whole screen.
    pub banner: u16,
    /// The one panel that has the whole room between header and footer.
    pub whole: Option<Panel>,
    /// The table's rows, without its heading.
    pub table: u16,
    /// The lines of the pane, without its rule.
    pub side: u16,
    /// The pane's columns, the line before it counted in.
    pub side_columns: u16,
    /// The log's lines, without its rule.
    pub log: u16,
}

impl Layout {
    /// The most lines that a banner has on a screen of this height.
    pub(super) fn most_banner(height: u16) -> u16 {
        if height < 20 { 1 } else { 2 }
    }

    /// Deals out a screen to a table of so many rows, under a banner of so many lines.
    pub fn new((width, height): (u16, u16), banner: usize, panels: Panels, rows: usize) -> Self {
        if width < SMALLEST.0 || height < SMALLEST.1 {
            return Self::default();
        }
        let banner = u16::try_from(banner).unwrap_or(u16::MAX).min(Self::most_banner(height));
        // Title, counts, footer.
        let rest = height - 3 - banner;
        let dealt = Self { fits: true, banner, ..Self::default() };
        let beside = panels.side.is_some() && Self::has_room_beside(width);
        let whole = match panels.whole {
            // Without room beside the table the pane takes its place.
            None | Some(Panel::Table) if panels.side.is_some() && !beside => Some(Panel::Side),
            Some(Panel::Side) if panels.side.is_none() => None,
            whole => whole,
        };
        let strip = u16::from(height >= 20 && rows > 0);
        match whole {
            Some(Panel::Log) => return Self { whole, log: rest - 1, ..dealt },
            Some(Panel::Side) => {
                return Self { whole, side: rest - 1, side_columns: width, ..dealt };
            }
            Some(Panel::Table) => return Self { whole, strip, table: rest - strip - 3, ..dealt },
            None => {}
        }
        // The table's rule, its heading and the line below it.
        let room = rest - strip - 3;
        // Events are the same, and more.
        let has_log = panels.log && !(beside && panels.side == Some(Pane::Events));
        let log = if has_log { log_lines(height, room - 1, panels) } else { 0 };
        let table = room - log - u16::from(log > 0);
        let side_columns = if beside { side_columns(width, panels.share) } else { 0 };
        let side = if beside { table + 2 } else { 0 };
        Self { strip, table, side, side_columns, log, ..dealt }
    }

    /// Whether a pane has room beside the table of a screen of such a width.
    pub fn has_room_beside(width: u16) -> bool {
        width >= BESIDE
    }

    /// In how many columns the help shows so many lines of keys: the fewest in which all of them have
    /// room, or as many as the screen is wide enough for.
    pub fn help_columns((width, height): (u16, u16), lines: usize) -> usize {
        let most = usize::from(width / HELP).max(1);
        lines.div_ceil(usize::from(height).max(1)).clamp(1, most)
    }

    /// The lines of a dialog that fills the room between the counts and the footer, without the
    /// dialog's own rule.
    pub fn reading(height: u16) -> u16 {
        height.saturating_sub(4)
    }
}

fn side_columns(width: u16, share: u16) -> u16 {
    let wanted = u32::from(width) * u32::from(share) / 100;
    let wanted = u16::try_from(wanted).unwrap_or(width);
    wanted.clamp(LEAST.1, width.saturating_sub(LEAST.0).max(LEAST.1))
}

fn log_lines(height: u16, room: u16, panels: Panels) -> u16 {
    let by_itself = if height < 20 { SHORT_LOG } else { LOG };
    let wanted = by_itself.saturating_add_signed(panels.more_log);
    wanted.clamp(SHORT_LOG, room.saturating_sub(4).max(SHORT_LOG))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_every_screen_is_dealt_out() {
        let mut arranged = Panels { side: Some(Pane::Map), more_log: 12, ..Panels::default() };
        let zoomed = Panels { whole: Some(Panel::Log), ..Panels::default() };
        let bare = Panels { log: false, more_log: -40, ..Panels::default() };
        for panels in [Panels::default(), arranged, zoomed, bare] {
            for (width, height) in (0..200).flat_map(|height| [(60, height), (140, height)]) {
                for (banner, rows) in [(0, 0), (1, 1), (0, 30), (2, 100_000)] {
                    check((width, height), banner, panels, rows);
                }
            }
        }
        arranged.more_log = -40;
        check((140, 15), 2, arranged, 1);
    }

    fn check(size: (u16, u16), banner: usize, panels: Panels, rows: usize) {
        let dealt = Layout::new(size, banner, panels, rows);
        if size.1 < SMALLEST.1 {
            assert!(!dealt.fits);
            return;
        }
        let Layout { strip, banner, table, log, side, side_columns, .. } = dealt;
        let between = match dealt.whole {
            Some(Panel::Log) => log + 1,
            Some(Panel::Side) => side + 1,
            None if log > 0 => table + 3 + log + 1,
            Some(Panel::Table) | None => table + 3,
        };
        assert_eq!(3 + strip + banner + between, size.1, "{size:?} {panels:?}");
        if dealt.whole.is_none() {
            assert!(table >= 3 && side_columns + LEAST.0 <= size.0, "{size:?} {dealt:?}");
        }
    }

    #[test]
    fn the_table_gets_the_room_and_the_log_a_few_lines() {
        let log = |size, side| {
            let panels = Panels { side, ..Panels::default() };
            Layout::new(size, 0, panels, 500).log
        };
        assert_eq!([log((140, 40), None), log((60, 15), None)], [5, 2]);
        assert_eq!(log((140, 40), Some(Pane::Events)), 0, "events are the same, and more");
    }

    #[test]
    fn without_room_beside_it_a_pane_takes_the_tables_place() {
        let panels = Panels { side: Some(Pane::Details), ..Panels::default() };
        assert_eq!(Layout::new((80, 24), 0, panels, 3).whole, Some(Panel::Side));
        let wide = Layout::new((140, 40), 0, panels, 3);
        assert_eq!((wide.whole, wide.side_columns), (None, 58));
    }
}
