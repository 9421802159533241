//! What the headless commands print: JSON lines that keep their contract, lines for people, and
//! nothing that a terminal would obey.

use serde_json::{Value, json};
use spot_tui::app::{
    Action, Command, CreatePlan, Message, Model, Opening, Scope, Selection, Stamped, update,
};
use spot_tui::fleet::{
    Account, Attempt, CommandResult, Ec2State, Failure, FailureKind, HostKey, HostKeyTrust,
    InstanceKey, InstanceNews, JobId, JobNews, Level, Machine, News, Outcome, PendingCreate, Phase,
    RegionNews, Report, Step, Transfer,
};
use spot_tui::headless::{Detail, Format, ListFormat, Printer, print_list, print_pending_creates};

use crate::support::schema::{
    JSON_LINES, LIST, PENDING_CREATES, assert_json_lines, assert_list, complaints,
};
use crate::support::screen::{at, config, machine, opening};

/// What a hostile host, or whoever may write a tag, would say.
const HOSTILE: &str = "\x1b]0;owned\x07\x1b[2J\u{9b}31mred\u{202e}\nsecond \"line\"\0";

/// The same, once it may be shown.
const CLEANED: &str = "red second \"line\"";

/// A headless run without a loop: messages through printer and model, as the loop takes them.
struct Run<'a> {
    model: Model,
    printer: Printer<&'a mut Vec<u8>>,
    second: i64,
}

impl<'a> Run<'a> {
    fn new(out: &'a mut Vec<u8>, format: Format) -> Self {
        let model = Model::new(Opening { dashboard: false, ..opening((0, 0)) });
        Self { model, printer: Printer::new(out, format), second: 0 }
    }

    fn plan(&mut self) {
        let config = config();
        let plan = CreatePlan::of(&self.model, &config.spread());
        self.printer.plan(&self.model, &config, &plan);
    }

    fn send(&mut self, message: Message) {
        self.second += 1;
        self.printer.noted(&self.model, &message);
        drop(update(&mut self.model, Stamped { at: at(self.second), message }));
        self.printer.changed(&self.model);
    }

    fn report(&mut self, news: News) {
        let job = self.model.active().last().map_or(JobId(0), |(id, _)| id);
        let report = Report { job, at: at(self.second), news };
        self.send(Message::Report(report));
    }

    fn enter(&mut self, key: &InstanceKey, phases: impl IntoIterator<Item = Phase>) {
        for phase in phases {
            self.report(News::Instance(key.clone(), InstanceNews::Entered(phase)));
        }
    }

    fn say(&mut self, of: impl Fn(Level, String) -> News, text: &str) {
        for level in [Level::Info, Level::Success, Level::Warning, Level::Error] {
            self.report(of(level, text.to_owned()));
        }
    }
}

fn account() -> JobNews {
    JobNews::Account(Account {
        id: "123456789012".into(),
        creator: "alice".into(),
        arn: "arn:aws:iam::123456789012:user/alice".into(),
        regions: vec!["us-west-2".into()],
    })
}

fn west(news: RegionNews) -> News {
    News::Region("us-west-2".into(), news)
}

fn with_state(state: Ec2State) -> Machine {
    let mut machine = machine(1, "us-west-2a");
    machine.seen.state = state;
    machine.seen.public_ip = machine.seen.public_ip.filter(|_| state != Ec2State::Pending);
    machine.birth.creator = Some(HOSTILE.to_owned());
    machine
}

fn host_key(trust: HostKeyTrust) -> InstanceNews {
    InstanceNews::HostKey(HostKey {
        openssh: "ssh-ed25519 AAAA".to_owned(),
        fingerprint: "SHA256:gD4Gp2DBmTh0CMwe8RzZuvkvVgNFtLU0bVxnNcDSzHc".to_owned(),
        trust,
    })
}

/// A create of two instances, one of which is refused and one of which lives and is interrupted,
/// and everything else that can be reported. Answers the two rows.
fn everything(run: &mut Run) -> [InstanceKey; 2] {
    run.report(News::Job(account()));
    let counts = [("us-west-2".into(), 2)].into();
    run.send(Message::Command(Command::create(Some(counts))));
    let keys: Vec<InstanceKey> = run.model.fleet.instances().map(|row| row.key.clone()).collect();
    let [lives, refused] = keys.try_into().unwrap();
    let of = |key: &InstanceKey, news| News::Instance(key.clone(), news);
    run.report(News::Job(JobNews::Started));
    for key in [&lives, &refused] {
        run.enter(key, [Phase::Requesting]);
    }
    for (code, message) in [(None, None), (Some("Spot.Refused"), Some(HOSTILE))] {
        let attempt = Attempt {
            at: at(2),
            zone: "us-west-2a".into(),
            machine_type: "t3.medium".into(),
            asked: 2,
            given: 1,
            code: code.map(str::to_owned),
            message: message.map(str::to_owned),
            reason: code.map(|_| "5-10 % a month, the cheapest".to_owned()),
        };
        run.report(of(&refused, InstanceNews::Tried(attempt)));
    }
    run.enter(
        &refused,
        [Phase::Failed(Failure::new(FailureKind::Key, Step::KeyPair, HOSTILE, HOSTILE))],
    );
    run.report(of(&lives, InstanceNews::Seen(Box::new(with_state(Ec2State::Pending)))));
    let running = RegionNews::Surveyed(vec![with_state(Ec2State::Running)]);
    let silent = RegionNews::Unanswered(HOSTILE.to_owned());
    for fact in [running.clone(), running, silent.clone(), silent] {
        run.report(west(fact));
    }
    for trust in [HostKeyTrust::Pinned, HostKeyTrust::Pinned, HostKeyTrust::Console] {
        run.report(of(&lives, host_key(trust)));
    }
    run.enter(&lives, [Phase::Connecting]);
    run.enter(&lives, [0, 1, 2].map(|sent| Phase::Uploading(Transfer { sent, total: 2 })));
    run.report(of(&lives, InstanceNews::Transferred(Transfer { sent: 1, total: 2 })));
    run.enter(&lives, [Phase::Configuring]);
    run.report(of(&lives, InstanceNews::Output(HOSTILE.to_owned())));
    // Refused by the state machine: it is no transition.
    run.enter(&lives, [Phase::Pending]);
    run.enter(&lives, [Phase::Rebooting, Phase::Verifying, Phase::Ready]);
    run.enter(&lives, [Phase::Degraded { reason: HOSTILE.to_owned() }, Phase::Ready]);
    run.enter(&lives, [Phase::Interrupted { at: None }, Phase::Interrupted { at: Some(at(230)) }]);
    run.say(|level, text| News::Job(JobNews::Said(level, text)), HOSTILE);
    run.say(|level, text| west(RegionNews::Said(level, text)), HOSTILE);
    for key in [&lives, &refused] {
        run.say(|level, text| of(key, InstanceNews::Said(level, text)), HOSTILE);
    }
    run.send(Message::Stored(Err(HOSTILE.to_owned())));
    run.send(Message::Stored(Ok(())));
    run.send(Message::Dropped(7));
    run.enter(&lives, [Phase::Terminating]);
    for _ in 0..2 {
        run.report(west(RegionNews::Surveyed(vec![with_state(Ec2State::Terminated)])));
    }
    run.report(News::Job(JobNews::Ended(Outcome::Partly { failed: 1 })));
    run.plan();
    [lives, refused]
}

fn printed(format: Format, story: impl FnOnce(&mut Run)) -> String {
    let mut out = Vec::new();
    let mut run = Run::new(&mut out, format);
    story(&mut run);
    run.printer.summary(&run.model, false);
    String::from_utf8(out).unwrap()
}

fn parsed(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn whatever_is_reported_every_line_keeps_the_contract() {
    let text = printed(Format::Json, |run| drop(everything(run)));
    assert_json_lines(&text);
    let lines = parsed(&text);
    let summary = lines.last().unwrap();
    let counts = ["launched", "ready", "terminated", "failed", "alive"].map(|key| &summary[key]);
    assert_eq!(counts, [1, 2, 1, 1, 0], "the job failed, and the state was written in the end");
    let events =
        ["plan", "launched", "phase", "attempt", "host_key", "output", "message", "summary"];
    for event in events {
        assert!(lines.iter().any(|line| line["event"] == event), "no {event} in\n{text}");
    }
}

/// A command on a node that prints so many lines of ten thousand bytes, and does not end well.
fn asked(run: &mut Run, count: u32) {
    run.report(News::Job(account()));
    run.report(west(RegionNews::Surveyed(vec![with_state(Ec2State::Running)])));
    let key = run.model.fleet.instances().next().unwrap().key.clone();
    let exec = Action::Exec("true".to_owned());
    run.send(Message::Command(Command::Act(exec, Scope::Instances(vec![key.clone()]))));
    for number in 0..count {
        let line = format!("{number} {}{HOSTILE}", "x".repeat(10_000));
        run.report(News::Instance(key.clone(), InstanceNews::Output(line)));
    }
    let result = CommandResult { went_well: false, end: HOSTILE.to_owned() };
    run.report(News::Instance(key, InstanceNews::CommandResult(result)));
    run.report(News::Job(JobNews::Ended(Outcome::Partly { failed: 1 })));
    run.printer.answers(&run.model);
}

#[test]
fn what_a_node_answered_is_told_with_how_much_of_it_was_dropped() {
    for (count, dropped) in [(3, false), (200, true)] {
        let text = printed(Format::Json, |run| asked(run, count));
        assert_json_lines(&text);
        let lines = parsed(&text);
        let answer = lines.iter().find(|line| line["event"] == "answer").unwrap();
        assert_eq!((&answer["ok"], &answer["text"]), (&json!(false), &json!(CLEANED)));
        let kept = answer["lines"].as_array().unwrap();
        assert_eq!(answer["dropped"], u64::from(count) - kept.len() as u64);
        assert_eq!(answer["dropped"] != 0, dropped, "1 MiB is kept");
        let newest = kept.last().unwrap().as_str().unwrap();
        assert!(newest.starts_with(&format!("{} x", count - 1)), "{newest}");
    }
}

#[test]
fn people_read_who_did_not_do_it_and_why() {
    let text = printed(Format::Lines(Detail::Quiet), |run| asked(run, 200));
    assert!(text.contains(&format!(" @ 203.0.113.1] {CLEANED}\n  ")), "{}", &text[..200]);
    let last = text.lines().rev().nth(1).unwrap();
    assert!(last.starts_with("WARNING: [") && last.ends_with("lines were dropped"), "{last}");
}

#[test]
fn each_transition_is_told_once_whoever_saw_it_first() {
    let mut rows = None;
    let text = printed(Format::Json, |run| rows = Some(everything(run)));
    let [lives, refused] = rows.unwrap();
    let of = |row: &InstanceKey| -> Vec<String> {
        parsed(&text)
            .iter()
            .filter(|line| line["event"] == "phase" && line["row"] == row.as_str())
            .map(|line| format!("{} {}", line["phase"], line["state"]).replace('"', ""))
            .collect()
    };
    let expected = [
        "Requesting null",
        "Pending pending",
        "Running running",
        "Connecting running",
        "Uploading running",
        "Configuring running",
        "Rebooting running",
        "Verifying running",
        "Ready running",
        "Degraded running",
        "Ready running",
        "Interrupted running",
        "Interrupted running",
        "Terminating running",
        "Terminated terminated",
    ];
    assert_eq!(of(&lives), expected);
    assert_eq!(of(&refused), ["Requesting null", "Failed null"]);
    let trusts: Vec<Value> = parsed(&text)
        .into_iter()
        .filter(|line| line["event"] == "host_key")
        .map(|line| line["trust"].clone())
        .collect();
    assert_eq!(trusts, ["pinned", "console"]);
}

#[test]
fn a_plan_of_absurd_counts_adds_up() {
    let text = printed(Format::Lines(Detail::Usual), |run| {
        let config = config();
        let counts = config.regions.iter().map(|it| (it.region.clone(), u32::MAX)).collect();
        let plan = CreatePlan::of(&run.model, &counts);
        run.printer.plan(&run.model, &config, &plan);
    });
    let all = u64::from(u32::MAX) * config().regions.len() as u64;
    assert!(text.contains(&format!("{all} in all")), "{text}");
}

#[test]
fn a_job_that_fails_counts_all_its_rows() {
    let text = printed(Format::Json, |run| {
        run.report(News::Job(account()));
        run.send(Message::Command(Command::create(Some([("us-west-2".into(), 3)].into()))));
        let failure = Failure::new(FailureKind::SignIn, Step::Account, HOSTILE, "");
        run.report(News::Job(JobNews::Ended(Outcome::Failed(failure))));
    });
    assert_json_lines(&text);
    assert_eq!(parsed(&text).last().unwrap()["failed"], 3);
}

#[test]
fn people_read_sentences_and_no_terminal_obeys_them() {
    let text = printed(Format::Lines(Detail::Verbose), |run| drop(everything(run)));
    let hostile = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!text.contains(hostile), "{text:?}");
    let id = "i-0a1b2c3d4e5f67801";
    let begin = format!("[{id} @ 10.0.0.1] SUCCESS: Created, t3.medium in us-west-2a\n");
    for line in [
        begin.as_str(),
        "[us-west-2] WARNING: no answer: red second \"line\"\n",
        "[us-west-2] ERROR: key pair: red second \"line\" (red second \"line\")\n",
        &format!("[{id} @ 203.0.113.1] INFO: Uploading\n"),
        &format!("[{id} @ 203.0.113.1] INFO: | red second \"line\"\n"),
        &format!("[{id} @ 203.0.113.1] SUCCESS: Terminated\n"),
        &format!("[{id} @ 203.0.113.1] WARNING: Interrupted, ends at 09:03:50 UTC\n"),
        "\nWARNING: 7 lines of output were dropped\n",
    ] {
        assert_eq!(text.matches(line).count(), 1, "{line} in\n{text}");
    }
    let last = text.lines().last().unwrap();
    assert_eq!(last, "1 launched, 2 ready, 1 terminated, 1 failed, 0 alive in spot-7f3a");
}

#[test]
fn what_ends_unasked_is_no_success() {
    let text = printed(Format::Lines(Detail::Usual), |run| {
        run.report(west(RegionNews::Surveyed(vec![with_state(Ec2State::Running)])));
        run.report(west(RegionNews::Surveyed(Vec::new())));
        let terminated = with_state(Ec2State::Terminated);
        run.report(west(RegionNews::Surveyed(vec![terminated])));
    });
    assert!(text.contains("WARNING: Terminated"), "{text}");
}

#[test]
fn the_list_keeps_its_schema() {
    let mut out = Vec::new();
    let mut nothing = Vec::new();
    let mut run = Run::new(&mut nothing, Format::Json);
    everything(&mut run);
    let mut other = machine(2, "us-west-2b");
    other.birth.creator = Some(HOSTILE.to_owned());
    run.report(west(RegionNews::Surveyed(vec![other])));
    print_list(&mut out, &run.model, &Selection::default(), ListFormat::Json);
    let text = String::from_utf8(out).unwrap();
    assert_list(&text);
    let list: Value = serde_json::from_str(&text).unwrap();
    let phases: Vec<&Value> =
        list.as_array().unwrap().iter().map(|instance| &instance["phase"]).collect();
    assert_eq!(phases, ["Failed", "Running"], "who is gone is not there");
}

#[test]
fn the_schemas_refuse_what_breaks_the_contract() {
    let text = printed(Format::Json, |run| drop(everything(run)));
    let lines = parsed(&text);
    let one = |event: &str, phase: Option<&str>| {
        let fits = |line: &&Value| {
            line["event"] == event && phase.is_none_or(|phase| line["phase"] == phase)
        };
        lines.iter().find(fits).unwrap().clone()
    };
    let changed = |mut line: Value, key: &str, value: Value| {
        line[key] = value;
        line
    };
    let without = |mut line: Value, key: &str| {
        line.as_object_mut().unwrap().remove(key);
        line
    };
    let ready = || one("phase", Some("Ready"));
    let failed = || one("phase", Some("Failed"));
    let mut wrong = vec![
        changed(ready(), "v", json!(2)),
        changed(ready(), "ts", json!("2026-11-20 09:00:00")),
        changed(ready(), "event", json!("exploded")),
        changed(ready(), "state", json!("Running")),
        changed(ready(), "phase", json!("running")),
        changed(ready(), "phase", Value::Null),
        changed(ready(), "region", Value::Null),
        changed(ready(), "instance", json!("web-1")),
        changed(ready(), "reason", json!("none")),
        changed(ready(), "secret", json!("new")),
        changed(failed(), "step", json!("key pair")),
        changed(failed(), "reason", json!("two\nlines")),
        without(failed(), "hint"),
        without(one("launched", None), "instance"),
        changed(one("output", None), "text", json!("\u{1b}[2J")),
        changed(one("message", None), "level", json!("LOUD")),
        changed(one("attempt", None), "attempt", json!({"zone": "us-west-2a"})),
        changed(one("summary", None), "region", json!("us-west-2")),
        changed(one("summary", None), "failed", json!(-1)),
        json!([]),
    ];
    for key in ["v", "ts", "event", "deployment", "region", "instance", "phase"] {
        wrong.push(without(one("summary", None), key));
        wrong.push(without(ready(), key));
    }
    for key in ["row", "state", "zone", "type", "public_ip", "private_ip"] {
        wrong.push(without(ready(), key));
    }
    let wrong: Vec<String> = wrong.iter().map(Value::to_string).collect();
    let documents: Vec<&str> = wrong.iter().map(String::as_str).collect();
    let complaints = complaints(JSON_LINES, &documents);
    for (number, document) in documents.iter().enumerate() {
        assert!(complaints.contains_key(&number), "accepted: {document}");
    }
}

#[test]
fn the_list_of_pending_creates_keeps_its_schema() {
    let order = PendingCreate {
        deployment: "spot-7f3a".into(),
        region: "eu-west-1".into(),
        launch: "l-1s0".into(),
        count: 3,
        made: [machine(1, "eu-west-1a").id].into(),
        origin: Some("us-west-2".into()),
        is_replacement: false,
        machine: None,
    };
    let released = PendingCreate { count: 0, ..order.clone() };
    let pending_creates = vec![order, released];
    let mut model = Model::new(Opening { pending_creates, ..opening((80, 24)) });
    let news =
        News::Region("eu-west-1".into(), RegionNews::Surveyed(vec![machine(1, "eu-west-1a")]));
    let message = Message::Report(Report { job: JobId(1), at: at(1), news });
    update(&mut model, Stamped { at: at(1), message });
    let mut out = Vec::new();
    print_pending_creates(&mut out, &model, true);
    let list: Value = serde_json::from_slice(&out).unwrap();
    let mut documents = vec![list.to_string()];
    for key in list[0].as_object().unwrap().keys() {
        let mut list = list.clone();
        list[0].as_object_mut().unwrap().remove(key);
        documents.push(list.to_string());
    }
    let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
    let wrong = complaints(PENDING_CREATES, &documents);
    assert_eq!(wrong.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7], "{wrong:?}");
    assert_eq!(list.as_array().unwrap().len(), 1, "what is released is nobody's wish");
    assert_eq!(list[0]["there"], json!([machine(1, "eu-west-1a").id]));
}

#[test]
fn the_schema_of_the_list_refuses_what_breaks_the_contract() {
    let mut out = Vec::new();
    let mut nothing = Vec::new();
    let mut run = Run::new(&mut nothing, Format::Json);
    run.report(west(RegionNews::Surveyed(vec![with_state(Ec2State::Running)])));
    print_list(&mut out, &run.model, &Selection::default(), ListFormat::Json);
    let list: Value = serde_json::from_slice(&out).unwrap();
    let mut wrong = vec![list[0].to_string()];
    for (key, value) in [
        ("state", json!("Running")),
        ("phase", json!("running")),
        ("creator", json!(HOSTILE)),
        ("created", json!(1_795_165_200)),
        ("secret", json!("new")),
    ] {
        let mut list = list.clone();
        list[0][key] = value;
        wrong.push(list.to_string());
    }
    let keys: Vec<String> = list[0].as_object().unwrap().keys().cloned().collect();
    for key in keys {
        let mut list = list.clone();
        list[0].as_object_mut().unwrap().remove(&key);
        wrong.push(list.to_string());
    }
    let documents: Vec<&str> = wrong.iter().map(String::as_str).collect();
    let complaints = complaints(LIST, &documents);
    assert_eq!(complaints.len(), documents.len(), "{complaints:?}");
}
