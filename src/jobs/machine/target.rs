//! An instance that something is done to, and how that is done to several.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::aws::{AwsError, Ec2};
use crate::fleet::{
    Failure, FailureKind, Instance, InstanceId, InstanceKey, JobResult, Level, Machine, Step,
};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::context::tasks::together;
use crate::jobs::node::deploy::{Begin, Pipeline};
use crate::jobs::node::inputs::DeployInputs;
use crate::jobs::node::machine_setup::MachineSetup;

/// An instance that something is done to.
pub(super) struct Target {
    pub(super) context: Arc<Context>,
    pub(super) ec2: Ec2,
    pub(super) reporter: Reporter,
    pub(super) key: InstanceKey,
    pub(super) id: InstanceId,
}

impl Target {
    /// How it and its spot request stand now; reported.
    pub(super) async fn look(&self) -> Result<Option<Machine>, AwsError> {
        let seen = self.ec2.standing(&self.id).await?;
        if let Some(machine) = &seen {
            self.reporter.seen(&self.key, machine).await;
        }
        Ok(seen)
    }

    /// Sees its node through, from where that begins. Answers whether it works then.
    pub(super) async fn see_through(
        &self,
        machine: Machine,
        inputs: Arc<DeployInputs>,
        begin: Begin,
        setup: Option<MachineSetup>,
    ) -> bool {
        let pipeline = Pipeline {
            stop: self.context.pipelines().begin(&self.id),
            context: Arc::clone(&self.context),
            inputs,
            ec2: self.ec2.clone(),
            reporter: self.reporter.clone(),
            key: self.key.clone(),
            machine,
            setup,
        };
        pipeline.run_once(begin).await
    }

    pub(super) async fn say(&self, level: Level, text: impl Into<String>) {
        self.reporter.said(&self.key, level, text).await;
    }
}

/// Does one thing to each of these by itself. What fails is said of its row, which stays as it is:
/// an instance that would not stop runs on.
pub(super) async fn each<F, Fut>(
    context: Arc<Context>,
    instances: Vec<Instance>,
    reporter: Reporter,
    act: F,
) -> JobResult
where
    F: Fn(Target, Instance) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send,
{
    context.journal()?;
    context.require_deployment()?;
    let aws = context.aws().await.map_err(|error| error.failure(Step::Account))?;
    let mut acts = JoinSet::new();
    for instance in instances {
        let Some(id) = instance.id().cloned() else { continue };
        let target = Target {
            context: Arc::clone(&context),
            ec2: aws.region(&instance.region),
            reporter: reporter.clone(),
            key: instance.key.clone(),
            id,
        };
        let (act, reporter, key) = (act.clone(), reporter.clone(), instance.key.clone());
        acts.spawn(async move {
            let done = Box::pin(act(target, instance)).await;
            if let Err(failure) = &done {
                reporter.said(&key, Level::Error, failure.to_string()).await;
            }
            done.is_ok()
        });
    }
    let failed = together(acts, || false).await.into_iter().filter(|done| !done).count();
    context.wake_watch();
    Ok(failed)
}

/// The same for what sees nodes through. Whatever would keep them from working is found before
/// anything is done, and costs nothing then.
pub(super) async fn each_node<F, Fut>(
    context: Arc<Context>,
    instances: Vec<Instance>,
    reporter: Reporter,
    act: F,
) -> JobResult
where
    F: Fn(Target, Instance, Arc<DeployInputs>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send,
{
    let config = Arc::clone(context.config()?);
    let inputs = Arc::new(DeployInputs::prepare(&context, &config, &reporter).await?);
    let act = move |target, row| act(target, row, Arc::clone(&inputs));
    each(context, instances, reporter, act).await
}

/// EC2 does not know it, or it ends.
pub(super) fn gone(step: Step, id: &InstanceId) -> Failure {
    let reason = format!("{id} is gone");
    Failure::new(FailureKind::Aws, step, reason, "`spot-tui list` shows what there is")
}
