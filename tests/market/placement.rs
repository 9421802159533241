//! Where instances go when places refuse.

use std::fmt::Write as _;

use spot_tui::app::{Command, Counts, Story, story};
use spot_tui::demo::Scenario;
use spot_tui::fleet::{Phase, Region};

use crate::support::stage::Stage;

/// Ireland has three zones; the prices make the order of the story.
const REFUSALS: &str = include_str!("refusals.yaml");

const CONFIG: &str = "
regions:
  - eu-west-1: { machine_types: [t3.medium, t3a.medium], instances_per_region: 5 }
";

fn play(config: &str, story: &str) -> Stage {
    Stage::set(config, Scenario::parse(story).unwrap())
}

#[tokio::test(start_paused = true)]
async fn five_run_although_one_zone_is_full_one_throttles_and_one_has_two() {
    let mut user = play(CONFIG, REFUSALS);
    user.open().await;
    user.command(Command::create(None));
    user.until(120, "five run", |user| user.running().len() == 5).await;
    assert!(user.unmet().is_empty(), "{:?}", user.unmet());
    assert!(user.calls("RunInstances") <= 6, "{}", user.calls("RunInstances"));

    let mut placed: Vec<String> = user
        .running()
        .iter()
        .filter_map(|row| row.machine.as_ref())
        .map(|machine| format!("{} {}", machine.machine_type, machine.zone))
        .collect();
    placed.sort();
    assert_eq!(
        placed,
        [
            "t3.medium eu-west-1c",
            "t3.medium eu-west-1c",
            "t3a.medium eu-west-1a",
            "t3a.medium eu-west-1a",
            "t3a.medium eu-west-1a"
        ]
    );
    let last = user.running().into_iter().last().unwrap().key.clone();
    let attempts: Vec<String> = story(user.model(), &last)
        .iter()
        .filter_map(|line| match line {
            Story::Attempt(attempt) => Some(attempt.to_string()),
            _ => None,
        })
        .map(|attempt| attempt[9..].to_owned())
        .collect();
    assert_eq!(
        attempts,
        [
            "t3.medium in eu-west-1a gave 0 of 5, InsufficientInstanceCapacity",
            "t3.medium in eu-west-1b gave 0 of 5, RequestLimitExceeded",
            "t3.medium in eu-west-1b gave 0 of 5, RequestLimitExceeded",
            "t3.medium in eu-west-1b gave 0 of 5, InsufficientInstanceCapacity",
            "t3.medium in eu-west-1c gave 2 of 5",
            "t3a.medium in eu-west-1a gave 3 of 3",
        ]
    );
    let region = &user.model().fleet.regions()[&"eu-west-1".into()];
    assert_eq!(region.attempts.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_place_goes_to_another_region_where_that_is_wished() {
    let story = "capacity: [{ zone: us-west-1a, limit: 1 }, { zone: us-west-1c, limit: 0 }]";
    let config = |spill: bool| {
        format!(
            "regions:\n  - us-west-1: {{ machine_type: t3.medium, instances_per_region: 3 }}\n  \
             - eu-west-2: {{ machine_type: t3.medium, instances_per_region: 1 }}\n\
             placement: {{ spill: {spill} }}"
        )
    };
    let mut user = play(&config(true), story);
    user.open().await;
    user.command(Command::create(None));
    user.until(120, "four run", |user| user.running().len() == 4).await;
    let here = user.running().iter().filter(|row| row.region == "us-west-1".into()).count();
    assert_eq!(here, 1);
    assert!(user.unmet().is_empty(), "{:?}", user.unmet());

    let mut user = play(&config(false), story);
    user.open().await;
    user.command(Command::create(None));
    let failed = |user: &Stage| {
        let rows = user.model().fleet.instances();
        rows.filter(|row| matches!(row.phase, Phase::Failed(_))).count()
    };
    user.until(120, "two fail", |user| failed(user) == 2).await;
    let why = user.model().fleet.instances().find_map(|row| match &row.phase {
        Phase::Failed(failure) => Some(failure.to_string()),
        _ => None,
    });
    let why = why.unwrap();
    for part in
        ["2 of 3 found no place in us-west-1", "us-west-1a gave 1 of 3", "us-west-1c gave 0"]
    {
        assert!(why.contains(part), "{part}: {why}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_likeliest_region_is_tried_first_and_without_scores_the_first() {
    let full = "capacity: [{ zone: us-west-1a, limit: 0 }, { zone: us-west-1c, limit: 0 }]";
    let denied = "calls: [{ action: GetSpotPlacementScores, trouble: { error: { status: 403, \
                  code: UnauthorizedOperation, message: made up } } }]";
    let others = ["eu-west-2", "us-west-2", "sa-east-1"];
    let mut config = "regions:\n  - us-west-1: { machine_type: t3.medium }\n".to_owned();
    for region in others {
        writeln!(config, "  - {region}: {{ machine_type: t3.medium }}").unwrap();
    }
    config += "placement: { spill: true }";
    for (story, is_scored) in [(full.to_owned(), true), (format!("{full}\n{denied}"), false)] {
        let mut user = play(&config, &story);
        user.open().await;
        user.command(Command::create(Some(Counts::from([("us-west-1".into(), 1)]))));
        user.until(120, "one runs", |user| user.running().len() == 1).await;
        let went = user.running()[0].region.clone();
        let scores = user.aws().await;
        let regions = others.map(Region::from);
        let scores = scores.placement_scores(&["t3.medium".into()], 1, &regions).await.unwrap();
        let best = scores.values().max();
        let right = if is_scored { scores.get(&went) == best } else { went == regions[0] };
        assert!(right, "{went}: {scores:?}");
        let said = user.log().matches("no placement scores").count();
        assert_eq!(said, usize::from(!is_scored), "{}", user.log());
        assert!(user.unmet().is_empty(), "{:?}", user.unmet());
    }
}

/// AWS refuses a question for scores without types.
#[tokio::test(start_paused = true)]
async fn a_need_is_scored_by_the_types_that_it_comes_to() {
    let full = "capacity: [{ zone: us-west-1a, limit: 0 }, { zone: us-west-1c, limit: 0 }]";
    let mut config = "placement: { spill: true }\nregions:\n".to_owned();
    for region in ["us-west-1", "eu-west-2", "us-west-2"] {
        let need = "{ vcpus: 2, memory_gib: 4, arch: [x86_64] }";
        writeln!(config, "  - {region}: {{ machine_types: {need} }}").unwrap();
    }
    let mut user = play(&config, full);
    user.open().await;
    user.command(Command::create(Some(Counts::from([("us-west-1".into(), 1)]))));
    user.until(120, "one runs", |user| user.running().len() == 1).await;
    assert_eq!(user.calls("GetSpotPlacementScores"), 1);
    assert!(!user.log().contains("no placement scores"), "{}", user.log());
}

#[tokio::test(start_paused = true)]
async fn a_place_that_refused_rests_for_three_minutes() {
    let story = "capacity: [{ zone: us-west-1a, limit: 0, until_s: 60 }]
prices:
  - { zone: us-west-1a, machine_type: t3.medium, usd: 0.01 }
  - { zone: us-west-1c, machine_type: t3.medium, usd: 0.02 }";
    let mut user = play("regions: [us-west-1: { machine_type: t3.medium }]", story);
    user.open().await;
    user.command(Command::create(None));
    user.until(60, "one runs", |user| user.running().len() == 1).await;
    assert_eq!(user.calls("RunInstances"), 2);
    user.command(Command::create(None));
    user.until(60, "two run", |user| user.running().len() == 2).await;
    assert_eq!(user.calls("RunInstances"), 3, "zone a is not asked again so soon");
    user.pass(180).await;
    user.command(Command::create(None));
    user.until(60, "three run", |user| user.running().len() == 3).await;
    let zone = |letter: &str| {
        let rows = user.running().into_iter();
        rows.filter(|row| row.machine.as_ref().unwrap().zone.as_str().ends_with(letter)).count()
    };
    assert_eq!((zone("a"), zone("c")), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn types_are_found_by_what_they_must_have_and_mixed() {
    let need = "{ vcpus: 2, memory_gib: 4, arch: [x86_64, arm64] }";
    let config =
        format!("regions:\n  - us-west-1: {{ machine_types: {need}, instances_per_region: 2 }}");
    let story = "prices:
  - { zone: us-west-1a, machine_type: t4g.medium, usd: 0.002 }
  - { zone: us-west-1a, machine_type: c5.large, usd: 0.003 }
capacity:
  - { zone: us-west-1a, machine_type: t4g.medium, limit: 1 }";
    let mut user = play(&config, story);
    user.open().await;
    user.command(Command::create(None));
    user.until(60, "two run", |user| user.running().len() == 2).await;
    let mut types: Vec<_> = user
        .running()
        .iter()
        .map(|row| row.machine.as_ref().unwrap().machine_type.to_string())
        .collect();
    types.sort();
    assert_eq!(types, ["c5.large", "t4g.medium"], "the cheapest, each with its own image");
}

#[tokio::test(start_paused = true)]
async fn attack_4_six_stay_six_when_a_create_that_spilled_is_killed_again_and_again() {
    let zones = ["us-west-2a", "us-west-2b", "us-west-2c", "us-west-2d"];
    let full: Vec<String> =
        zones.iter().map(|zone| format!("{{ zone: {zone}, limit: 0 }}")).collect();
    let config = "
regions:
  - us-west-2: { machine_type: t3.medium, instances_per_region: 2 }
  - us-east-1: { machine_type: t3.medium, instances_per_region: 2 }
  - eu-west-1: { machine_type: t3.medium, instances_per_region: 2 }
placement: { spill: true }";
    let mut user = play(config, &format!("capacity: [{}]", full.join(", ")));
    for _ in 0..3 {
        user.open().await;
        user.command(Command::create(None));
        user.until(120, "six are there", |user| user.running().len() >= 6).await;
        user.pass(30).await;
        assert_eq!(user.running().len(), 6, "{}", user.log());
        user.kill();
    }
    user.open().await;
    user.command(Command::create(None));
    user.until(900, "six are ready", |user| user.phases().get("Ready") == Some(&6)).await;
    assert_eq!(user.running().len(), 6, "{}", user.log());
}

/// How many run in each zone.
fn by_zone(user: &Stage) -> Vec<String> {
    let mut zones = std::collections::BTreeMap::new();
    for row in user.running() {
        *zones.entry(row.machine.as_ref().unwrap().zone.to_string()).or_insert(0) += 1;
    }
    zones.into_iter().map(|(zone, count)| format!("{zone} {count}")).collect()
}

#[tokio::test(start_paused = true)]
async fn no_place_gets_more_than_its_share_while_others_have_room() {
    let prices = "prices:
  - { zone: us-west-1a, machine_type: t3.medium, usd: 0.01 }
  - { zone: us-west-1c, machine_type: t3.medium, usd: 0.02 }";
    let config = |spread: &str| {
        format!(
            "regions: [us-west-1: {{ machine_type: t3.medium, instances_per_region: 6 }}]\n\
             placement: {{ spread: {spread} }}"
        )
    };
    for (spread, capacity, first, then, is_said) in [
        ("null", "", ["us-west-1a 6", ""], ["us-west-1a 8", ""], false),
        ("50", "", ["us-west-1a 3", "us-west-1c 3"], ["us-west-1a 4", "us-west-1c 4"], false),
        ("70", "", ["us-west-1a 4", "us-west-1c 2"], ["us-west-1a 5", "us-west-1c 3"], false),
        (
            "50",
            "\ncapacity: [{ zone: us-west-1c, limit: 1 }]",
            ["us-west-1a 5", "us-west-1c 1"],
            ["us-west-1a 7", "us-west-1c 1"],
            true,
        ),
    ] {
        let mut user = play(&config(spread), &format!("{prices}{capacity}"));
        user.open().await;
        user.command(Command::create(None));
        user.until(120, "six run", |user| user.running().len() == 6).await;
        let shown = |zones: [&str; 2]| {
            zones.iter().filter(|it| !it.is_empty()).copied().collect::<Vec<_>>().join(", ")
        };
        assert_eq!(by_zone(&user).join(", "), shown(first), "{spread}");
        let said =
            "2 of 6 find no place within placement.spread (50 %): they go where there is room";
        assert_eq!(user.log().contains(said), is_said, "{spread}: {}", user.log());
        // What is there counts: two more do not begin anew.
        user.command(Command::create(Some(Counts::from([("us-west-1".into(), 2)]))));
        user.until(120, "eight run", |user| user.running().len() == 8).await;
        assert_eq!(by_zone(&user).join(", "), shown(then), "{spread}");
        assert!(user.unmet().is_empty(), "{:?}", user.unmet());
    }
}

#[tokio::test(start_paused = true)]
async fn over_three_regions_no_place_gets_more_than_its_share_while_others_have_room() {
    let codes = ["eu-west-1", "us-east-1", "us-west-2"];
    let mut config = "placement: { spread: 50, spill: true }\nregions:\n".to_owned();
    let mut prices = "prices:\n".to_owned();
    for code in codes {
        let (region, zones) = (format!("  - {code}: "), format!("[{code}a, {code}b]"));
        writeln!(
            config,
            "{region}{{ machine_type: t3.medium, availability_zones: {zones}, \
             instances_per_region: 4 }}"
        )
        .unwrap();
        for (zone, usd) in [("a", 0.01), ("b", 0.02)] {
            writeln!(prices, "  - {{ zone: {code}{zone}, machine_type: t3.medium, usd: {usd} }}")
                .unwrap();
        }
    }
    let limited = |zones: &[(&str, u32)]| {
        let zones = zones.iter().map(|(zone, limit)| format!("{{ zone: {zone}, limit: {limit} }}"));
        format!("{prices}capacity: [{}]", zones.collect::<Vec<_>>().join(", "))
    };
    let dead = [("us-west-2a", 0), ("us-west-2b", 0)];
    let only_a = [dead, [("eu-west-1b", 0), ("us-east-1b", 0)]].concat();
    let full = [&only_a[..], &[("eu-west-1a", 4), ("us-east-1a", 5)]].concat();
    for (limits, run, most, is_said) in [
        (&[][..], 12, 2, false),
        // What finds no place there goes to one of the others, by halves again.
        (&dead[..], 12, 4, false),
        (&only_a[..], 12, 8, true),
        (&full[..], 9, 5, true),
    ] {
        let mut user = play(&config, &limited(limits));
        user.open().await;
        user.command(Command::create(None));
        let settled = |user: &Stage| {
            let failed = user.phases().get("Failed").copied().unwrap_or_default();
            user.running().len() == run && failed == 12 - run
        };
        user.until(300, "each has its place or none", settled).await;
        let zones = by_zone(&user);
        let counts =
            zones.iter().map(|it| it.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap());
        assert_eq!(counts.max(), Some(most), "{zones:?}\n{}", user.log());
        let log = user.log();
        let beyond = "find no place within placement.spread (50 %): they go where there is room";
        assert_eq!(log.contains(beyond), is_said, "{zones:?}\n{log}");
        assert_eq!(log.contains("found no place in"), !limits.is_empty(), "{zones:?}\n{log}");
    }
}
