//! The program's own loop, seen from a dashboard on paper: time passes in it whatever else there
//! is.

use std::io;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use spot_tui::app::{Effect, Input, Message, Model};
use spot_tui::demo::Scenario;
use spot_tui::jobs::Pace;
use spot_tui::runtime::event_loop::Edge;
use spot_tui::runtime::screen::Screen;
use spot_tui::runtime::tty::Event;
use tokio::process::Command;
use tokio::time::Instant;

use crate::support::paper::Paper;
use crate::support::stage::{Stage, seldom};

const CONFIG: &str = "regions: [us-west-2: { machine_type: t3.medium }]\n\
                      budget: { max_lifetime: 10m, at_lifetime: destroy }\n\
                      replace: { enabled: true, at_most: 1, within_m: 5 }";
const STORY: &str = "running: [{ zone: us-west-2a, machine_type: t3.medium, count: 500, \
                     deployment: spot-test }]\n\
                     interruptions: [{ at_s: 60, count: 2 }]";
/// How long ten minutes are, in ticks.
const TICKS: usize = 600;

/// The program's screen, and how often its loop ticked.
#[derive(Debug)]
struct Counted {
    screen: Screen<Paper>,
    ticks: usize,
}

impl Edge for Counted {
    async fn input(&mut self) -> Message {
        self.screen.input().await
    }

    fn show(&mut self, model: &mut Model) -> io::Result<()> {
        self.screen.show(model)
    }

    async fn act(&mut self, effect: Effect, model: &Model) -> io::Result<()> {
        self.screen.act(effect, model).await
    }

    fn before(&mut self, _: &Model, message: &Message) {
        self.ticks += usize::from(*message == Message::Clock);
    }
}

/// Five hundred run, and one of them prints a line every 50 ms.
async fn five_hundred() -> Stage<Counted> {
    // On so small a screen a frame costs little.
    let edge = Counted { screen: Paper::screen(20, 5).0, ticks: 0 };
    let story = Scenario::parse(STORY).unwrap();
    let pace = Pace { notices: Duration::from_secs(20), ..seldom() };
    let mut stage = Stage::empty(CONFIG, story, pace, edge);
    // EC2 does not tell at once of what is there.
    stage.pass(5).await;
    stage.open().await;
    stage.until(30, "all are seen", |stage| stage.running().len() == 500).await;
    stage.chatter(Duration::from_millis(50));
    stage
}

/// When each job of this kind was asked for, in seconds after the world began.
fn asked(stage: &Stage<Counted>, verb: &str) -> Vec<i64> {
    let began = stage.model().fleet.instances().filter_map(|row| row.machine.as_ref());
    let began = began.map(|machine| machine.birth.launched).min().unwrap();
    let jobs = stage.model().jobs.values().filter(|job| job.verb == verb);
    jobs.map(|job| job.asked.duration_since(began).as_secs()).collect()
}

async fn ten_minutes_pass(stage: &mut Stage<Counted>) {
    let (begun, ticks) = (Instant::now(), stage.event_loop.edge.ticks);
    stage.pass(600).await;
    assert_eq!(begun.elapsed().as_secs(), 600);
    assert_eq!(stage.event_loop.edge.ticks - ticks, TICKS);
    let creates = asked(stage, "create");
    let [first, second] = creates[..] else { panic!("{creates:?}: {}", stage.log()) };
    let held = second - first;
    assert!(
        (300..=301).contains(&held),
        "{held} s: a held replacement is launched at the next tick"
    );
    let [ended] = asked(stage, "destroy")[..] else { panic!("{}", stage.log()) };
    // It is announced at the first look, some seconds after the launch, and then has its notice.
    assert!((600..=608).contains(&ended), "{ended} s: a lifetime ends at the next tick");
}

#[tokio::test(start_paused = true)]
async fn time_passes_while_reports_keep_coming() {
    let mut stage = five_hundred().await;
    ten_minutes_pass(&mut stage).await;
}

#[tokio::test(start_paused = true)]
async fn time_passes_while_the_terminal_is_lent() {
    let mut stage = five_hundred().await;
    let mut shell = Command::new("sleep");
    shell.arg("infinity");
    stage.event_loop.edge.screen.lend_to(shell);
    // The paper fails whoever draws on it now.
    ten_minutes_pass(&mut stage).await;
}

#[tokio::test(start_paused = true)]
async fn the_screen_is_back_when_the_shell_ends_and_keys_are_obeyed() {
    let (screen, keyboard) = Paper::screen(80, 24);
    let edge = Counted { screen, ticks: 0 };
    let mut stage = Stage::empty(CONFIG, Scenario::default(), Pace::default(), edge);
    stage.event_loop.edge.screen.lend_to(Command::new("true"));
    let key = KeyEvent::new(KeyCode::Char('?'), KeyModifiers::NONE);
    keyboard.send(Event::Input(Input::Key(key))).unwrap();
    // A real program ends in real time.
    tokio::time::resume();
    stage.until(60, "the screen is back", |stage| text(stage).contains("ssh: back")).await;
    stage.until(10, "the key is obeyed", |stage| text(stage).contains("keys: ")).await;
}

fn text(stage: &Stage<Counted>) -> String {
    stage.event_loop.edge.screen.tty().drawn.backend().to_string()
}
