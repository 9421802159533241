//! The demo's hosts, seen by the program's own SSH: they answer as machines do, and each of their
//! faults is one that the program can tell. No network and, but for one story, no real time.

mod faults;
mod terminal;
mod town;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use spot_tui::demo::hosts::Kind;
use spot_tui::fleet::HostKeyTrust;
use spot_tui::ssh::{
    ExitStatus, HostKeyCheck, RemoteCommand, Session, SshError, TcpDial, Unpacked, unpack,
};
use tokio::time::Instant;

use town::{DEPLOY, STATUS, Town, address, boot_id, deploy, instance, lines, told};

const LOG: &str = "sudo tail -n 3 /opt/deployment.log";

/// A node's status, as the program asks for it.
async fn status(session: &Session) -> serde_json::Value {
    let told = lines(session, STATUS).await;
    serde_json::from_str(&told.concat()).unwrap()
}

fn all_active(status: &serde_json::Value) -> bool {
    let units = status["units"].as_object().unwrap();
    units.len() == 4 && units.values().all(|state| state == "active")
}

#[tokio::test(start_paused = true)]
async fn a_machine_becomes_a_node() {
    let town = Town::of(1).await;
    let console = vec![town.hosts.fingerprint(&instance(1))];
    let begun = Instant::now();
    let session = town.wait_for(1, HostKeyCheck::Fingerprints(console)).await.unwrap();
    assert!(begun.elapsed() >= town::BOOT, "{:?}", begun.elapsed());
    assert_eq!(session.host_key().trust, HostKeyTrust::Console);

    town.upload(&session).await.unwrap();
    let (exit, printed) = deploy(&session).await;
    assert_eq!(exit, ExitStatus::Code(0), "{printed:#?}");
    for words in
        ["BEGIN deployment for user ubuntu", "cloud-init is still running (30 s)", "OK enable"]
    {
        assert!(printed.iter().any(|line| line.contains(words)), "{words}: {printed:#?}");
    }
    assert!(printed.last().unwrap().ends_with("Z END exit=0"), "{printed:#?}");
    let before = status(&session).await;
    assert_eq!(before["deployment"]["exit"], 0);
    assert_eq!(before["units"]["bacalhau.service"], "inactive");

    let first_boot = boot_id(&session).await;
    town.reboot(&session).await;
    let session = town.reach_known(1, session.host_key()).await.unwrap();
    assert_ne!(boot_id(&session).await, first_boot);
    let up = Instant::now();
    while !all_active(&status(&session).await) {
        assert!(up.elapsed() < Duration::from_mins(1));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    let node = status(&session).await;
    assert_eq!(node["instance_id"], "i-1");
    assert_eq!(node["bacalhau_alive"], true);
    assert_eq!(node["files"]["orchestrator_token"], true);
    assert!(lines(&session, LOG).await[2].ends_with("END exit=0"));
}

#[tokio::test(start_paused = true)]
async fn what_is_uploaded_is_there_with_its_modes() {
    let town = Town::of(1).await;
    let session = town.reach(1).await.unwrap();
    let mut transfers = Vec::new();
    let bundle = &town.bundle;
    let folder = town::STAGING;
    town.upload(&session).await.unwrap();
    session.upload(bundle, folder, |transfer| transfers.push(transfer.sent)).await.unwrap();
    assert!(transfers.is_sorted() && transfers.last() == Some(&bundle.size()), "{transfers:?}");

    let files = town.hosts.files(&instance(1));
    let under = |path: &str| files.get(&Path::new(folder).join(path)).expect(path);
    let token = under("files/orchestrator_token");
    assert_eq!((token.mode, &token.kind), (0o600, &Kind::File("secret".into())));
    let noise = under("files/noise");
    assert_eq!((noise.mode, &noise.kind), (0o644, &Kind::File(town::noise())));
    assert_eq!(under("scripts/deploy_services.sh").mode, 0o755);
    assert_eq!(under("scripts").kind, Kind::Folder);

    assert_eq!(deploy(&session).await.0, ExitStatus::Code(0));
    let moved: BTreeMap<PathBuf, _> = town.hosts.files(&instance(1));
    assert_eq!(moved.len(), files.len());
    assert!(moved.contains_key(Path::new("/opt/uploaded_files/files/orchestrator_token")));
}

#[tokio::test(start_paused = true)]
async fn two_hundred_machines_are_set_up_at_once() {
    let town = Town::of(200).await;
    let begun = Instant::now();
    let deployments = (1..=200).map(|n| {
        let town = town.clone();
        tokio::spawn(async move {
            let session = town.reach(n).await.unwrap();
            town.upload(&session).await.unwrap();
            assert_eq!(deploy(&session).await.0, ExitStatus::Code(0));
            session.host_key().fingerprint.clone()
        })
    });
    let mut keys = BTreeSet::new();
    for deployment in deployments.collect::<Vec<_>>() {
        keys.insert(deployment.await.unwrap());
    }
    assert_eq!(keys.len(), 200, "each host has a key of its own");
    assert!(begun.elapsed() < Duration::from_mins(3), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_tells_the_same_story() {
    let mut stories = Vec::new();
    for _ in 0..2 {
        // Our own side has its chance too: when it knocks again.
        fastrand::seed(1);
        let town = Town::of(1).await;
        let session = town.reach(1).await.unwrap();
        town.upload(&session).await.unwrap();
        let (_, printed) = deploy(&session).await;
        stories.push((session.host_key().clone(), boot_id(&session).await, printed));
    }
    assert_eq!(stories[0], stories[1]);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_the_program_does_not_send_is_not_found() {
    let town = Town::of(1).await;
    let session = town.reach(1).await.unwrap();
    let (exit, printed) = told(&session, "vim notes").await;
    assert_eq!((exit, printed[0].as_str()), (ExitStatus::Code(127), "sh: 1: vim: not found"));
    for command in [STATUS, DEPLOY] {
        let (exit, printed) = told(&session, command).await;
        assert_eq!(exit, ExitStatus::Code(1));
        assert!(printed[0].ends_with("command not found"), "{printed:?}");
    }
    town.upload(&session).await.unwrap();
    let (exit, printed) = told(&session, &format!("{DEPLOY} --fast")).await;
    assert_eq!(exit, ExitStatus::Code(64));
    assert!(printed[0].ends_with("ERROR unknown argument: --fast"), "{printed:?}");
    let (exit, _) = told(&session, &DEPLOY.replace("ubuntu", "nobody")).await;
    assert_eq!(exit, ExitStatus::Code(65));
}

/// As `pull` asks for them: what is listed comes, and is what it was listed as.
#[tokio::test(start_paused = true)]
async fn files_are_listed_and_brought() {
    let town = Town::of(1).await;
    let session = town.reach(1).await.unwrap();
    town.upload(&session).await.unwrap();
    deploy(&session).await;
    let paths = ["/var/log", "/opt/deployment.log", ".profile"].map(str::to_owned);
    let listing = session.list_files(&paths).await.unwrap();
    assert_eq!(listing.odd, [""; 0]);
    let names: Vec<&str> = listing.files.keys().map(String::as_str).collect();
    assert_eq!(names, [".profile", "opt/deployment.log", "var/log/cloud-init-output.log"]);
    let (sender, mut pieces) = tokio::sync::mpsc::channel::<bytes::Bytes>(16);
    let gathered = async {
        let mut archive = Vec::new();
        while let Some(piece) = pieces.recv().await {
            archive.extend_from_slice(&piece);
        }
        archive
    };
    let (fetched, archive) = tokio::join!(session.fetch(&listing, sender), gathered);
    fetched.unwrap();
    let (folder, mut unpacked) = (tempfile::tempdir().unwrap(), Unpacked::default());
    unpack(archive.as_slice(), folder.path(), &listing, 1 << 20, &mut unpacked).unwrap();
    assert_eq!((unpacked.files.len(), unpacked.changed.len()), (3, 0), "{unpacked:?}");
    assert!(folder.path().join("opt/deployment.log").is_file());

    let missing = session.list_files(&["/nowhere".to_owned()]).await.unwrap_err();
    assert!(format!("{missing:?}").contains("/nowhere: there is no such file"), "{missing:?}");
    let (exit, _) = told(&session, "export LC_ALL=C").await;
    assert_eq!(exit, ExitStatus::Code(0));
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_bundle_is_noticed() {
    let town = Town::of(1).await;
    let session = town.reach(1).await.unwrap();
    let kept: Vec<_> =
        town::sources().into_iter().filter(|source| !town::is(source, "images.env")).collect();
    let bundle = spot_tui::ssh::Bundle::collect(kept).await.unwrap();
    session.upload(&bundle, town::STAGING, |_| ()).await.unwrap();
    let (exit, printed) = deploy(&session).await;
    assert_eq!(exit, ExitStatus::Code(80), "{printed:#?}");
    assert!(printed.iter().any(|line| line.contains("config/images.env is missing")));
}

#[tokio::test(start_paused = true)]
async fn one_deployment_at_a_time_and_a_cut_one_says_so() {
    let town = Town::of(1).await;
    let session = town.reach(1).await.unwrap();
    town.upload(&session).await.unwrap();
    let other = town.reach(1).await.unwrap();
    let first = tokio::spawn(async move { deploy(&session).await });
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (exit, printed) = deploy(&other).await;
    assert_eq!(exit, ExitStatus::Code(67), "{printed:?}");

    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(lines(&other, LOG).await[2].ends_with("END exit=129"));
    assert_eq!(deploy(&other).await.0, ExitStatus::Code(0), "it goes on from what was placed");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_takes_too_long_is_ended_over_there() {
    let town = Town::of(1).await;
    let session = town.reach(1).await.unwrap();
    town.upload(&session).await.unwrap();
    let command = RemoteCommand::new(DEPLOY).limit(Duration::from_secs(40));
    let ended = session.exec(&command, |_, _| ()).await;
    assert!(matches!(ended, Err(SshError::TimedOut { .. })), "{ended:?}");
    assert_eq!(deploy(&session).await.0, ExitStatus::Code(0), "no other one is running");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_gone_takes_its_sessions_with_it() {
    let town = Town::of(1).await;
    let session = town.reach(1).await.unwrap();
    town.upload(&session).await.unwrap();
    let command = RemoteCommand::new(DEPLOY).limit(Duration::from_mins(30));
    let running = session.exec(&command, |_, _| ());
    let ((), ended) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            town.terminate(1);
        },
        running
    );
    assert!(matches!(ended, Err(SshError::Cut { .. })), "{ended:?}");
    assert!(session.is_closed());
    let error = town.reach(1).await.unwrap_err();
    assert!(
        matches!(&error, SshError::GaveUp { last, .. } if matches!(**last, SshError::Refused { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn over_tcp_it_is_the_same_host() {
    let town = Town::of(1).await;
    town.skip_the_boot();
    let front = town.hosts.serve(address(1), 0).await.unwrap();
    assert_eq!(
        (front.ip(), town.hosts.serve(address(1), front.port()).await.unwrap()),
        (address(1), front)
    );
    let session = town.connect(&TcpDial, 1, front.port()).await.unwrap();
    assert_eq!(session.host_key().fingerprint, town.hosts.fingerprint(&instance(1)));
    town.upload(&session).await.unwrap();
    assert!(!town.hosts.files(&instance(1)).is_empty());

    town.terminate(1);
    let gone = town.connect(&TcpDial, 1, front.port()).await.unwrap_err();
    assert!(gone.is_retryable(), "{gone}");
    town.hosts.stop_serving(address(1));
    let refused = town.connect(&TcpDial, 1, front.port()).await.unwrap_err();
    assert!(matches!(refused, SshError::Refused { .. }), "{refused}");
}

#[tokio::test]
async fn openssh_speaks_with_it_too() {
    let town = Town::of(1).await;
    town.skip_the_boot();
    let front = town.hosts.serve(address(1), 0).await.unwrap();
    let known_hosts = town.key.path().with_file_name("known_hosts");
    let ssh = |command: &'static [&'static str]| {
        let mut ssh = tokio::process::Command::new("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"])
            .args(["-o", "StrictHostKeyChecking=accept-new", "-p", &front.port().to_string()])
            .arg("-o")
            .arg(format!("UserKnownHostsFile={}", known_hosts.display()))
            .arg("-i")
            .arg(town.key.path())
            .arg(format!("ubuntu@{}", front.ip()))
            .args(command)
            .kill_on_drop(true);
        async move {
            let ran = tokio::time::timeout(Duration::from_secs(20), ssh.output()).await;
            ran.expect("it hangs").expect("ssh is missing: apt-get install openssh-client")
        }
    };
    let boot = ssh(&["cat", "/proc/sys/kernel/random/boot_id"]).await;
    assert_eq!((boot.status.code(), boot.stdout.len()), (Some(0), 37), "{boot:?}");
    let unknown = ssh(&["vim"]).await;
    assert_eq!(unknown.status.code(), Some(127), "{unknown:?}");
    let nothing = ssh(&[]).await;
    assert_eq!(nothing.status.code(), Some(0), "a shell without input: {nothing:?}");
}

#[tokio::test]
async fn only_loopback_is_served() {
    let town = Town::of(1).await;
    for outside in [Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(10, 0, 0, 1)] {
        let error = town.hosts.serve(IpAddr::V4(outside), 0).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    }
}
