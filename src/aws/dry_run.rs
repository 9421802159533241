//! Dry runs: whether this identity may do what is about to be asked for, before anything is made.
//!
//! EC2 checks permissions before everything else, so that only a refused permission counts here.
//! Whatever else it says to a dry run, the call itself will be told.

use super::access::Ec2;
use super::class::Class;
use super::error::AwsError;
use super::launch::LaunchRequest;
use crate::fleet::InstanceId;

/// An instance that nobody has.
const NOBODYS: &str = "i-00000000000000000";

/// Whether something is permitted.
#[derive(Debug, Clone)]
pub enum Permission {
    /// It is, as far as EC2 tells.
    Granted,
    /// It was refused where it does not apply: whether it is granted where it does is not known.
    Unclear(AwsError),
    /// It is not.
    Denied(AwsError),
}

impl Ec2 {
    /// Whether this identity may launch that (EC2 RunInstances, DryRun), with its tags and its
    /// instance profile. The network is not asked about: it is not there yet.
    pub async fn may_launch(&self, request: &LaunchRequest) -> Permission {
        let call = match self.run_instances(request) {
            Ok(call) => call.set_client_token(None).set_network_interfaces(None).dry_run(true),
            Err(error) => return Permission::Denied(error),
        };
        match call.send().await.map(drop).map_err(self.failed("RunInstances")) {
            Err(error) if error.class == Class::Denied && is_of_a_network(&error) => {
                Permission::Unclear(error)
            }
            Err(error) if error.class == Class::Denied => Permission::Denied(error),
            Ok(()) | Err(_) => Permission::Granted,
        }
    }

    /// Whether this identity may end this instance of ours (EC2 TerminateInstances, DryRun). Where
    /// there is none yet, a permission that is bound to our tags is refused for the one that is asked
    /// about, which nobody has: then only an explicit deny is certain.
    pub async fn may_terminate(&self, instance: Option<&InstanceId>) -> Permission {
        let id = instance.map_or(NOBODYS, InstanceId::as_str);
        let call = self.patient.terminate_instances().instance_ids(id).dry_run(true);
        match call.send().await.map(drop).map_err(self.failed("TerminateInstances")) {
            Err(error) if error.class != Class::Denied => Permission::Granted,
            Err(error) if instance.is_some() || error.message.contains("explicit deny") => {
                Permission::Denied(error)
            }
            Err(error) => Permission::Unclear(error),
            Ok(()) => Permission::Granted,
        }
    }
}

/// Whether what is denied is a part of the default network, which a dry run without a network is
/// about and the launch is not.
fn is_of_a_network(error: &AwsError) -> bool {
    let parts = [":subnet/", ":network-interface/", ":security-group/", ":vpc/"];
    error
        .message
        .split_once("on resource: arn:")
        .is_some_and(|(_, arn)| parts.iter().any(|part| arn.contains(part)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::launch::tests::request;
    use crate::aws::scripted;
    use crate::config::CpuCredits;

    fn denied(why: &str) -> (u16, String) {
        let message = format!(
            "You are not authorized to perform this operation. User: arn:aws:iam::1:user/alice is \
             not authorized to perform: {why}"
        );
        scripted::refusal_saying("UnauthorizedOperation", &message)
    }

    #[tokio::test(start_paused = true)]
    async fn a_launch_is_rehearsed_with_its_tags_and_without_a_network() {
        let (ec2, calls) = scripted::ec2(|_| scripted::refusal("DryRunOperation")).await;
        let mut request = request("t3.medium", CpuCredits::Standard);
        request.tags.insert("ManagedBy".into(), "spot-tui".into());
        assert!(matches!(ec2.may_launch(&request).await, Permission::Granted));
        let call = calls.lock().unwrap()[0].clone();
        assert!(call.contains("DryRun=true") && call.contains("TagSpecification.1"), "{call}");
        assert!(!call.contains("Subnet") && !call.contains("NetworkInterface.1."), "{call}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_launch_is_denied_is_certain_but_for_the_network() {
        for (why, is_certain) in [
            ("ec2:RunInstances because no identity-based policy allows it", true),
            ("iam:PassRole on resource: arn:aws:iam::1:role/node because ..", true),
            ("ec2:CreateTags on resource: arn:aws:ec2:us-west-2:1:instance/* because ..", true),
            ("ec2:RunInstances on resource: arn:aws:ec2:us-west-2:1:subnet/subnet-1", false),
        ] {
            let (ec2, _) = scripted::ec2(move |_| denied(why)).await;
            let told = ec2.may_launch(&request("t3.medium", CpuCredits::Standard)).await;
            assert_eq!(matches!(told, Permission::Denied(_)), is_certain, "{why}: {told:?}");
        }
    }

    /// README advises to bind it to our tags, which an instance that nobody has does not carry.
    #[tokio::test(start_paused = true)]
    async fn that_nothing_may_be_ended_is_certain_of_an_instance_that_is_there() {
        let ours = InstanceId::from("i-1");
        let by_policy = "ec2:TerminateInstances because no identity-based policy allows it";
        let by_organization =
            "ec2:TerminateInstances with an explicit deny in a service control policy";
        for (why, instance, is_certain) in [
            (by_policy, None, false),
            (by_policy, Some(&ours), true),
            (by_organization, None, true),
        ] {
            let (ec2, _) = scripted::ec2(move |_| denied(why)).await;
            let told = ec2.may_terminate(instance).await;
            assert_eq!(matches!(told, Permission::Denied(_)), is_certain, "{why}: {told:?}");
        }
        let (ec2, _) = scripted::ec2(|_| scripted::refusal("InvalidInstanceID.NotFound")).await;
        assert!(matches!(ec2.may_terminate(None).await, Permission::Granted));
    }
}
