//! An AWS for unit tests: it lives in the process, answers by a function, and needs no time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_sdk_ec2::config::{HttpClient, RuntimeComponents};
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::{Access, Aws, Credentials, Ec2, SharedHttpClient, SharedTimeSource};

/// What is answered to a call: an HTTP status and a body. The call comes as its form.
type Answer = dyn Fn(&str) -> (u16, String) + Send + Sync;

/// The calls so far, each as its form: `Action=DescribeVpcs&Version=...`.
pub(crate) type Calls = Arc<Mutex<Vec<String>>>;

/// EC2 in us-west-2, answered by a function; and the calls that it gets.
pub(crate) async fn ec2(
    answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
) -> (Ec2, Calls) {
    let (aws, calls) = aws(answer).await;
    (aws.region(&"us-west-2".into()), calls)
}

/// An account, answered by a function; and the calls that it gets.
pub(crate) async fn aws(
    answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
) -> (Aws, Calls) {
    let calls = Calls::default();
    let script = Script { answer: Arc::new(answer), calls: Arc::clone(&calls) };
    let clock = PausedClock { base: SystemTime::now(), start: tokio::time::Instant::now() };
    let access = Access {
        credentials: Some(Credentials::new("key", "secret", None, None, "test")),
        http: Some(SharedHttpClient::new(script)),
        time: SharedTimeSource::new(clock),
        ..Access::default()
    };
    (Aws::open(&access).await.unwrap(), calls)
}

/// An instance in us-west-2a as DescribeInstances tells of it, in a reservation of its own.
pub(crate) fn instance(id: &str, state: &str, tags: &[(&str, &str)]) -> String {
    let tags = tags
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"));
    let tags: String = tags.collect();
    format!(
        "<reservationSet><item><instancesSet><item><instanceId>{id}</instanceId>\
         <instanceState><name>{state}</name></instanceState><instanceType>t3.medium\
         </instanceType><launchTime>2026-11-20T09:00:00Z</launchTime><placement>\
         <availabilityZone>us-west-2a</availabilityZone></placement><tagSet>{tags}</tagSet>\
         </item></instancesSet></item></reservationSet>"
    )
}

/// An error as EC2 writes it.
pub(crate) fn refusal(code: &str) -> (u16, String) {
    refusal_saying(code, "no")
}

/// The same in these words.
pub(crate) fn refusal_saying(code: &str, message: &str) -> (u16, String) {
    let error = format!("<Code>{code}</Code><Message>{message}</Message>");
    (400, format!("<Response><Errors><Error>{error}</Error></Errors></Response>"))
}

#[derive(Clone)]
struct Script {
    answer: Arc<Answer>,
    calls: Calls,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl HttpClient for Script {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Script {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let script = self.clone();
        let body = std::mem::replace(request.body_mut(), SdkBody::taken());
        HttpConnectorFuture::new(async move {
            let body = ByteStream::new(body).collect().await;
            let body = body.map_err(|error| ConnectorError::other(error.into(), None))?;
            let form = String::from_utf8_lossy(&body.into_bytes()).into_owned();
            let (status, xml) = (script.answer)(&form);
            script.calls.lock().unwrap_or_else(PoisonError::into_inner).push(form);
            let status = status
                .try_into()
                .map_err(|_| ConnectorError::other("a status that is none".into(), None))?;
            Ok(HttpResponse::new(status, SdkBody::from(xml)))
        })
    }
}

/// A wall clock that follows tokio's, so that a paused test stays paused.
#[derive(Debug)]
struct PausedClock {
    base: SystemTime,
    start: tokio::time::Instant,
}

impl TimeSource for PausedClock {
    fn now(&self) -> SystemTime {
        self.base + self.start.elapsed()
    }
}
