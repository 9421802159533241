//! The made-up sensors: a hundred thousand of them.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use spot_tui::fleet::identity::{City, Identity};

use crate::support::schema::complaints_of_many;
use crate::support::spot::Spot;

const COUNT: u64 = 100_000;
const THREADS: usize = 4;
const TRAITS: usize = 7;
const SCHEMA: &str = "node-identity.schema.json";

/// The sensors of ids as EC2 makes them, or close: 17 digits that look like chance.
fn identities() -> Vec<Identity> {
    let id = |n: u64| format!("i-0{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let numbers: Vec<u64> = (0..COUNT).collect();
    let part = |part: &[u64]| part.iter().map(|n| Identity::of(&id(*n).into())).collect::<Vec<_>>();
    thread::scope(|scope| {
        let parts = numbers.chunks(numbers.len() / THREADS);
        let parts: Vec<_> = parts.map(|numbers| scope.spawn(move || part(numbers))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    })
}

/// What can be told of a sensor, each as one of a few values.
fn traits(identity: &Identity) -> [(&'static str, String); TRAITS] {
    let device = &identity.device_info;
    let decade = |text: String| text[..7].to_owned();
    [
        ("city", identity.location.city.to_owned()),
        ("model", device.model.to_owned()),
        ("firmware", device.firmware_version.to_owned()),
        ("site", identity.deployment.deployment_type.to_owned()),
        ("made", decade(device.manufacture_date.to_string())),
        ("installed", decade(identity.deployment.installation_date.to_string())),
        ("orientation", (identity.deployment.orientation_degrees / 30).to_string()),
    ]
}

/// One trait of all sensors: its values, and which of them each sensor has.
struct Column {
    values: Vec<String>,
    of: Vec<usize>,
    counts: Vec<u64>,
}

impl Column {
    fn new(all: &[String]) -> Self {
        let values: BTreeSet<&String> = all.iter().collect();
        let values: Vec<String> = values.into_iter().cloned().collect();
        let of: Vec<usize> = all.iter().map(|value| values.binary_search(value).unwrap()).collect();
        let mut counts = vec![0; values.len()];
        for value in &of {
            counts[*value] += 1;
        }
        Self { values, of, counts }
    }
}

/// Pearson's chi-squared of two traits, less what is to be expected, in standard deviations.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn dependence(one: &Column, other: &Column) -> f64 {
    let width = other.values.len();
    let mut cells = vec![0_u64; one.values.len() * width];
    for (row, column) in one.of.iter().zip(&other.of) {
        cells[row * width + column] += 1;
    }
    let freedom = ((one.values.len() - 1) * (width - 1)) as f64;
    let expected = |cell: usize| {
        (one.counts[cell / width] * other.counts[cell % width]) as f64 / one.of.len() as f64
    };
    let off =
        |(cell, count): (usize, &u64)| (*count as f64 - expected(cell)).powi(2) / expected(cell);
    (cells.iter().enumerate().map(off).sum::<f64>() - freedom) / (2.0 * freedom).sqrt()
}

#[test]
fn a_hundred_thousand_sensors_are_all_different_and_spread_out_and_what_the_simulation_reads() {
    let all = identities();
    let ids: BTreeSet<&str> = all.iter().map(|identity| identity.sensor_id.as_str()).collect();
    assert_eq!(ids.len(), all.len(), "sensor ids are unique");
    are_spread_and_independent(&all);
    are_what_the_simulation_reads(&all);
}

/// Every value of a trait is about as frequent as any other, and tells nothing of other traits.
fn are_spread_and_independent(all: &[Identity]) {
    let seen: Vec<[(&str, String); TRAITS]> = all.iter().map(traits).collect();
    let texts = |n: usize| seen.iter().map(|sensor| sensor[n].1.clone()).collect::<Vec<_>>();
    let columns: Vec<(&str, Column)> =
        (0..TRAITS).map(|n| (seen[0][n].0, Column::new(&texts(n)))).collect();
    for (n, (name, column)) in columns.iter().enumerate() {
        if *name == "city" {
            assert_eq!(column.values.len(), City::all().len());
        }
        // A month is up to a tenth longer than another; chance does the rest.
        let even = COUNT / column.counts.len() as u64;
        let off = column.counts.iter().find(|count| count.abs_diff(even) > even / 7 + 40);
        assert_eq!(off, None, "{name}: {even} would be even: {:?}", column.counts);
        for (other_name, other) in &columns[..n] {
            let dependence = dependence(column, other);
            assert!(dependence < 5.0, "{name} tells of {other_name}: {dependence:.1}");
        }
    }
}

/// Each has the shape of the file, and says what can be true.
fn are_what_the_simulation_reads(all: &[Identity]) {
    for identity in all {
        assert!(identity.device_info.manufacture_date < identity.deployment.installation_date);
    }
    let lines: Vec<String> =
        all.iter().map(|identity| serde_json::to_string(identity).unwrap()).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(complaints_of_many(SCHEMA, &lines), BTreeMap::new());
    let zones: BTreeSet<&str> = all.iter().map(|identity| identity.location.timezone).collect();
    for zone in zones {
        assert!(jiff::tz::TimeZone::get(zone).is_ok(), "{zone}");
    }
}

#[test]
fn the_schema_refuses_what_is_wrong() {
    let good = serde_json::to_string(&Identity::of(&"i-test".into())).unwrap();
    let wrong = [
        good.replace("SENSOR_", "sensor "),
        good.replace("\"latitude\":", "\"latitude\":1"),
        good.replacen('{', "{\"more\":1,", 1),
        "{}".to_owned(),
    ];
    let lines: Vec<&str> = std::iter::once(&good).chain(&wrong).map(String::as_str).collect();
    let complaints = complaints_of_many(SCHEMA, &lines);
    assert!(complaints.keys().copied().eq(1..=wrong.len()), "{complaints:?}");
}

#[test]
fn the_command_prints_the_file() {
    let spot = Spot::new("");
    let printed = spot.run(&["identity", "i-test", "--json"]);
    assert_eq!((printed.code, printed.out), (0, Identity::of(&"i-test".into()).json()));
    let told = spot.run(&["identity", "i-test"]);
    assert!(told.out.contains("SENSOR_"), "{}", told.out);
    for wrong in ["test", "i-", "i-A", "i-1/2", ""] {
        assert_eq!(spot.run(&["identity", wrong]).code, 2, "{wrong:?}");
    }
}
