//! Signing in by IAM Identity Center, against one on loopback; who reads the login afterwards is the
//! AWS CLI, which nobody here wrote. EC2 and STS are moto's.

mod cli_v2;
mod device;
mod login_session;
mod morning;
mod remote;
mod service;
mod session;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use crate::support::moto::{Moto, python};
use crate::support::proxy::{Fault, Proxy};
use crate::support::spot::{Ran, Spot};
use service::Service;

const CONFIG: &str = "[profile work]\nsso_session = corp\nsso_account_id = 123456789012\n\
    sso_role_name = Admin\nregion = us-west-2\n\n[sso-session corp]\nsso_region = eu-west-1\n\
    sso_start_url = https://corp.awsapps.com/start\nsso_registration_scopes = sso:account:access\n\n\
    [profile role]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = work\n\n\
    [profile legacy]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n\
    sso_account_id = 123456789012\nsso_role_name = Admin\nregion = us-west-2\n\n\
    [profile wrong]\nsso_region = eu-west-1\nsso_start_url = https://unknown.awsapps.com/start\n\
    sso_account_id = 123456789012\nsso_role_name = Admin\nregion = us-west-2\n\n\
    [profile keys]\nregion = us-west-2\n";

/// A user of an organisation with an identity center.
struct Office {
    spot: Spot,
    center: Service,
    port: u16,
    /// EC2 and STS, where they are this user's own.
    _moto: Option<Moto>,
    aws_url: String,
}

impl Office {
    /// The identity center answers CreateToken with these, the last one for ever.
    fn open(answers: &[&str]) -> Self {
        let moto = Moto::start();
        let url = moto.url();
        Self::with(answers, &url, &[], Some(moto))
    }

    /// The same over another AWS, by an identity center with these settings.
    fn over(answers: &[&str], aws: &str, settings: &[(&str, &str)]) -> Self {
        Self::with(answers, aws, settings, None)
    }

    fn with(answers: &[&str], aws: &str, settings: &[(&str, &str)], moto: Option<Moto>) -> Self {
        let spot = Spot::new("");
        spot.configure_without_hosts("", &["us-west-2"]);
        fs::create_dir_all(spot.path().join(".aws")).unwrap();
        spot.write(".aws/config", 0o600, CONFIG.as_bytes());
        let (center, line) = Service::start("identity_center.py", answers, settings);
        let port = line.trim().parse().unwrap();
        Self { spot, center, port, _moto: moto, aws_url: aws.to_owned() }
    }

    /// The variables that lead to all of them.
    fn endpoints(&self) -> [(&'static str, String); 3] {
        let center = format!("http://127.0.0.1:{}", self.port);
        [
            ("AWS_ENDPOINT_URL", self.aws_url.clone()),
            ("AWS_ENDPOINT_URL_SSO", center.clone()),
            ("AWS_ENDPOINT_URL_SSO_OIDC", center),
        ]
    }

    /// The organisation ends the session of its user.
    fn end_session(&self) {
        self.post("/session/end");
    }

    /// From now on the identity center answers CreateToken with this.
    fn answer(&self, answer: &str) {
        self.post(&format!("/answer/{answer}"));
    }

    fn post(&self, path: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: center\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
    }

    fn at_home(&self, command: &mut Command) {
        for name in
            ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"]
        {
            command.env_remove(name);
        }
        for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_REGION"] {
            command.env_remove(name);
        }
        command.env("HOME", self.spot.path()).envs(self.endpoints());
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.spot.command();
        self.at_home(&mut command);
        Ran::of(&command.args(arguments).output().unwrap())
    }

    /// What the AWS CLI says of who it is.
    fn aws_cli(&self, profile: &str) -> Ran {
        let mut command = Command::new(python().with_file_name("aws"));
        self.at_home(&mut command);
        command.args(["sts", "get-caller-identity", "--profile", profile]);
        Ran::of(&command.output().unwrap())
    }

    /// What EC2 in us-west-2 tells the AWS CLI, its lines in order.
    fn ec2(&self, words: &[&str]) -> String {
        let mut command = Command::new(python().with_file_name("aws"));
        command
            .args(["--endpoint-url", &self.aws_url, "--region", "us-west-2", "ec2"])
            .args(words)
            .args(["--output", "text"])
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.join("\n")
    }

    /// The files of the login.
    fn cache(&self) -> Vec<(PathBuf, Value)> {
        let Ok(folder) = fs::read_dir(self.spot.path().join(".aws/sso/cache")) else {
            return Vec::new();
        };
        let read = |path: PathBuf| {
            let told = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            (path, told)
        };
        folder.map(|entry| read(entry.unwrap().path())).collect()
    }

    /// The calls that the identity center saw.
    fn close(self) -> Vec<Value> {
        self.center.close()
    }
}

#[test]
fn who_signs_in_here_is_signed_in_for_the_aws_cli_too() {
    let office = Office::open(&["AuthorizationPendingException", "SlowDownException", "ok"]);
    let before = office.run(&["list", "--profile", "work"]);
    assert_eq!(before.code, 2, "{}", before.told());
    assert!(before.told().contains("spot-tui login --profile work"), "{}", before.told());

    let login = office.run(&["login", "--profile", "work"]);
    assert_eq!(login.code, 0, "{}", login.told());
    assert!(login.err.contains("ABCD-EFGH") && login.err.contains("https://"), "{}", login.told());
    assert!(login.out.contains("signed in until"), "{}", login.told());

    let cache = office.cache();
    let (path, token) = cache.iter().find(|(_, it)| it.get("accessToken").is_some()).unwrap();
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    let has = |key: &str| token[key].as_str().is_some_and(|text| !text.is_empty());
    for key in ["startUrl", "region", "expiresAt", "clientId", "clientSecret", "refreshToken"] {
        assert!(has(key), "{key}: {token}");
    }
    assert!(office.run(&["list", "--profile", "work"]).out.contains("no instances"));
    assert!(office.run(&["list", "--profile", "role"]).out.contains("no instances"));
    let cli = office.aws_cli("work");
    assert!(cli.code == 0 && cli.out.contains("123456789012"), "{}", cli.told());

    let out = office.run(&["logout", "--profile", "work"]);
    assert!(out.out.contains("signed out"), "{}", out.told());
    assert_eq!(office.run(&["list", "--profile", "work"]).code, 2);
    let calls = office.close();
    let registered: Vec<&Value> =
        calls.iter().filter(|call| call["path"] == "/client/register").collect();
    assert_eq!(registered.len(), 1, "{calls:?}");
    assert_eq!(registered[0]["asked"]["scopes"], json!(["sso:account:access"]));
    assert_eq!(calls.iter().filter(|call| call["path"] == "/token").count(), 3);
}

/// What the keys are good for is no part of a login, and neither is who one is.
#[test]
fn who_may_not_ask_for_anything_afterwards_is_signed_in_all_the_same() {
    let moto = Moto::start();
    for (action, code, said, noted) in [
        ("DescribeRegions", "UnauthorizedOperation", "in account 123456789012", false),
        ("GetCallerIdentity", "AccessDenied", "signed in until", true),
    ] {
        let proxy = Proxy::start(moto.address());
        // In both regions that may be asked.
        for nth in [1, 2] {
            let message = "User: deploy is not authorized to perform this";
            proxy.fail(action, nth, Fault::Refuse { status: 403, code, message });
        }
        let office = Office::over(&["ok"], &proxy.url(), &[]);
        let login = office.run(&["login", "--profile", "work"]);
        assert_eq!(login.code, 0, "{action}: {}", login.told());
        assert!(login.out.contains(said), "{action}: {}", login.told());
        let is_noted = login.err.contains("note: as whom cannot be told: ");
        assert_eq!(is_noted, noted, "{action}: {}", login.told());
    }
}

#[test]
fn a_profile_of_the_older_form_signs_in_too() {
    let office = Office::open(&["ok"]);
    let login = office.run(&["login", "--profile", "legacy"]);
    assert_eq!(login.code, 0, "{}", login.told());
    let cli = office.aws_cli("legacy");
    assert!(cli.code == 0, "{}", cli.told());
    let calls = office.close();
    assert!(calls.iter().all(|call| call["asked"].get("scopes").is_none()), "{calls:?}");
}

#[test]
fn what_ends_a_login_is_told_in_words() {
    for (answer, profile, told) in [
        ("AccessDeniedException", "work", "refused in the browser"),
        ("ExpiredTokenException", "work", "nobody confirmed the code"),
        ("ok", "wrong", "check sso_start_url and sso_region"),
        ("ok", "keys", "does not sign in by IAM Identity Center"),
    ] {
        let office = Office::open(&[answer]);
        let login = office.run(&["login", "--profile", profile]);
        assert_eq!(login.code, 2, "{answer}: {}", login.told());
        assert!(login.told().contains(told), "{answer}: {}", login.told());
        assert!(office.cache().iter().all(|(_, it)| it.get("accessToken").is_none()));
    }
}

#[test]
fn a_registration_that_is_forgotten_is_made_anew() {
    let office = Office::open(&["InvalidClientException", "ok"]);
    let login = office.run(&["login", "--profile", "work", "--json"]);
    assert_eq!(login.code, 0, "{}", login.told());
    let events = login.lines();
    assert_eq!(events[0]["code"], "ABCD-EFGH");
    assert_eq!(events[1]["event"], "signed_in");
    let calls = office.close();
    assert_eq!(calls.iter().filter(|call| call["path"] == "/client/register").count(), 2);
}

/// Somebody confirms by `aws sso login` in another terminal: its token is found.
#[test]
fn a_login_in_another_terminal_counts() {
    let office = Office::open(&["AuthorizationPendingException"]);
    let first = Office::open(&["ok"]);
    assert_eq!(first.run(&["login", "--profile", "work"]).code, 0);
    let mut command = office.spot.command();
    office.at_home(&mut command);
    command.args(["login", "--profile", "work"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut waiting = command.spawn().unwrap();
    let mut told = String::new();
    let mut err = BufReader::new(waiting.stderr.take().unwrap());
    while !told.contains("Waiting") {
        assert_ne!(err.read_line(&mut told).unwrap(), 0, "{told}");
    }
    let folder = office.spot.path().join(".aws/sso/cache");
    fs::create_dir_all(&folder).unwrap();
    for (path, _) in first.cache() {
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    let ended = Ran::of(&waiting.wait_with_output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.told());
    assert!(ended.out.contains("signed in until"), "{}", ended.told());
}

/// What no user is to read: the libraries' own words.
const NOT_OURS: [&str; 6] =
    ["dispatch failure", "IMDS", "session token", "provider", "tcp connect", "os error"];

/// A server that refuses whatever it is asked, as the metadata service of a machine does where it is
/// switched off ("request forbidden: IMDS is disabled or not allowed by permissions").
fn refusing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = BufReader::new(stream.try_clone().unwrap()).lines();
            while asked.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let refused =
                "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            drop(stream.write_all(refused.as_bytes()));
        }
    });
    url
}

#[test]
fn screen_d5_who_is_not_signed_in_reads_one_sentence_and_three_ways() {
    let metadata = refusing();
    let spot = Spot::new("");
    spot.configure_without_hosts("", &["us-west-2"]);
    for disabled in [false, true] {
        for arguments in [&["list"][..], &["create", "--dry-run"], &["destroy", "--all", "--yes"]] {
            let mut command = spot.command();
            for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"] {
                command.env_remove(name);
            }
            command.env("AWS_EC2_METADATA_DISABLED", disabled.to_string());
            command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata);
            let ran = Ran::of(&command.args(arguments).output().unwrap());
            let told = ran.told();
            assert_eq!(ran.code, 2, "{arguments:?}: {told}");
            let ways =
                ["not signed in to AWS", "aws configure", "spot-tui login", "AWS_ACCESS_KEY_ID"];
            assert!(ways.iter().all(|it| told.contains(it)), "{arguments:?}: {told}");
            assert_eq!(told.matches("not signed in").count(), 1, "{arguments:?}: {told}");
            for word in NOT_OURS {
                assert!(!told.contains(word), "{arguments:?}: {word}: {told}");
            }
        }
    }
}

#[test]
fn where_aws_cannot_be_reached_that_is_said_in_our_words() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let spot = Spot::new(format!("http://{nobody}"));
    let ran = spot.run(&["list"]);
    let told = ran.told();
    assert!(told.contains("AWS cannot be reached: connection refused"), "{told}");
    for word in NOT_OURS {
        assert!(!told.contains(word), "{word}: {told}");
    }
}
