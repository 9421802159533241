//! Placement: asks for instances, candidate by candidate, until all are placed or nothing is left
//! to ask.
//!
//! What came is kept, whatever happens to the rest. Every request has a client token of its own,
//! which is on the disk before the request is sent.

mod candidates;
mod refusals;

use std::time::Duration;

use tokio::time::{Instant, sleep};

pub(super) use candidates::{Candidate, candidates, forget_images, images, machines};
pub(super) use refusals::Refusals;

use super::orders::Standing;
use super::settle::RUN_INSTANCES;
use super::{Context, Reporter};
use crate::aws::{AwsError, Class, Ec2, LaunchRequest, Selector};
use crate::fleet::tags::Origin;
use crate::fleet::{Attempt, Fact, Failure, InstanceKey, Level, Machine, Step};
use crate::store::{Intent, IntentId};

/// How often one request is sent again after a throttle or an error of AWS's own.
const RETRIES: u32 = 6;

/// What placement came to.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// What there is now, and which row it belongs to.
    pub machines: Vec<(InstanceKey, Machine)>,
    /// Rows for which there was no place, and why.
    pub refused: Option<(Vec<InstanceKey>, Failure)>,
    /// Whether AWS did not know the image.
    pub stale_image: bool,
}

/// The launch of one region.
pub(super) struct Placement<'a> {
    pub context: &'a Context,
    pub reporter: &'a Reporter,
    pub ec2: &'a Ec2,
    pub order: &'a Standing,
    /// The rows that are to be filled.
    pub keys: &'a [InstanceKey],
    pub origin: &'a Origin,
    /// What all requests have in common.
    pub template: LaunchRequest,
}

impl Placement<'_> {
    /// Asks each candidate in turn for what is still missing; then once more those that gave
    /// something, until none does.
    pub(super) async fn place(&self, candidates: &[Candidate]) -> Placed {
        let mut placed = Placed::default();
        let mut waiting = self.keys.to_vec();
        let mut tries = Vec::new();
        let mut round: Vec<&Candidate> = candidates.iter().collect();
        while !round.is_empty() && !waiting.is_empty() {
            let mut gave = Vec::new();
            for candidate in round {
                if waiting.is_empty() {
                    break;
                }
                let before = waiting.len();
                let asked = self.ask_one(candidate, &mut waiting, &mut placed, &mut tries).await;
                if let Err(failure) = asked {
                    placed.refused = Some((waiting, failure));
                    return placed;
                }
                if waiting.len() < before {
                    gave.push(candidate);
                }
            }
            round = gave;
        }
        if !waiting.is_empty() {
            let failure = self.nowhere(waiting.len(), &tries);
            placed.refused = Some((waiting, failure));
        }
        placed
    }

    /// Asks one candidate; what it gives goes from `waiting` to `placed`. An error says that there
    /// is nobody to be asked any more.
    async fn ask_one(
        &self,
        candidate: &Candidate,
        waiting: &mut Vec<InstanceKey>,
        placed: &mut Placed,
        tries: &mut Vec<Attempt>,
    ) -> Result<(), Failure> {
        loop {
            let request = self.request(candidate, waiting.len(), tries.len() + 1);
            let recorded = self.record(&request).await?;
            match self.ask(&request, recorded, waiting, tries).await {
                Ok(machines) => {
                    let given = machines.len().min(waiting.len());
                    for (key, machine) in waiting.drain(..given).zip(machines) {
                        self.reporter.learned(&key, Fact::Seen(machine.clone())).await;
                        placed.machines.push((key, machine));
                    }
                    return Ok(());
                }
                Err(error) if error.class == Class::NewToken => {}
                Err(error) if error.class == Class::Elsewhere => {
                    self.context.refusals().note(&candidate.pool, error.code.as_deref());
                    return Ok(());
                }
                Err(error) => {
                    placed.stale_image |= error.is_stale_image();
                    return Err(error.failure(Step::Launch));
                }
            }
        }
    }

    fn request(&self, candidate: &Candidate, count: usize, number: usize) -> LaunchRequest {
        let token = self.order.request(u32::try_from(number).unwrap_or(u32::MAX));
        LaunchRequest {
            count: u32::try_from(count).unwrap_or(u32::MAX),
            machine_type: candidate.pool.machine_type.clone(),
            image: candidate.image.id.clone(),
            root_device: candidate.image.root_device.clone(),
            subnet: candidate.subnet.clone(),
            zone: candidate.pool.zone.clone(),
            tags: self.origin.launch_tags(self.ec2.region(), &token),
            token,
            ..self.template.clone()
        }
    }

    async fn record(&self, request: &LaunchRequest) -> Result<IntentId, Failure> {
        let intent = Intent {
            action: RUN_INSTANCES.into(),
            region: self.ec2.region().clone(),
            deployment: self.origin.deployment.clone(),
            launch: Some(request.token.clone()),
            request: serde_json::to_value(request).unwrap_or_default(),
        };
        super::record(self.context, &intent).await
    }

    /// One request, sent again where that is right.
    async fn ask(
        &self,
        request: &LaunchRequest,
        recorded: IntentId,
        waiting: &[InstanceKey],
        tries: &mut Vec<Attempt>,
    ) -> Result<Vec<Machine>, AwsError> {
        let mut pause = Duration::from_millis(500);
        let mut retries = RETRIES;
        loop {
            let mut answer = self.ec2.launch(request).await;
            let is_unknown = |answer: &Result<_, AwsError>| matches!(answer, Err(error) if error.class == Class::Unknown);
            if let Err(error) = &answer
                && error.class == Class::Unknown
            {
                let text = format!("{error}; looking for what it made");
                self.reporter.said_of(self.ec2.region(), Level::Warning, text).await;
                if let Some(machines) = self.find(request).await {
                    answer = Ok(machines);
                }
            }
            tries.push(self.note(request, waiting, &answer).await);
            let may_pass = matches!(&answer, Err(error)
                if matches!(error.class, Class::Unknown | Class::Retry | Class::NotYet));
            if let Ok(machines) = &answer {
                self.order.note(self.context, machines).await;
            }
            if !may_pass || retries == 0 {
                if !is_unknown(&answer) {
                    let outcome = if answer.is_ok() { "done" } else { "refused" };
                    super::close(self.context, recorded, outcome).await;
                }
                return answer;
            }
            // The same request with the same token launches at most once.
            retries -= 1;
            if !is_unknown(&answer) {
                sleep(super::jitter(pause)).await;
                pause = (pause * 2).min(Duration::from_secs(30));
            }
        }
    }

    /// What a request of unknown outcome made, found by its token in the tags. All of it: what is
    /// told of later than the rest would be asked for a second time.
    async fn find(&self, request: &LaunchRequest) -> Option<Vec<Machine>> {
        let selector = Selector::deployment(&self.origin.deployment).made_by(&request.token);
        let deadline = Instant::now() + self.context.pace.consistency;
        let wanted = usize::try_from(request.count).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        loop {
            if let Ok(machines) = self.ec2.instances(&selector).await
                && machines.len() > found.len()
            {
                found = machines;
            }
            if found.len() >= wanted || Instant::now() >= deadline {
                return (!found.is_empty()).then_some(found);
            }
            sleep(self.context.pace.busy).await;
        }
    }

    /// Writes an attempt into the rows that it was for, and into the region.
    async fn note(
        &self,
        request: &LaunchRequest,
        waiting: &[InstanceKey],
        answer: &Result<Vec<Machine>, AwsError>,
    ) -> Attempt {
        let refusal = answer.as_ref().err();
        let attempt = Attempt {
            at: self.context.now(),
            zone: request.zone.clone(),
            machine_type: request.machine_type.clone(),
            asked: request.count,
            given: answer.as_ref().map_or(0, |got| u32::try_from(got.len()).unwrap_or(u32::MAX)),
            code: refusal.and_then(|error| error.code.as_deref()).map(str::to_owned),
            message: refusal.map(|error| error.message.to_string()),
        };
        self.reporter.learned_of(self.ec2.region(), Fact::Tried(attempt.clone())).await;
        for key in waiting {
            self.reporter.learned(key, Fact::Tried(attempt.clone())).await;
        }
        attempt
    }

    /// All candidates were asked, and this many found no place.
    fn nowhere(&self, missing: usize, tries: &[Attempt]) -> Failure {
        let region = self.ec2.region();
        if tries.is_empty() {
            return Failure::new(
                Step::Launch,
                format!("{region} has no zone that offers what is asked for"),
                "name another machine type or zone; a zone that refused is asked again after 3 \
                 minutes",
            );
        }
        let told: Vec<String> = tries.iter().map(ToString::to_string).collect();
        Failure::new(
            Step::Launch,
            format!(
                "{missing} of {} found no place in {region}: {}",
                self.keys.len(),
                told.join("; ")
            ),
            "add machine types or regions, set placement.spill: true, or try again later",
        )
    }
}
