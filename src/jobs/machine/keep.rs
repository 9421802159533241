//! What a machine keeps is found by its tags, and made where it is missing: once, whatever was killed
//! in between.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::target::Target;
use crate::aws::{Class, NewVolume, random_launch};
use crate::config::{HomeVolume, MachineConfig};
use crate::fleet::{Failure, FailureKind, Kept, KeptKind, LaunchId, Level, Machine, Step};
use crate::jobs::context::kept::{look_at_kept, look_until};
use crate::jobs::intents::unknown_outcome::reconcile;
use crate::jobs::intents::{close, record};
use crate::store::{Intent, IntentId};

/// Something that is to be made.
enum Part<'a> {
    Address,
    Home(&'a HomeVolume, &'a Machine),
}

impl Target {
    /// What the machine of this name keeps in this region; reported.
    pub(super) async fn kept_by(&self, name: &str) -> Result<Vec<Kept>, Failure> {
        let kept = look_at_kept(&self.context, &self.ec2, &self.reporter).await;
        let mut kept = kept.map_err(|error| error.failure(Step::Keep))?;
        kept.retain(|it| it.machine == name);
        Ok(kept)
    }

    /// Its address: the one that it has, else a new one where it is to have one.
    pub(super) async fn address_of(&self, wanted: &MachineConfig) -> Result<Option<Kept>, Failure> {
        let known = self.part_of(wanted, KeptKind::Address).await?;
        match known {
            None if wanted.keeps_address => self.make(wanted, Part::Address).await.map(Some),
            known => Ok(known),
        }
    }

    /// Its home volume: the one that it has, else a new one where it is to have one, in the zone of
    /// the instance that it is now.
    pub(super) async fn home_of(
        &self,
        wanted: &MachineConfig,
        machine: &Machine,
    ) -> Result<Option<Kept>, Failure> {
        let known = self.part_of(wanted, KeptKind::Home).await?;
        match (known, &wanted.home) {
            (None, Some(home)) => self.make(wanted, Part::Home(home, machine)).await.map(Some),
            (known, _) => Ok(known),
        }
    }

    async fn part_of(
        &self,
        wanted: &MachineConfig,
        kind: KeptKind,
    ) -> Result<Option<Kept>, Failure> {
        Ok(self.kept_by(&wanted.name).await?.into_iter().find(|it| it.kind == kind))
    }

    /// Makes what is missing. It is on the disk before it is asked for, and stays open there until
    /// EC2 tells of it by its tags: who comes after a crash looks for it by them, and would else
    /// make a second one.
    async fn make(&self, wanted: &MachineConfig, part: Part<'_>) -> Result<Kept, Failure> {
        let kind = part.kind();
        // An earlier process may have asked for it and not have heard of it.
        reconcile(&self.context, &self.ec2, &self.reporter).await?;
        if let Some(kept) = self.part_of(wanted, kind).await? {
            return Ok(kept);
        }
        let region = self.ec2.region();
        let token = random_launch(region);
        let tags = self.context.origin(wanted.place.tags.clone()).await?.kept_tags(
            region,
            &token,
            &wanted.name,
            kind,
        );
        let request = part.request(token.clone(), tags.clone());
        let entry = self.open(part.action(), token, &request).await?;
        let asked = match &request {
            Request::Volume(new) => self.ec2.create_volume(new).await,
            Request::Address => self.ec2.allocate_address(&tags).await,
        };
        match asked {
            Err(error) if error.class != Class::Unknown => {
                close(&self.context, entry, "refused").await;
                return Err(error.failure(Step::Keep));
            }
            Err(error) => self.say(Level::Warning, format!("{error}; looking for it")).await,
            Ok(_) => {}
        }
        let told = self.until_told(wanted, kind).await;
        close(&self.context, entry, if told.is_ok() { "done" } else { "never happened" }).await;
        let kept = told?;
        self.say(Level::Info, format!("{kept} is made, and kept")).await;
        Ok(kept)
    }

    /// Waits until EC2 tells of what was just made.
    async fn until_told(&self, wanted: &MachineConfig, kind: KeptKind) -> Result<Kept, Failure> {
        let is_it = |it: &Kept| it.machine == wanted.name && it.kind == kind;
        let is_told = |kept: &[Kept]| kept.iter().any(is_it);
        let kept = look_until(&self.context, &self.ec2, &self.reporter, is_told).await;
        let kept = kept.map_err(|error| error.failure(Step::Keep))?;
        kept.into_iter().find(is_it).ok_or_else(|| {
            let reason = format!("EC2 does not tell of the {} that was asked for", kind.word());
            Failure::new(FailureKind::Aws, Step::Keep, reason, "`up` looks for it again")
        })
    }

    async fn open(
        &self,
        action: &str,
        launch: LaunchId,
        request: &Request,
    ) -> Result<IntentId, Failure> {
        let intent = Intent {
            action: action.to_owned(),
            region: self.ec2.region().clone(),
            deployment: self.context.deployment(),
            launch: Some(launch),
            request: match request {
                Request::Volume(new) => json!(new),
                Request::Address => Value::Null,
            },
        };
        record(&self.context, &intent).await
    }
}

/// What EC2 is asked to make.
enum Request {
    Volume(NewVolume),
    Address,
}

impl Part<'_> {
    fn kind(&self) -> KeptKind {
        match self {
            Self::Address => KeptKind::Address,
            Self::Home(..) => KeptKind::Home,
        }
    }

    /// EC2's action that makes it.
    fn action(&self) -> &'static str {
        match self {
            Self::Address => "AllocateAddress",
            Self::Home(..) => "CreateVolume",
        }
    }

    fn request(&self, token: LaunchId, tags: BTreeMap<String, String>) -> Request {
        match self {
            Self::Address => Request::Address,
            Self::Home(home, machine) => Request::Volume(NewVolume {
                token,
                zone: machine.zone.clone(),
                gib: home.size_gb,
                snapshot: None,
                tags,
            }),
        }
    }
}
