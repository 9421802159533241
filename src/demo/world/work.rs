//! Work that instances share: each has an equal part, and no more than it can do.

use super::region::RegionWorld;
use crate::fleet::Ec2State;

impl RegionWorld {
    /// How busy the processors of each instance are, in percent; `None` where no story says so.
    pub(super) fn work(&self) -> Option<u8> {
        let elapsed = self.now.duration_since(self.laws.began).as_secs();
        let begun = self.laws.scenario.work.iter().filter(|it| i64::from(it.from_s) <= elapsed);
        let percent = begun.max_by_key(|it| it.from_s)?.percent;
        let is_running = |state| state == Ec2State::Running;
        let sharers = self.instances.values().filter(|it| is_running(it.state)).count();
        let part = percent / u32::try_from(sharers.max(1)).unwrap_or(u32::MAX);
        Some(u8::try_from(part.min(100)).unwrap_or(100))
    }
}
