//! The dialogs that lie over the table: each names what it acts on, and starts at No.

mod columns;
mod create;
mod frame;
mod menu;
mod palette;

use ratatui::layout::Rect;

use super::text;
use super::{Pen, Tone};
use crate::app::dialog::{DestroyForm, Found, Leave, QuitForm, SecretForm, Target};
use crate::app::{Dialog, Model, Scope, clean};
use crate::fleet::Region;
use frame::{blank, buttons, field, open, room};

/// Draws one. The help is a panel of its own.
pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, area: Rect, dialog: &Dialog) {
    match dialog {
        Dialog::Create(form) => create::draw(model, pen, area, form),
        Dialog::Destroy(form) => destroy(model, pen, area, form),
        Dialog::Quit(form) => quit(pen, area, form),
        Dialog::Secret(form) => secret(pen, area, form),
        Dialog::Notice { title, text, hint } => notice(pen, area, title, [text, hint]),
        Dialog::Menu(form) => menu::draw(pen, area, form),
        Dialog::Columns(form) => columns::draw(model, pen, area, form),
        Dialog::Palette(form) => palette::draw(model, pen, area, form),
        Dialog::Help { .. } => {}
    }
}

/// The most rows that a destroy dialog lists.
const LISTED: usize = 8;

fn destroy(model: &Model, pen: &mut Pen<'_>, area: Rect, form: &DestroyForm) {
    let room = room(area);
    let lines =
        |tone: Tone, said: &str| text::wrap(said, room).into_iter().map(move |line| (tone, line));
    let mut said: Vec<(Tone, String)> = lines(Tone::Strong, &aim(model, form)).collect();
    said.push(blank());
    said.extend(victims(pen, area, form));
    said.push(blank());
    said.extend(lines(Tone::Plain, cost(form)));
    said.push(blank());
    let lines = u16::try_from(said.len() + 1).unwrap_or(u16::MAX);
    let inside = open(pen, area, "Destroy", lines);
    for ((tone, said), line) in said.iter().zip(0..) {
        pen.text(inside, 0, line, *tone, said);
    }
    match &form.word {
        None => buttons(pen, inside, lines - 1, &["No", "Yes"], usize::from(form.yes)),
        Some((word, typed)) => {
            field(pen, inside, lines - 1, &format!("Type {word} and Enter:"), typed);
        }
    }
}

/// What the destroy is aimed at, in a sentence.
fn aim(model: &Model, form: &DestroyForm) -> String {
    let deployment = &model.deployment;
    let account = match &model.account {
        Some(account) => format!(" of account {}", account.id),
        None => String::new(),
    };
    match &form.scope {
        Scope::Instances(_) if form.targets.len() == 1 => "Destroy this instance?".to_owned(),
        Scope::Instances(_) => format!("Destroy these {} instances?", form.targets.len()),
        Scope::Region(region) => format!("Destroy everything of {deployment} in {region}?"),
        Scope::All => format!("Destroy everything of {deployment} in all regions{account}?"),
        Scope::Account(..) => {
            format!("Destroy everything that spot-tui ever made{account}, of every deployment?")
        }
        Scope::LeftOvers(_) => {
            "Remove the networks and disks of deployments that have no instance any more?".into()
        }
    }
}

/// What goes with it.
fn cost(form: &DestroyForm) -> &'static str {
    match form.scope {
        Scope::Instances(_) if form.targets.len() == 1 => {
            "Its disk is deleted with it. This cannot be undone."
        }
        Scope::Instances(_) => "Their disks are deleted with them. This cannot be undone.",
        Scope::LeftOvers(_) => "What runs keeps what it has. This cannot be undone.",
        _ => "Networks and disks too, and what is found by its tags alone. No undo.",
    }
}

/// The rows by name, or where they are so many, their number by region.
fn victims(pen: &Pen<'_>, area: Rect, form: &DestroyForm) -> Vec<(Tone, String)> {
    let listed = LISTED.min(usize::from(area.height.saturating_sub(12)).max(1));
    let glyphs = pen.theme.glyphs;
    if let Some(found) = &form.found {
        return told(found, listed);
    }
    if form.targets.is_empty() {
        return vec![(Tone::Dim, "No instance is known here; the tags are asked.".into())];
    }
    let mut said: Vec<(Tone, String)> = if form.targets.len() <= listed {
        let widest = |of: fn(&Target) -> &str| {
            form.targets.iter().map(|target| text::width(of(target))).max().unwrap_or(0)
        };
        let phases = widest(|target| target.phase);
        let regions = widest(|target| target.region.as_str());
        let name = |target: &Target| {
            let glyph = glyphs.health(target.health);
            let (phase, region) = (target.phase, target.region.as_str());
            let line = format!("{glyph} {phase:phases$}  {region:regions$}  {}", target.label);
            (target.health.into(), line)
        };
        form.targets.iter().map(name).collect()
    } else {
        let line = |(region, count): (&Region, usize)| {
            (Tone::Plain, format!("{region}  {}", text::count(count, "instance")))
        };
        form.by_region().into_iter().map(line).collect()
    };
    if said.len() > listed {
        let more = said.len() - listed + 1;
        said.truncate(listed - 1);
        said.push((Tone::Dim, format!("and {}", text::count(more, "more region"))));
    }
    said
}

/// What the tags tell, by region.
fn told(found: &Found, listed: usize) -> Vec<(Tone, String)> {
    let line = |(region, text): &(Region, String)| (Tone::Plain, format!("{region}  {text}"));
    let mut said: Vec<(Tone, String)> = found.lines.iter().take(listed).map(line).collect();
    let more = found.lines.len() - said.len();
    if more > 0 {
        said.push((Tone::Dim, format!("and {more} more, in the log")));
    }
    match found.by {
        Some(_) => said.push((Tone::Working, "looking for their tags in every region".into())),
        None if said.is_empty() => said.push((Tone::Good, "There is nothing; Esc closes.".into())),
        None => {}
    }
    said
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
    let words = Leave::ALL.map(Leave::word);
    buttons(pen, inside, lines - 3, &words, form.at);
    pen.text(inside, 0, lines - 1, Tone::Dim, form.choice().meaning());
}

fn secret(pen: &mut Pen<'_>, area: Rect, form: &SecretForm) {
    let inside = open(pen, area, "A secret is needed", 3);
    pen.text(inside, 0, 0, Tone::Plain, &clean(&form.question.text, 512));
    let room = usize::from(inside.width.saturating_sub(3));
    field(pen, inside, 2, ">", &pen.theme.glyphs.secret.repeat(form.len().min(room)));
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
