//! What is left in a region, and the end of its network once nothing uses it.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::{Destruction, Remains};
use crate::aws::network::{self, Teardown};
use crate::aws::{AwsError, Kind, Residue, Selector};
use crate::fleet::{Level, Machine, NetworkState, RegionNews, Step};
use crate::retry::TEARDOWN_TIMEOUT;

impl Destruction {
    /// Removes what is left of a deployment in a region where nothing of it is alive. Answers
    /// whether something would not go.
    pub(super) async fn clear(&self) -> bool {
        let is_left = self.tear_down().await == Remains::Something;
        self.ended(usize::from(is_left)).await;
        is_left
    }

    /// Removes the network of a region where nothing of the deployment is alive any more.
    pub(super) async fn tear_down(&self) -> Remains {
        // Nobody launches into what is being removed.
        let _fence = self.context.fences().tear_down(self.region()).await;
        let network = self.network();
        match self.remains(&network).await {
            // In most regions there is nothing, and nothing is worth a word.
            Ok(Remains::Nothing) => Remains::Nothing,
            Ok(Remains::Instances) => Remains::Instances,
            // They need the network as well, tags or not.
            Ok(Remains::Something) if self.untagged().is_some() => Remains::Instances,
            Ok(Remains::Something) => self.demolish(&network).await,
            Err(error) => {
                self.report_failure(&error.failure(Step::Teardown)).await;
                Remains::Something
            }
        }
    }

    /// Says what machines keep here: it is not left over, and it costs. Of the own deployment it is
    /// reported as well. Where no machine ever was, nobody is asked.
    pub(super) async fn tell_kept(&self) {
        if !self.may_keep.load(Ordering::Relaxed) {
            return;
        }
        let kept = self.ec2.kept(&self.target.network()).await.unwrap_or_default();
        if self.target.deployment() == Some(self.context.deployment()) {
            self.reporter.learned_of(self.region(), RegionNews::Kept(kept.clone())).await;
        }
        let mut by_machine: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for it in &kept {
            by_machine.entry(&it.machine).or_default().push(it.to_string());
        }
        for (machine, kept) in by_machine {
            let text = format!(
                "{machine} keeps {}; `spot-tui destroy {machine} --with-kept {}` deletes it",
                kept.join("; "),
                kept.len()
            );
            self.reporter.said_of(self.region(), Level::Info, text).await;
        }
    }

    /// What is left here. One question tells whether a network is; only where it tells of none, and
    /// where we were, each kind is asked for by itself: EC2 may not tell of the newest tags yet.
    async fn remains(&self, ours: &Selector) -> Result<Remains, AwsError> {
        match self.ec2.has_tagged_network(ours).await? {
            Some(true) => {
                let is_alive = self.ec2.instances(ours).await?.iter().any(Machine::is_alive);
                Ok(if is_alive { Remains::Instances } else { Remains::Something })
            }
            Some(false) if !self.was_here().await => Ok(Remains::Nothing),
            told => {
                self.may_keep.fetch_or(told.is_none(), Ordering::Relaxed);
                let left = self.ec2.residue(ours).await?;
                let is_alive = left.iter().any(|it| it.kind == Kind::Instance);
                Ok(match () {
                    () if is_alive => Remains::Instances,
                    () if left.is_empty() => Remains::Nothing,
                    () => Remains::Something,
                })
            }
        }
    }

    /// Whether the configuration, the state, the journal or this destroy know of something here.
    pub(super) async fn knows_of_something(&self) -> bool {
        self.context.works_in(self.region())
            || !self.gone.lock().await.is_empty()
            || !self.unanswered().is_empty()
    }

    /// The same; where the journal is lost, nobody knows of nothing.
    async fn was_here(&self) -> bool {
        self.context.unsure_until().is_some() || self.knows_of_something().await
    }

    /// Whether there is nothing to be looked at. In most of an account's regions nothing ever was,
    /// and one question tells so.
    pub(super) async fn is_elsewhere(&self) -> bool {
        let is_launch = self.target.launch().is_some();
        // Who gets no answer looks.
        !is_launch
            && !self.was_here().await
            && self.ec2.has_tagged(&self.target.network()).await.is_ok_and(|tagged| !tagged)
    }

    /// Removes it. Answers what is left.
    async fn demolish(&self, network: &Selector) -> Remains {
        self.begin(&[]).await;
        self.reporter.learned_of(self.region(), RegionNews::Network(NetworkState::Removing)).await;
        let (say, telling) = self.reporter.telling(self.region());
        let teardown = network::teardown(
            &self.ec2,
            network,
            TEARDOWN_TIMEOUT,
            self.context.pace.consistency,
            &say,
        );
        match telling.during(Box::pin(teardown)).await {
            Ok(Teardown { left, .. }) if left.is_empty() => {
                self.reporter
                    .learned_of(self.region(), RegionNews::Network(NetworkState::Gone))
                    .await;
                Remains::Nothing
            }
            // A call that was still on its way has launched into it meanwhile.
            Ok(Teardown { left, .. }) if left.iter().any(|it| it.kind == Kind::Instance) => {
                Remains::Instances
            }
            Ok(Teardown { left, is_denied }) => {
                let left: Vec<String> = left.iter().map(Residue::to_string).collect();
                let next = if is_denied {
                    "time does not mend what was denied above: get that permission, then run destroy \
                     again"
                } else {
                    "run destroy again in a few minutes"
                };
                let text = format!("left over: {}; {next}", left.join(", "));
                self.reporter.said_of(self.region(), Level::Error, text).await;
                let residue = NetworkState::Residue(left);
                self.reporter.learned_of(self.region(), RegionNews::Network(residue)).await;
                Remains::Something
            }
            Err(error) => {
                self.report_failure(&error.failure(Step::Teardown)).await;
                Remains::Something
            }
        }
    }
}
