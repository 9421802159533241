//! Whether anything of ours is in a region, by one question for all kinds of resources at once. In
//! most of an account's regions there is nothing, and nine Describe calls would say the same.
//!
//! Not here: what it is. Who has to know asks for each kind by itself.

use std::collections::BTreeSet;

use super::access::Ec2;
use super::class::Class;
use super::error::AwsError;
use super::select::Selector;

/// EC2's words for what a machine may keep: only its other tags tell whether it is left over.
const KEEPABLE: [&str; 2] = ["volume", "elastic-ip"];
/// EC2's word for what may be a lock between machines: only its other tags tell, too.
const TEMPLATE: &str = "launch-template";
/// EC2's words for what goes by itself, and whose tags are told of for an hour after that.
const MACHINES: [&str; 2] = ["instance", "spot-instances-request"];

impl Ec2 {
    /// Whether anything here has our tags (EC2 DescribeTags); resources that are just going away
    /// still have them. `true` where the identity may not ask that: nobody knows, then.
    ///
    /// EC2 tells of a tag some seconds after it was set: who knows that something was just made
    /// here does not ask this.
    pub async fn has_tagged(&self, ours: &Selector) -> Result<bool, AwsError> {
        Ok(self.tagged_kinds(ours).await?.is_none_or(|kinds| !kinds.is_empty()))
    }

    /// Whether anything but instances and their requests has our tags. `None` where the identity
    /// may not ask that, and where all that there is may be a machine's to keep or a lock.
    pub async fn has_tagged_network(&self, ours: &Selector) -> Result<Option<bool>, AwsError> {
        let Some(mut kinds) = self.tagged_kinds(ours).await? else { return Ok(None) };
        kinds.retain(|kind| !MACHINES.contains(&kind.as_str()));
        let may_stay =
            |kind: &str| KEEPABLE.contains(&kind) || kind == TEMPLATE && !ours.wants_locks();
        let is_clear = kinds.is_empty() || !kinds.iter().all(|it| may_stay(it));
        Ok(is_clear.then_some(!kinds.is_empty()))
    }

    /// EC2's words for the kinds of what has our tags, all pages; `None` where the identity may not
    /// ask.
    pub(super) async fn tagged_kinds(
        &self,
        ours: &Selector,
    ) -> Result<Option<BTreeSet<String>>, AwsError> {
        let (key, value) = ours.telling_tag();
        let call = self.patient.describe_tags().set_filters(Some(ours.tag_filters()));
        let mut pages = call.into_paginator().items().send();
        let mut kinds = BTreeSet::new();
        while let Some(tag) = pages.next().await {
            let tag = match tag.map_err(self.failed("DescribeTags")) {
                Ok(tag) => tag,
                Err(error) if error.class == Class::Denied => return Ok(None),
                Err(error) => return Err(error),
            };
            // An endpoint that ignores a filter tells of everybody's.
            if tag.key() == Some(key) && tag.value() == Some(value) {
                kinds.extend(tag.resource_type().map(|kind| kind.as_str().to_owned()));
            }
        }
        Ok(Some(kinds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::scripted;

    /// What DescribeTags answers of these tags.
    fn told(tags: &[(&str, &str)], next: &str) -> (u16, String) {
        let item = |(key, value): &(&str, &str)| {
            format!(
                "<item><resourceId>vpc-1</resourceId><resourceType>vpc</resourceType>\
                 <key>{key}</key><value>{value}</value></item>"
            )
        };
        let items: String = tags.iter().map(item).collect();
        let next =
            if next.is_empty() { next.into() } else { format!("<nextToken>{next}</nextToken>") };
        (
            200,
            format!("<DescribeTagsResponse><tagSet>{items}</tagSet>{next}</DescribeTagsResponse>"),
        )
    }

    fn ours() -> Selector {
        Selector::deployment(&"spot-1".into())
    }

    #[tokio::test(start_paused = true)]
    async fn one_tag_of_ours_on_any_page_is_enough() {
        let (ec2, calls) = scripted::ec2(|call| match () {
            () if call.contains("NextToken=two") => told(&[("DeploymentId", "spot-1")], ""),
            // A page may be empty and not be the last one.
            () => told(&[], "two"),
        })
        .await;
        assert!(ec2.has_tagged(&ours()).await.unwrap());
        let first = calls.lock().unwrap()[0].clone();
        assert!(first.contains("Filter.1.Name=key&Filter.1.Value.1=DeploymentId"), "{first}");
        assert!(first.contains("Filter.2.Name=value&Filter.2.Value.1=spot-1"), "{first}");
    }

    #[tokio::test(start_paused = true)]
    async fn tags_of_others_are_none_of_ours() {
        let others = [("DeploymentId", "spot-2"), ("Project", "spot-1")];
        let (ec2, _) = scripted::ec2(move |_| told(&others, "")).await;
        assert!(!ec2.has_tagged(&ours()).await.unwrap());
        assert!(!ec2.has_tagged(&Selector::everything()).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn who_may_not_ask_does_not_know() {
        let (ec2, _) = scripted::ec2(|_| scripted::refusal("UnauthorizedOperation")).await;
        assert!(ec2.has_tagged(&ours()).await.unwrap());
    }
}
