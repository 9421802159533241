//! `deploy_services.sh`: its arguments, its lines, its exit codes, and about its times, as
//! `instance/README.md` lists them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::directory::HostFault;
use super::files::Tree;
use super::host::Host;
use super::machine::HOME;
use super::process::Output;

/// Where the script looks for an upload.
pub(super) const STAGING: &str = "/tmp/uploaded_files";
/// The script waits for cloud-init in rounds, and says so.
const ROUND: Duration = Duration::from_secs(30);
const ROUNDS: u64 = 30;
/// Lines of a flood that are printed at once.
const GUSH: u32 = 500;
/// A window's title, a cleared screen and colours around a plain word.
const ESCAPES: &str =
    "\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[31mDocker Compose version v2.29.7\u{1b}[0m";

/// The steps in their order.
const STEPS: [(&str, Step); 10] = [
    ("cloud-init", Step::CloudInit),
    ("tools", Step::Tools),
    ("bundle", Step::Bundle),
    ("folders", Step::Folders),
    ("facts", Step::Facts),
    ("bacalhau-config", Step::BacalhauConfig),
    ("sensor-config", Step::SensorConfig),
    ("units", Step::Units),
    ("enable", Step::Enable),
    ("additional-commands", Step::AdditionalCommands),
];

#[derive(Debug, Clone, Copy)]
enum Step {
    CloudInit,
    Tools,
    Bundle,
    Folders,
    Facts,
    BacalhauConfig,
    SensorConfig,
    Units,
    Enable,
    AdditionalCommands,
}

/// An exit code, and the reason that is printed.
type Stop = (u32, String);

/// Runs the script to its end and tells its exit code.
pub(super) async fn run(host: &Host, user: &str, arguments: &[String], output: &Output) -> u32 {
    match begin(host, user, arguments, output) {
        Ok(mut run) => run.finish(user).await,
        Err((code, reason)) => {
            output.complain(&format!("{} ERROR {reason}", written(host.hosts.now()))).await;
            code
        }
    }
}

/// Everything that is checked before there is a log.
fn begin<'a>(
    host: &'a Host,
    user: &str,
    arguments: &[String],
    output: &'a Output,
) -> Result<Run<'a>, Stop> {
    let arguments = Arguments::read(arguments)?;
    if arguments.user != user {
        return Err((65, format!("there is no user {}", arguments.user)));
    }
    let process = 1000 + host.pick("process", 4000);
    host.machine.record(|deployment| {
        if let Some(other) = deployment.process {
            return Err((67, format!("another deployment is running (process {other})")));
        }
        deployment.process = Some(process);
        deployment.exit = None;
        Ok(())
    })?;
    Ok(Run { host, output, arguments, placed: Arc::default(), has_ended: false })
}

/// The orchestrator that the uploaded credentials name, as `host:port`.
pub(super) fn orchestrator(placed: &Tree) -> Option<String> {
    let endpoint = String::from_utf8_lossy(placed.content("files/orchestrator_endpoint")?);
    let host = endpoint.trim().rsplit(['@', '/']).next().filter(|host| !host.is_empty())?;
    let port = if host.contains(':') { "" } else { ":4222" };
    Some(format!("{host}{port}"))
}

/// What the script was asked for.
struct Arguments {
    user: String,
    instance: Option<String>,
    start: bool,
}

impl Arguments {
    fn read(words: &[String]) -> Result<Self, Stop> {
        let mut read = Self { user: "ubuntu".into(), instance: None, start: false };
        let mut words = words.iter();
        while let Some(name) = words.next() {
            if name == "--start" {
                read.start = true;
                continue;
            }
            if !["--user", "--instance-id", "--region", "--deployment"].contains(&name.as_str()) {
                return Err((64, format!("unknown argument: {name}")));
            }
            let value = words.next().ok_or_else(|| (64, format!("{name} needs a value")))?;
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            if value.is_empty() || value.starts_with('-') || !value.chars().all(plain) {
                return Err((64, format!("{name} has an impossible value")));
            }
            match name.as_str() {
                "--user" => read.user.clone_from(value),
                "--instance-id" => read.instance = Some(value.clone()),
                _ => {}
            }
        }
        Ok(read)
    }
}

/// A run of the script. One that is dropped before its end was cut off, and its log says so.
struct Run<'a> {
    host: &'a Host,
    output: &'a Output,
    arguments: Arguments,
    placed: Arc<Tree>,
    has_ended: bool,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let now = written(self.host.hosts.now());
        self.host.machine.record(|deployment| {
            deployment.process = None;
            if !self.has_ended {
                deployment.note(format!("{now} ERROR interrupted: the connection was closed"));
                deployment.note(format!("{now} END exit=129"));
                deployment.exit = Some(129);
            }
        });
    }
}

impl Run<'_> {
    /// Takes all steps, or those up to the first that fails, and tells the exit code.
    async fn finish(&mut self, user: &str) -> u32 {
        self.say(&format!("BEGIN deployment for user {user}")).await;
        let mut code = 0;
        for (name, step) in STEPS {
            self.say(&format!("STEP {name}")).await;
            let began = self.host.hosts.now();
            if let Err((failed, reason)) = self.perform(step).await {
                self.say(&format!("ERROR {reason}")).await;
                code = failed;
                break;
            }
            let took = self.host.hosts.now().duration_since(began).as_secs();
            self.say(&format!("OK {name} ({took} s)")).await;
        }
        self.say(&format!("END exit={code}")).await;
        self.host.machine.record(|deployment| deployment.exit = Some(code));
        self.has_ended = true;
        code
    }

    async fn perform(&mut self, step: Step) -> Result<(), Stop> {
        match step {
            Step::CloudInit => return self.wait_for_cloud_init().await,
            Step::Tools => {
                self.take_time("tools", 1, 2).await;
                if self.host.suffers(&HostFault::EscapeSequences) {
                    self.say(&format!("| {ESCAPES}")).await;
                }
            }
            Step::Bundle => return self.place_files().await,
            Step::Folders => self.take_time("folders", 0, 1).await,
            Step::Facts => {
                let instance = self.arguments.instance.clone();
                let instance = instance.unwrap_or_else(|| self.host.instance().to_string());
                self.host.machine.record(|deployment| deployment.instance = Some(instance));
                self.take_time("facts", 0, 2).await;
            }
            Step::BacalhauConfig => {
                self.take_time("bacalhau-config", 0, 1).await;
                self.say(&format!("| {}", self.joining())).await;
            }
            Step::SensorConfig => self.take_time("sensor-config", 0, 2).await,
            Step::Units => self.take_time("units", 1, 2).await,
            Step::Enable => self.enable().await,
            Step::AdditionalCommands => {
                if self.host.suffers(&HostFault::CutSetUp) && self.host.machine.cut_set_up() {
                    self.host.cut.cancel();
                    // Whoever ran it is told that the connection is gone.
                    std::future::pending::<()>().await;
                }
                self.run_additional_commands().await;
            }
        }
        Ok(())
    }

    async fn wait_for_cloud_init(&self) -> Result<(), Stop> {
        for round in 1..=ROUNDS {
            let now = self.host.hosts.now();
            match Duration::try_from(self.host.cloud_init_done_at().duration_since(now)) {
                Ok(left) if left > ROUND => {
                    self.host.hosts.pause(ROUND).await;
                    let waited = ROUND.as_secs() * round;
                    self.say(&format!("cloud-init is still running ({waited} s)")).await;
                }
                Ok(left) => {
                    self.host.hosts.pause(left).await;
                    return Ok(());
                }
                // A negative duration: it is over.
                Err(_) => return Ok(()),
            }
        }
        let limit = ROUND.as_secs() * ROUNDS;
        Err((71, format!("cloud-init did not finish within {limit} s")))
    }

    async fn place_files(&mut self) -> Result<(), Stop> {
        let source = if self.host.machine.is_staged(Path::new(STAGING)) {
            STAGING
        } else {
            self.say("nothing new was uploaded").await;
            HOME
        };
        self.placed = self.host.machine.place(Path::new(STAGING)).unwrap_or_default();
        for path in ["scripts/deploy_services.sh", "config/images.env", "config/sensor-config.yaml"]
        {
            if self.placed.content(path).is_none() {
                return Err((80, format!("{source}/{path} is missing")));
            }
        }
        if !self.host.machine.deployment().has_identity {
            return Err((80, format!("{source}/node_identity.json is missing")));
        }
        self.take_time("bundle", 0, 2).await;
        Ok(())
    }

    /// What `generate_bacalhau_config.sh` says.
    fn joining(&self) -> String {
        match orchestrator(&self.placed) {
            None => "WARNING: no orchestrator_endpoint: the node starts and joins nothing".into(),
            Some(_) if !self.placed.has_content("files/orchestrator_token") => {
                "WARNING: no orchestrator_token: the orchestrator must accept nodes without one"
                    .into()
            }
            Some(address) => format!("the node will join {address}"),
        }
    }

    async fn enable(&self) {
        for unit in units(&self.placed) {
            self.say(&format!(
                "| Created symlink /etc/systemd/system/multi-user.target.wants/{unit} → \
                 /etc/systemd/system/{unit}."
            ))
            .await;
        }
        self.take_time("enable", 1, 3).await;
        let now = self.arguments.start.then(|| self.host.hosts.now());
        self.host.machine.enable(self.host.state.boot, now);
    }

    async fn run_additional_commands(&self) {
        self.flood().await;
        if self.placed.content("scripts/additional_commands.sh").is_none() {
            self.say("there are no additional commands").await;
        } else if self.host.machine.deployment().ran_additional {
            self.say("the additional commands ran before").await;
        } else {
            self.say("| a demo host does not run additional commands").await;
            self.take_time("additional-commands", 2, 5).await;
            self.host.machine.record(|deployment| deployment.ran_additional = true);
        }
    }

    async fn flood(&self) {
        let lines = self.host.state.faults.iter().find_map(|fault| match fault {
            HostFault::FloodLog(lines) => Some(*lines),
            _ => None,
        });
        let total = lines.unwrap_or(0);
        let mut told = 0;
        while told < total {
            let gush = told..(told + GUSH).min(total);
            told = gush.end;
            let now = written(self.host.hosts.now());
            let lines = gush.map(|n| format!("{now} | line {} of {total}", n + 1));
            let text = self.host.machine.record(|deployment| {
                lines.fold(String::new(), |text, line| {
                    let text = text + &line + "\n";
                    deployment.note(line);
                    text
                })
            });
            self.output.text(text).await;
        }
    }

    async fn say(&self, words: &str) {
        let line = format!("{} {words}", written(self.host.hosts.now()));
        self.host.machine.record(|deployment| deployment.note(line.clone()));
        self.output.line(&line).await;
    }

    /// `least` seconds and some more, fewer than `more`, the same each time on this host.
    async fn take_time(&self, matter: &str, least: u64, more: u64) {
        let seconds = least + self.host.pick(matter, more);
        self.host.hosts.pause(Duration::from_secs(seconds)).await;
    }
}

impl Host {
    /// When cloud-init is through, its slowness included.
    pub(super) fn cloud_init_done_at(&self) -> Timestamp {
        let slow = self.state.faults.iter().map(|fault| match fault {
            HostFault::SlowCloudInit(seconds) => i64::from(*seconds),
            _ => 0,
        });
        let late = SignedDuration::from_secs(slow.sum());
        self.state.cloud_init_done_at.checked_add(late).unwrap_or(Timestamp::MAX)
    }
}

/// The names of the systemd units of a bundle.
pub(super) fn units(placed: &Tree) -> Vec<String> {
    let scripts = placed.iter().filter(|(path, _)| path.parent() == Some(Path::new("scripts")));
    let units = scripts.filter(|(path, _)| path.extension().is_some_and(|end| end == "service"));
    units.filter_map(|(path, _)| Some(path.file_name()?.to_string_lossy().into_owned())).collect()
}

fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
