//! How instances live: every change of state is an event at its time.

use jiff::SignedDuration;

use super::instance::{Ending, Fate};
use super::network::Interface;
use super::region::{Event, RegionWorld};
use crate::fleet::Ec2State;

/// How long EC2 tells of what is terminated.
const AFTERGLOW: SignedDuration = SignedDuration::from_hours(1);

impl RegionWorld {
    /// The boot is over: pending becomes running, or nothing.
    pub(super) fn instance_runs(&mut self, id: &str) {
        let now = self.now;
        let Some(instance) = self.instances.get_mut(id) else { return };
        if instance.state != Ec2State::Pending {
            return;
        }
        match instance.fate {
            Fate::Stillborn => return self.end(id, Ending::Broken),
            Fate::Keyless => return self.end(id, Ending::Keyless),
            Fate::Good | Fate::Dead => {}
        }
        instance.state = Ec2State::Running;
        (instance.reason, instance.transition) = (None, String::new());
        instance.running_since = Some(now);
        instance.first_ran.get_or_insert(now);
        (instance.boots, instance.booted_at) = (instance.boots + 1, Some(now));
        let request = instance.spot_request.clone();
        self.expect_idle_stop(id);
        self.arm_lease(id);
        // One that was stopped and is started again had its request evaluated anew.
        let request = request.and_then(|request| self.requests.get_mut(&request));
        if let Some(request) = request.filter(|request| request.state == "open") {
            request.become_state("active", "fulfilled", now);
        }
    }

    /// Begins to end an instance. Nothing happens to one that is ending.
    pub(super) fn end(&mut self, id: &str, ending: Ending) {
        let span = self.dice.seconds(20.0, 40.0);
        let now = self.now;
        let Some(instance) = self.instances.get_mut(id).filter(|it| it.is_alive()) else { return };
        instance.state = Ec2State::ShuttingDown;
        (instance.reason, instance.transition) = (ending.reason(), ending.transition(now));
        instance.running_since = None;
        self.request_ends(id, ending);
        self.later(span, Event::Ended(id.to_owned()));
    }

    /// The end of an instance: what it held is given back.
    pub(super) fn instance_ended(&mut self, id: &str) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.state = Ec2State::Terminated;
        let interface = instance.interface.clone();
        self.part_from_address(id);
        if let Some(left) = self.network.interfaces.get_mut(&interface) {
            left.attached = None;
            if left.delete_on_termination {
                self.network.remove_interface(&interface);
            }
        }
        self.part_from_volumes(id);
        self.later(AFTERGLOW, Event::Forgotten(id.to_owned()));
        self.request_relaunches(id);
    }

    /// EC2 stops telling of it.
    pub(super) fn instance_forgotten(&mut self, id: &str) {
        let request = self.instances.remove(id).and_then(|instance| instance.spot_request);
        if let Some(request) = request
            && self.requests.get(&request).is_some_and(|request| !request.is_alive())
        {
            self.requests.remove(&request);
        }
    }

    /// The stop is over: it keeps its volumes, and loses its address unless that is an elastic one.
    pub(super) fn instance_stopped(&mut self, id: &str) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        if instance.state != Ec2State::Stopping {
            return;
        }
        instance.state = Ec2State::Stopped;
        if self.elastic_ip_of(id).is_none() {
            self.lose_address(id);
        }
        self.request_stopped(id);
    }

    /// TerminateInstances: all of them or none. Again on what is ending is no error.
    pub(crate) fn terminate(&mut self, ids: &[String]) -> Vec<(String, Ec2State, Ec2State)> {
        self.change(ids, |world, id| world.end(id, Ending::ByUser))
    }

    /// StopInstances; nothing happens to what does not run.
    pub(crate) fn stop(&mut self, ids: &[String]) -> Vec<(String, Ec2State, Ec2State)> {
        self.change(ids, |world, id| world.stop_one(id, Ending::ByUser))
    }

    /// Begins to stop an instance that runs.
    pub(super) fn stop_one(&mut self, id: &str, ending: Ending) {
        let span = self.dice.seconds(15.0, 30.0);
        let now = self.now;
        let Some(instance) = self.instances.get_mut(id) else { return };
        if instance.state != Ec2State::Running {
            return;
        }
        instance.state = Ec2State::Stopping;
        (instance.reason, instance.transition) = (ending.reason(), ending.transition(now));
        instance.running_since = None;
        if matches!(ending, Ending::ByUser | Ending::FromWithin) {
            instance.reclaimed = None;
        }
        let request = instance.spot_request.clone();
        let request = request.and_then(|request| self.requests.get_mut(&request));
        if let Some(request) = request.filter(|it| it.status != "marked-for-stop") {
            request.become_state("active", "marked-for-stop", now);
        }
        self.later(span, Event::Stopped(id.to_owned()));
    }

    /// StartInstances; nothing happens to what is not stopped.
    pub(crate) fn start(&mut self, ids: &[String]) -> Vec<(String, Ec2State, Ec2State)> {
        self.change(ids, Self::start_one)
    }

    /// EC2 starts again what it stopped. One whose root was taken off meanwhile is ended instead
    /// (EC2 User Guide, "Stop interrupted Spot Instances").
    pub(super) fn instance_restarts(&mut self, id: &str) {
        let is_stopped = self.instances.get(id).is_some_and(|it| it.state == Ec2State::Stopped);
        if is_stopped && self.root_of(id).is_none() {
            return self.end(id, Ending::Cancelled);
        }
        self.start_one(id);
    }

    /// RebootInstances: what runs boots again, and neither its state nor its addresses change.
    pub(crate) fn reboot(&mut self, ids: &[String]) {
        let now = self.now;
        for id in ids {
            let running = self.instances.get_mut(id);
            let Some(instance) = running.filter(|it| it.state == Ec2State::Running) else {
                continue;
            };
            (instance.boots, instance.booted_at) = (instance.boots + 1, Some(now));
            self.arm_lease(id);
        }
    }

    /// Begins to start an instance that is stopped. Its launch time is that of the last start.
    fn start_one(&mut self, id: &str) {
        if self.instances.get(id).is_none_or(|it| it.state != Ec2State::Stopped) {
            return;
        }
        let kept = self.elastic_ip_of(id).map(|it| it.address);
        let (span, address) = (self.boot_time(), kept.or_else(|| self.take_public()));
        if let Some(interface) = self.interface_of(id) {
            interface.public_ip = address;
        }
        let now = self.now;
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.state = Ec2State::Pending;
        (instance.reason, instance.transition) = (None, String::new());
        (instance.public_ip, instance.reclaimed) = (address, None);
        instance.launched = now;
        let request = instance.spot_request.clone();
        if let Some(request) = request.and_then(|request| self.requests.get_mut(&request)) {
            request.become_state("open", "pending-evaluation", now);
        }
        self.later(span, Event::Runs(id.to_owned()));
    }

    /// Does one thing to each, and tells each one's state before and after.
    fn change(
        &mut self,
        ids: &[String],
        act: impl Fn(&mut Self, &str),
    ) -> Vec<(String, Ec2State, Ec2State)> {
        let mut changes = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(before) = self.instances.get(id).map(|it| it.state) else { continue };
            act(self, id);
            let after = self.instances.get(id).map_or(before, |it| it.state);
            changes.push((id.clone(), before, after));
        }
        changes
    }

    fn interface_of(&mut self, id: &str) -> Option<&mut Interface> {
        let interface = &self.instances.get(id)?.interface;
        self.network.interfaces.get_mut(interface)
    }

    /// From pending to running.
    pub(super) fn boot_time(&mut self) -> SignedDuration {
        self.dice.seconds(3.0, 8.0)
    }
}
