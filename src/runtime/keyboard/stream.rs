//! Streams as a terminal sends them, and the keys that are in them: for tests.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyModifiers};
use tokio::time::{Instant, sleep_until};

use super::Bytes;
use super::sequence::press;
use crate::app::Input;

/// A small generator: xorshift64*.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let rolled = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(rolled).unwrap() % sides
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }
}

/// What comes, and how long after what came before.
pub(crate) type Piece = (Duration, Vec<u8>);

/// A line on which pieces come.
#[derive(Debug)]
pub(crate) struct Line {
    pieces: VecDeque<Piece>,
    /// When the newest one came.
    since: Instant,
}

impl Line {
    pub(crate) fn new(pieces: impl IntoIterator<Item = Piece>) -> Self {
        Self { pieces: pieces.into_iter().collect(), since: Instant::now() }
    }
}

impl Bytes for Line {
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some((pause, _)) = self.pieces.front() else { return pending().await };
        if !pause.is_zero() {
            sleep_until(self.since + *pause).await;
        }
        self.since = Instant::now();
        let bytes = self.pieces.pop_front().map_or_else(Vec::new, |(_, bytes)| bytes);
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

/// What a terminal may send, and what of it is a key.
struct Sent {
    bytes: Vec<u8>,
    keys: Vec<Input>,
    /// How long it is waited for what would make it whole, and longer than that.
    torn: Option<Duration>,
}

const KEYS: [(&str, KeyCode, KeyModifiers); 34] = {
    use KeyCode::{
        Backspace, Char, Delete, Down, End, Enter, F, Home, Left, PageDown, Right, Tab, Up,
    };
    const NONE: KeyModifiers = KeyModifiers::NONE;
    [
        ("j", Char('j'), NONE),
        ("k", Char('k'), NONE),
        ("c", Char('c'), NONE),
        ("d", Char('d'), NONE),
        ("D", Char('D'), NONE),
        ("y", Char('y'), NONE),
        ("n", Char('n'), NONE),
        ("3", Char('3'), NONE),
        ("?", Char('?'), NONE),
        (":", Char(':'), NONE),
        ("/", Char('/'), NONE),
        (" ", Char(' '), NONE),
        ("é", Char('é'), NONE),
        ("日", Char('日'), NONE),
        ("👍", Char('👍'), NONE),
        ("\r", Enter, NONE),
        ("\t", Tab, NONE),
        ("\x7f", Backspace, NONE),
        ("\x0b", Char('k'), KeyModifiers::CONTROL),
        ("\x1b[A", Up, NONE),
        ("\x1b[B", Down, NONE),
        ("\x1bOC", Right, NONE),
        ("\x1b[D", Left, NONE),
        ("\x1b[1;5C", Right, KeyModifiers::CONTROL),
        ("\x1b[H", Home, NONE),
        ("\x1b[4~", End, NONE),
        ("\x1b[3~", Delete, NONE),
        ("\x1b[6~", PageDown, NONE),
        ("\x1bOP", F(1), NONE),
        ("\x1b[15~", F(5), NONE),
        ("\x1bb", Char('b'), KeyModifiers::ALT),
        ("\x1b[27;5;107~", Char('k'), KeyModifiers::CONTROL),
        ("\x1b[107;5u", Char('k'), KeyModifiers::CONTROL),
        ("\x1b[13u", Enter, NONE),
    ]
};

/// A stream of so many things, in pieces, and its keys.
pub(crate) fn stream(dice: &mut Dice, length: usize) -> (Vec<Piece>, Vec<Input>) {
    let (mut pieces, mut keys) = (Vec::new(), Vec::new());
    let mut pause = Duration::ZERO;
    let mut run = Vec::new();
    for _ in 0..length {
        let sent = sent(dice);
        keys.extend(sent.keys);
        run.extend(sent.bytes);
        if let Some(given_up) = sent.torn {
            cut(dice, &mut pieces, pause, &std::mem::take(&mut run));
            pause = given_up;
        }
    }
    cut(dice, &mut pieces, pause, &run);
    (pieces, keys)
}

/// Cuts what comes without a pause into pieces that hardly wait for one another.
fn cut(dice: &mut Dice, pieces: &mut Vec<Piece>, pause: Duration, mut run: &[u8]) {
    let mut pause = pause;
    while !run.is_empty() {
        let (piece, rest) = run.split_at(1 + dice.roll(run.len().min(40)));
        pieces.push((pause, piece.to_vec()));
        pause = Duration::from_millis(dice.roll(3) as u64 * 20);
        run = rest;
    }
}

fn sent(dice: &mut Dice) -> Sent {
    let whole = |bytes: Vec<u8>, keys| Sent { bytes, keys, torn: None };
    match dice.roll(10) {
        0..=4 => {
            let (bytes, code, modifiers) = dice.pick(&KEYS);
            whole(bytes.as_bytes().to_vec(), vec![press(*code, *modifiers)])
        }
        5 => {
            let text = text(dice);
            let keys = if text.is_empty() { vec![] } else { vec![Input::Paste(text.clone())] };
            whole(format!("\x1b[200~{text}\x1b[201~").into_bytes(), keys)
        }
        6 | 7 => whole(report(dice), vec![]),
        _ => torn(dice),
    }
}

/// Something that does not end.
fn torn(dice: &mut Dice) -> Sent {
    let torn = |bytes: Vec<u8>, keys, seconds| {
        let torn = Some(Duration::from_secs(seconds));
        Sent { bytes, keys, torn }
    };
    match dice.roll(4) {
        0 => torn(b"\x1b".to_vec(), vec![press(KeyCode::Esc, KeyModifiers::NONE)], 2),
        1 => {
            let text = text(dice);
            let keys = if text.is_empty() { vec![] } else { vec![Input::Paste(text.clone())] };
            // The rest of a paste is waited for longest.
            torn(format!("\x1b[200~{text}").into_bytes(), keys, 12)
        }
        2 => torn("👍".as_bytes()[..=dice.roll(3)].to_vec(), vec![], 2),
        _ => {
            let report = report(dice);
            let length = 2 + dice.roll(report.len() - 2);
            torn(report[..length].to_vec(), vec![], 2)
        }
    }
}

/// What a terminal tells of itself.
fn report(dice: &mut Dice) -> Vec<u8> {
    let end = *dice.pick(&["\x07", "\x1b\\"]);
    let number = dice.roll(3000);
    let report = match dice.roll(10) {
        0 => format!("\x1b]11;rgb:{number:04x}/3434/3636{end}"),
        1 => format!("\x1b]52;c;{}{end}", text(dice).replace(|it: char| it.is_control(), "")),
        2 => format!("\x1bP>|tmux {number}{end}"),
        3 => format!("\x1b_Gi={number};OK{end}"),
        4 => format!("\x1b^{number} d y{end}"),
        5 => format!("\x1bX{number} d y{end}"),
        6 => format!("\x1b[?{number};2$y"),
        7 => format!("\x1b[?997;{number}n"),
        8 => format!("\x1b[{number};{}R", dice.roll(300)),
        _ => {
            let last = char::from(b'@' + u8::try_from(dice.roll(0x3f)).unwrap());
            format!("\x1b[>{number};1{last}")
        }
    };
    report.into_bytes()
}

/// What may be pasted: also what would be a command.
fn text(dice: &mut Dice) -> String {
    const WORDS: [&str; 10] =
        ["d", "y", "\r", "all\n", "X", "日本", "\t", "\x1b[A", "\x1b]11;", "111122223333"];
    (0..dice.roll(8)).map(|_| *dice.pick(&WORDS)).collect()
}
