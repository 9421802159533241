//! The day for which machines that stay were wished: brought up in the morning, worked on, forgotten,
//! asleep by itself, and there again the next morning; and what that costs, by a script's reckoning from
//! what EC2 told from outside.

use std::process::Command as Process;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spot_tui::app::{Action, Command, Scope, receipt};
use spot_tui::demo::hosts::Arrived;
use spot_tui::demo::{Scenario, by_hand};
use spot_tui::fleet::Hold;
use spot_tui::jobs::Pace;

use super::{KEEPS, brought_up, counts, dev, kept, the_row, up};
use crate::support::moto::python;
use crate::support::stage::{Stage, seldom};

/// Between two looks from outside, in seconds.
const STEP: u64 = 60;
const HOUR: u64 = 3600;

/// Somebody who asks EC2 by hand, and knows nothing of the program.
#[derive(Default)]
struct Onlooker {
    /// When the instance was seen to run, and not to, in turn.
    turns: Vec<Timestamp>,
}

impl Onlooker {
    fn look(&mut self, stage: &Stage) {
        let told = by_hand(&stage.cloud.world, "us-west-2", "Action=DescribeInstances").1;
        let runs = texts(&told, "name").iter().any(|word| ["pending", "running"].contains(word));
        if runs != (self.turns.len() % 2 == 1) {
            self.turns.push(stage.model().now);
        }
    }

    /// Lets time pass and looks on.
    async fn pass(&mut self, stage: &mut Stage, seconds: u64) {
        for _ in 0..seconds / STEP {
            stage.pass(STEP).await;
            self.look(stage);
        }
    }

    async fn until(&mut self, stage: &mut Stage, word: &str) {
        let mut waited = 0;
        while dev(stage) != word {
            assert!(waited < 24 * HOUR, "never {word}: {}", stage.log());
            waited += STEP;
            self.pass(stage, STEP).await;
        }
    }
}

/// What stands in these elements, the innermost ones.
fn texts<'a>(xml: &'a str, element: &str) -> Vec<&'a str> {
    let (begin, end) = (format!("<{element}>"), format!("</{element}>"));
    xml.split(begin.as_str()).skip(1).filter_map(|it| it.split(end.as_str()).next()).collect()
}

/// What the script makes of what the onlooker saw, in USD.
fn reckoned(stage: &Stage, onlooker: &Onlooker, until: Timestamp) -> f64 {
    let tell = |form: &str| by_hand(&stage.cloud.world, "us-west-2", form).1;
    let began = onlooker.turns[0];
    let second = |at: Timestamp| at.duration_since(began).as_secs();
    let row = the_row(stage);
    let zone = row.machine.as_ref().unwrap().zone.to_string();
    let form = "Action=DescribeSpotPriceHistory&InstanceType.1=t3.small\
                &ProductDescription.1=Linux%2FUNIX&StartTime=2026-11-19T00:00:00Z&AvailabilityZone=";
    let history = tell(&format!("{form}{zone}"));
    let prices: Vec<Value> = texts(&history, "item")
        .into_iter()
        .filter(|item| texts(item, "availabilityZone") == [zone.as_str()])
        .map(|item| {
            let since: Timestamp = texts(item, "timestamp")[0].parse().unwrap();
            let usd = texts(item, "spotPrice")[0];
            json!({ "zone": zone, "machine_type": "t3.small", "from_s": second(since), "usd": usd })
        })
        .collect();
    assert!(!prices.is_empty(), "{history}");
    let volumes = tell("Action=DescribeVolumes");
    let gib: u32 = texts(&volumes, "size").iter().map(|size| size.parse::<u32>().unwrap()).sum();
    let turns: Vec<i64> = onlooker.turns.iter().map(|at| second(*at)).collect();
    let stops: Vec<&[i64]> = turns[1..].chunks(2).collect();
    let list = &stage.model().fleet.prices(&"us-west-2".into()).list;
    let story = json!({
        "began": began.to_string(),
        "days": 3,
        "list_prices": { "ipv4_usd": list.ipv4, "gp3_usd": list.gp3 },
        "on_demand": { "t3.small": list.on_demand[&"t3.small".into()] },
        "prices": prices,
        "instances": [{
            "id": "dev",
            "zone": zone,
            "machine_type": "t3.small",
            "storage_gb": gib,
            "launch_s": 0,
            "stops": stops,
            "keeps_address": true,
            "end_s": second(until),
        }],
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.yaml");
    std::fs::write(&path, story.to_string()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ledger/month.py");
    let ran = Process::new(python()).arg(script).arg(&path).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
    told["each"]["dev"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_day_of_work_and_the_morning_after() {
    let config = KEEPS.replace(", home:", ", idle: { after: 2h }, home:");
    let steady = Duration::from_mins(1);
    let pace = Pace { steady, empty: 10 * steady, health: 5 * steady, ..seldom() };
    let mut stage =
        brought_up(Stage::paced(&config, Scenario::parse("seed: 7").unwrap(), pace)).await;
    let mut onlooker = Onlooker::default();
    onlooker.turns.push(the_row(&stage).machine.unwrap().birth.launched);
    onlooker.look(&stage);
    let (row, first) = (the_row(&stage), kept(&stage));

    // Nothing ever goes on in the demo, but it is held while somebody works.
    let scope = Scope::Instances(vec![row.key.clone()]);
    let work = Hold(SignedDuration::from_hours(8));
    stage.command(Command::Act(Action::Awake(work), scope));
    onlooker.pass(&mut stage, 8 * HOUR).await;
    assert_eq!(dev(&stage), "Ready", "{}", stage.log());

    // It is forgotten: warned, and asleep by itself. Nobody launches another one.
    onlooker.until(&mut stage, "Stopped").await;
    let said = "nothing goes on: it stops at ";
    assert!(stage.log().contains(said), "{}", stage.log());
    let asleep = stage.model().now;
    let worked = asleep.duration_since(row.machine.as_ref().unwrap().birth.launched);
    assert!((10..11).contains(&worked.as_hours()), "eight hours, two, ten minutes: {worked}");
    assert_eq!(stage.calls("StopInstances"), 0, "it does so itself");
    onlooker.pass(&mut stage, 13 * HOUR).await;

    // The next morning it is the same machine.
    up(&mut stage);
    onlooker.until(&mut stage, "Ready").await;
    let after = the_row(&stage);
    assert_eq!((after.id(), &after.host_key), (row.id(), &row.host_key));
    assert_eq!((after.address(), kept(&stage)), (row.address(), first.clone()));
    assert_eq!((stage.calls("RunInstances"), counts(&stage)), (1, (2, 1)), "{}", stage.log());
    assert_eq!(stage.cloud.hosts.mounts(&first["home"].0).len(), 1, "formatted once, a day ago");
    let arrivals = stage.cloud.hosts.arrivals(after.id().unwrap());
    let uploads = arrivals.iter().filter(|it| it.what == Arrived::Upload).count();
    assert_eq!(uploads, 1, "what was set up is there");

    // A morning of work, and the bill.
    onlooker.pass(&mut stage, HOUR).await;
    stage.event_loop.engine.model.fleet.reckon(stage.model().now);
    let now = stage.model().now;
    let (shown, script) = (the_row(&stage).cost.accrued, reckoned(&stage, &onlooker, now));
    assert!(!shown.is_partial, "{shown}");
    assert!((shown.usd - script).abs() < 0.001, "{} shown, {script} reckoned", shown.usd);
    assert_eq!(onlooker.turns.len(), 3, "{:?}", onlooker.turns);

    stage.destroy().await;
    let told = receipt(stage.model()).unwrap();
    assert!(told.contains("what is kept goes on for $"), "{told}");
}
