//! A program of this machine that is told of a message: on its standard input, as JSON.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::attempt::Attempt;

/// Whatever begins so is the user's way into AWS, which no such program needs.
const AWS: &str = "AWS_";

/// Runs it once. It gets no shell, no terminal and no keys, and a process group of its own, which
/// ends with it.
pub(super) async fn run(words: &[String], event: &Value, limit: Duration) -> Attempt {
    let Some((program, arguments)) = words.split_first() else {
        return Attempt::Refused("no program is named".to_owned());
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with(AWS))
    {
        command.env_remove(name);
    }
    let child = match command.process_group(0).kill_on_drop(true).spawn() {
        Ok(child) => child,
        Err(error) => return Attempt::Later(format!("{program}: {error}"), None),
    };
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let ended = timeout(limit, tell(child, &event.to_string())).await;
    // What it began in the background ends with it.
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    match ended {
        Ok(Ok(status)) if status.success() => Attempt::Delivered,
        Ok(Ok(status)) => Attempt::Later(format!("{program}: {status}"), None),
        Ok(Err(error)) => Attempt::Later(format!("{program}: {error}"), None),
        Err(_) => {
            let why = format!("{program} did not end within {} s", limit.as_secs());
            Attempt::Later(why, None)
        }
    }
}

/// Hands it the event, and waits for its end. One that does not read may end well all the same.
async fn tell(mut child: Child, event: &str) -> std::io::Result<ExitStatus> {
    if let Some(mut input) = child.stdin.take() {
        let _ = input.write_all(event.as_bytes()).await;
    }
    child.wait().await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn shell(line: &str, limit: Duration) -> Attempt {
        let words = ["sh", "-c", line].map(str::to_owned);
        run(&words, &json!({"id": "7"}), limit).await
    }

    #[tokio::test]
    async fn it_reads_the_event_and_says_how_it_went() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("event");
        let limit = Duration::from_secs(20);
        let line = format!("cat > {}", file.display());
        assert_eq!(shell(&line, limit).await, Attempt::Delivered);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), r#"{"id":"7"}"#);
        let Attempt::Later(why, None) = shell("exit 3", limit).await else { panic!("it failed") };
        assert!(why.contains("exit status: 3"), "{why}");
        let missing = run(&["no-such-program-here".to_owned()], &json!({}), limit).await;
        assert!(matches!(missing, Attempt::Later(..)), "{missing:?}");
    }

    #[tokio::test]
    async fn one_that_hangs_is_ended_with_all_that_it_began() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let line = format!("sleep 1000 & echo $! > {}; wait", pid.display());
        let attempt = shell(&line, Duration::from_millis(500)).await;
        assert!(matches!(attempt, Attempt::Later(..)), "{attempt:?}");
        let id = std::fs::read_to_string(pid).unwrap();
        let stat = format!("/proc/{}/stat", id.trim());
        // Whoever adopts it may not have buried it yet.
        let is_alive = |stat: String| !stat.contains(") Z ");
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while std::fs::read_to_string(&stat).is_ok_and(is_alive) {
            assert!(std::time::Instant::now() < deadline, "it lives on");
            tokio::task::yield_now().await;
        }
    }
}
