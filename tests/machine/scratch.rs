//! The disks that come with a machine's type, on a real system: formatted by the real programs, striped,
//! and mounted at each boot.

use std::fs;
use std::path::Path;

use super::node::Machine;
use super::stays::instance;
use crate::support::vm::Volume;

const SERIALS: [&str; 2] = ["AWS6022A3DF7CB1E0F01", "AWS6022A3DF7CB1E0F02"];
const PROGRAM: &str = "/usr/local/sbin/spot-tui-instance-store";
const MOUNT: &str = "/scratch";
/// The smallest that an xfs of two of them fits on.
const SIZE: u64 = 512 << 20;

/// Two blank ones.
pub(super) fn disks(folder: &Path) -> [Volume; 2] {
    let disks = SERIALS.map(|serial| Volume { serial, file: folder.join(serial) });
    empty(&[&disks[0], &disks[1]]);
    disks
}

/// What a stop and a start do to them.
pub(super) fn empty(disks: &[&Volume]) {
    for disk in disks {
        fs::File::create(&disk.file).unwrap().set_len(SIZE).unwrap();
    }
}

/// As the program has it done over SSH.
fn install(machine: &Machine, filesystem: &str) -> Result<String, String> {
    let put =
        format!("cat >{PROGRAM}.new && chmod 755 {PROGRAM}.new && mv {PROGRAM}.new {PROGRAM}");
    let command = format!("sudo sh -c '{put} && exec {PROGRAM} install {filesystem} {MOUNT}'");
    machine.ask(&command, instance("instance-store.sh"))
}

fn names() -> String {
    SERIALS
        .map(|it| format!("/dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_{it}"))
        .join(" ")
}

/// Formatted in each way, on both, and never again while there is anything on them.
pub(super) fn its_disks_are_one(machine: &Machine) {
    for filesystem in ["btrfs", "xfs", "ext4"] {
        let said = install(machine, filesystem).unwrap();
        let formatted =
            format!("formatting the instance store, which is blank (2 of its disks, {filesystem})");
        assert!(said.contains(&formatted), "{said}");
        let seen = machine.told(&format!("findmnt -n -b -o FSTYPE,SIZE {MOUNT}"));
        let (kind, size) = seen.split_once(' ').unwrap();
        assert_eq!(kind, filesystem);
        let size: u64 = size.trim().parse().unwrap();
        assert!(size > SIZE * 3 / 2, "both of them: {seen}");
        assert_eq!(install(machine, filesystem), Ok(String::new()), "again changes nothing");
        machine.told(&format!("echo of today >{MOUNT}/notes; sync"));
        println!("the instance store is {seen}");
        if filesystem != "ext4" {
            wipe(machine, filesystem);
        }
    }
}

/// Makes them blank, as a stop and a start do; before that they are left as they are.
fn wipe(machine: &Machine, filesystem: &str) {
    let unmount = match filesystem {
        "btrfs" => format!("sudo umount {MOUNT}"),
        _ => format!("sudo umount {MOUNT} && sudo mdadm --stop /dev/md/spot-scratch"),
    };
    machine.told(&unmount);
    machine.told(&format!("sudo wipefs -q -a {} && sudo udevadm settle", names()));
}

/// The boot has seen to it, whatever the devices are called today.
pub(super) fn they_are_mounted_before_docker(machine: &Machine, notes: &str) {
    assert_eq!(machine.told(&format!("cat {MOUNT}/notes 2>/dev/null || true")), notes);
    assert_eq!(machine.told(&format!("findmnt -n -o FSTYPE {MOUNT}")), "ext4");
    let at = |unit: &str, what: &str| -> u64 {
        let show = format!("systemctl show -P {what}Monotonic {unit}.service");
        machine.told(&show).parse().unwrap()
    };
    let mounted = at("spot-tui-instance-store", "ActiveEnterTimestamp");
    let docker = at("docker", "ExecMainStartTimestamp");
    assert!(mounted > 0 && mounted < docker, "{mounted} {docker}");
    let journal = "sudo journalctl -b -o cat -u spot-tui-instance-store";
    println!("the instance store at boot: {}", machine.told(journal));
}
