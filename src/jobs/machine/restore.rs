//! The way back to a snapshot, in two steps that are asked for one by one: a volume is made of it beside
//! the machine's own, and takes its place. Nothing is deleted: what had the place lies beside it then.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::belongings::{Belongings, failed};
use crate::aws::{Class, NewVolume, random_launch};
use crate::fleet::tags;
use crate::fleet::{
    Ec2State, Failure, FailureKind, InstanceId, JobResult, Kept, KeptKind, LaunchId, Level,
    Restore, RestoreWish, Step, Zone,
};
use crate::jobs::context::Context;
use crate::jobs::context::kept::look_until;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::intents::unknown_outcome::reconcile;
use crate::jobs::intents::{close, record};
use crate::retry::BOOT_TIMEOUT;
use crate::store::Intent;

/// Takes one step of it.
pub(in crate::jobs) async fn restore(
    context: Arc<Context>,
    wish: RestoreWish,
    reporter: Reporter,
) -> JobResult {
    context.journal()?;
    context.require_deployment()?;
    let aws = context.aws().await.map_err(|error| error.failure(Step::Account))?;
    let ec2 = aws.region(&wish.region);
    let belongings =
        Belongings { context: &context, ec2, reporter: &reporter, machine: &wish.machine };
    let way = Way { belongings, wish: &wish };
    // EC2 tells late what was made, and what is called otherwise.
    let (volume, kind) = match &wish.step {
        Restore::Make { snapshot, zone } => {
            (way.make(snapshot, zone.as_ref()).await?, KeptKind::Aside)
        }
        Restore::Use(volume) => (volume.clone(), way.give_place(volume).await?),
    };
    let is_told = |kept: &[Kept]| {
        let is_only = kept.iter().filter(|it| it.machine == wish.machine && it.kind == kind);
        let is_named = kept.iter().any(|it| it.id == volume && it.kind == kind);
        is_named && (kind == KeptKind::Aside || is_only.count() == 1)
    };
    look_until(&context, &way.belongings.ec2, &reporter, is_told).await.map_err(failed)?;
    Ok(0)
}

/// The way back of one machine.
struct Way<'a> {
    belongings: Belongings<'a>,
    wish: &'a RestoreWish,
}

impl Way<'_> {
    /// Answers the volume.
    async fn make(&self, snapshot: &str, elsewhere: Option<&Zone>) -> Result<String, Failure> {
        reconcile(self.belongings.context, &self.belongings.ec2, self.belongings.reporter).await?;
        let kept = self.belongings.look().await?;
        let name = &self.wish.machine;
        let source = kept.iter().find(|it| it.id == snapshot);
        let Some((source, of)) = source.and_then(|it| Some((it, it.snapshot?))) else {
            let hint = "`spot-tui list` names those that are kept";
            return Err(refused(format!("{name} has no snapshot {snapshot}"), hint));
        };
        if !of.is_complete {
            let hint = "try again when it is: `spot-tui list` shows it";
            return Err(refused(format!("{source} is not complete yet"), hint));
        }
        let Some((own, zone)) = kept
            .iter()
            .find(|it| it.kind == of.kind)
            .and_then(|own| Some((own, elsewhere.or(own.zone.as_ref())?.clone())))
        else {
            let reason =
                format!("{name} keeps no {} whose zone the new one could share", of.kind.word());
            return Err(refused(reason, "`up` makes one first"));
        };
        let token = random_launch(self.belongings.ec2.region());
        let new = NewVolume {
            tags: self.tags(&token, of.kind, own).await?,
            token,
            zone,
            // What has grown since then stays as large.
            gib: source.gib.max(own.gib).unwrap_or_default(),
            snapshot: Some(snapshot.to_owned()),
        };
        let id = self.create(&new).await?;
        let (gib, zone) = (new.gib, &new.zone);
        // An instance has volumes of its own zone alone.
        let moves = if own.zone.as_ref() == Some(zone) { "" } else { ", then `spot-tui recreate`" };
        let text = format!(
            "volume {id}, {gib} GiB in {zone}, is made of {source}, beside its own {own}. To use it: \
             `spot-tui down {name}`, then `spot-tui restore {name} --use {id}`{moves}"
        );
        self.belongings.say(Level::Success, &text).await;
        Ok(id)
    }

    async fn tags(
        &self,
        token: &LaunchId,
        kind: KeptKind,
        own: &Kept,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let origin = self.belongings.context.origin(self.wish.tags.clone()).await?;
        let region = self.belongings.ec2.region();
        let mut tags = origin.kept_tags(region, token, &self.wish.machine, KeptKind::Aside);
        tags.insert(tags::ASIDE_OF.into(), kind.word().into());
        // A copy of a root has its host key, too.
        tags.extend(own.host_key.clone().map(|key| (tags::HOST_KEY.to_owned(), key)));
        Ok(tags)
    }

    /// It is on the disk before it is asked for. Where no answer comes it is asked for again by the
    /// same client token, which makes one volume.
    async fn create(&self, new: &NewVolume) -> Result<String, Failure> {
        let intent = Intent {
            action: "CreateVolume".to_owned(),
            region: self.belongings.ec2.region().clone(),
            deployment: self.belongings.context.deployment(),
            launch: Some(new.token.clone()),
            request: json!(new),
        };
        let entry = record(self.belongings.context, &intent).await?;
        let deadline = Instant::now() + BOOT_TIMEOUT;
        let made = loop {
            match self.belongings.ec2.create_volume(new).await {
                Err(error) if error.class == Class::Unknown && Instant::now() < deadline => {
                    sleep(self.belongings.context.pace.busy).await;
                }
                made => break made,
            }
        };
        if made.as_ref().is_err_and(|error| error.class == Class::Unknown) {
            // Whoever comes next looks for it.
            return made.map_err(failed);
        }
        close(self.belongings.context, entry, if made.is_ok() { "done" } else { "refused" }).await;
        made.map_err(failed)
    }

    /// The new one is called the machine's own before the old one is called another: who is killed in
    /// between leaves two, and `up` refuses until it is said which. The other way round there would be
    /// none, and `up` would make a blank one. Answers what it is now.
    async fn give_place(&self, volume: &str) -> Result<KeptKind, Failure> {
        let kept = self.belongings.look().await?;
        let name = &self.wish.machine;
        let new = kept.iter().find(|it| it.id == volume);
        let of = |it: &Kept| match it.kind {
            KeptKind::Root | KeptKind::Home => Some(it.kind),
            _ => it.aside_of,
        };
        let Some((new, kind)) = new.and_then(|it| Some((it, of(it)?))) else {
            let hint = "`spot-tui list` names those that are kept";
            return Err(refused(format!("{name} keeps no volume {volume}"), hint));
        };
        let old: Vec<&Kept> = kept.iter().filter(|it| it.kind == kind && it.id != new.id).collect();
        for it in &old {
            if let Some(instance) = &it.instance {
                self.let_go(it, instance).await?;
            }
        }
        self.call(&new.id, kind.word()).await?;
        for it in &old {
            self.belongings.ec2.tag(&it.id, tags::ASIDE_OF, kind.word()).await.map_err(failed)?;
            self.call(&it.id, KeptKind::Aside.word()).await?;
            let text =
                format!("{it} is not used any more; it stays until it is deleted, and costs");
            self.belongings.say(Level::Info, &text).await;
        }
        let text = format!("{volume} is its {} now: `spot-tui up {name}` attaches it", kind.word());
        self.belongings.say(Level::Success, &text).await;
        Ok(kind)
    }

    async fn call(&self, volume: &str, word: &str) -> Result<(), Failure> {
        self.belongings.ec2.tag(volume, tags::KEPT, word).await.map_err(failed)
    }

    /// Takes it off the machine's instance, which has to be stopped: what is mounted does not come off,
    /// and half of what is written would be on each.
    async fn let_go(&self, own: &Kept, instance: &InstanceId) -> Result<(), Failure> {
        let states =
            self.belongings.ec2.states(std::slice::from_ref(instance)).await.map_err(failed)?;
        match states.get(instance) {
            None | Some(Ec2State::ShuttingDown | Ec2State::Terminated) => Ok(()),
            Some(Ec2State::Stopped) => {
                self.belongings.ec2.detach_volume(&own.id, instance).await.map_err(failed)
            }
            Some(state) => {
                let reason = format!("{own} is on {instance}, which is {}", state.as_str());
                let hint = format!("`spot-tui down {}` first", self.wish.machine);
                Err(refused(reason, &hint))
            }
        }
    }
}

fn refused(reason: String, hint: &str) -> Failure {
    Failure::new(FailureKind::Configuration, Step::Keep, reason, hint)
}
