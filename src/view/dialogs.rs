//! The dialogs that lie over the table: each names what it acts on, and starts at No.

mod columns;
mod confirm;
mod confirmation;
mod create;
mod frame;
mod menu;
mod palette;
mod strip;

use ratatui::layout::Rect;

use super::text;
use super::{HitMap, Painter, Tone};
use crate::app::dialog::{Leave, QuitForm, SecretForm};
use crate::app::{Dialog, Left, Model, Wanted, clean};
use frame::{LISTED, SIGN_IN, address, buttons, field, open, open_as, room};

/// Draws one. The help is a panel of its own.
pub(super) fn draw(
    model: &Model,
    painter: &mut Painter<'_>,
    hits: &mut HitMap,
    area: Rect,
    dialog: &Dialog,
) {
    match dialog {
        Dialog::Create(form) => create::draw(model, painter, hits, area, form),
        Dialog::Confirm(form) => confirm::draw(painter, hits, area, form),
        Dialog::Quit(form) => quit(painter, hits, area, form),
        Dialog::Secret(form) if form.is_confirmed_elsewhere() => {
            confirmation::draw(model, painter, hits, area, &form.question);
        }
        Dialog::Secret(form) => secret(painter, hits, area, form),
        Dialog::Notice { title, text, hint } => notice(painter, area, title, [text, hint]),
        Dialog::Menu(form) => menu::draw(painter, hits, area, form),
        Dialog::Columns(form) => columns::draw(model, painter, hits, area, form),
        Dialog::Palette(form) => palette::draw(model, painter, hits, area, form),
        Dialog::Strip(form) => strip::draw(painter, hits, area, form),
        Dialog::Help { .. } => {}
    }
}

fn quit(painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect, form: &QuitForm) {
    let listed = form.jobs.iter().take(LISTED.min(usize::from(area.height.saturating_sub(10))));
    let jobs: Vec<&String> = listed.collect();
    let lines = u16::try_from(jobs.len()).unwrap_or(u16::MAX).saturating_add(5);
    let words: Vec<&str> = Leave::ALL.iter().map(|leave| leave.word(&form.to)).collect();
    let choices: usize = words.iter().map(|word| text::width(word) + 5).sum();
    let named = jobs.iter().map(|job| text::width(job) + 2);
    let meanings = Leave::ALL.iter().map(|leave| text::width(leave.meaning(&form.to)));
    let content = named.chain(meanings).max().unwrap_or(0).max(choices);
    let content = u16::try_from(content).unwrap_or(u16::MAX);
    let title = if matches!(form.to, Left::Exit(_)) { "Quit" } else { "Leave" };
    let inside = open_as(painter, area, (Tone::Accent, title), content, lines);
    painter.text(inside, 0, 0, Tone::Strong, "Something is still under way:");
    for (job, line) in jobs.iter().zip(1..) {
        painter.text(inside, 2, line, Tone::Working, job);
    }
    buttons(painter, hits, (inside, lines - 3), &words, form.at);
    painter.text(inside, 0, lines - 1, Tone::Dim, form.choice().meaning(&form.to));
}

fn secret(painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect, form: &SecretForm) {
    let mut said = text::wrap(&clean(&form.question.text, 512), room(area));
    let from = said.len() + 1;
    if let Some(page) = form.page() {
        said.push(String::new());
        said.extend(text::wrap(page, room(area)));
    }
    // The field is on the screen, however long an address is.
    said.truncate(usize::from(area.height).saturating_sub(6).max(1));
    let last = u16::try_from(said.len()).unwrap_or(u16::MAX).saturating_add(1);
    let title = match form.question.wanted {
        Wanted::Secret => "A secret is needed",
        Wanted::Code { .. } | Wanted::Confirmation { .. } => SIGN_IN,
        Wanted::Yes => "Signed in as somebody else",
    };
    let inside = open(painter, area, title, last + 1);
    for (at, said) in said.iter().enumerate() {
        let line = u16::try_from(at).unwrap_or(u16::MAX);
        match form.page().filter(|_| at >= from) {
            Some(page) => address(painter, hits, (inside, line), said, page),
            None => drop(painter.text(inside, 0, line, Tone::Plain, said)),
        }
    }
    if let Some(typed) = form.shown() {
        return field(painter, inside, last, ">", typed);
    }
    let room = usize::from(inside.width.saturating_sub(3));
    let (secret, x) =
        (painter.theme.glyphs.secret, painter.text(inside, 0, last, Tone::Accent, ">") + 1);
    painter.text(inside, x, last, Tone::Plain, &secret.repeat(form.len().min(room)));
    let under = if form.cursor() < form.len() { secret } else { " " };
    let at = u16::try_from(form.cursor().min(room)).unwrap_or_default();
    painter.styled(inside, x + at, last, painter.theme.chosen(), under);
}

fn notice(painter: &mut Painter<'_>, area: Rect, title: &str, said: [&str; 2]) {
    let mut lines: Vec<String> =
        said[0].lines().flat_map(|line| text::wrap(line, room(area))).collect();
    lines.push(String::new());
    lines.extend(text::wrap(said[1], room(area)));
    let inside = open(painter, area, title, u16::try_from(lines.len()).unwrap_or(u16::MAX));
    for (said, line) in lines.iter().zip(0..) {
        painter.text(inside, 0, line, Tone::Plain, said);
    }
}
