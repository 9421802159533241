//! The cloud-config that an instance receives at launch.
//!
//! Pure: a template (`instance/user-data.yaml`) and checked values. User-data can be read by every
//! process on the instance and by whoever may describe it, so nothing secret may go in here.

use serde_json::{Value, json};
use thiserror::Error;

const TEMPLATE: &str = include_str!("../../../instance/user-data.yaml");
/// Its line with the keys.
const KEYS: &str = "ssh_authorized_keys: @authorized_keys@\n";
const INSTALL: &str = include_str!("../../../instance/install-packages.sh");
/// Where the template puts it.
const INSTALL_PATH: &str = "/usr/local/sbin/spot-tui-packages";
/// What arms the lease.
const LEASE: &str = include_str!("../../../instance/arm-lease.sh");
/// What EC2 takes, before Base64 (EC2 User Guide, "Instance user data").
const LONGEST: usize = 16 * 1024;
/// How cloud-init adds the user's part to ours: lists grow, and of two values the user's stays.
const MERGE: &str = "list(append)+dict(recurse_array)+str()";

/// What cloud-init would else make anew on a disk that it meets under another instance id: it deletes
/// the host keys (cc_ssh, `ssh_deletekeys` is true by default). Not for a first boot: an image may bring
/// keys along that all of its instances would share.
const OWN_KEYS: &str = "\nssh_deletekeys: false\n";

/// What has a disk keep its hostname under another instance id. That stands on the disk itself:
/// cloud-init sets the name in its local stage, in which it has not read any user-data yet.
pub const KEEP_HOSTNAME: &str =
    "sudo sh -c 'echo preserve_hostname: true >/etc/cloud/cloud.cfg.d/99-spot-tui-hostname.cfg'";

/// What sets the lease of a node anew, with the force behind it.
pub const RENEW_LEASE: &str =
    "sudo systemctl restart spot-tui-lease-term.service spot-tui-lease-last.service";

/// What differs from one deployment to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserData<'a> {
    /// The user that SSH logs in with. It is the image's default user, renamed if need be.
    pub username: &'a str,
    /// One line in the format of OpenSSH's `.pub` files. `None` where an EC2 key pair brings it.
    pub public_key: Option<&'a str>,
    /// Further ones: which key logs in may depend on the address.
    pub more_keys: &'a [String],
    /// Further packages of the image's distribution.
    pub packages: &'a [String],
    /// The user's own `#cloud-config`.
    pub cloud_config: Option<&'a str>,
    /// Whether the instance goes on to boot from a root volume that was another instance's: then
    /// what makes that machine itself is left alone.
    pub keeps_root: bool,
    /// How long the instance lives without anybody who renews that, in seconds.
    pub lease_s: Option<u64>,
}

/// A value that cannot go into user-data.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UserDataError {
    /// Not a name that Linux takes.
    #[error(
        "aws.username '{}' is not a user name: use a lower-case letter, then up to 31 of a-z, 0-9, '-' and '_'",
        .0.escape_debug()
    )]
    Username(String),
    /// Not a public key.
    #[error(
        "the SSH public key is not usable: {0}; give the line of a .pub file that ssh-keygen wrote"
    )]
    PublicKey(&'static str),
    /// Not a cloud-config.
    #[error("node.cloud_init is not usable: {0}")]
    CloudConfig(String),
    /// More than EC2 takes.
    #[error(
        "user-data has {0} bytes and may have 16384: make the file of node.cloud_init shorter, and \
         put what is long into deployment-files"
    )]
    TooLong(usize),
}

/// The whole user-data, before Base64. It stays below 8 KB where the user adds nothing.
pub fn render(inputs: &UserData<'_>) -> Result<String, UserDataError> {
    check_username(inputs.username)?;
    let more = inputs.more_keys.iter().map(String::as_str);
    let keys = inputs.public_key.into_iter().chain(more).map(check_public_key);
    let mut keys = keys.collect::<Result<Vec<&str>, _>>()?;
    keys.dedup();
    let mut install = vec![INSTALL_PATH];
    install.extend(inputs.packages.iter().map(String::as_str));
    // A JSON text is YAML as well, with every quote and escape in place.
    // cloud-init's schema takes no empty list of keys.
    let template = if keys.is_empty() { TEMPLATE.replace(KEYS, "") } else { TEMPLATE.to_owned() };
    let ours = template
        .replace("@install_packages@", &Value::from(INSTALL).to_string())
        .replace("@install_command@", &Value::from(install).to_string())
        .replace("@username@", &Value::from(inputs.username).to_string())
        .replace("@authorized_keys@", &Value::from(keys).to_string());
    let ours = if inputs.keeps_root { ours + OWN_KEYS } else { ours };
    let ours = match inputs.lease_s {
        Some(seconds) => ours + &lease(seconds),
        None => ours,
    };
    let text = match inputs.cloud_config {
        Some(theirs) => archive(&ours, check_cloud_config(theirs)?),
        None => ours,
    };
    if text.len() > LONGEST {
        return Err(UserDataError::TooLong(text.len()));
    }
    Ok(text)
}

/// `bootcmd` comes before all else, at each boot: an instance whose set-up fails has its end too.
fn lease(seconds: u64) -> String {
    let command = json!(["sh", "-c", LEASE, "arm-lease", seconds.to_string()]);
    format!("\nbootcmd: [{command}]\n")
}

/// Both parts in the form that cloud-init merges.
fn archive(ours: &str, theirs: &str) -> String {
    let part = |content: &str| json!({ "type": "text/cloud-config", "Merge-Type": MERGE, "content": content });
    format!("#cloud-config-archive\n{}\n", json!([part(ours), part(theirs)]))
}

fn check_cloud_config(text: &str) -> Result<&str, UserDataError> {
    let wrong = |why: &str| UserDataError::CloudConfig(why.to_owned());
    if text.lines().next().map(str::trim_end) != Some("#cloud-config") {
        return Err(wrong("its first line has to be #cloud-config"));
    }
    match serde_yaml::from_str::<Value>(text) {
        Ok(Value::Object(_)) => Ok(text),
        Ok(_) => Err(wrong("it has to be a mapping")),
        Err(error) => {
            let told = error.to_string();
            let first = told.lines().next().unwrap_or_default();
            // What its reader's own user could set is nothing to ours.
            let first = first.split(", set ").next().unwrap_or_default();
            Err(wrong(first.trim_start_matches("error: ")))
        }
    }
}

fn check_username(name: &str) -> Result<(), UserDataError> {
    let mut letters = name.chars();
    let first = letters.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_');
    let rest = letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
    if first && rest && name.len() <= 32 {
        Ok(())
    } else {
        Err(UserDataError::Username(name.to_owned()))
    }
}

/// The key without the space around it. Options before the type are refused: they could run
/// commands.
fn check_public_key(text: &str) -> Result<&str, UserDataError> {
    let key = text.trim();
    if key.contains("PRIVATE KEY") {
        return Err(UserDataError::PublicKey("it is a private key"));
    }
    if key.chars().any(char::is_control) {
        return Err(UserDataError::PublicKey("it has more than one line"));
    }
    if key.len() > 4096 {
        return Err(UserDataError::PublicKey("it is longer than 4096 bytes"));
    }
    let mut fields = key.split(' ');
    let kind = fields.next().unwrap_or_default();
    if !["ssh-", "ecdsa-sha2-", "sk-"].iter().any(|known| kind.starts_with(known)) {
        return Err(UserDataError::PublicKey("it does not begin with the type of a key"));
    }
    let body = fields.next().unwrap_or_default();
    let base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    if body.is_empty() || !body.chars().all(base64) {
        return Err(UserDataError::PublicKey("its second field is not Base64"));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9 me@here";

    fn inputs<'a>(username: &'a str, public_key: Option<&'a str>) -> UserData<'a> {
        UserData {
            username,
            public_key,
            more_keys: &[],
            packages: &[],
            cloud_config: None,
            keeps_root: false,
            lease_s: None,
        }
    }

    #[test]
    fn a_lease_is_armed_before_all_else() {
        let inputs = UserData { lease_s: Some(5400), ..inputs("ubuntu", None) };
        let yaml: Value = serde_yaml::from_str(&render(&inputs).unwrap()).unwrap();
        assert_eq!(yaml["bootcmd"], json!([["sh", "-c", LEASE, "arm-lease", "5400"]]));
    }

    #[test]
    fn packages_are_arguments() {
        let packages = ["htop".to_owned(), "libstdc++6".to_owned()];
        let inputs = UserData { packages: &packages, ..inputs("ubuntu", None) };
        let yaml: Value = serde_yaml::from_str(&render(&inputs).unwrap()).unwrap();
        let timers = ["apt-daily.timer", "apt-daily-upgrade.timer"];
        assert_eq!(yaml["runcmd"][0], json!(["systemctl", "mask", "--now", timers[0], timers[1]]));
        assert_eq!(yaml["runcmd"][1], json!([INSTALL_PATH, "htop", "libstdc++6"]));
        assert_eq!(yaml["write_files"][0]["content"], INSTALL);
    }

    #[test]
    fn the_users_cloud_config_is_a_part_of_its_own() {
        let theirs = "#cloud-config\nruncmd: [[touch, \"/a b\"]]\n";
        let with = |text| render(&UserData { cloud_config: Some(text), ..inputs("ubuntu", None) });
        let text = with(theirs).unwrap();
        let (first, parts) = text.split_once('\n').unwrap();
        assert_eq!(first, "#cloud-config-archive");
        let parts: Value = serde_json::from_str(parts).unwrap();
        assert_eq!(parts[0]["content"], render(&inputs("ubuntu", None)).unwrap());
        assert_eq!(parts[1]["content"], theirs);

        for wrong in ["", "#!/bin/sh\n", "#cloud-config\n- a\n", "#cloud-config\na: [\n"] {
            assert!(matches!(with(wrong), Err(UserDataError::CloudConfig(_))), "{wrong:?}");
        }
        let twice = with("#cloud-config\na: 1\na: 2\n").unwrap_err().to_string();
        assert!(
            twice.ends_with("not usable: line 3 column 1: duplicate mapping key: a"),
            "{twice}"
        );
        let long = format!("#cloud-config\na: {}\n", "x".repeat(LONGEST));
        assert!(matches!(with(&long), Err(UserDataError::TooLong(_))));
    }

    #[test]
    fn a_root_that_is_kept_keeps_its_host_keys() {
        let first = render(&inputs("ubuntu", Some(KEY))).unwrap();
        assert!(!first.contains("ssh_deletekeys"), "{first}");
        let kept = UserData { keeps_root: true, ..inputs("ubuntu", Some(KEY)) };
        let yaml: Value = serde_yaml::from_str(&render(&kept).unwrap()).unwrap();
        assert_eq!(yaml["ssh_deletekeys"], false);
    }

    #[test]
    fn values_are_quoted() {
        let key = format!("{KEY} \"#@username@: \\ 'x'");
        let text = render(&inputs("ubuntu", Some(&key))).unwrap();
        let yaml: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(yaml["user"]["name"], "ubuntu");
        assert_eq!(yaml["ssh_authorized_keys"], json!([key]));
    }

    #[test]
    fn without_a_key_none_is_added() {
        let text = render(&inputs("_a-1", None)).unwrap();
        let yaml: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(yaml.get("ssh_authorized_keys"), None);
    }

    #[test]
    fn impossible_names_are_refused() {
        for name in ["", "1st", "Root", "a b", "a\nruncmd: [x]", "é", &"a".repeat(33)] {
            let error = render(&inputs(name, None)).unwrap_err();
            assert_eq!(error, UserDataError::Username(name.to_owned()));
            assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn what_is_not_a_public_key_is_refused() {
        for key in [
            "",
            "hello",
            "ssh-ed25519",
            "ssh-ed25519 not*base64",
            "ssh-ed25519 AAAA\nssh-ed25519 AAAA",
            "command=\"x\" ssh-ed25519 AAAA",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
        ] {
            let rendered = render(&inputs("ubuntu", Some(key)));
            assert!(matches!(rendered, Err(UserDataError::PublicKey(_))), "{key:?}");
        }
    }
}
