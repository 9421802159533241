//! Placement: asks for instances, candidate by candidate, until all are placed or nothing is left
//! to ask.
//!
//! What came is kept, whatever happens to the rest. Every request has a client token of its own,
//! which is on the disk before the request is sent.

use std::collections::BTreeMap;

use tokio::time::{Instant, sleep};

use super::alone::is_alone;
use super::candidates::Candidate;
use super::spread::Spread;
use crate::aws::{
    AwsError, Class, Ec2, FleetRequest, LaunchOutcome, LaunchRequest, Selector, quota_group,
};
use crate::fleet::tags::Origin;
use crate::fleet::{
    Attempt, Failure, FailureKind, InstanceKey, InstanceNews, LaunchId, Level, Machine, Pool,
    Region, RegionNews, Step,
};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::intents::actions::{CREATE_FLEET, RUN_INSTANCES};
use crate::jobs::intents::creates::CreateIntent;
use crate::jobs::intents::{close, record};
use crate::retry::{LAUNCH_RETRIES, THROTTLED};
use crate::store::{Intent, IntentId};

/// How many one request asks for at the most. EC2 has a bucket of 1000 launched instances and refills
/// it with 2 a second (Request throttling for the Amazon EC2 API): once it is empty, what
/// [`LAUNCH_RETRIES`] wait for is enough for so many.
const AT_ONCE: usize = 100;

/// What placement came to.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// What there is now, and which row it belongs to.
    pub machines: Vec<(InstanceKey, Machine)>,
    /// Rows for which there was no place, and why.
    pub refused: Option<(Vec<InstanceKey>, Failure)>,
    /// Whether AWS did not know the image.
    pub stale_image: bool,
    /// The last refusal that was about a place.
    pub barred: Option<Failure>,
    /// Whether one of them was for lack of capacity, which may pass.
    pub is_short: bool,
    /// A request of which nobody knows what it made: its intent is open, and what waited for it may be
    /// there. Nobody asks for that anywhere else.
    pub is_unanswered: bool,
    /// Whether a network was asked for, and may stand.
    pub is_laid_out: bool,
}

impl Placed {
    /// None of these found a place.
    pub(super) fn refused(keys: &[InstanceKey], failure: Failure) -> Self {
        Self { refused: Some((keys.to_vec(), failure)), ..Self::default() }
    }

    /// The region, where a network was laid out and nothing was launched.
    pub(super) fn unused(&self, region: &Region) -> Option<Region> {
        let is_empty = self.machines.is_empty() && !self.is_unanswered;
        (self.is_laid_out && is_empty).then(|| region.clone())
    }
}

/// The launch of one region.
pub(super) struct Placement<'a> {
    pub context: &'a Context,
    pub reporter: &'a Reporter,
    pub ec2: &'a Ec2,
    pub intent: &'a CreateIntent,
    /// The rows that are to be filled.
    pub keys: &'a [InstanceKey],
    pub origin: &'a Origin,
    /// What all requests have in common.
    pub template: LaunchRequest,
    /// From how many instances on a fleet is asked for; `None` for never.
    pub fleet_from: Option<u32>,
    /// Why some places are not asked: the budget.
    pub too_dear: Option<Failure>,
    /// How many each place may have.
    pub spread: Spread,
    /// The machine of the configuration that is launched.
    pub machine: Option<&'a str>,
}

/// A request to launch, in either way.
#[derive(Debug, Clone, Copy)]
pub(super) enum Request<'a> {
    /// One place, which is asked for this reason.
    Run(&'a LaunchRequest, Option<&'a str>),
    Fleet(&'a FleetRequest),
}

impl Request<'_> {
    fn token(&self) -> &LaunchId {
        match self {
            Self::Run(request, _) => &request.token,
            Self::Fleet(request) => &request.token,
        }
    }

    fn count(&self) -> u32 {
        match self {
            Self::Run(request, _) => request.count,
            Self::Fleet(request) => request.count,
        }
    }

    /// As the journal keeps it.
    fn intent(&self) -> (&'static str, serde_json::Value) {
        let (action, request) = match self {
            Self::Run(request, _) => (RUN_INSTANCES, serde_json::to_value(request)),
            Self::Fleet(request) => (CREATE_FLEET, serde_json::to_value(request)),
        };
        (action, request.unwrap_or_default())
    }
}

impl Placement<'_> {
    /// Where there are many to place, asks for a fleet. Then asks each candidate in turn for what is
    /// still missing; then once more those that gave something, until none does.
    pub(super) async fn place(&self, candidates: &[Candidate]) -> Placed {
        let mut placed = Placed::default();
        let mut waiting = self.keys.to_vec();
        let mut tries = Vec::new();
        let mut round: Vec<&Candidate> = candidates.iter().collect();
        if self.fleet_from.is_some_and(|from| waiting.len() >= from as usize) && !round.is_empty() {
            let asked = self.ask_fleet(&mut round, &mut waiting, &mut placed, &mut tries).await;
            if let Err(failure) = asked {
                placed.refused = Some((waiting, failure));
                return placed;
            }
        }
        // Families whose quota is used up: nobody asks them again, and others may give.
        let mut used_up: Vec<(Option<&str>, AwsError)> = Vec::new();
        let mut spread = self.spread.clone();
        let mut has_share: Vec<&Candidate> = Vec::new();
        while !waiting.is_empty() {
            if round.is_empty() {
                // What has its share has not refused, and others have nothing.
                round = std::mem::take(&mut has_share);
                if round.is_empty() || !spread.lift() {
                    break;
                }
                self.say_beyond_spread(waiting.len()).await;
            }
            let mut gave = Vec::new();
            for candidate in round {
                let group = quota_group(&candidate.pool.machine_type);
                if waiting.is_empty() {
                    break;
                }
                if used_up.iter().any(|(used, _)| *used == group) {
                    continue;
                }
                let (before, room) = (waiting.len(), spread.room(&candidate.pool));
                match self.ask_one((candidate, room), &mut waiting, &mut placed, &mut tries).await {
                    Ok(quota) => used_up.extend(quota.map(|error| (group, error))),
                    Err(failure) => {
                        placed.refused = Some((waiting, failure));
                        return placed;
                    }
                }
                let given = before - waiting.len();
                spread.note(&candidate.pool, given);
                if given == room.min(before) {
                    has_share.push(candidate);
                } else if given > 0 {
                    // What gave a part may give more; what gave nothing is not asked again.
                    gave.push(candidate);
                }
            }
            round = gave;
        }
        if !waiting.is_empty() {
            let quota = used_up.pop().map(|(_, error)| error.failure(Step::Launch));
            let barred = placed.barred.take().filter(|_| !placed.is_short);
            let why = quota.or_else(|| self.too_dear.clone()).or(barred);
            let failure = self.nowhere(waiting.len(), &tries, why);
            placed.refused = Some((waiting, failure));
        }
        placed
    }

    /// What is left finds no place within the limit: it goes where there is room.
    async fn say_beyond_spread(&self, left: usize) {
        let percent = self.context.config.as_ref().and_then(|config| config.placement.spread);
        let text = format!(
            "{left} of {} find no place within placement.spread ({} %): they go where there is room",
            self.keys.len(),
            percent.unwrap_or_default()
        );
        self.reporter.said_of(self.ec2.region(), Level::Warning, text).await;
    }

    /// Asks one candidate for as many as it may have; what it gives goes from `waiting` to `placed`.
    /// Answers with the refusal where the quota of its families is used up. An error says that there
    /// is nobody to be asked any more.
    ///
    /// AWS gives a part of what is asked for where capacity is short, but nothing where the quota
    /// is, or where one request asks for more than it takes: then half as many are asked for, down to
    /// one.
    async fn ask_one(
        &self,
        (candidate, room): (&Candidate, usize),
        waiting: &mut Vec<InstanceKey>,
        placed: &mut Placed,
        tries: &mut Vec<Attempt>,
    ) -> Result<Option<AwsError>, Failure> {
        let others = waiting.len().saturating_sub(room);
        let mut at_once = AT_ONCE;
        let mut most = at_once.min(waiting.len() - others);
        while waiting.len() > others {
            let count = most.min(waiting.len() - others);
            let request = self.request(candidate, count, tries.len() + 1);
            let request = Request::Run(&request, candidate.reason.as_deref());
            match self.ask(request, waiting, placed, tries).await? {
                Ok(outcome) => {
                    // A part is all that there is.
                    let is_part = outcome.machines.len() < count;
                    self.fill(outcome.machines, waiting, placed).await;
                    if is_part {
                        return Ok(None);
                    }
                }
                // Nothing was made under the old token: the next request has the next number.
                Err(error) if error.class == Class::NewToken => {}
                Err(error) if error.class == Class::Quota && count > 1 => most = count / 2,
                Err(error) if error.class == Class::TooMany && count > 1 => {
                    at_once = count / 2;
                    most = at_once;
                }
                Err(error) if error.class == Class::Quota => return Ok(Some(error)),
                Err(error) if error.class == Class::Elsewhere => {
                    self.bar(&candidate.pool, &error, placed);
                    return Ok(None);
                }
                Err(error) => {
                    placed.stale_image |= error.is_stale_image();
                    return Err(error.failure(Step::Launch));
                }
            }
        }
        Ok(None)
    }

    /// Notes that a place has nothing to give, and why: others may have.
    pub(super) fn bar(&self, pool: &Pool, error: &AwsError, placed: &mut Placed) {
        let code = error.code.as_deref();
        self.context.unavailable_pools().note(pool, code);
        placed.barred = Some(error.failure(Step::Launch));
        placed.is_short |= code.is_some_and(|code| code.contains("Capacity"));
    }

    /// Gives these machines to the rows that wait.
    pub(super) async fn fill(
        &self,
        machines: Vec<Machine>,
        waiting: &mut Vec<InstanceKey>,
        placed: &mut Placed,
    ) {
        let given = machines.len().min(waiting.len());
        for (key, machine) in waiting.drain(..given).zip(machines) {
            self.reporter.seen(&key, &machine).await;
            placed.machines.push((key, machine));
        }
    }

    fn request(&self, candidate: &Candidate, count: usize, number: usize) -> LaunchRequest {
        let token = self.intent.request(u32::try_from(number).unwrap_or(u32::MAX));
        LaunchRequest {
            count: u32::try_from(count).unwrap_or(u32::MAX),
            machine_type: candidate.pool.machine_type.clone(),
            image: candidate.image.id.clone(),
            root_device: candidate.image.root_device.clone(),
            subnet: candidate.subnet.clone(),
            zone: candidate.pool.zone.clone(),
            tags: self.tags(&token),
            token,
            ..self.template.clone()
        }
    }

    /// The tags of what a request makes.
    fn tags(&self, token: &LaunchId) -> BTreeMap<String, String> {
        let region = self.ec2.region();
        match self.machine {
            Some(machine) => self.origin.machine_tags(region, token, machine),
            None => self.origin.launch_tags(region, token),
        }
    }

    pub(super) async fn record(
        &self,
        action: &str,
        launch: &LaunchId,
        request: serde_json::Value,
    ) -> Result<IntentId, Failure> {
        let intent = Intent {
            action: action.into(),
            region: self.ec2.region().clone(),
            deployment: self.origin.deployment.clone(),
            launch: Some(launch.clone()),
            request,
        };
        record(self.context, &intent).await
    }

    /// One request, on the disk before it is sent, and sent again where that is right. The outer
    /// error says that it could not be recorded.
    pub(super) async fn ask(
        &self,
        request: Request<'_>,
        waiting: &[InstanceKey],
        placed: &mut Placed,
        tries: &mut Vec<Attempt>,
    ) -> Result<Result<LaunchOutcome, AwsError>, Failure> {
        let (action, intent) = request.intent();
        let recorded = self.record(action, request.token(), intent).await?;
        let mut backoff = THROTTLED.backoff();
        let mut retries = LAUNCH_RETRIES;
        let (mut was_sent, mut was_lost) = (false, false);
        loop {
            if let Err(failure) = self.may_launch().await {
                // What an earlier try may have made is looked for by its tags, not asked for again.
                if !was_sent {
                    close(self.context, recorded, "refused").await;
                }
                if was_lost {
                    placed.is_unanswered = true;
                }
                return Err(failure);
            }
            let mut answer = self.send(request).await;
            was_sent = true;
            self.context.launch_lock().launched();
            let is_unknown = matches!(&answer, Err(error) if error.class == Class::Unknown);
            was_lost |= is_unknown;
            tries.extend(self.note(request, waiting, &answer).await);
            let may_pass = matches!(&answer, Err(error)
                if matches!(error.class, Class::Unknown | Class::Retry | Class::NotYet));
            if let Ok(outcome) = &answer {
                self.intent.note(self.context, &outcome.machines).await;
            }
            if !may_pass || retries == 0 {
                // That EC2 throttles the same request now, or that a login has expired meanwhile, says
                // nothing of an answer that was lost.
                let is_out =
                    matches!(&answer, Err(error) if matches!(error.class, Class::Credentials(_)));
                if (may_pass || is_out) && was_lost {
                    placed.is_unanswered = true;
                    if let Err(error) = &mut answer {
                        error.class = Class::Unknown;
                    }
                } else {
                    let outcome = if answer.is_ok() { "done" } else { "refused" };
                    close(self.context, recorded, outcome).await;
                }
                return Ok(answer);
            }
            // The same request with the same token launches at most once.
            retries -= 1;
            if !is_unknown {
                sleep(backoff.pause()).await;
            }
        }
    }

    /// Whether no other machine launches; and whether a machine of the configuration, for which no lock is
    /// asked, is not there already.
    async fn may_launch(&self) -> Result<(), Failure> {
        match (self.machine, self.context.lock_region()) {
            (Some(name), _) => is_alone(self.context, self.ec2, (name, self.intent.launch())).await,
            (None, Some(_)) => self.context.launch_lock().check().await,
            _ => Ok(()),
        }
    }

    /// Sends a request once. Where nobody knows what it did, that is looked for.
    async fn send(&self, request: Request<'_>) -> Result<LaunchOutcome, AwsError> {
        let answer = match request {
            Request::Run(request, _) => {
                let machines = self.ec2.launch(request).await;
                machines.map(|machines| LaunchOutcome { machines, refused: Vec::new() })
            }
            Request::Fleet(request) => self.ec2.create_fleet(request, self.context.now()).await,
        };
        match answer {
            Err(error) if error.class == Class::Unknown => {
                let text = format!("{error}; looking for what it made");
                self.reporter.said_of(self.ec2.region(), Level::Warning, text).await;
                let found = self.find(request).await.ok_or(error)?;
                Ok(LaunchOutcome { machines: found, refused: Vec::new() })
            }
            answer => answer,
        }
    }

    /// What a request of unknown outcome made, found by its token in the tags. All of it: what is
    /// told of later than the rest would be asked for a second time.
    async fn find(&self, request: Request<'_>) -> Option<Vec<Machine>> {
        let selector = Selector::deployment(&self.origin.deployment).made_by(request.token());
        let deadline = Instant::now() + self.context.pace.consistency;
        let wanted = usize::try_from(request.count()).unwrap_or(usize::MAX);
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

    /// Writes what a request came to into the rows that it was for, and into the region.
    async fn note(
        &self,
        request: Request<'_>,
        waiting: &[InstanceKey],
        answer: &Result<LaunchOutcome, AwsError>,
    ) -> Vec<Attempt> {
        let attempts = match request {
            Request::Run(request, reason) => {
                vec![Attempt { reason: reason.map(str::to_owned), ..self.attempt(request, answer) }]
            }
            Request::Fleet(request) => self.fleet_attempts(request, answer).await,
        };
        for attempt in &attempts {
            self.reporter.learned_of(self.ec2.region(), RegionNews::Tried(attempt.clone())).await;
            for key in waiting {
                self.reporter.learned(key, InstanceNews::Tried(attempt.clone())).await;
            }
        }
        attempts
    }

    fn attempt(
        &self,
        request: &LaunchRequest,
        answer: &Result<LaunchOutcome, AwsError>,
    ) -> Attempt {
        let LaunchRequest { zone, machine_type, count, .. } = request;
        let pool = Pool { zone: zone.clone(), machine_type: machine_type.clone() };
        let given = answer.as_ref().map_or(0, |outcome| outcome.machines.len());
        self.tried(pool, *count, given, answer.as_ref().err())
    }

    pub(super) fn tried(
        &self,
        pool: Pool,
        asked: u32,
        given: usize,
        refusal: Option<&AwsError>,
    ) -> Attempt {
        Attempt {
            at: self.context.now(),
            zone: pool.zone,
            machine_type: pool.machine_type,
            asked,
            given: u32::try_from(given).unwrap_or(u32::MAX),
            code: refusal.and_then(|error| error.code.as_deref()).map(str::to_owned),
            message: refusal.map(|error| error.message.to_string()),
            reason: None,
        }
    }

    /// All candidates were asked, and this many found no place.
    /// `why`: what kept them from giving, but for a lack of capacity.
    fn nowhere(&self, missing: usize, tries: &[Attempt], why: Option<Failure>) -> Failure {
        let region = self.ec2.region();
        if tries.is_empty()
            && let Some(too_dear) = &self.too_dear
        {
            return too_dear.clone();
        }
        if tries.is_empty() {
            return Failure::new(
                FailureKind::Configuration,
                Step::Launch,
                format!("{region} has no zone that offers what is asked for"),
                "name another machine type or zone; a zone that refused is asked again after 3 \
                 minutes",
            );
        }
        let told: Vec<String> = tries.iter().map(ToString::to_string).collect();
        let reason = format!(
            "{missing} of {} found no place in {region}: {}",
            self.keys.len(),
            told.join("; ")
        );
        // Waiting mends a lack of capacity; a quota has to be raised.
        let lacking = "add machine types or regions, set placement.spill: true, or try again later";
        let (kind, hint) = why.map_or((FailureKind::Capacity, lacking.to_owned()), |failure| {
            (failure.kind, failure.hint)
        });
        let dear = self.too_dear.as_ref().map_or(String::new(), |it| format!("; {}", it.reason));
        let reason = format!("{reason}{dear}");
        Failure::new(kind, Step::Launch, reason, hint)
    }
}
