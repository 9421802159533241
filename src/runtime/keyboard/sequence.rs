//! Which key, or which move of the mouse, a whole sequence stands for. Everything else is a report
//! that nobody asked for, or unknown, and stands for nothing.
//!
//! Sources: xterm's ctlseqs ("PC-Style Function Keys", "Alt and Meta Keys", "Mouse Tracking") with
//! its modifyOtherKeys; kitty's keyboard protocol; and what rxvt and the Linux console send.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::app::Input;

/// A key that was pressed.
pub(super) fn press(code: KeyCode, modifiers: KeyModifiers) -> Input {
    Input::Key(KeyEvent::new(code, modifiers))
}

/// The same key with Alt.
pub(super) fn with_alt(input: Input) -> Input {
    match input {
        Input::Key(KeyEvent { code, modifiers, .. }) => press(code, modifiers | KeyModifiers::ALT),
        other => other,
    }
}

/// A byte of ASCII on its own.
pub(super) fn ascii(byte: u8, alt: bool) -> Input {
    let (code, control) = match byte {
        b'\r' => (KeyCode::Enter, false),
        b'\t' => (KeyCode::Tab, false),
        // Which of the two Backspace sends is a setting of the terminal.
        0x7f | 0x08 => (KeyCode::Backspace, false),
        0x00 => (KeyCode::Char(' '), true),
        0x1b => (KeyCode::Esc, false),
        // Control takes bit 0x40 away from the character (ECMA-48).
        0x01..=0x1f => (KeyCode::Char((byte | 0x40).to_ascii_lowercase().into()), true),
        _ => (KeyCode::Char(byte.into()), false),
    };
    let mut modifiers = KeyModifiers::NONE;
    modifiers.set(KeyModifiers::CONTROL, control);
    modifiers.set(KeyModifiers::ALT, alt);
    press(code, modifiers)
}

/// What follows CSI, with its last byte.
pub(super) fn csi(body: &[u8], last: u8) -> Option<Input> {
    if let Some(report) = body.strip_prefix(b"<") {
        return mouse(&Parameters::parse(report)?, last);
    }
    if body == b"[" {
        return last.checked_sub(b'A').filter(|at| *at < 5).map(|at| plain(KeyCode::F(at + 1)));
    }
    // `?`, `>`, `=` and intermediate bytes stand in reports alone.
    let parameters = Parameters::parse(body)?;
    match last {
        b'u' => coded(&parameters, 0, 1, parameters.get(2, 0)),
        b'~' => numbered(&parameters),
        b'Z' => held(&parameters, 1, KeyCode::BackTab),
        // rxvt's arrows with Shift.
        b'a'..=b'd' if body.is_empty() => {
            Some(press(arrow(last.to_ascii_uppercase())?, KeyModifiers::SHIFT))
        }
        // With parameters this is where the cursor is, and who asked for that is gone.
        b'R' => None,
        _ => held(&parameters, 1, arrow(last).or_else(|| function(last))?),
    }
}

/// What follows SS3, with its last byte.
pub(super) fn ss3(body: &[u8], last: u8) -> Option<Input> {
    let parameters = Parameters::parse(body)?;
    let modifiers_at = parameters.0.len() - 1;
    let code = match last {
        // rxvt's arrows with Control.
        b'a'..=b'd' => {
            return Some(press(arrow(last.to_ascii_uppercase())?, KeyModifiers::CONTROL));
        }
        b'M' => KeyCode::Enter,
        b'I' => KeyCode::Tab,
        // The number pad as DEC had it: its characters, less 0x40.
        b'j'..=b'y' => KeyCode::Char((last & 0x3f).into()),
        b'X' => KeyCode::Char('='),
        _ => arrow(last).or_else(|| function(last))?,
    };
    held(&parameters, modifiers_at, code)
}

fn plain(code: KeyCode) -> Input {
    press(code, KeyModifiers::NONE)
}

fn arrow(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        _ => return None,
    })
}

fn function(last: u8) -> Option<KeyCode> {
    (b'P'..=b'S').contains(&last).then(|| KeyCode::F(last - b'P' + 1))
}

/// `CSI number ; modifiers ~`.
fn numbered(parameters: &Parameters) -> Option<Input> {
    let number = parameters.get(0, 0)?;
    let code = match number {
        27 => return coded(parameters, 2, 1, None),
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => function_key(number - 10),
        17..=21 => function_key(number - 11),
        23..=26 => function_key(number - 12),
        28 | 29 => function_key(number - 13),
        31..=34 => function_key(number - 14),
        _ => return None,
    };
    held(parameters, 1, code)
}

fn function_key(number: u32) -> KeyCode {
    KeyCode::F(u8::try_from(number).unwrap_or_default())
}

/// A key with the modifiers that this parameter tells.
fn held(parameters: &Parameters, at: usize, code: KeyCode) -> Option<Input> {
    Some(press(code, modifiers(parameters, at)?))
}

/// A key by its code point: kitty's form, and xterm's modifyOtherKeys.
fn coded(parameters: &Parameters, code: usize, held: usize, text: Option<u32>) -> Option<Input> {
    let mut modifiers = modifiers(parameters, held)?;
    let number = parameters.get(code, 0)?;
    let key = match number {
        9 if modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
        9 => KeyCode::Tab,
        13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        8 | 127 => KeyCode::Backspace,
        57_344..=63_743 => return functional(number).map(|code| press(code, modifiers)),
        _ => {
            let with_shift = modifiers.contains(KeyModifiers::SHIFT);
            let with_more = modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
            // Where the key stands counts for a command, what it writes for a text.
            let other = if with_more { parameters.get(code, 2) } else { text };
            let shifted = parameters.get(code, 1).filter(|_| with_shift);
            let character = char::from_u32(other.or(shifted).unwrap_or(number))?;
            if character.is_control() {
                return None;
            }
            // The letter says it.
            if !with_more && (shifted.is_some() || other.is_some()) {
                modifiers -= KeyModifiers::SHIFT;
            }
            KeyCode::Char(character)
        }
    };
    Some(press(key, modifiers))
}

/// The modifiers of a parameter, one more than the sum of their bits, and what became of the key.
/// `None` for a release, and with a key that belongs to the desktop.
fn modifiers(parameters: &Parameters, at: usize) -> Option<KeyModifiers> {
    const RELEASED: u32 = 3;
    const DESKTOP: u32 = 8 | 16 | 32;
    let bits = parameters.get(at, 0).unwrap_or(1).saturating_sub(1);
    if parameters.get(at, 1) == Some(RELEASED) || bits & DESKTOP != 0 {
        return None;
    }
    let known = [KeyModifiers::SHIFT, KeyModifiers::ALT, KeyModifiers::CONTROL];
    Some((0..).zip(known).filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, it)| it).collect())
}

/// Kitty's own numbers ("Functional key definitions"). A modifier alone is no key here.
fn functional(number: u32) -> Option<KeyCode> {
    const PAD: &[u8; 8] = b"./*-+\r=,";
    Some(match number {
        57_376..=57_398 => function_key(number - 57_376 + 13),
        57_399..=57_408 => KeyCode::Char(char::from_digit(number - 57_399, 10)?),
        57_414 => KeyCode::Enter,
        57_409..=57_416 => KeyCode::Char(PAD[usize::try_from(number - 57_409).ok()?].into()),
        57_417 => KeyCode::Left,
        57_418 => KeyCode::Right,
        57_419 => KeyCode::Up,
        57_420 => KeyCode::Down,
        57_421 => KeyCode::PageUp,
        57_422 => KeyCode::PageDown,
        57_423 => KeyCode::Home,
        57_424 => KeyCode::End,
        57_425 => KeyCode::Insert,
        57_426 => KeyCode::Delete,
        _ => return None,
    })
}

/// `CSI < buttons ; column ; row`, with `M`, or `m` for a release (xterm's SGR mode, 1006).
fn mouse(parameters: &Parameters, last: u8) -> Option<Input> {
    const MOVED: u32 = 0x20;
    let buttons = parameters.get(0, 0)?;
    let place = |at| u16::try_from(parameters.get(at, 0)?.checked_sub(1)?).ok();
    let button = match buttons & 0b1100_0011 {
        0 => Some(MouseButton::Left),
        1 => Some(MouseButton::Middle),
        2 => Some(MouseButton::Right),
        _ => None,
    };
    let kind = match (buttons & 0b1100_0011, button, last) {
        (64, ..) => MouseEventKind::ScrollUp,
        (65, ..) => MouseEventKind::ScrollDown,
        (_, Some(button), b'm') => MouseEventKind::Up(button),
        (_, Some(button), b'M') if buttons & MOVED != 0 => MouseEventKind::Drag(button),
        (_, Some(button), b'M') => MouseEventKind::Down(button),
        _ => return None,
    };
    let bits = [(4, KeyModifiers::SHIFT), (8, KeyModifiers::ALT), (16, KeyModifiers::CONTROL)];
    let modifiers = bits.into_iter().filter(|(bit, _)| buttons & bit != 0).map(|(_, it)| it);
    let (column, row) = (place(1)?, place(2)?);
    Some(Input::Mouse(MouseEvent { kind, column, row, modifiers: modifiers.collect() }))
}

/// Numbers between semicolons, each with parts between colons. What is left out is `None`.
struct Parameters(Vec<Vec<Option<u32>>>);

impl Parameters {
    /// `None` where something else stands there.
    fn parse(body: &[u8]) -> Option<Self> {
        let text = str::from_utf8(body).ok()?;
        let part = |part: &str| match part {
            "" => Some(None),
            number => number.parse().ok().map(Some),
        };
        let parts = |parts: &str| parts.split(':').map(part).collect();
        text.split(';').map(parts).collect::<Option<_>>().map(Self)
    }

    fn get(&self, at: usize, part: usize) -> Option<u32> {
        *self.0.get(at)?.get(part)?
    }
}
