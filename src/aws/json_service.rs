//! Signed calls to a service for which no client crate is here: AWS JSON 1.0, on what the SDK's own
//! clients are made of, with their credentials, signatures, clock, retries, time limits and the one
//! HTTP client. Knows of a service nothing but its names.

use std::borrow::Cow;

use aws_config::SdkConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_sdk_ec2::config::retry::RetryPartition;
use aws_smithy_runtime::client::orchestrator::operation::{Operation, OperationBuilder};
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use serde_json::Value;

use super::endpoint::endpoint_of;
use crate::fleet::Region;

/// How a service is called (its service model has all of them).
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonService {
    /// Its id, as `AWS_ENDPOINT_URL_..` and `[services ..]` have it.
    pub id: &'static str,
    /// Its host below the region, and the name that it is signed by.
    pub host: &'static str,
    /// What stands before the action in `X-Amz-Target`.
    pub target: &'static str,
}

/// CloudWatch's names (service model 2010-08-01, whose protocols are Smithy RPC v2 CBOR, JSON 1.0 and
/// query).
pub(super) const CLOUDWATCH: JsonService =
    JsonService { id: "CloudWatch", host: "monitoring", target: "GraniteServiceVersion20100801" };

/// A service in one region. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct JsonClient(Operation<Call, Value, ErrorMetadata>);

#[derive(Debug)]
struct Call {
    target: String,
    body: String,
}

impl JsonClient {
    /// Asks nothing yet.
    pub(super) fn new(
        sdk: &SdkConfig,
        service: JsonService,
        region: &Region,
        partition: RetryPartition,
    ) -> Self {
        let endpoint = endpoint_of(sdk, service.id, service.host, region);
        let operation = operation(sdk, service.id, &endpoint)
            .runtime_plugin(signing(sdk, service, region, partition));
        Self(operation.serializer(write).deserializer(read).build())
    }

    /// Calls an action: `GraniteServiceVersion20100801.GetMetricData`.
    pub(super) async fn call(
        &self,
        service: JsonService,
        action: &str,
        body: &Value,
    ) -> Result<Value, SdkError<ErrorMetadata, HttpResponse>> {
        let target = format!("{}.{action}", service.target);
        self.0.invoke(Call { target, body: body.to_string() }).await
    }
}

/// A call that is to be written, signed and read yet, with all that the SDK's own clients have.
pub(super) fn operation(
    sdk: &SdkConfig,
    service: &'static str,
    endpoint: &str,
) -> OperationBuilder {
    let mut operation = Operation::builder()
        .service_name(service)
        .operation_name("call")
        .endpoint_url(endpoint)
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .with_connection_poisoning();
    if let Some(version) = sdk.behavior_version() {
        operation = operation.behavior_version(version);
    }
    if let Some(http) = sdk.http_client() {
        operation = operation.http_client(http);
    }
    if let Some(sleep) = sdk.sleep_impl() {
        operation = operation.sleep_impl(sleep);
    }
    if let Some(time) = sdk.time_source() {
        operation = operation.time_source(time);
    }
    if let Some(timeouts) = sdk.timeout_config() {
        operation = operation.timeout_config(timeouts.clone());
    }
    if let Some(guard) = sdk.stalled_stream_protection() {
        operation = operation.stalled_stream_protection(guard);
    }
    if let Some(retries) = sdk.retry_config() {
        operation = operation.standard_retry(retries);
    }
    operation
}

/// Who signs.
fn signing(
    sdk: &SdkConfig,
    service: JsonService,
    region: &Region,
    partition: RetryPartition,
) -> StaticRuntimePlugin {
    let mut config = Layer::new("signing");
    config.store_put(AuthSchemeOptionResolverParams::new(()));
    config.store_put(partition);
    config.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(aws_config::Region::new(region.to_string()))),
        name: Some(SigningName::from_static(service.host)),
        ..SigV4OperationSigningConfig::default()
    });
    let mut components = RuntimeComponentsBuilder::new("signing")
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
            SCHEME_ID,
        ])))
        .with_interceptor(ServiceClockSkewInterceptor::new());
    if let Some(credentials) = sdk.credentials_provider() {
        components = components.with_identity_resolver(SCHEME_ID, credentials);
    }
    if let Some(cache) = sdk.identity_cache() {
        components = components.with_identity_cache(Some(cache));
    }
    StaticRuntimePlugin::new().with_config(config.freeze()).with_runtime_components(components)
}

fn write(call: Call) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(call.body));
    request.set_method("POST")?;
    request.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    request.headers_mut().insert("x-amz-target", call.target);
    Ok(request)
}

/// Reads an answer in JSON, or the error that it is.
pub(super) fn read(response: &HttpResponse) -> Result<Value, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    // An action without an answer may have none.
    let told = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(body) };
    if response.status().is_success() {
        return told.map_err(|error| OrchestratorError::response(error.into()));
    }
    let told = told.unwrap_or_default();
    let text = |key: &str| told[key].as_str().map(str::to_owned);
    // A service that once spoke another protocol goes on to tell its codes of that time.
    let of_query = response.headers().get("x-amzn-query-error").and_then(|it| it.split(';').next());
    let kind =
        text("__type").or_else(|| response.headers().get("x-amzn-errortype").map(Into::into));
    let code = of_query.map(Cow::Borrowed).or(kind.as_deref().map(|kind| short(kind).into()));
    let mut error = ErrorMetadata::builder();
    if let Some(code) = code.filter(|code| !code.is_empty()) {
        error = error.code(code);
    }
    if let Some(message) = text("message").or_else(|| text("Message")) {
        error = error.message(message);
    }
    // A service of OAuth has a word of its own for it (AWS Sign-In, OAuth2ErrorCode).
    if let Some(word) = text("error") {
        error = error.custom("error", word);
    }
    Err(OrchestratorError::operation(error.build()))
}

/// `com.amazonaws.x#ThrottlingException:http://..` is a ThrottlingException.
fn short(kind: &str) -> &str {
    let kind = kind.split(':').next().unwrap_or_default();
    kind.rsplit('#').next().unwrap_or_default()
}
