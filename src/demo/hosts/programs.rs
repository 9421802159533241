//! The programs with which one looks around on a host: what they print there.

use std::path::Path;

use jiff::Timestamp;

use super::deployment::units;
use super::host::Host;
use super::root::{Root, home};
use super::start::{Start, disk, memory};

/// What a program printed, and its exit status.
pub(super) type Answer = (u32, Vec<String>);

/// What begins a line for standard error.
pub(super) const COMPLAINT: char = '\u{0}';

const KERNEL: &str = "6.8.0-1021-aws";
/// As systemctl(1) says it of a unit that does not run.
const NOT_ACTIVE: u32 = 3;

/// Runs a program as this user; `None` for one that the host does not have.
pub(super) fn run(host: &Host, user: &str, words: &[&str]) -> Option<Answer> {
    let name = host.instance().to_string();
    let now = host.hosts.now();
    let lines = match words {
        ["true"] | ["export", ..] => Vec::new(),
        ["false"] => return Some((1, Vec::new())),
        ["echo", said @ ..] => vec![said.join(" ")],
        ["hostname"] => vec![name],
        ["whoami"] => vec![user.to_owned()],
        ["id"] => vec![identity(user)],
        ["env" | "printenv"] => environment(user),
        ["nproc"] => vec!["2".to_owned()],
        ["date"] => vec![now.strftime("%a %b %e %H:%M:%S UTC %Y").to_string()],
        ["uname", options @ ..] => vec![system(&name, options)?],
        ["uptime"] => vec![uptime(host, now)],
        ["ps", ..] => processes(host, user),
        ["df"] | ["df", "-h" | "-k" | "/"] | ["df", "-h", "/"] => free_disk(host),
        ["free"] | ["free", "-m" | "-h" | "-k"] => free_memory(host),
        ["docker", "ps"] => containers(host),
        ["systemctl", "is-active", names @ ..] => return Some(are_active(host, names)),
        ["cat", paths @ ..] if !paths.is_empty() => {
            return Some(each(paths, |path| Root::of(host).cat(user, path)));
        }
        ["ls", rest @ ..] => return Some(list(host, user, rest)),
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

/// The same program for several paths: what it prints of each, and 1 where one failed.
fn each(paths: &[&str], look: impl Fn(&Path) -> Result<Vec<String>, String>) -> Answer {
    let mut answer = (0, Vec::new());
    for path in paths {
        match look(Path::new(path)) {
            Ok(lines) => answer.1.extend(lines),
            Err(complaint) => {
                answer.0 = 1;
                answer.1.push(format!("{COMPLAINT}{complaint}"));
            }
        }
    }
    answer
}

fn list(host: &Host, user: &str, words: &[&str]) -> Answer {
    let (options, paths): (Vec<&str>, Vec<&str>) = words.iter().partition(|it| it.starts_with('-'));
    let has = |letter| options.iter().any(|it| it.contains(letter));
    let home = home(user).display().to_string();
    let paths = if paths.is_empty() { vec![home.as_str()] } else { paths };
    let (code, lines) = each(&paths, |path| Root::of(host).ls(path, has('l'), has('a')));
    // As coreutils counts it.
    (if code == 0 { 0 } else { 2 }, lines)
}

fn system(name: &str, options: &[&str]) -> Option<String> {
    let all = format!("Linux {name} {KERNEL} #23-Ubuntu SMP x86_64 x86_64 x86_64 GNU/Linux");
    let parts = options.iter().map(|option| match *option {
        "-s" => Some("Linux"),
        "-n" => Some(name),
        "-r" => Some(KERNEL),
        "-m" => Some("x86_64"),
        "-a" => Some(all.as_str()),
        _ => None,
    });
    let parts: Option<Vec<&str>> = parts.collect();
    parts.map(|parts| if parts.is_empty() { "Linux".to_owned() } else { parts.join(" ") })
}

fn identity(user: &str) -> String {
    if user == "root" {
        return "uid=0(root) gid=0(root) groups=0(root)".to_owned();
    }
    format!(
        "uid=1000({user}) gid=1000({user}) groups=1000({user}),4(adm),24(cdrom),27(sudo),30(dip)"
    )
}

fn environment(user: &str) -> Vec<String> {
    let home = home(user).display().to_string();
    vec![
        "SHELL=/bin/bash".to_owned(),
        format!("PWD={home}"),
        format!("LOGNAME={user}"),
        format!("HOME={home}"),
        "LANG=C.UTF-8".to_owned(),
        format!("USER={user}"),
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin".to_owned(),
    ]
}

fn processes(host: &Host, user: &str) -> Vec<String> {
    let start = Start::of(host);
    let known = [
        ("root", 1, "/sbin/init", true),
        ("root", 412, "/usr/lib/systemd/systemd-journald", true),
        ("root", 655, "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", true),
        ("root", 702, "/usr/bin/containerd", start.sensing.is_some()),
        ("root", 731, "/usr/bin/dockerd -H fd://", start.sensing.is_some()),
        (
            "root",
            1544,
            "bacalhau serve --config /etc/bacalhau/config.yaml",
            start.bacalhau_is_alive,
        ),
        ("root", 1571, "python main.py", start.sensing.is_some()),
        (user, 2210, "-bash", true),
    ];
    let there = known.into_iter().filter(|(.., runs)| *runs);
    let mut lines = vec!["USER         PID COMMAND".to_owned()];
    lines.extend(there.map(|(user, id, command, _)| format!("{user:<8} {id:>7} {command}")));
    lines
}
