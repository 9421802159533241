//! The colours of each theme, as data. A test reckons the contrast of every pair that is ever drawn.

use ratatui::style::Color;

/// What a theme is painted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Palette {
    /// What all is painted on, and ordinary text; the terminal's own where there is none.
    pub ground: Option<[Color; 2]>,
    /// What does not matter now; else the terminal's own, dimmed.
    pub dim: Option<Color>,
    /// Good, working and accent, waiting, interrupted, bad; nothing where there are no colours.
    pub states: Option<[Color; 5]>,
    /// What lies under the row of the cursor; else its colours are reversed.
    pub selection: Option<Color>,
    /// What lies under marked rows.
    pub mark: Option<Color>,
}

/// `0xrrggbb`.
const fn rgb(hex: u32) -> Color {
    let [_, red, green, blue] = hex.to_be_bytes();
    Color::Rgb(red, green, blue)
}

const fn indexed(states: [u8; 5]) -> [Color; 5] {
    let [good, working, waiting, interrupted, bad] = states;
    [
        Color::Indexed(good),
        Color::Indexed(working),
        Color::Indexed(waiting),
        Color::Indexed(interrupted),
        Color::Indexed(bad),
    ]
}

const fn loved(ground: [u32; 2], dim: u32, states: [u32; 5], under: [u32; 2]) -> Palette {
    let [good, working, waiting, interrupted, bad] = states;
    Palette {
        ground: Some([rgb(ground[0]), rgb(ground[1])]),
        dim: Some(rgb(dim)),
        states: Some([rgb(good), rgb(working), rgb(waiting), rgb(interrupted), rgb(bad)]),
        selection: Some(rgb(under[0])),
        mark: Some(rgb(under[1])),
    }
}

/// A yellow for both backgrounds, `#af8700` of the 256 colours: the terminal's own cannot be seen
/// on white.
const AMBER: Color = Color::Indexed(136);

/// The terminal's own colours, by name: they read on dark and on light.
pub(super) static OWN: Palette = Palette {
    ground: None,
    dim: None,
    states: Some([Color::Green, Color::Cyan, AMBER, Color::Magenta, Color::Red]),
    selection: None,
    mark: None,
};

/// No colours.
pub(super) static MONO: Palette =
    Palette { ground: None, dim: None, states: None, selection: None, mark: None };

/// For a dark background, of the 256.
pub(super) static DARK: Palette = Palette {
    ground: None,
    dim: Some(Color::Indexed(248)),
    states: Some(indexed([114, 80, 179, 176, 210])),
    selection: Some(Color::Indexed(236)),
    mark: Some(Color::Indexed(235)),
};

/// For a light background, of the 256.
pub(super) static LIGHT: Palette = Palette {
    ground: None,
    dim: Some(Color::Indexed(241)),
    states: Some(indexed([22, 25, 58, 127, 124])),
    selection: Some(Color::Indexed(254)),
    mark: Some(Color::Indexed(255)),
};

// The palettes that people carry from program to program. Where one of their colours is too near to
// its ground to be read, it is moved away from it.

/// Catppuccin Mocha, <https://catppuccin.com/palette>.
pub(super) static CATPPUCCIN: Palette = loved(
    [0x1e_1e2e, 0xcd_d6f4],
    0xa6_adc8,
    [0xa6_e3a1, 0x74_c7ec, 0xf9_e2af, 0xcb_a6f7, 0xf3_8ba8],
    [0x31_3244, 0x29_2a3c],
);

/// Catppuccin Latte, the light one.
pub(super) static LATTE: Palette = loved(
    [0xef_f1f5, 0x4c_4f69],
    0x5d_5f72,
    [0x2d_701e, 0x1a_58d3, 0x8a_5812, 0x7d_34dc, 0xc1_0e34],
    [0xdc_e0e8, 0xe6_e9ef],
);

/// Gruvbox dark, <https://github.com/morhetz/gruvbox>.
pub(super) static GRUVBOX: Palette = loved(
    [0x28_2828, 0xeb_dbb2],
    0xaf_a18e,
    [0xb8_bb26, 0x8e_c07c, 0xfa_bd2f, 0xd7_90a3, 0xfc_7c6d],
    [0x3c_3836, 0x32_302f],
);

/// Tokyo Night, <https://github.com/folke/tokyonight.nvim>.
pub(super) static TOKYONIGHT: Palette = loved(
    [0x1a_1b26, 0xc0_caf5],
    0x9a_a5ce,
    [0x9e_ce6a, 0x7d_cfff, 0xe0_af68, 0xbb_9af7, 0xf7_768e],
    [0x29_2e42, 0x21_2436],
);

/// Nord, <https://www.nordtheme.com>.
pub(super) static NORD: Palette = loved(
    [0x2e_3440, 0xec_eff4],
    0xaa_b4c6,
    [0xa3_be8c, 0x88_c0d0, 0xeb_cb8b, 0xc4_a7bf, 0xd9_a0a6],
    [0x3b_4252, 0x35_3c4a],
);

/// Dracula, <https://draculatheme.com/contribute>.
pub(super) static DRACULA: Palette = loved(
    [0x28_2a36, 0xf8_f8f2],
    0x9a_a5d0,
    [0x50_fa7b, 0x8b_e9fd, 0xf1_fa8c, 0xff_79c6, 0xff_8181],
    [0x38_3b4e, 0x30_3341],
);

/// The nearest of the 256 colours, for a terminal that has no more: of the cube of six steps a
/// primary, or of the greys.
pub(super) fn nearest(colour: Color) -> Color {
    let Color::Rgb(red, green, blue) = colour else { return colour };
    let distance = |index: &u8| {
        let (r, g, b) = rgb_of(*index);
        let part = |one: u8, other: u8| u32::from(one.abs_diff(other)).pow(2);
        part(r, red) + part(g, green) + part(b, blue)
    };
    Color::Indexed((16..=255).min_by_key(distance).unwrap_or(16))
}

/// What the 256 colours from 16 on are, as xterm defines them.
fn rgb_of(index: u8) -> (u8, u8, u8) {
    match index.saturating_sub(16) {
        cube @ 0..216 => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        grey => {
            let level = 8 + 10 * (grey - 216);
            (level, level, level)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relative luminance, WCAG 2.2.
    fn luminance(colour: Color) -> f64 {
        let (red, green, blue) = match colour {
            Color::Rgb(red, green, blue) => (red, green, blue),
            Color::Indexed(index) => rgb_of(index),
            other => panic!("the terminal alone knows {other}"),
        };
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    fn contrast(one: Color, other: Color) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Each palette with the grounds that it may be drawn on, and ordinary text there.
    fn all() -> Vec<(&'static str, &'static Palette, Vec<Color>, Color)> {
        let of = |name, palette: &'static Palette| {
            let [ground, text] = palette.ground.unwrap();
            (name, palette, vec![ground], text)
        };
        vec![
            ("dark", &DARK, vec![rgb(0x00_0000), rgb(0x1e_1e1e)], rgb(0xd4_d4d4)),
            ("light", &LIGHT, vec![rgb(0xff_ffff), rgb(0xfa_fafa)], rgb(0x28_2828)),
            of("catppuccin", &CATPPUCCIN),
            of("latte", &LATTE),
            of("gruvbox", &GRUVBOX),
            of("tokyonight", &TOKYONIGHT),
            of("nord", &NORD),
            of("dracula", &DRACULA),
        ]
    }

    #[test]
    fn every_pair_that_is_drawn_can_be_read() {
        for (name, palette, grounds, text) in all() {
            let under = grounds.into_iter().chain(palette.selection).chain(palette.mark);
            for ground in under {
                for colour in palette.states.unwrap().into_iter().chain(palette.dim).chain([text]) {
                    let contrast = contrast(colour, ground);
                    assert!(contrast >= 4.5, "{name}: {colour} on {ground}: {contrast:.2}");
                }
            }
        }
    }

    #[test]
    fn the_cursor_and_the_marks_lie_on_grounds_of_their_own() {
        for (name, palette, grounds, _) in all() {
            let under: Vec<Color> =
                grounds.into_iter().chain(palette.selection).chain(palette.mark).collect();
            for (at, one) in under.iter().enumerate() {
                assert!(!under[at + 1..].contains(one), "{name}: {one} twice");
            }
        }
    }

    #[test]
    fn a_terminal_of_256_colours_gets_the_nearest() {
        assert_eq!(nearest(rgb(0xff_0000)), Color::Indexed(196));
        assert_eq!(nearest(rgb(0x08_0808)), Color::Indexed(232));
        assert_eq!(nearest(Color::Green), Color::Green);
    }
}
