//! What there is to be had, what it costs and how long it lasts: machine types, prices, placement
//! scores, risk.

pub(super) mod account_record;
pub(super) mod offers;
pub(super) mod prices;
pub(super) mod risk;
pub(super) mod scores;
