//! Identifiers and names, each its own type, so that a zone never passes for a region.
//!
//! The text inside is what AWS or the user wrote; nothing here checks that it exists. What is read
//! from a file has to look like what it is said to be: a file may be somebody else's work.

/// Makes types of texts, each with the visibility that is written before its name, and behind it
/// what such a text looks like.
macro_rules! names {
    ($($(#[$doc:meta])* $vis:vis $name:ident: $looks_right:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        $vis struct $name(String);

        impl $name {
            /// Wraps the text as it is.
            $vis fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text itself.
            $vis fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether the text looks like what it is said to be.
            $vis fn is_well_formed(&self) -> bool {
                let looks_right: fn(&str) -> bool = $looks_right;
                looks_right(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                let read = Self(String::deserialize(reader)?);
                if read.is_well_formed() {
                    return Ok(read);
                }
                let why = concat!("it does not look like one: ", stringify!($name));
                Err(serde::de::Error::custom(why))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    )*};
}
pub(crate) use names;

names! {
    /// A row of the table, from the plan to the end: `us-west-2/3f9c#1` while the instance is
    /// only planned, and the same after EC2 gave it an id; the instance id for an adopted one.
    pub InstanceKey: is_tag;
    /// An EC2 instance id, `i-0a1b2c3d4e5f67890`.
    pub InstanceId: |text| is_id(text, "i-") && text[2..].bytes().all(|byte| byte.is_ascii_hexdigit());
    /// A region's code, `us-west-2`.
    pub Region: is_region;
    /// An availability zone's name, `us-west-2a`.
    pub Zone: |text| is_word(text, "-");
    /// An EC2 instance type, `t3.medium`. The field's configuration calls it machine type.
    pub MachineType: |text| is_word(text, "-.");
    /// An Amazon machine image's id, `ami-0abc...`.
    pub ImageId: |text| is_id(text, "ami-");
    /// The id of a deployment, `spot-7f3a9c21`: the value of the tag `DeploymentId`.
    pub DeploymentId: is_tag;
    /// The id of one launch request, also its client token and the value of the tag `LaunchId`.
    pub LaunchId: is_tag;
    /// A twelve-digit AWS account number.
    pub AccountId: |text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    /// A VPC's id, `vpc-...`.
    pub VpcId: |text| is_id(text, "vpc-");
    /// A subnet's id, `subnet-...`.
    pub SubnetId: |text| is_id(text, "subnet-");
    /// A security group's id, `sg-...`.
    pub SecurityGroupId: |text| is_id(text, "sg-");
    /// A spot instance request's id, `sir-...`.
    pub SpotRequestId: |text| is_id(text, "sir-");
}

/// The most characters that anything here has: those of a tag's value.
const LONGEST: usize = 256;

/// Small letters, digits, and these signs between them.
fn is_word(text: &str, signs: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=LONGEST).contains(&text.len())
        && text.starts_with(plain)
        && text.chars().all(|c| plain(c) || signs.contains(c))
}

/// A prefix, and what AWS counts by.
fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| is_word(rest, "-"))
}

/// `us-west-2`: words and a number.
fn is_region(text: &str) -> bool {
    is_word(text, "-")
        && text.rsplit_once('-').is_some_and(|(words, number)| {
            words.contains('-') && number.bytes().all(|byte| byte.is_ascii_digit())
        })
}

/// What a tag may say: any text on one line.
fn is_tag(text: &str) -> bool {
    (1..=LONGEST).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

impl InstanceKey {
    /// The row of an instance that was found by its tags, not launched by this process.
    pub fn adopted(id: &InstanceId) -> Self {
        Self::new(id.as_str())
    }

    /// The region that a planned row was asked for in.
    pub fn planned_in(&self) -> Option<Region> {
        self.0
            .split_once('/')
            .map(|(region, _)| Region::from(region))
            .filter(Region::is_well_formed)
    }

    /// The row of the `index`-th instance of one launch in a region.
    pub fn planned(region: &Region, launch: &LaunchId, index: u32) -> Self {
        Self(format!("{region}/{launch}#{index}"))
    }
}

impl LaunchId {
    /// The id of the `number`-th request of a launch in its `run`-th run. No two are alike: EC2
    /// refuses a client token that it has seen with another request.
    #[must_use]
    pub fn request(&self, run: u32, number: u32) -> Self {
        Self(format!("{}-{run}-{number}", self.0))
    }

    /// Which of these regions the launch was asked for in, whichever it found room in: its id ends
    /// with that, before the numbers of a request and of a region that it went on to.
    pub fn asked_in<'a>(&self, among: impl Iterator<Item = &'a Region>) -> Option<&'a Region> {
        let number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        let mut launch = self.0.as_str();
        if let Some((rest, request)) = launch.rsplit_once('-')
            && let Some((rest, run)) = rest.rsplit_once('-')
            && number(request)
            && number(run)
        {
            launch = rest;
        }
        let moved = launch.rsplit_once('s').filter(|(_, place)| number(place));
        let launch = moved.map_or(launch, |(launch, _)| launch);
        let mut among = among;
        among.find(|region| {
            launch.strip_suffix(region.as_str()).is_some_and(|rest| rest.ends_with('-'))
        })
    }

    /// Whether this is the id of a request of that launch.
    pub fn is_of(&self, launch: &Self) -> bool {
        self.0.strip_prefix(&launch.0).is_some_and(|rest| rest.starts_with('-'))
    }

    /// The same, whichever region that launch went on to.
    pub fn is_of_or_moved(&self, launch: &Self) -> bool {
        self.0.strip_prefix(&launch.0).is_some_and(|rest| rest.starts_with(['-', 's']))
    }
}

impl InstanceId {
    /// `i-0a1b2c3d`: enough to recognise an instance by eye, for narrow places.
    pub fn short(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }
}

impl Zone {
    /// The part after the region, `a` of `us-west-2a`; the whole name where it does not start
    /// with the region's (local zones).
    pub fn letter(&self, region: &Region) -> &str {
        self.0.strip_prefix(region.as_str()).unwrap_or(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    fn reads<T: DeserializeOwned>(text: &str) -> bool {
        serde_json::from_value::<T>(text.into()).is_ok()
    }

    #[test]
    fn attack_12_what_leads_out_of_a_folder_is_no_id() {
        for text in ["i-0123456789abcdef0", "i-1a"] {
            assert!(reads::<InstanceId>(text), "{text}");
        }
        let keys = "/home/me/.ssh/authorized_keys";
        for text in ["", "i-", "i-xyz", keys, "../../x", "i-0/../x", "i-0\n", "I-0", "i-0\0"] {
            assert!(!reads::<InstanceId>(text), "{text:?}");
            assert!(!reads::<Region>(text), "{text:?}");
            assert!(!reads::<VpcId>(text), "{text:?}");
        }
    }

    #[test]
    fn a_launch_tells_where_it_was_asked_for_wherever_it_went() {
        let regions = ["us-east-1", "us-gov-east-1", "us-west-2"].map(Region::from);
        for (id, region) in [
            ("spot-7f3a-loyw3v28-us-west-2", 2),
            ("spot-7f3a-loyw3v28-us-west-2-1-0", 2),
            ("spot-7f3a-loyw3v28-us-west-2s0-2-13", 2),
            ("my-own-loywvvvv-us-gov-east-1s12-1-3", 1),
        ] {
            assert_eq!(LaunchId::from(id).asked_in(regions.iter()), Some(&regions[region]), "{id}");
        }
        assert_eq!(LaunchId::from("anybody's words").asked_in(regions.iter()), None);
        let row = InstanceKey::planned(&"eu-west-1".into(), &"l-1".into(), 3);
        assert_eq!(row.planned_in(), Some("eu-west-1".into()));
        assert_eq!(InstanceKey::adopted(&"i-1".into()).planned_in(), None);
    }

    #[test]
    fn what_aws_calls_things_is_read() {
        for text in ["us-west-2", "us-gov-east-1", "eusc-de-east-1", "mx-central-1"] {
            assert!(reads::<Region>(text), "{text}");
        }
        for text in ["us-west-2a", "us-west-2-lax-1a", "us-east-1-wl1-bos-wlz-1"] {
            assert!(reads::<Zone>(text), "{text}");
        }
        for text in ["t3.medium", "u-6tb1.metal", "m7i-flex.large", "p9.future"] {
            assert!(reads::<MachineType>(text), "{text}");
        }
        assert!(reads::<DeploymentId>("Träume, 3"), "what a tag says is anybody's");
        assert!(!reads::<DeploymentId>("a\nb"));
        assert!(reads::<AccountId>("123456789012") && !reads::<AccountId>("12345678901x"));
        assert!(reads::<SpotRequestId>("sir-abcd1234") && reads::<ImageId>("ami-0abc"));
    }
}
