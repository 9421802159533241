//! What earlier processes left beside the state file: the state, its journal, its lock; and what a
//! process does that cannot have them.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::Global;
use crate::fleet::text::clean_line;
use crate::fleet::{Failure, FailureKind, LedgerLine, PendingCreate, PendingDestroy, Step};
use crate::jobs;
use crate::store::{
    Holder, Journal, LedgerFile, LoadedLedger, Lock, Paths, State, StateFile, StoreError,
};

/// What a process wants of its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// To write it, or not to start at all: create.
    Write,
    /// To write it if the disk lets it, and else to go on without: destroy. What costs money ends
    /// by its tags.
    Destroy,
    /// To write it, or else to read it: the dashboard.
    WriteIfFree,
    /// To read it, and leave nothing on the disk: list, a dry run.
    Read,
    /// As [`Want::Read`], and to change something on the instances: exec.
    Run,
}

/// What is remembered, and what this process may do with it.
#[derive(Debug, Default)]
pub(super) struct Recalled {
    /// The state; empty where there is none or it cannot be read.
    pub state: State,
    /// `None` in a process that only reads.
    pub journal: Option<Arc<Journal>>,
    /// Creates that were cut short.
    pub pending_creates: Vec<PendingCreate>,
    /// Destroys that were cut short.
    pub destroys: Vec<PendingDestroy>,
    /// Where the state is written; `None` where it is not.
    pub file: Option<StateFile>,
    /// What was spent.
    pub ledger: Vec<LedgerLine>,
    /// Where that is written; `None` where it is not.
    pub ledger_file: Option<LedgerFile>,
    /// Held for as long as the process lives.
    pub lock: Option<Lock>,
    /// Who holds the state, where that keeps this process from writing.
    pub holder: Option<Holder>,
    /// Why this process only reads.
    pub read_only: Option<String>,
    /// Whether an earlier process may have asked for more than is remembered.
    pub is_unsure: bool,
    /// What has to be said before anything else.
    pub remarks: Vec<String>,
}

/// Why a visit changes nothing.
const VISIT: &str = "this is a visit; :deployment goes back";

/// Takes up what is there.
pub(super) fn recall(global: &Global, want: Want) -> Result<Recalled, Failure> {
    // The state file is of what is not looked at.
    if global.visit.is_some() {
        return Ok(Recalled { read_only: Some(VISIT.to_owned()), ..Recalled::default() });
    }
    let paths = Paths::new(&global.state);
    if global.read_only && matches!(want, Want::Write | Want::Destroy) {
        let (kind, why) = (FailureKind::Configuration, "--read-only forbids it");
        return Err(Failure::new(kind, Step::State, why, "leave it out"));
    }
    if global.read_only {
        return read(&paths, Some("--read-only".to_owned()));
    }
    match want {
        Want::Read => {
            let recalled = read(&paths, Some("this command only looks".to_owned()))?;
            return Ok(Recalled { holder: Lock::holder(&paths), ..recalled });
        }
        Want::Run => return read(&paths, None),
        Want::Write | Want::WriteIfFree | Want::Destroy => {}
    }
    let acquire = if want == Want::WriteIfFree { Lock::acquire_to_keep } else { Lock::acquire };
    let lock = match (want, acquire(&paths)) {
        (_, Ok(lock)) => lock,
        (Want::Destroy, Err(error @ StoreError::Io { .. })) => {
            return without_disk(&paths, None, &error);
        }
        (Want::WriteIfFree, Err(error)) => {
            let why = Some(error.to_string());
            return Ok(Recalled { holder: error.holder(), ..read(&paths, why)? });
        }
        (_, Err(error)) => return Err(error.failure()),
    };
    match open(&paths, want) {
        Ok(recalled) => Ok(Recalled { lock: Some(lock), ..recalled }),
        Err(error @ StoreError::Io { .. }) if want == Want::Destroy => {
            without_disk(&paths, Some(lock), &error)
        }
        // A dashboard without a disk still shows what there is.
        Err(error @ StoreError::Io { .. }) if want == Want::WriteIfFree => {
            read(&paths, Some(error.to_string()))
        }
        Err(error) => Err(error.failure()),
    }
}

/// For a process that does not write.
fn read(paths: &Paths, read_only: Option<String>) -> Result<Recalled, Failure> {
    let loaded = StateFile::new(paths.clone()).read().map_err(|error| error.failure())?;
    let unreadable = loaded.unreadable.map(|why| {
        let path = paths.state.display();
        format!("{path} cannot be read ({why}); what is ours is found by tags")
    });
    let remarks = unreadable.into_iter().collect();
    // What another process is at work on was not cut short.
    let is_at_work = Lock::is_held(paths);
    let journal = (!is_at_work).then(|| Journal::without_disk(paths));
    // Sums are all that it is for: without it they begin anew.
    let ledger = LedgerFile::read(paths).unwrap_or_default().lines;
    let recalled =
        Recalled { state: loaded.state, read_only, remarks, ledger, ..Recalled::default() };
    Ok(Recalled { journal: None, ..recalled.with(journal.map(Arc::new)) })
}

impl Recalled {
    /// With this journal, and what it says was cut short.
    fn with(self, journal: Option<Arc<Journal>>) -> Self {
        let pending_creates = journal.as_deref().map(jobs::unfinished).unwrap_or_default();
        let destroys = journal.as_deref().map(jobs::unfinished_destroys).unwrap_or_default();
        Self { journal, pending_creates, destroys, ..self }
    }
}

/// For a process that writes, and holds the lock.
fn open(paths: &Paths, want: Want) -> Result<Recalled, StoreError> {
    let file = StateFile::new(paths.clone());
    let loaded = file.open()?;
    // Before there is a state: one that has no journal has lost it.
    let journal = Journal::open(paths)?;
    if want == Want::Write {
        file.try_write()?;
    }
    let lost = "could not be read and was put aside as";
    let mut remarks = Vec::new();
    if let Some(aside) = &loaded.put_aside {
        let (path, why) = (paths.state.display(), loaded.unreadable.as_deref().unwrap_or_default());
        let found = "what is ours is found by tags";
        remarks.push(format!("{path} {lost} {} ({why}); {found}", aside.display()));
    }
    if let Some(aside) = journal.put_aside() {
        let path = paths.journal();
        remarks.push(format!("{} {lost} {}", path.display(), aside.display()));
    }
    remarks.extend(leftovers(&journal));
    let (ledger, ledger_file) = open_ledger(paths, &mut remarks);
    let recalled = Recalled {
        is_unsure: !(journal.is_whole() && loaded.is_known()),
        state: loaded.state,
        file: Some(file),
        ledger,
        ledger_file,
        remarks,
        ..Recalled::default()
    };
    Ok(recalled.with(Some(Arc::new(journal))))
}

/// The ledger, for the process that writes it. One that cannot be read is no reason not to work: it
/// stays as it is, nothing is added to it, and that is said.
fn open_ledger(paths: &Paths, remarks: &mut Vec<String>) -> (Vec<LedgerLine>, Option<LedgerFile>) {
    let mut file = LedgerFile::new(paths);
    match file.open(Timestamp::now()) {
        Ok(LoadedLedger { lines, unread }) => {
            if unread > 1 {
                let path = paths.ledger();
                remarks.push(format!("{}: {unread} lines cannot be read", path.display()));
            }
            (lines, Some(file))
        }
        Err(error) => {
            remarks.push(format!("{error}: what is spent is not written down"));
            (Vec::new(), None)
        }
    }
}

/// For a destroy whose disk is full, broken or somebody else's: what can be read is known, and
/// nothing more is written down. Only the holder of the lock still tries to write the state.
fn without_disk(
    paths: &Paths,
    lock: Option<Lock>,
    error: &StoreError,
) -> Result<Recalled, Failure> {
    let file = StateFile::new(paths.clone());
    let (is_known, state) = match file.read() {
        Ok(loaded) => (loaded.is_known(), loaded.state),
        Err(newer @ StoreError::Newer { .. }) => return Err(newer.failure()),
        Err(_) => (false, State::default()),
    };
    let journal = Journal::without_disk(paths);
    let mut remarks = vec![format!("{error}: this destroy goes on by tags, and the state stays")];
    remarks.extend(leftovers(&journal));
    let recalled = Recalled {
        is_unsure: !(journal.is_whole() && is_known),
        state,
        file: lock.is_some().then_some(file),
        lock,
        remarks,
        ..Recalled::default()
    };
    Ok(recalled.with(Some(Arc::new(journal))))
}

/// What earlier processes began and did not bring to its end.
fn leftovers(journal: &Journal) -> Vec<String> {
    let pending_creates = jobs::unfinished(journal).into_iter().filter(|pending| pending.count > 0);
    let creates = pending_creates.map(|pending| {
        if let Some(name) = &pending.machine {
            return format!(
                "the launch of the machine {} in {} ({}) was cut short; `up {0}` goes on with it, \
                 `create --forget` drops it",
                clean_line(name),
                pending.region,
                pending.deployment
            );
        }
        format!(
            "a create of {} in {} ({}) was cut short; the next create completes it, `create \
             --forget` drops it",
            pending.count, pending.region, pending.deployment
        )
    });
    let destroys = jobs::unfinished_destroys(journal).into_iter().map(|pending| {
        format!(
            "a destroy in {} ({}) was cut short; the dashboard, create and destroy go on with it",
            pending.region, pending.deployment
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
