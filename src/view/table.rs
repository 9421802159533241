//! The instance table, or what to do while it is empty.

use ratatui::layout::Rect;

use super::columns::{CellContext, SERVICES, chosen, phase_words};
use super::grid::{Column, ESSENTIAL, Grid, Placed};
use super::money::{dollars, hourly, sum};
use super::painter::GUTTER;
use super::text;
use super::theme::{Glyphs, Theme};
use super::{HitMap, Painter, Tone, heat, regions, tabs};
use crate::app::keymap::Context;
use crate::app::{
    Action, Aim, Command, Field, Fold, Model, Pane, Panel, PanelsCommand, TableCommand, View,
    clean, estimate,
};
use crate::config::{Config, RegionConfig};
use crate::fleet::{Amount, FailureKind, Instance, InstanceKey, MachineType, Phase, Region};

/// Draws it: a rule with the views, what the view shows, and where in it the cursor is.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect) {
    hits.add(area, Command::Panels(PanelsCommand::Focus(Panel::Table)));
    tabs::draw(model, painter, hits, area, "");
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
    let status = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
    let is_lettered = match model.panels.view {
        _ if model.fleet.is_empty() && model.panels.view != View::Regions => {
            let width = body.width.saturating_sub(GUTTER);
            let inside = Rect { x: body.x + GUTTER, width, ..body };
            newcomer(model, painter, inside);
            false
        }
        View::Rows => rows(model, painter, hits, body),
        View::Regions => {
            regions::draw(model, painter, hits, body);
            false
        }
        View::Grid => {
            heat::draw(model, painter, hits, body);
            false
        }
    };
    if model.table.is_empty() && !model.fleet.is_empty() {
        let said = "No instance matches. Esc shows all of them.";
        painter.text(body, GUTTER, 2, Tone::Plain, said);
    }
    draw_status(model, painter, status, is_lettered);
}

/// The headings, and the rows of the window. Answers whether the services are among them.
fn rows(model: &Model, painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect) -> bool {
    let rows = Rect { x: area.x + GUTTER, width: area.width.saturating_sub(GUTTER + 1), ..area };
    let context =
        CellContext { now: model.now, glyphs: painter.theme.glyphs, turns: model.is_moving() };
    let sort = Some(model.table.sort());
    let measured: Vec<&Instance> =
        model.table.sample().filter_map(|key| model.fleet.get(key)).collect();
    let columns = columns(model, &measured, &context);
    let grid = Grid::new(columns, &measured, &context, painter.theme, rows, sort);
    for (spot, key) in grid.headings(painter.buffer) {
        hits.add(spot, Command::Table(TableCommand::SortBy(key)));
    }
    let shown = model.table.window().iter().zip(0..rows.height.saturating_sub(1));
    for (key, line) in shown {
        let Some(instance) = model.fleet.get(key) else { continue };
        match model.table.fold_at(key) {
            Some(fold) => folded(painter, rows, line + 1, &instance.region, fold),
            None => grid.row(painter.buffer, line, instance),
        }
        if model.lit.contains_key(key) {
            let place = Rect { y: rows.y + line + 1, height: 1, ..rows };
            painter.buffer.set_style(place, painter.theme.lit());
        }
        let whole = Rect { y: rows.y + line + 1, height: 1, ..area };
        hits.add(whole, Command::Table(TableCommand::Select(key.clone())));
        if let Some(all) = is_marked(model, key) {
            painter.mark(rows.intersection(whole), whole, all);
        }
        if model.table.cursor() == Some(key) {
            painter.buffer.set_style(rows.intersection(whole), painter.theme.selection());
            let tone = if model.focus() == Panel::Table { Tone::Accent } else { Tone::Dim };
            painter.text(whole, 1, 0, tone, painter.theme.glyphs.cursor);
        }
    }
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    painter.scrollbar(body, model.table.top(), model.table.len());
    let is_services = |placed: &Placed| grid.columns[placed.index].field == Some(Field::Services);
    grid.placed.iter().any(is_services)
}

/// Whether all rows that a line stands for are marked, where any are.
fn is_marked(model: &Model, key: &InstanceKey) -> Option<bool> {
    let marks = model.table.marks();
    let one = std::slice::from_ref(key);
    let keys = model.table.fold_at(key).map_or(one, |fold| fold.keys.as_slice());
    let has_any = !marks.is_empty() && keys.iter().any(|key| marks.contains(key));
    has_any.then(|| keys.iter().all(|key| marks.contains(key)))
}

/// A line for all rows of a region: how many, in which states, and what they cost.
fn folded(painter: &mut Painter<'_>, area: Rect, line: u16, region: &Region, fold: &Fold) {
    let count = text::count(fold.keys.len(), "instance");
    let sign = painter.theme.glyphs.folded;
    let said = format!("{sign} {:16} {count:>16}", region.as_str());
    let mut x = painter.text(area, 0, line, Tone::Strong, &said) + 3;
    for (health, count) in &fold.counts {
        let said = format!("{} {}", painter.theme.glyphs.health(*health), text::thousands(*count));
        x = painter.text(area, x, line, (*health).into(), &said) + 3;
    }
    if !fold.hourly.is_unknown() && fold.hourly.usd > 0.0 {
        painter.text(area, x, line, Tone::Plain, &format!("{}/h", sum(fold.hourly)));
    }
}

/// The fields that have a column on the screen now.
pub(super) fn on_screen(model: &Model, theme: &Theme) -> Vec<Field> {
    let width = model.size.0.saturating_sub(model.layout().side_columns + GUTTER + 1);
    let context = CellContext { now: model.now, glyphs: theme.glyphs, turns: false };
    let rows: Vec<&Instance> =
        model.table.sample().filter_map(|key| model.fleet.get(key)).collect();
    let columns = columns(model, &rows, &context);
    let grid = Grid::new(columns, &rows, &context, theme, Rect::new(0, 0, width, 1), None);
    grid.placed.iter().filter_map(|placed| grid.columns[placed.index].field).collect()
}

/// The columns to draw: without those that would say the same in each row, as the header does, and
/// those of which nothing is known in any.
fn columns<'a>(
    model: &Model,
    rows: &[&Instance],
    context: &CellContext,
) -> Vec<&'a Column<Instance, CellContext>> {
    let shown: Vec<Field> = model.table.columns.shown().collect();
    let all: Vec<_> = chosen(shown.into_iter()).collect();
    let is_told = |column: &&Column<Instance, CellContext>| {
        let said = |row: &&Instance| (column.cell)(row, context, column.widths[2]).whole();
        let is_known = || rows.iter().any(|row| said(row) != context.glyphs.none);
        column.field.is_none_or(|field| !model.tally.is_alike(field))
            && (column.rank <= ESSENTIAL || is_known())
    };
    let some: Vec<_> = all.iter().copied().filter(is_told).collect();
    if some.is_empty() { all } else { some }
}

/// What a newcomer can do next.
fn newcomer(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    let key = |command: &Command| model.keymap.key_for(Context::Table, command).unwrap_or_default();
    let create = key(&Command::Ask(Action::Create(None), Aim::Deployment));
    let lines = if model.trouble.as_ref().is_some_and(|it| it.kind == FailureKind::Credentials) {
        signed_out(&key(&Command::Refresh))
    } else if let Some(failure) = &model.trouble {
        let mut lines = text::wrap(&failure.reason, area.width.into());
        lines.extend(text::wrap(&failure.hint, area.width.into()));
        if failure.kind == FailureKind::SignIn {
            lines.push(format!("Press {} to sign in here.", key(&Command::SignIn)));
        }
        lines.push(format!("Press {} to try again.", key(&Command::Refresh)));
        lines
    } else if model.config.is_none() {
        vec![
            "No configuration yet.".to_owned(),
            "Quit with q, run spot-tui setup to write config.yaml, and start again.".to_owned(),
        ]
    } else if model.read_only.is_some() {
        let visit = model.visits.as_ref().and_then(|visits| visits.now.as_ref());
        let is_nowhere = visit.is_some_and(|visit| visit.deployment.is_none());
        vec![if is_nowhere {
            "The tags of this account tell of no deployment, or not of which one.".to_owned()
        } else {
            "No instances of this deployment are known.".to_owned()
        }]
    } else {
        let mut lines = first(model);
        lines.push(format!("Press {create} to choose how many and where, ? for all keys."));
        lines
    };
    for (said, line) in lines.iter().zip(2..) {
        painter.text(area, 0, line, Tone::Plain, said);
    }
}

/// Where nobody is signed in: the ways to do that.
fn signed_out(again: &str) -> Vec<String> {
    vec![
        "No AWS credentials were found: not in the environment, not in ~/.aws, no role.".into(),
        String::new(),
        "1  aws configure                    keys for one account".into(),
        "2  spot-tui login --profile NAME    IAM Identity Center; then: spot-tui --profile NAME"
            .into(),
        "3  export AWS_ACCESS_KEY_ID=.. AWS_SECRET_ACCESS_KEY=..".into(),
        String::new(),
        format!("{again}: try again. spot-tui --demo shows all of it without an account."),
    ]
}

/// What is known of an empty deployment, and what the configuration asks for: where, of which type,
/// and for how much.
fn first(model: &Model) -> Vec<String> {
    let known = model.fleet.regions().values().any(|view| view.answered.is_some());
    let known = if known { "No instances yet." } else { "Looking for instances in all regions." };
    let mut lines = vec![known.to_owned()];
    let Some(config) = &model.config else { return lines };
    let wanted: u32 = config.spread().values().sum();
    let wanted = text::count(usize::try_from(wanted).unwrap_or(usize::MAX), "instance");
    let regions = text::count(config.regions.len(), "region");
    lines.push(format!("The configuration asks for {wanted} in {regions}:"));
    lines.push(String::new());
    lines.extend(wishes(model, config));
    lines.push(String::new());
    lines
}

/// The most regions that are listed.
const LISTED: usize = 8;

/// What the configuration asks for, a line a region, and what all of it costs.
fn wishes(model: &Model, config: &Config) -> Vec<String> {
    let spread = config.spread();
    let wanted = |region: &RegionConfig| spread.get(&region.region).copied().unwrap_or(0);
    let mut sum = Amount::default();
    let mut lines = Vec::new();
    for region in config.regions.iter().filter(|region| wanted(region) > 0) {
        let (count, each) = (wanted(region), estimate(model, region));
        match each {
            Some(usd) => sum.usd += usd * f64::from(count),
            None => sum.is_partial = true,
        }
        let types: Vec<&str> = region.machine_types.iter().map(MachineType::as_str).collect();
        let types = clean(&types.join(" "), 40);
        let price = each.map_or_else(String::new, |usd| format!("${} each", hourly(usd)));
        let line = format!("{:16} {count:>4}  {types:24} {price}", region.region.as_str());
        lines.push(line.trim_end().to_owned());
    }
    if let Some(more) = lines.len().checked_sub(LISTED).filter(|more| *more > 0) {
        lines.truncate(LISTED);
        lines.push(format!("and {}", text::count(more, "more region")));
    }
    if !sum.is_unknown() && sum.usd > 0.0 {
        lines.push(format!("{:16} {:>4}  {:24} {} an hour", "in all", "", "", dollars(sum)));
    }
    lines
}

/// The filter, else what there is to say about the row under the cursor; and how many rows there
/// are, in which order.
fn draw_status(model: &Model, painter: &mut Painter<'_>, area: Rect, lettered: bool) {
    let table = &model.table;
    let (sort, reverse) = table.sort();
    let marked = match (table.marks().len(), table.is_ranging()) {
        (0, _) => String::new(),
        (marked, false) => format!("{} marked, ", text::thousands(marked)),
        (marked, true) => format!("marking {}, ", text::thousands(marked)),
    };
    let counted = format!("{marked}{}", position(model));
    let order = if reverse { " descending" } else { "" };
    let sorted = match model.panels.view {
        View::Rows => format!("{counted}, by {}{order}", sort.name()),
        View::Regions | View::Grid => counted.clone(),
    };
    let aside = match model.panels.view {
        View::Rows => aside(model, painter.theme.glyphs).or_else(|| lettered.then(legend)),
        View::Regions => None,
        View::Grid => pointed(model, painter.theme.glyphs.dot),
    };
    // The heading shows the order as well.
    let needed = aside.as_ref().map_or(0, |(_, said)| text::width(said) + text::width(&sorted) + 8);
    let said = if needed > area.width.into() { counted } else { sorted };
    let filter = table.query().text();
    // What hides rows has room before how many.
    let taken = painter.right(area, text::needle(filter), 0, Tone::Dim, &said);
    let area = Rect { width: area.width.saturating_sub(taken), ..area };
    if model.filtering || !filter.is_empty() {
        let x = painter.text(area, 1, 0, Tone::Accent, "/ ");
        if model.filtering {
            painter.field(area, x, 0, &model.filter);
        } else {
            painter.text(area, x, 0, Tone::Plain, filter);
        }
    } else if let Some((tone, said)) = aside {
        painter.text(area, 3, 0, tone, &said);
    }
}

/// Which row the cursor is on, of how many; and how many the filter hides.
fn position(model: &Model) -> String {
    match model.panels.view {
        View::Rows => {}
        View::Regions => return regions::position(model),
        View::Grid => return heat::position(model),
    }
    let (shown, all) = (model.table.len(), model.fleet.len());
    let at = if shown == 0 { 0 } else { model.table.at() + 1 };
    let hidden = match all.saturating_sub(shown + model.table.folded_away()) {
        0 => String::new(),
        hidden => format!(", {} hidden", text::thousands(hidden)),
    };
    format!("{} of {}{hidden}", text::thousands(at), text::thousands(shown))
}

/// Which instance the cell under the cursor is.
fn pointed(model: &Model, dot: &str) -> Option<(Tone, String)> {
    let instance = model.fleet.get(model.table.cursor()?)?;
    let zone = instance.machine.as_ref().map(|machine| machine.zone.to_string());
    let label = text::label(&instance.label(), true).into_owned();
    let words = phase_words(instance, model.now);
    let pieces = [Some(label), zone, Some(words)].into_iter().flatten();
    let pieces: Vec<String> = pieces.filter(|it| !it.is_empty()).collect();
    let said = pieces.join(&format!(" {dot} "));
    Some((instance.phase.health().into(), said))
}

/// What the one-letter headings stand for.
fn legend() -> (Tone, String) {
    let said = SERVICES.map(|name| format!("{} {name}", name[..1].to_uppercase()));
    (Tone::Dim, said.join("  "))
}

/// Why the row under the cursor failed, and the key that tells what to do; or the last thing that
/// a row at work said.
fn aside(model: &Model, glyphs: &Glyphs) -> Option<(Tone, String)> {
    let instance = model.fleet.get(model.table.cursor()?)?;
    match &instance.phase {
        Phase::Failed(failure) => {
            let key = |command: &Command| {
                model.keymap.key_for(Context::Table, command).unwrap_or_default()
            };
            let details = key(&Command::Panels(PanelsCommand::Open(Pane::Details)));
            let retry = key(&Command::Ask(Action::Retry, Aim::Chosen));
            let reason = clean(&failure.reason, 1024);
            let step = failure.step;
            Some((Tone::Bad, format!("{step}: {reason}. {details}: what to do, {retry}: retry")))
        }
        phase if phase.is_deploying() => {
            let line = instance.last_line.as_deref()?;
            Some((Tone::Dim, text::step(line, glyphs.well)))
        }
        _ => None,
    }
}
