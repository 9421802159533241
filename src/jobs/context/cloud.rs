//! AWS, opened at the first use, and whose account it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, OnceCell};

use crate::aws::{Access, Aws, AwsError};
use crate::fleet::{Account, AccountId};
use crate::store::Journal;

/// What is known of AWS so far.
#[derive(Debug)]
pub(super) struct Cloud {
    /// The account that the state file's instances are in.
    state_account: Option<AccountId>,
    /// What is to know in which account it asks.
    journal: Option<Arc<Journal>>,
    aws: Mutex<Option<Aws>>,
    account: OnceCell<Account>,
    /// Whether the credentials are of another account than our instances.
    is_refused: AtomicBool,
}

impl Cloud {
    pub(super) fn new(state_account: Option<AccountId>, journal: Option<Arc<Journal>>) -> Self {
        let (aws, account) = (Mutex::default(), OnceCell::new());
        Self { state_account, journal, aws, account, is_refused: AtomicBool::new(false) }
    }

    /// Opened at the first use. A failure is tried again at the next. Another account than the one
    /// that our instances are in is refused before it is asked for them: there they are not, and
    /// all of them would pass for terminated.
    pub(super) async fn aws(&self, access: &Access) -> Result<Aws, AwsError> {
        let mut open = self.aws.lock().await;
        if let Some(aws) = &*open {
            return Ok(aws.clone());
        }
        let aws = Aws::open(access).await?;
        let of_this_process = self.account.get().map(|account| &account.id);
        if let Some(ours) = of_this_process.or(self.state_account.as_ref()) {
            let account = aws.account().await?;
            let is_ours = account.id == *ours;
            self.is_refused.store(!is_ours, Ordering::SeqCst);
            if !is_ours {
                return Err(AwsError::other_account(ours, &account.id));
            }
            self.account.get_or_init(|| async { self.belong_to(account) }).await;
        }
        Ok(open.insert(aws).clone())
    }

    /// Who we are. Asked once.
    pub(super) async fn account(&self, access: &Access) -> Result<&Account, AwsError> {
        let aws = self.aws(access).await?;
        let asked = || async { aws.account().await.map(|account| self.belong_to(account)) };
        self.account.get_or_try_init(asked).await
    }

    /// What is asked for from now on is asked for in this account.
    fn belong_to(&self, account: Account) -> Account {
        if let Some(journal) = &self.journal {
            journal.belong_to(&account.id);
        }
        account
    }

    pub(super) fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::SeqCst)
    }

    /// The next call reads the credentials anew.
    pub(super) async fn forget(&self) {
        *self.aws.lock().await = None;
    }
}
