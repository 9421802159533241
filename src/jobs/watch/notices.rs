//! Which spot instances EC2 takes back. A notice comes two minutes before the end, so this is asked
//! every four seconds where there is one to lose, and nothing else may hold it up. Where nobody watches
//! and no hook needs the most of those two minutes, it is asked more seldom.

use std::time::Duration;

use super::question::{Question, WatchedRegion};
use crate::aws::AwsError;
use crate::fleet::{Ec2State, Machine, Notice, RegionNews};

pub(super) struct Notices;

impl Question for Notices {
    const NAME: &'static str = "interruption notices";

    fn pace(&self, region: &WatchedRegion) -> Option<Duration> {
        region.seen().has_spot().then_some(region.context.pace.notices)
    }

    async fn ask(&mut self, region: &WatchedRegion) -> Result<(), AwsError> {
        if !region.seen().has_spot() {
            return Ok(());
        }
        let running = {
            let seen = region.seen();
            let is_news = |it: &&Machine| {
                it.seen.state == Ec2State::Running
                    && !seen.noticed.contains(&it.id)
                    && !region.context.pipelines().is_resting(&it.id)
            };
            seen.machines.iter().filter(is_news).map(|it| it.id.clone()).collect()
        };
        let now = region.context.now();
        let told = region.ec2.notices(&region.ours(), &running, now).await;
        region.context.monitored().note_told(region.ec2.region(), told.is_ok());
        let news: Vec<Notice> =
            told?.into_iter().filter(|it| region.note_notice(&it.instance)).collect();
        if news.is_empty() {
            return Ok(());
        }
        let lost = {
            let seen = region.seen();
            let lost = seen.machines.iter().filter(|machine| seen.noticed.contains(&machine.id));
            lost.map(Machine::pool).collect::<Vec<_>>()
        };
        for pool in lost {
            // What EC2 takes back from there it will not give there again so soon.
            region.context.unavailable_pools().note(&pool, None);
        }
        region.reporter.learned_of(region.ec2.region(), RegionNews::Notices(news)).await;
        region.look_soon();
        Ok(())
    }
}
