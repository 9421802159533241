//! Keyboards of other alphabets: which letter of ours stands on the key that wrote theirs. So the
//! key that says "c" destroys nothing less when it writes "с" (Cyrillic).
//!
//! Only a whole alphabet has a row: on a layout of Latin letters each letter is written somewhere.
//! The pairs are those of X.Org's xkeyboard-config (`symbols/`), lower case and with Shift.

/// Where the letters of the rows below stand: from Q to P and on, A to L and on, Z to M and on; and
/// the same with Shift.
const QWERTY: [&str; 2] = ["qwertyuiop[]asdfghjkl;'zxcvbnm,.", "QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>"];

/// What else these keys write: a layout, and for each key of [`QWERTY`] its letter; a space where it
/// writes none of its own, or one that stands elsewhere in a layout above. With Shift only where
/// there are no capitals.
const LAYOUTS: [(&str, &str, &str); 8] = [
    ("Russian", "йцукенгшщзхъфывапролджэячсмитьбю", ""),
    ("Ukrainian", "йцукенгшщзхїфівапролджєячсмитьбю", ""),
    ("Belarusian", "йцукенгшўзх фывапролджэячсм тьбю", ""),
    ("Greek", " ςερτυθιοπ  ασδφγηξκλ  ζχψωβνμ  ", ""),
    ("Hebrew", "  קראטוןםפ  שדגכעיחלךף זסבהנמצתץ", ""),
    ("Arabic", "ضصثقفغعهخحجدشسيبلاتنمكطئءؤر ىةوز", ""),
    (
        "Korean",
        "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ  ㅁㄴㅇㄹㅎㅗㅓㅏㅣ  ㅋㅌㅊㅍㅠㅜㅡ  ",
        "ㅃㅉㄸㄲㅆ   ㅒㅖ                      ",
    ),
    ("Thai", "ๆไำพะัีรนยบลฟหกดเ้่าสวงผปแอิืทมใ", "๐ ฎฑธํ๊ณฯญฐ ฤฆฏโฌ็๋ษศซ   ฉฮฺ์ ฒฬ"),
];

/// The character that a keyboard of Latin letters writes with the key that wrote this one. `None`
/// where it is one of those already, or of a keyboard that is not known here.
pub(super) fn twin(written: char) -> Option<char> {
    match written {
        // An input method that writes wide forms (Unicode's Halfwidth and Fullwidth Forms).
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(written) - 0xfee0),
        '\u{660}'..='\u{669}' => char::from_digit(u32::from(written) - 0x660, 10),
        '\u{6f0}'..='\u{6f9}' => char::from_digit(u32::from(written) - 0x6f0, 10),
        '\u{61f}' => Some('?'),
        // These are read one way on every keyboard.
        ' '..='~' => None,
        _ => {
            let lower = written.to_lowercase().next().filter(|lower| *lower != written);
            let key = on_key(lower.unwrap_or(written))?;
            if lower.is_none() { Some(key) } else { with_shift(key) }
        }
    }
}

fn on_key(written: char) -> Option<char> {
    let rows =
        LAYOUTS.iter().flat_map(|(_, plain, shifted)| [*plain, shifted].into_iter().zip(QWERTY));
    let mut keys = rows.flat_map(|(theirs, ours)| theirs.chars().zip(ours.chars()));
    keys.find(|(theirs, _)| *theirs == written).map(|(_, ours)| ours)
}

fn with_shift(key: char) -> Option<char> {
    let [plain, shifted] = QWERTY.map(str::chars);
    plain.zip(shifted).find(|(plain, _)| *plain == key).map(|(_, shifted)| shifted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_a_letter_for_each_key_and_no_letter_has_two_keys() {
        let mut seen: Vec<(char, char)> = Vec::new();
        for (layout, plain, shifted) in LAYOUTS {
            for (theirs, ours) in [plain, shifted].into_iter().zip(QWERTY) {
                let length = theirs.chars().count();
                assert!(length == ours.chars().count() || theirs.is_empty(), "{layout}: {length}");
                for (letter, key) in theirs.chars().zip(ours.chars()).filter(|it| it.0 != ' ') {
                    let clash = seen.iter().any(|known| known.0 == letter && known.1 != key);
                    assert!(!clash, "{layout}: {letter} is {key} and something else");
                    seen.push((letter, key));
                }
            }
        }
    }

    #[test]
    fn a_key_does_the_same_whatever_it_writes() {
        for (written, meant) in
            [('с', 'c'), ('й', 'q'), ('о', 'j'), ('Ж', ':'), ('Ї', '}'), ('ц', 'w'), ('Д', 'L')]
        {
            assert_eq!(twin(written), Some(meant), "{written}");
        }
        for (written, meant) in [
            ('ψ', 'c'),
            ('Δ', 'D'),
            ('ב', 'c'),
            ('ؤ', 'c'),
            ('ㅊ', 'c'),
            ('ㄲ', 'R'),
            ('ฏ', 'D'),
            ('ｃ', 'c'),
            ('５', '5'),
            ('٣', '3'),
        ] {
            assert_eq!(twin(written), Some(meant), "{written}");
        }
    }

    #[test]
    fn what_is_written_in_latin_letters_is_meant() {
        for written in (' '..='~').chain(['é', 'ü', 'ß', 'ı', 'ñ', '日']) {
            assert_eq!(twin(written), None, "{written}");
        }
    }
}
