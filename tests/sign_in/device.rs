//! Signing in under a dashboard by a page where a code is confirmed.

use super::session::dashboard;
use super::*;
use crate::support::demo_cloud::DemoCloud;
use crate::support::terminal::{Terminal, command};

const PENDING: &str = "AuthorizationPendingException";
const CODE: &str = "ABCD-EFGH";

/// How much time it says there is left.
fn left(screen: &str) -> Option<&str> {
    screen.lines().find_map(|line| line.split(" left").next().filter(|it| *it != line))
}

/// Begins the login from the question that a session has ended.
fn begin(office: &Office, terminal: &mut Terminal) -> String {
    office.answer(PENDING);
    office.end_session();
    let asked = terminal.wait_for("Signed out of AWS");
    assert!(asked.contains("asks in a dialog"), "{asked}");
    terminal.press("\r");
    terminal.wait_for(CODE)
}

#[test]
fn a_session_that_ends_under_a_dashboard_is_begun_again_on_a_page() {
    let cloud = DemoCloud::start(&["--speed", "10", "--no-ssh"]);
    let office = Office::over(&["ok"], cloud.url(), &[("ROLE_SECONDS", "12")]);
    assert_eq!(office.run(&["login", "--profile", "work"]).code, 0);
    let mut terminal = dashboard(&office, (80, 24));

    let screen = begin(&office, &mut terminal);
    for told in ["Sign in to AWS", "https://device.sso.eu-west-1", "▀", "Ctrl-O", "Ctrl-Y"] {
        assert!(screen.contains(told), "{told}: {screen}");
    }
    let first = left(&screen).unwrap_or_else(|| panic!("{screen}"));
    terminal
        .wait("another time", |screen| left(&screen.contents()).is_some_and(|now| now != first));
    // Esc leaves, and nothing is lost: that is no error.
    terminal.press("\x1b");
    terminal.wait_gone(CODE);
    terminal.press("l");
    let screen = terminal.wait_for("given up");
    assert_eq!(screen.matches('✗').count(), 2, "of the header, and for why it ended: {screen}");
    terminal.press("l");
    terminal.wait_for("not signed in to AWS");
    terminal.press("I");
    terminal.wait_for(CODE);
    office.answer("ExpiredTokenException");
    let screen = terminal.wait_for("begins anew");
    assert!(screen.contains("nobody confirmed the code while it was good"), "{screen}");
    assert!(!screen.contains(CODE), "{screen}");
    office.answer(PENDING);
    terminal.press("\r");
    terminal.wait_for(CODE);
    office.answer("ok");
    terminal.wait_for("signed in again");
    let screen = terminal.wait_for("● live");
    assert!(!screen.contains(CODE), "{screen}");

    // A login in another terminal takes the question away.
    begin(&office, &mut terminal);
    office.answer("later");
    assert_eq!(office.run(&["login", "--profile", "work"]).code, 0);
    terminal.wait_gone(CODE);
    terminal.wait_for("● live");
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
}

#[test]
fn a_terminal_that_is_large_enough_shows_the_page_for_a_camera_too() {
    for (size, locale, is_drawn) in [
        ((80, 40), "C.UTF-8", true),
        ((30, 40), "C.UTF-8", false),
        ((80, 24), "C.UTF-8", false),
        ((80, 40), "C", false),
    ] {
        let office = Office::open(&[PENDING]);
        let program = env!("CARGO_BIN_EXE_spot-tui");
        let mut login = command(office.spot.path(), program, &["login", "--profile", "work"]);
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            login.env_remove(name);
        }
        for (name, value) in office.endpoints() {
            login.env(name, value);
        }
        login.env("LANG", locale);
        let mut terminal = Terminal::start(login, size);
        let screen = terminal.wait_for("Ctrl-C gives up");
        assert!(screen.contains("https://device.sso") && screen.contains(CODE), "{screen}");
        assert_eq!(screen.contains("▀▀▀▀▀▀▀"), is_drawn, "{screen}");
        office.answer("ok");
        terminal.wait_for("signed in until");
        assert_eq!(terminal.end().exit_code(), 0);
    }
}
