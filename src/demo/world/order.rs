//! What a launch is asked for.

use super::resource::Tags;

/// How a launch is paid for by spot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SpotTerms {
    pub(crate) persistent: bool,
    pub(crate) behaviour: Behaviour,
    /// USD an hour.
    pub(crate) max_price: Option<f64>,
}

/// What EC2 does with an instance that it takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Terminate,
    Stop,
    Hibernate,
}

impl Behaviour {
    /// EC2's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::Stop => "stop",
            Self::Hibernate => "hibernate",
        }
    }

    /// What a word means.
    pub(crate) fn read(word: &str) -> Option<Self> {
        [Self::Terminate, Self::Stop, Self::Hibernate].into_iter().find(|it| it.word() == word)
    }
}

/// A volume that a launch makes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RootVolume {
    pub(crate) device: String,
    pub(crate) gib: u32,
    pub(crate) kind: String,
    pub(crate) encrypted: bool,
    pub(crate) delete_on_termination: bool,
}

/// What RunInstances is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) token: Option<String>,
    /// A digest of every parameter that a replay has to repeat.
    pub(crate) digest: [u8; 32],
    pub(crate) machine_type: String,
    pub(crate) image: String,
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) subnet: Option<String>,
    pub(crate) zone: Option<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) key_name: Option<String>,
    /// Base64, and how many bytes are in it.
    pub(crate) user_data: (String, usize),
    pub(crate) spot: Option<SpotTerms>,
    pub(crate) public_ip: Option<bool>,
    pub(crate) volume: RootVolume,
    pub(crate) interface_stays: bool,
    /// Whether it is terminated, and not stopped, where its own system powers off.
    pub(crate) shutdown_terminates: bool,
    pub(crate) http_tokens: String,
    pub(crate) hop_limit: u32,
    pub(crate) profile: Option<String>,
    /// How it spends CPU credits, `standard` or `unlimited`.
    pub(crate) credits: Option<String>,
    /// Whether it was set up before the world began.
    pub(crate) preloaded: bool,
    /// By resource type.
    pub(crate) tags: std::collections::BTreeMap<String, Tags>,
}

impl Order {
    /// The tags for a kind of resource.
    pub(super) fn tags(&self, kind: &str) -> Tags {
        self.tags.get(kind).cloned().unwrap_or_default()
    }
}

/// A token that was used, by which call, for what.
#[derive(Debug, Clone)]
pub(super) struct TokenUse {
    pub(super) digest: [u8; 32],
    pub(super) reservation: String,
}
