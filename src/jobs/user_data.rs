//! The cloud-config that an instance receives at launch.
//!
//! Pure: a template (`instance/user-data.yaml`) and checked values. User-data can be read by every
//! process on the instance and by whoever may describe it, so nothing secret may go in here.

use thiserror::Error;

const TEMPLATE: &str = include_str!("../../instance/user-data.yaml");

/// What differs from one deployment to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserData<'a> {
    /// The user that SSH logs in with. It is the image's default user, renamed if need be.
    pub username: &'a str,
    /// One line in the format of OpenSSH's `.pub` files. `None` where an EC2 key pair brings it.
    pub public_key: Option<&'a str>,
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
}

/// The whole user-data, before Base64. It stays below 8 KB; EC2 takes 16 (EC2 User Guide, "Instance
/// user data").
pub fn render(inputs: &UserData<'_>) -> Result<String, UserDataError> {
    check_username(inputs.username)?;
    let keys = match inputs.public_key {
        Some(key) => vec![check_public_key(key)?],
        None => Vec::new(),
    };
    // A JSON text is YAML as well, with every quote and escape in place.
    Ok(TEMPLATE
        .replace("@username@", &serde_json::Value::from(inputs.username).to_string())
        .replace("@authorized_keys@", &serde_json::Value::from(keys).to_string()))
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

    #[test]
    fn values_are_quoted() {
        let key = format!("{KEY} \"#@username@: \\ 'x'");
        let text = render(&UserData { username: "ubuntu", public_key: Some(&key) }).unwrap();
        let yaml: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(yaml["user"]["name"], "ubuntu");
        assert_eq!(yaml["ssh_authorized_keys"], serde_json::json!([key]));
    }

    #[test]
    fn without_a_key_none_is_added() {
        let text = render(&UserData { username: "_a-1", public_key: None }).unwrap();
        let yaml: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(yaml["ssh_authorized_keys"], serde_json::json!([]));
    }

    #[test]
    fn impossible_names_are_refused() {
        for name in ["", "1st", "Root", "a b", "a\nruncmd: [x]", "é", &"a".repeat(33)] {
            let error = render(&UserData { username: name, public_key: None }).unwrap_err();
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
            let rendered = render(&UserData { username: "ubuntu", public_key: Some(key) });
            assert!(matches!(rendered, Err(UserDataError::PublicKey(_))), "{key:?}");
        }
    }
}
