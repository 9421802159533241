//! The other reader and writer of the files of a login: the AWS CLI v2 as Debian has it. It knows no
//! endpoints but AWS's own, so that it gets to the identity center by a company's proxy, whose authority
//! it is told of (`support/boto3/company.py`).

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::Office;
use crate::support::moto::{python, script};
use crate::support::spot::Ran;

const AWS: &str = "/usr/bin/aws";

/// The way to the identity center and to moto for those who ask by AWS's own names: the CLI, and us.
pub(super) struct Network {
    process: Child,
    proxy: u64,
    authority: PathBuf,
}

impl Network {
    pub(super) fn open(office: &Office) -> Self {
        let authority = office.spot.path().join("company.pem");
        let moto = office.aws_url.rsplit(':').next().unwrap();
        let mut process = Command::new(python())
            .arg(script("company.py"))
            .arg(moto)
            .args([&authority, &office.spot.path().join("connects")])
            .arg(office.port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Value = serde_json::from_str(&line).unwrap();
        Self { process, proxy: ports["proxy"].as_u64().unwrap(), authority }
    }

    /// Runs the program, which asks by the names that region and profile make.
    pub(super) fn spot(&self, office: &Office, arguments: &[&str]) -> Ran {
        let mut command = office.spot.command();
        office.at_home(&mut command);
        for (name, _) in office.endpoints() {
            command.env_remove(name);
        }
        command.env("HTTPS_PROXY", format!("http://127.0.0.1:{}", self.proxy));
        command.env("AWS_CA_BUNDLE", &self.authority).env("AWS_EC2_METADATA_DISABLED", "true");
        Ran::of(&command.args(arguments).output().unwrap())
    }

    fn aws(&self, office: &Office, arguments: &[&str]) -> Ran {
        let mut command = Command::new(AWS);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", office.spot.path());
        command.env("HTTPS_PROXY", format!("http://127.0.0.1:{}", self.proxy));
        command.env("AWS_CA_BUNDLE", &self.authority).env("AWS_EC2_METADATA_DISABLED", "true");
        command.args(arguments).stdin(Stdio::null());
        Ran::of(&command.output().expect("the AWS CLI v2 is missing: apt-get install awscli"))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn a_login_of_ours_counts_for_the_aws_cli_v2() {
    let office = Office::open(&["ok"]);
    let network = Network::open(&office);
    let version = network.aws(&office, &["--version"]);
    assert!(version.out.starts_with("aws-cli/2."), "{}", version.told());
    for profile in ["work", "legacy"] {
        let who = ["sts", "get-caller-identity", "--profile", profile];
        let before = network.aws(&office, &who);
        assert_ne!(before.code, 0, "{}", before.told());
        let login = office.run(&["login", "--profile", profile]);
        assert_eq!(login.code, 0, "{}", login.told());
        let after = network.aws(&office, &who);
        assert!(after.code == 0 && after.out.contains("123456789012"), "{}", after.told());
    }
}

#[test]
fn a_login_of_the_aws_cli_v2_counts_here() {
    let office = Office::open(&["AuthorizationPendingException", "ok"]);
    let network = Network::open(&office);
    for profile in ["work", "legacy"] {
        let before = office.run(&["list", "--profile", profile]);
        assert_eq!(before.code, 2, "{}", before.told());
        let login = network.aws(&office, &["sso", "login", "--no-browser", "--profile", profile]);
        assert!(login.code == 0 && login.out.contains("Successfully"), "{}", login.told());
        let after = office.run(&["list", "--profile", profile]);
        assert!(after.code == 0 && after.out.contains("no instances"), "{}", after.told());
    }
    let role = office.run(&["list", "--profile", "role"]);
    assert!(role.code == 0 && role.out.contains("no instances"), "{}", role.told());
}
