//! Spot requests.

use jiff::Timestamp;

use super::order::Order;
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

/// What a status means, in EC2's words.
pub(crate) fn status_message(status: &str) -> &'static str {
    match status {
        "fulfilled" => "Your Spot request is fulfilled.",
        "marked-for-termination" => {
            "Your Spot Instance is marked for termination because there is no available Spot \
             capacity. Your instance will be terminated two minutes after the notice."
        }
        "instance-terminated-no-capacity" => {
            "Your Spot instance was terminated because there is no Spot capacity available."
        }
        "instance-terminated-by-user" => "Your Spot instance was terminated.",
        "request-canceled-and-instance-running" => {
            "Your Spot request is canceled, but your instance is still running."
        }
        "capacity-not-available" => {
            "There is no Spot capacity available that matches your request."
        }
        "pending-evaluation" => "Your Spot request has been submitted for review.",
        "marked-for-stop" => "Your Spot instance is being stopped.",
        "instance-stopped-by-user" => "Your Spot instance was stopped.",
        _ => "Your Spot request was canceled before it was fulfilled.",
    }
}
