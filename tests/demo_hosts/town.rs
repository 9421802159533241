//! A small world of hosts, and the program's SSH in front of it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use spot_tui::demo::hosts::{Directory, HostFault, HostState, Hosts};
use spot_tui::fleet::{HostKey, InstanceId};
use spot_tui::jobs::node_files;
use spot_tui::ssh::{
    self, Bundle, Dial, ExitStatus, HostKeyCheck, Identities, RemoteCommand, Route, Session,
    Settings, Source, SshConfigFile, SshError, WaitTimeouts,
};
use tokio::time::Instant;

use crate::support::keys::Key;

/// From the launch, and from a restart, to an sshd that listens.
pub(super) const BOOT: Duration = Duration::from_secs(12);
/// From the launch to the end of cloud-init.
const CLOUD_INIT: Duration = Duration::from_secs(75);
/// Where the program unpacks its bundle.
pub(super) const STAGING: &str = "/tmp/uploaded_files";
/// As the program sets a machine up.
pub(super) const DEPLOY: &str = "sudo /tmp/uploaded_files/scripts/deploy_services.sh \
     --user 'ubuntu' --instance-id 'i-1' --region 'us-west-2' --deployment 'spot-1'";
/// As the program asks how a node is.
pub(super) const STATUS: &str = "sudo /opt/uploaded_files/scripts/node-status";
/// Nothing here may take longer, in virtual time, but a deployment.
const WAIT: WaitTimeouts =
    WaitTimeouts { overall: Duration::from_secs(90), refused_login: Duration::from_secs(5) };

pub(super) fn address(n: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 9, 0, n))
}

pub(super) fn instance(n: u8) -> InstanceId {
    InstanceId::new(format!("i-{n}"))
}

/// Who is where. Launched at its beginning.
struct Register {
    begun: Instant,
    machines: Mutex<HashMap<IpAddr, Machine>>,
    public_key: String,
}

#[derive(Clone)]
struct Machine {
    boot: u64,
    booted_at: Timestamp,
    faults: Vec<HostFault>,
}

impl Directory for Register {
    fn host(&self, address: IpAddr) -> Option<HostState> {
        let machines = self.machines.lock().unwrap();
        let machine = machines.get(&address)?.clone();
        let IpAddr::V4(four) = address else { return None };
        Some(HostState {
            instance: instance(four.octets()[3]),
            root: instance(four.octets()[3]),
            volumes: Vec::new(),
            restored: Vec::new(),
            has_instance_store: false,
            keys_of: instance(four.octets()[3]),
            region: "us-west-2".into(),
            authorized_keys: vec![self.public_key.clone()],
            preloaded: false,
            sshd_up: self.now() >= later(machine.booted_at, BOOT),
            boot: machine.boot,
            booted_at: machine.booted_at,
            cloud_init_done_at: later(base(), CLOUD_INIT),
            cpu: 1.0,
            work: None,
            round_trip: Duration::from_millis(80),
            idle: None,
            lease_ends_at: None,
            rebalance: None,
            faults: machine.faults,
        })
    }

    fn reboot(&self, wanted: &InstanceId) {
        let now = self.now();
        for (address, machine) in self.machines.lock().unwrap().iter_mut() {
            let IpAddr::V4(four) = address else { continue };
            if instance(four.octets()[3]) == *wanted {
                machine.boot += 1;
                machine.booted_at = now;
            }
        }
    }

    fn now(&self) -> Timestamp {
        later(base(), self.begun.elapsed())
    }
}

fn base() -> Timestamp {
    "2026-11-20T09:00:00Z".parse().unwrap()
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(SignedDuration::try_from(by).unwrap()).unwrap()
}

/// Hosts, their register, and a user whose key they take.
#[derive(Clone)]
pub(super) struct Town {
    pub(super) hosts: Hosts,
    pub(super) bundle: Arc<Bundle>,
    register: Arc<Register>,
    settings: Settings,
    pub(super) key: Arc<Key>,
}

impl Town {
    /// A town of so many hosts, `i-1` and following.
    pub(super) async fn of(count: u8) -> Self {
        let key = Arc::new(Key::ed25519());
        let settings = Settings {
            default_user: "ubuntu".into(),
            user: None,
            local_user: "ubuntu".into(),
            port: None,
            identity: Some(key.path()),
            agent: None,
            home: key.path().parent().unwrap().into(),
        };
        let machine = Machine { boot: 1, booted_at: base(), faults: Vec::new() };
        let machines = (1..=count).map(|n| (address(n), machine.clone())).collect();
        let bundle = Arc::new(Bundle::collect(sources()).await.unwrap());
        let register = Arc::new(Register {
            begun: Instant::now(),
            machines: Mutex::new(machines),
            public_key: key.public(),
        });
        let hosts = Hosts::new(Arc::clone(&register) as Arc<dyn Directory>, 7);
        Self { hosts, bundle, register, settings, key }
    }

    /// One host that suffers these faults.
    pub(super) async fn suffering(faults: &[HostFault]) -> Self {
        let town = Self::of(1).await;
        town.suffer(faults);
        town
    }

    /// From now on the first host suffers these faults and no others.
    pub(super) fn suffer(&self, faults: &[HostFault]) {
        self.change(1, |machine| machine.faults = faults.to_vec());
    }

    /// The first host has booted long ago.
    pub(super) fn skip_the_boot(&self) {
        self.change(1, |machine| machine.booted_at = "2026-11-19T09:00:00Z".parse().unwrap());
    }

    /// How often a host has booted.
    pub(super) fn boots(&self, n: u8) -> u64 {
        self.register.machines.lock().unwrap()[&address(n)].boot
    }

    /// A host and its instance are no more.
    pub(super) fn terminate(&self, n: u8) {
        self.register.machines.lock().unwrap().remove(&address(n));
    }

    fn change(&self, n: u8, change: impl FnOnce(&mut Machine)) {
        change(self.register.machines.lock().unwrap().get_mut(&address(n)).unwrap());
    }

    /// The user has another key than the one that the hosts know.
    pub(super) fn with_another_key(mut self) -> Self {
        self.key = Arc::new(Key::ed25519());
        self.settings.identity = Some(self.key.path());
        self
    }

    fn route(&self, n: u8, port: u16) -> Route {
        let settings = Settings { port: Some(port), ..self.settings.clone() };
        let nothing = SshConfigFile::empty(&self.settings.home);
        ssh::resolve(&nothing, &address(n).to_string(), &settings).unwrap()
    }

    async fn identities(&self) -> Identities {
        let nobody = Arc::new(|_| Box::pin(async { None }) as BoxFuture<'static, _>);
        Identities::load(self.settings.clone(), &self.route(1, 22).target, nobody).await.unwrap()
    }

    /// One attempt, over any dialer.
    pub(super) async fn connect(
        &self,
        dial: &dyn Dial,
        n: u8,
        port: u16,
    ) -> Result<Session, SshError> {
        let (route, identities) = (self.route(n, port), self.identities().await);
        ssh::connect(dial, &route, &identities, HostKeyCheck::First).await
    }

    /// The program's timeouts for a host whose key has to be this one.
    pub(super) async fn wait_for(&self, n: u8, expect: HostKeyCheck) -> Result<Session, SshError> {
        let route = self.route(n, 22);
        let identities = self.identities().await;
        ssh::wait_for(&self.hosts, &route, &identities, || expect.clone(), WAIT, |_| ()).await
    }

    pub(super) async fn reach(&self, n: u8) -> Result<Session, SshError> {
        self.wait_for(n, HostKeyCheck::First).await
    }

    pub(super) async fn reach_known(&self, n: u8, key: &HostKey) -> Result<Session, SshError> {
        self.wait_for(n, HostKeyCheck::Known(key.clone())).await
    }

    pub(super) async fn upload(&self, session: &Session) -> Result<(), SshError> {
        session.upload(&self.bundle, STAGING, |_| ()).await?;
        let identity = RemoteCommand::new(format!("cat >{STAGING}/node_identity.json")).stdin("{}");
        session.run("writing node_identity.json", &identity, |_, _| ()).await
    }

    /// Restarts the machine: the session ends with it.
    pub(super) async fn reboot(&self, session: &Session) {
        let asked = session.exec(&RemoteCommand::new("sudo reboot"), |_, _| ()).await;
        assert!(matches!(asked, Err(SshError::Cut { .. })), "{asked:?}");
    }
}

/// `instance/`, a credential, and something that does not compress.
pub(super) fn sources() -> Vec<Source> {
    let file = |path: &str, mode, content| Source::Bytes { path: path.into(), mode, content };
    let node = node_files().map(|file| Source::Bytes {
        path: file.path,
        mode: file.mode,
        content: file.content.into(),
    });
    node.chain([
        file("files/orchestrator_endpoint", 0o600, "nats://there:4222".into()),
        file("files/orchestrator_token", 0o600, "secret".into()),
        file("files/noise", 0o644, noise()),
    ])
    .collect()
}

/// Whether a source is a file of this name.
pub(super) fn is(source: &Source, name: &str) -> bool {
    matches!(source, Source::Bytes { path, .. } if path.ends_with(name))
}

/// Bytes that do not compress, more than a host's window.
pub(super) fn noise() -> Bytes {
    let mut state = 88_172_645_463_325_252_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(128 * 1024).collect()
}

/// What a command prints, and how it ends.
pub(super) async fn told(session: &Session, command: &str) -> (ExitStatus, Vec<String>) {
    let mut printed = Vec::new();
    let command = RemoteCommand::new(command).limit(Duration::from_mins(30));
    let exit = session.exec(&command, |_, line| printed.push(line.to_owned())).await;
    (exit.unwrap(), printed)
}

/// What a command prints that has to succeed.
pub(super) async fn lines(session: &Session, command: &str) -> Vec<String> {
    let (exit, printed) = told(session, command).await;
    assert_eq!(exit, ExitStatus::Code(0), "{command}: {printed:?}");
    printed
}

pub(super) async fn deploy(session: &Session) -> (ExitStatus, Vec<String>) {
    told(session, DEPLOY).await
}

pub(super) async fn boot_id(session: &Session) -> String {
    lines(session, "cat /proc/sys/kernel/random/boot_id").await.concat()
}
