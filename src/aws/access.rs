//! The way in: credentials, the endpoint, one HTTP client, and the clients of each region.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ec2::config::Credentials;
use aws_sdk_ec2::config::SharedHttpClient;
use aws_sdk_ec2::config::retry::{ClientRateLimiter, RetryPartition, TokenBucket};
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::rt::sleep::default_async_sleep;
use tokio::time::Instant;

use super::class::Class;
use super::endpoint::{NotEmpty, check_endpoint};
use super::error::AwsError;
use super::expired_keys::ExpiredKeys;
use super::gate::Gate;
use super::http::{self, Authorities};
use super::json_service::{CLOUDWATCH, JsonClient};
use super::login_source::LoginSource;
use super::profile::Profile;
use super::profile_file::{ReadProfile, read_profile};
use super::retry::retry_until;
use super::sdk::{Access, retries, timeouts, unguarded, unopened};
use super::select::filter;
use crate::files::in_home;
use crate::fleet::{Account, AccountId, Lifecycle, Region, SpotRequestId};
use crate::retry::ACCOUNT_TIMEOUT;

/// Where questions are asked that have no region of their own, when nothing else is configured.
const HOME: &str = "us-east-1";
/// Where the price list is asked.
const PRICING: &str = "us-east-1";

/// An account's door. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Aws {
    sdk: SdkConfig,
    home: Region,
    loopback: bool,
    profile: Arc<Profile>,
    authorities: Option<Authorities>,
    gate: Option<Gate>,
    regions: Arc<Mutex<BTreeMap<Region, Ec2>>>,
}

/// EC2 in one region. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ec2 {
    region: Region,
    /// For everything that makes something: a capacity error comes as HTTP 500 and the SDK would
    /// try it again, and a create call without a token would make two of it. Only what AWS refuses for
    /// its keys is sent a second time.
    pub(super) once: aws_sdk_ec2::Client,
    /// For questions and deletes, which may be repeated: three attempts.
    pub(super) patient: aws_sdk_ec2::Client,
    pub(super) ssm: aws_sdk_ssm::Client,
    pub(super) quotas: aws_sdk_servicequotas::Client,
    pub(super) monitoring: JsonClient,
    /// The spot requests that were asked for: one-time or persistent, for good.
    pub(super) requests: Arc<Mutex<BTreeMap<SpotRequestId, Lifecycle>>>,
    profile: Arc<Profile>,
}

/// Who somebody is at AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// The ARN.
    pub arn: String,
}

impl Aws {
    /// Reads profiles and environment. Asks nothing of AWS yet, and needs no region.
    pub async fn open(access: &Access) -> Result<Self, AwsError> {
        let read = match &access.credentials {
            None => Some(read_profile(access.profile.as_deref())?),
            Some(_) => None,
        };
        let profile = read.as_ref().map(|read| read.profile.clone()).unwrap_or_default();
        let setting = |name| setting(name).filter(|_| access.credentials.is_none());
        let home = setting("AWS_REGION")
            .or_else(|| setting("AWS_DEFAULT_REGION"))
            .or_else(|| profile.region.clone())
            .or_else(|| access.home.as_ref().map(ToString::to_string))
            .unwrap_or_else(|| HOME.into());
        let authorities = match setting("AWS_CA_BUNDLE") {
            Some(path) => Some((path, "AWS_CA_BUNDLE")),
            None => profile.ca_bundle.clone().map(|path| (path, "ca_bundle of the profile")),
        };
        let authorities = authorities
            .map(|(path, named_by)| {
                Authorities::read(
                    &in_home(Path::new(&path), std::env::home_dir().as_deref()),
                    named_by,
                )
            })
            .transpose()?;
        let http = access.http.clone().unwrap_or_else(|| http::client(authorities.as_ref()));
        let (sdk, gate) = match (&access.credentials, &read) {
            (None, Some(read)) => {
                let (sdk, gate) = load(access, read, http, home.clone()).await?;
                (sdk, Some(gate))
            }
            (keys, _) => (fixed(access, http, keys.clone(), home.clone()), None),
        };
        let endpoint = access
            .endpoint
            .clone()
            .or_else(|| setting("AWS_ENDPOINT_URL_EC2"))
            .or_else(|| sdk.endpoint_url().map(str::to_owned));
        Ok(Self {
            sdk,
            home: home.into(),
            loopback: endpoint.is_some_and(|url| http::is_loopback(&url)),
            profile: Arc::new(profile),
            authorities,
            gate,
            regions: Arc::default(),
        })
    }

    /// Whether the endpoint is on this machine: a simulated AWS, which sees us as 127.0.0.1.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// What the user's files and environment say.
    pub(super) fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// A client for what is not AWS, which trusts the user's own authorities as well.
    pub fn trust(&self, client: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        match &self.authorities {
            Some(authorities) => authorities.trust(client),
            None => client,
        }
    }

    /// The user's profile.
    pub(super) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Whose certificates are trusted instead of those of the system's authorities.
    pub(super) fn authorities(&self) -> Option<&Authorities> {
        self.authorities.as_ref()
    }

    /// Who we are (STS GetCallerIdentity) and which regions the account may use
    /// (EC2 DescribeRegions). Nothing goes on without it, a destroy neither.
    pub async fn account(&self) -> Result<Account, AwsError> {
        self.ask_at_home(|region| self.account_told_by(region)).await
    }

    /// Who we are, which anybody may ask.
    pub async fn identity(&self) -> Result<Identity, AwsError> {
        self.ask_at_home(|region| self.identity_told_by(region)).await
    }

    /// Asks what has no region of its own. An AWS that is out of order for a moment is asked again.
    async fn ask_at_home<T, Fut>(&self, ask: impl Fn(Region) -> Fut) -> Result<T, AwsError>
    where
        Fut: Future<Output = Result<T, AwsError>>,
    {
        let out_of_order = |error: &AwsError| error.status().is_some_and(|status| status >= 500);
        let deadline = Instant::now() + ACCOUNT_TIMEOUT;
        retry_until(deadline, out_of_order, || self.ask_once_at_home(&ask)).await
    }

    /// An organization may deny the region that is asked, and an account may not have enabled it:
    /// then the usual one is asked.
    async fn ask_once_at_home<T, Fut>(&self, ask: impl Fn(Region) -> Fut) -> Result<T, AwsError>
    where
        Fut: Future<Output = Result<T, AwsError>>,
    {
        let told = ask(self.home.clone()).await;
        let Err(error) = &told else { return told };
        let is_of_region = matches!(error.class, Class::Denied | Class::FatalRegion);
        if !is_of_region || self.home.as_str() == HOME {
            return told;
        }
        ask(HOME.into()).await.or(told)
    }

    async fn account_told_by(&self, region: Region) -> Result<Account, AwsError> {
        let regions = self.region(&region);
        let Identity { account, arn } = self.identity_told_by(region).await?;
        Ok(Account {
            id: account,
            creator: creator(&arn).to_owned(),
            regions: regions.enabled_regions().await?,
            arn,
        })
    }

    async fn identity_told_by(&self, region: Region) -> Result<Identity, AwsError> {
        let sts = aws_sdk_sts::config::Builder::from(&self.sdk)
            .region(aws_config::Region::new(region.to_string()));
        let sts = aws_sdk_sts::Client::from_conf(sts.build());
        let told =
            sts.get_caller_identity().send().await.map_err(|error| {
                AwsError::read(error, "GetCallerIdentity", &region, &self.profile)
            })?;
        Ok(Identity {
            account: AccountId::new(told.account().unwrap_or_default()),
            arn: told.arn().unwrap_or_default().to_owned(),
        })
    }

    /// The price list. It is kept in a few regions only and tells of all (AWS: Price List API
    /// endpoints).
    pub(super) fn pricing(&self) -> aws_sdk_pricing::Client {
        let config = aws_sdk_pricing::config::Builder::from(&self.sdk)
            .region(aws_config::Region::new(PRICING))
            .retry_partition(partition(PRICING, "pricing"));
        aws_sdk_pricing::Client::from_conf(config.build())
    }

    /// Turns the SDK's error of an action that has no region of ours into ours.
    pub(super) fn failed<E>(
        &self,
        operation: &'static str,
    ) -> impl FnOnce(SdkError<E>) -> AwsError + '_
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        move |error| AwsError::read(error, operation, &PRICING.into(), &self.profile)
    }

    /// The clients of a region, always the same ones.
    pub fn region(&self, region: &Region) -> Ec2 {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        regions.entry(region.clone()).or_insert_with(|| self.clients(region)).clone()
    }

    /// Where questions are asked that have no region of their own.
    pub(super) fn home(&self) -> Ec2 {
        self.region(&self.home)
    }

    fn expired_keys(&self, is_alone: bool) -> ExpiredKeys {
        ExpiredKeys { gate: self.gate.clone(), is_alone }
    }

    fn clients(&self, region: &Region) -> Ec2 {
        let partition = partition(region.as_str(), "ec2");
        let place = aws_config::Region::new(region.to_string());
        let ec2 = aws_sdk_ec2::config::Builder::from(&self.sdk)
            .region(place.clone())
            .retry_classifier(self.expired_keys(false))
            .retry_partition(partition.clone());
        let ssm = aws_sdk_ssm::config::Builder::from(&self.sdk)
            .region(place.clone())
            .retry_partition(partition.clone());
        let quotas = aws_sdk_servicequotas::config::Builder::from(&self.sdk)
            .region(place)
            .retry_partition(partition.clone());
        Ec2 {
            region: region.clone(),
            once: aws_sdk_ec2::Client::from_conf(
                ec2.clone()
                    .retry_classifier(self.expired_keys(true))
                    .retry_config(RetryConfig::standard().with_max_attempts(2))
                    .build(),
            ),
            patient: aws_sdk_ec2::Client::from_conf(ec2.build()),
            ssm: aws_sdk_ssm::Client::from_conf(ssm.build()),
            quotas: aws_sdk_servicequotas::Client::from_conf(quotas.build()),
            monitoring: JsonClient::new(&self.sdk, CLOUDWATCH, region, partition),
            requests: Arc::default(),
            profile: Arc::clone(&self.profile),
        }
    }
}

impl Ec2 {
    /// The region.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Turns the SDK's error of an action into ours.
    pub(super) fn failed<E>(
        &self,
        operation: &'static str,
    ) -> impl FnOnce(SdkError<E>) -> AwsError + '_
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        move |error| AwsError::read(error, operation, &self.region, &self.profile)
    }

    /// A refusal of a part, told in an answer that is a success otherwise.
    pub(super) fn refused(&self, operation: &'static str, code: &str, message: &str) -> AwsError {
        AwsError::refused(operation, &self.region, &self.profile, code, message)
    }

    /// A failure that we saw ourselves.
    pub(super) fn found(
        &self,
        operation: &'static str,
        class: Class,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> AwsError {
        AwsError::found(operation, Some(&self.region), class, message, hint)
    }

    /// Regions that need no opt-in, or that the account opted in to.
    async fn enabled_regions(&self) -> Result<Vec<Region>, AwsError> {
        const ENABLED: [&str; 2] = ["opt-in-not-required", "opted-in"];
        let answer = self
            .patient
            .describe_regions()
            .filters(filter("opt-in-status", ENABLED))
            .send()
            .await
            .map_err(self.failed("DescribeRegions"))?;
        let mut regions: Vec<Region> = answer
            .regions()
            .iter()
            .filter(|region| region.opt_in_status().is_none_or(|is| ENABLED.contains(&is)))
            .filter_map(|region| region.region_name().map(Region::from))
            .collect();
        regions.sort();
        Ok(regions)
    }
}

/// The SDK's retry buckets are process-wide and named by region alone: a second account, or a
/// second test, would be throttled for what the first one did.
fn partition(region: &str, service: &str) -> RetryPartition {
    RetryPartition::custom(format!("spot-tui-{service}-{region}"))
        .token_bucket(TokenBucket::default())
        .client_rate_limiter(ClientRateLimiter::default())
        .build()
}

/// What the user's files and environment say. Empty settings are none, and an endpoint that is no
/// URL is refused: the SDK would panic at the first call.
async fn load(
    access: &Access,
    read: &ReadProfile,
    http: SharedHttpClient,
    home: String,
) -> Result<(SdkConfig, Gate), AwsError> {
    let sdk = unopened(access, read, http.clone(), home.clone()).await;
    let source = LoginSource { access: access.clone(), http, home };
    let gate = Gate::new(source, access.logins.clone());
    let endpoint = sdk.endpoint_url().filter(|url| !url.trim().is_empty()).map(str::to_owned);
    let services = NotEmpty::of(&sdk);
    let mut told = sdk.into_builder().service_config(services);
    told.set_endpoint_url(endpoint);
    // The gate is the one that remembers.
    told.set_identity_cache(Some(IdentityCache::no_cache()));
    told.set_credentials_provider(Some(SharedCredentialsProvider::new(gate.clone())));
    let sdk = told.build();
    check_endpoint(&sdk)?;
    Ok((sdk, gate))
}

/// What a simulated AWS needs: nothing of the user's files or environment goes into it.
fn fixed(
    access: &Access,
    http: SharedHttpClient,
    keys: Option<Credentials>,
    home: String,
) -> SdkConfig {
    let mut sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(aws_config::Region::new(home))
        .http_client(http)
        .retry_config(retries())
        .timeout_config(timeouts())
        .stalled_stream_protection(unguarded())
        .time_source(access.time.clone());
    sdk.set_credentials_provider(keys.map(SharedCredentialsProvider::new));
    sdk.set_sleep_impl(default_async_sleep()).set_endpoint_url(access.endpoint.clone());
    sdk.build()
}

/// An environment variable that says something.
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Who an ARN stands for, for the tag `CreatedBy`: a user's name, or a role's. A role's session has
/// another name at each start (`assume-role-from-profile-1795839775300`), but behind SSO, where it
/// is the person's e-mail address and the role is everybody's.
fn creator(arn: &str) -> &str {
    let mut parts = arn.rsplit(['/', ':']);
    let (last, before, kind) = (parts.next(), parts.next(), parts.next());
    let last = last.unwrap_or_default();
    match (kind, before) {
        (Some("assumed-role"), Some(role)) if !role.starts_with("AWSReservedSSO_") => role,
        _ => last,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use aws_credential_types::provider::{self, error::CredentialsError};
    use aws_smithy_async::time::SharedTimeSource;
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::aws::gate::Source;
    use crate::aws::logins::Logins;
    use crate::aws::scripted;

    /// A balancer has nobody behind it for some seconds; the SDK alone gives up before.
    #[tokio::test(start_paused = true)]
    async fn attack_24_a_503_for_a_moment_ends_nothing() {
        let begin = Instant::now();
        let (aws, _) = scripted::aws(move |call| {
            let regions = call.starts_with("Action=DescribeRegions");
            let inside = match regions {
                _ if begin.elapsed() < Duration::from_secs(20) => {
                    return (503, "<html>nobody is here</html>".to_owned());
                }
                true => "<regionInfo><item><regionName>us-west-2</regionName></item></regionInfo>",
                false => {
                    "<GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/a</Arn>\
                     <Account>111122223333</Account></GetCallerIdentityResult>"
                }
            };
            let action = if regions { "DescribeRegions" } else { "GetCallerIdentity" };
            (200, format!("<{action}Response>{inside}</{action}Response>"))
        })
        .await;
        let account = aws.account().await.unwrap();
        assert_eq!(account.regions, ["us-west-2".into()]);
    }

    /// Somebody who always has keys.
    #[derive(Debug)]
    struct SignedIn;

    impl Source for SignedIn {
        fn credentials(&self) -> BoxFuture<'_, provider::Result> {
            Box::pin(async { Ok(Credentials::new("key", "secret", None, None, "test")) })
        }

        fn told(&self, error: CredentialsError) -> AwsError {
            panic!("{error}")
        }

        fn trace(&self) -> Vec<Option<SystemTime>> {
            Vec::new()
        }

        fn time(&self) -> SharedTimeSource {
            SharedTimeSource::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_launch_whose_keys_had_expired_is_sent_again_with_its_token_and_no_other_is() {
        for (status, code, calls) in [
            (400, "RequestExpired", 2),
            (500, "InsufficientInstanceCapacity", 1),
            (503, "RequestLimitExceeded", 1),
            (500, "InternalError", 1),
        ] {
            let (mut aws, seen) = scripted::aws(move |_| (status, scripted::refusal(code).1)).await;
            aws.gate = Some(Gate::new(SignedIn, Logins::default()));
            let launch = aws.region(&"us-west-2".into()).once.run_instances();
            let launch = launch.min_count(1).max_count(1).client_token("our-token");
            launch.send().await.unwrap_err();
            let seen = seen.lock().unwrap();
            assert_eq!(seen.len(), calls, "{code}");
            assert!(seen.iter().all(|call| call.contains("ClientToken=our-token")), "{seen:?}");
        }
    }

    #[test]
    fn a_role_is_the_same_whatever_its_session() {
        let role = "arn:aws:sts::111122223333:assumed-role/deployer";
        assert_eq!(creator(&format!("{role}/assume-role-from-profile-1")), "deployer");
        assert_eq!(creator(&format!("{role}/assume-role-from-profile-2")), "deployer");
        let sso = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123/a@example.com";
        assert_eq!(creator(sso), "a@example.com");
        assert_eq!(creator("arn:aws:iam::111122223333:user/team/alice"), "alice");
        assert_eq!(creator("arn:aws:iam::111122223333:root"), "root");
    }
}
