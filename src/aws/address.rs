//! From which address this machine reaches AWS, and so who may reach port 22.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::IpNet;

use super::access::Aws;
use super::http::{Authorities, innermost};
use crate::config::AllowFrom;
use crate::fleet::{Failure, FailureKind, Step};

/// How long the service may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest answer that is read: an address and a line end fit many times.
const ANSWER_CAP: usize = 256;

/// This machine's public address could not be learned.
#[derive(Debug, thiserror::Error)]
#[error("asking {url} for this machine's public address: {reason}")]
pub struct AddressError {
    /// The service that was asked.
    pub url: String,
    /// Why it did not help.
    pub reason: String,
}

impl AddressError {
    /// The same as the user reads it, with the line to write.
    pub fn failure(&self) -> Failure {
        Failure::new(
            FailureKind::Unreachable,
            Step::Network,
            self.to_string(),
            "say who may reach port 22: write `allow_from: 203.0.113.7/32` under `ssh:`, with \
             this machine's public address",
        )
    }
}

/// Asks a service like AWS's checkip, which answers with the caller's address as plain text. It is
/// asked as SSH will dial: over IPv4, and not through a proxy, whose address would be told instead
/// of ours.
async fn own_address(url: &str, authorities: Option<&Authorities>) -> Result<IpAddr, AddressError> {
    let failed = |reason: String| AddressError { url: url.to_owned(), reason };
    let asked = async {
        let client = reqwest::Client::builder()
            .timeout(ASK_TIMEOUT)
            .no_proxy()
            .local_address(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let client = match authorities {
            Some(authorities) => authorities.trust(client),
            None => client,
        };
        let client = client.build()?;
        let mut answer = client.get(url).send().await?.error_for_status()?;
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            text.extend_from_slice(&chunk);
            if text.len() > ANSWER_CAP {
                break;
            }
        }
        Ok::<_, reqwest::Error>(text)
    };
    // The outer text of reqwest repeats the URL; what went wrong is at the bottom.
    let text = asked.await.map_err(|error| failed(innermost(&error)))?;
    match String::from_utf8_lossy(&text).trim().parse() {
        Ok(IpAddr::V4(address)) => Ok(address.into()),
        Ok(IpAddr::V6(address)) => {
            Err(failed(format!("it answers {address}, and instances are reached over IPv4")))
        }
        Err(_) => Err(failed("the answer is not an address".into())),
    }
}

impl Aws {
    /// The networks that may reach port 22. A simulated AWS on this machine sees us as 127.0.0.1,
    /// and nothing outside is asked.
    pub async fn operator_networks(
        &self,
        allow_from: &AllowFrom,
        checkip_url: &str,
    ) -> Result<Vec<IpNet>, AddressError> {
        let authorities = self.authorities();
        operator_networks(allow_from, checkip_url, self.is_loopback(), authorities).await
    }
}

async fn operator_networks(
    allow_from: &AllowFrom,
    checkip_url: &str,
    loopback: bool,
    authorities: Option<&Authorities>,
) -> Result<Vec<IpNet>, AddressError> {
    match allow_from {
        AllowFrom::Networks(networks) => Ok(networks.clone()),
        AllowFrom::Auto if loopback => Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST).into()]),
        AllowFrom::Auto => Ok(vec![own_address(checkip_url, authorities).await?.into()]),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn a_loopback_endpoint_asks_nobody() {
        let networks = operator_networks(&AllowFrom::Auto, "http://127.0.0.1:1/", true, None).await;
        assert_eq!(networks.unwrap(), ["127.0.0.1/32".parse::<IpNet>().unwrap()]);
    }

    /// Answers one request on loopback with this body; its URL.
    fn answer(body: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).unwrap();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
        });
        url
    }

    #[tokio::test]
    async fn the_services_answer_becomes_one_address() {
        let networks =
            operator_networks(&AllowFrom::Auto, &answer("198.51.100.9\n"), false, None).await;
        assert_eq!(networks.unwrap(), ["198.51.100.9/32".parse::<IpNet>().unwrap()]);
        let portal = own_address(&answer("<html>Please log in</html>"), None).await.unwrap_err();
        assert_eq!(portal.reason, "the answer is not an address");
        let other = own_address(&answer("2001:db8::7"), None).await.unwrap_err();
        assert!(other.reason.contains("2001:db8::7") && other.reason.contains("IPv4"), "{other}");
    }

    #[tokio::test]
    async fn a_silent_service_is_a_refusal_with_the_line_to_write() {
        let refused = operator_networks(&AllowFrom::Auto, "http://127.0.0.1:1/", false, None).await;
        let failure = refused.unwrap_err().failure();
        assert!(failure.reason.starts_with("asking http://127.0.0.1:1/"), "{failure}");
        assert!(failure.hint.contains("allow_from: 203.0.113.7/32"), "{failure}");
    }
}
