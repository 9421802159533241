//! The question before an action: what it is meant for, what goes with it and what that frees.

use ratatui::layout::Rect;

use super::frame::{LISTED, blank, buttons, field, open_as, room};
use crate::app::action::Bill;
use crate::app::dialog::{ConfirmForm, ConfirmRow, Findings, Freed};
use crate::fleet::Region;
use crate::view::money::dollars;
use crate::view::text;
use crate::view::{HitMap, Painter, Tone};

/// The narrowest that it gets, so that the words to type stand clear.
const NARROWEST: usize = 40;

/// Draws it.
pub(super) fn draw(painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect, form: &ConfirmForm) {
    let room = room(area);
    let lines =
        |tone: Tone, said: &str| text::wrap(said, room).into_iter().map(move |line| (tone, line));
    let mut said: Vec<(Tone, String)> = lines(Tone::Strong, &form.question).collect();
    said.push(blank());
    said.extend(list(painter, area, form));
    said.push(blank());
    let means = means(form);
    if !means.is_empty() {
        said.extend(lines(Tone::Plain, &means));
        said.push(blank());
    }
    let typed = form.word.as_ref().map(|word| (format!("Type {word} and Enter:"), word));
    let widest = said.iter().map(|(_, line)| text::width(line)).max().unwrap_or(0);
    let asks = typed.as_ref().map_or(0, |(asked, word)| text::width(asked) + word.len() + 6);
    let content = u16::try_from(widest.max(asks).max(NARROWEST)).unwrap_or(u16::MAX);
    let height = u16::try_from(said.len() + 1).unwrap_or(u16::MAX);
    let ends = form.action.entry().bill == Bill::Frees;
    let tone = if ends { Tone::Bad } else { Tone::Accent };
    let verb = form.action.entry().verb;
    let title = format!("{}{}", verb[..1].to_uppercase(), &verb[1..]);
    let inside = open_as(painter, area, (tone, &title), content, height);
    for ((tone, said), line) in said.iter().zip(0..) {
        painter.text(inside, 0, line, *tone, said);
    }
    match &typed {
        None => {
            let chosen = usize::from(form.yes);
            buttons(painter, hits, (inside, height - 1), &["No", "Yes"], chosen);
        }
        Some((asked, _)) => field(painter, inside, height - 1, asked, &form.typed),
    }
}

/// What goes with it, and what it frees.
fn means(form: &ConfirmForm) -> String {
    let ends = form.action.entry().bill == Bill::Frees;
    let Freed { hourly, kept } = form.bill;
    let frees = (ends && hourly.usd > 0.0).then(|| format!("Ends {} an hour. ", dollars(hourly)));
    let kept = kept.map(|kept| format!(" What is kept goes on for {} a month.", dollars(kept)));
    frees.unwrap_or_default() + form.way.means + &kept.unwrap_or_default()
}

/// The rows by name, or where they are so many, their number by region.
fn list(painter: &Painter<'_>, area: Rect, form: &ConfirmForm) -> Vec<(Tone, String)> {
    let listed = LISTED.min(usize::from(area.height.saturating_sub(12)).max(1));
    if let Some(found) = &form.found {
        return finding_lines(found, form.top, listed);
    }
    if form.targets.is_empty() {
        return vec![(Tone::Dim, "No instance is known here; the tags are asked.".into())];
    }
    let said = if form.targets.len() <= listed { named(painter, form) } else { by_region(form) };
    window(said, form.top, listed)
}

fn named(painter: &Painter<'_>, form: &ConfirmForm) -> Vec<(Tone, String)> {
    let widest = |of: fn(&ConfirmRow) -> &str| {
        form.targets.iter().map(|target| text::width(of(target))).max().unwrap_or(0)
    };
    let phases = widest(|target| target.phase);
    let regions = widest(|target| target.region.as_str());
    let name = |target: &ConfirmRow| {
        let glyph = painter.theme.glyphs.health(target.health);
        let (phase, region) = (target.phase, target.region.as_str());
        let whom = text::named(&target.label);
        let line = format!("{glyph} {phase:phases$}  {region:regions$}  {whom}");
        (target.health.into(), line)
    };
    form.targets.iter().map(name).collect()
}

fn by_region(form: &ConfirmForm) -> Vec<(Tone, String)> {
    let counts = form.by_region();
    let widest = counts.keys().map(|region| text::width(region.as_str())).max().unwrap_or(0);
    let digits = counts.values().max().map_or(0, |count| count.to_string().len());
    let line = |(region, count): (&Region, usize)| {
        (Tone::Plain, format!("{:widest$}  {count:digits$}", region.as_str()))
    };
    counts.into_iter().map(line).collect()
}

/// What the tags tell, by region.
fn finding_lines(found: &Findings, top: usize, listed: usize) -> Vec<(Tone, String)> {
    let widest =
        found.lines.iter().map(|(region, _)| text::width(region.as_str())).max().unwrap_or(0);
    let line = |(region, text): &(Region, String)| {
        (Tone::Plain, format!("{:widest$}  {text}", region.as_str()))
    };
    let mut said = window(found.lines.iter().map(line).collect(), top, listed);
    if found.by.is_some() {
        said.push((Tone::Working, "looking for their tags in every region".into()));
    }
    said
}

/// So many lines from the first that is shown, and how to see the others.
fn window(mut said: Vec<(Tone, String)>, top: usize, listed: usize) -> Vec<(Tone, String)> {
    let all = said.len();
    if all <= listed {
        return said;
    }
    let top = top.min(all - (listed - 1));
    said.drain(..top);
    said.truncate(listed - 1);
    let end = top + said.len();
    said.push((Tone::Dim, format!("{} to {end} of {all}, PgDn and PgUp scroll", top + 1)));
    said
}
