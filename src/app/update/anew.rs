//! What is to be launched in the place of what is ended first: judged before anything is ended.

use super::budget::{self, BudgetRefusal};
use super::create::{judged_by, permitted};
use crate::app::{Counts, Effect, Model};
use crate::config::{Config, RegionConfig};
use crate::fleet::{Instance, InstanceKey, Job, Level, Phase};

/// Whether the budget allows these machines anew, once the rows that they are now have ended: what they
/// keep costs all the same until the next ones have it.
pub(super) fn judge_anew(
    model: &mut Model,
    config: &Config,
    rows: &[Instance],
) -> Result<(), BudgetRefusal> {
    once_ended(model, rows, |model| {
        rows.iter().try_for_each(|row| {
            let Some(wanted) = row.machine_name().and_then(|name| config.machine(name)) else {
                return Ok(());
            };
            let one = Counts::from([(wanted.place.region.clone(), 1)]);
            budget::judge(model, &judged_by(model, config, Some(&wanted.name)), &one)?;
            // The next of them finds this one there, as it will be.
            model.fleet.insert(as_wanted(row, &wanted.place));
            Ok(())
        })
    })
}

/// Judges as if these rows had ended; the fleet is afterwards as it was.
fn once_ended<T>(
    model: &mut Model,
    rows: &[Instance],
    judge: impl FnOnce(&mut Model) -> Result<T, BudgetRefusal>,
) -> Result<T, BudgetRefusal> {
    let now = model.fleet.clone();
    for row in rows {
        model.fleet.insert(Instance { phase: Phase::Terminated, ..row.clone() });
    }
    let judged = judge(model);
    model.fleet = now;
    judged
}

/// A row as it is to be after it was launched anew.
fn as_wanted(row: &Instance, place: &RegionConfig) -> Instance {
    let mut row = row.clone();
    row.region = place.region.clone();
    if let Some(machine) = &mut row.machine {
        machine.birth.lifecycle = place.lifecycle;
        if let Some(first) = place.machine_types.first() {
            machine.machine_type = first.clone();
        }
    }
    row
}

/// Asks AWS whether a launch in the place of this row would begin, where the budget allows it once the
/// row has ended: nothing is ended for what would be refused then.
pub(super) fn check_in_place(model: &mut Model, counts: Counts, old: &InstanceKey) -> Vec<Effect> {
    let old = model.fleet.get(old).cloned();
    if let Some(Err(why)) = old.map(|old| judge_in_place(model, &old)) {
        model.flash(Level::Warning, "create", why);
        return Vec::new();
    }
    vec![model.start(Job::Preflight(counts))]
}

fn judge_in_place(model: &mut Model, old: &Instance) -> Result<(), String> {
    let one = Counts::from([(old.region.clone(), 1)]);
    let (config, one, _) = permitted(model, Some(one))?;
    let rows = std::slice::from_ref(old);
    match once_ended(model, rows, |model| budget::judge(model, &config, &one)) {
        Err(BudgetRefusal::Price(why) | BudgetRefusal::Beyond(why)) => Err(why),
        Ok(_) => Ok(()),
    }
}
