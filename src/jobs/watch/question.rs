//! A question that is asked of a region again and again. Each has a file, a pace, a task and a
//! backoff of its own: none waits for another, in no region.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::aws::{AwsError, Class, Ec2, Selector};
use crate::fleet::{Ec2State, InstanceId, Lifecycle, Machine};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::retry::{LONGEST_REFUSED, Pauses};

/// Something that is asked of one region for as long as somebody watches.
pub(super) trait Question: Send {
    /// Its name in the log file.
    const NAME: &'static str;

    /// The pause after an answer; `None` where there is nothing to ask before something changes.
    fn pace(&self, region: &WatchedRegion) -> Option<Duration>;

    /// Asks once, and reports what is new.
    fn ask(&mut self, region: &WatchedRegion) -> impl Future<Output = Result<(), AwsError>> + Send;

    /// Waits for what makes it worth asking before its time: that other instances are there than
    /// before. Cancel-safe.
    fn woken(
        &mut self,
        _region: &WatchedRegion,
        changes: &mut watch::Receiver<Seen>,
    ) -> impl Future<Output = ()> + Send {
        // The sender lives as long as the region.
        async { drop(changes.changed().await) }
    }
}

/// Asks until the credentials are refused: then no call will succeed before somebody signs in.
pub(super) async fn ask_on(mut question: impl Question, region: Arc<WatchedRegion>) -> AwsError {
    let mut backoff = Pauses::new(region.context.pace.busy * 2, LONGEST_REFUSED).backoff();
    let mut changes = region.seen.subscribe();
    loop {
        changes.mark_unchanged();
        let pause = match question.ask(&region).await {
            Ok(()) => {
                backoff.reset();
                question.pace(&region)
            }
            Err(error) if matches!(error.class, Class::Credentials(_)) => return error,
            Err(error) => {
                tracing::debug!(%error, region = %region.ec2.region(), "{}", name(&question));
                Some(backoff.pause())
            }
        };
        let next = async {
            match pause {
                Some(pause) => sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = next => {}
            () = question.woken(&region, &mut changes) => {}
        }
    }
}

fn name<Q: Question>(_: &Q) -> &'static str {
    Q::NAME
}

/// One region, and what its questions know of each other's answers.
pub(super) struct WatchedRegion {
    pub context: Arc<Context>,
    pub ec2: Ec2,
    pub reporter: Reporter,
    seen: watch::Sender<Seen>,
    machines_due: Notify,
}

/// What was there at the last look.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    pub machines: Vec<Machine>,
    /// Those that EC2 takes back.
    pub noticed: BTreeSet<InstanceId>,
}

impl WatchedRegion {
    pub(super) fn new(context: &Arc<Context>, ec2: Ec2, reporter: &Reporter) -> Arc<Self> {
        Arc::new(Self {
            context: Arc::clone(context),
            ec2,
            reporter: reporter.clone(),
            seen: watch::Sender::default(),
            machines_due: Notify::new(),
        })
    }

    pub(super) fn seen(&self) -> watch::Ref<'_, Seen> {
        self.seen.borrow()
    }

    /// Notes what is there. Who asks for more of it is woken where there are others than before.
    pub(super) fn note(&self, machines: Vec<Machine>) {
        self.seen.send_if_modified(|seen| {
            let ids = |machines: &[Machine]| -> BTreeSet<InstanceId> {
                let alive = machines.iter().filter(|machine| machine.is_alive());
                alive.map(|machine| machine.id.clone()).collect()
            };
            let others = ids(&seen.machines) != ids(&machines);
            seen.machines = machines;
            others
        });
    }

    /// Notes that EC2 takes this one back; true when that is new.
    pub(super) fn note_notice(&self, id: &InstanceId) -> bool {
        let mut is_new = false;
        self.seen.send_if_modified(|seen| {
            is_new = seen.noticed.insert(id.clone());
            false
        });
        is_new
    }

    /// The machines are to be looked at soon.
    pub(super) fn look_soon(&self) {
        self.machines_due.notify_one();
    }

    /// Waits for [`Self::look_soon`], or until somebody changed something at AWS.
    pub(super) async fn looked_for(&self) {
        tokio::select! {
            () = self.machines_due.notified() => {}
            () = self.context.watch_woken() => {}
        }
    }

    /// What is ours here.
    pub(super) fn ours(&self) -> Selector {
        Selector::deployment(&self.context.deployment())
    }

    /// Whether it is a region of the configuration: elsewhere nobody is expected to launch.
    pub(super) fn is_configured(&self) -> bool {
        let config = self.context.config.as_ref();
        config.is_some_and(|config| config.region(self.ec2.region()).is_some())
    }
}

impl Seen {
    pub(super) fn has_spot(&self) -> bool {
        let is_spot = |it: &Machine| it.birth.lifecycle != Lifecycle::OnDemand && it.is_alive();
        self.machines.iter().any(is_spot)
    }

    /// Whether a state is about to change.
    pub(super) fn is_changing(&self) -> bool {
        self.machines.iter().any(|machine| {
            matches!(
                machine.seen.state,
                Ec2State::Pending | Ec2State::ShuttingDown | Ec2State::Stopping
            ) || (machine.seen.state == Ec2State::Running && self.noticed.contains(&machine.id))
        })
    }
}
