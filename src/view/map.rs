//! The world and the fleet on it: each region where it is, with its count, coloured by what needs
//! a person most. The coasts are ratatui's.

use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::symbols::Marker;
use ratatui::widgets::Widget;
use ratatui::widgets::canvas::{Canvas, Map, MapResolution};

use super::text;
use super::{Pen, Tone};
use crate::app::Model;
use crate::fleet::{Health, PLACES, Place};

/// The degrees east and north that are shown: nobody lives further south.
const EAST: [f64; 2] = [-170.0, 180.0];
const NORTH: [f64; 2] = [-56.0, 76.0];
/// Lines for the legend.
const LEGEND: u16 = 1;

/// Draws it.
pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let world = Rect { height: area.height.saturating_sub(LEGEND), ..area };
    let world = world.intersection(pen.buffer.area);
    if world.is_empty() {
        return;
    }
    coasts(pen, world);
    // The region under the cursor last: it lies over its neighbours.
    let cursor = model.table.cursor().and_then(|key| model.fleet.get(key));
    let chosen = |place: &Place| cursor.is_some_and(|row| row.region.as_str() == place.code);
    let mut places: Vec<&Place> = PLACES.iter().collect();
    places.sort_by_key(|place| (chosen(place), weight(model, place)));
    for place in places {
        mark(model, pen, world, place, chosen(place));
    }
    legend(model, pen, Rect { y: world.bottom(), height: LEGEND, ..area });
}

fn coasts(pen: &mut Pen<'_>, area: Rect) {
    let marker = if pen.theme.is_ascii() { Marker::Custom('.') } else { Marker::Braille };
    let resolution = if area.width > 90 { MapResolution::High } else { MapResolution::Low };
    Canvas::default()
        .marker(marker)
        .x_bounds(EAST)
        .y_bounds(NORTH)
        .paint(|context| context.draw(&Map { color: Color::Reset, resolution }))
        .render(area, pen.buffer);
    let dim = pen.theme.style(Tone::Dim).add_modifier(Modifier::DIM);
    pen.buffer.set_style(area, dim);
}

/// How many of ours are there, and how many of them in the most urgent state.
fn counts(model: &Model, place: &Place) -> Option<(Health, usize)> {
    let (_, counts) =
        model.tally.regions.iter().find(|(region, _)| region.as_str() == place.code)?;
    Some((*counts.keys().next()?, counts.values().sum()))
}

/// What lies over what: many over few, those of ours over those that are only configured.
fn weight(model: &Model, place: &Place) -> usize {
    counts(model, place).map_or(0, |(_, count)| count)
}

fn mark(model: &Model, pen: &mut Pen<'_>, area: Rect, place: &Place, chosen: bool) {
    let share = |at: f64, [from, to]: [f64; 2]| ((at - from) / (to - from)).clamp(0.0, 1.0);
    let cell = |share: f64, length: u16| cell(share, length);
    let x = cell(share(f64::from(place.longitude), EAST), area.width);
    let y = cell(1.0 - share(f64::from(place.latitude), NORTH), area.height);
    let configured = || {
        let config = model.config.as_ref();
        config
            .is_some_and(|config| config.regions.iter().any(|it| it.region.as_str() == place.code))
    };
    let (tone, said) = match counts(model, place) {
        Some((health, count)) => {
            let glyph = pen.theme.glyphs.health(health);
            let name = if chosen || area.width > 110 { place.code } else { "" };
            (health.into(), format!("{glyph}{count} {name}").trim_end().to_owned())
        }
        None if configured() => (Tone::Plain, pen.theme.glyphs.health(Health::Waiting).to_owned()),
        None => return,
    };
    let width = u16::try_from(text::width(&said)).unwrap_or(0);
    let x = x.min(area.width.saturating_sub(width));
    let style = pen.theme.style(tone);
    let style = if chosen { style.patch(pen.theme.selection()) } else { style };
    pen.styled(area, x, y, style, &said);
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

/// What the region under the cursor is, and what of the fleet is on no map.
fn legend(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let cursor = model.table.cursor().and_then(|key| model.fleet.get(key));
    let place = cursor.and_then(|row| PLACES.iter().find(|it| it.code == row.region.as_str()));
    if let Some(place) = place {
        let count = text::count(weight(model, place), "instance");
        let said = format!("{} {} {}, {count}", place.code, pen.theme.glyphs.dot, place.name);
        pen.text(area, 1, 0, Tone::Plain, &said);
    } else {
        let said = format!(
            "{} configured, {} with instances",
            model.config.as_ref().map_or(0, |config| config.regions.len()),
            model.tally.regions.len()
        );
        pen.text(area, 1, 0, Tone::Dim, &said);
    }
}
