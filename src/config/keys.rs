//! The keys that a configuration may have: the one list of them.
//!
//! A new key gets a name here, a line in the section that reads it, a field in the schema and a
//! sentence in `config.yaml.example`. A key that is listed and never read, or read and not
//! listed, fails every test of a debug build.

/// A mapping whose keys are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The file itself.
    Top,
    /// `aws`.
    Aws,
    /// One entry of `regions`.
    Region,
    /// `machine_types` of a region, where it says what they must be.
    InstanceRequirements,
    /// One entry of `machines`.
    Machine,
    /// `home` of a machine.
    Home,
    /// `instance_store` of a machine.
    InstanceStore,
    /// `idle` of a machine.
    Idle,
    /// `snapshots` of a machine.
    Snapshots,
    /// `placement`.
    Placement,
    /// `replace`.
    Replace,
    /// `scale`.
    Scale,
    /// `fallback`.
    Fallback,
    /// `budget`.
    Budget,
    /// One entry of `notify`.
    Notify,
    /// `cloudwatch`.
    CloudWatch,
    /// `lease`.
    Lease,
    /// `hooks`.
    Hooks,
    /// `ssh`.
    Ssh,
    /// `bacalhau`.
    Bacalhau,
    /// `sensor`.
    Sensor,
    /// `node`.
    Node,
    /// `ui`.
    Ui,
    /// One entry of `commands` in `ui`.
    UserCommand,
    /// `palette` in `ui`.
    Palette,
}

impl Section {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::Top,
        Self::Aws,
        Self::Region,
        Self::InstanceRequirements,
        Self::Machine,
        Self::Home,
        Self::InstanceStore,
        Self::Idle,
        Self::Snapshots,
        Self::Placement,
        Self::Replace,
        Self::Scale,
        Self::Fallback,
        Self::Budget,
        Self::Notify,
        Self::CloudWatch,
        Self::Lease,
        Self::Hooks,
        Self::Ssh,
        Self::Bacalhau,
        Self::Sensor,
        Self::Node,
        Self::Ui,
        Self::UserCommand,
        Self::Palette,
    ];

    /// Its keys, in the order of `config.yaml.example`.
    #[expect(clippy::too_many_lines, reason = "a table, a section an entry")]
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Top => &[
                "deployment",
                "aws",
                "regions",
                "machines",
                "placement",
                "replace",
                "scale",
                "lock",
                "fallback",
                "budget",
                "notify",
                "cloudwatch",
                "lease",
                "hooks",
                "ssh",
                "bacalhau",
                "sensor",
                "node",
                "reboot",
                "ui",
            ],
            Self::Aws => &[
                "total_instances",
                "username",
                "ssh_key_name",
                "public_ssh_key_path",
                "private_ssh_key_path",
                "files_directory",
                "scripts_directory",
                "additional_commands_script",
                "spot_price_limit",
                "instance_storage_gb",
                "security_groups",
                "vpc_id",
                "subnet_id",
                "use_dedicated_vpc",
                "associate_public_ip",
                "cpu_credits",
                "iam_instance_profile",
                "consistency_window_s",
                "tags",
            ],
            Self::Region => &[
                "machine_type",
                "machine_types",
                "availability_zones",
                "image",
                "lifecycle",
                "instances_per_region",
                "spot_price_limit",
                "instance_storage_gb",
                "tags",
            ],
            Self::InstanceRequirements => &["vcpus", "memory_gib", "arch"],
            Self::Machine => &[
                "name",
                "region",
                "type",
                "zone",
                "lifecycle",
                "spot_price_limit",
                "image",
                "instance_storage_gb",
                "keep",
                "swap_root",
                "address",
                "home",
                "instance_store",
                "idle",
                "snapshots",
                "tags",
            ],
            Self::Home => &["size_gb", "mount", "swap_gb"],
            Self::InstanceStore => &["mount", "filesystem"],
            Self::Idle => &["after", "cpu_below"],
            Self::Snapshots => &["daily", "weekly"],
            Self::Placement => &[
                "spill",
                "strategy",
                "fleet_from",
                "corridor_pct",
                "interruption_cost_usd",
                "risk_url",
                "capacity_manager",
                "spread",
            ],
            Self::Replace => &["enabled", "on_rebalance", "hold", "at_most", "within_m"],
            Self::Scale => &["by", "min", "max", "spare", "cpu_percent", "command"],
            Self::Fallback => &["max_share", "after_m"],
            Self::Budget => &[
                "max_hourly_usd",
                "month_usd",
                "total_usd",
                "at_cap",
                "max_instances",
                "max_lifetime",
                "at_lifetime",
            ],
            Self::Notify => &[
                "name", "webhook", "url_file", "url_env", "key_file", "key_env", "command",
                "terminal", "on", "filter",
            ],
            Self::CloudWatch => &["metrics", "publish"],
            Self::Hooks => &["interrupted", "destroy", "stop", "ready"],
            Self::Lease => &["term", "replace"],
            Self::Ssh => &[
                "config_file",
                "match_exec",
                "port",
                "connect",
                "allow_from",
                "checkip_url",
                "timeout_s",
                "console_timeout_s",
                "host_key",
            ],
            Self::Bacalhau => &["api", "api_key_file", "image"],
            Self::Sensor => &["image"],
            Self::Node => &["packages", "units", "cloud_init"],
            Self::Ui => &["theme", "mouse", "bell", "motion", "palette", "commands", "keymap"],
            Self::Palette => &[
                "ground",
                "text",
                "dim",
                "good",
                "working",
                "waiting",
                "interrupted",
                "bad",
                "selection",
                "mark",
            ],
            Self::UserCommand => &["key", "name", "run", "confirm", "wait"],
        }
    }

    /// Where a key of this section has to stand, for a user who put it elsewhere.
    pub(super) fn whereabouts(self) -> &'static str {
        match self {
            Self::Top => "at the top of the file",
            Self::Aws => "under 'aws'",
            Self::Region => "to a region",
            Self::InstanceRequirements => "under 'machine_types' of a region",
            Self::Machine => "to a machine",
            Self::Home => "under 'home' of a machine",
            Self::InstanceStore => "under 'instance_store' of a machine",
            Self::Idle => "under 'idle' of a machine",
            Self::Snapshots => "under 'snapshots' of a machine",
            Self::Placement => "under 'placement'",
            Self::Replace => "under 'replace'",
            Self::Scale => "under 'scale'",
            Self::Fallback => "under 'fallback'",
            Self::Budget => "under 'budget'",
            Self::Notify => "to one of 'notify'",
            Self::CloudWatch => "under 'cloudwatch'",
            Self::Lease => "under 'lease'",
            Self::Hooks => "under 'hooks'",
            Self::Ssh => "under 'ssh'",
            Self::Bacalhau => "under 'bacalhau'",
            Self::Sensor => "under 'sensor'",
            Self::Node => "under 'node'",
            Self::Ui => "under 'ui'",
            Self::Palette => "under 'palette' in 'ui'",
            Self::UserCommand => "to one of 'commands' in 'ui'",
        }
    }
}

/// What to say about a key that a section does not have.
pub(super) struct Suggestion {
    /// The key that was probably meant.
    pub(super) key: &'static str,
    /// The hint.
    pub(super) hint: String,
}

/// The key that the user probably meant, or the section that this one belongs to.
pub(super) fn suggest(section: Section, unknown: &str) -> Option<Suggestion> {
    // What a machine, a command or a colour has is called as other things are elsewhere: it hides no
    // misspelling.
    let apart = [
        Section::Machine,
        Section::Home,
        Section::InstanceStore,
        Section::Idle,
        Section::Lease,
        Section::Notify,
        Section::Scale,
        Section::Snapshots,
        Section::UserCommand,
        Section::Palette,
    ];
    let is_other = |other: &Section| *other != section && !apart.contains(other);
    let elsewhere = Section::ALL.into_iter().filter(is_other);
    for other in elsewhere {
        if let Some(key) = other.keys().iter().find(|key| **key == unknown) {
            return Some(Suggestion { key, hint: format!("it belongs {}", other.whereabouts()) });
        }
    }
    let key = nearest(unknown, section.keys())?;
    Some(Suggestion { key, hint: format!("did you mean '{key}'?") })
}

/// The word that `text` is most likely a misspelling of.
pub(super) fn nearest(text: &str, words: &[&'static str]) -> Option<&'static str> {
    // The distance takes time with the product of the lengths, and a long text is no misspelling.
    if text.len() > 64 {
        return None;
    }
    let text = text.to_lowercase();
    words
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&text, word), *word))
        .filter(|(distance, word)| *distance <= (word.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::complaint::ComplaintSink;
    use crate::config::tree::{Node, Value, read};

    const EXAMPLE: &str = include_str!("../../config.yaml.example");

    fn keys(node: &Node) -> Vec<&str> {
        let Value::Mapping(entries) = &node.value else { panic!("no mapping at {}", node.at) };
        entries.iter().map(|entry| entry.key.as_str()).collect()
    }

    #[test]
    fn the_example_has_every_key_in_the_same_order() {
        let root = read(EXAMPLE, &mut ComplaintSink::default()).unwrap();
        assert_eq!(keys(&root), Section::Top.keys());
        assert_eq!(keys(&root.get("aws").unwrap().node), Section::Aws.keys());
        for (name, section) in [
            ("placement", Section::Placement),
            ("replace", Section::Replace),
            ("scale", Section::Scale),
            ("fallback", Section::Fallback),
            ("budget", Section::Budget),
            ("cloudwatch", Section::CloudWatch),
            ("lease", Section::Lease),
            ("hooks", Section::Hooks),
            ("ssh", Section::Ssh),
            ("bacalhau", Section::Bacalhau),
            ("sensor", Section::Sensor),
            ("node", Section::Node),
            ("ui", Section::Ui),
        ] {
            assert_eq!(keys(&root.get(name).unwrap().node), section.keys());
        }
        let Value::List(regions) = &root.get("regions").unwrap().node.value else {
            panic!("no list of regions")
        };
        assert_eq!(keys(&regions[0].get("us-west-2").unwrap().node), Section::Region.keys());
        let Value::List(machines) = &root.get("machines").unwrap().node.value else {
            panic!("no list of machines")
        };
        assert_eq!(keys(&machines[0]), Section::Machine.keys());
        assert_eq!(keys(&machines[0].get("home").unwrap().node), Section::Home.keys());
        let store = &machines[0].get("instance_store").unwrap().node;
        assert_eq!(keys(store), Section::InstanceStore.keys());
        let Value::List(targets) = &root.get("notify").unwrap().node.value else {
            panic!("no list of targets")
        };
        assert_eq!(keys(&targets[0]), Section::Notify.keys());
        assert_eq!(keys(&machines[0].get("idle").unwrap().node), Section::Idle.keys());
        let snapshots = &machines[0].get("snapshots").unwrap().node;
        assert_eq!(keys(snapshots), Section::Snapshots.keys());
        let ui = &root.get("ui").unwrap().node;
        let Value::List(commands) = &ui.get("commands").unwrap().node.value else {
            panic!("no list of commands")
        };
        assert_eq!(keys(&commands[0]), Section::UserCommand.keys());
    }

    #[test]
    fn the_nearest_word_is_near() {
        let keys = Section::Region.keys();
        assert_eq!(nearest("machine_typ", keys), Some("machine_type"));
        assert_eq!(nearest("Image", keys), Some("image"));
        assert_eq!(nearest("imgae", keys), Some("image"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest(&"tags".repeat(100_000), keys), None);
    }
}
