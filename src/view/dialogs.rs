//! The dialogs that lie over the table: each names what it acts on, and starts at No.

mod columns;
mod confirm;
mod create;
mod frame;
mod menu;
mod palette;

use ratatui::layout::Rect;

use super::text;
use super::{Pen, Tone};
use crate::app::dialog::{Leave, QuitForm, SecretForm};
use crate::app::{Dialog, Model, clean};
use frame::{LISTED, buttons, open, room};

/// Draws one. The help is a panel of its own.
pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, area: Rect, dialog: &Dialog) {
    match dialog {
        Dialog::Create(form) => create::draw(model, pen, area, form),
        Dialog::Confirm(form) => confirm::draw(pen, area, form),
        Dialog::Quit(form) => quit(pen, area, form),
        Dialog::Secret(form) => secret(pen, area, form),
        Dialog::Notice { title, text, hint } => notice(pen, area, title, [text, hint]),
        Dialog::Menu(form) => menu::draw(pen, area, form),
        Dialog::Columns(form) => columns::draw(model, pen, area, form),
        Dialog::Palette(form) => palette::draw(model, pen, area, form),
        Dialog::Help { .. } => {}
    }
}

fn quit(pen: &mut Pen<'_>, area: Rect, form: &QuitForm) {
    let listed = form.jobs.iter().take(LISTED.min(usize::from(area.height.saturating_sub(10))));
    let jobs: Vec<&String> = listed.collect();
    let lines = u16::try_from(jobs.len()).unwrap_or(u16::MAX).saturating_add(5);
    let inside = open(pen, area, "Quit", lines);
    pen.text(inside, 0, 0, Tone::Strong, "Something is still under way:");
    for (job, line) in jobs.iter().zip(1..) {
        pen.text(inside, 2, line, Tone::Working, job);
    }
    let words: Vec<&str> = Leave::ALL.iter().map(|leave| leave.word()).collect();
    buttons(pen, inside, lines - 3, &words, form.at);
    pen.text(inside, 0, lines - 1, Tone::Dim, form.choice().meaning());
}

fn secret(pen: &mut Pen<'_>, area: Rect, form: &SecretForm) {
    let inside = open(pen, area, "A secret is needed", 3);
    pen.text(inside, 0, 0, Tone::Plain, &clean(&form.question.text, 512));
    let room = usize::from(inside.width.saturating_sub(3));
    let (secret, x) = (pen.theme.glyphs.secret, pen.text(inside, 0, 2, Tone::Accent, ">") + 1);
    pen.text(inside, x, 2, Tone::Plain, &secret.repeat(form.len().min(room)));
    let under = if form.cursor() < form.len() { secret } else { " " };
    let at = u16::try_from(form.cursor().min(room)).unwrap_or_default();
    pen.styled(inside, x + at, 2, pen.theme.chosen(), under);
}

fn notice(pen: &mut Pen<'_>, area: Rect, title: &str, said: [&str; 2]) {
    let mut lines = text::wrap(said[0], room(area));
    lines.push(String::new());
    lines.extend(text::wrap(said[1], room(area)));
    let inside = open(pen, area, title, u16::try_from(lines.len()).unwrap_or(u16::MAX));
    for (said, line) in lines.iter().zip(0..) {
        pen.text(inside, 0, line, Tone::Plain, said);
    }
}
