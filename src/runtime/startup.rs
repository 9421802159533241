//! How a process starts: configuration, state, lock, deployment, and the engine of all that.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use super::engine::Engine;
use super::environment::Environment;
use super::handover::host_name;
use super::metrics::MetricsPort;
use super::recall::{Recalled, Want, recall};
use super::screen::LAYOUT;
use super::stop::Stop;
use super::{courier, limits, notify_targets};
use crate::app::keymap::Keymap;
use crate::app::{LogLine, Model, Opening, Remembered, Visit, read_lines};
use crate::cli::Global;
use crate::config::{self, Config, NotifyVia};
use crate::files::open_regular;
use crate::fleet::text::clean_line;
use crate::fleet::{DeploymentId, Failure, FailureKind, Fleet, Instance, Phase, Step};
use crate::jobs::{self, Context, ContextSettings, MonitoredNode, Pace};
use crate::store::{Cache, EventFile, Journal, Lock, Outbox, Paths, State, pid_namespace};

/// The largest configuration that is read, in bytes.
const CONFIG_CAP: u64 = 1 << 20;
/// The longest between two looks at a node while nobody watches: a keeper of hundreds shall cost
/// nothing, and EC2 tells sooner what ends.
const REST: Duration = Duration::from_mins(15);
/// The longest between two looks at all of a region then, at one in which nothing of ours is, and at
/// prices: what changes state is seen sooner.
const WHOLE: Duration = Duration::from_mins(10);
/// Between two looks at a steady region then, and for interruption notices, where no hook on the node
/// needs the most of the two minutes that one leaves.
const STEADY: Duration = Duration::from_secs(20);

/// An open process: the engine, and the lock that it holds.
pub(super) struct OpenProcess {
    /// The engine.
    pub engine: Engine,
    /// What jobs work with.
    pub context: Arc<Context>,
    /// What has to be said before anything else.
    pub remarks: Vec<String>,
    /// Held for as long as the state file is ours.
    pub lock: Option<Lock>,
}

/// Reads the configuration. `Ok(None)` when there is none at the default place.
pub(super) fn read_config(environment: &Environment) -> Result<Option<Config>, Stop> {
    let path = &environment.global.config;
    let bytes = match read_capped(path) {
        Ok(bytes) => bytes,
        Err(error)
            if error.kind() == io::ErrorKind::NotFound && path == Path::new("config.yaml") =>
        {
            return Ok(None);
        }
        Err(error) => {
            let hint = "name a readable file with --config";
            return Err(Stop::Config(format!("{}: {error}; {hint}", path.display())));
        }
    };
    let mut config = config::parse_bytes(&path.display().to_string(), &bytes)
        .map_err(|complaints| Stop::Config(complaints.to_string()))?;
    check_keymap(path, &config)?;
    environment.adapt(&mut config);
    Ok(Some(config))
}

/// What the configuration says of keys, held against the keymap, which it cannot know itself.
fn check_keymap(path: &Path, config: &Config) -> Result<(), Stop> {
    let wrong = Keymap::new(&config.ui.keymap).err().unwrap_or_default();
    let lines: Vec<String> =
        wrong.iter().map(|wrong| format!("{}:{wrong}", path.display())).collect();
    if lines.is_empty() { Ok(()) } else { Err(Stop::Config(lines.join("\n"))) }
}

/// One byte more than allowed is enough to refuse a file that is too long.
fn read_capped(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(CONFIG_CAP + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens the state and puts the engine together.
pub(super) fn open(
    environment: &Environment,
    config: Option<Config>,
    want: Want,
    window: Option<(u16, u16)>,
) -> Result<OpenProcess, Stop> {
    let global = &environment.global;
    let recalled = recall(global, want)?;
    let Recalled {
        state,
        journal,
        pending_creates,
        destroys,
        file,
        lock,
        holder,
        read_only,
        is_unsure,
        mut remarks,
        ledger,
        ledger_file,
    } = recalled;
    let (deployment, is_made_up) = match &environment.visit {
        Some(visit) => visited(visit),
        None => deployment(global, config.as_ref(), &state),
    };
    // A predecessor's state names no deployment, and says all the same what there is.
    let is_predecessors = state.deployment.is_none() && !state.entries.is_empty();
    let is_new_deployment = is_made_up && !is_predecessors;
    if let Some(other) = state.deployment.as_ref().filter(|it| **it != deployment)
        && !state.entries.is_empty()
    {
        return Err(of_another(&global.state, other, &deployment));
    }
    // What no row and no open call is about may be of any account.
    let of_rows = state.account.clone().filter(|_| !state.entries.is_empty());
    let account = of_rows.or_else(|| journal.as_deref().and_then(Journal::account).cloned());
    let access = environment.access.clone();
    let now = access.now();
    let mut fleet = fleet(&state, is_predecessors.then_some(&deployment), now);
    fleet.take_over(ledger);
    let config = config.map(Arc::new);
    let (asker, questions) = jobs::questions();
    let (report_sender, report_receiver) = jobs::report_channel(access.time.clone());
    let mut cache = Cache::new(&environment.cache);
    if global.read_only {
        cache = cache.only_read();
    }
    let is_watched = window.is_some() || want != Want::Write;
    let pace = pace(config.as_deref(), is_watched);
    let context = Arc::new(Context::new(ContextSettings {
        is_provisional: is_new_deployment,
        config: config.clone(),
        home: environment.home.clone(),
        host: host_name(),
        boot: pid_namespace().unwrap_or_default(),
        agent: environment.agent.clone(),
        dial: Arc::clone(&environment.dial),
        journal,
        pace,
        held_connections: limits::held_connections(),
        unsure_until: is_unsure.then(|| Instant::now() + pace.consistency),
        state_account: account,
        ..ContextSettings::new(deployment.clone(), access, cache, asker)
    }));
    fleet.instances().for_each(|row| context.remember(row));
    if let Some(upkeep) = &state.upkeep {
        upkeep.kept_in().iter().for_each(|region| context.remember_kept(region));
    }
    fleet.instances().filter_map(charge).for_each(|charge| context.monitor(charge));
    // What happened here did not happen there.
    let keeps_past = window.is_some() && environment.visit.is_none();
    let model = Model::new(Opening {
        config,
        deployment,
        fleet,
        upkeep: state.upkeep.clone().unwrap_or_default(),
        pending_creates,
        destroys,
        read_only,
        dashboard: window.is_some(),
        now,
        size: window.unwrap_or_default(),
        signs_in_here: environment.signs_in_here(),
        visits: environment.visits(),
        remembered: remembered(environment),
        past: if keeps_past { past(global) } else { Vec::new() },
    });
    let is_writer = file.is_some() && lock.is_some();
    let mut engine =
        Engine::new(model, Arc::clone(&context), report_sender, report_receiver, questions, file);
    if let Some(holder) = holder {
        engine.held_by_another(Paths::new(&global.state), &holder);
    }
    if let Some(address) = global.metrics {
        engine.tell_metrics(open_port(address, &mut remarks)?);
    }
    if let Some(ledger) = ledger_file {
        engine.keep_ledger(ledger);
    }
    if is_writer {
        remarks.extend(hire_courier(environment, &mut engine));
    }
    Ok(OpenProcess { engine, context, remarks, lock })
}

/// The port at which metrics are told. Whoever can reach it reads them.
fn open_port(address: SocketAddr, remarks: &mut Vec<String>) -> Result<MetricsPort, Stop> {
    let (port, bound) = MetricsPort::open(address)
        .map_err(|error| Stop::Usage(format!("--metrics {address}: {error}")))?;
    if !bound.ip().is_loopback() {
        remarks.push(format!("metrics are told to whoever can reach http://{bound}/metrics"));
    }
    Ok(port)
}

/// Sets a courier to work where the configuration names somebody to tell. What it cannot use is
/// answered: its messages wait.
fn hire_courier(environment: &Environment, engine: &mut Engine) -> Vec<String> {
    let config = engine.model.config.as_deref();
    let mut wanted = config.map(|config| config.notify.clone()).unwrap_or_default();
    wanted.retain(|it| it.via != NotifyVia::Terminal);
    if wanted.is_empty() {
        return Vec::new();
    }
    let (access, home) = (environment.access.clone(), environment.home.clone());
    let troubles = notify_targets::troubles(&wanted, home.as_deref());
    let outbox = Outbox::new(&Paths::new(&environment.global.state));
    let clock = access.time.clone();
    let targets = notify_targets::open(wanted, access, home);
    engine.notify(outbox, targets, courier::Pace::default(), clock);
    troubles
}

/// How fast jobs look again.
fn pace(config: Option<&Config>, is_watched: bool) -> Pace {
    let consistency = config.map(|it| Duration::from_secs(it.aws.consistency_window_s.into()));
    let usual = Pace::default();
    let usual = Pace { consistency: consistency.unwrap_or(usual.consistency), ..usual };
    if is_watched {
        return usual;
    }
    let is_hooked = config.is_some_and(|config| config.hooks.interrupted.is_some());
    let notices = if is_hooked { usual.notices } else { STEADY };
    Pace { rest: REST, steady: STEADY, whole: WHOLE, empty: WHOLE, prices: WHOLE, notices, ..usual }
}

/// Two deployments in one state file would be taken for one.
fn of_another(file: &Path, other: &DeploymentId, deployment: &DeploymentId) -> Stop {
    let (file, other) = (file.display(), clean_line(other.as_str()));
    let reason = format!("{file} holds the instances of {other}, not of {deployment}");
    let hint = "name another file with --state, or the deployment that the file is of";
    Stop::Failure(Failure::new(FailureKind::Configuration, Step::State, reason, hint))
}

/// How the screen was arranged the last time.
fn remembered(environment: &Environment) -> Remembered {
    let text = environment.memory().and_then(|folder| read_capped(&folder.join(LAYOUT)).ok());
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| Remembered::read(&text)).unwrap_or_default()
}

/// What earlier runs wrote down of what happened: for a screen, where somebody looks back.
fn past(global: &Global) -> Vec<LogLine> {
    let lines = EventFile::new(&Paths::new(&global.state)).read();
    read_lines(lines.iter().map(String::as_str))
}

/// The deployment: from the command line, the configuration or the state; else a new one.
fn deployment(global: &Global, config: Option<&Config>, state: &State) -> (DeploymentId, bool) {
    if let Some(id) = deployment_told(global, config, state) {
        (id, false)
    } else {
        let random = Uuid::new_v4().simple().to_string();
        (DeploymentId::new(format!("spot-{}", &random[..8])), true)
    }
}

/// The deployment, where one of them tells it.
pub(super) fn deployment_told(
    global: &Global,
    config: Option<&Config>,
    state: &State,
) -> Option<DeploymentId> {
    let named = global.deployment.clone().map(DeploymentId::from);
    named
        .or_else(|| config.and_then(|config| config.deployment.clone()))
        .or_else(|| state.deployment.clone())
}

/// The deployment that is looked at; where none is named, the tags tell. No deployment has such a name.
fn visited(visit: &Visit) -> (DeploymentId, bool) {
    match &visit.deployment {
        Some(deployment) => (deployment.clone(), false),
        None => (DeploymentId::new("-"), true),
    }
}

/// A node that an earlier run deployed, and whose host is known.
fn charge(instance: &Instance) -> Option<MonitoredNode> {
    let deployed = matches!(instance.phase, Phase::Ready | Phase::Degraded { .. });
    Some(MonitoredNode {
        key: instance.key.clone(),
        machine: instance.machine.clone().filter(|_| deployed)?,
        host_key: instance.host_key.clone()?,
    })
}

/// What the state remembers; the rows of a predecessor's are this deployment's.
fn fleet(state: &State, inherits: Option<&DeploymentId>, now: Timestamp) -> Fleet {
    let mut fleet = Fleet::default();
    fleet.remember_spent(state.spent.clone());
    for entry in &state.entries {
        let mut row = entry.instance(now);
        if let Some(heir) = inherits {
            row.deployment.clone_from(heir);
        }
        fleet.insert(row);
    }
    fleet
}
