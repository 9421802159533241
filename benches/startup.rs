//! What the user waits for, and what the program costs while he does not: measured on the real
//! binary in a pseudo-terminal, and on frames drawn in this process.
//!
//! The AWS endpoint is a listener on loopback that accepts and never answers, so nothing here
//! depends on a network. It prints numbers beside their targets and judges none of them: a busy
//! machine is no reason to fail. Processes are looked at in /proc, that is on Linux alone.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot be taken has no number")]

#[path = "../tests/support/paper.rs"]
mod paper;
mod table;

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::KeyCode;
use jiff::Timestamp;
use portable_pty::{Child, MasterPty, PtySize, native_pty_system};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::{Value, json};
use spot_tui::app::{
    Command, Input, LogLine, Message, Model, Opening, Pane, PanelsCommand, Remembered, Stamped,
    View, read_lines, update,
};
use spot_tui::aws::Access;
use spot_tui::fleet::{Fleet, InstanceKey, InstanceNews, JobId, News, Phase, Report, Upkeep};
use spot_tui::jobs::{Context, ContextSettings, ReportSender, Reporter, questions, report_channel};
use spot_tui::runtime::engine::Engine;
use spot_tui::runtime::event_loop::{Edge, EventLoop};
use spot_tui::runtime::tty::Event;
use spot_tui::store::{Cache, StoredInstance};
use spot_tui::view::{Theme, render};
use tempfile::TempDir;

use paper::Paper;
use table::{PROGRAM, cpu_time, dashboard, print, status};

const COLUMNS: u16 = 200;
const ROWS: u16 = 50;
/// What every frame shows, in its header. A frame is written whole, with the rows of the state file.
const TITLE: &str = "spot-tui";
/// Runs of which a median is taken.
const RUNS: usize = 20;
/// How long a process is given to show what it is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time over which an idle process is watched.
const IDLE: Duration = Duration::from_secs(10);

fn main() {
    let endpoint = silent_endpoint();
    first_frame(&endpoint);
    idle(&endpoint);
    validate();
    memory(&endpoint);
    frames();
    panes();
    views();
    keys_in_a_stream();
}

/// Median and worst.
fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let worst = times.last().copied().unwrap_or_default();
    format!("median {:.1} ms, worst {:.1} ms", ms(times[times.len() / 2]), ms(worst))
}

/// Accepts every connection, holds it open and says nothing, for as long as the process lives.
fn silent_endpoint() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let held: Vec<_> = listener.incoming().collect();
        drop(held);
    });
    endpoint
}

/// A folder with a configuration and a state file of so many instances, all seen ready.
fn folder(instances: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("config.yaml"),
        "regions:\n  - us-west-2:\n      machine_type: t3.medium\n",
    )
    .unwrap();
    if instances > 0 {
        let entries: Vec<Value> = (0..instances).map(entry).collect();
        let state = json!({"version": 1, "deployment": "spot-bench", "instances": entries});
        fs::write(folder.path().join("instances.json"), state.to_string()).unwrap();
    }
    folder
}

/// One instance as the state file has it.
fn entry(number: usize) -> Value {
    const REGIONS: [&str; 4] = ["us-west-2", "eu-west-1", "ap-southeast-2", "sa-east-1"];
    let region = REGIONS[number % REGIONS.len()];
    let address =
        |net: u8| format!("{net}.{}.{}.{}", number >> 16, number >> 8 & 255, number & 255);
    json!({
        "id": format!("i-{number:017x}"),
        "region": region,
        "type": "t3.medium",
        "zone": format!("{region}a"),
        "public_ip": address(54),
        "private_ip": address(10),
        "state": "running",
        "created": "2026-11-20T09:00:00Z",
        "deployment_id": "spot-bench",
        "creator": "alice",
        "phase": {"is": "ready"},
        "since": "2026-11-20T09:03:00Z",
    })
}

/// The program in a pseudo-terminal.
struct Session {
    child: Box<dyn Child + Send + Sync>,
    started: Instant,
    output: Receiver<(Instant, Vec<u8>)>,
    screen: vt100::Parser,
    _terminal: Box<dyn MasterPty + Send>,
    // It works in this folder.
    _folder: TempDir,
}

impl Session {
    /// Starts the dashboard with so many instances in its state file.
    fn start(endpoint: &str, instances: usize) -> Self {
        let folder = folder(instances);
        let size = PtySize { rows: ROWS, cols: COLUMNS, ..PtySize::default() };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 1 << 14];
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                if sender.send((Instant::now(), bytes[..read].to_vec())).is_err() {
                    return;
                }
            }
        });
        let command = dashboard(endpoint, folder.path());
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        let [rows, columns] = [ROWS, COLUMNS].map(|size| NonZero::new(size).unwrap());
        let screen = vt100::Parser::new(rows, columns, 0);
        Self { child, started, output, screen, _terminal: pair.master, _folder: folder }
    }

    /// The time from exec to the moment at which the screen showed text of ours.
    fn first_frame(&mut self) -> Duration {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok((at, bytes)) => {
                    self.screen.process(&bytes);
                    if self.screen.screen().contents().contains(TITLE) {
                        return at - self.started;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no frame:\n{}", self.screen.screen().contents())
                }
            }
        }
    }

    fn process(&self) -> PathBuf {
        Path::new("/proc").join(self.child.process_id().unwrap().to_string())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn first_frame(endpoint: &str) {
    for instances in [0, 500] {
        let times = (0..RUNS).map(|_| Session::start(endpoint, instances).first_frame()).collect();
        let what = format!("first frame from exec, {instances} instances");
        print(&what, &spread(times), "under 50 ms");
    }
}

fn idle(endpoint: &str) {
    let mut session = Session::start(endpoint, 500);
    session.first_frame();
    // What starts up is not idle yet.
    thread::sleep(Duration::from_secs(2));
    let process = session.process();
    let (begin, cpu, switches) = (Instant::now(), cpu_time(&process), switches(&process));
    thread::sleep(IDLE);
    let seconds = begin.elapsed().as_secs_f64();
    let cpu = (cpu_time(&process) - cpu) / seconds * 100.0;
    let switches = (self::switches(&process) - switches) / seconds;
    // The timer, the loop and the terminal take turns: about four switches a wake-up.
    let measured = format!("{cpu:.2} % of a core, {switches:.1} switches/s of all threads");
    print("idle with 500 instances on the screen", &measured, "under 0.3 %, once a second");
}

/// How often the threads of a process went to sleep by themselves.
fn switches(process: &Path) -> f64 {
    let threads = fs::read_dir(process.join("task")).unwrap();
    threads.map(|thread| status(&thread.unwrap().path(), "voluntary_ctxt_switches")).sum()
}

fn validate() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/configs/invalid/five-mistakes.yaml");
    let run = || {
        let started = Instant::now();
        let mut child = Process::new(PROGRAM)
            .args(["validate", "--config", config])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(2));
        started.elapsed()
    };
    let times = (0..RUNS).map(|_| run()).collect();
    print("validate, five mistakes, exec to exit", &spread(times), "under 100 ms");
}

fn memory(endpoint: &str) {
    let mut session = Session::start(endpoint, 10_000);
    session.first_frame();
    let resident = status(&session.process(), "VmRSS") / 1024.0;
    print("resident with 10,000 instances", &format!("{resident:.0} MiB"), "under 60 MB");
}

/// Draws, and takes up a report that changes a phase, with fleets of three sizes.
fn frames() {
    let sizes = [500, 10_000, 100_000];
    let mut models: Vec<Model> = sizes.into_iter().map(model).collect();
    let drawn: Vec<f64> = models.iter().map(frame_time).collect();
    for (size, time) in sizes.iter().zip(&drawn) {
        let measured = format!("{time:.3} ms, {:.2} times that of 10000", time / drawn[1]);
        let target = if *size > sizes[1] { "within 2 times" } else { "under 2 ms" };
        print(&format!("frame of {COLUMNS}x{ROWS}, {size} instances"), &measured, target);
    }
    for (size, model) in sizes.iter().zip(&mut models) {
        let [taken_up, sorted] = report_time(model);
        let measured = format!("{taken_up:.3} ms, sorted for the next frame in {sorted:.3} ms");
        print(&format!("a phase changes, {size} instances"), &measured, "");
    }
}

fn model(instances: usize) -> Model {
    Model::new(opening(instances))
}

/// With so many instances, all seen ready.
fn opening(instances: usize) -> Opening {
    let now: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
    let mut fleet = Fleet::default();
    for number in 0..instances {
        let entry: StoredInstance = serde_json::from_value(entry(number)).unwrap();
        fleet.insert(entry.instance(now));
    }
    Opening {
        config: None,
        deployment: "spot-bench".into(),
        fleet,
        upkeep: Upkeep::default(),
        pending_creates: Vec::new(),
        destroys: Vec::new(),
        read_only: None,
        dashboard: true,
        now,
        size: (COLUMNS, ROWS),
        visits: None,
        signs_in_here: false,
        remembered: Remembered::default(),
        past: Vec::new(),
    }
}

/// Frames with each pane beside the table, with 10,000 instances.
fn panes() {
    let mut model = model(10_000);
    for (name, pane) in [
        ("details", Pane::Details),
        ("map", Pane::Map),
        ("prices", Pane::Prices),
        ("events", Pane::Events),
    ] {
        model.panels.side = Some(pane);
        let what = format!("the same with {name}, 10000 instances");
        print(&what, &format!("{:.3} ms", frame_time(&model)), "under 2 ms");
    }
}

/// Frames of each view on the whole screen, with 10,000 instances and as many events as are kept.
fn views() {
    let mut model = Model::new(Opening { past: events(), ..opening(10_000) });
    for (name, command) in [
        ("rows", PanelsCommand::Show(View::Rows)),
        ("regions", PanelsCommand::Show(View::Regions)),
        ("grid", PanelsCommand::Show(View::Grid)),
        ("map", PanelsCommand::OpenWhole(Pane::Map)),
        ("prices", PanelsCommand::OpenWhole(Pane::Prices)),
        ("events", PanelsCommand::OpenWhole(Pane::Events)),
    ] {
        let (at, message) = (model.now, Message::Command(Command::Panels(command)));
        drop(update(&mut model, Stamped { at, message }));
        let what = format!("the view {name}, 10000 instances");
        print(&what, &format!("{:.3} ms", frame_time(&model)), "under 1 ms");
    }
}

/// As many events as are kept from an earlier run.
fn events() -> Vec<LogLine> {
    let line = |number: usize| {
        json!({"at": "2026-11-20T09:59:00Z", "level": "warning", "kind": "interrupted",
            "about": format!("i-{number:017x} @ 54.0.0.1"), "text": "interruption notice"})
    };
    let lines: Vec<String> = (0..2_000).map(|number| line(number).to_string()).collect();
    read_lines(lines.iter().map(String::as_str))
}

/// Lines that arrive between two frames, at 5,000 a second and a frame in 16 ms, and those that the
/// loop takes up before it looks at a key again.
const LINES: usize = 80 + 256;

/// The time from a key to the frame that answers it, in the program's own loop, while 1,000
/// instances stream lines and progress: the batch that is under way, the key, what waits behind it,
/// the sorting and the frame.
#[tokio::main(flavor = "current_thread")]
async fn keys_in_a_stream() {
    let (screen, keyboard) = Paper::screen(COLUMNS, ROWS);
    let (mut event_loop, report_sender) = event_loop(model(1_000), screen);
    let reporter = report_sender.reporter(JobId(1));
    let mut number = 0;
    let mut times = Vec::new();
    for key in 0..500 {
        for _ in 0..LINES {
            number += 1;
            stream(&reporter, number).await;
        }
        let begin = Instant::now();
        event_loop.step().await.unwrap();
        let code = if key % 2 == 0 { KeyCode::Down } else { KeyCode::Up };
        let frames = event_loop.edge.tty().frames;
        keyboard.send(Event::Input(Input::Key(code.into()))).unwrap();
        while event_loop.edge.tty().frames == frames {
            event_loop.step().await.unwrap();
        }
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| times[times.len() * percent / 100];
    let measured = format!("median {:.2} ms, 99th percentile {:.2} ms", at(50), at(99));
    print("key to frame, 1000 instances streaming", &measured, "99th percentile under 16 ms");
}

/// The program's own loop around a model, with no job in it, and from where it gets reports.
fn event_loop<E: Edge>(model: Model, edge: E) -> (EventLoop<E>, ReportSender) {
    let access = Access::default();
    let (report_sender, report_receiver) = report_channel(access.time.clone());
    let (asker, questions) = questions();
    let cache = Cache::new(std::env::temp_dir());
    let deployment = model.deployment.clone();
    let context = Context::new(ContextSettings::new(deployment, access, cache, asker));
    let engine = Engine::new(
        model,
        Arc::new(context),
        report_sender.clone(),
        report_receiver,
        questions,
        None,
    );
    (EventLoop::new(engine, edge), report_sender)
}

/// One report of a stream: a line, and now and then a phase.
async fn stream(reporter: &Reporter, number: usize) {
    let key = InstanceKey::from(format!("i-{:017x}", number * 7 % 1_000).as_str());
    match number % 10 {
        0 if number.is_multiple_of(20) => reporter.entered(&key, Phase::Ready).await,
        0 => reporter.entered(&key, Phase::Degraded { reason: "bench".to_owned() }).await,
        _ => reporter.output(&key, format!("line {number}: Setting up docker-ce")),
    }
}

/// The median time of one frame, in ms.
fn frame_time(model: &Model) -> f64 {
    let theme = Theme::mono();
    let mut terminal = Terminal::new(TestBackend::new(COLUMNS, ROWS)).unwrap();
    median(200, || {
        terminal.draw(|frame| drop(render(model, &theme, frame))).unwrap();
    })
}

/// The median times of one report and of what the next frame has to sort for it, in ms: instances
/// become degraded and ready again, by turns.
fn report_time(model: &mut Model) -> [f64; 2] {
    let mut number = 0;
    let mut report = |model: &mut Model| {
        let key = InstanceKey::from(format!("i-{:017x}", number / 2 % 500).as_str());
        let phase = if number % 2 == 0 {
            Phase::Degraded { reason: "bench".to_owned() }
        } else {
            Phase::Ready
        };
        number += 1;
        let at = model.now;
        let news = News::Instance(key, InstanceNews::Entered(phase));
        let report = Report { job: JobId(1), at, news };
        drop(update(model, Stamped { at, message: Message::Report(report) }));
    };
    let taken_up = median(50, || report(model));
    let both = median(50, || {
        report(model);
        model.refresh();
    });
    [taken_up, both - taken_up]
}

fn median(runs: usize, mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let begin = Instant::now();
            work();
            begin.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[runs / 2]
}
