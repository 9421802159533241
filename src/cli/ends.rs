//! The commands that end something.

use clap::Args;

/// `destroy`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    spot-tui destroy i-0a1b i-0c2d\n  \
    spot-tui destroy --region us-west-2 --yes\n  \
    spot-tui destroy --all")]
pub struct Destroy {
    /// Instances: an id, the beginning of one, a name or an address.
    #[arg(value_name = "INSTANCE", conflicts_with_all = ["region", "all"])]
    pub instances: Vec<String>,
    /// Everything of the deployment in this region. May be repeated.
    #[arg(long, value_name = "REGION", conflicts_with = "all")]
    pub region: Vec<String>,
    /// Everything of the deployment.
    #[arg(long)]
    pub all: bool,
    /// Also the N disks and addresses that the machines keep; refused where it is another number.
    #[arg(long, value_name = "N")]
    pub with_kept: Option<usize>,
    /// First bring this from each of them, as `pull` does: a file or a folder over there. Where that
    /// fails nothing is destroyed. May be repeated.
    #[arg(long, value_name = "PATH")]
    pub pull: Vec<String>,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
    /// One JSON object a line instead of lines for people.
    #[arg(long)]
    pub json: bool,
}

/// `retry`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    spot-tui retry i-0a1b\n  \
    spot-tui retry i-0a1b --end-first --yes")]
pub struct Retry {
    /// The instance.
    #[arg(value_name = "INSTANCE")]
    pub instance: String,
    /// Destroy it before the fresh one is launched: where quota or budget have no room for both.
    /// What can be checked before is checked before all the same.
    #[arg(long)]
    pub end_first: bool,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
    /// One JSON object a line instead of lines for people.
    #[arg(long)]
    pub json: bool,
}

/// `nuke`.
#[derive(Debug, Clone, Args)]
pub struct Nuke {
    /// Only this region. May be repeated.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Say what there is and destroy nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask; only together with --account.
    #[arg(long, short)]
    pub yes: bool,
    /// The number of the account that is meant.
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// One JSON object a line instead of lines for people.
    #[arg(long)]
    pub json: bool,
}

/// `cleanup`.
#[derive(Debug, Clone, Args)]
pub struct Cleanup {
    /// Only this region. May be repeated.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Say what is left and remove nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
    /// One JSON object a line instead of lines for people.
    #[arg(long)]
    pub json: bool,
}
