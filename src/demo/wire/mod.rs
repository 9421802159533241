//! The wire in front of a world: query requests in, XML out, as EC2 speaks; and STS, SSM, CloudWatch and the price list.
//!
//! ```text
//! connector (in the process)  ─┐ message           ┌─ actions: name -> parameters, rate, answer
//! server (loopback HTTP/1.1)  ─┴─> answer ──form───┤    vpcs routes groups devices instances ..
//!                                                  └─ services: STS, SSM; monitoring, price_list
//! ```
//!
//! The requests' region and service are read from the credential's scope; signatures are not
//! verified. Nothing that comes in makes it panic.

mod actions;
mod addresses;
mod answer;
mod attributes;
mod call;
mod capacity_manager;
mod connector;
mod devices;
mod endpoints;
mod fleets;
mod form;
mod groups;
mod instances;
mod message;
mod monitoring;
mod offers;
mod order;
mod parts;
mod price_list;
mod quotas;
mod root_tasks;
mod routes;
mod select;
mod server;
mod services;
mod spot;
mod status;
mod tags;
mod volumes;
mod vpcs;
mod xml;

pub(super) use actions::is_action;
pub use answer::by_hand;
pub use connector::connector;
pub use server::{Server, serve};

#[cfg(test)]
mod tests;
