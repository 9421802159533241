//! The kept root takes the place of another one while the instance runs: EC2 sees to it in one task, and
//! restarts the system. Chosen by `swap_root: running`.
//!
//! Who was killed in between finds the task, or where the volume is: the same call makes no second one.

use tokio::time::Instant;

use super::belongings::failed;
use super::target::{Target, gone};
use crate::aws::{Class, RootTask};
use crate::fleet::{Ec2State, Failure, Kept, Level, Step};
use crate::retry::{BOOT_TIMEOUT, STOP_TIMEOUT};

impl Target {
    /// Has EC2 replace the root of the instance by this one. Answers `false` where it runs with what it
    /// had, or with none: then only an instance that is stopped can be given it.
    pub(super) async fn replace_root(&self, root: &Kept) -> Result<bool, Failure> {
        let machine = self.until_at_hand().await?;
        self.reaches(root, &machine)?;
        if machine.seen.state != Ec2State::Running {
            return Ok(false);
        }
        if let Some(RootTask::Failed(word)) = self.task().await? {
            self.say(Level::Warning, cannot(&format!("the task has {word}"))).await;
            return Ok(false);
        }
        let text = format!("EC2 replaces its root by the machine's own {root}, and restarts it");
        self.say(Level::Info, text).await;
        // What comes to this place may take over what becomes of it when the instance ends. The root
        // that the launch brought is spare then, and goes like any other.
        self.keep_root_here().await?;
        self.until_replaced(root).await
    }

    /// Has the root of the instance outlive it, whichever that is. AWS does not say what it makes of one
    /// that a task brought: so this is seen to each time.
    pub(super) async fn keep_root_here(&self) -> Result<(), Failure> {
        let device = self.ec2.root_device(&self.id).await.map_err(failed)?;
        let device = device.ok_or_else(|| gone(Step::Keep, &self.id))?;
        self.ec2.keep_at(&self.id, &device).await.map_err(failed)
    }

    /// Asks for it until it is under way, and waits for its end. Answers whether the root is there.
    async fn until_replaced(&self, root: &Kept) -> Result<bool, Failure> {
        let deadline = Instant::now() + BOOT_TIMEOUT + STOP_TIMEOUT;
        loop {
            let why = match self.task().await? {
                Some(RootTask::Succeeded) if self.has(root).await? => return Ok(true),
                Some(RootTask::Failed(word)) => Some(format!("the task has {word}")),
                Some(RootTask::Succeeded | RootTask::UnderWay) => None,
                None => self.ask_for_task(root).await,
            };
            if let Some(why) = why {
                self.say(Level::Warning, cannot(&why)).await;
                return Ok(false);
            }
            self.pause(deadline, "its root is not replaced").await?;
        }
    }

    async fn task(&self) -> Result<Option<RootTask>, Failure> {
        self.ec2.root_task(&self.id).await.map_err(failed)
    }

    /// Whether EC2 tells of the volume as its own.
    async fn has(&self, root: &Kept) -> Result<bool, Failure> {
        let seen = self.ec2.volumes_by_id(&[&root.id]).await.map_err(failed)?;
        let attached = seen.into_iter().find_map(|it| it.attached);
        Ok(attached.is_some_and(|(instance, _, word)| instance == self.id && word == "attached"))
    }

    /// What passes is asked for again: whoever had the volume may not have let it go yet. Answers why
    /// it cannot be done at all.
    async fn ask_for_task(&self, root: &Kept) -> Option<String> {
        let error = self.ec2.replace_root(&self.id, &root.id).await.err()?;
        let passes = matches!(
            error.class,
            Class::NotYet | Class::Dependency | Class::Retry | Class::Unknown
        );
        (!passes).then(|| error.to_string())
    }
}

fn cannot(why: &str) -> String {
    format!("EC2 cannot replace its root while it runs: {why}. It is stopped for that")
}
