//! What is ours: filters by tag, the reading of tags, and the tags of a create call.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

use crate::fleet::{DeploymentId, tags};

/// Which of our resources are meant. `ManagedBy` is always asked for: nothing else is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    deployment: Option<DeploymentId>,
    launches: Option<String>,
    terminated: bool,
}

impl Selector {
    /// Everything that this program made, of whatever deployment.
    pub fn everything() -> Self {
        Self { deployment: None, launches: None, terminated: false }
    }

    /// Everything of one deployment.
    pub fn deployment(deployment: &DeploymentId) -> Self {
        Self { deployment: Some(deployment.clone()), ..Self::everything() }
    }

    /// Only what a launch request made whose id begins so.
    #[must_use]
    pub fn launched_as(mut self, prefix: impl Into<String>) -> Self {
        self.launches = Some(prefix.into());
        self
    }

    /// Also instances that are terminated; AWS lists them for about an hour.
    #[must_use]
    pub fn with_terminated(mut self) -> Self {
        self.terminated = true;
        self
    }

    /// Whether terminated instances are asked for.
    pub(super) fn wants_terminated(&self) -> bool {
        self.terminated
    }

    /// The filters of a Describe call.
    pub(super) fn filters(&self) -> Vec<Filter> {
        let mut filters = vec![tagged(tags::MANAGED_BY, tags::SPOT_TUI)];
        filters.extend(self.deployment.as_ref().map(|id| tagged(tags::DEPLOYMENT_ID, id.as_str())));
        filters.extend(
            self.launches.as_ref().map(|prefix| tagged(tags::LAUNCH_ID, &format!("{prefix}*"))),
        );
        filters
    }

    /// The same question asked of the tags themselves. What is about to be deleted is looked at
    /// twice: an endpoint that ignores a filter must not cost anybody a network.
    pub(super) fn matches(&self, found: &BTreeMap<String, String>) -> bool {
        let is = |key: &str, value: &str| found.get(key).is_some_and(|found| found == value);
        is(tags::MANAGED_BY, tags::SPOT_TUI)
            && self.deployment.as_ref().is_none_or(|id| is(tags::DEPLOYMENT_ID, id.as_str()))
            && self.launches.as_ref().is_none_or(|prefix| {
                found.get(tags::LAUNCH_ID).is_some_and(|id| id.starts_with(prefix))
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
        let selector = Selector::deployment(&"spot-1".into()).launched_as("l-a");
        assert!(selector.matches(&tags("spot-1", "l-a-0")));
        assert!(!selector.matches(&tags("spot-2", "l-a-0")));
        assert!(!selector.matches(&tags("spot-1", "l-b-0")));
        let mut foreign = tags("spot-1", "l-a-0");
        foreign.insert("ManagedBy".into(), "spot-tui-old".into());
        assert!(!selector.matches(&foreign));
        assert!(!Selector::everything().matches(&BTreeMap::new()));
    }
}
