//! The engine's side of the courier: hands it what the model wants told, and knows when that is on
//! the disk. Without a courier nobody is told anything (read-only, or nobody is named).

use std::collections::BTreeMap;
use std::future;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::courier::{Courier, Order, Pace, Word};
use crate::app::Message;
use crate::aws::SharedTimeSource;
use crate::fleet::{Level, Notification};
use crate::notify::Target;
use crate::store::Outbox;

/// The way to a courier.
#[derive(Debug, Default)]
pub(super) struct Notifier {
    courier: Option<Way>,
}

#[derive(Debug)]
struct Way {
    orders: UnboundedSender<Order>,
    words: UnboundedReceiver<Word>,
    task: JoinHandle<usize>,
    /// Orders that are not on the disk yet.
    unkept: usize,
}

impl Notifier {
    /// Sets a courier to work. Its targets are made beside it: that may take files and a moment.
    pub(super) fn hire(
        &mut self,
        outbox: Outbox,
        targets: impl Future<Output = BTreeMap<String, Target>> + Send + 'static,
        pace: Pace,
        clock: SharedTimeSource,
    ) {
        let (orders, received) = unbounded_channel();
        let (said, words) = unbounded_channel();
        let task = tokio::spawn(async move {
            let courier = Courier::new(outbox, targets.await, pace, clock, said);
            courier.run(received).await
        });
        self.courier = Some(Way { orders, words, task, unkept: 0 });
    }

    /// Tells somebody of these.
    pub(super) fn post(&mut self, notifications: Vec<Notification>) {
        if let Some(way) = &mut self.courier
            && way.orders.send(Order::Post(notifications)).is_ok()
        {
            way.unkept += 1;
        }
    }

    /// Whether something is on its way to the disk.
    pub(super) fn is_busy(&self) -> bool {
        self.courier.as_ref().is_some_and(|way| way.unkept > 0)
    }

    /// The next that the courier tells: `None` where only [`Self::is_busy`] changed. Cancel-safe.
    /// Pends while there is nothing to tell.
    pub(super) async fn next(&mut self) -> Option<Message> {
        let Some(way) = &mut self.courier else { return future::pending().await };
        let Some(word) = way.words.recv().await else {
            // It is gone, and so is whatever it had to write.
            way.unkept = 0;
            self.courier = None;
            return None;
        };
        if matches!(word, Word::Kept(_)) {
            way.unkept = way.unkept.saturating_sub(1);
        }
        message(word)
    }

    /// Tells what can be told at once. How many messages the next run has to deliver.
    pub(super) async fn finish(&mut self) -> usize {
        let Some(Way { orders, task, .. }) = self.courier.take() else { return 0 };
        let _ = orders.send(Order::End);
        task.await.unwrap_or_default()
    }
}

fn message(word: Word) -> Option<Message> {
    match word {
        Word::Kept(Ok(())) => None,
        Word::Kept(Err(text)) => {
            Some(Message::Noted { level: Level::Warning, about: "notify", text })
        }
        Word::Said(level, text) => Some(Message::Noted { level, about: "notify", text }),
        Word::Closed(closed) => {
            let (target, tries, title) = (&closed.target, closed.tries, &closed.title);
            tracing::info!(target: "notify", to = target, tries, title, "closed");
            Some(Message::Notified { is_given_up: closed.given_up.is_some() })
        }
    }
}
