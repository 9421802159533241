//! What one machine keeps, for the runbooks that add to it or change which of it is used.

use crate::aws::{AwsError, Ec2};
use crate::fleet::{Failure, Kept, Level, Step};
use crate::jobs::context::Context;
use crate::jobs::context::kept::look_at_kept;
use crate::jobs::context::reporter::Reporter;

/// A machine of the configuration, whatever instance it is today.
pub(super) struct Belongings<'a> {
    pub context: &'a Context,
    pub ec2: Ec2,
    pub reporter: &'a Reporter,
    /// Its name.
    pub machine: &'a str,
}

impl Belongings<'_> {
    /// What it keeps; reported.
    pub(super) async fn look(&self) -> Result<Vec<Kept>, Failure> {
        let kept = look_at_kept(self.context, &self.ec2, self.reporter).await;
        let mut kept = kept.map_err(failed)?;
        kept.retain(|it| it.machine == self.machine);
        Ok(kept)
    }

    pub(super) async fn say(&self, level: Level, text: &str) {
        let text = format!("{}: {text}", self.machine);
        self.reporter.said_of(self.ec2.region(), level, text).await;
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn failed(error: AwsError) -> Failure {
    error.failure(Step::Keep)
}
