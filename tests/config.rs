//! What a user's configuration means, and what is said about a wrong one.
//!
//! `configs/valid` holds files that must parse, `configs/invalid` files beside which an `.expected`
//! file has the exact complaints. `UPDATE_EXPECTED=1` writes the latter anew, to be reviewed.

#![expect(clippy::unwrap_used, reason = "what cannot go on has failed")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use spot_tui::config::{
    self, AllowFrom, AtLifetime, Config, Connect, HostKeyPolicy, Image, InstanceRequirements,
    Network, Placement, Replace, ReplaceIn, UbuntuRelease, parse, parse_bytes,
};
use spot_tui::fleet::{Lifecycle, Region};

const EXAMPLE: &str = include_str!("../config.yaml.example");

/// Far more than any input needs, even in a debug build on a busy machine.
const BEARABLE: Duration = Duration::from_secs(2);

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs").join(name)
}

fn files(name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(name)).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

fn valid(name: &str) -> Config {
    let text = std::fs::read(folder("valid").join(name)).unwrap();
    parse_bytes(name, &text).unwrap_or_else(|complaints| panic!("{complaints}"))
}

/// The only complaint about a text.
fn complaint(text: &[u8]) -> String {
    let start = Instant::now();
    let complaints = parse_bytes("config.yaml", text).unwrap_err();
    assert!(start.elapsed() < BEARABLE, "took {:?}", start.elapsed());
    assert_eq!(complaints.count(), 1, "{complaints}");
    complaints.to_string()
}

/// As many lines, each with its number between `before` and `after`.
fn numbered(before: &str, after: &str, lines: usize) -> String {
    (0..lines).fold(String::new(), |text, number| text + before + &number.to_string() + after)
}

#[test]
fn all_valid_files_parse() {
    let files = files("valid");
    assert!(files.len() >= 8);
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        if let Err(complaints) = parse_bytes(&file.display().to_string(), &bytes) {
            panic!("{complaints}");
        }
    }
}

#[test]
fn all_invalid_files_get_the_expected_complaints() {
    let mut differences = String::new();
    let files = files("invalid");
    assert!(files.len() >= 25);
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let found = match parse_bytes("config.yaml", &bytes) {
            Ok(_) => "no complaint\n".to_owned(),
            Err(complaints) => format!("{complaints}\n"),
        };
        let expected_file = file.with_extension("expected");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&expected_file, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&expected_file).unwrap_or_default();
        if found != expected {
            let name = file.display();
            writeln!(differences, "{name}\nexpected:\n{expected}found:\n{found}").unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn three_lines_are_enough() {
    let config = valid("three-lines.yaml");
    assert_eq!(config.spread().into_iter().collect::<Vec<_>>(), [("us-west-2".into(), 1)]);
    assert_eq!(config.aws.username, "ubuntu");
    assert_eq!(config.aws.files_directory, Path::new("deployment-files"));
    assert_eq!(config.aws.scripts_directory, Path::new("instance/scripts"));
    assert_eq!(config.aws.network, Network::Dedicated);
    assert!(config.aws.associate_public_ip && config.reboot);
    let region = &config.regions[0];
    assert_eq!(region.image, Image::Ubuntu(UbuntuRelease::Noble));
    assert_eq!(region.lifecycle, Lifecycle::Spot);
    assert_eq!((region.instance_storage_gb, region.spot_price_limit), (50, None));
    assert_eq!((config.ssh.port, config.ssh.timeout_s), (None, 300));
    assert_eq!(
        (config.ssh.connect, config.ssh.host_key),
        (Connect::Public, HostKeyPolicy::Console)
    );
    assert_eq!(config.ssh.allow_from, AllowFrom::Auto);
}

#[test]
fn a_file_of_the_predecessor_works_unchanged() {
    let config = valid("predecessor.yaml");
    let counts: Vec<u32> = config.regions.iter().map(|r| config.spread()[&r.region]).collect();
    assert_eq!(counts, [3, 2, 2]);
    let dublin = config.region(&Region::new("eu-west-1")).unwrap();
    assert_eq!(dublin.instances_per_region, Some(2));
    assert_eq!((dublin.spot_price_limit, dublin.instance_storage_gb), (Some(0.02), 20));
    assert_eq!(dublin.image, Image::Id("ami-0abcdef1234567890".into()));
    let oregon = config.region(&Region::new("us-west-2")).unwrap();
    assert_eq!((oregon.spot_price_limit, oregon.instance_storage_gb), (Some(0.05), 30));
    assert_eq!(config.aws.private_ssh_key_path, Some("~/.ssh/id_ed25519".into()));
}

#[test]
fn every_key_reaches_the_configuration() {
    let config = valid("everything.yaml");
    assert_eq!(config.deployment, Some("field-trial-7".into()));
    assert!(!config.reboot && !config.aws.associate_public_ip);
    let network = Network::Given {
        vpc: "vpc-0a1b2c3d".into(),
        subnet: Some("subnet-0a1b2c3d4e5f67890".into()),
    };
    assert_eq!(config.aws.network, network);
    assert_eq!(config.aws.security_groups, ["sg-12345678".into()]);
    assert_eq!(config.aws.iam_instance_profile.as_deref(), Some("node"));
    assert_eq!(config.aws.additional_commands_script, Some("more.sh".into()));
    let placement = Placement {
        spill: true,
        strategy: config::Strategy::Fleet,
        fleet_from: 12,
        corridor_pct: 25,
        interruption_cost_usd: Some(1.5),
        risk_url: None,
        capacity_manager: Some("us-east-1".into()),
        // A fleet has none.
        spread: None,
    };
    assert_eq!(config.placement, placement);
    assert_eq!((config.replace.enabled, config.replace.hold), (true, ReplaceIn::Total));
    assert_eq!((config.replace.at_most, config.replace.within.as_mins()), (3, 15));
    assert_eq!((config.budget.max_hourly_usd, config.budget.max_instances), (Some(2.5), Some(40)));
    assert_eq!(config.budget.max_lifetime.map(|it| it.as_hours()), Some(36));
    assert_eq!(config.budget.at_lifetime, AtLifetime::Destroy);
    assert_eq!(config.ssh.port, Some(2222));
    assert_eq!(
        (config.ssh.connect, config.ssh.host_key),
        (Connect::Private, HostKeyPolicy::Strict)
    );
    assert_eq!((config.ssh.timeout_s, config.ssh.console_timeout_s), (600, 1200));
    assert_eq!(config.ssh.checkip_url, "http://127.0.0.1:8080/ip");
    let networks = ["203.0.113.0/24", "198.51.100.7/32", "2001:db8::/32", "0.0.0.0/0"];
    let networks = networks.map(|network| network.parse().unwrap()).to_vec();
    assert_eq!(config.ssh.allow_from, AllowFrom::Networks(networks));
    let region = &config.regions[0];
    assert_eq!(region.machine_types, ["t4g.medium".into(), "c7g.large".into()]);
    let zones = ["us-west-2a", "us-west-2c", "us-west-2-lax-1a"];
    assert_eq!(region.availability_zones, zones.map(Into::into));
    assert_eq!(region.lifecycle, Lifecycle::PersistentSpot);
    assert_eq!(region.image, Image::Ubuntu(UbuntuRelease::Jammy));
    let api = "https://orchestrator.example.com:1234/below";
    assert_eq!(config.bacalhau.api.as_deref(), Some(api));
    assert_eq!(config.bacalhau.api_key_file, Some("~/.bacalhau/key".into()));
    assert!(config.bacalhau.image.unwrap().ends_with("@sha256:0123456789abcdef"));
    assert_eq!(config.sensor.image.as_deref(), Some("ghcr.io/owner/sensor:v2"));
    assert_eq!(config.node.packages, ["htop", "libstdc++6"]);
    assert_eq!(config.node.units.len(), 2);
    assert_eq!(config.node.cloud_init, Some("more.yaml".into()));
}

#[test]
fn tags_are_taken_as_written_and_the_region_wins() {
    let config = valid("tags.yaml");
    let tags = |index: usize| {
        let tags = &config.regions[index].tags;
        tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(
        tags(0),
        [("Größe", "klein"), ("empty", ""), ("live", "yes"), ("owner", "Ada"), ("version", "1.10")]
    );
    assert_eq!(tags(1)[3], ("owner", "ops@example.com"));
    assert_eq!(config.aws.tags["owner"], "Ada");
}

#[test]
fn people_31_a_tag_may_have_any_character() {
    let config = valid("tags-of-all-kinds.yaml");
    let tags: Vec<&str> = config.aws.tags.values().map(String::as_str).collect();
    let owner = "Platform (EU), R&D; <ops@example.com> #1 ✓";
    assert_eq!(tags, [owner, "{} [] * & !", "日本語 👍"]);
}

#[test]
fn people_32_keys_that_begin_with_x_are_free_and_a_version_may_be_told() {
    let config = valid("free-keys.yaml");
    assert_eq!(config.spread().len(), 2);
    assert!(config.regions.iter().all(|region| region.machine_types == ["t3.medium".into()]));
}

#[test]
fn anchors_and_merge_keys_are_honoured() {
    let config = valid("anchors.yaml");
    let sizes: Vec<u32> = config.regions.iter().map(|region| region.instance_storage_gb).collect();
    assert_eq!(sizes, [20, 40]);
    assert!(config.regions.iter().all(|region| region.machine_types == ["t3.small".into()]));
}

#[test]
fn a_machine_may_be_named_by_what_it_must_have() {
    let config = valid("by-need.yaml");
    let requirements =
        InstanceRequirements { vcpus: 4, memory_gib: 8, arch: vec!["x86_64", "arm64"] };
    assert_eq!(config.regions[0].requirements, Some(requirements));
    assert!(config.regions[0].machine_types.is_empty());
    let replace = Replace { enabled: true, ..Replace::default() };
    assert_eq!(config.replace, replace);
}

#[test]
fn the_example_parses_and_is_what_it_says() {
    let config = parse("config.yaml.example", EXAMPLE).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(config.spread().values().sum::<u32>(), 3);
}

#[test]
fn each_key_of_the_example_is_explained() {
    let mut above = "";
    for line in EXAMPLE.lines() {
        let text = line.trim();
        let is_key = !text.starts_with('#') && text.contains(':') && !text.starts_with("Project");
        let is_region = text == "- us-west-2:";
        assert!(!is_key || is_region || above.starts_with('#'), "no comment above {text:?}");
        above = text;
    }
}

#[test]
fn five_mistakes_are_found_in_a_few_milliseconds() {
    let text = std::fs::read(folder("invalid").join("five-mistakes.yaml")).unwrap();
    let complaints = parse_bytes("config.yaml", &text).unwrap_err();
    assert_eq!(complaints.count(), 5, "{complaints}");
    // The best of many: a machine that does other things stops any one of them.
    let took = (0..50).map(|_| {
        let start = Instant::now();
        parse_bytes("config.yaml", &text).unwrap_err();
        start.elapsed()
    });
    let took = took.min().unwrap();
    assert!(took < Duration::from_millis(50), "took {took:?}");
    assert!(complaints.iter().is_sorted());
}

#[test]
fn a_large_file_is_refused_unread() {
    let text = format!("{}{}", "# a comment\n".repeat(100_000), EXAMPLE);
    assert_eq!(
        complaint(text.as_bytes()),
        "config.yaml:1:1: the file has more than 1048576 bytes; is this the right file?"
    );
}

#[test]
fn what_is_no_text_is_refused_with_its_place() {
    let not_utf8 =
        "is not UTF-8: this is not a text file, or in another encoding; save it as UTF-8";
    assert_eq!(complaint(b"aws:\n  a\xff"), format!("config.yaml:2:4: the byte 0xff {not_utf8}"));
    assert_eq!(complaint(b"\xff\xfea\0"), format!("config.yaml:1:1: the byte 0xff {not_utf8}"));
    assert_eq!(
        complaint(b"a: b\nc: \0"),
        "config.yaml:2:4: the control character U+0000: this is not a text file"
    );
    assert_eq!(
        complaint(b"\x1b[2J"),
        "config.yaml:1:1: the control character U+001B: this is not a text file"
    );
}

#[test]
fn large_and_spiteful_files_take_no_time() {
    let fill = |text: &str| text.repeat(1_000_000 / text.len());
    let spiteful = [
        fill("["),
        fill("{"),
        fill("- "),
        fill("? "),
        fill("a: &a\n"),
        fill("- a\n"),
        fill("- *a\n"),
        fill("x"),
        fill("#\n"),
        fill("\n"),
        fill("'"),
        fill("!a "),
        fill("---\n"),
        format!("x: [{}", fill("a, ")),
        format!("\"{}\": 1", fill("a")),
        format!("x: |\n{}", fill(" a\n")),
        format!("x: &a\n{}y:\n{}", numbered("  k", ": 1\n", 900), fill("- <<: *a\n")),
        format!("x: &a\n{}y: {{<<: [{}", numbered("  k", ": 1\n", 900), fill("*a, ")),
        numbered("k", ": 1\n", 60_000),
        numbered("? &a", " 1\n", 60_000),
    ];
    for text in spiteful {
        let start = Instant::now();
        let complaints = parse("config.yaml", &text).unwrap_err();
        let took = start.elapsed();
        assert!(took < BEARABLE, "{took:?} for {:?}", text.get(..40));
        assert!(complaints.to_string().len() < 40_000);
    }
}

#[test]
fn the_list_of_complaints_is_capped_and_counted() {
    let complaints = parse("config.yaml", &numbered("k", ": 1\n", 250)).unwrap_err();
    assert_eq!((complaints.iter().count(), complaints.count()), (100, 251));
    assert!(complaints.to_string().ends_with("\nconfig.yaml: and 151 more mistakes"));
}

#[test]
fn a_message_never_steers_the_terminal() {
    let complaints = parse("a\x1b[2J.yaml", "\"a\\e[2J\\u202e\": 1").unwrap_err().to_string();
    assert!(complaints.contains(r"'a\u{1b}[2J\u{202e}'"), "{complaints}");
    assert!(!complaints.chars().any(|c| c.is_control() && c != '\n'), "{complaints:?}");
}

/// A change of a text at some place.
#[derive(Debug, Clone)]
enum Mutation {
    Remove(usize, usize),
    Repeat(usize, usize),
    Insert(usize, String),
}

impl Mutation {
    fn apply(&self, text: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let cut = |from: usize, length: usize| {
            let from = from % chars.len();
            (from, (from + length).min(chars.len()))
        };
        let collect = |range: std::ops::Range<usize>| chars[range].iter().collect::<String>();
        let (from, to, middle) = match self {
            Self::Remove(from, length) => {
                let (from, to) = cut(*from, *length);
                (from, to, String::new())
            }
            Self::Repeat(from, length) => {
                let (from, to) = cut(*from, *length);
                (from, to, collect(from..to).repeat(3))
            }
            Self::Insert(at, text) => (at % chars.len(), at % chars.len(), text.clone()),
        };
        collect(0..from) + &middle + &collect(to..chars.len())
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = 0..EXAMPLE.len();
    prop_oneof![
        (place.clone(), 1..40_usize).prop_map(|(from, length)| Mutation::Remove(from, length)),
        (place.clone(), 1..400_usize).prop_map(|(from, length)| Mutation::Repeat(from, length)),
        (place, r#"[ \t\n:\-\[\]{}#&*!|>'"%@`?a-z0-9<~é]{1,8}"#)
            .prop_map(|(at, text)| Mutation::Insert(at, text)),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let start = Instant::now();
        if let Err(complaints) = parse_bytes("config.yaml", &bytes) {
            prop_assert!(complaints.count() > 0);
        }
        prop_assert!(start.elapsed() < BEARABLE);
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(
        text in r#"([ \n]{0,3}(aws|regions|- us-west-2|tags|&a|\*a|<<|null|1|\[|\]|\{|\}|!x|"|'):? ?){0,60}"#
    ) {
        let start = Instant::now();
        if let Err(complaints) = parse("config.yaml", &text) {
            prop_assert!(complaints.count() > 0);
        }
        prop_assert!(start.elapsed() < BEARABLE);
    }

    #[test]
    fn a_mutated_example_is_read_or_refused(mutations in prop::collection::vec(mutation(), 1..6)) {
        let text = mutations.iter().fold(EXAMPLE.to_owned(), |text, change| change.apply(&text));
        let start = Instant::now();
        if let Err(complaints) = parse("config.yaml", &text) {
            prop_assert!(complaints.count() > 0);
            for complaint in &complaints {
                prop_assert!(complaint.line >= 1 && complaint.column >= 1);
                prop_assert!(complaint.line <= text.lines().count() + 1);
            }
        }
        prop_assert!(start.elapsed() < BEARABLE);
    }
}
