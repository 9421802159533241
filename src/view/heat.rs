//! The fleet as cells, one an instance, a group of lines a region: a thousand at a glance.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::painter::GUTTER;
use super::text;
use super::theme::level;
use super::{HitMap, Painter, Tone};
use crate::app::{Command, HEAT_LABEL, HeatCell, HeatLine, Model, TableCommand};

/// Draws the lines round the cursor.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect) {
    let size = (area.width.saturating_sub(GUTTER + 1), area.height);
    let (lines, columns) = model.heat.lines(size.0, size.1);
    // Two lines share one of the screen where they have no room and colours tell them apart.
    let halves = lines.len() > area.height.into() && painter.theme.has_colours();
    let packed = pack(&lines, halves);
    let cursor = model.heat.find(&lines, model.table.at()).map_or(0, |(line, _)| line);
    let at = packed.iter().position(|pair| pair.contains(&cursor)).unwrap_or(0);
    let height = usize::from(area.height);
    let top = at.saturating_sub(height / 2).min(packed.len().saturating_sub(height));
    for (pair, y) in packed.iter().skip(top).take(height).zip(0..) {
        let mut line = Line { model, columns, area: Rect { y: area.y + y, height: 1, ..area } };
        let pair: Vec<&HeatLine> = pair.clone().map(|at| &lines[at]).collect();
        line.label(painter, pair[0]);
        match pair.as_slice() {
            [] => {}
            [one] if !halves => line.cells(painter, hits, one),
            [upper, lower @ ..] => line.halves(painter, hits, upper, lower.first().copied()),
        }
    }
    painter.scrollbar(area, top, packed.len());
}

/// The lines that share one of the screen: two of the same region, or one.
fn pack(lines: &[HeatLine], halves: bool) -> Vec<std::ops::Range<usize>> {
    let mut packed = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let follows = lines.get(at + 1).is_some_and(|next| next.group == lines[at].group);
        let end = if halves && follows { at + 2 } else { at + 1 };
        packed.push(at..end);
        at = end;
    }
    packed
}

/// One line of the screen.
struct Line<'a> {
    model: &'a Model,
    columns: u16,
    area: Rect,
}

impl Line<'_> {
    /// The region's name and count, on its first line.
    fn label(&mut self, painter: &mut Painter<'_>, line: &HeatLine) {
        let (region, cells) = &self.model.heat.groups()[line.group];
        if line.cells.start > 0 {
            return;
        }
        let is_here = self.model.region() == Some(region);
        if is_here {
            painter.text(self.area, 1, 0, Tone::Accent, painter.theme.glyphs.cursor);
        }
        let tone = if is_here { Tone::Strong } else { Tone::Plain };
        painter.text(self.area, GUTTER, 0, tone, region.as_str());
        let count = text::thousands(cells.len());
        let x = GUTTER + HEAT_LABEL - 2 - u16::try_from(count.len()).unwrap_or(0);
        painter.text(self.area, x, 0, Tone::Dim, &count);
    }

    /// A cell a sign.
    fn cells(&self, painter: &mut Painter<'_>, hits: &mut HitMap, line: &HeatLine) {
        for (cell, column) in self.of(line).iter().zip(0..) {
            let (sign, style) = self.sign(painter, *cell);
            self.put(painter, hits, column, *cell, (sign, style));
        }
    }

    /// Two cells a sign. What is alike and asks for nobody is two dots, so that a large fleet is no
    /// wall; all else is the upper half in its fore-, the lower one in its background.
    fn halves(
        &self,
        painter: &mut Painter<'_>,
        hits: &mut HitMap,
        upper: &HeatLine,
        lower: Option<&HeatLine>,
    ) {
        let lower = lower.map(|line| self.of(line)).unwrap_or_default();
        for (column, cell) in self.of(upper).iter().enumerate() {
            let below = lower.get(column).copied();
            let chosen = [Some(*cell), below].into_iter().flatten().find(|it| self.is_cursor(*it));
            let drawn = match chosen {
                Some(cell) => self.sign(painter, cell),
                None => self.half(painter, *cell, below),
            };
            let column = u16::try_from(column).unwrap_or(u16::MAX);
            self.put(painter, hits, column, chosen.unwrap_or(*cell), drawn);
        }
    }

    /// The sign of two cells that share one, or of one that is alone in it.
    fn half(
        &self,
        painter: &Painter<'_>,
        upper: HeatCell,
        lower: Option<HeatCell>,
    ) -> (&'static str, Style) {
        let tones = (self.tone(upper), lower.map(|cell| self.tone(cell)));
        let style = painter.theme.style(tones.0);
        match tones {
            (tone, None) if is_quiet(tone) => ("⠁", style),
            (tone, Some(below)) if is_quiet(tone) && tone == below => ("⠅", style),
            (_, None) => ("▀", style),
            (_, Some(below)) => {
                let below = painter.theme.style(below).fg;
                ("▀", below.map_or(style, |colour| style.bg(colour)))
            }
        }
    }

    /// The meaning of a cell: that it is marked, its state, or how much of something there is.
    fn tone(&self, cell: HeatCell) -> Tone {
        let key = self.model.table.order().get(cell.at);
        let is_marked = key.is_some_and(|key| self.model.table.marks().contains(key));
        if is_marked { Tone::Accent } else { tone(cell) }
    }

    fn of(&self, line: &HeatLine) -> &[HeatCell] {
        &self.model.heat.groups()[line.group].1[line.cells.clone()]
    }

    fn is_cursor(&self, cell: HeatCell) -> bool {
        cell.at == self.model.table.at()
    }

    fn sign(&self, painter: &Painter<'_>, cell: HeatCell) -> (&'static str, Style) {
        let (theme, tone) = (painter.theme, self.tone(cell));
        let sign = match cell.share {
            _ if tone == Tone::Accent => theme.glyphs.mark,
            Some(share) => theme.glyphs.level_of(share),
            None => theme.glyphs.cell(cell.health),
        };
        (sign, if self.is_cursor(cell) { theme.chosen() } else { theme.style(tone) })
    }

    fn put(
        &self,
        painter: &mut Painter<'_>,
        hits: &mut HitMap,
        column: u16,
        cell: HeatCell,
        (sign, style): (&str, Style),
    ) {
        let x = self.area.x + GUTTER + HEAT_LABEL + column * self.columns;
        if let Some(place) = painter.buffer.cell_mut((x, self.area.y)) {
            place.set_symbol(sign).set_style(style);
        }
        // Ten thousand commands a frame are made only for who can click on them.
        let key = self.model.table.order().get(cell.at).filter(|_| self.model.mouse);
        if let Some(key) = key {
            let spot = Rect { x, width: self.columns, ..self.area };
            hits.add(spot, Command::Table(TableCommand::Select(key.clone())));
        }
    }
}

/// Whether nobody has to see a cell of this meaning among a thousand others.
fn is_quiet(tone: Tone) -> bool {
    !matches!(tone, Tone::Accent | Tone::Bad | Tone::Interrupted)
}

/// The meaning of an unmarked cell.
fn tone(cell: HeatCell) -> Tone {
    match cell.share.map(|share| level(share, 4)) {
        None => cell.health.into(),
        Some(0) => Tone::Dim,
        Some(1) => Tone::Good,
        Some(2) => Tone::Working,
        Some(_) => Tone::Waiting,
    }
}

/// What the cells show, and whom the cursor is on.
pub(super) fn position(model: &Model) -> String {
    let by = model.heat.by().name();
    let (at, all) = (model.table.at() + 1, model.table.len());
    format!("{} of {}, by {by}", text::thousands(at.min(all)), text::thousands(all))
}
