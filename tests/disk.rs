//! A state that cannot be written: what is said before anything is launched, and what happens when
//! the disk fills up in the midst of a create.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::eye::ours;
use crate::support::proxy::Call;
use crate::support::scene::Scene;
use crate::support::trap::Moment;

/// Somebody who is not root.
const NOBODY: u32 = 65534;
const PATIENCE: Duration = Duration::from_mins(1);

/// A scene with room for a disk that the state lies on.
fn with_disk() -> Scene {
    assert!(
        rustix::process::geteuid().is_root(),
        "these stories mount small disks and need root: sudo -E make test"
    );
    let scene = Scene::set(&format!("  total_instances: 4\n{}", tags()));
    fs::create_dir(scene.spot.path().join("disk")).unwrap();
    scene
}

impl Scene {
    /// `create`, in a mount namespace of its own where `disk/` is what `mount` makes of it.
    fn create_on(&self, mount: &str) -> Command {
        self.run_on(mount, &["create", "--yes"])
    }

    /// The same for any command.
    fn run_on(&self, mount: &str, arguments: &[&str]) -> Command {
        self.run_with(mount, &[arguments, &["--state", "disk/instances.json"]].concat())
    }

    /// Any command, in a shell that prepares something for it.
    fn run_with(&self, mount: &str, arguments: &[&str]) -> Command {
        let program = self.spot.command();
        let script = format!("{mount} && exec \"$@\"");
        let mut command = Command::new("/usr/bin/unshare");
        command.args(["--mount", "sh", "-c", &script, "sh"]).arg(program.get_program());
        command.args(arguments);
        command.current_dir(self.spot.path()).env_clear().envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))),
        );
        command.stdin(Stdio::null());
        command
    }

    /// The run failed before anything was asked for, and said why and what to do.
    fn refused(mut self, output: &Output, words: [&str; 2]) {
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(words.iter().all(|word| told.contains(word)), "{words:?}: {told}");
        let calls = self.proxy.calls();
        assert!(!calls.iter().any(Call::is_mutating), "nothing was asked for");
        assert_eq!(self.seen(), self.before);
    }
}

/// So many that no intent fits into what is left of the journal's last block.
fn tags() -> String {
    let tag = |n: u32| format!("    Note{n}: {}\n", "x".repeat(250));
    format!("  tags:\n{}", (0..20).map(tag).collect::<String>())
}

#[test]
fn a_full_disk_is_said_before_anything_is_launched() {
    let scene = with_disk();
    let mount = "mount -t tmpfs -o size=4k tmpfs disk && head -c 4096 /dev/zero >disk/full";
    let output = scene.create_on(mount).output().unwrap();
    scene.refused(&output, ["No space left on device", "free some space"]);
}

#[test]
fn a_read_only_folder_is_said_before_anything_is_launched() {
    let scene = with_disk();
    let output = scene.create_on("mount -t tmpfs -o ro tmpfs disk").output().unwrap();
    scene.refused(&output, ["Read-only file system", "--state"]);
}

#[test]
fn a_state_of_somebody_else_is_said_before_anything_is_launched() {
    let scene = with_disk();
    for folder in ["", "disk", "home"] {
        let path = scene.spot.path().join(folder);
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    scene.spot.write("disk/instances.json", 0o600, b"{\"instances\": []}");
    let mut command = scene.spot.command();
    command.args(["create", "--yes", "--state", "disk/instances.json"]).stdin(Stdio::null());
    let output = command.uid(NOBODY).output().unwrap();
    scene.refused(&output, ["Permission denied", "writable for you"]);
}

#[test]
fn a_disk_that_fills_up_stops_the_launches_and_the_tags_find_the_rest() {
    let mut scene = with_disk();
    // The region that comes second is held up before its launch, until the disk is full.
    let trap = scene.proxy.trap(Some("ImportKeyPair"), 2, Moment::Held);
    let mut command = scene.create_on("mount -t tmpfs -o size=1m tmpfs disk");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    trap.sprung.recv_timeout(PATIENCE).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let is_launched = |call: &Call| call.status == 200;
    while !scene.proxy.calls_of("RunInstances").iter().any(is_launched) {
        assert!(Instant::now() < deadline, "the other region launches");
        std::thread::yield_now();
    }
    // The same folder, as the program's own namespace has it.
    let disk = scene.spot.path().join("disk");
    let root = PathBuf::from(format!("/proc/{}/root", child.id()));
    let inside = root.join(disk.strip_prefix("/").unwrap()).join("filler");
    let mut filler = fs::File::create(inside).unwrap();
    while filler.write_all(&[0; 512]).is_ok() {}
    trap.gate.open();

    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("No space left on device"), "{told}");
    assert!(!told.contains(".new"), "a draft has another name each time: {told}");
    assert_eq!(scene.proxy.calls_of("RunInstances").len(), 1, "nothing new was launched");
    let seen = scene.seen();
    assert_eq!(ours(&seen).filter(|(_, id)| id.starts_with("i-")).count(), 2);

    let destroyed = scene.spot.run(&["destroy", "--all", "--yes"]);
    assert_eq!(destroyed.code, 0, "{}", destroyed.told());
    let left = scene.seen();
    assert_eq!(left, scene.before, "the tags told of all of it, and of nothing else");
}

#[test]
fn attack_10_a_destroy_needs_no_disk() {
    let full = "mount -t tmpfs -o size=16k tmpfs disk && cp kept/* disk; cat /dev/zero >disk/full";
    let no_room = "mount -t tmpfs -o size=4k tmpfs disk && head -c 4096 /dev/zero >disk/full";
    let frozen = "mount -t tmpfs tmpfs disk && cp kept/* disk && mount -o remount,ro disk";
    for (mount, why) in [
        (full, "No space left on device"),
        (no_room, "No space left on device"),
        (frozen, "Read-only file system"),
    ] {
        let mut scene = with_disk();
        let created = scene.spot.run(&["create", "--yes", "--state", "disk/instances.json"]);
        let alive = ours(&scene.seen()).filter(|(_, id)| id.starts_with("i-")).count();
        assert_eq!(alive, 4, "{}", created.told());
        fs::rename(scene.spot.path().join("disk"), scene.spot.path().join("kept")).unwrap();
        fs::create_dir(scene.spot.path().join("disk")).unwrap();
        let mount = format!("({mount}) 2>/dev/null; true");
        let output = scene.run_on(&mount, &["destroy", "--all", "--yes"]).output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert_eq!(output.status.code(), Some(0), "{told}");
        assert!(told.contains(why) && told.contains("this destroy goes on by tags"), "{told}");
        assert_eq!(scene.seen(), scene.before, "{told}");
    }
}

/// A quota of 0 bytes: the journal and the state may not grow by one. The signal that comes with it
/// is no end either.
#[test]
fn attack_10_a_destroy_needs_no_byte() {
    let mut scene = Scene::set("  total_instances: 2\n");
    let created = scene.spot.run(&["create", "--yes"]);
    let path = scene.spot.path().join("instances.json");
    let alive = ours(&scene.seen()).filter(|(_, id)| id.starts_with("i-")).count();
    assert_eq!(alive, 2, "{}", created.told());
    let state = fs::read(&path).unwrap();
    let output = scene.run_with("ulimit -f 0", &["destroy", "--all", "--yes"]).output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("File too large"), "{told}");
    assert!(!told.contains("failed"), "{told}");
    assert_eq!(scene.seen(), scene.before, "{told}");
    assert_eq!(fs::read(&path).unwrap(), state, "what could not be written is as before");
}
