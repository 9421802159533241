//! The regions of AWS's commercial partition: codes and names as botocore's `partitions.json`
//! lists them, zones as DescribeAvailabilityZones tells them to a new account, places as AWS's
//! pages name them.

/// A region and where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegionLocation {
    /// Its code, `us-west-2`.
    pub code: &'static str,
    /// AWS's name for it.
    pub name: &'static str,
    /// The city or land that is meant, for a map.
    pub city: &'static str,
    /// Degrees north.
    pub latitude: f32,
    /// Degrees east.
    pub longitude: f32,
    /// The letters of its zones.
    pub letters: &'static str,
    /// Whether an account has to opt in to it.
    pub opt_in: bool,
}

impl RegionLocation {
    /// The names of its zones, `us-west-2a`, ...
    pub fn zones(&self) -> impl Iterator<Item = String> + use<> {
        let code = self.code;
        self.letters.chars().map(move |letter| format!("{code}{letter}"))
    }
}

const fn place(
    code: &'static str,
    name: &'static str,
    city: &'static str,
    (latitude, longitude): (f32, f32),
    letters: &'static str,
    opt_in: bool,
) -> RegionLocation {
    RegionLocation { code, name, city, latitude, longitude, letters, opt_in }
}

/// All of them, sorted by code.
#[rustfmt::skip]
pub static REGION_LOCATIONS: &[RegionLocation] = &[
    place("af-south-1", "Africa (Cape Town)", "Cape Town", (-33.9, 18.4), "abc", true),
    place("ap-east-1", "Asia Pacific (Hong Kong)", "Hong Kong", (22.3, 114.2), "abc", true),
    place("ap-east-2", "Asia Pacific (Taipei)", "Taipei", (25.0, 121.6), "abc", true),
    place("ap-northeast-1", "Asia Pacific (Tokyo)", "Tokyo", (35.7, 139.7), "acd", false),
    place("ap-northeast-2", "Asia Pacific (Seoul)", "Seoul", (37.6, 127.0), "abcd", false),
    place("ap-northeast-3", "Asia Pacific (Osaka)", "Osaka", (34.7, 135.5), "abc", false),
    place("ap-south-1", "Asia Pacific (Mumbai)", "Mumbai", (19.1, 72.9), "abc", false),
    place("ap-south-2", "Asia Pacific (Hyderabad)", "Hyderabad", (17.4, 78.5), "abc", true),
    place("ap-southeast-1", "Asia Pacific (Singapore)", "Singapore", (1.4, 103.8), "abc", false),
    place("ap-southeast-2", "Asia Pacific (Sydney)", "Sydney", (-33.9, 151.2), "abc", false),
    place("ap-southeast-3", "Asia Pacific (Jakarta)", "Jakarta", (-6.2, 106.8), "abc", true),
    place("ap-southeast-4", "Asia Pacific (Melbourne)", "Melbourne", (-37.8, 145.0), "abc", true),
    place("ap-southeast-5", "Asia Pacific (Malaysia)", "Kuala Lumpur", (3.1, 101.7), "abc", true),
    place("ap-southeast-6", "Asia Pacific (New Zealand)", "Auckland", (-36.8, 174.8), "abc", true),
    place("ap-southeast-7", "Asia Pacific (Thailand)", "Bangkok", (13.8, 100.5), "abc", true),
    place("ca-central-1", "Canada (Central)", "Montreal", (45.5, -73.6), "abd", false),
    place("ca-west-1", "Canada West (Calgary)", "Calgary", (51.0, -114.1), "abc", true),
    place("eu-central-1", "Europe (Frankfurt)", "Frankfurt", (50.1, 8.7), "abc", false),
    place("eu-central-2", "Europe (Zurich)", "Zurich", (47.4, 8.5), "abc", true),
    place("eu-north-1", "Europe (Stockholm)", "Stockholm", (59.3, 18.1), "abc", false),
    place("eu-south-1", "Europe (Milan)", "Milan", (45.5, 9.2), "abc", true),
    place("eu-south-2", "Europe (Spain)", "Zaragoza", (41.6, -0.9), "abc", true),
    place("eu-west-1", "Europe (Ireland)", "Dublin", (53.3, -6.3), "abc", false),
    place("eu-west-2", "Europe (London)", "London", (51.5, -0.1), "abc", false),
    place("eu-west-3", "Europe (Paris)", "Paris", (48.9, 2.4), "abc", false),
    place("il-central-1", "Israel (Tel Aviv)", "Tel Aviv", (32.1, 34.8), "abc", true),
    place("me-central-1", "Middle East (UAE)", "Dubai", (25.2, 55.3), "abc", true),
    place("me-south-1", "Middle East (Bahrain)", "Manama", (26.2, 50.6), "abc", true),
    place("me-west-1", "Middle East (Saudi Arabia)", "Riyadh", (24.7, 46.7), "abc", true),
    place("mx-central-1", "Mexico (Central)", "Queretaro", (20.6, -100.4), "abc", true),
    place("sa-east-1", "South America (Sao Paulo)", "Sao Paulo", (-23.6, -46.6), "abc", false),
    place("sa-west-1", "South America (Chile)", "Santiago", (-33.4, -70.7), "abc", true),
    place("us-east-1", "US East (N. Virginia)", "Ashburn", (39.0, -77.5), "abcdef", false),
    place("us-east-2", "US East (Ohio)", "Columbus", (40.0, -83.0), "abc", false),
    place("us-west-1", "US West (N. California)", "San Jose", (37.3, -121.9), "ac", false),
    place("us-west-2", "US West (Oregon)", "Boardman", (45.8, -119.7), "abcd", false),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_on_the_globe() {
        assert!(REGION_LOCATIONS.is_sorted_by(|a, b| a.code < b.code));
        for place in REGION_LOCATIONS {
            assert!((-60.0..70.0).contains(&place.latitude), "{}", place.code);
            assert!((-180.0..180.0).contains(&place.longitude), "{}", place.code);
            assert!(place.zones().count() >= 2, "{}", place.code);
        }
        assert_eq!(REGION_LOCATIONS.iter().filter(|place| !place.opt_in).count(), 17);
    }
}
