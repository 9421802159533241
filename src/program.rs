//! A program of the user's on this machine: run once to its end, and what it says.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Whatever begins so is the user's way into AWS, which no such program needs.
const AWS: &str = "AWS_";
/// The longest that is read of what it prints, in bytes.
const CAP: u64 = 4096;

/// Runs it once, with this on its standard input. It gets no shell, no terminal and no keys, and a
/// process group of its own, which ends with it. Answers with what it printed, as far as that is read.
///
/// # Errors
/// Why it did not end well, in a sentence.
pub async fn run(words: &[String], input: &str, limit: Duration) -> Result<String, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("no program is named".to_owned());
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with(AWS))
    {
        command.env_remove(name);
    }
    let spawned = command.process_group(0).kill_on_drop(true).spawn();
    let child = spawned.map_err(|error| format!("{program}: {error}"))?;
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let ended = timeout(limit, tell(child, input)).await;
    // What it began in the background ends with it.
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    match ended {
        Ok(Ok((status, said))) if status.success() => Ok(said),
        Ok(Ok((status, _))) => Err(format!("{program}: {status}")),
        Ok(Err(error)) => Err(format!("{program}: {error}")),
        Err(_) => Err(format!("{program} did not end within {} s", limit.as_secs())),
    }
}

/// Hands it the input, reads what it says, and waits for its end. One that does not read may end well
/// all the same; and one that began something in the background has ended when it has.
async fn tell(mut child: Child, input: &str) -> std::io::Result<(ExitStatus, String)> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let mut said = Vec::new();
    let status = {
        let write = async {
            if let Some(mut stdin) = stdin {
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let read = async {
            let Some(mut stdout) = stdout else { return };
            let _ = (&mut stdout).take(CAP).read_to_end(&mut said).await;
            // Who prints on and on is not to hang for it.
            let _ = tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await;
        };
        let talk = async { tokio::join!(write, read) };
        tokio::pin!(talk);
        tokio::select! {
            _ = &mut talk => child.wait().await?,
            status = child.wait() => {
                // What is in the pipe already.
                let _ = timeout(Duration::from_millis(200), talk).await;
                status?
            }
        }
    };
    Ok((status, String::from_utf8_lossy(&said).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    async fn shell(line: &str, limit: Duration) -> Result<String, String> {
        run(&["sh", "-c", line].map(str::to_owned), "seven", limit).await
    }

    #[tokio::test]
    async fn it_reads_prints_and_says_how_it_went() {
        assert_eq!(shell("cat; echo 9", LIMIT).await.unwrap(), "seven9\n");
        let why = shell("echo 9; exit 3", LIMIT).await.unwrap_err();
        assert!(why.contains("exit status: 3"), "{why}");
        assert!(run(&["no-such-program-here".to_owned()], "", LIMIT).await.is_err());
        let flood = shell("yes | head -c 10000000", LIMIT).await.unwrap();
        assert_eq!(flood.len() as u64, CAP);
    }

    #[tokio::test]
    async fn it_has_no_keys() {
        // What `cargo test` itself was given, if anything; and it is never there for the program.
        let said = shell("env | grep -c ^AWS_; true", LIMIT).await.unwrap();
        assert_eq!(said, "0\n");
    }

    #[tokio::test]
    async fn one_that_hangs_is_ended_with_all_that_it_began() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let line = format!("sleep 1000 & echo $! > {}; wait", pid.display());
        assert!(shell(&line, Duration::from_millis(500)).await.is_err());
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
