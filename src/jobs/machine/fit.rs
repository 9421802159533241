//! Gives an instance what its machine keeps: the root volume, the home volume, the address.
//!
//! Each step looks first how things stand and does what is missing. So whoever was killed anywhere in
//! between is gone on with by the same steps, from what the attachments and the spot request tell;
//! nothing else knows how far it was. The order of the root is AWS's, and is ours to keep: never two
//! roots on one instance, for volumes of one image have the same labels, and either may become `/`.

use tokio::time::{Instant, sleep};

use super::belongings::failed;
use super::target::{Target, gone};
use crate::aws::{AwsError, Class, Kind, Selector, VolumeSeen};
use crate::config::MachineConfig;
use crate::fleet::{
    Ec2State, Failure, FailureKind, HostKey, InstanceId, Kept, KeptKind, Level, Machine,
    RegionNews, RequestState, Step,
};
use crate::jobs::node::home::HomeMount;
use crate::jobs::node::machine_setup::MachineSetup;
use crate::retry::{BOOT_TIMEOUT, STOP_TIMEOUT};

/// Where a home volume is attached. On the machine it is found by the volume's id.
const HOME_DEVICE: &str = "/dev/sdf";

/// What an instance has of its machine now.
pub(super) struct Fit {
    /// The root volume that is kept.
    pub root: Option<Kept>,
    /// Whether it has just booted from that, in the place of another one.
    pub is_swapped: bool,
    /// The home volume, where the configuration says where it is to be.
    home: Option<HomeMount>,
}

impl Fit {
    /// The key that the root volume brings along.
    pub(super) fn host_key(&self) -> Option<HostKey> {
        self.root.as_ref()?.host_key.as_deref().and_then(HostKey::from_tag)
    }

    /// What the machine gets on its node.
    pub(super) fn setup(&self, wanted: &MachineConfig) -> MachineSetup {
        MachineSetup {
            keeps_root: self.root.is_some() || wanted.keeps_root,
            home: self.home.clone(),
            instance_store: wanted.instance_store.clone(),
            idle: wanted.idle.clone(),
        }
    }
}

impl Target {
    /// Gives it all that its machine keeps: what there is comes along, whether or not the
    /// configuration would still have it made. The instance may be stopped then.
    pub(super) async fn fit(&self, wanted: &MachineConfig) -> Result<Fit, Failure> {
        let kept = self.kept_by(&wanted.name).await?;
        let root = only(&kept, KeptKind::Root, wanted)?.cloned();
        only(&kept, KeptKind::Home, wanted)?;
        let elsewhere = root.as_ref().filter(|it| it.instance.as_ref() != Some(&self.id));
        let is_swapped = match elsewhere {
            Some(root) if wanted.swaps_running => self.replace_root(root).await?,
            _ => false,
        };
        let machine = match elsewhere.filter(|_| !is_swapped) {
            Some(root) => self.boot_from(root).await?,
            None => self.until_at_hand().await?,
        };
        if root.is_some() && wanted.swaps_running {
            self.keep_root_here().await?;
        }
        let root = match root {
            None if wanted.keeps_root => Some(self.born_or_adopted(wanted).await?),
            root => root,
        };
        let home = self.home_of(wanted, &machine).await?;
        if let Some(home) = &home {
            self.reaches(home, &machine)?;
            self.attach(home, HOME_DEVICE).await?;
        }
        if let Some(address) = self.address_of(wanted).await?
            && address.instance.as_ref() != Some(&self.id)
        {
            self.associate(&address).await?;
        }
        // Told anew: what it costs goes by who has it.
        self.kept_by(&wanted.name).await?;
        self.tell_storage().await;
        let home = home.zip(wanted.home.as_ref()).map(|(kept, home)| HomeMount {
            volume: kept.id,
            path: home.mount.clone(),
            swap_gb: home.swap_gb,
        });
        Ok(Fit { root, is_swapped, home })
    }

    /// The root of one that was launched just now, of which EC2 told late; or that of one that was launched
    /// before the configuration kept it.
    async fn born_or_adopted(&self, wanted: &MachineConfig) -> Result<Kept, Failure> {
        let kept = self.kept_by(&wanted.name).await?;
        match only(&kept, KeptKind::Root, wanted)? {
            Some(born) => Ok(born.clone()),
            None => self.adopt_root(wanted, None).await,
        }
    }

    /// Tells how much storage is on which instance now: the volumes that came to it cost with it.
    async fn tell_storage(&self) {
        let ours = Selector::deployment(&self.context.deployment());
        match self.ec2.storage(&ours).await {
            Ok(storage) => {
                let news = RegionNews::Storage(storage);
                self.reporter.learned_of(self.ec2.region(), news).await;
            }
            // It is asked for again where instances come or go.
            Err(error) => tracing::debug!(%error, "cannot see how much storage there is"),
        }
    }

    /// What a launch brought along and the kept root took the place of. It goes only now that the
    /// machine has answered: until then it is all that there would be.
    pub(super) async fn delete_spare(&self, wanted: &MachineConfig) {
        let ours = Selector::deployment(&self.context.deployment());
        let spare = self.ec2.spare_volumes(&ours, &wanted.name).await.unwrap_or_default();
        for volume in spare {
            // What stays is found again after the next start, and by every destroy.
            if let Err(error) = self.ec2.delete(Kind::Volume, &volume).await {
                tracing::debug!(%error, "a spare root volume stays");
            }
        }
    }

    /// Has the instance boot from this volume. It is stopped when this returns.
    async fn boot_from(&self, root: &Kept) -> Result<Machine, Failure> {
        let text = format!("the machine's own {root} takes the place of the new one");
        self.say(Level::Info, text).await;
        let machine = self.stop_for_swap().await?;
        self.reaches(root, &machine)?;
        let device = self.ec2.root_device(&self.id).await.map_err(failed)?;
        let device = device.ok_or_else(|| gone(Step::Keep, &self.id))?;
        self.detach_at(&device, root).await?;
        self.attach(root, &device).await?;
        Ok(machine)
    }

    /// Whether what is kept is in its zone: from another one it cannot be attached.
    pub(super) fn reaches(&self, kept: &Kept, machine: &Machine) -> Result<(), Failure> {
        if kept.zone.as_ref().is_none_or(|zone| *zone == machine.zone) {
            return Ok(());
        }
        let reason = format!("its {kept} cannot reach {} in {}", self.id, machine.zone);
        let hint = "`spot-tui recreate` launches one where its disks are";
        Err(Failure::new(FailureKind::Configuration, Step::Keep, reason, hint))
    }

    /// Stops it, and waits until it could be started again by us and by nobody else: an instance that
    /// AWS starts without its root is terminated.
    async fn stop_for_swap(&self) -> Result<Machine, Failure> {
        let deadline = Instant::now() + BOOT_TIMEOUT + STOP_TIMEOUT;
        loop {
            let machine = self.seen().await?;
            match machine.seen.state {
                Ec2State::Running => self.begin_stop().await?,
                Ec2State::Stopped => {
                    if let Some(why) = not_ours(&machine) {
                        return Err(why);
                    }
                    let request = machine.seen.request.as_ref();
                    if request.is_none_or(RequestState::may_start) {
                        return Ok(machine);
                    }
                }
                Ec2State::Pending | Ec2State::Stopping => {}
                Ec2State::ShuttingDown | Ec2State::Terminated => {
                    return Err(gone(Step::Keep, &self.id));
                }
            }
            self.pause(deadline, "it does not come to rest").await?;
        }
    }

    /// Takes off what is at the place of the root, unless that is the one that belongs there.
    async fn detach_at(&self, device: &str, root: &Kept) -> Result<(), Failure> {
        let deadline = Instant::now() + STOP_TIMEOUT;
        loop {
            let its = self.ec2.volumes_of(&self.id).await.map_err(failed)?;
            let at = |it: &&VolumeSeen| it.attached.as_ref().is_some_and(|(_, at, _)| at == device);
            let Some(there) = its.iter().find(at).filter(|it| it.id != root.id) else {
                return Ok(());
            };
            let is_on_its_way =
                there.attached.as_ref().is_some_and(|(.., word)| word == "detaching");
            if !is_on_its_way {
                passing(self.ec2.detach_volume(&there.id, &self.id).await)?;
            }
            self.pause(deadline, &format!("{} does not come off", there.id)).await?;
        }
    }

    /// Attaches what is kept, as soon as whoever had it has let it go.
    async fn attach(&self, kept: &Kept, device: &str) -> Result<(), Failure> {
        let deadline = Instant::now() + STOP_TIMEOUT;
        loop {
            let seen = self.ec2.volumes_by_id(&[&kept.id]).await.map_err(failed)?;
            let Some(seen) = seen.into_iter().next() else {
                let reason = format!("{kept} is not there any more");
                return Err(Failure::new(FailureKind::Aws, Step::Keep, reason, ""));
            };
            match seen.attached {
                Some((instance, _, word)) if instance == self.id && word == "attached" => {
                    return Ok(());
                }
                Some((instance, ..)) if instance != self.id => {
                    self.let_go(kept, &instance).await?;
                }
                None if seen.state == "available" => {
                    let attached = self.ec2.attach_volume(&kept.id, &self.id, device).await;
                    passing(attached.or_else(taken))?;
                }
                // On its way to us, or from somewhere else.
                Some(_) | None => {}
            }
            self.pause(deadline, &format!("{kept} does not come to {}", self.id)).await?;
        }
    }

    /// Moves the address to it. EC2 may tell later that it runs than it runs.
    async fn associate(&self, address: &Kept) -> Result<(), Failure> {
        let deadline = Instant::now() + BOOT_TIMEOUT;
        loop {
            match self.ec2.associate_address(&address.id, &self.id).await {
                Err(error)
                    if matches!(error.class, Class::NotYet | Class::Retry | Class::Unknown) => {}
                moved => return moved.map_err(failed),
            }
            self.pause(deadline, &format!("{address} does not come to {}", self.id)).await?;
        }
    }

    /// Whether the instance that has it is ending: one that lives keeps it.
    async fn let_go(&self, kept: &Kept, instance: &InstanceId) -> Result<(), Failure> {
        let states = self.ec2.states(std::slice::from_ref(instance)).await.map_err(failed)?;
        let lives =
            |state: &Ec2State| !matches!(state, Ec2State::ShuttingDown | Ec2State::Terminated);
        if !states.get(instance).is_some_and(lives) {
            return Ok(());
        }
        let reason = format!("{kept} is on {instance}, which is there");
        let hint = format!("`spot-tui destroy {instance}` lets it go; it stays");
        Err(Failure::new(FailureKind::Configuration, Step::Keep, reason, hint))
    }

    /// Waits until it runs or is stopped: before that nothing can be attached to it.
    pub(super) async fn until_at_hand(&self) -> Result<Machine, Failure> {
        let deadline = Instant::now() + BOOT_TIMEOUT;
        loop {
            let machine = self.seen().await?;
            match machine.seen.state {
                Ec2State::Running | Ec2State::Stopped => return Ok(machine),
                Ec2State::Pending | Ec2State::Stopping => {}
                Ec2State::ShuttingDown | Ec2State::Terminated => {
                    return Err(gone(Step::Keep, &self.id));
                }
            }
            self.pause(deadline, "it neither runs nor is stopped").await?;
        }
    }

    /// How it stands. A launch may be ahead of what EC2 tells.
    async fn seen(&self) -> Result<Machine, Failure> {
        let deadline = Instant::now() + self.context.pace.consistency;
        loop {
            match self.look().await {
                Ok(Some(machine)) => return Ok(machine),
                Ok(None) if Instant::now() >= deadline => return Err(gone(Step::Keep, &self.id)),
                Ok(None) => {}
                Err(error) if Instant::now() >= deadline => return Err(failed(error)),
                Err(error) => tracing::debug!(%error, "cannot see how it stands"),
            }
            sleep(self.context.pace.busy).await;
        }
    }

    pub(super) async fn pause(&self, deadline: Instant, why: &str) -> Result<(), Failure> {
        if Instant::now() >= deadline {
            let hint = "`up` goes on where this one stopped";
            return Err(Failure::new(FailureKind::Aws, Step::Keep, why, hint));
        }
        sleep(self.context.pace.busy).await;
        Ok(())
    }
}

/// The one volume of this kind. Two there are where a restore was cut short, and nobody knows which of
/// them is meant.
pub(super) fn only<'a>(
    kept: &'a [Kept],
    kind: KeptKind,
    wanted: &MachineConfig,
) -> Result<Option<&'a Kept>, Failure> {
    let mut found = kept.iter().filter(|it| it.kind == kind);
    let (first, second) = (found.next(), found.next());
    let (Some(one), Some(other)) = (first, second) else { return Ok(first) };
    let reason = format!("{} has two {} volumes: {one}; {other}", wanted.name, kind.word());
    let hint = format!("`spot-tui restore {} --use ID` names the one that is meant", wanted.name);
    Err(Failure::new(FailureKind::Configuration, Step::Keep, reason, hint))
}

/// Why nobody may touch the disks of one that is stopped: EC2 starts it, or ends it, by itself.
fn not_ours(machine: &Machine) -> Option<Failure> {
    let request = machine.seen.request.as_ref()?;
    let hint = "`up` goes on once EC2 has started it again";
    if request.is_for_aws_to_start() {
        let reason = format!("AWS stopped it meanwhile ({})", request.status);
        return Some(Failure::new(FailureKind::Capacity, Step::Keep, reason, hint));
    }
    request.is_over().then(|| {
        let reason = format!("its spot request is {}: EC2 ends the instance", request.state);
        Failure::new(FailureKind::Aws, Step::Keep, reason, "`up` launches another one then")
    })
}

/// What was there a moment ago may be told to be there still.
fn taken(error: AwsError) -> Result<(), AwsError> {
    if error.message.contains("already in use") { Ok(()) } else { Err(error) }
}

/// A refusal that time mends, an answer that was lost, and what was off already: what came of it is seen
/// at the next look.
/// EC2's views of instances and of volumes disagree for a while, both ways.
fn passing(answer: Result<(), AwsError>) -> Result<(), Failure> {
    match answer {
        Err(error)
            if !matches!(
                error.class,
                Class::NotYet | Class::Dependency | Class::Retry | Class::Unknown | Class::Gone
            ) =>
        {
            Err(failed(error))
        }
        _ => Ok(()),
    }
}
