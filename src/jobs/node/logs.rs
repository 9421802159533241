//! Which command reads which log of a node.

use crate::fleet::Logs;
use crate::ssh::quote;

/// Lines that are shown before a log is followed.
const TAIL: u32 = 200;

/// What prints these logs, over there.
pub(in crate::jobs) fn logs_command(logs: &Logs) -> String {
    let follow = if logs.follow { " --follow" } else { "" };
    if let Some(unit) = &logs.unit {
        let unit = quote(unit);
        return format!("sudo journalctl --no-pager --lines={TAIL}{follow} --unit={unit}");
    }
    // Busybox's tail knows no long options.
    let follow = if logs.follow { " -F" } else { "" };
    format!("sudo tail -n {TAIL}{follow} /opt/deployment.log")
}
