//! Ansible as its users run it: an inventory, one task, all hosts at once. Its modules are Python
//! and run on the far side, so the hosts get Debian's.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::keys::Key;
use crate::support::root::{install, install_as, run};
use crate::support::sshd::Sshd;

const PYTHON: &str = "/usr/bin/python3";
/// Of the libraries in `lib-dynload`, those that need others of the machine's.
const NEEDY: [&str; 3] = ["_ctypes", "_hashlib", "_ssl"];
/// What only developers need of Python's library.
const LEFT_OUT: [&str; 5] = ["config-", "dist-packages", "ensurepip", "idlelib", "lib2to3"];

/// Gives Python to all hosts. Its library is copied once and linked.
pub(super) fn equip(hosts: &[Sshd]) {
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

/// The shell's line that packs a folder and unpacks it on all hosts, with connections that are kept
/// for as long as it runs, as Ansible does by default. `work` is a folder for what it leaves.
pub(super) fn line(key: &Key, hosts: &[Sshd], from: &Path, work: &Path) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ansible/bin/ansible");
    assert!(program.exists(), "{} is missing: make bench-ssh", program.display());
    let count = hosts.len();
    let mut inventory = String::from("[all]\n");
    for host in hosts {
        let (address, port) = (host.address().ip(), host.port());
        writeln!(inventory, "{address} ansible_port={port}").unwrap();
    }
    let hosts_file = work.join("hosts");
    fs::write(&hosts_file, inventory).unwrap();
    let [key, from, work, hosts_file] =
        [&key.path(), from, work, &hosts_file].map(|path| path.display().to_string());
    format!(
        "export ANSIBLE_HOST_KEY_CHECKING=False ANSIBLE_PIPELINING=True ANSIBLE_HOME={work} \
         ANSIBLE_SSH_ARGS='-F none -o ControlMaster=auto -o ControlPersist=2s \
         -o UserKnownHostsFile=/dev/null' LC_ALL=C.UTF-8; \
         tar -czf {work}/bundle.tar.gz -C {from} . && \
         {program} all -i {hosts_file} -f {count} -u ubuntu --private-key {key} \
         -e ansible_python_interpreter={PYTHON} -m ansible.builtin.unarchive \
         -a 'src={work}/bundle.tar.gz dest=/tmp/a' >{work}/said 2>&1 || {{ cat {work}/said; exit 1; }}",
        program = program.display(),
    )
}
