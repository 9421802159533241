//! How often AWS takes back what runs in a place, in the order of the launches: the demo plays the Spot
//! Advisor, with the bands of 2025-06-28 where a story tells no others.

use spot_tui::app::{Command, Story, story};
use spot_tui::demo::Scenario;
use spot_tui::fleet::Band;

use crate::support::demo_cloud::DemoCloud;
use crate::support::schema::assert_json_lines;
use crate::support::spot::Spot;
use crate::support::stage::Stage;

/// Two types in one zone: one is a little cheaper, and taken back more often.
const STORY: &str = "
prices:
  - { zone: us-west-2a, machine_type: t4g.medium, usd: 0.0100 }
  - { zone: us-west-2a, machine_type: t3.medium, usd: 0.0108 }
";

fn config(placement: &str) -> String {
    format!(
        "regions:\n  - us-west-2: {{ machine_types: [t4g.medium, t3.medium], \
         availability_zones: [us-west-2a], instances_per_region: 2 }}\n\
         placement: {{ {placement} }}"
    )
}

const ASKED: &str = "risk_url: http://127.0.0.1/spot-advisor-data.json";

fn play(config: &str, story: &str) -> Stage {
    Stage::set(config, Scenario::parse(story).unwrap())
}

/// The types that run, and the reasons of the attempts.
async fn launched(stage: &mut Stage) -> (Vec<String>, Vec<String>) {
    stage.open().await;
    stage.command(Command::create(None));
    stage.until(60, "two run", |stage| stage.running().len() == 2).await;
    let mut types: Vec<String> = (stage.running().iter())
        .map(|row| row.machine.as_ref().unwrap().machine_type.to_string())
        .collect();
    types.dedup();
    let key = stage.running()[0].key.clone();
    let reasons = story(stage.model(), &key).into_iter().filter_map(|line| match line {
        Story::Attempt(attempt) => attempt.reason.clone(),
        _ => None,
    });
    let reasons = reasons.collect();
    (types, reasons)
}

#[tokio::test(start_paused = true)]
async fn within_the_corridor_the_safer_type_is_launched_and_the_attempt_says_why() {
    for (placement, machine_type, reason) in [
        (ASKED, "t3.medium", "<5 % a month, within 10 % of the cheapest"),
        ("corridor_pct: 0", "t4g.medium", "risk unknown, the cheapest"),
        ("corridor_pct: 5", "t4g.medium", ">20 % a month, the cheapest"),
        ("interruption_cost_usd: 1", "t4g.medium", ">20 % a month, $0.0105/h with interruptions"),
        ("interruption_cost_usd: 9", "t3.medium", "<5 % a month, $0.0111/h with interruptions"),
        ("risk_url: null", "t4g.medium", "risk unknown, the cheapest"),
    ] {
        let is_asked = !reason.starts_with("risk unknown");
        let placement = match placement {
            ASKED => placement.to_owned(),
            other if is_asked => format!("{other}, {ASKED}"),
            // A simulated AWS has no advisor but one that is named.
            other => other.to_owned(),
        };
        let mut stage = play(&config(&placement), STORY);
        let (types, reasons) = launched(&mut stage).await;
        assert_eq!((types, reasons), (vec![machine_type.to_owned()], vec![reason.to_owned()]));
        assert_eq!(stage.calls("SpotAdvisor"), usize::from(is_asked), "{placement}");
        let told = spot_tui::app::ranking::first_place(
            stage.model(),
            &stage.model().config.as_ref().unwrap().regions[0],
        );
        let told = told.unwrap();
        assert_eq!(told.pool.machine_type.as_str(), machine_type, "the plan says the same");
        assert_eq!(told.reason.as_deref(), Some(reason));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_that_the_advisor_does_keeps_a_launch_from_going_on() {
    for (trouble, why) in [
        ("silence_before", "no answer within 5 s"),
        ("cut_before", "connection reset"),
        ("gateway", "HTTP 502"),
        ("garbled_after", "its answer is not its file"),
        ("{ error: { status: 403, code: AccessDenied, message: made up } }", "HTTP 403"),
    ] {
        let calls = format!("calls: [{{ action: SpotAdvisor, count: 99, trouble: {trouble} }}]");
        let mut stage = play(&config(ASKED), &format!("{STORY}{calls}"));
        let (types, reasons) = launched(&mut stage).await;
        assert_eq!(types, ["t4g.medium"], "by the price alone");
        assert_eq!(reasons, ["risk unknown, the cheapest"]);
        // The watch and another launch ask nobody anew: it is left alone for an hour.
        stage.command(Command::create(None));
        stage.until(60, "four run", |stage| stage.running().len() == 4).await;
        stage.pass(900).await;
        assert_eq!(stage.calls("SpotAdvisor"), 1, "{trouble}");
        let said = format!("no new figures of the Spot Advisor ({why}");
        let log = stage.log();
        assert_eq!(log.matches("Spot Advisor").count(), 1, "{trouble}: {log}");
        assert!(log.contains(&said), "{said}: {log}");
        assert!(stage.unmet().is_empty(), "{:?}", stage.unmet());
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_answer_counts_for_two_weeks_and_its_age_is_told() {
    const DAY: u64 = 86_400;
    let calls = "calls: [{ action: SpotAdvisor, nth: 2, count: 9999, trouble: gateway }]";
    let mut stage =
        Stage::patient(&config(ASKED), Scenario::parse(&format!("{STORY}{calls}")).unwrap());
    stage.open().await;
    stage.command(Command::create(None));
    stage.until(60, "two run", |stage| stage.running().len() == 2).await;
    let band = |stage: &Stage| {
        let advice = &stage.model().fleet.prices(&"us-west-2".into()).advice;
        advice.band(&"t3.medium".into()).map(Band::word)
    };
    stage.pass(13 * DAY).await;
    assert_eq!(band(&stage), Some("<5 %"));
    assert!(stage.log().contains("(HTTP 502): its figures of yesterday go on to count"));
    stage.pass(2 * DAY).await;
    assert_eq!(band(&stage), None);
    assert_eq!(stage.log().matches("Spot Advisor").count(), 1, "said once: {}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn where_one_of_ours_was_taken_back_the_neighbour_is_asked_first() {
    let story = "
prices:
  - { zone: us-west-1a, machine_type: t3.medium, usd: 0.0100 }
  - { zone: us-west-1c, machine_type: t3.medium, usd: 0.0104 }
interruptions: [{ at_s: 7200 }]";
    let config =
        format!("regions: [us-west-1: {{ machine_type: t3.medium }}]\nplacement: {{ {ASKED} }}");
    let mut stage = play(&config, story);
    stage.open().await;
    stage.command(Command::create(None));
    stage.until(600, "one is ready", |stage| stage.phases().get("Ready") == Some(&1)).await;
    stage.until(8000, "it is gone", |stage| stage.phases().get("Terminated") == Some(&1)).await;
    stage.pass(120).await;
    stage.command(Command::create(None));
    stage.until(60, "one runs", |stage| stage.running().len() == 1).await;
    let row = stage.running()[0];
    assert_eq!(row.machine.as_ref().unwrap().zone.as_str(), "us-west-1c");
    let reasons: Vec<_> = row.attempts.iter().filter_map(|it| it.reason.as_deref()).collect();
    assert_eq!(reasons, ["<5 % a month, within 10 % of the cheapest"]);
    let of = spot_tui::fleet::Pool { zone: "us-west-1a".into(), machine_type: "t3.medium".into() };
    let record = stage.model().fleet.ledger().records().of(&of);
    assert_eq!(record.words().as_deref(), Some("1 in 2 h"));
}

/// What programs read of it: the prices, and the plan.
#[test]
fn prices_and_the_plan_tell_the_risk_and_whose_figures_it_is_made_of() {
    let cloud = DemoCloud::start(&["--no-ssh", "--speed", "30"]);
    let spot = Spot::new(cloud.url().to_owned());
    spot.configure_without_hosts("  total_instances: 1", &["us-west-2"]);
    let url = format!("{}/spot-advisor-data.json", cloud.url());
    spot.add_configuration(&format!("placement: {{ risk_url: \"{url}\" }}\n"));
    let prices = spot.run(&["prices", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&prices.out).unwrap();
    let risk = &told.as_array().unwrap()[0]["risk"];
    assert_eq!(risk["band"], 0, "{}", prices.told());
    assert_eq!(risk["monthly"], "<5 %");
    assert_eq!((&risk["own_hours"], &risk["own_interruptions"]), (&0.0.into(), &0.into()));
    let plan = spot.run(&["create", "--dry-run"]);
    let said = "(<5 % a month, the cheapest)";
    assert!(
        plan.out.contains(", first t3.medium in us-west-2") && plan.out.contains(said),
        "{}",
        plan.told()
    );
    let plan = spot.run(&["create", "--dry-run", "--json"]);
    let lines = plan.lines();
    let first = &lines.iter().find(|line| line["event"] == "plan").unwrap()["first"];
    assert_eq!(first["risk"]["band"], 0, "{first}");
    assert_eq!(first["reason"], "<5 % a month, the cheapest");
    assert_json_lines(&plan.out);
}

/// The account's own: the type that the Advisor calls the safest was taken back often there.
fn managed(region: &str, hours: u32) -> String {
    let of = |code: &str, name: &str, hours: u32, lost: u32| {
        format!(
            "    - {{ region: {code}, machine_type: {name}, hours: {hours}, interruptions: {lost} }}\n"
        )
    };
    let told = [
        of("us-west-2", "t3.medium", hours, 9),
        of("us-west-2", "t4g.medium", hours, 0),
        of("eu-west-1", "t3.medium", 4 * hours, 0),
    ];
    format!("{STORY}capacity_manager:\n  region: {region}\n  told:\n{}", told.concat())
}

const MANAGED: &str = "capacity_manager: us-east-1";

#[tokio::test(start_paused = true)]
async fn what_the_whole_account_met_counts_where_it_is_known() {
    for (placement, story, machine_type, reason, calls) in [
        // Two answers of two values, and one of two.
        (MANAGED, managed("us-east-1", 4000), "t4g.medium", "the account's 0 in 4000 h", 3),
        (MANAGED, managed("us-east-2", 4000), "t3.medium", "<5 % a month", 0),
        ("corridor_pct: 10", managed("us-east-1", 4000), "t3.medium", "<5 % a month", 0),
    ] {
        let mut stage = play(&config(&format!("{ASKED}, {placement}")), &story);
        let (types, reasons) = launched(&mut stage).await;
        assert_eq!(types, [machine_type], "{placement}: {reasons:?}");
        assert!(reasons[0].contains(reason), "{reasons:?}");
        stage.pass(900).await;
        assert_eq!(stage.calls("GetCapacityManagerMetricData"), calls, "{placement}");
        let is_asked = placement == MANAGED;
        assert_eq!(stage.calls("GetCapacityManagerAttributes"), usize::from(is_asked));
        let is_off = is_asked && calls == 0;
        let said = "no figures of Capacity Manager: it is not on in us-east-1";
        assert_eq!(stage.log().matches(said).count(), usize::from(is_off), "{}", stage.log());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_that_capacity_manager_does_keeps_a_launch_from_going_on() {
    for (action, trouble) in [
        ("GetCapacityManagerAttributes", "silence_before"),
        ("GetCapacityManagerMetricData", "cut_before"),
        ("GetCapacityManagerMetricData", "garbled_after"),
        (
            "GetCapacityManagerAttributes",
            "{ error: { status: 403, code: UnauthorizedOperation, message: no } }",
        ),
    ] {
        let calls = format!("calls: [{{ action: {action}, count: 99, trouble: {trouble} }}]");
        let story = format!("{}{calls}", managed("us-east-1", 4000));
        let mut stage = play(&config(&format!("{ASKED}, {MANAGED}")), &story);
        let (types, reasons) = launched(&mut stage).await;
        assert_eq!(types, ["t3.medium"], "as if nobody had been asked");
        assert_eq!(reasons, ["<5 % a month, within 10 % of the cheapest"]);
        stage.pass(900).await;
        let log = stage.log();
        assert_eq!(log.matches("no figures of Capacity Manager").count(), 1, "{trouble}: {log}");
        let asked = stage.calls(action);
        assert!((1..=5).contains(&asked), "{trouble}: left alone for an hour, not {asked} calls");
    }
}
