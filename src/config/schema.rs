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

use ipnet::IpNet;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::fleet::cloudwatch::MetricGroup;
use crate::fleet::{
    DeploymentId, ImageId, Lifecycle, MachineType, NotificationKind, Region, Retention,
    SecurityGroupId, SubnetId, VpcId, Zone,
};

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

/// How the dashboard looks and listens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ui {
    /// Colours and signs. Default: what the terminal can show.
    pub theme: ThemeName,
    /// Whether the mouse is taken from the terminal at the start. Default false.
    pub mouse: bool,
    /// Whether the bell rings when something fails or is interrupted. Default false.
    pub bell: bool,
    /// Whether nothing moves on the screen but what time itself moves. Default false.
    pub is_still: bool,
    /// Colours of the user's own, in place of the theme's.
    pub palette: Colours,
    /// Commands of the user's own.
    pub commands: Vec<UserCommand>,
    /// Other keys for actions, by the action's name. Which actions there are, and how keys are
    /// written, is the keymap's business.
    pub keymap: BTreeMap<String, Rebound>,
}

/// Colours of the user's own, each red, green and blue; what is not given is the theme's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Colours {
    /// What all is painted on, and ordinary text: both or none.
    pub ground: Option<[[u8; 3]; 2]>,
    /// What does not matter now.
    pub dim: Option<[u8; 3]>,
    /// Good, working and accent, waiting, interrupted, bad.
    pub states: [Option<[u8; 3]>; 5],
    /// What lies under the row of the cursor.
    pub selection: Option<[u8; 3]>,
    /// What lies under marked rows.
    pub mark: Option<[u8; 3]>,
}

/// A command of the user's own for the shell on this side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCommand {
    /// The key that runs it, after the one that offers them.
    pub key: char,
    /// What it is called.
    pub name: String,
    /// The line for the shell; `$ID`, `$IP`, `$REGION` and others say what the row is.
    pub run: String,
    /// Whether it is asked first. Default false.
    pub confirm: bool,
    /// Whether its output stays until Enter. Default true.
    pub wait: bool,
}

/// The keys that an action gets instead of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebound {
    /// Where that is written: the line and the column in characters, from 1.
    pub at: (usize, usize),
    /// The keys, as they were written.
    pub keys: Vec<String>,
}

/// A choice of colours and signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThemeName {
    /// The terminal's own colours; none where it has none.
    #[default]
    Auto,
    /// Colours for a dark background.
    Dark,
    /// Colours for a light background.
    Light,
    /// No colours.
    Mono,
    /// The terminal's own colours, and only signs of ASCII.
    Ascii,
    /// Catppuccin Mocha.
    Catppuccin,
    /// Catppuccin Latte, for who likes it light.
    Latte,
    /// Gruvbox dark.
    Gruvbox,
    /// Tokyo Night.
    Tokyonight,
    /// Nord.
    Nord,
    /// Dracula.
    Dracula,
}

impl ThemeName {
    /// All of them, and their words.
    pub const ALL: [(&'static str, Self); 11] = [
        ("auto", Self::Auto),
        ("dark", Self::Dark),
        ("light", Self::Light),
        ("mono", Self::Mono),
        ("ascii", Self::Ascii),
        ("catppuccin", Self::Catppuccin),
        ("latte", Self::Latte),
        ("gruvbox", Self::Gruvbox),
        ("tokyonight", Self::Tokyonight),
        ("nord", Self::Nord),
        ("dracula", Self::Dracula),
    ];
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

/// A volume of a machine's own, which goes along to whatever instance the machine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeVolume {
    /// How large it is, in GiB.
    pub size_gb: u32,
    /// Where it is mounted.
    pub mount: String,
    /// How large the swap file on it is, in GiB; 0 for none.
    pub swap_gb: u32,
}

/// How the disks are used that come with an instance type. They are blank after each start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceStore {
    /// Where they are mounted, as one file system.
    pub mount: String,
    /// Which. Default ext4.
    pub filesystem: Filesystem,
}

/// A file system that a machine makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filesystem {
    /// `btrfs`, striped by itself.
    Btrfs,
    /// `ext4`.
    Ext4,
    /// `xfs`.
    Xfs,
}

impl Filesystem {
    /// All of them, each with its word.
    pub const WORDS: [(&'static str, Self); 3] =
        [("btrfs", Self::Btrfs), ("ext4", Self::Ext4), ("xfs", Self::Xfs)];

    /// Its name, as mkfs has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Btrfs => "btrfs",
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }
}

/// When a machine stops by itself, because nothing goes on on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleStop {
    /// So long nothing may have gone on since its last start.
    pub after: SignedDuration,
    /// The work of all its processors together that counts as none, in percent: no minute's work
    /// may have reached it. Default 5.
    pub cpu_below: u32,
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

/// Where instances are put, and how they are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Whether what finds no place in its region is tried in the others. Default no.
    pub spill: bool,
    /// Default by RunInstances.
    pub strategy: Strategy,
    /// How many spot instances of one region make a fleet worth its launch template. Default 20.
    pub fleet_from: u32,
}

impl Default for Placement {
    fn default() -> Self {
        Self { spill: false, strategy: Strategy::RunInstances, fleet_from: 20 }
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
    /// The deployment's: the replacement goes where it is cheapest.
    Total,
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

/// Who is told of what happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyTarget {
    /// Its name, unique in the file.
    pub name: String,
    /// The way there.
    pub via: NotifyVia,
    /// Of what. Default: of what somebody may want to act on.
    pub on: Vec<NotificationKind>,
    /// Of which instances, in the words of the table's filter; empty for all.
    pub filter: String,
}

/// The way of notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifyVia {
    /// An HTTP request.
    Webhook {
        /// In the words of which service.
        form: WebhookForm,
        /// Where to. Whoever knows the URL can write there: it is a secret.
        url: SecretSource,
        /// What signs `json`, or lets in at `ntfy`.
        key: Option<SecretSource>,
    },
    /// A program on this machine, which is not run by a shell, and its arguments.
    Command(Vec<String>),
    /// The terminal that the dashboard is in.
    Terminal,
}

/// Whose words a webhook takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookForm {
    /// Slack's incoming webhooks.
    Slack,
    /// Discord's webhooks.
    Discord,
    /// A workflow of Microsoft Teams.
    Teams,
    /// ntfy, at ntfy.sh or elsewhere.
    Ntfy,
    /// `CloudEvents` 1.0 in JSON, signed as Standard Webhooks says.
    Json,
}

impl WebhookForm {
    /// All of them, and their words.
    pub const ALL: [(&'static str, Self); 5] = [
        ("slack", Self::Slack),
        ("discord", Self::Discord),
        ("teams", Self::Teams),
        ("ntfy", Self::Ntfy),
        ("json", Self::Json),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, form)| *form == self).map_or("", |(word, _)| word)
    }
}

/// Where a secret is; never in the configuration itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The first line of a file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
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

/// What becomes of a block of `ssh_config` that a command would have to decide: none is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchExec {
    /// It is passed over, and said.
    Skip,
    /// Whoever wants to go there is refused, by `validate` already.
    Refuse,
}

/// How instances are reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Ssh {
    /// An `ssh_config` file. Default: what `ssh` reads, `~/.ssh/config` and the system's.
    pub config_file: Option<PathBuf>,
    /// What becomes of its blocks whose `Match exec` would decide. Default: passed over.
    pub match_exec: MatchExec,
    /// The port. Default 22, or what `ssh_config` says.
    pub port: Option<u16>,
    /// Which address is dialled. Default public.
    pub connect: Connect,
    /// Who may reach port 22. Default: this machine's address alone.
    pub allow_from: AllowFrom,
    /// The service that tells this machine's public address. Default AWS's own.
    pub checkip_url: String,
    /// How long an instance may take to answer, in seconds. Default 300.
    pub timeout_s: u32,
    /// How long an instance's console may be silent about its host keys, in seconds. Default 900.
    pub console_timeout_s: u32,
    /// How far an unknown host key is trusted.
    pub host_key: HostKeyPolicy,
}

/// Which address is dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connect {
    /// The public one.
    Public,
    /// The one in the VPC, through a VPN or a jump host.
    Private,
}

/// Who may reach port 22.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowFrom {
    /// The address from which this machine reaches AWS.
    Auto,
    /// These networks, written by the user.
    Networks(Vec<IpNet>),
}

impl AllowFrom {
    /// What the user should know about what they wrote. No operator has a network as large as a
    /// `/8`: whoever writes one means everybody.
    pub fn notes(&self) -> Vec<String> {
        let Self::Networks(networks) = self else { return Vec::new() };
        let everybody = networks.iter().filter(|network| network.prefix_len() < 8);
        everybody
            .map(|network| {
                format!(
                    "ssh.allow_from: {network} lets the whole internet knock at port 22 of every \
                     instance; `auto` is your own address alone"
                )
            })
            .collect()
    }
}

/// How far a host key is trusted that was never seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// Compared with the console output; pinned for the time being where the console is silent.
    Console,
    /// Compared with the console output, or refused.
    Strict,
    /// The first key is kept.
    Pin,
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
