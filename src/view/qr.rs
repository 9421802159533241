//! A text for a camera: a QR code of half-blocks, two modules in a cell.

use qrcode::{Color, EcLevel, QrCode};

/// The light modules around it. The standard asks for four; on a light ground of their own two are
/// enough for cameras, and a window has few lines.
const QUIET: usize = 2;

/// A QR code (ISO/IEC 18004).
#[derive(Debug)]
pub struct Qr {
    /// Whether each module is dark, a row after the other.
    modules: Vec<bool>,
    /// The modules of a side.
    side: usize,
}

impl Qr {
    /// That of a text; none where that is too long for one. A screen has no stains: the least
    /// correction makes it small.
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
        let side = code.width();
        let modules = code.into_colors().into_iter().map(|it| it == Color::Dark).collect();
        Some(Self { modules, side })
    }

    /// The columns that it takes.
    pub fn columns(&self) -> usize {
        self.side + 2 * QUIET
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
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < self.side);
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
        let qr = Qr::of(page).unwrap();
        assert_eq!((qr.columns(), qr.lines()), (37, 19));
        let drawn: Vec<String> = qr.rows().collect();
        insta::assert_snapshot!(drawn.join("\n"));
    }

    #[test]
    fn what_is_too_long_for_one_has_none() {
        assert!(Qr::of(&"x".repeat(3000)).is_none());
    }
}
