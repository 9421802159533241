//! Which instances a command shows, and in which order: by the words of the dashboard's filter and
//! the fields of its table.

use super::{Field, Model, Query, clean};
use crate::fleet::{Instance, Phase, Region};

/// The longest name that is repeated, in bytes.
const LONGEST: usize = 64;

/// What is asked for of the fleet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// What a row has to say.
    pub query: Query,
    /// The regions; all where none is named.
    pub regions: Vec<Region>,
    /// By what they are ordered, and whether the other way round; by region and id where nothing is
    /// named.
    pub order: Option<(Field, bool)>,
}

impl Selection {
    /// The instances that are there, or failed, and are asked for.
    pub fn of<'a>(&self, model: &'a Model) -> Vec<&'a Instance> {
        let is_meant = |row: &&Instance| {
            row.phase != Phase::Terminated
                && (self.regions.is_empty() || self.regions.contains(&row.region))
                && self.query.passes(row, model.now)
        };
        let mut rows: Vec<&Instance> = model.fleet.instances().filter(is_meant).collect();
        match self.order {
            Some((field, reverse)) => rows.sort_by(|a, b| field.compare(a, b, reverse)),
            None => rows.sort_by_key(|row| (&row.region, row.id())),
        }
        rows
    }

    /// By what rows are ordered, as it is typed: a field's name, with a `-` before it where the other
    /// way round. The error is for the user.
    pub fn order(typed: &str) -> Result<(Field, bool), String> {
        let (name, reverse) = typed.strip_prefix('-').map_or((typed, false), |name| (name, true));
        Field::named(name).map(|field| (field, reverse)).ok_or_else(|| {
            let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
            format!("there is no field '{}'; there are {}", clean(name, LONGEST), names.join(", "))
        })
    }

    /// Whether nothing is left out.
    pub fn is_whole(&self) -> bool {
        self.query.is_empty() && self.regions.is_empty()
    }
}
