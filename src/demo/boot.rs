//! When what happens on the first boot of an instance, after it has begun to run: its console and
//! its SSH host tell the same story. The order is that of the recordings in `tests/oracle/console`:
//! keys, sshd, a prompt, and only then, when the user's own commands are through, the keys again.

use jiff::SignedDuration;

use super::dice::Dice;

/// To an sshd that listens, in seconds; also after each restart.
const SSHD: (f64, f64) = (9.0, 18.0);
/// To the end of cloud-init, in seconds.
const CLOUD_INIT: (f64, f64) = (40.0, 70.0);

/// The moments of a first boot, counted from the one at which EC2 calls the instance running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FirstBoot {
    /// cloud-init's network stage has made the host keys.
    pub(super) keys: SignedDuration,
    /// sshd listens.
    pub(super) sshd: SignedDuration,
    /// The login prompt is on the console.
    pub(super) prompt: SignedDuration,
    /// cloud-init's last stage begins, in which it runs the user's commands.
    pub(super) last_stage: SignedDuration,
    /// cloud-init is done.
    pub(super) done: SignedDuration,
}

impl FirstBoot {
    /// The first boot of an instance that has this part of its processors, and whose cloud-init
    /// takes so many seconds more than others'.
    pub(super) fn of(seed: u64, instance: &str, part: f64, late_s: u32) -> Self {
        let seconds = SignedDuration::from_secs;
        let sshd = to_sshd(seed, instance, 1, part);
        let (least, most) = CLOUD_INIT;
        let done = Dice::named(seed, instance).seconds(least / part, most / part);
        Self {
            keys: sshd - seconds(3),
            sshd,
            prompt: sshd + seconds(3),
            last_stage: sshd + seconds(7),
            done: done + seconds(late_s.into()),
        }
    }
}

/// From the begin of a boot, the first is 1, to an sshd that listens, on a machine that has this
/// part of its processors.
pub(super) fn to_sshd(seed: u64, instance: &str, boot: u64, part: f64) -> SignedDuration {
    let (least, most) = SSHD;
    Dice::named(seed, &format!("{instance} boot {boot}")).seconds(least / part, most / part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_goes_in_ubuntus_order() {
        for n in 0..1000 {
            let boot = FirstBoot::of(n, "i-1", 1.0, 0);
            let order = [boot.keys, boot.sshd, boot.prompt, boot.last_stage, boot.done];
            assert!(order.is_sorted_by(|a, b| a < b), "{boot:?}");
            assert_eq!(
                FirstBoot::of(n, "i-1", 1.0, 60).done,
                boot.done + SignedDuration::from_mins(1)
            );
        }
    }
}
