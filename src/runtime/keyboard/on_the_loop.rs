//! What a terminal sends, on the program's own loop: its screen, its model, its frames, and a
//! keyboard at a line on which reports, pastes, keys and halves of them come. It holds that nothing
//! reaches the model but the keys and the pastes of the stream, that nothing panics, and that the
//! keyboard is obeyed after each stream. `make test` sends some hundred; `SPOT_STREAMS` says more.

use std::io;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::backend::TestBackend;
use ratatui::{Frame, Terminal};

use super::Keyboard;
use super::sequence::press;
use super::stream::{Dice, Line, stream};
use crate::app::{Dialog, Effect, Input, Message, Model};
use crate::runtime::event_loop::{Edge, EventLoop};
use crate::runtime::monkey::demo;
use crate::runtime::screen::Screen;
use crate::runtime::tty::{Event, Stopped, Tty};
use crate::view::Ability;

/// What is confirmed by chance is refused as too many.
const CONFIG: &str = "deployment: spot-streams\naws: { total_instances: 9 }\n\
                      regions: [us-west-2: { machine_type: t3.medium }]\n\
                      budget: { max_instances: 1 }\n";

/// A terminal that has a keyboard at a line.
#[derive(Debug)]
struct Typed {
    keyboard: Keyboard<Line>,
    drawn: Terminal<TestBackend>,
}

impl Tty for Typed {
    async fn next(&mut self) -> io::Result<Event> {
        self.keyboard.next().await.map(Event::Input)
    }

    fn draw(&mut self, render: impl FnOnce(&mut Frame)) -> io::Result<()> {
        self.drawn.draw(render).unwrap();
        Ok(())
    }

    fn size(&self) -> io::Result<(u16, u16)> {
        Ok((80, 24))
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

/// The program's screen, and what it had to say of the keyboard.
#[derive(Debug)]
struct Heard {
    screen: Screen<Typed>,
    inputs: Vec<Input>,
}

impl Edge for Heard {
    async fn input(&mut self) -> Message {
        self.screen.input().await
    }

    fn show(&mut self, model: &mut Model) -> io::Result<()> {
        self.screen.show(model)
    }

    async fn act(&mut self, effect: Effect, model: &Model) -> io::Result<()> {
        match effect {
            Effect::Copy(_)
            | Effect::CopyShell(_)
            | Effect::SignIn
            | Effect::Export { .. }
            | Effect::ExportTable(_)
            | Effect::Open(_)
            | Effect::Run(_) => Ok(()),
            harmless => self.screen.act(harmless, model).await,
        }
    }

    fn before(&mut self, _: &Model, message: &Message) {
        match message {
            Message::Input(input) => self.inputs.push(input.clone()),
            Message::Command(command) => panic!("nobody clicked for {command:?}"),
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_but_its_keys_gets_through() {
    let streams = std::env::var("SPOT_STREAMS").ok().and_then(|count| count.parse().ok());
    // The smallest in which keys are obeyed: its frames cost little.
    let window = crate::app::SMALLEST;
    let typed = Typed {
        keyboard: Keyboard::new(Line::new([])),
        drawn: Terminal::new(TestBackend::new(window.0, window.1)).unwrap(),
    };
    let ability = Ability { colours: false, unicode: true, truecolour: false, links: false };
    let screen = Screen::new(typed, ability, None, None);
    let edge = Heard { screen, inputs: Vec::new() };
    let mut event_loop = EventLoop::new(demo(CONFIG, 1, window), edge);
    for seed in 1..=streams.unwrap_or(300) {
        let (mut pieces, mut expected) = stream(&mut Dice::new(seed), 12);
        // Whatever is open is closed; then a key is obeyed.
        pieces
            .push((Duration::from_secs(12), b"\x1b[27u\x1b[27u\x1b[27u\x1b[27u\x1b[27u?".to_vec()));
        expected.extend(vec![press(KeyCode::Esc, KeyModifiers::NONE); 5]);
        expected.push(press(KeyCode::Char('?'), KeyModifiers::NONE));
        let told = format!("seed {seed}: {pieces:?}");
        event_loop.edge.screen.tty_mut().keyboard = Keyboard::new(Line::new(pieces));
        while event_loop.edge.inputs.len() < expected.len() {
            let left = event_loop.step().await.unwrap();
            assert_eq!(left, None, "{told}");
        }
        assert_eq!(std::mem::take(&mut event_loop.edge.inputs), expected, "{told}");
        let model = &mut event_loop.engine.model;
        assert!(matches!(model.dialog.take(), Some(Dialog::Help { .. })), "{told}");
        // What chance began all the same would go on for all streams to come.
        if !model.jobs.is_empty() {
            event_loop.engine = demo(CONFIG, seed, window);
        }
    }
}
