//! Answers of AWS that stay true for a while, and where they hold: at one endpoint, in one account.

use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Context;

impl Context {
    /// What AWS answered to this question before, unless that is too long ago.
    pub(in crate::jobs) async fn cached<T: DeserializeOwned>(&self, question: &str) -> Option<T> {
        let key = self.cache_key(question).await?;
        self.cache.get(&key, self.now())
    }

    /// Keeps an answer for a time. Where it cannot be kept, the next one who needs it asks again.
    pub(in crate::jobs) async fn keep_cached<T: Serialize>(
        &self,
        question: &str,
        answer: &T,
        time: SignedDuration,
    ) {
        if let Some(key) = self.cache_key(question).await {
            let _ = self.cache.put(&key, answer, self.now(), time);
        }
    }

    /// Forgets an answer that turned out to be wrong.
    pub(in crate::jobs) async fn forget_cached(&self, question: &str) {
        if let Some(key) = self.cache_key(question).await {
            self.cache.forget(&key);
        }
    }

    /// Zones, offers and images have other names in another account: nothing is kept for one that
    /// is not known.
    async fn cache_key(&self, question: &str) -> Option<String> {
        let account = &self.account().await.ok()?.id;
        let endpoint = self.access.endpoint.as_deref().unwrap_or("aws");
        Some(format!("{endpoint}-{account}-{question}"))
    }
}
