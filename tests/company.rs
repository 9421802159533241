//! A company's network between the program and AWS: its proxy, and an authority that signs for
//! AWS's names and that nobody else knows. moto answers behind both.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::moto::{Moto, python, script};
use crate::support::spot::{Ran, Spot};

/// moto behind the company's network, and a user in it.
struct Company {
    spot: Spot,
    network: Child,
    proxy: u64,
    front: u64,
    authority: PathBuf,
    log: PathBuf,
    _moto: Moto,
}

impl Company {
    fn open() -> Self {
        let moto = Moto::start();
        let spot = Spot::new("");
        spot.configure_without_hosts("", &["us-west-2"]);
        let authority = spot.path().join("company.pem");
        let log = spot.path().join("connects");
        let mut network = Command::new(python())
            .arg(script("company.py"))
            .arg(moto.address().port().to_string())
            .args([&authority, &log])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(network.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Value = serde_json::from_str(&line).unwrap();
        let (proxy, front) = (ports["proxy"].as_u64().unwrap(), ports["front"].as_u64().unwrap());
        Self { spot, network, proxy, front, authority, log, _moto: moto }
    }

    /// Runs `list` in this environment, behind the proxy.
    fn list(&self, environment: &[(&str, &str)]) -> Ran {
        let proxy = format!("http://127.0.0.1:{}", self.proxy);
        let mut command = self.spot.command();
        command.env_remove("AWS_ENDPOINT_URL").env("HTTPS_PROXY", proxy);
        command.envs(environment.iter().copied());
        Ran::of(&command.arg("list").output().unwrap())
    }

    fn authority(&self) -> &str {
        self.authority.to_str().unwrap()
    }

    /// To where the proxy was asked to connect.
    fn connects(&self) -> Vec<String> {
        fs::read_to_string(&self.log).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        drop(self.network.kill());
        drop(self.network.wait());
    }
}

#[test]
fn aws_is_asked_through_the_proxy_and_by_the_companys_authority() {
    let company = Company::open();
    let ran = company.list(&[("AWS_REGION", "us-west-2"), ("AWS_CA_BUNDLE", company.authority())]);
    assert!(ran.out.contains("no instances"), "{}", ran.told());
    let connects = company.connects();
    for host in ["sts.us-west-2.amazonaws.com:443", "ec2.us-west-2.amazonaws.com:443"] {
        assert!(connects.iter().any(|line| line.contains(host)), "{host}: {connects:?}");
    }
}

/// As for AWS's own command line.
#[test]
fn attack_14_an_empty_endpoint_is_no_endpoint() {
    let company = Company::open();
    let ran = company.list(&[
        ("AWS_REGION", "us-west-2"),
        ("AWS_CA_BUNDLE", company.authority()),
        ("AWS_ENDPOINT_URL", ""),
        ("AWS_ENDPOINT_URL_EC2", " "),
    ]);
    assert!(ran.out.contains("no instances"), "{}", ran.told());
}

#[test]
fn what_is_on_this_machine_is_not_asked_through_the_proxy() {
    let company = Company::open();
    let profile = format!(
        "[profile work]\nregion = us-west-2\nca_bundle = {}\nendpoint_url = https://localhost:{}\n",
        company.authority(),
        company.front
    );
    company.spot.write("home/.aws/config", 0o600, profile.as_bytes());
    let ran = company.list(&[("AWS_PROFILE", "work")]);
    assert_eq!(ran.code, 0, "{}", ran.told());
    assert!(ran.out.contains("no instances"), "{}", ran.told());
    assert_eq!(company.connects(), Vec::<String>::new());
}

#[test]
fn an_authority_that_nobody_knows_and_an_endpoint_that_is_none_are_told_with_what_to_do() {
    let company = Company::open();
    let endpoint = format!("https://localhost:{}", company.front);
    let ran = company.list(&[("AWS_ENDPOINT_URL", &endpoint)]);
    assert_ne!(ran.code, 0);
    assert!(ran.told().contains("AWS_CA_BUNDLE"), "{}", ran.told());

    let ran = company.list(&[("AWS_ENDPOINT_URL", "not a url")]);
    assert_ne!(ran.code, 0);
    assert!(ran.told().contains("'not a url' is no URL"), "{}", ran.told());
    assert!(!ran.told().contains("panicked"), "{}", ran.told());

    let ran = company.list(&[("AWS_CA_BUNDLE", "/nowhere.pem")]);
    assert_ne!(ran.code, 0);
    assert!(ran.told().contains("/nowhere.pem"), "{}", ran.told());
}
