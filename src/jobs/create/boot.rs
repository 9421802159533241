//! Sees the instances of one region from pending to the end of their pipelines.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::aws::{Ec2, Selector, hint_of_end};
use crate::fleet::{
    Ec2State, Failure, FailureKind, HostKey, InstanceKey, Level, Machine, Phase, Step,
};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::node::deploy::{Begin, Pipeline};
use crate::jobs::node::inputs::DeployInputs;
use crate::retry::BOOT_TIMEOUT;

/// Why an instance whose time is up was not worked on.
fn late(machine: &Machine) -> Failure {
    let (id, after) = (&machine.id, BOOT_TIMEOUT.as_secs());
    if machine.seen.state == Ec2State::Running {
        let reason = format!("{id} runs and had no address to connect to for {after} s");
        let hint = "set aws.associate_public_ip: true, or ssh.connect: private";
        return Failure::new(FailureKind::Configuration, Step::Connect, reason, hint);
    }
    let reason = format!("{id} was still {} after {after} s", machine.seen.state);
    Failure::new(FailureKind::Aws, Step::Boot, reason, "destroy it and create another one")
}

/// Sees the instances of one region from pending to the end of their pipelines.
pub(super) struct BootWatcher {
    context: Arc<Context>,
    inputs: Arc<DeployInputs>,
    ec2: Ec2,
    reporter: Reporter,
    /// The keys that hosts showed to an earlier run.
    host_keys: BTreeMap<InstanceKey, HostKey>,
    pipelines: JoinSet<bool>,
    failed: usize,
}

impl BootWatcher {
    pub(super) fn new(
        context: &Arc<Context>,
        inputs: &Arc<DeployInputs>,
        ec2: &Ec2,
        reporter: &Reporter,
    ) -> Self {
        Self {
            context: Arc::clone(context),
            inputs: Arc::clone(inputs),
            ec2: ec2.clone(),
            reporter: reporter.clone(),
            host_keys: BTreeMap::new(),
            pipelines: JoinSet::new(),
            failed: 0,
        }
    }

    /// Hosts have to show the keys that they showed to an earlier run. A console prints keys at the
    /// first boot of an instance alone (cloud-init's `keys_to_console` runs once an instance).
    pub(super) fn expecting(self, host_keys: BTreeMap<InstanceKey, HostKey>) -> Self {
        Self { host_keys, ..self }
    }

    /// Starts each instance's pipeline as soon as that instance runs. Answers how many failed.
    pub(super) async fn run(
        mut self,
        machines: Vec<(InstanceKey, Machine)>,
        resumed: bool,
    ) -> usize {
        let mut waiting = machines;
        let deadline = Instant::now() + BOOT_TIMEOUT;
        let deployment = self.context.deployment();
        let selector = Selector::deployment(&deployment).with_terminated();
        while !waiting.is_empty() && Instant::now() < deadline {
            match self.ec2.instances(&selector).await {
                Ok(seen) => waiting = self.sort(waiting, &seen, resumed).await,
                Err(error) => tracing::warn!(%error, "cannot see whether instances run"),
            }
            if !waiting.is_empty() {
                sleep(self.context.pace.busy).await;
            }
        }
        for (key, machine) in waiting {
            self.reporter.entered(&key, Phase::Failed(late(&machine))).await;
            self.failed += 1;
        }
        while let Some(ended) = self.pipelines.join_next().await {
            // A panic was logged by the hook; the row it left behind is counted as failed.
            self.failed += usize::from(!ended.unwrap_or(false));
        }
        self.failed
    }

    /// Those that run are worked on, those that died are counted, the others wait on.
    async fn sort(
        &mut self,
        waiting: Vec<(InstanceKey, Machine)>,
        seen: &[Machine],
        resumed: bool,
    ) -> Vec<(InstanceKey, Machine)> {
        let mut still = Vec::new();
        for (key, machine) in waiting {
            let Some(now) = seen.iter().find(|seen| seen.id == machine.id) else {
                still.push((key, machine));
                continue;
            };
            if *now != machine {
                self.reporter.seen(&key, now).await;
            }
            match now.seen.state {
                Ec2State::Running if self.inputs.access.address(now).is_some() => {
                    self.start(key, now.clone(), resumed);
                }
                Ec2State::Pending | Ec2State::Running => still.push((key, now.clone())),
                state => {
                    let why = now.seen.state_reason.as_deref().unwrap_or("AWS gave no reason");
                    let hint = hint_of_end(why).map_or(String::new(), |hint| format!(" ({hint})"));
                    let text = format!("{state} before it ran: {why}{hint}");
                    self.reporter.said(&key, Level::Error, text).await;
                    self.failed += 1;
                }
            }
        }
        still
    }

    fn start(&mut self, key: InstanceKey, machine: Machine, resumed: bool) {
        let known = self.host_keys.get(&key).cloned();
        let begin = if resumed { Begin::Resume(known) } else { Begin::Launch };
        let pipeline = Pipeline {
            stop: self.context.pipelines().begin(&machine.id),
            context: Arc::clone(&self.context),
            inputs: Arc::clone(&self.inputs),
            ec2: self.ec2.clone(),
            reporter: self.reporter.clone(),
            key,
            machine,
            setup: None,
        };
        self.pipelines.spawn(pipeline.run_once(begin));
    }
}
