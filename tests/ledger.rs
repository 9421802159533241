//! The ledger over a month: the model's own `update`, and the files as the program writes them, beside
//! what a script of its own makes of the story.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command as Process;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use spot_tui::app::Effect;
use spot_tui::app::{Message, Model, Opening, Remembered, Stamped, closing_lines, receipt, update};
use spot_tui::fleet::cloudwatch::{Metric, PERIOD, Series};
use spot_tui::fleet::market::{History, Quote};
use spot_tui::fleet::{
    Amount, Birth, Cost, Ec2State, Entries, Fleet, Grouping, InstanceId, JobId, Kept, KeptKind,
    Lifecycle, Machine, News, Notice, Phase, Pool, PriceList, RegionNews, RegionPrices, Report,
    Seen, SnapshotOf, Spending, Sum, Upkeep,
};
use spot_tui::headless::{CostsFormat, print_costs, print_focus};
use spot_tui::store::{LedgerFile, Paths, State, StateFile, StoredInstance};

use crate::support::moto::python;
use crate::support::schema::{COSTS, complaints};

const STORY: &str = include_str!("ledger/month.yaml");
/// Between two looks.
const STEP: u32 = 300;
/// What AWS tells of before it takes an instance back.
const NOTICE: u32 = 120;
/// How long CloudWatch takes.
const LATE: u32 = 300;

#[derive(Debug, Deserialize)]
struct Story {
    began: Timestamp,
    days: u32,
    list_prices: ListPrices,
    on_demand: BTreeMap<String, f64>,
    prices: Vec<Price>,
    snapshots: Vec<SnapshotTold>,
    instances: Vec<Told>,
}

#[derive(Debug, Deserialize)]
struct SnapshotTold {
    id: String,
    machine: String,
    gib: u32,
    since_s: u32,
    until_s: Option<u32>,
}

#[expect(clippy::struct_field_names, reason = "they are the file's keys")]
#[derive(Debug, Deserialize)]
struct ListPrices {
    ipv4_usd: f64,
    gp3_usd: f64,
    snapshot_usd: f64,
}

#[derive(Debug, Deserialize)]
struct Price {
    zone: String,
    machine_type: String,
    from_s: u32,
    usd: f64,
}

#[derive(Debug, Deserialize)]
struct Told {
    id: String,
    zone: String,
    machine_type: String,
    storage_gb: u32,
    launch_s: u32,
    #[serde(default)]
    lifecycle: Lifecycle,
    #[serde(default)]
    stops: Vec<Vec<u32>>,
    end_s: Option<u32>,
    end: Option<String>,
    #[serde(default)]
    surplus: SurplusTold,
}

/// Surplus credits: those charged for, each with its second, and those owed from a second on.
#[derive(Debug, Default, Deserialize)]
struct SurplusTold {
    #[serde(default)]
    charged: Vec<(u32, f64)>,
    #[serde(default)]
    owed: Vec<(u32, f64)>,
}

impl Story {
    fn read() -> Self {
        serde_yaml::from_str(STORY).unwrap()
    }

    fn at(&self, second: u32) -> Timestamp {
        self.began + SignedDuration::from_secs(second.into())
    }

    fn lasts(&self) -> u32 {
        self.days * 86_400
    }

    /// The snapshots that are there, and how much was ever written to their volumes of 100 GiB.
    fn kept(&self, second: u32) -> Vec<Kept> {
        let is_there = |it: &&SnapshotTold| {
            it.since_s <= second && it.until_s.is_none_or(|until| second < until)
        };
        let kept = |it: &SnapshotTold| Kept {
            machine: it.machine.clone(),
            kind: KeptKind::Snapshot,
            id: it.id.clone(),
            zone: None,
            gib: Some(100),
            address: None,
            instance: None,
            host_key: None,
            since: Some(self.at(it.since_s)),
            snapshot: Some(SnapshotOf {
                kind: KeptKind::Home,
                is_complete: true,
                is_scheduled: true,
                full_gib: Some(it.gib),
            }),
            aside_of: None,
        };
        self.snapshots.iter().filter(is_there).map(kept).collect()
    }

    /// What AWS tells of prices: a week of them.
    fn prices(&self, second: u32) -> RegionPrices {
        let week_ago = second.saturating_sub(7 * 86_400);
        let mut spot: BTreeMap<Pool, Vec<Quote>> = BTreeMap::new();
        for price in &self.prices {
            let pool = Pool {
                zone: price.zone.as_str().into(),
                machine_type: price.machine_type.as_str().into(),
            };
            let quote = Quote { since: self.at(price.from_s), usd: price.usd };
            let known = spot.entry(pool).or_default();
            if price.from_s <= week_ago {
                known.clear();
            }
            if price.from_s <= second {
                known.push(quote);
            }
        }
        let on_demand = self.on_demand.iter().map(|(name, usd)| (name.as_str().into(), *usd));
        let list = PriceList {
            on_demand: on_demand.collect(),
            ipv4: Some(self.list_prices.ipv4_usd),
            gp3: Some(self.list_prices.gp3_usd),
            snapshot: Some(self.list_prices.snapshot_usd),
        };
        let spot = spot.into_iter().map(|(pool, quotes)| (pool, History::new(quotes))).collect();
        RegionPrices { spot, list, ..RegionPrices::default() }
    }
}

impl Told {
    /// What EC2 tells of it at this moment; nothing before it is there, and an hour after its end.
    fn machine(&self, story: &Story, second: u32) -> Option<Machine> {
        let is_told = self.launch_s <= second && self.end_s.is_none_or(|end| second <= end + 3600);
        if !is_told {
            return None;
        }
        let mut last_start = self.launch_s;
        let mut state = Ec2State::Running;
        for stop in &self.stops {
            match stop[..] {
                [_, started] if started <= second => {
                    (last_start, state) = (started, Ec2State::Running);
                }
                [stopped, ..] if stopped <= second => state = Ec2State::Stopped,
                _ => {}
            }
        }
        let is_over = self.end_s.is_some_and(|end| end <= second);
        let is_reclaimed = self.end.is_some();
        let reason = (is_over && is_reclaimed).then(|| "Server.SpotInstanceTermination".to_owned());
        state = if is_over { Ec2State::Terminated } else { state };
        let address = (state == Ec2State::Running).then(|| [192, 0, 2, 7].into());
        Some(Machine {
            id: self.id.as_str().into(),
            machine_type: self.machine_type.as_str().into(),
            zone: self.zone.as_str().into(),
            vpc: None,
            name: None,
            birth: Birth {
                launched: story.at(last_start),
                lifecycle: self.lifecycle,
                spot_request: None,
                image: None,
                launch: None,
                creator: None,
                machine: None,
            },
            seen: Seen {
                state,
                state_reason: reason,
                public_ip: address,
                private_ip: None,
                request: None,
            },
        })
    }

    /// What CloudWatch tells of its surplus credits: those owed, and those charged for by the hour of
    /// the clock. It tells late, and here only of what runs.
    fn credits(&self, story: &Story, second: u32) -> Option<(Series, Vec<(Timestamp, f64)>)> {
        let machine = self.machine(story, second)?;
        let told = second.checked_sub(LATE)?;
        let is_told = machine.seen.state == Ec2State::Running
            && machine.birth.launched <= story.at(told)
            && self.machine_type.starts_with('t');
        let before = |it: &&(u32, f64)| it.0 <= told;
        let owed = self.surplus.owed.iter().rev().find(before).map_or(0.0, |it| it.1);
        let mut series = Series::default();
        series.add([(story.at(told) - PERIOD, owed)].into_iter(), false);
        let hour = |at: Timestamp| at.as_second().div_euclid(3600) * 3600;
        let newest = hour(story.at(told));
        let hours = (0..3).map(|ago| newest - ago * 3600);
        let hours = hours.filter(|begin| hour(machine.birth.launched) <= *begin);
        let sum = |begin: i64| -> f64 {
            let charged = self.surplus.charged.iter().filter(before);
            charged.filter(|it| hour(story.at(it.0)) == begin).map(|it| it.1).sum()
        };
        let point = |begin| (Timestamp::from_second(begin).unwrap(), sum(begin));
        is_told.then(|| (series, hours.map(point).collect()))
    }

    /// Whether AWS has said by now that it takes it back.
    fn notice(&self, story: &Story, second: u32) -> Option<Notice> {
        let end = self.end_s.filter(|_| self.end.as_deref() == Some("notice"))?;
        let is_told = (end - NOTICE..end + 3600).contains(&second);
        is_told.then(|| Notice { instance: self.id.as_str().into(), ends: Some(story.at(end)) })
    }
}

/// A program at work on a state file and a ledger.
struct Program {
    model: Model,
    state: StateFile,
    ledger: LedgerFile,
    paths: Paths,
}

impl Program {
    /// It starts, with what is on the disk.
    fn start(paths: &Paths, now: Timestamp) -> Self {
        let state = StateFile::new(paths.clone());
        let mut ledger = LedgerFile::new(paths);
        let (read, lines) = (state.open().unwrap().state, ledger.open(now).unwrap().lines);
        let mut fleet = Fleet::default();
        fleet.expect_surplus();
        fleet.remember_spent(read.spent);
        for entry in &read.entries {
            fleet.insert(entry.instance(now));
        }
        fleet.take_over(lines);
        let model = Model::new(Opening {
            config: None,
            deployment: "spot-test".into(),
            fleet,
            upkeep: Upkeep::default(),
            pending_creates: Vec::new(),
            destroys: Vec::new(),
            past: Vec::new(),
            read_only: None,
            dashboard: true,
            now,
            size: (140, 40),
            visits: None,
            signs_in_here: false,
            remembered: Remembered::default(),
        });
        Self { model, state, ledger, paths: paths.clone() }
    }

    /// Takes a message. `torn` is the part of what is posted that reaches the disk before the
    /// program is killed: then nothing after it does.
    fn take(&mut self, at: Timestamp, message: Message, torn: Option<f64>) -> bool {
        let effects = update(&mut self.model, Stamped { at, message });
        for effect in &effects {
            if let Effect::Post(lines) = effect {
                let before = self.length();
                self.ledger.append(lines).unwrap();
                if let Some(part) = torn {
                    let written = self.length() - before;
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        clippy::cast_precision_loss,
                        reason = "a place in a short text"
                    )]
                    let kept = (written as f64 * part) as u64;
                    let file =
                        fs::OpenOptions::new().write(true).open(self.paths.ledger()).unwrap();
                    file.set_len(before + kept).unwrap();
                    return true;
                }
            }
        }
        if effects.contains(&Effect::Persist) {
            self.persist();
        }
        false
    }

    fn length(&self) -> u64 {
        fs::metadata(self.paths.ledger()).map_or(0, |file| file.len())
    }

    fn persist(&self) {
        let fleet = &self.model.fleet;
        let there = fleet.instances().filter(|row| row.phase != Phase::Terminated);
        let state = State {
            deployment: Some("spot-test".into()),
            account: None,
            entries: there.filter_map(StoredInstance::of).collect(),
            spent: fleet.spent_for_good(),
            upkeep: None,
        };
        self.state.write(&state, &fleet.gone()).unwrap();
    }

    /// What the jobs of a dashboard report at this moment.
    fn reports(story: &Story, second: u32) -> Vec<News> {
        let region = |news| News::Region("us-west-2".into(), news);
        let machines: Vec<Machine> =
            story.instances.iter().filter_map(|it| it.machine(story, second)).collect();
        let gib = |it: &Told| (InstanceId::from(it.id.as_str()), it.storage_gb);
        let storage = story.instances.iter().map(gib).collect();
        let notices: Vec<Notice> =
            story.instances.iter().filter_map(|it| it.notice(story, second)).collect();
        vec![
            region(RegionNews::Prices(story.prices(second))),
            region(RegionNews::Surveyed(machines)),
            region(RegionNews::Storage(storage)),
            region(RegionNews::Notices(notices)),
            region(Self::metrics(story, second)),
            region(RegionNews::Kept(story.kept(second))),
        ]
    }

    fn metrics(story: &Story, second: u32) -> RegionNews {
        let (mut told, mut charged) = (BTreeMap::new(), BTreeMap::new());
        for it in &story.instances {
            if let Some((owed, hours)) = it.credits(story, second) {
                let id = InstanceId::from(it.id.as_str());
                told.insert(id.clone(), [(Metric::SurplusOwed, owed)].into());
                charged.insert(id, hours);
            }
        }
        RegionNews::Metrics { told, charged, asked: 0 }
    }

    fn spent(&self) -> Amount {
        self.model.fleet.costs().values().map(|cost: &Cost| cost.accrued).sum()
    }
}

/// One look, and what follows from it. A program that is to die does so while it posts, or at the end.
/// Whether it did.
fn look(program: &mut Program, story: &Story, second: u32, dies: bool) -> bool {
    let at = story.at(second);
    for news in Program::reports(story, second) {
        // What prices are is told when they change, and to who does not know them.
        if let News::Region(region, RegionNews::Prices(prices)) = &news
            && program.model.fleet.market().get(region) == Some(prices)
        {
            continue;
        }
        // So is what is kept.
        if let News::Region(_, RegionNews::Kept(kept)) = &news
            && program.model.fleet.kept().map(|(_, it)| it).eq(kept)
        {
            continue;
        }
        let message = Message::Report(Report { job: JobId(1), at, news });
        if program.take(at, message, dies.then(fastrand::f64)) {
            return true;
        }
    }
    program.take(at, Message::Clock, dies.then(fastrand::f64)) || dies
}

/// Plays the month. At each of these looks the program is killed, some of them while it posts.
fn play(story: &Story, paths: &Paths, is_killed: impl Fn(u32) -> bool) -> (Program, usize) {
    let mut program = Program::start(paths, story.at(0));
    let mut kills = 0;
    for second in (0..=story.lasts()).step_by(STEP as usize) {
        let at = story.at(second);
        let mut dies = is_killed(second);
        while look(&mut program, story, second, dies) {
            dies = false;
            kills += 1;
            // The next one looks as soon as it starts.
            program = Program::start(paths, at);
        }
    }
    // The one that lives to the end learns what there is.
    for news in Program::reports(story, story.lasts()) {
        let at = story.at(story.lasts());
        program.take(at, Message::Report(Report { job: JobId(1), at, news }), None);
    }
    (program, kills)
}

/// What the script makes of the story.
fn bill() -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger");
    let mut process = Process::new(python());
    let output = process.arg(folder.join("month.py")).arg(folder.join("month.yaml")).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the ledger's file says of it.
fn booked(paths: &Paths) -> Value {
    let lines = LedgerFile::read(paths).unwrap();
    let entries = Entries::of(lines.lines);
    let by = |grouping: Grouping| -> BTreeMap<String, String> {
        let spending = Spending::of(&entries, &grouping);
        let groups = spending.groups.iter();
        groups.map(|(name, sum)| (name.clone(), format!("{:.3}", sum.total().usd))).collect()
    };
    let all = Spending::of(&entries, &Grouping::Thing).total;
    json!({
        "total": format!("{:.2}", all.total().usd),
        "days": by(Grouping::Day),
        "things": by(Grouping::Thing),
        "each": by(Grouping::Machine),
        "hours": format!("{:.2}", all.hours),
        "free_hours": format!("{:.2}", all.free_hours),
        "saved": format!("{:.2}", all.saved().unwrap()),
        "interruptions": all.interruptions,
    })
}

/// Plays the month and holds screen and ledger against the script.
fn agrees(is_killed: impl Fn(u32) -> bool) -> usize {
    let (story, folder) = (Story::read(), tempfile::tempdir().unwrap());
    let paths = Paths::new(folder.path().join("instances.json"));
    let (mut program, kills) = play(&story, &paths, is_killed);
    let lines = closing_lines(&mut program.model);
    program.ledger.append(&lines).unwrap();
    let bill = bill();
    assert_eq!(booked(&paths), bill);
    let spent = program.spent();
    assert_eq!(json!(format!("{:.2}", spent.usd)), bill["total"], "on the screen");
    assert!(!spent.is_partial, "all prices are known");
    kills
}

#[test]
fn a_month_costs_to_the_cent_what_the_story_says() {
    assert_eq!(agrees(|_| false), 0);
}

/// Nothing is lost but what the open hour of the next process makes good, and nothing counts twice.
#[test]
fn two_hundred_kills_change_no_sum() {
    fastrand::seed(20_261_112);
    // Most of them in the first days, while there is little to read after each.
    let steps = |days: u32| days * 86_400 / STEP;
    let mut killed: Vec<u32> = (0..250).map(|_| fastrand::u32(1..steps(5)) * STEP).collect();
    killed.extend((0..12).map(|_| fastrand::u32(steps(5)..steps(30)) * STEP));
    killed.sort_unstable();
    killed.dedup();
    let kills = agrees(|second| killed.contains(&second));
    assert!(kills >= 200, "{kills}");
}

/// At the end of it all the user is told what it came to.
#[test]
fn the_receipt_comes_with_the_last_end() {
    let mut story = Story::read();
    for instance in &mut story.instances {
        instance.end_s.get_or_insert(30 * 86_400 - 300);
    }
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths::new(folder.path().join("instances.json"));
    let (program, _) = play(&story, &paths, |_| false);
    let receipt = receipt(&program.model).unwrap();
    assert!(receipt.starts_with("11 instances ran 29"), "{receipt}");
    assert!(receipt.contains("4 interruptions, 1.2 h of it free of charge"), "{receipt}");
    let spent = program.spent();
    assert!(receipt.contains(&format!("for {spent} (compute ")), "{receipt}");
}

/// What `costs` prints is what its schema says, and a name that is somebody's formula is a text.
#[test]
fn costs_keep_their_schema() {
    let (story, folder) = (Story::read(), tempfile::tempdir().unwrap());
    let paths = Paths::new(folder.path().join("instances.json"));
    let mut program = Program::start(&paths, story.at(0));
    for second in [0, 3600, 7200] {
        for news in Program::reports(&story, second) {
            let at = story.at(second);
            program.take(at, Message::Report(Report { job: JobId(1), at, news }), None);
        }
    }
    let lines = LedgerFile::read(&paths).unwrap().lines;
    for (entries, groups) in [(Entries::of(lines), 1), (Entries::default(), 0)] {
        let spending = Spending::of(&entries, &Grouping::Region);
        assert_eq!(spending.groups.len(), groups);
        let mut out = Vec::new();
        print_costs(&mut out, &spending, "region", CostsFormat::Json);
        let wrong = complaints(COSTS, &[String::from_utf8(out).unwrap().trim()]);
        assert!(wrong.is_empty(), "{wrong:?}");
    }
    let mut spending = Spending::default();
    spending.groups.insert("=1+1,\"x\"".to_owned(), Sum::default());
    let mut out = Vec::new();
    print_costs(&mut out, &spending, "tag:Owner", CostsFormat::Csv);
    let csv = String::from_utf8(out).unwrap();
    assert!(csv.contains("\n\"'=1+1,\"\"x\"\"\",0.0000,"), "{csv}");
}

/// The same in FOCUS: each line has all columns, lies in its billing period, and their sum is the
/// ledger's.
#[test]
fn focus_tells_the_same() {
    let (story, folder) = (Story::read(), tempfile::tempdir().unwrap());
    let paths = Paths::new(folder.path().join("instances.json"));
    let (mut program, _) = play(&story, &paths, |_| false);
    let lines = closing_lines(&mut program.model);
    program.ledger.append(&lines).unwrap();
    let entries = Entries::of(LedgerFile::read(&paths).unwrap().lines);
    let file = folder.path().join("focus.csv");
    let account = "123456789012".into();
    let unpriced = print_focus(fs::File::create(&file).unwrap(), &entries, Some(&account));
    assert_eq!(unpriced, 0);
    // Whoever wants to hold it against FinOps' own validator finds it here.
    if let Some(kept) = std::env::var_os("FOCUS_CSV") {
        fs::copy(&file, kept).unwrap();
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger");
    let output = Process::new(python()).arg(folder.join("focus.py")).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["complaints"], json!([]));
    assert_eq!(told["total"], bill()["total"]);
}

/// A ledger that was cut in the middle of a line, and one that nobody can read, cost themselves.
#[test]
fn garbage_in_a_ledger_costs_itself() {
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths::new(folder.path().join("instances.json"));
    fs::write(paths.ledger(), "{\"instance\":\"i-01\",\"thi\n\u{0}\u{1}\n[]\n{}").unwrap();
    let mut program = Program::start(&paths, Story::read().at(0));
    assert_eq!(program.spent(), Amount::default());
    let story = Story::read();
    for news in Program::reports(&story, 7200) {
        let at = story.at(7200);
        program.take(at, Message::Report(Report { job: JobId(1), at, news }), None);
    }
    let loaded = LedgerFile::read(&paths).unwrap();
    assert_eq!(loaded.unread, 4, "they stay");
    assert!(!loaded.lines.is_empty(), "and what is new is written behind them");
}
