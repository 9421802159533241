//! Ansible, and hosts that it can work on: its modules are Python and run on the far side, so the
//! hosts get Debian's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::root::{install, install_as, run};
use super::sshd::Sshd;

/// The Python that the hosts get.
pub(crate) const PYTHON: &str = "/usr/bin/python3";
/// Of the libraries in `lib-dynload`, those that need others of the machine's.
const NEEDY: [&str; 3] = ["_ctypes", "_hashlib", "_ssl"];
/// What only developers need of Python's library.
const LEFT_OUT: [&str; 5] = ["config-", "dist-packages", "ensurepip", "idlelib", "lib2to3"];

/// Gives Python to all hosts. Its library is copied once and linked.
pub(crate) fn equip(hosts: &[Sshd]) {
    let told = "import sysconfig; print(sysconfig.get_path('stdlib'))";
    let told = Command::new(PYTHON).args(["-c", told]).output();
    let told = told.expect("python3 is missing: apt-get install python3");
    let library = PathBuf::from(String::from_utf8(told.stdout).unwrap().trim());
    let inside = |host: &Sshd| host.root().join(library.strip_prefix("/").unwrap());
    let first = inside(&hosts[0]);
    fs::create_dir_all(&first).unwrap();
    for entry in fs::read_dir(&library).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if !LEFT_OUT.iter().any(|left_out| name.to_string_lossy().starts_with(left_out)) {
            run(Command::new("cp").arg("-a").arg(path).arg(&first));
        }
    }
    for host in hosts {
        install(host.root(), Path::new(PYTHON), "python3");
        // It asks for GNU's tar, by this name first; `tar` is busybox's there.
        install_as(host.root(), Path::new("/usr/bin/tar"), "tar", "usr/local/bin/gtar");
        for entry in fs::read_dir(library.join("lib-dynload")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if NEEDY.iter().any(|needy| name.starts_with(needy)) {
                install(host.root(), &path, "python3");
            }
        }
        if host.address() != hosts[0].address() {
            let into = inside(host);
            run(Command::new("rm").arg("-rf").arg(&into));
            fs::create_dir_all(into.parent().unwrap()).unwrap();
            run(Command::new("cp").arg("-al").arg(&first).arg(into));
        }
    }
}

/// Ansible's program, as `make ansible` installs it.
pub(crate) fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ansible/bin/ansible");
    assert!(program.exists(), "{} is missing: make ansible", program.display());
    program
}
