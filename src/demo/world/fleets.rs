//! Launch templates, and CreateFleet of the type `instant` on the same capacity as RunInstances.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::launch::MISMATCH;
use super::order::Order;
use super::refusal::Refusal;
use super::region::RegionWorld;
use super::resource::Tags;
use super::template::{Fleet, FleetOrder, Template, missing_template, no_such_name};
use crate::demo::shapes::Shape;

/// The most pools that an instant fleet tries (measured; see `tests/oracle/fleet-instant.json`).
const POOLS_TRIED: usize = 3;
/// What is said of the others.
const UNTRIED: &str = "Unable to fulfill capacity due to your request configuration. Please adjust \
                       your request and try again.";

impl RegionWorld {
    /// CreateLaunchTemplate. A token that was used gives what it gave, to who asks for the same.
    pub(crate) fn create_template(
        &mut self,
        name: &str,
        data: BTreeMap<String, String>,
        token: Option<&str>,
        tags: Tags,
    ) -> Result<&Template, Refusal> {
        let of_token = |it: &&Template| token.is_some() && it.token.as_deref() == token;
        if self.templates.values().find(of_token).is_some_and(|it| it.name != name) {
            return Err(Refusal::new("IdempotentParameterMismatch", MISMATCH));
        }
        let known = self.templates.values().find(|it| it.name == name);
        let id = match known {
            Some(known) if of_token(&known) => known.id.clone(),
            Some(_) => {
                let message = "Launch template name already in use.";
                return Err(Refusal::new(
                    "InvalidLaunchTemplateName.AlreadyExistsException",
                    message,
                ));
            }
            None => self.dice.id("lt"),
        };
        let new = Template {
            id: id.clone(),
            name: name.to_owned(),
            data,
            token: token.map(str::to_owned),
            tags,
            born: self.now,
        };
        Ok(self.templates.entry(id).or_insert(new))
    }

    /// A template by its id.
    pub(crate) fn template(&self, id: &str) -> Result<&Template, Refusal> {
        self.templates
            .get(id)
            .ok_or_else(|| Refusal::new("InvalidLaunchTemplateId.NotFound", missing_template(id)))
    }

    /// The id of the template of this name.
    pub(crate) fn template_named(&self, name: &str) -> Result<String, Refusal> {
        let named = self.templates.values().find(|it| it.name == name);
        named.map(|it| it.id.clone()).ok_or_else(no_such_name)
    }

    /// DeleteLaunchTemplate.
    pub(crate) fn delete_template(&mut self, id: &str) -> Result<Template, Refusal> {
        let template = self.template(id)?.clone();
        self.templates.remove(id);
        Ok(template)
    }

    /// CreateFleet: the cheapest pools first, as long as something is missing. Each that gives
    /// nothing is told of; one that gave something is not asked twice.
    pub(crate) fn create_fleet(&mut self, order: &FleetOrder) -> Result<Fleet, Refusal> {
        if let Some(known) = order.token.as_ref().and_then(|token| self.fleets.get(token)) {
            if known.digest == order.digest {
                return Ok(known.clone());
            }
            return Err(Refusal::new("IdempotentParameterMismatch", MISMATCH));
        }
        self.check_pools(&order.pools)?;
        let mut fleet = Fleet {
            id: self.dice.id("fleet"),
            digest: order.digest,
            given: Vec::new(),
            refused: Vec::new(),
        };
        let mut missing = order.count;
        for (tried, index) in self.cheapest_first(&order.pools).into_iter().enumerate() {
            if missing == 0 {
                break;
            }
            if tried >= POOLS_TRIED {
                fleet.refused.push((index, Refusal::new("UnfulfillableCapacity", UNTRIED)));
                continue;
            }
            let pool = Order { min: 1, max: missing, ..order.pools[index].clone() };
            match self.run(&pool) {
                Ok(reservation) => {
                    let made = self.instances.values().filter(|it| it.reservation == reservation);
                    let ids: Vec<String> = made.map(|it| it.id.clone()).collect();
                    missing -= u32::try_from(ids.len()).unwrap_or(missing).min(missing);
                    fleet.given.push((index, ids));
                }
                Err(refusal) => fleet.refused.push((index, as_a_fleet_says(refusal, &pool))),
            }
        }
        if let Some(token) = &order.token {
            self.fleets.insert(token.clone(), fleet.clone());
        }
        Ok(fleet)
    }

    /// Two pools of one type in one zone are one.
    fn check_pools(&mut self, pools: &[Order]) -> Result<(), Refusal> {
        let mut seen = BTreeSet::new();
        for pool in pools {
            let zone = match &pool.subnet {
                Some(id) => Some(self.network.subnet(id)?.zone.clone()),
                None => pool.zone.clone(),
            };
            if !seen.insert((pool.machine_type.clone(), zone)) {
                let message = "The fleet configuration contains duplicate instance pools.";
                return Err(Refusal::new("InvalidFleetConfig", message));
            }
        }
        Ok(())
    }

    fn cheapest_first(&self, pools: &[Order]) -> Vec<usize> {
        let price = |order: &Order| {
            let subnet = self.network.subnets.get(order.subnet.as_ref()?)?;
            Some(self.price(Shape::named(&order.machine_type)?, &subnet.zone, self.now))
        };
        let mut ranked: Vec<(Option<f64>, usize)> =
            pools.iter().enumerate().map(|(index, order)| (price(order), index)).collect();
        ranked.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
        ranked.into_iter().map(|(_, index)| index).collect()
    }
}

/// A fleet has words of its own for a type that the zone does not sell.
fn as_a_fleet_says(refusal: Refusal, pool: &Order) -> Refusal {
    if refusal.code != "Unsupported" {
        return refusal;
    }
    let zone = refusal.message.split(['(', ')']).nth(3).unwrap_or_default();
    Refusal::new(
        "InvalidFleetConfiguration",
        format!(
            "Your requested instance type ({}) is not supported in your requested Availability \
             Zone ({zone}).",
            pool.machine_type
        ),
    )
}
