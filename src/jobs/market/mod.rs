//! What there is to be had and what it costs: machine types, prices, placement scores.

pub(super) mod offers;
pub(super) mod prices;
pub(super) mod scores;
