//! The dashboard's loop: input first, then messages in batches, and at most one frame per 16 ms
//! for them. The last frame of a burst is always drawn; nothing wakes when nothing moves but one
//! clock tick a second while an age is on the screen.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use tokio::time::{Instant, sleep_until};

use super::engine::{Engine, Wish};
use super::signals::Signals;
use super::terminal::Terminal;
use crate::app::{Exit, Input, Message, Signal};
use crate::view::{self, HitMap, Theme};

/// The least time between two frames that no key asked for.
const FRAME: Duration = Duration::from_millis(16);
/// The pace at which ages on the screen grow.
const TICK: Duration = Duration::from_secs(1);
/// Messages taken up between two looks at the keyboard.
const BATCH: usize = 256;

/// Runs the dashboard until the user leaves.
pub(super) async fn run(
    engine: &mut Engine,
    terminal: &mut Terminal,
    signals: &mut Signals,
    theme: &Theme,
) -> io::Result<Exit> {
    let mut hits = draw(engine, terminal, theme)?;
    let mut drawn = Instant::now();
    let mut stale = false;
    loop {
        let ages = engine.model.ages();
        let message = tokio::select! {
            biased;
            input = terminal.next() => match input {
                // What lies under the mouse is known to the last frame alone.
                Ok(Input::Mouse(mouse)) => match hits.command(mouse) {
                    Some(command) => Message::Command(command),
                    None => continue,
                },
                Ok(input) => Message::Input(input),
                // The signal may be on its way, or never come.
                Err(_) => Message::Signal(Signal::HangUp),
            },
            signal = signals.next() => Message::Signal(signal),
            () = sleep_until(drawn + FRAME), if stale => {
                hits = draw(engine, terminal, theme)?;
                drawn = Instant::now();
                stale = false;
                continue;
            }
            message = engine.next() => message,
            () = sleep_until(drawn + TICK), if ages => Message::Clock,
        };
        let at_once = !matches!(message, Message::Report(_) | Message::Stored(_));
        if let Some(exit) = take(engine, terminal, message)? {
            return Ok(exit);
        }
        for _ in 0..BATCH {
            let Some(message) = engine.try_next() else { break };
            if let Some(exit) = take(engine, terminal, message)? {
                return Ok(exit);
            }
        }
        if let Some(message) = engine.dropped() {
            take(engine, terminal, message)?;
        }
        stale = true;
        if at_once {
            hits = draw(engine, terminal, theme)?;
            drawn = Instant::now();
            stale = false;
        }
    }
}

/// One message through the engine; what it wishes of the terminal is done here.
fn take(
    engine: &mut Engine,
    terminal: &mut Terminal,
    message: Message,
) -> io::Result<Option<Exit>> {
    for wish in engine.handle(message) {
        match wish {
            Wish::Quit(exit) => return Ok(Some(exit)),
            Wish::Suspend => {
                terminal.suspend()?;
                // Nobody but the shell was told of another size meanwhile.
                let (columns, rows) = terminal.size()?;
                engine.handle(Message::Input(Input::Resize(columns, rows)));
            }
            Wish::Copy(text) => {
                // OSC 52: the terminal's own clipboard, also over ssh.
                let text = base64::engine::general_purpose::STANDARD.encode(text);
                terminal.send(format!("\x1b]52;c;{text}\x07").as_bytes())?;
            }
        }
    }
    Ok(None)
}

fn draw(engine: &mut Engine, terminal: &mut Terminal, theme: &Theme) -> io::Result<HitMap> {
    tui_logger::move_events();
    engine.model.settle();
    let mut hits = HitMap::default();
    terminal.draw(|frame| hits = view::render(&engine.model, theme, frame))?;
    Ok(hits)
}
