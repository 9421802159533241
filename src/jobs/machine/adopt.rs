//! A root that the configuration came to keep only after its instance was launched becomes the machine's.
//!
//! Else the configuration would say that it is kept, and the next recreate, or the end of the instance,
//! would take it away. Nothing is moved: it stays where it is, and outlives its instance from here on.

use std::sync::Arc;

use super::belongings::failed;
use super::fit::only;
use super::target::{Target, gone};
use crate::aws::Ec2;
use crate::config::MachineConfig;
use crate::fleet::{Failure, FailureKind, HostKey, Instance, Kept, KeptKind, Level, Step, tags};
use crate::jobs::context::Context;
use crate::jobs::context::kept::look_until;
use crate::jobs::context::reporter::Reporter;

/// What a machine keeps whose instance is about to end: what it is to keep is kept when this returns.
pub(in crate::jobs) async fn keep_what_it_has(
    context: &Arc<Context>,
    ec2: &Ec2,
    row: &Instance,
    wanted: &MachineConfig,
    reporter: &Reporter,
) -> Result<Vec<Kept>, Failure> {
    let Some(id) = row.id().cloned() else { return Ok(Vec::new()) };
    let target = Target {
        context: Arc::clone(context),
        ec2: ec2.clone(),
        reporter: reporter.clone(),
        key: row.key.clone(),
        id,
    };
    let kept = target.kept_by(&wanted.name).await?;
    only(&kept, KeptKind::Home, wanted)?;
    if only(&kept, KeptKind::Root, wanted)?.is_some() || !wanted.keeps_root {
        return Ok(kept);
    }
    // What is gone has no root to lose.
    if matches!(target.look().await, Ok(None)) {
        return Ok(kept);
    }
    target.adopt_root(wanted, row.host_key.as_ref()).await?;
    target.kept_by(&wanted.name).await
}

impl Target {
    /// Has the root that the instance has be its machine's for good. It outlives the instance before it
    /// is said to be kept: else it might be said of one that goes.
    pub(super) async fn adopt_root(
        &self,
        wanted: &MachineConfig,
        host_key: Option<&HostKey>,
    ) -> Result<Kept, Failure> {
        let device = self.ec2.root_device(&self.id).await.map_err(failed)?;
        let device = device.ok_or_else(|| gone(Step::Keep, &self.id))?;
        let its = self.ec2.volumes_of(&self.id).await.map_err(failed)?;
        let root = its.into_iter().find_map(|it| {
            let (_, at, _) = it.attached?;
            (at == device).then_some(it.id)
        });
        let root = root.ok_or_else(|| gone(Step::Keep, &self.id))?;
        self.ec2.keep_at(&self.id, &device).await.map_err(failed)?;
        if let Some(key) = host_key.and_then(HostKey::to_tag) {
            self.ec2.tag(&root, tags::HOST_KEY, &key).await.map_err(failed)?;
        }
        self.ec2.tag(&root, tags::KEPT, KeptKind::Root.word()).await.map_err(failed)?;
        let is_it = |it: &Kept| it.machine == wanted.name && it.id == root;
        let is_told = |kept: &[Kept]| kept.iter().any(is_it);
        let kept = look_until(&self.context, &self.ec2, &self.reporter, is_told).await;
        let kept = kept.map_err(failed)?.into_iter().find(is_it);
        let kept = kept.ok_or_else(|| {
            let reason = format!("EC2 does not tell yet that {root} is kept");
            Failure::new(FailureKind::Aws, Step::Keep, reason, "try again in a minute")
        })?;
        self.say(Level::Info, format!("{kept} is kept from now on")).await;
        Ok(kept)
    }
}
