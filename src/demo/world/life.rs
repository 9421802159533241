//! How instances live: every change of state is an event at its time.

use jiff::SignedDuration;

use super::instance::{BROKEN, BY_USER, Fate, Reason};
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
        if instance.fate == Fate::Stillborn {
            self.end(id, BROKEN);
            return;
        }
        instance.state = Ec2State::Running;
        instance.reason = None;
        instance.running_since = Some(now);
    }

    /// Begins to end an instance. Nothing happens to one that is ending.
    pub(super) fn end(&mut self, id: &str, reason: Reason) {
        let span = self.dice.seconds(20.0, 40.0);
        let Some(instance) = self.instances.get_mut(id).filter(|it| it.is_alive()) else { return };
        instance.state = Ec2State::ShuttingDown;
        instance.reason = Some(reason);
        instance.running_since = None;
        self.request_ends(id, reason);
        self.later(span, Event::Ended(id.to_owned()));
    }

    /// The end of an instance: what it held is given back.
    pub(super) fn instance_ended(&mut self, id: &str) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.state = Ec2State::Terminated;
        let address = instance.public_ip.take();
        let (interface, volume) = (instance.interface.clone(), instance.volume.clone());
        self.free_public(address);
        if let Some(left) = self.network.interfaces.get_mut(&interface) {
            (left.attached, left.public_ip) = (None, None);
            if left.delete_on_termination {
                self.network.remove_interface(&interface);
            }
        }
        if let Some(left) = self.volumes.get_mut(&volume) {
            left.attached = None;
            if left.delete_on_termination {
                self.volumes.remove(&volume);
            }
        }
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

    /// The stop is over: it keeps its volume and loses its public address.
    pub(super) fn instance_stopped(&mut self, id: &str) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        if instance.state != Ec2State::Stopping {
            return;
        }
        instance.state = Ec2State::Stopped;
        let (address, request) = (instance.public_ip.take(), instance.spot_request.clone());
        self.free_public(address);
        if let Some(interface) = self.interface_of(id) {
            interface.public_ip = None;
        }
        if let Some(request) = request.and_then(|request| self.requests.get_mut(&request)) {
            request.become_state("disabled", "instance-stopped-by-user", self.now);
        }
    }

    /// TerminateInstances: all of them or none. Again on what is ending is no error.
    pub(crate) fn terminate(&mut self, ids: &[String]) -> Vec<(String, Ec2State, Ec2State)> {
        self.change(ids, |world, id| world.end(id, BY_USER))
    }

    /// StopInstances; nothing happens to what does not run.
    pub(crate) fn stop(&mut self, ids: &[String]) -> Vec<(String, Ec2State, Ec2State)> {
        self.change(ids, |world, id| {
            let span = world.dice.seconds(15.0, 30.0);
            let now = world.now;
            let Some(instance) = world.instances.get_mut(id) else { return };
            if instance.state != Ec2State::Running {
                return;
            }
            instance.state = Ec2State::Stopping;
            instance.reason = Some(BY_USER);
            instance.running_since = None;
            let request = instance.spot_request.clone();
            if let Some(request) = request.and_then(|request| world.requests.get_mut(&request)) {
                request.become_state("active", "marked-for-stop", now);
            }
            world.later(span, Event::Stopped(id.to_owned()));
        })
    }

    /// StartInstances; nothing happens to what is not stopped.
    pub(crate) fn start(&mut self, ids: &[String]) -> Vec<(String, Ec2State, Ec2State)> {
        self.change(ids, |world, id| {
            if world.instances.get(id).is_none_or(|it| it.state != Ec2State::Stopped) {
                return;
            }
            let (span, address) = (world.boot_time(), world.take_public());
            if let Some(interface) = world.interface_of(id) {
                interface.public_ip = address;
            }
            let now = world.now;
            let Some(instance) = world.instances.get_mut(id) else { return };
            instance.state = Ec2State::Pending;
            instance.reason = None;
            instance.public_ip = address;
            let request = instance.spot_request.clone();
            if let Some(request) = request.and_then(|request| world.requests.get_mut(&request)) {
                request.become_state("active", "fulfilled", now);
            }
            world.later(span, Event::Runs(id.to_owned()));
        })
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
