//! What a package brings beside the program: completions in a real shell, manual pages, a policy.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::{CommandFactory, Parser};
use portable_pty::CommandBuilder;
use serde_json::{Value, json};
use spot_tui::app::Action;
use spot_tui::aws::EC2_ACTIONS;
use spot_tui::cli::Cli;
use strum::IntoEnumIterator;

use crate::support::demo_cloud::DemoCloud;
use crate::support::moto::python;
use crate::support::shell;
use crate::support::spot::Spot;
use crate::support::terminal::Terminal;

/// The folder in which the program lies.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_spot-tui")).parent().unwrap().to_owned()
}

fn path() -> String {
    format!("{}:{}", folder().display(), std::env::var("PATH").unwrap())
}

/// What a real bash offers for a line, once it has read what the program printed for it.
fn offered_by_bash(folder: &Path, line: &str) -> BTreeSet<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let script = format!(
        "source <(spot-tui completions bash)\nCOMP_WORDS=({})\nCOMP_CWORD={}\nCOMP_LINE='{line}'\n\
         COMP_POINT=${{#COMP_LINE}}\nfunction=$(complete -p spot-tui | sed 's/.*-F \\([^ ]*\\).*/\\1/')\n\
         \"$function\" spot-tui '{}' '{}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words.len() - 1,
        words[words.len() - 1],
        words[words.len() - 2],
    );
    let ran = Command::new("bash")
        .args(["--norc", "-c", &script])
        .current_dir(folder)
        .env("PATH", path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && told.is_empty(), "{line}: {told}");
    String::from_utf8_lossy(&ran.stdout).lines().map(|it| it.trim_end().to_owned()).collect()
}

/// What a real fish offers for a line.
fn offered_by_fish(folder: &Path, line: &str) -> BTreeSet<String> {
    let script = format!("spot-tui completions fish | source; complete --do-complete '{line}'");
    let ran = Command::new("fish")
        .args(["--no-config", "--command", &script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path())
        .env("HOME", folder)
        .stdin(Stdio::null())
        .output()
        .expect("fish is missing: apt-get install fish");
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && told.is_empty(), "{line}: {told}");
    let offered = String::from_utf8_lossy(&ran.stdout);
    offered.lines().filter_map(|it| it.split('\t').next()).map(str::to_owned).collect()
}

/// What a real zsh makes of a line when Tab is pressed behind it, until this is there.
fn completed_by_zsh(folder: &Path, line: &str, becomes: &str) {
    let mut zsh = CommandBuilder::new("zsh");
    zsh.args(["-f", "-i"]);
    zsh.cwd(folder);
    zsh.env_clear();
    let home = folder.display().to_string();
    for (name, value) in [("PATH", path()), ("HOME", home), ("TERM", "xterm".to_owned())] {
        zsh.env(name, value);
    }
    let mut terminal = Terminal::start(zsh, (120, 20));
    // What is typed is seen as well: the answer must not be a part of it.
    terminal.press("autoload -Uz compinit; compinit -u -D; source <(spot-tui completions zsh)\r");
    terminal.press("print LOAD''ED\r");
    terminal.wait_for("LOADED");
    terminal.press(line);
    terminal.press("\t");
    terminal.wait_for(becomes);
}

/// A deployment with a machine and an instance, and that one's id.
fn with_an_instance(cloud: &DemoCloud) -> (Spot, String) {
    let spot = Spot::new(cloud.url());
    let ssh_config = spot.write("ssh_config", 0o644, b"");
    spot.configure(
        &ssh_config,
        10,
        "",
        "  - us-west-2: { machine_type: t3.medium }\nmachines:\n  - { name: bench, region: us-west-2, \
         type: t3.medium }",
    );
    // Nothing answers there: it fails, and the instance is there.
    spot.run(&["create", "--yes"]);
    let listed: Value = serde_json::from_str(&spot.run(&["list", "--json"]).out).unwrap();
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    (spot, id)
}

#[test]
fn zsh_and_fish_complete_instances_regions_and_machines() {
    let cloud = DemoCloud::start(&["--no-ssh", "--speed", "30"]);
    let (spot, id) = with_an_instance(&cloud);
    let offered = |line: &str| offered_by_fish(spot.path(), line);
    assert_eq!(offered("spot-tui ssh i-"), BTreeSet::from([id.clone()]));
    let regions = BTreeSet::from(["us-west-1", "us-west-2"].map(str::to_owned));
    assert_eq!(offered("spot-tui destroy --region us-w"), regions);
    assert_eq!(offered("spot-tui up b"), BTreeSet::from(["bench".to_owned()]));
    completed_by_zsh(spot.path(), "spot-tui ssh i-", &format!("spot-tui ssh {id}"));
    completed_by_zsh(spot.path(), "spot-tui up b", "spot-tui up bench");
    completed_by_zsh(spot.path(), "spot-tui destroy --region eu-n", "--region eu-north-1");
}

#[test]
fn bash_completes_instances_regions_machines_and_commands() {
    let cloud = DemoCloud::start(&["--no-ssh", "--speed", "30"]);
    let (spot, id) = with_an_instance(&cloud);
    let offered = |line: &str| offered_by_bash(spot.path(), line);
    for line in ["spot-tui ssh i-", "spot-tui destroy i-", "spot-tui exec --on i-"] {
        assert_eq!(offered(line), BTreeSet::from([id.clone()]), "{line}");
    }
    let regions = BTreeSet::from(["us-west-1", "us-west-2"].map(str::to_owned));
    assert_eq!(offered("spot-tui destroy --region us-w"), regions);
    assert_eq!(offered("spot-tui up b"), BTreeSet::from(["bench".to_owned()]));
    assert_eq!(offered("spot-tui cre"), BTreeSet::from(["create".to_owned()]));
    assert_eq!(offered("spot-tui completions fi"), BTreeSet::from(["fish".to_owned()]));
    let none = "spot-tui --state nowhere.json ssh i-";
    assert_eq!(offered(none), BTreeSet::from([String::new()]), "another state, other instances");
}

#[test]
fn each_command_has_a_page_that_groff_reads_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let wrote = Command::new(env!("CARGO_BIN_EXE_spot-tui"))
        .arg("man")
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(wrote.status.success(), "{wrote:?}");
    for command in Cli::command().get_subcommands() {
        let page = folder.path().join(format!("spot-tui-{}.1", command.get_name()));
        let text = fs::read_to_string(&page).unwrap_or_else(|why| panic!("{page:?}: {why}"));
        assert!(text.contains(".TH"), "{page:?}");
        let read = Command::new("groff")
            .args(["-man", "-Tutf8", "-ww", "-z"])
            .arg(&page)
            .output()
            .expect("groff reads the pages; install it with: apt-get install groff-base");
        let told = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success() && told.is_empty(), "{page:?}: {told}");
    }
}

/// What a help shows as an example is understood as it stands.
#[test]
fn each_example_of_the_help_is_a_command_line() {
    let cli = Cli::command();
    let commands = std::iter::once(&cli).chain(cli.get_subcommands());
    let helps: Vec<String> =
        commands.filter_map(|it| Some(it.get_after_help()?.to_string())).collect();
    let examples = helps.iter().flat_map(|help| help.lines());
    let examples: Vec<&str> =
        examples.map(str::trim).filter(|line| line.starts_with("spot-tui ")).collect();
    assert!(examples.len() > 20, "{examples:?}");
    for example in examples {
        let example = example.split('|').next().unwrap_or_default();
        let words = shell::words(example);
        Cli::try_parse_from(&words).unwrap_or_else(|why| panic!("{example}: {why}"));
    }
}

/// The command line of what can be done to instances.
fn headless(action: &Action) -> &'static str {
    match action {
        Action::Create(_) | Action::More(_) | Action::Add(_) => "create --region us-west-2=1",
        Action::Forget => "create --forget",
        Action::Destroy => "destroy i-0a1b",
        Action::Retry => "retry i-0a1b",
        Action::Drain => "drain i-0a1b",
        Action::Up(_) => "up box",
        Action::Stop => "stop box",
        Action::Start => "start box",
        Action::Reboot => "reboot box",
        Action::Awake(_) => "awake box 4h",
        Action::Recreate => "recreate box",
        Action::Snapshot { .. } => "snapshot box",
        Action::Restore(..) => "restore box --snapshot snap-0a1b",
        Action::Discard(_) => "destroy box --with-kept 1",
        Action::Exec(_) => "exec --on i-0a1b -- uptime",
        Action::Pull(_) => "pull results",
        Action::Diagnose => "diagnose i-0a1b",
        Action::Logs(_) => "logs i-0a1b",
        Action::Nuke => "nuke",
        Action::CleanUp => "cleanup",
        Action::Recover => "recover",
    }
}

#[test]
fn each_action_is_a_command_with_json() {
    for action in Action::iter() {
        let line = headless(&action);
        let (command, arguments) = line.split_once(' ').unwrap_or((line, ""));
        let line = format!("spot-tui {command} --json {arguments}");
        let words = line.split_whitespace();
        Cli::try_parse_from(words).unwrap_or_else(|why| panic!("{line}: {why}"));
    }
    let unknown = ["spot-tui", "ssh", "--json", "i-0a1b"];
    assert!(Cli::try_parse_from(unknown).is_err(), "this tells a command without JSON");
}

fn policy(arguments: &[&str]) -> Value {
    let ran = Command::new(env!("CARGO_BIN_EXE_spot-tui"))
        .arg("iam-policy")
        .args(arguments)
        .output()
        .unwrap();
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|why| panic!("{arguments:?}: {why}"))
}

/// The actions of EC2 in a policy.
fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().unwrap();
    let all = statements.iter().flat_map(|it| it["Action"].as_array().unwrap());
    all.filter_map(|it| it.as_str()?.strip_prefix("ec2:").map(str::to_owned)).collect()
}

#[test]
fn a_policy_has_what_it_is_for_and_no_more() {
    let table: BTreeSet<String> =
        EC2_ACTIONS.iter().flat_map(|(_, actions)| *actions).map(|it| (*it).to_owned()).collect();
    assert_eq!(actions(&policy(&["--all-features"])), table);
    let reads = actions(&policy(&["--read-only"]));
    assert!(
        reads.iter().all(|it| it.starts_with("Describe") || it.starts_with("Get")),
        "{reads:?}"
    );
    let (launch, destroy) = (actions(&policy(&["--launch"])), actions(&policy(&["--destroy"])));
    assert!(launch.contains("RunInstances") && !launch.contains("TerminateInstances"));
    assert!(destroy.contains("TerminateInstances") && !destroy.contains("RunInstances"));
    assert_eq!(&launch | &destroy, actions(&policy(&[])));
    assert!(reads.is_subset(&launch) && reads.is_subset(&destroy));
    // What a network is taken away with: groups that name each other, and what GuardDuty put there.
    let revokes = ["RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress"];
    assert!(revokes.iter().all(|it| destroy.contains(*it)), "{destroy:?}");
}

/// What GuardDuty puts into a VPC never carries our tag: it is bound to GuardDuty's own.
#[test]
fn what_guardduty_made_may_be_taken_away() {
    let policy = policy(&["--destroy"]);
    let statements = policy["Statement"].as_array().unwrap();
    let guards = statements.iter().find(|it| it["Sid"] == "Guards").unwrap();
    let actions = json!(["ec2:DeleteVpcEndpoints", "ec2:DeleteSecurityGroup"]);
    assert_eq!(guards["Action"], actions);
    let is_there = json!({ "Null": { "aws:ResourceTag/GuardDutyManaged": "false" } });
    assert_eq!(guards["Condition"], is_there);
}

/// They find what is wrong: a misspelt action, and what takes away without being bound to a tag.
#[test]
fn the_checkers_find_what_is_wrong() {
    let mut policy = policy(&["--destroy"]);
    policy["Statement"][0]["Action"] = json!(["sts:GetCallerIdentities"]);
    let removes = policy["Statement"].as_array_mut().unwrap().last_mut().unwrap();
    removes.as_object_mut().unwrap().remove("Condition");
    let found = found_in(&policy);
    assert!(found.contains("parliament: UNKNOWN_ACTION"), "{found}");
    assert!(found.contains("ec2:DeleteVpc is not bound to our tag"), "{found}");
}

/// What two checkers find that nobody here wrote; each exception has its reason there.
fn found_in(policy: &Value) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/check_policy.py");
    let mut checker = Command::new(python())
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    checker.stdin.take().unwrap().write_all(policy.to_string().as_bytes()).unwrap();
    let ended = checker.wait_with_output().unwrap();
    assert!(ended.status.success());
    String::from_utf8(ended.stdout).unwrap()
}

/// Two checkers that nobody here wrote.
#[test]
fn the_policies_pass_parliament_and_cloudsplaining() {
    for arguments in [&[][..], &["--read-only"], &["--launch"], &["--destroy"], &["--all-features"]]
    {
        assert_eq!(found_in(&policy(arguments)), "", "{arguments:?}");
    }
}
