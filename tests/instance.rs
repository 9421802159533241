//! What runs on a node: the shell, the units, the templates, each by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use serde_json::Value;
use spot_tui::jobs::exit_codes;
use spot_tui::jobs::user_data::{UserData, render};

use crate::support::machine::INSTANCE_ID;

fn instance(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instance").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(instance(path)).unwrap_or_else(|error| panic!("instance/{path}: {error}"))
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("not YAML: {error}\n{text}"))
}

fn scripts_where(wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(instance("scripts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| wanted(path.file_name().unwrap().to_str().unwrap()))
        .collect();
    found.sort();
    found
}

#[test]
fn shellcheck_has_nothing_to_say() {
    let output = Command::new("shellcheck")
        .args(["--shell=sh", "--severity=style"])
        .args(scripts_where(|name| !name.ends_with(".service")))
        .arg(instance("install-packages.sh"))
        .arg(instance("mount-home.sh"))
        .arg(instance("instance-store.sh"))
        .arg(instance("idle-stop.sh"))
        .arg(instance("arm-lease.sh"))
        .output()
        .expect("shellcheck is missing: apt-get install shellcheck");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// systemd and cloud-init, unpacked and not installed.
pub(crate) fn lint_root() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("lint-root");
    assert!(root.exists(), "{} is missing: sudo make lint-root", root.display());
    root
}

/// Runs a program of that root, in it; what it said and whether it was content.
pub(crate) fn in_lint_root(command: &[&str]) -> (bool, String) {
    let output = Command::new("chroot").arg(lint_root()).args(command).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn systemd_has_nothing_to_say() {
    let root = lint_root();
    let place = |inside: &str| root.join(inside.trim_start_matches('/'));
    for folder in ["/opt/uploaded_files/scripts", "/etc/systemd/system"] {
        fs::create_dir_all(place(folder)).unwrap();
    }
    for script in scripts_where(|_| true) {
        let name = script.file_name().unwrap();
        let folder = if name.to_string_lossy().ends_with(".service") {
            "/etc/systemd/system"
        } else {
            "/opt/uploaded_files/scripts"
        };
        fs::copy(&script, place(folder).join(name)).unwrap();
    }
    // Docker is not there; that its unit and its program are, is the deployment's business.
    fs::copy(instance("scripts/check_node.sh"), place("/usr/bin/docker")).unwrap();
    let docker = "[Unit]\nDescription=Docker\n[Service]\nExecStart=/usr/bin/docker\n";
    fs::write(place("/etc/systemd/system/docker.service"), docker).unwrap();
    let ours = ["bacalhau-startup", "setup-config", "bacalhau", "sensor-generator"]
        .map(|name| format!("/etc/systemd/system/{name}.service"));
    let verify = ["systemd-analyze", "verify", "--man=no"];
    let all: Vec<&str> = verify.into_iter().chain(ours.iter().map(String::as_str)).collect();
    assert_eq!(in_lint_root(&all), (true, String::new()));

    let text = read("scripts/bacalhau.service").replace("Restart=", "Restrat=");
    fs::write(place("/tmp/wrong.service"), text).unwrap();
    let (_, said) = in_lint_root(&["systemd-analyze", "verify", "--man=no", "/tmp/wrong.service"]);
    assert!(said.contains("Unknown key") && said.contains("Restrat"), "{said}");
}

/// Runs what arms a lease, with a folder of its own for units and programs that only note how they were
/// called; answers what they noted.
fn arm_lease(units: &Path, seconds: &str) -> String {
    let stubs = tempfile::tempdir().unwrap();
    let called = stubs.path().join("called");
    for name in ["systemctl", "sysctl"] {
        let stub = format!("#!/bin/sh\necho {name} \"$@\" >>{}\n", called.display());
        let path = stubs.path().join(name);
        fs::write(&path, stub).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let script = fs::read_to_string(instance("arm-lease.sh")).unwrap();
    let (there, here) = ("units=/etc/systemd/system", format!("units={}", units.display()));
    assert!(script.contains(there));
    let path = format!("{}:/usr/bin:/bin", stubs.path().display());
    let ran = Command::new("sh")
        .args(["-c", &script.replace(there, &here), "arm-lease", seconds])
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
    fs::read_to_string(called).unwrap()
}

#[test]
fn a_lease_is_armed_with_valid_units_that_no_clock_moves() {
    let units = lint_root().join("etc/systemd/system");
    // What systemd needs is in that root; what each system has is not.
    fs::copy("/usr/bin/sleep", lint_root().join("usr/bin/sleep")).unwrap();
    let called = arm_lease(&units, "5400");
    let both = "spot-tui-lease-term.service spot-tui-lease-last.service";
    let last = called.lines().last().unwrap();
    assert_eq!(last, format!("systemctl start --no-block {both}"), "{called}");
    let over = "spot-tui-lease-over.service";
    for (name, lines) in [
        ("spot-tui-lease-term.service", vec!["RuntimeMaxSec=5400s", &format!("OnFailure={over}")]),
        (
            "spot-tui-lease-last.service",
            vec!["RuntimeMaxSec=5700s", "FailureAction=poweroff-force"],
        ),
        (over, vec!["SuccessAction=poweroff", "JobTimeoutAction=poweroff-force"]),
    ] {
        let text = fs::read_to_string(units.join(name)).unwrap();
        for line in lines {
            assert!(text.lines().any(|it| it == line), "{name}, {line}: {text}");
        }
        let path = format!("/etc/systemd/system/{name}");
        let said = in_lint_root(&["systemd-analyze", "verify", "--man=no", &path]);
        assert_eq!(said, (true, String::new()), "{path}");
    }
}

mod user_data {
    use super::*;

    #[test]
    fn is_valid_for_cloud_init() {
        let file = |name: &str, text: &str| {
            fs::write(lint_root().join("tmp").join(name), text).unwrap();
            in_lint_root(&["cloud-init", "schema", "--config-file", &format!("/tmp/{name}")])
        };
        let text = rendered();
        let (good, said) = file("user-data", &text);
        assert!(good && said.contains("Valid cloud-config"), "{said}");
        let leased = UserData {
            username: "ubuntu",
            public_key: None,
            more_keys: &[],
            packages: &[],
            cloud_config: None,
            keeps_root: false,
            lease_s: Some(5400),
        };
        let (good, said) = file("leased", &render(&leased).unwrap());
        assert!(good && said.contains("Valid cloud-config"), "{said}");
        let (good, said) = file("wrong", &text.replace("ssh_pwauth: false", "ssh_pwauth: {}"));
        assert!(!good && said.contains("ssh_pwauth"), "{said}");
    }

    fn with(public_key: &str) -> String {
        let inputs = UserData {
            username: "ubuntu",
            public_key: Some(public_key),
            more_keys: &[],
            packages: &[],
            cloud_config: None,
            keeps_root: false,
            lease_s: None,
        };
        render(&inputs).unwrap()
    }

    fn rendered() -> String {
        with("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9 me@here")
    }

    /// cloud-init accepts a key that it does not know, and ignores it.
    #[test]
    fn has_only_keys_that_cloud_init_knows() {
        let text = rendered();
        assert!(text.starts_with("#cloud-config\n"));
        let document = yaml(&text);
        let keys: BTreeSet<&str> =
            document.as_object().unwrap().keys().map(String::as_str).collect();
        let known = [
            "disable_root",
            "runcmd",
            "ssh_authorized_keys",
            "ssh_pwauth",
            "user",
            "users",
            "write_files",
        ];
        assert_eq!(keys, BTreeSet::from(known));
        assert_eq!(document["ssh_pwauth"], false);
        assert_eq!(document["disable_root"], true);
    }

    #[test]
    fn is_small_and_takes_nothing_on_trust() {
        let longest = format!("ssh-rsa {}", "A".repeat(4088));
        let text = with(&longest);
        assert!(text.len() < 8 * 1024, "{} bytes", text.len());

        let text = rendered();
        for placeholder in ["@username@", "@authorized_keys@", "@install"] {
            assert!(!text.contains(placeholder), "{placeholder} is left");
        }
        for word in ["| sh", "|sh", "token", "password", "PRIVATE"] {
            assert!(!text.contains(word), "user-data holds {word:?}");
        }
        let install = read("install-packages.sh");
        let pinned = install.split("fingerprint=").nth(1).unwrap().lines().next().unwrap();
        assert_eq!(pinned.len(), 40, "a whole fingerprint");
        assert!(install.contains("signed-by=$keys"));
    }
}

mod units {
    use super::*;

    type Unit = BTreeMap<String, Vec<String>>;

    /// `Section.Key` and its values, in the order of the file.
    fn parse(text: &str) -> Unit {
        let mut section = String::new();
        let mut unit = Unit::new();
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut section);
            } else if !line.is_empty() && !line.starts_with('#') {
                let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{line:?}"));
                unit.entry(format!("{section}.{key}")).or_default().push(value.to_owned());
            }
        }
        unit
    }

    fn all() -> BTreeMap<String, Unit> {
        scripts_where(|name| name.ends_with(".service"))
            .into_iter()
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, parse(&fs::read_to_string(path).unwrap()))
            })
            .collect()
    }

    fn words<'a>(unit: &'a Unit, key: &str) -> Vec<&'a str> {
        unit.get(key).into_iter().flatten().flat_map(|value| value.split_whitespace()).collect()
    }

    /// A chain of units each of which waits for the next, the last one for the first.
    fn cycle(units: &BTreeMap<String, Unit>) -> Option<Vec<String>> {
        // A target waits for what it wants, and cloud-init's last stage for multi-user.target.
        let mut waits: BTreeMap<&str, Vec<&str>> =
            BTreeMap::from([("cloud-final.service", vec!["multi-user.target"])]);
        for (name, unit) in units {
            waits.entry(name).or_default().extend(words(unit, "Unit.After"));
            for before in words(unit, "Unit.Before") {
                waits.entry(before).or_default().push(name);
            }
            for target in words(unit, "Install.WantedBy") {
                waits.entry(target).or_default().push(name);
            }
        }
        waits.keys().find_map(|start| walk(&waits, &mut vec![*start]))
    }

    fn walk<'a>(
        waits: &BTreeMap<&'a str, Vec<&'a str>>,
        path: &mut Vec<&'a str>,
    ) -> Option<Vec<String>> {
        for next in waits.get(path[path.len() - 1]).into_iter().flatten() {
            if path.contains(next) {
                return Some(path.iter().map(|name| (*name).to_owned()).collect());
            }
            path.push(next);
            if let Some(found) = walk(waits, path) {
                return Some(found);
            }
            path.pop();
        }
        None
    }

    #[test]
    fn never_wait_in_a_circle() {
        assert_eq!(cycle(&all()), None);
    }

    /// The trap: cloud-final waits for multi-user.target, which waits for what it wants.
    #[test]
    fn waiting_for_cloud_init_would_be_a_circle() {
        let mut units = all();
        units
            .get_mut("bacalhau-startup.service")
            .unwrap()
            .insert("Unit.After".to_owned(), vec!["cloud-final.service".to_owned()]);
        assert!(cycle(&units).is_some());
    }

    #[test]
    fn start_in_the_promised_order() {
        let units = all();
        assert_eq!(
            units.keys().map(String::as_str).collect::<Vec<_>>(),
            [
                "bacalhau-startup.service",
                "bacalhau.service",
                "sensor-generator.service",
                "setup-config.service"
            ]
        );
        let after = |name: &str, other: &str| words(&units[name], "Unit.After").contains(&other);
        assert!(after("bacalhau-startup.service", "docker.service"));
        assert!(after("setup-config.service", "bacalhau-startup.service"));
        assert!(after("bacalhau.service", "setup-config.service"));
        assert!(after("sensor-generator.service", "setup-config.service"));
    }

    #[test]
    fn say_what_systemd_needs() {
        for (name, unit) in all() {
            for key in [
                "Unit.Description",
                "Service.Type",
                "Service.ExecStart",
                "Service.Restart",
                "Service.RestartSec",
            ] {
                assert!(unit.contains_key(key), "{name}: {key} is missing");
            }
            assert_eq!(words(&unit, "Install.WantedBy"), ["multi-user.target"], "{name}");
            let restart = &unit["Service.Restart"][0];
            let expected =
                if unit["Service.Type"][0] == "oneshot" { "on-failure" } else { "always" };
            assert_eq!(restart, expected, "{name}");
        }
    }

    #[test]
    fn run_what_is_installed() {
        for (name, unit) in all() {
            for command in unit["Service.ExecStart"]
                .iter()
                .chain(unit.get("Service.ExecStop").into_iter().flatten())
            {
                let words: Vec<&str> = command.split_whitespace().collect();
                match words[0].strip_prefix("/opt/uploaded_files/") {
                    Some(script) => assert!(instance(script).is_file(), "{name}: {script}"),
                    None => assert_eq!(words[0], "/usr/bin/docker", "{name}"),
                }
                for pair in
                    words.windows(2).filter(|pair| ["--file", "--env-file"].contains(&pair[0]))
                {
                    let written_on_the_node = pair[1] == "/bacalhau_node/node.env";
                    assert!(
                        written_on_the_node || instance("config").join(pair[1]).is_file(),
                        "{name}: {}",
                        pair[1]
                    );
                }
            }
        }
    }
}

#[test]
fn images_are_pinned_and_named_in_one_place() {
    let images = read("config/images.env");
    for line in images.lines().filter(|line| !line.starts_with('#')) {
        let (_, image) = line.split_once('=').unwrap();
        let (_, tag) = image.rsplit_once(':').unwrap();
        assert!(tag.starts_with('v') && tag.contains('.'), "{line}");
    }
    for compose in ["config/bacalhau-compose.yaml", "config/sensor-compose.yaml"] {
        let document = yaml(&read(compose));
        for (name, service) in document["services"].as_object().unwrap() {
            let image = service["image"].as_str().unwrap();
            let variable =
                image.strip_prefix("${").and_then(|rest| rest.strip_suffix(":?}")).unwrap();
            assert!(images.contains(&format!("\n{variable}=")), "{name}: {image}");
            for port in service["ports"].as_array().unwrap() {
                assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: {port}");
            }
        }
    }
}

#[test]
fn exit_codes_agree_with_the_script_and_the_readme() {
    let script = read("scripts/deploy_services.sh");
    let mut used = BTreeSet::from([0]);
    for verb in ["fail ", "refuse "] {
        for (position, _) in script.match_indices(verb) {
            let rest = &script[position + verb.len()..];
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            // Above 128 a signal ended it, as everywhere.
            used.extend(digits.parse::<u32>().ok().filter(|code| *code <= 128));
        }
    }
    let known: BTreeSet<u32> = exit_codes::all().map(|(code, ..)| code).collect();
    assert_eq!(used, known);

    let readme = read("README.md");
    for (code, step, hint) in exit_codes::all() {
        let row = format!("| {code} | {step} | {hint} |");
        assert!(readme.contains(&row), "instance/README.md lacks: {row}");
    }
}

mod bacalhau_config {
    use super::*;

    /// Runs the generator in a folder of its own and reads back what it wrote.
    fn generate(endpoint: Option<&str>, token: Option<&str>) -> (Value, String) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("orchestrator_endpoint", endpoint), ("orchestrator_token", token)] {
            if let Some(text) = text {
                fs::write(folder.path().join(name), text).unwrap();
            }
        }
        let output_file = folder.path().join("config.yaml");
        let output = Command::new("sh")
            .arg(instance("scripts/generate_bacalhau_config.sh"))
            .arg(folder.path())
            .arg(&output_file)
            .env("INSTANCE_ID", INSTANCE_ID)
            .env("REGION", "us-west-2")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&output_file).unwrap());
        assert_eq!(mode & 0o777, 0o600);
        let said = String::from_utf8(output.stdout).unwrap();
        (yaml(&fs::read_to_string(output_file).unwrap()), said)
    }

    #[test]
    fn hostile_tokens_arrive_unchanged() {
        for token in [
            "a|b&c\\d\"e$f'g: #h",
            "|&\\\"$'",
            "$(reboot) `reboot` ${HOME}",
            "two\nlines: [and, \"more\"]",
            "\ttab",
            " spaces ",
            "- list",
            "{a: b}",
            "*alias &anchor !tag %dir @at",
            "null",
            "1e3",
            "%s%n\\n\\0",
            "é ü 漢",
            "-n",
            "a\r\nb",
        ] {
            let (config, said) = generate(Some("h"), Some(token));
            assert_eq!(config["Compute"]["Auth"]["Token"], *token, "{token:?}");
            assert!(!said.contains(token) || token.len() < 3, "{said}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_token_arrives_unchanged(token in "[ -~\t\n\u{1}-\u{1f}äß漢]{0,40}[!-~]") {
            let (config, _) = generate(Some("h"), Some(&token));
            prop_assert_eq!(config["Compute"]["Auth"]["Token"].as_str(), Some(token.as_str()));
        }
    }

    #[test]
    fn line_ends_of_editors_do_not_count() {
        for end in ["\n", "\r\n", "\n\n"] {
            let (config, _) = generate(Some(&format!("h{end}")), Some(&format!("secret{end}")));
            assert_eq!(config["Compute"]["Auth"]["Token"], "secret");
            assert_eq!(config["Compute"]["Orchestrators"][0], "nats://h:4222");
        }
    }

    #[test]
    fn endpoints_get_what_they_lack() {
        for (given, expected) in [
            ("orchestrator.example.com", "nats://orchestrator.example.com:4222"),
            ("10.0.0.1:5222", "nats://10.0.0.1:5222"),
            ("nats://h", "nats://h:4222"),
            ("nats://h:4222/", "nats://h:4222"),
            ("tls://h:4443", "tls://h:4443"),
            ("wss://h:443", "wss://h:443"),
            ("[2001:db8::1]", "nats://[2001:db8::1]:4222"),
            ("nats://[2001:db8::1]:4333", "nats://[2001:db8::1]:4333"),
        ] {
            let (config, _) = generate(Some(given), None);
            assert_eq!(
                config["Compute"]["Orchestrators"],
                serde_json::json!([expected]),
                "{given}"
            );
            assert_eq!(config["Compute"].get("Auth"), None);
            let secure = given.starts_with("tls") || given.starts_with("wss");
            assert_eq!(config["Compute"]["TLS"]["RequireTLS"] == true, secure, "{given}");
        }
    }

    #[test]
    fn an_address_is_told_without_its_password() {
        let (config, said) = generate(Some("nats://me:secret@h:4222"), None);
        assert_eq!(config["Compute"]["Orchestrators"][0], "nats://me:secret@h:4222");
        assert!(!said.contains("secret"), "{said}");
    }

    #[test]
    fn without_credentials_the_node_joins_nothing() {
        let (config, said) = generate(None, None);
        assert_eq!(config["Compute"]["Enabled"], true);
        assert_eq!(config["Compute"].get("Orchestrators"), None);
        assert_eq!(config["Labels"]["instance-id"], INSTANCE_ID);
        assert_eq!(config["Labels"]["region"], "us-west-2");
        assert!(said.contains("joins nothing"), "{said}");
    }
}
