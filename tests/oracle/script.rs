//! Our client with answers that are given by a function of the call, on a paused clock.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use spot_tui::aws::{Access, Aws, Credentials, SharedTimeSource};
use spot_tui::demo::Clock;

/// What is answered to a call, by its form: a status and a body.
type Answer = dyn Fn(&str) -> (u16, String) + Send + Sync;

/// An account that answers so.
pub(super) async fn account(answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> Aws {
    let access = Access {
        credentials: Some(Credentials::new("key", "secret", None, None, "recording")),
        http: Some(SharedHttpClient::new(Script(Arc::new(answer)))),
        time: SharedTimeSource::new(Clock::new(super::recordings::began(), 1.0)),
        ..Access::default()
    };
    Aws::open(&access).await.unwrap()
}

/// An error as EC2 writes it.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> (u16, String) {
    let message = message.replace('&', "&amp;").replace('<', "&lt;");
    let error = format!("<Code>{code}</Code><Message>{message}</Message>");
    let id = "<RequestID>00000000-0000-4000-8000-000000000001</RequestID>";
    (status, format!("<Response><Errors><Error>{error}</Error></Errors>{id}</Response>"))
}

/// The action of a call.
pub(super) fn action(form: &str) -> &str {
    let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
    action.unwrap_or_default()
}

#[derive(Clone)]
struct Script(Arc<Answer>);

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
            let (status, text) = (script.0)(&String::from_utf8_lossy(&body.into_bytes()));
            Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(text)))
        })
    }
}
