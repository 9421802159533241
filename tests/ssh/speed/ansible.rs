//! Ansible as its users run it: an inventory, one task, all hosts at once.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::support::ansible::{PYTHON, program};
use crate::support::keys::Key;
use crate::support::sshd::Sshd;

/// The shell's line that packs a folder and unpacks it on all hosts, with connections that are kept
/// for as long as it runs, as Ansible does by default. `work` is a folder for what it leaves.
pub(super) fn line(key: &Key, hosts: &[Sshd], from: &Path, work: &Path) -> String {
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
        program = program().display(),
    )
}
