//! What a user does on nodes by hand: look closely, read logs, run a command.

use std::sync::Arc;
use std::time::Duration;

use super::monitor::{NODE_STATUS, NodeDirectory, complete};
use super::ssh_access::SshAccess;
use super::status;
use crate::aws::host_key_fingerprints;
use crate::fleet::{
    Diagnosis, Failure, FailureKind, HostKey, Instance, InstanceKey, Machine, Region, Step,
};
use crate::jobs::context::Context;
use crate::retry::STATUS_TIMEOUT;
use crate::ssh::{ExitStatus, HostKeyCheck, LONGEST_ANSWER, Pipe, RemoteCommand, Session};

/// As good as no limit: a command of the user's ends when it or the user wants.
const UNLIMITED: Duration = Duration::from_hours(24 * 365);

/// A node that is to be reached over SSH.
#[derive(Debug, Clone)]
pub struct NodeTarget {
    /// The row.
    pub key: InstanceKey,
    /// Where it is.
    pub region: Region,
    /// The instance.
    pub machine: Machine,
    /// The key that its host showed before.
    pub host_key: Option<HostKey>,
}

impl NodeTarget {
    /// Where this instance is, if it was made already.
    pub fn of(instance: &Instance) -> Result<Self, Failure> {
        let machine = instance.machine.clone().ok_or_else(|| {
            Failure::new(
                FailureKind::Unreachable,
                Step::Connect,
                format!("{} is not there yet", instance.key),
                "",
            )
        })?;
        let Instance { key, region, host_key, .. } = instance;
        let (key, region, host_key) = (key.clone(), region.clone(), host_key.clone());
        Ok(Self { key, region, machine, host_key })
    }
}

/// Goes to nodes, with the configuration's keys and routes.
#[derive(Debug)]
pub struct NodeAccess {
    context: Arc<Context>,
    access: SshAccess,
    directory: Option<NodeDirectory>,
}

impl NodeAccess {
    /// Looks for keys first; asks for a passphrase where one is needed.
    pub async fn open(context: &Arc<Context>) -> Result<Self, Failure> {
        let config = Arc::clone(context.config()?);
        let access = SshAccess::open(context, &config).await?;
        let directory = NodeDirectory::open(context).await?;
        Ok(Self { context: Arc::clone(context), access, directory })
    }

    /// What `ssh_config` says of hosts of ours and is passed over.
    pub fn notes(&self) -> Result<Vec<String>, Failure> {
        self.access.settings.notes()
    }

    /// Everything that `node-status` knows, and the orchestrator's word.
    pub async fn diagnose(&self, target: &NodeTarget) -> Result<Diagnosis, Failure> {
        let session = self.session(target).await?;
        let mut printed = String::new();
        let command = RemoteCommand::new(format!("{NODE_STATUS} --full"));
        let command = command.limit(STATUS_TIMEOUT).most(LONGEST_ANSWER);
        let ran = session.exec(&command, |_, line| status::push(&mut printed, line)).await;
        session.close().await;
        let exit = ran.map_err(|error| error.failure())?;
        let (Some(vitals), Some(report)) = (status::parse(&printed), status::report(&printed))
        else {
            let reason = format!("node-status told nothing ({exit})");
            let hint = "the deployment did not come that far: look at `spot-tui logs`";
            return Err(Failure::new(FailureKind::Node, Step::Verify, reason, hint));
        };
        let vitals = complete(vitals, None, &target.machine, self.directory.as_ref()).await;
        Ok(Diagnosis { vitals, report })
    }

    /// Runs a command to its end and tells each line.
    pub async fn run(
        &self,
        target: &NodeTarget,
        command: &str,
        on_line: impl FnMut(Pipe, &str),
    ) -> Result<ExitStatus, Failure> {
        let session = self.session(target).await?;
        let command = RemoteCommand::for_login_shell(command).limit(UNLIMITED);
        let ran = session.exec(&command, on_line).await;
        session.close().await;
        ran.map_err(|error| error.failure())
    }

    /// The key of a host: the one that it showed before, or the one that it shows now and that its
    /// console vouches for.
    pub async fn host_key(&self, target: &NodeTarget) -> Result<HostKey, Failure> {
        if let Some(known) = &target.host_key {
            return Ok(known.clone());
        }
        let session = self.session(target).await?;
        let key = session.host_key().clone();
        session.close().await;
        Ok(key)
    }

    /// A session with a host whose key is known, or told by its console.
    pub(super) async fn session(&self, target: &NodeTarget) -> Result<Session, Failure> {
        let check = host_key_check(&self.context, target).await?;
        self.access.session(&target.machine, check).await
    }
}

/// What a host has to show: the key that it showed before, or one that its console tells.
pub(super) async fn host_key_check(
    context: &Context,
    target: &NodeTarget,
) -> Result<HostKeyCheck, Failure> {
    if let Some(known) = &target.host_key {
        return Ok(HostKeyCheck::Known(known.clone()));
    }
    let account = |error: crate::aws::AwsError| error.failure(Step::HostKey);
    let ec2 = context.aws().await.map_err(account)?.region(&target.region);
    let console = ec2.console_output(&target.machine.id).await.map_err(account)?;
    let told = host_key_fingerprints(&console.unwrap_or_default()).fingerprints;
    if told.is_empty() {
        let reason = "its host key is not known, and its console does not tell it";
        let hint = "use the state file of the process that deployed it";
        return Err(Failure::new(FailureKind::HostKey, Step::HostKey, reason, hint));
    }
    Ok(HostKeyCheck::Fingerprints(told))
}
