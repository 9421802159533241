//! What the user may ask for, already checked and with every default in place.
//!
//! These are the types that the rest of the program sees. How they are read from YAML, with
//! positions, is `parse`'s business.
//!
//! Paths are as the user wrote them: `~/` is not expanded and relative ones are relative to where
//! the program is started. Resolving them is the runtime's business, for only it may look at the
//! environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::SignedDuration;
use serde::Serialize;

use crate::fleet::cloudwatch::MetricGroup;
use crate::fleet::{
    DeploymentId, ImageId, Lifecycle, MachineType, Region, Retention, SecurityGroupId, SubnetId,
    VpcId, Weights, Zone,
};

mod access;
mod disks;
mod looks;
mod notify_targets;
mod scale;

pub use access::{AllowFrom, Connect, HostKeyPolicy, MatchExec, Ssh};
pub use disks::{Filesystem, HomeVolume, IdleStop, InstanceStore};
pub use looks::{Colours, Rebound, ThemeName, Ui, UserCommand};
pub use notify_targets::{NotifyTarget, NotifyVia, SecretSource, WebhookForm};
pub use scale::{Scale, ScaleBy};

/// A whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The deployment's id, where the user fixed it.
    pub deployment: Option<DeploymentId>,
    /// What holds for all regions.
    pub aws: Aws,
    /// The regions, in the order of the file.
    pub regions: Vec<RegionConfig>,
    /// Machines that stay, each by its name; none of them counts among the regions' instances.
    pub machines: Vec<MachineConfig>,
    /// Where instances are put.
    pub placement: Placement,
    /// What follows an interruption.
    pub replace: Replace,
    /// Between what bounds the wanted count follows the work, and by what. Default it does not.
    pub scale: Option<Scale>,
    /// Whether only one machine at a time launches. Default true.
    pub lock: bool,
    /// What is launched on demand where spot is refused. Default nothing.
    pub fallback: Option<Fallback>,
    /// What the whole may cost.
    pub budget: Budget,
    /// Who is told of what happens, each by its name.
    pub notify: Vec<NotifyTarget>,
    /// What CloudWatch is asked for, and told. Default nothing.
    pub cloudwatch: CloudWatch,
    /// How long an instance lives that nobody looks after. Default for ever.
    pub lease: Option<Lease>,
    /// What is run on a node at the turns of its life.
    pub hooks: Hooks,
    /// How instances are reached.
    pub ssh: Ssh,
    /// The orchestrator's API and the compute node.
    pub bacalhau: Bacalhau,
    /// The sensor simulation.
    pub sensor: Sensor,
    /// What the user adds to every node.
    pub node: NodeExtras,
    /// Whether a set-up instance restarts before it is verified. Default true.
    pub reboot: bool,
    /// How the dashboard looks and listens.
    pub ui: Ui,
}

/// What is run on a node at the turns of its life, by the login shell of its user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// When AWS takes it back: 110 s at the most.
    pub interrupted: Option<String>,
    /// Before it is terminated: 5 minutes at the most.
    pub destroy: Option<String>,
    /// Before it is stopped: 5 minutes at the most.
    pub stop: Option<String>,
    /// When it works: 5 minutes at the most.
    pub ready: Option<String>,
}

/// What holds for all regions.
#[derive(Debug, Clone, PartialEq)]
pub struct Aws {
    /// Instances in all, spread evenly over the regions without a count of their own.
    /// Default: one a region.
    pub total_instances: u32,
    /// The user that SSH logs in as. Default `ubuntu`.
    pub username: String,
    /// Whether the configuration names that user; it then wins over `ssh_config`.
    pub is_username_given: bool,
    /// An EC2 key pair that exists in each region. Else the public key is imported.
    pub ssh_key_name: Option<String>,
    /// The public key that is imported. Default: beside the private key, with `.pub`.
    pub public_ssh_key_path: Option<PathBuf>,
    /// The private key. Default: the agent's keys and the usual files in `~/.ssh`.
    pub private_ssh_key_path: Option<PathBuf>,
    /// The user's files. Default `deployment-files`.
    pub files_directory: PathBuf,
    /// Our scripts. Default `instance/scripts`; its sibling `config` goes along.
    pub scripts_directory: PathBuf,
    /// A script that runs once on the node after the services are set up.
    pub additional_commands_script: Option<PathBuf>,
    /// Extra security groups, by id.
    pub security_groups: Vec<SecurityGroupId>,
    /// Which network the instances go into.
    pub network: Network,
    /// Whether instances get a public address. Default true.
    pub associate_public_ip: bool,
    /// What burstable machine types do when their credits are used up. Default standard.
    pub cpu_credits: CpuCredits,
    /// An instance profile's name. Default none.
    pub iam_instance_profile: Option<String>,
    /// How long EC2 may take to tell of what a call made whose answer was lost, in seconds.
    /// Default 60.
    pub consistency_window_s: u32,
    /// The user's own tags, for every resource.
    pub tags: BTreeMap<String, String>,
}

/// Which network the instances go into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// A VPC of the deployment's own in each region.
    Dedicated,
    /// The region's default VPC.
    Default,
    /// The user's.
    Given {
        /// The VPC.
        vpc: VpcId,
        /// One subnet of it; else all of its subnets.
        subnet: Option<SubnetId>,
    },
}

/// One region, with what it takes over from `aws` already filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionConfig {
    /// Its code.
    pub region: Region,
    /// Instance types, in the order of preference; empty where `requirements` says what they must be.
    pub machine_types: Vec<MachineType>,
    /// What an instance type must be, where none is named.
    pub requirements: Option<InstanceRequirements>,
    /// The zones that may be used; empty for all.
    pub availability_zones: Vec<Zone>,
    /// The image.
    pub image: Image,
    /// How the instances are paid for. Default spot.
    pub lifecycle: Lifecycle,
    /// A count of its own, instead of a share of `total_instances`.
    pub instances_per_region: Option<u32>,
    /// The most to pay, in USD per instance and hour. AWS advises to leave it out. Always `None`
    /// for on-demand instances.
    pub spot_price_limit: Option<f64>,
    /// Root volume in GiB, gp3, encrypted. Default 50.
    pub instance_storage_gb: u32,
    /// `aws.tags` and the region's own, the region's winning.
    pub tags: BTreeMap<String, String>,
}

/// A machine that stays: stopped and started again, by its name.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineConfig {
    /// Its name, unique in the file.
    pub name: String,
    /// Where and as what it is launched: one type, and the count 1.
    pub place: RegionConfig,
    /// Whether its root volume outlives its instance, and the next instance boots from it.
    pub keeps_root: bool,
    /// Whether EC2 gives a new instance the kept root while that runs, and not while it is stopped.
    pub swaps_running: bool,
    /// Whether its address is its own, whatever instance it is.
    pub keeps_address: bool,
    /// The volume on which its user's work is, if that is one of its own.
    pub home: Option<HomeVolume>,
    /// What becomes of the disks that its type brings along, if anything.
    pub instance_store: Option<InstanceStore>,
    /// When it stops by itself, if it does.
    pub idle: Option<IdleStop>,
    /// How many snapshots of its volumes are kept, if any are made by themselves.
    pub snapshots: Option<Retention>,
}

impl MachineConfig {
    /// Whether something of it outlives its instance.
    pub fn keeps_something(&self) -> bool {
        self.keeps_root || self.keeps_address || self.home.is_some()
    }
}

/// What an instance type must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRequirements {
    /// Virtual processors, at least.
    pub vcpus: u32,
    /// Memory in GiB, at least.
    pub memory_gib: u32,
    /// EC2's words for the processors that will do, `x86_64` and `arm64`.
    pub arch: Vec<&'static str>,
}

/// Where AWS's Spot Advisor has its data: public, and undocumented.
pub const SPOT_ADVISOR: &str = "https://spot-bid-advisor.s3.amazonaws.com/spot-advisor-data.json";

/// Where instances are put, and how they are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// Whether what finds no place in its region is tried in the others. Default no.
    pub spill: bool,
    /// Default by RunInstances.
    pub strategy: Strategy,
    /// How many spot instances of one region make a fleet worth its launch template. Default 20.
    pub fleet_from: u32,
    /// By how many percent of the cheapest price a place may be dearer that AWS takes back less
    /// often; 0 for the price alone. Default 10.
    pub corridor_pct: u32,
    /// What an interruption costs the user, in USD: then price and risk are weighed in money.
    pub interruption_cost_usd: Option<f64>,
    /// Where the Spot Advisor's data are; `None` where nobody is asked. Default AWS's own.
    pub risk_url: Option<String>,
    /// In which region EC2 Capacity Manager is on and read; `None` where it is not asked. Default none.
    pub capacity_manager: Option<Region>,
    /// The most that one zone and type may have of what is wanted in a region, in percent. Default
    /// no limit.
    pub spread: Option<u32>,
}

impl Default for Placement {
    fn default() -> Self {
        Self {
            spill: false,
            strategy: Strategy::RunInstances,
            fleet_from: 20,
            corridor_pct: 10,
            interruption_cost_usd: None,
            risk_url: Some(SPOT_ADVISOR.to_owned()),
            capacity_manager: None,
            spread: None,
        }
    }
}

impl Placement {
    /// What counts besides the price.
    pub fn weights(&self) -> Weights {
        let corridor = f64::from(self.corridor_pct) / 100.0;
        Weights { corridor, interruption_usd: self.interruption_cost_usd }
    }
}

/// What a burstable machine (T2, T3, T3a, T4g) does when its CPU credits are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CpuCredits {
    /// It slows down to its baseline and costs no more.
    Standard,
    /// It goes on at full speed, and AWS charges for each vCPU-hour above the baseline. EC2's
    /// default for T3, T3a and T4g.
    Unlimited,
}

/// How many instances are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Pool by pool, the cheapest first.
    RunInstances,
    /// Many at once, of all pools, as AWS thinks best.
    Fleet,
}

/// What follows an interruption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replace {
    /// Whether another instance is launched. Default no.
    pub enabled: bool,
    /// Whether one is launched already when AWS recommends to rebalance a node, which ends once that
    /// one is ready. Default no.
    pub on_rebalance: bool,
    /// Where. Default in the same region.
    pub hold: ReplaceIn,
    /// How many at most. Default 5.
    pub at_most: u32,
    /// In what time. Default 10 minutes.
    pub within: SignedDuration,
}

/// Which count is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplaceIn {
    /// The region's: the replacement goes into another zone or type of it.
    Region,
    /// The deployment's: the replacement goes to the other region whose best place ranks
    /// first, by price and risk.
    Total,
}

/// What is launched on demand where spot is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallback {
    /// How many percent of the wanted count at the most. Default 50.
    pub max_share: u32,
    /// For how long all places have to refuse before. Default 10 minutes.
    pub after: SignedDuration,
}

/// What CloudWatch is asked for and told; AWS charges for each metric.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CloudWatch {
    /// Which metrics of each instance.
    pub metrics: Vec<MetricGroup>,
    /// Whether it is told the fleet's own figures.
    pub publish: bool,
}

/// For how long an instance may live without anybody who renews that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// From each renewal on: then it ends itself.
    pub term: SignedDuration,
    /// Whether another one takes the place of one that ended itself. Default no.
    pub replace: bool,
}

impl Lease {
    /// Its term in seconds.
    pub fn seconds(&self) -> u64 {
        self.term.as_secs().unsigned_abs()
    }
}

/// What the whole may cost.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Budget {
    /// USD an hour, of everything. Default no limit.
    pub max_hourly_usd: Option<f64>,
    /// USD in all, from the deployment's first day on. Default no limit.
    pub total_usd: Option<f64>,
    /// USD in a month of UTC. Default no limit.
    pub month_usd: Option<f64>,
    /// What happens where one of these two is reached. Default nothing more is created.
    pub at_cap: AtCap,
    /// Instances in all. Default no limit.
    pub max_instances: Option<u32>,
    /// How old an instance may get. Default no limit.
    pub max_lifetime: Option<SignedDuration>,
    /// What happens then. Default a warning.
    pub at_lifetime: AtLifetime,
}

impl Budget {
    /// Whether it limits money, so that prices have to be known.
    pub fn limits_money(&self) -> bool {
        [self.max_hourly_usd, self.total_usd, self.month_usd].iter().any(Option::is_some)
    }
}

/// What happens where all is spent that may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AtCap {
    /// Nothing more is created.
    #[default]
    Refuse,
    /// The instances are destroyed as well, before more is spent; machines are not.
    Destroy,
}

/// What happens to an instance that is too old.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AtLifetime {
    /// It is said.
    #[default]
    Warn,
    /// It is said ten minutes before, and then it is destroyed.
    Destroy,
}

impl Default for Replace {
    fn default() -> Self {
        Self {
            enabled: false,
            on_rebalance: false,
            hold: ReplaceIn::Region,
            at_most: 5,
            within: SignedDuration::from_mins(10),
        }
    }
}

/// Which machine image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// Canonical's newest of a release, for the machine type's architecture.
    Ubuntu(UbuntuRelease),
    /// This one.
    Id(ImageId),
}

/// An Ubuntu LTS release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UbuntuRelease {
    /// 22.04, jammy.
    Jammy,
    /// 24.04, noble. What `auto` means.
    Noble,
}

/// The orchestrator's API and the compute node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bacalhau {
    /// The orchestrator's API, an `http` or `https` address. Without it nobody looks whether a
    /// node joined, and no node is deleted from the orchestrator.
    pub api: Option<String>,
    /// A file with the API key for it.
    pub api_key_file: Option<PathBuf>,
    /// The container image instead of the one in `images.env`.
    pub image: Option<String>,
}

/// The sensor simulation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sensor {
    /// The container image instead of the one in `images.env`.
    pub image: Option<String>,
}

/// What the user adds to every node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeExtras {
    /// Packages of the image's distribution.
    pub packages: Vec<String>,
    /// systemd units, which are installed and enabled with ours.
    pub units: Vec<PathBuf>,
    /// A file with `#cloud-config`, which is merged into the user-data.
    pub cloud_init: Option<PathBuf>,
}
