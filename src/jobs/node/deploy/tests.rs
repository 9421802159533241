use super::*;

fn failed(code: u32, lines: &[&str]) -> Failure {
    let mut last = LastLines::default();
    for line in lines {
        last.push(line);
    }
    set_up_failed(&ExitStatus::Code(code), &last)
}

#[test]
fn exit_codes_are_translated() {
    let lines = ["2026-11-20T09:00:00Z STEP bacalhau-config"];
    let failure = failed(84, &lines);
    assert!(failure.reason.contains("bacalhau-config"), "{failure}");
    assert!(!failure.hint.contains("sudo"), "{failure}");
    assert!(failed(3, &lines).reason.contains("exit code 3"));
}

#[test]
fn a_step_that_failed_says_why() {
    let lines = ["2026-11-20T09:00:00Z ERROR no network", "2026-11-20T09:00:00Z END exit=84"];
    assert!(failed(84, &lines).reason.ends_with(": no network"));
}

#[test]
fn attack_15_what_kept_the_script_from_beginning_is_in_the_failure() {
    for (code, said) in [
        (1, "sudo: a password is required"),
        (126, "sudo: unable to execute /bin/sh: Permission denied"),
        (127, "there is no deploy_services.sh in /tmp/uploaded_files or /opt/uploaded_files"),
    ] {
        let failure = failed(code, &[said]);
        assert!(failure.reason.ends_with(said), "{failure}");
        assert!(failure.hint.contains("may the login user use sudo"), "{failure}");
    }
}

#[test]
fn another_deployment_is_waited_for_as_long_as_one_may_take() {
    let pause = |waited| pause_while_locked(waited).ok();
    assert_eq!(pause(Duration::ZERO), Some(LOCKED_PAUSE));
    let soon = Duration::from_secs(5);
    assert_eq!(
        pause(CONFIGURE_TIMEOUT.saturating_sub(soon)),
        Some(soon),
        "a last look at the very end"
    );
    let failure = pause_while_locked(CONFIGURE_TIMEOUT).unwrap_err();
    assert!(failure.reason.contains("another deployment"), "{failure}");
    assert!(failure.reason.ends_with("for 30 min"), "{failure}");
    assert!(failure.hint.contains("/opt/deployment.log"), "{failure}");
}
