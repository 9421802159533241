//! What is known of a row, by name: what the table filters, sorts and shows by.
//!
//! How a field is drawn is a column of the view; what it says and how two rows compare in it is
//! decided here, so that a filter, an order and a column never disagree.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::fleet::cloudwatch::{Metric, MetricGroup, Series};
use crate::fleet::identity::City;
use crate::fleet::vitals::{NodeMembership, Usage, Vitals};
use crate::fleet::{Amount, Health, Instance, Machine, Phase, Zone};

/// A field of a row. The order is the one in which columns are drawn at first.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
pub enum Field {
    /// Bad news, then by region.
    #[default]
    Region,
    /// The availability zone.
    Zone,
    /// The EC2 id.
    Instance,
    /// The `Name` tag.
    Name,
    /// Where its sensor pretends to stand.
    #[strum(to_string = "city", serialize = "sensor")]
    City,
    /// From what needs a person to what is on its way out.
    Phase,
    /// How long it has been in this phase.
    #[strum(to_string = "since", serialize = "for")]
    Since,
    /// The work of its processors.
    Cpu,
    /// The work of its processors in five minutes, as CloudWatch measured it.
    #[strum(to_string = "cpu-5m", serialize = "cpu 5m")]
    Cpu5m,
    /// Bytes a second that come in, as CloudWatch measured them.
    #[strum(to_string = "net-in", serialize = "net in")]
    NetIn,
    /// Bytes a second that go out.
    #[strum(to_string = "net-out", serialize = "net out")]
    NetOut,
    /// The CPU credits that it has left.
    Credits,
    /// Its memory in use.
    #[strum(to_string = "memory", serialize = "mem")]
    Memory,
    /// Its root disk in use.
    Disk,
    /// Readings of its sensor a second.
    Rate,
    /// The machine type.
    Type,
    /// How it is paid for.
    #[strum(to_string = "lifecycle", serialize = "paid-as")]
    Lifecycle,
    /// The address a person would type.
    Address,
    /// The address in the VPC.
    Private,
    /// The youngest first.
    Age,
    /// What it costs an hour; the dearest first.
    #[strum(to_string = "hourly", serialize = "$/h")]
    Hourly,
    /// What it has cost; the dearest first.
    #[strum(to_string = "cost", serialize = "$")]
    Cost,
    /// What works on it: cloud-init, Docker, Bacalhau, the sensor.
    Services,
    /// What the orchestrator says of it.
    Node,
    /// Who made it.
    Creator,
    /// The newest line that its deployment printed.
    Output,
}

impl Field {
    /// All of them.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The word for it, in filters, in the palette and in exports.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The field of a name, or of the heading of its column.
    pub fn named(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    /// What a row says in it, for a filter. Empty for what is not known, for lengths of time,
    /// for money and for loads.
    pub fn text(self, row: &Instance) -> Cow<'_, str> {
        let machine = row.machine.as_ref();
        let of = |read: fn(&Machine) -> &str| Cow::Borrowed(machine.map_or("", read));
        let address = |address: Option<std::net::IpAddr>| {
            address.map_or(Cow::Borrowed(""), |address| Cow::Owned(address.to_string()))
        };
        match self {
            Self::Region => Cow::Borrowed(row.region.as_str()),
            Self::Zone => of(|machine| machine.zone.as_str()),
            Self::Instance => Cow::Borrowed(row.id().map_or(row.key.as_str(), |id| id.as_str())),
            Self::Name => of(|machine| machine.name.as_deref().unwrap_or_default()),
            Self::City => Cow::Borrowed(row.id().map_or("", |id| City::of(id).name)),
            Self::Phase => match &row.phase {
                Phase::Failed(failure) => Cow::Owned(format!("failed {}", failure.reason)),
                phase => Cow::Borrowed(phase.word()),
            },
            Self::Type => of(|machine| machine.machine_type.as_str()),
            Self::Lifecycle => of(|machine| machine.birth.lifecycle.word()),
            Self::Address => address(row.address()),
            Self::Services => Cow::Owned(trouble(row).unwrap_or_default()),
            Self::Node => Cow::Owned(membership(row).map(ToString::to_string).unwrap_or_default()),
            Self::Private => address(machine.and_then(|machine| machine.seen.private_ip)),
            Self::Creator => of(|machine| machine.birth.creator.as_deref().unwrap_or_default()),
            Self::Output => Cow::Borrowed(row.last_line.as_deref().unwrap_or_default()),
            Self::Since
            | Self::Age
            | Self::Hourly
            | Self::Cost
            | Self::Cpu
            | Self::Cpu5m
            | Self::NetIn
            | Self::NetOut
            | Self::Credits
            | Self::Memory
            | Self::Disk
            | Self::Rate => Cow::Borrowed(""),
        }
    }

    /// How much of it a row has: seconds, dollars, percent, readings a second. `None` for what is no
    /// number, and where nobody knows.
    pub(super) fn amount(self, row: &Instance, now: Timestamp) -> Option<f64> {
        let known = |amount: Amount| (!amount.is_unknown()).then_some(amount.usd);
        match self {
            Self::Since => Some(now.duration_since(row.since).as_secs_f64()),
            Self::Age => Some(now.duration_since(birth(row)).as_secs_f64()),
            Self::Hourly => known(row.cost.hourly),
            Self::Cost => known(row.cost.accrued),
            Self::Cpu => row.cpu.last().copied().map(f64::from),
            Self::Cpu5m | Self::NetIn | Self::NetOut | Self::Credits => measured(self, row, now),
            Self::Memory => memory(row).map(f64::from),
            Self::Disk => disk(row).map(f64::from),
            Self::Rate => rate(row),
            _ => None,
        }
    }

    /// Whether it is a number, and says nothing in words.
    pub(super) fn is_measure(self) -> bool {
        matches!(
            self,
            Self::Since
                | Self::Age
                | Self::Hourly
                | Self::Cost
                | Self::Cpu
                | Self::Cpu5m
                | Self::NetIn
                | Self::NetOut
                | Self::Credits
                | Self::Memory
                | Self::Disk
                | Self::Rate
        )
    }

    /// Whether it grows as time passes.
    pub(super) fn is_timed(self) -> bool {
        matches!(self, Self::Since | Self::Age)
    }

    /// Which of two rows comes first. Sorted by region, as the screen starts, what AWS takes back
    /// comes first, then what failed, whichever way round; rows that are alike keep the order of
    /// their keys.
    pub(super) fn compare(self, a: &Instance, b: &Instance, reverse: bool) -> Ordering {
        let turn = |order: Ordering| if reverse { order.reverse() } else { order };
        match self {
            Self::Region => {
                let places = || a.region.cmp(&b.region).then_with(|| zone(a).cmp(&zone(b)));
                urgency(a).cmp(&urgency(b)).then_with(|| turn(places()))
            }
            Self::Phase => turn(
                (a.phase.health(), a.phase.progress()).cmp(&(b.phase.health(), b.phase.progress())),
            ),
            Self::Address => turn(a.address().cmp(&b.address())),
            Self::Age => turn(birth(b).cmp(&birth(a))),
            Self::Hourly => turn(b.cost.hourly.usd.total_cmp(&a.cost.hourly.usd)),
            Self::Cost => turn(b.cost.accrued.usd.total_cmp(&a.cost.accrued.usd)),
            Self::Since => turn(b.since.cmp(&a.since)),
            Self::Cpu => turn(b.cpu.last().cmp(&a.cpu.last())),
            Self::Cpu5m | Self::NetIn | Self::NetOut | Self::Credits => {
                let newest = |row| series(self, row).and_then(Series::newest);
                let value = |row| newest(row).map_or(f64::NEG_INFINITY, |(_, value)| value);
                turn(value(b).total_cmp(&value(a)))
            }
            Self::Memory => turn(memory(b).cmp(&memory(a))),
            Self::Disk => turn(disk(b).cmp(&disk(a))),
            Self::Rate => {
                let rate = |row| rate(row).unwrap_or_default();
                turn(rate(b).total_cmp(&rate(a)))
            }
            Self::Instance => turn(a.id().cmp(&b.id())),
            other => turn(other.text(a).cmp(&other.text(b))),
        }
        .then_with(|| a.key.cmp(&b.key))
    }
}

/// Which of CloudWatch's metrics a field shows.
fn metric(field: Field) -> Option<Metric> {
    match field {
        Field::Cpu5m => Some(Metric::Cpu),
        Field::NetIn => Some(Metric::NetworkIn),
        Field::NetOut => Some(Metric::NetworkOut),
        Field::Credits => Some(Metric::CpuCredits),
        _ => None,
    }
}

fn series(field: Field, row: &Instance) -> Option<&Series> {
    row.metrics.get(&metric(field)?)
}

/// What CloudWatch says of a row now, in the field's unit; `None` where its newest value is late.
pub fn measured(field: Field, row: &Instance, now: Timestamp) -> Option<f64> {
    let series = series(field, row).filter(|series| !series.is_late(now))?;
    series.newest().map(|(_, value)| metric(field).map_or(value, |it| it.rate(value)))
}

/// The fields that show what is asked of CloudWatch.
pub(super) fn measured_by(group: MetricGroup) -> &'static [Field] {
    match group {
        MetricGroup::Cpu => &[Field::Cpu5m],
        MetricGroup::Network => &[Field::NetIn, Field::NetOut],
        MetricGroup::Credits => &[Field::Credits],
    }
}

/// What of its services does not work.
fn trouble(row: &Instance) -> Option<String> {
    row.vitals.as_ref().and_then(|(_, vitals)| vitals.trouble())
}

/// What the orchestrator says of its node, where one is asked.
pub fn membership(row: &Instance) -> Option<&NodeMembership> {
    row.vitals.as_ref().and_then(|(_, vitals)| vitals.membership.as_ref())
}

/// How much of its memory is used, in percent, as last seen.
pub fn memory(row: &Instance) -> Option<u8> {
    current(row)?.memory.map(Usage::used_percent)
}

/// How much of its root disk is used, in percent, as last seen.
pub fn disk(row: &Instance) -> Option<u8> {
    current(row)?.disk.map(Usage::used_percent)
}

/// Readings a second; `None` where nobody has seen two.
pub fn rate(row: &Instance) -> Option<f64> {
    current(row)?.sensor_rate
}

/// How the node was when it was last looked at, where that still holds: not of one that ended, nor
/// of one that AWS takes back and that nobody has seen since.
pub fn current(row: &Instance) -> Option<&Vitals> {
    let (at, vitals) = row.vitals.as_ref()?;
    let holds = match row.phase.health() {
        Health::Ending => false,
        Health::Interrupted => *at > row.since,
        _ => true,
    };
    holds.then_some(vitals)
}

fn zone(row: &Instance) -> Option<&Zone> {
    row.machine.as_ref().map(|machine| &machine.zone)
}

fn urgency(row: &Instance) -> u8 {
    match row.phase.health() {
        Health::Interrupted => 0,
        Health::Bad => 1,
        _ => 2,
    }
}

/// When a row was launched, or planned.
pub fn birth(row: &Instance) -> Timestamp {
    row.machine.as_ref().map_or_else(
        || row.timeline.first().map_or(row.since, |(at, _)| *at),
        |machine| machine.birth.launched,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_found_by_its_name() {
        for field in Field::ALL {
            assert_eq!(Field::named(field.name()), Some(*field));
        }
        assert_eq!(Field::named("colour"), None);
        assert_eq!(
            (Field::named("$/H"), Field::named("FOR")),
            (Some(Field::Hourly), Some(Field::Since))
        );
    }
}
