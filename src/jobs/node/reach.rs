//! The way to our instances over SSH: keys, routes, addresses, as the configuration says.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::config::{Config, Connect, Ssh};
use crate::fleet::{Failure, FailureKind, Machine, Secret, Step};
use crate::jobs::context::Context;
use crate::retry::LOGIN_TIMEOUT;
use crate::ssh::{
    Ask, Dial, HostKeyCheck, Identities, Route, Session, Settings, SshConfigFile, connect, resolve,
};

/// The way to our instances.
#[derive(Debug)]
pub(in crate::jobs) struct Reach {
    /// Our keys.
    pub identities: Identities,
    /// The configuration's SSH part.
    pub ssh: Ssh,
    /// How bytes reach a host.
    pub dial: Arc<dyn Dial>,
    logins: Arc<Semaphore>,
    pub(in crate::jobs) config: SshConfigFile,
    pub(in crate::jobs) settings: Settings,
}

impl Reach {
    /// Reads keys and `ssh_config`; asks for a passphrase where one is needed.
    pub(in crate::jobs) async fn open(
        context: &Arc<Context>,
        config: &Config,
    ) -> Result<Self, Failure> {
        let home = context.home.clone().unwrap_or_else(|| PathBuf::from("/"));
        let named = config.ssh.config_file.as_deref().map(|path| context.path(path));
        let ssh_config =
            SshConfigFile::load(named.as_deref(), &home).map_err(|error| error.failure())?;
        let settings = Settings {
            port: config.ssh.port,
            identity: config.aws.private_ssh_key_path.as_deref().map(|path| context.path(path)),
            home,
            agent: context.agent.clone(),
            ..Settings::new(config.aws.username.clone())
        };
        let identities = Identities::load(settings.clone(), ask(context))
            .await
            .map_err(|error| error.failure())?;
        let (ssh, dial) = (config.ssh.clone(), Arc::clone(&context.dial));
        let logins = Arc::clone(context.logins());
        Ok(Self { identities, ssh, dial, logins, config: ssh_config, settings })
    }

    /// The address to dial, once there is one.
    pub(in crate::jobs) fn address(&self, machine: &Machine) -> Option<IpAddr> {
        match self.ssh.connect {
            Connect::Public => machine.public_ip,
            Connect::Private => machine.private_ip,
        }
    }

    /// The way to an instance, through whatever `ssh_config` puts in between.
    pub(in crate::jobs) fn route(&self, machine: &Machine) -> Result<Route, Failure> {
        let address = self.address(machine).ok_or_else(|| {
            let reason = format!("{} has no address to connect to", machine.id);
            let hint = "set aws.associate_public_ip: true, or ssh.connect: private";
            Failure::new(FailureKind::Configuration, Step::Connect, reason, hint)
        })?;
        resolve(&self.config, &address.to_string(), &self.settings).map_err(|error| error.failure())
    }

    /// A session on an instance that is up and has to show the right key. Waits for a turn to log
    /// in first; the time that there is for it begins then.
    pub(in crate::jobs) async fn session(
        &self,
        machine: &Machine,
        check: HostKeyCheck,
    ) -> Result<Session, Failure> {
        let route = self.route(machine)?;
        let _turn = self.logins.acquire().await;
        let reached =
            timeout(LOGIN_TIMEOUT, connect(&*self.dial, &route, &self.identities, check)).await;
        let Ok(reached) = reached else {
            let reason = format!("no login within {} s", LOGIN_TIMEOUT.as_secs());
            return Err(Failure::new(
                FailureKind::Unreachable,
                Step::Connect,
                reason,
                "is it up, and port 22 open to you?",
            ));
        };
        reached.map_err(|error| error.failure())
    }
}

fn ask(context: &Arc<Context>) -> Ask {
    let context = Arc::clone(context);
    Arc::new(move |text| {
        let context = Arc::clone(&context);
        Box::pin(async move {
            context.asker.ask(text).await.as_ref().map(Secret::reveal).map(str::to_owned)
        })
    })
}
