//! What all regions of one create share, and what of it each of them is launched with.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::aws::{Aws, AwsError, LaunchRequest};
use crate::config::{Config, RegionConfig, Strategy};
use crate::fleet::tags::Origin;
use crate::fleet::{Account, Failure, Kept, KeptKind, Lifecycle, SecurityGroupId, Step};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::node::inputs::DeployInputs;

/// What all regions of one create share.
pub(super) struct Creation {
    pub aws: Aws,
    pub account: Account,
    pub config: Arc<Config>,
    pub inputs: Arc<DeployInputs>,
    pub origin: Origin,
}

impl Creation {
    /// Looks at everything on this side, and who we are at AWS.
    pub(super) async fn open(context: &Arc<Context>, reporter: &Reporter) -> Result<Self, Failure> {
        let config = Arc::clone(context.config()?);
        context.require_deployment()?;
        let inputs = DeployInputs::prepare(context, &config, reporter).await?;
        let unknown = |error: AwsError| error.failure(Step::Account);
        let aws = context.aws().await.map_err(unknown)?.clone();
        let account = context.account().await.map_err(unknown)?.clone();
        let origin = Origin {
            deployment: context.deployment(),
            creator: account.creator.clone(),
            at: context.now(),
            extra: BTreeMap::new(),
        };
        Ok(Self { aws, account, config, inputs: Arc::new(inputs), origin })
    }

    /// The same where spot is refused.
    pub(super) fn on_demand(&self) -> Self {
        Self {
            aws: self.aws.clone(),
            account: self.account.clone(),
            config: Arc::new(self.config.on_demand()),
            inputs: Arc::clone(&self.inputs),
            origin: self.origin.clone(),
        }
    }

    /// Whose everything is that is made in a region.
    pub(super) fn origin_of(&self, wanted: &RegionConfig) -> Origin {
        Origin { extra: wanted.tags.clone(), ..self.origin.clone() }
    }

    /// An instant fleet buys one-time spot instances only.
    pub(super) fn fleet_from(&self, wanted: &RegionConfig) -> Option<u32> {
        let placement = &self.config.placement;
        let is_wished = placement.strategy == Strategy::Fleet;
        (is_wished && wanted.lifecycle == Lifecycle::Spot).then_some(placement.fleet_from)
    }

    /// The same for a machine: the root is the machine's for good where it is to be kept, unless it
    /// has one, whose place this one only holds.
    pub(super) fn template_of(
        &self,
        name: &str,
        kept: &[Kept],
        template: LaunchRequest,
    ) -> LaunchRequest {
        let has_root = kept.iter().any(|it| it.kind == KeptKind::Root);
        let keeps_root = self.config.machine(name).is_some_and(|machine| machine.keeps_root);
        let user_data =
            if has_root { self.inputs.kept_user_data.clone() } else { template.user_data };
        LaunchRequest { keeps_root: keeps_root && !has_root, user_data, ..template }
    }

    /// What all requests of a region have in common. The place is filled in by the candidate.
    pub(super) fn template(
        &self,
        wanted: &RegionConfig,
        security_groups: Vec<SecurityGroupId>,
        key_name: Option<String>,
    ) -> LaunchRequest {
        let aws = &self.config.aws;
        LaunchRequest {
            token: "".into(),
            count: 0,
            machine_type: "".into(),
            image: "".into(),
            root_device: String::new(),
            subnet: "".into(),
            zone: "".into(),
            security_groups,
            key_name,
            user_data: self.inputs.user_data.clone(),
            storage_gb: wanted.instance_storage_gb,
            keeps_root: false,
            lifecycle: wanted.lifecycle,
            max_price: wanted.spot_price_limit,
            associate_public_ip: aws.associate_public_ip,
            cpu_credits: aws.cpu_credits,
            ends_itself: self.config.lease.is_some()
                && wanted.lifecycle != Lifecycle::PersistentSpot,
            instance_profile: aws.iam_instance_profile.clone(),
            tags: BTreeMap::new(),
        }
    }
}
