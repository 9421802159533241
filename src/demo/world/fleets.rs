//! Launch templates, and CreateFleet of the type `instant` on the same capacity as RunInstances.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::order::Order;
use super::refusal::Refusal;
use super::region::RegionWorld;
use super::resource::Tags;
use super::template::{Fleet, FleetOrder, Template};
use crate::demo::shapes::Shape;

impl RegionWorld {
    /// CreateLaunchTemplate. A token that was used gives what it gave.
    pub(crate) fn create_template(
        &mut self,
        name: &str,
        data: BTreeMap<String, String>,
        token: Option<&str>,
        tags: Tags,
    ) -> Result<&Template, Refusal> {
        let known = self.templates.values().find(|it| it.name == name);
        let id = match known {
            Some(known) if token.is_some() && known.token.as_deref() == token => known.id.clone(),
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
        self.templates.get(id).ok_or_else(|| {
            let message =
                format!("The specified launch template, with template ID {id}, does not exist.");
            Refusal::new("InvalidLaunchTemplateId.NotFound", message)
        })
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
            let message = "The client token was already used with different parameters.";
            return Err(Refusal::new("IdempotentParameterMismatch", message));
        }
        let mut fleet = Fleet {
            id: self.dice.id("fleet"),
            digest: order.digest,
            given: Vec::new(),
            refused: Vec::new(),
        };
        let mut missing = order.count;
        for index in self.cheapest_first(&order.pools) {
            if missing == 0 {
                break;
            }
            let pool = Order { min: 1, max: missing, ..order.pools[index].clone() };
            match self.run(&pool) {
                Ok(reservation) => {
                    let made = self.instances.values().filter(|it| it.reservation == reservation);
                    let ids: Vec<String> = made.map(|it| it.id.clone()).collect();
                    missing -= u32::try_from(ids.len()).unwrap_or(missing).min(missing);
                    fleet.given.push((index, ids));
                }
                Err(refusal) => fleet.refused.push((index, refusal)),
            }
        }
        if let Some(token) = &order.token {
            self.fleets.insert(token.clone(), fleet.clone());
        }
        Ok(fleet)
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
