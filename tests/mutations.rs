//! Whatever becomes of our own files, by a crash, an editor or somebody's malice: no panic, nothing
//! outside of their folders is touched, and what can still be read is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spot_tui::app::Remembered;
use spot_tui::fleet::{Fleet, MachineType};
use spot_tui::jobs;
use spot_tui::store::{Cache, Intent, Journal, Paths, State, StateFile, StoreError};
use tempfile::TempDir;

/// What a value may become: what a path, a terminal, a number or a nesting would suffer from.
const HOSTILE: [&str; 16] = [
    "\"/etc/passwd\"",
    "\"../../outside/canary\"",
    "\"i-0/../../../outside/canary\"",
    "\"\\u001b]52;c;x\\u0007\"",
    "\"\\u0000\"",
    "\"x\\nssh-ed25519 AAAA attacker\"",
    "\"\"",
    "null",
    "true",
    "-1",
    "99",
    "18446744073709551615",
    "1e308",
    "[]",
    "{}",
    "[[[[[[[[{\"id\":\"i-1\"}]]]]]]]]",
];

/// Chance from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(most.max(1)).unwrap()).unwrap()
    }

    /// A range of at most this length.
    fn range(&mut self, length: usize, most: usize) -> std::ops::Range<usize> {
        let from = self.below(length);
        from..(from + 1 + self.below(most)).min(length)
    }

    /// The text with one to four things done to it.
    fn mutated(&mut self, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        for _ in 0..=self.below(4) {
            self.mutate(&mut text);
        }
        text
    }

    fn mutate(&mut self, text: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        match self.below(7) {
            0 => {
                let at = self.below(text.len());
                text[at] ^= 1 << self.below(8);
            }
            1 => text.truncate(self.below(text.len())),
            2 => drop(text.drain(self.range(text.len(), 40))),
            3 => {
                let part = text[self.range(text.len(), 200)].to_vec();
                let at = self.below(text.len());
                text.splice(at..at, part);
            }
            4 => {
                let noise: Vec<u8> =
                    (0..=self.below(20)).map(|_| u8::try_from(self.below(256)).unwrap()).collect();
                let at = self.below(text.len());
                text.splice(at..at, noise);
            }
            _ => self.put_hostile(text),
        }
    }

    /// Puts something hostile in the place of a value.
    fn put_hostile(&mut self, text: &mut Vec<u8>) {
        let colons: Vec<usize> = (0..text.len())
            .filter(|at| text[*at] == b':' && text.get(at + 1) != Some(&b'/'))
            .collect();
        let Some(at) = colons.get(self.below(colons.len())) else { return };
        let from = at + 1;
        let ends = |byte: &u8| [b',', b'}', b']', b'\n'].contains(byte);
        let to = text[from..].iter().position(ends).map_or(text.len(), |end| from + end);
        text.splice(from..to, HOSTILE[self.below(HOSTILE.len())].bytes());
    }
}

/// A folder of ours, and beside it something that is none of our business.
struct Place {
    root: TempDir,
    before: BTreeMap<PathBuf, Vec<u8>>,
}

impl Place {
    fn new() -> Self {
        // Thousands of fsyncs are not what is tried here.
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let root = root.unwrap();
        for folder in ["outside", "ours/cache"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("outside/canary"), "untouched").unwrap();
        let before = files(root.path());
        Self { root, before }
    }

    fn paths(&self) -> Paths {
        Paths::new(self.root.path().join("ours/instances.json"))
    }

    /// Nothing but what is in our folder has changed. Empties our folder.
    fn check(&self) {
        let ours = self.root.path().join("ours");
        let mut now = files(self.root.path());
        now.retain(|path, _| !path.starts_with(&ours));
        assert_eq!(now, self.before);
        fs::remove_dir_all(&ours).unwrap();
        fs::create_dir_all(ours.join("cache")).unwrap();
    }
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.is_dir() {
            all.extend(files(&file));
        } else {
            let content = fs::read(&file).unwrap();
            all.insert(file, content);
        }
    }
    all
}

fn state() -> Vec<u8> {
    let entry = |n: u32| {
        json!({
            "id": format!("i-0{n}abcdef"), "region": "us-west-2", "type": "t3.medium",
            "public_ip": "192.0.2.7", "private_ip": null, "state": "running",
            "created": "2026-01-01T00:00:00Z", "deployment_id": "spot-1", "vpc_id": "vpc-1",
            "creator": "alice", "zone": "us-west-2a", "lifecycle": "spot", "image": "ami-1",
            "spot_request_id": "sir-1", "launch_id": "l-1-1", "phase": {"is": "ready"},
            "since": "2026-01-01T00:10:00Z", "storage_gb": 8, "note": "mine",
        })
    };
    let state = json!({
        "version": 1, "deployment": "spot-1", "account": "123456789012",
        "instances": [entry(1), entry(2), entry(3)],
        "spent": {"us-west-2": {"usd": 1.5, "is_partial": false}},
    });
    serde_json::to_vec_pretty(&state).unwrap()
}

/// One open record a line.
fn journal() -> Vec<u8> {
    let place = Place::new();
    let journal = Journal::open(&place.paths()).unwrap();
    journal.belong_to(&"123456789012".into());
    for (action, request) in [
        ("Create", json!({"count": 3, "run": 1, "made": ["i-01"]})),
        ("RunInstances", json!({"count": 3})),
        ("Destroy", json!({"instances": {"i-01": "sir-1", "i-02": null}})),
        ("CreateVpc", Value::Null),
    ] {
        let intent = Intent {
            action: action.into(),
            region: "us-west-2".into(),
            deployment: "spot-1".into(),
            launch: Some("l-1".into()),
            request,
        };
        journal.record(&intent, "2026-01-01T00:00:00Z".parse().unwrap()).unwrap();
    }
    drop(journal);
    fs::read(place.paths().journal()).unwrap()
}

/// What a program does with a state file, and what must still be in it.
fn use_state(place: &Place, bytes: &[u8]) {
    let paths = place.paths();
    fs::write(&paths.state, bytes).unwrap();
    let file = StateFile::new(paths.clone());
    drop(file.read());
    let loaded = match file.open() {
        Ok(loaded) => loaded,
        Err(StoreError::Newer { .. }) => {
            assert_eq!(fs::read(&paths.state).unwrap(), bytes, "a newer file stays as it is");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    if let Some(aside) = &loaded.put_aside {
        assert_eq!(fs::read(aside).unwrap(), bytes, "what is put aside is whole");
    }
    let mut fleet = Fleet::default();
    for entry in &loaded.state.entries {
        fleet.insert(entry.instance(Timestamp::UNIX_EPOCH));
    }
    fleet.remember_spent(loaded.state.spent.clone());
    fleet.reckon(Timestamp::UNIX_EPOCH);
    file.write(&State::default(), &BTreeSet::new()).unwrap();
    let instances = |bytes: &[u8]| {
        let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let list = if value.is_array() { Some(&value) } else { value.get("instances") };
        list.cloned().unwrap_or_else(|| json!([]))
    };
    if loaded.put_aside.is_none() {
        let after = fs::read(&paths.state).unwrap();
        assert_eq!(instances(&after), instances(bytes), "every entry stays, read or not");
        assert_eq!(file.read().unwrap().state, loaded.state);
    }
}

/// One line of a journal is garbled: the others count.
fn use_journal(place: &Place, line: usize, bytes: &[u8], whole: &[Vec<u8>]) {
    let paths = place.paths();
    let mut lines = whole.to_vec();
    lines[line] = bytes.to_vec();
    fs::write(paths.journal(), lines.concat()).unwrap();
    let touched: BTreeSet<Option<u64>> = bytes
        .split(|byte| *byte == b'\n')
        .map(|part| serde_json::from_slice::<Value>(part).ok()?.get("n")?.as_u64())
        .collect();
    // A line without its end runs into the next one.
    let next = if bytes.ends_with(b"\n") { line } else { line + 1 };
    let untouched = (0..whole.len())
        .filter(|at| *at < line || *at > next)
        .filter(|at| !touched.contains(&Some(u64::try_from(at + 1).unwrap())));
    let opened = Journal::open(&paths).unwrap();
    drop((jobs::unfinished(&opened), jobs::unfinished_destroys(&opened)));
    let count = opened.unresolved().len();
    assert!(count >= untouched.clone().count(), "{count} of {:?}", untouched.collect::<Vec<_>>());
    drop(opened);
    assert_eq!(Journal::open(&paths).unwrap().unresolved().len(), count, "and the next time");
}

/// A cache that cannot be read is a miss, and can be written again.
fn use_cache(place: &Place, dice: &mut Dice) {
    let cache = Cache::new(place.root.path().join("ours/cache"));
    let (now, day) = (Timestamp::UNIX_EPOCH, SignedDuration::from_hours(24));
    let key = ["aws-1-us-west-2", "../../outside/canary", "/etc/passwd", "a\0b"][dice.below(4)];
    let value: Vec<MachineType> = vec!["t3.medium".into(), "m7i-flex.large".into()];
    cache.put(key, &value, now, day).unwrap();
    let (path, text) = files(&place.root.path().join("ours/cache")).pop_first().unwrap();
    fs::write(path, dice.mutated(&text)).unwrap();
    drop(cache.get::<Vec<MachineType>>(key, now));
    cache.put(key, &value, now, day).unwrap();
    assert_eq!(cache.get(key, now), Some(value));
}

/// So many mutations of each kind of file.
fn survive(count: usize, seed: u64) {
    let (place, state, journal) = (Place::new(), state(), journal());
    let layout = Remembered::default().text();
    let lines: Vec<Vec<u8>> =
        journal.split_inclusive(|byte| *byte == b'\n').map(Into::into).collect();
    for number in 0..count {
        let mut dice = Dice(seed ^ (u64::try_from(number).unwrap() << 20));
        let bytes = dice.mutated(&state);
        let line = dice.below(lines.len());
        let garbled = dice.mutated(&lines[line]);
        let survived = catch_unwind(AssertUnwindSafe(|| {
            use_state(&place, &bytes);
            use_journal(&place, line, &garbled, &lines);
            use_cache(&place, &mut dice);
            let layout = dice.mutated(layout.as_bytes());
            drop(std::str::from_utf8(&layout).ok().map(Remembered::read));
            place.check();
        }));
        assert!(
            survived.is_ok(),
            "mutation {number} of seed {seed}:\nstate: {}\njournal line {line}: {}",
            String::from_utf8_lossy(&bytes),
            String::from_utf8_lossy(&garbled),
        );
    }
}

#[test]
fn three_hundred_mutations_of_our_files_are_survived() {
    survive(300, 1);
}

#[test]
#[ignore = "some minutes; `make sweep`"]
fn a_hundred_thousand_mutations_of_our_files_are_survived() {
    // Each one is of all four kinds of files.
    survive(25_000, 20_261_128);
}
