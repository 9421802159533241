//! What is heard of what a terminal sends: whole, cut anywhere, late, and never ended.

use std::fmt::Write as _;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tokio::time::timeout;

use super::stream::{Dice, Line, stream};
use super::*;

/// A key in words: `Ctrl-Alt-x`, `Esc`, `F(5)`.
fn name(input: &Input) -> String {
    let (code, modifiers) = match input {
        Input::Key(KeyEvent { code, modifiers, .. }) => (code, *modifiers),
        Input::Paste(text) => return format!("paste {text:?}"),
        Input::Mouse(it) => return format!("{:?} {},{}", it.kind, it.column, it.row),
        Input::Resize(..) => return "size".to_owned(),
    };
    let mut name = String::new();
    for (bit, word) in [
        (KeyModifiers::CONTROL, "Ctrl"),
        (KeyModifiers::ALT, "Alt"),
        (KeyModifiers::SHIFT, "Shift"),
    ] {
        if modifiers.contains(bit) {
            write!(name, "{word}-").unwrap();
        }
    }
    match code {
        KeyCode::Char(character) => name.push(*character),
        other => write!(name, "{other:?}").unwrap(),
    }
    name
}

/// What is heard of bytes that come at once, and of nothing after them.
fn heard(bytes: &[u8]) -> Vec<String> {
    let mut decoder = Decoder::default();
    decoder.take(bytes);
    while decoder.timeout().is_some() {
        decoder.give_up();
    }
    std::iter::from_fn(|| decoder.next()).map(|input| name(&input)).collect()
}

#[test]
fn what_is_asked_for_is_kept_however_it_is_cut_and_is_no_key() {
    let answer = b"\x1b]11;rgb:fdfd/f6f6/e3e3\x1b\\";
    for cut in 0..answer.len() {
        let mut decoder = Decoder::default();
        decoder.take(&answer[..cut]);
        decoder.take(&answer[cut..]);
        assert_eq!(decoder.background(), Some(Background::Light), "{cut}");
        assert_eq!((decoder.next(), decoder.timeout()), (None, None), "{cut}");
    }
    let background = |bytes: &[u8]| {
        let mut decoder = Decoder::default();
        decoder.take(bytes);
        decoder.background()
    };
    assert_eq!(background(b"\x9d11;rgb:0/0/0\x07"), Some(Background::Dark));
    // It gets dark; what tells nothing of it changes nothing.
    assert_eq!(
        background(b"\x1b]11;rgb:f/f/f\x07\x1b]11;rgb:0/0/0\x07\x1b]10;rgb:f/f/f\x07"),
        Some(Background::Dark)
    );
    for other in
        [&b"\x1bP11;rgb:0/0/0\x1b\\"[..], b"\x1b]11;rgb:0/0/0", b"\x1b]11;rgb:0/0/0\x18\x07"]
    {
        assert_eq!(background(other), None, "{other:?}");
    }
    let long = [b"\x1b]11;rgb:".as_slice(), "0".repeat(100_000).as_bytes(), b"/0/0\x07"].concat();
    assert_eq!(background(&long), None);
}

#[test]
fn a_report_that_nobody_asked_for_is_no_key() {
    for report in [
        // Colours, as kitty, ghostty and foot tell them when it gets dark; with all ends.
        "\x1b]11;rgb:2e2e/3434/3636\x07",
        "\x1b]11;rgb:2e2e/3434/3636\x1b\\",
        "\x1b]4;1;rgb:cccc/0000/0000\x1b\\\x1b]10;rgb:d3d3/d7d7/cfcf\x07",
        // The clipboard, a title with signs of all kinds.
        "\x1b]52;c;ZGQgaWY9L2Rldi96ZXJv\x07",
        "\x1b]lq ✓ d y\u{9c}",
        // The version, terminfo, settings, an answer of kitty's pictures.
        "\x1bP>|tmux 3.4\x1b\\",
        "\x1bP1+r544e=787465726d\x1b\\",
        "\x1bP1$r0m\x1b\\",
        "\x1b_Gi=1;OK\x1b\\",
        "\x1b^private d y\x1b\\\x1bXstart of string\x1b\\",
        // What the terminal is, its modes, its keyboard, where the cursor is, its size.
        "\x1b[?62;1;6c\x1b[>41;354;0c\x1bP!|00000000\x1b\\",
        "\x1b[?2026;2$y\x1b[4;2$y\x1b[?997;1n\x1b[0n\x1b[?5u\x1b[>4;1m",
        "\x1b[12;40R\x1b[1;2R\x1b[?12;40;1R\x1b[8;24;80t\x1b[48;24;80;600;800t",
        // The focus, and the mouse as programs of old have it told.
        "\x1b[I\x1b[O\x1b[M !!\x1b[32;5;9M\x1b[<35;10;10M",
        // Sent in eight bits.
        "\u{9b}?62;1c\u{9d}11;rgb:0/0/0\u{9c}\u{90}>|x\u{9c}",
        // Unknown, and too long to be known.
        "\x1b[?1;2;3z\x1b[=1;2;3x\x1b[1 q\x1b[5#p",
        &format!("\x1b[{}m", "9;".repeat(500)),
        // Released keys, and those that belong to the desktop.
        "\x1b[100;1:3u\x1b[1;1:3A\x1b[100;9u\x1b[57441;2u",
    ] {
        assert_eq!(heard(report.as_bytes()), [""; 0], "{report:?}");
        let keys = [report, "j", report, "?"].concat();
        assert_eq!(heard(keys.as_bytes()), ["j", "?"], "{report:?}");
    }
}

#[test]
fn a_report_in_eight_bits_is_no_key() {
    assert_eq!(heard(b"\x9b?62;1cj\x9d11;rgb:0/0/0\x9cj\x90>|d\x1b\\j\x9f\x9cj"), ["j"; 4]);
}

#[test]
fn every_terminal_s_keys_are_read() {
    let sent: [(&str, &[&str]); 16] = [
        ("dD :é日👍", &["d", "D", " ", ":", "é", "日", "👍"]),
        ("\x03\x1a\x00\x1c", &["Ctrl-c", "Ctrl-z", "Ctrl- ", "Ctrl-\\"]),
        ("\r\t\x7f\x08", &["Enter", "Tab", "Backspace", "Backspace"]),
        ("\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F", &["Up", "Down", "Right", "Left", "Home", "End"]),
        ("\x1bOA\x1bOD\x1bOH\x1bOF\x1bOP\x1bOS", &["Up", "Left", "Home", "End", "F(1)", "F(4)"]),
        ("\x1b[1~\x1b[2~\x1b[3~\x1b[4~", &["Home", "Insert", "Delete", "End"]),
        ("\x1b[5~\x1b[6~\x1b[Z", &["PageUp", "PageDown", "BackTab"]),
        ("\x1b[11~\x1b[15~\x1b[17~\x1b[24~\x1b[[A", &["F(1)", "F(5)", "F(6)", "F(12)", "F(1)"]),
        ("\x1b[1;5C\x1b[1;2A\x1b[3;5~", &["Ctrl-Right", "Shift-Up", "Ctrl-Delete"]),
        // rxvt's; and the number pad as DEC had it.
        ("\x1b[a\x1bOd\x1b\x1b[A\x1bO5P", &["Shift-Up", "Ctrl-Left", "Alt-Up", "Ctrl-F(1)"]),
        ("\x1bOj\x1bOp\x1bOy\x1bOX\x1bOn\x1bOM", &["*", "0", "9", "=", ".", "Enter"]),
        (
            "\x1bb\x1b\x7f\x1bé\x1b\x03\x1b\x1bq",
            &["Alt-b", "Alt-Backspace", "Alt-é", "Esc", "Ctrl-c", "Esc", "Alt-q"],
        ),
        // modifyOtherKeys, and kitty's form.
        ("\x1b[27;2;58~\x1b[27;5;99~\x1b[27;3;13~", &["Shift-:", "Ctrl-c", "Alt-Enter"]),
        ("\x1b[99;5u\x1b[27u\x1b[13u\x1b[127;5u", &["Ctrl-c", "Esc", "Enter", "Ctrl-Backspace"]),
        (
            "\x1b[100:68;2u\x1b[97;;97u\x1b[59;2;58u\x1b[57414u\x1b[57400u\x1b[1;1:2A",
            &["D", "a", ":", "Enter", "1", "Up"],
        ),
        // With Control the key counts, not what another layout writes with it.
        ("\x1b[1089::99;5u\x1b[1089::99;;1089u", &["Ctrl-c", "с"]),
    ];
    for (sent, keys) in sent {
        assert_eq!(heard(sent.as_bytes()), keys, "{sent:?}");
    }
    let mouse = b"\x1b[<0;3;4M\x1b[<0;3;4m\x1b[<32;3;5M\x1b[<65;1;1M";
    assert_eq!(
        heard(mouse),
        ["Down(Left) 2,3", "Up(Left) 2,3", "Drag(Left) 2,4", "ScrollDown 0,0"]
    );
}

#[test]
fn a_paste_is_a_text_whatever_is_in_it() {
    let paste = |text: &str| heard(format!("\x1b[200~{text}\x1b[201~j").as_bytes());
    for text in
        ["", "d\ry\rall\r", "\x1b[A\x1b]11;x\x07\x03", "\x1b[200~", "日本 \x1b[20", "\x1b[201"]
    {
        let expected = if text.is_empty() { vec![] } else { vec![format!("paste {text:?}")] };
        assert_eq!(paste(text), [expected, vec!["j".to_owned()]].concat());
    }
    assert_eq!(heard(b"\x1b[201~j"), ["j"], "an end without a beginning");
    let mut decoder = Decoder::default();
    decoder.take(b"\x1b[200~");
    for _ in 0..3 {
        decoder.take(&vec![b'x'; 1 << 20]);
    }
    decoder.take(b"\x1b[201~j");
    let Some(Input::Paste(text)) = decoder.next() else { panic!("a paste") };
    assert_eq!(text.len(), 1 << 20, "what nothing takes is not kept");
    assert_eq!(decoder.next().map(|key| name(&key)).as_deref(), Some("j"));
}

#[test]
fn where_it_is_cut_makes_no_difference() {
    let sent = "d\x1b[1;5C\x1b]11;rgb:2e2e/3434/3636\x1b\\é\x1bP>|tmux 3.4\x1b\\\x1b[200~d日\r\x1b[201~\
                \x1b[?2026;2$y👍\x1bOP\x1b[27;5;99~\x1b[<0;3;4Mj";
    let whole = heard(sent.as_bytes());
    assert_eq!(whole.len(), 9, "{whole:?}");
    for at in 1..sent.len() {
        let mut decoder = Decoder::default();
        decoder.take(&sent.as_bytes()[..at]);
        decoder.take(&sent.as_bytes()[at..]);
        let cut: Vec<_> = std::iter::from_fn(|| decoder.next()).map(|key| name(&key)).collect();
        assert_eq!(cut, whole, "cut at {at}");
    }
}

/// What is heard of pieces that come so many milliseconds after one another.
async fn heard_slowly(pieces: &[(u64, &str)]) -> Vec<String> {
    let pieces =
        pieces.iter().map(|(pause, text)| (Duration::from_millis(*pause), text.as_bytes()));
    let mut keyboard = Keyboard::new(Line::new(pieces.map(|(pause, text)| (pause, text.to_vec()))));
    let mut heard = Vec::new();
    while let Ok(input) = timeout(Duration::from_hours(1), keyboard.next()).await {
        heard.push(name(&input.unwrap()));
    }
    heard
}

#[tokio::test(start_paused = true)]
async fn an_escape_is_a_key_when_nothing_follows() {
    assert_eq!(heard_slowly(&[(0, "\x1b"), (60, "q")]).await, ["Esc", "q"]);
    assert_eq!(heard_slowly(&[(0, "\x1b"), (40, "[A")]).await, ["Up"]);
    assert_eq!(heard_slowly(&[(0, "\x1b\x1b"), (60, "q")]).await, ["Esc", "Esc", "q"]);
    // The line was slower than that: a report is no key all the same.
    assert_eq!(heard_slowly(&[(0, "\x1b"), (300, "]11;rgb:0/0/0\x07q")]).await, ["Esc", "q"]);
    assert_eq!(heard_slowly(&[(0, "\x1b"), (300, "[?997;1nq")]).await, ["Esc", "q"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ended_is_given_up() {
    for begun in ["\x1b[", "\x1b[?2026", "\x1b[27;5", "\x1bO", "\x1b[M "] {
        assert_eq!(
            heard_slowly(&[(0, begun), (600, "j"), (0, "?")]).await,
            ["j", "?"],
            "{begun:?}"
        );
    }
    for begun in ["\x1b]11;rgb:2e", "\x1bP>|tmux", "\x1b_", "\x1b]0;x"] {
        assert_eq!(
            heard_slowly(&[(0, begun), (1100, "j"), (0, "?")]).await,
            ["j", "?"],
            "{begun:?}"
        );
        // Whoever types meanwhile does not wait longer for it.
        let typed: Vec<(u64, &str)> = [(0, begun)].into_iter().chain([(300, "j"); 8]).collect();
        assert_eq!(heard_slowly(&typed).await, ["j"; 5], "{begun:?}");
        // Leaving works at once.
        assert_eq!(heard_slowly(&[(0, begun), (100, "\x03")]).await.last().unwrap(), "Ctrl-c");
        assert_eq!(heard_slowly(&[(0, begun), (100, "\x1b[A")]).await, ["Up"], "{begun:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_paste_that_stalled_is_no_command() {
    let rest = "and d y all, and so on\r\x1b[201~";
    let stalled = [(0, "\x1b[200~one\r"), (3000, rest), (0, "j")];
    assert_eq!(
        heard_slowly(&stalled).await,
        ["paste \"one\\r\"", &format!("paste {:?}", &rest[..23]), "j"]
    );
    let torn = [(0, "\x1b[200~one\r"), (3000, "j"), (100, "?")];
    assert_eq!(heard_slowly(&torn).await, ["paste \"one\\r\"", "j", "?"]);
}

/// Ten thousand streams of keys, pastes, reports and halves of them, each cut anywhere: what
/// is heard are the keys, all of them, and nothing else.
#[tokio::test(start_paused = true)]
async fn ten_thousand_streams_are_their_keys() {
    for seed in 1..=10_000 {
        let (pieces, expected) = stream(&mut Dice::new(seed), 12);
        let told = format!("seed {seed}: {pieces:?}");
        let mut keyboard = Keyboard::new(Line::new(pieces));
        for expected in expected {
            let heard = timeout(Duration::from_hours(1), keyboard.next()).await;
            assert_eq!(heard.ok().and_then(Result::ok), Some(expected), "{told}");
        }
        let more = timeout(Duration::from_hours(1), keyboard.next()).await;
        assert!(more.is_err(), "{more:?} more; {told}");
    }
}
