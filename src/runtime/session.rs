//! A headless command's session: what it opens with, and the loop that it drives. It is opened in
//! one place and closed in one place, whatever became of the command.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::above::Above;
use super::confirm;
use super::environment::Environment;
use super::event_loop::EventLoop;
use super::exit_code::ExitCode;
use super::handover::host_name;
use super::lines::Lines;
use super::recall::Want;
use super::service_manager::ServiceManager;
use super::startup::{self, OpenProcess};
use super::stop::{Stop, is_without_credentials};
use crate::app::{Command, Left, Message, Model, Turn, how_full};
use crate::config::Config;
use crate::fleet::{
    Account, Failure, FailureKind, Instance, JobId, JobKind, JobNews, Level, News, Outcome, Region,
    Report, Step, Subject,
};
use crate::headless::{Format, Printer, cut_short};
use crate::jobs::{self, Context, DeploymentChoice, NodeAccess, NodeTarget};
use crate::store::{Lock, Paths};

/// With what a session opens.
pub(super) struct Start<'a> {
    /// Where the process works.
    pub environment: &'a Environment,
    /// The configuration, where there is one.
    pub config: Option<Config>,
    /// What it wants of the state.
    pub want: Want,
    /// What it needs to know before it begins.
    pub need: Need,
    /// How lines look.
    pub format: Format,
}

impl<'a> Start<'a> {
    /// The session of a command that looks at the instances there are and prints something of its
    /// own about them.
    pub(super) fn looking(environment: &'a Environment) -> Result<Self, Stop> {
        let config = startup::read_config(environment)?;
        let (want, need, format) = (Want::Read, Need::Instances, Format::Silent);
        Ok(Self { environment, config, want, need, format })
    }

    /// The session of a command that may change something, and tells of it while it does.
    pub(super) fn changing(
        environment: &'a Environment,
        want: Want,
        need: Need,
        json: bool,
    ) -> Result<Self, Stop> {
        let (config, format) = (startup::read_config(environment)?, environment.moving(json));
        Ok(Self { environment, config, want, need, format })
    }
}

/// How long is waited for prices that nothing depends on.
const PATIENCE: Duration = Duration::from_secs(8);

/// What a command needs to know before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing yet.
    Nothing,
    /// Who we are.
    Account,
    /// Who we are, and which deployment is meant.
    Deployment,
    /// What there is; where AWS does not tell, what was last known.
    LastKnown,
    /// Instances to act on.
    Instances,
    /// A deployment to add to, be it a new one.
    Room,
}

/// One headless command under way.
pub(super) struct Session {
    event_loop: Box<EventLoop<Lines>>,
    context: Arc<Context>,
    want: Want,
    lock: Option<Lock>,
}

impl Session {
    /// Opens a session, learns what is needed, lets the command do its work, and closes: the state
    /// is written, and the last line is printed.
    pub(super) async fn run(
        start: Start<'_>,
        command: impl AsyncFnOnce(&mut Self) -> Result<ExitCode, Stop>,
    ) -> Result<ExitCode, Stop> {
        let (need, state) = (start.need, start.environment.global.state.clone());
        let mut session = Self::open(start)?;
        let result = match Box::pin(session.learn(need)).await {
            Ok(()) => Box::pin(command(&mut session)).await,
            Err(stop) => Err(stop),
        };
        if result == Err(Stop::HandedOver) {
            let paths = Paths::new(&state);
            session.hand_over(&paths).await?;
            return Err(Stop::HandedOver);
        }
        Ok(Box::pin(session.close(result)).await)
    }

    fn open(start: Start<'_>) -> Result<Self, Stop> {
        let Start { environment, config, want, format, .. } = start;
        let OpenProcess { engine, context, remarks, lock } =
            startup::open(environment, config, want, None)?;
        for remark in remarks {
            super::stderr::print(&format!("WARNING: {remark}"));
        }
        let event_loop = Box::new(EventLoop::new(engine, Lines::listen(format)?));
        Ok(Self { event_loop, context, want, lock })
    }

    /// What is known.
    pub(super) fn model(&self) -> &Model {
        &self.event_loop.engine.model
    }

    /// The row with the key of its host, which the console may have to tell first.
    pub(super) async fn with_host_key(&self, mut row: Instance) -> Result<Instance, Stop> {
        if row.host_key.is_none() {
            let visitor = NodeAccess::open(&self.context).await?;
            row.host_key = Some(visitor.host_key(&NodeTarget::of(&row)?).await?);
        }
        Ok(row)
    }

    /// Whether nothing names a deployment: nothing was created here yet.
    pub(super) fn is_new(&self) -> bool {
        self.context.is_provisional() || self.context.is_made_up()
    }

    /// The printer, and what it prints from.
    pub(super) fn printer(&mut self) -> (&mut Printer<Above>, &Model) {
        (&mut self.event_loop.edge.printer, &self.event_loop.engine.model)
    }

    /// Says a sentence of the command itself.
    pub(super) fn print(&mut self, level: Level, text: &str) {
        let (printer, model) = self.printer();
        printer.line(model, &Subject::Job, level, text);
    }

    /// Whether everything went well so far.
    pub(super) fn verdict(&self) -> ExitCode {
        let model = self.model();
        match &model.trouble {
            Some(trouble) if is_without_credentials(trouble) => ExitCode::USAGE,
            _ => model.verdict().into(),
        }
    }

    /// Lets time pass, until a signal tells to leave.
    pub(super) async fn rest(&mut self, span: Duration) -> Result<(), Stop> {
        tokio::select! {
            () = sleep(span) => Ok(()),
            _ = self.event_loop.edge.signal() => Err(Stop::Left(ExitCode::INTERRUPTED)),
        }
    }

    /// Asks the user; only the right answer goes on.
    pub(super) async fn confirm(&mut self, question: &str, right: &str) -> Result<(), Stop> {
        confirm::ask(&mut self.event_loop.edge, question, right).await
    }

    /// Gives a command and drives the loop until no job is under way.
    pub(super) async fn perform(&mut self, command: Command) -> Result<(), Stop> {
        self.event_loop.engine.model.flash = None;
        leave(self.event_loop.take_up(Message::Command(command)).await)?;
        if self.model().active().next().is_none() {
            return self.refused(Level::Info);
        }
        while self.model().active().next().is_some() {
            leave(self.event_loop.step().await)?;
        }
        // A create that waited for prices may have been refused by then.
        self.refused(Level::Warning)
    }

    /// Asks for prices, for a while: nobody is worse off without them, and nothing fails for them.
    pub(super) async fn ask_for_prices(&mut self, command: Command) -> Result<(), Stop> {
        let asked = timeout(PATIENCE, self.perform(command)).await;
        if asked.is_err() {
            // Whatever follows would wait for it.
            let engine = &mut self.event_loop.engine;
            let late = engine.model.active().filter(|(_, job)| job.kind == JobKind::Prices);
            let late: Vec<JobId> = late.map(|(id, _)| id).collect();
            for id in late {
                engine.cancel(id);
            }
            while self.model().active().next().is_some() {
                leave(self.event_loop.step().await)?;
            }
        }
        self.event_loop.engine.model.jobs.retain(|_, job| job.kind != JobKind::Prices);
        match asked {
            Ok(Err(stop @ (Stop::Left(ExitCode::INTERRUPTED) | Stop::HandedOver))) => Err(stop),
            _ => Ok(()),
        }
    }

    /// Learns what is kept, in whatever region.
    pub(super) async fn look_for_kept_everywhere(&mut self) -> Result<(), Stop> {
        self.context.look_for_kept_everywhere();
        self.perform(Command::Refresh).await
    }

    /// The same for a command whose printer is silent: why its job failed is said here.
    pub(super) async fn obtain(&mut self, command: Command) -> Result<(), Stop> {
        self.perform(command).await?;
        match self.model().jobs.values().next_back().and_then(|job| job.outcome.as_ref()) {
            Some((_, Outcome::Failed(failure))) => Err(Stop::Failure(failure.clone())),
            _ => Ok(()),
        }
    }

    /// Says in the lock that its holder keeps the fleet, for whoever finds it taken.
    pub(super) fn name_keeper(&self) {
        if let Some(lock) = &self.lock {
            // It is for the eye alone.
            let _ = lock.name_keeper(&host_name());
        }
    }

    /// From now on the state is handed over to whoever asks for it: [`Stop::HandedOver`].
    pub(super) fn hand_over_on_request(&mut self, paths: &Paths) {
        if self.lock.is_some() {
            self.event_loop.engine.hand_over_on_request(paths);
        }
    }

    /// Writes the state and lets go of it, for who asked. Nothing is summed up: it goes on.
    async fn hand_over(mut self, paths: &Paths) -> Result<(), Stop> {
        let stored = self.event_loop.engine.finish().await;
        let asker = self.event_loop.engine.take_asker();
        // Jobs and socket end while the lock is still held.
        drop(self.event_loop);
        drop(self.lock);
        if let Some(asker) = asker {
            asker.give(paths).await;
        }
        stored.map_err(|why| Failure::new(FailureKind::LocalDisk, Step::State, why, "").into())
    }

    /// Holds the wanted count until that is so, or that moment comes, or a signal does.
    pub(super) async fn keep(
        &mut self,
        is_over: impl Fn(&Model) -> bool,
        end: Option<Instant>,
    ) -> Result<(), Stop> {
        self.event_loop.engine.model.flash = None;
        self.context.access.logins.wait();
        leave(self.event_loop.take_up(Message::Command(Command::Keep)).await)?;
        if !self.model().is_keeper() {
            return self.refused(Level::Warning);
        }
        let mut manager = ServiceManager::of_environment();
        manager.ready();
        let kept = self.keep_on(&is_over, end, &mut manager).await;
        manager.stopping();
        kept
    }

    async fn keep_on(
        &mut self,
        is_over: &impl Fn(&Model) -> bool,
        end: Option<Instant>,
        manager: &mut ServiceManager,
    ) -> Result<(), Stop> {
        while !is_over(self.model()) {
            manager.step(|| {
                let (ready, wanted) = how_full(self.model());
                format!("{ready} of {wanted} ready")
            });
            let step = self.event_loop.step();
            match end {
                None => leave(step.await)?,
                // A step that is dropped while it waits has taken nothing.
                Some(end) => match timeout_at(end, step).await {
                    Ok(step) => leave(step)?,
                    Err(_) => return Ok(()),
                },
            }
        }
        Ok(())
    }

    /// A command that the model refused starts nothing: its words, from this level on, are the
    /// answer.
    fn refused(&mut self, least: Level) -> Result<(), Stop> {
        let flash = self.model().flash.clone().filter(|flash| flash.level >= least);
        let Some(flash) = flash else { return Ok(()) };
        let is_refusal = flash.level >= Level::Warning;
        if self.is_silent() && is_refusal {
            return Err(Stop::Usage(flash.text));
        }
        self.print(flash.level, &flash.text);
        if is_refusal { Err(Stop::Left(ExitCode::FAILED)) } else { Ok(()) }
    }

    /// Learns who we are and what there is; where no file tells the deployment, the tags do.
    pub(super) async fn learn(&mut self, need: Need) -> Result<(), Stop> {
        if need == Need::Nothing {
            return Ok(());
        }
        if need != Need::Account && self.context.is_provisional() {
            self.find_deployment(need).await?;
        }
        self.perform(Command::Refresh).await?;
        match self.model().account {
            // Without AWS, list still shows what was last known.
            None if need == Need::LastKnown => Ok(()),
            None => Err(self.unknown()),
            Some(_) if matches!(need, Need::Account | Need::Deployment) => Ok(()),
            Some(_) => self.perform(Command::Refresh).await,
        }
    }

    /// Why there is no way on while nobody knows who we are. A printer has told it already.
    fn unknown(&self) -> Stop {
        match &self.model().trouble {
            Some(trouble) if self.is_silent() => Stop::Failure(trouble.clone()),
            Some(trouble) if is_without_credentials(trouble) => Stop::Left(ExitCode::USAGE),
            _ => Stop::Left(self.verdict().max(ExitCode::FAILED)),
        }
    }

    fn is_silent(&self) -> bool {
        matches!(self.event_loop.edge.printer.format(), Format::Silent | Format::Output)
    }

    /// Whether what it prints is for programs.
    pub(super) fn tells_programs(&self) -> bool {
        self.event_loop.edge.printer.format() == Format::Json
    }

    /// Who we are, and the regions that were named.
    pub(super) fn account(&self, named: &[String]) -> Result<(Account, Vec<Region>), Stop> {
        let account = self.model().account.clone().ok_or_else(|| self.unknown())?;
        let regions: Vec<Region> = named.iter().map(|name| Region::from(name.as_str())).collect();
        match regions.iter().find(|region| !account.regions.contains(region)) {
            Some(unknown) => {
                let text = format!("--region {unknown}: the account has no such region");
                Err(Stop::Usage(text))
            }
            None => Ok((account, regions)),
        }
    }

    /// Takes up the one deployment of this creator that tags tell of.
    async fn find_deployment(&mut self, need: Need) -> Result<(), Stop> {
        let context = Arc::clone(&self.context);
        let looking = async {
            // The job that identifies us fails in the same way and says so.
            context.account().await.ok()?;
            Some(jobs::find_deployment(&context).await)
        };
        let found = tokio::select! {
            found = looking => found,
            _ = self.event_loop.edge.signal() => return Err(Stop::Left(ExitCode::INTERRUPTED)),
        };
        let deployment = match found {
            None => return Ok(()),
            Some(Ok(DeploymentChoice::None)) => None,
            Some(Ok(DeploymentChoice::One(deployment))) => Some(deployment),
            Some(Ok(DeploymentChoice::Others(seen) | DeploymentChoice::Several(seen))) => {
                let seen: Vec<String> = seen.iter().map(ToString::to_string).collect();
                let new = if need == Need::Room { ", be it one of them or a new one" } else { "" };
                let text = format!(
                    "no state file tells which of these deployments is meant:\n  {}\nname one: \
                     --deployment ID{new}",
                    seen.join("\n  ")
                );
                return Err(Stop::Usage(text));
            }
            Some(Err(error)) => {
                let hint =
                    "no state file tells which deployment is meant; name it: --deployment ID";
                let failure = error.failure(Step::Account);
                return Err(Stop::Failure(Failure { hint: hint.to_owned(), ..failure }));
            }
        };
        self.context.choose_deployment(deployment.clone());
        if let Some(deployment) = deployment {
            let news = News::Job(JobNews::Deployment(deployment));
            let report = Report { job: JobId(0), at: context.now(), news };
            self.event_loop.engine.handle(Message::Report(report));
        }
        Ok(())
    }

    /// Says what stands of a create that was stopped midway.
    fn tell_pending_creates(&mut self) {
        let Ok(journal) = self.context.journal() else { return };
        let standing = jobs::open_creates(journal).into_iter();
        let ours = standing.filter(|it| it.count > 0 && it.deployment == self.model().deployment);
        for order in ours.collect::<Vec<_>>() {
            let text = cut_short(self.model(), &order);
            self.print(Level::Warning, &text);
        }
    }

    /// Writes the state and the last line. Programs get that line always; people where there is
    /// something to sum up.
    async fn close(mut self, result: Result<ExitCode, Stop>) -> ExitCode {
        let is_summed_up = matches!(result, Ok(_) | Err(Stop::Left(_)));
        // Where nothing can be written that is told at the end.
        let _ = self.event_loop.edge.settle(&self.event_loop.engine.model);
        let mut code = result.unwrap_or_else(|stop| {
            stop.print();
            if let Some((text, kind)) = stop.reason() {
                let (printer, model) = self.printer();
                printer.reason(model, &text, kind);
            }
            stop.code()
        });
        match self.event_loop.engine.finish().await {
            Ok(()) => self.event_loop.edge.printer.saved(),
            // A destroy never needs the disk: what it ended is gone, whatever the state still says.
            Err(why) if self.want == Want::Destroy => self.print(Level::Warning, &why),
            Err(why) => {
                self.print(Level::Error, &why);
                code = code.max(ExitCode::FAILED);
            }
        }
        self.event_loop.engine.release_lock().await;
        let said = match self.event_loop.engine.untold {
            0 => None,
            1 => Some("1 message to `notify` waits".to_owned()),
            many => Some(format!("{many} messages to `notify` wait")),
        };
        if let Some(said) = said {
            let text = format!("{said}; the next run delivers, or `spot-tui notify --send`");
            self.print(Level::Warning, &text);
        }
        if code == ExitCode::INTERRUPTED {
            self.tell_pending_creates();
        }
        // Another account than that of the state is a wrong choice of the user's, not something
        // that failed.
        if code == ExitCode::FAILED && self.context.is_of_another_account() {
            code = ExitCode::USAGE;
        }
        let (printer, model) = self.printer();
        if is_summed_up || printer.format() == Format::Json {
            printer.summary(model, code == ExitCode::DONE);
        }
        code
    }
}

/// How the loop was left, if it was. A printer never fails it, and goes on in no other way.
fn leave(step: io::Result<Option<Left>>) -> Result<(), Stop> {
    match step? {
        None => Ok(()),
        Some(Left::Exit(exit)) => Err(Stop::Left(exit.into())),
        Some(Left::Turn(Turn::Reopen)) => Err(Stop::HandedOver),
        Some(Left::Turn(_)) => Err(Stop::Left(ExitCode::FAILED)),
    }
}
