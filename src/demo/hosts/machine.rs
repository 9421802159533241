//! What lasts on a machine from one login to the next: its files, its log, what was installed.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::directory::{HostFault, HostState};
use super::files::{FileOnHost, Tree};
use super::lock::lock;

/// Where `deploy_services.sh` puts the upload.
pub(super) const HOME: &str = "/opt/uploaded_files";
/// Its log.
const LOG: &str = "/opt/deployment.log";
/// What a restart empties.
const VOLATILE: &str = "/tmp";
/// Lines of the log that are kept, the newest.
const LOG_LINES: usize = 2000;

/// A machine's memory and disk.
#[derive(Default)]
pub(super) struct Machine {
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    boot: u64,
    uploads_cut: u32,
    set_up_cut: bool,
    /// Where a bundle was unpacked, and what is in it.
    staged: Option<(PathBuf, Arc<Tree>)>,
    /// What lies in [`HOME`].
    placed: Option<Arc<Tree>>,
    deployment: Deployment,
    services: Services,
    /// The boot in which Bacalhau was stopped by hand.
    stopped_in_boot: Option<u64>,
    arrivals: Vec<Arrival>,
}

/// Something that reached a machine over SSH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When.
    pub at: Timestamp,
    /// What it was.
    pub what: Arrived,
}

/// What reaches a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// Somebody showed a key that may log in.
    Login,
    /// The first bytes of an upload.
    Upload,
    /// The first bytes of a single file.
    File,
}

/// What a deployment left behind.
#[derive(Debug, Clone, Default)]
pub(super) struct Deployment {
    /// The process that is under way.
    pub(super) process: Option<u64>,
    /// How the last one ended.
    pub(super) exit: Option<u32>,
    /// The newest lines of its log.
    pub(super) log: VecDeque<String>,
    /// Whether the additional commands ran.
    pub(super) ran_additional: bool,
    /// Whether the sensor's identity was delivered.
    pub(super) has_identity: bool,
    /// The instance id that was written down for the services.
    pub(super) instance: Option<String>,
}

/// Whether systemd runs the services.
#[derive(Debug, Clone, Copy, Default)]
enum Services {
    #[default]
    Missing,
    /// From the next boot on.
    Enabled { in_boot: u64 },
    /// Since they were started by hand, and at each boot.
    Started { in_boot: u64, at: Timestamp },
}

impl Machine {
    /// A login on this boot of the machine.
    pub(super) fn booted(&self, boot: u64) {
        let mut memory = lock(&self.memory);
        if memory.boot < boot {
            memory.boot = boot;
            memory.staged.take_if(|(folder, _)| folder.starts_with(VOLATILE));
        }
    }

    /// It was set up before anybody looked, with these files.
    pub(super) fn settle(&self, files: &Arc<Tree>, state: &HostState) {
        let mut memory = lock(&self.memory);
        if memory.placed.is_none() {
            memory.placed = Some(Arc::clone(files));
            memory.deployment.exit = Some(0);
            memory.deployment.instance = Some(state.instance.to_string());
            let at = state.cloud_init_done_at.strftime("%Y-%m-%dT%H:%M:%SZ");
            for words in ["BEGIN deployment for user ubuntu", "END exit=0"] {
                memory.deployment.note(format!("{at} {words}"));
            }
            memory.services = Services::Enabled { in_boot: 0 };
        }
    }

    /// Something arrived.
    pub(super) fn note_arrival(&self, at: Timestamp, what: Arrived) {
        lock(&self.memory).arrivals.push(Arrival { at, what });
    }

    /// What arrived so far, the oldest first.
    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        lock(&self.memory).arrivals.clone()
    }

    /// Empties the place of a bundle, or puts one there.
    pub(super) fn stage(&self, bundle: Option<(PathBuf, Arc<Tree>)>) {
        lock(&self.memory).staged = bundle;
    }

    /// Moves the staged bundle to [`HOME`], or keeps what is there. Tells what lies there then.
    pub(super) fn place(&self, staging: &Path) -> Option<Arc<Tree>> {
        let mut memory = lock(&self.memory);
        if let Some((_, tree)) = memory.staged.take_if(|(folder, _)| folder == staging) {
            memory.placed = Some(tree);
        }
        memory.placed.clone()
    }

    /// Whether there is something to be placed.
    pub(super) fn is_staged(&self, staging: &Path) -> bool {
        lock(&self.memory).staged.as_ref().is_some_and(|(folder, _)| folder == staging)
    }

    /// What lies in [`HOME`].
    pub(super) fn placed(&self) -> Option<Arc<Tree>> {
        lock(&self.memory).placed.clone()
    }

    /// Every file that was uploaded, by its whole path.
    pub(super) fn files(&self) -> BTreeMap<PathBuf, FileOnHost> {
        let places = lock(&self.memory).places();
        let files = places.iter().flat_map(|(folder, tree)| {
            tree.iter().map(move |(path, file)| (folder.join(path), file.clone()))
        });
        files.collect()
    }

    /// Whether a path leads to a program.
    pub(super) fn is_executable(&self, path: &Path) -> bool {
        lock(&self.memory).places().iter().any(|(folder, tree)| {
            path.strip_prefix(folder).is_ok_and(|inside| tree.is_executable(inside))
        })
    }

    /// The lines of a text file.
    pub(super) fn lines(&self, path: &Path) -> Option<Vec<String>> {
        let memory = lock(&self.memory);
        if path == Path::new(LOG) {
            let log = &memory.deployment.log;
            return (!log.is_empty()).then(|| log.iter().cloned().collect());
        }
        memory.places().iter().find_map(|(folder, tree)| {
            let content = tree.content(path.strip_prefix(folder).ok()?)?;
            Some(String::from_utf8_lossy(content).lines().map(str::to_owned).collect())
        })
    }

    /// Whether this set-up is to be cut: the first is.
    pub(super) fn cut_set_up(&self) -> bool {
        !std::mem::replace(&mut lock(&self.memory).set_up_cut, true)
    }

    /// Whether one more upload is to be cut, of so many.
    pub(super) fn cut_upload(&self, times: u32) -> bool {
        let mut memory = lock(&self.memory);
        let again = memory.uploads_cut < times;
        memory.uploads_cut += u32::from(again);
        again
    }

    /// What the last deployment left, or the one under way so far.
    pub(super) fn deployment(&self) -> Deployment {
        lock(&self.memory).deployment.clone()
    }

    /// Changes what a deployment leaves.
    pub(super) fn record<T>(&self, change: impl FnOnce(&mut Deployment) -> T) -> T {
        change(&mut lock(&self.memory).deployment)
    }

    /// The services start at the next boot, and now where `at` says so.
    pub(super) fn enable(&self, in_boot: u64, at: Option<Timestamp>) {
        lock(&self.memory).services = match at {
            Some(at) => Services::Started { in_boot, at },
            None => Services::Enabled { in_boot },
        };
    }

    /// Since when the services are being started in this boot.
    pub(super) fn started_at(&self, state: &HostState) -> Option<Timestamp> {
        // The boot never gets so far.
        if state.faults.contains(&HostFault::RebootForever) && state.boot > 1 {
            return None;
        }
        match lock(&self.memory).services {
            Services::Started { in_boot, at } if in_boot == state.boot => Some(at),
            Services::Enabled { in_boot } if in_boot == state.boot => None,
            Services::Missing => None,
            Services::Enabled { .. } | Services::Started { .. } => Some(state.booted_at),
        }
    }
}

impl Machine {
    /// Stops Bacalhau's service; the next boot starts it again.
    pub(super) fn stop_bacalhau(&self, boot: u64) {
        lock(&self.memory).stopped_in_boot = Some(boot);
    }

    /// Whether it was stopped in this boot.
    pub(super) fn is_bacalhau_stopped(&self, boot: u64) -> bool {
        lock(&self.memory).stopped_in_boot == Some(boot)
    }
}

impl Memory {
    fn places(&self) -> Vec<(PathBuf, Arc<Tree>)> {
        let placed = self.placed.clone().map(|tree| (PathBuf::from(HOME), tree));
        self.staged.clone().into_iter().chain(placed).collect()
    }
}

impl Deployment {
    /// Adds a line to the log.
    pub(super) fn note(&mut self, line: String) {
        if self.log.len() == LOG_LINES {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }
}
