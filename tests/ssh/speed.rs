//! How fast an upload is, next to what people use else, in the same run and in turn.

mod ansible;

use std::fs;
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use spot_tui::ssh::{Bundle, Source};

use super::*;
use crate::support::ansible::equip;
use crate::support::root::install;
use crate::support::sshd::SshdOptions;

const HOSTS: u8 = 20;
const FILES: usize = 200;
const BYTES: usize = 5_000_000;
const ROUNDS: usize = 5;

/// Files that compress as text does: half of each is noise.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut state = 1_u64;
    for file in 0..FILES {
        let content: Vec<u8> = (0..BYTES / FILES)
            .map(|n| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if n % 2 == 0 { b'a' } else { state.to_be_bytes()[0] }
            })
            .collect();
        fs::write(folder.path().join(format!("file-{file}")), content).unwrap();
    }
    folder
}

/// One command a host, all at once.
fn by_shell(hosts: &[Sshd], script: impl Fn(&Sshd) -> String) -> Duration {
    let begun = Instant::now();
    let running: Vec<Child> = hosts.iter().map(|host| begin(&script(host))).collect();
    running.into_iter().for_each(end);
    begun.elapsed()
}

/// One command for all.
fn by_one_shell(script: &str) -> Duration {
    let begun = Instant::now();
    end(begin(script));
    begun.elapsed()
}

fn begin(script: &str) -> Child {
    Process::new("sh").arg("-c").arg(script).stdin(Stdio::null()).spawn().unwrap()
}

fn end(mut process: Child) {
    assert!(process.wait().unwrap().success());
}

fn ssh(key: &Path, host: &Sshd) -> String {
    format!(
        "ssh -q -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
         -o ControlMaster=no -i {} -p {}",
        key.display(),
        host.port()
    )
}

/// The program's own way: packed once, a connection a host, all at once.
async fn by_us(key: &Key, hosts: &[Sshd], folder: &Path) -> Duration {
    let begun = Instant::now();
    let user = User::with_key(key);
    let identities = user.identities().await.unwrap();
    let source = Source::Folder { local: folder.into(), remote: "files".into(), mode: None };
    let bundle = Bundle::collect(vec![source]).await.unwrap();
    let uploads = hosts.iter().map(|host| async {
        let route = user.route(host.address());
        let session =
            ssh::connect(&TcpDial, &route, &identities, HostKeyCheck::First).await.unwrap();
        session.upload(&bundle, "/tmp/uploaded_files", |_| ()).await.unwrap();
    });
    futures_util::future::join_all(uploads).await;
    begun.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Twenty hosts, and all that the others need on the far side.
fn hosts(key: &Key) -> Vec<Sshd> {
    let host = |n| {
        let host = Sshd::start(&SshdOptions {
            address: loopback(2 + n),
            accept: vec![key.public()],
            sshd_config: "Subsystem sftp internal-sftp",
            ..Default::default()
        });
        install(host.root(), Path::new("/usr/bin/rsync"), "rsync");
        host
    };
    let hosts: Vec<Sshd> = (0..HOSTS).map(host).collect();
    equip(&hosts);
    hosts
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a machine for itself: make bench-ssh"]
#[expect(clippy::print_stdout, reason = "its figures are what it is run for")]
async fn an_upload_is_as_fast_as_the_fastest() {
    let key = Key::ed25519();
    let (hosts, folder) = (hosts(&key), folder());
    let here = folder.path().display().to_string();
    let mut times = ["spot-tui", "tar | ssh", "rsync -z", "Ansible"].map(|name| (name, Vec::new()));
    let at = |host: &Sshd| format!("ubuntu@{}", host.address().ip());
    for _ in 0..ROUNDS {
        by_shell(&hosts, |host| {
            let clear = "'rm -rf /tmp/t /tmp/r /tmp/a; mkdir /tmp/a'";
            format!("{} {} {clear}", ssh(&key.path(), host), at(host))
        });
        times[0].1.push(by_us(&key, &hosts, folder.path()).await);
        times[1].1.push(by_shell(&hosts, |host| {
            let unpack = "'mkdir /tmp/t && tar -xzf - -C /tmp/t'";
            format!("tar -czf - -C {here} . | {} {} {unpack}", ssh(&key.path(), host), at(host))
        }));
        times[2].1.push(by_shell(&hosts, |host| {
            format!("rsync -az -e '{}' {here}/ {}:/tmp/r/", ssh(&key.path(), host), at(host))
        }));
        let work = tempfile::tempdir().unwrap();
        let line = ansible::line(&key, &hosts, folder.path(), work.path());
        times[3].1.push(by_one_shell(&line));
        all_have_all(&hosts);
    }
    let medians = times.each_mut().map(|(name, times)| (*name, median(times)));
    let fastest = medians[1..].iter().map(|(_, time)| *time).min().unwrap();
    for (name, time) in medians {
        let ratio = time.as_secs_f64() / fastest.as_secs_f64();
        println!("{name:<10} {:>6} ms  {ratio:.2}x", time.as_millis());
    }
    let ratio = medians[0].1.as_secs_f64() / fastest.as_secs_f64();
    assert!(ratio <= 1.1, "{ratio:.2} times as long as the fastest");
}

/// Nobody was fast by leaving something out.
fn all_have_all(hosts: &[Sshd]) {
    for host in hosts {
        for folder in ["uploaded_files/files", "t", "r", "a"] {
            let folder = host.root().join("tmp").join(folder);
            let sizes =
                fs::read_dir(&folder).unwrap().map(|file| file.unwrap().metadata().unwrap());
            let sizes: Vec<u64> = sizes.map(|meta| meta.len()).collect();
            let seen = (sizes.len(), sizes.iter().sum::<u64>());
            assert_eq!(seen, (FILES, BYTES as u64), "{}", folder.display());
        }
    }
}
