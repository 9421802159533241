//! What becomes of spot requests.

use super::instance::{BY_USER, INTERRUPTED, Reason};
use super::refusal::Refusal;
use super::region::{Event, RegionWorld};
use crate::fleet::Ec2State;

/// What goes between the notice and the end.
const NOTICE: jiff::SignedDuration = jiff::SignedDuration::from_mins(2);

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
                self.end(&instance, BY_USER);
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
