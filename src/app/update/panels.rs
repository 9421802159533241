//! What keys do in the table, the panes, the filter and the log.

use std::fmt::Write as _;

use super::{create, destroy};
use crate::app::dialog::{ColumnsForm, Menu, Palette, edit};
use crate::app::log::Ring;
use crate::app::{
    Columns, Command, Copied, Dialog, Effect, Model, Motion, Pane, Panel, Reader, Scope,
};
use crate::config::ThemeName;
use crate::fleet::{Instance, Level};

/// A command for the panel that has the focus.
pub(super) fn perform(model: &mut Model, command: Command) -> Vec<Effect> {
    let remembered = model.remembered();
    let effects = match command {
        Command::Move(_)
        | Command::Scroll(..)
        | Command::Select(_)
        | Command::Mark
        | Command::MarkRange
        | Command::MarkAll
        | Command::MarkOthers => {
            in_table(model, command);
            Vec::new()
        }
        Command::NextPanel
        | Command::Focus(_)
        | Command::Zoom
        | Command::ZoomLog
        | Command::Grow
        | Command::Shrink
        | Command::ToggleLog
        | Command::Open(_)
        | Command::Back => {
            arrange(model, &command);
            Vec::new()
        }
        Command::Search | Command::NextMatch | Command::PreviousMatch | Command::OnlyMatches => {
            read(model, &command);
            Vec::new()
        }
        Command::Run(command) => super::run::run(model, command),
        Command::Diagnose => super::run::diagnose(model),
        Command::Copy(_)
        | Command::Shell
        | Command::Export(_)
        | Command::ToggleMouse
        | Command::Turn(_) => reach_out(model, command),
        Command::AskNuke => destroy::ask_for_account(model),
        Command::AskCleanUp => destroy::ask_for_left_overs(model),
        other => {
            show(model, other);
            Vec::new()
        }
    };
    if model.remembered() == remembered { effects } else { [effects, remember(model)].concat() }
}

/// Keeps how the screen is arranged.
pub(super) fn remember(model: &Model) -> Vec<Effect> {
    vec![Effect::Remember(Box::new(model.remembered()))]
}

/// What moves, and what marks.
fn in_table(model: &mut Model, command: Command) {
    let before = model.table.cursor().cloned();
    match command {
        Command::Move(motion) => scroll(model, model.focus(), motion),
        Command::Scroll(panel, motion) => scroll(model, panel, motion),
        Command::Select(key) => {
            model.focus = Panel::Table;
            model.table.select(&key);
        }
        Command::Mark => model.table.mark(),
        Command::MarkRange => model.table.mark_range(),
        Command::MarkAll => model.table.mark_all(),
        Command::MarkOthers => model.table.mark_others(),
        _ => {}
    }
    if before.as_ref() != model.table.cursor() {
        // Another instance's story begins at its beginning, and its log at its end.
        model.side_top = 0;
        model.output.follow();
    }
}

/// Which panels there are, and which has the keyboard.
fn arrange(model: &mut Model, command: &Command) {
    let focus = model.focus();
    match command {
        Command::NextPanel => model.focus = next_panel(model, focus),
        Command::Focus(panel) => model.focus = *panel,
        Command::Zoom => {
            let whole = model.layout().whole.is_some();
            model.panels.whole = (!whole).then_some(focus);
            model.focus = focus;
        }
        Command::ZoomLog => {
            let log = model.panels.whole == Some(Panel::Log);
            zoom_log(model, !log);
        }
        Command::Grow => model.panels.resize(focus, true),
        Command::Shrink => model.panels.resize(focus, false),
        Command::ToggleLog => model.panels.log = !model.panels.log,
        Command::Open(pane) => open(model, *pane),
        Command::Back => back(model, focus),
        _ => {}
    }
    model.fit();
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
    if model.panels.side == Some(pane) && model.focus() == Panel::Side {
        close(model);
        return;
    }
    let needs_row = matches!(pane, Pane::Details | Pane::Output);
    if needs_row && model.table.cursor().is_none() {
        return;
    }
    model.panels.side = Some(pane);
    model.panels.whole = model.panels.whole.map(|_| Panel::Side);
    model.focus = Panel::Side;
    model.side_top = 0;
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
        Panel::Table if !model.table.marks().is_empty() || model.table.is_ranging() => {
            model.table.unmark();
        }
        Panel::Table if !model.table.query().text().is_empty() => {
            model.table.set_filter("", &model.fleet);
        }
        Panel::Table => model.panels.whole = None,
    }
}

fn scroll(model: &mut Model, panel: Panel, motion: Motion) {
    match panel {
        Panel::Table => model.table.step(motion),
        Panel::Side => scroll_side(model, motion),
        Panel::Log => scroll_log(model, motion),
    }
}

fn scroll_log(model: &mut Model, motion: Motion) {
    match motion {
        Motion::Up | Motion::PageUp | Motion::First => model.log_panel.back(),
        Motion::Down | Motion::PageDown => model.log_panel.forward(),
        Motion::Last => model.log_panel.follow(),
    }
}

fn scroll_side(model: &mut Model, motion: Motion) {
    let height = usize::from(model.layout().side);
    match model.panels.side {
        Some(Pane::Details) => {
            let lines = model.table.cursor().map_or(0, |key| crate::app::story(model, key).len());
            model.side_top = motion.from(model.side_top, lines, height);
        }
        Some(Pane::Map | Pane::Prices) => model.table.step(motion),
        Some(Pane::Answers) => {
            if let Some(answers) = &mut model.answers {
                // Its name, the line below it and the one that counts are no lines of an answer.
                answers.step(motion, height.saturating_sub(3));
            }
        }
        _ => {
            if let Some((ring, reader)) = reading(model) {
                reader.step(ring, motion, height.saturating_sub(1));
            }
        }
    }
}

/// The lines of the pane and where they are read.
fn reading(model: &mut Model) -> Option<(&Ring, &mut Reader)> {
    match model.panels.side? {
        Pane::Output => Some((model.log.of(model.table.cursor()?)?, &mut model.output)),
        Pane::Events => Some((model.log.events(), &mut model.events)),
        Pane::Details | Pane::Map | Pane::Prices | Pane::Answers => None,
    }
}

/// Looking for words in the lines of a pane.
fn read(model: &mut Model, command: &Command) {
    let height = usize::from(model.layout().side).saturating_sub(1);
    let Some((ring, reader)) = reading(model) else { return };
    let back = match command {
        Command::Search => {
            reader.typing = true;
            return;
        }
        Command::OnlyMatches => {
            reader.only = !reader.only;
            return;
        }
        other => *other == Command::PreviousMatch,
    };
    if !reader.seek(ring, back, height) {
        let needle = reader.needle.clone();
        let text = if needle.is_empty() { "type / and words first".into() } else { needle };
        model.show(Level::Info, format!("not found: {text}"));
    }
}

/// Dialogs, and how the table looks.
fn show(model: &mut Model, command: Command) {
    match command {
        Command::Filter => {
            model.panels.whole = model.panels.whole.filter(|panel| *panel == Panel::Table);
            if model.layout().whole == Some(Panel::Side) {
                model.panels.side = None;
            }
            model.focus = Panel::Table;
            model.filtering = true;
            model.fit();
        }
        Command::SetFilter(filter) => model.table.set_filter(&filter, &model.fleet),
        Command::SortNext => model.table.sort_next(&model.fleet),
        Command::SortReverse => model.table.sort_reverse(&model.fleet),
        Command::SortBy(field) => model.table.sort_by(field, &model.fleet),
        Command::SetColumns(fields) => model.table.columns = Columns::of(&fields),
        Command::Theme(theme) => model.theme = theme,
        Command::NextTheme => {
            let all = ThemeName::ALL.map(|(_, theme)| theme);
            let at = all.iter().position(|theme| *theme == model.theme).unwrap_or(0);
            model.theme = all[(at + 1) % all.len()];
            let word = ThemeName::ALL[(at + 1) % all.len()].0;
            model.show(Level::Info, format!("theme: {word}"));
        }
        Command::AskColumns => {
            model.dialog = Some(Dialog::Columns(ColumnsForm::new(model.table.columns.clone())));
        }
        Command::AskRun => super::run::ask(model),
        Command::AskPalette => model.dialog = Some(Dialog::Palette(Palette::default())),
        Command::AskCopy => ask_copy(model),
        Command::Help => {
            model.dialog = Some(Dialog::Help { context: model.context(), top: 0 });
        }
        Command::AskCreate => create::ask(model),
        Command::AskDestroy => {
            let chosen = model.table.chosen();
            destroy::ask(model, Scope::Instances(chosen));
        }
        Command::AskDestroyRegion => {
            if let Some(region) = row(model).map(|row| row.region.clone()) {
                destroy::ask(model, Scope::Region(region));
            }
        }
        Command::AskDestroyAll => destroy::ask(model, Scope::All),
        _ => {}
    }
}

/// The row under the cursor.
fn row(model: &Model) -> Option<&Instance> {
    model.table.cursor().and_then(|key| model.fleet.get(key))
}

fn ask_copy(model: &mut Model) {
    let Some(row) = row(model) else { return };
    let address = row.address().map(|address| address.to_string());
    let menu = Menu::copy(address, row.id().map(ToString::to_string));
    if menu.items.is_empty() {
        model.show(Level::Info, "copy: this row has no id and no address yet".into());
    } else {
        model.dialog = Some(Dialog::Menu(menu));
    }
}

/// What is done outside of the screen.
fn reach_out(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::Copy(copied) => copy(model, copied),
        Command::Shell => shell(model),
        Command::Export(file) => export(model, file),
        Command::ToggleMouse => {
            model.mouse = !model.mouse;
            let text = if model.mouse {
                "the mouse is taken; the terminal selects text with Shift held"
            } else {
                "the mouse is the terminal's again"
            };
            model.show(Level::Info, text.into());
            vec![Effect::Mouse(model.mouse)]
        }
        Command::Turn(turn) => vec![Effect::Turn(turn)],
        _ => Vec::new(),
    }
}

fn copy(model: &mut Model, copied: Copied) -> Vec<Effect> {
    let Some(row) = row(model) else { return Vec::new() };
    let id = || row.id().map(ToString::to_string);
    let text = match copied {
        Copied::Address => row.address().map(|address| address.to_string()).or_else(id),
        Copied::Id => id(),
        Copied::Ssh => {
            return row.id().map(|_| Effect::CopyShell(row.key.clone())).into_iter().collect();
        }
    };
    text.map(Effect::Copy).into_iter().collect()
}

fn shell(model: &mut Model) -> Vec<Effect> {
    let Some(row) = row(model) else { return Vec::new() };
    if !row.is_alive() || row.address().is_none() {
        let text = format!("{} has no address to log in at", row.label());
        model.flash(Level::Warning, "ssh", text);
        return Vec::new();
    }
    vec![Effect::Shell(row.key.clone())]
}

/// Writes down the events that pass the filter, the oldest first.
fn export(model: &Model, file: Option<String>) -> Vec<Effect> {
    let lines = model.events.lines(model.log.events());
    let mut text = String::new();
    for line in lines {
        // Nothing that is written to a string fails.
        let _ = writeln!(text, "{} {line}", line.at);
    }
    let moment = model.now.strftime("%Y%m%d-%H%M%S");
    let file = file.unwrap_or_else(|| format!("spot-tui-events-{moment}.log"));
    vec![Effect::Export { file, text }]
}

/// A command while the filter is typed. The table follows each key.
pub(super) fn in_filter(model: &mut Model, command: &Command) {
    match command {
        Command::Accept => model.filtering = false,
        Command::Back => {
            model.filtering = false;
            model.table.set_filter("", &model.fleet);
        }
        Command::Move(motion) => model.table.step(*motion),
        other => {
            let mut filter = model.table.query().text().to_owned();
            edit(&mut filter, other);
            model.table.set_filter(&filter, &model.fleet);
        }
    }
}

/// A command while a search is typed. The lines follow each key.
pub(super) fn in_search(model: &mut Model, command: &Command) {
    let height = usize::from(model.layout().side).saturating_sub(1);
    let Some((ring, reader)) = reading(model) else { return };
    match command {
        Command::Accept => reader.typing = false,
        Command::Back => {
            reader.typing = false;
            reader.needle.clear();
        }
        other => {
            edit(&mut reader.needle, other);
            if !reader.needle.is_empty() && !reader.only {
                reader.seek(ring, true, height);
            }
        }
    }
}
