//! The programs with which one looks around on a host: what they print there.

use std::path::Path;

use jiff::Timestamp;

use super::deployment::units;
use super::files::Kind;
use super::host::Host;
use super::start::{Start, disk, memory};

/// What a program printed, and its exit status.
pub(super) type Answer = (u32, Vec<String>);

const OS_RELEASE: [&str; 4] =
    ["PRETTY_NAME=\"Ubuntu 24.04.1 LTS\"", "NAME=\"Ubuntu\"", "VERSION_ID=\"24.04\"", "ID=ubuntu"];
const KERNEL: &str = "6.8.0-1021-aws";
/// As systemctl(1) says it of a unit that does not run.
const NOT_ACTIVE: u32 = 3;

/// Runs a program as this user; `None` for one that the host does not have.
pub(super) fn run(host: &Host, user: &str, words: &[&str]) -> Option<Answer> {
    let name = host.instance().to_string();
    let now = host.hosts.now();
    let lines = match words {
        ["true"] => Vec::new(),
        ["false"] => return Some((1, Vec::new())),
        ["echo", said @ ..] => vec![said.join(" ")],
        ["hostname"] => vec![name],
        ["whoami"] => vec![user.to_owned()],
        ["nproc"] => vec!["2".to_owned()],
        ["date"] => vec![now.strftime("%a %b %e %H:%M:%S UTC %Y").to_string()],
        ["uname"] => vec!["Linux".to_owned()],
        ["uname", "-r"] => vec![KERNEL.to_owned()],
        ["uname", "-a"] => vec![format!("Linux {name} {KERNEL} #23-Ubuntu SMP x86_64 GNU/Linux")],
        ["uptime"] => vec![uptime(host, now)],
        ["df"] | ["df", "-h" | "/"] | ["df", "-h", "/"] => free_disk(host),
        ["free"] | ["free", "-m" | "-h"] => free_memory(host),
        ["docker", "ps"] => containers(host),
        ["systemctl", "is-active", names @ ..] => return Some(are_active(host, names)),
        ["cat", "/etc/os-release"] => OS_RELEASE.map(str::to_owned).to_vec(),
        ["cat", path] if path.starts_with("/opt/") => {
            return Some(file(host, user, Path::new(path)));
        }
        ["ls", path] if path.starts_with("/opt/") => return Some(names_in(host, Path::new(path))),
        _ => return None,
    };
    Some((0, lines))
}

fn uptime(host: &Host, now: Timestamp) -> String {
    let minutes = now.duration_since(host.state.booted_at).as_mins().max(0);
    let load = 5 + host.pick("load", 40);
    let at = now.strftime("%H:%M:%S");
    format!(" {at} up {minutes} min,  0 users,  load average: 0.{load:02}, 0.{load:02}, 0.04")
}

fn free_disk(host: &Host) -> Vec<String> {
    let disk = disk(host);
    let used = disk.total_kb - disk.free_kb;
    vec![
        "Filesystem      Size  Used Avail Use% Mounted on".to_owned(),
        format!(
            "/dev/root       {}M {}M {}M  {}% /",
            disk.total_kb / 1024,
            used / 1024,
            disk.free_kb / 1024,
            used * 100 / disk.total_kb.max(1),
        ),
    ]
}

fn free_memory(host: &Host) -> Vec<String> {
    let memory = memory(host);
    let (total, free) = (memory.total_kb / 1024, memory.free_kb / 1024);
    vec![
        "               total        used        free".to_owned(),
        format!("Mem:           {total:>5}       {:>5}       {free:>5}", total - free),
    ]
}

fn containers(host: &Host) -> Vec<String> {
    let start = Start::of(host);
    let mut lines = vec!["NAMES                    STATUS".to_owned()];
    if start.bacalhau_is_alive {
        lines.push("bacalhau                 Up (healthy)".to_owned());
    }
    if start.sensing.is_some() {
        lines.push("sensor-log-generator     Up (healthy)".to_owned());
    }
    lines
}

fn are_active(host: &Host, names: &[&str]) -> Answer {
    let known = units(&host.machine.placed().unwrap_or_default());
    let start = Start::of(host);
    let state = |name: &&str| {
        let unit = format!("{}.service", name.strip_suffix(".service").unwrap_or(name));
        if known.contains(&unit) { start.unit(&unit) } else { "inactive" }
    };
    let states: Vec<&str> = names.iter().map(state).collect();
    let code = if states.iter().all(|state| *state == "active") { 0 } else { NOT_ACTIVE };
    (code, states.into_iter().map(str::to_owned).collect())
}

fn file(host: &Host, user: &str, path: &Path) -> Answer {
    let failed = |why: &str| (1, vec![format!("cat: {}: {why}", path.display())]);
    let files = host.machine.files();
    match (files.get(path), host.machine.lines(path)) {
        (Some(file), _) if user != "root" && file.mode & 0o004 == 0 => failed("Permission denied"),
        (_, Some(lines)) => (0, lines),
        (_, None) => failed("No such file or directory"),
    }
}

fn names_in(host: &Host, folder: &Path) -> Answer {
    let files = host.machine.files();
    let mut names: Vec<String> = files
        .iter()
        .filter(|(_, file)| !matches!(file.kind, Kind::Folder))
        .filter_map(|(path, _)| path.strip_prefix(folder).ok()?.components().next())
        .map(|name| name.as_os_str().to_string_lossy().into_owned())
        .collect();
    names.dedup();
    if names.is_empty() {
        let why = format!("ls: cannot access '{}': No such file or directory", folder.display());
        return (2, vec![why]);
    }
    (0, names)
}
