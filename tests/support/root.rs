//! The roots in which test hosts live: busybox, bash and sshd, made once and linked for each host.
//!
//! The far side is never the machine that runs the tests. Nothing in a root reaches it: `reboot`,
//! `systemctl`, `docker`, `cloud-init` are stubs that record their calls, and `sudo` changes the
//! user within the root alone.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";
const BUSYBOX: &str = "/usr/bin/busybox";
/// The uid and gid of `ubuntu` on the hosts.
pub(crate) const UBUNTU: u32 = 1000;

/// What Debian has and the hosts need besides busybox. Its shell is not theirs: it prefers its own
/// applets to the stubs.
const PROGRAMS: [(&str, &str); 3] =
    [(SSHD, "openssh-server"), ("/bin/bash", "bash"), ("/bin/dash", "dash")];
/// Applets that would reach past the stubs, and those that have another shell in their place.
const LEFT_OUT: [&str; 7] = ["halt", "init", "linuxrc", "poweroff", "reboot", "sh", "su"];
/// Commands that only record that they were called.
const STUBS: [&str; 7] =
    ["apt-get", "cloud-init", "curl", "docker", "journalctl", "systemctl", "ufw"];

const PASSWD: &str = "root::0:0:root:/root:/bin/sh\n\
    sshd:*:101:65534::/run/sshd:/bin/false\n\
    ubuntu:*:1000:1000:Ubuntu:/home/ubuntu:/bin/bash\n\
    nobody:*:65534:65534:nobody:/:/bin/false\n";
const GROUP: &str = "root:x:0:\nubuntu:x:1000:\nnogroup:x:65534:\n";
const OS_RELEASE: &str = "NAME=\"Ubuntu\"\nID=ubuntu\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\n\
    PRETTY_NAME=\"Ubuntu 24.04 LTS (test root)\"\n";

/// A root for one host, in a folder of its own.
pub(crate) fn make() -> TempDir {
    check_programs();
    let template = template();
    let root = tempfile::Builder::new().prefix("host-").tempdir_in(target()).unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // Linked, not copied: what lies in the template is never written to.
    run(Command::new("cp").arg("-al").arg(template.join(".")).arg(root.path()));
    furnish(root.path());
    root
}

/// Makes `name` a command of the host that records its call in `/calls.log` and then does what
/// `script` says.
pub(crate) fn stub(root: &Path, name: &str, script: &str) {
    let text = format!("#!/bin/sh\nprintf '%s\\n' \"{name}${{*:+ $*}}\" >>/calls.log\n{script}\n");
    write(&root.join("usr/local/bin").join(name), 0o755, &text);
}

fn check_programs() {
    assert!(
        rustix::process::geteuid().is_root(),
        "the SSH stories start sshd in a root of its own and need root: sudo -E make test"
    );
    let needed = [
        ("/usr/bin/ssh-keygen", "openssh-client"),
        (BUSYBOX, "busybox-static"),
        ("/usr/bin/unshare", "util-linux"),
    ];
    for (program, package) in PROGRAMS.into_iter().chain(needed) {
        assert!(Path::new(program).exists(), "{program} is missing: apt-get install {package}");
    }
}

/// Cargo's folder for what tests leave behind; hosts lie beside the template so that they can be
/// linked.
fn target() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The template, made by whoever comes first. Another sshd makes another template; so does another
/// number, to be raised with [`build`].
fn template() -> PathBuf {
    let meta = fs::metadata(SSHD).unwrap();
    let template = target().join(format!("root-1-{}-{}", meta.size(), meta.mtime()));
    if template.exists() {
        return template;
    }
    let draft = tempfile::Builder::new().prefix("root-draft-").tempdir_in(target()).unwrap();
    build(draft.path());
    fs::set_permissions(draft.path(), fs::Permissions::from_mode(0o755)).unwrap();
    match fs::rename(draft.path(), &template) {
        Ok(()) => drop(draft.keep()),
        Err(error) if template.exists() => {
            assert!(
                matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists),
                "{error}"
            );
        }
        Err(error) => panic!("cannot make {}: {error}", template.display()),
    }
    template
}

fn build(root: &Path) {
    for folder in ["bin", "dev", "sbin", "usr/lib/elevate"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::copy(BUSYBOX, root.join("bin/busybox")).unwrap();
    let applets = output(Command::new(BUSYBOX).arg("--list"));
    for applet in applets.lines().filter(|applet| !LEFT_OUT.contains(applet)) {
        if applet != "busybox" {
            symlink("busybox", root.join("bin").join(applet)).unwrap();
        }
    }
    symlink("../bin", root.join("usr/bin")).unwrap();
    for (name, minor) in [("null", "3"), ("zero", "5"), ("full", "7"), ("urandom", "9")] {
        let node = root.join("dev").join(name);
        run(Command::new("mknod").args(["-m", "666"]).arg(node).args(["c", "1", minor]));
    }
    for (program, _) in PROGRAMS {
        copy_with_libraries(Path::new(program), root);
    }
    symlink("dash", root.join("bin/sh")).unwrap();
    // busybox's su with the set-user-id bit is all of sudo that the hosts need.
    let su = root.join("usr/lib/elevate/su");
    fs::copy(BUSYBOX, &su).unwrap();
    fs::set_permissions(&su, fs::Permissions::from_mode(0o4755)).unwrap();
    write(&root.join("usr/lib/elevate/run"), 0o755, "#!/bin/sh\nexec \"$@\"\n");
}

/// Gives a host one more program of this machine.
pub(crate) fn install(root: &Path, program: &Path, package: &str) {
    assert!(program.exists(), "{} is missing: apt-get install {package}", program.display());
    copy_with_libraries(program, root);
}

/// Gives a host one more program of this machine under another path, relative to its root.
pub(crate) fn install_as(root: &Path, program: &Path, package: &str, path: &str) {
    assert!(program.exists(), "{} is missing: apt-get install {package}", program.display());
    copy_libraries(program, root);
    fs::copy(program, root.join(path)).unwrap();
}

/// The packages of Python that SSH servers are made with, and what these need.
const PACKAGES: [&str; 10] = [
    "_cffi_backend*",
    "asyncssh",
    "bcrypt",
    "cffi",
    "cryptography",
    "invoke",
    "nacl",
    // With what tells its version.
    "paramiko*",
    "pycparser",
    "typing_extensions.py",
];

/// Gives a host the Python of a virtual environment, with what SSH servers are made with. Returns
/// the words that start it.
pub(crate) fn install_python(root: &Path, python: &Path) -> String {
    let asked = "import os, sys, sysconfig, asyncssh, paramiko; \
                 print(os.path.realpath(sys.executable), \
                 sysconfig.get_path('stdlib'), sysconfig.get_path('purelib'))";
    let told = output(Command::new(python).args(["-c", asked]));
    let [program, library, packages] = told.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{told}")
    };
    copy_with_libraries(Path::new(program), root);
    let tar = format!(
        "mkdir -p \"$0{packages}\" &&
         tar -C {library} -c --exclude=__pycache__ --exclude=./test --exclude=./*-packages . |
             tar -C \"$0{library}\" -x &&
         cd {packages} && tar -c --exclude=__pycache__ {} | tar -C \"$0{packages}\" -x",
        PACKAGES.join(" ")
    );
    fs::create_dir_all(root.join(library.trim_start_matches('/'))).unwrap();
    run(Command::new("sh").args(["-c", &tar]).arg(root));
    for folder in [library, packages] {
        let inside = root.join(folder.trim_start_matches('/'));
        let found = output(Command::new("find").arg(inside).args(["-name", "*.so*", "-type", "f"]));
        found.lines().for_each(|library| copy_libraries(Path::new(library), root));
    }
    format!("env PYTHONPATH={packages} PYTHONDONTWRITEBYTECODE=1 {program}")
}

fn copy_with_libraries(program: &Path, root: &Path) {
    copy_libraries(program, root);
    copy(program, root);
}

fn copy_libraries(program: &Path, root: &Path) {
    let listed = output(Command::new("ldd").arg(program));
    let libraries = listed.split_whitespace().filter(|word| word.starts_with('/'));
    libraries.for_each(|library| copy(Path::new(library), root));
}

/// Copies a file to the same place. What is there may be linked to other roots: it is replaced, not
/// written to.
fn copy(file: &Path, root: &Path) {
    let inside = root.join(file.strip_prefix("/").unwrap());
    fs::create_dir_all(inside.parent().unwrap()).unwrap();
    let _ = fs::remove_file(&inside);
    fs::copy(file, inside).unwrap();
}

/// What is each host's own.
fn furnish(root: &Path) {
    for folder in [
        "etc/ssh",
        "etc/systemd/system",
        "home/ubuntu/.ssh",
        "opt",
        "proc",
        "root",
        "run/sshd",
        "usr/local/bin",
        "var/log",
    ] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::create_dir(root.join("tmp")).unwrap();
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
    write(&root.join("etc/passwd"), 0o644, PASSWD);
    write(&root.join("etc/group"), 0o644, GROUP);
    write(&root.join("etc/os-release"), 0o644, OS_RELEASE);
    write(&root.join("calls.log"), 0o666, "");
    for folder in ["home/ubuntu", "home/ubuntu/.ssh"] {
        chown(root.join(folder), Some(UBUNTU), Some(UBUNTU)).unwrap();
    }
    for name in STUBS {
        stub(root, name, "case $* in reboot) exec reboot ;; esac");
    }
    stub(root, "cloud-init", "echo 'status: done'");
    stub(root, "reboot", "echo reboot >/run/orders");
    stub(root, "shutdown", "echo reboot >/run/orders");
    stub(root, "sudo", SUDO);
}

/// Options are passed over; `--` keeps su from taking the command's for its own.
const SUDO: &str =
    "while :; do case ${1-} in -u | -g) shift 2 ;; -*) shift ;; *) break ;; esac; done
[ \"$(id -u)\" = 0 ] && exec /usr/lib/elevate/run \"$@\"
exec /usr/lib/elevate/su -- root /usr/lib/elevate/run \"$@\"";

pub(crate) fn write(path: &Path, mode: u32, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn run(command: &mut Command) {
    output(command);
}

fn output(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}
