//! One line for each thing that a job reports.
//!
//! It goes over what became different by the newest message: every transition is told once,
//! whoever saw it first, and none that was refused.

use std::collections::BTreeSet;
use std::io::{self, Write};

use jiff::Timestamp;

use super::line::{Event, FirstChoice, JsonLine, LONGEST, RegionPlan};
use super::outputs::{NodeOutput, Transcripts, dropped_lines, print_outputs};
use crate::app::ranking::{FirstPlace, first_place};
use crate::app::{
    self, Message, Model, clean, estimate, lock_words, login_words, surplus_remark, total,
};
use crate::config::Config;
use crate::fleet::{
    Change, FailureKind, InstanceKey, JobKind, Level, LockStanding, MachineType, NetworkState,
    Outcome, Phase, Pool, Region, Subject,
};

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people: `[i-0a1b... @ 52.34.56.78] SUCCESS: Created`.
    Lines(Detail),
    /// One JSON object a line.
    Json,
    /// Only the lines from the far side, as they are.
    Output,
    /// Nothing: the command shows what is there, not what happens.
    Silent,
}

/// How much is told to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// What went wrong, and what it came to.
    Quiet,
    /// The same as [`Self::Usual`] for what is of no one region: how regions and instances go on
    /// moves in lines of their own ([`RegionLines`](super::RegionLines)).
    Moving,
    /// What happens.
    #[default]
    Usual,
    /// Lines from the far side too.
    Verbose,
}

/// What a command came to, for its last line and its exit code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Instances that this command launched.
    pub launched: usize,
    /// Instances that became ready.
    pub ready: usize,
    /// Instances that are gone.
    pub terminated: usize,
    /// Things that failed: instances, regions, whole jobs. None if and only if all went well.
    pub failed: usize,
}

/// Prints what the loop reports.
#[derive(Debug)]
pub struct Printer<W> {
    out: W,
    format: Format,
    /// What was counted so far.
    pub summary: Summary,
    closed: bool,
    /// When the job reported what is being printed; what the command itself says, it says now.
    at: Option<Timestamp>,
    /// Why the state could not be written, as it was said last.
    unsaved: Option<String>,
    /// How it stood to the lock between machines, as it was told last.
    lock: LockStanding,
    /// Whether a terminal shows the lines in colours.
    has_colours: bool,
    /// What was said already, where regions move: what is wrong with many is said once.
    said: BTreeSet<String>,
    /// What nodes printed for what the user asked them.
    transcripts: Transcripts,
}

impl<W: Write> Printer<W> {
    /// A printer onto `out`.
    pub fn new(out: W, format: Format) -> Self {
        let (summary, closed, at, unsaved) = (Summary::default(), false, None, None);
        Self {
            out,
            format,
            summary,
            closed,
            at,
            unsaved,
            lock: LockStanding::default(),
            has_colours: false,
            said: BTreeSet::new(),
            transcripts: Transcripts::default(),
        }
    }

    /// The same in colours, where the lines are for people who see them.
    #[must_use]
    pub fn in_colours(self, has_colours: bool) -> Self {
        Self { has_colours, ..self }
    }

    /// Where it prints.
    pub fn out(&mut self) -> &mut W {
        &mut self.out
    }

    /// How its lines look.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Prints what became different by the newest message: once a change, whoever saw it first.
    pub fn changed(&mut self, model: &Model) {
        self.at = Some(model.latest.at);
        for change in &model.latest.changes {
            self.change(model, change);
        }
        self.at = None;
    }

    /// Prints what a message says that no job reports.
    pub fn noted(&mut self, model: &Model, message: &Message) {
        match message {
            // Whether that is a failure is known at the end: it is tried again, and a destroy needs
            // no file.
            Message::Stored(stored) => {
                let news = stored.as_ref().err();
                if let Some(why) = news.filter(|why| self.unsaved.as_ref() != Some(*why)) {
                    self.line(model, &Subject::Job, Level::Warning, why);
                }
                self.unsaved = news.cloned();
            }
            Message::Dropped(count) => {
                let text = format!("{count} lines of output were dropped");
                self.line(model, &Subject::Job, Level::Warning, &text);
            }
            _ => {}
        }
    }

    fn change(&mut self, model: &Model, change: &Change) {
        match change {
            Change::Said(subject, level, text) => self.sentence(model, subject, *level, text),
            Change::Output(key, text) => self.output(model, key, text),
            Change::Ended(outcome) => self.ended(model, outcome),
            Change::Launched(key) => self.launched(model, key),
            Change::Entered { key, from, to } => self.entered(model, key, from, to),
            Change::Tried(key, attempt) if self.format == Format::Json => {
                self.event(model, &Subject::Instance(key.clone()), Event::attempt(attempt));
            }
            Change::HostKey(key) => self.host_key(model, key),
            Change::LoginEnded(why) => {
                let (level, text) = login_words(why.as_ref());
                self.sentence(model, &Subject::Job, level, &text);
            }
            Change::Lock(standing) => {
                // Whoever is refused for it is told so.
                let is_told = model.is_keeper() || !matches!(standing, LockStanding::Other(_));
                if is_told && !self.lock.is_same(standing) {
                    self.lock = standing.clone();
                    if let Some((level, text)) = lock_words(standing) {
                        self.sentence(model, &Subject::Job, level, &text);
                    }
                }
            }
            Change::Lost(region, why) => {
                let text = format!("no answer: {why}");
                self.sentence(model, &Subject::Region(region.clone()), Level::Warning, &text);
            }
            Change::Network(region, NetworkState::Gone) => self.gone(model, region),
            // The rest is for a screen, or said with what comes along.
            Change::Adopted(_)
            | Change::Joined { .. }
            | Change::Told(_)
            | Change::Refused(_)
            | Change::Interrupted(_)
            | Change::Rebalance(_)
            | Change::StopsSoon(..)
            | Change::Queue(_)
            | Change::Advice(_)
            | Change::Retired(..)
            | Change::Tried(..)
            | Change::Moved(_)
            | Change::Spilled(..)
            | Change::CommandResult(..)
            | Change::Diagnosed(..)
            | Change::Network(..)
            | Change::Priced(_)
            | Change::Account(_)
            | Change::Deployment(_)
            | Change::Deployments(_) => {}
        }
    }

    /// What the look at a region has found that everything was taken out of: it is said wherever
    /// anything is, for it is what whoever ends a deployment wants to know.
    fn gone(&mut self, model: &Model, region: &Region) {
        let (subject, text) = (Subject::Region(region.clone()), "network: gone, nothing is left");
        if self.format == Format::Lines(Detail::Moving) {
            self.told(model, &subject, Level::Success, text);
        } else {
            self.sentence(model, &subject, Level::Success, text);
        }
    }

    fn launched(&mut self, model: &Model, key: &InstanceKey) {
        self.summary.launched += 1;
        let Some(machine) = model.fleet.get(key).and_then(|row| row.machine.as_ref()) else {
            return;
        };
        let subject = Subject::Instance(key.clone());
        if self.format == Format::Json {
            self.event(model, &subject, Event::Launched {});
        } else {
            let text = format!("Created, {} in {}", machine.machine_type, machine.zone);
            self.sentence(model, &subject, Level::Success, &text);
        }
    }

    fn entered(&mut self, model: &Model, key: &InstanceKey, from: &Phase, to: &Phase) {
        match to {
            Phase::Ready => self.summary.ready += 1,
            Phase::Terminated => self.summary.terminated += 1,
            _ => {}
        }
        let subject = Subject::Instance(key.clone());
        match (self.format, from, to) {
            (Format::Json, ..) => self.event(model, &subject, Event::phase(to)),
            // "Created" has just said so.
            (_, Phase::Planned | Phase::Requesting, Phase::Pending) => {}
            (_, from, to) => {
                let row = model.fleet.get(key);
                let text = match to {
                    Phase::Terminated if row.is_some_and(|row| model.ended_by_lease(row)) => {
                        "Ended itself: nobody renewed its lease".to_owned()
                    }
                    to => words(to),
                };
                self.sentence(model, &subject, level(from, to), &text);
            }
        }
    }

    fn host_key(&mut self, model: &Model, key: &InstanceKey) {
        let Some(known) = model.fleet.get(key).and_then(|row| row.host_key.as_ref()) else {
            return;
        };
        let subject = Subject::Instance(key.clone());
        let fingerprint = clean(&known.fingerprint, LONGEST);
        if self.format == Format::Json {
            let event = Event::HostKey { fingerprint, trust: known.trust };
            self.event(model, &subject, event);
        } else {
            let text = format!("host key {fingerprint} {}", known.trust);
            self.sentence(model, &subject, Level::Info, &text);
        }
    }

    /// Why the command ends before its end, for programs: people read that on standard error.
    pub fn reason(&mut self, model: &Model, text: &str, kind: Option<FailureKind>) {
        if self.format == Format::Json {
            self.event(model, &Subject::Job, Event::reason(text, kind));
        }
    }

    /// Counts what failed: the job alone knows how much of it did.
    fn ended(&mut self, model: &Model, outcome: &Outcome) {
        let job = model.jobs.get(&model.latest.job);
        // What AWS does not tell the price of is done all the same.
        let counts = job.is_none_or(|job| job.kind != JobKind::Prices);
        match outcome {
            Outcome::Partly { failed } if counts => self.summary.failed += failed,
            Outcome::Failed(failure) => {
                let rows = job.map_or(0, |job| job.keys.len());
                self.summary.failed += if counts { rows.max(1) } else { 0 };
                if self.format == Format::Json {
                    self.event(model, &Subject::Job, Event::failure(failure));
                } else {
                    self.sentence(model, &Subject::Job, Level::Error, &failure.to_string());
                }
            }
            Outcome::Partly { .. } | Outcome::Done | Outcome::Cancelled => {}
        }
    }

    /// What the nodes answered to what the user asked for last.
    pub fn outputs<'a>(&'a mut self, model: &'a Model) -> Vec<NodeOutput<'a>> {
        self.transcripts.outputs(model)
    }

    /// Tells what the nodes answered, where that is not all that the command is for: programs each
    /// answer, people those that did not do it, and why.
    pub fn answers(&mut self, model: &Model) {
        let outputs = self.transcripts.outputs(model).into_iter();
        if self.format == Format::Json {
            let told =
                outputs.map(|output| (Subject::Instance(output.key.clone()), output.event()));
            for (subject, event) in told.collect::<Vec<_>>() {
                self.event(model, &subject, event);
            }
            return;
        }
        let failed: Vec<NodeOutput<'_>> = outputs.filter(|output| !output.went_well).collect();
        print_outputs(&mut self.out, &failed);
        for remark in dropped_lines(&failed) {
            self.line(model, &Subject::Job, Level::Warning, &remark);
        }
    }

    fn output(&mut self, model: &Model, key: &InstanceKey, text: &str) {
        // What is kept is printed at the end, and only then.
        let is_kept = self.transcripts.push(model, key, text);
        let subject = Subject::Instance(key.clone());
        match self.format {
            Format::Lines(Detail::Verbose) => {
                self.sentence(model, &subject, Level::Info, &format!("| {text}"));
            }
            Format::Lines(_) | Format::Silent => {}
            Format::Json if is_kept => {}
            Format::Output => self.print(&clean(text, LONGEST)),
            Format::Json => {
                let text = clean(text, LONGEST);
                self.event(model, &subject, Event::Output { text });
            }
        }
    }

    /// A sentence of the command itself.
    pub fn line(&mut self, model: &Model, subject: &Subject, level: Level, text: &str) {
        self.sentence(model, subject, level, text);
    }

    fn sentence(&mut self, model: &Model, subject: &Subject, level: Level, text: &str) {
        let is_wanted = match self.format {
            Format::Json => return self.event(model, subject, Event::message(level, text)),
            Format::Output | Format::Silent => false,
            Format::Lines(Detail::Moving) if *subject == Subject::Job => true,
            Format::Lines(Detail::Moving) => {
                level >= Level::Warning && self.said.insert(text.to_owned())
            }
            Format::Lines(_) if level >= Level::Warning => true,
            Format::Lines(detail) => detail != Detail::Quiet,
        };
        if is_wanted {
            self.told(model, subject, level, text);
        }
    }

    /// Prints a sentence to people, who may have asked for quiet.
    fn told(&mut self, model: &Model, subject: &Subject, level: Level, text: &str) {
        let who = match subject {
            Subject::Job => String::new(),
            Subject::Region(region) => format!("[{region}] "),
            Subject::Instance(key) => match model.fleet.get(key) {
                Some(row) if row.id().is_some() => format!("[{}] ", row.label()),
                Some(row) => format!("[{}] ", row.region),
                None => format!("[{key}] "),
            },
        };
        let word = if self.has_colours { coloured(level) } else { level.word().to_owned() };
        self.print(&format!("{who}{word}: {}", clean(text, LONGEST)));
    }

    /// What would be launched, and what that costs an hour, at the least.
    pub fn plan(&mut self, model: &Model, config: &Config, plan: &app::CreatePlan) {
        if let Some(remark) = plan.remark() {
            self.line(model, &Subject::Job, Level::Info, &remark);
        }
        let (counts, mut sum) = (plan.launched(), Some(0.0));
        for (region, count) in &counts {
            if *count == 0 && self.format != Format::Json {
                continue;
            }
            let Some(wanted) = config.region(region) else { continue };
            let each = estimate(model, wanted);
            let hourly = each.map(|each| each * f64::from(*count));
            let first = first_place(model, wanted);
            sum = sum.zip(hourly).map(|(sum, hourly)| sum + hourly);
            let subject = Subject::Region(region.clone());
            if self.format == Format::Json {
                let plan = RegionPlan {
                    count: *count,
                    machine_types: wanted.machine_types.clone(),
                    lifecycle: wanted.lifecycle,
                    storage_gb: wanted.instance_storage_gb,
                    each_usd: each,
                    hourly_usd: hourly,
                    first: first.as_ref().map(FirstChoice::of),
                };
                self.event(model, &subject, Event::RegionPlan(plan));
                continue;
            }
            let types: Vec<&str> = wanted.machine_types.iter().map(MachineType::as_str).collect();
            let surplus = surplus_remark(config, wanted);
            let text = format!(
                "{count} x {} ({}), {} GiB, {}{}{}",
                types.join(" or "),
                wanted.lifecycle.word(),
                wanted.instance_storage_gb,
                priced(each, "each"),
                surplus.map_or_else(String::new, |most| format!(", {most}")),
                first.as_ref().map_or_else(String::new, asked_first)
            );
            self.planned(model, &subject, &text);
        }
        let count = total(&counts);
        let text = match count {
            0 => "nothing more is launched".to_owned(),
            count => format!("{count} in all, {}", priced(sum, "together")),
        };
        self.planned(model, &Subject::Job, &text);
    }

    /// A sentence of a plan. Whoever asked for quiet and is asked whether to go on reads it too.
    fn planned(&mut self, model: &Model, subject: &Subject, text: &str) {
        match self.format {
            Format::Lines(_) => self.told(model, subject, Level::Info, text),
            _ => self.line(model, subject, Level::Info, text),
        }
    }

    /// That the state is on the disk in the end, whatever was said of it meanwhile.
    pub fn saved(&mut self) {
        self.unsaved = None;
    }

    /// The last line.
    pub fn summary(&mut self, model: &Model, ok: bool) {
        let Summary { launched, ready, terminated, failed } = self.summary;
        let failed = failed + usize::from(!ok && self.unsaved.is_some());
        let alive = model.fleet.alive().count();
        match self.format {
            Format::Json => {
                let event = Event::Summary { ok, launched, ready, terminated, failed, alive };
                return self.event(model, &Subject::Job, event);
            }
            Format::Output | Format::Silent => return,
            Format::Lines(_) => {}
        }
        let parts = [
            (launched, "launched"),
            (ready, "ready"),
            (terminated, "terminated"),
            (failed, "failed"),
        ];
        let mut said: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        // Where AWS did not say who we are, nobody knows what is alive.
        if model.account.is_some() {
            said.push(format!("{alive} alive in {}", model.deployment));
        }
        if !said.is_empty() {
            self.print(&said.join(", "));
        }
    }

    fn event(&mut self, model: &Model, subject: &Subject, event: Event) {
        let at = self.at.unwrap_or(model.now);
        let line = JsonLine::new(model, at, subject, event);
        if let Ok(text) = serde_json::to_string(&line) {
            self.print(&text);
        }
    }

    fn print(&mut self, line: &str) {
        if self.closed {
            return;
        }
        let printed = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        // A reader that went away (`| head`) is no reason to stop the work.
        if printed.is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.closed = true;
        }
    }
}

/// The word of a level in its colour.
pub fn coloured(level: Level) -> String {
    in_colour(level, level.word())
}

/// A text in the colour of a level.
pub(super) fn in_colour(level: Level, text: &str) -> String {
    let colour = match level {
        Level::Info => "2",
        Level::Success => "32",
        Level::Warning => "33",
        Level::Error => "1;31",
    };
    format!("\x1b[{colour}m{text}\x1b[0m")
}

/// `from $0.0173/h each`.
fn priced(usd: Option<f64>, of: &str) -> String {
    usd.map_or_else(|| "price unknown".to_owned(), |usd| format!("from ${usd:.4}/h {of}"))
}

/// `, first t3.medium in us-west-2b (5-10 % a month, within 10 % of the cheapest)`.
fn asked_first(first: &FirstPlace<'_>) -> String {
    let Pool { zone, machine_type } = first.pool;
    let reason = first.reason.as_deref().map_or(String::new(), |reason| format!(" ({reason})"));
    format!(", first {machine_type} in {zone}{reason}")
}

fn level(before: &Phase, phase: &Phase) -> Level {
    match (before, phase) {
        (_, Phase::Ready) | (Phase::Terminating, Phase::Terminated) => Level::Success,
        (_, Phase::Failed(_)) => Level::Error,
        // Nobody here asked for any of these.
        (_, Phase::Terminated | Phase::Degraded { .. } | Phase::Interrupted { .. }) => {
            Level::Warning
        }
        _ => Level::Info,
    }
}

fn words(phase: &Phase) -> String {
    match phase {
        Phase::Failed(failure) => failure.to_string(),
        Phase::Uploading(_) => phase.word().to_owned(),
        Phase::Interrupted { at: Some(end) } => {
            format!("Interrupted, ends at {} UTC", end.strftime("%H:%M:%S"))
        }
        phase => phase.to_string(),
    }
}
