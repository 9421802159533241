//! Which of AWS's regions are ours to look at, and which are closed to us.

use super::Context;
use super::reporter::Reporter;
use crate::aws::AwsError;
use crate::fleet::{Level, Region};

impl Context {
    /// Where to look for what is ours: the account's regions that are open to us, and those in which
    /// we know of an instance. It runs and costs on in a region that was disabled meanwhile.
    pub(in crate::jobs) async fn regions(&self) -> Result<Vec<Region>, AwsError> {
        let mut regions = self.open_regions(&self.account().await?.regions);
        regions.extend(self.known().regions());
        regions.sort();
        regions.dedup();
        Ok(regions)
    }

    /// Those of these regions that are not known to be closed.
    pub(in crate::jobs) fn open_regions(&self, regions: &[Region]) -> Vec<Region> {
        self.closed.open_of(regions)
    }

    /// Whether this refusal says that its region is closed to us; it is asked no more then. One
    /// that the configuration or the state names is not closed: there it is a failure.
    pub(in crate::jobs) fn closes(&self, error: &AwsError) -> bool {
        let Some(region) = error.region.as_ref().filter(|_| error.closes_region()) else {
            return false;
        };
        let is_closed = !self.works_in(region);
        if is_closed {
            self.closed.close(region);
        }
        is_closed
    }

    /// Whether the configuration or the state names this region.
    pub(in crate::jobs) fn works_in(&self, region: &Region) -> bool {
        let config = self.config.as_ref();
        config.is_some_and(|config| config.names(region)) || self.known().has(region)
    }

    /// Says in one line which regions were found closed and not said yet.
    pub(in crate::jobs) async fn say_closed(&self, reporter: &Reporter) {
        let regions: Vec<String> = self.closed.unsaid().iter().map(ToString::to_string).collect();
        if !regions.is_empty() {
            let list = regions.join(", ");
            let text = format!("not looked at, because this identity may not use them: {list}");
            reporter.remarked(Level::Info, text).await;
        }
    }
}
