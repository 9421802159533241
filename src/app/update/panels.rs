//! What keys do in the table, the panes, the filter and the log.

use std::fmt::Write as _;

use crate::app::command::Older;
use crate::app::log::Ring;
use crate::app::prices;
use crate::app::query::completed;
use crate::app::{
    Columns, Copied, Effect, Field, LinesCommand, Model, Motion, Pane, Panel, PanelsCommand, Press,
    Query, Reader, RowCommand, TableCommand, TextField, View,
};
use crate::fleet::{Instance, InstanceKey, Level, Region};

/// Does something that may arrange the screen otherwise, and keeps that.
pub(super) fn remembering(model: &mut Model, act: impl FnOnce(&mut Model)) -> Vec<Effect> {
    let before = model.remembered();
    act(model);
    if model.remembered() == before { Vec::new() } else { remember(model) }
}

/// Keeps how the screen is arranged.
pub(super) fn remember(model: &Model) -> Vec<Effect> {
    vec![Effect::Remember(Box::new(model.remembered()))]
}

/// What marks, filters and sorts.
pub(super) fn in_table(model: &mut Model, command: TableCommand) {
    following(model, |model| match command {
        TableCommand::Select(key) => {
            model.focus = Panel::Table;
            model.table.select(&key);
        }
        TableCommand::SelectRegion(region) => {
            model.regions.select(&region);
            go_to_region(model, &region);
        }
        TableCommand::Mark => mark(model),
        TableCommand::MarkRange => model.table.mark_range(),
        TableCommand::MarkAll => model.table.mark_all(),
        TableCommand::MarkOthers => model.table.mark_others(),
        TableCommand::FoldAll(_) | TableCommand::SortReverse | TableCommand::SortBy(_)
            if model.panels.view == View::Regions =>
        {
            model.refuse_order();
        }
        TableCommand::FindNext => find(model, false),
        TableCommand::FindPrevious => find(model, true),
        TableCommand::FoldAll(folded) => model.table.fold_all(folded, &model.fleet),
        TableCommand::SetFilter(filter) => model.table.set_filter(&filter, &model.fleet),
        TableCommand::SortReverse => model.table.sort_reverse(&model.fleet),
        TableCommand::SortBy(field) => model.table.sort_by(field, &model.fleet),
        TableCommand::SetColumns(fields) => model.table.columns = Columns::of(&fields),
    });
    model.arrange_view();
}

/// Marks the row under the cursor; in the view of regions all of its rows.
fn mark(model: &mut Model) {
    if model.panels.view != View::Regions {
        model.table.mark();
        return;
    }
    let Some(region) = model.regions.cursor() else { return };
    let is_there = |key: &&InstanceKey| {
        model.fleet.get(key).is_some_and(|row| row.region == *region && !row.phase.is_over())
    };
    let keys = model.table.order().iter().filter(is_there).cloned().collect();
    model.table.mark_these(keys);
    move_region(model, Motion::Down);
}

/// Moves among the regions. The table's cursor goes along, so that each pane shows that region.
fn move_region(model: &mut Model, motion: Motion) {
    model.regions.step(motion);
    follow_region(model);
    if model.table.is_ranging() {
        model.arrange_view();
    }
}

fn follow_region(model: &mut Model) {
    if let Some(region) = model.regions.cursor().cloned() {
        go_to_region(model, &region);
    }
}

/// Puts the table's cursor on a row of a region, if it is not on one already.
fn go_to_region(model: &mut Model, region: &Region) {
    let of = |key: &InstanceKey| model.fleet.get(key).map(|row| &row.region);
    if model.table.cursor().and_then(of) == Some(region) {
        return;
    }
    if let Some(at) = model.table.order().iter().position(|key| of(key) == Some(region)) {
        model.table.go(at);
    }
}

/// Shows the fleet in another way. What is under the cursor stays.
pub(super) fn show(model: &mut Model, view: View) {
    let region = model.region().cloned();
    close(model);
    model.panels.view = view;
    model.outside = None;
    model.arrange_view();
    if let Some(region) = region.filter(|_| view == View::Regions) {
        model.regions.select(&region);
    }
}

/// From a region to its instances.
fn enter_region(model: &mut Model) {
    let Some(region) = model.regions.cursor().cloned() else { return };
    let filter = match model.table.query().text() {
        "" => format!("region:{region}"),
        other => format!("{other} region:{region}"),
    };
    model.outside = Some(model.table.query().text().to_owned());
    model.panels.view = View::Rows;
    model.table.set_filter(&filter, &model.fleet);
}

/// From the instances of a region back to all regions.
fn leave_region(model: &mut Model, filter: &str) {
    let region = model.region().cloned();
    model.table.set_filter(filter, &model.fleet);
    model.panels.view = View::Regions;
    model.arrange_view();
    if let Some(region) = region {
        model.regions.select(&region);
    }
}

/// To the next row that passes the last filter, or the one before.
fn find(model: &mut Model, back: bool) {
    if model.last_filter.is_empty() {
        model.show(Level::Info, "not found: type / and words first".into());
    } else if !model.table.seek(&model.last_filter, &model.fleet, back) {
        let text = format!("not found: {}", model.last_filter.text());
        model.show(Level::Info, text);
    }
}

/// Another instance's story begins at its beginning, and its log at its end.
fn following(model: &mut Model, act: impl FnOnce(&mut Model)) {
    let before = model.table.cursor().cloned();
    act(model);
    if before.as_ref() != model.table.cursor() {
        model.side_top = 0;
        model.output.follow();
        model.prices.follow();
    }
}

/// Which panels there are, and which has the keyboard.
pub(super) fn arrange(model: &mut Model, command: PanelsCommand) {
    let focus = model.focus();
    match command {
        PanelsCommand::Scroll(panel, motion) => scroll(model, panel, motion),
        PanelsCommand::Next => model.focus = next_panel(model, focus),
        PanelsCommand::Focus(panel) => model.focus = panel,
        PanelsCommand::Zoom => {
            let whole = model.layout().whole.is_some();
            model.panels.whole = (!whole).then_some(focus);
            model.focus = focus;
        }
        PanelsCommand::ZoomLog => {
            let log = model.panels.whole == Some(Panel::Log);
            zoom_log(model, !log);
        }
        PanelsCommand::Grow => model.panels.resize(focus, true),
        PanelsCommand::Shrink => model.panels.resize(focus, false),
        PanelsCommand::ToggleLog => model.panels.log = !model.panels.log,
        PanelsCommand::Open(Pane::Details)
            if focus == Panel::Table && model.panels.view == View::Regions =>
        {
            enter_region(model);
        }
        PanelsCommand::Open(Pane::Details) if focus == Panel::Table && is_fold(model) => {
            move_cursor(model, Motion::Right);
        }
        PanelsCommand::Open(pane) => open(model, pane),
        PanelsCommand::OpenWhole(pane) => {
            model.panels.side = Some(pane);
            model.panels.whole = Some(Panel::Side);
            model.focus = Panel::Side;
            model.side_top = 0;
        }
        PanelsCommand::Show(view) => show(model, view),
        PanelsCommand::Prices(step) if model.panels.side == Some(Pane::Prices) => {
            prices::step(model, step);
        }
        PanelsCommand::Prices(_) => open(model, Pane::Prices),
        PanelsCommand::Split(panel, at) => split(model, panel, at),
    }
    model.fit();
}

/// Whether the line under the cursor stands for a region.
fn is_fold(model: &Model) -> bool {
    model.table.cursor().is_some_and(|key| model.table.fold_at(key).is_some())
}

/// Puts the edge of a panel where it was drawn to.
fn split(model: &mut Model, panel: Panel, at: u16) {
    let (width, height) = model.size;
    match panel {
        Panel::Side => model.panels.split_side(width.saturating_sub(at), width),
        Panel::Log => {
            let lines = height.saturating_sub(at + 2);
            model.panels.split_log(lines, model.layout().log);
        }
        Panel::Table => {}
    }
}

/// What is pressed in the panel that has the focus.
pub(super) fn in_panel(model: &mut Model, press: Press) {
    let focus = model.focus();
    match press {
        Press::Move(motion) => scroll(model, focus, motion),
        Press::Back => {
            back(model, focus);
            model.fit();
        }
        // These are for dialogs and fields.
        Press::Accept
        | Press::Edit(_)
        | Press::Complete
        | Press::Recall(_)
        | Press::Pick(_)
        | Press::Choose(_)
        | Press::More
        | Press::Less
        | Press::Column(_) => {}
    }
}

/// The panel after this one, of those that are there.
fn next_panel(model: &Model, focus: Panel) -> Panel {
    let layout = model.layout();
    if layout.whole.is_some() {
        return focus;
    }
    let there = |panel: &Panel| match panel {
        Panel::Table => true,
        Panel::Side => layout.side > 0,
        Panel::Log => layout.log > 0,
    };
    let order = match focus {
        Panel::Table => [Panel::Side, Panel::Log],
        Panel::Side => [Panel::Log, Panel::Table],
        Panel::Log => [Panel::Table, Panel::Side],
    };
    order.into_iter().find(there).unwrap_or(focus)
}

/// Shows a pane, or closes the one that has the keyboard already.
fn open(model: &mut Model, pane: Pane) {
    let is_open = model.panels.side == Some(pane);
    if is_open && (pane.follows() || model.focus() == Panel::Side) {
        close(model);
        return;
    }
    let needs_row = matches!(pane, Pane::Details | Pane::Output);
    if needs_row && model.table.cursor().is_none() {
        return;
    }
    model.panels.side = Some(pane);
    model.panels.whole = model.panels.whole.map(|_| Panel::Side);
    // What shows the row under the cursor leaves the keyboard where that is moved.
    model.focus = if pane.follows() { Panel::Table } else { Panel::Side };
    model.side_top = 0;
}

/// Whether a pane stands beside the table, which has the keyboard.
pub(super) fn is_followed(model: &Model) -> bool {
    model.layout().side > 0 && model.focus() == Panel::Table
}

fn close(model: &mut Model) {
    model.panels.side = None;
    model.panels.whole = None;
    model.focus = Panel::Table;
}

/// Gives the screen to the log, or takes it back. The keyboard goes along.
fn zoom_log(model: &mut Model, zoomed: bool) {
    model.panels.whole = zoomed.then_some(Panel::Log);
    model.focus = if zoomed { Panel::Log } else { Panel::Table };
}

/// Takes away what narrows the view, the last first.
fn back(model: &mut Model, focus: Panel) {
    match focus {
        Panel::Side => close(model),
        Panel::Log => {
            model.log_panel.follow();
            zoom_log(model, false);
        }
        Panel::Table if is_followed(model) => close(model),
        Panel::Table if !model.table.marks().is_empty() || model.table.is_ranging() => {
            model.table.unmark();
        }
        Panel::Table if model.outside.is_some() => {
            let filter = model.outside.take().unwrap_or_default();
            leave_region(model, &filter);
        }
        Panel::Table if !model.table.query().text().is_empty() => {
            model.table.set_filter("", &model.fleet);
        }
        Panel::Table => model.panels.whole = None,
    }
}

fn scroll(model: &mut Model, panel: Panel, motion: Motion) {
    following(model, |model| match panel {
        Panel::Table => move_cursor(model, motion),
        Panel::Side => scroll_side(model, motion),
        Panel::Log => scroll_log(model, motion),
    });
}

/// Moves where the table stands, in the view that it has.
fn move_cursor(model: &mut Model, motion: Motion) {
    match model.panels.view {
        View::Rows if matches!(motion, Motion::Left | Motion::Right) => {
            if let Some(region) = model.region().cloned() {
                model.table.fold(&region, motion == Motion::Left, &model.fleet);
            }
        }
        View::Rows => model.table.step(motion),
        View::Regions => move_region(model, motion),
        View::Grid => {
            let to = model.heat.step(motion, model.table.at(), model.heat_size());
            if let Some(at) = to {
                model.table.go(at);
            }
        }
    }
}

fn scroll_log(model: &mut Model, motion: Motion) {
    match motion {
        Motion::Up | Motion::PageUp | Motion::First => model.log_panel.back(),
        Motion::Down | Motion::PageDown => model.log_panel.forward(),
        Motion::Last => model.log_panel.follow(),
        Motion::Left | Motion::Right => {}
    }
}

fn scroll_side(model: &mut Model, motion: Motion) {
    let height = usize::from(model.layout().side);
    match model.panels.side {
        Some(Pane::Details) => {
            let lines = model.table.cursor().map_or(0, |key| crate::app::story(model, key).len());
            model.side_top = motion.from(model.side_top, lines, height);
        }
        Some(Pane::Map | Pane::Prices) => move_cursor(model, motion),
        Some(Pane::Answers) => {
            if let Some(answers) = &mut model.answers {
                // Its name, the line below it and the one that counts are no lines of an answer.
                answers.step(motion, height.saturating_sub(3));
            }
        }
        Some(Pane::Costs | Pane::Kept) => {}
        _ => {
            let now = model.now;
            if let Some((ring, reader)) = reading(model) {
                reader.step(ring, motion, height.saturating_sub(1), now);
            }
        }
    }
}

/// The lines of the pane and where they are read.
fn reading(model: &mut Model) -> Option<(&Ring, &mut Reader)> {
    match model.panels.side? {
        Pane::Output => Some((model.log.of(model.table.cursor()?)?, &mut model.output)),
        Pane::Events => Some((model.log.events(), &mut model.events)),
        Pane::Details | Pane::Map | Pane::Prices | Pane::Costs | Pane::Kept | Pane::Answers => None,
    }
}

/// Looking for words in the lines of a pane.
pub(super) fn read(model: &mut Model, command: LinesCommand) -> Vec<Effect> {
    match command {
        LinesCommand::Search => {
            if let Some((_, reader)) = reading(model) {
                reader.typing = true;
            }
        }
        LinesCommand::Only => {
            if let Some((_, reader)) = reading(model) {
                reader.only = !reader.only;
            }
        }
        LinesCommand::Next => seek(model, false),
        LinesCommand::Previous => seek(model, true),
        LinesCommand::Export(file) => return export(model, file),
        LinesCommand::Events(like) => {
            model.events.needle = TextField::of(&like);
            model.events.only = true;
            arrange(model, PanelsCommand::OpenWhole(Pane::Events));
        }
        LinesCommand::ExportTable(file) => {
            let moment = model.now.strftime("%Y%m%d-%H%M%S");
            let file = file.unwrap_or_else(|| format!("spot-tui-instances-{moment}.csv"));
            return vec![Effect::ExportTable(file)];
        }
    }
    Vec::new()
}

/// To the next line that has what is looked for, or the one before.
fn seek(model: &mut Model, back: bool) {
    let (height, now) = (usize::from(model.layout().side).saturating_sub(1), model.now);
    let Some((ring, reader)) = reading(model) else { return };
    if !reader.seek(ring, back, height, now) {
        let needle = reader.needle.text();
        let text = if needle.is_empty() { "type / and words first" } else { needle }.to_owned();
        model.show(Level::Info, format!("not found: {text}"));
    }
}

/// The row under the cursor.
pub(super) fn row(model: &Model) -> Option<&Instance> {
    model.table.cursor().and_then(|key| model.fleet.get(key))
}

/// What is done with the row under the cursor outside of the screen.
pub(super) fn reach_out(model: &mut Model, command: RowCommand) -> Vec<Effect> {
    match command {
        RowCommand::Copy(copied) => copy(model, copied),
        RowCommand::Shell(key) => shell(model, key),
        RowCommand::Console => {
            let page = row(model).and_then(console_page);
            page.map(Effect::Open).into_iter().collect()
        }
    }
}

/// Copies something of the marked rows, a line each, else of the one under the cursor.
fn copy(model: &mut Model, copied: Copied) -> Vec<Effect> {
    if copied == Copied::Ssh {
        let row = row(model).filter(|row| row.id().is_some());
        return row.map(|row| Effect::CopyShell(row.key.clone())).into_iter().collect();
    }
    let chosen = model.table.chosen();
    let rows = chosen.iter().filter_map(|key| model.fleet.get(key));
    let lines: Vec<String> = rows.filter_map(|row| text_of(row, copied)).collect();
    if lines.is_empty() { Vec::new() } else { vec![Effect::Copy(lines.join("\n"))] }
}

/// What is copied of one row.
fn text_of(row: &Instance, copied: Copied) -> Option<String> {
    let id = || row.id().map(ToString::to_string);
    match copied {
        Copied::Address => row.address().map(|address| address.to_string()).or_else(id),
        Copied::Id | Copied::Ssh => id(),
        Copied::Console => console_page(row),
        Copied::Json => {
            let said = |field: &Field| {
                let text = field.text(row);
                (!text.is_empty()).then(|| (field.name().to_owned(), text.into_owned().into()))
            };
            let fields: serde_json::Map<String, serde_json::Value> =
                Field::ALL.iter().filter_map(said).collect();
            Some(serde_json::Value::Object(fields).to_string())
        }
    }
}

/// Its page in AWS's console.
pub fn console_page(row: &Instance) -> Option<String> {
    let (region, id) = (&row.region, row.id()?);
    Some(format!(
        "https://{region}.console.aws.amazon.com/ec2/home?region={region}\
         #InstanceDetails:instanceId={id}"
    ))
}

fn shell(model: &mut Model, key: Option<InstanceKey>) -> Vec<Effect> {
    let chosen = || model.table.cursor().cloned();
    let Some(row) = key.or_else(chosen).and_then(|key| model.fleet.get(&key)) else {
        return Vec::new();
    };
    if !row.is_alive() || row.address().is_none() {
        let text = format!("{} has no address to log in at", row.label());
        model.flash(Level::Warning, "ssh", text);
        return Vec::new();
    }
    vec![Effect::Shell(row.key.clone())]
}

/// Writes down the events that pass the filter, the oldest first.
fn export(model: &Model, file: Option<String>) -> Vec<Effect> {
    let lines = model.events.lines(model.log.events(), model.now);
    let mut text = String::new();
    for line in lines {
        // Nothing that is written to a string fails.
        let _ = writeln!(text, "{} {line}", line.at);
    }
    let moment = model.now.strftime("%Y%m%d-%H%M%S");
    let file = file.unwrap_or_else(|| format!("spot-tui-events-{moment}.log"));
    vec![Effect::Export { file, text }]
}

/// What is pressed while the filter is typed.
pub(super) fn in_filter(model: &mut Model, press: Press) {
    match press {
        Press::Accept => keep_filter(model),
        Press::Back => {
            keep_filter(model);
            model.table.set_filter("", &model.fleet);
        }
        Press::Move(motion) => model.table.step(motion),
        Press::Edit(edit) => in_filter_field(model, |field| field.edit(edit)),
        Press::Complete => {
            let rows = model.fleet.instances();
            if let Some(whole) = completed(model.filter.text(), rows) {
                in_filter_field(model, |field| *field = TextField::of(&whole));
            }
        }
        Press::Recall(older) => recall_filter(model, older == Older::Yes),
        Press::Choose(_) | Press::Pick(_) | Press::More | Press::Less | Press::Column(_) => {}
    }
}

/// What was filtered by earlier, of what begins as it was begun.
fn recall_filter(model: &mut Model, older: bool) {
    let (back, begun) =
        model.filter_back.take().unwrap_or_else(|| (None, model.filter.text().to_owned()));
    let (back, line) = model.filters.step(back, older, &begun);
    let line = line.to_owned();
    in_filter_field(model, |field| *field = TextField::of(&line));
    model.filter_back = Some((back, begun));
}

/// The filter is typed; it can be looked for again, also where all rows are shown.
fn keep_filter(model: &mut Model) {
    model.filtering = false;
    model.filters.push(model.filter.text());
    model.last_filter = Query::parse(model.filter.text());
}

/// Edits the filter. The table follows each time.
pub(super) fn in_filter_field<T>(model: &mut Model, edit: impl FnOnce(&mut TextField) -> T) -> T {
    let edited = edit(&mut model.filter);
    model.filter_back = None;
    if model.filter.text() != model.table.query().text() {
        model.table.set_filter(model.filter.text(), &model.fleet);
        model.arrange_view();
    }
    edited
}

/// What is pressed while a search is typed.
pub(super) fn in_search(model: &mut Model, press: Press) {
    let Some((_, reader)) = reading(model) else { return };
    match press {
        Press::Accept => reader.typing = false,
        Press::Back => {
            reader.typing = false;
            reader.needle = TextField::default();
        }
        Press::Edit(edit) => {
            in_search_field(model, |field| field.edit(edit));
        }
        Press::Move(_)
        | Press::Complete
        | Press::Recall(_)
        | Press::Pick(_)
        | Press::Choose(_)
        | Press::More
        | Press::Less
        | Press::Column(_) => {}
    }
}

/// Edits what is looked for, where that is being typed. The lines follow each time.
pub(super) fn in_search_field<T: Default>(
    model: &mut Model,
    edit: impl FnOnce(&mut TextField) -> T,
) -> T {
    let (height, now) = (usize::from(model.layout().side).saturating_sub(1), model.now);
    let Some((ring, reader)) = reading(model).filter(|(_, reader)| reader.typing) else {
        return T::default();
    };
    let edited = edit(&mut reader.needle);
    if !reader.needle.is_empty() && !reader.only {
        reader.seek(ring, true, height, now);
    }
    edited
}
