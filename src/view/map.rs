//! The world and the fleet on it: each region where it is, with its count, coloured by what needs
//! a person most. The coasts are ratatui's.

use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::symbols::Marker;
use ratatui::widgets::Widget;
use ratatui::widgets::canvas::{Canvas, Map, MapResolution};

use super::text;
use super::{Painter, Theme, Tone};
use crate::app::Model;
use crate::fleet::{Health, REGION_LOCATIONS, Region, RegionLocation};

/// The degrees east and north that are shown: nobody lives further south.
const EAST: [f64; 2] = [-170.0, 180.0];
const NORTH: [f64; 2] = [-56.0, 76.0];
/// Lines for the legend.
const LEGEND: u16 = 1;

/// Draws it.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    let world = Rect { height: area.height.saturating_sub(LEGEND), ..area };
    let cursor = model.table.cursor().and_then(|key| model.fleet.get(key));
    let marks = REGION_LOCATIONS.iter().filter_map(|place| {
        let chosen = cursor.is_some_and(|row| row.region.as_str() == place.code);
        mark(model, painter.theme, place, chosen)
    });
    let marks: Vec<Mark> = marks.collect();
    world_with(painter, world, marks);
    legend(model, painter, Rect { y: world.bottom(), height: LEGEND, ..area });
}

/// Something at a place.
pub(super) struct Mark {
    /// Where.
    pub place: &'static RegionLocation,
    /// What is written there.
    pub said: String,
    /// What it means.
    pub tone: Tone,
    /// How many it stands for: it lies over those that stand for fewer.
    pub weight: u64,
    /// Whether it is the one that is meant: it lies over all others.
    pub chosen: bool,
}

/// The coasts, and what lies on them.
pub(super) fn world_with(painter: &mut Painter<'_>, area: Rect, mut marks: Vec<Mark>) {
    let area = area.intersection(painter.buffer.area);
    if area.is_empty() {
        return;
    }
    coasts(painter, area);
    marks.sort_by_key(|mark| (mark.chosen, mark.weight));
    for mark in marks {
        let share = |at: f64, [from, to]: [f64; 2]| ((at - from) / (to - from)).clamp(0.0, 1.0);
        let x = cell(share(f64::from(mark.place.longitude), EAST), area.width);
        let y = cell(1.0 - share(f64::from(mark.place.latitude), NORTH), area.height);
        let width = u16::try_from(text::width(&mark.said)).unwrap_or(0);
        let x = x.min(area.width.saturating_sub(width));
        let style = painter.theme.style(mark.tone);
        let style = if mark.chosen { style.patch(painter.theme.selection()) } else { style };
        painter.styled(area, x, y, style, &mark.said);
    }
}

/// The place of a region.
pub(super) fn place(region: &Region) -> Option<&'static RegionLocation> {
    REGION_LOCATIONS.iter().find(|place| place.code == region.as_str())
}

fn coasts(painter: &mut Painter<'_>, area: Rect) {
    // Blocks of four rather than Braille, which many fonts lack.
    let marker = if painter.theme.is_ascii() { Marker::Custom('.') } else { Marker::Quadrant };
    let resolution = if area.width > 100 { MapResolution::High } else { MapResolution::Low };
    Canvas::default()
        .marker(marker)
        .x_bounds(EAST)
        .y_bounds(NORTH)
        .paint(|context| context.draw(&Map { color: Color::Reset, resolution }))
        .render(area, painter.buffer);
    painter.buffer.set_style(area, painter.theme.style(Tone::Dim));
}

/// How many of ours are there, and the most urgent state of them.
fn counts(model: &Model, place: &RegionLocation) -> Option<(Health, usize)> {
    let (_, counts) =
        model.tally.regions.iter().find(|(region, _)| region.as_str() == place.code)?;
    Some((*counts.keys().next()?, counts.values().sum()))
}

/// What of ours is at a place, or could be.
fn mark(
    model: &Model,
    theme: &Theme,
    place: &'static RegionLocation,
    chosen: bool,
) -> Option<Mark> {
    let config = model.config.as_ref();
    let (tone, said, weight) = match counts(model, place) {
        Some((health, count)) => {
            let name = if chosen { format!(" {}", place.city) } else { String::new() };
            (health.into(), format!("{}{count}{name}", theme.glyphs.health(health)), count)
        }
        None if config.is_some_and(|it| it.region(&place.code.into()).is_some()) => {
            (Tone::Plain, theme.glyphs.health(Health::Waiting).to_owned(), 0)
        }
        None => return None,
    };
    Some(Mark { place, said, tone, weight: weight as u64, chosen })
}

/// The cell at a share of a length.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share lies between 0 and 1, and the result below the length"
)]
fn cell(share: f64, length: u16) -> u16 {
    ((share * f64::from(length)) as u16).min(length.saturating_sub(1))
}

/// What the region under the cursor is, else how many there are.
fn legend(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    let cursor = model.table.cursor().and_then(|key| model.fleet.get(key));
    let dot = painter.theme.glyphs.dot;
    if let Some(place) = cursor.and_then(|row| place(&row.region)) {
        let count = counts(model, place).map_or(0, |(_, count)| count);
        let count = text::count(count, "instance");
        painter.text(
            area,
            1,
            0,
            Tone::Plain,
            &format!("{} {dot} {}, {count}", place.code, place.name),
        );
    } else {
        let configured = model.config.as_ref().map_or(0, |config| config.regions.len());
        let said = format!("{} configured", text::count(configured, "region"));
        painter.text(area, 1, 0, Tone::Dim, &said);
    }
}
