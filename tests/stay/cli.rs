//! The demo cloud alone, watched by the AWS CLI.

use std::process;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::demo_cloud::DemoCloud;
use crate::support::moto::python;

/// How long anything of the demo's may take here, at its speed.
const PATIENCE: Duration = Duration::from_mins(1);

/// The `aws` command at an endpoint.
struct Cli(String);

impl Cli {
    /// What it answers; else what it says.
    fn ask(&self, words: &str) -> Result<Value, String> {
        let output = process::Command::new(python().with_file_name("aws"))
            .args(["--endpoint-url", &self.0, "--region", "us-west-2", "--output", "json", "ec2"])
            .args(words.split_whitespace())
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_MAX_ATTEMPTS", "1")
            .output()
            .expect("starting the AWS CLI");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    }

    fn told(&self, words: &str) -> Value {
        self.ask(words).unwrap_or_else(|error| panic!("{words}: {error}"))
    }

    fn text(&self, words: &str, pointer: &str) -> String {
        let answer = self.told(words);
        let found = answer.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("{words}: no {pointer} in {answer}")).to_owned()
    }

    fn until(&self, words: &str, pointer: &str, word: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.text(words, pointer) != word {
            assert!(Instant::now() < deadline, "{words}: never {word}: {}", self.told(words));
        }
    }
}

/// From launch to end: what EC2 User Guide says of a persistent request, as the CLI tells it.
#[test]
fn the_aws_cli_stops_starts_and_takes_apart_a_machine_that_stays() {
    let cloud = DemoCloud::start(&["--speed", "20", "--no-ssh"]);
    let aws = Cli(cloud.url().to_owned());
    let image = aws.text(
        "describe-images --owners 099720109477 --filters Name=architecture,Values=x86_64",
        "/Images/0/ImageId",
    );
    let spot = "MarketType=spot,SpotOptions={SpotInstanceType=persistent,\
                InstanceInterruptionBehavior=stop}";
    let run = format!("run-instances --image-id {image} --instance-type t3.medium --count 1");
    let run = format!("{run} --instance-market-options {spot}");
    let instance = aws.text(&run, "/Instances/0/InstanceId");
    let look = format!("describe-instances --instance-ids {instance}");
    let state = "/Reservations/0/Instances/0/State/Name";
    aws.until(&look, state, "running");
    let root = "/Reservations/0/Instances/0/BlockDeviceMappings/0/Ebs/VolumeId";
    let root = aws.text(&look, root);
    let zone = aws.text(&look, "/Reservations/0/Instances/0/Placement/AvailabilityZone");

    let address = aws.told("allocate-address --domain vpc");
    let id = address["AllocationId"].as_str().unwrap();
    aws.told(&format!("associate-address --allocation-id {id} --instance-id {instance}"));
    let make = format!("create-volume --availability-zone {zone} --size 20");
    let home = aws.text(&make, "/VolumeId");
    aws.until(&format!("describe-volumes --volume-ids {home}"), "/Volumes/0/State", "available");
    let attach = "attach-volume --device /dev/sdf";
    aws.told(&format!("{attach} --volume-id {home} --instance-id {instance}"));

    aws.told(&format!("stop-instances --instance-ids {instance}"));
    let early = aws.ask(&format!("start-instances --instance-ids {instance}")).unwrap_err();
    assert!(early.contains("IncorrectSpotRequestState"), "{early}");
    let requests = "describe-spot-instance-requests";
    aws.until(requests, "/SpotInstanceRequests/0/State", "disabled");
    let status = aws.text(requests, "/SpotInstanceRequests/0/Status/Code");
    assert_eq!(status, "instance-stopped-by-user");
    let public = "/Reservations/0/Instances/0/PublicIpAddress";
    assert_eq!(aws.text(&look, public), address["PublicIp"].as_str().unwrap());
    aws.told(&format!("start-instances --instance-ids {instance}"));
    aws.until(&look, state, "running");
    assert_eq!(aws.text(&look, public), address["PublicIp"].as_str().unwrap());
    let devices = aws.told(&look)["Reservations"][0]["Instances"][0]["BlockDeviceMappings"].clone();
    let volumes: Vec<&str> = devices
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["Ebs"]["VolumeId"].as_str())
        .collect();
    assert_eq!(volumes, [root.as_str(), home.as_str()]);

    let request = aws.text(requests, "/SpotInstanceRequests/0/SpotInstanceRequestId");
    aws.told(&format!("cancel-spot-instance-requests --spot-instance-request-ids {request}"));
    aws.told(&format!("terminate-instances --instance-ids {instance}"));
    aws.until(&look, state, "terminated");
    let left = aws.told("describe-volumes");
    assert_eq!(left["Volumes"].as_array().unwrap().len(), 1, "{left}");
    assert_eq!(left["Volumes"][0]["VolumeId"].as_str(), Some(home.as_str()));
    let held = aws.told("describe-addresses")["Addresses"][0].clone();
    assert_eq!((held["AllocationId"].as_str(), &held["AssociationId"]), (Some(id), &Value::Null));
}
