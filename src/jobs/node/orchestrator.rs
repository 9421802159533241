//! The orchestrator that the configuration names, with its API key.

use crate::bacalhau::Orchestrator;
use crate::files::read_text;
use crate::fleet::{Failure, FailureKind, Secret, Step};
use crate::jobs::context::Context;

/// The longest API key that is read, in bytes.
const KEY_CAP: u64 = 64 * 1024;

/// The way to the orchestrator's API; `None` where none is configured.
pub async fn open_orchestrator(context: &Context) -> Result<Option<Orchestrator>, Failure> {
    let Some(config) = &context.config else { return Ok(None) };
    let Some(api) = &config.bacalhau.api else { return Ok(None) };
    let key = match &config.bacalhau.api_key_file {
        Some(path) => Some(read_key(context.path(path)).await?),
        None => None,
    };
    Orchestrator::new(api, key).map(Some).map_err(|error| error.failure(Step::Verify))
}

async fn read_key(path: std::path::PathBuf) -> Result<Secret, Failure> {
    let unusable = |why: String| {
        let reason = format!("the API key {} cannot be used: {why}", path.display());
        Failure::new(
            FailureKind::Configuration,
            Step::Verify,
            reason,
            "name a readable file: bacalhau.api_key_file",
        )
    };
    let file = path.clone();
    let read = tokio::task::spawn_blocking(move || read_text(&file, KEY_CAP)).await;
    let text = read.map_err(Failure::internal)?.map_err(|error| unusable(error.to_string()))?;
    let key = text.trim();
    if key.is_empty() || key.chars().any(char::is_control) {
        return Err(unusable("it holds no single line".to_owned()));
    }
    Ok(Secret::new(key))
}
