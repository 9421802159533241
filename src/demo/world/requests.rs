//! What becomes of spot requests.

use jiff::SignedDuration;

use super::instance::{Ending, Reclaimed};
use super::order::Behaviour;
use super::refusal::Refusal;
use super::region::{Event, RegionWorld};
use crate::demo::scenario::{Interruption, Reclaim};
use crate::fleet::Ec2State;

/// What goes between the notice and the end.
const NOTICE: SignedDuration = SignedDuration::from_mins(2);

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
                "disabled" => request.status,
                _ => "canceled-before-fulfillment",
            };
            request.become_state("cancelled", status, now);
            // EC2 ends what is stopped, some time later.
            if let Some(instance) = instance
                && self.instances.get(&instance).is_some_and(|it| it.state == Ec2State::Stopped)
            {
                let span = self.dice.seconds(5.0, 20.0);
                self.later(span, Event::Cancelled(instance));
            }
        }
        Ok(())
    }

    /// EC2 takes some running spot instances back, the oldest first. Answers how many.
    pub(super) fn interrupt(&mut self, fault: &Interruption, count: usize) -> usize {
        let running = self.instances.values().filter(|it| it.state == Ec2State::Running);
        let mut running: Vec<(u32, String, String)> = running
            .filter(|it| it.reclaimed.is_none())
            .filter_map(|it| Some((it.ordinal, it.id.clone(), it.spot_request.clone()?)))
            .collect();
        running.sort();
        running.truncate(count);
        for (_, instance, request) in &running {
            self.give_notice(fault, instance, request);
        }
        running.len()
    }

    /// EC2 takes this one back, if it still runs.
    pub(super) fn take_back(&mut self, id: &str) {
        let Some(instance) = self.instances.get(id) else { return };
        let runs = instance.state == Ec2State::Running && instance.reclaimed.is_none();
        let Some(request) = instance.spot_request.clone().filter(|_| runs) else { return };
        self.give_notice(&Interruption::default(), id, &request);
        self.hits.insert("reclaims".into());
    }

    /// What a request shows when its instance is taken back, and when the instance goes.
    fn give_notice(&mut self, fault: &Interruption, instance: &str, request: &str) {
        let Some(request) = self.requests.get_mut(request) else { return };
        let (state, status) = match request.behaviour {
            // A cancelled request stays cancelled, and its instance is taken back as well.
            Behaviour::Terminate if fault.status == Reclaim::Marked => {
                (request.state, "marked-for-termination")
            }
            Behaviour::Terminate if request.state == "active" => {
                ("closed", terminated(fault.status))
            }
            Behaviour::Terminate => (request.state, terminated(fault.status)),
            Behaviour::Stop | Behaviour::Hibernate => (request.state, "marked-for-stop"),
        };
        let is_warned = request.behaviour != Behaviour::Hibernate;
        request.become_state(state, status, self.now);
        if let Some(instance) = self.instances.get_mut(instance) {
            let (status, reason) = (fault.status, fault.reason);
            let back_after_s = fault.back_after_s;
            instance.reclaimed = Some(Reclaimed { status, reason, back_after_s });
        }
        // Hibernation begins without a warning.
        let span = if is_warned { NOTICE } else { SignedDuration::ZERO };
        self.later(span, Event::Reclaimed(instance.to_owned()));
    }

    /// The two minutes are over.
    pub(super) fn instance_reclaimed(&mut self, id: &str) {
        let Some(instance) = self.instances.get(id) else { return };
        let Some(reclaimed) = instance.reclaimed else { return };
        let request = instance.spot_request.as_ref().and_then(|it| self.requests.get(it));
        match request.map(|request| request.behaviour) {
            Some(Behaviour::Stop | Behaviour::Hibernate) => {
                self.stop_one(id, Ending::StoppedByEc2);
            }
            _ => self.end(id, Ending::TakenBack(reclaimed.reason)),
        }
    }

    /// The instance behind a request ends.
    pub(super) fn request_ends(&mut self, instance: &str, ending: Ending) {
        let Some(instance) = self.instances.get(instance) else { return };
        let reclaimed = instance.reclaimed;
        let request = instance.spot_request.as_ref();
        let Some(request) = request.and_then(|id| self.requests.get_mut(id)) else { return };
        let status = match ending {
            Ending::TakenBack(_) => terminated(reclaimed.map(|it| it.status).unwrap_or_default()),
            // The user is too late: it was EC2's already.
            Ending::ByUser if request.status.starts_with("instance-terminated-") => request.status,
            Ending::ByUser | Ending::FromWithin => "instance-terminated-by-user",
            Ending::StoppedByEc2 | Ending::Cancelled => "instance-terminated-by-service",
            Ending::Broken | Ending::Keyless => "system-error",
        };
        let state = match request.state {
            "active" | "disabled" | "open" if request.again.is_some() => "open",
            "active" | "disabled" | "open" => "closed",
            other => other,
        };
        if (request.state, request.status) != (state, status) {
            request.become_state(state, status, self.now);
        }
    }

    /// The instance behind a request has stopped.
    pub(super) fn request_stopped(&mut self, instance: &str) {
        let Some(instance) = self.instances.get(instance) else { return };
        let (id, reclaimed) = (instance.id.clone(), instance.reclaimed);
        let request = instance.spot_request.as_ref();
        let Some(request) = request.and_then(|id| self.requests.get_mut(id)) else { return };
        if let Some(Reclaimed { status, back_after_s, .. }) = reclaimed {
            request.become_state("disabled", stopped(status), self.now);
            if let Some(seconds) = back_after_s {
                self.later(SignedDuration::from_secs(seconds.into()), Event::Restarts(id));
            }
            return;
        }
        // For a while it can neither be used nor started (seen: seconds to two minutes).
        let request_id = request.id.clone();
        if request.state == "active" {
            request.become_state("active", "instance-stopped-by-user", self.now);
            let span = self.dice.seconds(5.0, 60.0);
            self.later(span, Event::Disabled(request_id));
        }
    }

    /// EC2 has noticed that the user stopped the instance.
    pub(super) fn request_disabled(&mut self, id: &str) {
        let now = self.now;
        let request = self.requests.get_mut(id);
        let is_meant = |(state, status)| (state, status) == ("active", "instance-stopped-by-user");
        if let Some(request) = request.filter(|it| is_meant((it.state, it.status))) {
            request.become_state("disabled", "instance-stopped-by-user", now);
        }
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

/// The status of a request whose instance is ended.
fn terminated(why: Reclaim) -> &'static str {
    match why {
        Reclaim::NoCapacity | Reclaim::Marked => "instance-terminated-no-capacity",
        Reclaim::ByPrice => "instance-terminated-by-price",
        Reclaim::CapacityOversubscribed => "instance-terminated-capacity-oversubscribed",
    }
}

/// The status of a request whose instance is stopped.
fn stopped(why: Reclaim) -> &'static str {
    match why {
        Reclaim::NoCapacity | Reclaim::Marked => "instance-stopped-no-capacity",
        Reclaim::ByPrice => "instance-stopped-by-price",
        Reclaim::CapacityOversubscribed => "instance-stopped-capacity-oversubscribed",
    }
}
