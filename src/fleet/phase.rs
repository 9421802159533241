//! The only state machine: what an instance is going through, in the words the user reads.
//!
//! EC2's own word for an instance's state is [`Ec2State`]; it is a fact about the instance and
//! never mixed up with the phase, which is ours.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Failure;

/// Where an instance stands between the plan and its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Phase {
    /// In the plan; nothing was asked of AWS.
    Planned,
    /// The launch is being prepared or was sent.
    Requesting,
    /// EC2 accepted the launch; the machine boots.
    Pending,
    /// EC2 reports it running; nothing of ours was done on it yet.
    Running,
    /// Waiting for SSH, with the reason of the last refusal.
    Connecting,
    /// The bundle is on its way.
    Uploading(Transfer),
    /// `deploy_services` runs.
    Configuring,
    /// The machine restarts so that its services start by themselves.
    Rebooting,
    /// Back after the reboot; the services are being looked at.
    Verifying,
    /// Everything was seen working.
    Ready,
    /// It runs, and something on it does not work.
    Degraded {
        /// Which part does not work, as the user reads it.
        reason: String,
    },
    /// AWS takes it back.
    Interrupted {
        /// When EC2 said that it ends, if it said so.
        at: Option<Timestamp>,
    },
    /// EC2 stops it.
    Stopping,
    /// EC2 stopped it; its volumes still cost money.
    Stopped,
    /// It was stopped, and is started again.
    Starting,
    /// Asked to end, by us or by AWS.
    Terminating,
    /// Gone.
    Terminated,
    /// The pipeline gave up on it.
    Failed(Failure),
}

/// Bytes on their way to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Transfer {
    /// Bytes sent so far.
    pub sent: u64,
    /// Bytes in all.
    pub total: u64,
}

impl Transfer {
    /// Whole percent, 100 only when everything was sent.
    pub fn percent(self) -> u8 {
        if self.total == 0 {
            return 100;
        }
        u8::try_from(u128::from(self.sent.min(self.total)) * 100 / u128::from(self.total))
            .unwrap_or(100)
    }
}

/// EC2's own word for an instance's state (API type `InstanceStateName`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ec2State {
    /// `pending`
    Pending,
    /// `running`
    Running,
    /// `shutting-down`
    ShuttingDown,
    /// `terminated`
    Terminated,
    /// `stopping`
    Stopping,
    /// `stopped`
    Stopped,
}

impl Ec2State {
    /// Whether it ends, or has ended.
    pub fn is_ending(self) -> bool {
        matches!(self, Self::ShuttingDown | Self::Terminated)
    }

    /// The word as the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// Reads the API's word; `None` for one that this program does not know.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Pending,
            Self::Running,
            Self::ShuttingDown,
            Self::Terminated,
            Self::Stopping,
            Self::Stopped,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }
}

impl fmt::Display for Ec2State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a phase means for the person who looks: it gives the row its colour and its glyph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Health {
    /// Needs a person: failed or degraded.
    Bad,
    /// AWS takes it back.
    Interrupted,
    /// Something of ours is at work on it.
    Working,
    /// Nothing happens until somebody else acts: planned, running but not deployed, stopped.
    Waiting,
    /// Seen working.
    Good,
    /// On its way out or gone.
    Ending,
}

impl Phase {
    /// The word that the user reads, and the value of `phase` in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Planned => "Planned",
            Self::Requesting => "Requesting",
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Connecting => "Connecting",
            Self::Uploading(_) => "Uploading",
            Self::Configuring => "Configuring",
            Self::Rebooting => "Rebooting",
            Self::Verifying => "Verifying",
            Self::Ready => "Ready",
            Self::Degraded { .. } => "Degraded",
            Self::Interrupted { .. } => "Interrupted",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Starting => "Starting",
            Self::Terminating => "Terminating",
            Self::Terminated => "Terminated",
            Self::Failed(_) => "Failed",
        }
    }

    /// What it means for the person who looks.
    pub fn health(&self) -> Health {
        match self {
            Self::Failed(_) | Self::Degraded { .. } => Health::Bad,
            Self::Interrupted { .. } => Health::Interrupted,
            Self::Ready => Health::Good,
            Self::Planned | Self::Running | Self::Stopped => Health::Waiting,
            Self::Terminating | Self::Terminated | Self::Stopping => Health::Ending,
            Self::Requesting
            | Self::Pending
            | Self::Starting
            | Self::Connecting
            | Self::Uploading(_)
            | Self::Configuring
            | Self::Rebooting
            | Self::Verifying => Health::Working,
        }
    }

    /// How far the deployment is, in percent of its steps, while it is under way.
    /// An estimate for a progress bar: each step counts what it took in practice.
    pub fn progress(&self) -> Option<u8> {
        Some(match self {
            Self::Requesting => 5,
            Self::Pending | Self::Starting => 15,
            Self::Connecting => 30,
            Self::Uploading(transfer) => 40 + transfer.percent() / 5,
            Self::Configuring => 65,
            Self::Rebooting => 80,
            Self::Verifying => 90,
            _ => return None,
        })
    }

    /// Whether a pipeline still has work to do here when nothing else happens.
    pub fn is_deploying(&self) -> bool {
        self.health() == Health::Working
    }

    /// When EC2 said that it takes the instance back, if it does.
    pub fn notice(&self) -> Option<Timestamp> {
        match self {
            Self::Interrupted { at } => *at,
            _ => None,
        }
    }

    /// Whether nothing can follow.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Terminated)
    }

    /// Whether `next` may follow this phase. The same phase again is always legal: it carries
    /// newer numbers.
    #[expect(clippy::match_same_arms, reason = "the arms are the rules, in their order")]
    pub fn may_become(&self, next: &Self) -> bool {
        if std::mem::discriminant(self) == std::mem::discriminant(next) {
            return true;
        }
        match (self, next) {
            // Gone is gone, and nothing un-terminates.
            (Self::Terminated, _) => false,
            (Self::Terminating, _) => matches!(next, Self::Terminated | Self::Failed(_)),
            // The end, a failure and AWS's own acts can come at any time.
            (_, Self::Terminating | Self::Terminated | Self::Failed(_)) => true,
            (Self::Planned | Self::Requesting, Self::Interrupted { .. }) => false,
            (_, Self::Interrupted { .. } | Self::Stopping | Self::Stopped) => true,
            // Out of a standstill.
            (Self::Interrupted { .. }, Self::Running) => true,
            (Self::Stopping | Self::Stopped, Self::Pending | Self::Running | Self::Starting) => {
                true
            }
            (Self::Starting, Self::Running | Self::Connecting) => true,
            // Somebody reboots what is set up.
            (
                Self::Running | Self::Ready | Self::Degraded { .. } | Self::Failed(_),
                Self::Rebooting,
            ) => true,
            // A machine whose set-up failed is taken up once more when somebody asks for that.
            (Self::Failed(_), Self::Connecting) => true,
            // Any other failure stays until the instance is destroyed: nothing on it is ever patched.
            (Self::Failed(_) | Self::Interrupted { .. } | Self::Stopping | Self::Stopped, _) => {
                false
            }
            // Health comes and goes.
            (Self::Ready, Self::Degraded { .. }) | (Self::Degraded { .. }, Self::Ready) => true,
            (Self::Verifying, Self::Degraded { .. }) => true,
            // A cut connection, or another process that takes up the work, begins at the door.
            (
                Self::Uploading(_) | Self::Configuring | Self::Rebooting | Self::Verifying,
                Self::Connecting,
            ) => true,
            _ => match (self.order(), next.order()) {
                (Some(here), Some(there)) => there > here,
                _ => false,
            },
        }
    }

    /// The place in the way from plan to Ready.
    fn order(&self) -> Option<u8> {
        Some(match self {
            Self::Planned => 0,
            Self::Requesting => 1,
            Self::Pending => 2,
            Self::Running => 3,
            Self::Connecting => 4,
            Self::Uploading(_) => 5,
            Self::Configuring => 6,
            Self::Rebooting => 7,
            Self::Verifying => 8,
            Self::Ready => 9,
            _ => return None,
        })
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uploading(transfer) => write!(f, "Uploading {} %", transfer.percent()),
            Self::Degraded { reason } => write!(f, "Degraded: {reason}"),
            Self::Failed(failure) => write!(f, "Failed: {failure}"),
            other => f.pad(other.word()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{FailureKind, Step};

    fn failed() -> Phase {
        Phase::Failed(Failure::new(FailureKind::Unreachable, Step::Upload, "cut", ""))
    }

    #[test]
    fn the_way_from_plan_to_ready_is_legal_and_never_backwards() {
        let way = [
            Phase::Planned,
            Phase::Requesting,
            Phase::Pending,
            Phase::Running,
            Phase::Connecting,
            Phase::Uploading(Transfer::default()),
            Phase::Configuring,
            Phase::Rebooting,
            Phase::Verifying,
            Phase::Ready,
        ];
        for pair in way.windows(2) {
            assert!(pair[0].may_become(&pair[1]), "{} -> {}", pair[0], pair[1]);
        }
        assert!(!Phase::Ready.may_become(&Phase::Configuring));
        assert!(!Phase::Running.may_become(&Phase::Pending));
        assert!(!Phase::Ready.may_become(&Phase::Connecting));
    }

    #[test]
    fn a_cut_connection_goes_back_to_the_door() {
        assert!(Phase::Uploading(Transfer { sent: 1, total: 2 }).may_become(&Phase::Connecting));
    }

    #[test]
    fn nothing_follows_the_end() {
        assert!(!Phase::Terminated.may_become(&Phase::Running));
        assert!(!Phase::Terminating.may_become(&Phase::Ready));
        assert!(Phase::Terminating.may_become(&failed()));
        assert!(failed().may_become(&Phase::Terminating));
        assert!(failed().may_become(&Phase::Connecting), "it is taken up once more");
        assert!(!failed().may_become(&Phase::Configuring));
        assert!(!failed().may_become(&Phase::Ready));
    }

    #[test]
    fn percent_is_whole_and_never_early() {
        assert_eq!(Transfer { sent: 999, total: 1000 }.percent(), 99);
        assert_eq!(Transfer { sent: 0, total: 0 }.percent(), 100);
        assert_eq!(Transfer { sent: u64::MAX, total: u64::MAX }.percent(), 100);
    }

    #[test]
    fn ec2_words_are_read_and_written_alike() {
        assert_eq!(Ec2State::parse("shutting-down"), Some(Ec2State::ShuttingDown));
        assert_eq!(Ec2State::parse("molten"), None);
    }
}
