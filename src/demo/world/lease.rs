//! Leases, as `instance/arm-lease.sh` arms them on a real instance: it ends itself unless they are renewed.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::instance::{Ending, Instance, Lease};
use super::region::{Event, RegionWorld};
use crate::fleet::Ec2State;

impl Lease {
    /// What an instance's user-data arm at a boot: the program's name, and seconds as the argument after
    /// it, in a JSON text or in one within another.
    fn armed(user_data: &str, now: Timestamp) -> Option<Self> {
        let text = String::from_utf8(BASE64_STANDARD.decode(user_data).ok()?).ok()?;
        let seconds = text.split("arm-lease").skip(1).find_map(|rest| {
            let argument = rest.trim_start_matches(['\\', '"', ',']);
            let is_quoted = argument.len() < rest.len();
            let end = argument.find(|it: char| !it.is_ascii_digit()).filter(|_| is_quoted)?;
            argument[..end].parse().ok()
        })?;
        Some(Self { term: SignedDuration::from_secs(seconds), since: now })
    }

    /// When it is over.
    pub(in crate::demo) fn ends_at(self) -> Timestamp {
        self.since + self.term
    }
}

impl RegionWorld {
    /// An instance boots: its term begins anew.
    pub(super) fn arm_lease(&mut self, id: &str) {
        let now = self.now;
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.lease = Lease::armed(&instance.user_data, now);
        self.expect_lease(id);
    }

    /// Sets a lease anew, for another term if one is given. Answers whether there is one.
    pub(super) fn renew_lease(&mut self, id: &str, term: Option<SignedDuration>) -> bool {
        let now = self.now;
        let instance = self.instances.get_mut(id);
        let Some(lease) = instance.and_then(|it| it.lease.as_mut()) else { return false };
        *lease = Lease { term: term.unwrap_or(lease.term), since: now };
        self.expect_lease(id);
        true
    }

    fn expect_lease(&mut self, id: &str) {
        let lease = self.instances.get(id).and_then(|it| it.lease);
        if let Some(lease) = lease {
            self.later(lease.ends_at().duration_since(self.now), Event::Lease(id.to_owned()));
        }
    }

    /// It powers off, unless somebody has renewed it meanwhile.
    pub(super) fn lease_due(&mut self, id: &str) {
        let now = self.now;
        let is_over = |it: &&Instance| {
            it.state == Ec2State::Running && it.lease.is_some_and(|lease| lease.ends_at() <= now)
        };
        let Some(instance) = self.instances.get(id).filter(is_over) else { return };
        if instance.shutdown_terminates {
            self.end(id, Ending::FromWithin);
        } else {
            self.stop_one(id, Ending::FromWithin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_term_is_found_in_user_data() {
        for (text, term) in [
            (r#"bootcmd: [["sh","-c","Arms: arm-lease SECONDS.","arm-lease","5400"]]"#, Some(5400)),
            (
                r#"[{"content":"bootcmd: [[\"sh\",\"-c\",\"arm-lease S\",\"arm-lease\",\"900\"]]"}]"#,
                Some(900),
            ),
            ("#cloud-config\n", None),
        ] {
            let armed = Lease::armed(&BASE64_STANDARD.encode(text), Timestamp::UNIX_EPOCH);
            assert_eq!(armed.map(|it| it.term.as_secs()), term, "{text}");
        }
    }
}
