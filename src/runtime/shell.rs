//! The system's own `ssh` into an instance: which host key it has to show is told to it, so that it
//! neither asks nor trusts anybody else.

use std::fmt;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use rustix::process::getuid;
use tempfile::NamedTempFile;

use crate::config::{Config, Connect};
use crate::files::{MOST, in_home, make_private_folder, read_text, write_atomically};
use crate::fleet::text::{clean_line, shell_word};
use crate::fleet::{Failure, FailureKind, Instance, Step};
use crate::jobs::SshSettings;
use crate::ssh;

/// How an `ssh` of this machine gets to hosts that are on no network: those of a demo.
pub trait Doors: fmt::Debug {
    /// A place on loopback behind which the host with this address answers, for as long as the
    /// process lives.
    fn open(&self, host: IpAddr) -> BoxFuture<'_, io::Result<SocketAddr>>;
}

/// An `ssh` that is ready to be started. The file with the host key lives as long as this.
#[derive(Debug)]
pub(super) struct Login {
    /// What follows the program's name.
    pub arguments: Vec<String>,
    _known_hosts: Option<NamedTempFile>,
    /// Where ssh writes what it has to say, for the dashboard: there its own screen is gone before
    /// one could read it.
    said: Option<NamedTempFile>,
}

/// How many of ssh's lines are told.
const LINES: usize = 6;

/// Where an instance is and who logs in.
struct LoginTarget {
    id: String,
    host: IpAddr,
    key: String,
    /// Where it answers instead.
    door: Option<SocketAddr>,
}

impl Login {
    /// The login to an instance whose host key is known; in a demo through its door. For the
    /// dashboard: what ssh has to say is kept until the screen is back.
    pub(super) async fn new(
        row: &Instance,
        config: Option<&Config>,
        doors: Option<&dyn Doors>,
    ) -> Result<Self, Failure> {
        let mut login = Self::speaking(row, config, doors).await?;
        // Where there is no room for such a file, one logs in all the same.
        if let Ok(said) = NamedTempFile::new() {
            let file = said.path().display().to_string();
            login.arguments.splice(0..0, ["-E".to_owned(), file]);
            login.said = Some(said);
        }
        Ok(login)
    }

    /// The same for the command line: ssh says itself on standard error why it fails.
    pub(super) async fn speaking(
        row: &Instance,
        config: Option<&Config>,
        doors: Option<&dyn Doors>,
    ) -> Result<Self, Failure> {
        let target = target(row, config)?.behind(doors).await?;
        let known_hosts = write_known_hosts(&target).map_err(|error| {
            Failure::new(FailureKind::LocalDisk, Step::Connect, error.to_string(), "")
        })?;
        let arguments = arguments(&target, config, known_hosts.path())?;
        Ok(Self { arguments, _known_hosts: Some(known_hosts), said: None })
    }

    /// The last lines that ssh wrote.
    pub(super) fn said(&self) -> Vec<String> {
        let text = self.said.as_ref().and_then(|file| read_text(file.path(), MOST).ok());
        let text = text.unwrap_or_default();
        let lines = text.lines().map(clean_line).filter(|line| !line.trim().is_empty());
        let mut lines: Vec<String> = lines.collect();
        lines.split_off(lines.len().saturating_sub(LINES))
    }

    /// The same as a line for another shell; its host key lies in a file that stays.
    pub(super) async fn line(
        row: &Instance,
        config: Option<&Config>,
        doors: Option<&dyn Doors>,
        folder: &Path,
    ) -> Result<String, Failure> {
        let target = target(row, config)?.behind(doors).await?;
        let path = keep_known_hosts(&target, folder).map_err(|error| {
            let hint = "look whether that folder can be written to";
            Failure::new(
                FailureKind::LocalDisk,
                Step::Connect,
                format!("{}: {error}", folder.display()),
                hint,
            )
        })?;
        let words = arguments(&target, config, &path)?;
        let quoted: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
        Ok(format!("ssh {}", quoted.join(" ")))
    }
}

fn target(row: &Instance, config: Option<&Config>) -> Result<LoginTarget, Failure> {
    let machine = row.machine.as_ref();
    let private = config.is_some_and(|config| config.ssh.connect == Connect::Private);
    let host = machine.and_then(|machine| {
        if private {
            machine.seen.private_ip
        } else {
            machine.seen.public_ip.or(machine.seen.private_ip)
        }
    });
    let (Some(machine), Some(host)) = (machine, host) else {
        let hint = "wait until EC2 gave it one; r looks again";
        return Err(Failure::new(
            FailureKind::Unreachable,
            Step::Connect,
            "it has no address",
            hint,
        ));
    };
    // It becomes the name of a file.
    if !machine.id.is_well_formed() {
        let reason = format!("{} is no instance's id", clean_line(machine.id.as_str()));
        return Err(Failure::new(FailureKind::Internal, Step::Connect, reason, ""));
    }
    let Some(key) = &row.host_key else {
        let hint = "wait until the deployment reached it, or until the console tells its key";
        return Err(Failure::new(
            FailureKind::HostKey,
            Step::HostKey,
            "its host key is not known",
            hint,
        ));
    };
    Ok(LoginTarget {
        id: machine.id.to_string(),
        host,
        key: format!("{} {}\n", machine.id, key.openssh),
        door: None,
    })
}

impl LoginTarget {
    /// The same, behind its door where there are any.
    async fn behind(self, doors: Option<&dyn Doors>) -> Result<Self, Failure> {
        let Some(doors) = doors else { return Ok(self) };
        let door = doors.open(self.host).await.map_err(|error| {
            let reason = format!("no door to {} can be opened: {error}", self.host);
            Failure::new(FailureKind::Other, Step::Connect, reason, "")
        })?;
        Ok(Self { door: Some(door), ..self })
    }
}

fn write_known_hosts(target: &LoginTarget) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    file.write_all(target.key.as_bytes())?;
    Ok(file)
}

/// One file an instance: its id is in no other.
fn keep_known_hosts(target: &LoginTarget, folder: &Path) -> io::Result<PathBuf> {
    let folder = folder.join("known_hosts");
    make_private_folder(&folder)?;
    let path = folder.join(&target.id);
    write_atomically(&path, target.key.as_bytes())?;
    Ok(path)
}

/// The same options as those of our own connections.
fn arguments(
    target: &LoginTarget,
    config: Option<&Config>,
    known_hosts: &Path,
) -> Result<Vec<String>, Failure> {
    let mut words = Vec::new();
    for said in [
        format!("UserKnownHostsFile={}", option_word(&known_hosts.display().to_string())),
        "GlobalKnownHostsFile=/dev/null".to_owned(),
        "StrictHostKeyChecking=yes".to_owned(),
        format!("HostKeyAlias={}", target.id),
    ] {
        words.extend(["-o".to_owned(), said]);
    }
    if let Some(door) = target.door {
        words.extend(through(door, config));
        return Ok(words);
    }
    let access = SshSettings::open(config, home().as_deref(), ssh::agent())?;
    let own = ssh::arguments(&access.file, &target.host.to_string(), &access.settings);
    words.extend(own.map_err(|error| error.failure())?);
    if !is_known_to_ssh(&access.settings.home) {
        let route = access.route(&target.host.to_string())?;
        words.extend(ssh::arguments_of_another_home(&access.file, &route));
    }
    words.extend(["--".to_owned(), target.host.to_string()]);
    Ok(words)
}

/// The way through a door: nothing of the user's own `ssh_config`, keys and agent belongs there.
fn through(door: SocketAddr, config: Option<&Config>) -> Vec<String> {
    let mut words = vec!["-F".to_owned(), "none".to_owned(), "-p".to_owned()];
    words.push(door.port().to_string());
    if let Some(key) = config.and_then(|config| config.aws.private_ssh_key_path.as_ref()) {
        let key = in_home(key, home().as_deref());
        words.extend(["-i".to_owned(), key.display().to_string()]);
    }
    words.extend(["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"].map(str::to_owned));
    let user = config.map_or("ubuntu", |config| &config.aws.username);
    words.extend(["-l".to_owned(), user.to_owned(), "--".to_owned(), door.ip().to_string()]);
    words
}

/// Whether the user database names the same home: `ssh` asks that, and not `$HOME`. Whoever stands in
/// no file is believed.
fn is_known_to_ssh(home: &Path) -> bool {
    let users = read_text(Path::new("/etc/passwd"), MOST).unwrap_or_default();
    let user = getuid().as_raw().to_string();
    let told = users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2) == Some(&user.as_str())).then(|| fields.get(5).copied()).flatten()
    });
    told.is_none_or(|told| Path::new(told) == home)
}

/// The folder that `~` stands for.
fn home() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|base| base.home_dir().to_owned())
}

/// An option's value goes through ssh_config's own splitting of words.
fn option_word(word: &str) -> String {
    if word.contains(' ') { format!("\"{word}\"") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::fleet::{Birth, Ec2State, HostKey, HostKeyTrust, Lifecycle, Machine, Seen};

    fn row() -> Instance {
        let now = Timestamp::UNIX_EPOCH;
        let mut row = Instance::planned("a".into(), "us-west-2".into(), "spot-1".into(), now);
        row.machine = Some(Machine {
            id: "i-0a1b".into(),
            machine_type: "t3.medium".into(),
            zone: "us-west-2a".into(),
            vpc: None,
            name: None,
            birth: Birth {
                lifecycle: Lifecycle::Spot,
                image: None,
                spot_request: None,
                launched: now,
                launch: None,
                creator: None,
                machine: None,
            },
            seen: Seen {
                state: Ec2State::Running,
                state_reason: None,
                public_ip: Some([203, 0, 113, 1].into()),
                private_ip: None,
                request: None,
            },
        });
        row
    }

    /// A door in whose place nothing answers.
    #[derive(Debug)]
    struct OneDoor;

    impl Doors for OneDoor {
        fn open(&self, _: IpAddr) -> BoxFuture<'_, io::Result<SocketAddr>> {
            Box::pin(async { Ok(([127, 0, 0, 1], 2222).into()) })
        }
    }

    #[tokio::test]
    async fn without_its_host_key_nobody_logs_in() {
        let refused = Login::new(&row(), None, None).await.unwrap_err();
        assert_eq!(refused.reason, "its host key is not known");
    }

    #[tokio::test]
    async fn the_host_key_is_told_and_nobody_is_asked() {
        let mut row = row();
        row.host_key = Some(HostKey {
            openssh: "ssh-ed25519 AAAA".into(),
            fingerprint: "SHA256:x".into(),
            trust: HostKeyTrust::Console,
        });
        let login = Login::new(&row, None, None).await.unwrap();
        assert_eq!(login.arguments[0], "-E", "the dashboard reads it when the screen is back");
        let login = Login::speaking(&row, None, None).await.unwrap();
        assert_eq!(login.arguments[0], "-o", "on the command line ssh speaks for itself");
        let line = login.arguments.join(" ");
        assert!(line.contains("-o StrictHostKeyChecking=yes -o HostKeyAlias=i-0a1b"), "{line}");
        assert!(line.ends_with("-l ubuntu -- 203.0.113.1"), "{line}");
        let folder = tempfile::tempdir().unwrap();
        Login::line(&row, None, None, folder.path()).await.unwrap();
        let known = std::fs::read_to_string(folder.path().join("known_hosts/i-0a1b")).unwrap();
        assert_eq!(known, "i-0a1b ssh-ed25519 AAAA\n");
        let line = Login::line(&row, None, Some(&OneDoor), folder.path()).await.unwrap();
        assert!(line.contains("HostKeyAlias=i-0a1b -F none -p 2222"), "{line}");
        assert!(line.ends_with("-l ubuntu -- 127.0.0.1"), "{line}");
    }

    #[test]
    fn a_word_with_blanks_is_quoted() {
        assert_eq!(shell_word("a b"), "'a b'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word("-o"), "-o");
    }
}
