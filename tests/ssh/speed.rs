//! How fast an upload is, next to what people use else, in the same run and in turn; and where our
//! time goes.

mod ansible;
mod pulls;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use spot_tui::fleet::Transfer;
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

/// With the exchange of keys that we ask for first: OpenSSH's own first is dearer.
fn ssh(key: &Path, host: &Sshd) -> String {
    format!(
        "ssh -q -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
         -o ControlMaster=no -o KexAlgorithms=curve25519-sha256 -i {} -p {}",
        key.display(),
        host.port()
    )
}

/// Where the time of one upload to all went, from the beginning to the last host that was through.
#[derive(Debug, Clone, Copy)]
struct Spent {
    /// Reading and compressing, once.
    packed: Duration,
    /// That, and connections, exchanges of keys, logins, which go on meanwhile.
    ready: Duration,
    /// Until the far sides took the last bytes.
    sent: Duration,
    /// Until they had summed up and unpacked.
    all: Duration,
}

/// The program's own way: packed once while the hosts are logged in to, a connection a host, all at
/// once.
async fn by_us(key: &Key, hosts: &[Sshd], folder: &Path) -> Spent {
    let begun = Instant::now();
    let user = User::with_key(key);
    let identities = user.identities().await.unwrap();
    let source = Source::Folder { local: folder.into(), remote: "files".into(), mode: None };
    let packing = async {
        let bundle = Bundle::collect(vec![source]).await.unwrap();
        (bundle, begun.elapsed())
    };
    let logins = hosts.iter().map(|host| {
        let route = user.route(host.address());
        let identities = &identities;
        async move { ssh::connect(&TcpDial, &route, identities, HostKeyCheck::First).await.unwrap() }
    });
    let ((bundle, packed), sessions) = join(packing, join_all(logins)).await;
    let ready = begun.elapsed();
    let uploads = sessions.iter().map(|session| async {
        let mut sent = ready;
        let on_progress = |it: Transfer| {
            if it.sent < it.total {
                sent = begun.elapsed();
            }
        };
        session.upload(&bundle, "/tmp/uploaded_files", on_progress).await.unwrap();
        sent
    });
    let sent = join_all(uploads).await.into_iter().max().unwrap();
    Spent { packed, ready, sent, all: begun.elapsed() }
}

/// bssh in its fastest way: one archive over SFTP to all at once, unpacked by a command. A folder it
/// sends file by file, with a login for each. Its keys lie in a home of its own.
fn bssh(key: &Key, hosts: &[Sshd], archive: &str, home: &Path) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bssh/bin/bssh");
    assert!(program.exists(), "{} is missing: make bench-ssh", program.display());
    let targets: Vec<String> =
        hosts.iter().map(|host| format!("ubuntu@{}", host.address())).collect();
    let bssh = format!(
        "env -u SSH_AUTH_SOCK HOME={} {} -q --strict-host-key-checking no -i {} --parallel {} -H {}",
        home.display(),
        program.display(),
        key.path().display(),
        hosts.len(),
        targets.join(","),
    );
    format!(
        "{{ {bssh} upload {archive} /tmp/b.tar.gz && \
         {bssh} 'mkdir /tmp/b && tar -xzf /tmp/b.tar.gz -C /tmp/b'; }} >{home}/said 2>&1 || \
         {{ cat {home}/said; exit 1; }}",
        home = home.display(),
    )
}

fn median<T: Copy + Ord>(values: impl IntoIterator<Item = T>) -> T {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_unstable();
    values[values.len() / 2]
}

/// What an Ubuntu node has of an upload's programs: GNU's. busybox's are several times slower.
const GNU: [(&str, &str); 3] =
    [("/usr/bin/tar", "tar"), ("/usr/bin/gzip", "gzip"), ("/usr/bin/sha256sum", "coreutils")];

/// Twenty hosts, and all that the others need on the far side.
fn hosts(key: &Key) -> Vec<Sshd> {
    let host = |n| {
        let host = Sshd::start(&SshdOptions {
            address: loopback(2 + n),
            accept: vec![key.public()],
            sshd_config: "Subsystem sftp internal-sftp",
            ..Default::default()
        });
        for (program, package) in GNU.into_iter().chain([("/usr/bin/rsync", "rsync")]) {
            install(host.root(), Path::new(program), package);
        }
        host
    };
    let hosts: Vec<Sshd> = (0..HOSTS).map(host).collect();
    equip(&hosts);
    hosts
}

/// The others, in the order in which they take their turns.
const OTHERS: [&str; 5] = ["one tar.gz | ssh", "tar | ssh", "rsync -z", "bssh", "Ansible"];
/// Where each leaves what it sent, below `/tmp`.
const FOLDERS: [&str; 6] = ["uploaded_files/files", "o", "t", "r", "b", "a"];

/// Each of the others, once.
fn by_others(key: &Key, hosts: &[Sshd], folder: &Path) -> [Duration; 5] {
    let here = folder.display().to_string();
    let work = tempfile::tempdir().unwrap();
    let scratch = work.path().display().to_string();
    let at = |host: &Sshd| format!("{} ubuntu@{}", ssh(&key.path(), host), host.address().ip());
    let begun = Instant::now();
    by_one_shell(&format!("tar -czf {scratch}/one.tar.gz -C {here} ."));
    let packed = begun.elapsed();
    let one = packed
        + by_shell(hosts, |host| {
            format!("{} 'mkdir /tmp/o && tar -xzf - -C /tmp/o' <{scratch}/one.tar.gz", at(host))
        });
    let each = by_shell(hosts, |host| {
        format!("tar -czf - -C {here} . | {} 'mkdir /tmp/t && tar -xzf - -C /tmp/t'", at(host))
    });
    let rsync = by_shell(hosts, |host| {
        let there = format!("{}:/tmp/r/", host.address().ip());
        format!("rsync -az -e '{} -l ubuntu' {here}/ {there}", ssh(&key.path(), host))
    });
    let archive = format!("{scratch}/one.tar.gz");
    let bssh = packed + by_one_shell(&bssh(key, hosts, &archive, work.path()));
    let ansible = by_one_shell(&ansible::line(key, hosts, folder, work.path()));
    [one, each, rsync, bssh, ansible]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a machine for itself: make bench-ssh"]
#[expect(clippy::print_stdout, reason = "its figures are what it is run for")]
async fn an_upload_is_as_fast_as_the_fastest() {
    let key = Key::ed25519();
    let (hosts, folder) = (hosts(&key), folder());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        by_shell(&hosts, |host| {
            let clear = "'rm -rf /tmp/[otrba] /tmp/b.tar.gz && mkdir /tmp/a'";
            format!("{} ubuntu@{} {clear}", ssh(&key.path(), host), host.address().ip())
        });
        ours.push(by_us(&key, &hosts, folder.path()).await);
        theirs.push(by_others(&key, &hosts, folder.path()));
        all_have_all(&hosts);
    }
    let of = |at: usize| median(theirs.iter().map(|round| round[at]));
    let fastest = (0..OTHERS.len()).map(of).min().unwrap();
    let all = median(ours.iter().map(|spent| spent.all));
    let others = OTHERS.iter().enumerate().map(|(at, name)| (*name, of(at)));
    println!("{}{}", table(all, fastest, others), where_it_went(&ours));
    let ratio = all.as_secs_f64() / fastest.as_secs_f64();
    assert!(ratio <= 1.0, "{ratio:.2} times as long as the fastest");
}

fn table(
    ours: Duration,
    fastest: Duration,
    others: impl Iterator<Item = (&'static str, Duration)>,
) -> String {
    let mut text = format!("\nmedian of {ROUNDS} rounds, {HOSTS} hosts\n");
    for (name, time) in [("spot-tui", ours)].into_iter().chain(others) {
        let ratio = time.as_secs_f64() / fastest.as_secs_f64();
        writeln!(text, "{name:<18}{:>6} ms  {ratio:.2}x", time.as_millis()).unwrap();
    }
    text
}

/// What each part of ours took, the median of the rounds.
fn where_it_went(ours: &[Spent]) -> String {
    let part = |of: fn(&Spent) -> Duration| median(ours.iter().map(of)).as_millis();
    let parts = [
        ("reading, compressing", part(|it| it.packed)),
        ("logins, longer by", part(|it| it.ready.saturating_sub(it.packed))),
        ("writes", part(|it| it.sent.saturating_sub(it.ready))),
        ("checksum, unpacking", part(|it| it.all.saturating_sub(it.sent))),
    ];
    let mut text = String::from("\nof ours\n");
    for (name, ms) in parts {
        writeln!(text, "{name:<22}{ms:>6} ms").unwrap();
    }
    text
}

/// Nobody was fast by leaving something out.
fn all_have_all(hosts: &[Sshd]) {
    for host in hosts {
        for folder in FOLDERS {
            let folder = host.root().join("tmp").join(folder);
            let sizes =
                fs::read_dir(&folder).unwrap().map(|file| file.unwrap().metadata().unwrap());
            let sizes: Vec<u64> = sizes.map(|meta| meta.len()).collect();
            let seen = (sizes.len(), sizes.iter().sum::<u64>());
            assert_eq!(seen, (FILES, BYTES as u64), "{}", folder.display());
        }
    }
}
