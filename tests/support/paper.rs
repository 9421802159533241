//! A terminal of paper: keys come from the story, frames go into ratatui's test backend. Behind the
//! program's own screen it is all that a story needs to sit at the dashboard.

use std::future::pending;
use std::io;

use ratatui::backend::TestBackend;
use ratatui::{Frame, Terminal};
use spot_tui::runtime::screen::Screen;
use spot_tui::runtime::tty::{Event, Stopped, Tty};
use spot_tui::view::Ability;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The terminal: its keys, and what was drawn.
#[derive(Debug)]
pub(crate) struct Paper {
    keys: UnboundedReceiver<Event>,
    pub(crate) drawn: Terminal<TestBackend>,
    pub(crate) frames: usize,
    is_lent: bool,
}

impl Paper {
    /// A screen on paper of this size, and what presses its keys.
    pub(crate) fn screen(width: u16, height: u16) -> (Screen<Self>, UnboundedSender<Event>) {
        let (keyboard, keys) = unbounded_channel();
        let drawn = Terminal::new(TestBackend::new(width, height)).unwrap();
        let paper = Self { keys, drawn, frames: 0, is_lent: false };
        let ability = Ability { colours: false, unicode: true, truecolour: false, links: false };
        (Screen::new(paper, ability, None, None), keyboard)
    }
}

impl Tty for Paper {
    async fn next(&mut self) -> io::Result<Event> {
        if self.is_lent {
            return pending().await;
        }
        // A story that has no more keys does not hang up.
        match self.keys.recv().await {
            Some(event) => Ok(event),
            None => pending().await,
        }
    }

    fn draw(&mut self, render: impl FnOnce(&mut Frame)) -> io::Result<()> {
        assert!(!self.is_lent, "somebody else has the terminal");
        self.frames += 1;
        self.drawn.draw(render).unwrap();
        Ok(())
    }

    fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.drawn.size().unwrap();
        Ok((size.width, size.height))
    }

    fn send(&mut self, _: &[u8]) -> io::Result<()> {
        assert!(!self.is_lent, "somebody else has the terminal");
        Ok(())
    }

    fn lend(&mut self) {
        self.is_lent = true;
    }

    fn take_back(&mut self) -> io::Result<()> {
        self.is_lent = false;
        Ok(())
    }

    fn stop(&mut self, _: Stopped) -> io::Result<bool> {
        Ok(true)
    }
}
