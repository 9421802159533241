//! One look at one region, for whoever watches and for whoever destroys.

use crate::aws::{AwsError, Class, Ec2, Owner, Selector};
use crate::fleet::{InstanceId, InstanceKey, Level, Machine, RegionNews};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;

/// One look at one region, reported: by tag, and by id where we know of more than the tags tell.
pub(in crate::jobs) async fn survey_region(
    context: &Context,
    ec2: &Ec2,
    reporter: &Reporter,
) -> Result<Vec<Machine>, AwsError> {
    match ask(context, ec2).await {
        Ok(Survey { machines, untagged, inherited, vanished }) => {
            context.monitored().drop_stopped(&machines);
            reporter.learned_of(ec2.region(), RegionNews::Surveyed(machines.clone())).await;
            for id in untagged {
                let text = format!(
                    "its tags were taken away, and it runs on: `destroy {id}` ends it, `destroy \
                     --all` does not"
                );
                reporter.said(&InstanceKey::adopted(&id), Level::Warning, text).await;
            }
            for machine in inherited {
                let network = machine.vpc.map_or_else(String::new, |vpc| format!("; {vpc} stays"));
                let text = format!(
                    "it is of another tool, by its tags, and ours by the state file: `destroy` \
                     ends it{network}"
                );
                reporter.said(&InstanceKey::adopted(&machine.id), Level::Warning, text).await;
            }
            if !vanished.is_empty() {
                reporter.learned_of(ec2.region(), RegionNews::Vanished(vanished)).await;
            }
            Ok(machines)
        }
        // That is said once for all regions.
        Err(error) if matches!(error.class, Class::Credentials(_)) => Err(error),
        Err(error) if context.closes(&error) => Err(error),
        Err(error) => {
            reporter.learned_of(ec2.region(), RegionNews::Unanswered(error.to_string())).await;
            Err(error)
        }
    }
}

/// What a look found.
struct Survey {
    /// All that are there, the terminated ones too.
    machines: Vec<Machine>,
    /// Those whose tags were taken away since the last look.
    untagged: Vec<InstanceId>,
    /// Those of a predecessor's state, seen for the first time.
    inherited: Vec<Machine>,
    /// Those that EC2 does not know any more.
    vanished: Vec<InstanceId>,
}

async fn ask(context: &Context, ec2: &Ec2) -> Result<Survey, AwsError> {
    let (known, region, deployment) = (context.known(), ec2.region(), context.deployment());
    let selector = Selector::deployment(&deployment).with_terminated();
    let mut machines = ec2.instances(&selector).await?;
    let unlisted = known.unlisted(region, &deployment, &machines);
    known.note(region, &deployment, &machines);
    let (mut untagged, mut inherited, mut vanished) = (Vec::new(), Vec::new(), Vec::new());
    if unlisted.is_empty() {
        return Ok(Survey { machines, untagged, inherited, vanished });
    }
    let ids: Vec<InstanceId> = unlisted.keys().cloned().collect();
    let mut by_id = ec2.instances_by_id(&ids, &selector).await?;
    for (id, known_as) in unlisted {
        match by_id.remove(&id) {
            Some(Some((machine, owner))) => {
                // What we launched ourselves has a launch: taking its tags away makes it nobody's.
                let is_inherited =
                    owner == Owner::Predecessor && known_as.machine.birth.launch.is_none();
                if owner == Owner::Us || !machine.is_alive() {
                    known.note(region, &deployment, std::slice::from_ref(&machine));
                } else if is_inherited {
                    if known.is_inherited(region, &id) {
                        inherited.push(machine.clone());
                    }
                } else if known.lost_its_tags(region, &id) {
                    untagged.push(id);
                }
                machines.push(machine);
            }
            // It is there, in words that we do not know.
            Some(None) => {}
            // EC2 is eventually consistent: a young instance may not be listed yet.
            None if context.is_young(&known_as) => {}
            None => {
                known.forget(region, &id);
                vanished.push(id);
            }
        }
    }
    Ok(Survey { machines, untagged, inherited, vanished })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::aws::{Access, SharedTimeSource, scripted};
    use crate::fleet::{InstanceNews, JobId, News};
    use crate::jobs::context::questions::questions;
    use crate::jobs::context::reporter::report_channel;
    use crate::jobs::context::{ContextSettings, Pace};
    use crate::store::{Cache, StoredInstance};

    /// What EC2 tells of `i-1` to who asks by its id; who asks by tags is told of nothing.
    fn told_by_id(state: &str) -> String {
        if state.is_empty() { String::new() } else { scripted::instance("i-1", state, &[]) }
    }

    /// Looks twice at a region in which we know of `i-1`, launched so long ago; what was found, and
    /// what was reported.
    async fn looked(state: &'static str, age: SignedDuration) -> (Vec<Machine>, Vec<News>) {
        looked_within(Pace::default().consistency, state, age).await
    }

    /// The same where EC2 may take so long to list it.
    async fn looked_within(
        window: Duration,
        state: &'static str,
        age: SignedDuration,
    ) -> (Vec<Machine>, Vec<News>) {
        let (ec2, _calls) = scripted::ec2(move |call| {
            let inside =
                if call.contains("instance-id") { told_by_id(state) } else { String::new() };
            (200, format!("<DescribeInstancesResponse>{inside}</DescribeInstancesResponse>"))
        })
        .await;
        let (asker, _questions) = questions();
        let (access, cache) = (Access::default(), Cache::new("unused"));
        let context = Context::new(ContextSettings {
            pace: Pace { consistency: window, ..Pace::default() },
            ..ContextSettings::new("spot-1".into(), access, cache, asker)
        });
        let entry = serde_json::json!({
            "id": "i-1", "region": "us-west-2", "state": "running", "deployment_id": "spot-1",
            "created": Timestamp::now() - age,
        });
        let entry: StoredInstance = serde_json::from_value(entry).unwrap();
        context.remember(&entry.instance(Timestamp::now()));
        let (report_sender, mut report_receiver) = report_channel(SharedTimeSource::default());
        let (context, reporter) = (Arc::new(context), report_sender.reporter(JobId(1)));
        survey_region(&context, &ec2, &reporter).await.unwrap();
        let found = survey_region(&context, &ec2, &reporter).await.unwrap();
        let reports = std::iter::from_fn(|| report_receiver.try_next()).map(|report| report.news);
        (found, reports.collect())
    }

    fn vanished(reports: &[News]) -> usize {
        reports.iter().filter(|it| matches!(it, News::Region(_, RegionNews::Vanished(_)))).count()
    }

    fn said(reports: &[News]) -> usize {
        let is_said =
            |it: &&News| matches!(it, News::Instance(_, InstanceNews::Said(Level::Warning, _)));
        reports.iter().filter(is_said).count()
    }

    #[tokio::test]
    async fn attack_2_what_lost_its_tags_is_found_by_its_id_and_said_once() {
        let (found, reports) = looked("running", SignedDuration::from_hours(1)).await;
        assert_eq!(found.len(), 1);
        assert_eq!(vanished(&reports), 0);
        assert_eq!(said(&reports), 1, "{reports:?}");
    }

    #[tokio::test]
    async fn what_ec2_does_not_know_by_its_id_is_gone_but_not_while_it_is_young() {
        let (found, reports) = looked("", SignedDuration::from_hours(1)).await;
        assert_eq!((found.len(), vanished(&reports)), (0, 1));
        let (found, reports) = looked("", SignedDuration::from_secs(5)).await;
        assert_eq!((found.len(), vanished(&reports)), (0, 0));
    }

    /// A clock that was set back by a year.
    #[tokio::test]
    async fn attack_13_a_launch_in_the_future_is_young_no_longer_than_the_window() {
        let future = SignedDuration::from_hours(-24 * 365);
        let (_, reports) = looked_within(Duration::from_mins(1), "", future).await;
        assert_eq!(vanished(&reports), 0);
        let (_, reports) = looked_within(Duration::ZERO, "", future).await;
        assert_eq!(vanished(&reports), 1);
    }

    #[tokio::test]
    async fn attack_2_what_cannot_be_read_is_not_gone() {
        let (found, reports) = looked("molten", SignedDuration::from_hours(1)).await;
        assert_eq!((found.len(), vanished(&reports)), (0, 0));
    }

    #[tokio::test]
    async fn what_has_ended_needs_no_tags() {
        let (found, reports) = looked("terminated", SignedDuration::from_hours(1)).await;
        assert_eq!((found.len(), vanished(&reports)), (0, 0), "the second look asks no more");
        assert_eq!(said(&reports), 0, "{reports:?}");
    }
}
