//! One instance, from running to ready: connect, upload, set up, restart, look.
//!
//! Nothing is patched: a pipeline that fails leaves the instance as it is, and the way on is to
//! destroy it and create another.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::hooks::{self, Hook};
use super::host_key::{Console, Opinion, Told};
use super::inputs::DeployInputs;
use super::machine_setup::MachineSetup;
use super::{exit_codes, monitor};
use crate::aws::{Ec2, Selector};
use crate::config::HostKeyPolicy;
use crate::fleet::identity::Identity;
use crate::fleet::vitals::Vitals;
use crate::fleet::{
    Failure, FailureKind, HostKey, HostKeyTrust, InstanceKey, InstanceNews, Kept, KeptKind, Level,
    Machine, Phase, Step, Transfer, tags,
};
use crate::jobs::context::Context;
use crate::jobs::context::monitored::MonitoredNode;
use crate::jobs::context::reporter::Reporter;
use crate::retry::{CONFIGURE_TIMEOUT, CUT_RETRIES, LOCKED_PAUSE, VERIFY_TIMEOUT};
use crate::ssh::{
    ExitStatus, HostKeyCheck, LONGEST_ANSWER, LastLines, Pipe, RemoteCommand, Session, SshError,
    WaitTimeouts, quote, wait_for,
};

/// Where the bundle is unpacked. `deploy_services.sh` expects it there.
const STAGING: &str = "/tmp/uploaded_files";
/// Lines of a set-up that could not begin which its failure shows.
const SHOWN_LINES: usize = 3;
/// What only lines of the script itself hold (`instance/README.md`).
const SCRIPT_WORDS: [&str; 5] = [" BEGIN ", " STEP ", " OK ", " ERROR ", " END "];
/// Runs `deploy_services.sh` from where it lies. An earlier run that was cut off may have moved the
/// upload to its place already; and `/tmp` may be mounted noexec, so that it takes a shell to run it.
const SET_UP: &str = concat!(
    "for folder in /tmp /opt; do ",
    "script=$folder/uploaded_files/scripts/deploy_services.sh; ",
    r#"if [ -f "$script" ]; then exec sh "$script" "$@"; fi; done; "#,
    r#"echo "there is no deploy_services.sh in /tmp/uploaded_files or /opt/uploaded_files" >&2; "#,
    "exit 127"
);
/// The exit code with which `deploy_services.sh` says that another one is running.
const LOCKED: u32 = 67;
/// What is said of it once.
const WAITS_FOR_ANOTHER: &str =
    "another deployment is running on the instance: waiting for its end";

/// The pipeline of one instance.
pub(in crate::jobs) struct Pipeline {
    /// Says when to stop: the instance is being destroyed.
    pub stop: CancellationToken,
    pub context: Arc<Context>,
    pub inputs: Arc<DeployInputs>,
    pub ec2: Ec2,
    pub reporter: Reporter,
    pub key: InstanceKey,
    pub machine: Machine,
    /// What it gets besides, where it is a machine of the configuration.
    pub setup: Option<MachineSetup>,
}

/// From where a pipeline begins.
#[derive(Debug, Clone)]
pub(in crate::jobs) enum Begin {
    /// A launch.
    Launch,
    /// What an earlier run left, whose host shows the key that it showed to that run, if it came so
    /// far: first it is looked whether anything is left to do.
    Resume(Option<HostKey>),
    /// A start of what was stopped, whose host shows the key that it had. What is set up there comes
    /// up by itself.
    Start(Option<HostKey>),
    /// A reboot by EC2 of what is set up, whose host shows this key.
    Reboot(HostKey),
}

impl Pipeline {
    /// Runs it, unless another one does or did: there is one an instance. Whoever comes second
    /// waits. Answers whether it ended well.
    pub(in crate::jobs) async fn run_once(self, begin: Begin) -> bool {
        let (context, id) = (Arc::clone(&self.context), self.machine.id.clone());
        Box::pin(context.pipelines().once(&id, self.run(begin))).await
    }

    async fn run(self, begin: Begin) -> bool {
        let steps = tokio::select! {
            steps = self.steps(&begin) => steps,
            () = self.stop.cancelled() => return true,
        };
        match steps {
            Ok(None) => {
                self.enter(Phase::Ready).await;
                true
            }
            Ok(Some(reason)) => {
                self.enter(Phase::Degraded { reason }).await;
                false
            }
            Err(failure) => {
                self.enter(Phase::Failed(failure)).await;
                false
            }
        }
    }

    async fn enter(&self, phase: Phase) {
        self.reporter.entered(&self.key, phase).await;
    }

    /// How long the host may take to let us in.
    fn timeout(&self) -> Duration {
        Duration::from_secs(self.inputs.access.ssh.timeout_s.into())
    }

    async fn report(&self, level: Level, text: impl Into<String>) {
        self.reporter.said(&self.key, level, text).await;
    }

    /// Answers what does not work on the finished node, if anything.
    async fn steps(&self, begin: &Begin) -> Result<Option<String>, Failure> {
        if let Begin::Reboot(host_key) = begin {
            return self.come_back(host_key).await;
        }
        self.enter(Phase::Connecting).await;
        let session = match begin {
            Begin::Start(Some(host_key)) | Begin::Resume(Some(host_key)) => {
                self.reach(|| HostKeyCheck::Known(host_key.clone())).await?
            }
            _ => self.reach_unknown().await?,
        };
        let host_key = session.host_key().clone();
        self.reporter.learned(&self.key, InstanceNews::HostKey(host_key.clone())).await;
        self.keep_host_key(&host_key).await;
        // Before anything is set up: what is set up belongs on the home volume.
        if let Some(setup) = &self.setup {
            let print = |line: &str| self.reporter.output(&self.key, line.to_owned());
            for warning in setup.apply(&session, print).await? {
                self.report(Level::Warning, warning).await;
            }
        }
        tokio::select! {
            outcome = self.deploy(session, &host_key, begin) => outcome,
            mismatch = self.ask_console_later(&host_key) => Err(mismatch),
        }
    }

    /// Writes the host key on the root volume, where that outlives the instance: the next instance
    /// that boots from it shows the same key, and its console tells of the wrong ones besides. Only
    /// a machine's volume is asked for.
    async fn keep_host_key(&self, host_key: &HostKey) {
        let (Some(_), Some(tag)) = (&self.machine.birth.machine, host_key.to_tag()) else { return };
        let kept = self.ec2.kept(&Selector::deployment(&self.context.deployment())).await;
        let its_root =
            |it: &Kept| it.kind == KeptKind::Root && it.instance.as_ref() == Some(&self.machine.id);
        let Some(root) = kept.unwrap_or_default().into_iter().find(its_root) else { return };
        if root.host_key.as_ref() == Some(&tag) {
            return;
        }
        if let Err(error) = self.ec2.tag(&root.id, tags::HOST_KEY, &tag).await {
            let text =
                format!("{error}: after a recreate the console has to vouch for the host key");
            self.report(Level::Warning, text).await;
        }
    }

    fn console(&self) -> Console<'_> {
        Console {
            ec2: &self.ec2,
            id: &self.machine.id,
            every: self.context.pace.console,
            timeout: Duration::from_secs(self.inputs.access.ssh.console_timeout_s.into()),
        }
    }

    /// The first session on a host. Its console is asked for the host key while it boots; until
    /// that is decided nobody logs in, and how long the host takes to answer does not count against
    /// how long its console takes.
    async fn reach_unknown(&self) -> Result<Session, Failure> {
        let expected = Mutex::new(HostKeyCheck::Undecided);
        let decide = async {
            match self.expected_key().await {
                Ok(check) => {
                    *expected.lock().unwrap_or_else(PoisonError::into_inner) = check;
                    std::future::pending().await
                }
                Err(failure) => failure,
            }
        };
        let now = || expected.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reached = tokio::select! {
            reached = self.wait(now) => reached?,
            failure = decide => return Err(failure),
        };
        match reached {
            Err(SshError::HostKeyMismatch { got, .. })
                if self.console().opinion(&got).await == Opinion::Vouches =>
            {
                self.reach(|| HostKeyCheck::Fingerprints(vec![got.clone()])).await
            }
            reached => reached.map_err(|error| error.failure()),
        }
    }

    /// Which key the host has to show, as far as the policy wants to know.
    async fn expected_key(&self) -> Result<HostKeyCheck, Failure> {
        if self.inputs.access.ssh.host_key == HostKeyPolicy::Pin {
            return Ok(HostKeyCheck::First);
        }
        let why = match self.console().told().await {
            Told::Keys(fingerprints) => return Ok(HostKeyCheck::Fingerprints(fingerprints)),
            Told::Nothing(why) => why,
        };
        if self.inputs.access.ssh.host_key == HostKeyPolicy::Strict {
            return Err(Failure::new(
                FailureKind::HostKey,
                Step::HostKey,
                format!("the host key cannot be verified: {why}"),
                "look at its console output in EC2, or set ssh.host_key: console",
            ));
        }
        let text = format!("{why}: the first host key is pinned, unverified");
        self.report(Level::Warning, text).await;
        Ok(HostKeyCheck::First)
    }

    /// Compares a key that was pinned with the console, should that speak after all. Ends only with
    /// a mismatch.
    async fn ask_console_later(&self, host_key: &HostKey) -> Failure {
        let vouched = host_key.trust != HostKeyTrust::Pinned
            || self.inputs.access.ssh.host_key == HostKeyPolicy::Pin;
        if vouched {
            return std::future::pending().await;
        }
        match self.console().opinion(&host_key.fingerprint).await {
            Opinion::None => {}
            Opinion::Vouches => {
                let verified = HostKey { trust: HostKeyTrust::Console, ..host_key.clone() };
                self.reporter.learned(&self.key, InstanceNews::HostKey(verified)).await;
            }
            Opinion::Denies(told) => {
                let (got, told) = (&host_key.fingerprint, told.join(", "));
                return Failure::new(
                    FailureKind::HostKey,
                    Step::HostKey,
                    format!("the host showed {got} and its console tells {told}"),
                    "somebody may be in between: destroy the instance",
                );
            }
        }
        std::future::pending().await
    }

    /// A session, as soon as the host lets us in.
    async fn reach(&self, expected: impl FnMut() -> HostKeyCheck) -> Result<Session, Failure> {
        self.wait(expected).await?.map_err(|error| error.failure())
    }

    /// The same, and what SSH said where that failed.
    async fn wait(
        &self,
        expected: impl FnMut() -> HostKeyCheck,
    ) -> Result<Result<Session, SshError>, Failure> {
        let route = self.inputs.access.route(&self.machine)?;
        let timeout = WaitTimeouts { overall: self.timeout(), ..WaitTimeouts::default() };
        let reached = wait_for(
            &*self.inputs.access.dial,
            &route,
            &self.inputs.access.identities,
            expected,
            timeout,
            |why| {
                self.reporter.output(&self.key, format!("waiting for SSH: {why}"));
            },
        );
        Ok(reached.await)
    }

    async fn deploy(
        &self,
        mut session: Session,
        host_key: &HostKey,
        begin: &Begin,
    ) -> Result<Option<String>, Failure> {
        let known = || HostKeyCheck::Known(host_key.clone());
        let is_new = matches!(begin, Begin::Launch);
        let found = if is_new { None } else { monitor::node_status(&session).await.ok() };
        let done = found.filter(Vitals::is_deployed);
        // What was stopped has just booted.
        let booted = done.is_some() && matches!(begin, Begin::Start(_));
        if done.is_none() {
            session = self.upload(session, known()).await?;
            session = self.configure(session, known()).await?;
        }
        // The services begin with the next boot: an earlier run may have come just short of it.
        if self.inputs.reboot && !booted && !done.is_some_and(|node| node.is_at_work()) {
            session = self.reboot(session, known(), By::System).await?;
        }
        Ok(self.see_working(session, host_key).await)
    }

    /// A reboot by EC2, and what does not work after it.
    async fn come_back(&self, host_key: &HostKey) -> Result<Option<String>, Failure> {
        let known = || HostKeyCheck::Known(host_key.clone());
        let session = self.reach(known).await?;
        let session = self.reboot(session, known(), By::Ec2).await?;
        Ok(self.see_working(session, host_key).await)
    }

    /// Looks until all is well, and has it looked at from then on. Answers what is not well.
    async fn see_working(&self, session: Session, host_key: &HostKey) -> Option<String> {
        let known = || HostKeyCheck::Known(host_key.clone());
        self.enter(Phase::Verifying).await;
        let verdict = self.verify(session, known()).await;
        let node = MonitoredNode {
            key: self.key.clone(),
            machine: self.machine.clone(),
            host_key: host_key.clone(),
        };
        if let (None, Some(config)) = (&verdict, &self.context.config) {
            let (access, reporter) = (&self.inputs.access, &self.reporter);
            hooks::visit(access, Hook::Ready, &config.hooks, &node, reporter).await;
        }
        self.context.monitor(node);
        verdict
    }

    async fn upload(&self, mut session: Session, known: HostKeyCheck) -> Result<Session, Failure> {
        for attempt in 1.. {
            let total = self.inputs.bundle.size();
            self.enter(Phase::Uploading(Transfer { sent: 0, total })).await;
            let turn = self.inputs.uploads.acquire().await;
            let sent = session
                .upload(&self.inputs.bundle, STAGING, |transfer| {
                    self.reporter.transferred(&self.key, transfer);
                })
                .await;
            // Who has to connect again keeps nobody waiting meanwhile.
            drop(turn);
            let sent = match sent {
                Ok(()) => self.send_identity(&session).await,
                Err(error) => Err(error),
            };
            match sent {
                Ok(()) => break,
                Err(error) => session = self.again(&error, attempt, known.clone()).await?,
            }
        }
        Ok(session)
    }

    /// The one file that is different on each node.
    async fn send_identity(&self, session: &Session) -> Result<(), SshError> {
        let file = RemoteCommand::new(format!("cat >{STAGING}/node_identity.json"))
            .most(LONGEST_ANSWER)
            .stdin(Identity::of(&self.machine.id).json());
        session.run("writing node_identity.json", &file, |_, _| {}).await
    }

    /// A new session after a cut, or the failure where a new one would not help.
    async fn again(
        &self,
        error: &SshError,
        attempt: u32,
        known: HostKeyCheck,
    ) -> Result<Session, Failure> {
        if !error.is_retryable() || attempt >= CUT_RETRIES {
            return Err(error.failure());
        }
        self.report(Level::Warning, format!("{error}; trying again")).await;
        self.enter(Phase::Connecting).await;
        self.reach(|| known.clone()).await
    }

    /// Runs the set-up. Another one that is at work on the node, mostly ours whose connection was
    /// cut, is waited for, as long as a set-up may take; only cuts are counted.
    async fn configure(
        &self,
        mut session: Session,
        known: HostKeyCheck,
    ) -> Result<Session, Failure> {
        let command = RemoteCommand::new(self.set_up_command()).limit(CONFIGURE_TIMEOUT);
        let (begun, mut cuts, mut waits) = (Instant::now(), 0, false);
        self.enter(Phase::Configuring).await;
        loop {
            let mut last = LastLines::default();
            let ran = session
                .exec(&command, |_, line| {
                    last.push(line);
                    self.reporter.output(&self.key, line.to_owned());
                })
                .await;
            match ran {
                Ok(ExitStatus::Code(0)) => return Ok(session),
                Ok(ExitStatus::Code(LOCKED)) => {
                    let pause = pause_while_locked(begun.elapsed())?;
                    if !std::mem::replace(&mut waits, true) {
                        self.report(Level::Warning, WAITS_FOR_ANOTHER).await;
                    }
                    sleep(pause).await;
                }
                Ok(exit) => return Err(set_up_failed(&exit, &last)),
                Err(error) => {
                    cuts += 1;
                    session = self.again(&error, cuts, known.clone()).await?;
                    self.enter(Phase::Configuring).await;
                }
            }
        }
    }

    fn set_up_command(&self) -> String {
        let mut command = format!("sudo sh -c {} deploy_services.sh", quote(SET_UP));
        let deployment = self.context.deployment();
        let images = self.inputs.images.iter().map(|(flag, image)| (*flag, image.as_str()));
        let facts = [
            ("--user", self.inputs.username.as_str()),
            ("--instance-id", self.machine.id.as_str()),
            ("--region", self.ec2.region().as_str()),
            ("--deployment", deployment.as_str()),
        ];
        for (flag, value) in facts.into_iter().chain(images) {
            command = format!("{command} {flag} {}", quote(value));
        }
        if !self.inputs.reboot {
            command.push_str(" --start");
        }
        command
    }

    /// Restarts the machine and comes back to another boot of it.
    async fn reboot(
        &self,
        session: Session,
        known: HostKeyCheck,
        by: By,
    ) -> Result<Session, Failure> {
        let before = boot_id(&session).await.map_err(|error| error.failure())?;
        self.enter(Phase::Rebooting).await;
        match by {
            By::System => reboot_from_within(&session).await?,
            By::Ec2 => {
                let asked = self.ec2.reboot(&self.machine.id).await;
                asked.map_err(|error| error.failure(Step::Reboot))?;
            }
        }
        drop(session);
        let deadline = Instant::now() + self.timeout();
        while Instant::now() < deadline {
            let session = self.reach(|| known.clone()).await?;
            match boot_id(&session).await {
                Ok(now) if now != before => return Ok(session),
                // Still the old boot, or cut while it goes down.
                Ok(_) | Err(_) => sleep(self.context.pace.busy).await,
            }
        }
        let reason = format!("it did not restart within {} s", self.inputs.access.ssh.timeout_s);
        Err(Failure::new(
            FailureKind::Node,
            Step::Reboot,
            reason,
            "destroy it and create another one",
        ))
    }

    /// Looks until all is well or the time is up. Answers what is not well.
    async fn verify(&self, mut session: Session, known: HostKeyCheck) -> Option<String> {
        let deadline = Instant::now() + VERIFY_TIMEOUT;
        let mut first = None;
        loop {
            let trouble = match monitor::node_status(&session).await {
                Ok(vitals) => {
                    let vitals = monitor::complete(
                        vitals,
                        first.as_ref(),
                        &self.machine,
                        self.inputs.directory.as_ref(),
                    )
                    .await;
                    self.reporter.vitals(&self.key, &vitals).await;
                    let is_writing = vitals.is_sensor_writing();
                    // What the sensor wrote is reckoned from the first look that saw it: a slow one
                    // may have nothing to show from one look to the next.
                    if vitals.sensor.is_some() {
                        first.get_or_insert_with(|| vitals.clone());
                    }
                    let unseen = || Some("the sensor was not seen writing yet".to_owned());
                    vitals.trouble().or_else(|| if is_writing { None } else { unseen() })
                }
                Err(why) => {
                    self.reporter.output(&self.key, why.clone());
                    Some(why)
                }
            };
            if trouble.is_none() || Instant::now() >= deadline {
                session.close().await;
                return trouble;
            }
            sleep(self.context.pace.busy).await;
            if session.is_closed() {
                match self.reach(|| known.clone()).await {
                    Ok(again) => session = again,
                    Err(failure) => return Some(failure.reason),
                }
            }
        }
    }
}

/// Who restarts a machine.
enum By {
    /// Its own system.
    System,
    /// EC2, which can where the system cannot.
    Ec2,
}

async fn reboot_from_within(session: &Session) -> Result<(), Failure> {
    // The connection may end before the command does: only what comes back counts.
    let command = RemoteCommand::new("sudo reboot").most(LONGEST_ANSWER);
    match session.exec(&command, |_, _| {}).await {
        Ok(ExitStatus::Code(code)) if code != 0 => {
            let reason = format!("sudo reboot ended with exit code {code}");
            let hint = "may the login user use sudo?";
            Err(Failure::new(FailureKind::Node, Step::Reboot, reason, hint))
        }
        _ => Ok(()),
    }
}

/// The kernel's id of this boot (random(4)): another one after each restart.
async fn boot_id(session: &Session) -> Result<String, SshError> {
    let mut id = String::new();
    let command = RemoteCommand::new("cat /proc/sys/kernel/random/boot_id").most(LONGEST_ANSWER);
    // A banner or an sshrc may print lines before it: what has the shape of an id is one.
    let read = |pipe, line: &str| {
        if pipe == Pipe::Out && uuid::Uuid::try_parse(line).is_ok() {
            line.clone_into(&mut id);
        }
    };
    session.exec(&command, read).await?;
    Ok(id)
}

/// How long to wait until the next try where another deployment was still running so long after the
/// first, or what the user reads once that is as long as any may take.
fn pause_while_locked(waited: Duration) -> Result<Duration, Failure> {
    let left = CONFIGURE_TIMEOUT.saturating_sub(waited);
    if !left.is_zero() {
        return Ok(left.min(LOCKED_PAUSE));
    }
    let minutes = waited.as_secs() / 60;
    Err(Failure::new(
        FailureKind::Node,
        Step::Configure,
        format!("another deployment has been running on the instance for {minutes} min"),
        "look at /opt/deployment.log on the instance for where it hangs, then destroy it and create \
         another one",
    ))
}

/// What the user reads of a set-up that failed. A step of the script says why in its `ERROR` line;
/// where the script did not even begin there is no log, and what was printed last is all there is.
fn set_up_failed(exit: &ExitStatus, last: &LastLines) -> Failure {
    const LOG: &str = "its log is in /opt/deployment.log on the instance";
    let (said, hint) = match exit {
        ExitStatus::Code(code) => match exit_codes::explain(*code) {
            Some((step, hint)) => {
                (format!("step {step} of deploy_services.sh failed (exit code {code})"), hint)
            }
            None => (format!("deploy_services.sh ended with exit code {code}"), LOG),
        },
        ExitStatus::Signal(_) => (format!("deploy_services.sh ended by {exit}"), LOG),
    };
    let began = last.iter().any(|line| SCRIPT_WORDS.iter().any(|word| line.contains(word)));
    let error = last.iter().rev().find_map(|line| Some(line.split_once(" ERROR ")?.1));
    let why = error.map_or_else(|| last.newest(SHOWN_LINES).join(" | "), str::to_owned);
    let hint = if began { hint } else { "it could not even begin: may the login user use sudo?" };
    let reason = if why.is_empty() { said } else { format!("{said}: {why}") };
    Failure::new(FailureKind::Node, Step::Configure, reason, hint)
}

#[cfg(test)]
mod tests;
