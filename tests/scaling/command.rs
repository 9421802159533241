//! By a program of the user's: a real one, which takes no time of the world's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::{Town, soonest, switches};

/// A town whose program does what a file says.
struct Advised {
    town: Town,
    folder: TempDir,
}

impl Advised {
    async fn open(count: u32, says: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("how-many");
        fs::write(&program, format!(". {}\n", folder.path().join("now").display())).unwrap();
        fs::write(folder.path().join("now"), says).unwrap();
        tokio::spawn(hold_the_clock(folder.path().to_owned()));
        let scale = format!(
            "scale: {{ by: command, min: 1, max: 8, command: [/bin/sh, {}] }}",
            program.display()
        );
        Self { town: Town::set(count, &scale, "").await, folder }
    }

    /// From now on the program does this.
    fn says(&self, line: &str) {
        let (now, next) = (self.folder.path().join("now"), self.folder.path().join("next"));
        fs::write(&next, line).unwrap();
        fs::rename(next, now).unwrap();
    }

    fn log(&self) -> String {
        self.town.stage.log()
    }

    /// How many work, and how many are wanted.
    fn counts(&self) -> (usize, u64) {
        (self.town.known.len(), self.town.stage.model().upkeep.total())
    }
}

/// A paused clock runs on while a program runs. Here it stands still then: it does while something
/// blocks.
async fn hold_the_clock(folder: PathBuf) {
    loop {
        sleep(Duration::from_secs(5)).await;
        let folder = folder.clone();
        spawn_blocking(move || {
            let deadline = Instant::now() + Duration::from_secs(20);
            while is_running(&folder) && Instant::now() < deadline {
                std::thread::yield_now();
            }
        })
        .await
        .unwrap();
    }
}

/// Whether a program of this folder runs. One that hangs is another one by then.
fn is_running(folder: &Path) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let folder = folder.to_str().unwrap();
    lines.into_iter().any(|line| String::from_utf8_lossy(&line).contains(folder))
}

#[tokio::test(start_paused = true)]
async fn nodes_follow_what_a_program_says() {
    let mut user = Advised::open(2, "echo 2").await;
    user.town.pass(600).await;
    assert_eq!(user.counts(), (2, 2), "{}", user.log());
    user.says("echo 6");
    user.town.pass(600).await;
    assert_eq!(user.counts(), (6, 6), "{}", user.log());
    assert!(user.log().contains("command, wants 6, has 2: +4"), "{}", user.log());
    // The highest word of ten minutes counts.
    user.says("echo 1");
    user.town.pass(300).await;
    user.says("echo 4");
    user.town.pass(60).await;
    user.says("echo 1");
    user.town.pass(480).await;
    assert_eq!(user.counts(), (4, 4), "{}", user.log());
    user.town.pass(900).await;
    assert_eq!(user.counts(), (1, 1), "{}", user.log());
    let sizes = &user.town.sizes;
    assert_eq!((switches(sizes), soonest(sizes) >= 600), (1, true), "{sizes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_program_that_says_no_number_changes_nothing() {
    let mut user = Advised::open(3, "echo 3").await;
    user.town.pass(600).await;
    assert_eq!(user.counts(), (3, 3), "{}", user.log());
    for (line, why) in [
        ("exec sleep 1000", "/bin/sh did not end within 30 s"),
        ("echo several", "/bin/sh printed 'several', which is no number of instances"),
        ("echo -3", "/bin/sh printed '-3', which is no number of instances"),
        (
            "echo 1000000000000000000000000000000",
            "/bin/sh printed '1000000000000000000000000000000', which is no number of instances",
        ),
        ("echo 8; exit 1", "/bin/sh: exit status: 1"),
        (":", "/bin/sh printed '', which is no number of instances"),
    ] {
        user.says(line);
        user.town.pass(900).await;
        assert_eq!(user.counts(), (3, 3), "{line}: {}", user.log());
        let said = format!("blind: holds 3: {why}");
        assert_eq!(user.log().matches(&said).count(), 1, "{line}: {}", user.log());
        assert_eq!(user.town.stage.model().upkeep.reason(), Some("blind"), "{line}");
        user.says("echo 3");
        user.town.pass(120).await;
        assert_eq!(user.town.stage.model().upkeep.reason(), Some("command"), "{line}");
    }
}
