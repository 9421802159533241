//! Writes toned text and rules into a frame, always within an area.

#[cfg(test)]
pub(crate) mod witness;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Clear, Widget};
use unicode_segmentation::UnicodeSegmentation;

use super::text;
use super::theme::{Theme, Tone};
use crate::app::TextField;

/// The columns before a row, for the cursor and the mark.
pub(super) const GUTTER: u16 = 3;

/// The columns that a title keeps beside a remark.
const TITLE: u16 = 20;

/// A frame's buffer and the theme it is drawn in.
pub(super) struct Painter<'a> {
    pub(super) buffer: &'a mut Buffer,
    pub(super) theme: &'a Theme,
}

impl<'a> Painter<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self { buffer, theme }
    }

    /// Writes at a place in an area, cut at its right edge. Returns where the text ended.
    pub(super) fn text(&mut self, area: Rect, x: u16, line: u16, tone: Tone, said: &str) -> u16 {
        self.styled(area, x, line, self.theme.style(tone), said)
    }

    /// As [`Painter::text`], in a style. Nothing shows through from what was there before.
    pub(super) fn styled(
        &mut self,
        area: Rect,
        x: u16,
        line: u16,
        style: Style,
        said: &str,
    ) -> u16 {
        let area = area.intersection(self.buffer.area);
        if line >= area.height || x >= area.width {
            #[cfg(test)]
            witness::left_out(area, line, said);
            return x;
        }
        let room = usize::from(area.width - x);
        let said = text::cut(said, room, self.theme.glyphs.cut);
        #[cfg(test)]
        witness::wrote((area.x + x, area.y + line), &said);
        let (end, _) = self.buffer.set_stringn(
            area.x + x,
            area.y + line,
            &said,
            room,
            Style::reset().patch(style),
        );
        end - area.x
    }

    /// Lays the mark over a row, whose cells are `row` of the `whole` line; another sign where it stands
    /// for several and not all of them are marked.
    pub(super) fn mark(&mut self, row: Rect, whole: Rect, all: bool) {
        let Theme { glyphs, .. } = self.theme;
        if all {
            self.buffer.set_style(row, self.theme.marked());
        }
        let sign = if all { glyphs.mark } else { glyphs.some_marked };
        self.text(whole, 0, 0, Tone::Accent, sign);
    }

    /// Makes room for what lies above the rest of the frame.
    pub(super) fn clear(&mut self, place: Rect) {
        let place = place.intersection(self.buffer.area);
        #[cfg(test)]
        witness::cleared(place);
        Clear.render(place, self.buffer);
    }

    /// Lets what is there step back behind a question that is asked above it.
    pub(super) fn recede(&mut self, area: Rect) {
        let style = Style::reset().patch(self.theme.style(Tone::Dim));
        self.buffer.set_style(area, style);
    }

    /// Writes a text that is typed, and the cursor in it: what of it has no room is hidden on the
    /// side where the cursor is not.
    pub(super) fn field(&mut self, area: Rect, x: u16, line: u16, field: &TextField) {
        let room = usize::from(area.width.saturating_sub(x)).saturating_sub(1);
        let hidden = field.hidden(room);
        let shown = text::skip(field.text(), hidden);
        self.text(area, x, line, Tone::Plain, text::head(shown, room));
        let at = field.cursor().saturating_sub(hidden);
        let under = text::skip(shown, at).graphemes(true).next().unwrap_or(" ");
        let at = x.saturating_add(u16::try_from(at).unwrap_or(u16::MAX));
        self.styled(area, at, line, self.theme.chosen(), under);
    }

    /// Writes several pieces one after the other, up to one that has no room. Returns where they
    /// ended.
    pub(super) fn pieces(&mut self, area: Rect, line: u16, pieces: &[(Tone, String)]) -> u16 {
        let mut x = 0;
        for (tone, said) in pieces {
            let room = usize::from(area.width.saturating_sub(x));
            x = self.text(area, x, line, *tone, said);
            if text::width(said) > room {
                break;
            }
        }
        x
    }

    /// Writes so that the text ends one column before the right edge, if it keeps clear of what
    /// ends at `left`. Returns how many columns it took, with space before it.
    pub(super) fn right(
        &mut self,
        area: Rect,
        left: u16,
        line: u16,
        tone: Tone,
        said: &str,
    ) -> u16 {
        let room = area.width.saturating_sub(left).saturating_sub(3);
        if room < 8 {
            return 0;
        }
        let said = text::cut(said, room.into(), self.theme.glyphs.cut);
        let width = u16::try_from(text::width(&said)).unwrap_or(room);
        self.text(area, area.width - 1 - width, line, tone, &said);
        width + 3
    }

    /// Where a window stands among so many lines, at an area's right edge; nothing where all of
    /// them are shown.
    pub(super) fn scrollbar(&mut self, area: Rect, top: usize, lines: usize) {
        let height = usize::from(area.height);
        if lines <= height || height == 0 {
            return;
        }
        let length = (height * height / lines).max(1);
        let at = top * (height - length) / (lines - height);
        let x = area.width.saturating_sub(1);
        for line in (0..area.height).skip(at).take(length) {
            self.text(area, x, line, Tone::Dim, self.theme.glyphs.thumb);
        }
    }

    /// A rule across an area's line, with a title and a remark in it. Where there is little room the
    /// remark goes first, and then the title's end.
    pub(super) fn rule(&mut self, area: Rect, line: u16, title: (Tone, &str), remark: &str) {
        let rule = self.theme.glyphs.rule;
        self.text(area, 0, line, Tone::Dim, &rule.repeat(area.width.into()));
        let mut end = 2;
        if !title.1.is_empty() {
            let beside = u16::try_from(text::width(remark)).unwrap_or(u16::MAX).saturating_add(5);
            let left = area.width.saturating_sub(if remark.is_empty() { 0 } else { beside });
            let width = if left < TITLE { area.width } else { left };
            let room = Rect { width, ..area };
            end = self.text(room, end, line, title.0, &format!(" {} ", title.1));
        }
        self.remark(area, end, line, remark);
    }

    /// Writes a remark into a rule's right end, if it keeps clear of what ends at `left`.
    pub(super) fn remark(&mut self, area: Rect, left: u16, line: u16, remark: &str) {
        if remark.is_empty() {
            return;
        }
        let remark = format!(" {remark} ");
        let width = u16::try_from(text::width(&remark)).unwrap_or(u16::MAX);
        if let Some(x) = area.width.checked_sub(width + 2).filter(|x| *x >= left) {
            self.text(area, x, line, Tone::Dim, &remark);
        }
    }
}
