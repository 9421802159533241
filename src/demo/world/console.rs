//! What an instance prints on its serial console while it boots.

use jiff::SignedDuration;

use super::instance::{Fate, Instance};
use super::region::RegionWorld;

/// After this much of running, cloud-init has printed the host keys.
const KEYS: i64 = 10;
/// After this much of running, cloud-init is done.
const DONE: i64 = 25;

impl RegionWorld {
    /// The console of an instance now; empty while there is nothing. The fingerprint is the
    /// host's own, where somebody plays the host.
    pub(crate) fn console(&self, instance: &Instance, fingerprint: Option<&str>) -> String {
        let Some(since) = instance.running_since else { return String::new() };
        let elapsed = self.now.duration_since(since);
        let mut text = String::from(
            "[    0.000000] Linux version 6.14.0-1016-aws (buildd@lcy02-amd64-073)\r\n\
             [    0.000000] Command line: BOOT_IMAGE=/vmlinuz root=PARTUUID=5c81cc72 ro\r\n\
             [    1.204113] nvme nvme0: pci function 0000:00:04.0\r\n",
        );
        if instance.fate == Fate::Dead {
            text.push_str(
                "[    3.118204] VFS: Cannot open root device \"PARTUUID=5c81cc72\": error -6\r\n\
                 [    3.120991] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n",
            );
            return text;
        }
        let host = format!("ip-{}", instance.private_ip.to_string().replace('.', "-"));
        if elapsed >= SignedDuration::from_secs(KEYS) {
            text.push_str(
                "[   14.870331] cloud-init[881]: Generating public/private ed25519 key pair.\r\n",
            );
            if let Some(fingerprint) = fingerprint {
                text.push_str(
                    "ci-info: no authorized SSH keys fingerprints found for user root.\r\n",
                );
                text.push_str("<14>cloud-init: -----BEGIN SSH HOST KEY FINGERPRINTS-----\r\n");
                let line = format!("<14>cloud-init: 256 {fingerprint} root@{host} (ED25519)\r\n");
                text.push_str(&line);
                text.push_str("<14>cloud-init: -----END SSH HOST KEY FINGERPRINTS-----\r\n");
            }
        }
        if elapsed >= SignedDuration::from_secs(DONE) {
            let at = (since + SignedDuration::from_secs(DONE)).strftime("%a, %d %b %Y %H:%M:%S");
            let line = format!(
                "[   39.401277] cloud-init[881]: Cloud-init v. 25.2-0ubuntu1 finished at {at} \
                 +0000. Datasource DataSourceEc2Local.  Up 39.39 seconds\r\n\r\n\
                 Ubuntu 24.04.3 LTS {host} ttyS0\r\n\r\n{host} login: "
            );
            text.push_str(&line);
        }
        text
    }
}
