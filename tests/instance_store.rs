//! The disks that come with an instance type: `instance/instance-store.sh` on a tree that stands for a
//! machine's. Its disks are files, and what looks at them and formats them are the real programs; only
//! what would change this machine is not: mount, mdadm, systemctl.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::instance::{in_lint_root, lint_root};
use crate::support::root::run;

/// What stands for programs that change a machine. mdadm(8) leaves the array at the name that it is told.
const STUBS: [(&str, &str); 4] = [
    (
        "mount",
        "echo \"$3 ${4#\"$SPOT_TUI_ROOT\"} ext4 rw,noatime 0 0\" >>$SPOT_TUI_ROOT/proc/mounts",
    ),
    ("mdadm", "mkdir -p \"${2%/*}\"; truncate -s 64M \"$2\""),
    ("udevadm", ":"),
    ("systemctl", "[ \"$1\" != is-active ] || [ -e $SPOT_TUI_ROOT/docker-runs ]"),
];

const PREFIX: &str = "nvme-Amazon_EC2_NVMe_Instance_Storage_AWS";

/// A machine, as far as its disks go.
struct Node {
    root: TempDir,
}

impl Node {
    fn new() -> Self {
        let node = Self { root: tempfile::tempdir().unwrap() };
        for folder in
            ["dev/disk/by-id", "proc", "run", "etc/systemd/system", "stubs", "usr/local/sbin"]
        {
            fs::create_dir_all(node.path(folder)).unwrap();
        }
        fs::write(node.path("proc/mounts"), "/dev/root / ext4 rw 0 0\n").unwrap();
        for (name, body) in STUBS {
            let body = format!("#!/bin/sh\necho \"{name} $*\" >>$SPOT_TUI_ROOT/calls\n{body}\n");
            node.program(&format!("stubs/{name}"), &body);
        }
        let text = fs::read_to_string(script()).unwrap();
        node.program("usr/local/sbin/spot-tui-instance-store", &text);
        node
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.root.path().join(inside)
    }

    fn program(&self, inside: &str, text: &str) {
        fs::write(self.path(inside), text).unwrap();
        fs::set_permissions(self.path(inside), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A blank device, and the names that udev gives it.
    fn device(&self, name: &str, links: &[&str]) -> PathBuf {
        let device = self.path(&format!("dev/{name}"));
        fs::File::create(&device).unwrap().set_len(64 << 20).unwrap();
        for link in links {
            symlink(&device, self.path(&format!("dev/disk/by-id/{link}"))).unwrap();
        }
        device
    }

    /// A disk of the instance store. udev names each twice, the second time with its namespace.
    fn disk(&self, name: &str) -> PathBuf {
        let link = format!("{PREFIX}{name}");
        self.device(name, &[&link, &format!("{link}_1")])
    }

    /// Whether it ended well, and what it said.
    fn run(&self, words: &[&str]) -> (bool, String) {
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.path("stubs").display());
        let mut command = Command::new(self.path("usr/local/sbin/spot-tui-instance-store"));
        command.args(words).env("PATH", path).env("SPOT_TUI_ROOT", self.root.path());
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    fn mounts(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("proc/mounts")).unwrap();
        let of = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" at ");
        text.lines().skip(1).map(of).collect()
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.path("calls")).unwrap_or_default()
    }

    /// All is as after a reboot: what is on the disks stays.
    fn reboot(&self) {
        fs::write(self.path("proc/mounts"), "/dev/root / ext4 rw 0 0\n").unwrap();
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instance/instance-store.sh")
}

fn value(tag: &str, device: &Path) -> String {
    let mut blkid = Command::new("/usr/sbin/blkid");
    let output = blkid.args(["-p", "-s", tag, "-o", "value"]).arg(device).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn mkfs(device: &Path) {
    run(Command::new("/usr/sbin/mkfs.ext4").args(["-q", "-L", "precious"]).arg(device));
}

#[test]
fn a_blank_disk_is_formatted_once_and_mounted_at_each_boot() {
    let node = Node::new();
    let disk = node.disk("nvme1n1");
    let (good, said) = node.run(&["install", "ext4", "/scratch"]);
    assert!(good && said.contains("formatting the instance store, which is blank"), "{said}");
    assert_eq!(node.mounts(), [format!("{} at /scratch", disk.display())]);
    assert_eq!(
        (value("TYPE", &disk), value("LABEL", &disk)),
        ("ext4".into(), "spot-scratch".into())
    );
    let mode = fs::metadata(node.path("scratch")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o1777, "everybody's");
    assert!(node.calls().contains("systemctl enable --quiet spot-tui-instance-store.service"));
    assert_eq!(node.run(&["install", "ext4", "/scratch"]), (true, String::new()), "again");

    let before = value("UUID", &disk);
    node.reboot();
    let (good, said) = node.run(&["mount", "ext4", "/scratch"]);
    assert!(good && !said.contains("formatting"), "{said}");
    assert_eq!((node.mounts().len(), value("UUID", &disk)), (1, before), "a reboot keeps it");

    // A stop and a start: it is blank again.
    fs::write(&disk, "").unwrap();
    fs::File::options().write(true).open(&disk).unwrap().set_len(64 << 20).unwrap();
    node.reboot();
    let (good, said) = node.run(&["mount", "ext4", "/scratch"]);
    assert!(good && said.contains("formatting"), "{said}");
}

#[test]
fn no_ebs_volume_and_nothing_with_anything_on_it_is_formatted() {
    let node = Node::new();
    // Blank, and not ours: it comes first, as it may after a start.
    let volume = node.device("nvme0n1", &["nvme-Amazon_Elastic_Block_Store_vol0b1a4c5d6e7f80910"]);
    assert_eq!(
        node.run(&["mount", "ext4", "/scratch"]),
        (true, "this instance has no instance store\n".into())
    );
    let used = node.disk("nvme1n1");
    mkfs(&used);
    let (good, said) = node.run(&["mount", "ext4", "/scratch"]);
    assert!(!good && said.contains("no disk of the instance store is blank"), "{said}");
    assert_eq!((node.mounts().len(), value("LABEL", &used)), (0, "precious".into()));

    // A table of partitions is something, and a partition is no disk.
    let parted = node.disk("nvme2n1");
    fs::File::options().write(true).open(&parted).unwrap().write_all(&partitions()).unwrap();
    let part = node.device("nvme2n1p1", &[&format!("{PREFIX}nvme2n1-part1")]);
    let free = node.disk("nvme3n1");
    let (good, said) = node.run(&["mount", "ext4", "/scratch"]);
    assert!(good && said.contains("nvme2n1 is not blank: it is left as it is"), "{said}");
    assert_eq!(node.mounts(), [format!("{} at /scratch", free.display())]);
    for (device, label) in [(volume, ""), (used, "precious"), (parted, ""), (part, "")] {
        assert_eq!(value("LABEL", &device), label, "{}", device.display());
    }
}

/// A boot sector that knows of one partition: Linux's, from sector 2048 on.
fn partitions() -> [u8; 512] {
    let mut sector = [0; 512];
    sector[446..462].copy_from_slice(&[0, 0, 2, 0, 0x83, 0, 2, 0, 0, 8, 0, 0, 0, 8, 0, 0]);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

#[test]
fn several_disks_are_striped() {
    let node = Node::new();
    let disks = ["nvme1n1", "nvme2n1", "nvme3n1"].map(|name| node.disk(name));
    let (good, said) = node.run(&["install", "ext4", "/scratch"]);
    assert!(good && said.contains("3 of its disks, ext4"), "{said}");
    let array = node.path("dev/md/spot-scratch");
    assert_eq!(node.mounts(), [format!("{} at /scratch", array.display())]);
    let names = disks.map(|disk| disk.display().to_string()).join(" ");
    let made = format!("--run --homehost=any --level=0 --raid-devices=3 {names}\n");
    assert!(node.calls().contains(&made), "{}", node.calls());
    assert_eq!(value("LABEL", &array), "spot-scratch");
}

#[test]
fn what_lies_at_its_place_is_not_hidden_but_dockers() {
    let node = Node::new();
    let disk = node.disk("nvme1n1");
    for file in ["scratch/thesis", "var/lib/docker/overlay2"] {
        fs::create_dir_all(node.path(file)).unwrap();
    }
    let (good, said) = node.run(&["install", "ext4", "/scratch"]);
    assert!(!good && said.contains("/scratch is not empty: nothing is mounted over it"), "{said}");
    assert_eq!((node.mounts().len(), value("TYPE", &disk)), (0, String::new()));

    fs::write(node.path("docker-runs"), "").unwrap();
    let (good, said) = node.run(&["install", "ext4", "/var/lib/docker"]);
    assert!(good, "{said}");
    let calls = node.calls();
    let order = ["stop docker.socket docker.service", "mount -o noatime", "start docker.service"];
    let at = order.map(|call| calls.rfind(call).unwrap_or_else(|| panic!("{call}: {calls}")));
    assert!(at.is_sorted(), "{calls}");
}

#[test]
fn its_unit_is_valid_and_before_docker_and_goes_again() {
    let node = Node::new();
    node.disk("nvme1n1");
    let (good, said) = node.run(&["install", "ext4", "/home/ubuntu/fast"]);
    assert!(good, "{said}");
    let unit = "etc/systemd/system/spot-tui-instance-store.service";
    let text = fs::read_to_string(node.path(unit)).unwrap();
    assert!(text.contains("Before=docker.service\n"), "{text}");
    assert!(text.contains("RequiresMountsFor=/home/ubuntu\n"), "{text}");
    let inside = text.replace(node.root.path().to_str().unwrap(), "");
    let program = "/usr/local/sbin/spot-tui-instance-store";
    assert!(
        inside.contains(&format!("ExecStart={program} mount ext4 /home/ubuntu/fast\n")),
        "{inside}"
    );
    let root = lint_root();
    fs::create_dir_all(root.join("usr/local/sbin")).unwrap();
    fs::copy(node.path(&program[1..]), root.join(&program[1..])).unwrap();
    fs::write(root.join(unit), inside).unwrap();
    let verify = ["systemd-analyze", "verify", "--man=no", &format!("/{unit}")];
    assert_eq!(in_lint_root(&verify), (true, String::new()));

    assert_eq!(node.run(&["remove"]), (true, String::new()));
    assert!(!node.path(unit).exists() && !node.path(&program[1..]).exists());
}
