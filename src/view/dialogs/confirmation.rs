//! What is confirmed on a page: its address, also for a camera, the code, and how long that is good.

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::frame::{SIGN_IN, address, open, room};
use crate::app::{Model, Question, Wanted, clean};
use crate::view::qr::Qr;
use crate::view::{HitMap, Painter, Tone, text};

/// The columns that the text keeps beside the code for a camera.
const BESIDE: usize = 30;
/// The columns between them.
const GAP: usize = 2;

/// Where the code for a camera is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Beside,
    Below,
}

pub(super) fn draw(
    model: &Model,
    painter: &mut Painter<'_>,
    hits: &mut HitMap,
    area: Rect,
    question: &Question,
) {
    let Wanted::Confirmation { page, code, until } = &question.wanted else { return };
    let said = |columns| {
        let asked = text::wrap(&clean(&question.text, 512), columns);
        (asked, wrapped(page, columns))
    };
    // Its border, and what is below.
    let lines = usize::from(area.height).saturating_sub(3);
    let columns = room(area);
    let place = |qr: &Qr| {
        let (asked, pages) = said(columns);
        if qr.columns() + GAP + BESIDE <= columns && qr.lines() <= lines {
            return Some(Place::Beside);
        }
        let is_room = asked.len() + pages.len() + 6 + qr.lines() <= lines;
        (qr.columns() <= columns && is_room).then_some(Place::Below)
    };
    // Only on a ground of its own is it dark on light.
    let is_drawn = painter.theme.has_colours();
    let qr = is_drawn.then(|| Qr::of(page, |qr| place(qr).is_some())).flatten();
    let place = qr.as_ref().and_then(place);
    let beside = qr.as_ref().filter(|_| place == Some(Place::Beside));
    let taken = beside.map_or(0, |qr| qr.columns() + GAP);
    let (asked, mut pages) = said(columns - taken);
    // The code and its time are on the screen, however long an address is.
    pages.truncate(lines.saturating_sub(asked.len() + 5).max(1));
    let words = asked.len() + pages.len() + 5;
    let height = match (place, &qr) {
        (Some(Place::Beside), Some(qr)) => words.max(qr.lines()),
        (Some(Place::Below), Some(qr)) => words + 1 + qr.lines(),
        _ => words,
    };
    let line = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
    let inside = open(painter, area, SIGN_IN, line(height));
    for (said, at) in asked.iter().zip(0..) {
        painter.text(inside, 0, at, Tone::Plain, said);
    }
    let at = asked.len() + 1;
    painter.text(inside, 2, line(at), Tone::Strong, &clean(code, 64));
    for (said, at) in pages.iter().zip(at + 2..) {
        address(painter, hits, (inside, line(at)), said, page);
    }
    painter.text(inside, 0, line(words - 1), Tone::Dim, &left(*until, model.now));
    match (place, qr) {
        (Some(Place::Beside), Some(qr)) => {
            let x = inside.width.saturating_sub(line(qr.columns()));
            camera(painter, Rect { x: inside.x + x, width: inside.width - x, ..inside }, &qr);
        }
        (Some(Place::Below), Some(qr)) => {
            let y = line(words + 1);
            let height = inside.height.saturating_sub(y);
            camera(painter, Rect { y: inside.y + y, height, ..inside }, &qr);
        }
        _ => {}
    }
}

/// An address on lines of so many columns; what is asked of the page, with the code in it, on one of its
/// own where it has room there.
fn wrapped(page: &str, columns: usize) -> Vec<String> {
    let query = page.find('?').filter(|at| page.len() > columns && page.len() - at <= columns);
    let (place, query) = page.split_at(query.unwrap_or(page.len()));
    let mut lines = text::wrap(place, columns);
    lines.extend((!query.is_empty()).then(|| query.to_owned()));
    lines
}

/// The code for a camera.
fn camera(painter: &mut Painter<'_>, area: Rect, qr: &Qr) {
    let style = painter.theme.printed();
    for (row, line) in qr.rows().zip(0..) {
        painter.styled(area, 0, line, style, &row);
    }
}

/// How long a code is good yet.
fn left(until: Timestamp, now: Timestamp) -> String {
    let seconds = until.duration_since(now).as_secs().max(0);
    format!("{}:{:02} left", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_breaks_before_its_code_where_that_has_room() {
        let page = "https://corp.awsapps.com/start/#/device?user_code=ABCD-EFGH";
        assert_eq!(wrapped(page, 60), [page]);
        let [place, code] = ["https://corp.awsapps.com/start/#/device", "?user_code=ABCD-EFGH"];
        assert_eq!(wrapped(page, 57), [place, code]);
        assert_eq!(wrapped(page, 20).last().unwrap(), code);
        assert_eq!(wrapped(page, 19), text::wrap(page, 19), "it has none");
    }
}
