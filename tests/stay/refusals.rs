//! What AWS refuses while a machine is stopped, started and recreated: each code at each step ends in
//! the right state, with words that say why and what to do, and nothing that is kept is lost.
//!
//! Codes and texts are those that clients of EC2 met: EC2 User Guide (Spot request status), EC2 API
//! reference (client error codes), terraform-provider-aws#33399, cloud-custodian#6014,
//! kubernetes#77389, aws-sdk-java#1623.

use spot_tui::app::{Action, Command, Scope};

use super::{KEEPS, counts, dev, the_row, up, with_config};
use crate::support::stage::Stage;

/// One refusal: at the n-th call of an action, so many times in a row.
struct Refusal {
    call: (&'static str, u32, u32),
    code: &'static str,
    message: &'static str,
    /// The phase in which it ends.
    end: &'static str,
    /// What is said of it.
    says: &'static str,
}

const FOR_EVER: u32 = 10_000;
const EARLY: &str = "You can't start the Spot Instance 'i-1' because the associated Spot Instance \
                     request is not in an appropriate state to support start.";

/// What a stop meets.
const STOPS: [Refusal; 3] = [
    Refusal {
        call: ("StopInstances", 1, 1),
        code: "IncorrectInstanceState",
        message: "This instance 'i-1' is not in a state from which it can be stopped as it has \
                  never reached the 'running' state",
        end: "Ready",
        says: "never reached the 'running' state",
    },
    Refusal {
        call: ("StopInstances", 1, 1),
        code: "UnsupportedOperation",
        message: "You can't stop the Spot Instance 'i-1' because it is associated with a one-time \
                  Spot Instance request.",
        end: "Ready",
        says: "one-time",
    },
    Refusal {
        call: ("StopInstances", 1, 1),
        code: "IncorrectSpotRequestState",
        message: "The Spot Instance request is not in an appropriate state to support stop.",
        end: "Ready",
        says: "appropriate state",
    },
];

/// What a start meets.
const STARTS: [Refusal; 6] = [
    Refusal {
        call: ("StartInstances", 1, 3),
        code: "IncorrectSpotRequestState",
        message: EARLY,
        end: "Ready",
        says: "its spot request cannot be used yet",
    },
    Refusal {
        call: ("StartInstances", 1, 3),
        code: "IncorrectInstanceState",
        message: "The instance 'i-1' is not in a state from which it can be started.",
        end: "Ready",
        says: "cannot be used yet",
    },
    Refusal {
        call: ("StartInstances", 1, 4),
        code: "InsufficientInstanceCapacity",
        message: "There is no Spot capacity available that matches your request.",
        end: "Ready",
        says: "where its disks are",
    },
    Refusal {
        call: ("StartInstances", 1, FOR_EVER),
        code: "InsufficientInstanceCapacity",
        message: "There is no Spot capacity available that matches your request.",
        end: "Stopped",
        says: "Or name another `type`",
    },
    Refusal {
        call: ("StartInstances", 1, FOR_EVER),
        code: "MaxSpotInstanceCountExceeded",
        message: "Max spot instance count exceeded",
        end: "Stopped",
        says: "MaxSpotInstanceCountExceeded",
    },
    Refusal {
        call: ("StartInstances", 1, FOR_EVER),
        code: "InvalidParameterValue",
        message: "Invalid value 'i-1' for instanceId. Instance does not have a volume attached at \
                  root (/dev/sda1)",
        end: "Stopped",
        says: "does not have a volume attached at root",
    },
];

/// What the swap of the root meets. The first AttachVolume and AssociateAddress are the first launch's.
const SWAPS: [Refusal; 9] = [
    Refusal {
        call: ("DetachVolume", 1, 2),
        code: "IncorrectState",
        message: "Unable to detach root volume 'vol-1' from instance 'i-1'",
        end: "Ready",
        says: "takes the place of the new one",
    },
    Refusal {
        call: ("DetachVolume", 1, 2),
        code: "InvalidAttachment.NotFound",
        message: "Could not find attachment between volume 'vol-1' and instance 'i-1'",
        end: "Ready",
        says: "takes the place of the new one",
    },
    Refusal {
        call: ("AttachVolume", 2, 2),
        code: "IncorrectState",
        message: "vol-1 is not 'available'.",
        end: "Ready",
        says: "takes the place of the new one",
    },
    Refusal {
        call: ("AttachVolume", 2, 2),
        code: "VolumeInUse",
        message: "vol-1 is already attached to an instance",
        end: "Ready",
        says: "takes the place of the new one",
    },
    Refusal {
        call: ("AssociateAddress", 2, 2),
        code: "InvalidInstanceID",
        message: "The pending instance 'i-1' is not in a valid state",
        end: "Ready",
        says: "takes the place of the new one",
    },
    Refusal {
        call: ("AttachVolume", 2, 1),
        code: "InvalidVolume.ZoneMismatch",
        message: "The volume 'vol-1' is not in the same availability zone as instance 'i-1'",
        end: "Stopped",
        says: "not in the same availability zone",
    },
    Refusal {
        call: ("AttachVolume", 2, 1),
        code: "InvalidParameterValue",
        message: "Invalid value '/dev/sda1' for unixDevice. Attachment point /dev/sda1 is already \
                  in use",
        end: "Ready",
        says: "takes the place of the new one",
    },
    Refusal {
        call: ("AttachVolume", 2, 1),
        code: "AttachmentLimitExceeded",
        message: "The maximum number of attachments is reached",
        end: "Stopped",
        says: "maximum number of attachments",
    },
    Refusal {
        call: ("StartInstances", 1, FOR_EVER),
        code: "MaxSpotInstanceCountExceeded",
        message: "Max spot instance count exceeded",
        end: "Stopped",
        says: "MaxSpotInstanceCountExceeded",
    },
];

impl Refusal {
    fn scenario(&self) -> String {
        let (action, nth, count) = self.call;
        let (code, message) = (self.code, self.message.replace('\'', "''"));
        format!(
            "calls: [{{ action: {action}, nth: {nth}, count: {count}, trouble: {{ error: {{ \
             status: 400, code: {code}, message: '{message}' }} }} }}]"
        )
    }

    async fn ready(&self) -> Stage {
        with_config(KEEPS, &self.scenario()).await
    }

    /// It ends so, and says so; and nothing that is kept is lost or doubled.
    async fn ends(&self, stage: &mut Stage) {
        let (action, ..) = self.call;
        let what = format!("{action}: {} ends in {}", self.code, self.end);
        let quiet = |stage: &Stage| stage.model().changing().next().is_none();
        stage.until(3600, &what, |stage| dev(stage) == self.end && quiet(stage)).await;
        let log = stage.log();
        assert!(log.contains(self.says), "{what}: {} is not said: {log}", self.says);
        assert!(stage.unmet().is_empty(), "{what}: {log}");
        if self.end != "Ready" && self.call.2 != FOR_EVER {
            up(stage);
            stage.until(3600, &what, |stage| dev(stage) == "Ready" && quiet(stage)).await;
        }
        stage.pass(120).await;
        let left = counts(stage);
        // One that is stuck half-way still has the disk that it was launched with.
        let is_stuck = self.end != "Ready" && self.call.2 == FOR_EVER;
        assert!(left == (2, 1) || is_stuck && left == (3, 1), "{what}: {left:?}: {}", stage.log());
    }
}

fn act(stage: &mut Stage, action: Action) {
    let scope = Scope::Instances(vec![the_row(stage).key]);
    stage.command(Command::Act(action, scope));
}

#[tokio::test(start_paused = true)]
async fn each_refusal_of_a_stop_is_said_and_the_machine_runs_on() {
    for refusal in STOPS {
        let mut stage = refusal.ready().await;
        act(&mut stage, Action::Stop);
        stage.pass(30).await;
        refusal.ends(&mut stage).await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_refusal_of_a_start_is_waited_for_or_said() {
    for refusal in STARTS {
        let mut stage = refusal.ready().await;
        act(&mut stage, Action::Stop);
        stage.until(400, "dev is stopped", |stage| dev(stage) == "Stopped").await;
        up(&mut stage);
        stage.pass(30).await;
        refusal.ends(&mut stage).await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_refusal_of_a_swap_is_waited_for_or_gone_on_with() {
    for refusal in SWAPS {
        let mut stage = refusal.ready().await;
        let old = the_row(&stage);
        act(&mut stage, Action::Recreate);
        let is_another = |stage: &Stage| {
            let mut rows = stage.model().fleet.alive();
            rows.any(|row| row.machine_name() == Some("dev") && row.id() != old.id())
        };
        stage.until(900, "another instance comes", is_another).await;
        refusal.ends(&mut stage).await;
    }
}
