//! The one HTTP client: it goes through the user's proxy, trusts the user's own authorities, and
//! reads no answer that never ends.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use aws_sdk_ec2::config::{HttpClient, RuntimeComponents};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures_util::stream::try_unfold;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::class::{Class, Credential};
use super::error::AwsError;
use super::requests::counted;
use crate::files::{MOST, read_bounded};

/// How long one attempt may take, to the end of its answer: the SDK's own time limits end before that, or
/// count what comes before the request is sent, too.
const ATTEMPT: Duration = Duration::from_secs(90);
/// The longest answer that is read. A thousand instances take 4.4 MiB.
const LONGEST: usize = 32 << 20;
/// What any answer may have without waiting for its turn.
const SHORT: usize = 512 << 10;
/// Turns of longer ones. Five questions are asked of each of seventeen regions at once: all of them
/// together stay below 110 MiB.
static LONG_ANSWERS: Semaphore = Semaphore::const_new(2);

/// The authorities whose certificates are trusted instead of the system's, as with AWS's own
/// command line: `AWS_CA_BUNDLE`, or `ca_bundle` of the profile.
#[derive(Clone)]
pub(super) struct Authorities {
    pem: Vec<u8>,
    certificates: Vec<reqwest::Certificate>,
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.certificates.len())
    }
}

impl Authorities {
    /// Reads a file of certificates in PEM. What cannot be used is refused here: the client would
    /// panic at the first call. `named_by` says where the user wrote the path.
    pub(super) fn read(path: &Path, named_by: &str) -> Result<Self, AwsError> {
        let refused = |reason: String| {
            AwsError::found(
                "reading the certificates of authorities",
                None,
                Class::Credentials(Credential::Broken),
                format!("{}: {reason}", path.display()),
                format!("{named_by} has to name a file of certificates in PEM"),
            )
        };
        let pem = read_bounded(path, MOST).map_err(|error| refused(error.to_string()))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|error| refused(error.to_string()))?;
        if certificates.is_empty() {
            return Err(refused("there is no certificate in it".into()));
        }
        let alone = reqwest::Client::builder().tls_certs_only(certificates.clone()).build();
        alone.map_err(|error| refused(innermost(&error)))?;
        Ok(Self { pem, certificates })
    }

    /// A client for what is not AWS, which trusts them besides the system's.
    pub(super) fn trust(&self, client: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        client.tls_certs_merge(self.certificates.clone())
    }

    fn context(&self) -> Option<TlsContext> {
        let store = TrustStore::empty().with_pem_certificate(self.pem.clone());
        TlsContext::builder().with_trust_store(store).build().ok()
    }
}

/// What stands at the end of a chain of errors: what went wrong.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let last = std::iter::successors(Some(error), |error| error.source()).last();
    last.map(ToString::to_string).unwrap_or_default()
}

/// A client that honours HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY. What is on this machine
/// or tells it about itself (instance metadata, credentials of a container) is never asked through
/// a proxy.
pub(super) fn client(authorities: Option<&Authorities>) -> SharedHttpClient {
    let direct = way(ProxyConfig::disabled(), authorities);
    let proxied = way(ProxyConfig::from_env(), authorities);
    counted(SharedHttpClient::new(Client { direct, proxied }))
}

fn way(proxy: ProxyConfig, authorities: Option<&Authorities>) -> SharedHttpClient {
    let context = authorities.and_then(Authorities::context).unwrap_or_default();
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxy.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone())
            .build()
    })
}

#[derive(Debug, Clone)]
struct Client {
    direct: SharedHttpClient,
    proxied: SharedHttpClient,
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connectors {
            direct: self.direct.http_connector(settings, components),
            proxied: self.proxied.http_connector(settings, components),
        })
    }
}

#[derive(Debug)]
struct Connectors {
    direct: SharedHttpConnector,
    proxied: SharedHttpConnector,
}

impl HttpConnector for Connectors {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let way = if is_near(request.uri()) { &self.direct } else { &self.proxied };
        let (answer, end) = (way.call(request), Instant::now() + ATTEMPT);
        HttpConnectorFuture::new(async move {
            let answer = timeout_at(end, answer).await;
            let answer = answer.map_err(|elapsed| ConnectorError::timeout(elapsed.into()))??;
            Ok(answer.map(|body| bounded(body, end)))
        })
    }
}

/// An answer that fails as soon as it is longer than any that AWS gives, and waits for its turn to be
/// long: many questions are under way at once, and what was read of each is kept until its end. One that
/// has not ended then never will.
fn bounded(body: SdkBody, end: Instant) -> SdkBody {
    let frames = try_unfold((body, Length::default()), move |(mut body, mut length)| async move {
        let Ok(frame) = timeout_at(end, body.frame()).await else {
            return Err(format!("the answer did not end within {} s", ATTEMPT.as_secs()).into());
        };
        let Some(frame) = frame.transpose()? else { return Ok(None) };
        length.grow(frame.data_ref().map_or(0, Bytes::len)).await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Some((frame, (body, length))))
    });
    SdkBody::from_body_1_x(StreamBody::new(frames))
}

/// How much was read of an answer.
#[derive(Default)]
struct Length {
    bytes: usize,
    /// Held by a long one until its end.
    turn: Option<SemaphorePermit<'static>>,
}

impl Length {
    async fn grow(&mut self, more: usize) -> Result<(), String> {
        self.bytes += more;
        if self.bytes > LONGEST {
            return Err(format!("the answer has more than {} MiB: that is not AWS", LONGEST >> 20));
        }
        if self.bytes > SHORT && self.turn.is_none() {
            // Nobody closes it.
            self.turn = LONG_ANSWERS.acquire().await.ok();
        }
        Ok(())
    }
}

/// Whether a URL leads to this machine.
pub fn is_loopback(url: &str) -> bool {
    host(url).is_some_and(|host| match host {
        Host::Name(name) => name == "localhost",
        Host::Address(address) => address.is_loopback(),
    })
}

/// Whether a URL leads to this machine, or to what the cloud tells it about itself: link-local
/// addresses, and the metadata service's address of IPv6.
fn is_near(url: &str) -> bool {
    const METADATA: &str = "fd00:ec2::254";
    is_loopback(url)
        || matches!(host(url), Some(Host::Address(address)) if match address {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.is_unicast_link_local() || address.to_string() == METADATA,
        })
}

enum Host {
    Name(String),
    Address(IpAddr),
}

fn host(url: &str) -> Option<Host> {
    let url = reqwest::Url::parse(url).ok()?;
    let host = url.host_str()?;
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    Some(address.map_or_else(|_| Host::Name(host.to_owned()), Host::Address))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::aws::{Access, Aws, Credentials};

    #[test]
    fn loopback_is_seen_in_every_spelling() {
        for url in ["http://127.0.0.1:5000", "http://localhost:5000/", "http://[::1]:5000"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["https://ec2.us-east-1.amazonaws.com", "http://10.0.0.1", "nonsense"] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn what_a_machine_is_told_about_itself_is_near() {
        for url in [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2/credentials",
            "http://[fd00:ec2::254]/latest",
            "http://[fe80::1]/",
            "http://127.0.0.1:4566",
        ] {
            assert!(is_near(url), "{url}");
        }
        for url in
            ["https://sts.eu-west-1.amazonaws.com/", "http://192.168.1.1/", "http://[fd00::1]"]
        {
            assert!(!is_near(url), "{url}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_refused_in_a_sentence() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for content in
            ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
        {
            std::fs::write(&file, content).unwrap();
            let error = Authorities::read(file.path(), "AWS_CA_BUNDLE").unwrap_err();
            assert!(error.hint().contains("AWS_CA_BUNDLE"), "{content:?}: {error}");
        }
        let error = Authorities::read(Path::new("/nowhere"), "ca_bundle").unwrap_err();
        assert!(error.to_string().contains("/nowhere"), "{error}");
    }

    /// An endpoint on loopback whose answer goes on until nobody reads any more.
    fn endless() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request);
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\n\r\n");
                    let blanks = vec![b' '; 64 * 1024];
                    while stream.write_all(&blanks).is_ok() {}
                });
            }
        });
        url
    }

    #[tokio::test]
    async fn an_answer_that_never_ends_is_given_up_in_a_sentence() {
        let access = Access {
            endpoint: Some(endless()),
            credentials: Some(Credentials::new("key", "secret", None, None, "test")),
            ..Access::default()
        };
        let aws = Aws::open(&access).await.unwrap();
        let error = aws.region(&"us-west-2".into()).zones().await.unwrap_err();
        assert!(error.to_string().contains("more than 32 MiB"), "{error}");
    }
}
