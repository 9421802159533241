//! The one table: columns as data, rows built for the window only.
//!
//! Columns are given in the order in which they are drawn. Each is as wide as the widest of what is
//! shown in it. When there is no room for all, the least telling ones go first; what is left over
//! goes to the elastic one, as soon as that has much to say.

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
    /// What follows it with meanings of its own.
    pub more: Vec<(Tone, String)>,
}

impl Cell {
    /// Ordinary text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::toned(Tone::Plain, text)
    }

    /// Text with a meaning.
    pub fn toned(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone, more: Vec::new() }
    }

    /// All of its text.
    pub fn whole(&self) -> String {
        self.more.iter().fold(self.text.clone(), |text, (_, said)| text + said)
    }

    /// How many columns it takes.
    fn width(&self) -> usize {
        let more: usize = self.more.iter().map(|(_, said)| text::width(said)).sum();
        text::width(&self.text) + more
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
    /// The least width that is worth reading, the one from which an elastic column takes all that
    /// is left over, and the greatest, in terminal columns.
    pub widths: [u16; 3],
    /// Whether it takes what is left over. Its texts change by the second, so it grows in steps: they
    /// do not push the others about.
    pub elastic: bool,
    /// Whether it is of use at its least or at its full width, and at none between.
    pub whole: bool,
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
        Self {
            id,
            heading,
            align: Align::Left,
            widths,
            elastic: false,
            whole: false,
            rank,
            field: None,
            cell,
        }
    }

    /// The same with numbers.
    #[must_use]
    pub const fn right(self) -> Self {
        Self { align: Align::Right, ..self }
    }

    /// The same with its least or its full width.
    #[must_use]
    pub const fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// The same with what is left over.
    #[must_use]
    pub const fn elastic(self) -> Self {
        Self { elastic: true, ..self }
    }

    /// How wide it has to be for its heading and these rows, within its bounds.
    fn wanted(&self, rows: &[&R], context: &L, sign: usize) -> u16 {
        let most = self.widths[2];
        let cells = rows.iter().map(|row| (self.cell)(row, context, most).width());
        let widest = cells.fold(text::width(self.heading) + sign, usize::max);
        u16::try_from(widest).unwrap_or(most).min(most)
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
/// The columns of a step in which an elastic column grows.
const STEP: u16 = 6;
/// Columns of the sign of the order behind a heading.
const SIGN: usize = 2;

/// Up to this rank a column is worth more than that another one has its usual width.
pub(super) const ESSENTIAL: u8 = 4;

/// Deals out a width to columns that want so much each. The most telling ones come first, each with
/// its least, and are then grown to what they want; the others get what that leaves over, and what
/// they leave over goes to the elastic ones that have much to say.
pub fn place<R: ?Sized, L: ?Sized>(
    columns: &[&Column<R, L>],
    wanted: &[u16],
    width: u16,
) -> Vec<Placed> {
    let mut by_rank: Vec<usize> = (0..columns.len()).collect();
    by_rank.sort_by_key(|index| columns[*index].rank);
    let essential = by_rank.partition_point(|index| columns[*index].rank <= ESSENTIAL);
    let mut room = width.saturating_add(GAP);
    let mut widths = vec![0; columns.len()];
    let (first, rest) = by_rank.split_at(essential);
    // One that grows does so in steps: most of its texts change without its width.
    let step = |index: usize| match wanted[index] {
        little @ 0..STEP => little,
        much => much.next_multiple_of(STEP),
    };
    let modest = |index: usize| {
        if columns[index].elastic {
            step(index).min(columns[index].widths[1])
        } else {
            wanted[index]
        }
    };
    let mut shown = 0;
    for some in [first, rest] {
        // None that tells less stands where one that tells more had no room.
        let missing = shown < essential && some == rest;
        for index in some.iter().filter(|_| !missing) {
            let least = columns[*index].widths[0].min(wanted[*index]);
            if least.saturating_add(GAP) > room {
                break;
            }
            // One that tells more is not cut for one that tells less.
            let width = if some == rest { modest(*index).min(room - GAP) } else { least };
            let width = width.max(least);
            room -= width + GAP;
            widths[*index] = width;
            shown += 1;
        }
        grow(columns, &by_rank[..shown], modest, &mut widths, &mut room);
    }
    let all = |index: usize| {
        let says_much = columns[index].elastic && wanted[index] > columns[index].widths[1];
        if says_much { step(index).min(columns[index].widths[2]) } else { 0 }
    };
    grow(columns, &by_rank[..shown], all, &mut widths, &mut room);
    let mut x = 0;
    let mut placed = Vec::new();
    for (index, width) in widths.into_iter().enumerate().filter(|(_, width)| *width > 0) {
        placed.push(Placed { index, x, width });
        x += width + GAP;
    }
    placed
}

/// Gives columns that are shown more room, up to a goal.
fn grow<R: ?Sized, L: ?Sized>(
    columns: &[&Column<R, L>],
    shown: &[usize],
    goal: impl Fn(usize) -> u16,
    widths: &mut [u16],
    room: &mut u16,
) {
    for index in shown {
        let wanted = goal(*index).saturating_sub(widths[*index]);
        let more = wanted.min(*room);
        if more == wanted || !columns[*index].whole {
            widths[*index] += more;
            *room -= more;
        }
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
    #[cfg(test)]
    super::painter::witness::wrote((area.x + left, area.y), &said);
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
    /// What the rows are sorted by, and whether the other way round.
    sort: Option<(Field, bool)>,
}

impl<'a, R: ?Sized, L: ?Sized> Grid<'a, R, L> {
    /// Finds room for the columns, each as wide as these rows need it. `sort`: what they are
    /// sorted by, and whether the other way round.
    pub fn new(
        columns: impl IntoIterator<Item = &'a Column<R, L>>,
        rows: &[&R],
        context: &'a L,
        theme: &'a Theme,
        area: Rect,
        sort: Option<(Field, bool)>,
    ) -> Self {
        let columns: Vec<_> = columns.into_iter().collect();
        let sign = |column: &Column<R, L>| match sort {
            Some((field, _)) if column.field == Some(field) => SIGN,
            _ => 0,
        };
        let wanted: Vec<u16> =
            columns.iter().map(|column| column.wanted(rows, context, sign(column))).collect();
        let placed = place(&columns, &wanted, area.width);
        Self { columns, context, theme, placed, area, sort }
    }

    /// How wide it would be where there is room for all.
    pub fn full_width(columns: &[Column<R, L>], rows: &[&R], context: &L) -> u16 {
        let wanted = columns.iter().map(|column| column.wanted(rows, context, 0) + GAP);
        wanted.sum::<u16>().saturating_sub(GAP)
    }

    /// The line of headings, and where each is.
    pub fn headings(&self, buffer: &mut Buffer) -> Vec<(Rect, Field)> {
        let mut spots = Vec::new();
        for placed in &self.placed {
            let column = self.columns[placed.index];
            let area = self.line(0, *placed);
            let mut heading = column.heading.to_owned();
            if let Some((_, reverse)) = self.sort.filter(|(key, _)| column.field == Some(*key)) {
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
            let mut x = u16::try_from(text::width(&cell.text)).unwrap_or(u16::MAX);
            for (tone, said) in &cell.more {
                let rest = Rect {
                    x: area.x.saturating_add(x),
                    width: area.width.saturating_sub(x),
                    ..area
                };
                let style = self.theme.style(*tone);
                write(buffer, rest, Align::Left, said, style, self.theme.glyphs);
                x = x.saturating_add(u16::try_from(text::width(said)).unwrap_or(u16::MAX));
            }
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
            column("least", [5, 0, 5], 2),
            column("most telling", [10, 20, 40], 0).elastic(),
            column("middle", [5, 0, 10], 1),
        ]
    }

    fn widths(wanted: [u16; 3], width: u16) -> Vec<(usize, u16)> {
        place(&columns().iter().collect::<Vec<_>>(), &wanted, width)
            .iter()
            .map(|placed| (placed.index, placed.width))
            .collect()
    }

    #[test]
    fn the_least_telling_columns_go_first() {
        let much = [5, 40, 10];
        assert_eq!(widths(much, 9), []);
        assert_eq!(widths(much, 10), [(1, 10)]);
        assert_eq!(widths(much, 16), [(1, 16)]);
        assert_eq!(widths(much, 17), [(1, 10), (2, 5)]);
        assert_eq!(widths(much, 24), [(0, 5), (1, 10), (2, 5)]);
    }

    #[test]
    fn spare_room_goes_to_the_elastic_column_that_has_much_to_say() {
        assert_eq!(widths([5, 40, 10], 39), [(0, 5), (1, 20), (2, 10)]);
        assert_eq!(widths([5, 21, 10], 200), [(0, 5), (1, 24), (2, 10)], "in steps");
        assert_eq!(widths([5, 44, 10], 200), [(0, 5), (1, 40), (2, 10)]);
        assert_eq!(widths([5, 12, 7], 200), [(0, 5), (1, 12), (2, 7)], "no hole in a row");
    }

    #[test]
    fn a_column_that_is_of_no_use_between_keeps_its_least() {
        let id = column("id", [10, 0, 19], 0).whole();
        let of = |width| place(&[&id], &[19], width)[0].width;
        assert_eq!([of(18), of(19)], [10, 19]);
    }

    #[test]
    fn a_column_is_as_wide_as_what_it_shows() {
        let wide = column("id", [1, 0, 12], 0);
        let wanted = |rows: &[&'static str], sign| wide.wanted(rows, &(), sign);
        assert_eq!(wanted(&["a", "abcd"], 0), 4);
        assert_eq!(wanted(&["a"], SIGN), 4, "the heading, and the sign of the order");
        assert_eq!(wanted(&["much more than that"], 0), 12);
    }
}
