//! What an instance prints on its serial console while it boots: the lines and their order are
//! those of the recordings in `tests/oracle/console`.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::instance::{Fate, Instance};
use super::region::RegionWorld;
use crate::demo::boot::FirstBoot;
use crate::demo::dice::Dice;
use crate::demo::hosts::HostFault;
use crate::demo::scenario::ConsoleTells;

/// What is known of the keys of a host.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Keys<'a> {
    /// `SHA256:...` of its ed25519 key, where somebody plays the host.
    pub(crate) fingerprint: Option<&'a str>,
    /// The key itself, one line of OpenSSH's.
    pub(crate) public: Option<&'a str>,
}

impl RegionWorld {
    /// The console of an instance now; empty while there is nothing.
    pub(crate) fn console(&mut self, instance: &Instance, keys: Keys<'_>) -> String {
        let Some(since) = instance.running_since else { return String::new() };
        let tells = self.console_trouble(instance);
        if tells == Some(ConsoleTells::Nothing) {
            return String::new();
        }
        let late = self.slowness(instance);
        let boot = FirstBoot::of(self.laws.seed, &instance.id, self.cpu_part(instance), late);
        let console = Console { seed: self.laws.seed, instance, since, boot, keys, tells };
        console.until(self.now.duration_since(since))
    }

    /// What the scenario says that this console tells.
    fn console_trouble(&mut self, instance: &Instance) -> Option<ConsoleTells> {
        let (here, laws) = (self.place.code, Arc::clone(&self.laws));
        let mut troubles = laws.scenario.consoles.iter().enumerate();
        let (index, trouble) = troubles.find(|(_, it)| {
            it.region == here && it.nth <= instance.ordinal && instance.ordinal - it.nth < it.count
        })?;
        self.hits.insert(format!("consoles[{index}]"));
        Some(trouble.tells)
    }

    /// The part of its processors that an instance has.
    pub(super) fn cpu_part(&self, instance: &Instance) -> f64 {
        let is_standard = instance.credits.as_deref() == Some("standard");
        if self.laws.scenario.no_launch_credits && is_standard {
            instance.shape.baseline()
        } else {
            1.0
        }
    }

    /// How many seconds more than others its cloud-init takes.
    fn slowness(&self, instance: &Instance) -> u32 {
        let hosts = self.laws.scenario.hosts.iter();
        let meant = hosts.filter(|it| it.is_about(self.place.code, instance.ordinal));
        meant
            .map(|it| match it.fault {
                HostFault::SlowCloudInit(seconds) => seconds,
                _ => 0,
            })
            .sum()
    }
}

/// A console, and what decides what is on it.
struct Console<'a> {
    seed: u64,
    instance: &'a Instance,
    since: Timestamp,
    boot: FirstBoot,
    keys: Keys<'a>,
    tells: Option<ConsoleTells>,
}

/// What prints a part of a console.
type Print<'a> = fn(&Console<'a>, &mut String);

/// A key as `ssh-keygen -l` prints it.
struct Digest {
    bits: u32,
    sha256: String,
    kind: &'static str,
}

impl Console<'_> {
    /// What it has printed when the instance has been running for so long.
    fn until(&self, elapsed: SignedDuration) -> String {
        let mut text = self.kernel();
        if self.instance.fate == Fate::Dead {
            text.push_str(
                "[    3.118204] VFS: Cannot open root device \"PARTUUID=5c81cc72\": error -6\r\n\
                 [    3.120991] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n",
            );
            return text;
        }
        let boot = &self.boot;
        let parts: [(SignedDuration, Print<'_>); 4] = [
            (boot.keys, Self::network_stage),
            (boot.prompt, Self::prompt),
            (boot.last_stage, Self::last_stage),
            (boot.done, Self::end),
        ];
        for (_, print) in parts.into_iter().filter(|(at, _)| *at <= elapsed) {
            print(self, &mut text);
        }
        text
    }

    fn kernel(&self) -> String {
        let architecture = self.instance.shape.architecture;
        let builder = if architecture == "arm64" { "bos03-arm64-011" } else { "lcy02-amd64-073" };
        format!(
            "[    0.000000] Linux version 6.14.0-1016-aws (buildd@{builder})\r\n\
             [    0.000000] Command line: BOOT_IMAGE=/vmlinuz root=PARTUUID=5c81cc72 ro \
             console=tty1 console=ttyS0\r\n\
             [    1.204113] nvme nvme0: pci function 0000:00:04.0\r\n\
             [  OK  ] Mounted sys-kernel-config.mount - Kernel Configuration File System.\r\n"
        )
    }

    fn host(&self) -> String {
        format!("ip-{}", self.instance.private_ip.to_string().replace('.', "-"))
    }

    /// Its three keys. Only the ed25519 one is ever shown by the host; an Ubuntu has the other two
    /// as well.
    fn digests(&self) -> Vec<Digest> {
        let made_up = |kind: &str| {
            const SIGNS: &[u8; 64] =
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let mut dice = Dice::named(self.seed, &format!("{} {kind}", self.instance.id));
            let sign = |n: u64| char::from(SIGNS[usize::try_from(n % 64).unwrap_or(0)]);
            let digest: String = (0..43).map(|_| sign(dice.throw())).collect();
            format!("SHA256:{digest}")
        };
        let (own, tells) = (self.keys.fingerprint, self.tells);
        let ed25519 = match own {
            Some(_) if tells == Some(ConsoleTells::AnothersKeys) => Some(made_up("another")),
            own => own.map(str::to_owned),
        };
        let told = [
            (256, Some(made_up("ecdsa")), "ECDSA"),
            (256, ed25519, "ED25519"),
            (3072, Some(made_up("rsa")), "RSA"),
        ];
        let is_silent = own.is_none() || tells == Some(ConsoleTells::NoKeys);
        let told = told.into_iter().filter(|_| !is_silent);
        let digest = |(bits, sha256, kind)| Some(Digest { bits, sha256: sha256?, kind });
        told.filter_map(digest).collect()
    }

    /// cloud-init's network stage: ssh-keygen makes the keys, before sshd is there.
    fn network_stage(&self, text: &mut String) {
        let at = 1.9 + self.boot.keys.as_secs_f64();
        let host = self.host();
        let mut say = |after: f64, words: &str| {
            let _ = write!(text, "[{:>12.6}] cloud-init[520]: {words}\r\n", at + after);
        };
        let told = self.digests();
        let is_told = self.tells != Some(ConsoleTells::AtTheEnd);
        for (Digest { sha256, kind, .. }, after) in told.iter().zip([0.1, 0.2, 0.3]) {
            let kind = kind.to_lowercase();
            say(after, &format!("Generating public/private {kind} key pair."));
            if is_told {
                say(after + 0.01, "The key fingerprint is:");
                say(after + 0.02, &format!("{sha256} root@{host}"));
                say(after + 0.03, "The key's randomart image is:");
                say(after + 0.04, "+----[SHA256]-----+");
            }
        }
        text.push_str(
            "[  OK  ] Finished cloud-init.service - Cloud-init: Network Stage.\r\n\
             [  OK  ] Listening on ssh.socket - OpenBSD Secure Shell server socket.\r\n",
        );
    }

    /// getty does not wait for cloud-init.
    fn prompt(&self, text: &mut String) {
        let host = self.host();
        let _ = write!(
            text,
            "[  OK  ] Started serial-getty@ttyS0.service - Serial Getty on ttyS0.\r\n\
             [  OK  ] Reached target getty.target - Login Prompts.\r\n\
             \r\nUbuntu 24.04.3 LTS {host} ttyS0\r\n\r\n{host} login: "
        );
    }

    /// The stage in which the user's commands run. Its first words follow the prompt on its line.
    fn last_stage(&self, text: &mut String) {
        let at = self.boot.last_stage;
        let up = at.as_secs_f64() + 1.9;
        let when = (self.since + at).strftime("%a, %d %b %Y %H:%M:%S +0000");
        let _ = write!(
            text,
            "[{up:>12.6}] cloud-init[968]: Cloud-init v. 25.2-0ubuntu1~24.04.1 running \
             'modules:final' at {when}. Up {up:.2} seconds.\r\n"
        );
    }

    /// The keys again, and cloud-init's last words.
    fn end(&self, text: &mut String) {
        const RULE: &str = "#############################################################";
        let done = self.since + self.boot.done;
        let (host, told) = (self.host(), self.digests());
        text.push_str("ci-info: no authorized SSH keys fingerprints found for user ubuntu.\r\n");
        if !told.is_empty() {
            let when = done.strftime("%b %e %H:%M:%S");
            let mut say = |words: &str| {
                let _ = write!(text, "<14>{when} cloud-init: {words}\r\n");
            };
            say(RULE);
            say("-----BEGIN SSH HOST KEY FINGERPRINTS-----");
            for Digest { bits, sha256, kind } in &told {
                say(&format!("{bits} {sha256} root@{host} ({kind})"));
            }
            say("-----END SSH HOST KEY FINGERPRINTS-----");
            say(RULE);
            let own = self.keys.public.filter(|_| self.tells != Some(ConsoleTells::AnothersKeys));
            if let Some(public) = own {
                let key: Vec<&str> = public.split_whitespace().take(2).collect();
                let _ = write!(
                    text,
                    "-----BEGIN SSH HOST KEY KEYS-----\r\n{} root@{host}\r\n\
                     -----END SSH HOST KEY KEYS-----\r\n",
                    key.join(" ")
                );
            }
        }
        let up = self.boot.done.as_secs_f64() + 1.9;
        let when = done.strftime("%a, %d %b %Y %H:%M:%S +0000");
        let _ = write!(
            text,
            "[{up:>12.6}] cloud-init[968]: Cloud-init v. 25.2-0ubuntu1~24.04.1 finished at {when}. \
             Datasource DataSourceEc2Local.  Up {up:.2} seconds\r\n"
        );
    }
}
