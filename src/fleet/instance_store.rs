//! The disks that come with an instance type.

/// Where the program is on a machine that mounts them (`instance/instance-store.sh`).
pub const INSTANCE_STORE: &str = "/usr/local/sbin/spot-tui-instance-store";
