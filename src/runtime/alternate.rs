//! The state of a terminal that shows a screen: raw mode, the alternate screen and their kin.
//!
//! [`leave`] undoes everything that [`enter`] did, needs nothing in hand, may be called twice, and
//! ignores errors: it runs on the normal way out, after an error, at a signal and in the panic hook.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste};
use crossterm::terminal::{EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, terminal};

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
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
}

/// Gives the terminal back as it was.
pub(super) fn leave() {
    if !HELD.swap(false, Ordering::SeqCst) {
        return;
    }
    // Whatever of it fails, the rest is worth trying: the terminal may be gone.
    let mut out = io::stdout();
    let _ = execute!(out, EndSynchronizedUpdate, DisableMouseCapture, DisableBracketedPaste);
    let _ = execute!(out, LeaveAlternateScreen, cursor::Show);
    let _ = terminal::disable_raw_mode();
}
