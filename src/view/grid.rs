//! The one table: columns as data, rows built for the window only.
//!
//! Columns are given in the order in which they are drawn. When there is no room for all, the
//! least telling ones go first; what is left over goes to those that can use it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text;
use super::theme::{Glyphs, Theme, Tone};
use crate::app::Field;

/// On which side a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// What one row shows in one column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    /// The text.
    pub text: String,
    /// What it means.
    pub tone: Tone,
}

impl Cell {
    /// Ordinary text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }

    /// Text with a meaning.
    pub fn toned(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone }
    }

    /// The text, or the sign for what is not known.
    pub fn known(text: Option<impl Into<String>>, glyphs: &Glyphs) -> Self {
        text.map_or_else(|| Self::toned(Tone::Dim, glyphs.none), Self::plain)
    }
}

/// A column of a table over rows of type `R`, drawn with what `L` knows besides the row.
pub struct Column<R: ?Sized, L: ?Sized> {
    /// Its name in exports.
    pub id: &'static str,
    /// Its heading, with the unit where there is one.
    pub heading: &'static str,
    /// The side.
    pub align: Align,
    /// The least, the usual and the greatest width, in terminal columns.
    pub widths: [u16; 3],
    /// How telling it is: 0 goes last.
    pub rank: u8,
    /// What it shows of an instance; what the table can be sorted by.
    pub field: Option<Field>,
    /// What a row shows in it, at a width.
    pub cell: fn(&R, &L, u16) -> Cell,
}

impl<R: ?Sized, L: ?Sized> Column<R, L> {
    /// A column of text.
    pub const fn text(
        id: &'static str,
        heading: &'static str,
        widths: [u16; 3],
        rank: u8,
        cell: fn(&R, &L, u16) -> Cell,
    ) -> Self {
        Self { id, heading, align: Align::Left, widths, rank, field: None, cell }
    }

    /// The same with numbers.
    #[must_use]
    pub const fn right(self) -> Self {
        Self { align: Align::Right, ..self }
    }
}

/// A column that found room: its place in the list, where it begins and how wide it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Which column.
    pub index: usize,
    /// The distance from the table's left edge.
    pub x: u16,
    /// Its width.
    pub width: u16,
}

/// Columns between two columns.
const GAP: u16 = 2;

/// Up to this rank a column is worth more than that another one has its usual width.
const ESSENTIAL: u8 = 4;

/// Deals out a width. The most telling columns come first, each with its least, and are then grown
/// to their usual width; the others get what that leaves over, and what they leave over goes to
/// those that can use it, in the same order.
pub fn place<R: ?Sized, L: ?Sized>(columns: &[&Column<R, L>], width: u16) -> Vec<Placed> {
    let mut by_rank: Vec<usize> = (0..columns.len()).collect();
    by_rank.sort_by_key(|index| columns[*index].rank);
    let essential = by_rank.partition_point(|index| columns[*index].rank <= ESSENTIAL);
    let mut room = width.saturating_add(GAP);
    let mut widths = vec![0; columns.len()];
    let (first, rest) = by_rank.split_at(essential);
    let mut shown = 0;
    for some in [first, rest] {
        // None that tells less stands where one that tells more had no room.
        let missing = shown < essential && some == rest;
        for index in some.iter().filter(|_| !missing) {
            let least = columns[*index].widths[0].saturating_add(GAP);
            if least > room {
                break;
            }
            room -= least;
            widths[*index] = columns[*index].widths[0];
            shown += 1;
        }
        grow(columns, &by_rank[..shown], 1, &mut widths, &mut room);
    }
    grow(columns, &by_rank[..shown], 2, &mut widths, &mut room);
    let mut x = 0;
    let mut placed = Vec::new();
    for (index, width) in widths.into_iter().enumerate().filter(|(_, width)| *width > 0) {
        placed.push(Placed { index, x, width });
        x += width + GAP;
    }
    placed
}

/// Gives columns that are shown more room, up to their usual or their greatest width.
fn grow<R: ?Sized, L: ?Sized>(
    columns: &[&Column<R, L>],
    shown: &[usize],
    goal: usize,
    widths: &mut [u16],
    room: &mut u16,
) {
    for index in shown {
        let more = columns[*index].widths[goal].saturating_sub(widths[*index]).min(*room);
        widths[*index] += more;
        *room -= more;
    }
}

/// Writes a text into one line of a column.
pub fn write(
    buffer: &mut Buffer,
    area: Rect,
    align: Align,
    said: &str,
    style: Style,
    glyphs: &Glyphs,
) {
    if area.is_empty() {
        return;
    }
    let room = usize::from(area.width);
    let said = text::cut(said, room, glyphs.cut);
    let left = match align {
        Align::Left => 0,
        Align::Right => u16::try_from(room - text::width(&said)).unwrap_or_default(),
    };
    buffer.set_stringn(area.x + left, area.y, &said, room - usize::from(left), style);
}

/// A table on its way to the buffer.
pub struct Grid<'a, R: ?Sized, L: ?Sized> {
    /// The columns.
    pub columns: Vec<&'a Column<R, L>>,
    /// What the cells are drawn with.
    pub context: &'a L,
    /// The colours.
    pub theme: &'a Theme,
    /// The columns that found room.
    pub placed: Vec<Placed>,
    /// Where it is drawn: the first line is the heading.
    pub area: Rect,
}

impl<'a, R: ?Sized, L: ?Sized> Grid<'a, R, L> {
    /// Finds room for the columns.
    pub fn new(
        columns: impl IntoIterator<Item = &'a Column<R, L>>,
        context: &'a L,
        theme: &'a Theme,
        area: Rect,
    ) -> Self {
        let columns: Vec<_> = columns.into_iter().collect();
        let placed = place(&columns, area.width);
        Self { columns, context, theme, placed, area }
    }

    /// The line of headings, and where each is. `sort`: what it is sorted by, and whether the
    /// other way round.
    pub fn headings(&self, buffer: &mut Buffer, sort: Option<(Field, bool)>) -> Vec<(Rect, Field)> {
        let mut spots = Vec::new();
        for placed in &self.placed {
            let column = self.columns[placed.index];
            let area = self.line(0, *placed);
            let mut heading = column.heading.to_owned();
            if let Some((_, reverse)) = sort.filter(|(key, _)| column.field == Some(*key)) {
                heading.push(' ');
                heading.push_str(self.theme.glyphs.sort[usize::from(reverse)]);
            }
            let style = self.theme.style(Tone::Dim);
            write(buffer, area, column.align, &heading, style, self.theme.glyphs);
            spots.extend(column.field.map(|key| (area, key)));
        }
        spots
    }

    /// One row, on the `line`-th line below the headings.
    pub fn row(&self, buffer: &mut Buffer, line: u16, row: &R) {
        for placed in &self.placed {
            let column = self.columns[placed.index];
            let cell = (column.cell)(row, self.context, placed.width);
            let style = self.theme.style(cell.tone);
            let area = self.line(line + 1, *placed);
            write(buffer, area, column.align, &cell.text, style, self.theme.glyphs);
        }
    }

    fn line(&self, line: u16, placed: Placed) -> Rect {
        let y = self.area.y.saturating_add(line);
        let area = Rect::new(self.area.x + placed.x, y, placed.width, 1);
        area.intersection(self.area)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(id: &'static str, widths: [u16; 3], rank: u8) -> Column<str, ()> {
        Column::text(id, id, widths, rank, |row, (), _| Cell::plain(row))
    }

    fn columns() -> [Column<str, ()>; 3] {
        [
            column("least telling", [5, 5, 5], 2),
            column("most telling", [10, 20, 40], 0),
            column("middle", [5, 10, 10], 1),
        ]
    }

    fn widths(width: u16) -> Vec<(usize, u16)> {
        place(&columns().iter().collect::<Vec<_>>(), width)
            .iter()
            .map(|placed| (placed.index, placed.width))
            .collect()
    }

    #[test]
    fn the_least_telling_columns_go_first() {
        assert_eq!(widths(9), []);
        assert_eq!(widths(10), [(1, 10)]);
        assert_eq!(widths(16), [(1, 16)]);
        assert_eq!(widths(17), [(1, 10), (2, 5)]);
        assert_eq!(widths(24), [(0, 5), (1, 10), (2, 5)]);
    }

    #[test]
    fn spare_room_goes_to_the_most_telling_column() {
        assert_eq!(widths(39), [(0, 5), (1, 20), (2, 10)]);
        assert_eq!(widths(200), [(0, 5), (1, 40), (2, 10)]);
    }
}
