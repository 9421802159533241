//! The keyboard: what a terminal sends, as keys, pastes and moves of the mouse. Nothing else that
//! a terminal says gets through here; what it answers of its background is kept for whoever asks.

mod background;
mod bytes;
mod decoder;
#[cfg(test)]
mod on_the_loop;
mod sequence;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod tests;

use std::io;

use tokio::time::{Instant, sleep_until};

pub use bytes::{Bytes, TtyBytes};
use decoder::Decoder;

use crate::app::Input;
use crate::view::Background;

/// How much is read at once.
const CHUNK: usize = 4096;

/// A keyboard at the end of a line.
#[derive(Debug)]
pub struct Keyboard<B> {
    line: B,
    decoder: Decoder,
    /// Until when the rest of what has begun is waited for.
    due: Option<Instant>,
}

impl<B: Bytes> Keyboard<B> {
    /// A keyboard on which nothing was pressed yet.
    pub fn new(line: B) -> Self {
        Self { line, decoder: Decoder::default(), due: None }
    }

    /// What the terminal said of its background since somebody sits here.
    pub fn background(&self) -> Option<Background> {
        self.decoder.background()
    }

    /// The next thing that is pressed, pasted or clicked. Cancel-safe. An error means that the
    /// terminal is gone.
    pub async fn next(&mut self) -> io::Result<Input> {
        let mut buffer = [0; CHUNK];
        loop {
            if let Some(input) = self.decoder.next() {
                return Ok(input);
            }
            tokio::select! {
                // What has come already is not late, however long nobody looked.
                biased;
                read = self.line.read(&mut buffer) => match read? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    length => self.take(&buffer[..length]),
                },
                () = sleep_until(self.due.unwrap_or_else(Instant::now)), if self.due.is_some() => {
                    self.decoder.give_up();
                    self.due = self.decoder.timeout().map(|timeout| Instant::now() + timeout);
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let was_in_text = self.decoder.is_in_text();
        self.decoder.take(bytes);
        // Whoever types into a text that does not end gets the keyboard back.
        let is_typed = str::from_utf8(bytes).is_ok_and(|text| text.chars().count() == 1);
        if !(is_typed && was_in_text && self.decoder.is_in_text()) {
            self.due = self.decoder.timeout().map(|timeout| Instant::now() + timeout);
        }
    }
}
