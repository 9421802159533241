//! What the program starts with, and the model of that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Latest, Model};
use crate::app::away::Away;
use crate::app::cap_watch::CapWatch;
use crate::app::counters::Counters;
use crate::app::dialog::Menu;
use crate::app::field::{Field, measured_by};
use crate::app::history::History;
use crate::app::holding::Holding;
use crate::app::keymap::Keymap;
use crate::app::lifetimes::Lifetimes;
use crate::app::log::{Log, LogLine, LogPanel};
use crate::app::notify::Notify;
use crate::app::scaling::Scaling;
use crate::app::table::Table;
use crate::app::{
    Dialog, Heat, Panel, PriceChoice, Query, Reader, Regions, Remembered, Tally, TextField, View,
    Visit, Visits,
};
use crate::config::{Config, CpuCredits};
use crate::fleet::{
    DeploymentId, Fleet, Level, LockStanding, PendingCreate, PendingDestroy, Upkeep,
};

/// What the program starts with.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The configuration, where there is one.
    pub config: Option<Arc<Config>>,
    /// The deployment that this process works on.
    pub deployment: DeploymentId,
    /// What the state file holds.
    pub fleet: Fleet,
    /// How many instances there shall be.
    pub upkeep: Upkeep,
    /// Creates that an earlier run did not bring to their end.
    pub pending_creates: Vec<PendingCreate>,
    /// Destroys that an earlier run did not bring to their end.
    pub destroys: Vec<PendingDestroy>,
    /// Why nothing may be changed, if that is so.
    pub read_only: Option<String>,
    /// Whether there is a screen: then watching and resuming begin by themselves, and leaving
    /// asks first.
    pub dashboard: bool,
    /// The moment.
    pub now: Timestamp,
    /// The terminal's columns and rows.
    pub size: (u16, u16),
    /// Where else one can look; none in a demo.
    pub visits: Option<Visits>,
    /// Whether a dialog of its own signs in by the profile.
    pub signs_in_here: bool,
    /// How the screen was arranged the last time.
    pub remembered: Remembered,
    /// What earlier runs took down, the oldest first.
    pub past: Vec<LogLine>,
}

impl Model {
    /// The model at the start.
    pub fn new(opening: Opening) -> Self {
        let ui = opening.config.as_ref().map(|config| config.ui.clone()).unwrap_or_default();
        let Remembered { panels, columns, sort, reverse, theme, views } = opening.remembered;
        let (log, mut fleet) = (Log::recall(opening.past), opening.fleet);
        for (id, timeline) in log.timelines() {
            fleet.recall(&id, timeline);
        }
        if opening.config.as_ref().is_some_and(|it| it.aws.cpu_credits == CpuCredits::Unlimited) {
            fleet.expect_surplus();
        }
        let log = if opening.dashboard { log } else { log.without_output() };
        let away = Away::new(&fleet, log.last_past(), opening.now);
        let notify = Notify::new(opening.config.as_deref());
        let mut model = Self {
            away: away.filter(|_| opening.dashboard),
            now: opening.now,
            fleet,
            tally: Tally::default(),
            deployment: opening.deployment,
            account: None,
            trouble: None,
            lock: LockStanding::default(),
            login_ended: None,
            config: opening.config,
            read_only: opening.read_only,
            holder: None,
            keeper: None,
            unsaved: None,
            jobs: BTreeMap::new(),
            log,
            latest: Latest::default(),
            log_panel: LogPanel::default(),
            table: Table::default(),
            regions: Regions::default(),
            heat: Heat::default(),
            outside: None,
            panels,
            focus: Panel::default(),
            side_top: 0,
            output: Reader::default(),
            events: Reader::filtering(),
            prices: PriceChoice::default(),
            lit: BTreeMap::new(),
            answers: None,
            // What is wrong with it was said before the screen was taken.
            keymap: Keymap::new(&ui.keymap).unwrap_or_default(),
            theme: theme.unwrap_or(ui.theme),
            preview: None,
            mouse: ui.mouse,
            signs_in_here: opening.signs_in_here,
            visits: opening.visits.map(Box::new),
            filtering: false,
            filter: TextField::default(),
            last_filter: Query::default(),
            commands: History::default(),
            filters: History::default(),
            views,
            filter_back: None,
            dialog: None,
            flash: None,
            toasts: VecDeque::new(),
            size: opening.size,
            leaving: None,
            yields_at: None,
            dashboard: opening.dashboard,
            questions: VecDeque::new(),
            postponed: None,
            pending_creates: opening.pending_creates,
            destroys: opening.destroys,
            last_launch: 0,
            next_job: 1,
            unsorted: false,
            changed: BTreeSet::new(),
            alarm: false,
            waiting: Vec::new(),
            retries: Vec::new(),
            rechecks: Vec::new(),
            recreates: Vec::new(),
            snapshots_tried: BTreeMap::new(),
            holding: Holding::default(),
            scaling: Box::new(Scaling::default()),
            upkeep: opening.upkeep.recalled(opening.now),
            lifetimes: Lifetimes::default(),
            caps: CapWatch::default(),
            counters: Counters::default(),
            notify,
            reckoned: opening.now,
        };
        model.table.restore(columns, sort, reverse);
        let asked = model.config.iter().flat_map(|config| &config.cloudwatch.metrics);
        let fields: Vec<Field> = asked.flat_map(|group| measured_by(*group)).copied().collect();
        model.table.columns.show(&fields);
        model.table.folds = model.panels.view == View::Rows;
        model.rearrange();
        // On a narrow screen a pane would hide the table from the start.
        if model.layout().whole.is_some() {
            model.panels.side = None;
            model.fit();
        }
        model.greet();
        model
    }

    /// Says where a visitor is, and asks who is new what to begin with.
    fn greet(&mut self) {
        let visit = self.visits.as_ref().and_then(|visits| visits.now.as_ref());
        if let Some(welcome) = visit.map(Visit::welcome) {
            self.flash(Level::Info, "visit", welcome);
        }
        if self.is_new() {
            self.dialog = Some(Dialog::Menu(Menu::welcome()));
        }
    }

    /// Whether this is a newcomer's first screen: nothing is configured and nothing is known.
    fn is_new(&self) -> bool {
        self.dashboard && self.config.is_none() && self.fleet.is_empty() && self.read_only.is_none()
    }
}
