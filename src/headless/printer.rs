//! One line for each thing that a job reports.
//!
//! It is asked before the model takes up a message and again afterwards: what a job says is
//! printed as it comes, but a phase only when the model has entered it. So every transition is
//! told once, whoever saw it first, and none that was refused.

use std::io::{self, Write};

use jiff::Timestamp;

use super::line::{Event, LONGEST, Line, Plan};
use crate::app::{Counts, Message, Model, clean, estimate};
use crate::config::Config;
use crate::fleet::{
    About, Fact, Instance, InstanceKey, Level, MachineType, Outcome, Phase, Progress, Region,
    Report,
};

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people: `[i-0a1b... @ 52.34.56.78] SUCCESS: Created`.
    Lines {
        /// Whether lines from the far side are shown too.
        output: bool,
    },
    /// One JSON object a line.
    Json,
}

/// What a command came to, for its last line and its exit code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Instances that this command launched.
    pub launched: usize,
    /// Instances that became ready.
    pub ready: usize,
    /// Instances that are gone.
    pub terminated: usize,
    /// Things that failed: instances, regions, whole jobs. None if and only if all went well.
    pub failed: usize,
}

/// The rows that a message may change, as they were before it.
#[derive(Debug, Default)]
pub struct Before {
    at: Timestamp,
    rows: Vec<(InstanceKey, Phase, bool)>,
}

impl Before {
    fn new<'a>(at: Timestamp, rows: impl Iterator<Item = &'a Instance>) -> Self {
        let rows =
            rows.map(|row| (row.key.clone(), row.phase.clone(), row.machine.is_some())).collect();
        Self { at, rows }
    }
}

/// Prints what the loop reports.
#[derive(Debug)]
pub struct Printer<W> {
    out: W,
    format: Format,
    /// What was counted so far.
    pub tally: Tally,
    closed: bool,
}

impl<W: Write> Printer<W> {
    /// A printer onto `out`.
    pub fn new(out: W, format: Format) -> Self {
        Self { out, format, tally: Tally::default(), closed: false }
    }

    /// How its lines look.
    pub fn format(&self) -> Format {
        self.format
    }

    /// From now on prints nothing: a command that shows what is there, not what happens.
    pub fn mute(&mut self) {
        self.closed = true;
    }

    /// Prints what a message says, before the model takes it up. The answer is for
    /// [`Self::changed`].
    pub fn saw(&mut self, model: &Model, message: &Message) -> Before {
        match message {
            Message::Report(report) => return self.report(model, report),
            Message::Stored(Err(why)) => {
                self.tally.failed += 1;
                self.line(model, &About::Job, Level::Error, why);
            }
            Message::Dropped(_, count) => {
                let text = format!("{count} lines of output were dropped");
                self.line(model, &About::Job, Level::Warning, &text);
            }
            _ => {}
        }
        Before::default()
    }

    fn report(&mut self, model: &Model, report: &Report) -> Before {
        match (&report.about, &report.progress) {
            (about, Progress::Said(level, text)) => {
                self.sentence(model, report.at, about, *level, text);
            }
            (about, Progress::Output(text)) => self.output(model, report.at, about, text),
            (_, Progress::Ended(outcome)) => self.ended(model, report, outcome),
            (About::Instance(key), Progress::Entered(_)) => {
                return Before::new(report.at, model.fleet.get(key).into_iter());
            }
            (About::Instance(key), Progress::Learned(fact)) => {
                self.fact(model, report, key, fact);
                return Before::new(report.at, model.fleet.get(key).into_iter());
            }
            (About::Region(region), Progress::Learned(fact)) => match &**fact {
                Fact::Surveyed(_) | Fact::Vanished(_) => {
                    let rows = model.fleet.instances().filter(|row| row.region == *region);
                    return Before::new(report.at, rows);
                }
                Fact::Unanswered(why) => self.unanswered(model, report, region, why),
                _ => {}
            },
            _ => {}
        }
        Before::default()
    }

    /// Prints the launches and phases that a message brought about.
    pub fn changed(&mut self, model: &Model, before: Before) {
        for (key, phase, existed) in before.rows {
            let Some(row) = model.fleet.get(&key) else { continue };
            if !existed && row.machine.is_some() {
                self.launched(model, before.at, row);
            }
            let is_news = match (&phase, &row.phase) {
                // Bytes are counted on the way; that is no transition.
                (Phase::Uploading(_), Phase::Uploading(_)) => false,
                (before, after) => before != after,
            };
            if is_news {
                self.entered(model, before.at, row, &phase);
            }
        }
    }

    fn launched(&mut self, model: &Model, at: Timestamp, row: &Instance) {
        self.tally.launched += 1;
        match (self.format, &row.machine) {
            (Format::Json, _) => {
                let about = About::Instance(row.key.clone());
                self.event(model, at, &about, Event::Launched {});
            }
            (Format::Lines { .. }, Some(machine)) => {
                let text = format!("Created, {} in {}", machine.machine_type, machine.zone);
                let about = About::Instance(row.key.clone());
                self.sentence(model, at, &about, Level::Success, &text);
            }
            (Format::Lines { .. }, None) => {}
        }
    }

    fn entered(&mut self, model: &Model, at: Timestamp, row: &Instance, before: &Phase) {
        match row.phase {
            Phase::Ready => self.tally.ready += 1,
            Phase::Terminated => self.tally.terminated += 1,
            _ => {}
        }
        let about = About::Instance(row.key.clone());
        match (self.format, before, &row.phase) {
            (Format::Json, _, phase) => self.event(model, at, &about, Event::phase(phase)),
            // "Created" has just said so.
            (_, Phase::Planned | Phase::Requesting, Phase::Pending) => {}
            (_, before, phase) => {
                self.sentence(model, at, &about, level(before, phase), &words(phase));
            }
        }
    }

    fn fact(&mut self, model: &Model, report: &Report, key: &InstanceKey, fact: &Fact) {
        match fact {
            Fact::Tried(attempt) if self.format == Format::Json => {
                self.event(model, report.at, &report.about, Event::attempt(attempt));
            }
            Fact::HostKey(host_key)
                if model
                    .fleet
                    .get(key)
                    .is_some_and(|row| row.host_key.as_ref() != Some(host_key)) =>
            {
                let fingerprint = clean(&host_key.fingerprint, LONGEST);
                if self.format == Format::Json {
                    let event = Event::HostKey { fingerprint, trust: host_key.trust };
                    self.event(model, report.at, &report.about, event);
                } else {
                    let text = format!("host key {fingerprint}, {}", host_key.trust);
                    self.sentence(model, report.at, &report.about, Level::Info, &text);
                }
            }
            _ => {}
        }
    }

    /// Said once for each reason: a region is asked again and again.
    fn unanswered(&mut self, model: &Model, report: &Report, region: &Region, why: &str) {
        let known = model.fleet.regions().get(region).and_then(|view| view.trouble.as_deref());
        if known != Some(why) {
            let text = format!("no answer: {why}");
            self.sentence(model, report.at, &report.about, Level::Warning, &text);
        }
    }

    /// Counts what failed: the job alone knows how much of it did.
    fn ended(&mut self, model: &Model, report: &Report, outcome: &Outcome) {
        match outcome {
            Outcome::Partly { failed } => self.tally.failed += failed,
            Outcome::Failed(failure) => {
                let rows = model.jobs.get(&report.job).map_or(0, |job| job.keys.len());
                self.tally.failed += rows.max(1);
                if self.format == Format::Json {
                    self.event(model, report.at, &About::Job, Event::failure(failure));
                } else {
                    let text = failure.to_string();
                    self.sentence(model, report.at, &About::Job, Level::Error, &text);
                }
            }
            Outcome::Done | Outcome::Cancelled => {}
        }
    }

    fn output(&mut self, model: &Model, at: Timestamp, about: &About, text: &str) {
        let text = clean(text, LONGEST);
        match self.format {
            Format::Lines { output: true } => {
                self.sentence(model, at, about, Level::Info, &format!("| {text}"));
            }
            Format::Lines { output: false } => {}
            Format::Json => self.event(model, at, about, Event::Output { text }),
        }
    }

    /// A sentence of the command itself.
    pub fn line(&mut self, model: &Model, about: &About, level: Level, text: &str) {
        self.sentence(model, model.now, about, level, text);
    }

    fn sentence(&mut self, model: &Model, at: Timestamp, about: &About, level: Level, text: &str) {
        if self.format == Format::Json {
            self.event(model, at, about, Event::message(level, text));
            return;
        }
        let who = match about {
            About::Job => String::new(),
            About::Region(region) => format!("[{region}] "),
            About::Instance(key) => match model.fleet.get(key) {
                Some(row) if row.id().is_some() => format!("[{}] ", row.label()),
                Some(row) => format!("[{}] ", row.region),
                None => format!("[{key}] "),
            },
        };
        self.print(&format!("{who}{}: {}", level.word(), clean(text, LONGEST)));
    }

    /// What would be launched, and what that costs an hour, at the least.
    pub fn plan(&mut self, model: &Model, config: &Config, counts: &Counts) {
        let mut sum = Some(0.0);
        for (region, count) in counts {
            let Some(wanted) = config.region(region) else { continue };
            let each = estimate(model, wanted);
            let hourly = each.map(|each| each * f64::from(*count));
            sum = sum.zip(hourly).map(|(sum, hourly)| sum + hourly);
            let about = About::Region(region.clone());
            if self.format == Format::Json {
                let plan = Plan {
                    count: *count,
                    machine_types: wanted.machine_types.clone(),
                    lifecycle: wanted.lifecycle,
                    storage_gb: wanted.instance_storage_gb,
                    each_usd: each,
                    hourly_usd: hourly,
                };
                self.event(model, model.now, &about, Event::Plan(plan));
                continue;
            }
            let types: Vec<&str> = wanted.machine_types.iter().map(MachineType::as_str).collect();
            let text = format!(
                "{count} x {} ({}), {} GiB, {}",
                types.join(" or "),
                wanted.lifecycle.word(),
                wanted.instance_storage_gb,
                priced(each, "each")
            );
            self.line(model, &about, Level::Info, &text);
        }
        let count: u32 = counts.values().sum();
        let text = format!("{count} in all, {}", priced(sum, "together"));
        self.line(model, &About::Job, Level::Info, &text);
    }

    /// The last line.
    pub fn summary(&mut self, model: &Model, ok: bool) {
        let Tally { launched, ready, terminated, failed } = self.tally;
        let alive = model.fleet.alive().count();
        if self.format == Format::Json {
            let event = Event::Summary { ok, launched, ready, terminated, failed, alive };
            self.event(model, model.now, &About::Job, event);
            return;
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
        said.push(format!("{alive} alive in {}", model.deployment));
        self.print(&said.join(", "));
    }

    fn event(&mut self, model: &Model, at: Timestamp, about: &About, event: Event) {
        let line = Line::new(model, at, about, event);
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

/// `from $0.0173/h each`.
fn priced(usd: Option<f64>, of: &str) -> String {
    usd.map_or_else(|| "price unknown".to_owned(), |usd| format!("from ${usd:.4}/h {of}"))
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
