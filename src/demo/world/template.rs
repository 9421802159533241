//! Launch templates, and instant fleets as they are kept.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::order::Order;
use super::refusal::Refusal;
use super::resource::{Resource, Tags, resources};

/// A launch template: its one version.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) id: String,
    pub(crate) name: String,
    /// RunInstances' parameters, as far as it has them.
    pub(crate) data: BTreeMap<String, String>,
    pub(crate) token: Option<String>,
    pub(crate) tags: Tags,
    pub(crate) born: Timestamp,
}

resources!(Template);

/// What a fleet is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FleetOrder {
    pub(crate) token: Option<String>,
    /// A digest of every parameter that a replay has to repeat.
    pub(crate) digest: [u8; 32],
    pub(crate) count: u32,
    /// An order for each pool, without a token and a number.
    pub(crate) pools: Vec<Order>,
}

/// What a fleet came to.
#[derive(Debug, Clone)]
pub(crate) struct Fleet {
    pub(crate) id: String,
    pub(super) digest: [u8; 32],
    /// The instances, by the place of their pool in the order.
    pub(crate) given: Vec<(usize, Vec<String>)>,
    /// Why a pool gave nothing.
    pub(crate) refused: Vec<(usize, Refusal)>,
}

/// What is said of a template that is not there.
pub(crate) fn missing_template(id: &str) -> String {
    format!("The specified launch template, with template ID {id}, does not exist.")
}

/// The same where it was asked for by its name (karpenter#5665; for several names and for one the code
/// is the same).
pub(crate) fn no_such_name() -> Refusal {
    let message = "At least one of the launch templates specified in the request does not exist.";
    Refusal::new("InvalidLaunchTemplateName.NotFoundException", message)
}
