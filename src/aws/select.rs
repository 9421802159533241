//! What is ours: filters by tag, the reading of tags, and the tags of a create call.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

use crate::fleet::{DeploymentId, LaunchId, tags};

/// Whether a launch template is a lock between machines, by its tags.
fn is_lock(found: &BTreeMap<String, String>) -> bool {
    found.contains_key(tags::LOCK_NONCE)
}

/// Which of our resources are meant. `ManagedBy` is always asked for: nothing else is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    deployment: Option<DeploymentId>,
    launch: Option<Made>,
    terminated: bool,
    kept: bool,
    locks: bool,
}

/// By which launch something was made.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Made {
    /// By any of its requests.
    For(LaunchId),
    /// By this request.
    By(LaunchId),
}

impl Selector {
    /// Everything that this program made, of whatever deployment.
    pub fn everything() -> Self {
        Self { deployment: None, launch: None, terminated: false, kept: false, locks: false }
    }

    /// Everything of one deployment.
    pub fn deployment(deployment: &DeploymentId) -> Self {
        Self { deployment: Some(deployment.clone()), ..Self::everything() }
    }

    /// Only what a launch made, by whichever of its requests.
    #[must_use]
    pub fn made_for(mut self, launch: &LaunchId) -> Self {
        self.launch = Some(Made::For(launch.clone()));
        self
    }

    /// Only what one request made.
    #[must_use]
    pub fn made_by(mut self, request: &LaunchId) -> Self {
        self.launch = Some(Made::By(request.clone()));
        self
    }

    /// Also instances that are terminated; AWS lists them for about an hour.
    #[must_use]
    pub fn with_terminated(mut self) -> Self {
        self.terminated = true;
        self
    }

    /// Also what machines keep: it goes only when it is named, so that nobody who takes away what is
    /// left over asks for it.
    #[must_use]
    pub fn with_kept(mut self) -> Self {
        self.kept = true;
        self
    }

    /// Also the lock between machines: it goes with the whole deployment, not with a network.
    #[must_use]
    pub fn with_locks(mut self) -> Self {
        self.locks = true;
        self
    }

    /// Whether something with these tags is left over where it is of ours and nothing uses it.
    pub(super) fn takes(&self, found: &BTreeMap<String, String>) -> bool {
        let stays = !self.kept && found.contains_key(tags::KEPT);
        self.matches(found) && !stays && (self.locks || !is_lock(found))
    }

    /// Whether locks are asked for.
    pub(super) fn wants_locks(&self) -> bool {
        self.locks
    }

    /// Whether terminated instances are asked for.
    pub(super) fn wants_terminated(&self) -> bool {
        self.terminated
    }

    /// The filters of a Describe call.
    pub(super) fn filters(&self) -> Vec<Filter> {
        let mut filters = vec![tagged(tags::MANAGED_BY, tags::SPOT_TUI)];
        filters.extend(self.deployment.as_ref().map(|id| tagged(tags::DEPLOYMENT_ID, id.as_str())));
        filters.extend(self.launch.as_ref().map(|made| match made {
            Made::For(launch) => tagged(tags::LAUNCH_ID, &format!("{launch}-*")),
            Made::By(request) => tagged(tags::LAUNCH_ID, request.as_str()),
        }));
        filters
    }

    /// The one tag by which everything of this can be found: of a launch, too, its deployment's.
    pub(super) fn telling_tag(&self) -> (&'static str, &str) {
        match &self.deployment {
            Some(id) => (tags::DEPLOYMENT_ID, id.as_str()),
            None => (tags::MANAGED_BY, tags::SPOT_TUI),
        }
    }

    /// The filters of DescribeTags for that tag.
    pub(super) fn tag_filters(&self) -> Vec<Filter> {
        let (key, value) = self.telling_tag();
        vec![filter("key", [key]), filter("value", [value])]
    }

    /// The same question asked of the tags themselves. What is about to be deleted is looked at
    /// twice: an endpoint that ignores a filter must not cost anybody a network.
    pub(super) fn matches(&self, found: &BTreeMap<String, String>) -> bool {
        let is = |key: &str, value: &str| found.get(key).is_some_and(|found| found == value);
        is(tags::MANAGED_BY, tags::SPOT_TUI)
            && self.deployment.as_ref().is_none_or(|id| is(tags::DEPLOYMENT_ID, id.as_str()))
            && self.launch.as_ref().is_none_or(|made| {
                let found = found.get(tags::LAUNCH_ID).map(|id| LaunchId::new(id.as_str()));
                found.is_some_and(|found| match made {
                    Made::For(launch) => found.is_of(launch),
                    Made::By(request) => found == *request,
                })
            })
    }
}

/// A filter for one name and its values.
pub(super) fn filter<I>(name: impl Into<String>, values: I) -> Filter
where
    I: IntoIterator,
    I::Item: Into<String>,
{
    let values = values.into_iter().map(Into::into).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

fn tagged(key: &str, value: &str) -> Filter {
    filter(format!("tag:{key}"), [value])
}

/// Tags as AWS tells them.
pub(super) fn read_tags(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter()
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
        .collect()
}

/// Tags as a create call takes them.
pub(super) fn born_with(kind: ResourceType, tags: &BTreeMap<String, String>) -> TagSpecification {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    TagSpecification::builder().resource_type(kind).set_tags(Some(tags.collect())).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(deployment: &str, launch: &str) -> BTreeMap<String, String> {
        [("ManagedBy", "spot-tui"), ("DeploymentId", deployment), ("LaunchId", launch)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn only_what_carries_our_tags_matches() {
        let selector = Selector::deployment(&"spot-1".into()).made_for(&"l-a".into());
        assert!(selector.matches(&tags("spot-1", "l-a-0")));
        assert!(!selector.matches(&tags("spot-2", "l-a-0")));
        assert!(!selector.matches(&tags("spot-1", "l-b-0")));
        assert!(!selector.matches(&tags("spot-1", "l-ab-0")));
        let request = Selector::everything().made_by(&"l-a-1".into());
        assert!(request.matches(&tags("spot-1", "l-a-1")));
        assert!(!request.matches(&tags("spot-1", "l-a-10")));
        let mut foreign = tags("spot-1", "l-a-0");
        foreign.insert("ManagedBy".into(), "spot-tui-old".into());
        assert!(!selector.matches(&foreign));
        assert!(!Selector::everything().matches(&BTreeMap::new()));
    }
}
