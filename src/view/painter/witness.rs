//! Sees, in tests, what is written into a frame, and finds what was cut without a sign: a text that
//! another one covers in part, and one that had no room at all where its line goes on.
//!
//! The painter itself cuts at an area's edge with the sign, so only texts that get into each other's
//! way can lose their ends without it. What a dialog, a strip or a toast covers is no loss: one sees
//! that it lies above.

use std::cell::RefCell;

use ratatui::layout::{Position, Rect};
use unicode_segmentation::UnicodeSegmentation;

use crate::view::text;

/// What happened to the frame, in its order.
#[derive(Debug)]
enum Seen {
    Wrote { at: Position, said: String },
    Cleared(Rect),
    LeftOut(String),
}

thread_local! {
    static SEEN: RefCell<Vec<Seen>> = const { RefCell::new(Vec::new()) };
}

fn see(seen: Seen) {
    SEEN.with_borrow_mut(|all| all.push(seen));
}

/// A text was written at a place.
pub(crate) fn wrote(at: (u16, u16), said: &str) {
    see(Seen::Wrote { at: at.into(), said: said.to_owned() });
}

/// Something is about to be drawn above the rest.
pub(crate) fn cleared(place: Rect) {
    see(Seen::Cleared(place));
}

/// A text found no column left on a line that is there.
pub(crate) fn left_out(area: Rect, line: u16, said: &str) {
    if line < area.height && !said.trim().is_empty() {
        see(Seen::LeftOut(said.to_owned()));
    }
}

/// Who wrote what one sees in a cell.
type Cells = Vec<Option<(usize, String)>>;

/// What the frame that was drawn since the last call lost without a sign.
pub(crate) fn losses(size: (u16, u16)) -> Vec<String> {
    let seen = SEEN.take();
    let frame = Rect::new(0, 0, size.0, size.1);
    let mut cells: Cells = vec![None; usize::from(size.0) * usize::from(size.1)];
    let index = |at: Position| usize::from(at.y) * usize::from(size.0) + usize::from(at.x);
    // Of each text how many of its signs are to be seen, and by whom the first of the others went.
    let mut signs = vec![0_usize; seen.len()];
    let mut covered: Vec<Option<usize>> = vec![None; seen.len()];
    for (number, it) in seen.iter().enumerate() {
        match it {
            Seen::LeftOut(_) => {}
            Seen::Cleared(place) => {
                for at in place.intersection(frame).positions() {
                    cells[index(at)] = None;
                }
            }
            Seen::Wrote { at, said } => {
                let mut x = at.x;
                for sign in said.graphemes(true) {
                    let here = Position { x, y: at.y };
                    x += u16::try_from(text::width(sign)).unwrap();
                    if !frame.contains(here) {
                        continue;
                    }
                    let cell = &mut cells[index(here)];
                    if let Some((before, was)) = cell.take()
                        && was != sign
                    {
                        signs[before] -= 1;
                        covered[before].get_or_insert(number);
                    }
                    if is_read(sign) {
                        signs[number] += 1;
                        *cell = Some((number, sign.to_owned()));
                    }
                }
            }
        }
    }
    let said = |number: usize| match &seen[number] {
        Seen::Wrote { said, .. } | Seen::LeftOut(said) => said.as_str(),
        Seen::Cleared(_) => "",
    };
    let lost = (0..seen.len()).filter_map(|number| match (&seen[number], covered[number]) {
        (Seen::LeftOut(said), _) => Some(format!("no room for {said:?}")),
        (_, Some(by)) if signs[number] > 0 => {
            Some(format!("{:?} lies over {:?}", said(by), said(number)))
        }
        _ => None,
    });
    lost.collect()
}

/// Whether a sign says something: blanks and the lines of rules and bars do not.
fn is_read(sign: &str) -> bool {
    !sign.trim().is_empty() && !matches!(sign, "─" | "━" | "-" | "│" | "|" | "┃" | "█" | "▌" | "▐")
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::super::Painter;
    use super::*;
    use crate::view::{Theme, Tone};

    #[test]
    fn what_is_lost_without_a_sign_is_found() {
        let area = Rect::new(0, 0, 20, 2);
        let (mut buffer, theme) = (Buffer::empty(area), Theme::mono());
        let mut painter = Painter::new(&mut buffer, &theme);
        painter.text(area, 0, 0, Tone::Plain, "somewhere in the world");
        painter.text(area, 0, 1, Tone::Plain, "a long title");
        assert_eq!(losses((20, 2)), [""; 0]);
        painter.text(area, 0, 1, Tone::Plain, "a long title");
        painter.text(area, 8, 1, Tone::Plain, "Esc");
        painter.text(area, 20, 1, Tone::Plain, "more");
        assert_eq!(losses((20, 2)), ["\"Esc\" lies over \"a long title\"", "no room for \"more\""]);
        painter.text(area, 0, 1, Tone::Plain, "a long title");
        painter.clear(Rect::new(8, 1, 4, 1));
        painter.text(area, 8, 1, Tone::Plain, "Esc");
        assert_eq!(losses((20, 2)), [""; 0], "what lies above");
    }
}
