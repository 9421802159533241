//! What other programs are told of the fleet has to lead in, through a jump host too, and only to
//! the right host: strict checking is on everywhere (StarCluster#472, vagrant#8628).

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{Scene, two_nodes};
use crate::support::ansible;
use crate::support::sshd::{Sshd, SshdOptions, leading_to};

impl Scene {
    /// What is exported for this program, in a file.
    fn export(&self, format: &str) -> PathBuf {
        let exported = self.spot.run(&["export", format]);
        assert_eq!(exported.code, 0, "{}", exported.told());
        self.spot.write(&format!("for-{format}"), 0o600, exported.out.as_bytes())
    }

    /// From now on both nodes are behind this host.
    fn put_behind_a_jump_host(&self) -> Sshd {
        let accept = vec![self.spot.key().public()];
        let address = Ipv4Addr::new(127, 0, 0, 5);
        let jump = Sshd::start(&SshdOptions { address, accept, ..SshdOptions::default() });
        let known = self.spot.write("known hosts", 0o600, jump.known_hosts_line().as_bytes());
        let behind = format!(
            "Host 127.0.0.2 127.0.0.3\n  ProxyJump the-bastion\nHost the-bastion\n  HostName {}\n  \
             Port {}\n  User ubuntu\n  IdentityFile {}\n  UserKnownHostsFile \"{}\"\n",
            jump.address().ip(),
            jump.port(),
            self.spot.key().path().display(),
            known.display(),
        );
        let text = leading_to(&self.hosts) + &behind;
        self.spot.write("ssh_config", 0o644, text.as_bytes());
        jump
    }
}

/// What `ssh -F` prints for one of them.
fn ssh_by(file: &Path, host: &str) -> Output {
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(file).args(["-o", "BatchMode=yes", host, "echo", "over", "there"]);
    ssh.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null()).output().unwrap()
}

fn told(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{}\n{out}{err}", output.status)
}

#[test]
fn ssh_gets_in_with_the_exported_file() {
    let mut scene = two_nodes();
    let gets_in = |file: &Path, host: &str| {
        let said = ssh_by(file, host);
        assert_eq!(said.stdout, b"over there\n", "{host}: {}", told(&said));
    };
    let file = scene.export("ssh-config");
    gets_in(&file, &scene.ids[0]);
    gets_in(&file, &scene.hosts[1].address().ip().to_string());

    let mut jump = scene.put_behind_a_jump_host();
    let file = scene.export("ssh-config");
    for id in &scene.ids {
        gets_in(&file, id);
    }
    assert_eq!(jump.log().matches("Accepted publickey").count(), 2, "{}", jump.log());

    let is_refused = |id: &str| {
        let refused = ssh_by(&file, id);
        assert_eq!(refused.status.code(), Some(255), "{}", told(&refused));
        let why = "HOST IDENTIFICATION HAS CHANGED";
        assert!(told(&refused).contains(why), "{}", told(&refused));
    };
    scene.hosts[0].change_host_key();
    is_refused(&scene.ids[0]);
    gets_in(&file, &scene.ids[1]);
    jump.change_host_key();
    is_refused(&scene.ids[1]);
}

/// `ansible all -m ping`, with what it checks host keys by set as strictly as it can be.
fn ping_by(inventory: &Path, work: &Path) -> Output {
    let mut ansible = Command::new(ansible::program());
    ansible.args(["all", "-m", "ansible.builtin.ping", "-i"]).arg(inventory);
    ansible.args(["-e", &format!("ansible_python_interpreter={}", ansible::PYTHON)]);
    ansible.env("ANSIBLE_HOST_KEY_CHECKING", "True").env("ANSIBLE_HOME", work);
    // A connection that was kept would not look at the key again, and the hosts have no terminals.
    ansible.env("ANSIBLE_SSH_ARGS", "-o ControlMaster=no").env("ANSIBLE_PIPELINING", "True");
    ansible.env("LC_ALL", "C.UTF-8");
    ansible.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null()).output().unwrap()
}

#[test]
#[ignore = "needs Ansible: make test-ansible"]
fn ansible_pings_all_with_the_inventory() {
    let mut scene = two_nodes();
    ansible::equip(&scene.hosts);
    let work = tempfile::tempdir().unwrap();
    let answers = |inventory: &Path, pongs: usize| {
        let said = ping_by(inventory, work.path());
        let text = told(&said);
        assert_eq!(text.matches("\"ping\": \"pong\"").count(), pongs, "{text}");
        assert_eq!(said.status.success(), pongs == 2, "{text}");
        text
    };
    answers(&scene.export("ansible"), 2);

    let mut jump = scene.put_behind_a_jump_host();
    let inventory = scene.export("ansible");
    answers(&inventory, 2);
    assert!(jump.log().contains("Accepted publickey"), "{}", jump.log());

    let changed = "REMOTE HOST IDENTIFICATION HAS CHANGED";
    scene.hosts[0].change_host_key();
    let text = answers(&inventory, 1);
    assert!(text.contains("UNREACHABLE!") && text.contains(changed), "{text}");
    jump.change_host_key();
    let text = answers(&inventory, 0);
    assert!(text.matches("UNREACHABLE!").count() == 2 && text.contains(changed), "{text}");
}
