//! What all kills came to.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;

use super::case::Verdict;
use super::draw::{Damage, During, Kill, Point};
use super::stage::Peer;
use super::twist::Twist;

/// Sums, and the histogram of the points.
#[derive(Debug, Default)]
pub(super) struct Tally {
    kills: usize,
    struck: usize,
    leaked: usize,
    duplicated: usize,
    unreadable: usize,
    missing: usize,
    points: BTreeMap<String, usize>,
    damages: BTreeMap<Damage, usize>,
    troubles: Vec<String>,
}

impl Tally {
    pub(super) fn add(&mut self, peer: Peer, kill: &Kill, verdict: &Verdict) {
        self.count(name(peer, kill), kill, verdict);
        *self.damages.entry(kill.damage).or_insert(0) += 1;
    }

    /// The same for a story with a twist.
    pub(super) fn add_twist(&mut self, twist: &Twist, verdict: &Verdict) {
        let how = if twist.is_cancelled { "cancelled" } else { "killed" };
        let again = if twist.again.is_some() { "twice" } else { "once" };
        let name = format!(
            "{:10?}  {how:9}  {again:5}  then {:2}  {:?}",
            twist.peer, twist.next, twist.between
        );
        self.count(name, twist, verdict);
    }

    /// Counts one more.
    pub(super) fn count(&mut self, name: String, story: &impl fmt::Debug, verdict: &Verdict) {
        self.kills += 1;
        self.struck += usize::from(verdict.struck);
        self.leaked += verdict.leaked;
        self.duplicated += verdict.duplicated;
        self.unreadable += verdict.unreadable;
        self.missing += verdict.missing;
        *self.points.entry(name).or_insert(0) += 1;
        self.troubles
            .extend(verdict.troubles.iter().map(|trouble| format!("{story:?}: {trouble}")));
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.kills += other.kills;
        self.struck += other.struck;
        self.leaked += other.leaked;
        self.duplicated += other.duplicated;
        self.unreadable += other.unreadable;
        self.missing += other.missing;
        for (point, count) in other.points {
            *self.points.entry(point).or_insert(0) += count;
        }
        for (damage, count) in other.damages {
            *self.damages.entry(damage).or_insert(0) += count;
        }
        self.troubles.extend(other.troubles);
    }

    /// `kills 300, leaked 0, duplicated 0, unreadable 0`.
    pub(super) fn sums(&self) -> String {
        let Self { kills, leaked, duplicated, unreadable, missing, .. } = self;
        let sums = format!(
            "kills {kills}, leaked {leaked}, duplicated {duplicated}, unreadable {unreadable}"
        );
        if *missing > 0 { format!("{sums}, missing {missing}") } else { sums }
    }

    /// Says every now and then how it stands: the whole takes half an hour.
    pub(super) fn tell(&self, peer: Peer) {
        let mut out = std::io::stdout();
        if self.kills.is_multiple_of(10) {
            writeln!(out, "{peer:?}: {}", self.sums()).unwrap();
        }
    }

    pub(super) fn assert_clean(&self) {
        let bad = self.leaked + self.duplicated + self.unreadable + self.missing;
        assert!(bad == 0 && self.troubles.is_empty(), "{self}\n{:#?}", self.troubles);
    }
}

/// `moto create  CreateVpc  before the answer`.
fn name(peer: Peer, kill: &Kill) -> String {
    let peer = if peer == Peer::Moto { "moto" } else { "demo-cloud" };
    let during = if kill.during == During::Create { "create" } else { "destroy" };
    let (what, when) = match &kill.point {
        Point::Call { action, moment, .. } => (action.as_str(), moment.words()),
        Point::Number { moment, .. } => ("any call, by number", moment.words()),
        Point::Time(_) => ("by time", ""),
        Point::Noted(_) => ("by its journal", ""),
    };
    format!("{peer:10}  {during:7}  {what:30}  {when}")
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (point, count) in &self.points {
            writeln!(f, "{count:4}  {point}")?;
        }
        for (damage, count) in &self.damages {
            writeln!(f, "{count:4}  state afterwards: {damage:?}")?;
        }
        writeln!(f, "{:4}  came before the program ended by itself", self.struck)?;
        write!(f, "{}", self.sums())
    }
}
