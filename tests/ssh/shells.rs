//! Login shells that do not read our lines, and far sides that run something else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use spot_tui::fleet::Step;
use spot_tui::ssh::{Bundle, ExitStatus, LONGEST_ANSWER, RemoteCommand, Source, SshError};

use super::{User, in_time, lines, logged_in};
use crate::support::keys::Key;
use crate::support::sshd::{Sshd, SshdOptions};

async fn bundle() -> Bundle {
    let files = vec![Source::Bytes { path: "a b".into(), mode: 0o640, content: "content".into() }];
    Bundle::collect(files).await.unwrap()
}

/// `MaxSessions 1`: the next command comes before the far side has closed the last one.
#[tokio::test]
async fn attack_21_a_server_with_room_for_one_session_is_asked_again() {
    let key = Key::ed25519();
    let options = SshdOptions {
        accept: vec![key.public()],
        sshd_config: "MaxSessions 1",
        ..SshdOptions::default()
    };
    let host = Sshd::start(&options);
    let session = User::with_key(&key).log_in(&host).await.unwrap();
    for turn in 0..20 {
        assert_eq!(lines(&session, &format!("echo {turn}")).await, [turn.to_string()]);
    }
    in_time(session.upload(&bundle().await, "/tmp/stage", |_| ())).await.unwrap();
    assert_eq!(lines(&session, "cat '/tmp/stage/a b'").await, ["content"]);
}

#[tokio::test]
async fn attack_16_an_upload_is_believed_by_what_was_unpacked_not_by_its_exit_status() {
    let key = Key::ed25519();
    let options = SshdOptions {
        accept: vec![key.public()],
        sshd_config: "ForceCommand echo hi",
        ..SshdOptions::default()
    };
    let host = Sshd::start(&options);
    let session = User::with_key(&key).log_in(&host).await.unwrap();
    let error = in_time(session.upload(&bundle().await, "/tmp/stage", |_| ())).await.unwrap_err();
    let SshError::NotRun { said, .. } = &error else { panic!("{error}") };
    assert_eq!(said, &["hi"]);
    let failure = error.failure();
    assert_eq!(failure.step, Step::Upload);
    assert!(failure.hint.contains("ForceCommand"), "{failure}");
    assert!(!error.is_retryable());
}

/// A far side that never stops talking fills no memory, and is not listened to for long.
#[tokio::test]
async fn attack_7_a_far_side_that_never_stops_talking_is_ended() {
    let (host, session) = logged_in().await;
    let profile = host.root().join("home/ubuntu/.bashrc");
    fs::write(
        &profile,
        "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done\n",
    )
    .unwrap();
    let error = in_time(session.upload(&bundle().await, "/tmp/stage", |_| ())).await.unwrap_err();
    assert!(matches!(error, SshError::Flooded { .. }), "{error}");
    assert!(error.failure().hint.contains(".bashrc"), "{}", error.failure());
    assert!(!error.is_retryable());

    let (mut kept, question) = (0, RemoteCommand::new("true").most(LONGEST_ANSWER));
    let error = in_time(session.exec(&question, |_, line| kept += line.len())).await.unwrap_err();
    assert!(error.to_string().contains("printed more than 512 KiB"), "{error}");
    assert!(u64::try_from(kept).unwrap() <= 2 * LONGEST_ANSWER, "{kept}");
    fs::write(&profile, "").unwrap();
    assert_eq!(lines(&session, "echo well").await, ["well"], "the session lives on");
}

/// What an sshrc and a shell's own start say is no part of an answer.
#[tokio::test]
async fn what_the_far_side_says_by_itself_hinders_nothing() {
    let (host, session) = logged_in().await;
    fs::write(host.root().join("home/ubuntu/.bashrc"), "echo hello\necho there >&2\n").unwrap();
    in_time(session.upload(&bundle().await, "/tmp/stage", |_| ())).await.unwrap();
    let told = lines(&session, "echo 'it'\\''s' \"here\"; [ ! -e /nowhere ] && echo fine").await;
    // The two pipes come in any order.
    let answer: Vec<&String> =
        told.iter().filter(|line| !["hello", "there"].contains(&line.as_str())).collect();
    assert_eq!(answer, ["it's here", "fine"], "{told:?}");
}

#[tokio::test]
#[ignore = "needs zsh, tcsh and fish: make test-shells"]
async fn attack_16_zsh_tcsh_and_fish_are_no_hindrance() {
    for shell in ["/bin/zsh", "/bin/tcsh", "/usr/bin/fish"] {
        let key = Key::ed25519();
        let host = Sshd::accepting(&key);
        unpack_shells(host.root());
        let passwd = fs::read_to_string(host.root().join("etc/passwd")).unwrap();
        let passwd = passwd.replace("/home/ubuntu:/bin/bash", &format!("/home/ubuntu:{shell}"));
        fs::write(host.root().join("etc/passwd"), passwd).unwrap();
        let session = User::with_key(&key).log_in(&host).await.unwrap();
        let own = RemoteCommand::for_login_shell("echo $0 $FISH_VERSION $version $ZSH_VERSION");
        let mut told = String::new();
        in_time(session.exec(&own, |_, line| told.push_str(line))).await.unwrap();
        assert!(told.contains('.'), "{shell} is not the login shell: {told}");

        in_time(session.upload(&bundle().await, "/tmp/stage", |_| ()))
            .await
            .unwrap_or_else(|error| panic!("{shell}: {error}"));
        let told = lines(
            &session,
            r#"x='it'\''s \ !'; if [ ! -e /nowhere ]; then printf "%s\n" "$x"; fi; id -un"#,
        );
        assert_eq!(told.await, [r"it's \ !", "ubuntu"], "{shell}");
        let stdin = RemoteCommand::new("cat >'/tmp/stage/a b'; exit 7").stdin("other");
        let exit = in_time(session.exec(&stdin, |_, _| ())).await.unwrap();
        assert_eq!(exit, ExitStatus::Code(7), "{shell}");
        assert_eq!(lines(&session, "cat '/tmp/stage/a b'").await, ["other"], "{shell}");
    }
}

fn unpack_shells(root: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/shells");
    let archives: Vec<PathBuf> = fs::read_dir(&folder)
        .map_or(Vec::new(), |found| found.flatten().map(|it| it.path()).collect());
    assert!(
        !archives.is_empty(),
        "missing; fetch with: tests/ssh/make-shells.sh \"$PWD/target/shells\""
    );
    for archive in archives {
        let mut tar = process::Command::new("tar");
        tar.arg("-xf").arg(&archive).arg("-C").arg(root).arg("--keep-directory-symlink");
        assert!(tar.status().unwrap().success(), "{}", archive.display());
    }
}
