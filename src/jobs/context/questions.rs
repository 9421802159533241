//! How a job asks the user: it waits, the loop shows the question, the answer comes back.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};

use crate::aws::Asks;
use crate::fleet::{Question, QuestionId, Secret, Wanted};

/// A question and the way back to the job that asked.
#[derive(Debug)]
pub struct PendingQuestion {
    /// The question.
    pub question: Question,
    /// Where the answer goes; `None` when the user would not say.
    pub answer: oneshot::Sender<Option<Secret>>,
}

/// The loop's end.
#[derive(Debug)]
pub struct Questions(mpsc::Receiver<PendingQuestion>);

/// The jobs' end.
#[derive(Debug)]
pub struct Asker {
    sender: mpsc::Sender<PendingQuestion>,
    last: AtomicU64,
}

/// A pair of ends.
pub fn questions() -> (Asker, Questions) {
    let (sender, receiver) = mpsc::channel(16);
    (Asker { sender, last: AtomicU64::new(0) }, Questions(receiver))
}

impl Questions {
    /// The next question. Cancel-safe. Pends when nobody can ask any more.
    pub async fn next(&mut self) -> PendingQuestion {
        match self.0.recv().await {
            Some(asked) => asked,
            None => std::future::pending().await,
        }
    }
}

impl Asker {
    /// Asks for a secret and waits. `None` when the user would not say.
    pub async fn ask(&self, text: String) -> Option<Secret> {
        self.answer(text, Wanted::Secret).await
    }
}

impl Asks for Asker {
    async fn answer(&self, text: String, wanted: Wanted) -> Option<Secret> {
        let id = QuestionId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        let (answer, answered) = oneshot::channel();
        let question = Question { id, text, wanted };
        self.sender.send(PendingQuestion { question, answer }).await.ok()?;
        answered.await.ok().flatten()
    }
}
