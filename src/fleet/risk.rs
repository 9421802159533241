//! How often AWS takes back what runs in a place: what its Spot Advisor tells of a type, what
//! happened to ours there, and what both come to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::MachineType;

/// How large a share of a type's spot instances AWS took back in the last month, in the five steps
/// of its Spot Advisor: from under 5 % to over 20 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Band(u8);

/// The step's words, and the share that stands for it: its middle.
const BANDS: [(&str, f64); 5] =
    [("<5 %", 0.025), ("5-10 %", 0.075), ("10-15 %", 0.125), ("15-20 %", 0.175), (">20 %", 0.30)];
/// Where one step ends and the next begins.
const STEPS: [f64; 4] = [0.05, 0.10, 0.15, 0.20];
/// The hours of a month.
const MONTH: f64 = 730.0;
/// How many instance-hours of our own weigh as much as what the Advisor tells: a type that AWS takes
/// back seldom would have to run that long for one interruption to mean little.
const TRUST: f64 = 2000.0;

impl Band {
    /// What is taken for a type of which nothing is known: neither good nor bad.
    pub const UNKNOWN: Self = Self(2);

    /// All of them, the best first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=4).map(Self)
    }

    /// The Advisor's number of it, 0 to 4.
    pub fn index(self) -> u8 {
        self.0
    }

    /// The share of a month: `5-10 %`.
    pub fn word(self) -> &'static str {
        BANDS[usize::from(self.0)].0
    }

    /// How many interruptions an instance meets in an hour.
    pub fn hazard(self) -> f64 {
        -(1.0 - BANDS[usize::from(self.0)].1).ln() / MONTH
    }

    /// The band in which so many interruptions an hour lie.
    fn of_hazard(hazard: f64) -> Self {
        let share = 1.0 - (-hazard * MONTH).exp();
        let above = STEPS.iter().filter(|step| share >= **step).count();
        Self(u8::try_from(above).unwrap_or_default())
    }
}

impl TryFrom<u8> for Band {
    type Error = &'static str;

    fn try_from(index: u8) -> Result<Self, Self::Error> {
        if usize::from(index) < BANDS.len() { Ok(Self(index)) } else { Err("no band of five") }
    }
}

impl From<Band> for u8 {
    fn from(band: Band) -> Self {
        band.0
    }
}

/// What the Spot Advisor tells of one region.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    /// By type; of all others it tells nothing.
    pub bands: BTreeMap<MachineType, Band>,
    /// When it last told so; `None` where it did not.
    pub told: Option<Timestamp>,
    /// By type, what happened to all of the account's there, where EC2 Capacity Manager tells of it.
    #[serde(default)]
    pub account: BTreeMap<MachineType, Record>,
}

impl Advice {
    /// Of a region of which it told nothing.
    pub const NONE: Self = Self { bands: BTreeMap::new(), told: None, account: BTreeMap::new() };

    /// What it tells of a type.
    pub fn band(&self, machine_type: &MachineType) -> Option<Band> {
        self.bands.get(machine_type).copied()
    }

    /// What is known of a place with such a type, in which this happened to ours.
    pub fn risk(&self, machine_type: &MachineType, own: Record) -> Risk {
        let account = self.account.get(machine_type).copied().unwrap_or_default();
        Risk { told: self.band(machine_type), own, account }
    }
}

/// What happened to spot instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// For how many hours they ran, all together.
    pub hours: f64,
    /// How many of them AWS took back.
    pub interruptions: u32,
}

/// What is known of a place.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Risk {
    /// What the Advisor tells of its type in its region.
    pub told: Option<Band>,
    /// What happened to ours there.
    pub own: Record,
    /// What happened to all of the account's with its type in its region, ours among them.
    pub account: Record,
}

impl Risk {
    /// What happened, ours or the account's: whichever ran longer. Never both, for one is in the other.
    pub fn record(self) -> Record {
        if self.is_accounts() { self.account } else { self.own }
    }

    fn is_accounts(self) -> bool {
        self.account.hours > self.own.hours
    }

    /// How many interruptions an instance is likely to meet in an hour: what the Advisor tells, and
    /// the more hours there are on record, what happened in these.
    pub fn hazard(self) -> f64 {
        let (prior, record) = (self.told.unwrap_or(Band::UNKNOWN).hazard(), self.record());
        (TRUST * prior + f64::from(record.interruptions)) / (TRUST + record.hours)
    }

    /// The band in which that is.
    pub fn band(self) -> Band {
        Band::of_hazard(self.hazard())
    }

    /// `5-10 % a month, ours 2 in 340 h`.
    pub fn words(self) -> String {
        let told = self.told.map(|band| format!("{} a month", band.word()));
        let known: Vec<String> = told.into_iter().chain(self.own_words()).collect();
        if known.is_empty() { "risk unknown".to_owned() } else { known.join(", ") }
    }

    fn own_words(self) -> Option<String> {
        let whose = if self.is_accounts() { "the account's" } else { "ours" };
        Some(format!("{whose} {}", self.record().words()?))
    }
}

impl Record {
    /// `2 in 340 h`; `None` where none of ours ran.
    pub fn words(self) -> Option<String> {
        let Self { hours, interruptions } = self;
        (hours > 0.0).then(|| format!("{interruptions} in {hours:.0} h"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn risk(band: Option<u8>, hours: f64, interruptions: u32) -> Risk {
        let told = band.map(|band| Band::try_from(band).unwrap());
        Risk { told, own: Record { hours, interruptions }, account: Record::default() }
    }

    #[test]
    fn a_band_stands_for_its_middle_and_is_found_again_by_it() {
        // Percent a month as interruptions an hour: the middle of each step, to three digits.
        let hazards = Band::all().map(|band| format!("{:.2e}", band.hazard()));
        let expected = ["3.47e-5", "1.07e-4", "1.83e-4", "2.64e-4", "4.89e-4"];
        assert_eq!(hazards.collect::<Vec<_>>(), expected);
        for band in Band::all() {
            assert_eq!(Band::of_hazard(band.hazard()), band);
        }
        assert!(Band::try_from(5).is_err());
    }

    #[test]
    fn whichever_ran_longer_counts_and_never_the_sum() {
        let ours = risk(Some(0), 1000.0, 0);
        let more = Risk { account: Record { hours: 4000.0, interruptions: 9 }, ..ours };
        assert_eq!(more.words(), "<5 % a month, the account's 9 in 4000 h");
        assert_eq!((ours.band(), more.band()), (Band(0), Band(4)));
        let fewer = Risk { account: Record { hours: 999.0, interruptions: 9 }, ..ours };
        assert_eq!((fewer.words(), fewer.band()), (ours.words(), ours.band()));
    }

    #[test]
    fn what_happened_to_ours_weighs_the_more_the_longer_they_ran() {
        for (told, hours, interruptions, band, words) in [
            (None, 0.0, 0, 2, "risk unknown"),
            (Some(1), 0.0, 0, 1, "5-10 % a month"),
            (Some(0), 100.0, 1, 4, "<5 % a month, ours 1 in 100 h"),
            (Some(0), 20_000.0, 1, 0, "<5 % a month, ours 1 in 20000 h"),
            (Some(4), 20_000.0, 0, 0, ">20 % a month, ours 0 in 20000 h"),
            (None, 0.4, 0, 2, "ours 0 in 0 h"),
        ] {
            let risk = risk(told, hours, interruptions);
            assert_eq!((risk.band().index(), risk.words().as_str()), (band, words), "{risk:?}");
        }
    }

    #[test]
    fn a_file_cannot_make_a_band_that_there_is_not() {
        assert_eq!(serde_json::from_str::<Band>("4").unwrap().word(), ">20 %");
        assert!(serde_json::from_str::<Band>("5").is_err());
    }
}
