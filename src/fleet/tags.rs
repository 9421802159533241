//! The tags that every resource carries from birth, and how they are read back.
//!
//! Tags are the truth about what is ours: any machine with the same credentials and no file can
//! find a deployment by them. So they go into the create call, never afterwards.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{DeploymentId, KeptKind, LaunchId, Region};

/// Tag key: who made the resource.
pub const MANAGED_BY: &str = "ManagedBy";
/// Tag value of [`MANAGED_BY`]. The one constant by which this program knows its own.
pub const SPOT_TUI: &str = "spot-tui";
/// Tag key: the deployment.
pub const DEPLOYMENT_ID: &str = "DeploymentId";
/// Tag key: the identity that created the resource, an ARN's last part.
pub const CREATED_BY: &str = "CreatedBy";
/// Tag key: when, RFC 3339 in UTC.
pub const CREATED_AT: &str = "CreatedAt";
/// Tag key: the region, so that a tag export can be read by itself.
pub const REGION: &str = "Region";
/// Tag key: the name that the AWS console shows.
pub const NAME: &str = "Name";
/// Tag key: the launch request, equal to its client token.
pub const LAUNCH_ID: &str = "LaunchId";

/// Tag key: the machine of the configuration that an instance is.
pub const MACHINE: &str = "MachineName";

/// Tag key: what of a machine it is that outlives the machine's instance. What carries it goes only
/// when it is named.
pub const KEPT: &str = "Kept";
/// Tag key: the host key on a root volume that is kept.
pub const HOST_KEY: &str = "HostKey";

/// Tag key: in whose place an instance is: [`SPOT`].
pub const FALLBACK_FOR: &str = "FallbackFor";
/// Tag value of [`FALLBACK_FOR`]: spot was refused for long.
pub const SPOT: &str = "spot";

/// Tag key: which of a machine's volumes a snapshot is of.
pub const SNAPSHOT_OF: &str = "SnapshotOf";
/// Tag key: which of a machine's volumes one could be that lies beside it.
pub const ASIDE_OF: &str = "AsideOf";
/// Tag key: who asked for a snapshot, `schedule` or `hand`.
pub const SNAPSHOT_BY: &str = "SnapshotBy";
/// Tag value of [`SNAPSHOT_BY`]: what the schedule made it takes away again.
pub const BY_SCHEDULE: &str = "schedule";
/// Tag value of [`SNAPSHOT_BY`]: somebody asked for it.
pub const BY_HAND: &str = "hand";

/// Tag key: which lock a launch template is, new each time that it changes hands. What carries it is a
/// lock between machines ([`LockHolder`](super::LockHolder)) and no part of a network.
pub const LOCK_NONCE: &str = "LockNonce";
/// Tag key: the process that holds a lock.
pub const LOCK_HOLDER: &str = "LockHolder";
/// Tag key: the machine that it runs on.
pub const LOCK_HOST: &str = "LockHost";
/// Tag key: where on that machine the process's number counts: a boot of its kernel and a pid namespace
/// in it. Empty where nobody knows.
pub const LOCK_BOOT: &str = "LockBoot";
/// Tag key: what it holds the lock for.
pub const LOCK_PURPOSE: &str = "LockPurpose";
/// Tag key: until when, RFC 3339 in UTC, or [`LOCK_FREE`].
pub const LOCK_EXPIRES_AT: &str = "LockExpiresAt";
/// Tag value of [`LOCK_EXPIRES_AT`]: it was let go of.
pub const LOCK_FREE: &str = "free";

/// The keys that are written anew while a lock is held.
pub const LOCK_KEYS: [&str; 6] =
    [LOCK_NONCE, LOCK_HOLDER, LOCK_HOST, LOCK_BOOT, LOCK_PURPOSE, LOCK_EXPIRES_AT];

/// How many of ours one resource has at the most: a lock is none of the others.
pub const MOST_OF_OURS: usize = RESERVED.len() - LOCK_KEYS.len();

/// The keys that a user's own tags may not use.
pub const RESERVED: [&str; 19] = [
    MANAGED_BY,
    DEPLOYMENT_ID,
    CREATED_BY,
    CREATED_AT,
    REGION,
    NAME,
    LAUNCH_ID,
    MACHINE,
    KEPT,
    HOST_KEY,
    SNAPSHOT_OF,
    SNAPSHOT_BY,
    ASIDE_OF,
    LOCK_NONCE,
    LOCK_HOLDER,
    LOCK_HOST,
    LOCK_BOOT,
    LOCK_PURPOSE,
    LOCK_EXPIRES_AT,
];

/// Who makes something, for which deployment, when: the source of all tags of one act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The deployment.
    pub deployment: DeploymentId,
    /// The creator's name as STS tells it.
    pub creator: String,
    /// The moment that goes into `CreatedAt`. Kept with the intent, for a replay must send the
    /// same bytes.
    pub at: Timestamp,
    /// The user's own tags.
    pub extra: BTreeMap<String, String>,
}

impl Origin {
    /// All tags of a resource called `name` in `region`, sorted by key.
    pub fn tags(&self, region: &Region, name: &str) -> BTreeMap<String, String> {
        let mut tags = self.extra.clone();
        tags.insert(MANAGED_BY.into(), SPOT_TUI.into());
        tags.insert(DEPLOYMENT_ID.into(), self.deployment.to_string());
        tags.insert(CREATED_BY.into(), self.creator.clone());
        tags.insert(CREATED_AT.into(), self.at.to_string());
        tags.insert(REGION.into(), region.to_string());
        tags.insert(NAME.into(), name.into());
        tags
    }

    /// The tags of what one launch request makes of a machine of the configuration.
    pub fn machine_tags(
        &self,
        region: &Region,
        launch: &LaunchId,
        machine: &str,
    ) -> BTreeMap<String, String> {
        let mut tags = self.launch_tags(region, launch);
        tags.insert(NAME.into(), machine.into());
        tags.insert(MACHINE.into(), machine.into());
        tags
    }

    /// The tags of something that outlives the instance of a machine.
    pub fn kept_tags(
        &self,
        region: &Region,
        launch: &LaunchId,
        machine: &str,
        kind: KeptKind,
    ) -> BTreeMap<String, String> {
        let mut tags = self.machine_tags(region, launch, machine);
        tags.insert(KEPT.into(), kind.word().into());
        tags
    }

    /// The tags of what one launch request makes.
    pub fn launch_tags(&self, region: &Region, launch: &LaunchId) -> BTreeMap<String, String> {
        let mut tags = self.tags(region, &self.name());
        tags.insert(LAUNCH_ID.into(), launch.to_string());
        tags
    }

    /// The `Name` of everything in this deployment.
    pub fn name(&self) -> String {
        format!("{SPOT_TUI}-{}", self.deployment)
    }
}
