//! Which deployment is ours, where no file tells: the tags in all enabled regions are asked.

use tokio::task::JoinSet;

use crate::aws::AwsError;
use crate::fleet::{DeploymentId, DeploymentSeen};
use crate::jobs::context::Context;
use crate::jobs::context::tasks::together;

/// What the tags tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeploymentChoice {
    /// Nothing of ours is anywhere.
    None,
    /// The one deployment of this creator.
    One(DeploymentId),
    /// Only those of others: whether one of them is meant or a new one has to be said.
    Others(Vec<DeploymentSeen>),
    /// Several of this creator: which one is meant has to be said.
    Several(Vec<DeploymentSeen>),
}

/// Looks for the deployment of this creator by tag in all enabled regions. A region that does not
/// answer is an error: ours may be there.
pub async fn find_deployment(context: &Context) -> Result<DeploymentChoice, AwsError> {
    let account = context.account().await?;
    Ok(choose(find_deployments(context).await?, &account.creator))
}

/// All deployments that tags tell of in the enabled regions.
pub(super) async fn find_deployments(context: &Context) -> Result<Vec<DeploymentSeen>, AwsError> {
    let account = context.account().await?;
    let aws = context.aws().await?;
    let mut looks = JoinSet::new();
    for region in context.open_regions(&account.regions) {
        let ec2 = aws.region(&region);
        looks.spawn(async move { ec2.deployments().await });
    }
    let mut all: Vec<DeploymentSeen> = Vec::new();
    let found = together(looks, || Ok(Vec::new())).await;
    let is_closed =
        |found: &Result<_, AwsError>| found.as_ref().is_err_and(|it| context.closes(it));
    let (closed, found): (Vec<_>, Vec<_>) = found.into_iter().partition(is_closed);
    // Where nothing is open, that is the error.
    let found = if found.is_empty() { closed } else { found };
    for found in found {
        for seen in found? {
            match all.iter_mut().find(|known| known.deployment == seen.deployment) {
                Some(known) => known.alive += seen.alive,
                None => all.push(seen),
            }
        }
    }
    all.sort_by(|a, b| a.deployment.cmp(&b.deployment));
    Ok(all)
}

fn choose(all: Vec<DeploymentSeen>, creator: &str) -> DeploymentChoice {
    let ours = |seen: &&DeploymentSeen| seen.creator.as_deref() == Some(creator);
    let mine: Vec<&DeploymentSeen> = all.iter().filter(ours).collect();
    match mine.as_slice() {
        _ if all.is_empty() => DeploymentChoice::None,
        [only] => DeploymentChoice::One(only.deployment.clone()),
        [] => DeploymentChoice::Others(all),
        _ => DeploymentChoice::Several(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(deployment: &str, creator: &str) -> DeploymentSeen {
        DeploymentSeen {
            deployment: deployment.into(),
            creator: Some(creator.into()),
            alive: 1,
            newest: None,
        }
    }

    #[test]
    fn the_only_one_of_this_creator_is_meant() {
        assert_eq!(choose(vec![], "alice"), DeploymentChoice::None);
        let one = vec![seen("spot-1", "alice"), seen("spot-2", "bob")];
        assert_eq!(choose(one, "alice"), DeploymentChoice::One("spot-1".into()));
    }

    #[test]
    fn several_or_only_those_of_others_have_to_be_named() {
        let several = vec![seen("spot-1", "alice"), seen("spot-2", "alice")];
        assert_eq!(choose(several.clone(), "alice"), DeploymentChoice::Several(several));
        let others = vec![seen("spot-2", "bob")];
        assert_eq!(choose(others.clone(), "alice"), DeploymentChoice::Others(others));
    }
}
