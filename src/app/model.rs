//! Everything that the program knows. The view reads it; only `update` changes it.

pub(in crate::app) mod opening;
mod telling;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::away::Away;
use super::cap_watch::CapWatch;
use super::counters::Counters;
use super::dialog::Words;
use super::history::History;
use super::holding::{Holding, Waiting};
use super::keymap::{Context, Keymap};
use super::layout::Layout;
use super::lifetimes::Lifetimes;
use super::log::{Log, LogPanel};
use super::notify::Notify;
use super::scaling::Scaling;
use super::table::Table;
use super::{
    Answers, Command, Dialog, Effect, Exit, Heat, JobRecord, LeaveCommand, Left, Pane, Panel,
    Panels, PriceChoice, Query, Question, Reader, Regions, Remembered, SavedView, Scope, Tally,
    TextField, View, Visits,
};
use crate::config::{Config, ThemeName};
use crate::fleet::{
    Account, Change, DeploymentId, Failure, Fleet, Instance, InstanceKey, Job, JobId, JobKind,
    KeptKind, Level, LockStanding, Machine, Outcome, PendingCreate, PendingDestroy, Phase, Region,
    Upkeep,
};

/// A sentence in the footer, until the next key, or for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    /// How serious it is.
    pub level: Level,
    /// What it says, and of what.
    pub text: String,
    /// When it was said.
    pub at: Timestamp,
}

/// A report's job, its moment, and what became different by it.
#[derive(Debug, Clone, PartialEq)]
pub struct Latest {
    /// The job.
    pub job: JobId,
    /// When it reported.
    pub at: Timestamp,
    /// What became different.
    pub changes: Vec<Change>,
}

impl Default for Latest {
    fn default() -> Self {
        Self { job: JobId(0), at: Timestamp::UNIX_EPOCH, changes: Vec::new() }
    }
}

/// Everything that the program knows.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, not a state")]
#[derive(Debug)]
pub struct Model {
    /// The moment of the newest message.
    pub now: Timestamp,
    /// The instances and regions.
    pub fleet: Fleet,
    /// Counts of the fleet.
    pub tally: Tally,
    /// The deployment that this process works on.
    pub deployment: DeploymentId,
    /// Who we are, once AWS told.
    pub account: Option<Account>,
    /// Why AWS did not tell.
    pub trouble: Option<Failure>,
    /// How this process stands to the lock between machines.
    pub lock: LockStanding,
    /// Why the login has ended, while calls wait for the next one.
    pub login_ended: Option<Failure>,
    /// The configuration, where there is one.
    pub config: Option<Arc<Config>>,
    /// Why nothing may be changed, if that is so.
    pub read_only: Option<String>,
    /// Who holds the state, where another process does.
    pub holder: Option<String>,
    /// Who keeps the fleet, where another process does.
    pub keeper: Option<String>,
    /// Why the state could not be written, if that is so.
    pub unsaved: Option<String>,
    /// The jobs under way and the last ones that ended.
    pub jobs: BTreeMap<JobId, JobRecord>,
    /// Everything that was said.
    pub log: Log,
    /// What the newest message changed, if it was a report.
    pub latest: Latest,
    /// Where the log panel stands.
    pub log_panel: LogPanel,
    /// The table's order, cursor and marks.
    pub table: Table,
    /// The same by region.
    pub regions: Regions,
    /// The same as cells.
    pub heat: Heat,
    /// Where the table shows one region after a view of all: the filter that all were under.
    pub(super) outside: Option<String>,
    /// Which panels there are, and how large.
    pub panels: Panels,
    /// The panel that was given the keyboard; see [`Model::focus`].
    pub(super) focus: Panel,
    /// The first line of the details that is shown.
    pub side_top: usize,
    /// Where the log of the instance under the cursor is read.
    pub output: Reader,
    /// Where the events are read.
    pub events: Reader,
    /// What of the market is shown.
    pub prices: PriceChoice,
    /// The rows that entered another phase a moment ago, and when.
    pub lit: BTreeMap<InstanceKey, Timestamp>,
    /// What the newest command of the user's printed on instances.
    pub answers: Option<Answers>,
    /// Which key does what.
    pub keymap: Keymap,
    /// Colours and signs.
    pub theme: ThemeName,
    /// The ones that are only looked at, while a command is typed that would choose them.
    pub(super) preview: Option<ThemeName>,
    /// Whether the mouse is taken from the terminal.
    pub mouse: bool,
    /// Whether one signs in by a dialog of its own.
    pub(super) signs_in_here: bool,
    /// Where else one can look; none in a demo.
    pub visits: Option<Box<Visits>>,
    /// Whether the filter is being typed.
    pub filtering: bool,
    /// The filter while it is typed.
    pub filter: TextField,
    /// What was filtered by last.
    pub(super) last_filter: Query,
    /// What was typed in the palette earlier.
    pub(super) commands: History,
    /// Views that have a name.
    pub views: BTreeMap<String, SavedView>,
    /// What was filtered by earlier.
    pub(super) filters: History,
    /// How far back in those one is, and what was begun before.
    pub(super) filter_back: Option<(Option<usize>, String)>,
    /// What lies over the table.
    pub dialog: Option<Dialog>,
    /// A sentence in the footer.
    pub flash: Option<Flash>,
    /// What has just come to its end, the oldest first.
    pub toasts: VecDeque<Flash>,
    /// The terminal's columns and rows.
    pub size: (u16, u16),
    /// How this is left as soon as nothing changes anything any more.
    pub leaving: Option<Left>,
    /// When the state is handed over to who asked for it, whatever is still under way then.
    pub(super) yields_at: Option<Timestamp>,
    pub(super) dashboard: bool,
    pub(super) questions: VecDeque<Question>,
    /// A destroy that waits until the jobs that create have stopped.
    pub(super) postponed: Option<Scope>,
    /// Creates of an earlier run that no job has taken over yet.
    pub(super) pending_creates: Vec<PendingCreate>,
    /// Destroys of an earlier run that no job has taken over yet.
    pub(super) destroys: Vec<PendingDestroy>,
    pub(super) last_launch: i64,
    next_job: u64,
    /// Whether the fleet changed since rows were counted and sorted, as a whole.
    unsorted: bool,
    /// The rows that alone changed since then.
    changed: BTreeSet<InstanceKey>,
    /// Whether something happened that the bell rings for.
    pub(super) alarm: bool,
    /// Creates that wait for the prices by which the budget is judged, or for the lock between
    /// machines, and the job that asks.
    pub(super) waiting: Vec<Waiting>,
    /// Jobs that launch fresh instances, and the rows that end when they are ready.
    pub(super) retries: Vec<(JobId, Vec<InstanceKey>)>,
    /// Jobs that check whether machines can be launched anew, and the rows that end when they can.
    pub(super) rechecks: Vec<(JobId, Vec<InstanceKey>)>,
    /// Jobs that end instances of machines, and the machines that are launched anew when they have.
    pub(super) recreates: Vec<(JobId, Vec<String>)>,
    /// When the schedule tried a snapshot of a machine's volume last.
    pub(super) snapshots_tried: BTreeMap<(Region, String, KeptKind), Timestamp>,
    /// How it stands with holding the count.
    pub(super) holding: Holding,
    /// How it stands with letting the count follow the work.
    pub(super) scaling: Box<Scaling>,
    /// How many instances there shall be, and what holding that has come to.
    pub upkeep: Upkeep,
    /// Which instances have got too old.
    pub(super) lifetimes: Lifetimes,
    /// What was said of the caps on spending, and done.
    pub(super) caps: CapWatch,
    /// What happened in this run, counted.
    pub counters: Counters,
    /// Who is told of what, and what they are to be told next.
    pub notify: Notify,
    /// When the costs were last reckoned.
    reckoned: Timestamp,
    /// What happened since an earlier run, until it is said.
    pub(super) away: Option<Away>,
}

/// How many ended jobs are remembered.
const ENDED_JOBS: usize = 32;

/// How old a sum on the screen may be.
const RECKONED: SignedDuration = SignedDuration::from_secs(10);
/// And where there is no screen, for what judges money.
const RECKONED_UNSEEN: SignedDuration = SignedDuration::from_mins(1);

impl Model {
    /// How the screen's lines are dealt out.
    pub fn layout(&self) -> Layout {
        Layout::new(self.size, self.banner().1.len(), self.panels, self.fleet.len())
    }

    /// The colours and signs to draw in.
    pub fn shown_theme(&self) -> ThemeName {
        self.preview.unwrap_or(self.theme)
    }

    /// The panel that has the keyboard while nothing lies over it: never one that is not there.
    pub fn focus(&self) -> Panel {
        let layout = self.layout();
        match (layout.whole, self.focus) {
            (Some(whole), _) => whole,
            (None, Panel::Side) if layout.side == 0 => Panel::Table,
            (None, Panel::Log) if layout.log == 0 => Panel::Table,
            (None, focus) => focus,
        }
    }

    /// How the screen is arranged, for the next start.
    pub fn remembered(&self) -> Remembered {
        let (sort, reverse) = self.table.sort();
        let configured = self.config.as_ref().map(|config| config.ui.theme).unwrap_or_default();
        let theme = (self.theme != configured).then_some(self.theme);
        let columns = self.table.columns.clone();
        // What was run is not remembered.
        let side = self.panels.side.filter(|pane| *pane != Pane::Answers);
        let (panels, views) = (Panels { side, ..self.panels }, self.views.clone());
        Remembered { panels, columns, sort, reverse, theme, views }
    }

    /// What restricts the whole screen: that nothing can be changed, or not be remembered.
    /// It has a line, or two where the screen is narrow. That another machine keeps the fleet is as it
    /// should be, all else is not.
    pub fn banner(&self) -> (Level, Vec<String>) {
        let visit = self.visits.as_ref().and_then(|visits| visits.now.as_ref());
        let lines = match (&self.unsaved, visit, &self.read_only) {
            (Some(why), ..) => self.banner_lines(format!("STATE NOT SAVED: {why}")),
            (None, Some(visit), _) => visit.banner(usize::from(self.size.0).saturating_sub(2)),
            (None, None, Some(why)) => self.banner_lines(self.read_only_because(why)),
            (None, None, None) => return self.kept_off(),
        };
        (Level::Error, lines)
    }

    /// Who keeps the fleet: one on another machine, for which a process of this state waits, or that
    /// process.
    pub fn kept_by(&self) -> Option<String> {
        match &self.lock {
            LockStanding::Other(holder) => Some(holder.to_string()),
            _ => self.keeper.clone(),
        }
    }

    /// Whether another machine keeps the fleet, or is creating.
    pub fn is_kept_elsewhere(&self) -> bool {
        matches!(self.lock, LockStanding::Other(_))
    }

    /// That another machine launches, and not this one.
    fn kept_off(&self) -> (Level, Vec<String>) {
        match &self.lock {
            LockStanding::Other(holder) => {
                let line = format!("KEPT ELSEWHERE: {holder}; the fleet is filled from there");
                (Level::Warning, self.banner_lines(line))
            }
            LockStanding::Lost(why) => {
                (Level::Error, self.banner_lines(format!("LAUNCHES NOTHING: {why}")))
            }
            _ => (Level::Info, Vec::new()),
        }
    }

    /// A sentence of the banner, on two lines where one is too short for it and the screen has two.
    fn banner_lines(&self, said: String) -> Vec<String> {
        let room = usize::from(self.size.0).saturating_sub(2);
        let beyond = said.char_indices().nth(room).map(|(at, sign)| at + sign.len_utf8());
        let blank = beyond.and_then(|end| said[..end].rfind(' '));
        match blank.filter(|_| Layout::most_banner(self.size.1) > 1) {
            Some(at) => vec![said[..at].to_owned(), said[at + 1..].to_owned()],
            None => vec![said],
        }
    }

    /// That nothing can be changed, how that can be changed, and why: what stands last may be cut.
    fn read_only_because(&self, why: &str) -> String {
        let command = Command::Leave(LeaveCommand::TakeOver);
        let key = self.holder.as_ref().and_then(|_| self.keymap.key_for(Context::Table, &command));
        let asks = key.map(|key| format!(" ({key} asks it to hand over)")).unwrap_or_default();
        format!("READ-ONLY{asks}: {why}")
    }

    /// What has the keyboard.
    pub fn context(&self) -> Context {
        match (&self.dialog, self.filtering, self.focus()) {
            (Some(dialog), ..) => dialog.context(),
            (None, true, _) => Context::Filter,
            (None, false, Panel::Table) => Context::Table,
            (None, false, Panel::Log) => Context::Log,
            (None, false, Panel::Side) => match self.reader() {
                Some(reader) if reader.typing => Context::Search,
                Some(_) => Context::Reader,
                None => Context::Pane,
            },
        }
    }

    /// What a command line is read with.
    pub fn words(&self) -> Words<'_> {
        let config = self.config.as_deref();
        let visits = self.visits.as_deref();
        Words { keymap: &self.keymap, fleet: &self.fleet, config, views: &self.views, visits }
    }

    /// Where the lines of the pane are read, if it has such.
    pub fn reader(&self) -> Option<&Reader> {
        match self.panels.side? {
            Pane::Output => Some(&self.output),
            Pane::Events => Some(&self.events),
            Pane::Details | Pane::Map | Pane::Prices | Pane::Costs | Pane::Kept | Pane::Answers => {
                None
            }
        }
    }

    /// Whether time alone changes something: an age, a countdown, a lifetime, a replacement that is
    /// held back, a sentence that fades. Then the loop ticks: it sends
    /// [`Message::Clock`](super::Message::Clock) once a second.
    pub fn needs_tick(&self) -> bool {
        let is_told = self.flash.is_some() || !self.toasts.is_empty() || self.yields_at.is_some();
        let has_something = is_told || !self.fleet.is_empty() || self.account.is_some();
        let counts_down = self.dialog.as_ref().is_some_and(Dialog::counts_down);
        self.attends() && (has_something || counts_down || self.holding.is_keeper)
    }

    /// Whether somebody stays and looks on: then watching and resuming begin by themselves.
    pub(super) fn attends(&self) -> bool {
        self.dashboard || self.holding.is_keeper
    }

    /// Whether this process is the keeper.
    pub fn is_keeper(&self) -> bool {
        self.holding.is_keeper
    }

    /// Whether a row ended by its lease: it shut itself down where there is one. EC2 tells why for an hour
    /// or so; of one that it has forgotten by then, the lease itself does.
    pub fn ended_by_lease(&self, row: &Instance) -> bool {
        let has_lease = self.config.as_ref().is_some_and(|config| config.lease.is_some());
        let is_over = || row.lease_left(self.now).is_some_and(|left| left.is_zero());
        let ended = |machine: &Machine| match machine.seen.state_reason {
            Some(_) => machine.ended_itself(),
            None => row.phase == Phase::Terminated && is_over(),
        };
        has_lease && row.machine.as_ref().is_some_and(ended)
    }

    /// Whether what is at work may turn a sign.
    pub fn is_moving(&self) -> bool {
        !self.config.as_ref().is_some_and(|config| config.ui.is_still)
    }

    /// The jobs under way.
    pub fn active(&self) -> impl Iterator<Item = (JobId, &JobRecord)> {
        self.jobs.iter().filter(|(_, job)| job.is_active()).map(|(id, job)| (*id, job))
    }

    /// Whether a job of this kind is under way.
    pub fn does(&self, kind: JobKind) -> bool {
        self.active().any(|(_, job)| job.kind == kind)
    }

    /// Whether a destroy is at work in a region.
    pub(super) fn destroys_in(&self, region: &Region) -> bool {
        let is_destroy = |job: &JobRecord| job.kind == JobKind::Destroy && job.covers(region);
        self.changing().any(|(_, job)| is_destroy(job))
    }

    /// How the log names a job.
    pub(super) fn job_name(&self, id: JobId) -> String {
        self.jobs.get(&id).map_or_else(|| id.to_string(), |job| job.verb.to_owned())
    }

    /// The jobs under way that change something at AWS.
    pub fn changing(&self) -> impl Iterator<Item = (JobId, &JobRecord)> {
        self.active().filter(|(_, job)| job.is_mutating)
    }

    /// How a headless command ends: whether any job failed, wholly or partly.
    pub fn verdict(&self) -> Exit {
        let went_well = |job: &JobRecord| {
            !matches!(job.outcome, Some((_, Outcome::Failed(_) | Outcome::Partly { .. })))
        };
        if self.jobs.values().all(went_well) { Exit::Done } else { Exit::Failed }
    }

    /// The creates of this deployment that an earlier run did not bring to their end.
    pub fn unfinished(&self) -> impl Iterator<Item = &PendingCreate> {
        self.pending_creates.iter().filter(|pending| pending.deployment == self.deployment)
    }

    /// What an unfinished create has made, as far as it is there and stays.
    pub fn made_by(&self, pending: &PendingCreate) -> impl Iterator<Item = &Instance> {
        let alive = self.fleet.alive().filter(|row| row.phase != Phase::Terminating);
        alive.filter(|row| row.machine.as_ref().is_some_and(|machine| pending.made(machine)))
    }

    /// Whether a region has told this run what is in it.
    pub(super) fn has_seen(&self, region: &Region) -> bool {
        self.fleet.regions().get(region).is_some_and(|view| view.answered.is_some())
    }

    /// Starts a job and remembers it.
    pub(super) fn start(&mut self, job: Job) -> Effect {
        let id = JobId(self.next_job);
        self.next_job += 1;
        self.jobs.insert(id, JobRecord::new(&job, self.now));
        Effect::Start(id, job)
    }

    /// Marks a job as ended and forgets the oldest ones.
    pub(super) fn end(&mut self, id: JobId, at: Timestamp, outcome: Outcome) {
        if let Some(job) = self.jobs.get_mut(&id) {
            job.outcome = Some((at, outcome));
        }
        let ended: Vec<JobId> =
            self.jobs.iter().filter(|(_, job)| !job.is_active()).map(|(id, _)| *id).collect();
        for id in ended.iter().take(ended.len().saturating_sub(ENDED_JOBS)) {
            self.jobs.remove(id);
        }
    }

    /// Counts and sorts anew after the fleet changed.
    pub(super) fn rearrange(&mut self) {
        self.unsorted = false;
        self.changed.clear();
        self.tally = Tally::of(&self.fleet);
        self.table.arrange(&self.fleet);
        self.fit();
    }

    /// Counts what the view shows that is not the table's own rows.
    pub(super) fn arrange_view(&mut self) {
        // Where regions or cells are shown, each row counts.
        let folds = self.panels.view == View::Rows;
        if std::mem::replace(&mut self.table.folds, folds) != folds {
            self.table.arrange(&self.fleet);
        }
        match self.panels.view {
            View::Rows => {}
            View::Regions => {
                // Where a filter chooses, what it does not choose is not there.
                let all = self.table.query().is_empty();
                let config = self.config.iter().filter(|_| all);
                let configured = config.flat_map(|it| it.regions.iter().map(|it| &it.region));
                let rows = (self.table.order(), self.table.marks());
                self.regions.arrange(&self.fleet, rows, configured);
            }
            View::Grid => self.heat.arrange(&self.fleet, self.table.order(), self.now),
        }
    }

    /// The region that is meant: the one under the cursor, or the one of the row under it.
    pub fn region(&self) -> Option<&Region> {
        let of_row = || Some(&self.fleet.get(self.table.cursor()?)?.region);
        match self.panels.view {
            View::Regions => self.regions.cursor(),
            View::Rows | View::Grid => of_row(),
        }
    }

    /// The columns and lines of the cells.
    pub fn heat_size(&self) -> (u16, u16) {
        let Layout { table, side_columns, .. } = self.layout();
        // The gutter and the scrollbar; there are no headings.
        (self.size.0.saturating_sub(side_columns + 4), table + 1)
    }

    /// Leaves counting and sorting to [`Self::refresh`]: reports come in bursts.
    pub(super) fn mark_stale(&mut self) {
        self.unsorted = true;
    }

    /// As [`Self::mark_stale`], where one row alone changed.
    pub(super) fn touch(&mut self, key: &InstanceKey) {
        if !self.unsorted && !self.changed.contains(key) {
            self.changed.insert(key.clone());
        }
    }

    /// Counts and sorts if reports changed the fleet. To be called before the table is looked at:
    /// [`update`](super::update()) does for what the user asks, the loop before it draws.
    pub fn refresh(&mut self) {
        if self.unsorted {
            self.rearrange();
        } else if !self.changed.is_empty() {
            let changed = std::mem::take(&mut self.changed);
            self.tally = Tally::of(&self.fleet);
            self.table.rearrange(&self.fleet, &changed);
            self.fit();
        }
    }

    /// Tells the table its height after the layout changed.
    pub(super) fn fit(&mut self) {
        let height = self.layout().table.into();
        self.table.resize(height);
        self.regions.resize(height);
        self.arrange_view();
    }

    /// Reckons what everything costs.
    pub(super) fn reckon(&mut self) {
        self.reckoned = self.now;
        self.fleet.reckon(self.now);
    }

    /// The same, if it was some time ago. Whether it was.
    pub(super) fn reckon_if_due(&mut self) -> bool {
        let pace = if self.is_keeper() { RECKONED_UNSEEN } else { RECKONED };
        let is_due = self.now.duration_since(self.reckoned) >= pace;
        if is_due {
            self.reckon();
        }
        is_due
    }

    /// Persists, unless nothing may be changed: then the state file is another's.
    pub(super) fn persist(&self) -> Option<Effect> {
        self.read_only.is_none().then_some(Effect::Persist)
    }
}
