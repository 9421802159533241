//! Whom the configuration names under `notify`, with the secrets that lead there: from files and from
//! the environment, never from the configuration.

use std::collections::BTreeMap;
use std::path::Path;

use crate::aws::{Access, Aws, is_loopback};
use crate::config::{NotifyTarget, NotifyVia, SecretSource};
use crate::files::{in_home, read_text};
use crate::fleet::Secret;
use crate::notify::{Target, Webhook};

/// The longest secret that is read, in bytes.
const SECRET: u64 = 16 << 10;

/// The targets that are not on the screen, each ready to be told something. One that cannot be used
/// says why.
pub(super) async fn open(
    wanted: Vec<NotifyTarget>,
    access: Access,
    home: Option<std::path::PathBuf>,
) -> BTreeMap<String, Target> {
    let is_web = |it: &NotifyTarget| matches!(it.via, NotifyVia::Webhook { .. });
    // A profile that cannot be read keeps nobody from being told so.
    let aws = if wanted.iter().any(is_web) { Aws::open(&access).await.ok() } else { None };
    let one = |it: NotifyTarget| {
        let target = match target(&it, aws.as_ref(), home.as_deref()) {
            Ok(target) => target?,
            Err(why) => Target::Unusable(why),
        };
        Some((it.name, target))
    };
    wanted.into_iter().filter_map(one).collect()
}

/// What cannot be used of what is configured, a sentence a target.
pub(super) fn troubles(wanted: &[NotifyTarget], home: Option<&Path>) -> Vec<String> {
    let trouble = |it: &NotifyTarget| {
        let why = target(it, None, home).err()?;
        Some(format!("notify: {} cannot be told anything: {why}", it.name))
    };
    wanted.iter().filter_map(trouble).collect()
}

/// `None` for the terminal, which the dashboard itself is in.
fn target(
    wanted: &NotifyTarget,
    aws: Option<&Aws>,
    home: Option<&Path>,
) -> Result<Option<Target>, String> {
    let (form, url, key) = match &wanted.via {
        NotifyVia::Terminal => return Ok(None),
        NotifyVia::Command(words) => return Ok(Some(Target::Command(words.clone()))),
        NotifyVia::Webhook { form, url, key } => (*form, url, key),
    };
    let url = secret(url, home)?;
    let key = key.as_ref().map(|key| secret(key, home)).transpose()?;
    let is_near = is_loopback(url.reveal().trim());
    let client = client(aws, is_near).map_err(|error| error.to_string())?;
    let webhook = Webhook::new(client, form, &url, key.as_ref(), is_loopback);
    webhook.map(|it| Some(Target::Webhook(it))).map_err(|wrong| wrong.to_string())
}

/// Goes through the user's proxy and trusts the user's own authorities, as what asks AWS does. A
/// redirect could carry a secret elsewhere.
fn client(aws: Option<&Aws>, is_near: bool) -> reqwest::Result<reqwest::Client> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = aws.into_iter().fold(client, |client, aws| aws.trust(client));
    let client = if is_near { client.no_proxy() } else { client };
    client.build()
}

fn secret(source: &SecretSource, home: Option<&Path>) -> Result<Secret, String> {
    let (name, text) = match source {
        SecretSource::Variable(name) => {
            let value = std::env::var(name).map_err(|_| format!("{name} is not set"))?;
            (name.clone(), value)
        }
        SecretSource::File(path) => {
            let path = in_home(path, home);
            let name = path.display().to_string();
            let text = read_text(&path, SECRET).map_err(|error| format!("{name}: {error}"))?;
            (name, text)
        }
    };
    let line = text.trim().lines().next().unwrap_or_default().trim();
    if line.is_empty() { Err(format!("{name} is empty")) } else { Ok(Secret::new(line)) }
}
