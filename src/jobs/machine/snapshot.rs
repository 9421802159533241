//! Snapshots of what machines keep: made, and deleted when they have had their time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::belongings::{Belongings, failed};
use crate::aws::{Class, Kind, random_launch};
use crate::fleet::tags;
use crate::fleet::{
    Failure, JobResult, Kept, KeptKind, Level, Retention, SnapshotWish, Step, expired, is_due,
};
use crate::jobs::context::Context;
use crate::jobs::context::kept::look_until;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::intents::{close, record};
use crate::store::Intent;

/// Makes snapshots of the volumes of these machines, each by itself.
pub(in crate::jobs) async fn snapshot(
    context: Arc<Context>,
    wishes: Vec<SnapshotWish>,
    reporter: Reporter,
) -> JobResult {
    context.journal()?;
    context.require_deployment()?;
    let aws = context.aws().await.map_err(|error| error.failure(Step::Account))?;
    let mut failed = 0;
    for wish in &wishes {
        let ec2 = aws.region(&wish.region);
        let belongings =
            Belongings { context: &context, ec2, reporter: &reporter, machine: &wish.machine };
        let snapshots = Snapshots { belongings, wish };
        if let Err(failure) = snapshots.run().await {
            failed += 1;
            snapshots.belongings.say(Level::Error, &failure.to_string()).await;
        }
    }
    Ok(failed)
}

/// The snapshots of one machine.
struct Snapshots<'a> {
    belongings: Belongings<'a>,
    wish: &'a SnapshotWish,
}

impl Snapshots<'_> {
    async fn run(&self) -> Result<(), Failure> {
        let kept = self.belongings.look().await?;
        let volumes = kept.iter().filter(|it| it.is_own_disk());
        let wanted = |it: &&Kept| {
            !self.wish.is_scheduled || is_due(&kept, it.kind, self.belongings.context.now())
        };
        let volumes: Vec<&Kept> = volumes.filter(wanted).collect();
        if volumes.is_empty() && !self.wish.is_scheduled {
            self.belongings
                .say(Level::Warning, "no volume of it is kept: there is nothing to have one of")
                .await;
        }
        let mut made = BTreeSet::new();
        for volume in volumes {
            made.insert(self.make(volume).await?);
        }
        let is_told = |kept: &[Kept]| {
            let told = kept.iter().filter(|it| made.contains(it.id.as_str()));
            told.count() == made.len()
        };
        look_until(
            self.belongings.context,
            &self.belongings.ec2,
            self.belongings.reporter,
            is_told,
        )
        .await
        .map_err(failed)?;
        let Some(retention) = self.wish.retention else { return Ok(()) };
        self.prune(retention).await
    }

    /// Answers its id. It is on the disk before it is asked for. A snapshot has no client token: where no answer comes
    /// there may be one more, which is found by its tags like any other, and holds nothing up.
    async fn make(&self, volume: &Kept) -> Result<String, Failure> {
        let region = self.belongings.ec2.region();
        let intent = Intent {
            action: "CreateSnapshot".to_owned(),
            region: region.clone(),
            deployment: self.belongings.context.deployment(),
            launch: None,
            request: json!({ "volume": volume.id }),
        };
        let entry = record(self.belongings.context, &intent).await?;
        let made = self.belongings.ec2.create_snapshot(&volume.id, &self.tags(volume).await?).await;
        let outcome = match &made {
            Ok(_) => "done",
            Err(error) if error.class == Class::Unknown => "left to the next look",
            Err(_) => "refused",
        };
        close(self.belongings.context, entry, outcome).await;
        let id = made.map_err(failed)?;
        let text = format!("snapshot {id} of its {volume} is being made, and kept");
        self.belongings.say(Level::Info, &text).await;
        Ok(id)
    }

    async fn tags(&self, volume: &Kept) -> Result<BTreeMap<String, String>, Failure> {
        let origin = self.belongings.context.origin(self.wish.tags.clone()).await?;
        let region = self.belongings.ec2.region();
        let launch = random_launch(region);
        let name = &self.wish.machine;
        let mut tags = origin.kept_tags(region, &launch, name, KeptKind::Snapshot);
        let by = if self.wish.is_scheduled { tags::BY_SCHEDULE } else { tags::BY_HAND };
        tags.insert(tags::SNAPSHOT_OF.into(), volume.kind.word().into());
        tags.insert(tags::SNAPSHOT_BY.into(), by.into());
        Ok(tags)
    }

    /// Deletes those that have had their time, by what EC2 tells now. A delete may be repeated, so that
    /// nothing of it is in the journal.
    async fn prune(&self, retention: Retention) -> Result<(), Failure> {
        let kept = self.belongings.look().await?;
        let kinds = [KeptKind::Root, KeptKind::Home].into_iter();
        let old: Vec<&Kept> = kinds.flat_map(|kind| expired(&kept, kind, retention)).collect();
        for it in &old {
            match self.belongings.ec2.delete(Kind::Snapshot, &it.id).await {
                Err(error) if error.class != Class::Gone => return Err(failed(error)),
                _ => {
                    let text = format!("{it} has had its time, and is deleted");
                    self.belongings.say(Level::Info, &text).await;
                }
            }
        }
        if !old.is_empty() {
            self.belongings.look().await?;
        }
        Ok(())
    }
}
