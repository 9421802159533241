//! What becomes of a login while the program runs: it is renewed, it ends, somebody signs in again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::cli_v2::Network;
use super::*;
use crate::support::demo_cloud::DemoCloud;
use crate::support::proxy::{Fault, Proxy};
use crate::support::terminal::{Terminal, command};

const SIZE: (u16, u16) = (200, 40);

/// The calls of a kind that the identity center saw.
fn count(calls: &[Value], path: &str, grant: &str) -> usize {
    let is = |call: &&Value| {
        call["path"] == path && (grant.is_empty() || call["asked"]["grantType"] == grant)
    };
    calls.iter().filter(is).count()
}

/// The login of the session, changed.
fn change(office: &Office, change: impl FnOnce(&mut Value)) {
    let (path, mut token) =
        office.cache().into_iter().find(|(_, it)| it.get("accessToken").is_some()).unwrap();
    change(&mut token);
    fs::write(path, token.to_string()).unwrap();
}

fn hours(hours: i64) -> Value {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours)).to_string().into()
}

#[test]
fn a_token_that_has_ended_is_renewed_without_anybody_and_the_cli_uses_it() {
    let office = Office::open(&["ok"]);
    assert_eq!(office.run(&["login", "--profile", "work"]).code, 0);
    change(&office, |token| token["expiresAt"] = hours(-1));
    let list = office.run(&["list", "--profile", "work"]);
    assert!(list.out.contains("no instances"), "{}", list.told());
    let (path, token) =
        office.cache().into_iter().find(|(_, it)| it.get("accessToken").is_some()).unwrap();
    assert_eq!(token["accessToken"], "aoal-token-of-a-test-1", "{token}");
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    let cli = office.aws_cli("work");
    assert!(cli.code == 0, "{}", cli.told());
    let calls = office.close();
    assert_eq!(count(&calls, "/token", "refresh_token"), 1, "once, and for both: {calls:?}");
}

#[test]
fn whatever_ends_a_login_ends_in_the_sentence_that_says_what_to_do() {
    type Break = fn(&Office);
    let cases: [(&str, Break); 5] = [
        ("the session is over", |office| {
            office.end_session();
            change(office, |token| token["expiresAt"] = hours(-1));
        }),
        ("the registration is over", |office| {
            change(office, |token| {
                token["expiresAt"] = hours(-1);
                token["registrationExpiresAt"] = hours(-1);
            });
        }),
        ("it cannot be renewed", |office| {
            change(office, |token| {
                token["expiresAt"] = hours(-1);
                token.as_object_mut().unwrap().remove("refreshToken");
            });
        }),
        ("the portal refuses what is good by its file", Office::end_session),
        ("the file is empty, and stays so", |office| {
            for (path, _) in office.cache() {
                fs::write(path, "").unwrap();
            }
        }),
    ];
    for (what, break_it) in cases {
        let office = Office::open(&["ok"]);
        assert_eq!(office.run(&["login", "--profile", "work"]).code, 0, "{what}");
        break_it(&office);
        let list = office.run(&["list", "--profile", "work"]);
        assert_eq!(list.code, 2, "{what}: {}", list.told());
        assert!(list.told().contains("spot-tui login --profile work"), "{what}: {}", list.told());
        for word in NOT_OURS {
            assert!(!list.told().contains(word), "{what}: {word}: {}", list.told());
        }
    }
}

/// Writes the profiles anew, with an identity center in this region.
fn move_to(office: &Office, region: &str) {
    let config = CONFIG.replace("sso_region = eu-west-1", &format!("sso_region = {region}"));
    office.spot.write(".aws/config", 0o600, config.as_bytes());
}

/// Every region of AWS has the service; in one alone it knows the organisation, and a region that is
/// misspelt has nobody.
#[test]
fn a_wrong_region_of_the_identity_center_is_named_and_the_right_one_signs_in() {
    let wrong = [
        ("eu-central-1", "IAM Identity Center in eu-central-1 does not know https://corp"),
        ("eu-wst-1", "IAM Identity Center in eu-wst-1: AWS cannot be reached"),
    ];
    for profile in ["work", "legacy"] {
        for (region, told) in wrong {
            let office = Office::open(&["ok"]);
            let network = Network::open(&office);
            let run = |arguments: &[&str]| {
                let begun = Instant::now();
                let ran = network.spot(&office, &[arguments, &["--profile", profile]].concat());
                assert!(begun.elapsed() < Duration::from_secs(30), "it hung: {}", ran.told());
                for word in NOT_OURS {
                    assert!(!ran.told().contains(word), "{region}: {word}: {}", ran.told());
                }
                ran
            };
            let is_named = || {
                let login = run(&["login"]);
                assert_eq!(login.code, 2, "{region}: {}", login.told());
                assert!(login.told().contains(told), "{region}: {}", login.told());
                assert!(login.told().contains("sso_region of the profile"), "{}", login.told());
            };
            move_to(&office, region);
            is_named();
            move_to(&office, "eu-west-1");
            assert_eq!(run(&["login"]).code, 0);
            assert!(run(&["list"]).out.contains("no instances"));

            // A login that is good, and one that would have to be renewed.
            move_to(&office, region);
            for ends_in in [8, -1] {
                change(&office, |token| token["expiresAt"] = hours(ends_in));
                let list = run(&["list"]);
                assert_eq!(list.code, 2, "{region}: {}", list.told());
                let way = format!("spot-tui login --profile {profile}");
                assert!(list.told().contains(&way), "{region}: {}", list.told());
                is_named();
            }
        }
    }
}

#[test]
fn a_clock_that_is_set_back_ends_no_login() {
    let office = Office::open(&["ok"]);
    assert_eq!(office.run(&["login", "--profile", "work"]).code, 0);
    // As seen from a clock that was set back by a month.
    change(&office, |token| {
        token["expiresAt"] = hours(24 * 30 + 8);
        token["registrationExpiresAt"] = hours(24 * 120);
    });
    assert!(office.run(&["list", "--profile", "work"]).out.contains("no instances"));
}

/// A dashboard that is signed in and looks at AWS.
pub(super) fn dashboard(office: &Office, size: (u16, u16)) -> Terminal {
    let program = env!("CARGO_BIN_EXE_spot-tui");
    let mut dashboard = command(office.spot.path(), program, &["--profile", "work"]);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        dashboard.env_remove(name);
    }
    for (name, value) in office.endpoints() {
        dashboard.env(name, value);
    }
    let terminal = Terminal::start(dashboard, size);
    terminal.wait_for("● live");
    terminal
}

/// Seventeen regions are watched, and a create is asked for while nobody is signed in.
#[test]
fn a_session_that_ends_under_a_dashboard_is_one_question_and_nothing_is_lost() {
    let cloud = DemoCloud::start(&["--speed", "10", "--no-ssh"]);
    let office = Office::over(&["ok"], cloud.url(), &[("ROLE_SECONDS", "12")]);
    assert_eq!(office.run(&["login", "--profile", "work"]).code, 0);
    let mut terminal = dashboard(&office, SIZE);

    office.end_session();
    let asked = terminal.wait_for("Signed out of AWS");
    assert!(asked.contains("Sign in here") && asked.contains("Sign in elsewhere"), "{asked}");
    assert!(asked.contains("spot-tui login --profile work"), "{asked}");
    terminal.press("\x1b");
    terminal.wait_gone("Sign in elsewhere");
    terminal.wait_for("not signed in to AWS");
    // What is begun now waits as well, before anything is sent.
    terminal.press("c\r\x1b[C\r");
    let waiting = terminal.wait_for("the lock between machines is taken first");
    assert!(!waiting.contains(" i-"), "{waiting}");
    assert_eq!(office.run(&["login", "--profile", "work"]).code, 0);
    terminal.wait_for("signed in again");
    terminal.wait_for(" i-");
    terminal.wait_gone("not signed in to AWS");

    terminal.press("l");
    let log = terminal.wait_for("waits for the next login");
    let said = log.lines().filter(|line| line.contains("waits for the next login"));
    let times: BTreeSet<&str> = said.filter_map(|line| line.trim().get(..8)).collect();
    assert_eq!(times.len(), 1, "once: {log}");
    assert!(!log.contains("press r to go on"), "the watch never ended: {log}");
    // Esc and a letter at once would be Alt and that letter.
    terminal.press("\x1b");
    terminal.wait_for("1 rows");
    terminal.press("q");
    terminal.end();
    let calls = office.close();
    assert!(count(&calls, "/federation/credentials", "") < 40, "{}", calls.len());
}

/// By their own word the keys are good for an hour; AWS says otherwise when the launch comes.
#[test]
fn a_launch_that_aws_refuses_for_expired_keys_is_sent_again_after_the_login_and_launches_once() {
    const LAUNCHES: [&str; 2] = ["RunInstances", "CreateFleet"];
    let cloud = DemoCloud::start(&["--speed", "10", "--no-ssh"]);
    let proxy = Proxy::start(cloud.address());
    let office = Office::over(&["ok"], &proxy.url(), &[]);
    assert_eq!(office.run(&["login", "--profile", "work"]).code, 0);
    proxy.take();
    let mut terminal = dashboard(&office, SIZE);
    // A refusal a moment after new keys came is taken to mean those before.
    let first = proxy.calls()[0].at;
    terminal.wait("keys that are not new", |_| first.elapsed() > Duration::from_secs(3));

    office.end_session();
    for action in LAUNCHES {
        let (status, code, message) = (400, "RequestExpired", "Request has expired.");
        proxy.fail(action, 1, Fault::Refuse { status, code, message });
    }
    terminal.press("c\r\x1b[C\r");
    let asked = terminal.wait_for("Signed out of AWS");
    assert!(asked.contains("spot-tui login --profile work"), "{asked}");
    let launches = || -> Vec<_> {
        let calls = proxy.calls().into_iter();
        calls.filter(|call| LAUNCHES.contains(&call.action.as_str())).collect()
    };
    assert_eq!(launches().len(), 1, "it waits");
    terminal.press("\x1b");
    terminal.wait_gone("Sign in elsewhere");
    let waiting = terminal.wait_for("Requesting");
    assert!(!waiting.contains(" i-"), "{waiting}");
    assert_eq!(office.run(&["login", "--profile", "work"]).code, 0);
    terminal.wait_for("signed in again");
    terminal.wait_for(" i-");

    let launches = launches();
    let tokens: BTreeSet<_> = launches.iter().map(|call| call.parameter("ClientToken")).collect();
    assert!(launches.len() == 2 && tokens.len() == 1, "{launches:?}");
    assert!(tokens.first().unwrap().is_some(), "{launches:?}");
    assert_eq!(launches.iter().map(|call| call.status).collect::<Vec<_>>(), [400, 200]);
    let query = "Reservations[].Instances[].[InstanceId]";
    let seen = office.ec2(&["describe-instances", "--query", query]);
    assert_eq!(seen.lines().count(), 1, "{seen}");
    // Nobody answers by SSH here.
    terminal.wait_for("done, but 1 failed");
    terminal.press("q");
    terminal.end();
}
