//! Small graphs in text: bars of Braille dots, two a column and four high.

use super::theme::{Glyphs, level};

/// The dots of a column's left and right half, filled from the bottom, for each height.
const LEFT: [u8; 5] = [0x00, 0x40, 0x44, 0x46, 0x47];
const RIGHT: [u8; 5] = [0x00, 0x80, 0xa0, 0xb0, 0xb8];

/// Bars for shares between 0 and 1, the newest at the right edge, on so many columns. What lies
/// before the first one is blank. Without Braille a sign each for every second one.
pub fn bars(shares: &[f64], columns: usize, glyphs: &Glyphs) -> String {
    let room = columns * 2;
    let shown = &shares[shares.len().saturating_sub(room)..];
    let mut heights = vec![None; room - shown.len()];
    heights.extend(shown.iter().copied().map(Some));
    if glyphs.is_ascii() {
        let signs: Vec<char> = glyphs.spark.chars().collect();
        let sign = |share: f64| signs.get(level(share, signs.len())).copied();
        return heights.chunks(2).map(|pair| pair[1].and_then(sign).unwrap_or(' ')).collect();
    }
    // Something that is known is seen, be it nothing at all.
    let dots = |share: Option<f64>| share.map_or(0, |share| 1 + level(share, 4));
    heights.chunks(2).map(|pair| sign(LEFT[dots(pair[0])] | RIGHT[dots(pair[1])])).collect()
}

/// The dots of each height alone.
const LEFT_DOT: [u8; 5] = [0x00, 0x40, 0x04, 0x02, 0x01];
const RIGHT_DOT: [u8; 5] = [0x00, 0x80, 0x20, 0x10, 0x08];

/// The same as [`bars`] as a line, so that rows of them do not melt into one wall.
pub fn line(shares: &[f64], columns: usize, glyphs: &Glyphs) -> String {
    if glyphs.is_ascii() {
        return bars(shares, columns, glyphs);
    }
    let room = columns * 2;
    let shown = &shares[shares.len().saturating_sub(room)..];
    let mut heights = vec![0; room - shown.len()];
    heights.extend(shown.iter().map(|share| 1 + level(*share, 4)));
    heights.chunks(2).map(|pair| sign(LEFT_DOT[pair[0]] | RIGHT_DOT[pair[1]])).collect()
}

/// The Braille sign with these dots; a blank for none.
fn sign(dots: u8) -> char {
    match dots {
        0 => ' ',
        dots => char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' '),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Theme;

    #[test]
    fn the_newest_is_at_the_right_and_each_value_is_seen() {
        let glyphs = Theme::colours().glyphs;
        assert_eq!(bars(&[0.0, 1.0], 2, glyphs), " ⣸");
        assert_eq!(bars(&[0.9, 0.0, 0.3, 0.6], 1, glyphs), "⣴");
        assert_eq!(bars(&[], 3, glyphs), "   ");
    }

    #[test]
    fn without_braille_there_is_a_sign_for_two() {
        assert_eq!(bars(&[0.0, 0.0, 0.5, 1.0], 2, Theme::colours().ascii().glyphs), "_^");
    }
}
