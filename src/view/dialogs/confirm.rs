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

/// The lines of a screen that are not the list's: the border, the question, what it means and what
/// is typed, and what stays free.
const AROUND: usize = 14;
/// The lines around a dialog's content: its border, and the one that stays free.
const BORDER: usize = 3;
/// How many lines of what goes are worth the blank lines of a small screen.
const FEWEST: usize = 4;

/// Draws it.
pub(super) fn draw(painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect, form: &ConfirmForm) {
    let room = room(area);
    let lines =
        |tone: Tone, said: &str| text::wrap(said, room).into_iter().map(move |line| (tone, line));
    let question: Vec<_> = lines(Tone::Strong, &form.question).collect();
    let means: Vec<_> = Some(means(form))
        .iter()
        .filter(|it| !it.is_empty())
        .flat_map(|it| lines(Tone::Plain, it))
        .collect();
    // Without any blank line.
    let height = usize::from(area.height);
    let left = height.saturating_sub(BORDER + question.len() + means.len() + 1);
    let listed = height.saturating_sub(AROUND).max(left.min(FEWEST)).clamp(2, LISTED);
    let list = list(painter, area, form, listed);
    let mut blanks = left.saturating_sub(list.len());
    let mut said = Vec::new();
    for part in [question, list, means].into_iter().filter(|part| !part.is_empty()) {
        said.extend(part);
        // What stands closer together is all there.
        if blanks > 0 {
            said.push(blank());
            blanks -= 1;
        }
    }
    let typed = form.word.as_ref().map(|word| (format!("Type '{word}' and press Enter:"), word));
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
    let Freed { hourly, kept, has_snapshots } = form.bill;
    let most = if has_snapshots { " at the most" } else { "" };
    let frees = (ends && hourly.usd > 0.0).then(|| format!("Ends {} an hour. ", dollars(hourly)));
    let kept =
        kept.map(|kept| format!(" What is kept goes on for {} a month{most}.", dollars(kept)));
    frees.unwrap_or_default() + form.way.means + &kept.unwrap_or_default()
}

/// The rows by name, or where they are so many, their number by region.
fn list(
    painter: &Painter<'_>,
    area: Rect,
    form: &ConfirmForm,
    listed: usize,
) -> Vec<(Tone, String)> {
    let room = room(area);
    if let Some(found) = &form.found {
        return finding_lines(found, form.top, listed, room);
    }
    if form.targets.is_empty() {
        return vec![(Tone::Dim, "No instance is known here; the tags are asked.".into())];
    }
    let said = if form.targets.len() <= listed {
        named(painter, form)
    } else {
        by_region(form, listed, room)
    };
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

/// The number in each region, in so many columns of `lines` as it takes.
fn by_region(form: &ConfirmForm, lines: usize, room: usize) -> Vec<(Tone, String)> {
    let counts = form.by_region();
    let widest = counts.keys().map(|region| text::width(region.as_str())).max().unwrap_or(0);
    let digits = counts.values().max().map_or(0, |count| text::thousands(*count).len());
    let cell = |(region, count): (&Region, usize)| {
        format!("{:widest$}  {:>digits$}", region.as_str(), text::thousands(count))
    };
    let cells: Vec<String> = counts.into_iter().map(cell).collect();
    let columns = (room / (widest + digits + 6)).max(1);
    let height = cells.len().div_ceil(cells.len().div_ceil(lines).min(columns));
    let line = |line: usize| {
        let of_line: Vec<&str> =
            cells.iter().skip(line).step_by(height).map(String::as_str).collect();
        (Tone::Plain, of_line.join("    "))
    };
    (0..height).map(line).collect()
}

/// What the tags tell, by region; what is long goes on below.
fn finding_lines(found: &Findings, top: usize, listed: usize, room: usize) -> Vec<(Tone, String)> {
    let widest =
        found.lines.iter().map(|(region, _)| text::width(region.as_str())).max().unwrap_or(0);
    let lines = |(region, said): &(Region, String)| {
        let names = std::iter::once(region.to_string()).chain(std::iter::repeat(String::new()));
        let said = text::wrap(said, room.saturating_sub(widest + 2));
        let line = |(name, said)| (Tone::Plain, format!("{name:widest$}  {said}"));
        names.zip(said).map(line).collect::<Vec<_>>()
    };
    let mut said = window(found.lines.iter().flat_map(lines).collect(), top, listed);
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
