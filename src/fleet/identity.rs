//! The made-up sensor that a node pretends to have: who made it, where it stands.
//!
//! Everything follows from the instance id, and from nothing else: no clock, no randomness, no
//! fallback. Each field has a hash of its own, so that none tells anything about another.

use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::{ToSpan, civil::date};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::InstanceId;

/// City, state, code, latitude, longitude, time zone; a line each.
const CITIES: &str = include_str!("../../assets/cities.tsv");
/// Maker and model; a line each.
const SENSORS: &str = include_str!("../../assets/sensors.tsv");
/// The versions whose quirks the simulation knows.
const FIRMWARE: [&str; 4] = ["1.3.0", "1.4.0", "1.5.0", "2.0.0"];
const SITES: [&str; 4] = ["rooftop", "street", "indoor", "mast"];
/// Sensors were made from this day on, for four years, and put up in the two years after.
const FIRST_MADE: Date = date(2020, 1, 1);
const FIRST_INSTALLED: Date = date(2024, 1, 1);

static ALL_CITIES: LazyLock<Vec<City>> =
    LazyLock::new(|| CITIES.lines().filter_map(City::read).collect());
static ALL_SENSORS: LazyLock<Vec<(&str, &str)>> =
    LazyLock::new(|| SENSORS.lines().filter_map(|line| line.split_once('\t')).collect());

/// Where a sensor may stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct City {
    /// Its name.
    pub name: &'static str,
    /// The state's two letters.
    pub state: &'static str,
    /// Three letters for it: its airport's, mostly.
    pub code: &'static str,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Its time zone's name (IANA).
    pub timezone: &'static str,
}

impl City {
    /// The city of this instance's sensor.
    pub fn of(id: &InstanceId) -> Self {
        Hash(id).pick("city", &ALL_CITIES)
    }

    /// All cities.
    pub fn all() -> &'static [Self] {
        &ALL_CITIES
    }

    fn read(line: &'static str) -> Option<Self> {
        let mut fields = line.split('\t');
        Some(Self {
            name: fields.next()?,
            state: fields.next()?,
            code: fields.next()?,
            latitude: fields.next()?.parse().ok()?,
            longitude: fields.next()?.parse().ok()?,
            timezone: fields.next()?,
        })
    }
}

/// `node_identity.json`, as the sensor simulation reads it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Identity {
    /// `SENSOR_CO_DEN_` and the digits of the instance id: two instances never share it.
    pub sensor_id: String,
    /// Where it stands.
    pub location: Location,
    /// What it is.
    pub device_info: Device,
    /// How it was put up.
    pub deployment: Installation,
    /// Where this comes from.
    pub metadata: Metadata,
}

/// Where a sensor stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Location {
    /// The city.
    pub city: &'static str,
    /// The state's two letters.
    pub state: &'static str,
    /// Where on the globe.
    pub coordinates: Coordinates,
    /// An IANA name.
    pub timezone: &'static str,
    /// City, state and country on one line.
    pub address: String,
}

/// A place on the globe, in degrees.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coordinates {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

/// What a sensor is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Device {
    /// Who made it.
    pub manufacturer: &'static str,
    /// One of the maker's models.
    pub model: &'static str,
    /// A version (SemVer).
    pub firmware_version: &'static str,
    /// The maker and a number.
    pub serial_number: String,
    /// When it was made.
    pub manufacture_date: Date,
}

/// How a sensor was put up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Installation {
    /// On what kind of place.
    pub deployment_type: &'static str,
    /// When; later than it was made.
    pub installation_date: Date,
    /// How high above the ground.
    pub height_meters: f64,
    /// Where it looks, 0 to 359.
    pub orientation_degrees: u32,
}

/// Where an identity comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metadata {
    /// The instance.
    pub instance_id: InstanceId,
    /// The hash of its id; a text, for it does not fit into a number of JSON.
    pub generation_seed: String,
    /// What kind of sensor the simulation plays.
    pub sensor_type: &'static str,
}

impl Identity {
    /// The identity of the sensor on this instance: always the same one.
    pub fn of(id: &InstanceId) -> Self {
        let hash = Hash(id);
        let city = City::of(id);
        let (manufacturer, model) = hash.pick("device", &ALL_SENSORS);
        let day = |first: Date, days, field| {
            // Within a few years of a date that is far from the calendar's end.
            first.saturating_add(i64::from(hash.below(field, days)).days())
        };
        let digits = id.as_str().strip_prefix("i-").unwrap_or(id.as_str());
        Self {
            sensor_id: format!("SENSOR_{}_{}_{digits}", city.state, city.code),
            location: Location {
                city: city.name,
                state: city.state,
                coordinates: Coordinates { latitude: city.latitude, longitude: city.longitude },
                timezone: city.timezone,
                address: format!("{}, {}, USA", city.name, city.state),
            },
            device_info: Device {
                manufacturer,
                model,
                firmware_version: hash.pick("firmware", &FIRMWARE),
                serial_number: format!("{manufacturer}-{:09}", hash.below("serial", 1_000_000_000)),
                manufacture_date: day(FIRST_MADE, 4 * 365, "made"),
            },
            deployment: Installation {
                deployment_type: hash.pick("site", &SITES),
                installation_date: day(FIRST_INSTALLED, 2 * 365, "installed"),
                height_meters: f64::from(10 + hash.below("height", 290)) / 10.0,
                orientation_degrees: hash.below("orientation", 360),
            },
            metadata: Metadata {
                instance_id: id.clone(),
                generation_seed: format!("{:032x}", hash.number("seed")),
                sensor_type: "environmental_monitoring",
            },
        }
    }

    /// The file's text.
    pub fn json(&self) -> String {
        // Nothing in it can fail to be written: no map with odd keys, no infinite number.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// The numbers that follow from an id.
#[derive(Clone, Copy)]
struct Hash<'a>(&'a InstanceId);

impl Hash<'_> {
    /// The number of a field.
    fn number(self, field: &str) -> u128 {
        let digest = Sha256::digest(format!("{}/{field}", self.0));
        digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
    }

    /// A number below `count`, all of them as likely.
    fn below(self, field: &str, count: u32) -> u32 {
        u32::try_from(self.number(field) % u128::from(count)).unwrap_or(0)
    }

    fn pick<T: Copy>(self, field: &str, choices: &[T]) -> T {
        let count = u32::try_from(choices.len()).unwrap_or(u32::MAX);
        choices[self.below(field, count) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_assets_is_read() {
        assert_eq!(ALL_CITIES.len(), CITIES.lines().count());
        assert_eq!(ALL_SENSORS.len(), SENSORS.lines().count());
        let mut codes: Vec<&str> = ALL_CITIES.iter().map(|city| city.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ALL_CITIES.len());
    }

    #[test]
    fn the_same_id_is_the_same_sensor_for_ever() {
        let identity = Identity::of(&"i-0123456789abcdef0".into());
        assert_eq!(identity, Identity::of(&"i-0123456789abcdef0".into()));
        assert_eq!(identity.location.city, City::of(&"i-0123456789abcdef0".into()).name);
        assert!(identity.sensor_id.ends_with("_0123456789abcdef0"), "{}", identity.sensor_id);
        // Written down once: whoever changes it changes every node's sensor.
        let seen = (identity.device_info.serial_number, identity.metadata.generation_seed);
        let written = ("EnvMonitors-261774960", "477f2a396007ca9e3cdfa5a2c76d0158");
        assert_eq!((seen.0.as_str(), seen.1.as_str()), written);
    }
}
