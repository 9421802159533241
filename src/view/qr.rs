//! A text for a camera: a QR code of half-blocks, two modules in a cell.

use qrcode::{Color, EcLevel, QrCode};

/// The light modules around it that the standard asks for (ISO/IEC 18004).
const QUIET: usize = 4;
/// Those that are enough for cameras on a light ground of its own, where a window has few lines.
const LEAST: usize = 2;

/// A QR code (ISO/IEC 18004).
#[derive(Debug)]
pub struct Qr {
    /// Whether each module is dark, a row after the other.
    modules: Vec<bool>,
    /// The modules of a side.
    side: usize,
    /// The light ones around them.
    quiet: usize,
}

impl Qr {
    /// That of a text, with less around it where only that fits; none where nothing fits, or the text
    /// is too long for one. A screen has no stains: the least correction makes it small.
    pub fn of(text: &str, fits: impl Fn(&Self) -> bool) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
        let side = code.width();
        let modules = code.into_colors().into_iter().map(|it| it == Color::Dark).collect();
        let whole = Self { modules, side, quiet: QUIET };
        if fits(&whole) {
            return Some(whole);
        }
        Some(Self { quiet: LEAST, ..whole }).filter(fits)
    }

    /// The columns that it takes.
    pub fn columns(&self) -> usize {
        self.side + 2 * self.quiet
    }

    /// The lines that it takes.
    pub fn lines(&self) -> usize {
        self.columns().div_ceil(2)
    }

    /// Its lines. They are to be drawn in black on white.
    pub fn rows(&self) -> impl Iterator<Item = String> {
        (0..self.lines()).map(|line| {
            let cell = |x| match (self.is_dark(x, 2 * line), self.is_dark(x, 2 * line + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            };
            (0..self.columns()).map(cell).collect()
        })
    }

    /// Whether the module there is dark, counted with what is around it.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize| at.checked_sub(self.quiet).filter(|at| *at < self.side);
        let module =
            inside(x).zip(inside(y)).and_then(|(x, y)| self.modules.get(y * self.side + x));
        module.is_some_and(|is_dark| *is_dark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_drawn_as_a_camera_reads_it() {
        let page = "https://corp.awsapps.com/start/#/device?user_code=ABCD-EFGH";
        let qr = Qr::of(page, |_| true).unwrap();
        assert_eq!((qr.columns(), qr.lines()), (41, 21));
        let drawn: Vec<String> = qr.rows().collect();
        insta::assert_snapshot!(drawn.join("\n"));
        // Where there is no room for that the same stands closer to the edge.
        let close = Qr::of(page, |qr| qr.lines() < 21).unwrap();
        assert_eq!((close.columns(), close.lines()), (37, 19));
        let inner = drawn.iter().skip(1).take(19).map(|row| row.chars().skip(2).take(37).collect());
        assert_eq!(close.rows().collect::<Vec<String>>(), inner.collect::<Vec<String>>());
        assert!(Qr::of(page, |qr| qr.lines() < 19).is_none());
    }

    #[test]
    fn what_is_too_long_for_one_has_none() {
        assert!(Qr::of(&"x".repeat(3000), |_| true).is_none());
    }
}
