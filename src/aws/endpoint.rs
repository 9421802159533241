//! Where the SDK's clients ask, when the user sends them elsewhere than to AWS.

use aws_config::SdkConfig;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use super::class::{Class, Credential};
use super::error::AwsError;
use crate::fleet::Region;

/// The services that are asked here, as `AWS_ENDPOINT_URL_EC2` and `[services x] ec2 =` name them.
const SERVICES: [&str; 5] = ["EC2", "STS", "SSM", "Pricing", "CloudWatch"];

/// What environment and profile say for one service.
fn of_service(sdk: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    sdk.service_config()?.load_config(key)
}

/// What the user says of where a service is asked.
pub(super) fn said_for(sdk: &SdkConfig, service: &str) -> Option<String> {
    let said = of_service(sdk, service).or_else(|| sdk.endpoint_url().map(str::to_owned));
    said.filter(|url| !url.trim().is_empty())
}

/// Where a service is asked that has no client crate here: where the user says, else at AWS (the
/// service's endpoint rule set, for the partitions that are not cut off from the internet).
pub(super) fn endpoint_of(sdk: &SdkConfig, service: &str, host: &str, region: &Region) -> String {
    said_for(sdk, service).unwrap_or_else(|| {
        let fips = if sdk.use_fips() == Some(true) { "-fips" } else { "" };
        let suffix = match (region.as_str().split('-').next(), sdk.use_dual_stack()) {
            (Some("cn"), Some(true)) => "api.amazonwebservices.com.cn",
            (Some("cn"), _) => "amazonaws.com.cn",
            (Some("eusc"), _) => "amazonaws.eu",
            (_, Some(true)) => "api.aws",
            _ => "amazonaws.com",
        };
        format!("https://{host}{fips}.{region}.{suffix}")
    })
}

/// What environment and profile say for single services; what says nothing is not there, as for
/// AWS's own command line.
#[derive(Debug)]
pub(super) struct NotEmpty(SdkConfig);

impl NotEmpty {
    pub(super) fn of(sdk: &SdkConfig) -> Self {
        Self(sdk.clone())
    }
}

impl LoadServiceConfig for NotEmpty {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let said = self.0.service_config()?.load_config(key)?;
        (!said.trim().is_empty()).then_some(said)
    }
}

/// Refuses an endpoint that is no URL of HTTP.
pub(super) fn check_endpoint(sdk: &SdkConfig) -> Result<(), AwsError> {
    let endpoints = SERVICES.iter().filter_map(|service| of_service(sdk, service));
    let mut all = endpoints.chain(sdk.endpoint_url().map(str::to_owned));
    let Some(wrong) = all.find(|url| !is_http(url)) else { return Ok(()) };
    Err(AwsError::found(
        "reading the endpoint",
        None,
        Class::Credentials(Credential::Broken),
        format!("'{wrong}' is no URL that can be asked"),
        "write AWS_ENDPOINT_URL, or endpoint_url in the profile, as http://HOST:PORT, or leave it \
         out",
    ))
}

fn is_http(url: &str) -> bool {
    reqwest::Url::parse(url)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says the same of every service.
    #[derive(Debug)]
    struct Said(&'static str);

    impl LoadServiceConfig for Said {
        fn load_config(&self, _: ServiceConfigKey<'_>) -> Option<String> {
            Some(self.0.to_owned())
        }
    }

    fn sdk(said: &'static str) -> SdkConfig {
        let sdk = SdkConfig::builder().service_config(Said(said)).build();
        let services = NotEmpty::of(&sdk);
        sdk.into_builder().service_config(services).build()
    }

    #[test]
    fn a_service_without_a_client_is_asked_where_the_user_says_else_at_aws() {
        let asked = |sdk: &SdkConfig, region: &str| {
            endpoint_of(sdk, "CloudWatch", "monitoring", &region.into())
        };
        let plain = SdkConfig::builder().build();
        assert_eq!(asked(&plain, "us-west-2"), "https://monitoring.us-west-2.amazonaws.com");
        assert_eq!(asked(&plain, "cn-north-1"), "https://monitoring.cn-north-1.amazonaws.com.cn");
        let fips = SdkConfig::builder().use_fips(true).build();
        assert_eq!(asked(&fips, "us-east-1"), "https://monitoring-fips.us-east-1.amazonaws.com");
        assert_eq!(asked(&sdk("http://127.0.0.1:1"), "us-east-1"), "http://127.0.0.1:1");
        let all = SdkConfig::builder().endpoint_url("http://127.0.0.1:2").build();
        assert_eq!(asked(&all, "us-east-1"), "http://127.0.0.1:2");
    }

    #[test]
    fn an_empty_endpoint_is_none_and_nonsense_is_refused() {
        check_endpoint(&sdk("")).unwrap();
        check_endpoint(&sdk("  ")).unwrap();
        check_endpoint(&sdk("https://ec2.internal.example:8443")).unwrap();
        for url in ["not a url", "localhost:4566", "ftp://host", "http://"] {
            let error = check_endpoint(&sdk(url)).unwrap_err();
            assert!(error.to_string().contains(url), "{error}");
            assert!(error.hint().contains("http://HOST:PORT"), "{}", error.hint());
        }
    }
}
