//! The made-up sensors: a hundred thousand of them.

use std::collections::{BTreeMap, BTreeSet};

use spot_tui::fleet::identity::{City, Identity};

use crate::support::schema::complaints;
use crate::support::spot::Spot;

const COUNT: u64 = 100_000;
/// All are counted; of so many the whole text is held to the schema.
const VALIDATED: u64 = 2_000;
/// Every so many-th is asked what one trait tells about another.
const SAMPLE: usize = 5;

/// The sensors of ids as EC2 makes them, or close: 17 digits that look like chance.
fn identities(count: u64) -> impl Iterator<Item = Identity> {
    let id = |n: u64| format!("i-0{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (0..count).map(move |n| Identity::of(&id(n).into()))
}

/// What can be told of a sensor, each as one of a few values.
fn traits(identity: &Identity) -> [(&'static str, String); 7] {
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

/// Pearson's chi-squared of two traits, less what is to be expected, in standard deviations.
fn dependence(pairs: &[(&str, &str)]) -> f64 {
    let mut cells: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    let (mut rows, mut columns) = (BTreeMap::new(), BTreeMap::new());
    for (row, column) in pairs {
        *cells.entry((row, column)).or_default() += 1.0;
        *rows.entry(*row).or_insert(0.0) += 1.0;
        *columns.entry(*column).or_insert(0.0) += 1.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let (total, freedom) = (pairs.len() as f64, ((rows.len() - 1) * (columns.len() - 1)) as f64);
    let chi: f64 = rows
        .iter()
        .flat_map(|(row, r)| columns.iter().map(move |(column, c)| ((*row, *column), r * c)))
        .map(|(cell, product): ((&str, &str), f64)| {
            let expected = product / total;
            (cells.get(&cell).copied().unwrap_or(0.0) - expected).powi(2) / expected
        })
        .sum();
    (chi - freedom) / (2.0 * freedom).sqrt()
}

#[test]
fn a_hundred_thousand_sensors_are_all_different_and_spread_out() {
    let all: Vec<Identity> = identities(COUNT).collect();
    let ids: BTreeSet<&str> = all.iter().map(|identity| identity.sensor_id.as_str()).collect();
    assert_eq!(ids.len(), all.len(), "sensor ids are unique");

    let traits: Vec<_> = all.iter().map(traits).collect();
    for (n, (name, _)) in traits[0].iter().enumerate() {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for sensor in &traits {
            *counts.entry(&sensor[n].1).or_default() += 1;
        }
        if *name == "city" {
            assert_eq!(counts.len(), City::all().len());
        }
        // A month is up to a tenth longer than another; chance does the rest.
        let even = COUNT / counts.len() as u64;
        let off = counts.iter().find(|(_, count)| count.abs_diff(even) > even / 7 + 40);
        assert_eq!(off, None, "{name}: {even} would be even: {counts:?}");

        for m in 0..n {
            let pairs: Vec<_> = traits
                .iter()
                .step_by(SAMPLE)
                .map(|sensor| (&*sensor[n].1, &*sensor[m].1))
                .collect();
            let dependence = dependence(&pairs);
            assert!(dependence < 5.0, "{name} tells of {}: {dependence:.1}", traits[0][m].0);
        }
    }
}

#[test]
fn they_are_what_the_simulation_reads() {
    let lines: Vec<String> = identities(VALIDATED)
        .map(|identity| {
            assert!(identity.device_info.manufacture_date < identity.deployment.installation_date);
            let zone = identity.location.timezone;
            assert!(jiff::tz::TimeZone::get(zone).is_ok(), "{zone}");
            serde_json::to_string(&identity).unwrap()
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let wrong = complaints("node-identity.schema.json", &lines);
    assert_eq!(wrong, BTreeMap::new());
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
