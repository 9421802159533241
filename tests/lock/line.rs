//! The way of one machine to AWS, which is cut while it sleeps: what it had sent is not answered, and
//! fails when it wakes.

use std::io;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use spot_tui::aws::SharedHttpClient;
use tokio::sync::watch;

/// A client behind it.
#[derive(Debug, Clone)]
pub(super) struct Line {
    inner: SharedHttpClient,
    sleeps: Arc<watch::Sender<bool>>,
}

impl Line {
    pub(super) fn new(inner: SharedHttpClient) -> Self {
        Self { inner, sleeps: Arc::default() }
    }

    pub(super) fn client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    pub(super) fn sleep(&self, sleeps: bool) {
        self.sleeps.send_replace(sleeps);
    }
}

impl HttpClient for Line {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, sleeps: Arc::clone(&self.sleeps) })
    }
}

#[derive(Debug, Clone)]
struct Connector {
    inner: SharedHttpConnector,
    sleeps: Arc<watch::Sender<bool>>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (inner, mut sleeps) = (self.inner.clone(), self.sleeps.subscribe());
        HttpConnectorFuture::new(async move {
            let is_asleep = *sleeps.borrow();
            if !is_asleep {
                tokio::select! {
                    biased;
                    asleep = sleeps.wait_for(|sleeps| *sleeps) => drop(asleep),
                    answer = inner.call(request) => return answer,
                }
            }
            // The sender lives as long as the town.
            drop(sleeps.wait_for(|sleeps| !*sleeps).await);
            let error = io::Error::new(io::ErrorKind::ConnectionReset, "it slept");
            Err(ConnectorError::io(error.into()))
        })
    }
}
