//! `--demo`: a process whose AWS and whose hosts live in itself. It makes no connection, and reads
//! nothing of the user's AWS files, keys or agent; what it writes is gone with it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tempfile::TempDir;

use super::shell::Doors;
use crate::aws::{Access, Credentials, Logins, SharedTimeSource, counted};
use crate::cli::{self, Global};
use crate::config::{
    Config, Connect, ENDPOINT_FILE, Image, Network, NotifyVia, TOKEN_FILE, UbuntuRelease,
};
use crate::demo::hosts::Hosts;
use crate::demo::{ADVISOR_PATH, Cloud, Scenario, Settings, connector, private_key};
use crate::files::{MOST, read_text};
use crate::jobs::node_files;
use crate::ssh::{ByteStream, Dial};

/// How many times as fast as real the time of a demo passes, unless it was told.
const SPEED: f64 = 4.0;
/// Between two pushes of a hurried clock.
const PUSH: Duration = Duration::from_millis(5);
/// The story that a demo tells unless it was given another.
const TOUR: &str = include_str!("../../assets/demo/tour.yaml");
/// The configuration of the tour.
const CONFIG: &str = include_str!("../../assets/demo/config.yaml");
/// Whose instances are there from the beginning.
const DEPLOYMENT: &str = "spot-demo";
/// With what a node of the demo joins an orchestrator that is not there.
const CREDENTIALS: [(&str, &str); 2] =
    [(ENDPOINT_FILE, "nats://orchestrator.example:4222\n"), (TOKEN_FILE, "nobody-asks-for-it\n")];
/// An address that nothing may ever be sent to: what carries requests is in the process.
const ENDPOINT: &str = "http://127.0.0.1";

/// A demo under way. Its folder goes with it.
#[derive(Debug)]
pub(super) struct DemoSession {
    folder: TempDir,
    /// Whether the configuration is the tour's own.
    pub is_tour: bool,
    hosts: Hosts,
}

impl DemoSession {
    /// A cloud in this process, and how it and its hosts are reached. With a configuration of the
    /// user's, that one is rehearsed; else the tour.
    pub(super) fn begin(global: &mut Global) -> Result<(Self, Access, Arc<dyn Dial>), String> {
        let failed = |error: io::Error| format!("making a folder for the demo: {error}");
        let folder = tempfile::Builder::new().prefix("spot-tui-").tempdir().map_err(failed)?;
        // Time outside of the cloud is hurried, so that our own timers are too.
        let settings = settings(&global.demo, 1.0);
        let is_tour = !global.config.exists();
        let cloud = cloud(&global.demo, &settings, if is_tour { TOUR } else { "{}" })?;
        furnish(folder.path(), settings.seed).map_err(failed)?;
        if is_tour {
            global.config = folder.path().join("config.yaml");
        }
        global.state = folder.path().join("instances.json");
        let access = Access {
            home: None,
            endpoint: Some(ENDPOINT.into()),
            credentials: Some(Credentials::new("DEMO", "demo", None, None, "demo")),
            http: Some(counted(connector(&cloud.world))),
            time: SharedTimeSource::new(cloud.world.clock()),
            profile: None,
            logins: Logins::default(),
        };
        let demo = Self { folder, is_tour, hosts: cloud.hosts.clone() };
        Ok((demo, access, Arc::new(cloud.hosts)))
    }

    /// The folder that is gone with the demo.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How an ssh of this machine gets to its hosts.
    pub(super) fn doors(&self) -> Box<dyn Doors> {
        Box::new(self.hosts.clone())
    }

    /// What names something of the user's account, machine or network cannot be had here.
    pub(super) fn adapt(&self, config: &mut Config) {
        let aws = &mut config.aws;
        aws.private_ssh_key_path = Some(self.folder.path().join("key"));
        aws.public_ssh_key_path = None;
        aws.ssh_key_name = None;
        aws.iam_instance_profile = None;
        aws.associate_public_ip = true;
        aws.security_groups.clear();
        if matches!(aws.network, Network::Given { .. }) {
            aws.network = Network::Dedicated;
        }
        if self.is_tour {
            aws.files_directory = self.folder.path().join("deployment-files");
        }
        for region in &mut config.regions {
            if matches!(region.image, Image::Id(_)) {
                region.image = Image::Ubuntu(UbuntuRelease::Noble);
            }
        }
        // The demo plays the Spot Advisor as well.
        let url = format!("{ENDPOINT}{ADVISOR_PATH}");
        config.placement.risk_url = config.placement.risk_url.take().map(|_| url);
        // Nobody is to be told of what did not happen.
        config.notify.retain(|it| it.via == NotifyVia::Terminal);
        config.ssh.config_file = None;
        config.ssh.port = None;
        config.ssh.connect = Connect::Public;
    }
}

/// What the command line says of a world.
pub(super) fn settings(demo: &cli::Demo, speed: f64) -> Settings {
    let plain = Settings::default();
    Settings { seed: demo.seed.unwrap_or(plain.seed), speed, ..plain }
}

/// How fast time passes in a process.
pub(super) fn speed(demo: &cli::Demo) -> f64 {
    if demo.demo { demo.speed.unwrap_or(SPEED) } else { 1.0 }
}

/// A cloud in which the story of the command line happens, or else this one.
pub(super) fn cloud(demo: &cli::Demo, settings: &Settings, story: &str) -> Result<Cloud, String> {
    let scenario = match &demo.scenario {
        Some(path) => {
            let text = read_text(path, MOST)
                .map_err(|error| format!("reading the scenario {}: {error}", path.display()))?;
            Scenario::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => Scenario::parse(story).map_err(|error| error.to_string())?,
    };
    let cloud = Cloud::new(settings, scenario);
    if let Some(count) = demo.preload {
        let node = node_files().map(|file| (file.path, file.mode, file.content.into()));
        cloud.hosts.stock(node.chain(CREDENTIALS.map(|(name, content)| {
            (Path::new("files").join(name), 0o600, content.as_bytes().into())
        })));
        let made = cloud.world.preload(count, DEPLOYMENT, &settings.user);
        if made < count {
            return Err(format!("--preload {count}: there is room for {made} instances"));
        }
    }
    Ok(cloud)
}

/// Lets tokio's paused clock run `speed` times as fast as the wall's, for as long as the runtime
/// lives.
pub(super) async fn hurry(speed: f64) {
    let mut last = Instant::now();
    loop {
        // Tokio's paused clock jumps to the next timer when nothing else is to be done, but not
        // while a blocking task is under way.
        if tokio::task::spawn_blocking(|| std::thread::sleep(PUSH)).await.is_err() {
            return;
        }
        let now = Instant::now();
        tokio::time::advance(now.duration_since(last).mul_f64(speed)).await;
        last = now;
    }
}

/// Fills a demo's folder: a configuration, a key, and what a node joins its orchestrator with.
fn furnish(folder: &Path, seed: u64) -> io::Result<()> {
    let files = folder.join("deployment-files");
    fs::create_dir(&files)?;
    let secret = |path: PathBuf, content: &[u8]| {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(content)
    };
    secret(folder.join("config.yaml"), CONFIG.as_bytes())?;
    secret(folder.join("key"), private_key(seed).map_err(io::Error::other)?.as_bytes())?;
    for (name, content) in CREDENTIALS {
        secret(files.join(name), content.as_bytes())?;
    }
    Ok(())
}

impl Doors for Hosts {
    fn open(&self, host: IpAddr) -> BoxFuture<'_, io::Result<SocketAddr>> {
        Box::pin(self.front(host))
    }
}

/// Whoever dials reaches the hosts themselves.
impl Dial for Hosts {
    fn dial<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async move {
            let address = host.parse().map_err(io::Error::other)?;
            Ok(Box::new(self.open(address, port).await?) as Box<dyn ByteStream>)
        })
    }
}
