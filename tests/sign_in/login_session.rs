//! A session of `aws login`: its file is written here as the AWS CLI writes it, its keys are used, and
//! AWS Sign-In on loopback, which looks at each proof, renews them. Who reads the file after us is the AWS
//! CLI.

use super::*;
use crate::profiles::sts::Sts;

/// printf arn:aws:iam::123456789012:user/me | sha256sum
const FILE: &str = "286187707741fc2ccb93cf9e56dbd0ee0a16208feed5fbc8ae1baa86d44c283f";
const PROFILES: &str = "[profile work]\nlogin_session = arn:aws:iam::123456789012:user/me\n\
    region = us-west-2\naws_access_key_id = AKIACONFIG\naws_secret_access_key = s\n\
    [profile role]\nrole_arn = arn:aws:iam::123456789012:role/one\nsource_profile = work\n\
    region = us-west-2\n";

/// A user who signs in by the console.
pub(super) struct Desk {
    pub(super) spot: Spot,
    sts: Sts,
    service: Service,
    pub(super) url: String,
    key: String,
}

impl Desk {
    /// AWS Sign-In answers with these, the last one for ever.
    pub(super) fn with(answers: &[&str]) -> Self {
        Self::of(answers, &[])
    }

    /// The same by an AWS Sign-In with these settings.
    pub(super) fn of(answers: &[&str], settings: &[(&str, &str)]) -> Self {
        let spot = Spot::new("");
        spot.configure_without_hosts("", &["us-west-2"]);
        spot.write(".aws/config", 0o600, PROFILES.as_bytes());
        let (service, line) = Service::start("console_sign_in.py", answers, settings);
        let told: Value = serde_json::from_str(&line).unwrap();
        let url = format!("http://127.0.0.1:{}", told["port"]);
        let key = told["key"].as_str().unwrap().to_owned();
        Self { spot, sts: Sts::start(), service, url, key }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.spot.path().join(format!(".aws/login/cache/{FILE}.json"))
    }

    /// What `aws login` leaves, its keys good for so many minutes.
    pub(super) fn signed_in(&self, minutes: i64) {
        let end = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        let session = json!({
            "accessToken": { "accessKeyId": "ASIASESSION0", "secretAccessKey": "s",
                "sessionToken": "t", "accountId": "123456789012",
                "expiresAt": end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() },
            "tokenType": "aws_sigv4",
            "clientId": "arn:aws:signin:::devtools/same-device",
            "refreshToken": "refresh-0",
            "idToken": "of-a-test",
            "dpopKey": self.key,
        });
        let file = format!(".aws/login/cache/{FILE}.json");
        self.spot.write(&file, 0o600, session.to_string().as_bytes());
    }

    pub(super) fn kept(&self) -> Value {
        serde_json::from_slice(&fs::read(self.file()).unwrap()).unwrap()
    }

    /// Where this user's calls go: told apart at STS by a name.
    pub(super) fn endpoints(&self, name: &str) -> [(&'static str, String); 2] {
        [("AWS_ENDPOINT_URL", self.sts.url(name)), ("AWS_ENDPOINT_URL_SIGNIN", self.url.clone())]
    }

    fn at_home(&self, command: &mut Command, name: &str) {
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"] {
            command.env_remove(name);
        }
        command.env("HOME", self.spot.path()).envs(self.endpoints(name));
    }

    /// As whom the program signs by this profile, and what it says.
    pub(super) fn signs(&self, name: &str, profile: &str) -> (Option<String>, Ran) {
        self.runs(name, &["list", "--profile", profile])
    }

    /// The same of any command.
    pub(super) fn runs(&self, name: &str, arguments: &[&str]) -> (Option<String>, Ran) {
        let mut command = self.spot.command();
        self.at_home(&mut command, name);
        command.args(arguments);
        let ran = Ran::of(&command.output().unwrap());
        (self.sts.signed(name), ran)
    }

    /// As whom the AWS CLI does, which renews what has ended.
    pub(super) fn cli_signs(&self, profile: &str) -> (Option<String>, Ran) {
        let mut command = Command::new(python());
        command.env_clear().env("PATH", "/usr/bin:/bin").env("PYTHONPATH", awscrt());
        command.args(["-c", AWS]);
        self.at_home(&mut command, "cli");
        command.args(["sts", "get-caller-identity", "--profile", profile]).stdin(Stdio::null());
        let ran = Ran::of(&command.output().unwrap());
        (self.sts.signed("cli"), ran)
    }

    /// The calls that AWS Sign-In saw.
    pub(super) fn close(self) -> Vec<Value> {
        self.service.close()
    }
}

/// The AWS CLI, as its own script starts it.
const AWS: &str = "import sys, awscli.clidriver; sys.exit(awscli.clidriver.main())";

/// The library with which the AWS CLI signs what renews a session. It lies apart: beside botocore it
/// would sign everything else, and other stories would have another CLI.
fn awscrt() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/awscrt");
    assert!(
        folder.join("awscrt").exists(),
        "{} is missing. Run `make venv`, or:\n  target/venv/bin/pip install --target target/awscrt \
         --requirement tests/requirements-awscrt.txt",
        folder.display()
    );
    folder
}

#[test]
fn keys_that_are_good_are_used_and_those_that_end_are_renewed_for_the_cli_too() {
    let desk = Desk::with(&["ok"]);
    desk.signed_in(10);
    let (signed, ran) = desk.signs("good", "work");
    assert_eq!(signed.as_deref(), Some("ASIASESSION0"), "{}", ran.told());
    let (signed, ran) = desk.signs("good-role", "role");
    assert_eq!(signed.as_deref(), Some("ASIAONEASIASESSION0"), "{}", ran.told());

    desk.signed_in(-60);
    let (signed, ran) = desk.signs("ended", "work");
    assert_eq!(signed.as_deref(), Some("ASIASESSION1"), "{}", ran.told());
    let kept = desk.kept();
    assert_eq!(kept["refreshToken"], "refresh-1", "{kept}");
    assert_eq!((&kept["idToken"], &kept["dpopKey"]), (&json!("of-a-test"), &json!(desk.key)));
    assert_eq!(fs::metadata(desk.file()).unwrap().permissions().mode() & 0o777, 0o600);
    // Renewed once: the role, and the CLI, go on with it.
    let (signed, ran) = desk.signs("renewed", "role");
    assert_eq!(signed.as_deref(), Some("ASIAONEASIASESSION1"), "{}", ran.told());
    let (signed, ran) = desk.cli_signs("work");
    assert_eq!(signed.as_deref(), Some("ASIASESSION1"), "{}", ran.told());
    let calls = desk.close();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0]["wrong"], Value::Null, "{calls:?}");
}

#[test]
fn an_attempt_that_fails_is_made_again_with_a_proof_of_its_own() {
    let desk = Desk::with(&["503", "ok"]);
    desk.signed_in(-1);
    let (signed, ran) = desk.signs("again", "work");
    assert_eq!(signed.as_deref(), Some("ASIASESSION1"), "{}", ran.told());
    let calls = desk.close();
    assert!(calls.len() == 2 && calls.iter().all(|call| call["wrong"].is_null()), "{calls:?}");
}

#[test]
fn keys_in_the_environment_serve_while_nobody_is_signed_in() {
    let desk = Desk::with(&["TOKEN_EXPIRED"]);
    let sso = "[profile sso]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
        sso_account_id = 123456789012\nsso_role_name = Admin\nregion = us-west-2\n";
    desk.spot.write(".aws/config", 0o600, format!("{PROFILES}{sso}").as_bytes());
    for profile in ["work", "role", "sso"] {
        let mut command = desk.spot.command();
        desk.at_home(&mut command, profile);
        command.env("AWS_PROFILE", profile);
        command.env("AWS_ACCESS_KEY_ID", "AKIAENV").env("AWS_SECRET_ACCESS_KEY", "s");
        let ran = Ran::of(&command.arg("list").output().unwrap());
        let signed = desk.sts.signed(profile);
        assert_eq!(signed.as_deref(), Some("AKIAENV"), "{profile}: {}", ran.told());
    }
}

#[test]
fn a_session_that_is_over_ends_in_the_one_command_that_begins_another() {
    type Break = fn(&Desk);
    let cases: [(&str, &str, Break); 6] = [
        ("twelve hours are over", "TOKEN_EXPIRED", |desk| desk.signed_in(-1)),
        ("the password was changed", "USER_CREDENTIALS_CHANGED", |desk| desk.signed_in(-1)),
        ("AWS is out of order", "500", |desk| desk.signed_in(-1)),
        ("nobody ever signed in", "ok", |_| ()),
        ("the file is empty, and stays so", "ok", |desk| {
            desk.signed_in(10);
            fs::write(desk.file(), "").unwrap();
        }),
        ("the key of the session is none", "ok", |desk| {
            desk.signed_in(-1);
            let mut kept = desk.kept();
            kept["dpopKey"] = "-----BEGIN EC PRIVATE KEY-----\nAA==\n".into();
            fs::write(desk.file(), kept.to_string()).unwrap();
        }),
    ];
    for (what, answer, break_it) in cases {
        let desk = Desk::with(&[answer]);
        break_it(&desk);
        for profile in ["work", "role"] {
            let (signed, list) = desk.signs(profile, profile);
            assert_eq!((signed, list.code), (None, 2), "{what}: {}", list.told());
            let way = format!("run: spot-tui login --profile {profile}");
            assert!(list.told().contains(&way), "{what}: {}", list.told());
            for word in NOT_OURS {
                assert!(!list.told().contains(word), "{what}: {word}: {}", list.told());
            }
        }
    }
    let desk = Desk::with(&["ok"]);
    let mut command = desk.spot.command();
    desk.at_home(&mut command, "login");
    let login = Ran::of(&command.args(["login", "--profile", "work"]).output().unwrap());
    assert_eq!(login.code, 2, "{}", login.told());
    let way = "run on a terminal: spot-tui login --profile work";
    assert!(login.told().contains(way), "{}", login.told());
}

/// What AWS does not renew is good to its end.
#[test]
fn a_refusal_ends_no_keys_that_are_good() {
    let desk = Desk::with(&["TOKEN_EXPIRED"]);
    desk.signed_in(3);
    let (signed, ran) = desk.signs("good", "work");
    assert_eq!(signed.as_deref(), Some("ASIASESSION0"), "{}", ran.told());
}
