//! How fast files come from twenty hosts, next to rsync and scp, in the same run and in turn.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tempfile::TempDir;

use super::*;
use crate::ssh::pulls::bring;

/// What lies on each host, and where it comes to: a folder a host and way.
const RESULTS: &str = "/tmp/results";
const OTHERS: [&str; 4] = ["rsync", "rsync -z", "scp", "scp -C"];

/// A login a host, a list with checksums, one archive, each file verified: as `pull` does it.
async fn by_us(key: &Key, hosts: &[Sshd], into: &Path) -> Duration {
    let begun = Instant::now();
    let user = User::with_key(key);
    let identities = user.identities().await.unwrap();
    let paths = [RESULTS.to_owned()];
    let pulls = hosts.iter().map(|host| {
        let route = user.route(host.address());
        let (identities, paths) = (&identities, &paths);
        async move {
            let check = HostKeyCheck::First;
            let session = ssh::connect(&TcpDial, &route, identities, check).await.unwrap();
            let listing = session.list_files(paths).await.unwrap();
            let folder = into.join(host.address().ip().to_string());
            fs::create_dir(&folder).unwrap();
            let missing = listing.missing_in(&folder);
            let (fetched, done, unpacked) = bring(&session, &missing, &folder).await;
            fetched.unwrap();
            done.unwrap();
            assert_eq!(unpacked.files.len(), FILES);
        }
    });
    join_all(pulls).await;
    begun.elapsed()
}

/// Each of the others, once; each into a folder of its own.
fn by_others(key: &Key, hosts: &[Sshd], into: &Path) -> [Duration; 4] {
    let rsync = |options: &'static str| {
        move |host: &Sshd, to: &str| {
            let from = format!("{}:{RESULTS}/", host.address().ip());
            format!("rsync {options} -e '{} -l ubuntu' {from} {to}/", ssh(&key.path(), host))
        }
    };
    let scp = |options: &'static str| {
        move |host: &Sshd, to: &str| {
            let ip = host.address().ip();
            // Its port is -P where ssh's is -p.
            let login = ssh(&key.path(), host).replacen("ssh", "scp", 1).replace(" -p ", " -P ");
            format!("{login} {options} ubuntu@{ip}:{RESULTS} {to}")
        }
    };
    let time = |name: &str, line: &dyn Fn(&Sshd, &str) -> String| {
        let to = |host: &Sshd| into.join(format!("{}-{name}", host.address().ip()));
        by_shell(hosts, |host| line(host, &to(host).display().to_string()))
    };
    [
        time("rsync", &rsync("-a")),
        time("rsync-z", &rsync("-az")),
        time("scp", &scp("-r")),
        time("scp-c", &scp("-rC")),
    ]
}

/// Nobody was fast by leaving something out.
fn all_came(hosts: &[Sshd], into: &Path) {
    for host in hosts {
        let ip = host.address().ip();
        let ours = into.join(format!("{ip}/tmp/results"));
        let others =
            ["rsync", "rsync-z", "scp", "scp-c"].map(|name| into.join(format!("{ip}-{name}")));
        for folder in [ours].iter().chain(&others) {
            let sizes =
                fs::read_dir(folder).unwrap().map(|it| it.unwrap().metadata().unwrap().len());
            let sizes: Vec<u64> = sizes.collect();
            let seen = (sizes.len(), sizes.iter().sum::<u64>());
            assert_eq!(seen, (FILES, BYTES as u64), "{}", folder.display());
        }
    }
}

/// Each host has the same files.
fn furnish(hosts: &[Sshd], folder: &Path) {
    for host in hosts {
        install(host.root(), Path::new("/usr/bin/find"), "findutils");
        install(host.root(), Path::new("/usr/bin/xargs"), "findutils");
        let there = host.root().join(RESULTS.trim_start_matches('/'));
        fs::create_dir(&there).unwrap();
        for file in fs::read_dir(folder).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), there.join(file.file_name())).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a machine for itself: make bench-ssh"]
#[expect(clippy::print_stdout, reason = "its figures are what it is run for")]
async fn a_pull_is_as_fast_as_the_fastest() {
    let key = Key::ed25519();
    let (hosts, folder) = (hosts(&key), folder());
    furnish(&hosts, folder.path());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let into: TempDir = tempfile::tempdir().unwrap();
        ours.push(by_us(&key, &hosts, into.path()).await);
        theirs.push(by_others(&key, &hosts, into.path()));
        all_came(&hosts, into.path());
    }
    let of = |at: usize| median(theirs.iter().map(|round| round[at]));
    let fastest = (0..OTHERS.len()).map(of).min().unwrap();
    let all = median(ours);
    let others = OTHERS.iter().enumerate().map(|(at, name)| (*name, of(at)));
    println!("{}", table(all, fastest, others));
    let ratio = all.as_secs_f64() / fastest.as_secs_f64();
    assert!(ratio <= 1.0, "{ratio:.2} times as long as the fastest");
}
