//! The commands that a host knows: those that spot-tui sends, and how to read them.
//!
//! Whatever else comes is not found, loudly: a program that changes its commands must not seem to
//! succeed here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

use super::directory::{Answer, HostFault};
use super::download::Download;
use super::host::Host;
use super::process::{End, Output, Stdin};
use super::upload::Upload;
use super::{deployment, download, journal, programs, status, upload};
use crate::fleet::{IDLE_STOP, INSTANCE_STORE};

/// What waits for the end of a lease, as `instance/arm-lease.sh` calls it.
const LEASE: &str = "spot-tui-lease-term.service";

/// What the script of `lease extend` says where there is none.
const NO_LEASE: &str = "this instance has no lease: it was launched without one";

/// A shell's exit status for a command that it does not find.
const NOT_FOUND: u32 = 127;
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Between two looks at something that grows.
const LOOK: Duration = Duration::from_secs(1);

/// What a user finds on a host.
pub(super) const PROGRAMS: &str = "cat  cd  clear  date  df  docker ps  echo  env  exit  free  \
    help  hostname  id  ls  nproc  ps  pwd  sudo  systemctl is-active  true  uname  uptime  whoami";

const IDENTITY: &str = "cat >/tmp/uploaded_files/node_identity.json";

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// The script that unpacks a bundle from its input.
    Upload(Upload),
    /// What brings files from here.
    Download(Download),
    /// A file of the upload that is each node's own, from its input.
    Identity,
    /// The kernel's id of this boot.
    BootId,
    /// A restart.
    Reboot,
    /// The end of Bacalhau's service, until the next boot.
    StopBacalhau,
    /// `deploy_services.sh` at the first of these paths where it is, with its arguments.
    Deploy(Vec<PathBuf>, Vec<String>),
    /// `node-status` at a path, in full or not.
    Status(PathBuf, bool),
    /// So many last lines of a file.
    Tail(usize, PathBuf, Then),
    /// So many last lines of a unit's journal.
    Journal(usize, String, Then),
    /// The script that mounts a home volume, from its input: which volume, and where.
    MountHome(String, PathBuf),
    /// To keep its hostname under another instance id.
    KeepHostname,
    /// The program that mounts the disks of its type, from its input: where; without that it is taken
    /// away.
    InstanceStore(Option<PathBuf>),
    /// The program that stops the machine where nothing goes on, from its input: after so many
    /// seconds; without them it is taken away.
    StopWhenIdle(Option<u64>),
    /// The same program, asked to hold it for so many seconds.
    KeepAwake(u64),
    /// To set the lease anew, for so many seconds if they are given.
    RenewLease(Option<u64>),
    /// The same and then another one, whatever became of it (POSIX, Shell Command Language, `;`).
    Renewed(Box<Self>),
    /// A program with which one looks around, and whether root runs it.
    Program(Vec<String>, bool),
    /// Anything else; what a shell would look for.
    Unknown(String),
}

impl Request {
    /// What kind of answer it wants, if it is one that a host may fail to end.
    fn answer(&self) -> Option<Answer> {
        Some(match self {
            Self::Upload(_) => Answer::Upload,
            Self::BootId => Answer::BootId,
            Self::Deploy(..) => Answer::SetUp,
            Self::Status(..) => Answer::Status,
            Self::Tail(..) | Self::Journal(..) => Answer::Logs,
            Self::Program(..) | Self::Unknown(_) => Answer::Program,
            Self::Renewed(then) => return then.answer(),
            Self::Identity
            | Self::Download(_)
            | Self::Reboot
            | Self::StopBacalhau
            | Self::MountHome(..)
            | Self::KeepHostname
            | Self::InstanceStore(_)
            | Self::StopWhenIdle(_)
            | Self::KeepAwake(_)
            | Self::RenewLease(_) => return None,
        })
    }
}

/// What follows the lines that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing.
    End,
    /// What is added, until nobody listens any more.
    Follow,
}

/// Reads a command line.
pub(super) fn parse(line: &str) -> Request {
    if let Some(upload) = upload::parse(line) {
        return Request::Upload(upload);
    }
    if let Some(download) = download::parse(line, words) {
        return Request::Download(download);
    }
    if line == IDENTITY {
        return Request::Identity;
    }
    if let Some((renew, then)) = line.split_once("; ")
        && parse(renew) == Request::RenewLease(None)
    {
        return Request::Renewed(Box::new(parse(then)));
    }
    let first = || line.split_whitespace().next().unwrap_or_default().to_owned();
    let words = words(line);
    if let Some([exec, sh, c, script]) = words.as_deref()
        && [exec, sh, c] == ["exec", "sh", "-c"]
    {
        return parse(script);
    }
    let Some(words) = words else { return Request::Unknown(first()) };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["cat", BOOT_ID] => Request::BootId,
        ["sudo", "reboot"] => Request::Reboot,
        ["sudo", "systemctl", "stop", "bacalhau"] => Request::StopBacalhau,
        ["sudo", program, arguments @ ..] if named(program, "deploy_services.sh") => {
            let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
            Request::Deploy(vec![program.into()], arguments)
        }
        ["sudo", "sh", "-c", finder, "deploy_services.sh", arguments @ ..]
            if finder.contains("for folder in /tmp /opt;") =>
        {
            let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
            let at = |folder| format!("/{folder}/uploaded_files/scripts/deploy_services.sh").into();
            Request::Deploy(["tmp", "opt"].map(at).to_vec(), arguments)
        }
        ["sudo", "sh", "-s", "--", volume, path, _swap] => {
            Request::MountHome((*volume).to_owned(), path.into())
        }
        ["sudo", "sh", "-c", line] if line.starts_with("echo preserve_hostname: true >") => {
            Request::KeepHostname
        }
        ["sudo", "sh", "-c", put, "instance-store", _filesystem, path]
            if put.contains(INSTANCE_STORE) =>
        {
            Request::InstanceStore(Some(path.into()))
        }
        ["sudo", "sh", "-c", remove]
            if remove.contains(INSTANCE_STORE) && remove.contains("remove") =>
        {
            Request::InstanceStore(None)
        }
        ["sudo", "sh", "-c", put, "idle-stop", after, _below] if put.contains(IDLE_STOP) => {
            after.parse().map_or_else(
                |_| Request::Unknown((*after).to_owned()),
                |after| Request::StopWhenIdle(Some(after)),
            )
        }
        ["sudo", "sh", "-c", remove] if remove.contains(IDLE_STOP) && remove.contains("remove") => {
            Request::StopWhenIdle(None)
        }
        ["sudo", "systemctl", "restart", term, _] if *term == LEASE => Request::RenewLease(None),
        ["sudo", "sh", "-c", script] if script.contains(LEASE) => {
            let term = script.split("RuntimeMaxSec=").nth(1).and_then(|it| it.split('s').next());
            term.and_then(|it| it.parse().ok())
                .map_or_else(|| Request::Unknown(first()), |it| Request::RenewLease(Some(it)))
        }
        ["sudo", IDLE_STOP, "awake", seconds] => seconds
            .parse()
            .map_or_else(|_| Request::Unknown((*seconds).to_owned()), Request::KeepAwake),
        ["sudo", program] if named(program, "node-status") => {
            Request::Status(program.into(), false)
        }
        ["sudo", program, "--full"] if named(program, "node-status") => {
            Request::Status(program.into(), true)
        }
        ["sudo", "tail", "-n", count, path] => {
            read(count, |count| Request::Tail(count, path.into(), Then::End))
        }
        ["sudo", "tail", "-n", count, "-F", path] => {
            read(count, |count| Request::Tail(count, path.into(), Then::Follow))
        }
        ["sudo", "journalctl", "--no-pager", options @ ..] => journal_of(options),
        ["sudo", program @ ..] if !program.is_empty() => {
            Request::Program(program.iter().map(|&word| word.to_owned()).collect(), true)
        }
        [_, ..] => Request::Program(words.iter().map(|&word| word.to_owned()).collect(), false),
        [] => Request::Unknown(first()),
    }
}

/// A request with a count, if that is a number.
fn read(count: &str, request: impl FnOnce(usize) -> Request) -> Request {
    count.parse().map_or_else(|_| Request::Unknown(count.to_owned()), request)
}

/// `journalctl` with the options that spot-tui gives it.
fn journal_of(options: &[&str]) -> Request {
    let (options, then) = match options {
        [lines, "--follow", unit] => ([*lines, *unit], Then::Follow),
        [lines, unit] => ([*lines, *unit], Then::End),
        _ => return Request::Unknown("journalctl".into()),
    };
    match options.map(|option| option.split_once('=').unwrap_or_default()) {
        [("--lines", count), ("--unit", unit)] => {
            read(count, |count| Request::Journal(count, unit.to_owned(), then))
        }
        _ => Request::Unknown("journalctl".into()),
    }
}

fn named(program: &str, name: &str) -> bool {
    let path = Path::new(program);
    path.is_absolute() && path.file_name().is_some_and(|file| file == name)
}

/// Words as a shell cuts them; `None` where a shell would do more than that.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        match character {
            ' ' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '\'' => break,
                        quoted => word.push(quoted),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(rest.next()?),
            plain if plain.is_ascii_alphanumeric() || "/._-=:@%+,".contains(plain) => {
                word.get_or_insert_default().push(plain);
            }
            _ => return None,
        }
    }
    words.extend(word);
    Some(words)
}

/// Does it.
pub(super) async fn run(
    host: &Host,
    user: &str,
    request: Request,
    stdin: Stdin,
    output: Output,
) -> End {
    if let Some(answer) = request.answer()
        && host.suffers(&HostFault::Flood(answer))
    {
        return flood(&output).await;
    }
    match request {
        Request::Upload(upload) => upload::run(host, &upload, stdin, &output).await,
        Request::Identity => upload::take_identity(host, stdin).await,
        Request::Download(asked) => download::run(host, user, &asked, stdin, &output).await,
        request => perform(host, user, request, &output).await,
    }
}

/// Does what reads nothing.
pub(super) async fn perform(host: &Host, user: &str, request: Request, output: &Output) -> End {
    match request {
        // They have their input from whoever sends the command.
        Request::Upload(_) | Request::Identity | Request::Download(_) => {
            not_found("sh", output).await
        }
        Request::BootId => {
            output.line(&host.boot_id()).await;
            End::Exit(0)
        }
        Request::Reboot => reboot(host),
        Request::StopBacalhau => {
            host.machine.stop_bacalhau(host.state.boot);
            End::Exit(0)
        }
        Request::StopWhenIdle(after) => {
            let after = after.map(Duration::from_secs);
            host.hosts.shared.directory.stop_when_idle(host.instance(), after);
            End::Exit(0)
        }
        Request::KeepAwake(seconds) => keep_awake(host, seconds, output).await,
        Request::RenewLease(term) => {
            let directory = &host.hosts.shared.directory;
            let is_renewed = directory.renew_lease(host.instance(), term.map(Duration::from_secs));
            match term {
                _ if is_renewed => End::Exit(0),
                // The script asks for the unit before it sets anything.
                Some(_) => {
                    output.complain(NO_LEASE).await;
                    End::Exit(1)
                }
                // systemctl(1): a unit that is not there.
                None => End::Exit(5),
            }
        }
        Request::Renewed(then) => {
            Box::pin(perform(host, user, Request::RenewLease(None), output)).await;
            Box::pin(perform(host, user, *then, output)).await
        }
        Request::KeepHostname => End::Exit(0),
        Request::InstanceStore(path) => {
            if let Some(path) = path {
                mount_instance_store(host, &path, output).await;
            }
            End::Exit(0)
        }
        Request::MountHome(volume, path) => mount_home(host, &volume, &path, output).await,
        Request::Deploy(programs, arguments) => {
            if host.suffers(&HostFault::SudoPassword) {
                output.complain("sudo: a password is required").await;
                return End::Exit(1);
            }
            if !programs.iter().any(|program| host.machine.is_executable(program)) {
                let program = programs.first().map_or("", |it| it.to_str().unwrap_or_default());
                output.complain(&format!("sudo: {program}: command not found")).await;
                return End::Exit(if programs.len() > 1 { 127 } else { 1 });
            }
            End::Exit(deployment::run(host, user, &arguments, output).await)
        }
        Request::Status(program, is_full) => {
            if !is_there(host, &program, output).await {
                return End::Exit(1);
            }
            output.line(&status::report(host, is_full)).await;
            End::Exit(0)
        }
        Request::Tail(count, path, then) => tail(host, count, &path, then, output).await,
        Request::Journal(count, unit, then) => read_journal(host, count, &unit, then, output).await,
        Request::Program(words, as_root) => {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let user = if as_root { "root" } else { user };
            let Some((code, lines)) = programs::run(host, user, &words) else {
                let program = words.first().copied().unwrap_or_default();
                return not_found(program, output).await;
            };
            for line in lines {
                match line.strip_prefix(programs::COMPLAINT) {
                    Some(complaint) => output.complain(complaint).await,
                    None => output.line(&line).await,
                }
            }
            End::Exit(code)
        }
        Request::Unknown(program) => not_found(&program, output).await,
    }
}

/// What `mount-home.sh` does where all is well. A volume that nobody has mounted before is blank.
async fn mount_home(host: &Host, volume: &str, path: &Path, output: &Output) -> End {
    if !host.state.volumes.iter().any(|it| it == volume) {
        output.complain(&format!("mount-home: no device of {volume} has come up")).await;
        return End::Exit(1);
    }
    let is_fresh = host.hosts.mount(volume, host.instance());
    if is_fresh && !host.state.restored.iter().any(|it| it == volume) {
        output.line(&format!("formatting {volume}, which is blank")).await;
    }
    output.line(&format!("{volume} is mounted at {}", path.display())).await;
    End::Exit(0)
}

/// What `instance-store.sh install` says where all is well.
async fn mount_instance_store(host: &Host, path: &Path, output: &Output) {
    let said = if host.state.has_instance_store {
        format!("the instance store is mounted at {}", path.display())
    } else {
        "this instance has no instance store".to_owned()
    };
    output.line(&said).await;
}

/// What `idle-stop.sh awake` does.
async fn keep_awake(host: &Host, seconds: u64, output: &Output) -> End {
    if host.state.idle.is_none() {
        output.complain(&format!("sudo: {IDLE_STOP}: command not found")).await;
        return End::Exit(1);
    }
    host.hosts.shared.directory.keep_awake(host.instance(), Duration::from_secs(seconds));
    let said = match seconds {
        0 => "It is not held any more.".to_owned(),
        seconds => format!("It is kept awake for {} minutes.", seconds / 60),
    };
    output.line(&said).await;
    End::Exit(0)
}

/// Prints on and on, as fast as it is read.
async fn flood(output: &Output) -> End {
    let lines = Bytes::from(format!("{}\n", "y".repeat(79)).repeat(400));
    loop {
        output.bytes(lines.clone()).await;
        // Nothing stops a loop whose client is gone but its turn to listen.
        tokio::task::yield_now().await;
    }
}

async fn not_found(program: &str, output: &Output) -> End {
    output.complain(&format!("sh: 1: {program}: not found")).await;
    End::Exit(NOT_FOUND)
}

/// Whether a program is there and may be run; else says what sudo says.
async fn is_there(host: &Host, program: &Path, output: &Output) -> bool {
    let there = host.machine.is_executable(program);
    if !there {
        output.complain(&format!("sudo: {}: command not found", program.display())).await;
    }
    there
}

/// The connection ends with the machine, as it mostly does.
fn reboot(host: &Host) -> End {
    host.hosts.shared.directory.reboot(host.instance());
    host.cut.cancel();
    End::Gone
}

async fn tail(host: &Host, count: usize, path: &Path, then: Then, output: &Output) -> End {
    let Some(lines) = host.machine.lines(path) else {
        let path = path.display();
        let text = format!("tail: cannot open '{path}' for reading: No such file or directory");
        output.complain(&text).await;
        return End::Exit(1);
    };
    for line in &lines[lines.len().saturating_sub(count)..] {
        output.line(line).await;
    }
    if then == Then::End {
        return End::Exit(0);
    }
    let mut told = lines.len();
    loop {
        host.hosts.pause(LOOK).await;
        let lines = host.machine.lines(path).unwrap_or_default();
        for line in lines.iter().skip(told) {
            output.line(line).await;
        }
        told = lines.len();
    }
}

async fn read_journal(host: &Host, count: usize, unit: &str, then: Then, output: &Output) -> End {
    let mut told = host.hosts.now();
    let lines = journal::newest(host, unit, count, told);
    if lines.is_empty() && then == Then::End {
        output.line("-- No entries --").await;
    }
    for line in lines {
        output.line(&line).await;
    }
    if then == Then::End {
        return End::Exit(0);
    }
    loop {
        host.hosts.pause(LOOK).await;
        let now = host.hosts.now();
        for line in journal::between(host, unit, told, now) {
            output.line(&line).await;
        }
        told = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_commands_are_read() {
        let deploy = "sudo /tmp/uploaded_files/scripts/deploy_services.sh --user 'ubuntu' --start";
        let arguments = ["--user", "ubuntu", "--start"].map(str::to_owned).to_vec();
        let program = "/tmp/uploaded_files/scripts/deploy_services.sh".into();
        assert_eq!(parse(deploy), Request::Deploy(vec![program], arguments));
        assert_eq!(parse("cat /proc/sys/kernel/random/boot_id"), Request::BootId);
        assert_eq!(parse("exec sh -c 'sudo reboot'"), Request::Reboot);
        assert_eq!(parse(IDENTITY), Request::Identity);
        assert_eq!(parse("sudo reboot"), Request::Reboot);
        assert_eq!(parse("sudo systemctl stop bacalhau"), Request::StopBacalhau);
        let status = "/opt/uploaded_files/scripts/node-status";
        assert_eq!(parse(&format!("sudo {status}")), Request::Status(status.into(), false));
        assert_eq!(parse(&format!("sudo {status} --full")), Request::Status(status.into(), true));
        let renew = format!("sudo systemctl restart {LEASE} spot-tui-lease-last.service");
        assert_eq!(parse(&renew), Request::RenewLease(None));
        let then = Box::new(Request::Status(status.into(), false));
        assert_eq!(parse(&format!("{renew}; sudo {status}")), Request::Renewed(then));
        let log = "/opt/deployment.log";
        let tail = |then| Request::Tail(50, log.into(), then);
        assert_eq!(parse(&format!("sudo tail -n 50 {log}")), tail(Then::End));
        assert_eq!(parse(&format!("sudo tail -n 50 -F {log}")), tail(Then::Follow));
        let journal = "sudo journalctl --no-pager --lines=7 --follow --unit=bacalhau";
        assert_eq!(parse(journal), Request::Journal(7, "bacalhau".into(), Then::Follow));
    }

    #[test]
    fn what_a_shell_would_do_more_for_is_not() {
        for (line, looked_for) in [
            ("cat /proc/sys/kernel/random/boot_id; id", "cat"),
            ("sudo /opt/uploaded_files/scripts/node-status | head", "sudo"),
            ("sudo journalctl --no-pager --lines=all --unit=x", "all"),
            ("sudo journalctl --no-pager -k", "journalctl"),
            ("echo $HOME", "echo"),
            ("echo 'open", "echo"),
            ("", ""),
        ] {
            assert_eq!(parse(line), Request::Unknown(looked_for.into()), "{line}");
        }
    }

    #[test]
    fn anything_else_is_a_program_that_may_not_be_there() {
        for (line, as_root) in [
            ("reboot", false),
            ("sudo reboot --force", true),
            ("sudo systemctl stop sensor", true),
            ("sudo node-status", true),
            ("uptime", false),
        ] {
            let program = line.strip_prefix("sudo ").unwrap_or(line);
            let program = program.split(' ').map(str::to_owned).collect();
            assert_eq!(parse(line), Request::Program(program, as_root), "{line}");
        }
    }

    #[test]
    fn quoted_words_are_words() {
        let line = r"a 'b c' d'e'\''f' '' --g=h";
        assert_eq!(words(line).unwrap(), ["a", "b c", "de'f", "", "--g=h"]);
    }
}
