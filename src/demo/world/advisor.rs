//! What the Spot Advisor tells, and the chance that follows from it.

use std::fmt::Write as _;

use jiff::SignedDuration;

use super::region::{Event, RegionWorld};
use crate::demo::dice::Dice;
use crate::demo::scenario::Scenario;
use crate::demo::shapes::{SHAPES, Shape};
use crate::fleet::Band;

/// Where it is asked: the name of AWS's own file.
pub(crate) const PATH: &str = "/spot-advisor-data.json";

/// Its bands for Linux as they were on 2025-06-28, a digit for each type in the order of [`SHAPES`];
/// `-` where it told nothing.
static BANDS: &[(&str, &str)] = &[
    ("af-south-1", "23444414430--00400---344"),
    ("ap-east-1", "11104414440--00201---241"),
    ("ap-east-2", "--0-----13---20102---221"),
    ("ap-northeast-1", "441244111440004320011341"),
    ("ap-northeast-2", "231114044230000200000443"),
    ("ap-northeast-3", "101012040102220003---434"),
    ("ap-south-1", "224424143210010313442441"),
    ("ap-south-2", "001-0204200--10000---241"),
    ("ap-southeast-1", "343044244240002320444444"),
    ("ap-southeast-2", "243334044440013230244343"),
    ("ap-southeast-3", "442-2404301--00000---042"),
    ("ap-southeast-4", "114-24341-1--00001---332"),
    ("ap-southeast-5", "--0-----20---13420---132"),
    ("ap-southeast-7", "--0-----14---00030---342"),
    ("ca-central-1", "130144042440000400000441"),
    ("ca-west-1", "441-1444102--10000---111"),
    ("eu-central-1", "241244131440000200231443"),
    ("eu-central-2", "224-3422031--10000---100"),
    ("eu-north-1", "14044414121--00400---131"),
    ("eu-south-1", "00100214410--00400211220"),
    ("eu-south-2", "442-44441-4--03400---420"),
    ("eu-west-1", "000112021010000100433443"),
    ("eu-west-2", "122024243340012411234441"),
    ("eu-west-3", "121011041100000200122321"),
    ("il-central-1", "444-4414132--00000122241"),
    ("me-central-1", "442-4424044--00000---431"),
    ("me-south-1", "10011400201--00400---211"),
    ("mx-central-1", "--1-----13---10030---121"),
    ("sa-east-1", "342444143440034440331342"),
    ("us-east-1", "001334012200010002444441"),
    ("us-east-2", "141134032430001121133140"),
    ("us-west-1", "110134144341000304000440"),
    ("us-west-2", "001423012120010102342442"),
];

/// The band of a type in a region; what the scenario says wins.
fn band(scenario: &Scenario, region: &str, shape: &Shape) -> Option<Band> {
    let given =
        scenario.bands.iter().find(|it| it.region == region && it.machine_type == shape.name);
    if let Some(given) = given {
        return Band::try_from(given.band).ok();
    }
    let (_, bands) = BANDS.iter().find(|(code, _)| *code == region)?;
    let at = SHAPES.iter().position(|it| it.name == shape.name)?;
    let digit = bands.as_bytes().get(at)?.checked_sub(b'0')?;
    Band::try_from(digit).ok()
}

/// The whole file, as AWS writes it.
pub(crate) fn file(scenario: &Scenario) -> String {
    let labels = ["<5%", "5-10%", "10-15%", "15-20%", ">20%"];
    let ends = [5, 11, 16, 22, 100];
    let ranges: Vec<String> = labels.iter().zip(ends).enumerate().map(range).collect();
    let regions: Vec<String> = BANDS.iter().map(|(code, _)| region(scenario, code)).collect();
    let mut file = String::new();
    let _ = write!(
        file,
        r#"{{"global_rate":"<10%","ranges":[{}],"instance_types":{{}},"spot_advisor":{{{}}}}}"#,
        ranges.join(","),
        regions.join(",")
    );
    file
}

fn range((index, (label, end)): (usize, (&&str, i32))) -> String {
    format!(r#"{{"index":{index},"label":"{label}","dots":{index},"max":{end}}}"#)
}

fn region(scenario: &Scenario, code: &str) -> String {
    let types = SHAPES.iter().filter_map(|shape| {
        let band = band(scenario, code, shape)?.index();
        Some(format!(r#""{}":{{"s":60,"r":{band}}}"#, shape.name))
    });
    format!(r#""{code}":{{"Linux":{{{}}},"Windows":{{}}}}"#, types.collect::<Vec<_>>().join(","))
}

impl RegionWorld {
    /// When chance takes a new spot instance back, where the scenario lets it: memoryless, as often as
    /// its band says.
    pub(super) fn expect_reclaim(&mut self, id: &str, shape: &Shape) {
        let Some(factor) = self.laws.scenario.reclaims else { return };
        let band = band(&self.laws.scenario, self.place.code, shape).unwrap_or(Band::UNKNOWN);
        let even = 1.0 - Dice::named(self.laws.seed, id).part();
        let hours = -even.ln() / (band.hazard() * factor);
        // None within a year is none.
        let span = SignedDuration::try_from_secs_f64(hours.min(8760.0) * 3600.0);
        self.later(span.unwrap_or(SignedDuration::MAX), Event::TakenBack(id.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_a_digit_in_each_region() {
        assert!(BANDS.is_sorted_by(|a, b| a.0 < b.0));
        for (code, bands) in BANDS {
            assert_eq!(bands.len(), SHAPES.len(), "{code}");
            assert!(bands.bytes().all(|digit| b"01234-".contains(&digit)), "{code}");
        }
        let told = |region: &str, name: &str| {
            let band = band(&Scenario::default(), region, Shape::named(name).unwrap());
            band.map(Band::word)
        };
        assert_eq!(told("us-west-2", "t3.medium"), Some("<5 %"));
        assert_eq!(told("us-west-2", "t4g.medium"), Some(">20 %"));
        assert_eq!(told("me-central-1", "t2.medium"), None);
    }
}
