//! The headless commands: the same loop, driven by one command after the other, with a printer
//! where the dashboard has a screen.

mod clearing;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::environment::Environment;
use super::recall::Want;
use super::resolve::{self, Targets};
use super::session::{self, Open, SessionError};
use super::signals::Signals;
use super::stdout::Stdout;
use crate::app::{Command, Counts, Effect, Exit, Line, Message, Scope};
use crate::cli;
use crate::config::Config;
use crate::fleet::{
    Failure, Fleet, Instance, JobId, JobNews, Level, MachineType, News, Region, Report, Secret,
    Step, Subject,
};
use crate::headless::{Format, Printer, print_list, print_prices};
use crate::jobs::{self, Found};

pub(super) use clearing::{cleanup, nuke, recover};

/// Usage or configuration.
const USAGE: u8 = 2;
/// Something failed.
pub(super) const FAILED: u8 = 1;

/// One headless command under way.
pub(super) struct Run {
    /// The engine and what it holds.
    pub open: Open,
    /// Where everything is said.
    pub printer: Printer<Stdout>,
    /// What the user or the system tells this process.
    pub signals: Signals,
}

/// `create`.
pub(super) async fn create(environment: &Environment, args: &cli::Create, debug: bool) -> u8 {
    let config = match session::read_config(environment) {
        Ok(Some(config)) => config,
        Ok(None) => return refuse("there is no config.yaml here: run `spot-tui setup`"),
        Err(error) => return complain(&error),
    };
    let counts = match counts(&config, &args.regions) {
        Ok(counts) => counts,
        Err(text) => return refuse(&text),
    };
    if !args.dry_run && !args.yes && !io::stdin().is_terminal() {
        return refuse("create launches instances: without a terminal it needs --yes");
    }
    let want = if args.dry_run { Want::Read } else { Want::Write };
    let mut run = match Run::open(environment, Some(config.clone()), want, args.json, debug) {
        Ok(run) => run,
        Err(error) => return complain(&error),
    };
    // Whoever reads the plan reads what it costs.
    if (args.dry_run || !args.yes)
        && let Some(exit) = run.perform(Command::Prices(Vec::new())).await
    {
        return run.close(exit).await;
    }
    if !args.json || args.dry_run {
        run.printer.plan(&run.open.engine.model, &config, &counts);
    }
    if args.dry_run {
        run.printer.line(
            &run.open.engine.model,
            &Subject::Job,
            Level::Info,
            "nothing was launched",
        );
        let verdict = run.open.engine.model.verdict().code();
        return run.leave(verdict);
    }
    if !args.yes
        && let Some(exit) = refusal(asked(&mut run.signals, "Create these instances?", "y").await)
    {
        return run.close(exit).await;
    }
    if let Some(code) = run.look(Need::Room).await {
        return code;
    }
    let model = &run.open.engine.model;
    let alive = model.fleet.alive().count();
    if alive > 0 {
        let then = match model.unfinished().next() {
            Some(_) => "what was cut short is completed, and counts",
            None => "these are added",
        };
        let text = format!("{alive} already there in {}; {then}", model.deployment);
        run.printer.line(model, &Subject::Job, Level::Info, &text);
    }
    if let Some(exit) = run.perform(Command::create(Some(counts))).await {
        return run.close(exit).await;
    }
    run.end().await
}

/// `destroy`.
pub(super) async fn destroy(environment: &Environment, args: &cli::Destroy, debug: bool) -> u8 {
    if args.instances.is_empty() && args.region.is_empty() && !args.all {
        return refuse("name instances, or --region REGION, or --all");
    }
    if !args.yes && !io::stdin().is_terminal() {
        return refuse("destroy ends instances: without a terminal it needs --yes");
    }
    let config = match session::read_config(environment) {
        Ok(config) => config,
        Err(error) => return complain(&error),
    };
    let mut run = match Run::open(environment, config, Want::Destroy, args.json, debug) {
        Ok(run) => run,
        Err(error) => return complain(&error),
    };
    if let Some(code) = run.look(Need::Instances).await {
        return code;
    }
    let model = &run.open.engine.model;
    let targets = match resolve::targets(&model.fleet, model.account.as_ref(), args) {
        Ok(targets) => targets,
        Err(text) => return run.leave(refuse(&text)),
    };
    if !args.yes
        && let Some(exit) = refusal(confirmed(&mut run.signals, &model.fleet, &targets).await)
    {
        return run.close(exit).await;
    }
    for scope in targets.scopes() {
        if let Some(exit) = run.perform(Command::destroy(scope)).await {
            return run.close(exit).await;
        }
    }
    run.end().await
}

/// `prices`.
pub(super) async fn prices(
    environment: &Environment,
    types: &[String],
    json: bool,
    debug: bool,
) -> u8 {
    let config = match session::read_config(environment) {
        Ok(config) => config,
        Err(error) => return complain(&error),
    };
    if config.is_none() && types.is_empty() {
        return refuse("without a configuration, prices needs --type TYPE");
    }
    let mut run = match Run::open(environment, config, Want::Read, false, debug) {
        Ok(run) => run,
        Err(error) => return complain(&error),
    };
    run.printer.mute();
    let types: Vec<MachineType> = types.iter().map(|name| name.as_str().into()).collect();
    for step in [Command::Refresh, Command::Prices(types.clone())] {
        if let Some(exit) = run.perform(step).await {
            return exit.code();
        }
    }
    let model = &run.open.engine.model;
    for line in model.log.events().lines().filter(|line| line.level >= Level::Warning) {
        say(&line.to_string());
    }
    print_prices(Stdout, model, json);
    let pools: Vec<_> = model.fleet.market().values().flat_map(|it| it.spot.keys()).collect();
    let has_price = |it: &&MachineType| pools.iter().any(|pool| pool.machine_type == **it);
    let mut unknown = types.iter().filter(|it| !has_price(it)).peekable();
    let code = if unknown.peek().is_some() { FAILED } else { run.code(model.verdict()) };
    unknown.for_each(|it| say(&format!("ERROR: no region that was asked has a price of {it}")));
    code
}

/// `retry`: a node that failed is never mended; a fresh instance takes its place.
pub(super) async fn retry(
    environment: &Environment,
    name: &str,
    yes: bool,
    json: bool,
    debug: bool,
) -> u8 {
    if !yes && !io::stdin().is_terminal() {
        return refuse("retry ends an instance: without a terminal it needs --yes");
    }
    let config = match session::read_config(environment) {
        Ok(config) => config,
        Err(error) => return complain(&error),
    };
    let mut run = match Run::open(environment, config, Want::Write, json, debug) {
        Ok(run) => run,
        Err(error) => return complain(&error),
    };
    if let Some(code) = run.look(Need::Instances).await {
        return code;
    }
    let fleet = &run.open.engine.model.fleet;
    let row = match resolve::instance(fleet, name) {
        Ok(key) => fleet.get(&key).cloned(),
        Err(text) => {
            let hint =
                "one that a retry has ended already is replaced by `spot-tui create --region";
            return run.leave(refuse(&format!("{text}; {hint} REGION=1`")));
        }
    };
    let Some(row) = row else { return run.leave(FAILED) };
    let targets = Targets::Instances(vec![row.key.clone()]);
    if !yes && let Some(exit) = refusal(confirmed(&mut run.signals, fleet, &targets).await) {
        return run.close(exit).await;
    }
    let fresh = Command::create(Some(BTreeMap::from([(row.region.clone(), 1)])));
    for step in [Command::destroy(Scope::Instances(vec![row.key])), fresh] {
        if let Some(exit) = run.perform(step).await {
            return run.close(exit).await;
        }
    }
    run.end().await
}

/// `list`.
pub(super) async fn list(environment: &Environment, json: bool, debug: bool) -> u8 {
    let config = match session::read_config(environment) {
        Ok(config) => config,
        Err(error) => return complain(&error),
    };
    let mut run = match Run::open(environment, config, Want::Read, false, debug) {
        Ok(run) => run,
        Err(error) => return complain(&error),
    };
    // What there is goes to standard output, what is wrong to standard error.
    run.printer.mute();
    if let Some(code) = run.look(Need::Nothing).await {
        return code;
    }
    let model = &run.open.engine.model;
    for (region, view) in model.fleet.regions() {
        if let Some(trouble) = &view.trouble {
            say(&format!("WARNING: {region} did not answer: {trouble}"));
        }
    }
    if let Some(trouble) = &model.trouble {
        say(&format!("ERROR: {trouble}; what follows is what was last known"));
    }
    let labels: Vec<String> = model.fleet.instances().map(Instance::label).collect();
    let of_rows = |line: &&Line| line.level >= Level::Warning && labels.contains(&line.about);
    model.log.events().lines().filter(of_rows).for_each(|line| say(&line.to_string()));
    // Where nobody could look, nothing is no answer.
    if json || model.trouble.is_none() || !model.fleet.is_empty() {
        print_list(Stdout, model, json);
    }
    let verdict = model.verdict();
    let stored = run.open.engine.finish().await;
    if stored.is_err() { FAILED } else { run.code(verdict) }
}

/// What a command needs to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: it shows what there is.
    Nothing,
    /// Instances to act on.
    Instances,
    /// A deployment to add to, be it a new one.
    Room,
}

impl Run {
    /// Opens the state and the engine for one command.
    pub(super) fn open(
        environment: &Environment,
        config: Option<Config>,
        want: Want,
        json: bool,
        debug: bool,
    ) -> Result<Self, SessionError> {
        let open = session::open(environment, config, want, None)?;
        let format = if json { Format::Json } else { Format::Lines { output: debug } };
        let signals =
            Signals::listen().map_err(|error| SessionError::Failure(Failure::internal(error)))?;
        for remark in &open.remarks {
            say(&format!("WARNING: {remark}"));
        }
        Ok(Self { open, printer: Printer::new(Stdout, format), signals })
    }

    /// Learns who we are and what there is; where no file tells the deployment, the tags do.
    /// An exit code when there is no way on.
    pub(super) async fn look(&mut self, need: Need) -> Option<u8> {
        if self.open.context.is_provisional()
            && let Some(code) = self.find_deployment(need).await
        {
            return Some(self.leave(code));
        }
        for step in [Command::Refresh, Command::Refresh] {
            if let Some(exit) = self.perform(step).await {
                return Some(self.close(exit).await);
            }
            if self.open.engine.model.account.is_none() {
                // Without AWS, list still shows what was last known.
                return if need == Need::Nothing { None } else { Some(self.end().await) };
            }
        }
        None
    }

    /// Takes up the one deployment of this creator that tags tell of. An exit code when it has to
    /// be named.
    async fn find_deployment(&mut self, need: Need) -> Option<u8> {
        let context = Arc::clone(&self.open.context);
        let looking = async {
            // The job that identifies us fails in the same way and says so.
            context.account().await.ok()?;
            Some(jobs::find_deployment(&context).await)
        };
        let found = tokio::select! {
            found = looking => found?,
            _ = self.signals.next() => return Some(self.close(Exit::Interrupted).await),
        };
        let settled = match found {
            Ok(Found::None) => None,
            // Others' deployments are no reason not to begin one of our own.
            Ok(Found::Others(_)) if need == Need::Room => None,
            Ok(Found::One(deployment)) => Some(deployment),
            Ok(Found::Others(seen) | Found::Several(seen)) => {
                say("no state file tells which of these deployments is meant:");
                for seen in seen {
                    say(&format!("  {seen}"));
                }
                say("name one: --deployment ID");
                return Some(USAGE);
            }
            Err(error) => {
                say(&format!("ERROR: {}", error.failure(Step::Account)));
                say("no state file tells which deployment is meant; name it: --deployment ID");
                return Some(FAILED);
            }
        };
        self.open.context.settle(settled.clone());
        if let Some(deployment) = settled {
            let news = News::Job(JobNews::Deployment(deployment));
            let report = Report { job: JobId(0), at: context.now(), news };
            self.open.engine.handle(Message::Report(report));
        }
        None
    }

    /// Gives a command and drives the loop until no job is under way. `Some` when the program has
    /// to leave before that.
    async fn perform(&mut self, command: Command) -> Option<Exit> {
        self.open.engine.model.flash = None;
        if let Some(exit) = self.take(Message::Command(command)).await {
            return Some(exit);
        }
        if self.open.engine.model.active().next().is_none() {
            return self.was_refused(Level::Info);
        }
        loop {
            while let Some(next) = self.open.engine.try_next() {
                if let Some(exit) = self.take(next).await {
                    return Some(exit);
                }
            }
            if let Some(dropped) = self.open.engine.dropped() {
                self.take(dropped).await;
            }
            if self.open.engine.model.active().next().is_none() {
                // A create that waited for prices may have been refused by then.
                return self.was_refused(Level::Warning);
            }
            let message = tokio::select! {
                signal = self.signals.next() => Message::Signal(signal),
                message = self.open.engine.next() => message,
            };
            if let Some(exit) = self.take(message).await {
                return Some(exit);
            }
        }
    }

    /// A command that the model refused starts nothing: its words, from this level on, are the
    /// answer.
    fn was_refused(&mut self, least: Level) -> Option<Exit> {
        let model = &self.open.engine.model;
        let flash = model.flash.clone().filter(|flash| flash.level >= least)?;
        self.printer.line(model, &Subject::Job, flash.level, &flash.text);
        (flash.level == Level::Warning).then_some(Exit::Failed)
    }

    async fn take(&mut self, message: Message) -> Option<Exit> {
        if let Message::Asked(question) = message {
            let text = question.text.clone();
            let answer = spawn_blocking(move || ask_secret(&text)).await.ok().flatten();
            self.open.engine.answer(question.id, answer);
            return None;
        }
        self.printer.noted(&self.open.engine.model, &message);
        let left = self.open.engine.handle(message);
        self.printer.changed(&self.open.engine.model);
        left.into_iter().find_map(|effect| match effect {
            Effect::Quit(exit) => Some(exit),
            // The rest is for a screen.
            _ => None,
        })
    }

    /// The end of a command that ran through.
    async fn end(&mut self) -> u8 {
        let verdict = self.open.engine.model.verdict();
        self.close(verdict).await
    }

    /// The end of a command that changed nothing: programs get their last line all the same.
    fn leave(&mut self, code: u8) -> u8 {
        if self.printer.format() == Format::Json {
            self.printer.summary(&self.open.engine.model, code == 0);
        }
        code
    }

    /// The exit code. Another account than that of the state is a wrong choice of the user's, not
    /// something that failed.
    fn code(&self, exit: Exit) -> u8 {
        let is_refused = exit == Exit::Failed && self.open.context.is_of_another_account();
        if is_refused { USAGE } else { exit.code() }
    }

    /// Writes the state and the last line. Answers the exit code.
    async fn close(&mut self, exit: Exit) -> u8 {
        let stored = self.open.engine.finish().await;
        let model = &self.open.engine.model;
        // A destroy never needs the disk: what it ended is gone, whatever the state still says.
        let needs_state = self.open.want != Want::Destroy;
        if let Err(why) = &stored {
            let level = if needs_state { Level::Error } else { Level::Warning };
            self.printer.line(model, &Subject::Job, level, why);
        }
        let is_kept = stored.is_ok() || !needs_state;
        self.printer.summary(model, exit == Exit::Done && is_kept);
        match exit {
            Exit::Done if !is_kept => FAILED,
            exit => self.code(exit),
        }
    }
}

/// The counts that `--region R[=N]` asks for; without any, the configuration's.
fn counts(config: &Config, asked: &[String]) -> Result<Counts, String> {
    let spread = config.spread();
    if asked.is_empty() {
        return Ok(spread);
    }
    let mut counts = BTreeMap::new();
    for text in asked {
        let (region, count) = match text.split_once('=') {
            Some((region, count)) => {
                let count = count.parse().map_err(|_| {
                    format!("--region {text}: '{count}' is not a number of instances")
                })?;
                (Region::from(region), Some(count))
            }
            None => (Region::from(text.as_str()), None),
        };
        let Some(configured) = spread.get(&region) else {
            let known: Vec<&str> = spread.keys().map(Region::as_str).collect();
            return Err(format!(
                "--region {region}: not in the configuration, which has {}",
                known.join(", ")
            ));
        };
        // A region whose share is none still gets one when it is asked for by name.
        counts.insert(region, count.unwrap_or((*configured).max(1)));
    }
    if counts.values().all(|count| *count == 0) {
        return Err("nothing to create: every count is 0".to_owned());
    }
    Ok(counts)
}

/// Names what will go and asks: one by `y`, several by their count, everything by `all`.
async fn confirmed(signals: &mut Signals, fleet: &Fleet, targets: &Targets) -> Answer {
    let doomed: Vec<_> = targets.instances(fleet).collect();
    for instance in &doomed {
        say(&format!("  {}  {}  {}", instance.region, instance.label(), instance.phase));
    }
    match targets {
        Targets::All => asked(signals, "Destroy everything of this deployment?", "all").await,
        _ if doomed.len() == 1 => asked(signals, "Destroy this instance?", "y").await,
        _ => {
            let count = doomed.len().to_string();
            asked(signals, &format!("Destroy these {count} instances?"), &count).await
        }
    }
}

/// What the user said to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    /// Ctrl-C.
    Interrupted,
}

/// How the command ends, unless the answer was yes.
fn refusal(answer: Answer) -> Option<Exit> {
    match answer {
        Answer::Yes => None,
        Answer::No => Some(Exit::Done),
        Answer::Interrupted => Some(Exit::Interrupted),
    }
}

/// Asks on the terminal; only the right answer goes on.
async fn asked(signals: &mut Signals, question: &str, right: &str) -> Answer {
    say(&format!("{question} Type {right} to go on:"));
    let read = spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = tokio::select! {
        line = read => line.ok().and_then(Result::ok).unwrap_or_default(),
        // The thread that reads goes on; it ends with the process.
        _ = signals.next() => return Answer::Interrupted,
    };
    if line.trim() == right { Answer::Yes } else { Answer::No }
}

fn ask_secret(text: &str) -> Option<Secret> {
    if !io::stdin().is_terminal() {
        return None;
    }
    rpassword::prompt_password(format!("{text}: ")).ok().map(Secret::new)
}

pub(super) fn refuse(text: &str) -> u8 {
    say(&format!("spot-tui: {text}"));
    USAGE
}

pub(super) fn complain(error: &SessionError) -> u8 {
    say(&error.to_string());
    error.code()
}

/// A line on standard error.
pub(super) fn say(text: &str) {
    // Nobody may be reading.
    let _ = writeln!(io::stderr(), "{text}");
}
