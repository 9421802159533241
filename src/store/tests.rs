use std::collections::BTreeSet;
use std::fs::{self, TryLockError};
use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::fleet::{Birth, Ec2State, Lifecycle, Machine, Phase, Seen};

fn scratch() -> (tempfile::TempDir, Paths) {
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths::new(folder.path().join("instances.json"));
    (folder, paths)
}

fn entry(id: &str) -> StoredInstance {
    let mut instance = crate::fleet::Instance::planned(
        id.into(),
        "us-west-2".into(),
        "spot-1".into(),
        "2026-01-01T00:00:00Z".parse().unwrap(),
    );
    instance.machine = Some(Machine {
        id: id.into(),
        machine_type: "t3.medium".into(),
        zone: "us-west-2a".into(),
        vpc: Some("vpc-1".into()),
        name: None,
        birth: Birth {
            lifecycle: Lifecycle::Spot,
            image: None,
            spot_request: None,
            launched: "2026-01-01T00:00:00Z".parse().unwrap(),
            launch: Some("l-1".into()),
            creator: Some("alice".into()),
            machine: None,
        },
        seen: Seen {
            state: Ec2State::Running,
            state_reason: None,
            public_ip: Some("192.0.2.7".parse().unwrap()),
            private_ip: None,
            request: None,
        },
    });
    instance.phase = Phase::Ready;
    StoredInstance::of(&instance).unwrap()
}

fn intent(token: &str) -> Intent {
    Intent {
        action: "RunInstances".into(),
        region: "us-west-2".into(),
        deployment: "spot-1".into(),
        launch: Some(token.into()),
        request: json!({"MaxCount": 3}),
    }
}

#[test]
fn what_is_written_is_read_again_with_mode_0600() {
    let (_folder, paths) = scratch();
    let file = StateFile::new(paths.clone());
    let state = State {
        deployment: Some("spot-1".into()),
        entries: vec![entry("i-1")],
        ..State::default()
    };
    file.write(&state, &BTreeSet::new()).unwrap();
    assert_eq!(file.read().unwrap().state, state);
    assert_eq!(fs::metadata(&paths.state).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_write_keeps_what_it_does_not_know_and_takes_out_only_what_is_gone() {
    let (_folder, paths) = scratch();
    let before = json!({"instances": [
        {"id": "i-0e", "region": "eu-west-1", "state": "running", "note": "mine"},
        {"id": "i-0f", "region": "eu-west-1"},
        {"no id": true},
    ], "comment": "kept"});
    fs::write(&paths.state, before.to_string()).unwrap();
    let file = StateFile::new(paths.clone());
    let state = State { entries: vec![entry("i-1")], ..State::default() };
    file.write(&state, &BTreeSet::from(["i-0f".into()])).unwrap();
    let after: Value = serde_json::from_slice(&fs::read(&paths.state).unwrap()).unwrap();
    let ids: Vec<_> = after["instances"].as_array().unwrap().iter().map(|e| &e["id"]).collect();
    assert_eq!(ids, [&json!("i-0e"), &Value::Null, &json!("i-1")]);
    assert_eq!(after["instances"][0]["note"], "mine");
    assert_eq!(after["comment"], "kept");
}

#[test]
fn keys_that_are_not_known_survive_a_write() {
    let (_folder, paths) = scratch();
    let before = json!({"version": 1, "keeper": "x", "instances": [
        {"id": "i-1", "region": "us-west-2", "state": "pending", "zone_group": "x"},
    ]});
    fs::write(&paths.state, before.to_string()).unwrap();
    let state = State { entries: vec![entry("i-1")], ..State::default() };
    StateFile::new(paths.clone()).write(&state, &BTreeSet::new()).unwrap();
    let after: Value = serde_json::from_slice(&fs::read(&paths.state).unwrap()).unwrap();
    assert_eq!(after["keeper"], "x");
    assert_eq!(after["instances"].as_array().unwrap().len(), 1);
    assert_eq!(after["instances"][0]["zone_group"], "x");
    assert_eq!(after["instances"][0]["state"], "running");
}

#[test]
fn attack_24_a_newer_version_is_refused_and_never_written_over() {
    let (_folder, paths) = scratch();
    let text = json!({"version": 99, "instances": [{"id": "i-1"}]}).to_string();
    fs::write(&paths.state, &text).unwrap();
    let file = StateFile::new(paths.clone());
    let refused = file.open().unwrap_err();
    assert!(refused.to_string().contains("newer spot-tui (version 99"), "{refused}");
    file.read().unwrap_err();
    file.write(&State::default(), &BTreeSet::new()).unwrap_err();
    assert_eq!(fs::read_to_string(&paths.state).unwrap(), text);
}

#[test]
fn attack_24_one_bad_value_costs_itself_and_stays_in_the_file() {
    let (_folder, paths) = scratch();
    let bad = json!({
        "version": "one", "deployment": 7, "account": "12", "spent": {
            "us-west-2": {"usd": "much"}, "../../etc": {"usd": 1.0}, "eu-west-1": {"usd": 2.5},
        },
        "instances": [{
            "id": "i-1", "region": "us-west-2", "type": {"a": 1}, "zone": "../x", "vpc_id": [],
            "creator": 3, "launch_id": "a\nb", "host_key": {
                "openssh": "x\nssh-ed25519 AAAA attacker\n#", "fingerprint": "SHA256:x",
                "trust": "console",
            },
        }],
    });
    fs::write(&paths.state, bad.to_string()).unwrap();
    let file = StateFile::new(paths.clone());
    let loaded = file.open().unwrap();
    assert_eq!((loaded.put_aside, loaded.unread), (None, 0));
    let State { deployment, account, entries, spent, .. } = loaded.state;
    assert_eq!((deployment, account, entries.len()), (None, None, 1));
    assert_eq!(spent.keys().map(crate::fleet::Region::as_str).collect::<Vec<_>>(), ["eu-west-1"]);
    assert_eq!((&entries[0].zone, &entries[0].host_key), (&None, &None));
    file.try_write().unwrap();
    let after: Value = serde_json::from_slice(&fs::read(&paths.state).unwrap()).unwrap();
    assert_eq!((&after["deployment"], &after["instances"]), (&json!(7), &bad["instances"]));
}

#[test]
fn attack_12_a_hostile_entry_is_no_entry() {
    let (_folder, paths) = scratch();
    let ids = ["/home/me/.ssh/authorized_keys", "../../x", "i-0a/../../x", "i-zz"];
    let hostile = ids.map(|id| json!({"id": id, "region": "us-west-2"}));
    let region = json!({"id": "i-1", "region": "../../x"});
    let all: Vec<Value> = hostile.into_iter().chain([region]).collect();
    fs::write(&paths.state, json!({ "instances": all }).to_string()).unwrap();
    let loaded = StateFile::new(paths).open().unwrap();
    assert_eq!((loaded.state.entries.len(), loaded.unread), (0, 5));
}

#[test]
fn attack_19_a_state_that_is_too_large_is_put_aside_unread() {
    let (_folder, paths) = scratch();
    let file = fs::File::create(&paths.state).unwrap();
    file.set_len(100 << 20).unwrap();
    let state = StateFile::new(paths.clone());
    assert!(state.read().unwrap().unreadable.unwrap().contains("more than 16384 KiB"));
    let loaded = state.open().unwrap();
    assert_eq!(fs::metadata(loaded.put_aside.unwrap()).unwrap().len(), 100 << 20);
    state.try_write().unwrap();
}

#[test]
fn attack_19_a_journal_that_is_too_large_is_put_aside_unread() {
    let (_folder, paths) = scratch();
    fs::File::create(paths.journal()).unwrap().set_len(100 << 20).unwrap();
    let journal = Journal::open(&paths).unwrap();
    assert!(!journal.is_whole());
    assert_eq!(fs::metadata(journal.put_aside().unwrap()).unwrap().len(), 100 << 20);
    journal.record(&intent("a"), Timestamp::now()).unwrap();
}

#[test]
fn attack_11_who_comes_after_a_garbled_journal_knows_that_something_is_lost() {
    let (_folder, paths) = scratch();
    fs::write(paths.journal(), "no record\n").unwrap();
    // It is put aside, and the process that did so is killed at once.
    assert!(Journal::open(&paths).unwrap().put_aside().is_some());
    let after = Journal::open(&paths).unwrap();
    assert!(!after.is_whole(), "the new one says what the old one could not");
    assert_eq!(after.put_aside(), None, "and can be read");
    drop(after);
    let text = fs::read_to_string(paths.journal()).unwrap();
    let at = text.find("\"at\":\"").unwrap() + 6;
    let old = format!("{}2020{}", &text[..at], &text[at + 4..]);
    fs::write(paths.journal(), old).unwrap();
    assert!(Journal::open(&paths).unwrap().is_whole(), "by then all has shown its effect");
}

#[test]
fn a_journal_that_grows_long_keeps_what_is_open_and_nothing_else() {
    let (_folder, paths) = scratch();
    let journal = Journal::open(&paths).unwrap();
    let open = journal.record(&intent("kept"), Timestamp::now()).unwrap();
    let large = Intent { request: json!("x".repeat(1 << 20)), ..intent("large") };
    for _ in 0..6 {
        let id = journal.record(&large, Timestamp::now()).unwrap();
        journal.close(&[id], "done", Timestamp::now()).unwrap();
    }
    assert!(fs::metadata(paths.journal()).unwrap().len() < 4 << 20);
    drop(journal);
    let after = Journal::open(&paths).unwrap().unresolved();
    assert_eq!(after.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [open]);
}

#[test]
fn what_is_no_file_is_refused_not_read_for_ever() {
    let error = StateFile::new(Paths::new("/dev/zero")).read().unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
}

#[test]
fn a_predecessors_file_loads() {
    let (_folder, paths) = scratch();
    let old = json!({"instances": [{
        "id": "i-0abc", "region": "us-west-2", "type": "t3.medium", "public_ip": "N/A",
        "private_ip": "10.0.0.4", "state": "running", "created": "2025-03-24T10:18:19.123456",
        "deployment_id": "spot-20250324", "vpc_id": "vpc-1", "creator": "bob",
    }]});
    fs::write(&paths.state, old.to_string()).unwrap();
    let loaded = StateFile::new(paths).open().unwrap();
    assert_eq!(loaded.unread, 0);
    let row = loaded.state.entries[0].instance(jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(row.deployment.as_str(), "spot-20250324");
    assert_eq!(row.phase, Phase::Running);
    let machine = row.machine.unwrap();
    assert_eq!(machine.seen.private_ip, Some("10.0.0.4".parse().unwrap()));
    assert_eq!(machine.birth.launched, "2025-03-24T10:18:19.123456Z".parse().unwrap());
}

#[test]
fn an_unreadable_file_is_put_aside_and_never_lost() {
    let (_folder, paths) = scratch();
    fs::write(&paths.state, "{\"instances\": [{\"id\": \"i-1\"").unwrap();
    let file = StateFile::new(paths.clone());
    assert_eq!(file.read().unwrap().put_aside, None);
    assert!(paths.state.exists(), "a read changes nothing");
    let loaded = file.open().unwrap();
    assert_eq!(loaded.state, State::default());
    let aside = loaded.put_aside.unwrap();
    assert!(fs::read_to_string(aside).unwrap().contains("i-1"));
}

#[test]
fn one_bad_entry_costs_only_itself_and_stays_in_the_file() {
    let (_folder, paths) = scratch();
    let text = json!({"instances": [{"id": 7}, {"id": "i-2", "region": "us-west-2"}]});
    fs::write(&paths.state, text.to_string()).unwrap();
    let file = StateFile::new(paths.clone());
    let loaded = file.open().unwrap();
    assert_eq!((loaded.state.entries.len(), loaded.unread), (1, 1));
    file.write(&loaded.state, &BTreeSet::new()).unwrap();
    assert!(fs::read_to_string(&paths.state).unwrap().contains("\"id\": 7"));
}

#[test]
fn the_second_writer_is_told_who_holds_the_lock() {
    let (_folder, paths) = scratch();
    let first = Lock::acquire(&paths).unwrap();
    let refused = Lock::acquire(&paths).unwrap_err();
    assert!(refused.to_string().contains(&std::process::id().to_string()), "{refused}");
    drop(first);
    let keeper = Lock::acquire(&paths).unwrap();
    keeper.name_keeper("attic").unwrap();
    let refused = Lock::acquire(&paths).unwrap_err().to_string();
    let told = format!("kept by process {} on attic since ", std::process::id());
    assert!(refused.starts_with(&told), "{refused}");
    assert!(Lock::is_held(&paths));
}

#[test]
fn whoever_takes_the_lock_of_a_keeper_that_lives_knows_that_it_waits() {
    let (_folder, paths) = scratch();
    let mut keeper = std::process::Command::new("sleep").arg("100").spawn().unwrap();
    fs::write(paths.lock(), format!("{}\nattic\n2026-11-28T21:04:00Z\n", keeper.id())).unwrap();
    let lock = Lock::acquire(&paths).unwrap();
    let told = lock.waiting_keeper().unwrap().to_string();
    assert_eq!(told, format!("process {} on attic since Nov 28, 21:04 UTC", keeper.id()));
    assert_eq!(Lock::holder(&paths).unwrap().host, None, "it may do something else");
    assert!(Lock::holder(&paths).unwrap().is_this_process());
    drop(lock);
    fs::write(paths.lock(), format!("{}\nattic\n2026-11-28T21:04:00Z\n", keeper.id())).unwrap();
    let lock = Lock::acquire_to_keep(&paths).unwrap();
    let told = Lock::holder(&paths).unwrap();
    assert!(told.is_this_process() && told.host.as_deref() == Some("attic"), "{told}");
    drop(lock);
    assert_eq!(Lock::acquire(&paths).unwrap().waiting_keeper(), None, "it was ours before");
    fs::write(paths.lock(), format!("{}\nattic\n", keeper.id())).unwrap();
    keeper.kill().unwrap();
    keeper.wait().unwrap();
    assert_eq!(Lock::acquire(&paths).unwrap().waiting_keeper(), None, "it is dead");
}

#[test]
fn a_later_process_of_the_same_number_holds_nothing() {
    let (_folder, paths) = scratch();
    // As a keeper leaves it that was the first process of a container: there is always one of that
    // number.
    fs::write(paths.lock(), "1\nattic\n2026-11-28T21:04:00Z\n").unwrap();
    assert_eq!((Lock::holder(&paths), Lock::is_held(&paths)), (None, false));
    assert!(Lock::named(&paths).is_some(), "while it is passed on");
    let lock = Lock::acquire(&paths).unwrap();
    assert!(Lock::is_held(&paths) && Lock::holder(&paths).unwrap().is_this_process());
    drop(lock);
    assert!(!Lock::is_held(&paths));
}

#[test]
fn a_pipe_in_the_place_of_the_lock_is_refused_and_nobody_waits_for_it() {
    let (_folder, paths) = scratch();
    let mode = rustix::fs::Mode::RWXU;
    rustix::fs::mkfifoat(rustix::fs::CWD, paths.lock(), mode).unwrap();
    assert_eq!(Lock::holder(&paths), None);
    let refused = Lock::acquire(&paths).unwrap_err().to_string();
    assert!(refused.contains("not a regular file"), "{refused}");
}

#[test]
fn without_locks_the_process_that_is_named_holds_it_for_as_long_as_it_lives() {
    let (_folder, paths) = scratch();
    let no_locks =
        |errno: rustix::io::Errno| move |_: &fs::File| Err(TryLockError::Error(errno.into()));
    let acquire = || Lock::acquire_by(&paths, no_locks(rustix::io::Errno::NOLCK));
    let mut other = std::process::Command::new("sleep").arg("100").spawn().unwrap();
    fs::write(paths.lock(), format!("{}\n", other.id())).unwrap();
    let refused = acquire().unwrap_err();
    assert!(refused.to_string().contains(&other.id().to_string()), "{refused}");
    other.kill().unwrap();
    other.wait().unwrap();
    let ours = acquire().unwrap();
    let named = fs::read_to_string(paths.lock()).unwrap();
    assert!(named.starts_with(&format!("{}\n\n", std::process::id())), "{named}");
    let is_free = || Lock::is_free_by(&paths, no_locks(rustix::io::Errno::NOLCK));
    assert!(!is_free());
    drop(ours);
    assert!(is_free(), "its name is taken out");
    // What is no lack of locks is told.
    let broken = Lock::acquire_by(&paths, no_locks(rustix::io::Errno::IO)).unwrap_err();
    assert!(broken.to_string().contains("cannot lock"), "{broken}");
}

#[test]
fn an_intent_without_an_answer_is_found_by_the_next_process() {
    let (_folder, paths) = scratch();
    let journal = Journal::open(&paths).unwrap();
    let answered = journal.record(&intent("a"), Timestamp::now()).unwrap();
    journal.record(&intent("b"), Timestamp::now()).unwrap();
    journal.close(&[answered], "done", Timestamp::now()).unwrap();
    drop(journal);
    let journal = Journal::open(&paths).unwrap();
    let open = journal.unresolved();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].2, intent("b"));
    let next = journal.record(&intent("c"), Timestamp::now()).unwrap();
    assert!(next > open[0].0, "numbers are never used again");
}

#[test]
fn the_journal_knows_in_which_account_it_asked() {
    let (_folder, paths) = scratch();
    let journal = Journal::open(&paths).unwrap();
    journal.record(&intent("a"), Timestamp::now()).unwrap();
    journal.belong_to(&"123456789012".into());
    let asked = journal.record(&intent("b"), Timestamp::now()).unwrap();
    drop(journal);
    for _ in 0..2 {
        let journal = Journal::open(&paths).unwrap();
        assert_eq!(journal.account(), Some(&"123456789012".into()), "written anew each time");
    }
    let journal = Journal::open(&paths).unwrap();
    let all: Vec<IntentId> = journal.inherited().into_iter().map(|(id, ..)| id).collect();
    assert!(all.contains(&asked));
    journal.close(&all, "done", Timestamp::now()).unwrap();
    drop(journal);
    assert_eq!(Journal::open(&paths).unwrap().account(), None, "nothing is open there");
}

#[test]
fn torn_and_garbled_lines_cost_only_themselves() {
    let (_folder, paths) = scratch();
    let journal = Journal::open(&paths).unwrap();
    journal.record(&intent("a"), Timestamp::now()).unwrap();
    drop(journal);
    let mut bytes = fs::read(paths.journal()).unwrap();
    bytes.extend(b"\xff\x00garbage\n{\"v\":1,\"n\":2,\"at\":\"2026-01-0");
    fs::write(paths.journal(), bytes).unwrap();
    let journal = Journal::open(&paths).unwrap();
    let open = journal.unresolved();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].2, intent("a"));
    let aside = fs::read(journal.put_aside().unwrap()).unwrap();
    assert!(aside.windows(7).any(|part| part == b"garbage"), "it is kept beside the new one");
}

/// How much room a file has left, as on a disk that fills up: the child that plays a test again
/// has a limit on the size of its files, which it moves.
fn room(bytes: Option<u64>, journal: &Path) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let length = fs::metadata(journal).unwrap().len();
    let mut limit = getrlimit(Resource::Fsize);
    limit.current = bytes.map(|bytes| length + bytes);
    setrlimit(Resource::Fsize, limit).unwrap();
}

/// Whether this process may limit itself. If not, one of its own plays this test.
fn is_alone(test: &str) -> bool {
    const ALONE: &str = "SPOT_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let ran = std::process::Command::new("/bin/sh")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("store::tests::{test}"), "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(String::from_utf8_lossy(&ran.stdout).contains("1 passed"), "{ran:?}");
    false
}

#[test]
fn attack_11_a_torn_record_is_cut_off_and_spoils_no_other() {
    if !is_alone("attack_11_a_torn_record_is_cut_off_and_spoils_no_other") {
        return;
    }
    let (_folder, paths) = scratch();
    let journal = Journal::open(&paths).unwrap();
    journal.record(&intent("a"), Timestamp::now()).unwrap();
    room(Some(40), &paths.journal());
    journal.record(&intent("torn"), Timestamp::now()).unwrap_err();
    room(None, &paths.journal());
    journal.record(&intent("b"), Timestamp::now()).unwrap();
    let after = Journal::open(&paths).unwrap();
    let open: Vec<Intent> = after.unresolved().into_iter().map(|(.., intent)| intent).collect();
    assert_eq!(open, [intent("a"), intent("b")]);
    assert!(after.is_whole());
}

#[test]
fn what_is_recorded_with_changes_is_there_with_all_of_them() {
    let (_folder, paths) = scratch();
    let journal = Journal::open(&paths).unwrap();
    let now = Timestamp::now();
    journal.record(&intent("a"), now).unwrap();
    journal.record(&intent("b"), now).unwrap();
    let changed = |it: &Intent| (*it == intent("a")).then(|| intent("less of a"));
    journal.record_and_change(&intent("c"), now, changed).unwrap();
    let expected = ["less of a", "b", "c"].map(intent);
    let open = |journal: &Journal| {
        journal.unresolved().into_iter().map(|(.., intent)| intent).collect::<Vec<_>>()
    };
    assert_eq!(open(&journal), expected);
    assert_eq!(open(&Journal::open(&paths).unwrap()), expected);
}

#[test]
fn who_comes_after_a_missing_journal_knows_that_something_may_be_lost() {
    let (_folder, paths) = scratch();
    assert!(!Journal::open(&paths).unwrap().is_whole(), "nobody was here, or it was taken away");
    assert!(Journal::open(&paths).unwrap().is_whole());
    fs::write(&paths.state, "{}").unwrap();
    fs::remove_file(paths.journal()).unwrap();
    // Whoever finds the state alone is killed at once.
    assert!(!Journal::open(&paths).unwrap().is_whole());
    assert!(!Journal::open(&paths).unwrap().is_whole(), "it was somebody's, so something was lost");
}

#[test]
fn attack_11_what_could_not_be_closed_is_closed_with_the_next_record() {
    if !is_alone("attack_11_what_could_not_be_closed_is_closed_with_the_next_record") {
        return;
    }
    let (_folder, paths) = scratch();
    let journal = Journal::open(&paths).unwrap();
    let orders = ["a", "b"].map(|it| journal.record(&intent(it), Timestamp::now()).unwrap());
    let last = journal.record(&intent("c"), Timestamp::now()).unwrap();
    room(Some(40), &paths.journal());
    journal.close(&orders, "ended", Timestamp::now()).unwrap_err();
    assert_eq!(journal.unresolved().len(), 1, "over for this process all the same");
    room(None, &paths.journal());
    let closes = || {
        let text = fs::read_to_string(paths.journal()).unwrap();
        text.lines().filter(|line| line.contains("\"close\"")).count()
    };
    assert_eq!(closes(), 0);
    journal.amend(last, &intent("d"), Timestamp::now()).unwrap();
    assert_eq!(closes(), 2);
    room(Some(40), &paths.journal());
    journal.close(&[last], "ended", Timestamp::now()).unwrap_err();
    room(None, &paths.journal());
    drop(journal);
    assert_eq!(Journal::open(&paths).unwrap().unresolved(), [], "at the latest at the end");
}

#[test]
fn a_folder_that_cannot_be_written_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths::new(folder.path().join("missing/instances.json"));
    let error = StateFile::new(paths).try_write().unwrap_err();
    let failure = error.failure().to_string();
    assert!(failure.contains("missing/instances.json"), "{failure}");
    assert!(failure.contains("--state"), "{failure}");
}

#[test]
fn a_number_after_which_there_is_none_is_no_number_of_ours() {
    let (_folder, paths) = scratch();
    let intent = r#"{"action":"CreateVpc","region":"us-west-2","deployment":"spot-1"}"#;
    let line = format!(r#"{{"v":1,"n":{},"at":"2026-01-01T00:00:00Z","open":{intent}}}"#, u64::MAX);
    fs::write(paths.journal(), line).unwrap();
    let journal = Journal::open(&paths).unwrap();
    assert!(!journal.is_whole());
    assert_eq!(journal.unresolved(), []);
}

#[test]
fn a_journal_that_never_ends_is_refused() {
    let (_folder, paths) = scratch();
    std::os::unix::fs::symlink("/dev/zero", paths.journal()).unwrap();
    let error = Journal::open(&paths).unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
}
