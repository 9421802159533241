//! Many at once: one CreateFleet over all pools of a region, and the launch template that it needs
//! for the length of that call.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::candidates::Candidate;
use super::placement::{Placed, Placement, Request};
use crate::aws::{
    AwsError, Class, FleetOverride, FleetRequest, Kind, LaunchOutcome, LaunchRequest, Selector,
    TemplateId, is_burstable, retry_until,
};
use crate::fleet::{Attempt, Failure, InstanceKey, LaunchId, Level, Pool, Step};
use crate::jobs::intents::close;
use crate::retry::TEMPLATE_TIMEOUT;

/// The API action that makes a launch template.
const CREATE_TEMPLATE: &str = "CreateLaunchTemplate";

impl Placement<'_> {
    /// Asks for a fleet over all these candidates; what it gives goes from `waiting` to `placed`,
    /// and who has nothing is not left to be asked again. An error says that nobody is to be asked
    /// any more.
    pub(super) async fn ask_fleet(
        &self,
        candidates: &mut Vec<&Candidate>,
        waiting: &mut Vec<InstanceKey>,
        placed: &mut Placed,
        tries: &mut Vec<Attempt>,
    ) -> Result<(), Failure> {
        // Requests for single pools count from one.
        let token = self.intent.request(0);
        // A template says one thing about CPU credits, and EC2 takes it for burstable types only.
        // The others are asked one by one for what is missing then.
        let bursts = |it: &&Candidate| is_burstable(&it.pool.machine_type);
        let first = candidates.first().is_some_and(bursts);
        let mut pools: Vec<&Candidate> =
            candidates.iter().copied().filter(|it| bursts(it) == first).collect();
        // EC2 refuses a fleet that names a pool twice, as two subnets of a zone would.
        let mut named = BTreeSet::new();
        pools.retain(|it| named.insert((&it.pool.zone, &it.pool.machine_type)));
        let template = self.make_template(&pools, &token).await?;
        let request = self.fleet(&pools, &token, &template, waiting.len());
        let answer = self.ask(Request::Fleet(&request), waiting, placed, tries).await;
        self.drop_template(&template).await;
        match answer? {
            Ok(LaunchOutcome { machines, refused }) => {
                self.fill(machines, waiting, placed).await;
                let fatal = self.strike(refused, candidates, placed);
                fatal.filter(|_| !waiting.is_empty()).map_or(Ok(()), |error| {
                    placed.stale_image |= error.is_stale_image();
                    Err(error.failure(Step::Launch))
                })
            }
            // Asked one by one, the pools tell which of them it is, and give what there is room for.
            Err(AwsError { class: Class::Elsewhere | Class::Quota | Class::TooMany, .. }) => Ok(()),
            Err(error) => Err(error.failure(Step::Launch)),
        }
    }

    /// Strikes the pools that have nothing to give. Those that time mends, and those whose quota has
    /// no room for so many, stay: asked one by one, they are asked again, and for fewer. Answers
    /// what ends all.
    fn strike(
        &self,
        refused: Vec<(Pool, AwsError)>,
        candidates: &mut Vec<&Candidate>,
        placed: &mut Placed,
    ) -> Option<AwsError> {
        let mut fatal = None;
        for (pool, error) in refused.into_iter().filter(|(_, error)| was_asked(error)) {
            if error.class == Class::Elsewhere {
                self.bar(&pool, &error, placed);
                candidates.retain(|it| it.pool != pool);
            } else if ends_all(error.class) {
                fatal = fatal.or(Some(error));
            }
        }
        fatal
    }

    fn fleet(
        &self,
        candidates: &[&Candidate],
        token: &LaunchId,
        template: &TemplateId,
        count: usize,
    ) -> FleetRequest {
        let place = |candidate: &&Candidate| FleetOverride {
            pool: candidate.pool.clone(),
            image: candidate.image.id.clone(),
            subnet: candidate.subnet.clone(),
        };
        FleetRequest {
            token: token.clone(),
            count: u32::try_from(count).unwrap_or(u32::MAX),
            template: template.clone(),
            places: candidates.iter().map(place).collect(),
            max_price: self.template.max_price,
            tags: self.origin.launch_tags(self.ec2.region(), token),
        }
    }

    /// Makes the launch template, on the disk before it is asked for.
    async fn make_template(
        &self,
        candidates: &[&Candidate],
        token: &LaunchId,
    ) -> Result<TemplateId, Failure> {
        let request = LaunchRequest {
            tags: self.origin.launch_tags(self.ec2.region(), token),
            token: token.clone(),
            // For its credits alone: the pools name the type.
            machine_type: candidates.first().map_or("".into(), |it| it.pool.machine_type.clone()),
            // Ubuntu's images all have the same one.
            root_device: candidates
                .first()
                .map_or_else(String::new, |it| it.image.root_device.clone()),
            ..self.template.clone()
        };
        let intent = serde_json::to_value(&request).unwrap_or_default();
        let recorded = self.record(CREATE_TEMPLATE, token, intent).await?;
        let create = || async {
            match self.ec2.create_template(&request).await {
                // Nobody but the lost call itself can have made one with this name.
                Err(error) if matches!(error.class, Class::Unknown | Class::Exists) => {
                    self.find_template(token).await.ok_or(error)
                }
                made => made,
            }
        };
        let made = retry_until(Instant::now() + TEMPLATE_TIMEOUT, passes, create).await;
        if !matches!(&made, Err(error) if error.class == Class::Unknown) {
            let outcome = if made.is_ok() { "done" } else { "refused" };
            close(self.context, recorded, outcome).await;
        }
        made.map_err(|error| error.failure(Step::Launch))
    }

    async fn find_template(&self, token: &LaunchId) -> Option<TemplateId> {
        let selector = Selector::deployment(&self.origin.deployment).made_by(token);
        self.ec2.templates(&selector).await.ok()?.pop()
    }

    /// The fleet has what it needs. What cannot be deleted now goes with the deployment.
    async fn drop_template(&self, template: &TemplateId) {
        let delete = || self.ec2.delete(Kind::Template, template.as_str());
        let deleted = retry_until(Instant::now() + TEMPLATE_TIMEOUT, passes, delete).await;
        if let Err(error) = deleted
            && error.class != Class::Gone
        {
            let text = format!("{error}; destroy removes it");
            self.reporter.said_of(self.ec2.region(), Level::Warning, text).await;
        }
    }

    /// What a fleet came to, pool by pool. Where the whole call was refused, no pool was asked:
    /// that is said of the region.
    pub(super) async fn fleet_attempts(
        &self,
        request: &FleetRequest,
        answer: &Result<LaunchOutcome, AwsError>,
    ) -> Vec<Attempt> {
        let LaunchOutcome { machines, refused } = match answer {
            Ok(outcome) => outcome,
            Err(error) => {
                let text = error.to_string();
                self.reporter.said_of(self.ec2.region(), Level::Warning, text).await;
                return Vec::new();
            }
        };
        let pools = request.places.iter().map(|place| &place.pool);
        let gave = pools.filter_map(|pool| {
            let count = machines.iter().filter(|machine| machine.pool() == *pool).count();
            (count > 0).then(|| self.tried(pool.clone(), request.count, count, None))
        });
        let refusals = refused
            .iter()
            .map(|(pool, error)| self.tried(pool.clone(), request.count, 0, Some(error)));
        refusals.chain(gave).collect()
    }
}

/// Whether a pool was asked. EC2 tries three at most and gives the rest this code untried (measured
/// on 2026-10-07: of six pools with a price that is too low three were answered with it).
fn was_asked(error: &AwsError) -> bool {
    error.code.as_deref() != Some("UnfulfillableCapacity")
}

/// Whether a pool's refusal is one of all pools. That EC2 throttles is none, and it tells so inside
/// an answer with status 200 (aws/aws-parallelcluster-node#740), as what is too young to be known.
fn ends_all(class: Class) -> bool {
    matches!(
        class,
        Class::Denied | Class::FatalRegion | Class::FatalAccount | Class::Credentials(_)
    )
}

/// What time mends. The same token makes no second template.
fn passes(error: &AwsError) -> bool {
    matches!(error.class, Class::Retry | Class::NotYet | Class::Unknown)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::aws::{Access, Architecture, Ec2, ImageChoice, SharedTimeSource, scripted};
    use crate::config::CpuCredits;
    use crate::fleet::tags::Origin;
    use crate::fleet::{FailureKind, JobId, Launch, Lifecycle};
    use crate::jobs::context::{Context, ContextSettings};
    use crate::jobs::create::spread::Spread;
    use crate::jobs::intents::creates::CreateIntent;
    use crate::store::{Cache, Journal, Paths};

    /// An EC2 in which both pools refuse a fleet with this code, and give to who asks them alone.
    async fn refusing(code: &'static str) -> (Ec2, scripted::Calls) {
        let refused = |zone: &str| {
            format!(
                "<item><launchTemplateAndOverrides><overrides><instanceType>t3.medium\
                 </instanceType><subnetId>subnet-{zone}</subnetId></overrides>\
                 </launchTemplateAndOverrides><errorCode>{code}</errorCode><errorMessage>no\
                 </errorMessage></item>"
            )
        };
        let refused = format!("<errorSet>{}{}</errorSet>", refused("a"), refused("b"));
        let given = scripted::instance("i-1", "pending", &[]);
        let given = given.replace("<reservationSet><item>", "");
        let given = given.replace("</item></reservationSet>", "");
        scripted::ec2(move |call| {
            let action = call.split('&').next().unwrap_or_default().trim_start_matches("Action=");
            let inside = match action {
                "CreateLaunchTemplate" => {
                    "<launchTemplate><launchTemplateId>lt-1</launchTemplateId></launchTemplate>"
                }
                "CreateFleet" => refused.as_str(),
                "RunInstances" => given.as_str(),
                _ => "",
            };
            (200, format!("<{action}Response>{inside}</{action}Response>"))
        })
        .await
    }

    fn candidate(zone: &str) -> Candidate {
        Candidate {
            pool: Pool {
                zone: format!("us-west-2{zone}").into(),
                machine_type: "t3.medium".into(),
            },
            image: ImageChoice {
                id: "ami-1".into(),
                root_device: "/dev/sda1".into(),
                name: "ubuntu".into(),
                architecture: Architecture::Amd64,
            },
            subnet: format!("subnet-{zone}").into(),
            price: None,
            reason: None,
        }
    }

    fn template() -> LaunchRequest {
        LaunchRequest {
            token: "".into(),
            count: 0,
            machine_type: "".into(),
            image: "".into(),
            root_device: String::new(),
            subnet: "".into(),
            zone: "".into(),
            security_groups: Vec::new(),
            key_name: None,
            user_data: String::new(),
            storage_gb: 30,
            keeps_root: false,
            lifecycle: Lifecycle::Spot,
            max_price: None,
            associate_public_ip: true,
            cpu_credits: CpuCredits::Standard,
            ends_itself: false,
            instance_profile: None,
            tags: BTreeMap::new(),
        }
    }

    /// What comes of one that is wanted, and how often a pool is asked by itself.
    async fn placed(code: &'static str) -> (Placed, usize) {
        let (ec2, calls) = refusing(code).await;
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&Paths::new(folder.path().join("instances.json"))).unwrap();
        let (asker, _questions) = crate::jobs::questions();
        let context = Context::new(ContextSettings {
            journal: Some(Arc::new(journal)),
            ..ContextSettings::new("spot-1".into(), Access::default(), Cache::new("unused"), asker)
        });
        let (report_sender, _receiver) = crate::jobs::report_channel(SharedTimeSource::default());
        let keys: Vec<InstanceKey> = vec!["us-west-2/l-1#0".into()];
        let launch = Launch::new("us-west-2".into(), "l-1".into(), keys.clone());
        let placement = Placement {
            context: &context,
            reporter: &report_sender.reporter(JobId(1)),
            ec2: &ec2,
            intent: &CreateIntent::begin(&context, &launch, None).await.unwrap(),
            keys: &keys,
            origin: &Origin {
                deployment: "spot-1".into(),
                creator: "somebody".into(),
                at: Timestamp::UNIX_EPOCH,
                extra: BTreeMap::new(),
            },
            template: template(),
            fleet_from: Some(1),
            too_dear: None,
            spread: Spread::default(),
            machine: None,
        };
        let placed = Box::pin(placement.place(&[candidate("a"), candidate("b")])).await;
        let calls = calls.lock().unwrap();
        assert!(calls.iter().any(|call| call.starts_with("Action=CreateFleet&")), "{calls:?}");
        let alone = calls.iter().filter(|call| call.starts_with("Action=RunInstances&")).count();
        (placed, alone)
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_that_time_or_a_smaller_request_mends_is_asked_by_itself() {
        for code in [
            "RequestLimitExceeded",
            "InternalError",
            "InvalidGroup.NotFound",
            "InvalidKeyPair.NotFound",
            "MaxSpotInstanceCountExceeded",
            "VcpuLimitExceeded",
            "ResourceCountExceeded",
        ] {
            let (placed, alone) = Box::pin(placed(code)).await;
            assert!(placed.refused.is_none(), "{code}: {:?}", placed.refused);
            assert_eq!((placed.machines.len(), alone), (1, 1), "{code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_that_has_nothing_is_not_asked_again_and_what_it_said_is_told() {
        let (placed, alone) = Box::pin(placed("SpotMaxPriceTooLow")).await;
        assert_eq!(alone, 0);
        let (_, failure) = placed.refused.unwrap();
        assert!(failure.hint.contains("spot_price_limit"), "{failure}");
        assert!(!placed.is_short, "more room would mend nothing");
        assert!(Box::pin(self::placed("InsufficientInstanceCapacity")).await.0.is_short);
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_pool_can_mend_ends_all_at_once() {
        for (code, kind) in [
            ("UnauthorizedOperation", FailureKind::Permission),
            ("Blocked", FailureKind::Permission),
            ("ExpiredToken", FailureKind::Credentials),
            ("InvalidAMIID.NotFound", FailureKind::Configuration),
        ] {
            let (placed, alone) = Box::pin(placed(code)).await;
            let (_, failure) = placed.refused.unwrap();
            assert_eq!((failure.kind, alone), (kind, 0), "{code}: {failure}");
        }
    }
}
