//! The way to our instances over SSH: keys, routes, addresses, as the configuration says.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::config::{Config, Connect, MatchExec, Ssh};
use crate::files::in_home;
use crate::fleet::{Failure, FailureKind, Machine, Secret, Step};
use crate::jobs::context::Context;
use crate::ssh::{
    Ask, Dial, HostKeyCheck, Identities, Route, Session, Settings, SshConfigFile, Undecided,
    connect, resolve,
};

/// An address that nobody has (RFC 5737): it stands for those that are not known yet.
pub(in crate::jobs) const ANYBODY: &str = "192.0.2.1";

/// Who logs in on Ubuntu's images.
const DEFAULT_USER: &str = "ubuntu";

/// What the configuration and `ssh_config` say about SSH: the one place where options are made, for
/// our own connections, for the system's `ssh` and for the exports. Blocks on the disk.
#[derive(Debug, Clone)]
pub struct SshSettings {
    /// `ssh_config`, as the configuration names it.
    pub file: SshConfigFile,
    /// What our own configuration says.
    pub settings: Settings,
}

impl SshSettings {
    /// Reads `ssh_config`. Without a configuration all is as `ssh` has it. `home` is the folder that
    /// `~` stands for, `agent` the socket of the environment's ssh-agent.
    pub fn open(
        config: Option<&Config>,
        home: Option<&Path>,
        agent: Option<PathBuf>,
    ) -> Result<Self, Failure> {
        let home = home.map_or_else(|| PathBuf::from("/"), Path::to_owned);
        let path = |written: &Path| in_home(written, Some(&home));
        let ssh = config.map(|config| &config.ssh);
        let named = ssh.and_then(|ssh| ssh.config_file.as_deref()).map(path);
        let file = SshConfigFile::load(named.as_deref(), &home).map_err(|error| error.failure())?;
        let file = file.undecided(match ssh.map(|ssh| ssh.match_exec) {
            Some(MatchExec::Refuse) => Undecided::Refuse,
            Some(MatchExec::Skip) | None => Undecided::Skip,
        });
        let aws = config.map(|config| &config.aws);
        let username = aws.map_or_else(|| DEFAULT_USER.to_owned(), |aws| aws.username.clone());
        let settings = Settings {
            user: aws.filter(|aws| aws.is_username_given).map(|_| username.clone()),
            port: ssh.and_then(|ssh| ssh.port),
            identity: aws.and_then(|aws| aws.private_ssh_key_path.as_deref()).map(path),
            agent,
            home: home.clone(),
            ..Settings::new(username)
        };
        Ok(Self { file, settings })
    }

    /// The way to this address.
    pub fn route(&self, address: &str) -> Result<Route, Failure> {
        resolve(&self.file, address, &self.settings).map_err(|error| error.failure())
    }

    /// What `ssh_config` says of hosts of ours and is passed over, each with its file and line.
    pub fn notes(&self) -> Result<Vec<String>, Failure> {
        self.route(ANYBODY).map(|route| route.notes)
    }
}

/// The way to our instances.
#[derive(Debug)]
pub(in crate::jobs) struct SshAccess {
    /// Our keys.
    pub identities: Identities,
    /// The configuration's SSH part.
    pub ssh: Ssh,
    /// How bytes access a host.
    pub dial: Arc<dyn Dial>,
    logins: Arc<Semaphore>,
    pub(in crate::jobs) settings: SshSettings,
}

impl SshAccess {
    /// Reads keys and `ssh_config`; asks for a passphrase where one is needed.
    pub(in crate::jobs) async fn open(
        context: &Arc<Context>,
        config: &Config,
    ) -> Result<Self, Failure> {
        let settings =
            SshSettings::open(Some(config), context.home.as_deref(), context.agent.clone())?;
        let anybody = settings.route(ANYBODY)?.target;
        let identities = Identities::load(settings.settings.clone(), &anybody, ask(context))
            .await
            .map_err(|error| error.failure())?;
        let (ssh, dial) = (config.ssh.clone(), Arc::clone(&context.dial));
        let logins = Arc::clone(context.logins());
        Ok(Self { identities, ssh, dial, logins, settings })
    }

    /// The address to dial, once there is one.
    pub(in crate::jobs) fn address(&self, machine: &Machine) -> Option<IpAddr> {
        match self.ssh.connect {
            Connect::Public => machine.seen.public_ip,
            Connect::Private => machine.seen.private_ip,
        }
    }

    /// The way to an instance, through whatever `ssh_config` puts in between.
    pub(in crate::jobs) fn route(&self, machine: &Machine) -> Result<Route, Failure> {
        let address = self.address(machine).ok_or_else(|| {
            let reason = format!("{} has no address to connect to", machine.id);
            let hint = "set aws.associate_public_ip: true, or ssh.connect: private";
            Failure::new(FailureKind::Configuration, Step::Connect, reason, hint)
        })?;
        self.settings.route(&address.to_string())
    }

    /// A session on an instance that is up and has to show the right key. Waits for a turn to log
    /// in first; the time that there is for it begins then.
    pub(in crate::jobs) async fn session(
        &self,
        machine: &Machine,
        check: HostKeyCheck,
    ) -> Result<Session, Failure> {
        self.session_by(&self.route(machine)?, check).await
    }

    /// The same where the way there is known.
    pub(in crate::jobs) async fn session_by(
        &self,
        route: &Route,
        check: HostKeyCheck,
    ) -> Result<Session, Failure> {
        let _turn = self.logins.acquire().await;
        connect(&*self.dial, route, &self.identities, check).await.map_err(|error| error.failure())
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
