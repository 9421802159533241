//! One region, looked at again and again: often while something changes there, seldom when it has
//! settled, and more and more seldom while it does not answer. It never holds up another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep_until};

use super::look::look;
use crate::aws::{AwsError, Class, Ec2, Selector};
use crate::fleet::{
    Ec2State, InstanceId, Lifecycle, Machine, MachineType, Notice, PriceList, Region, RegionNews,
    RegionPrices,
};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::market::offers::configured;
use crate::jobs::market::prices;
use crate::retry::{Backoff, LONGEST_REFUSED, Pauses};

/// The list prices of all regions: whoever needs them first asks for all.
pub(super) type Lists = OnceCell<BTreeMap<Region, PriceList>>;

/// What is due in a region, and when.
pub(super) struct Watched {
    context: Arc<Context>,
    ec2: Ec2,
    reporter: Reporter,
    lists: Arc<Lists>,
    /// What was there at the last look.
    machines: Vec<Machine>,
    /// Those that EC2 takes back.
    noticed: BTreeSet<InstanceId>,
    look_at: Due,
    notices_at: Due,
    prices_at: Due,
}

/// When a question is due, and how often it was refused in a row.
#[derive(Debug)]
struct Due {
    at: Instant,
    refused: Option<Backoff>,
}

impl Due {
    fn now() -> Self {
        Self { at: Instant::now(), refused: None }
    }

    fn is_due(&self) -> bool {
        Instant::now() >= self.at
    }

    /// It was answered: again after this pause.
    fn again_in(&mut self, pause: Duration) {
        *self = Self { at: Instant::now() + pause, refused: None };
    }

    /// It was refused: twice as long as the last time, with some chance in it.
    fn back_off(&mut self, pause: Duration) {
        let pauses = || Pauses::new(pause, LONGEST_REFUSED).backoff();
        self.at = Instant::now() + self.refused.get_or_insert_with(pauses).pause();
    }
}

impl Watched {
    pub(super) fn new(
        context: &Arc<Context>,
        ec2: Ec2,
        lists: &Arc<Lists>,
        reporter: &Reporter,
    ) -> Self {
        Self {
            context: Arc::clone(context),
            ec2,
            reporter: reporter.clone(),
            lists: Arc::clone(lists),
            machines: Vec::new(),
            noticed: BTreeSet::new(),
            look_at: Due::now(),
            notices_at: Due::now(),
            prices_at: Due::now(),
        }
    }

    /// Watches until the credentials are refused: then no call will succeed before somebody logs
    /// in.
    pub(super) async fn run(mut self) -> AwsError {
        loop {
            if let Err(error) = self.ask_what_is_due().await
                && matches!(error.class, Class::Credentials(_))
            {
                return error;
            }
            let context = Arc::clone(&self.context);
            tokio::select! {
                () = sleep_until(self.next()) => {}
                () = context.stirred() => self.look_at.at = Instant::now(),
            }
        }
    }

    fn next(&self) -> Instant {
        let notices = (self.has_spot() || self.is_ours()).then_some(self.notices_at.at);
        [Some(self.look_at.at), notices, Some(self.prices_at.at)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_else(Instant::now)
    }

    async fn ask_what_is_due(&mut self) -> Result<(), AwsError> {
        let looked = if self.look_at.is_due() { self.look().await } else { Ok(()) };
        let noticed = match self.notices_at.is_due() {
            true if self.has_spot() => self.look_for_notices().await,
            true if self.is_ours() => self.look_for_launches().await,
            _ => Ok(()),
        };
        if self.prices_at.is_due() {
            self.look_at_prices().await;
        }
        looked.and(noticed)
    }

    async fn look(&mut self) -> Result<(), AwsError> {
        let looked = look(&self.context, &self.ec2, &self.reporter).await;
        match looked {
            Ok(machines) => {
                if self.machines.is_empty() && !machines.is_empty() {
                    self.prices_at = Due::now();
                }
                let known: BTreeSet<&InstanceId> = self.machines.iter().map(|it| &it.id).collect();
                let has_new = machines.iter().any(|it| it.is_alive() && !known.contains(&it.id));
                self.machines = machines;
                if has_new {
                    self.look_at_storage().await;
                }
                let pause = self.pause();
                self.look_at.again_in(pause);
                Ok(())
            }
            Err(error) => {
                self.look_at.back_off(self.context.pace.busy);
                Err(error)
            }
        }
    }

    /// What is new has volumes that cost something.
    async fn look_at_storage(&self) {
        let selector = Selector::deployment(&self.context.deployment());
        match self.ec2.storage(&selector).await {
            Ok(storage) => {
                self.reporter.learned_of(self.ec2.region(), RegionNews::Storage(storage)).await;
            }
            Err(error) => tracing::debug!(%error, "cannot see how much storage there is"),
        }
    }

    /// Asks which of ours EC2 takes back, and tells what is new.
    async fn look_for_notices(&mut self) -> Result<(), AwsError> {
        let selector = Selector::deployment(&self.context.deployment());
        let is_news =
            |it: &&Machine| it.state == Ec2State::Running && !self.noticed.contains(&it.id);
        let running = self.machines.iter().filter(is_news).map(|it| it.id.clone()).collect();
        let notices = match self.ec2.notices(&selector, &running, self.context.now()).await {
            Ok(notices) => notices,
            Err(error) => {
                tracing::debug!(%error, "cannot see whether instances are taken back");
                self.notices_at.back_off(self.context.pace.notices);
                return Err(error);
            }
        };
        self.notices_at.again_in(self.context.pace.notices);
        let news: Vec<Notice> =
            notices.into_iter().filter(|it| self.noticed.insert(it.instance.clone())).collect();
        if news.is_empty() {
            return Ok(());
        }
        for machine in &self.machines {
            if self.noticed.contains(&machine.id) {
                self.context.refusals().note(&machine.pool(), None);
            }
        }
        self.reporter.learned_of(self.ec2.region(), RegionNews::Notices(news)).await;
        self.look_at = Due::now();
        Ok(())
    }

    /// In a region without spot instances of ours a request that has one is somebody else's
    /// launch: another process, on this or another machine.
    async fn look_for_launches(&mut self) -> Result<(), AwsError> {
        let selector = Selector::deployment(&self.context.deployment());
        let requests = match self.ec2.spot_requests(&selector).await {
            Ok(requests) => requests,
            Err(error) => {
                self.notices_at.back_off(self.context.pace.notices);
                return Err(error);
            }
        };
        self.notices_at.again_in(self.context.pace.notices);
        let is_known = |id: &InstanceId| self.machines.iter().any(|machine| machine.id == *id);
        let mut launched =
            requests.iter().filter(|it| it.is_alive()).filter_map(|it| it.instance.as_ref());
        if launched.any(|id| !is_known(id)) {
            self.look_at = Due::now();
        }
        Ok(())
    }

    /// Tells what the region's machine types cost: those of the configuration, and those that are
    /// there.
    async fn look_at_prices(&mut self) {
        self.prices_at.again_in(self.context.pace.prices);
        let mut types = configured(&self.context, &self.ec2).await;
        types.extend(self.machines.iter().map(|machine| machine.machine_type.clone()));
        let types: Vec<MachineType> = BTreeSet::from_iter(types).into_iter().collect();
        if types.is_empty() {
            return;
        }
        let week_ago = self.context.now() - prices::WEEK;
        let oldest = self.machines.iter().map(|machine| machine.launched).min();
        let since: Timestamp = oldest.map_or(week_ago, |oldest| oldest.min(week_ago));
        match prices::spot_prices(&self.context, &self.ec2, &types, since).await {
            Ok(spot) => {
                let all = || prices::all_lists(&self.context, &self.reporter);
                let lists = self.lists.get_or_init(all).await;
                let list = lists.get(self.ec2.region()).cloned().unwrap_or_default();
                let prices = RegionPrices { spot, list };
                self.reporter.learned_of(self.ec2.region(), RegionNews::Prices(prices)).await;
            }
            Err(error) => {
                tracing::debug!(%error, "no spot prices");
                self.prices_at.back_off(self.context.pace.busy);
            }
        }
    }

    /// Whether it is a region of the configuration: elsewhere nobody is expected to launch.
    fn is_ours(&self) -> bool {
        let config = self.context.config.as_ref();
        config.is_some_and(|config| config.region(self.ec2.region()).is_some())
    }

    fn has_spot(&self) -> bool {
        let is_spot = |it: &Machine| it.lifecycle != Lifecycle::OnDemand && it.is_alive();
        self.machines.iter().any(is_spot)
    }

    /// EC2 allows 20 questions a second; a settled region needs one in fifteen seconds.
    fn pause(&self) -> Duration {
        let changing = |machine: &Machine| {
            matches!(machine.state, Ec2State::Pending | Ec2State::ShuttingDown | Ec2State::Stopping)
                || (machine.state == Ec2State::Running && self.noticed.contains(&machine.id))
        };
        let pace = &self.context.pace;
        if self.machines.iter().any(changing) {
            pace.busy
        } else if self.machines.iter().any(Machine::is_alive) {
            pace.settled
        } else {
            pace.empty
        }
    }
}
