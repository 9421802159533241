//! SSH against a real OpenSSH server: who gets in, what commands say, how files arrive, and that
//! nothing hangs whatever the far side does.

mod agents;
mod commands;
mod jumps;
mod logins;
mod oracle;
mod pulls;
mod servers;
mod shells;
mod speed;
mod uploads;
mod waiting;

use std::fs::Permissions;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use spot_tui::ssh::{
    self, Ask, HostKeyCheck, Identities, RemoteCommand, Route, Session, Settings, SshConfigFile,
    SshError, TcpDial,
};
use tempfile::TempDir;

use crate::support::keys::Key;
use crate::support::sshd::Sshd;

/// More than anything here takes, and less than the runner's timeout.
const DEADLINE: Duration = Duration::from_secs(30);

/// A user with a home of their own and nothing in it.
struct User {
    home: TempDir,
    settings: Settings,
    passphrases: Arc<Mutex<Vec<&'static str>>>,
    prompts: Arc<Mutex<Vec<String>>>,
}

impl User {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".ssh")).unwrap();
        let settings = Settings {
            default_user: "ubuntu".into(),
            user: None,
            local_user: "ubuntu".into(),
            port: None,
            identity: None,
            agent: None,
            home: home.path().into(),
        };
        Self { home, settings, passphrases: Arc::default(), prompts: Arc::default() }
    }

    fn with_key(key: &Key) -> Self {
        let mut user = Self::new();
        user.settings.identity = Some(key.path());
        user
    }

    /// What they answer when they are asked, in order; then they decline.
    fn knowing(self, passphrases: &[&'static str]) -> Self {
        *self.passphrases.lock().unwrap() = passphrases.to_vec();
        self
    }

    fn ask(&self) -> Ask {
        let (answers, prompts) = (Arc::clone(&self.passphrases), Arc::clone(&self.prompts));
        Arc::new(move |prompt| {
            prompts.lock().unwrap().push(prompt);
            let mut answers = answers.lock().unwrap();
            let answer = (!answers.is_empty()).then(|| answers.remove(0).to_owned());
            Box::pin(async move { answer })
        })
    }

    fn prompts(&self) -> usize {
        self.prompts.lock().unwrap().len()
    }

    async fn identities(&self) -> Result<Identities, SshError> {
        let anybody = self.route(SocketAddr::from((loopback(1), 22))).target;
        Identities::load(self.settings.clone(), &anybody, self.ask()).await
    }

    /// The way to an address, with nothing in between.
    fn route(&self, address: SocketAddr) -> Route {
        let mut settings = self.settings.clone();
        settings.port = Some(address.port());
        let nothing = SshConfigFile::empty(self.home.path());
        ssh::resolve(&nothing, &address.ip().to_string(), &settings).unwrap()
    }

    /// Writes a file below `~/.ssh`, readable for the user alone.
    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home.path().join(".ssh").join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// The way to a host's name, by an `ssh_config` file.
    fn route_by(&self, config: &Path, host: &str) -> Result<Route, SshError> {
        let config = SshConfigFile::load(Some(config), self.home.path())?;
        ssh::resolve(&config, host, &self.settings)
    }

    async fn log_in(&self, host: &Sshd) -> Result<Session, SshError> {
        self.log_in_at(host.address(), HostKeyCheck::First).await
    }

    async fn log_in_at(
        &self,
        address: SocketAddr,
        expect: HostKeyCheck,
    ) -> Result<Session, SshError> {
        self.log_in_by(&self.route(address), expect).await
    }

    async fn log_in_by(&self, route: &Route, expect: HostKeyCheck) -> Result<Session, SshError> {
        let identities = self.identities().await?;
        in_time(ssh::connect(&TcpDial, route, &identities, expect)).await
    }
}

/// A host and a login on it.
async fn logged_in() -> (Sshd, Session) {
    let key = Key::ed25519();
    let host = Sshd::accepting(&key);
    let session = User::with_key(&key).log_in(&host).await.unwrap();
    (host, session)
}

/// What a command prints, both pipes together, and that it succeeds.
async fn lines(session: &Session, command: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let line = RemoteCommand::new(command);
    let exit = in_time(session.exec(&line, |_, line| lines.push(line.to_owned()))).await;
    assert!(exit.unwrap().is_success(), "{command}: {lines:?}");
    lines
}

/// Nothing may hang.
async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.expect("it hangs")
}

/// The address of one of several hosts in a test.
fn loopback(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}
