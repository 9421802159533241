//! The lock between machines: whether this process may launch, when it asks to, and what is said of it.

use jiff::SignedDuration;

use crate::app::{Effect, Model};
use crate::fleet::{Job, JobId, JobKind, Level, LockStanding};

/// The verb under which it is said.
const VERB: &str = "lock";
/// What a create holds it for: it launches what was asked for and no more.
const CREATE: &str = "create";

/// Between two tries of who waits for it.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// Whether no other machine launches now, as far as this process knows. Each launch asks AWS again.
pub(super) fn may_launch(model: &Model) -> bool {
    !has_lock(model) || matches!(model.lock, LockStanding::Held | LockStanding::Without(_))
}

fn has_lock(model: &Model) -> bool {
    let config = model.config.as_ref();
    config.is_some_and(|config| config.lock && !config.regions.is_empty())
}

/// Whether another machine is at work, as far as this process knows: what it launched it sets up itself.
/// Who stays does not know before the first look.
pub(super) fn may_be_elsewhere(model: &Model) -> bool {
    let is_looked_for = model.attends() && has_lock(model) && !model.holding.knows_lock;
    is_looked_for || model.is_kept_elsewhere()
}

/// Whether another machine launches in the place of what AWS takes back.
pub(super) fn is_kept_off(model: &Model) -> bool {
    matches!(&model.lock, LockStanding::Other(holder) if holder.purpose != CREATE)
}

/// Takes the lock to launch by itself, unless that is under way or was in vain a moment ago.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    let is_early = model.holding.next_lock.is_some_and(|at| model.now < at);
    if is_early || model.does(JobKind::Lock) {
        return Vec::new();
    }
    let (_, effects) = take(model);
    effects
}

/// Takes the lock, or joins the job that does.
pub(super) fn take(model: &mut Model) -> (JobId, Vec<Effect>) {
    let under_way = model.active().find(|(_, job)| job.kind == JobKind::Lock);
    if let Some((id, _)) = under_way {
        return (id, Vec::new());
    }
    model.holding.next_lock = Some(model.now + AGAIN);
    let replaces = model.config.as_ref().is_some_and(|config| config.replace.enabled);
    let purpose = match () {
        () if model.is_keeper() => "keep",
        () if replaces && model.dashboard => "replace",
        () => CREATE,
    };
    let effect = model.start(Job::Lock(purpose));
    let id = if let Effect::Start(id, _) = &effect { *id } else { JobId(0) };
    (id, vec![effect])
}

/// Why nothing may be launched, where that is so.
pub(super) fn refusal(model: &Model) -> String {
    words(&model.lock).map_or_else(|| "the lock was not taken".to_owned(), |(_, text)| text)
}

/// Why a create would be refused, where somebody else keeps the fleet.
pub fn lock_refusal(model: &Model) -> Option<String> {
    let refusal = model.is_kept_elsewhere().then(|| refusal(model));
    refusal.or_else(|| model.kept_by().map(|keeper| format!("kept by {keeper}")))
}

/// Says who has the lock to whoever does something that needs none.
pub(super) fn say_other(model: &mut Model, verb: &str) {
    if let LockStanding::Other(holder) = &model.lock {
        let text = format!("who keeps the fleet goes on: {holder} ({})", holder.purpose);
        model.remark(Level::Warning, verb, text);
    }
}

/// Takes in how this process stands to it; what is new is said once. Answers whether what waited for
/// that goes on.
pub(super) fn changed(model: &mut Model, standing: &LockStanding) -> bool {
    let was_elsewhere = may_be_elsewhere(model);
    model.holding.knows_lock = true;
    let before = std::mem::replace(&mut model.lock, standing.clone());
    model.fit();
    say(model, &before, standing);
    was_elsewhere && model.attends() && model.account.is_some()
}

fn say(model: &mut Model, before: &LockStanding, standing: &LockStanding) {
    if before.is_same(standing) {
        return;
    }
    let was_kept_off = matches!(before, LockStanding::Other(_) | LockStanding::Lost(_));
    let text = "the lock between machines is held here now".to_owned();
    let said = words(standing).or_else(|| {
        (was_kept_off && *standing == LockStanding::Held).then_some((Level::Success, text))
    });
    // Who only looks launches nothing anyway.
    if let Some((level, text)) = said.filter(|_| model.read_only.is_none()) {
        model.log.write(model.now, level, VERB, &text);
        model.toast(level, text);
    }
    if is_kept_off(model) {
        // What is owed is the other one's to pay.
        model.upkeep.forgive();
    }
}

/// What people read of it, and how serious it is; nothing where there is nothing to say.
pub fn words(standing: &LockStanding) -> Option<(Level, String)> {
    Some(match standing {
        LockStanding::Open | LockStanding::Held => return None,
        LockStanding::Other(holder) => {
            let text = format!("nothing is launched here: kept by {holder} ({})", holder.purpose);
            (Level::Warning, text)
        }
        LockStanding::Lost(why) => {
            let text = format!("the lock between machines was lost: {why}; nothing is launched");
            (Level::Warning, text)
        }
        LockStanding::Without(why) => {
            let text = format!(
                "no lock keeps two machines from launching the same ({why}); `lock: off` says that \
                 this is known"
            );
            (Level::Warning, text)
        }
    })
}
