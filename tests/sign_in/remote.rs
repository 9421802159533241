//! Beginning a session of `aws login` by a page: the user opens it at AWS Sign-In on loopback, and types
//! the code that it shows. The AWS CLI uses and renews what was kept.

use std::time::Duration;

use portable_pty::CommandBuilder;

use super::login_session::Desk;
use super::*;
use crate::profiles::sts::{Sts, WRONG};
use crate::support::demo_cloud::DemoCloud;
use crate::support::proxy::{Fault, Proxy};
use crate::support::terminal::Terminal;

/// Wide enough for an address on one line.
const WIDE: (u16, u16) = (600, 30);
const OTHER: &str = "arn:aws:iam::123456789012:user/other";
/// printf arn:aws:iam::123456789012:user/other | sha256sum
const OTHER_FILE: &str = "eceb148cfd38f3c6d946dcf5febd32015f2a6acdc5dcca47f5824f7c62f91bc7";

/// What the page shows to whoever signs in there.
fn open(page: &str) -> String {
    let rest = page.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, shown) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    shown.to_owned()
}

/// The address that was printed last.
fn page(screen: &str) -> String {
    let at = screen.rfind("http://").unwrap();
    screen[at..].split_whitespace().next().unwrap().to_owned()
}

/// The address that is printed after these words, whole.
fn page_after(terminal: &Terminal, told: &str) -> String {
    let is_whole =
        |screen: &str| screen.rfind(told).is_some_and(|at| screen[at..].contains("Code:"));
    page(&terminal.wait(told, |screen| is_whole(&screen.contents())))
}

/// A code of some other page.
fn of_another_page() -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode("state=another&code=c")
}

impl Desk {
    fn on_terminal(&self, name: &str, arguments: &[&str]) -> CommandBuilder {
        let mut command = self.spot.on_terminal();
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            command.env_remove(name);
        }
        command.env("HOME", self.spot.path());
        for (name, value) in self.endpoints(name) {
            command.env(name, value);
        }
        command.args(arguments);
        command
    }

    /// `login` on a terminal, and the address that it prints.
    fn login(&self, cloud: &DemoCloud) -> (Terminal, String) {
        let mut login = self.on_terminal("login", &["login", "--profile", "work"]);
        login.env("AWS_ENDPOINT_URL_EC2", cloud.url());
        let terminal = Terminal::start(login, WIDE);
        let screen = terminal.wait_for("Code:");
        (terminal, page(&screen))
    }

    fn has_file(&self) -> bool {
        self.file().exists()
    }

    /// AWS ends the session.
    fn end_session(&self) {
        let mut stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        let request = "POST /session/end HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
    }
}

#[test]
fn who_signs_in_by_a_page_is_signed_in_for_the_aws_cli_which_renews_it() {
    let cloud = DemoCloud::start(&["--no-ssh"]);
    let desk = Desk::with(&["ok"]);
    let (_, before) = desk.signs("before", "work");
    assert!(before.told().contains("run: spot-tui login --profile work"), "{}", before.told());

    let (mut login, page) = desk.login(&cloud);
    let code = open(&page);
    login.press("what is this\r");
    login.wait_for("That is not the code that the page shows.");
    login.press(&format!("{}\r", of_another_page()));
    login.wait_for("That code is of another page.");
    login.press(&format!(" {code} \r"));
    let told = login.wait_for("signed in: ");
    assert!(told.contains("user/me in account 123456789012"), "{told}");
    assert_eq!(login.end().exit_code(), 0);

    assert_eq!(fs::metadata(desk.file()).unwrap().permissions().mode() & 0o777, 0o600);
    let folder = desk.file().parent().unwrap().to_owned();
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "and nothing beside it");
    let (signed, ran) = desk.signs("ours", "work");
    assert_eq!(signed.as_deref(), Some("ASIASESSION1"), "{}", ran.told());
    let (signed, ran) = desk.cli_signs("work");
    assert_eq!(signed.as_deref(), Some("ASIASESSION1"), "{}", ran.told());

    // The AWS CLI renews it, by the key that was made here; and we go on with that.
    let mut kept = desk.kept();
    kept["accessToken"]["expiresAt"] = "2026-01-01T00:00:00Z".into();
    fs::write(desk.file(), kept.to_string()).unwrap();
    let (signed, ran) = desk.cli_signs("work");
    assert_eq!(signed.as_deref(), Some("ASIASESSION2"), "{}", ran.told());
    let renewed = desk.kept();
    assert_eq!(renewed["refreshToken"], "refresh-2", "{renewed}");
    assert_eq!(renewed["dpopKey"], kept["dpopKey"]);
    let (signed, ran) = desk.signs("after", "work");
    assert_eq!(signed.as_deref(), Some("ASIASESSION2"), "{}", ran.told());
    let (_, out) = desk.runs("out", &["logout", "--profile", "work"]);
    assert!(out.out.contains("signed out") && !desk.has_file(), "{}", out.told());

    let calls = desk.close();
    let told = calls.iter().map(|call| (&call["path"], &call["asked"]["grantType"]));
    let told: Vec<_> = told.map(|(path, grant)| (path.as_str(), grant.as_str())).collect();
    let (token, code) = (Some("/v1/token"), Some("authorization_code"));
    let wanted = [(Some("/v1/authorize"), None), (token, code), (token, Some("refresh_token"))];
    assert_eq!(told, wanted, "{calls:?}");
    assert!(calls.iter().all(|call| call["wrong"].is_null()), "{calls:?}");
}

#[test]
fn a_code_that_aws_refuses_is_asked_for_again_by_a_new_page() {
    let cloud = DemoCloud::start(&["--no-ssh"]);
    let desk = Desk::with(&["AUTHCODE_EXPIRED", "USER_CREDENTIALS_CHANGED", "ok"]);
    let (mut login, first) = desk.login(&cloud);
    let code = open(&first);
    login.press(&format!("{code}\r"));
    let second = page_after(&login, "That code has expired; here is a new page.");
    assert_ne!(first, second);
    // It was good once, and its page is gone.
    login.press(&format!("{code}\r"));
    login.wait_for("That code is of another page.");
    login.press(&format!("{}\r", open(&second)));
    let third = page_after(&login, "AWS refused that code; here is a new page.");
    login.press(&format!("{}\r", open(&third)));
    login.wait_for("signed in: ");
    assert_eq!(login.end().exit_code(), 0);
    assert_eq!(desk.kept()["refreshToken"], "refresh-1");
}

#[test]
fn what_ends_a_login_by_a_page_is_told_in_words() {
    let cloud = DemoCloud::start(&["--no-ssh"]);
    for (answer, told) in
        [("INSUFFICIENT_PERMISSIONS", "SignInLocalDevelopmentAccess"), ("500", "of a test")]
    {
        let desk = Desk::with(&[answer]);
        let (mut login, page) = desk.login(&cloud);
        login.press(&format!("{}\r", open(&page)));
        let screen = login.wait_for(told);
        for word in NOT_OURS {
            assert!(!screen.contains(word), "{answer}: {word}: {screen}");
        }
        assert_ne!(login.end().exit_code(), 0, "{answer}");
        assert!(!desk.has_file(), "{answer}");
    }
    let desk = Desk::with(&["ok"]);
    let (mut login, _) = desk.login(&cloud);
    login.press("\x04");
    login.wait_for("nothing was kept");
    assert_eq!(login.end().exit_code(), 130);
}

#[test]
fn who_signs_in_as_somebody_else_is_asked_and_told_what_to_change() {
    let cloud = DemoCloud::start(&["--no-ssh"]);
    for (answer, code, told) in [("no", 130, "nothing was kept"), ("yes", 2, "to use it: ")] {
        let desk = Desk::of(&["ok"], &[("SUBJECT", OTHER)]);
        let (mut login, page) = desk.login(&cloud);
        login.press(&format!("{}\r", open(&page)));
        login.wait_for(&format!("You signed in as {OTHER}, and the profile work is of arn"));
        login.press(&format!("{answer}\r"));
        let screen = login.wait_for(told);
        assert_eq!(login.end().exit_code(), code, "{screen}");
        assert!(!desk.has_file(), "{answer}");
        let others = desk.file().with_file_name(format!("{OTHER_FILE}.json"));
        assert_eq!(others.exists(), answer == "yes", "{screen}");
        if answer == "yes" {
            let way = format!("aws configure set login_session {OTHER} --profile work");
            assert!(screen.contains(&way), "{screen}");
            let config = fs::read_to_string(desk.spot.path().join(".aws/config")).unwrap();
            desk.spot.write(
                ".aws/config",
                0o600,
                config.replace("user/me", "user/other").as_bytes(),
            );
            let (signed, ran) = desk.signs("other", "work");
            assert_eq!(signed.as_deref(), Some("ASIASESSION1"), "{}", ran.told());
        }
    }
}

#[test]
fn a_session_begun_in_another_terminal_counts() {
    let cloud = DemoCloud::start(&["--no-ssh"]);
    let desk = Desk::with(&["ok"]);
    let (mut waiting, _) = desk.login(&cloud);
    let (mut login, page) = desk.login(&cloud);
    login.press(&format!("{}\r", open(&page)));
    login.wait_for("signed in: ");
    waiting.wait_for("signed in: ");
    assert_eq!((login.end().exit_code(), waiting.end().exit_code()), (0, 0));
}

/// A dashboard of the profile over this AWS, whose browser notes the page that it is to show.
fn dashboard(command: CommandBuilder, aws: &str, folder: &Path, size: (u16, u16)) -> Terminal {
    let browser = folder.join("browser");
    fs::write(&browser, "#!/bin/sh\nprintf %s \"$1\" >page.new && mv page.new page\n").unwrap();
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = command;
    command.env("AWS_ENDPOINT_URL", aws);
    command.env("BROWSER", browser);
    Terminal::start(command, size)
}

/// The page that the browser shows when it is asked for.
fn shown(terminal: &mut Terminal, desk: &Desk) -> String {
    let file = desk.spot.path().join("page");
    terminal.press("\x0f");
    terminal.wait("the page in the browser", |_| file.exists());
    let page = fs::read_to_string(&file).unwrap();
    fs::remove_file(file).unwrap();
    page
}

#[test]
fn a_session_that_ends_under_a_dashboard_is_begun_again_in_its_dialog() {
    let cloud = DemoCloud::start(&["--speed", "10", "--no-ssh"]);
    let desk = Desk::of(&["ok"], &[("SECONDS", "8")]);
    let (mut login, page) = desk.login(&cloud);
    login.press(&format!("{}\r", open(&page)));
    login.wait_for("signed in: ");
    let command = desk.on_terminal("dashboard", &["--profile", "work"]);
    let mut terminal = dashboard(command, cloud.url(), desk.spot.path(), (80, 24));
    terminal.wait_for("● live");

    desk.end_session();
    let asked = terminal.wait_for("Signed out of AWS");
    assert!(asked.contains("asks in a dialog"), "{asked}");
    terminal.press("\r");
    let screen = terminal.wait_for("Open this page in a browser");
    assert!(screen.contains("/v1/authorize?response_type=code"), "{screen}");
    // What is typed is not shown.
    let first = shown(&mut terminal, &desk);
    terminal.wait_for("browser shows the page");
    terminal.paste(&of_another_page());
    terminal.press("\r");
    let screen = terminal.wait_for("That code is of another page.");
    assert!(!screen.contains(&of_another_page()[..20]), "{screen}");
    // Esc leaves, and nothing is lost.
    terminal.press("\x1b");
    terminal.wait_gone("Open this page in a browser");
    terminal.wait_for("not signed in to AWS");
    terminal.press("I");
    terminal.wait_for("Open this page in a browser");
    let second = shown(&mut terminal, &desk);
    assert_ne!(first, second);
    terminal.paste(&format!("{}\n", open(&second)));
    terminal.press("\r");
    terminal.wait_for("signed in again");
    let screen = terminal.wait_for("● live");
    assert!(!screen.contains("Open this page"), "{screen}");

    // A login in another terminal takes the question away.
    desk.end_session();
    terminal.wait_for("Signed out of AWS");
    terminal.press("\r");
    terminal.wait_for("Open this page in a browser");
    let (mut login, page) = desk.login(&cloud);
    login.press(&format!("{}\r", open(&page)));
    login.wait_for("signed in: ");
    terminal.wait_gone("Open this page in a browser");
    terminal.wait_for("● live");
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
    let calls = desk.close();
    let begun = calls.iter().filter(|call| call["asked"]["grantType"] == "authorization_code");
    assert_eq!(begun.count(), 3, "{calls:?}");
    assert!(calls.iter().all(|call| call["wrong"].is_null()), "{calls:?}");
}

/// By their own word the keys are good for years; AWS says otherwise, and the file has none any more.
#[test]
fn a_role_with_a_device_that_ends_under_a_dashboard_is_taken_again_in_its_dialog() {
    let cloud = DemoCloud::start(&["--speed", "10", "--no-ssh"]);
    let proxy = Proxy::start(cloud.address());
    let desk = Desk::with(&["ok"]);
    let sts = Sts::start();
    let config = "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n\
        [profile m]\nrole_arn = arn:aws:iam::123456789012:role/one\nsource_profile = base\n\
        mfa_serial = arn:aws:iam::123456789012:mfa/me\nregion = us-west-2\n";
    desk.spot.write(".aws/config", 0o600, config.as_bytes());
    let mut login = desk.on_terminal("login", &["login", "--profile", "m"]);
    login.env("AWS_ENDPOINT_URL_EC2", cloud.url());
    login.env("AWS_ENDPOINT_URL", sts.url("m"));
    let mut login = Terminal::start(login, WIDE);
    login.wait_for("Code of arn:aws:iam::123456789012:mfa/me");
    login.press("123456\r");
    login.wait_for("signed in until");

    let mut command = desk.on_terminal("m", &["--profile", "m"]);
    command.env("AWS_ENDPOINT_URL_STS", sts.url("m"));
    let mut terminal = dashboard(command, &proxy.url(), desk.spot.path(), (80, 24));
    terminal.wait_for("● live");
    // A refusal a moment after new keys came is taken to mean those before.
    let first = proxy.calls()[0].at;
    terminal.wait("keys that are not new", |_| first.elapsed() > Duration::from_secs(3));
    fs::remove_dir_all(desk.spot.path().join(".aws/cli")).unwrap();
    // A refusal counts for nothing while another call asks for the keys.
    let is_asked = |screen: &str| screen.contains("Signed out of AWS");
    let was_let_in =
        || proxy.calls_of("DescribeInstances").last().is_some_and(|it| it.status == 200);
    let (status, code, message) = (400, "RequestExpired", "Request has expired.");
    let mut asked = String::new();
    while !is_asked(&asked) {
        proxy.take();
        proxy.fail("DescribeInstances", 1, Fault::Refuse { status, code, message });
        terminal.press("r");
        let is_over = |screen: &str| is_asked(screen) || was_let_in();
        asked = terminal.wait("an end of it", |screen| is_over(&screen.contents()));
    }
    assert!(asked.contains("asks in a dialog"), "{asked}");
    assert!(asked.contains("spot-tui login --profile m"), "{asked}");
    terminal.press("\r");
    terminal.wait_for("A secret is needed");
    terminal.press(&format!("{WRONG}\r"));
    let screen = terminal.wait_for("AWS refused that code");
    assert!(!screen.contains(WRONG), "{screen}");
    terminal.press("654321\r");
    terminal.wait_for("signed in again");
    terminal.wait_for("● live");
    assert_eq!(sts.codes("m"), ["123456", WRONG, "654321"]);
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
}
