//! Which instance a person means: by its id, the beginning of it, its name or an address.

use crate::fleet::{Fleet, Instance, InstanceKey};

/// The one instance that a text means; else why there is none.
pub fn instance(fleet: &Fleet, text: &str) -> Result<InstanceKey, String> {
    let exact: Vec<&Instance> =
        fleet.alive().filter(|instance| is_exactly(instance, text)).collect();
    let found = if exact.is_empty() {
        let begins = |instance: &&Instance| {
            !text.is_empty() && instance.id().is_some_and(|id| id.as_str().starts_with(text))
        };
        fleet.alive().filter(begins).collect()
    } else {
        exact
    };
    match found.as_slice() {
        [] => {
            Err(format!("no instance of this deployment is called '{text}': see `spot-tui list`"))
        }
        [only] => Ok(only.key.clone()),
        several => {
            let labels: Vec<String> = several.iter().map(|instance| instance.label()).collect();
            Err(format!("'{text}' may be any of {}: write more of the id", labels.join(", ")))
        }
    }
}

fn is_exactly(instance: &Instance, text: &str) -> bool {
    let Some(machine) = &instance.machine else { return false };
    machine.id.as_str() == text
        || machine.name.as_deref() == Some(text)
        || [machine.seen.public_ip, machine.seen.private_ip]
            .iter()
            .flatten()
            .any(|address| address.to_string() == text)
}
