//! The words of the commands that look: `list`, `status`, `events`.

use clap::{Args, ValueEnum};

/// `list`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    spot-tui list --sort cost\n  \
    spot-tui list --filter 'phase:failed -type:t3a age:>1h'\n  \
    spot-tui list --region eu-west-1 --output csv\n  \
    spot-tui list --watch")]
pub struct List {
    /// Only what the dashboard's filter lets through: words, `region:us phase:failed -type:t3a`,
    /// amounts, `age:>1h $/h:<0.03`.
    #[arg(
        long,
        value_name = "FILTER",
        allow_hyphen_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub filter: String,
    /// Only this region. May be repeated.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// By this field of the dashboard's table, the other way round with a `-` before it.
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// As what it is printed.
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub output: ListOutput,
    /// The same as --output json.
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
    /// Look again every ten seconds, until Ctrl-C: on a terminal the table stays in its place, in a
    /// pipe it comes again whenever it has changed.
    #[arg(long, short)]
    pub watch: bool,
    /// The creates that were cut short, instead of the instances.
    #[arg(long, conflicts_with_all = ["filter", "region", "sort", "output", "watch"])]
    pub pending_creates: bool,
}

impl List {
    /// As what it is printed, whichever way that was said.
    pub fn output(&self) -> ListOutput {
        if self.json { ListOutput::Json } else { self.output }
    }
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListOutput {
    /// What fits a terminal.
    Table,
    /// All that is known of each instance, a line each.
    Wide,
    /// The same as CSV (RFC 4180), with the fields' names in the first line.
    Csv,
    /// One JSON array.
    Json,
}

/// `status`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example, for tmux.conf:\n  \
    set -g status-right '#(cd ~/fleet && spot-tui status)'")]
pub struct Status {
    /// Ask AWS first, and for the prices.
    #[arg(long)]
    pub refresh: bool,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

/// `events`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    spot-tui events since:1d kind:reclaimed\n  \
    spot-tui events --last 20 level:error region:eu\n  \
    spot-tui events -- -docker")]
pub struct Events {
    /// What the dashboard's `e` looks for: since:1h, until:2026-11-01, kind:reclaimed, level:error,
    /// region:us, words, and a `-` before what is not wanted.
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// The last N of them.
    #[arg(long, short = 'n', value_name = "N")]
    pub last: Option<usize>,
    /// One JSON object a line instead of lines for people.
    #[arg(long)]
    pub json: bool,
}
