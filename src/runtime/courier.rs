//! Sees that what somebody is to be told arrives: keeps it on the disk, makes one message of what is
//! one thing, and tries each until it is there or a day is over. At least once, in order for each
//! target, and none holds up another.
//!
//! Every decision is on the disk before it is acted on, so that a process that is killed at any
//! instant leaves nothing that the next one would not send: under the same id.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::{self, JoinError, JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, timeout_at};

use crate::aws::{SharedTimeSource, time_at};
use crate::fleet::{Digest, Group, Level, Notification};
use crate::notify::{Attempt, Target};
use crate::retry::{NOTIFY, NOTIFY_TIMEOUT, NOTIFY_WINDOW, Pauses};
use crate::store::{Closed, Delivery, Outbox, StoreError, Waiting};

/// From how many messages on that wait for one target others join those of their group.
const CROWD: usize = 200;
/// After how many attempts it is said that a target does not take anything: the first may be chance.
const TELLING: u32 = 3;
/// After how many answers in a row that nobody is there it is so for good: a service that is rolled out
/// anew may say so for a moment.
const MISSING: u32 = 3;

/// How fast a courier is.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// For how long the first notification of a group waits for others.
    pub hold: SignedDuration,
    /// The least time between two messages of one group.
    pub quiet: SignedDuration,
    /// How long one attempt may take.
    pub limit: Duration,
    /// Between two attempts.
    pub pauses: Pauses,
    /// When a message is given up.
    pub window: SignedDuration,
    /// How long a process that ends stays for what can be told at once.
    pub farewell: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            hold: SignedDuration::from_secs(30),
            quiet: SignedDuration::from_mins(5),
            limit: NOTIFY_TIMEOUT,
            pauses: NOTIFY,
            window: NOTIFY_WINDOW.try_into().unwrap_or(SignedDuration::MAX),
            farewell: Duration::from_secs(4),
        }
    }
}

/// What a courier is told.
#[derive(Debug)]
pub enum Order {
    /// Tell somebody of these.
    Post(Vec<Notification>),
    /// The process ends.
    End,
}

/// What a courier tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// An order's notifications are on the disk, or why not.
    Kept(Result<(), String>),
    /// A message arrived, or was given up: in so many tries.
    Closed(Closed),
    /// What a person has to know.
    Said(Level, String),
}

/// The one who sends.
pub struct Courier {
    outbox: Outbox,
    targets: BTreeMap<String, Arc<Target>>,
    pace: Pace,
    clock: SharedTimeSource,
    words: UnboundedSender<Word>,
    /// What is in no message yet.
    held: Vec<Notification>,
    /// Messages, by target.
    queues: BTreeMap<String, VecDeque<Delivery>>,
    /// Attempts, and the targets that they are made at.
    under_way: JoinSet<(String, Attempt)>,
    busy: BTreeMap<String, task::Id>,
    /// When the last message of a group was made.
    last: HashMap<Group, Timestamp>,
    /// The ids of what was told already: whoever tells of it again was killed before it knew.
    known: BTreeSet<String>,
    /// How many answers in a row said that nobody is there.
    missing: BTreeMap<String, u32>,
    /// The targets that are not there any more, and why: they are asked no more by this process, and
    /// once by the next one, whose configuration may have another URL.
    gone: BTreeMap<String, String>,
    /// The targets that take nothing, as far as that was said.
    troubled: BTreeSet<String>,
    is_ending: bool,
}

impl Courier {
    /// A courier for these targets.
    pub fn new(
        outbox: Outbox,
        targets: BTreeMap<String, Target>,
        pace: Pace,
        clock: SharedTimeSource,
        words: UnboundedSender<Word>,
    ) -> Self {
        Self {
            outbox,
            targets: targets.into_iter().map(|(name, it)| (name, Arc::new(it))).collect(),
            pace,
            clock,
            words,
            held: Vec::new(),
            queues: BTreeMap::new(),
            under_way: JoinSet::new(),
            busy: BTreeMap::new(),
            last: HashMap::new(),
            known: BTreeSet::new(),
            missing: BTreeMap::new(),
            gone: BTreeMap::new(),
            troubled: BTreeSet::new(),
            is_ending: false,
        }
    }

    /// Works until it is told to end, or nobody can tell it anything any more. How many messages
    /// wait then.
    pub async fn run(mut self, mut orders: UnboundedReceiver<Order>) -> usize {
        self.recall().await;
        loop {
            self.fold().await;
            self.bury().await;
            self.send();
            let pause = self.pause();
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(Order::Post(notifications)) => self.keep(notifications).await,
                    Some(Order::End) | None => return self.end().await,
                },
                Some(ended) = self.under_way.join_next() => self.ended(ended).await,
                () = sleep(pause) => {}
            }
        }
    }

    /// Takes up what earlier processes left.
    async fn recall(&mut self) {
        let outbox = self.outbox.clone();
        let read = spawn_blocking(move || (outbox.read(), outbox.closed())).await;
        let (Waiting { notifications, deliveries, unread }, closed) = read.unwrap_or_default();
        if unread > 0 {
            let text = format!("{unread} files of what was to be told cannot be read, and stay");
            self.say(Word::Said(Level::Warning, text));
        }
        self.known.extend(closed.iter().flat_map(|it| it.ids.iter().cloned()));
        // It arrived, and the process was killed before its file was gone.
        let arrived: BTreeSet<(String, String)> =
            closed.into_iter().map(|it| (it.id, it.target)).collect();
        for delivery in deliveries {
            let told = delivery.digest.notifications.iter().map(|told| told.id.clone());
            self.known.extend(told);
            if arrived.contains(&(delivery.digest.id.clone(), delivery.target.clone())) {
                let outbox = self.outbox.clone();
                let _ = spawn_blocking(move || outbox.forget(&delivery)).await;
            } else {
                self.queues.entry(delivery.target.clone()).or_default().push_back(delivery);
            }
        }
        self.known.extend(notifications.iter().map(|it| it.id.clone()));
        self.held = notifications;
    }

    /// Puts notifications onto the disk, and says so: then their process may forget that it has not
    /// told of them.
    async fn keep(&mut self, mut notifications: Vec<Notification>) {
        notifications.retain(|it| self.known.insert(it.id.clone()));
        let kept = self
            .on_disk({
                let notifications = notifications.clone();
                move |outbox| outbox.add(&notifications)
            })
            .await;
        // What the disk does not take is told all the same.
        self.held.extend(notifications);
        self.say(Word::Kept(kept));
    }

    /// Makes messages of what has waited long enough for others of its group.
    async fn fold(&mut self) {
        let now = time_at(&self.clock);
        for (group, notifications) in Group::sort(std::mem::take(&mut self.held)) {
            if self.is_ending || self.due(&group, &notifications) <= now {
                self.last.insert(group, now);
                self.make_messages(notifications, now).await;
            } else {
                self.held.extend(notifications);
            }
        }
    }

    /// When a group's message is made.
    fn due(&self, group: &Group, notifications: &[Notification]) -> Timestamp {
        let first = notifications.iter().map(|it| it.at).min().unwrap_or_default();
        let quiet = self.last.get(group).map(|last| *last + self.pace.quiet);
        (first + self.pace.hold).max(quiet.unwrap_or_default())
    }

    /// One message for each target that is to be told of some of these.
    async fn make_messages(&mut self, notifications: Vec<Notification>, now: Timestamp) {
        let targets: BTreeSet<&String> = notifications.iter().flat_map(|it| &it.to).collect();
        let mut made = Vec::new();
        for target in targets {
            let ours = || notifications.iter().filter(|it| it.to.contains(target));
            let queue = self.queues.entry(target.clone()).or_default();
            if let Some(crowded) = joined(queue, ours().next()) {
                ours().for_each(|it| crowded.digest.add(it));
                made.push(crowded.clone());
            } else if let Some(digest) = Digest::of(ours()) {
                let target = target.clone();
                let delivery = Delivery { digest, target, tries: 0, next: now, why: None };
                queue.push_back(delivery.clone());
                made.push(delivery);
            }
        }
        let sealed = self.on_disk(move |outbox| outbox.seal(&made, &notifications)).await;
        self.complain(sealed);
    }

    /// Begins an attempt at each target that waits for one.
    fn send(&mut self) {
        let now = time_at(&self.clock);
        for (name, queue) in &self.queues {
            let Some(front) = queue.front().filter(|front| front.next <= now) else { continue };
            if self.busy.contains_key(name) {
                continue;
            }
            let (name, digest, limit) = (name.clone(), front.digest.clone(), self.pace.limit);
            let gone = || Arc::new(Target::Unusable("it is not configured any more".to_owned()));
            let target = self.targets.get(&name).cloned().unwrap_or_else(gone);
            let attempt = {
                let name = name.clone();
                async move { (name, target.deliver(&digest, now, limit).await) }
            };
            self.busy.insert(name, self.under_way.spawn(attempt).id());
        }
    }

    /// How long nothing is due.
    fn pause(&self) -> Duration {
        let now = time_at(&self.clock);
        // A group is due as soon as the first of its notifications is.
        let folds = self.held.iter().map(|it| self.due(&Group::of(it), slice::from_ref(it)));
        let idle = self.queues.iter().filter(|(name, _)| !self.busy.contains_key(*name));
        let tries = idle.filter_map(|(_, queue)| queue.front().map(|front| front.next));
        let next = folds.chain(tries).min();
        let pause = next.map(|next| next.duration_since(now).max(SignedDuration::ZERO));
        pause.map_or(Duration::from_hours(1), SignedDuration::unsigned_abs)
    }

    /// Takes in what came of an attempt.
    async fn ended(&mut self, ended: Result<(String, Attempt), JoinError>) {
        // One that panicked, which the hook has logged, was tried in vain.
        let (name, attempt) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                let mut busy = self.busy.iter().filter(|(_, id)| **id == error.id());
                let Some(name) = busy.next().map(|(name, _)| name.clone()) else { return };
                (name, Attempt::Later(error.to_string(), None))
            }
        };
        self.busy.remove(&name);
        let attempt = self.told_of_absence(&name, attempt);
        let now = time_at(&self.clock);
        let Some(front) = self.queues.get_mut(&name).and_then(VecDeque::front_mut) else { return };
        front.tries += 1;
        let next = |pause: Duration| now.saturating_add(pause).unwrap_or(Timestamp::MAX);
        let is_old = now.duration_since(front.digest.at) >= self.pace.window;
        match attempt {
            Attempt::Delivered => {
                if self.troubled.remove(&name) {
                    let text = format!("{name} takes notifications again");
                    self.say(Word::Said(Level::Success, text));
                }
                return self.close(&name, None).await;
            }
            Attempt::Refused(why) => return self.close(&name, Some(why)).await,
            Attempt::Gone(why) => return self.give_up(&name, why).await,
            Attempt::Later(why, _) | Attempt::Missing(why) if is_old => {
                let why = format!("not delivered in a day: {why}");
                return self.close(&name, Some(why)).await;
            }
            Attempt::Later(why, after) => {
                let usual = self.pace.pauses.after(front.tries);
                front.next =
                    next(after.map_or(usual, |after| after.max(self.pace.pauses.after(1))));
                front.why = Some(why);
            }
            Attempt::Missing(why) => {
                front.next = next(self.pace.pauses.after(front.tries));
                front.why = Some(why);
            }
        }
        let front = front.clone();
        self.tell_trouble(&name, &front);
        let updated = self.on_disk(move |outbox| outbox.update(&front)).await;
        self.complain(updated);
    }

    /// What an attempt comes to, where several in a row said that nobody is there.
    fn told_of_absence(&mut self, name: &str, attempt: Attempt) -> Attempt {
        let Attempt::Missing(why) = attempt else {
            self.missing.remove(name);
            return attempt;
        };
        let times = self.missing.entry(name.to_owned()).or_default();
        *times += 1;
        if *times >= MISSING { Attempt::Gone(why) } else { Attempt::Missing(why) }
    }

    /// Gives up a target that is not there any more, with all that waits for it.
    async fn give_up(&mut self, name: &str, why: String) {
        let place = self.targets.get(name).map(|target| target.place()).unwrap_or_default();
        let messages = match self.queues.get(name).map_or(0, VecDeque::len) {
            1 => "one message to it is".to_owned(),
            many => format!("{many} messages to it are"),
        };
        let text = format!(
            "{name} ({place}) is not there any more: {why}; {messages} given up, and what comes \
             then: give 'notify' its new URL and start again"
        );
        self.say(Word::Said(Level::Error, text));
        self.gone.insert(name.to_owned(), why);
        self.bury().await;
    }

    /// Lets go of what is meant for targets that are not there any more.
    async fn bury(&mut self) {
        for (name, why) in self.gone.clone() {
            while self.queues.get(&name).is_some_and(|queue| !queue.is_empty()) {
                self.close(&name, Some(why.clone())).await;
            }
        }
    }

    /// Says once that a target takes nothing.
    fn tell_trouble(&mut self, name: &str, front: &Delivery) {
        if front.tries < TELLING || !self.troubled.insert(name.to_owned()) {
            return;
        }
        let why = front.why.as_deref().unwrap_or_default();
        let place = self.targets.get(name).map(|target| target.place()).unwrap_or_default();
        let text = format!(
            "{name} ({place}) takes no notifications: {why}; they are kept, and sent when it does"
        );
        self.say(Word::Said(Level::Warning, text));
    }

    /// Lets the first message of a target go.
    async fn close(&mut self, name: &str, given_up: Option<String>) {
        let queue = self.queues.get_mut(name);
        let Some(delivery) = queue.and_then(VecDeque::pop_front) else { return };
        let closed = Closed::of(&delivery, time_at(&self.clock), given_up);
        // Of one that is gone it is said once.
        if let Some(why) = closed.given_up.as_ref().filter(|_| !self.gone.contains_key(name)) {
            let text = format!(
                "{name} was not told, after {} tries: {why}; the message: {}",
                closed.tries, closed.title
            );
            self.say(Word::Said(Level::Error, text));
        }
        let line = closed.clone();
        let written = self.on_disk(move |outbox| outbox.close(&delivery, &line)).await;
        self.complain(written);
        self.say(Word::Closed(closed));
    }

    /// Tells what can be told at once, without waiting for more of the same.
    async fn end(mut self) -> usize {
        self.is_ending = true;
        let deadline = Instant::now() + self.pace.farewell;
        loop {
            self.fold().await;
            self.bury().await;
            self.send();
            if self.under_way.is_empty() {
                break;
            }
            match timeout_at(deadline, self.under_way.join_next()).await {
                Ok(Some(ended)) => self.ended(ended).await,
                Ok(None) => {}
                Err(_) => break,
            }
        }
        self.queues.values().map(VecDeque::len).sum()
    }

    async fn on_disk(
        &self,
        work: impl FnOnce(&Outbox) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), String> {
        let outbox = self.outbox.clone();
        match spawn_blocking(move || work(&outbox)).await {
            Ok(done) => done.map_err(|error| error.failure().to_string()),
            Err(panic) => Err(panic.to_string()),
        }
    }

    fn complain(&self, done: Result<(), String>) {
        if let Err(why) = done {
            self.say(Word::Said(Level::Error, why));
        }
    }

    /// Whoever does not listen any more needs to know nothing.
    fn say(&self, word: Word) {
        let _ = self.words.send(word);
    }
}

/// The message that others of this one's group join where very many wait: one that nobody was sent
/// yet, for whoever has it drops what comes under its id again.
fn joined<'a>(
    queue: &'a mut VecDeque<Delivery>,
    notification: Option<&Notification>,
) -> Option<&'a mut Delivery> {
    let group = Group::of(notification?);
    let is_crowded = queue.len() >= CROWD;
    // The first may be under way.
    let untried = queue.iter_mut().skip(1).filter(|it| it.tries == 0);
    untried.rev().find(|it| is_crowded && it.digest.group() == group)
}

#[cfg(test)]
mod tests;
