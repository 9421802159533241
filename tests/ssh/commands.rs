//! What commands print, how they end, and how little harm they can do.

use std::time::{Duration, Instant};

use spot_tui::ssh::{ExitStatus, Operation, Pipe, RemoteCommand, SshError};

use super::{in_time, lines, logged_in};

#[tokio::test]
async fn lines_come_with_their_pipe_and_the_exit_status() {
    let (_host, session) = logged_in().await;
    let mut told = Vec::new();
    let command = RemoteCommand::new("echo one; sleep 0.1; echo two >&2; printf three; exit 7");
    let exit = in_time(session.exec(&command, |pipe, line| told.push((pipe, line.to_owned()))));
    assert_eq!(exit.await.unwrap(), ExitStatus::Code(7));
    let expected = [(Pipe::Out, "one"), (Pipe::Out, "three"), (Pipe::Err, "two")];
    told.sort_by_key(|(pipe, line)| (*pipe == Pipe::Err, line.clone()));
    assert_eq!(told, expected.map(|(pipe, line)| (pipe, line.to_owned())));
}

#[tokio::test]
async fn a_line_is_told_when_it_is_printed_not_at_the_end() {
    let (host, session) = logged_in().await;
    let told = host.root().join("tmp/told");
    let command =
        RemoteCommand::new("echo now; while [ ! -e /tmp/told ]; do sleep 0.02; done; echo end");
    let mut seen = Vec::new();
    let exit = in_time(session.exec(&command, |_, line| {
        seen.push(line.to_owned());
        std::fs::write(&told, "").unwrap();
    }));
    assert!(exit.await.unwrap().is_success());
    assert_eq!(seen, ["now", "end"]);
}

#[tokio::test]
async fn a_signal_and_a_lost_connection_are_told_apart() {
    let (mut host, session) = logged_in().await;
    let exit = in_time(session.exec(&RemoteCommand::new("kill -TERM $$"), |_, _| ())).await;
    assert_eq!(exit.unwrap(), ExitStatus::Signal("TERM".into()));

    let command = RemoteCommand::new("echo started; sleep 1000");
    let (begun, started) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let running = in_time(session.exec(&command, |_, _| {
        begun.take().map(|begun| begun.send(()));
    }));
    let (exit, ()) = tokio::join!(running, async {
        started.await.unwrap();
        host.kill();
    });
    let error = exit.unwrap_err();
    assert!(matches!(error, SshError::Cut { operation: Operation::RemoteCommand, .. }), "{error}");
    assert!(error.is_retryable());
    assert!(session.is_closed());
    let error = in_time(session.exec(&RemoteCommand::new("true"), |_, _| ())).await.unwrap_err();
    assert!(matches!(error, SshError::Cut { .. }), "{error}");
}

#[tokio::test]
async fn what_has_to_succeed_keeps_its_last_lines() {
    let (_host, session) = logged_in().await;
    let command = RemoteCommand::new("seq 1 100; echo 'no such unit' >&2; sleep 0.1; exit 3");
    let error = in_time(session.run("deploy", &command, |_, _| ())).await.unwrap_err();
    let SshError::RemoteExit { last, exit, .. } = &error else { panic!("{error}") };
    assert_eq!((last.len(), exit), (20, &ExitStatus::Code(3)));
    assert!(last.contains(&"no such unit".to_owned()), "{last:?}");
    assert!(error.to_string().contains("`deploy`"), "{error}");
}

#[tokio::test]
async fn input_goes_in_and_a_reader_that_stops_early_is_no_hang() {
    let (_host, session) = logged_in().await;
    let big: Vec<u8> = b"0123456789abcdef".repeat(512 * 1024);
    let mut told = Vec::new();
    let command = RemoteCommand::new("sha256sum; wc -c").stdin(big.clone());
    in_time(session.exec(&command, |_, line| told.push(line.to_owned()))).await.unwrap();
    assert_eq!(told.len(), 2);
    assert_eq!(told[1], "0");

    let command = RemoteCommand::new("head -c 10").stdin(big.clone());
    let mut told = String::new();
    let exit = in_time(session.exec(&command, |_, line| told.push_str(line))).await;
    assert_eq!((exit.unwrap(), told.as_str()), (ExitStatus::Code(0), "0123456789"));

    let command = RemoteCommand::new("exec <&-; exit 28").stdin(big);
    let exit = in_time(session.exec(&command, |_, _| ())).await;
    assert_eq!(exit.unwrap(), ExitStatus::Code(28));
    assert_eq!(lines(&session, "echo well").await, ["well"]);
}

#[tokio::test]
async fn hostile_output_is_harmless() {
    let (_host, session) = logged_in().await;
    let escapes = r"printf '\033]0;owned\007\033[2Jplain\033[31m red\r\ntab\tend \302\233A\377\n'";
    assert_eq!(lines(&session, escapes).await, ["plain red", "tab     end \u{fffd}"]);

    let long = lines(&session, "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo next").await;
    assert_eq!(long.len(), 2);
    assert!(long[0].len() < 8 * 1024 + 8, "{}", long[0].len());
    assert_eq!(long[1], "next");
}

#[tokio::test]
async fn endless_output_ends_with_its_time_and_the_session_lives_on() {
    let (_host, session) = logged_in().await;
    let begun = Instant::now();
    let command = RemoteCommand::new("yes | cat").limit(Duration::from_millis(500));
    let mut count = 0_u64;
    let error = in_time(session.exec(&command, |_, _| count += 1)).await.unwrap_err();
    assert!(
        matches!(error, SshError::TimedOut { operation: Operation::RemoteCommand, .. }),
        "{error}"
    );
    assert!(!error.is_retryable());
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(count > 1000, "{count}");
    assert_eq!(lines(&session, "echo well").await, ["well"]);
    // The command is ended over there as well.
    lines(&session, "while pidof yes; do sleep 0.05; done").await;
}

#[tokio::test]
async fn a_silent_command_ends_with_its_time() {
    let (_host, session) = logged_in().await;
    let command = RemoteCommand::new("sleep 1000").limit(Duration::from_millis(200));
    let error = in_time(session.exec(&command, |_, _| ())).await.unwrap_err();
    assert!(matches!(error, SshError::TimedOut { .. }), "{error}");
    lines(&session, "while pidof sleep; do usleep 50000; done").await;
}

#[tokio::test]
async fn commands_run_side_by_side() {
    let (_host, session) = logged_in().await;
    let meet = "touch /tmp/$0; while [ ! -e /tmp/$1 ]; do sleep 0.02; done";
    let (left, right) = (format!("sh -c '{meet}' a b"), format!("sh -c '{meet}' b a"));
    tokio::join!(lines(&session, &left), lines(&session, &right));
}

#[tokio::test]
async fn sudo_is_root_in_its_own_root_and_stubs_tell_of_their_calls() {
    let (mut host, session) = logged_in().await;
    assert_eq!(lines(&session, "id -u; sudo -n sh -c 'id -u'").await, ["1000", "0"]);
    lines(&session, "sudo systemctl enable --now 'a b.service'").await;
    assert_eq!(
        host.calls()[1..],
        ["sudo systemctl enable --now a b.service", "systemctl enable --now a b.service"]
    );
    let boot = "cat /proc/sys/kernel/random/boot_id";
    let before = lines(&session, boot).await;
    let _ = in_time(session.exec(&RemoteCommand::new("sudo reboot; sleep 60"), |_, _| ())).await;
    host.wait("reboot", |host| host.log().matches("Server listening").count() == 2);
    assert!(host.calls().contains(&"reboot".to_owned()));
    assert!(session.is_closed());
    assert_eq!(before.len(), 1);
}
