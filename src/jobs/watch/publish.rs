//! Tells CloudWatch the fleet's own figures, where the configuration asks for it: every five minutes, in
//! each region its own. AWS charges for each figure, by the month.

use std::time::Duration;

use tokio::sync::watch;

use super::question::{Question, Seen, WatchedRegion};
use crate::aws::{AwsError, Class};
use crate::fleet::Level;
use crate::fleet::cloudwatch::PERIOD;

#[derive(Default)]
pub(super) struct Publish {
    /// Whether anything was told: at the start nobody knows what there is.
    has_told: bool,
    /// Whether this identity may not: it is said once and not tried again.
    is_denied: bool,
}

impl Question for Publish {
    const NAME: &'static str = "figures for CloudWatch";

    fn pace(&self, region: &WatchedRegion) -> Option<Duration> {
        let pace = if self.has_told { PERIOD.unsigned_abs() } else { region.context.pace.steady };
        (!self.is_denied).then_some(pace)
    }

    async fn ask(&mut self, region: &WatchedRegion) -> Result<(), AwsError> {
        let figures = region.context.figures.borrow().get(region.ec2.region()).cloned();
        let Some(figures) = figures.filter(|_| !self.is_denied) else { return Ok(()) };
        let (deployment, now) = (region.context.deployment(), region.context.now());
        match region.ec2.put_figures(&figures, &deployment, now).await {
            Ok(()) => self.has_told = true,
            Err(error) if error.class == Class::Denied => {
                self.is_denied = true;
                let text =
                    format!("CloudWatch is not told anything here: {error} ({})", error.hint());
                region.reporter.said_of(region.ec2.region(), Level::Warning, text).await;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// A figure is told at its time, whatever happens in between.
    async fn woken(&mut self, _: &WatchedRegion, _: &mut watch::Receiver<Seen>) {
        std::future::pending::<()>().await;
    }
}
