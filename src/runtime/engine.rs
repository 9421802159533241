//! The loop's engine: one model, its messages, its effects. The screen and the headless commands
//! drive the same one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use super::bookkeeper::Bookkeeper;
use super::courier::Pace;
use super::event_writer::EventWriter;
use super::handover::{Asker, Handover};
use super::metrics::{MetricsPort, Scrape};
use super::notifier::Notifier;
use super::tasks::Tasks;
use super::trace::STORY;
use super::writer::Writer;
use crate::app::{
    Effect, LogLine, Message, Model, QuestionId, Secret, Stamped, closing_lines, figures, update,
};
use crate::aws::{SharedTimeSource, requests};
use crate::fleet::{JobId, JobNews, Level, News, Outcome, Report};
use crate::headless::metrics;
use crate::jobs::{self, Context, PendingQuestion, Questions, ReportReceiver, ReportSender};
use crate::notify::Target;
use crate::store::{Holder, LedgerFile, Outbox, Paths, StateFile};

/// Everything that the loop owns.
#[derive(Debug)]
pub struct Engine {
    /// The one model.
    pub model: Model,
    context: Arc<Context>,
    report_receiver: ReportReceiver,
    tasks: Tasks,
    writer: Writer,
    events: EventWriter,
    bookkeeper: Bookkeeper,
    notifier: Notifier,
    metrics: MetricsPort,
    handover: Handover,
    questions: Questions,
    waiting: HashMap<QuestionId, oneshot::Sender<Option<Secret>>>,
    /// How many messages were not delivered when this ended: the next run does.
    pub untold: usize,
    /// The number of the first sentence that was not traced yet.
    told: u64,
    /// When figures were last made of the model.
    figured: Option<Timestamp>,
}

/// How old figures may be that are published.
const FIGURED: SignedDuration = SignedDuration::from_secs(15);

impl Engine {
    /// An engine around this model. Without a state file nothing is written.
    pub fn new(
        model: Model,
        context: Arc<Context>,
        report_sender: ReportSender,
        report_receiver: ReportReceiver,
        questions: Questions,
        state: Option<StateFile>,
    ) -> Self {
        Self {
            // What an earlier run said was traced and written by that one.
            told: model.log.begun(),
            model,
            report_receiver,
            tasks: Tasks::new(Arc::clone(&context), report_sender),
            context,
            events: EventWriter::new(state.as_ref().map(StateFile::events)),
            writer: Writer::new(state),
            bookkeeper: Bookkeeper::default(),
            notifier: Notifier::default(),
            metrics: MetricsPort::default(),
            handover: Handover::default(),
            questions,
            waiting: HashMap::new(),
            untold: 0,
            figured: None,
        }
    }

    /// From now on what is spent is written to this ledger.
    pub fn keep_ledger(&mut self, ledger: LedgerFile) {
        self.bookkeeper.keep(ledger);
    }

    /// From now on a courier tells these targets what somebody wants to be told.
    pub fn notify(
        &mut self,
        outbox: Outbox,
        targets: impl Future<Output = BTreeMap<String, Target>> + Send + 'static,
        pace: Pace,
        clock: SharedTimeSource,
    ) {
        self.notifier.hire(outbox, targets, pace, clock);
    }

    /// From now on metrics are told at this port.
    pub(super) fn tell_metrics(&mut self, port: MetricsPort) {
        self.metrics = port;
    }

    /// From now on the state of these files, whose lock is held, is handed over to whoever asks.
    pub(super) fn hand_over_on_request(&mut self, paths: &Paths) {
        self.handover.listen(paths);
    }

    /// The state of these files is another process's, which can be asked for it.
    pub(super) fn held_by_another(&mut self, paths: Paths, holder: &Holder) {
        let told = holder.to_string();
        self.model.keeper = holder.host.as_ref().map(|_| told.clone());
        self.model.holder = Some(told);
        self.handover.may_ask(paths);
    }

    /// Ends a job.
    pub(super) fn cancel(&mut self, id: JobId) {
        self.tasks.cancel(id);
    }

    /// Who waits until the lock is let go of.
    pub(super) fn take_asker(&mut self) -> Option<Asker> {
        self.handover.take_asker()
    }

    /// The next message that did not come from the user. Cancel-safe.
    pub async fn next(&mut self) -> Message {
        loop {
            tokio::select! {
                biased;
                report = self.report_receiver.next() => return Message::Report(report),
                PendingQuestion { question, answer } = self.questions.next() => {
                    self.waiting.insert(question.id, answer);
                    return Message::Asked(question);
                }
                stored = self.writer.next() => return Message::Stored(stored),
                posted = self.bookkeeper.next() => {
                    self.write();
                    if let Some(posted) = posted {
                        return Message::Stored(posted);
                    }
                }
                Scrape { format, answer } = self.metrics.next() => {
                    // Whoever asked may have gone.
                    let _ = answer.send(metrics(&self.model, &requests(), format));
                }
                message = self.handover.next() => return message,
                told = self.notifier.next() => {
                    self.write();
                    if let Some(told) = told {
                        return told;
                    }
                }
                (job, failure) = self.tasks.next_panic() => {
                    let news = News::Job(JobNews::Ended(Outcome::Failed(failure)));
                    return Message::Report(Report { job, at: self.context.now(), news });
                }
            }
        }
    }

    /// Begins to write the state if that is due. A row may leave it only when the ledger has what it
    /// cost, and a phase be remembered only when the outbox has what is told of it: a process that is
    /// killed in between would never come to know.
    fn write(&mut self) {
        if !self.bookkeeper.is_busy() && !self.notifier.is_busy() {
            self.writer.begin(&self.model, self.context.is_provisional());
        }
    }

    /// The next report, if one waits: for taking many between two frames.
    pub fn try_next(&mut self) -> Option<Message> {
        self.report_receiver.try_next().map(Message::Report)
    }

    /// Lines that were dropped since this was last asked.
    pub fn dropped(&mut self) -> Option<Message> {
        let count = self.report_receiver.take_dropped();
        (count > 0).then_some(Message::Dropped(count))
    }

    /// Takes one message through the model and carries out what it asks for. Gives back what only
    /// the driver can do: it holds the terminal.
    pub fn handle(&mut self, message: Message) -> Vec<Effect> {
        let stamped = Stamped { at: self.context.now(), message };
        let mut left = Vec::new();
        for effect in update(&mut self.model, stamped) {
            match effect {
                Effect::Persist => self.writer.request(),
                Effect::Post(lines) => self.bookkeeper.post(lines),
                Effect::Notify(notifications) => self.notifier.post(notifications),
                // What is remembered with it is on the disk before it begins: the count that it
                // changes, the brake that it uses up.
                Effect::Start(id, job) => self.tasks.start(id, job, self.writer.saved()),
                Effect::Cancel(id) => self.cancel(id),
                Effect::TakeOver => self.handover.ask(),
                Effect::Answer(id, secret) => self.answer(id, secret),
                for_the_driver => left.push(for_the_driver),
            }
        }
        for line in self.model.log.events().since(self.told) {
            trace(line);
            self.events.note(line);
        }
        self.events.begin(!self.model.fleet.is_empty());
        self.told = self.model.log.events().next();
        self.tell_figures();
        self.write();
        left
    }

    /// Tells the watch what it publishes, where it does; not at each message of a burst.
    fn tell_figures(&mut self) {
        let publishes = self.model.config.as_ref().is_some_and(|it| it.cloudwatch.publish);
        let is_due = self.figured.is_none_or(|at| self.model.now.duration_since(at) >= FIGURED);
        if publishes && is_due {
            self.figured = Some(self.model.now);
            self.context.figures.send_replace(figures(&self.model));
        }
    }

    /// Gives a job the answer that it waits for.
    fn answer(&mut self, id: QuestionId, secret: Option<Secret>) {
        if let Some(waiting) = self.waiting.remove(&id) {
            // The job that asked may be gone by now.
            let _ = waiting.send(secret);
        }
    }

    /// Lets go of the lock between machines: nothing is launched any more.
    pub(super) async fn release_lock(&self) {
        jobs::release_lock(&self.context).await;
    }

    /// Brings the files up to date before the program ends.
    pub async fn finish(&mut self) -> Result<(), String> {
        self.untold = self.notifier.finish().await;
        let lines = closing_lines(&mut self.model);
        let posted = self.bookkeeper.finish(lines).await;
        self.events.finish(!self.model.fleet.is_empty()).await;
        let stored = self.writer.finish(&self.model, self.context.is_provisional()).await;
        stored.and(posted)
    }
}

/// Passes a sentence on to the log panel and the log file.
fn trace(line: &LogLine) {
    match line.level {
        Level::Error => tracing::error!(target: STORY, at = %line.at, "{line}"),
        Level::Warning => tracing::warn!(target: STORY, at = %line.at, "{line}"),
        Level::Info | Level::Success => tracing::info!(target: STORY, at = %line.at, "{line}"),
    }
}
