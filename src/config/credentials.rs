//! The two files with which a node joins its orchestrator, looked at before anything is launched.
//!
//! The token is a secret: no complaint holds any of it.

/// The file of the orchestrator's address, in `aws.files_directory` and on a node.
pub const ENDPOINT_FILE: &str = "orchestrator_endpoint";
/// The file of the orchestrator's token.
pub const TOKEN_FILE: &str = "orchestrator_token";
/// What the sample files hold, and words that people leave in them.
const PLACEHOLDERS: [&str; 6] = ["replace-me", "replace_me", "changeme", "change-me", "your-", "<"];
/// The host of the sample file; nobody's (RFC 2606).
const SAMPLE_HOST: &str = "orchestrator.example.com";
/// The schemes that a NATS client takes.
const SCHEMES: [&str; 4] = ["nats", "tls", "ws", "wss"];

/// What is wrong with the text of `orchestrator_endpoint`, where something is.
pub fn check_endpoint(text: &str) -> Result<(), String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("it has to be one address, such as nats://host:4222".into());
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("nats", text));
    if matches!(scheme, "http" | "https") {
        return Err(format!(
            "{scheme}:// is the scheme of the orchestrator's API, which belongs into \
             bacalhau.api; nodes join by NATS, such as nats://host:4222"
        ));
    }
    if !SCHEMES.contains(&scheme) {
        return Err(format!(
            "the scheme has to be {}, not {}",
            SCHEMES.join(", "),
            scheme.escape_debug()
        ));
    }
    // A user and a password may stand before the host.
    let address = rest.rsplit('@').next().unwrap_or_default().trim_end_matches('/');
    let (host, port) = split_port(address).ok_or("it has to be an address such as host:4222")?;
    if host.is_empty() || host.contains(['/', '?', '#', ',']) {
        return Err("it has to be a host, with nothing after its port".into());
    }
    if is_placeholder(host) || host == SAMPLE_HOST {
        return Err(format!("{} is the text of the sample", host.escape_debug()));
    }
    match port.map(str::parse::<u16>) {
        None => Ok(()),
        Some(Ok(1234)) => {
            Err("1234 is the port of the API; nodes join by NATS, mostly 4222".into())
        }
        Some(Ok(port)) if port > 0 => Ok(()),
        Some(_) => Err("its port has to be a number from 1 to 65535".into()),
    }
}

/// What is wrong with the text of `orchestrator_token`, where something is.
pub fn check_token(text: &str) -> Result<(), String> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err("it is empty; leave the file out where the orchestrator asks for none".into());
    }
    if text.lines().count() > 1 {
        return Err("it has more than one line".into());
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err("it has spaces around it, or control characters".into());
    }
    if is_placeholder(text) {
        return Err("it is the text of the sample".into());
    }
    Ok(())
}

fn is_placeholder(text: &str) -> bool {
    let text = text.to_lowercase();
    PLACEHOLDERS.iter().any(|word| text.starts_with(word))
}

/// Host and port of an address; an IPv6 one stands in brackets.
fn split_port(address: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = address.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return match rest {
            "" => Some((host, None)),
            rest => Some((host, Some(rest.strip_prefix(':')?))),
        };
    }
    match address.split_once(':') {
        None => Some((address, None)),
        Some((_, port)) if port.contains(':') => None,
        Some((host, port)) => Some((host, Some(port))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_endpoints_pass() {
        for good in [
            "nats://10.0.0.1:4222\n",
            "host",
            "host:5222",
            "tls://nats.corp.example:443/",
            "nats://me:p@ss@host:4222",
            "[2001:db8::1]:4222",
            "wss://[::1]",
        ] {
            assert_eq!(check_endpoint(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn wrong_endpoints_are_explained() {
        for (wrong, words) in [
            ("", "empty"),
            ("a b", "one address"),
            ("nats://a\nnats://b", "one address"),
            ("https://host:1234", "bacalhau.api"),
            ("host:1234", "port of the API"),
            ("ftp://host", "scheme"),
            ("nats://", "a host"),
            ("nats://host:4222/path", "65535"),
            ("host:0", "65535"),
            ("host:nats", "65535"),
            ("2001:db8::1", "address such as"),
            ("nats://<host>:4222", "sample"),
            ("nats://your-orchestrator:4222", "sample"),
            ("nats://orchestrator.example.com:4222", "sample"),
        ] {
            let why = check_endpoint(wrong).unwrap_err();
            assert!(why.contains(words), "{wrong}: {why}");
        }
    }

    #[test]
    fn tokens_are_looked_at_and_never_told() {
        assert_eq!(check_token("s3cr3t|with&odd\\signs\n"), Ok(()));
        for wrong in ["", "\n", "replace-me\n", "<token>", "two\nlines", " spaced", "a\u{1}b"] {
            let why = check_token(wrong).unwrap_err();
            assert!(wrong.trim().is_empty() || !why.contains(wrong.trim()), "{why}");
        }
    }
}
