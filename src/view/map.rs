//! The world and the fleet on it: each region where it is, with its count, coloured by what needs
//! a person most. The coasts are ratatui's.

use std::collections::BTreeSet;

use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::symbols::Marker;
use ratatui::widgets::Widget;
use ratatui::widgets::canvas::{Canvas, Map, MapResolution};

use super::bubbles::{self, Bubble, PlacedBubble};
use super::money::sum;
use super::text;
use super::{HitMap, Painter, Tone};
use crate::app::{Command, Model, TableCommand};
use crate::fleet::{Health, Instance, REGION_LOCATIONS, Region, RegionLocation};

/// The degrees east and north that are shown: nobody lives further south.
const EAST: [f64; 2] = [-170.0, 180.0];
const NORTH: [f64; 2] = [-56.0, 76.0];
/// Lines for what is said of the region that is meant.
const LEGEND: u16 = 1;
/// From how many columns on the regions are listed beside the map, and on how many.
const LISTED: u16 = 110;
const LIST: u16 = 34;

/// Draws it.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect) {
    let mut world = Rect { height: area.height.saturating_sub(LEGEND), ..area };
    let below = Rect { y: world.bottom(), height: LEGEND, ..area };
    if area.width >= LISTED {
        world.width -= LIST;
        list(model, painter, hits, Rect { x: world.right(), width: LIST, ..world });
    }
    let world = world.intersection(painter.buffer.area);
    if world.is_empty() {
        return;
    }
    coasts(painter, world);
    configured(model, painter, world);
    for spot in bubbles::arrange(bubbles_of(model, world), world.width, world.height) {
        bubble(painter, hits, world, &spot);
    }
    legend(model, painter, below);
}

/// A count with the sign of its state, and its name where there is room.
fn bubble(painter: &mut Painter<'_>, hits: &mut HitMap, world: Rect, spot: &PlacedBubble) {
    let PlacedBubble { bubble, x, y, name } = spot;
    let sign = painter.theme.glyphs.health(bubble.health);
    let said = format!("{sign}{}", text::thousands(bubble.count));
    let style = painter.theme.style(bubble.health.into());
    let style = match bubble {
        Bubble { lit: true, .. } => style.patch(painter.theme.alarm()),
        Bubble { chosen: true, .. } => style.patch(painter.theme.selection()),
        Bubble { .. } => style,
    };
    let end = painter.styled(world, *x, *y, style, &said);
    if let Some(name) = name {
        let tone = if bubble.chosen { Tone::Strong } else { Tone::Plain };
        painter.text(world, end, *y, tone, &format!(" {name}"));
    }
    let place = REGION_LOCATIONS.iter().find(|place| place.city == bubble.name);
    if let Some(place) = place {
        let spot = Rect { x: world.x + x, y: world.y + y, width: end - x, height: 1 };
        hits.add(spot, Command::Table(TableCommand::SelectRegion(place.code.into())));
    }
}

/// Where on the map a place is.
fn point(place: &RegionLocation, world: Rect) -> (u16, u16) {
    let share = |at: f64, [from, to]: [f64; 2]| ((at - from) / (to - from)).clamp(0.0, 1.0);
    let x = cell(share(f64::from(place.longitude), EAST), world.width);
    let y = cell(1.0 - share(f64::from(place.latitude), NORTH), world.height);
    (x, y)
}

/// What of ours is at each place.
fn bubbles_of(model: &Model, world: Rect) -> Vec<Bubble> {
    let here = model.region();
    // What AWS takes, or what fails, is seen to happen.
    let rows = model.lit.keys().filter_map(|key| model.fleet.get(key));
    let is_trouble = |row: &&Instance| {
        row.is_interrupted() || matches!(row.phase.health(), Health::Bad | Health::Interrupted)
    };
    let lit: BTreeSet<&str> = rows.filter(is_trouble).map(|row| row.region.as_str()).collect();
    let bubble = |place: &RegionLocation| {
        let (health, count) = counts(model, place)?;
        let chosen = here.is_some_and(|region| region.as_str() == place.code);
        let name = place.city.to_owned();
        let lit = lit.contains(place.code);
        Some(Bubble { at: point(place, world), count, health, name, places: 1, chosen, lit })
    };
    REGION_LOCATIONS.iter().filter_map(bubble).collect()
}

/// A sign where the configuration could put something and nothing is.
fn configured(model: &Model, painter: &mut Painter<'_>, world: Rect) {
    let Some(config) = &model.config else { return };
    for place in REGION_LOCATIONS {
        if counts(model, place).is_none() && config.region(&place.code.into()).is_some() {
            let (x, y) = point(place, world);
            let sign = painter.theme.glyphs.health(Health::Waiting);
            painter.text(world, x, y, Tone::Plain, sign);
        }
    }
}

/// The place of a region.
pub(super) fn place(region: &Region) -> Option<&'static RegionLocation> {
    REGION_LOCATIONS.iter().find(|place| place.code == region.as_str())
}

fn coasts(painter: &mut Painter<'_>, area: Rect) {
    let marker = if painter.theme.is_ascii() { Marker::Custom('.') } else { Marker::Braille };
    // Dots of a whole sign are larger than the islands of the finer one.
    let resolution =
        if painter.theme.is_ascii() { MapResolution::Low } else { MapResolution::High };
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

/// The cell at a share of a length.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share lies between 0 and 1, and the result below the length"
)]
fn cell(share: f64, length: u16) -> u16 {
    ((share * f64::from(length)) as u16).min(length.saturating_sub(1))
}

/// The regions where something is, the most first: how many, and what they cost.
fn list(model: &Model, painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect) {
    let mut regions: Vec<_> = model.tally.regions.iter().collect();
    regions.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.values().sum::<usize>()));
    let room = usize::from(area.height.saturating_sub(2));
    for ((region, counts), line) in regions.iter().take(room).zip(1..) {
        let count = text::thousands(counts.values().sum());
        let health = counts.keys().next().copied().unwrap_or(Health::Waiting);
        let is_here = model.region() == Some(region);
        let place = Rect { y: area.y + line, height: 1, ..area };
        painter.text(place, 1, 0, health.into(), painter.theme.glyphs.health(health));
        let tone = if is_here { Tone::Strong } else { Tone::Plain };
        painter.text(place, 3, 0, tone, region.as_str());
        painter.text(place, 18, 0, Tone::Strong, &format!("{count:>6}"));
        let cost = model.fleet.costs().get(*region).map(|cost| cost.hourly);
        let cost = cost.filter(|hourly| !hourly.is_unknown());
        let cost = cost.map_or_else(
            || painter.theme.glyphs.none.to_owned(),
            |hourly| format!("{}/h", sum(hourly)),
        );
        painter.text(place, 25, 0, Tone::Dim, &cost);
        hits.add(place, Command::Table(TableCommand::SelectRegion((*region).clone())));
        if is_here {
            painter.text(place, 0, 0, Tone::Accent, painter.theme.glyphs.cursor);
        }
    }
    if let Some(more) = regions.len().checked_sub(room).filter(|more| *more > 0) {
        painter.text(area, 3, area.height - 1, Tone::Dim, &format!("and {more} more"));
    }
}

/// What the region that is meant is, else how many there are.
fn legend(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    let dot = painter.theme.glyphs.dot;
    if let Some(place) = model.region().and_then(place) {
        let count = counts(model, place).map_or(0, |(_, count)| count);
        let said =
            format!("{} {dot} {}, {}", place.code, place.name, text::count(count, "instance"));
        painter.text(area, 1, 0, Tone::Plain, &said);
    } else {
        let configured = model.config.as_ref().map_or(0, |config| config.regions.len());
        let said = format!("{} configured", text::count(configured, "region"));
        painter.text(area, 1, 0, Tone::Dim, &said);
    }
}
