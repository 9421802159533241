//! A real machine in QEMU: emulated, without KVM, and without a way out. Its disk is made by
//! `tests/machine/make-disk.sh`; cloud-init, systemd, sshd, sudo, Docker and the reboot are real.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use super::root::run;

/// Where the machine finds the orchestrator's NATS server: an address that only QEMU knows.
pub(crate) const ORCHESTRATOR: &str = "10.0.2.100:4222";

/// Names volumes and disks as EC2's udev rules do, by model and serial number, a disk a second time with
/// its namespace. The model of QEMU's NVMe devices is QEMU's own, and no option sets it; so here it
/// follows from the serial number, which is as EC2 has it.
const DEVICE_NAMES: &str = "KERNEL!=\"nvme*[0-9]n*[0-9]\", GOTO=\"end\"\n\
    ENV{DEVTYPE}!=\"disk\", GOTO=\"end\"\n\
    ATTRS{serial}==\"vol*\", SYMLINK+=\"disk/by-id/nvme-Amazon_Elastic_Block_Store_$attr{serial}\"\n\
    ATTRS{serial}==\"AWS*\", \
    SYMLINK+=\"disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_$attr{serial}\", \
    SYMLINK+=\"disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_$attr{serial}_1\"\n\
    LABEL=\"end\"\n";

/// A volume beside the one that a machine boots from, or a disk of its type, as EC2 shows it to the
/// machine: an NVMe device, the serial number of a volume being its id.
#[derive(Debug, Clone)]
pub(crate) struct Volume {
    /// Its serial number, and the file that it is.
    pub(crate) serial: &'static str,
    pub(crate) file: PathBuf,
}

/// A machine. Gone when it is dropped.
pub(crate) struct Vm {
    folder: TempDir,
    qemu: Child,
    door: SocketAddr,
}

impl Vm {
    /// Boots a machine that finds this user-data, and whose port 22 is that of `door`. What it
    /// sends to [`ORCHESTRATOR`] comes out at `nats` on loopback.
    pub(crate) fn boot(user_data: &[u8], instance: &str, door: SocketAddr, nats: u16) -> Self {
        let folder = new_disk();
        describe(folder.path(), user_data, instance);
        let guest =
            format!(",guestfwd=tcp:{ORCHESTRATOR}-cmd:/usr/bin/busybox nc 127.0.0.1 {nats}");
        let qemu = start(folder.path(), door, &guest, &[]);
        Self { folder, qemu, door }
    }

    /// Boots a machine with these volumes, in their order, that speaks to nobody.
    pub(crate) fn with_volumes(
        user_data: &[u8],
        instance: &str,
        door: SocketAddr,
        volumes: &[Volume],
    ) -> Self {
        let folder = new_disk();
        let rule = folder.path().join("names.rules");
        fs::write(&rule, DEVICE_NAMES).unwrap();
        put(folder.path(), &rule, "/etc/udev/rules.d/70-volumes.rules");
        describe(folder.path(), user_data, instance);
        let qemu = start(folder.path(), door, "", volumes);
        Self { folder, qemu, door }
    }

    /// Boots a machine that is off again from its disk: as this instance, with these volumes. Its
    /// network interface is another one, too.
    pub(crate) fn boot_again(&mut self, user_data: &[u8], instance: &str, volumes: &[Volume]) {
        assert!(self.is_off(), "a machine that runs writes to its disk");
        describe(self.folder.path(), user_data, instance);
        self.qemu = start(self.folder.path(), self.door, "", volumes);
    }

    /// Whether its system has powered it off.
    pub(crate) fn is_off(&mut self) -> bool {
        self.qemu.try_wait().unwrap().is_some()
    }

    /// What it printed on its console so far.
    pub(crate) fn console(&self) -> String {
        let bytes = fs::read(self.folder.path().join("console")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Runs a command on it as its user, past the program.
    pub(crate) fn ssh(&self, key: &Path, command: &str) -> Output {
        let mut ssh = self.command(key, &[], command);
        ssh.output().expect("ssh is missing: apt-get install openssh-client")
    }

    /// What runs a command on it, with these options of ssh's.
    pub(crate) fn command(&self, key: &Path, options: &[&str], command: &str) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.args(options)
            .args(["-q", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "ConnectTimeout=30", "-i"])
            .arg(key)
            .args(["-p", &self.door.port().to_string()])
            .args([&format!("ubuntu@{}", self.door.ip()), command]);
        ssh
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// A folder with a disk that nobody has booted from.
fn new_disk() -> TempDir {
    let made = disk();
    // The temporary folder of the system may be too small for a disk.
    let folder = tempfile::Builder::new().prefix("vm-").tempdir_in(&made).unwrap();
    let disk = folder.path().join("disk");
    run(Command::new("cp").arg("--sparse=always").arg(made.join("disk.img")).arg(&disk));
    folder
}

/// Tells cloud-init on the disk who the machine is, and what it is to do.
fn describe(folder: &Path, user_data: &[u8], instance: &str) {
    let meta = format!("instance-id: {instance}\nlocal-hostname: {instance}\n");
    for (name, text) in [("user-data", user_data), ("meta-data", meta.as_bytes())] {
        fs::write(folder.join(name), text).unwrap();
        put(folder, &folder.join(name), &format!("/var/lib/cloud/seed/nocloud/{name}"));
    }
}

/// Puts a file on the disk, for one that was there.
fn put(folder: &Path, from: &Path, to: &str) {
    let disk = folder.join("disk");
    for request in [format!("rm {to}"), format!("write {} {to}", from.display())] {
        let mut debugfs = Command::new("/usr/sbin/debugfs");
        run(debugfs.args(["-w", "-R", &request]).arg(&disk));
    }
}

fn start(folder: &Path, door: SocketAddr, more_network: &str, volumes: &[Volume]) -> Child {
    let made = disk();
    let network = format!("user,id=n,restrict=on,hostfwd=tcp:{door}-:22{more_network}");
    let file = |path: &Path| format!("file={},format=raw,cache=unsafe", path.display());
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048"])
        .args(["-display", "none", "-no-user-config", "-nodefaults"])
        .arg("-kernel")
        .arg(made.join("vmlinuz"))
        .arg("-initrd")
        .arg(made.join("initrd"))
        // Under emulation the kernel may find its timer late, and give up.
        .args(["-append", "root=/dev/vda rw console=ttyS0 mitigations=off no_timer_check"])
        .arg("-drive")
        .arg(format!("{},if=virtio", file(&folder.join("disk"))))
        .args(["-netdev", &network])
        .args(["-device", &format!("virtio-net-pci,netdev=n,romfile=,mac={}", new_mac())])
        .args(["-device", "virtio-rng-pci"]);
    for (at, Volume { serial, file: path }) in volumes.iter().enumerate() {
        qemu.arg("-drive").arg(format!("{},if=none,id=v{at}", file(path)));
        qemu.args(["-device", &format!("nvme,drive=v{at},serial={serial}")]);
    }
    qemu.arg("-serial")
        .arg(format!("file:{}", folder.join("console").display()))
        .stdin(Stdio::null())
        .spawn()
        .expect("qemu-system-x86_64 is missing: apt-get install qemu-system-x86")
}

/// An address of QEMU's own range for an interface.
fn new_mac() -> String {
    let [a, b, c, _] = fastrand::u32(..).to_be_bytes();
    format!("52:54:00:{a:02x}:{b:02x}:{c:02x}")
}

/// The folder of the disk that was made.
fn disk() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("machine");
    assert!(folder.join("disk.img").exists(), "there is no disk: make test-node");
    folder
}
