//! EC2, STS, SSM, CloudWatch and the price list behind our own types. The SDK's types stop here.
//!
//! ```text
//! Access ──open──> Aws ──account()──> who we are, enabled regions       access, profile_file
//!                   ├──price_lists()──> what has a list price           prices
//!                   ├──placement_scores()──> how likely there is room   scores
//!                   ├──spot_advisor()──> how often it is taken back     advisor
//!                   └──region()──> Ec2, one region, two clients         access
//!                                   ├─ may_launch, may_terminate        dry_run
//!                                   ├─ launch, create_fleet             launch, instant_fleet
//!                                   ├─ instances, deployments, terminate   machines
//!                                   ├─ create_lock, renew_lock, locks  lock
//!                                   ├─ stop, start, reboot, standing    power
//!                                   ├─ spot_requests, notices           spot
//!                                   ├─ spot_prices                      prices
//!                                   ├─ console_output ── its host keys  console
//!                                   ├─ image, machine_types, offerings  images, offerings
//!                                   ├─ metric_data ── CloudWatch         cloudwatch, json_service
//!                                   └─ residue, delete                  network
//! network::{ensure, ensure_key_pair, teardown} ── a region's network    network, keys
//!   operator_networks() ── who may reach port 22                        address
//! one HTTP client: proxy, authorities, a bound                          http, endpoint
//! one gate of credentials: renewed ahead, parked for logins             gate, login_source, expired_keys
//! every failure ──> AwsError: class, message, hint                      error, class, codes, hints, quota
//! what is ours ──> Selector: filters by tag, asked twice                select, tagged
//! ```
//!
//! Each mutating function is one API call, so that its intent can be written down before each.
//! Only the network's runbooks decide in which order things happen, wait for a state and try
//! again (`retry`): they know no job. Everything else of that is the jobs' work. Knows nothing of
//! SSH, of the state file or of jobs.

mod access;
mod address;
mod advisor;
mod capacity_manager;
mod class;
mod clock;
mod cloudwatch;
mod codes;
mod console;
pub mod credential_process;
mod dry_run;
mod endpoint;
mod error;
mod expired_keys;
mod gate;
mod hints;
mod http;
mod ids;
mod images;
mod instant_fleet;
mod json_service;
mod kept;
mod kept_login;
mod kept_role;
mod keys;
mod launch;
mod limits;
mod lock;
mod login_session;
mod login_source;
mod logins;
mod machines;
mod mfa;
pub mod network;
mod offerings;
mod permissions;
mod power;
mod prices;
mod profile;
mod profile_file;
mod profiles;
mod quota;
mod requests;
mod retry;
mod root_swap;
mod scores;
#[cfg(test)]
pub(crate) mod scripted;
mod sdk;
mod select;
mod spot;
mod sso;
mod status_checks;
mod tagged;
mod words;

pub use access::{Aws, Ec2, Identity};
pub use address::AddressError;
pub use advisor::{AdvisorAnswer, AdvisorError, Bands};
pub use capacity_manager::AccountRecords;
pub use class::{Class, Credential};
pub use clock::time_at;
pub use cloudwatch::MetricData;
pub use console::{ConsoleKeys, host_key_fingerprints};
pub use dry_run::Permission;
pub use error::AwsError;
pub use hints::hint_of_end;
pub use http::is_loopback;
pub use ids::{TemplateId, random_launch};
pub use images::{Architecture, ImageChoice};
pub use instant_fleet::{FleetOverride, FleetRequest, LaunchOutcome};
pub use kept::{NewVolume, VolumeSeen};
pub use launch::{LaunchRequest, is_burstable};
pub use limits::Quota;
pub use lock::LockSeen;
pub use login_session::{Asks, LoginEnd};
pub use logins::Logins;
pub use machines::Owner;
pub use network::{Kind, Residue};
pub use offerings::MachineFacts;
pub use permissions::{EC2_ACTIONS, Purpose};
pub use profile_file::{named_profile, profiles, signs_in_here};
pub use quota::quota_group;
pub use requests::{counted, requests};
pub use retry::retry_until;
pub use root_swap::RootTask;
pub use sdk::{Access, Credentials, SharedHttpClient, SharedTimeSource};
pub use select::Selector;
pub use spot::SpotRequest;
pub use sso::SignIn;
