//! The command line: clap types, nothing else.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum, value_parser};

mod ends;
mod looks;
mod values;

pub use ends::{Cleanup, Destroy, Nuke, Retry};
pub use looks::{Events, List, ListOutput, Status};
pub use values::{Since, Until};
use values::{address, deployment, endpoint, grouping, hold, since, speed, time, until};

use crate::fleet::{Grouping, Hold};

/// Creates, watches and destroys EC2 spot instances in many regions and turns them into Bacalhau
/// compute nodes. Without a command it opens the dashboard.
#[derive(Debug, Parser)]
#[command(name = "spot-tui", version, about, disable_help_subcommand = false, max_term_width = 100)]
#[command(after_help = "Examples:\n  \
    spot-tui --demo\n  \
    spot-tui setup\n  \
    spot-tui create --dry-run\n  \
    spot-tui list --watch\n  \
    spot-tui destroy --all")]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do; the dashboard when nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What holds for every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The configuration.
    #[arg(
        long,
        global = true,
        env = "SPOT_CONFIG_PATH",
        value_name = "FILE",
        default_value = "config.yaml"
    )]
    pub config: PathBuf,
    /// The state file; its journal and lock lie beside it.
    #[arg(
        long,
        global = true,
        env = "SPOT_STATE_PATH",
        value_name = "FILE",
        default_value = "instances.json"
    )]
    pub state: PathBuf,
    /// The folder with the user's files, instead of the configuration's `files_directory`.
    #[arg(long, global = true, env = "SPOT_FILES_DIR", value_name = "DIR")]
    pub files: Option<PathBuf>,
    /// The AWS profile.
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Another EC2 API than AWS's, as AWS_ENDPOINT_URL names one.
    #[arg(long, global = true, value_name = "URL", value_parser = endpoint)]
    pub endpoint_url: Option<String>,
    /// The deployment, where the state file does not tell.
    #[arg(long, global = true, value_name = "ID", value_parser = deployment)]
    pub deployment: Option<String>,
    /// Change nothing at AWS and nothing on disk.
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Say only what went wrong, and what it came to.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more, in the log too, as SPOT_DEBUG=1 does: lines from the nodes among them.
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// Colours: where a terminal shows them, always, or never (as NO_COLOR).
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
    /// Tell metrics to Prometheus at this address, such as 127.0.0.1:9464, while the command runs.
    #[arg(long, global = true, value_name = "ADDRESS:PORT", value_parser = address)]
    pub metrics: Option<SocketAddr>,
    /// What a dashboard looks at instead, as another one told it that became this one.
    #[arg(long, global = true, hide = true, value_name = "JSON", conflicts_with = "demo")]
    pub visit: Option<String>,
    /// The demo cloud.
    #[command(flatten)]
    pub demo: Demo,
}

/// The demo cloud: an AWS, and hosts, that are not there.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Demo")]
pub struct Demo {
    /// Work in a demo cloud inside the process: no account, no network, no cost, nothing kept.
    #[arg(long, global = true, conflicts_with_all = ["profile", "endpoint_url"])]
    pub demo: bool,
    /// What goes wrong in it, and when.
    #[arg(long, global = true, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// How many times as fast as real its time passes [default: 4 with --demo, 1 with demo-cloud].
    #[arg(long, global = true, value_name = "X", value_parser = speed)]
    pub speed: Option<f64>,
    /// What its chance starts from: the same number tells the same story.
    #[arg(long, global = true, value_name = "N")]
    pub seed: Option<u64>,
    /// How many instances run in it from the beginning.
    #[arg(long, global = true, value_name = "N", value_parser = value_parser!(u32).range(..=50_000))]
    pub preload: Option<u32>,
}

impl Demo {
    /// An option that says something of a demo cloud, where there is none.
    pub fn stray(&self) -> Option<&'static str> {
        let options = [
            (self.scenario.is_some(), "--scenario"),
            (self.speed.is_some(), "--speed"),
            (self.seed.is_some(), "--seed"),
            (self.preload.is_some(), "--preload"),
        ];
        options.into_iter().find_map(|(given, name)| given.then_some(name))
    }
}

/// A headless command.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Find credentials and keys, complete the configuration, make the folders, say what is next.
    Setup {
        /// Rewrite what spot-tui's predecessor left here, and keep a copy of it.
        #[arg(long)]
        migrate: bool,
    },
    /// Check the configuration and everything that it names, without touching AWS.
    Validate {
        /// JSON instead of lines for people.
        #[arg(long)]
        json: bool,
    },
    /// Launch instances and deploy to them, on top of what already runs.
    Create(Create),
    /// Hold the fleet without a screen: launch what is missing, end what is too much or too old.
    Keep(Keep),
    /// Show the deployment as AWS sees it now.
    #[command(visible_alias = "ls")]
    List(List),
    /// Say in one line how the deployment stood when its state was last written, for a prompt or a
    /// status bar; AWS is not asked.
    Status(Status),
    /// Show what happened, from the file of events beside the state file.
    Events(Events),
    /// Show what spot instances cost, now and in the last seven days, the cheapest first.
    Prices {
        /// This machine type instead of the configuration's. May be repeated.
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        /// One JSON array instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Show what was spent, from the ledger beside the state file.
    Costs(Costs),
    /// Show what somebody was told, in how many tries, and what waits to be told.
    Notify(Notify),
    /// Terminate instances; the network goes when its last instance is gone.
    Destroy(Destroy),
    /// Destroy everything that spot-tui ever made in this account, of every deployment.
    Nuke(Nuke),
    /// Remove networks, disks and other left-overs of deployments that have no instance alive.
    Cleanup(Cleanup),
    /// Write the state file anew from the tags in every region.
    Recover {
        /// One JSON object a line instead of lines for people.
        #[arg(long)]
        json: bool,
    },
    /// Look closely at one node: a verdict a line, then its logs and files, secrets masked.
    Diagnose {
        /// The instance.
        #[arg(value_name = "INSTANCE")]
        instance: String,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Show the log of a node's deployment, or the journal of one of its units.
    Logs {
        /// The instance.
        #[arg(value_name = "INSTANCE")]
        instance: String,
        /// The journal of this unit, such as bacalhau or sensor-generator.
        #[arg(long, value_name = "UNIT")]
        unit: Option<String>,
        /// Go on with what is added, until Ctrl-C.
        #[arg(long, short)]
        follow: bool,
        /// One JSON object a line: each line of the log as it comes, and what it came to.
        #[arg(long)]
        json: bool,
    },
    /// Open a shell on an instance, or run one command there, with the system's ssh.
    Ssh {
        /// The instance.
        #[arg(value_name = "INSTANCE")]
        instance: String,
        /// The command and its arguments.
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Change how long instances live that nobody looks after.
    Lease {
        /// What to do.
        #[command(subcommand)]
        command: LeaseCommand,
    },
    /// Run a command on many nodes; those that answer alike are shown together.
    ///
    /// Of each node the newest 1 MiB of what it prints is kept. How many earlier lines were dropped is said
    /// on standard error.
    Exec(Exec),
    /// Bring files from many nodes, into one folder each, verified; what is here already is not brought
    /// again.
    Pull(Pull),
    /// See that a machine of the configuration runs: launch it, or start it where it is stopped.
    Up {
        /// Its name, under `machines`.
        #[arg(value_name = "NAME")]
        name: String,
        /// One JSON object a line instead of lines for people.
        #[arg(long)]
        json: bool,
    },
    /// Stop a machine of the configuration: its disk stays, and costs.
    Down {
        /// Its name, under `machines`.
        #[arg(value_name = "NAME")]
        name: String,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
        /// One JSON object a line instead of lines for people.
        #[arg(long)]
        json: bool,
    },
    /// Stop instances that can be started again: their disks stay, and cost.
    Stop(Machines),
    /// Start instances that are stopped, and see them through until they work.
    Start(Machines),
    /// Reboot instances, and see them come back.
    Reboot(Machines),
    /// Keep a machine from stopping by itself, for so long.
    Awake {
        /// The machine.
        #[arg(value_name = "NAME")]
        name: String,
        /// For how long, 90m, 4h or 2d; 0 lets it go.
        #[arg(value_name = "TIME", value_parser = hold)]
        time: Hold,
        /// One JSON object a line: what the machine answers, and what it came to.
        #[arg(long)]
        json: bool,
    },
    /// Make snapshots of the volumes that a machine keeps.
    Snapshot {
        /// The machine's name.
        #[arg(value_name = "NAME")]
        name: String,
        /// Only where the schedule of the configuration wants one by now.
        #[arg(long)]
        scheduled: bool,
        /// One JSON object a line instead of lines for people.
        #[arg(long)]
        json: bool,
    },
    /// Bring a machine back to a snapshot: make a volume of it beside the machine's own, then use that.
    #[command(group = clap::ArgGroup::new("step").required(true))]
    Restore {
        /// The machine's name.
        #[arg(value_name = "NAME")]
        name: String,
        /// Make a volume of this snapshot.
        #[arg(long, value_name = "ID", group = "step")]
        snapshot: Option<String>,
        /// Make it in this zone instead of the one of the machine's own: the way to where there is room.
        #[arg(long, value_name = "ZONE", requires = "snapshot")]
        zone: Option<String>,
        /// Give this volume the place of the machine's own, which is kept beside it. The machine is stopped.
        #[arg(long = "use", value_name = "VOLUME", group = "step")]
        volume: Option<String>,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
        /// One JSON object a line instead of lines for people.
        #[arg(long)]
        json: bool,
    },
    /// End a machine's instance and launch another one on what it keeps: its disk, its address.
    Recreate(Machines),
    /// Stop Bacalhau on instances in good order, so that the orchestrator moves their work elsewhere; the
    /// instances go on, and cost.
    Drain(Machines),
    /// Launch a fresh instance in the region of another, and destroy that once it is ready.
    Retry(Retry),
    /// Print the public address of any one instance, for scripts.
    RandomIp,
    /// Print the fleet for another program.
    Export {
        /// For which program.
        #[arg(value_name = "FORMAT")]
        format: ExportFormat,
    },
    /// Show which sensor an instance pretends to have; it follows from the id alone.
    Identity {
        /// The instance's id, be it made up: i-test.
        #[arg(value_name = "ID")]
        id: String,
        /// Exactly the file node_identity.json.
        #[arg(long)]
        json: bool,
    },
    /// Serve a demo cloud to other programs on loopback: an EC2 API, and hosts that speak SSH.
    DemoCloud(DemoCloud),
    /// Sign in to AWS, by IAM Identity Center or as `aws login` does, in a browser on this machine or on
    /// another one: the AWS CLI is signed in too.
    Login {
        /// One JSON object a line instead of lines for people.
        #[arg(long)]
        json: bool,
    },
    /// Forget the login of the profile, as the AWS CLI knows it.
    Logout,
    /// Print an IAM policy that lets in what spot-tui asks for, and no more: by default what `create`,
    /// `list` and `destroy` need; with --read-only what only looks.
    IamPolicy(IamPolicy),
    /// Print what lets a shell complete spot-tui's commands, regions, machines and instances.
    #[command(after_help = "Put into your shell's startup file:\n  \
        bash  source <(spot-tui completions bash)\n  \
        zsh   source <(spot-tui completions zsh)\n  \
        fish  spot-tui completions fish | source")]
    Completions {
        /// The shell.
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Write the manual, a page a command, into a folder; without one, print the first page.
    #[command(after_help = "To read a page: spot-tui man | man -l -")]
    Man {
        /// The folder. It has to be there.
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Print the version.
    Version,
}

/// `create`.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    spot-tui create --dry-run\n  \
    spot-tui create --region us-west-2=3 --region eu-west-1\n  \
    spot-tui create --yes --json\n  \
    spot-tui create --forget")]
pub struct Create {
    /// Only this region, with N instances instead of the configured count. May be repeated.
    #[arg(long = "region", value_name = "REGION[=N]")]
    pub regions: Vec<String>,
    /// Show the plan and launch nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Launch nothing, and drop what an earlier create that was cut short did not launch.
    #[arg(long, conflicts_with = "dry_run")]
    pub forget: bool,
    /// Go on as `keep` does until all that is wanted is ready: what fails, finds no room or is taken
    /// back meanwhile is launched again.
    #[arg(long, conflicts_with_all = ["dry_run", "forget"])]
    pub wait: bool,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
    /// One JSON object a line instead of lines for people.
    #[arg(long)]
    pub json: bool,
}

/// `keep`.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Clone, Args)]
pub struct Keep {
    /// Do what there is to do now, and leave.
    #[arg(long, conflicts_with = "until")]
    pub once: bool,
    /// Leave when all that is wanted is ready, or after a time such as 90s, 30m, 12h or 7d.
    #[arg(long, value_name = "ready|DURATION", value_parser = until)]
    pub until: Option<Until>,
    /// Print a unit with which systemd keeps this fleet, for a user's manager, and do nothing else.
    #[arg(long, conflicts_with_all = ["once", "until", "yes", "json"])]
    pub print_unit: bool,
    /// Do not ask before instances are ended that are more than is wanted.
    #[arg(long, short)]
    pub yes: bool,
    /// One JSON object a line instead of lines for people.
    #[arg(long)]
    pub json: bool,
}

/// `costs`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    spot-tui costs --by region --since 7d\n  \
    spot-tui costs --by tag:Project --csv\n  \
    spot-tui costs --focus")]
pub struct Costs {
    /// By what it is counted: day, month, region, type, machine, thing, or tag:NAME.
    #[arg(long, value_name = "GROUP", default_value = "day", value_parser = grouping)]
    pub by: Grouping,
    /// Only what was spent since then: 12h, 7d, or a day such as 2026-11-01.
    #[arg(long, value_name = "WHEN", value_parser = since)]
    pub since: Option<Since>,
    /// One JSON object instead of a table.
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// CSV instead of a table.
    #[arg(long)]
    pub csv: bool,
    /// Each entry as a line of FOCUS 1.2, the FinOps specification, in CSV.
    #[arg(long, conflicts_with_all = ["by", "json", "csv"])]
    pub focus: bool,
}

/// `notify`.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Clone, Args)]
pub struct Notify {
    /// Show what went and what waits; the same as without an option.
    #[arg(long, conflicts_with_all = ["test", "send"])]
    pub list: bool,
    /// Tell each target of the configuration something now, and say what came of it.
    #[arg(long, conflicts_with = "send")]
    pub test: bool,
    /// Deliver what waits, and end. A dashboard does that by itself.
    #[arg(long)]
    pub send: bool,
    /// One JSON object instead of a table; with --test one a line.
    #[arg(long)]
    pub json: bool,
}

/// `stop`, `start`, `reboot`, `recreate`, `drain`.
#[derive(Debug, Clone, Args)]
pub struct Machines {
    /// Instances: an id, the beginning of one, a name or an address.
    #[arg(value_name = "INSTANCE", required = true)]
    pub instances: Vec<String>,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
    /// One JSON object a line instead of lines for people.
    #[arg(long)]
    pub json: bool,
}

/// `demo-cloud`.
#[derive(Debug, Clone, Args)]
pub struct DemoCloud {
    /// Where the API listens; port 0 takes a free one. Only on loopback.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0", value_parser = address)]
    pub listen: SocketAddr,
    /// No hosts: nothing answers SSH.
    #[arg(long)]
    pub no_ssh: bool,
}

/// `iam-policy`.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
pub struct IamPolicy {
    /// Only what creates, and what looks.
    #[arg(long)]
    pub launch: bool,
    /// Only what removes, and what looks.
    #[arg(long)]
    pub destroy: bool,
    /// All there is: machines that stay, fleets, placement scores, prices.
    #[arg(long)]
    pub all_features: bool,
}

/// A shell that can complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
}

/// `lease`.
#[derive(Debug, Clone, Subcommand)]
pub enum LeaseCommand {
    /// Set the lease anew, for so long from now on: until the instance restarts, each visit sets it to
    /// that again.
    Extend {
        /// How long, such as 90m, 4h or 2d.
        #[arg(value_name = "DURATION", value_parser = time)]
        time: Duration,
        /// Only in this region. May be repeated.
        #[arg(long, value_name = "REGION")]
        region: Vec<String>,
        /// Only on this instance. May be repeated.
        #[arg(long, value_name = "INSTANCE", conflicts_with = "region")]
        on: Vec<String>,
        /// One JSON object a line: what each node answers, and what it came to.
        #[arg(long)]
        json: bool,
    },
}

/// `exec`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    spot-tui exec -- uptime\n  \
    spot-tui exec --region eu-west-1 -- 'df -h / | tail -1'\n  \
    spot-tui exec --on i-0a1b -- systemctl is-active bacalhau")]
pub struct Exec {
    /// Only in this region. May be repeated.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Only on this instance. May be repeated.
    #[arg(long, value_name = "INSTANCE", conflicts_with = "region")]
    pub on: Vec<String>,
    /// One JSON object a line: what each node answers, and what it came to.
    #[arg(long)]
    pub json: bool,
    /// The command and its arguments, for the shell over there.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `pull`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    spot-tui pull results\n  \
    spot-tui pull /var/log/syslog results --to /data/run-7 --region eu-west-1")]
pub struct Pull {
    /// Files and folders over there; relative ones begin at the home folder. Links are passed over.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<String>,
    /// The folder on this side, in which each node has one of its own.
    #[arg(long, value_name = "DIR", default_value = "pulled")]
    pub to: PathBuf,
    /// Only from this region. May be repeated.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Only from this instance. May be repeated.
    #[arg(long, value_name = "INSTANCE", conflicts_with = "region")]
    pub on: Vec<String>,
    /// The most that is brought from one node, in GiB.
    #[arg(long, value_name = "GIB", default_value_t = 16)]
    pub most: u64,
    /// One JSON object a line: what came of each node's, and what it came to.
    #[arg(long)]
    pub json: bool,
}

/// What `export` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Host blocks for ssh_config.
    SshConfig,
    /// An Ansible inventory, a group a region.
    Ansible,
    /// Lines for /etc/hosts.
    Hosts,
    /// An array of objects.
    Json,
    /// Targets for Prometheus' file_sd, node_exporter's port on each.
    Prometheus,
}
