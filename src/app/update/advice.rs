//! How many instances the work asks for now, by whatever the configuration goes by. It changes nothing.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::count::is_of_count;
use super::presence::is_there;
use crate::app::Model;
use crate::config::{CpuCredits, Scale, ScaleBy};
use crate::fleet::cloudwatch::{Metric, Series};
use crate::fleet::{Instance, InstanceId, NodeLoad, Phase, QueueLook, Region};

/// From so long after the last answer on nobody knows: as many looks as KEDA lets fail, and one.
const SILENT: SignedDuration = SignedDuration::from_mins(2);
/// Between two looks at what the model itself knows.
const PACE: SignedDuration = SignedDuration::from_secs(30);
/// How long the processors of a new node say nothing (HPA's first five minutes).
const WARMING: SignedDuration = SignedDuration::from_mins(5);
/// How far from what is meant the work of the processors may be (HPA's tolerance).
const TOLERANCE: f64 = 0.1;
/// How long a node may take from its own word that it works to the orchestrator's.
const JOINED: SignedDuration = SignedDuration::from_mins(1);
/// Below so much work of its processors nothing is on a node, where no orchestrator tells.
const IDLE_PERCENT: f64 = 10.0;
/// How many of the last looks at a node's processors are taken together: one is of a second.
const LOOKS: usize = 5;

/// How old what a node last said may be: its visits are a minute apart.
const VISITED: SignedDuration = SignedDuration::from_mins(3);

/// What the work asks for.
#[derive(Debug, Default)]
pub(super) struct Advice {
    /// How many.
    pub wants: u32,
    /// By what, in words: `queue 14`.
    pub reason: String,
    /// Where those have to be that are added; empty where that is all the same.
    pub regions: BTreeSet<Region>,
    /// Jobs that fit no node.
    pub misfits: Vec<String>,
}

/// What is advised now; `None` where there is nothing new to decide by, else why nobody knows.
pub(super) fn advice(model: &Model, scale: &Scale) -> Option<Result<Advice, String>> {
    let scaling = &model.scaling;
    match &scale.by {
        ScaleBy::Queue => match news(model, scaling.queue.as_ref())? {
            Ok(look) => Some(by_queue(model, scale, look)),
            Err(why) => Some(Err(why)),
        },
        ScaleBy::Command(_) => Some(news(model, scaling.advice.as_ref())?.map(|wants| Advice {
            wants: wants.saturating_add(scale.spare),
            reason: "command".to_owned(),
            ..Advice::default()
        })),
        ScaleBy::Cpu(target) => {
            let is_due = |at: Timestamp| model.now.duration_since(at) >= PACE;
            scaling.decided.is_none_or(is_due).then(|| by_cpu(model, scale, *target))
        }
    }
}

/// The moment by which it is decided.
pub(super) fn moment(model: &Model, scale: &Scale) -> Timestamp {
    let of_answer = match &scale.by {
        ScaleBy::Queue => model.scaling.queue.as_ref().map(|(at, _)| *at),
        ScaleBy::Command(_) => model.scaling.advice.as_ref().map(|(at, _)| *at),
        ScaleBy::Cpu(_) => None,
    };
    of_answer.unwrap_or(model.now)
}

/// An answer that nothing was decided by yet; or that there is none for too long.
fn news<'a, T>(
    model: &Model,
    answered: Option<&'a (Timestamp, Result<T, String>)>,
) -> Option<Result<&'a T, String>> {
    let since = answered.map(|(at, _)| *at).or(model.scaling.began);
    let is_silent = since.is_some_and(|at| model.now.duration_since(at) >= SILENT);
    match answered {
        _ if is_silent => Some(Err(format!("no answer for {} minutes", SILENT.as_mins()))),
        Some((at, answer)) if model.scaling.decided != Some(*at) => {
            Some(answer.as_ref().map_err(Clone::clone))
        }
        _ => None,
    }
}

/// The rows that a wanted count is about and that work.
pub(super) fn working(model: &Model) -> impl Iterator<Item = (&Instance, &InstanceId)> {
    let works = |row: &&Instance| {
        matches!(row.phase, Phase::Ready | Phase::Degraded { .. })
            && is_of_count(model, row)
            && is_there(model, row)
    };
    model.fleet.instances().filter(works).filter_map(|row| Some((row, row.id()?)))
}

fn by_queue(model: &Model, scale: &Scale, look: &QueueLook) -> Result<Advice, String> {
    // One that became ready a moment ago need not be in an answer that is older than that.
    let told = model.scaling.queue.as_ref().map_or(model.now, |(at, _)| *at);
    let rows: Vec<&InstanceId> = working(model)
        .filter(|(row, id)| {
            told.duration_since(row.since) >= JOINED || look.nodes.contains_key(*id)
        })
        .map(|(_, id)| id)
        // Behind the fence it is none of the nodes that work.
        .filter(|id| !model.upkeep.retiring().contains(id))
        .collect();
    let matched: Vec<&NodeLoad> = rows.iter().filter_map(|id| look.nodes.get(*id)).collect();
    let unmatched = rows.len() - matched.len();
    if unmatched * 2 > rows.len() {
        let all = rows.len();
        return Err(format!("{unmatched} of {all} are no working nodes of the orchestrator's"));
    }
    let busy = matched.iter().filter(|node| node.is_busy).count();
    let busy = u32::try_from(busy).unwrap_or(u32::MAX);
    let fit = look.fit(scale.max);
    Ok(Advice {
        wants: busy.saturating_add(fit.nodes).saturating_add(scale.spare),
        reason: format!("queue {}", look.waiting()),
        regions: fit.regions,
        misfits: fit.misfits,
    })
}

/// By the work of the processors of those that have been there for a while. What of the others is not
/// known asks for none, and lets none go.
fn by_cpu(model: &Model, scale: &Scale, target: u32) -> Result<Advice, String> {
    let is_warm = |row: &Instance| {
        let launched = row.machine.as_ref().map(|machine| machine.birth.launched);
        launched.is_some_and(|at| model.now.duration_since(at) >= WARMING)
    };
    let warm: Vec<&Instance> =
        working(model).map(|(row, _)| row).filter(|row| is_warm(row)).collect();
    let measured: Vec<f64> = warm.iter().filter_map(|row| cpu(model, row)).collect();
    if measured.is_empty() && !warm.is_empty() {
        return Err("no node tells of its processors".to_owned());
    }
    let (sum, target) = (measured.iter().sum::<f64>(), f64::from(target));
    let counted = u32::try_from(measured.len()).unwrap_or(u32::MAX);
    let mean = sum / f64::from(counted.max(1));
    let wants =
        if (mean / target - 1.0).abs() <= TOLERANCE { counted } else { whole(sum / target) };
    let wants = wants.saturating_add(scale.spare);
    let all = u32::try_from(model.upkeep.total()).unwrap_or(u32::MAX);
    let is_partial = counted < all;
    Ok(Advice {
        wants: if is_partial { wants.max(all) } else { wants },
        reason: format!("cpu {mean:.0} %"),
        ..Advice::default()
    })
}

fn whole(nodes: f64) -> u32 {
    // What is a hair above a whole number is no node more.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let whole = (nodes - 1e-9).ceil().clamp(0.0, 10_000.0) as u32;
    whole
}

/// The work of a node's processors in percent: by CloudWatch where it is asked, else by the last
/// visits. A burstable one whose credits are used up does all that it can, whatever that reads.
fn cpu(model: &Model, row: &Instance) -> Option<f64> {
    let newest = |metric| row.metrics.get(&metric).filter(|it| !it.is_late(model.now));
    let newest = |metric| newest(metric).and_then(Series::newest).map(|(_, value)| value);
    let credits = model.config.as_ref().map(|config| config.aws.cpu_credits);
    let is_throttled = newest(Metric::CpuCredits).is_some_and(|left| left < 1.0);
    if is_throttled && credits == Some(CpuCredits::Standard) {
        return Some(100.0);
    }
    let is_fresh = |at: Timestamp| model.now.duration_since(at) < VISITED;
    let is_visited = row.vitals.as_ref().is_some_and(|(at, _)| is_fresh(*at));
    let visits = if is_visited { row.cpu.len().min(LOOKS) } else { 0 };
    let visited = row.cpu.iter().rev().take(LOOKS).map(|percent| f64::from(*percent)).sum::<f64>();
    let count = f64::from(u32::try_from(visits).unwrap_or(1));
    newest(Metric::Cpu).or((visits > 0).then(|| visited / count))
}

/// Whether nothing is on a node: by its orchestrator where one is asked, else by its processors.
pub(super) fn is_idle(model: &Model, row: &Instance, id: &InstanceId) -> bool {
    let asks = model.config.as_ref().is_some_and(|config| config.bacalhau.api.is_some());
    if !asks {
        return cpu(model, row).is_some_and(|percent| percent < IDLE_PERCENT);
    }
    let is_fresh = |at: Timestamp| model.now.duration_since(at) < SILENT;
    match &model.scaling.queue {
        Some((at, Ok(look))) if is_fresh(*at) => look.nodes.get(id).is_some_and(|it| it.is_idle),
        _ => false,
    }
}
