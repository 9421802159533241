//! Jump hosts as people have them: lines of real `known_hosts` files, and certificate authorities.

use std::fs;
use std::process::Command;

use spot_tui::ssh::{HostKeyCheck, Route, Session, SshError};

use super::{User, loopback};
use crate::support::keys::{Key, SshAgent};
use crate::support::sshd::{Sshd, SshdOptions};

/// A user, the host that they want to reach, and the one in between.
struct Scene {
    user: User,
    key: Key,
    jump: Sshd,
    inner: Sshd,
}

impl Scene {
    /// The jump host lets the key in, or, behind an authority, its certificates alone.
    fn new(behind_authority: bool) -> Self {
        let key = Key::ed25519();
        let jump = Sshd::start(&SshdOptions {
            address: loopback(3),
            accept: if behind_authority { Vec::new() } else { vec![key.public()] },
            sshd_config: "TrustedUserCAKeys /etc/ssh/ca.pub\n\
                          HostCertificate /etc/ssh/host_key-cert.pub",
            ..SshdOptions::default()
        });
        let inner = Sshd::start(&SshdOptions {
            address: loopback(4),
            accept: vec![key.public()],
            ..SshdOptions::default()
        });
        let user = User::new();
        key.copy_to(&user.home.path().join(".ssh/id_ed25519"));
        let scene = Self { user, key, jump, inner };
        scene.knows(&scene.jump.known_hosts_line());
        scene
    }

    fn knows(&self, known_hosts: &str) {
        self.user.write("known_hosts", known_hosts);
    }

    /// The way, with further settings of the jump host.
    fn route(&self, settings: &str) -> Route {
        let (jump, inner) = (self.jump.address(), self.inner.address());
        let config = format!(
            "Host jump\n  HostName {}\n  Port {}\n{settings}\n\
             Host inner\n  HostName {}\n  Port {}\n  ProxyJump jump\n",
            jump.ip(),
            jump.port(),
            inner.ip(),
            inner.port()
        );
        let path = self.user.write("config", config);
        self.user.route_by(&path, "inner").unwrap()
    }

    async fn log_in(&self, settings: &str) -> Result<Session, SshError> {
        self.user.log_in_by(&self.route(settings), HostKeyCheck::First).await
    }

    /// `[address]:port`, as it stands in known_hosts.
    fn name(&self) -> String {
        format!("[{}]:{}", self.jump.address().ip(), self.jump.port())
    }

    fn trusts(&self, authority: &Key) {
        fs::write(self.jump.root().join("etc/ssh/ca.pub"), authority.public()).unwrap();
    }
}

/// paramiko#1001, sshj#331, libssh2#508: each of these lines is known to `ssh`.
#[tokio::test]
async fn lines_of_real_known_hosts_files_are_understood() {
    let scene = Scene::new(false);
    let (name, key, port) = (scene.name(), scene.jump.host_key(), scene.jump.port());
    let hashed = {
        let path = scene.user.write("to_hash", format!("{name} {key}\n"));
        let mut hash = Command::new("ssh-keygen");
        assert!(hash.args(["-q", "-H", "-f"]).arg(&path).status().unwrap().success());
        fs::read_to_string(path).unwrap()
    };
    assert!(hashed.starts_with("|1|"), "{hashed}");
    for line in [
        format!("{name}\t{}", key.replace(' ', "\t")),
        format!("[127.0.0.*]:{port} {key}"),
        format!("other,{name},third {key} a comment"),
        format!("{name} {key}\r"),
        format!("127.0.0.3 {key}"),
        format!("# nothing\n\n@unknown-marker {name} {key}\n  {name}   {key}"),
        hashed,
    ] {
        scene.knows(&format!("{line}\n"));
        scene.log_in("").await.unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    for line in [
        format!("[127.0.0.*]:{port},!{name} {key}"),
        format!("[127.0.0.3]:1 {key}"),
        format!("@cert-authority {name} {key}"),
    ] {
        scene.knows(&format!("{line}\n"));
        let error = scene.log_in("").await.unwrap_err();
        assert!(matches!(error, SshError::HopUnknown { .. }), "{line}: {error}");
    }
}

#[tokio::test]
async fn a_line_that_cannot_be_read_is_named() {
    let scene = Scene::new(false);
    scene.knows(&format!("\n{} ssh-ed25519 AAAA\n", scene.name()));
    let error = scene.log_in("").await.unwrap_err();
    let (told, line) = (error.to_string(), "known_hosts:2 cannot be read");
    assert!(told.contains(line), "{told}");
}

#[tokio::test]
async fn a_revoked_key_is_refused_whatever_is_set() {
    let scene = Scene::new(false);
    let (name, key) = (scene.name(), scene.jump.host_key());
    scene.knows(&format!("{name} {key}\n@revoked * {key}\n"));
    for strict in ["yes", "accept-new", "no"] {
        let error = scene.log_in(&format!("  StrictHostKeyChecking {strict}")).await.unwrap_err();
        let SshError::HopRevoked { at, .. } = &error else { panic!("{strict}: {error}") };
        assert!(at.ends_with("known_hosts:2"), "{at}");
    }
    assert!(!scene.jump.log().contains("Accepted"), "{}", scene.jump.log());
}

#[tokio::test]
async fn several_files_and_an_alias_say_where_a_key_is() {
    let scene = Scene::new(false);
    let key = scene.jump.host_key();
    scene.knows("");
    scene.user.write("second file", format!("the-bastion {key}\n"));
    let settings =
        "  UserKnownHostsFile ~/.ssh/none \"~/.ssh/second file\"\n  HostKeyAlias The-Bastion";
    scene.log_in(settings).await.unwrap();
    let settings = "  GlobalKnownHostsFile \"~/.ssh/second file\"\n  HostKeyAlias the-bastion";
    scene.log_in(settings).await.unwrap();
    assert!(scene.log_in("  HostKeyAlias the-bastion").await.is_err());
}

#[tokio::test]
async fn accept_new_keeps_a_key_and_refuses_another_one() {
    let mut scene = Scene::new(false);
    let accept = "  StrictHostKeyChecking accept-new\n  HashKnownHosts yes";
    fs::remove_file(scene.user.home.path().join(".ssh/known_hosts")).unwrap();
    scene.log_in(accept).await.unwrap();
    let kept = fs::read_to_string(scene.user.home.path().join(".ssh/known_hosts")).unwrap();
    assert!(kept.starts_with("|1|") && kept.lines().count() == 1, "{kept}");
    // `ssh` itself finds it there.
    let mut find = Command::new("ssh-keygen");
    find.args(["-F", &scene.name(), "-f"]).arg(scene.user.home.path().join(".ssh/known_hosts"));
    assert!(find.output().unwrap().status.success());
    scene.log_in("").await.unwrap();

    scene.jump.change_host_key();
    let error = scene.log_in(accept).await.unwrap_err();
    let SshError::HopChanged { known, .. } = &error else { panic!("{error}") };
    assert!(known.ends_with("known_hosts:1"), "{known}");
    scene.log_in("  StrictHostKeyChecking no").await.unwrap();
    scene.log_in("  StrictHostKeyChecking off\n  UserKnownHostsFile /dev/null").await.unwrap();
}

/// terraform#14413, jsch#386, open-remote-ssh#261: Vault, step-ca, Teleport.
#[tokio::test]
async fn a_jump_host_that_wants_a_certificate_gets_it() {
    let scene = Scene::new(true);
    let authority = Key::ed25519();
    scene.trusts(&authority);
    let mut error = scene.log_in("  User ubuntu").await.unwrap_err();
    let SshError::AuthRefused { jump, .. } = &error else { panic!("{error}") };
    assert_eq!(jump.as_deref(), Some("jump"));
    let hint = error.failure().hint;
    assert!(hint.contains("`ssh jump`") && !hint.contains("aws.username"), "{hint}");

    let expired = ["-n", "ubuntu", "-V", "20200101:20200102"];
    scene.user.write("id_ed25519-cert.pub", scene.key.certified_by(&authority, &expired));
    error = scene.log_in("  User ubuntu").await.unwrap_err();
    assert!(
        error.to_string().contains("id_ed25519-cert.pub (not used: it has expired)"),
        "{error}"
    );

    let valid = ["-n", "ubuntu", "-V", "+1d"];
    scene.user.write("id_ed25519-cert.pub", scene.key.certified_by(&authority, &valid));
    scene.log_in("  User ubuntu").await.unwrap();
    let elsewhere = scene.user.write("elsewhere.pub", scene.key.certified_by(&authority, &valid));
    fs::remove_file(scene.user.home.path().join(".ssh/id_ed25519-cert.pub")).unwrap();
    let settings = format!("  User ubuntu\n  CertificateFile {}", elsewhere.display());
    scene.log_in(&settings).await.unwrap();
}

#[tokio::test]
async fn rsa_and_ecdsa_certificates_get_in_too() {
    let scene = Scene::new(true);
    let authority = Key::made(&["-t", "rsa", "-b", "2048"], "");
    scene.trusts(&authority);
    for kind in [&["-t", "rsa", "-b", "2048"][..], &["-t", "ecdsa"]] {
        let key = Key::made(kind, "");
        key.copy_to(&scene.user.home.path().join(".ssh/work"));
        let certificate = key.certified_by(&authority, &["-n", "ubuntu", "-V", "+1d"]);
        scene.user.write("work-cert.pub", certificate);
        let settings = "  User ubuntu\n  IdentityFile ~/.ssh/work\n  IdentitiesOnly yes";
        scene.log_in(settings).await.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
    }
}

#[tokio::test]
async fn an_agents_certificate_gets_in() {
    let mut scene = Scene::new(true);
    let authority = Key::ed25519();
    scene.trusts(&authority);
    let private = scene.user.home.path().join(".ssh/id_ed25519");
    let certificate = scene.key.certified_by(&authority, &["-n", "ubuntu", "-V", "+1d"]);
    let beside = scene.user.write("id_ed25519-cert.pub", &certificate);
    let agent = SshAgent::holding(&[]);
    agent.add(&private, &[]);
    fs::remove_file(&private).unwrap();
    fs::remove_file(beside).unwrap();
    scene.user.settings.agent = Some(agent.socket());
    scene.log_in("  User ubuntu").await.unwrap();

    // One that the agent does not know, for a key that it holds.
    let agent = SshAgent::holding(&[&scene.key]);
    scene.user.settings.agent = Some(agent.socket());
    assert!(scene.log_in("  User ubuntu").await.is_err());
    scene.user.write("work-cert.pub", certificate);
    scene.log_in("  User ubuntu\n  CertificateFile ~/.ssh/work-cert.pub").await.unwrap();
}

#[tokio::test]
async fn a_host_certificate_is_judged_by_its_authority() {
    let mut scene = Scene::new(false);
    let (authority, other) = (Key::ed25519(), Key::ed25519());
    let line = |key: &Key| format!("@cert-authority *.0.0.3,nowhere {}\n", key.public());
    let key = scene.jump.root().join("etc/ssh/host_key.pub");
    let present = |scene: &mut Scene, arguments: &[&str]| {
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-h", "-I", "host", "-s"]).arg(authority.path()).args(arguments).arg(&key);
        assert!(sign.status().unwrap().success());
        scene.jump.kill();
        scene.jump.up();
    };
    present(&mut scene, &["-n", "127.0.0.3", "-V", "+1d"]);
    scene.knows(&line(&authority));
    scene.log_in("").await.unwrap();
    scene.knows(&line(&other));
    assert!(matches!(scene.log_in("").await, Err(SshError::HopUnknown { .. })));
    // Its bare key is known, and its authority is not: as `ssh` has it, the key will do.
    scene.knows(&(line(&other) + &scene.jump.known_hosts_line()));
    scene.log_in("").await.unwrap();
    scene.knows(&format!("{}@revoked * {}\n", line(&authority), authority.public()));
    assert!(matches!(scene.log_in("").await, Err(SshError::HopRevoked { .. })));

    scene.knows(&line(&authority));
    present(&mut scene, &["-n", "127.0.0.99", "-V", "+1d"]);
    assert!(matches!(scene.log_in("").await, Err(SshError::HopUnknown { .. })));
    present(&mut scene, &["-n", "127.0.0.3", "-V", "20200101:20200102"]);
    assert!(matches!(scene.log_in("").await, Err(SshError::HopUnknown { .. })));
}
