//! A story with a twist: a create is cut short, something happens, and something else than before
//! may be asked for; now and then that is cut short, too. What should be alive then follows from
//! what had been made by then, and from what was asked for last.

use std::collections::BTreeMap;
use std::fs;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::case::{Verdict, has_ended, logs, start};
use super::draw::{Dice, Point};
use super::stage::{COUNT, CREATE, DESTROY, Peer, REGIONS, Set, Stage};
use crate::support::eye::{Seen, ours};
use crate::support::moto::Moto;
use crate::support::spot::Spot;
use crate::support::terminal::Terminal;
use crate::support::trap::{Moment, Trap};

/// What happens between the two creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Between {
    Nothing,
    /// So many are destroyed by their names.
    Named(usize),
    /// A record was being written.
    HalfRecord,
    /// A line of the journal is no record.
    Garbled,
    /// Somebody tries it with another account's credentials.
    OtherAccount,
    /// The clock is set, so that all that the journal says was a year ago, or will be in a year.
    ClockForward,
    ClockBack,
}

/// What is made wrong on purpose, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Planted {
    Nothing,
    /// The journal is as if nothing had been written.
    LostJournal,
    /// What was spilled forgets where it was asked for.
    LostOrigin,
    /// Somebody takes one away.
    Thief,
}

/// One story.
#[derive(Debug, Clone)]
pub(super) struct Twist {
    pub(super) peer: Peer,
    /// When the first create is cut short.
    pub(super) point: Point,
    /// By Ctrl-C, not by a kill.
    pub(super) is_cancelled: bool,
    pub(super) between: Between,
    /// How many are asked for then.
    pub(super) next: usize,
    /// When that is killed, before it is run once more.
    pub(super) again: Option<Point>,
    pub(super) seed: u64,
}

/// So many of them, from a seed.
pub(super) fn draw(count: usize, dice: &mut Dice) -> Vec<Twist> {
    (0..count).map(|_| one(dice)).collect()
}

fn one(dice: &mut Dice) -> Twist {
    let peers = [Peer::Spilling, Peer::Spilling, Peer::Cloud, Peer::Fleets];
    let happens = [
        Between::Nothing,
        Between::Nothing,
        Between::Named(1 + dice.below(3)),
        Between::HalfRecord,
        Between::Garbled,
        Between::OtherAccount,
        Between::ClockForward,
        Between::ClockBack,
    ];
    let again = (dice.below(3) == 0).then(|| point(dice));
    Twist {
        peer: dice.pick(&peers),
        point: point(dice),
        is_cancelled: dice.below(4) == 0,
        between: dice.pick(&happens),
        next: dice.pick(&[4, COUNT, COUNT, COUNT + 4]),
        again,
        seed: dice.below(1 << 20) as u64,
    }
}

fn point(dice: &mut Dice) -> Point {
    let launches = ["RunInstances", "RunInstances", "CreateVpc", "CreateSecurityGroup"];
    let moment = dice.pick(&[Moment::Unsent, Moment::Unanswered, Moment::Answered, Moment::Late]);
    match dice.below(3) {
        0 => Point::Time(Duration::from_millis(300 + dice.below(4000) as u64)),
        1 => Point::Number { nth: 1 + dice.below(60), moment },
        _ => {
            let (action, nth) = (dice.pick(&launches).to_owned(), 1 + dice.below(4));
            Point::Call { action, nth, moment }
        }
    }
}

/// How many of ours there are for each region's count: the tag says for which they were asked.
fn by_origin(seen: &Seen) -> BTreeMap<&'static str, usize> {
    let machines = ours(seen).filter(|(_, id)| id.starts_with("i-"));
    let mut counts: BTreeMap<&'static str, usize> = REGIONS.map(|region| (region, 0)).into();
    for thing in machines {
        let launch = &seen[thing]["LaunchId"];
        let region = REGIONS.iter().find(|region| launch.contains(**region)).unwrap();
        *counts.get_mut(region).unwrap() += 1;
    }
    counts
}

impl Stage {
    /// Tells one story with a twist, from an empty account to an empty account.
    pub(super) fn turn(&mut self, twist: &Twist, planted: Planted) -> Verdict {
        let set = self.fresh(twist.seed);
        let (struck, was_over) = cut_short(&set, &twist.point, twist.is_cancelled);
        let mut verdict = Verdict { struck, ..Verdict::default() };
        plant(&set, planted);
        self.happen(&set, twist.between, &mut verdict);
        let before = by_origin(&self.eye.alive(&set.url(), &REGIONS));
        ask_for(&set, twist.next);
        let is_done = twist.again.as_ref().is_some_and(|point| cut_short(&set, point, false).1);
        if !is_done {
            set.spot.run(&CREATE);
        }
        if planted == Planted::Thief {
            self.steal(&set);
        }
        let alive = by_origin(&self.eye.alive(&set.url(), &REGIONS));
        for (region, there) in before {
            let asked = twist.next / REGIONS.len();
            // What ended is added to; what was cut short counts, and is the rest of it dropped.
            let right = if was_over { there + asked } else { there.max(asked) };
            verdict.duplicated += alive[region].saturating_sub(right);
            verdict.missing += right.saturating_sub(alive[region]);
        }
        self.end(&set, &mut verdict, planted);
        verdict
    }

    /// What happens between two creates.
    fn happen(&mut self, set: &Set, between: Between, verdict: &mut Verdict) {
        match between {
            Between::Nothing => {}
            Between::Named(count) => {
                let seen = self.eye.alive(&set.url(), &REGIONS);
                let ids = ours(&seen).map(|(_, id)| id).filter(|id| id.starts_with("i-"));
                let ids: Vec<&str> = ids.take(count).map(String::as_str).collect();
                if !ids.is_empty() {
                    let ran = set.spot.run(&[&["destroy", "--yes"], ids.as_slice()].concat());
                    let trouble = (ran.code != 0).then(|| format!("by name: {}", ran.told()));
                    verdict.troubles.extend(trouble);
                }
            }
            Between::HalfRecord => change(set, |text| text + r#"{"v":1,"n":99,"at":"2026-1"#),
            Between::Garbled => change(set, |text| format!("no record\n{text}")),
            Between::ClockForward => set_clock(set, "2030"),
            Between::ClockBack => set_clock(set, "2020"),
            Between::OtherAccount => self.try_with_another_account(set, verdict),
        }
    }

    fn try_with_another_account(&mut self, set: &Set, verdict: &mut Verdict) {
        let before = self.eye.alive(&set.url(), &REGIONS);
        let other = self.other.get_or_insert_with(Moto::start).url();
        let mut command = set.spot.command();
        command.env("AWS_ENDPOINT_URL", other).args(DESTROY);
        let told = command.output().unwrap();
        if self.eye.alive(&set.url(), &REGIONS) != before {
            verdict.troubles.push(format!("another account changed something: {told:?}"));
        }
    }

    fn steal(&mut self, set: &Set) {
        let seen = self.eye.alive(&set.url(), &REGIONS);
        let (region, id) = ours(&seen).find(|(_, id)| id.starts_with("i-")).unwrap();
        self.eye.terminate(&set.url(), region, &[id]);
    }

    /// Everything is destroyed, and an independent look says what is left.
    fn end(&mut self, set: &Set, verdict: &mut Verdict, planted: Planted) {
        let gone = set.spot.run(&DESTROY);
        if gone.code != 0 {
            verdict.troubles.push(format!("destroy ended with {}", gone.code));
        }
        let left = self.eye.alive(&set.url(), &REGIONS);
        verdict.leaked += left.keys().filter(|thing| !set.before.contains_key(*thing)).count();
        let lost = set.before.keys().filter(|thing| !left.contains_key(*thing)).count();
        if lost > 0 {
            verdict.troubles.push(format!("{lost} things of a stranger's are gone"));
        }
        if verdict.is_bad() && planted == Planted::Nothing {
            verdict.troubles.push(format!("{verdict:?}\n{}", logs(&set.spot)));
        }
    }

    /// A dashboard replaces what AWS takes back, is killed at a call of that, and started again.
    pub(super) fn replace(&mut self, moment: Moment, seed: u64) -> Verdict {
        let set = self.fresh(seed);
        set.spot.run(&CREATE);
        set.spot.add_configuration("replace: true\n");
        let mut verdict = Verdict::default();
        let trap = set.proxy.trap(Some("RunInstances"), 1, moment);
        let mut dashboard = Terminal::start(set.spot.on_terminal(), (120, 40));
        verdict.struck = trap.sprung.recv_timeout(Duration::from_mins(2)).is_ok();
        dashboard.signal(Signal::KILL);
        dashboard.end();
        trap.gate.open();
        let dashboard = Terminal::start(set.spot.on_terminal(), (120, 40));
        let deadline = Instant::now() + Duration::from_secs(40);
        let mut alive = 0;
        while alive != COUNT && Instant::now() < deadline {
            thread::park_timeout(Duration::from_millis(500));
            let there = self.eye.alive(&set.url(), &REGIONS);
            alive = by_origin(&there).values().sum();
        }
        drop(dashboard);
        verdict.duplicated += alive.saturating_sub(COUNT);
        verdict.missing += COUNT.saturating_sub(alive);
        self.end(&set, &mut verdict, Planted::Nothing);
        verdict
    }
}

/// Runs a create until it is cut short. Answers whether it was, and whether it was over by then.
fn cut_short(set: &Set, point: &Point, is_cancelled: bool) -> (bool, bool) {
    // What an earlier one closed is not what this one closes.
    change(set, |text| text.replace(r#""close":"ended""#, r#""close":"done""#));
    let trap = match point {
        Point::Call { action, nth, moment } => Some(set.proxy.trap(Some(action), *nth, *moment)),
        Point::Number { nth, moment } => Some(set.proxy.trap(None, *nth, *moment)),
        Point::Time(_) | Point::Noted(_) => None,
    };
    let mut child = start(&set.spot, &CREATE);
    let patience = if let Point::Time(after) = point { *after } else { Duration::from_mins(1) };
    let is_noted = || {
        let Point::Noted(text) = point else { return false };
        journal(&set.spot).contains(text)
    };
    let struck = is_due(&mut child, trap.as_ref(), patience, is_noted);
    if struck {
        let signal = if is_cancelled { Signal::INT } else { Signal::KILL };
        kill_process(Pid::from_child(&child), signal).unwrap();
    }
    child.wait().unwrap();
    if let Some(trap) = trap {
        trap.gate.open();
    }
    (struck, !struck || has_ended(&set.spot))
}

/// Waits until a call is in the trap, or the time has come. False where it ended before.
fn is_due(
    child: &mut Child,
    trap: Option<&Trap>,
    patience: Duration,
    is_noted: impl Fn() -> bool,
) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        let step = Duration::from_millis(5);
        let is_caught = if let Some(trap) = trap {
            trap.sprung.recv_timeout(step).is_ok()
        } else {
            thread::park_timeout(step);
            false
        };
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if is_caught || is_noted() || Instant::now() >= deadline {
            return true;
        }
    }
}

fn plant(set: &Set, planted: Planted) {
    match planted {
        Planted::Nothing | Planted::Thief => {}
        Planted::LostJournal => {
            change(set, |_| String::new());
            // The lock between machines would be another's then, and nothing launched for minutes.
            set.spot.add_configuration("lock: off\n");
        }
        Planted::LostOrigin => change(set, |text| text.replace(r#""origin""#, r#""nobody""#)),
    }
}

/// How many the configuration asks for.
fn ask_for(set: &Set, count: usize) {
    let path = set.spot.path().join("config.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let (was, is) = (format!("total_instances: {COUNT}"), format!("total_instances: {count}"));
    fs::write(path, text.replace(&was, &is)).unwrap();
}

fn set_clock(set: &Set, year: &str) {
    let at = |year: &str| format!(r#""at":"{year}"#);
    let now = jiff::Timestamp::now().to_string();
    change(set, |text| text.replace(&at(&now[..4]), &at(year)));
}

fn journal(spot: &Spot) -> String {
    fs::read_to_string(spot.path().join("instances.json.journal")).unwrap_or_default()
}

/// Changes the journal, where there is one.
fn change(set: &Set, change: impl FnOnce(String) -> String) {
    let path = set.spot.path().join("instances.json.journal");
    if let Ok(text) = fs::read_to_string(&path) {
        fs::write(path, change(text)).unwrap();
    }
}
