//! What a terminal says of its background when it is asked, or when its user changes it (xterm's
//! ctlseqs, "Operating System Commands", 11). Pure.

use crate::view::Background;

/// What xterm answers begins so.
const ANSWER: &[u8] = b"11;rgb";

/// The background of an answer without its introducer and its end: `11;rgb:RRRR/GGGG/BBBB`, each with
/// one to four hexadecimal digits. `None` for any other text.
pub(super) fn told(text: &[u8]) -> Option<Background> {
    let colour = str::from_utf8(text.strip_prefix(ANSWER)?).ok()?;
    // With a fourth part for how transparent it is, some say `rgba`.
    let parts = colour.strip_prefix(':').or_else(|| colour.strip_prefix("a:"))?.split('/');
    let parts: Vec<f64> = parts.map(intensity).collect::<Option<_>>()?;
    let [red, green, blue, ..] = parts[..] else { return None };
    // How bright it looks (ITU-R BT.601).
    let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
    Some(if luma > 0.5 { Background::Light } else { Background::Dark })
}

/// From nothing to one.
fn intensity(digits: &str) -> Option<f64> {
    let most = match digits.len() {
        length @ 1..=4 => 16_u32.pow(u32::try_from(length).ok()?) - 1,
        _ => return None,
    };
    u32::from_str_radix(digits, 16).ok().map(|value| f64::from(value) / f64::from(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_terminals_are_dark_or_light() {
        for (text, background) in [
            ("11;rgb:0000/0000/0000", Background::Dark),
            ("11;rgb:2e2e/3434/3636", Background::Dark),
            ("11;rgb:00/2b/36", Background::Dark),
            ("11;rgb:ffff/ffff/ffff", Background::Light),
            ("11;rgb:fd/f6/e3", Background::Light),
            ("11;rgba:ffff/ffff/dddd/8000", Background::Light),
            ("11;rgb:f/f/f", Background::Light),
        ] {
            assert_eq!(told(text.as_bytes()), Some(background), "{text}");
        }
    }

    #[test]
    fn what_is_no_answer_tells_nothing() {
        for text in [
            "",
            "11;",
            "11;?",
            "10;rgb:ffff/ffff/ffff",
            "11;rgb:",
            "11;rgb:ffff/ffff",
            "11;rgb:g/f/f",
            "11;rgb:fffff/f/f",
            "11;rgb:-1/f/f",
            "11;#ffffff",
            "11;rgb:\u{ff}/f/f",
            "111;rgb:f/f/f",
        ] {
            assert_eq!(told(text.as_bytes()), None, "{text}");
        }
    }
}
