//! Links for terminals that have them: a click on a title opens what it names (OSC 8,
//! <https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda>).

use std::num::NonZeroU16;

use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::Rect;

use super::text;

/// Makes what was drawn in each of these places lead to its page. Each cell is a link by itself, for
/// a later frame may draw any one of them anew; the common id shows them as one.
pub(super) fn attach(buffer: &mut Buffer, links: &[(Rect, String)]) {
    for (number, (place, page)) in links.iter().enumerate() {
        // Whatever else a page holds, it could end the sequence.
        if !page.bytes().all(|byte| byte.is_ascii_graphic()) {
            continue;
        }
        for position in place.intersection(buffer.area).positions() {
            let Some(cell) = buffer.cell_mut(position) else { continue };
            let width = u16::try_from(text::width(cell.symbol())).ok().and_then(NonZeroU16::new);
            let Some(width) = width else { continue };
            let sign = cell.symbol();
            let linked = format!("\x1b]8;id=spot-tui-{number};{page}\x1b\\{sign}\x1b]8;;\x1b\\");
            cell.set_symbol(&linked).set_diff_option(CellDiffOption::ForcedWidth(width));
        }
    }
}

/// What a cell shows, be it a link or not.
#[cfg(test)]
pub(crate) fn shown(symbol: &str) -> &str {
    let linked = symbol.strip_prefix("\x1b]8;").and_then(|it| it.split("\x1b\\").nth(1));
    linked.map_or(symbol, |rest| rest.split('\x1b').next().unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn a_title_is_a_link_and_a_page_that_could_end_one_is_none() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 2));
        for line in 0..2 {
            buffer.set_string(0, line, "i-1 x", Style::new());
        }
        let place = |y| Rect::new(0, y, 3, 1);
        let links = [(place(0), "https://a/#i-1".into()), (place(1), "https://a/\x1b\\".into())];
        attach(&mut buffer, &links);
        let sign = |x, y| buffer.cell((x, y)).unwrap().symbol().to_owned();
        assert_eq!(sign(0, 0), "\x1b]8;id=spot-tui-0;https://a/#i-1\x1b\\i\x1b]8;;\x1b\\");
        assert_eq!([sign(4, 0), sign(0, 1)], ["x", "i"]);
        assert_eq!([shown(&sign(0, 0)), shown("x")], ["i", "x"]);
        let width = CellDiffOption::ForcedWidth(NonZeroU16::MIN);
        assert_eq!(buffer.cell((2, 0)).unwrap().diff_option, width);
    }
}
