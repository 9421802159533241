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
        let made = disk();
        // The temporary folder of the system may be too small for a disk.
        let folder = tempfile::Builder::new().prefix("vm-").tempdir_in(&made).unwrap();
        let disk = folder.path().join("disk");
        run(Command::new("cp").arg("--sparse=always").arg(made.join("disk.img")).arg(&disk));
        fs::write(folder.path().join("user-data"), user_data).unwrap();
        let meta = format!("instance-id: {instance}\nlocal-hostname: {instance}\n");
        fs::write(folder.path().join("meta-data"), meta).unwrap();
        for name in ["user-data", "meta-data"] {
            let (from, to) = (folder.path().join(name), "/var/lib/cloud/seed/nocloud");
            let write = format!("write {} {to}/{name}", from.display());
            run(Command::new("/usr/sbin/debugfs").args(["-w", "-R", &write]).arg(&disk));
        }
        let network = format!(
            "user,id=n,restrict=on,hostfwd=tcp:{door}-:22,\
             guestfwd=tcp:{ORCHESTRATOR}-cmd:/usr/bin/busybox nc 127.0.0.1 {nats}"
        );
        let qemu = Command::new("qemu-system-x86_64")
            .args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048"])
            .args(["-display", "none", "-no-user-config", "-nodefaults"])
            .arg("-kernel")
            .arg(made.join("vmlinuz"))
            .arg("-initrd")
            .arg(made.join("initrd"))
            .args(["-append", "root=/dev/vda rw console=ttyS0 mitigations=off"])
            .arg("-drive")
            .arg(format!("file={},format=raw,if=virtio,cache=unsafe", disk.display()))
            .args(["-netdev", &network])
            .args(["-device", "virtio-net-pci,netdev=n,romfile=", "-device", "virtio-rng-pci"])
            .arg("-serial")
            .arg(format!("file:{}", folder.path().join("console").display()))
            .stdin(Stdio::null())
            .spawn()
            .expect("qemu-system-x86_64 is missing: apt-get install qemu-system-x86");
        Self { folder, qemu, door }
    }

    /// What it printed on its console so far.
    pub(crate) fn console(&self) -> String {
        let bytes = fs::read(self.folder.path().join("console")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Runs a command on it as its user, past the program.
    pub(crate) fn ssh(&self, key: &Path, command: &str) -> Output {
        Command::new("ssh")
            .args(["-q", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "ConnectTimeout=30", "-i"])
            .arg(key)
            .args(["-p", &self.door.port().to_string()])
            .args([&format!("ubuntu@{}", self.door.ip()), command])
            .output()
            .expect("ssh is missing: apt-get install openssh-client")
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// The folder of the disk that was made.
fn disk() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("machine");
    assert!(folder.join("disk.img").exists(), "there is no disk: make test-node");
    folder
}
