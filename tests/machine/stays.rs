//! What a machine that stays has on its node, on a real system: its home volume, its own stop, and
//! itself under another instance id.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use spot_tui::jobs::user_data::KEEP_HOSTNAME;

use super::node::{Machine, new_door, user_data_of};
use super::{PATIENCE, scratch};
use crate::support::keys::Key;
use crate::support::root::run;
use crate::support::vm::{Vm, Volume};

const BLANK: &str = "vol0b1a4c5d6e7f80910";
const FOREIGN: &str = "vol0f0e1d2c3b4a59687";
const HOME: &str = "/home/ubuntu";
const PROGRAM: &str = "/usr/local/sbin/spot-tui-idle";
/// After so many seconds in which nothing goes on it is warned, and after so many more it stops: the
/// promised ten minutes would be ten minutes of this test.
const IDLE: (u64, u64) = (60, 30);
/// So many looks, one a minute, are twice as many as an idle machine has: it is warned at the first one
/// after that at which something went on, and stops at the second.
const LOOKS: usize = 4;

impl Machine {
    /// As the program has it done over SSH.
    fn mount_home(&self, volume: &str, mount: &str, swap_gb: u32) -> Result<String, String> {
        let id = volume.replace("vol", "vol-");
        let script = instance("mount-home.sh");
        self.ask(&format!("sudo sh -s -- {id} {mount} {swap_gb}"), &script)
    }

    fn stop_when_idle(&self) {
        let (after, warning) = IDLE;
        let script = instance("idle-stop.sh");
        let quick = script.replace("warning=600", &format!("warning={warning}"));
        assert_ne!(quick, script);
        let put = format!("sudo sh -c 'cat >{PROGRAM}; chmod 755 {PROGRAM}'");
        self.ask(&put, &quick).unwrap();
        // Emulated processors are busy with next to nothing.
        self.told(&format!("sudo {PROGRAM} install {after} 60"));
    }

    fn idle(&self) -> Value {
        serde_json::from_str(&self.told(&format!("sudo {PROGRAM} status"))).unwrap()
    }

    fn looks(&self) -> usize {
        let count = "journalctl -b -u spot-tui-idle.service | grep -c Finished || true";
        self.told(&format!("sudo sh -c '{count}'")).parse().unwrap()
    }

    /// What makes it itself: its host keys, and its name.
    fn itself(&self) -> String {
        self.told("sudo sh -c 'sha256sum /etc/ssh/ssh_host_*_key'; hostname; cat /etc/hostname")
    }
}

pub(super) fn instance(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("instance");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn user_data(key: &Key, keeps_root: bool) -> String {
    user_data_of(key, |inputs| inputs.keeps_root = keeps_root)
}

/// A volume on which there is nothing, and one with somebody's own file system.
fn volumes(folder: &Path) -> [Volume; 2] {
    let file = |name: &str| -> PathBuf { folder.join(name) };
    fs::File::create(file("blank")).unwrap().set_len(3 << 30).unwrap();
    let work = file("work");
    fs::create_dir(&work).unwrap();
    fs::write(work.join("thesis"), "ten years of it\n".repeat(5000)).unwrap();
    let mut mke2fs = Command::new("/usr/sbin/mke2fs");
    run(mke2fs.args(["-q", "-t", "ext4", "-d"]).arg(&work).arg(file("foreign")).arg("256M"));
    [
        Volume { serial: BLANK, file: file("blank") },
        Volume { serial: FOREIGN, file: file("foreign") },
    ]
}

#[test]
#[ignore = "boots an emulated machine three times, some fifteen minutes: make test-node"]
fn a_machine_that_stays_keeps_its_home_and_itself_and_stops_by_itself() {
    let key = Key::ed25519();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let [blank, foreign] = volumes(folder.path());
    let [one, other] = scratch::disks(folder.path());
    let first = user_data(&key, false);
    let all = [blank.clone(), one.clone(), foreign.clone(), other.clone()];
    let vm = Vm::with_volumes(first.as_bytes(), "i-0first", new_door(), &all);
    let mut machine = Machine { vm, key };
    machine.wait_until_up();
    let itself = machine.itself();
    assert!(itself.contains("ed25519_key") && itself.contains("i-0first"), "{itself}");
    machine.told(KEEP_HOSTNAME);
    machine.told("echo mine >~/notes");

    a_foreign_volume_is_mounted_as_it_is(&machine);
    a_blank_volume_becomes_its_home(&machine);
    scratch::its_disks_are_one(&machine);
    machine.stop_when_idle();
    it_stops_when_nobody_is_logged_in(&mut machine);

    // AWS ended the instance: another one boots from its disk, and finds its volumes in another order.
    let again = user_data(&machine.key, true);
    let reordered = [other.clone(), foreign, one.clone(), blank];
    machine.vm.boot_again(again.as_bytes(), "i-0second", &reordered);
    machine.wait_until_up();
    assert_eq!(machine.itself(), itself);
    let id = machine.told("cat /var/lib/cloud/data/instance-id");
    assert_eq!(id, "i-0second", "cloud-init takes it for a new instance");
    assert_eq!(machine.told("cat ~/notes ~/work"), "mine\nof today");
    its_home_is_mounted(&machine);
    assert_eq!(machine.mount_home(BLANK, HOME, 1), Ok(String::new()), "there is nothing to do");
    scratch::they_are_mounted_before_docker(&machine, "of today");
    let idle = machine.idle();
    assert!(idle["after_s"] == IDLE.0 && idle["stops_at"].is_null(), "it begins anew: {idle}");

    let _ = machine.ask("sudo systemctl poweroff", "");
    machine.wait_until_off();
    // A start: what its type brings along is blank again.
    scratch::empty(&[&one, &other]);
    machine.vm.boot_again(again.as_bytes(), "i-0second", &[one, other]);
    machine.wait_until_up();
    scratch::they_are_mounted_before_docker(&machine, "");
    assert_eq!(machine.told("cat ~/notes"), "mine", "a boot goes on without the volume");
    assert!(machine.told("grep spot-tui-home /proc/mounts || true").is_empty());
    let said = machine.mount_home(BLANK, HOME, 1).unwrap_err();
    assert!(said.contains("no device of vol-0b1a4c5d6e7f80910 has come up"), "{said}");
}

fn a_foreign_volume_is_mounted_as_it_is(machine: &Machine) {
    let device = format!("/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{FOREIGN}");
    let uuid = format!("sudo blkid -p -s UUID -o value {device}");
    let before = machine.told(&uuid);
    let said = machine.mount_home(FOREIGN, "/data/lab", 0).unwrap();
    assert!(said.contains("is mounted at /data/lab") && !said.contains("formatting"), "{said}");
    assert_eq!(
        machine.told("sort -u /data/lab/thesis; wc -l </data/lab/thesis"),
        "ten years of it\n5000"
    );
    assert_eq!(machine.told(&uuid), before);
    let fstab = machine.told("cat /etc/fstab");
    assert!(fstab.contains(&format!("UUID={before} /data/lab auto defaults,nofail")), "{fstab}");
    machine.told("sudo umount /data/lab");
}

fn a_blank_volume_becomes_its_home(machine: &Machine) {
    let said = machine.mount_home(BLANK, HOME, 1).unwrap();
    assert!(said.contains("formatting vol-0b1a4c5d6e7f80910, which is blank"), "{said}");
    its_home_is_mounted(machine);
    assert_eq!(machine.told("cat ~/notes"), "mine", "what lay there is on it");
    assert_eq!(machine.told("stat -c '%U %a' ~/.ssh/authorized_keys"), "ubuntu 600");
    machine.told("echo of today >~/work; sync");
    assert_eq!(machine.mount_home(BLANK, HOME, 1), Ok(String::new()), "again changes nothing");
    let fstab = machine.told("cat /etc/fstab");
    assert!(fstab.contains("LABEL=spot-tui-home /home/ubuntu auto defaults,nofail"), "{fstab}");
    assert!(!fstab.contains("/data/lab"), "a machine has one home: {fstab}");
}

fn its_home_is_mounted(machine: &Machine) {
    let device = machine.told(&format!("findmnt -n -o SOURCE {HOME}"));
    let named = format!("readlink -f /dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{BLANK}");
    assert_eq!(
        device,
        machine.told(&named),
        "the volume of this id, whatever its device is called"
    );
    let swaps = machine.told("cat /proc/swaps");
    assert!(swaps.contains("/home/ubuntu/.swapfile"), "{swaps}");
    println!("home is on {device}");
}

fn it_stops_when_nobody_is_logged_in(machine: &mut Machine) {
    let mut session = machine.log_in();
    let (begun, before) = (Instant::now(), machine.looks());
    while machine.looks() < before + LOOKS {
        assert!(begun.elapsed() < PATIENCE, "nothing looks: {}", machine.vm.console());
        thread::sleep(Duration::from_secs(10));
    }
    let idle = machine.idle();
    let since = idle["idle_s"].as_u64().unwrap();
    assert!(since < IDLE.0 && idle["stops_at"].is_null(), "somebody is logged in: {idle}");
    println!("logged in for {} s: {idle}", begun.elapsed().as_secs());
    session.kill().unwrap();
    session.wait().unwrap();
    let took = machine.wait_until_off();
    assert!(took > Duration::from_secs(IDLE.0), "it was idle before: {took:?}");
}
