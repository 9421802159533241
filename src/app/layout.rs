//! How the screen's lines are dealt out, as far as the model has to know: a page down moves by as
//! many rows as the table shows.

/// The smallest screen that is drawn, in columns and rows.
pub const SMALLEST: (u16, u16) = (60, 15);

/// Rows that a table has room for, if it can be, before it has them: so that the first ones do not
/// push the log about.
const FEW: u16 = 8;

/// How many lines each part of the screen gets. Parts without lines are not drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layout {
    /// Whether the screen is large enough at all.
    pub fits: bool,
    /// The line with a bar for each region.
    pub strip: u16,
    /// The line that says what restricts the whole screen.
    pub banner: u16,
    /// The table's rows, without its heading.
    pub table: u16,
    /// The log's lines, without its rule.
    pub log: u16,
}

impl Layout {
    /// Deals out a screen to a table of so many rows; what the table leaves over, the log gets.
    /// `zoomed`: the log takes the table's place.
    pub fn new((width, height): (u16, u16), banner: bool, zoomed: bool, rows: usize) -> Self {
        if width < SMALLEST.0 || height < SMALLEST.1 {
            return Self::default();
        }
        let banner = u16::from(banner);
        // Title, counts, the log's rule, footer.
        let rest = height - 4 - banner;
        if zoomed {
            return Self { fits: true, strip: 0, banner, table: 0, log: rest };
        }
        let strip = u16::from(height >= 20 && rows > 0);
        // The table's rule, its heading and the line below it.
        let room = rest - strip - 3;
        let least = if height < 20 { 2 } else { (height / 5).clamp(3, 10) };
        let most = (height * 2 / 5).max(least);
        let rows = u16::try_from(rows).unwrap_or(u16::MAX).max(FEW);
        let log = room.saturating_sub(rows).clamp(least, most);
        Self { fits: true, strip, banner, table: room - log, log }
    }

    /// The lines of a dialog that fills the room between the counts and the footer, without the
    /// dialog's own rule.
    pub fn reading(height: u16) -> u16 {
        height.saturating_sub(4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_every_screen_is_dealt_out() {
        for height in 0..200 {
            for (banner, rows) in [(false, 0), (true, 1), (false, 30), (true, 100_000)] {
                let dealt = Layout::new((80, height), banner, false, rows);
                if height < SMALLEST.1 {
                    assert!(!dealt.fits);
                    continue;
                }
                let Layout { strip, banner, table, log, .. } = dealt;
                assert_eq!(4 + 3 + strip + banner + table + log, height);
                assert!(table >= 4 && log >= 2, "{height}: {dealt:?}");
            }
        }
    }

    #[test]
    fn the_log_gets_what_a_small_table_leaves_over() {
        let log = |rows| Layout::new((140, 40), false, false, rows).log;
        assert_eq!([log(3), log(20), log(500)], [16, 12, 8]);
    }
}
