//! How often AWS takes back what runs in a place, for programs.

use serde_json::{Value, json};

use crate::fleet::{Band, Risk};

/// How often AWS takes back what runs in a place.
pub(super) fn risk(risk: Risk) -> Value {
    json!({
        "band": risk.told.map(Band::index),
        "monthly": risk.told.map(Band::word),
        "own_hours": (risk.own.hours * 10.0).round() / 10.0,
        "own_interruptions": risk.own.interruptions,
        "account_hours": (risk.account.hours * 10.0).round() / 10.0,
        "account_interruptions": risk.account.interruptions,
        "per_hour": risk.hazard(),
    })
}
