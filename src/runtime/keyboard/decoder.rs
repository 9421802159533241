//! Cuts what a terminal sends into keys, pastes and reports. It comes in pieces that end anywhere,
//! so all of this is one state machine that is fed byte by byte, and that can be asked whether it
//! waits for more.
//!
//! What is no key is read to its end and dropped: a report that nobody here asked for (colours,
//! modes, the version, the clipboard), and every sequence that is not known. The one that is asked
//! for, the background, is kept aside and is no input either, however late it comes. The grammar is that of
//! ECMA-48 as xterm and its kin send it (xterm's ctlseqs; vt100.net's "A parser for DEC's ANSI
//! video terminals"). Crossterm's own parser knows a list of sequences instead and takes the rest
//! for keys; vte's and termwiz's read what programs write, and know no Esc key and no paste.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyModifiers};

use super::background;
use super::sequence::{self, press};
use crate::app::Input;
use crate::view::Background;

/// How long after an Esc nothing may come for it to be the key. Readline waits 500 ms, tmux and
/// vim 10 to 100.
const ESCAPE: Duration = Duration::from_millis(50);
/// How long an unfinished sequence is waited for.
const SEQUENCE: Duration = Duration::from_millis(500);
/// The same for a text: a report's or a paste's. Packets get lost on the way.
const TEXT: Duration = Duration::from_secs(1);
/// How long after a paste that stalled its rest may still come.
const REST: Duration = Duration::from_secs(10);

/// Longer parameters belong to nothing that is known here.
const LONGEST_SEQUENCE: usize = 64;
/// What is kept of a paste, in bytes. No field takes as much.
const LONGEST_PASTE: usize = 1 << 20;
/// What comes at once and is longer was not typed as one key.
const LONGEST_KEY: usize = 16;

const ESC: u8 = 0x1b;
/// What follows it before a report of colours, among others.
const OSC: u8 = b']';
const BEL: u8 = 0x07;
const CTRL_C: u8 = 0x03;
/// CAN and SUB break a sequence off (ECMA-48).
const BREAKS: [u8; 2] = [0x18, 0x1a];
/// ST as one byte.
const ST: u8 = 0x9c;
/// What ends a paste.
const PASTED: &[u8] = b"\x1b[201~";

/// Reads what a terminal sends.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    state: State,
    heard: VecDeque<Input>,
    background: Option<Background>,
}

/// A text that a terminal sends, up to here.
#[derive(Debug, Default)]
struct Text {
    /// Its last byte; at first one that means nothing.
    last: u8,
    /// How an OSC begins. Empty for the others.
    told: Vec<u8>,
    is_osc: bool,
}

impl Text {
    fn of(introducer: u8) -> Self {
        Self { is_osc: introducer == OSC, ..Self::default() }
    }

    fn push(mut self, byte: u8) -> Self {
        // The ST that ends it begins with an Esc.
        if self.is_osc && byte != ESC && self.told.len() <= LONGEST_SEQUENCE {
            self.told.push(byte);
        }
        Self { last: byte, ..self }
    }
}

/// What has come of something that is not complete.
#[derive(Debug, Default)]
enum State {
    /// Nothing.
    #[default]
    Ground,
    /// The first bytes of a character.
    Character { bytes: [u8; 4], length: usize, alt: bool },
    /// An Esc: the key, Alt, or the beginning of a sequence; or two, of which the first is the key.
    Escape { twice: bool },
    /// An Esc that was taken for the key. What is no key on its own may belong to it all the same.
    Late,
    /// CSI or SS3, up to its last byte.
    Sequence { is_csi: bool, alt: bool, body: Vec<u8> },
    /// So many bytes of a mouse report in its oldest form follow.
    OldMouse(u8),
    /// OSC, DCS, APC, PM or SOS.
    Text(Text),
    /// A paste.
    Paste(Vec<u8>),
    /// A paste whose end has not come in time.
    Torn,
}

impl Decoder {
    /// Takes in what came at once.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Torn) {
            // Nobody types that much at once: the rest of the paste is no command either.
            let is_rest = bytes.len() > LONGEST_KEY
                || bytes.windows(PASTED.len()).any(|window| window == PASTED);
            self.state = if is_rest { State::Paste(Vec::new()) } else { State::Ground };
        }
        for &byte in bytes {
            self.step(byte);
        }
    }

    /// The next thing that was heard.
    pub(super) fn next(&mut self) -> Option<Input> {
        self.heard.pop_front()
    }

    /// What the terminal said of its background, at last.
    pub(super) fn background(&self) -> Option<Background> {
        self.background
    }

    /// How long the rest of what has begun is worth waiting for. `None` while nothing has.
    pub(super) fn timeout(&self) -> Option<Duration> {
        match self.state {
            State::Ground => None,
            State::Escape { .. } => Some(ESCAPE),
            State::Character { .. } | State::Sequence { .. } | State::OldMouse(_) => Some(SEQUENCE),
            State::Late | State::Text(_) | State::Paste(_) => Some(TEXT),
            State::Torn => Some(REST),
        }
    }

    /// Whether any character would be taken for a part of a text now.
    pub(super) fn is_in_text(&self) -> bool {
        matches!(self.state, State::Text(_) | State::Paste(_))
    }

    /// The rest does not come: what can be a key is one, and the rest is forgotten.
    pub(super) fn give_up(&mut self) {
        self.state = match mem::take(&mut self.state) {
            State::Escape { twice } => {
                self.escape_key();
                if twice {
                    self.escape_key();
                }
                State::Late
            }
            State::Paste(text) => {
                self.pasted(&text);
                State::Torn
            }
            _ => State::Ground,
        };
    }

    fn hear(&mut self, input: Input) {
        self.heard.push_back(input);
    }

    fn pasted(&mut self, text: &[u8]) {
        if !text.is_empty() {
            self.hear(Input::Paste(String::from_utf8_lossy(text).into_owned()));
        }
    }

    fn step(&mut self, byte: u8) {
        self.state = match mem::take(&mut self.state) {
            State::Character { bytes, length, alt } => self.character(bytes, length, byte, alt),
            State::Escape { twice } => self.after_escape(byte, twice),
            // Neither is bound to anything, so that no key of the user's is lost.
            State::Late if matches!(byte, b'[' | b']') => self.after_escape(byte, false),
            State::Ground | State::Torn | State::Late => self.begin(byte, false),
            State::Sequence { is_csi, alt, body } => self.sequence(is_csi, alt, body, byte),
            State::OldMouse(left) if left > 1 => State::OldMouse(left - 1),
            State::OldMouse(_) => State::Ground,
            State::Text(text) => self.text(text, byte),
            State::Paste(text) => self.paste(text, byte),
        };
    }

    /// A byte that belongs to nothing before it.
    fn begin(&mut self, byte: u8, alt: bool) -> State {
        match byte {
            ESC => State::Escape { twice: false },
            0..=0x7f => {
                self.hear(sequence::ascii(byte, alt));
                State::Ground
            }
            // A terminal that sends its controls in eight bits. No character begins like this.
            0x80..=0x9f => c1(byte),
            0xc2..=0xf4 => State::Character { bytes: [byte, 0, 0, 0], length: 1, alt },
            _ => State::Ground,
        }
    }

    fn character(&mut self, mut bytes: [u8; 4], length: usize, byte: u8, alt: bool) -> State {
        if !(0x80..=0xbf).contains(&byte) {
            return self.begin(byte, false);
        }
        bytes[length] = byte;
        let length = length + 1;
        let whole = match bytes[0] {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        if length < whole {
            return State::Character { bytes, length, alt };
        }
        match str::from_utf8(&bytes[..length]).ok().and_then(|text| text.chars().next()) {
            Some(control @ '\u{80}'..='\u{9f}') => c1(control as u8),
            Some(character) => {
                let modifiers = if alt { KeyModifiers::ALT } else { KeyModifiers::NONE };
                self.hear(press(KeyCode::Char(character), modifiers));
                State::Ground
            }
            None => State::Ground,
        }
    }

    fn after_escape(&mut self, byte: u8, twice: bool) -> State {
        // rxvt puts an Esc before the sequence of a key with Alt. Else the first of two was the key.
        if twice && !matches!(byte, b'[' | b'O') {
            self.escape_key();
        }
        match byte {
            ESC => State::Escape { twice: true },
            b'[' => State::Sequence { is_csi: true, alt: twice, body: Vec::new() },
            b'O' => State::Sequence { is_csi: false, alt: twice, body: Vec::new() },
            OSC | b'P' | b'X' | b'^' | b'_' => State::Text(Text::of(byte)),
            // The end of a text that was given up.
            b'\\' => State::Ground,
            // Whoever presses Ctrl-C means it, whatever was pressed just before.
            0..=0x1f if !matches!(byte, b'\r' | b'\t' | 0x08) => {
                self.escape_key();
                self.begin(byte, false)
            }
            _ => self.begin(byte, true),
        }
    }

    fn escape_key(&mut self) {
        self.hear(press(KeyCode::Esc, KeyModifiers::NONE));
    }

    fn sequence(&mut self, is_csi: bool, alt: bool, mut body: Vec<u8>, byte: u8) -> State {
        match byte {
            0x20..=0x3f => {
                // Beyond that nothing is known; its end is still waited for.
                if body.len() <= LONGEST_SEQUENCE {
                    body.push(byte);
                }
                State::Sequence { is_csi, alt, body }
            }
            // The Linux console's F1 to F5: one byte more.
            b'[' if is_csi && body.is_empty() => {
                body.push(byte);
                State::Sequence { is_csi, alt, body }
            }
            b'M' if is_csi && body.is_empty() => State::OldMouse(3),
            b'~' if is_csi && body == b"200" => State::Paste(Vec::new()),
            0x40..=0x7e if body.len() > LONGEST_SEQUENCE => State::Ground,
            0x40..=0x7e => {
                let key =
                    if is_csi { sequence::csi(&body, byte) } else { sequence::ss3(&body, byte) };
                if let Some(input) = key {
                    self.hear(if alt { sequence::with_alt(input) } else { input });
                }
                State::Ground
            }
            _ if BREAKS.contains(&byte) => State::Ground,
            // What cannot stand in a sequence ends it, and is what it is.
            _ => self.begin(byte, false),
        }
    }

    fn text(&mut self, text: Text, byte: u8) -> State {
        match (text.last, byte) {
            // ST is also one byte, or that in UTF-8; elsewhere it is a part of another character.
            (_, BEL) | (ESC, b'\\') | (0..0x80 | 0xc2, ST) => {
                self.background = background::told(&text.told).or(self.background);
                State::Ground
            }
            (ESC, ESC) => State::Escape { twice: false },
            (ESC, _) => self.after_escape(byte, false),
            // No terminal reports this: somebody wants to leave.
            (_, CTRL_C) => self.begin(byte, false),
            _ if BREAKS.contains(&byte) => State::Ground,
            _ => State::Text(text.push(byte)),
        }
    }

    fn paste(&mut self, mut text: Vec<u8>, byte: u8) -> State {
        // What may be its end is kept beyond that.
        if text.len() == LONGEST_PASTE + PASTED.len() {
            text.remove(LONGEST_PASTE);
        }
        text.push(byte);
        if text.ends_with(PASTED) {
            self.pasted(&text[..text.len() - PASTED.len()]);
            return State::Ground;
        }
        State::Paste(text)
    }
}

/// A control in eight bits that begins something.
fn c1(byte: u8) -> State {
    match byte {
        0x9b => State::Sequence { is_csi: true, alt: false, body: Vec::new() },
        0x8f => State::Sequence { is_csi: false, alt: false, body: Vec::new() },
        // The same introducers in seven bits are 0x40 less, after an Esc (ECMA-48).
        0x90 | 0x98 | 0x9d..=0x9f => State::Text(Text::of(byte - 0x40)),
        _ => State::Ground,
    }
}
