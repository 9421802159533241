//! boto3 that stays: an independent look at an EC2 takes milliseconds, not the start of a Python.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::moto::{python, script};

/// A client that looks when asked. It ends with the test, also when the test process is killed.
pub(crate) struct Eye {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What is there: each thing's region and id, with its tags.
pub(crate) type Seen = BTreeMap<(String, String), BTreeMap<String, String>>;

impl Eye {
    pub(crate) fn open() -> Self {
        let mut child = Command::new(python())
            .arg(script("eye.py"))
            .env_remove("AWS_PROFILE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starting python");
        let requests = child.stdin.take().expect("its stdin");
        let answers = BufReader::new(child.stdout.take().expect("its stdout"));
        Self { child, requests, answers }
    }

    /// Somebody else's things, which look like ours.
    pub(crate) fn settle_strangers(&mut self, endpoint: &str, regions: &[&str]) {
        self.ask("settle", endpoint, regions);
    }

    /// Everything that is there and not terminated.
    pub(crate) fn alive(&mut self, endpoint: &str, regions: &[&str]) -> Seen {
        let mut seen = Seen::new();
        for (region, kinds) in self.ask("alive", endpoint, regions).as_object().unwrap() {
            for things in kinds.as_object().unwrap().values() {
                for (id, tags) in things.as_object().unwrap() {
                    let tags = serde_json::from_value(tags.clone()).unwrap();
                    seen.insert((region.clone(), id.clone()), tags);
                }
            }
        }
        seen
    }

    /// The instances that run in a region or are about to, with their tags.
    pub(crate) fn up(
        &mut self,
        endpoint: &str,
        region: &str,
    ) -> BTreeMap<String, BTreeMap<String, String>> {
        serde_json::from_value(self.ask("up", endpoint, &[region])[region].clone()).unwrap()
    }

    /// The instances of ours that were ever launched, as far as EC2 still knows them.
    pub(crate) fn launched(&mut self, endpoint: &str, regions: &[&str]) -> BTreeSet<String> {
        let told = self.ask("launched", endpoint, regions);
        let lists = told.as_object().unwrap().values();
        lists.flat_map(|ids| serde_json::from_value::<Vec<String>>(ids.clone()).unwrap()).collect()
    }

    /// Ends instances behind the program's back, and waits until they have ended.
    pub(crate) fn terminate(&mut self, endpoint: &str, region: &str, ids: &[&str]) {
        self.request(&json!({
            "do": "terminate", "endpoint": endpoint, "regions": [region], "ids": ids
        }));
    }

    /// Allocates an Elastic IP with these tags.
    pub(crate) fn allocate(&mut self, endpoint: &str, region: &str, tags: &[(&str, &str)]) {
        self.request(&json!({
            "do": "allocate", "endpoint": endpoint, "regions": [region], "tags": as_json(tags)
        }));
    }

    /// Gives a thing other tags behind the program's back.
    pub(crate) fn tag(&mut self, endpoint: &str, region: &str, id: &str, tags: &[(&str, &str)]) {
        self.request(&json!({
            "do": "tag", "endpoint": endpoint, "regions": [region], "ids": [id],
            "tags": as_json(tags)
        }));
    }

    /// A thing's tags, as DescribeTags tells them.
    pub(crate) fn told(
        &mut self,
        endpoint: &str,
        region: &str,
        id: &str,
    ) -> BTreeMap<String, String> {
        let told = self.request(&json!({
            "do": "told", "endpoint": endpoint, "regions": [region], "ids": [id]
        }));
        serde_json::from_value(told[region].clone()).unwrap()
    }

    /// Deletes a launch template behind the program's back.
    pub(crate) fn drop_template(&mut self, endpoint: &str, region: &str, id: &str) {
        self.request(&json!({
            "do": "drop_templates", "endpoint": endpoint, "regions": [region], "ids": [id]
        }));
    }

    fn ask(&mut self, what: &str, endpoint: &str, regions: &[&str]) -> Value {
        self.request(&json!({ "do": what, "endpoint": endpoint, "regions": regions }))
    }

    fn request(&mut self, request: &Value) -> Value {
        writeln!(self.requests, "{request}").expect("asking boto3");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("reading boto3's answer");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{request}: {error}: {line}"))
    }
}

impl Drop for Eye {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn as_json(tags: &[(&str, &str)]) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// What in this is our deployment's, by its tags.
pub(crate) fn ours(seen: &Seen) -> impl Iterator<Item = &(String, String)> {
    let is_ours = |tags: &BTreeMap<String, String>| {
        let is = |key: &str, value: &str| tags.get(key).is_some_and(|found| found == value);
        is("ManagedBy", "spot-tui") && is("DeploymentId", "spot-test")
    };
    seen.iter().filter(move |(_, tags)| is_ours(tags)).map(|(thing, _)| thing)
}
