//! How often AWS was asked for what, and how that went: counted where the requests leave, for all
//! clients of this process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aws_sdk_ec2::config::{HttpClient, RuntimeComponents};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// The numbers, by action and by how it went.
static REQUESTS: Mutex<BTreeMap<(String, String), u64>> = Mutex::new(BTreeMap::new());

/// How often this process asked AWS for each action, and whether it was answered: `ok`, `4xx`
/// (refused, throttled), `5xx`, or `unanswered`. Attempts of the SDK's own count each.
pub fn requests() -> BTreeMap<(String, String), u64> {
    REQUESTS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The same client, whose requests are counted from now on.
pub fn counted(http: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Counted(http))
}

#[derive(Debug, Clone)]
struct Counted(SharedHttpClient);

impl HttpClient for Counted {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(CountedConnector(self.0.http_connector(settings, components)))
    }
}

#[derive(Debug)]
struct CountedConnector(SharedHttpConnector);

impl HttpConnector for CountedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let action = action(&request);
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await;
            let result = match &answer {
                Ok(answer) if answer.status().is_success() => "ok",
                Ok(answer) if answer.status().is_client_error() => "4xx",
                Ok(_) => "5xx",
                Err(_) => "unanswered",
            };
            let mut requests = REQUESTS.lock().unwrap_or_else(PoisonError::into_inner);
            *requests.entry((action, result.to_owned())).or_default() += 1;
            drop(requests);
            answer
        })
    }
}

/// What is asked for: `Action` of the query protocol, the operation of the JSON ones; `other` is
/// what is no call to a service, such as the metadata of an instance.
fn action(request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target").and_then(|it| it.rsplit('.').next());
    let query = || {
        let body = request.body().bytes()?;
        let text = std::str::from_utf8(body).ok()?;
        let mut pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == "Action").map(|(_, action)| action)
    };
    let path = || {
        let (_, operation) = request.uri().split_once("/operation/")?;
        operation.split(['/', '?']).next()
    };
    let is_word = |word: &&str| word.len() < 64 && word.chars().all(|c| c.is_ascii_alphanumeric());
    let action = target.or_else(query).or_else(path).filter(is_word);
    action.unwrap_or("other").to_owned()
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn an_action_is_read_off_each_protocol() {
        let mut query = HttpRequest::new(SdkBody::from("Version=2016-11-15&Action=RunInstances"));
        query.set_uri("https://ec2.us-west-2.amazonaws.com/").unwrap();
        assert_eq!(action(&query), "RunInstances");
        let mut json = HttpRequest::new(SdkBody::empty());
        json.headers_mut().insert("x-amz-target", "AWSPriceListService.GetProducts");
        assert_eq!(action(&json), "GetProducts");
        let mut cbor = HttpRequest::new(SdkBody::empty());
        cbor.set_uri("https://x/service/GraniteServiceVersion20100801/operation/GetMetricData")
            .unwrap();
        assert_eq!(action(&cbor), "GetMetricData");
        let mut metadata = HttpRequest::new(SdkBody::empty());
        metadata.set_uri("http://169.254.169.254/latest/api/token").unwrap();
        assert_eq!(action(&metadata), "other");
    }
}
