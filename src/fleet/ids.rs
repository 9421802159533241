//! Identifiers and names, each its own type, so that a zone never passes for a region.
//!
//! The text inside is what AWS or the user wrote; nothing here checks that it exists.

/// Makes types of texts, each with the visibility that is written before its name.
macro_rules! names {
    ($($(#[$doc:meta])* $vis:vis $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
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
    pub InstanceKey;
    /// An EC2 instance id, `i-0a1b2c3d4e5f67890`.
    pub InstanceId;
    /// A region's code, `us-west-2`.
    pub Region;
    /// An availability zone's name, `us-west-2a`.
    pub Zone;
    /// An EC2 instance type, `t3.medium`. The field's configuration calls it machine type.
    pub MachineType;
    /// An Amazon machine image's id, `ami-0abc...`.
    pub ImageId;
    /// The id of a deployment, `spot-7f3a9c21`: the value of the tag `DeploymentId`.
    pub DeploymentId;
    /// The id of one launch request, also its client token and the value of the tag `LaunchId`.
    pub LaunchId;
    /// A twelve-digit AWS account number.
    pub AccountId;
    /// A VPC's id, `vpc-...`.
    pub VpcId;
    /// A subnet's id, `subnet-...`.
    pub SubnetId;
    /// A security group's id, `sg-...`.
    pub SecurityGroupId;
    /// A spot instance request's id, `sir-...`.
    pub SpotRequestId;
}

impl InstanceKey {
    /// The row of an instance that was found by its tags, not launched by this process.
    pub fn adopted(id: &InstanceId) -> Self {
        Self::new(id.as_str())
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

    /// Whether this is the id of a request of that launch.
    pub fn is_of(&self, launch: &Self) -> bool {
        self.0.strip_prefix(&launch.0).is_some_and(|rest| rest.starts_with('-'))
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
