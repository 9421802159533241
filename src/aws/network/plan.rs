//! What the runbooks are asked for, what they tell, and what they ask of their caller: to write
//! down what is about to be made.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use ipnet::IpNet;

use crate::aws::error::AwsError;
use crate::config::Network;
use crate::fleet::{
    Failure, FailureKind, LaunchId, Level, Region, SecurityGroupId, Step, SubnetId, VpcId, Zone,
};

/// What a region's instances need around them.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkPlan {
    /// Whose network.
    pub network: Network,
    /// The zones that may be used; all where none is named.
    pub zones: Vec<Zone>,
    /// Whether instances are reached from the internet: then in a network of the user's only
    /// subnets with a way out to it will do.
    pub is_public: bool,
    /// Who may reach port 22.
    pub operators: Vec<IpNet>,
    /// The user's own groups, put beside ours.
    pub extra_groups: Vec<SecurityGroupId>,
}

/// A network that instances can be launched into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkReady {
    /// The VPC.
    pub vpc: VpcId,
    /// Its subnets that may be used, by zone. At least one.
    pub subnets: Vec<(SubnetId, Zone)>,
    /// Our security group first, then the user's.
    pub security_groups: Vec<SecurityGroupId>,
}

/// What is about to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkCall {
    /// Where.
    pub region: Region,
    /// The API action, `CreateVpc`.
    pub action: &'static str,
    /// The `Name` tag of what it makes or changes.
    pub name: String,
    /// The tag `LaunchId` of what it makes; `None` for a call that makes nothing of its own.
    pub launch: Option<LaunchId>,
    /// All tags of what it makes.
    pub tags: BTreeMap<String, String>,
}

/// The journal's place in the runbook: what is about to be made is on disk before the call is
/// sent.
pub trait RecordIntent: Sync {
    /// What an entry is closed by.
    type Entry: Send;

    /// How long EC2 may not tell yet of what it made (`aws.consistency_window_s`).
    fn consistency_window(&self) -> Duration {
        Duration::from_mins(1)
    }

    /// Writes the intent down. An error stops the runbook: nothing is sent that is not recorded.
    fn open(&self, intent: NetworkCall)
    -> impl Future<Output = Result<Self::Entry, String>> + Send;

    /// The outcome is known. An intent whose outcome is unknown stays open.
    fn close(&self, entry: Self::Entry) -> impl Future<Output = Result<(), String>> + Send;
}

/// Where sentences for people go.
pub type Say<'a> = &'a (dyn Fn(Level, String) + Send + Sync);

/// Why a network is not there.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NetworkError {
    /// AWS refused.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The journal could not be written.
    #[error("recording what is about to be made: {0}")]
    NotRecorded(String),
}

impl NetworkError {
    /// The same as the user reads it.
    pub fn failure(&self, step: Step) -> Failure {
        match self {
            Self::Aws(error) => error.failure(step),
            Self::NotRecorded(_) => Failure::new(
                FailureKind::LocalDisk,
                Step::State,
                self.to_string(),
                "nothing was sent; make the state file's folder writable and run again",
            ),
        }
    }
}
