//! One kill and what comes after it.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::draw::{Damage, Dice, During, Kill, Point};
use super::stage::{COUNT, CREATE, DESTROY, REGIONS, Set, Stage, state_files};
use crate::support::eye::ours;
use crate::support::spot::Spot;
use crate::support::trap::{Gate, Moment, Trap};

/// How long any run may take.
const PATIENCE: Duration = Duration::from_mins(4);

/// What is switched off, to see that the sweep can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Without {
    Nothing,
    /// After the kill the journal is as if nothing had been written.
    Journal,
    /// No tag reaches EC2.
    Tags,
}

/// What came of a kill.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Things of ours that are left at the end.
    pub(super) leaked: usize,
    /// Instances beyond those that were asked for.
    pub(super) duplicated: usize,
    /// Files that the killed process left broken.
    pub(super) unreadable: usize,
    /// Instances that a create, run again, did not bring.
    pub(super) missing: usize,
    /// Whether the kill came before the program ended by itself.
    pub(super) struck: bool,
    /// What else was not as it should be.
    pub(super) troubles: Vec<String>,
}

impl Stage {
    /// Tells one story from an empty account to an empty account.
    pub(super) fn play(&mut self, kill: &Kill, without: Without) -> Verdict {
        let set = self.fresh(kill.seed);
        let mut verdict = Verdict::default();
        if without == Without::Tags {
            set.proxy.strip_tags();
        }
        if kill.during == During::Destroy {
            set.spot.run(&CREATE);
            self.count(&set, &mut verdict);
        }
        let gate = strike(&set, kill, &mut verdict);
        verdict.unreadable += broken(&set.spot);
        let is_complete = has_ended(&set.spot) || !verdict.struck;
        spoil(&set.spot, kill, without);
        let again = kill.during == During::Create && kill.damage == Damage::None;
        if again {
            if !is_complete {
                Self::run_on(&set, &CREATE, &gate);
            }
            self.count(&set, &mut verdict);
        }
        let gone = Self::run_on(&set, &DESTROY, &gate);
        if gone != Some(0) && without == Without::Nothing {
            verdict.troubles.push(format!("destroy ended with {gone:?}"));
        }
        let left = self.eye.alive(&set.url(), &REGIONS);
        verdict.leaked = left.keys().filter(|thing| !set.before.contains_key(*thing)).count();
        let lost: Vec<_> = set.before.keys().filter(|thing| !left.contains_key(*thing)).collect();
        if !lost.is_empty() {
            verdict.troubles.push(format!("a stranger's things are gone: {lost:?}"));
        }
        if verdict.is_bad() && without == Without::Nothing {
            let told = format!("{verdict:?}\n{}", logs(&set.spot));
            verdict.troubles.push(told);
        }
        verdict
    }

    /// Counts what a finished create has brought.
    fn count(&mut self, set: &Set, verdict: &mut Verdict) {
        let seen = self.eye.alive(&set.url(), &REGIONS);
        let alive = ours(&seen).filter(|(_, id)| id.starts_with("i-")).count();
        let launched = self.eye.launched(&set.url(), &REGIONS).len();
        verdict.duplicated += launched.saturating_sub(COUNT);
        verdict.missing += COUNT.saturating_sub(alive);
    }

    /// Runs the program to its end. A call that is still in flight takes effect in the midst.
    fn run_on(set: &Set, arguments: &[&str], gate: &Gate) -> Option<i32> {
        let before = set.proxy.calls().len();
        let mut child = start(&set.spot, arguments);
        let deadline = Instant::now() + PATIENCE;
        let code = loop {
            if set.proxy.calls().len() > before + 5 {
                gate.open();
            }
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        };
        gate.open();
        code
    }
}

impl Verdict {
    pub(super) fn is_bad(&self) -> bool {
        self.leaked + self.duplicated + self.unreadable + self.missing + self.troubles.len() > 0
    }
}

/// Runs the program until it is killed. The gate lets go what was caught.
fn strike(set: &Set, kill: &Kill, verdict: &mut Verdict) -> Gate {
    let (trap, patience, moment) = match &kill.point {
        Point::Call { action, nth, moment } => {
            (Some(set.proxy.trap(Some(action), *nth, *moment)), PATIENCE, Some(*moment))
        }
        Point::Number { nth, moment } => {
            (Some(set.proxy.trap(None, *nth, *moment)), PATIENCE, Some(*moment))
        }
        Point::Time(after) => (None, *after, None),
        Point::Noted(_) => (None, PATIENCE, None),
    };
    let arguments =
        if kill.during == During::Create { CREATE.as_slice() } else { DESTROY.as_slice() };
    let mut child = start(&set.spot, arguments);
    verdict.struck = kill_when_due(&mut child, trap.as_ref(), patience);
    let gate = trap.map(|trap| trap.gate).unwrap_or_default();
    if moment != Some(Moment::Late) {
        gate.open();
    }
    gate
}

/// Kills the program when its call is caught, or its time is up. False when it ended before.
fn kill_when_due(child: &mut Child, trap: Option<&Trap>, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        let step = Duration::from_millis(5).min(deadline.saturating_duration_since(Instant::now()));
        let is_caught = if let Some(trap) = trap {
            trap.sprung.recv_timeout(step).is_ok()
        } else {
            std::thread::park_timeout(step);
            false
        };
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if is_caught || Instant::now() >= deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
    }
}

pub(super) fn start(spot: &Spot, arguments: &[&str]) -> Child {
    let log = spot.path().join("log");
    let log = fs::File::options().create(true).append(true).open(log).unwrap();
    let mut command = spot.command();
    command.args(arguments).stdin(Stdio::null()).stderr(log.try_clone().unwrap()).stdout(log);
    command.spawn().unwrap()
}

pub(super) fn logs(spot: &Spot) -> String {
    let text = fs::read_to_string(spot.path().join("log")).unwrap_or_default();
    let journal = fs::read_to_string(spot.path().join("instances.json.journal"));
    format!("{text}\n{}", journal.unwrap_or_default())
}

/// How many files a kill left that cannot be read.
///
/// The journal may end in the midst of a record: Linux lets SIGKILL cut a write where a page of the
/// file ends (`generic_perform_write` of mm/filemap.c asks for a fatal signal before each page).
/// Such a record was not on disk, so its call was not sent; every whole line has to be readable.
fn broken(spot: &Spot) -> usize {
    let parses = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).is_ok();
    let is_whole = |name: &str, bytes: &[u8]| match name {
        "instances.json" => parses(bytes),
        _ => bytes
            .split_inclusive(|&byte| byte == b'\n')
            .filter(|line| line.ends_with(b"\n"))
            .all(parses),
    };
    state_files(spot).into_iter().filter(|(name, bytes)| !is_whole(name, bytes)).count()
}

/// Whether the create had ended before it was killed: its intents are closed.
pub(super) fn has_ended(spot: &Spot) -> bool {
    let journal = state_files(spot).remove("instances.json.journal").unwrap_or_default();
    String::from_utf8_lossy(&journal).contains(r#""close":"ended""#)
}

fn spoil(spot: &Spot, kill: &Kill, without: Without) {
    let mut dice = Dice::new(kill.seed);
    for (name, bytes) in state_files(spot) {
        let path = spot.path().join(name);
        match kill.damage {
            Damage::None => {}
            Damage::Deleted => fs::remove_file(&path).unwrap(),
            Damage::Truncated => fs::write(&path, &bytes[..dice.below(bytes.len())]).unwrap(),
            Damage::Garbage => {
                let garbage: Vec<u8> =
                    (0..bytes.len() + 7).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
                fs::write(&path, garbage).unwrap();
            }
        }
    }
    if without == Without::Journal {
        fs::write(spot.path().join("instances.json.journal"), "").unwrap();
        // The lock between machines would be another's then, and nothing launched for minutes.
        spot.add_configuration("lock: off\n");
    }
}
