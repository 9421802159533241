//! Placement: asks for instances, candidate by candidate, until all are placed or nothing is left
//! to ask.
//!
//! What came is kept, whatever happens to the rest. Every request has a client token of its own,
//! which is on the disk before the request is sent.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::orders::Standing;
use super::settle::RUN_INSTANCES;
use super::{Context, Reporter};
use crate::aws::{AwsError, Class, Ec2, ImageChoice, LaunchRequest, Selector};
use crate::fleet::tags::Origin;
use crate::fleet::{
    Attempt, Fact, Failure, InstanceKey, Level, Machine, MachineType, Step, SubnetId, Zone,
};
use crate::store::{Intent, IntentId};

/// How often one request is sent again after a throttle or an error of AWS's own.
const RETRIES: u32 = 6;

/// A place where instances may be had.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub machine_type: MachineType,
    pub image: ImageChoice,
    pub subnet: SubnetId,
    pub zone: Zone,
}

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
    /// Asks each candidate in turn for what is still missing.
    pub(super) async fn place(&self, candidates: &[Candidate]) -> Placed {
        let mut placed = Placed::default();
        let mut waiting = self.keys.to_vec();
        let mut refusals: Vec<AwsError> = Vec::new();
        let mut number = 0;
        for candidate in candidates {
            while !waiting.is_empty() {
                number += 1;
                let request = self.request(candidate, waiting.len(), number);
                let recorded = match self.record(&request).await {
                    Ok(recorded) => recorded,
                    Err(failure) => {
                        placed.refused = Some((waiting, failure));
                        return placed;
                    }
                };
                let answer = self.ask(&request, recorded).await;
                self.note(&request, &waiting, &answer).await;
                match answer {
                    Ok(machines) => {
                        for machine in machines {
                            if waiting.is_empty() {
                                break;
                            }
                            let key = waiting.remove(0);
                            self.reporter.learned(&key, Fact::Seen(machine.clone())).await;
                            placed.machines.push((key, machine));
                        }
                    }
                    Err(error) if error.class == Class::NewToken => {}
                    Err(error) => {
                        placed.stale_image |= error.is_stale_image();
                        let fatal = error.class != Class::Elsewhere;
                        refusals.push(error);
                        if fatal {
                            placed.refused = Some((waiting, self.failure(&refusals)));
                            return placed;
                        }
                        break;
                    }
                }
            }
        }
        if !waiting.is_empty() {
            placed.refused = Some((waiting, self.failure(&refusals)));
        }
        placed
    }

    fn request(&self, candidate: &Candidate, count: usize, number: u32) -> LaunchRequest {
        let token = self.order.request(number);
        LaunchRequest {
            count: u32::try_from(count).unwrap_or(u32::MAX),
            machine_type: candidate.machine_type.clone(),
            image: candidate.image.id.clone(),
            root_device: candidate.image.root_device.clone(),
            subnet: candidate.subnet.clone(),
            zone: candidate.zone.clone(),
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
    ) -> Result<Vec<Machine>, AwsError> {
        let mut pause = Duration::from_millis(500);
        let mut answer = self.ec2.launch(request).await;
        for _ in 0..RETRIES {
            match &answer {
                Err(error) if error.class == Class::Unknown => {
                    let text = format!("{error}; looking for what it made");
                    self.reporter.said_of(self.ec2.region(), Level::Warning, text).await;
                    if let Some(machines) = self.find(request).await {
                        answer = Ok(machines);
                        break;
                    }
                }
                Err(error) if matches!(error.class, Class::Retry | Class::NotYet) => {
                    sleep(super::jitter(pause)).await;
                    pause = (pause * 2).min(Duration::from_secs(30));
                }
                _ => break,
            }
            // The same request with the same token launches at most once.
            answer = self.ec2.launch(request).await;
        }
        if let Ok(machines) = &answer {
            self.order.note(self.context, machines).await;
        }
        let unknown = matches!(&answer, Err(error) if error.class == Class::Unknown);
        if !unknown {
            let outcome = if answer.is_ok() { "done" } else { "refused" };
            super::close(self.context, recorded, outcome).await;
        }
        answer
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

    /// Writes an attempt into the rows that it was for.
    async fn note(
        &self,
        request: &LaunchRequest,
        waiting: &[InstanceKey],
        answer: &Result<Vec<Machine>, AwsError>,
    ) {
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
        for key in waiting {
            self.reporter.learned(key, Fact::Tried(attempt.clone())).await;
        }
        if let Some(error) = refusal
            && error.class == Class::Elsewhere
        {
            let text = format!("{error}; trying the next place");
            self.reporter.said_of(self.ec2.region(), Level::Warning, text).await;
        }
    }

    fn failure(&self, refusals: &[AwsError]) -> Failure {
        match refusals {
            [] => Failure::new(
                Step::Launch,
                format!("{} has no zone that offers what is asked for", self.ec2.region()),
                "name another machine type or zone for this region",
            ),
            [only] => only.failure(Step::Launch),
            [.., last] => Failure::new(
                Step::Launch,
                format!("{} places were tried; the last: {last}", refusals.len()),
                last.hint(),
            ),
        }
    }
}
