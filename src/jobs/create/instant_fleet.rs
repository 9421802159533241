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
    /// and who refused is not left to be asked again. An error says that nobody is to be asked any
    /// more.
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
        let answer = self.ask(Request::Fleet(&request), waiting, tries).await;
        self.drop_template(&template).await;
        match answer? {
            Ok(LaunchOutcome { machines, refused }) => {
                self.fill(machines, waiting, placed).await;
                let asked: Vec<(Pool, AwsError)> =
                    refused.into_iter().filter(|(_, error)| was_asked(error)).collect();
                for (pool, error) in asked.iter().filter(|(_, it)| it.class == Class::Elsewhere) {
                    self.context.unavailable_pools().note(pool, error.code.as_deref());
                }
                candidates.retain(|it| !asked.iter().any(|(pool, _)| *pool == it.pool));
                let mut errors = asked.into_iter().map(|(_, error)| error);
                let fatal = errors.find(|it| !matches!(it.class, Class::Elsewhere | Class::Quota));
                fatal.filter(|_| !waiting.is_empty()).map_or(Ok(()), |error| {
                    placed.stale_image |= error.is_stale_image();
                    Err(error.failure(Step::Launch))
                })
            }
            Err(error) if error.class == Class::Elsewhere => Ok(()),
            Err(error) => Err(error.failure(Step::Launch)),
        }
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

/// What time mends. The same token makes no second template.
fn passes(error: &AwsError) -> bool {
    matches!(error.class, Class::Retry | Class::NotYet | Class::Unknown)
}
