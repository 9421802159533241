//! Instances that stop by themselves where nothing goes on, as `instance/idle-stop.sh` does on a real
//! one. Nothing ever goes on here: they rest from the moment on that it was set.

use jiff::{SignedDuration, Timestamp};

use super::instance::{Ending, Instance};
use super::region::{Event, RegionWorld};
use crate::fleet::{Ec2State, Idle};

/// Between the warning and the end.
const WARNING: SignedDuration = SignedDuration::from_mins(10);

impl RegionWorld {
    /// How it stands, where it stops by itself.
    pub(super) fn idle_of(&self, instance: &Instance) -> Option<Idle> {
        let stop = instance.idle_stop?;
        let since = self.idle_since(instance)?;
        let ends = since + stop.after + WARNING;
        let held = stop.held_until.filter(|until| *until > self.now);
        let seconds = |span: SignedDuration| u64::try_from(span.as_secs()).unwrap_or_default();
        Some(Idle {
            after_s: seconds(stop.after),
            idle_s: Some(seconds(self.now.duration_since(since))),
            stops_at: (since + stop.after <= self.now).then(|| ends.as_second()),
            is_held: held.is_some(),
            held_until: held.map(Timestamp::as_second),
        })
    }

    /// Since when nothing goes on.
    fn idle_since(&self, instance: &Instance) -> Option<Timestamp> {
        let stop = instance.idle_stop?;
        let since = stop.set_at.max(instance.booted_at?);
        Some(since.max(stop.held_until.unwrap_or(since).min(self.now)))
    }

    /// Puts on the agenda when it may have rested for long enough.
    pub(super) fn expect_idle_stop(&mut self, id: &str) {
        let Some(instance) = self.instances.get(id) else { return };
        let Some((stop, since)) = instance.idle_stop.zip(self.idle_since(instance)) else { return };
        let since = since.max(stop.held_until.unwrap_or(since));
        let span = (since + stop.after + WARNING).duration_since(self.now);
        self.later(span, Event::IdleStop(id.to_owned()));
    }

    /// It stops, unless something came in between: whoever changed that has put a later time on the
    /// agenda.
    pub(super) fn idle_stop_due(&mut self, id: &str) {
        let Some(instance) = self.instances.get(id) else { return };
        let Some((stop, since)) = instance.idle_stop.zip(self.idle_since(instance)) else { return };
        if instance.state == Ec2State::Running && since + stop.after + WARNING <= self.now {
            self.stop_one(id, Ending::FromWithin);
        }
    }
}
