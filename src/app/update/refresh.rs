//! A look at what there is: once, or again and again where somebody stays.

use crate::app::{Effect, Model};
use crate::fleet::{Job, JobKind};

/// Learns who we are; once that is known, what there is.
pub(super) fn refresh(model: &mut Model) -> Vec<Effect> {
    model.trouble = model.login_ended.clone();
    let job = if model.account.is_none() {
        Job::Identify
    } else if model.attends() && !model.does(JobKind::Watch) {
        Job::Watch
    } else {
        Job::Survey
    };
    if model.does(job.kind()) {
        return Vec::new();
    }
    vec![model.start(job)]
}
