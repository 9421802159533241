//! A terminal that reads back what the frames write, and judges it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::pending;
use std::io::{self, Write};
use std::num::NonZeroU16;
use std::rc::Rc;

use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

use crate::app::Input;
use crate::runtime::tty::{Event, Stopped, Tty};
use crate::view::{losses, shown};

/// What was written to a terminal.
#[derive(Clone, Default)]
struct Wire(Rc<RefCell<Vec<u8>>>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A terminal that reads what the frames write.
pub(super) struct Glass {
    keys: Keys,
    wire: Wire,
    screen: Terminal<CrosstermBackend<Wire>>,
    seen: vt100::Parser,
    size: (u16, u16),
}

/// What is pressed and was not heard yet.
pub(super) type Keys = Rc<RefCell<VecDeque<Event>>>;

impl Glass {
    pub(super) fn new(size: (u16, u16), keys: Keys) -> Self {
        let wire = Wire::default();
        let viewport = Viewport::Fixed(Rect::new(0, 0, size.0, size.1));
        let backend = CrosstermBackend::new(wire.clone());
        let screen = Terminal::with_options(backend, TerminalOptions { viewport }).unwrap();
        let [columns, rows] = [size.0, size.1].map(|length| NonZeroU16::new(length).unwrap());
        Self { keys, wire, screen, seen: vt100::Parser::new(rows, columns, 0), size }
    }
}

impl Tty for Glass {
    async fn next(&mut self) -> io::Result<Event> {
        // Keys are there before the loop looks.
        let Some(event) = self.keys.borrow_mut().pop_front() else { return pending().await };
        if let Event::Input(Input::Resize(columns, rows)) = event {
            *self = Self::new((columns, rows), Rc::clone(&self.keys));
        }
        Ok(event)
    }

    /// Draws a frame, and sees that the terminal shows that and nothing else, and all of it.
    fn draw(&mut self, render: impl FnOnce(&mut Frame)) -> io::Result<()> {
        let drawn = lines(self.screen.draw(render)?.buffer);
        assert_eq!(losses(self.size), [""; 0], "cut without a sign at {:?}", self.size);
        let bytes = std::mem::take(&mut *self.wire.0.borrow_mut());
        self.seen.process(&bytes);
        for (row, drawn) in self.seen.screen().rows(0, self.size.0).zip(drawn) {
            assert!(!drawn.chars().any(char::is_control), "{drawn:?}");
            assert_eq!(row.trim_end(), drawn.trim_end());
        }
        Ok(())
    }

    fn size(&self) -> io::Result<(u16, u16)> {
        Ok(self.size)
    }

    fn send(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn lend(&mut self) {}

    fn take_back(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn stop(&mut self, _: Stopped) -> io::Result<bool> {
        Ok(false)
    }
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let sign = |cell: Rect| shown(buffer[cell.as_position()].symbol());
    let line = |row: Rect| row.columns().map(sign).collect();
    buffer.area.rows().map(line).collect()
}
