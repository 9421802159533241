//! The console output, and the host keys that cloud-init prints into it.
//!
//! It comes over the EC2 API, so it vouches for a host key before SSH does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::access::Ec2;
use super::class::Class;
use super::error::AwsError;
use crate::fleet::InstanceId;

/// The length of a SHA-256 digest in unpadded base64.
const DIGEST: usize = 43;

/// What a console output tells about the host's keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsoleKeys {
    /// `SHA256:...` of each host key, as `ssh-keygen -l` prints it.
    pub fingerprints: Vec<String>,
    /// Whether that is all that it will tell: its block of keys is through, or cloud-init is done. A
    /// login prompt does not say so, for getty comes before cloud-init's last stage.
    pub is_final: bool,
}

impl Ec2 {
    /// What the instance printed so far (EC2 GetConsoleOutput). `None` while there is nothing.
    ///
    /// Asks for the latest output, which Nitro instances have at once; other types answer that
    /// with an error and have theirs a few minutes after the boot.
    pub async fn console_output(&self, id: &InstanceId) -> Result<Option<String>, AwsError> {
        let latest = self.console(id, true).await;
        let text = match latest {
            Err(error) if is_unsupported(&error) => self.console(id, false).await?,
            other => other?,
        };
        let bytes = text.map(|text| STANDARD.decode(text.split_whitespace().collect::<String>()));
        match bytes {
            None => Ok(None),
            Some(Ok(bytes)) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Some(Err(error)) => Err(self.found(
                "GetConsoleOutput",
                Class::Retry,
                format!("the output of {id} is not base64: {error}"),
                "",
            )),
        }
    }

    async fn console(&self, id: &InstanceId, latest: bool) -> Result<Option<String>, AwsError> {
        let call = self.patient.get_console_output().instance_id(id.as_str());
        let call = if latest { call.latest(true) } else { call };
        let answer = call.send().await.map_err(self.failed("GetConsoleOutput"))?;
        Ok(answer.output.filter(|output| !output.is_empty()))
    }
}

fn is_unsupported(error: &AwsError) -> bool {
    matches!(
        error.code.as_deref(),
        Some("UnsupportedOperation" | "Unsupported" | "InvalidParameterCombination")
    )
}

/// Reads the host keys' fingerprints out of a console output. cloud-init prints them twice:
///
/// * in its network stage, before sshd starts, as `ssh-keygen` tells of each key that it makes: a
///   line `The key fingerprint is:`, and the digest on a line after it;
/// * at its end, when the user's own commands are through, minutes later: the block of its module
///   `keys_to_console`.
///
/// Lines may carry a timestamp, a priority or a tag in front, and others of systemd may stand
/// between them. Where the machine made keys or printed a block more than once, the last counts. A
/// line that was cut off is left out.
pub fn host_key_fingerprints(console: &str) -> ConsoleKeys {
    let mut keys = ConsoleKeys::default();
    let (mut in_block, mut had_block, mut is_announced) = (false, false, false);
    for line in console.lines() {
        if line.contains("-----BEGIN SSH HOST KEY FINGERPRINTS-----") {
            (in_block, had_block) = (true, true);
            keys.fingerprints.clear();
        } else if line.contains("-----END SSH HOST KEY FINGERPRINTS-----") {
            in_block = false;
            keys.is_final = true;
        } else if in_block {
            keys.fingerprints.extend(fingerprint(line));
        } else if line.contains("The key fingerprint is:") {
            is_announced = true;
            if std::mem::take(&mut had_block) {
                // Another boot, which makes others.
                keys.fingerprints.clear();
                keys.is_final = false;
            }
        } else if is_announced && let Some(digest) = fingerprint(line) {
            is_announced = false;
            keys.fingerprints.push(digest);
        }
        keys.is_final |= line.contains("Cloud-init v.") && line.contains(" finished at ");
    }
    keys
}

/// A whole digest in a line. What a terminal is told may be glued to it.
fn fingerprint(line: &str) -> Option<String> {
    let digest = line.split_once("SHA256:")?.1;
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    let digest = &digest[..digest.find(|c| !is_base64(c)).unwrap_or(digest.len())];
    (digest.len() == DIGEST).then(|| format!("SHA256:{digest}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::scripted;

    const ED: &str = "SHA256:0WnO0q1QFMlW3TxQyC1Gv5qPmXz0jfvAq8N1s0aJm7c";
    const RSA: &str = "SHA256:Zl3zn1lFvV4qB9m3vQ3GZf0zW0bW3CwzBq0d+2k/XyE";

    fn console(prefix: &str) -> String {
        format!(
            "[   12.3] something\r\n\
             {prefix}#####\r\n\
             {prefix}-----BEGIN SSH HOST KEY FINGERPRINTS-----\r\n\
             {prefix}256 {ED} root@ip-10-0-0-5 (ED25519)\r\n\
             {prefix}3072 {RSA} root@ip-10-0-0-5 (RSA)\r\n\
             {prefix}-----END SSH HOST KEY FINGERPRINTS-----\r\n"
        )
    }

    #[test]
    fn the_block_is_read_with_and_without_prefixes() {
        for prefix in ["", "ci-info: ", "<14>Nov 20 09:00:01 ec2: ", "[   14.2] cloud-init[881]: "]
        {
            let keys = host_key_fingerprints(&console(prefix));
            assert_eq!(keys.fingerprints, [ED, RSA], "{prefix}");
            assert!(keys.is_final);
        }
    }

    #[test]
    fn a_cut_line_is_no_fingerprint() {
        let text = console("");
        let cut = &text[..text.find(RSA).unwrap() + 20];
        assert_eq!(host_key_fingerprints(cut).fingerprints, [ED]);
    }

    #[test]
    fn fingerprints_outside_the_block_are_nobodys() {
        assert_eq!(host_key_fingerprints(&format!("256 {ED} evil")), ConsoleKeys::default());
    }

    #[test]
    fn what_ssh_keygen_tells_is_read_until_the_block_is_there() {
        let made = format!(
            "[   15.8] cloud-init[520]: The key fingerprint is:\r\n\
             [  OK  ] Started acpid.path - ACPI Events Check.\r\n\
             [   15.9] cloud-init[520]: {RSA} root@ip-10-0-0-5\r\n\
             [   15.9] cloud-init[520]: +----[SHA256]-----+\r\n"
        );
        assert_eq!(host_key_fingerprints(&made).fingerprints, [RSA]);
        assert!(!host_key_fingerprints(&made).is_final, "others may follow");
        let both = format!("{made}{}", console("<14>"));
        assert_eq!(host_key_fingerprints(&both).fingerprints, [ED, RSA]);
        let again = format!("{}{made}", console("<14>"));
        assert_eq!(host_key_fingerprints(&again).fingerprints, [RSA], "another boot made others");
    }

    #[test]
    fn a_terminals_bytes_beside_a_digest_do_not_hide_it() {
        let glued = console("\u{1b}[!p\u{1b}]104\u{1b}\\").replace(' ', "\u{1b}[0m");
        let glued = glued
            .replace("BEGIN\u{1b}[0mSSH\u{1b}[0mHOST\u{1b}[0mKEY\u{1b}[0m", "BEGIN SSH HOST KEY ");
        assert_eq!(host_key_fingerprints(&glued).fingerprints, [ED, RSA]);
    }

    #[test]
    fn a_boot_that_ended_is_seen() {
        let silent = "Cloud-init v. 24.1.3-0ubuntu3 finished at Fri, 20 Nov 2026 09:00:10 +0000. \
                      Datasource DataSourceEc2Local.  Up 31.40 seconds";
        assert!(host_key_fingerprints(silent).is_final);
        assert!(!host_key_fingerprints("\nip-10-0-0-5 login: ").is_final, "it goes on behind it");
        assert!(!host_key_fingerprints("Cloud-init v. 24.1 running 'modules:final'").is_final);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_without_nitro_is_asked_for_its_older_output() {
        let (ec2, calls) = scripted::ec2(|call| {
            if call.contains("Latest=true") {
                return scripted::refusal("UnsupportedOperation");
            }
            let output = "<GetConsoleOutputResponse><output>aGVs\nbG8=</output>\
                          </GetConsoleOutputResponse>";
            (200, output.to_owned())
        })
        .await;
        let text = ec2.console_output(&"i-1".into()).await.unwrap();
        assert_eq!(text.as_deref(), Some("hello"));
        assert_eq!(calls.lock().unwrap().len(), 2);
    }

    #[test]
    fn the_last_boot_counts() {
        let twice = format!("{}{}", console("").replace(ED, RSA), console(""));
        assert_eq!(host_key_fingerprints(&twice).fingerprints, [ED, RSA]);
    }
}
