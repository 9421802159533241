//! The state of a terminal that shows a screen: raw mode, the alternate screen and their kin.
//!
//! [`leave`] undoes everything that [`enter`] did, needs nothing in hand, may be called twice, and
//! ignores errors: it runs on the normal way out, after an error, at a signal and in the panic hook.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste};
use crossterm::style::Print;
use crossterm::terminal::{EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, terminal};

/// Undoes what a program that crashed may have left on, and would have keys come in another form
/// than is asked for below: application keys (1, DECKPAM), the mouse in all its forms, reports of
/// focus, of colours, and of sizes, Windows' own keys, modifyOtherKeys, and kitty's.
const RESET: &str = "\x1b[?1l\x1b>\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l\
                     \x1b[?1016l\x1b[?1004l\x1b[?2031l\x1b[?2048l\x1b[?9001l\x1b[>4;0m\x1b[=0u";
/// Kitty's protocol, where it is known: an Esc that is no beginning of anything (1), and which key
/// it was in another layout (4). Pushed, so that leaving can take it away again.
const KITTY: (&str, &str) = ("\x1b[>5u", "\x1b[<u");

/// Asks for the colour of the background. The keyboard reads the answer, whenever it comes.
const ASK_BACKGROUND: &str = "\x1b]11;?\x1b\\";
/// The window's title: kept, and brought back (XTWINOPS).
const TITLE: (&str, &str) = ("\x1b[22;2t", "\x1b[23;2t");

/// Whether this process holds the screen. The panic hook asks.
static HELD: AtomicBool = AtomicBool::new(false);

/// Whether the screen is held now, so that nothing else may be printed.
pub(super) fn is_held() -> bool {
    HELD.load(Ordering::SeqCst)
}

/// Takes the screen and the keyboard.
pub(super) fn enter() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    HELD.store(true, Ordering::SeqCst);
    let mut out = io::stdout();
    // The alternate screen has modes of its own in some terminals: it comes first.
    execute!(out, EnterAlternateScreen, Print(RESET), Print(KITTY.0))?;
    execute!(out, Print(TITLE.0), EnableBracketedPaste, cursor::Hide, Print(ASK_BACKGROUND))
}

/// Gives the terminal back as it was.
pub(super) fn leave() {
    if !HELD.swap(false, Ordering::SeqCst) {
        return;
    }
    // Whatever of it fails, the rest is worth trying: the terminal may be gone.
    let mut out = io::stdout();
    let _ = execute!(out, EndSynchronizedUpdate, DisableMouseCapture, DisableBracketedPaste);
    let _ = execute!(out, Print(TITLE.1), Print(KITTY.1), LeaveAlternateScreen, cursor::Show);
    let _ = terminal::disable_raw_mode();
}
