//! The section `scale`: how many instances there are by the work that there is.

use super::complaint::{ComplaintSink, Position};
use super::fields::{Fields, Reading};
use super::keys::Section;
use super::notify::program;
use super::schema::{Bacalhau, RegionConfig, Scale, ScaleBy};
use super::tree::Node;
use super::values::{choice, whole};
use crate::fleet::Lifecycle;

/// How it is written, for hints.
const FORM: &str = "write 'scale: { by: queue, min: 1, max: 10 }'";

/// The words of `by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Queue,
    Cpu,
    Command,
}

const BY: [(&str, By); 3] = [("queue", By::Queue), ("cpu", By::Cpu), ("command", By::Command)];

/// Reads the section; `None` after a complaint.
pub(super) fn read(node: &Node, sink: &mut ComplaintSink) -> Option<Scale> {
    let mut fields = Fields::of(Some(node), Section::Scale, "in 'scale'", sink);
    let by = fields.read("by", sink, |node| choice(node, &BY));
    let min = fields.read("min", sink, |node| whole(node, 0..=1000, ""));
    let max = fields.read("max", sink, |node| whole(node, 1..=1000, ""));
    let spare = fields.read("spare", sink, |node| whole(node, 0..=1000, ""));
    let percent = fields.read("cpu_percent", sink, |node| whole(node, 10..=95, " (percent)"));
    let command = fields.get("command");
    let words = command.map(|node| program(node, "'command' in 'scale'", sink));
    let meant = fields.finish(sink);
    let absent = [by == Reading::Absent, max == Reading::Absent];
    let is_nothing =
        command.is_none() && [&min, &spare, &percent].into_iter().all(|it| *it == Reading::Absent);
    if absent == [true, true] && is_nothing && meant.is_empty() {
        // All of it is null.
        return None;
    }
    for (key, is_absent) in ["by", "max"].into_iter().zip(absent) {
        if is_absent && !meant.contains(&key) {
            sink.add_with(node.at, format!("'scale' needs '{key}'"), FORM);
        }
    }
    let (Reading::Given(by, at), Some(max)) = (by, max.clone().given()) else { return None };
    for (key, wrong, owner, is_owner) in [
        ("cpu_percent", percent.at(), "cpu", by == By::Cpu),
        ("command", command.map(|node| node.at), "command", by == By::Command),
    ] {
        if let Some(at) = wrong.filter(|_| !is_owner) {
            let message = format!("'{key}' in 'scale' is for 'by: {owner}'");
            sink.add_with(at, message, "leave one of both out");
        }
    }
    let by = match by {
        By::Queue => ScaleBy::Queue,
        By::Cpu => ScaleBy::Cpu(percent.or(60)),
        By::Command => {
            if words.is_none() && !meant.contains(&"command") {
                let hint = "name the program that prints the number: 'command: [program]'";
                sink.add_with(at, "'by: command' needs 'command'", hint);
            }
            ScaleBy::Command(words.flatten()?)
        }
    };
    let (least, min_at) = (min.clone().or(1), min.at().unwrap_or(node.at));
    if least > max {
        let message = format!("'min' in 'scale' is {least}, and 'max' is {max}");
        sink.add_with(min_at, message, "'min' is the fewest, 'max' the most");
        return None;
    }
    Some(Scale { by, min: least, max, spare: spare.or(0) })
}

/// What of the rest of the file it does not go with.
pub(super) fn check(
    at: Position,
    scale: &Scale,
    (regions, total): (&[RegionConfig], u32),
    bacalhau: &Bacalhau,
    sink: &mut ComplaintSink,
) {
    if scale.by == ScaleBy::Queue && bacalhau.api.is_none() {
        let hint = "add 'bacalhau: { api: https://host:1234 }'";
        sink.add_with(at, "'by: queue' in 'scale' asks the orchestrator, and none is named", hint);
    }
    // EC2 starts persistent spot instances again by itself, and a machine is there to stay.
    let is_scaled = |it: &RegionConfig| it.lifecycle != Lifecycle::PersistentSpot;
    if !regions.iter().any(is_scaled) {
        let message = "'scale' has nothing to scale: neither machines nor persistent spot instances \
                       follow the work";
        sink.add_with(at, message, "leave it out, or add a region");
        return;
    }
    let own = regions.iter().filter(|it| is_scaled(it)).filter_map(|it| it.instances_per_region);
    let own: u32 = own.fold(0, u32::saturating_add);
    let asked = if regions.iter().all(is_scaled) { own.max(total) } else { own };
    if asked > scale.max {
        let message =
            format!("{asked} instances are asked for, and 'max' in 'scale' is {}", scale.max);
        sink.add_with(at, message, "raise 'max', or lower the counts");
    }
}
