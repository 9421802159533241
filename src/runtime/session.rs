//! Opens a session: configuration, state, lock, deployment.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use super::engine::Engine;
use super::environment::Environment;
use super::screen::LAYOUT;
use crate::app::keymap::Keymap;
use crate::app::{Model, Opening, Remembered};
use crate::cli::Global;
use crate::config::{self, Config};
use crate::fleet::text::clean_line;
use crate::fleet::{DeploymentId, Failure, FailureKind, Fleet, Instance, Phase, Step};
use crate::jobs::{self, Charge, Context};
use crate::store::{Cache, Journal, Lock, Paths, State, StateFile, StoreError};

/// The largest configuration that is read, in bytes.
const CONFIG_CAP: u64 = 1 << 20;

/// Why a process cannot open.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// The configuration is wrong: all complaints, one a line.
    #[error("{0}")]
    Config(String),
    /// Something else is wrong.
    #[error("{0}")]
    Failure(Failure),
}

impl SessionError {
    /// The exit code that goes with it.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            Self::Failure(_) => 1,
        }
    }
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        Self::Failure(error.failure())
    }
}

/// What a process wants of its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// To write it, or not to start at all: create, destroy.
    Write,
    /// To write it, or else to read it: the dashboard.
    WriteIfFree,
    /// To read it, and leave nothing on the disk: list, a dry run.
    Read,
}

/// An open process: the engine, and the lock that it holds.
pub(super) struct Open {
    /// The engine.
    pub engine: Engine,
    /// What jobs work with.
    pub context: Arc<Context>,
    /// What has to be said before anything else.
    pub remarks: Vec<String>,
    _lock: Option<Lock>,
}

/// Reads the configuration. `Ok(None)` when there is none at the default place.
pub(super) fn read_config(environment: &Environment) -> Result<Option<Config>, SessionError> {
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
            return Err(SessionError::Config(format!("{}: {error}; {hint}", path.display())));
        }
    };
    let mut config = config::parse_bytes(&path.display().to_string(), &bytes)
        .map_err(|complaints| SessionError::Config(complaints.to_string()))?;
    check_keymap(path, &config)?;
    environment.adapt(&mut config);
    Ok(Some(config))
}

/// What the configuration says of keys, held against the keymap, which it cannot know itself.
fn check_keymap(path: &Path, config: &Config) -> Result<(), SessionError> {
    let wrong = Keymap::new(&config.ui.keymap).err().unwrap_or_default();
    let lines: Vec<String> =
        wrong.iter().map(|wrong| format!("{}:{wrong}", path.display())).collect();
    if lines.is_empty() { Ok(()) } else { Err(SessionError::Config(lines.join("\n"))) }
}

/// One byte more than allowed is enough to refuse a file that is too long.
fn read_capped(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(CONFIG_CAP + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens the state and puts the engine together.
pub(super) fn open(
    environment: &Environment,
    config: Option<Config>,
    want: Want,
    window: Option<(u16, u16)>,
) -> Result<Open, SessionError> {
    let global = &environment.global;
    let paths = Paths::new(&global.state);
    let file = StateFile::new(paths.clone());
    let (lock, read_only) = lock(global, &paths, want)?;
    let mut remarks = Vec::new();
    let mut is_sure = true;
    let (state, journal) = match &lock {
        Some(_) => {
            let loaded = file.open()?;
            if let Some(aside) = &loaded.put_aside {
                remarks.push(format!(
                    "{} could not be read and was put aside as {}; what is ours is found by tags",
                    paths.state.display(),
                    aside.display()
                ));
            }
            if want == Want::Write {
                file.try_write()?;
            }
            let journal = Journal::open(&paths)?;
            is_sure = journal.is_whole() && loaded.is_known();
            remarks.extend(leftovers(&journal));
            (loaded.state, Some(Arc::new(journal)))
        }
        None => (file.read()?.state, None),
    };
    let (deployment, is_new_deployment) = deployment(global, config.as_ref(), &state);
    if let Some(other) = state.deployment.as_ref().filter(|it| **it != deployment)
        && !state.entries.is_empty()
    {
        return Err(of_another(&paths, other, &deployment));
    }
    // What no row and no open call is about may be of any account.
    let of_rows = state.account.clone().filter(|_| !state.entries.is_empty());
    let account = of_rows.or_else(|| journal.as_deref().and_then(Journal::account).cloned());
    let access = environment.access.clone();
    let now = access.now();
    let fleet = fleet(&state, now);
    let orders = journal.as_deref().map(jobs::unfinished).unwrap_or_default();
    let destroys = journal.as_deref().map(jobs::unfinished_destroys).unwrap_or_default();
    let config = config.map(Arc::new);
    let (asker, questions) = jobs::questions();
    let (desk, lanes) = jobs::lanes(access.time.clone());
    let cache = Cache::new(&environment.cache);
    let mut context = Context::new(
        deployment.clone(),
        is_new_deployment,
        access,
        config.clone(),
        journal,
        cache,
        asker,
    );
    context.home.clone_from(&environment.home);
    context.agent.clone_from(&environment.agent);
    context.dial = Arc::clone(&environment.dial);
    if let Some(config) = &config {
        context.pace.consistency = Duration::from_secs(config.aws.consistency_window_s.into());
    }
    context.state_account = account;
    context.unsure_until = (!is_sure).then(|| Instant::now() + context.pace.consistency);
    let context = Arc::new(context);
    fleet.instances().for_each(|row| context.remember(row));
    fleet.instances().filter_map(charge).for_each(|charge| context.tend(charge));
    let model = Model::new(Opening {
        config,
        deployment,
        fleet,
        orders,
        destroys,
        read_only,
        dashboard: window.is_some(),
        now,
        size: window.unwrap_or_default(),
        profile: global.profile.clone(),
        remembered: remembered(environment),
    });
    let state_file = lock.is_some().then_some(file);
    let engine = Engine::new(model, Arc::clone(&context), desk, lanes, questions, state_file);
    Ok(Open { engine, context, remarks, _lock: lock })
}

/// Two deployments in one state file would be taken for one.
fn of_another(paths: &Paths, other: &DeploymentId, deployment: &DeploymentId) -> SessionError {
    let (file, other) = (paths.state.display(), clean_line(other.as_str()));
    let reason = format!("{file} holds the instances of {other}, not of {deployment}");
    let hint = "name another file with --state, or the deployment that the file is of";
    SessionError::Failure(Failure::new(FailureKind::Configuration, Step::State, reason, hint))
}

/// How the screen was arranged the last time.
fn remembered(environment: &Environment) -> Remembered {
    let text = environment.memory().and_then(|folder| read_capped(&folder.join(LAYOUT)).ok());
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| Remembered::read(&text)).unwrap_or_default()
}

/// What earlier processes began and did not bring to its end.
fn leftovers(journal: &Journal) -> Vec<String> {
    let creates = jobs::unfinished(journal).into_iter().map(|order| {
        format!(
            "a create of {} in {} ({}) was cut short; the next create completes it",
            order.count, order.region, order.deployment
        )
    });
    let destroys = jobs::unfinished_destroys(journal).into_iter().map(|doom| {
        format!(
            "a destroy in {} ({}) was cut short; the dashboard, create and destroy go on with it",
            doom.region, doom.deployment
        )
    });
    let nukes = jobs::unfinished_nukes(journal).into_iter().map(|region| {
        format!("a nuke in {region} was cut short; nuke again, or look with `nuke --dry-run`")
    });
    // One that was killed again and again is said once.
    let said: BTreeSet<String> = creates.chain(destroys).chain(nukes).collect();
    // A deployment's id may have come from somebody's tags.
    said.iter().map(|line| clean_line(line)).collect()
}

/// The lock, or why this process only reads.
fn lock(
    global: &Global,
    paths: &Paths,
    want: Want,
) -> Result<(Option<Lock>, Option<String>), SessionError> {
    if global.read_only {
        if want == Want::Write {
            let failure = Failure::new(
                FailureKind::Configuration,
                Step::State,
                "--read-only forbids it",
                "leave it out",
            );
            return Err(SessionError::Failure(failure));
        }
        return Ok((None, Some("--read-only".to_owned())));
    }
    if want == Want::Read {
        return Ok((None, Some("this command only looks".to_owned())));
    }
    match Lock::take(paths) {
        Ok(lock) => Ok((Some(lock), None)),
        Err(error) if want == Want::Write => Err(error.into()),
        Err(error) => Ok((None, Some(error.to_string()))),
    }
}

/// The deployment: from the command line, the configuration or the state; else a new one.
fn deployment(global: &Global, config: Option<&Config>, state: &State) -> (DeploymentId, bool) {
    let told = global
        .deployment
        .clone()
        .map(DeploymentId::from)
        .or_else(|| config.and_then(|config| config.deployment.clone()))
        .or_else(|| state.deployment.clone());
    if let Some(id) = told {
        (id, false)
    } else {
        let random = Uuid::new_v4().simple().to_string();
        (DeploymentId::new(format!("spot-{}", &random[..8])), true)
    }
}

/// A node that an earlier run deployed, and whose host is known.
fn charge(instance: &Instance) -> Option<Charge> {
    let deployed = matches!(instance.phase, Phase::Ready | Phase::Degraded { .. });
    Some(Charge {
        key: instance.key.clone(),
        machine: instance.machine.clone().filter(|_| deployed)?,
        host_key: instance.host_key.clone()?,
    })
}

fn fleet(state: &State, now: Timestamp) -> Fleet {
    let mut fleet = Fleet::default();
    fleet.remember_spent(state.spent.clone());
    for entry in &state.entries {
        fleet.insert(entry.instance(now));
    }
    fleet
}
