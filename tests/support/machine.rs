//! A machine to deploy to that is not this machine: a busybox root in a temporary folder.
//!
//! Programs that would touch a real machine (`systemctl`, `docker`, `reboot` ...) are stubs that
//! record their calls. `curl` plays the instance metadata service, version 2, and the two health
//! endpoints; nothing here opens a socket.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use spot_tui::fleet::identity::Identity;
use tempfile::TempDir;

/// Where the stubs write down how they were called, seen from inside.
const CALLS: &str = "/var/calls";

/// What the made-up instance is called.
pub(crate) const INSTANCE_ID: &str = "i-0a1b2c3d4e5f67890";

const RECORD: &str = "#!/bin/sh\necho \"${0##*/} $*\" >>/var/calls\n";

/// Each stub, after the line that records the call. `/var/stubs/NAME` changes the exit code.
const STUBS: &[(&str, &str)] = &[
    (
        "systemctl",
        "case $1 in show) shift 2; printf 'Id=%s\\nActiveState=active\\n\\n' \"$@\" ;; esac\nexit \"$(cat /var/stubs/systemctl 2>/dev/null || echo 0)\"\n",
    ),
    ("docker", ""),
    ("journalctl", "echo 'a line of the journal'\n"),
    (
        "cloud-init",
        "echo 'status: done'\nexit \"$(cat /var/stubs/cloud-init 2>/dev/null || echo 0)\"\n",
    ),
    ("reboot", ""),
    ("sudo", "exec \"$@\"\n"),
    ("curl", CURL),
];

const CURL: &str = r#"
for url; do :; done
case $url in
  */api/token) [ "${*#*PUT}" != "$*" ] && echo made-up-token ;;
  */meta-data/*)
    # The token comes in on standard input; without it IMDSv2 answers 401.
    [ "$(cat)" = "X-aws-ec2-metadata-token: made-up-token" ] || exit 22
    cat "/var/imds/${url#*/meta-data/}" 2>/dev/null || exit 22 ;;
  */agent/alive) echo '{"Status":"OK"}' ;;
  # As sensor-log-generator v1.17.0 was seen to answer: unhealthy for ever, which --fail makes 22.
  */healthz) exit 22 ;;
  */statusz) printf '{\n  "running": true,\n  "readings_count": %s,\n  "error_count": 1,\n  "elapsed_seconds": %s.7,\n  "readings_per_second": 1,\n  "location": {\n    "city": "Denver"\n  },\n  "database_healthy": false,\n  "monitoring_server_running": true\n}\n' 42 40 ;;
  http://docker/version) echo '{"Components":[{"Version":"x"}],"Version":"27.5.1","ApiVersion":"1.47"}' ;;
  http://docker/containers/json)
    echo '[{"Id":"a","Names":["/bacalhau"],"Ports":[{"IP":"127.0.0.1"}],"State":"running"}]' ;;
  http://orchestrator.example.com:4222/) printf 0.004 ;;
  *) exit 7 ;;
esac
"#;

/// A made-up machine. It is gone when this is dropped.
pub(crate) struct Root {
    folder: TempDir,
}

impl Root {
    /// A fresh machine with the users `root` and `ubuntu`.
    pub(crate) fn new() -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "this test needs root for chroot: run `sudo make test`"
        );
        let root = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        // The temporary folder is the user's own; a root folder is everybody's.
        fs::set_permissions(root.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        root.install_busybox();
        root.write(
            "/etc/passwd",
            0o644,
            "root:x:0:0::/root:/bin/sh\nubuntu:x:1000:1000::/home/ubuntu:/bin/sh\n",
        );
        root.write("/etc/group", 0o644, "root:x:0:\nadm:x:4:ubuntu\nubuntu:x:1000:\n");
        root.write("/proc/uptime", 0o444, "123.45 67.89\n");
        root.write("/proc/meminfo", 0o444, "MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\n");
        root.write("/run/cloud-init/result.json", 0o644, "{\n \"v1\": {\"errors\": []}\n}\n");
        root.write("/var/imds/instance-id", 0o644, INSTANCE_ID);
        root.write("/var/imds/placement/region", 0o644, "us-west-2");
        root.write("/var/imds/placement/availability-zone", 0o644, "us-west-2b");
        root.write("/var/imds/instance-type", 0o644, "t3.medium");
        for folder in ["/etc/systemd/system", "/opt", "/root", "/run", "/tmp", "/var/stubs"] {
            fs::create_dir_all(root.path(folder)).unwrap();
        }
        for (name, body) in STUBS {
            root.write(&format!("/usr/local/bin/{name}"), 0o755, &format!("{RECORD}{body}"));
        }
        root
    }

    fn install_busybox(&self) {
        let busybox = ["/bin/busybox", "/usr/bin/busybox"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .expect("busybox is missing: apt-get install busybox-static");
        fs::create_dir_all(self.path("/bin")).unwrap();
        fs::copy(busybox, self.path("/bin/busybox")).unwrap();
        let applets = Command::new(busybox).arg("--list").output().unwrap().stdout;
        for applet in String::from_utf8(applets).unwrap().lines().filter(|name| *name != "busybox")
        {
            symlink("busybox", self.path("/bin").join(applet)).unwrap();
        }
        fs::create_dir_all(self.path("/dev")).unwrap();
        let null = Command::new("mknod")
            .args(["-m", "666"])
            .arg(self.path("/dev/null"))
            .args(["c", "1", "3"])
            .status()
            .unwrap();
        assert!(
            null.success(),
            "no device could be made in {}: set TMPDIR to a folder without `nodev`",
            self.folder.path().display()
        );
    }

    /// A path of the machine, as seen from outside.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside.trim_start_matches('/'))
    }

    /// Writes a file and the folders above it.
    pub(crate) fn write(&self, inside: &str, mode: u32, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A file's text.
    pub(crate) fn read(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside))
            .unwrap_or_else(|error| panic!("{inside} in the root: {error}"))
    }

    /// A file's permission bits.
    pub(crate) fn mode(&self, inside: &str) -> u32 {
        fs::symlink_metadata(self.path(inside)).unwrap().mode() & 0o7777
    }

    /// Puts the repository's `instance/` where an upload puts it, with these files of the user's.
    pub(crate) fn upload(&self, files: &[(&str, &str)]) {
        let instance = Path::new(env!("CARGO_MANIFEST_DIR")).join("instance");
        for folder in ["scripts", "config"] {
            let target = self.path("/tmp/uploaded_files").join(folder);
            fs::create_dir_all(&target).unwrap();
            for entry in fs::read_dir(instance.join(folder)).unwrap() {
                let entry = entry.unwrap();
                // `copy` keeps the permission bits.
                fs::copy(entry.path(), target.join(entry.file_name())).unwrap();
            }
        }
        fs::set_permissions(self.path("/tmp/uploaded_files"), fs::Permissions::from_mode(0o700))
            .unwrap();
        let identity = Identity::of(&INSTANCE_ID.into()).json();
        self.write("/tmp/uploaded_files/node_identity.json", 0o644, &identity);
        for (name, text) in files {
            self.write(&format!("/tmp/uploaded_files/files/{name}"), 0o644, text);
        }
    }

    /// Runs a command on the machine.
    pub(crate) fn run(&self, command: &[&str]) -> Output {
        Command::new("chroot")
            .arg(self.folder.path())
            .args(command)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/bin:/usr/sbin:/sbin")
            .output()
            .expect("chroot is a part of coreutils")
    }

    /// How the stubs were called so far, one line a call.
    pub(crate) fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.path(CALLS))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Everything under a folder: path, then owner, mode and content.
    pub(crate) fn tree(&self, inside: &str) -> BTreeMap<PathBuf, (u32, u32, Vec<u8>)> {
        let mut found = BTreeMap::new();
        let mut open = vec![self.path(inside)];
        while let Some(path) = open.pop() {
            let metadata = fs::symlink_metadata(&path).unwrap();
            let content = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            if metadata.is_dir() {
                open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            found.insert(path, (metadata.uid(), metadata.mode(), content));
        }
        found
    }
}
