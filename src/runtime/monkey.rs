//! A monkey at the keyboard of the demo: random keys, weighted to what creates and destroys, the
//! words that confirm, and random sizes. The cloud, the SSH, the loop, its screen and the frames are
//! the program's own; what the frames write is read back by a terminal of its own.
//!
//! It holds that nothing is destroyed which nobody confirmed, that all that was confirmed is gone
//! in the end, that the terminal shows what was drawn, and that no text of it is cut without a sign.
//! `make test` lets it press some hundred keys; `SPOT_MONKEY_MINUTES` lets it go on for so long, with
//! a seed that it prints.

mod glass;

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Parser;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use tokio::time::timeout_at;

use super::engine::Engine;
use super::environment::Environment;
use super::event_loop::{Edge, EventLoop};
use super::recall::Want;
use super::screen::Screen;
use super::startup::{self, read_config};
use super::tty::Event;
use crate::app::keymap::Context;
use crate::app::{Action, Command, Dialog, Effect, Input, Message, Model, Scope};
use crate::cli::Cli;
use crate::fleet::{InstanceId, InstanceKey, Phase};
use crate::view::Ability;
use glass::{Glass, Keys};

const CONFIG: &str = "deployment: spot-monkey\naws: { total_instances: 3 }\nregions:\n  \
    - us-west-2: { machine_type: t3.medium }\n  - eu-west-1: { machine_type: t3.medium }\n  \
    - sa-east-1: { machine_type: t3.medium }\nreboot: false\n";

/// Keys that the short run presses.
const KEYS: usize = 300;
/// Beyond so many rows nothing more is created: the monkey shall stay quick.
const ROWS: usize = 40;

/// A small generator: xorshift64*.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let rolled = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(rolled).unwrap() % sides
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }
}

/// The program's screen, as far as it does no harm to whoever runs the tests: nothing goes to a
/// clipboard or to a file.
struct Caged(Screen<Glass>);

impl Edge for Caged {
    async fn input(&mut self) -> Message {
        self.0.input().await
    }

    fn show(&mut self, model: &mut Model) -> io::Result<()> {
        self.0.show(model)
    }

    async fn act(&mut self, effect: Effect, model: &Model) -> io::Result<()> {
        match effect {
            Effect::Copy(_)
            | Effect::CopyShell(_)
            | Effect::Shell(_)
            | Effect::SignIn
            | Effect::Export { .. }
            | Effect::ExportTable(_)
            | Effect::Open(_)
            | Effect::Run(_) => Ok(()),
            harmless => self.0.act(harmless, model).await,
        }
    }
}

/// What the monkey did, and what came of it.
#[derive(Debug, Default)]
struct Tally {
    keys: usize,
    sizes: usize,
    /// Of the mouse.
    moves: usize,
    created: usize,
    opened: usize,
    confirmed: usize,
    refused: usize,
    /// Questions that closed themselves.
    closed: usize,
    /// Instances that a confirmed dialog named or covered when it was answered: they have to go.
    doomed: BTreeSet<InstanceId>,
    /// Those, and what a covered row came to be until the answer was taken up: they may go.
    allowed: BTreeSet<InstanceId>,
    /// Instances that are on their way out, or gone.
    destroyed: BTreeSet<InstanceId>,
}

struct Monkey {
    dice: Dice,
    event_loop: EventLoop<Caged>,
    keys: Keys,
    tally: Tally,
    /// Confirmed dialogs of whole regions whose work may go on: what comes to be there meanwhile
    /// goes as well.
    scopes: Vec<Scope>,
    /// Rows in whose place a fresh instance was confirmed: they may go once that is ready.
    retried: BTreeSet<InstanceKey>,
    /// Whether a question stood open after the last key.
    is_asked: bool,
}

impl Monkey {
    fn model(&self) -> &Model {
        &self.event_loop.engine.model
    }

    /// Presses a key, and takes down what became of a question about destroying.
    async fn press(&mut self, code: KeyCode) {
        self.tally.keys += 1;
        self.see_closed();
        let before = self.model().dialog.clone();
        // What else the loop takes up together with the key comes after it.
        let meant = match &before {
            Some(Dialog::Confirm(form)) => self.rows_in(&form.scope),
            _ => Vec::new(),
        };
        self.happen(Input::Key(KeyEvent::new(code, KeyModifiers::NONE))).await;
        let is_open = |dialog: &Option<Dialog>| matches!(dialog, Some(Dialog::Confirm(_)));
        match (before, is_open(&self.model().dialog)) {
            (Some(Dialog::Confirm(mut form)), false) => {
                // `y` goes to Yes and accepts it.
                form.yes |= code == KeyCode::Char('y');
                if matches!(code, KeyCode::Enter | KeyCode::Char('y')) && form.is_confirmed() {
                    self.tally.confirmed += 1;
                    if matches!(form.action, Action::Destroy | Action::Nuke) {
                        self.doom(meant, form.scope);
                    } else if form.action == Action::Retry
                        && let Scope::Instances(keys) = form.scope
                    {
                        self.retried.extend(keys);
                    }
                } else {
                    self.tally.refused += 1;
                }
            }
            (Some(Dialog::Confirm(_)), true) | (_, false) => {}
            (_, true) => self.tally.opened += 1,
        }
        self.is_asked = is_open(&self.model().dialog);
        self.watch();
    }

    /// A question closes itself where nothing is found that it could be about.
    fn see_closed(&mut self) {
        let is_open = matches!(self.model().dialog, Some(Dialog::Confirm(_)));
        if std::mem::replace(&mut self.is_asked, is_open) && !is_open {
            self.tally.closed += 1;
        }
    }

    /// Does something at the terminal, and goes on until the loop has heard of it.
    async fn happen(&mut self, input: Input) {
        self.keys.borrow_mut().push_back(Event::Input(input));
        while !self.keys.borrow().is_empty() {
            self.step().await;
        }
    }

    async fn step(&mut self) {
        let left = self.event_loop.step().await.unwrap();
        assert_eq!(left, None, "leaving ends the game");
    }

    /// What a confirmed dialog meant has to go, and what it means now may.
    fn doom(&mut self, meant: Vec<InstanceId>, scope: Scope) {
        self.tally.allowed.extend(self.rows_in(&scope));
        self.tally.allowed.extend(meant.iter().cloned());
        self.tally.doomed.extend(meant);
        if !matches!(scope, Scope::Instances(_)) {
            self.scopes.push(scope);
        }
    }

    /// Everything in a scope that is there.
    fn rows_in(&self, scope: &Scope) -> Vec<InstanceId> {
        let rows = self.model().fleet.instances().filter(|row| match scope {
            Scope::Instances(keys) => keys.contains(&row.key),
            Scope::Region(region) => row.region == *region,
            Scope::All | Scope::Account(..) => true,
        });
        rows.filter_map(|row| row.id().cloned()).collect()
    }

    /// Sees what is on its way out, and that somebody wanted it.
    fn watch(&mut self) {
        let model = &self.event_loop.engine.model;
        for row in model.fleet.instances() {
            let Some(id) =
                row.id().filter(|_| matches!(row.phase, Phase::Terminating | Phase::Terminated))
            else {
                continue;
            };
            let covered = self.scopes.iter().any(|scope| match scope {
                Scope::Region(region) => row.region == *region,
                _ => true,
            });
            if covered {
                self.tally.allowed.insert(id.clone());
                self.tally.doomed.insert(id.clone());
            }
            if self.retried.contains(&row.key) {
                self.tally.allowed.insert(id.clone());
            }
            assert!(self.tally.allowed.contains(id), "nobody wanted {id} to go");
            self.tally.destroyed.insert(id.clone());
        }
        if !model.does(crate::fleet::JobKind::Destroy) {
            self.scopes.clear();
        }
    }

    /// One thing that a monkey does.
    async fn act(&mut self) {
        const SIZES: [(u16, u16); 9] = [
            (80, 24),
            (140, 40),
            (200, 60),
            (60, 15),
            (100, 30),
            (59, 14),
            (1, 1),
            (250, 70),
            (99, 20),
        ];
        if self.dice.roll(60) == 0 {
            let (columns, rows) = *self.dice.pick(&SIZES);
            self.tally.sizes += 1;
            self.happen(Input::Resize(columns, rows)).await;
            return;
        }
        if self.dice.roll(8) == 0 && self.may_point() {
            self.point().await;
            return;
        }
        match self.model().dialog.clone() {
            Some(Dialog::Confirm(form)) => {
                self.answer(form.word.as_deref()).await;
            }
            Some(Dialog::Create(form)) => {
                let much = self.model().fleet.len() > ROWS;
                let few = form.total() <= 6;
                match self.dice.roll(8) {
                    0 => self.press(KeyCode::Esc).await,
                    1 => self.press(KeyCode::Down).await,
                    2 => self.press(KeyCode::Char('1')).await,
                    _ if much || !few => self.press(KeyCode::Esc).await,
                    _ => {
                        for code in [KeyCode::Enter, KeyCode::Right, KeyCode::Enter] {
                            self.press(code).await;
                        }
                        self.tally.created += 1;
                    }
                }
            }
            // The monkey does not leave.
            Some(Dialog::Quit(_) | Dialog::Menu(_)) => self.press(KeyCode::Esc).await,
            Some(Dialog::Palette(_)) => self.type_command().await,
            _ => self.play().await,
        }
    }

    /// Whether the mouse may go anywhere now: where something is confirmed, keys do that.
    fn may_point(&self) -> bool {
        match &self.model().dialog {
            None => true,
            Some(dialog) => matches!(
                dialog,
                Dialog::Help { .. } | Dialog::Columns(_) | Dialog::Palette(_) | Dialog::Strip(_)
            ),
        }
    }

    /// Clicks, draws or turns the wheel somewhere above the footer, which would lead out.
    async fn point(&mut self) {
        let (columns, rows) = self.model().size;
        let column = u16::try_from(self.dice.roll(usize::from(columns.max(1)))).unwrap();
        let row = u16::try_from(self.dice.roll(usize::from(rows.max(2)) - 1)).unwrap();
        let left = MouseButton::Left;
        let kinds = [
            MouseEventKind::Down(left),
            MouseEventKind::Down(left),
            MouseEventKind::Drag(left),
            MouseEventKind::Up(left),
            MouseEventKind::ScrollDown,
            MouseEventKind::ScrollUp,
        ];
        let kind = *self.dice.pick(&kinds);
        self.tally.moves += 1;
        self.see_closed();
        let modifiers = KeyModifiers::NONE;
        self.happen(Input::Mouse(MouseEvent { kind, column, row, modifiers })).await;
        self.watch();
    }

    /// Answers a question about destroying, rightly or not.
    async fn answer(&mut self, word: Option<&str>) {
        let right = self.dice.roll(3) == 0;
        match (word, right) {
            (Some(word), true) => self.write(word).await,
            (Some(_), false) => {
                let wrong = *self.dice.pick(&["", "y", "yes", "0", "al", "ALL", "1"]);
                self.write(wrong).await;
            }
            (None, true) if self.dice.roll(2) == 0 => self.press(KeyCode::Char('y')).await,
            (None, true) => self.press(KeyCode::Right).await,
            (None, false) if self.dice.roll(2) == 0 => self.press(KeyCode::Char('n')).await,
            (None, false) => {}
        }
        self.press(KeyCode::Enter).await;
        if matches!(self.model().dialog, Some(Dialog::Confirm(_))) {
            self.press(KeyCode::Esc).await;
        }
    }

    async fn write(&mut self, word: &str) {
        for letter in word.chars() {
            self.press(KeyCode::Char(letter)).await;
        }
    }

    async fn type_command(&mut self) {
        let word = *self.dice.pick(&[
            "sort age",
            "exec uptime",
            "theme light",
            "columns phase region",
            "filter -x",
            "des",
            "zzz",
            "map",
            "columns",
            "save one",
            "view one",
            "unsave one",
            "events since:1h kind:reclaimed",
            "filter age:>1m cpu:<50",
            "filter us",
            "mark-all",
        ]);
        self.write(word).await;
        let end = *self.dice.pick(&[KeyCode::Enter, KeyCode::Tab, KeyCode::Esc, KeyCode::Down]);
        self.press(end).await;
        if matches!(self.model().dialog, Some(Dialog::Palette(_))) {
            self.press(KeyCode::Esc).await;
        }
    }

    /// Any key of what has the keyboard, some more often than others.
    async fn play(&mut self) {
        let often = [
            KeyCode::Char('c'),
            KeyCode::Char('d'),
            KeyCode::Char('d'),
            KeyCode::Char('d'),
            KeyCode::Char('D'),
            KeyCode::Char('R'),
            KeyCode::Char(' '),
            KeyCode::Char(' '),
            KeyCode::Char('a'),
            KeyCode::Char('v'),
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::Esc,
            KeyCode::Down,
            KeyCode::Up,
            KeyCode::PageDown,
            KeyCode::Char(':'),
        ];
        let code = if self.dice.roll(3) > 0 {
            *self.dice.pick(&often)
        } else {
            let printable = u8::try_from(0x20 + self.dice.roll(0x5f)).unwrap();
            KeyCode::Char(printable.into())
        };
        // Leaving at once while nothing is under way would end the game.
        let leaves = code == KeyCode::Char('q') && self.model().changing().next().is_none();
        let types = matches!(self.model().context(), Context::Filter | Context::Search);
        if !leaves || types {
            self.press(code).await;
        }
    }

    /// Lets the cloud's time pass.
    async fn wait(&mut self, length: Duration) {
        let until = tokio::time::Instant::now() + length;
        while timeout_at(until, self.step()).await.is_ok() {
            self.watch();
        }
    }

    /// Closes what is open and waits until nothing changes anything any more.
    async fn come_to_rest(&mut self) {
        while self.model().dialog.is_some() {
            self.press(KeyCode::Esc).await;
        }
        self.see_closed();
        for _ in 0..3600 {
            if self.model().changing().next().is_none() {
                break;
            }
            self.wait(Duration::from_secs(1)).await;
        }
        // One more look at all regions.
        self.event_loop.engine.handle(Message::Command(Command::Refresh));
        self.wait(Duration::from_mins(2)).await;
    }
}

/// The engine of a demo with this configuration.
pub(super) fn demo(config: &str, seed: u64, window: (u16, u16)) -> Engine {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, config).unwrap();
    let seed_text = (seed % 1000).to_string();
    let words = ["spot-tui", "--demo", "--seed", &seed_text, "--config", file.to_str().unwrap()];
    // The program's own chance, in its pauses.
    fastrand::seed(seed);
    let environment = Environment::open(Cli::try_parse_from(words).unwrap().global).unwrap();
    let config = read_config(&environment).unwrap();
    let open = startup::open(&environment, config, Want::WriteIfFree, Some(window)).unwrap();
    // The folder of the demo, and its lock, live as long as the process.
    std::mem::forget((environment, open.lock));
    open.engine
}

/// A monkey before a demo of its own.
fn monkey(seed: u64) -> Monkey {
    let window = (140, 40);
    let engine = demo(CONFIG, seed, window);
    let keys = Keys::default();
    let ability = Ability { colours: true, unicode: true, truecolour: true, links: true };
    let screen = Screen::new(Glass::new(window, Rc::clone(&keys)), ability, None, None);
    let mut event_loop = EventLoop::new(engine, Caged(screen));
    event_loop.engine.handle(Message::Command(Command::Refresh));
    Monkey {
        dice: Dice(seed | 1),
        event_loop,
        keys,
        tally: Tally::default(),
        scopes: Vec::new(),
        retried: BTreeSet::new(),
        is_asked: false,
    }
}

#[tokio::test(start_paused = true)]
async fn a_monkey_does_no_harm() {
    let minutes = std::env::var("SPOT_MONKEY_MINUTES").ok().and_then(|text| text.parse().ok());
    let length = minutes.map(|minutes: u64| Duration::from_secs(60 * minutes));
    let seed = length.map_or(7, |_| u64::from(std::process::id()) * 7919);
    let began = Instant::now();
    let mut monkey = monkey(seed);
    monkey.wait(Duration::from_secs(20)).await;
    let goes_on = |tally: &Tally| match length {
        Some(length) => began.elapsed() < length,
        None => tally.keys < KEYS,
    };
    while goes_on(&monkey.tally) {
        monkey.act().await;
        let pause = Duration::from_millis(100 + 40 * monkey.dice.roll(100) as u64);
        monkey.wait(pause).await;
    }
    monkey.come_to_rest().await;
    let tally = &monkey.tally;
    let left = |id: &&InstanceId| {
        monkey.model().fleet.by_id(id).is_some_and(|row| row.phase != Phase::Terminated)
    };
    let left: Vec<&InstanceId> = tally.doomed.iter().filter(left).collect();
    let report = format!(
        "seed {seed}: {} keys, {} moves of the mouse, {} sizes, {} creates; destroy dialogs: {} opened, {} confirmed, \
         {} refused; instances: {} confirmed, {} destroyed, {} confirmed and still there",
        tally.keys,
        tally.moves,
        tally.sizes,
        tally.created,
        tally.opened,
        tally.confirmed,
        tally.refused,
        tally.doomed.len(),
        tally.destroyed.len(),
        left.len(),
    );
    // Shown by `--nocapture`.
    writeln!(io::stdout(), "{report}").unwrap();
    assert_eq!(tally.opened, tally.confirmed + tally.refused + tally.closed, "{report}");
    let told = monkey.model().log.events().lines().map(ToString::to_string);
    let told: Vec<String> = told.collect();
    assert!(left.is_empty(), "{report}: {left:?}\n{}", told.join("\n"));
    assert!(tally.confirmed > 0 && tally.refused > 0, "{report}");
}
