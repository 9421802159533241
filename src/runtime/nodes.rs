//! The headless commands about nodes.

use std::io::{self, Write};

use super::commands::refuse;
use crate::fleet::InstanceId;
use crate::fleet::identity::Identity;

/// `identity`.
pub(super) fn identity(id: &str, as_json: bool) -> u8 {
    let digits = id.strip_prefix("i-").unwrap_or_default();
    let plain = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
    if digits.is_empty() || !digits.chars().all(plain) {
        return refuse(&format!("'{}' is not an instance's id", id.escape_debug()));
    }
    let identity = Identity::of(&InstanceId::from(id));
    if as_json {
        print(&identity.json());
    } else {
        let (device, place) = (&identity.device_info, &identity.location);
        print(&format!(
            "{}\n{} {}, firmware {}, {}\n{}\n",
            identity.sensor_id,
            device.manufacturer,
            device.model,
            device.firmware_version,
            device.serial_number,
            place.address,
        ));
    }
    0
}

/// Text on standard output.
fn print(text: &str) {
    // A reader that went away is no reason to fail.
    let _ = io::stdout().write_all(text.as_bytes());
}
