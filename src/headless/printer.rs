//! One line for each thing that a job reports.
//!
//! The JSON lines follow `assets/json-lines.schema.json`; `state` is always EC2's own word,
//! `phase` ours.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::app::{Message, Model};
use crate::fleet::{About, Fact, Level, Machine, Outcome, Phase, Progress, Report};

/// The version of the JSON lines.
const VERSION: u32 = 1;

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
    /// Things that failed: instances, regions, whole jobs.
    pub failed: usize,
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

    /// From now on prints nothing: a command that shows what is there, not what happens.
    pub fn mute(&mut self) {
        self.closed = true;
    }

    /// Prints a message before the model takes it up, where it is worth a line.
    pub fn saw(&mut self, model: &Model, message: &Message) {
        match message {
            Message::Report(report) => self.report(model, report),
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
    }

    fn report(&mut self, model: &Model, report: &Report) {
        match &report.progress {
            Progress::Entered(phase) => self.phase(model, report, phase),
            Progress::Said(level, text) => {
                if *level == Level::Error && !matches!(report.about, About::Instance(_)) {
                    self.tally.failed += 1;
                }
                self.line(model, &report.about, *level, text);
            }
            Progress::Learned(fact) => self.fact(model, report, fact),
            Progress::Output(line) => self.output(model, report, line),
            Progress::Ended(Outcome::Failed(failure)) => {
                self.tally.failed += 1;
                self.line(model, &About::Job, Level::Error, &failure.to_string());
            }
            Progress::Started | Progress::Transferred(_) | Progress::Ended(_) => {}
        }
    }

    fn phase(&mut self, model: &Model, report: &Report, phase: &Phase) {
        let level = match phase {
            Phase::Ready => {
                self.tally.ready += 1;
                Level::Success
            }
            Phase::Terminated => Level::Success,
            Phase::Failed(_) => {
                self.tally.failed += 1;
                Level::Error
            }
            Phase::Degraded { .. } => {
                self.tally.failed += 1;
                Level::Warning
            }
            Phase::Interrupted { .. } => Level::Warning,
            _ => Level::Info,
        };
        match self.format {
            Format::Lines { .. } => {
                let text = match phase {
                    Phase::Failed(failure) => failure.to_string(),
                    phase => phase.to_string(),
                };
                self.line(model, &report.about, level, &text);
            }
            Format::Json => {
                let mut line = Self::object(model, report.at, "phase", &report.about);
                line.insert("phase".into(), phase.word().into());
                match phase {
                    Phase::Failed(failure) => {
                        line.insert("step".into(), failure.step.to_string().into());
                        line.insert("reason".into(), failure.reason.clone().into());
                        line.insert("hint".into(), failure.hint.clone().into());
                    }
                    Phase::Degraded { reason } => {
                        line.insert("reason".into(), reason.clone().into());
                    }
                    _ => {}
                }
                self.print(&Value::Object(line).to_string());
            }
        }
    }

    fn fact(&mut self, model: &Model, report: &Report, fact: &Fact) {
        match (&report.about, fact) {
            (About::Instance(key), Fact::Seen(machine))
                if model.fleet.get(key).is_some_and(|row| row.machine.is_none()) =>
            {
                self.tally.launched += 1;
                self.launched(model, report, machine);
            }
            (About::Region(_), Fact::Surveyed(machines)) => {
                let ended =
                    machines.iter().filter(|machine| !machine.is_alive()).filter(|machine| {
                        model.fleet.by_id(&machine.id).is_some_and(crate::fleet::Instance::is_alive)
                    });
                let ended: Vec<Machine> = ended.cloned().collect();
                for machine in ended {
                    self.tally.terminated += 1;
                    self.terminated(model, report, &machine);
                }
            }
            (_, Fact::Tried(attempt)) if self.format == Format::Json => {
                let mut line = Self::object(model, report.at, "attempt", &report.about);
                if let Ok(attempt) = serde_json::to_value(attempt) {
                    line.insert("attempt".into(), attempt);
                }
                self.print(&Value::Object(line).to_string());
            }
            _ => {}
        }
    }

    fn launched(&mut self, model: &Model, report: &Report, machine: &Machine) {
        if self.format == Format::Json {
            let mut line = Self::object(model, report.at, "launched", &report.about);
            line.extend(about_machine(machine));
            self.print(&Value::Object(line).to_string());
        } else {
            let place = format!("{} in {}", machine.machine_type, machine.zone);
            self.print(&format!("[{}] SUCCESS: Created, {place}", machine.id));
        }
    }

    fn terminated(&mut self, model: &Model, report: &Report, machine: &Machine) {
        if self.format == Format::Json {
            let mut line = Self::object(model, report.at, "phase", &report.about);
            line.insert("phase".into(), Phase::Terminated.word().into());
            line.extend(about_machine(machine));
            self.print(&Value::Object(line).to_string());
        } else {
            self.print(&format!("[{}] SUCCESS: Terminated", machine.id));
        }
    }

    fn output(&mut self, model: &Model, report: &Report, text: &str) {
        match self.format {
            Format::Lines { output: true } => {
                self.line(model, &report.about, Level::Info, &format!("| {text}"));
            }
            Format::Lines { output: false } => {}
            Format::Json => {
                let mut line = Self::object(model, report.at, "output", &report.about);
                line.insert("text".into(), text.into());
                self.print(&Value::Object(line).to_string());
            }
        }
    }

    /// A sentence.
    pub fn line(&mut self, model: &Model, about: &About, level: Level, text: &str) {
        match self.format {
            Format::Lines { .. } => {
                let who = match about {
                    About::Job => String::new(),
                    About::Region(region) => format!("[{region}] "),
                    About::Instance(key) => match model.fleet.get(key) {
                        Some(row) if row.id().is_some() => format!("[{}] ", row.label()),
                        Some(row) => format!("[{}] ", row.region),
                        None => format!("[{key}] "),
                    },
                };
                self.print(&format!("{who}{}: {text}", level.word()));
            }
            Format::Json => {
                let mut line = Self::object(model, Timestamp::now(), "message", about);
                line.insert("level".into(), level.word().into());
                line.insert("text".into(), text.into());
                self.print(&Value::Object(line).to_string());
            }
        }
    }

    /// The last line.
    pub fn summary(&mut self, model: &Model, ok: bool) {
        let tally = self.tally;
        let alive = model.fleet.alive().count();
        if self.format == Format::Json {
            let mut line = Self::object(model, Timestamp::now(), "summary", &About::Job);
            let numbers = json!({
                "ok": ok, "launched": tally.launched, "ready": tally.ready,
                "terminated": tally.terminated, "failed": tally.failed, "alive": alive,
            });
            if let Value::Object(numbers) = numbers {
                line.extend(numbers);
            }
            self.print(&Value::Object(line).to_string());
            return;
        }
        let parts = [
            (tally.launched, "launched"),
            (tally.ready, "ready"),
            (tally.terminated, "terminated"),
            (tally.failed, "failed"),
        ];
        let mut said: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        said.push(format!("{alive} alive in {}", model.deployment));
        self.print(&said.join(", "));
    }

    fn object(model: &Model, at: Timestamp, event: &str, about: &About) -> Map<String, Value> {
        let mut line = Map::new();
        line.insert("v".into(), VERSION.into());
        line.insert("ts".into(), at.to_string().into());
        line.insert("event".into(), event.into());
        line.insert("deployment".into(), model.deployment.as_str().into());
        match about {
            About::Job => {}
            About::Region(region) => {
                line.insert("region".into(), region.as_str().into());
            }
            About::Instance(key) => {
                if let Some(row) = model.fleet.get(key) {
                    line.insert("region".into(), row.region.as_str().into());
                    line.insert("row".into(), key.as_str().into());
                    line.insert("phase".into(), row.phase.word().into());
                    if let Some(machine) = &row.machine {
                        line.extend(about_machine(machine));
                    }
                }
            }
        }
        line
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

/// What every line about an instance that exists tells.
fn about_machine(machine: &Machine) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("instance".into(), machine.id.as_str().into());
    line.insert("state".into(), machine.state.as_str().into());
    line.insert("zone".into(), machine.zone.as_str().into());
    line.insert("type".into(), machine.machine_type.as_str().into());
    line.insert("public_ip".into(), machine.public_ip.map(|ip| ip.to_string()).into());
    line
}
