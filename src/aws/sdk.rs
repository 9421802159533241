//! How AWS is reached, as the SDK is told: by what the user said, and by the user's files.

use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use jiff::Timestamp;

use super::clock::time_at;
use super::kept_role::KeptRole;
use super::logins::Logins;
use super::profile_file::ReadProfile;
use crate::fleet::Region;

pub use aws_sdk_ec2::config::{Credentials, SharedHttpClient};
pub use aws_smithy_async::time::SharedTimeSource;

/// What the user said about how to reach AWS, and what a test puts in its place.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// `--profile`. Else AWS_PROFILE, else `default`.
    pub profile: Option<String>,
    /// `--endpoint-url`. Else AWS_ENDPOINT_URL and its kin, else AWS.
    pub endpoint: Option<String>,
    /// Where questions are asked that have no region of their own, unless environment or profile
    /// say so: the configuration's first region.
    pub home: Option<Region>,
    /// Fixed keys, for a simulated AWS. Then neither profiles nor the environment are read.
    pub credentials: Option<Credentials>,
    /// What carries the requests. Else HTTPS with rustls.
    pub http: Option<SharedHttpClient>,
    /// What becomes of calls whose login has ended.
    pub logins: Logins,
    /// What tells the time, for signatures and expiry and for the jobs: the system's clock, or
    /// that of a simulated AWS.
    pub time: SharedTimeSource,
}

impl Access {
    /// What time it is where AWS is.
    pub fn now(&self) -> Timestamp {
        time_at(&self.time)
    }
}

/// What the user's files and environment say: who gives credentials, and where AWS is.
pub(super) async fn unopened(
    access: &Access,
    read: &ReadProfile,
    http: SharedHttpClient,
    home: String,
) -> SdkConfig {
    let place = aws_config::Region::new(home);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(place.clone())
        .http_client(http.clone())
        .retry_config(retries())
        .timeout_config(timeouts())
        .stalled_stream_protection(unguarded())
        .time_source(access.time.clone())
        .profile_files(read.files.clone())
        .profile_name(&read.name);
    if let Some(mfa) = &read.profile.mfa {
        let kept = KeptRole::of(mfa, access.time.clone());
        loader = loader.credentials_provider(kept);
    } else if access.profile.is_some() {
        // The SDK's chain puts keys from the environment before a profile even where the profile
        // was named; here, as in AWS's own command line, what the user wrote wins. Else we would
        // work in another account than the one that was asked for.
        let around = ProviderConfig::default()
            .with_region(Some(place))
            .with_http_client(http)
            .with_time_source(access.time.clone());
        let provider = ProfileFileCredentialsProvider::builder()
            .profile_files(read.files.clone())
            .profile_name(&read.name)
            .configure(&around)
            .build();
        loader = loader.credentials_provider(provider);
    }
    if let Some(url) = &access.endpoint {
        loader = loader.endpoint_url(url);
    }
    loader.load().await
}

/// EC2's answers are short and each attempt has its limit; the SDK's guard of long streams would
/// wake thirty times a second for as long as any request is open.
pub(super) fn unguarded() -> StalledStreamProtectionConfig {
    StalledStreamProtectionConfig::disabled()
}

pub(super) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3)
}

pub(super) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_mins(1))
        // How long all of an attempt takes is `http`'s to bound: here the time would run while a call
        // waits for a login.
        .build()
}
