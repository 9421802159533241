//! Spot requests.

use jiff::Timestamp;

use super::order::{Behaviour, Order};
use super::resource::{Resource, Tags, resources};

/// A spot request.
#[derive(Debug, Clone)]
pub(crate) struct SpotRequest {
    pub(crate) id: String,
    /// EC2's word: `open`, `active`, `closed`, `cancelled`, `disabled`.
    pub(crate) state: &'static str,
    /// The status' code.
    pub(crate) status: &'static str,
    /// Since when it has this status.
    pub(crate) updated: Timestamp,
    pub(crate) instance: Option<String>,
    pub(crate) machine_type: &'static str,
    pub(crate) zone: String,
    pub(crate) image: String,
    pub(crate) max_price: f64,
    /// What EC2 does with the instance when it takes it back.
    pub(crate) behaviour: Behaviour,
    pub(crate) groups: Vec<String>,
    pub(crate) subnet: String,
    /// When it ends by itself.
    pub(crate) valid_until: Timestamp,
    /// What a persistent request launches again.
    pub(crate) again: Option<Box<Order>>,
    pub(crate) tags: Tags,
    pub(crate) born: Timestamp,
}

resources!(SpotRequest);

impl SpotRequest {
    /// Whether it may still launch something, or has something running.
    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.state, "open" | "active" | "disabled")
    }

    pub(super) fn become_state(
        &mut self,
        state: &'static str,
        status: &'static str,
        now: Timestamp,
    ) {
        (self.state, self.status, self.updated) = (state, status, now);
    }
}

/// What a status means, in EC2's words as far as they were seen.
pub(crate) fn status_message(status: &str) -> &'static str {
    match status {
        "fulfilled" => "Your spot request is fulfilled.",
        "marked-for-termination" => "Your Spot Instance is marked for termination.",
        "instance-terminated-no-capacity" => {
            "Your Spot instance was terminated because there is no Spot capacity available that \
             matches your request."
        }
        "instance-terminated-by-price" => {
            "Your Spot instance was terminated because the Spot price exceeded your maximum price."
        }
        "instance-terminated-capacity-oversubscribed" => {
            "Your Spot instance was terminated because the number of Spot requests with a maximum \
             price equal to or higher than the Spot price exceeded the capacity."
        }
        "instance-terminated-by-user" => {
            "Spot Instance terminated due to user-initiated termination."
        }
        "instance-terminated-by-service" => {
            "Your Spot instance was terminated from a stopped state."
        }
        "request-canceled-and-instance-running" => {
            "Your Spot request is canceled, but your instance is still running."
        }
        "capacity-not-available" => {
            "There is no Spot capacity available that matches your request."
        }
        "pending-evaluation" => {
            "Your Spot request has been submitted for review, and is pending evaluation."
        }
        "marked-for-stop" => "Your Spot instance is marked for stop.",
        "instance-stopped-by-user" => "Your Spot instance was stopped by you.",
        "instance-stopped-no-capacity" => {
            "Your Spot instance was stopped because there is no Spot capacity available that \
             matches your request."
        }
        "instance-stopped-by-price" => {
            "Your Spot instance was stopped because the Spot price exceeded your maximum price."
        }
        "instance-stopped-capacity-oversubscribed" => {
            "Your Spot instance was stopped because the number of Spot requests with a maximum \
             price equal to or higher than the Spot price exceeded the capacity."
        }
        "system-error" => "There was an unexpected system error.",
        _ => "Your Spot request was canceled before it was fulfilled.",
    }
}
