//! The front inside the process: an HTTP client for the SDK, without a socket. With tokio's
//! paused clock whole days pass at once.

use std::io;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use tokio::time::{sleep, timeout};

use super::answer::answer;
use super::message::{Answer, Reply, Request, headers};
use crate::demo::world::World;

/// An HTTP client that leads to this world, for every service and region.
pub fn connector(world: &World) -> SharedHttpClient {
    SharedHttpClient::new(Front { world: world.clone(), read_timeout: None })
}

#[derive(Debug, Clone)]
struct Front {
    world: World,
    read_timeout: Option<Duration>,
}

impl HttpClient for Front {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let world = self.world.clone();
        SharedHttpConnector::new(Self { world, read_timeout: settings.read_timeout() })
    }
}

impl HttpConnector for Front {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let front = self.clone();
        HttpConnectorFuture::new(async move {
            let request = read(request).await?;
            let answered = front.exchange(&request);
            // The SDK leaves this timeout to the connector.
            let answer = match front.read_timeout {
                None => answered.await?,
                Some(limit) => timeout(limit, answered)
                    .await
                    .map_err(|elapsed| ConnectorError::timeout(elapsed.into()))??,
            };
            response(answer, &front.world)
        })
    }
}

impl Front {
    async fn exchange(&self, request: &Request) -> Result<Answer, ConnectorError> {
        let reply = answer(&self.world, request);
        sleep(self.world.latency()).await;
        match reply {
            Reply::Answer(answer) => Ok(answer),
            Reply::Cut => {
                let error = io::Error::new(io::ErrorKind::ConnectionReset, "connection reset");
                Err(ConnectorError::io(error.into()))
            }
            Reply::Silence => std::future::pending().await,
        }
    }
}

async fn read(mut request: HttpRequest) -> Result<Request, ConnectorError> {
    let header = |name: &str| request.headers().get(name).unwrap_or_default().to_owned();
    let (authorization, target) = (header("authorization"), header("x-amz-target"));
    let path = request.uri().split_once("://").map_or("", |(_, rest)| rest);
    let path = path.split_once('/').map_or("", |(_, path)| path);
    let path = format!("/{}", path.split('?').next().unwrap_or_default());
    // The body has to be read to its end, else the SDK takes a slow answer for a stalled upload.
    let body = std::mem::replace(request.body_mut(), SdkBody::taken());
    let body = ByteStream::new(body).collect().await;
    let body = body.map_err(|error| ConnectorError::other(error.into(), None))?;
    Ok(Request { authorization, target, path, body: body.to_vec() })
}

fn response(answer: Answer, world: &World) -> Result<HttpResponse, ConnectorError> {
    let status = answer.status.try_into();
    let status = status.map_err(|_| ConnectorError::other("a status that is none".into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    response.headers_mut().insert("x-amzn-requestid", answer.request_id);
    response.headers_mut().insert("content-type", answer.content_type);
    for (name, value) in headers(world.clock().now()) {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}
