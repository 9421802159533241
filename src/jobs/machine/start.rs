//! Starts instances that are stopped, and sees them through to a node that works.

use std::sync::Arc;

use tokio::time::{Instant, sleep};

use super::fit::Fit;
use super::target::{Target, each_node, gone};
use crate::aws::{AwsError, Class};
use crate::config::MachineConfig;
use crate::fleet::{
    Ec2State, Failure, FailureKind, Instance, InstanceId, JobResult, Level, Machine, Phase, Step,
};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::node::deploy::Begin;
use crate::jobs::node::inputs::DeployInputs;
use crate::retry::{BOOT_TIMEOUT, CAPACITY, CAPACITY_TIMEOUT, THROTTLED};

/// Starts these, each by itself. One that runs already is only seen through.
pub(in crate::jobs) async fn start(
    context: Arc<Context>,
    instances: Vec<Instance>,
    reporter: Reporter,
) -> JobResult {
    each_node(context, instances, reporter, |target, row, inputs| async move {
        target.start(&row, inputs).await
    })
    .await
}

impl Target {
    async fn start(&self, row: &Instance, inputs: Arc<DeployInputs>) -> Result<(), Failure> {
        let wanted = self.wanted(row);
        // Who was killed while the machine got its disk back left it stopped.
        let fit = match &wanted {
            Some(wanted) => Some(self.fit(wanted).await?),
            None => None,
        };
        let machine = self.bring_up(&inputs).await?;
        self.context.pipelines().renew(&self.id);
        // Its console prints no keys at the same instance id, and its disk keeps them.
        let on_disk = fit.as_ref().and_then(Fit::host_key);
        let host_key = on_disk.or_else(|| row.host_key.clone());
        let setup = fit.as_ref().zip(wanted.as_ref()).map(|(fit, wanted)| fit.setup(wanted));
        if self.see_through(machine, inputs, Begin::Start(host_key), setup).await {
            if let (Some(wanted), Some(Fit { root: Some(_), .. })) = (&wanted, fit) {
                self.delete_spare(wanted).await;
            }
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::Node,
            Step::Verify,
            "it runs, and its node does not work",
            "see its row; `spot-tui diagnose` looks closely",
        ))
    }

    /// What the configuration says of the machine that this is, if it is one.
    fn wanted(&self, row: &Instance) -> Option<MachineConfig> {
        let config = self.context.config.as_ref()?;
        config.machine(row.machine_name()?).cloned()
    }

    /// Asks until EC2 starts it, and it runs and can be reached. A start that was taken and fell back,
    /// because there was no room after all, is asked for again while there is time.
    pub(super) async fn bring_up(&self, inputs: &DeployInputs) -> Result<Machine, Failure> {
        let deadline = Instant::now() + CAPACITY_TIMEOUT;
        loop {
            self.ask_until_started(deadline).await?;
            self.reporter.entered(&self.key, Phase::Starting).await;
            match self.await_address(inputs).await? {
                Waited::Reachable(machine) => return Ok(machine),
                Waited::FellBack(machine) if Instant::now() >= deadline => {
                    return Err(given_up(&machine));
                }
                Waited::FellBack(machine) => {
                    let why = "it was taken, and fell back";
                    self.say(Level::Warning, no_room(&machine, why)).await;
                }
            }
        }
    }

    /// Asks until EC2 starts it: too early is waited for, and so is room in the zone of its disks.
    async fn ask_until_started(&self, deadline: Instant) -> Result<(), Failure> {
        let (mut backoff, mut throttled) = (CAPACITY.backoff(), THROTTLED.backoff());
        let (mut says_request, mut says_room) = (true, true);
        loop {
            let machine = self.look().await.map_err(|error| error.failure(Step::Start))?;
            let machine = machine.ok_or_else(|| gone(Step::Start, &self.id))?;
            let (pause, why) = match self.next(&machine).await? {
                Next::Started => return Ok(()),
                Next::TooEarly => {
                    if std::mem::take(&mut says_request) {
                        let text = "its spot request cannot be used yet: waiting for it";
                        self.say(Level::Info, text).await;
                    }
                    (self.context.pace.busy, given_up(&machine))
                }
                // EC2 takes two starts a second in a region, and many are asked for at once.
                Next::Again(why) => (throttled.pause(), why),
                Next::NoRoom(why) => {
                    if std::mem::take(&mut says_room) {
                        self.say(Level::Warning, no_room(&machine, &why)).await;
                    }
                    (backoff.pause(), given_up(&machine))
                }
            };
            if Instant::now() + pause >= deadline {
                return Err(why);
            }
            sleep(pause).await;
        }
    }

    /// What comes next for it as it stands; it is started where it can be.
    async fn next(&self, machine: &Machine) -> Result<Next, Failure> {
        match machine.seen.state {
            Ec2State::Pending | Ec2State::Running => return Ok(Next::Started),
            Ec2State::Stopping => return Ok(Next::TooEarly),
            Ec2State::ShuttingDown | Ec2State::Terminated => {
                return Err(gone(Step::Start, &self.id));
            }
            Ec2State::Stopped => {}
        }
        match &machine.seen.request {
            Some(request) if request.is_over() => {
                return Err(Failure::new(
                    FailureKind::Aws,
                    Step::Start,
                    format!("its spot request is {}: EC2 ends the instance", request.state),
                    "create another one",
                ));
            }
            Some(request) if request.is_for_aws_to_start() => {
                return Err(Failure::new(
                    FailureKind::Capacity,
                    Step::Start,
                    format!("AWS stopped it ({}): only EC2 starts it again", request.status),
                    "it does so by itself, as soon as there is room in its zone",
                ));
            }
            // StartInstances was taken, and found no room: the request tries on by itself.
            Some(request) if request.state == "open" => {
                return Ok(Next::NoRoom(request.status.clone()));
            }
            Some(request) if !request.may_start() => return Ok(Next::TooEarly),
            _ => {}
        }
        match self.ec2.start(&self.id).await {
            Ok(()) => Ok(Next::Started),
            Err(error) if is_early(&error) => Ok(Next::TooEarly),
            // It is looked at again first: whatever came of the call is seen then.
            Err(error) if matches!(error.class, Class::Retry | Class::Unknown) => {
                Ok(Next::Again(error.failure(Step::Start)))
            }
            Err(error) if error.kind == FailureKind::Capacity => {
                Ok(Next::NoRoom(error.message.to_string()))
            }
            Err(error) => Err(error.failure(Step::Start)),
        }
    }

    /// Waits until one that was launched runs and can be reached.
    pub(super) async fn await_running(&self, inputs: &DeployInputs) -> Result<Machine, Failure> {
        match self.await_address(inputs).await? {
            Waited::Reachable(machine) => Ok(machine),
            Waited::FellBack(machine) => Err(given_up(&machine)),
        }
    }

    /// Waits until it runs and can be reached. EC2 may still tell that it is stopped after it took the
    /// start.
    async fn await_address(&self, inputs: &DeployInputs) -> Result<Waited, Failure> {
        let deadline = Instant::now() + BOOT_TIMEOUT;
        let consistent = Instant::now() + self.context.pace.consistency;
        let mut was_starting = false;
        loop {
            match self.look().await {
                Ok(Some(machine)) => match machine.seen.state {
                    Ec2State::Running if inputs.access.address(&machine).is_some() => {
                        return Ok(Waited::Reachable(machine));
                    }
                    Ec2State::Pending | Ec2State::Running => was_starting = true,
                    Ec2State::Stopping | Ec2State::Stopped
                        if was_starting && machine.was_stopped_by_somebody() =>
                    {
                        return Err(stopped_meanwhile(&self.id));
                    }
                    // It was taken, and fell back: there was no room after all.
                    Ec2State::Stopping | Ec2State::Stopped
                        if was_starting || Instant::now() >= consistent =>
                    {
                        return Ok(Waited::FellBack(machine));
                    }
                    Ec2State::Stopping | Ec2State::Stopped => {}
                    Ec2State::ShuttingDown | Ec2State::Terminated => {
                        return Err(gone(Step::Start, &self.id));
                    }
                },
                Ok(None) => return Err(gone(Step::Start, &self.id)),
                Err(error) => tracing::debug!(%error, "cannot see whether it starts"),
            }
            if Instant::now() >= deadline {
                let after = BOOT_TIMEOUT.as_secs() / 60;
                let reason = format!("not running, or without an address, after {after} min");
                return Err(Failure::new(FailureKind::Aws, Step::Boot, reason, "stop it again"));
            }
            sleep(self.context.pace.busy).await;
        }
    }
}

/// What became of a start that EC2 took.
enum Waited {
    /// It runs, and has an address.
    Reachable(Machine),
    /// It is stopped again.
    FellBack(Machine),
}

/// What comes next for an instance that is to be started.
enum Next {
    /// EC2 starts it, or has done so.
    Started,
    /// It cannot be started yet.
    TooEarly,
    /// EC2 had no ear for it now, and why.
    Again(Failure),
    /// There is no room for it in its zone now, in EC2's words.
    NoRoom(String),
}

/// The instance stops, or its request is not yet `disabled`: `stopped` comes before that.
fn is_early(error: &AwsError) -> bool {
    let codes = ["IncorrectSpotRequestState", "IncorrectInstanceState"];
    error.code.as_deref().is_some_and(|code| codes.contains(&code))
        && !error.message.contains("Only Amazon EC2 can restart")
}

/// What is said of a start that has to wait for room.
fn no_room(machine: &Machine, why: &str) -> String {
    let (kind, zone) = (&machine.machine_type, &machine.zone);
    let minutes = CAPACITY_TIMEOUT.as_secs() / 60;
    format!(
        "no {kind} capacity in {zone}, where its disks are: trying again for {minutes} minutes \
         ({why})"
    )
}

/// It is not started against whoever stops it.
fn stopped_meanwhile(id: &InstanceId) -> Failure {
    let reason = format!("{id} was stopped again before it could be reached");
    Failure::new(FailureKind::Aws, Step::Start, reason, "start it again once that is wanted")
}

fn given_up(machine: &Machine) -> Failure {
    let (kind, zone) = (&machine.machine_type, &machine.zone);
    let reason = format!("no {kind} capacity in {zone}, where its disks are");
    let hint = machine.birth.machine.as_ref().map_or_else(
        || "start it again later; another type or zone takes another instance".to_owned(),
        |name| {
            format!(
                "start it again later. Or name another `type`, or `lifecycle: on-demand`, and \
                 `spot-tui recreate {name}` brings its disks to that. Or take them to another zone: \
                 `spot-tui snapshot {name}`, then `spot-tui restore {name} --zone`"
            )
        },
    );
    Failure::new(FailureKind::Capacity, Step::Start, reason, hint)
}
