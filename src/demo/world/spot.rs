//! Spot requests: made by a launch, and what becomes of them.

use jiff::Timestamp;

use super::instance::{INTERRUPTED, Reason};
use super::launch::Order;
use super::network::{Resource, Tags, resources};
use super::refusal::Refusal;
use super::region::{Event, RegionWorld};
use crate::fleet::Ec2State;

/// What goes between the notice and the end.
const NOTICE: jiff::SignedDuration = jiff::SignedDuration::from_mins(2);

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

impl RegionWorld {
    /// CancelSpotInstanceRequests: all of them or none. Instances run on, but a stopped one is
    /// ended by EC2.
    pub(crate) fn cancel(&mut self, ids: &[String]) -> Result<(), Refusal> {
        if let Some(id) = ids.iter().find(|id| !self.requests.contains_key(*id)) {
            let code = "InvalidSpotInstanceRequestID.NotFound";
            return Err(Refusal::no_such(code, "spot instance request ID", id));
        }
        for id in ids {
            let now = self.now;
            let Some(request) = self.requests.get_mut(id).filter(|it| it.is_alive()) else {
                continue;
            };
            let instance = request.instance.clone();
            let status = match request.state {
                "active" => "request-canceled-and-instance-running",
                _ => "canceled-before-fulfillment",
            };
            request.become_state("cancelled", status, now);
            if let Some(instance) = instance
                && self.instances.get(&instance).is_some_and(|it| it.state == Ec2State::Stopped)
            {
                self.end(&instance, super::instance::BY_USER);
            }
        }
        Ok(())
    }

    /// EC2 gives notice to some running spot instances, the oldest first. Answers to how many.
    pub(super) fn interrupt(&mut self, count: usize) -> usize {
        let mut running: Vec<(u32, String, String)> = self
            .instances
            .values()
            .filter(|it| it.state == Ec2State::Running)
            .filter_map(|it| Some((it.ordinal, it.id.clone(), it.spot_request.clone()?)))
            .filter(|(_, _, request)| {
                self.requests.get(request).is_some_and(|it| it.status != "marked-for-termination")
            })
            .collect();
        running.sort();
        running.truncate(count);
        for (_, instance, request) in &running {
            if let Some(request) = self.requests.get_mut(request) {
                // A cancelled request stays cancelled, and its instance is taken back as well.
                let state = request.state;
                request.become_state(state, "marked-for-termination", self.now);
            }
            self.later(NOTICE, Event::Reclaimed(instance.clone()));
        }
        running.len()
    }

    /// The two minutes are over.
    pub(super) fn instance_reclaimed(&mut self, id: &str) {
        self.end(id, INTERRUPTED);
    }

    /// The instance behind a request ends.
    pub(super) fn request_ends(&mut self, instance: &str, reason: Reason) {
        let request = self.instances.get(instance).and_then(|it| it.spot_request.clone());
        let Some(request) = request.and_then(|id| self.requests.get_mut(&id)) else { return };
        let status = match reason {
            INTERRUPTED => "instance-terminated-no-capacity",
            _ => "instance-terminated-by-user",
        };
        let state = match request.state {
            "active" | "disabled" if request.again.is_some() => "open",
            "active" | "disabled" => "closed",
            other => other,
        };
        request.become_state(state, status, self.now);
    }

    /// A persistent request that was not cancelled launches again.
    pub(super) fn request_relaunches(&mut self, instance: &str) {
        let request = self.instances.get(instance).and_then(|it| it.spot_request.clone());
        let Some(request) = request.and_then(|id| self.requests.get_mut(&id)) else { return };
        if request.state == "open" {
            request.become_state("open", "pending-evaluation", self.now);
            let id = request.id.clone();
            let span = self.dice.seconds(10.0, 30.0);
            self.later(span, Event::Relaunches(id));
        }
    }

    /// An open request tries its luck.
    pub(super) fn request_tries(&mut self, id: &str) {
        let Some(request) = self.requests.get(id).filter(|it| it.state == "open") else { return };
        let Some(order) = request.again.clone() else { return };
        let launched = self.launch_again(&order, id);
        let now = self.now;
        let Some(request) = self.requests.get_mut(id) else { return };
        if let Some(instance) = launched {
            request.instance = Some(instance);
            request.become_state("active", "fulfilled", now);
        } else {
            request.become_state("open", "capacity-not-available", now);
            let span = self.dice.seconds(30.0, 60.0);
            self.later(span, Event::Relaunches(id.to_owned()));
        }
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
