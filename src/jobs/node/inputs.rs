//! What every pipeline of a create carries: the bundle, the keys, the way to a host. Put together
//! once, before anything is launched, so that whatever is missing costs nothing.

use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;
use tokio::sync::Semaphore;

use super::credentials::Credentials;
use super::monitor::NodeDirectory;
use super::sources::{lacking, read_cloud_config, sources, unrunnable};
use super::ssh_access::{ANYBODY, SshAccess};
use super::user_data;
use crate::config::Config;
use crate::fleet::{Failure, FailureKind, Level, Step};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::ssh::{Bundle, PublicKey};

/// Uploads at once: more only share the same line, and each holds its buffers.
const UPLOADS: usize = 32;

/// What every pipeline carries.
#[derive(Debug)]
pub(in crate::jobs) struct DeployInputs {
    /// The files for a node.
    pub bundle: Arc<Bundle>,
    /// The way to a host.
    pub access: SshAccess,
    /// The nodes that the orchestrator knows, where there is one to ask.
    pub directory: Option<NodeDirectory>,
    /// Who may access port 22 of what is launched.
    pub operators: Vec<IpNet>,
    /// The public key that new instances get; `None` where an existing key pair is named.
    pub public_key: Option<String>,
    /// What an instance does at its first boot.
    pub user_data: String,
    /// The same for one that goes on to boot from a root volume that was another's.
    pub kept_user_data: String,
    /// The login user.
    pub username: String,
    /// The container images that the configuration names, as arguments of the deployment.
    pub images: Vec<(&'static str, String)>,
    /// Whether an instance restarts before it is verified.
    pub reboot: bool,
    /// A place in the queue for an upload.
    pub uploads: Semaphore,
}

impl DeployInputs {
    /// Looks at everything on this side: files, keys, our address.
    pub(in crate::jobs) async fn prepare(
        context: &Arc<Context>,
        config: &Config,
        reporter: &Reporter,
    ) -> Result<Self, Failure> {
        let access = SshAccess::open(context, config).await?;
        for note in access.settings.notes()? {
            reporter.remarked(Level::Warning, note).await;
        }
        let more_keys = keys_by_address(&access).await;
        let public_key = public_key(context, config, &access, more_keys.first()).await?;
        let directory = NodeDirectory::open(context).await?;
        let theirs = cloud_config(context, config).await?;
        let user_data = |keeps_root| {
            let key = public_key.as_deref();
            user_data(config, key, &more_keys, theirs.as_deref(), keeps_root)
        };
        let (user_data, kept_user_data) = (user_data(false)?, user_data(true)?);
        let bundle = bundle(context, config, reporter).await?;
        let aws = context.aws().await.map_err(|error| error.failure(Step::Account))?;
        let ssh = &config.ssh;
        let operators = aws.operator_networks(&ssh.allow_from, &ssh.checkip_url).await;
        let operators = operators.map_err(|error| error.failure())?;
        for note in ssh.allow_from.notes() {
            reporter.remarked(Level::Warning, note).await;
        }
        Ok(Self {
            bundle,
            access,
            directory,
            operators,
            public_key,
            user_data,
            kept_user_data,
            images: [
                ("--bacalhau-image", &config.bacalhau.image),
                ("--sensor-image", &config.sensor.image),
            ]
            .into_iter()
            .filter_map(|(flag, image)| Some((flag, image.clone()?)))
            .collect(),
            username: config.aws.username.clone(),
            reboot: config.reboot,
            uploads: Semaphore::new(UPLOADS),
        })
    }
}

/// The keys that `ssh_config` names for patterns of addresses: an instance may get one of those.
async fn keys_by_address(access: &SshAccess) -> Vec<String> {
    let mut keys = Vec::new();
    // The one that we name ourselves is the only one that is tried.
    if access.settings.settings.identity.is_some() {
        return keys;
    }
    for address in access.settings.file.example_addresses() {
        // What cannot be reached needs no key.
        let Ok(route) = access.settings.route(&address) else { continue };
        if route.target.identities.is_empty() {
            continue;
        }
        let key = access.identities.public_key_at_hand(&route.target).await;
        keys.extend(key.map(|key| key.openssh).filter(|key| !keys.contains(key)));
    }
    keys
}

/// The key that is imported into EC2: the one that is named, or the one that we log in with. That
/// there is one to log in with is seen in any case.
async fn public_key(
    context: &Context,
    config: &Config,
    access: &SshAccess,
    by_address: Option<&String>,
) -> Result<Option<String>, Failure> {
    // Which key logs in may depend on the host in ssh_config.
    let anybody = access.settings.route(ANYBODY)?;
    let login =
        access.identities.public_key(&anybody.target).await.map_err(|error| error.failure())?;
    let login = login.map(|key| key.openssh).or_else(|| by_address.cloned());
    let Some(login) = login else {
        return Err(Failure::new(
            FailureKind::Key,
            Step::Login,
            "there is no SSH key to log in with: none in the agent, none in ~/.ssh",
            "make one with `ssh-keygen -t ed25519`, or name one: aws.private_ssh_key_path",
        ));
    };
    if config.aws.ssh_key_name.is_some() {
        return Ok(None);
    }
    let Some(path) = &config.aws.public_ssh_key_path else { return Ok(Some(login)) };
    let path = context.path(path);
    let read = tokio::task::spawn_blocking(move || PublicKey::read(&path)).await;
    let key = read.map_err(Failure::internal)?.map_err(|error| error.failure())?;
    Ok(Some(key.openssh))
}

/// The user's own part of the user-data.
async fn cloud_config(context: &Context, config: &Config) -> Result<Option<String>, Failure> {
    let Some(path) = &config.node.cloud_init else { return Ok(None) };
    let path = context.path(path);
    let read = tokio::task::spawn_blocking(move || read_cloud_config(&path)).await;
    read.map_err(Failure::internal)?.map(Some).map_err(wrong_user_data)
}

fn wrong_user_data(why: String) -> Failure {
    Failure::new(FailureKind::Configuration, Step::Launch, why, "")
}

fn user_data(
    config: &Config,
    public_key: Option<&str>,
    more_keys: &[String],
    cloud_config: Option<&str>,
    keeps_root: bool,
) -> Result<String, Failure> {
    user_data::render(&user_data::UserData {
        username: &config.aws.username,
        public_key,
        more_keys,
        packages: &config.node.packages,
        cloud_config,
        keeps_root,
        lease_s: config.lease.map(|lease| lease.seconds()),
    })
    .map_err(|error| wrong_user_data(error.to_string()))
}

/// The files for a node, checked and packed once.
async fn bundle(
    context: &Context,
    config: &Config,
    reporter: &Reporter,
) -> Result<Arc<Bundle>, Failure> {
    let credentials = Credentials::inspect(&context.path(&config.aws.files_directory));
    credentials.usable()?;
    for text in credentials.missing {
        reporter.remarked(Level::Warning, text).await;
    }
    let path = |path: &Path| context.path(path);
    if let Some(why) = lacking(config, path).into_iter().chain(unrunnable(config, path)).next() {
        let hint = "nothing was launched";
        return Err(Failure::new(FailureKind::Configuration, Step::State, why, hint));
    }
    let bundle = Bundle::collect(sources(config, path)).await.map_err(|error| error.failure())?;
    for text in bundle.passed_over() {
        reporter.remarked(Level::Warning, text.clone()).await;
    }
    let text = format!("{} files, {} bytes for each node", bundle.files(), bundle.bytes());
    reporter.remarked(Level::Info, text).await;
    Ok(Arc::new(bundle))
}
