//! What one finds when one looks around in a host's file system: what was uploaded, and some files
//! that every Ubuntu has. Nothing here is on this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::files::Kind;
use super::host::Host;
use super::start::{Start, memory};
use super::status::cloud_init_log;

/// The text of `/etc/os-release`, as far as anybody asks it.
const OS_RELEASE: &str = "PRETTY_NAME=\"Ubuntu 24.04.3 LTS\"\nNAME=\"Ubuntu\"\n\
                          VERSION_ID=\"24.04\"\nVERSION=\"24.04.3 LTS (Noble Numbat)\"\nID=ubuntu";
/// Folders that are there with nothing in them that could be shown.
const EMPTY: [&str; 6] = ["/bacalhau_data", "/root", "/srv", "/tmp", "/opt/sensor/data", "/mnt"];

/// A file: who may read it, and what is in it.
struct Known {
    mode: u32,
    lines: Vec<String>,
}

/// A host's files.
pub(super) struct Root<'a> {
    host: &'a Host,
    files: BTreeMap<PathBuf, Known>,
}

/// An answer in lines, or what is complained of.
type Found = Result<Vec<String>, String>;

impl<'a> Root<'a> {
    /// The files as they are now.
    pub(super) fn of(host: &'a Host) -> Self {
        let uploaded = host.machine.files().into_iter().filter_map(|(path, file)| {
            let lines = host.machine.lines(&path)?;
            matches!(file.kind, Kind::File(_)).then_some((path, file.mode, lines))
        });
        let known = |(path, mode, lines)| (path, Known { mode, lines });
        let mut files: BTreeMap<PathBuf, Known> = uploaded.map(known).collect();
        for (path, mode, text) in ubuntus_own(host) {
            let lines = text.lines().map(str::to_owned).collect();
            files.insert(path.into(), Known { mode, lines });
        }
        let log = Path::new("/opt/deployment.log");
        if let Some(lines) = host.machine.lines(log) {
            files.insert(log.to_owned(), Known { mode: 0o644, lines });
        }
        Self { host, files }
    }

    /// `cat`: the lines of a file.
    pub(super) fn cat(&self, user: &str, path: &Path) -> Found {
        let failed = |why: &str| Err(format!("cat: {}: {why}", path.display()));
        match self.files.get(path) {
            Some(file) if user != "root" && file.mode & 0o004 == 0 => failed("Permission denied"),
            Some(file) => Ok(file.lines.clone()),
            None if self.is_folder(path) => failed("Is a directory"),
            None => failed("No such file or directory"),
        }
    }

    /// `ls`: the names in a folder, or a file's own; in full with `-l`, and hidden ones with `-a`.
    pub(super) fn ls(&self, path: &Path, in_full: bool, hidden: bool) -> Found {
        if let Some(file) = self.files.get(path) {
            let name = path.display().to_string();
            return Ok(vec![if in_full { self.line(&name, Some(file)) } else { name }]);
        }
        if !self.is_folder(path) {
            let path = path.display();
            return Err(format!("ls: cannot access '{path}': No such file or directory"));
        }
        let paths = self.files.keys().map(PathBuf::as_path).chain(EMPTY.map(Path::new));
        let inside = paths.filter_map(|file| file.strip_prefix(path).ok()?.components().next());
        let names: BTreeSet<String> =
            inside.map(|name| name.as_os_str().to_string_lossy().into_owned()).collect();
        let shown = names.into_iter().filter(|name| hidden || !name.starts_with('.'));
        let line = |name: String| {
            if in_full { self.line(&name, self.files.get(&path.join(&name))) } else { name }
        };
        Ok(shown.map(line).collect())
    }

    /// The files at a path and below it.
    pub(super) fn below(&self, path: &Path) -> Vec<&Path> {
        self.files.keys().map(PathBuf::as_path).filter(|file| file.starts_with(path)).collect()
    }

    /// Whether something is in it, or could be.
    pub(super) fn is_folder(&self, path: &Path) -> bool {
        let paths = self.files.keys().map(PathBuf::as_path).chain(EMPTY.map(Path::new));
        path == Path::new("/")
            || EMPTY.map(Path::new).contains(&path)
            || paths.into_iter().any(|file| file != path && file.starts_with(path))
    }

    /// A line of `ls -l`; without a file it is a folder's.
    fn line(&self, name: &str, file: Option<&Known>) -> String {
        let mode = file.map_or(0o755, |file| file.mode);
        let bits: String = (0..9)
            .map(|bit| if mode & (0o400 >> bit) == 0 { '-' } else { b"rwx"[bit % 3].into() })
            .collect();
        let size = file.map_or(4096, |file| file.lines.iter().map(|it| it.len() + 1).sum());
        let at = self.host.cloud_init_done_at().strftime("%b %e %H:%M");
        let kind = if file.is_some() { '-' } else { 'd' };
        format!("{kind}{bits} 1 root root {size:>8} {at} {name}")
    }
}

/// Files that every such machine has.
fn ubuntus_own(host: &Host) -> Vec<(&'static str, u32, String)> {
    let name = host.instance();
    let memory = memory(host);
    let keys = host.state.authorized_keys.join("\n");
    let meminfo = format!(
        "MemTotal:       {:>8} kB\nMemFree:        {:>8} kB\nMemAvailable:   {:>8} kB",
        memory.total_kb,
        memory.free_kb / 2,
        memory.free_kb
    );
    let passwd = "root:x:0:0:root:/root:/bin/bash\n\
                  sshd:x:105:65534::/run/sshd:/usr/sbin/nologin\n\
                  ubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash";
    let mut files = vec![
        ("/etc/hostname", 0o644, name.to_string()),
        ("/etc/hosts", 0o644, "127.0.0.1 localhost".to_owned()),
        ("/etc/os-release", 0o644, OS_RELEASE.to_owned()),
        ("/etc/passwd", 0o644, passwd.to_owned()),
        ("/home/ubuntu/.ssh/authorized_keys", 0o600, keys),
        ("/home/ubuntu/.profile", 0o644, "# ~/.profile: executed by the login shell.".to_owned()),
        ("/proc/meminfo", 0o444, meminfo),
        ("/proc/sys/kernel/random/boot_id", 0o444, host.boot_id()),
        ("/var/log/cloud-init-output.log", 0o644, cloud_init_log(host).join("\n")),
    ];
    if Start::of(host).bacalhau_is_alive {
        let config = "NameProvider: puuid\nCompute:\n  Enabled: true".to_owned();
        files.push(("/bacalhau_node/config.yaml", 0o600, config));
    }
    files
}

/// A user's home.
pub(super) fn home(user: &str) -> PathBuf {
    if user == "root" { PathBuf::from("/root") } else { Path::new("/home").join(user) }
}
