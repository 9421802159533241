//! Each fault of a host, told by the program's SSH; without it the same story ends well.

use std::time::Duration;

use spot_tui::demo::hosts::{Answer, HostFault};
use spot_tui::ssh::{ExitStatus, HostKeyCheck, LONGEST_ANSWER, Operation, RemoteCommand, SshError};
use tokio::time::Instant;

use super::town::{Town, boot_id, deploy, instance};

#[tokio::test(start_paused = true)]
async fn a_key_that_the_host_does_not_know_is_refused() {
    let town = Town::of(1).await;
    let stranger = town.clone().with_another_key().reach(1).await;
    assert!(matches!(stranger, Err(SshError::AuthRefused { .. })), "{stranger:?}");
    town.reach(1).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_host_may_refuse_the_right_key() {
    let town = Town::suffering(&[HostFault::RefuseKey]).await;
    let refused = town.reach(1).await;
    assert!(matches!(refused, Err(SshError::AuthRefused { .. })), "{refused:?}");
    town.suffer(&[]);
    town.reach(1).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_host_key_that_changes_is_noticed() {
    for (faults, changes) in [(vec![HostFault::ChangeHostKey], true), (Vec::new(), false)] {
        let town = Town::suffering(&faults).await;
        let session = town.reach(1).await.unwrap();
        assert_eq!(session.host_key().fingerprint, town.hosts.fingerprint(&instance(1)));
        town.reboot(&session).await;
        let again = town.reach_known(1, session.host_key()).await;
        let mismatch = matches!(again, Err(SshError::HostKeyMismatch { .. }));
        assert_eq!(mismatch, changes, "{again:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_console_that_tells_another_key_is_believed() {
    let town = Town::of(2).await;
    let told = vec![town.hosts.fingerprint(&instance(2))];
    let reached = town.wait_for(1, HostKeyCheck::Fingerprints(told)).await;
    assert!(matches!(reached, Err(SshError::HostKeyMismatch { .. })), "{reached:?}");
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_cut_and_the_next_one_arrives() {
    let town = Town::suffering(&[HostFault::CutUpload { at: 50_000, times: 2 }]).await;
    for _ in 0..2 {
        let session = town.reach(1).await.unwrap();
        let mut sent = 0;
        let cut = session.upload(&town.bundle, "/tmp/there", |transfer| sent = transfer.sent);
        let error = cut.await.unwrap_err();
        assert!(matches!(error, SshError::Cut { operation: Operation::Upload, .. }), "{error}");
        assert!(error.is_retryable() && session.is_closed());
        assert!(sent < town.bundle.size(), "{sent}");
        assert!(town.hosts.files(&instance(1)).is_empty());
    }
    let session = town.reach(1).await.unwrap();
    town.upload(&session).await.unwrap();
    assert!(!town.hosts.files(&instance(1)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_told_and_the_session_lives_on() {
    let town = Town::suffering(&[HostFault::DiskFull]).await;
    let session = town.reach(1).await.unwrap();
    let error = town.upload(&session).await.unwrap_err();
    assert!(matches!(error, SshError::DiskFull { .. }), "{error}");
    assert_eq!(boot_id(&session).await.len(), 36);
    town.suffer(&[]);
    town.upload(&town.reach(1).await.unwrap()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_read_to_its_end() {
    let town = Town::suffering(&[HostFault::FloodLog(100_000)]).await;
    let session = town.reach(1).await.unwrap();
    town.upload(&session).await.unwrap();
    let (exit, printed) = deploy(&session).await;
    assert_eq!(exit, ExitStatus::Code(0));
    assert_eq!(printed.iter().filter(|line| line.contains(" of 100000")).count(), 100_000);
    assert!(printed.last().unwrap().ends_with("END exit=0"));
}

#[tokio::test(start_paused = true)]
async fn escape_sequences_are_cleaned() {
    let town = Town::suffering(&[HostFault::EscapeSequences]).await;
    let session = town.reach(1).await.unwrap();
    town.upload(&session).await.unwrap();
    let (_, printed) = deploy(&session).await;
    let line = printed.iter().find(|line| line.contains("Docker Compose version")).unwrap();
    assert!(line.ends_with("Z | Docker Compose version v2.29.7"), "{line}");
    assert!(!printed.concat().contains(char::is_control) && !printed.concat().contains("owned"));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_restarts_for_ever_throws_everybody_out() {
    let town = Town::suffering(&[HostFault::RebootForever]).await;
    let session = town.reach(1).await.unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(!session.is_closed(), "the first boot is a good one");
    town.reboot(&session).await;
    for boot in 2..5 {
        let session = town.reach_known(1, session.host_key()).await.unwrap();
        boot_id(&session).await;
        assert_eq!(town.boots(1), boot);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(session.is_closed());
    }
    town.suffer(&[]);
    let session = town.reach_known(1, session.host_key()).await.unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(!session.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_never_comes_up_does_not_answer() {
    let town = Town::suffering(&[HostFault::NeverUp]).await;
    let error = town.reach(1).await.unwrap_err();
    let SshError::GaveUp { last, .. } = &error else { panic!("{error}") };
    assert!(matches!(**last, SshError::TimedOut { .. }), "{error}");
    town.suffer(&[]);
    town.reach(1).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_slow_cloud_init_is_waited_for_and_not_for_ever() {
    let slow = |seconds| vec![HostFault::SlowCloudInit(seconds)];
    for (faults, least, code) in [(Vec::new(), 50, 0), (slow(300), 350, 0), (slow(3000), 900, 71)] {
        let town = Town::suffering(&faults).await;
        let session = town.reach(1).await.unwrap();
        town.upload(&session).await.unwrap();
        let begun = Instant::now();
        let (exit, printed) = deploy(&session).await;
        assert_eq!(exit, ExitStatus::Code(code), "{printed:#?}");
        let took = begun.elapsed();
        let least = Duration::from_secs(least);
        assert!(took >= least && took < least + Duration::from_secs(45), "{faults:?}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn faults_are_data() {
    let faults: Vec<HostFault> = serde_json::from_str(
        r#"["refuse_key", {"cut_upload": {"at": 4096}}, {"flood_log": 100000}, "never_up"]"#,
    )
    .unwrap();
    let cut = HostFault::CutUpload { at: 4096, times: 1 };
    let expected = [HostFault::RefuseKey, cut, HostFault::FloodLog(100_000), HostFault::NeverUp];
    assert_eq!(faults, expected);
    assert!(serde_json::from_str::<HostFault>(r#"{"cut_upload": {"byte": 4096}}"#).is_err());
}

/// Each place where something of a node's is kept until the end: what it prints is not listened to
/// for longer than is kept.
#[tokio::test(start_paused = true)]
async fn attack_7_an_answer_that_never_ends_is_ended() {
    for (answer, line) in [
        (Answer::BootId, "cat /proc/sys/kernel/random/boot_id"),
        (Answer::Status, "sudo /opt/uploaded_files/scripts/node-status"),
        (Answer::Logs, "sudo tail -n 200 /opt/deployment.log"),
        (Answer::Program, "uptime"),
    ] {
        let town = Town::suffering(&[HostFault::Flood(answer)]).await;
        let session = town.reach(1).await.unwrap();
        let (mut kept, command) = (0, RemoteCommand::new(line).most(LONGEST_ANSWER));
        let error = session.exec(&command, |_, line| kept += line.len()).await.unwrap_err();
        assert!(matches!(error, SshError::Flooded { .. }), "{answer:?}: {error}");
        assert!(kept < 1 << 20, "{answer:?}: {kept}");
    }
    let town = Town::suffering(&[HostFault::Flood(Answer::Upload)]).await;
    let session = town.reach(1).await.unwrap();
    let error = session.upload(&town.bundle, "/tmp/there", |_| ()).await.unwrap_err();
    assert!(matches!(error, SshError::Flooded { .. }), "{error}");
}
