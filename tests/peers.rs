//! The demo cloud beside others: one journey, by clients that nobody here wrote, has to be answered
//! by it as by moto, and to the AWS CLI as to boto3; errors included.
//!
//! Where two differ, `peers/*.yaml` says why. A difference that is not there fails, and so does one
//! that is there and no longer occurs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde::Deserialize;

use crate::support::demo_cloud::DemoCloud;
use crate::support::moto::{Moto, python, script};

/// An answer's paths, with their types.
type Shape = BTreeMap<String, String>;

/// What a client was told, by step.
type Told = BTreeMap<String, Answer>;

/// One answer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
enum Answer {
    /// What it is made of.
    Shape { shape: Shape },
    /// An error. The CLI does not tell the status.
    Refusal { code: String, status: Option<u16> },
}

impl Answer {
    fn in_short(&self) -> String {
        match self {
            Self::Shape { .. } => "answered".to_owned(),
            Self::Refusal { code, status: None } => code.clone(),
            Self::Refusal { code, status: Some(status) } => format!("{status} {code}"),
        }
    }

    fn without_status(self) -> Self {
        match self {
            Self::Refusal { code, .. } => Self::Refusal { code, status: None },
            shape @ Self::Shape { .. } => shape,
        }
    }
}

/// Differences that are known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    why: String,
    /// Lines as [`differences`] writes them; `*` is any text.
    lines: Vec<String>,
}

#[test]
fn boto3_is_answered_as_moto_answers_it() {
    let ours = thread::spawn(|| journey("boto3", demo().url()));
    let theirs = journey("boto3", &Moto::start().url());
    compare(&ours.join().unwrap(), &theirs, "moto.yaml");
}

#[test]
fn the_aws_cli_is_answered_as_boto3_is() {
    let boto3 = thread::spawn(|| journey("boto3", demo().url()));
    let cli = journey("cli", demo().url());
    let boto3 = boto3.join().unwrap().into_iter();
    let boto3 = boto3.map(|(step, answer)| (step, answer.without_status())).collect();
    compare(&boto3, &cli, "cli.yaml");
}

/// A demo cloud in which an instance boots in a tenth of a second.
fn demo() -> DemoCloud {
    DemoCloud::start(&["--speed", "60", "--no-ssh"])
}

fn journey(client: &str, endpoint: &str) -> Told {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(python())
        .arg(script("journey.py"))
        .args([client, endpoint])
        .env_clear()
        .env("HOME", home.path())
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_DEFAULT_REGION", "us-west-2")
        .env("AWS_MAX_ATTEMPTS", "1")
        .output()
        .expect("starting python");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{client}: {errors}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Holds the differences to those that a file knows.
fn compare(one: &Told, other: &Told, file: &str) {
    assert!(one.len() > 100, "a short journey: {:?}", one.keys());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(file);
    let known: Vec<Known> = serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let found = differences(one, other);
    let mut explained = BTreeSet::new();
    let mut stale = Vec::new();
    for Known { why, lines } in &known {
        for pattern in lines {
            let meant: Vec<&String> = found.iter().filter(|line| fits(pattern, line)).collect();
            if meant.is_empty() {
                stale.push(format!("{pattern} ({why})"));
            }
            explained.extend(meant);
        }
    }
    let unexplained: Vec<&String> = found.iter().filter(|line| !explained.contains(line)).collect();
    assert!(unexplained.is_empty(), "{file} does not know:\n{unexplained:#?}");
    assert!(stale.is_empty(), "{file} knows what no longer occurs:\n{stale:#?}");
}

/// Each difference as a line: `STEP: + PATH: TYPE` what only the first says, `-` what only the
/// other says, `STEP: ! ONE / OTHER` where an error is on one side or the errors differ.
fn differences(one: &Told, other: &Told) -> Vec<String> {
    let steps: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let mut lines = Vec::new();
    for step in steps {
        match (one.get(step), other.get(step)) {
            (Some(Answer::Shape { shape: one }), Some(Answer::Shape { shape: other })) => {
                let mut told = |sign: &str, here: &Shape, there: &Shape| {
                    let alone = here.iter().filter(|(path, kind)| there.get(*path) != Some(kind));
                    lines
                        .extend(alone.map(|(path, kind)| format!("{step}: {sign} {path}: {kind}")));
                };
                told("+", one, other);
                told("-", other, one);
            }
            (one, other) if one == other => {}
            (one, other) => {
                let [one, other] =
                    [one, other].map(|it| it.map_or("not asked".to_owned(), Answer::in_short));
                lines.push(format!("{step}: ! {one} / {other}"));
            }
        }
    }
    lines
}

/// Whether a line is as a pattern says; `*` is any text.
fn fits(pattern: &str, line: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == line,
        Some((start, rest)) => line.strip_prefix(start).is_some_and(|line| {
            (0..=line.len()).any(|at| line.get(at..).is_some_and(|line| fits(rest, line)))
        }),
    }
}

#[test]
fn patterns_fit_what_they_mean() {
    assert!(fits("run*: + *Code: str", "run spot: + Instances[].StateReason.Code: str"));
    assert!(!fits("run: + *Code: str", "run spot: + Instances[].StateReason.Code: str"));
    assert!(!fits("*Code: str", "run: + Code: str, and more"));
}
