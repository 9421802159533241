//! The lock between machines at EC2: a launch template of a name that only one can have. It is not
//! launched from; who holds it stands in its tags. A template is deleted by its id: whoever deletes a
//! lock that has changed hands meanwhile hits nothing.

use std::collections::BTreeMap;

use aws_sdk_ec2::types as ec2;

use super::access::Ec2;
use super::class::Class;
use super::error::AwsError;
use super::ids::TemplateId;
use super::select::{Selector, born_with, filter, read_tags};
use crate::fleet::LockHolder;

/// A lock as EC2 tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockSeen {
    /// Its launch template.
    pub id: TemplateId,
    /// Who holds it.
    pub holder: LockHolder,
}

impl Ec2 {
    /// EC2 CreateLaunchTemplate, under a token of its own. [`Class::Exists`] says that somebody holds
    /// the lock of this name, be it this call itself, whose answer was lost: the nonce tells.
    pub async fn create_lock(
        &self,
        name: &str,
        token: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<TemplateId, AwsError> {
        // A template has to say something.
        let data = ec2::RequestLaunchTemplateData::builder().ebs_optimized(false).build();
        let answer = self
            .once
            .create_launch_template()
            .client_token(token)
            .launch_template_name(name)
            .launch_template_data(data)
            .tag_specifications(born_with(ec2::ResourceType::LaunchTemplate, tags))
            .send()
            .await
            .map_err(self.failed("CreateLaunchTemplate"))
            .map_err(|error| error.on(name))?;
        let made = answer.launch_template().and_then(ec2::LaunchTemplate::launch_template_id);
        self.made("CreateLaunchTemplate", made)
    }

    /// The lock of this name (EC2 DescribeLaunchTemplates). A template of the same name that is none
    /// of `ours` is an error: nobody takes that away.
    pub async fn lock_named(
        &self,
        ours: &Selector,
        name: &str,
    ) -> Result<Option<LockSeen>, AwsError> {
        let call = self.patient.describe_launch_templates();
        let call = call.filters(filter("launch-template-name", [name]));
        let answer = call.send().await.map_err(self.failed("DescribeLaunchTemplates"))?;
        let named = |it: &&ec2::LaunchTemplate| it.launch_template_name() == Some(name);
        let Some(found) = answer.launch_templates().iter().find(named) else { return Ok(None) };
        let seen = read(found, ours);
        let message = format!("there is a launch template {name} that is none of ours");
        let foreign = || {
            self.found("DescribeLaunchTemplates", Class::Exists, message, "give it another name")
        };
        seen.map(Some).ok_or_else(foreign)
    }

    /// The lock with this id, unless EC2 knows none.
    pub async fn lock_by_id(&self, id: &TemplateId) -> Result<Option<LockSeen>, AwsError> {
        let call = self.patient.describe_launch_templates().launch_template_ids(id.as_str());
        let answer = call.send().await.map_err(self.failed("DescribeLaunchTemplates"));
        let found = match answer {
            Err(error) if is_gone(&error) => return Ok(None),
            answer => answer?,
        };
        let found = found.launch_templates().iter();
        let mut found = found.filter(|it| it.launch_template_id() == Some(id.as_str()));
        Ok(found.find_map(|it| read(it, &Selector::everything())))
    }

    /// Writes anew who holds it (EC2 CreateTags). False where there is none with this id.
    pub async fn renew_lock(&self, id: &TemplateId, holder: &LockHolder) -> Result<bool, AwsError> {
        let tags = holder.tags();
        let tags = tags.iter().map(|(key, value)| ec2::Tag::builder().key(key).value(value));
        let call = self.patient.create_tags().resources(id.as_str());
        let call = call.set_tags(Some(tags.map(ec2::builders::TagBuilder::build).collect()));
        match call.send().await.map_err(self.failed("CreateTags")) {
            Ok(_) => Ok(true),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(error.on(id.as_str())),
        }
    }

    /// All locks of these (EC2 DescribeLaunchTemplates, filtered by tags, all pages).
    pub async fn locks(&self, ours: &Selector) -> Result<Vec<LockSeen>, AwsError> {
        let found = self.describe_templates(ours).await?;
        Ok(found.iter().filter_map(|it| read(it, ours)).collect())
    }
}

fn read(template: &ec2::LaunchTemplate, ours: &Selector) -> Option<LockSeen> {
    let tags = read_tags(template.tags());
    let id = TemplateId::from(template.launch_template_id()?);
    let holder = LockHolder::read(&tags).filter(|_| ours.matches(&tags))?;
    Some(LockSeen { id, holder })
}

/// What EC2 says of a template that is not there, in whatever call.
fn is_gone(error: &AwsError) -> bool {
    error.code.as_deref() == Some("InvalidLaunchTemplateId.NotFound")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::scripted;

    const NAME: &str = "spot-tui-lock-spot-1";

    fn told(deployment: &str, more: &str) -> String {
        format!(
            "<DescribeLaunchTemplatesResponse><launchTemplates><item><launchTemplateId>lt-1\
             </launchTemplateId><launchTemplateName>{NAME}</launchTemplateName><tagSet><item>\
             <key>ManagedBy</key><value>spot-tui</value></item><item><key>DeploymentId</key>\
             <value>{deployment}</value></item>{more}</tagSet></item></launchTemplates>\
             </DescribeLaunchTemplatesResponse>"
        )
    }

    fn ours() -> Selector {
        Selector::deployment(&"spot-1".into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_template_of_the_same_name_that_is_no_lock_of_ours_is_left_alone() {
        let nonce = "<item><key>LockNonce</key><value>n</value></item>";
        for (body, is_ours) in [
            (told("spot-1", nonce), true),
            (told("spot-1", ""), false),
            (told("spot-2", nonce), false),
        ] {
            let (ec2, _) = scripted::ec2(move |_| (200, body.clone())).await;
            let seen = ec2.lock_named(&ours(), NAME).await;
            assert_eq!(seen.is_ok_and(|seen| seen.is_some()), is_ours);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_gone_is_no_error() {
        let gone = |_: &str| scripted::refusal("InvalidLaunchTemplateId.NotFound");
        let (ec2, _) = scripted::ec2(gone).await;
        assert_eq!(ec2.lock_by_id(&"lt-1".into()).await.unwrap(), None);
        assert!(!ec2.renew_lock(&"lt-1".into(), &LockHolder::default()).await.unwrap());
    }
}
