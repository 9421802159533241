//! `identity`: which sensor an instance pretends to have.

use super::exit_code::ExitCode;
use super::stdout;
use super::stop::Stop;
use crate::fleet::InstanceId;
use crate::fleet::identity::Identity;

/// `identity`.
pub(super) fn identity(id: &str, as_json: bool) -> Result<ExitCode, Stop> {
    let digits = id.strip_prefix("i-").unwrap_or_default();
    let plain = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
    if digits.is_empty() || !digits.chars().all(plain) {
        return Err(Stop::Usage(format!("'{}' is not an instance's id", id.escape_debug())));
    }
    let identity = Identity::of(&InstanceId::from(id));
    if as_json {
        // The file as it is on a node.
        stdout::write(&identity.json());
    } else {
        let (device, place) = (&identity.device_info, &identity.location);
        stdout::print(&format!(
            "{}\n{} {}, firmware {}, {}\n{}",
            identity.sensor_id,
            device.manufacturer,
            device.model,
            device.firmware_version,
            device.serial_number,
            place.address,
        ));
    }
    Ok(ExitCode::DONE)
}
