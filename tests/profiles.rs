//! Files of profiles in real shapes: as whom we sign and as whom the AWS CLI does, told from STS's side.
//! What both are to do is decided by nobody here: the CLI is PyPI's.

mod cases;
pub(crate) mod sts;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::moto::{python, script};
use crate::support::spot::{Ran, Spot};
use crate::support::terminal::Terminal;
use cases::{Case, KEYS, cases};
use sts::{Sts, WRONG};

/// Where we are kinder, and why: the CLI refuses the whole file there, whatever profile is asked for.
const KINDER: [&str; 6] = [
    "byte order mark",
    "section twice",
    "key twice",
    "bad line in another profile",
    "text before the first header",
    "a nested line without a value in another profile",
];

/// As whom each of them signs: the key that STS saw in `GetCallerIdentity`, or nobody.
fn ours(case: &Case, spot: &Spot, sts: &Sts) -> (Option<String>, Ran) {
    let mut command = spot.command();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env_remove(name);
    }
    command
        .env("HOME", spot.path())
        .env("AWS_ENDPOINT_URL", sts.url(&format!("ours-{}", case.name)));
    command.envs(case.environment.iter().copied());
    command.arg("list").args(case.profile.map(|name| format!("--profile={name}")));
    let ran = Ran::of(&command.output().unwrap());
    (sts.signed(&format!("ours-{}", case.name)), ran)
}

#[test]
fn people_14_to_20_each_shape_signs_as_the_aws_cli_does() {
    let sts = Sts::start();
    let mut cli = Command::new(python())
        .arg(script("whoami.py"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut asked = cli.stdin.take().unwrap();
    let mut told = BufReader::new(cli.stdout.take().unwrap()).lines();
    let mut different = BTreeMap::new();
    let cases = cases();
    assert!(cases.len() > 60, "{}", cases.len());
    for case in &cases {
        let spot = Spot::new("");
        spot.write(".aws/config", 0o600, case.config.as_bytes());
        spot.write(".aws/credentials", 0o600, case.credentials.as_bytes());
        let (ours, ran) = ours(case, &spot, &sts);
        let environment: BTreeMap<_, _> = case.environment.iter().copied().collect();
        let name = format!("cli-{}", case.name);
        let line = json!({
            "home": spot.path(),
            "profile": case.profile,
            "endpoint": sts.url(&name),
            "environment": environment,
        });
        writeln!(asked, "{line}").unwrap();
        let answer: Value = serde_json::from_str(&told.next().unwrap().unwrap()).unwrap();
        let theirs = sts.signed(&name);
        assert!(!ran.err.contains("panicked"), "{}: {}", case.name, ran.told());
        if ours != theirs {
            different.insert(
                case.name,
                format!("we {ours:?}, the CLI {theirs:?} {answer}\n{}", ran.told()),
            );
        }
    }
    let unknown: Vec<_> = different.iter().filter(|(name, _)| !KINDER.contains(name)).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    // What is listed as different is.
    for name in KINDER {
        assert!(different.contains_key(name), "{name}: no difference any more");
    }
    drop(asked);
    drop(cli.wait());
}

/// A profile in a folder of its own, whose AWS is this STS.
fn with_config(config: &str, sts: &Sts, name: &str) -> Spot {
    let spot = Spot::new(sts.url(name));
    spot.write(".aws/config", 0o600, config.as_bytes());
    spot
}

fn without_keys(spot: &Spot) -> Command {
    let mut command = spot.command();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env_remove(name);
    }
    command.env("HOME", spot.path());
    command
}

/// What it says is told, it has no terminal to ask on and nothing to read, and no shell sees the line.
#[test]
fn people_21_a_credential_process_has_no_terminal_and_its_words_are_told() {
    let sts = Sts::start();
    let spot = with_config("", &sts, "process");
    let helper = "#!/bin/sh\n(: </dev/tty) 2>/dev/null && echo 'it has a terminal' >&2\n\
        read -r line && echo \"it read $line\" >&2\n\
        [ $# -eq 1 ] && [ \"$1\" = 'a # $HOME' ] || echo \"words: $*\" >&2\n\
        echo 'the vault is locked' >&2\nexit 3\n";
    let path = spot.write("helper", 0o755, helper.as_bytes());
    let config = format!("[default]\ncredential_process = {} 'a # $HOME'\n", path.display());
    spot.write(".aws/config", 0o600, config.as_bytes());
    let ran = Ran::of(&without_keys(&spot).arg("list").output().unwrap());
    assert!(ran.err.contains("gives no credentials: the vault is locked"), "{}", ran.told());
    assert_eq!(ran.code, 2, "{}", ran.told());
    // On a terminal it is no different.
    let mut command = spot.on_terminal();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env_remove(name);
    }
    command.env("HOME", spot.path());
    command.arg("list");
    let mut terminal = Terminal::start(command, (160, 20));
    let said = terminal.wait_for("the vault is locked");
    assert!(!said.contains("it has a terminal") && !said.contains("it read"), "{said}");
    assert_eq!(terminal.end().exit_code(), 2);
}

/// The code is asked for at the prompt and kept; the AWS CLI finds it and asks for none.
#[test]
fn people_20_a_code_is_asked_for_once_and_counts_for_the_aws_cli() {
    let sts = Sts::start();
    let config = format!(
        "[profile base]\n{KEYS}[profile m]\nrole_arn = arn:aws:iam::123456789012:role/one\n\
         source_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/me\nregion = us-west-2\n"
    );
    let spot = with_config(&config, &sts, "mfa");
    let before = Ran::of(&without_keys(&spot).args(["list", "--profile", "m"]).output().unwrap());
    assert!(
        before.code == 2 && before.err.contains("spot-tui login --profile m"),
        "{}",
        before.told()
    );
    assert_eq!(sts.signed("mfa"), None, "nobody asked without a code");
    let mut command = spot.on_terminal();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env_remove(name);
    }
    command.env("HOME", spot.path());
    command.args(["login", "--profile", "m"]);
    let mut terminal = Terminal::start(command, (120, 20));
    terminal.wait_for("Code of arn:aws:iam::123456789012:mfa/me");
    terminal.press("123456\r");
    let begun = Instant::now();
    terminal.end();
    assert!(begun.elapsed().as_secs() < 60);
    assert_eq!(sts.codes("mfa"), ["123456"]);
    let signed = sts.signed("mfa").unwrap();
    assert!(signed.starts_with("ASIA"), "{signed}");
    let files: Vec<_> = fs::read_dir(spot.path().join(".aws/cli/cache")).unwrap().collect();
    assert_eq!(files.len(), 1);
    let mut cli = Command::new(python().with_file_name("aws"));
    cli.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", spot.path());
    cli.env("AWS_ENDPOINT_URL", sts.url("mfa-cli")).stdin(Stdio::null());
    cli.args(["sts", "get-caller-identity", "--profile", "m"]);
    let cli = Ran::of(&cli.output().unwrap());
    assert_eq!(cli.code, 0, "{}", cli.told());
    assert_eq!(sts.signed("mfa-cli"), Some(signed));
}

/// The dashboard asks in a dialog: what for, of which device; what is wrong is said, and asked again.
#[test]
fn the_dashboard_asks_for_a_code_itself_until_one_is_right() {
    let sts = Sts::start();
    let config = format!(
        "[profile base]\n{KEYS}[profile m]\nrole_arn = arn:aws:iam::123456789012:role/one\n\
         source_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/me\nregion = us-west-2\n"
    );
    let spot = with_config(&config, &sts, "dialog");
    let mut command = spot.on_terminal();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env_remove(name);
    }
    command.env("HOME", spot.path());
    command.args(["--profile", "m"]);
    let mut terminal = Terminal::start(command, (80, 24));
    terminal.wait_for("Welcome to spot-tui");
    terminal.press("\x1b");
    terminal.wait_for("to sign in here");
    terminal.press("I");
    let screen = terminal.wait_for("A secret is needed");
    assert!(screen.contains("arn:aws:iam::123456789012:role/one"), "{screen}");
    assert!(screen.contains("arn:aws:iam::123456789012:mfa/me"), "{screen}");
    terminal.press("12345\r");
    terminal.wait_for("That was not six digits");
    terminal.press(&format!("{WRONG}\r"));
    let screen = terminal.wait_for("AWS refused that code");
    assert!(!screen.contains(WRONG), "{screen}");
    terminal.press("123456\r");
    terminal.wait_for("signed in until Jan 1, 00:00 UTC");
    // By then somebody has asked with the new keys; there is nothing but STS.
    terminal.wait_for("no account: UnauthorizedOperation");
    assert_eq!(sts.codes("dialog"), [WRONG, "123456"], "each code goes there once");
    assert!(sts.signed("dialog").unwrap().starts_with("ASIA"));
    let files: Vec<_> = fs::read_dir(spot.path().join(".aws/cli/cache")).unwrap().collect();
    assert_eq!(files.len(), 1);
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
}
