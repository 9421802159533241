//! The loopback server: the same world for other processes.

use std::io;
use std::process::Command;

use serde_json::{Value, json};

use spot_tui::demo::{Server, serve};

use super::*;
use crate::support::moto::{python, script};
use crate::support::plain_ec2::{self, create_vpc};

async fn open(server: &Server) -> Aws {
    let access = Access {
        endpoint: Some(server.url()),
        credentials: Some(Credentials::new("key", "secret", None, None, "demo")),
        ..Access::default()
    };
    Aws::open(&access).await.unwrap()
}

#[tokio::test]
async fn two_clients_see_each_others_changes() {
    let settings = Settings { speed: 60.0, ..settings() };
    let world = World::new(&settings, Scenario::default());
    let server = serve(&world, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let other = open(&server).await;
    assert_eq!(other.account().await.unwrap().regions.len(), 17);
    let region = REGION.into();
    let tags = [("ManagedBy", "spot-tui"), ("DeploymentId", "spot-test")];
    let vpc = create_vpc(&plain_ec2::at(&server.url(), REGION), "10.0.0.0/16", &tags).await;
    // The world does not tell of it for its first second, a sixtieth of one here.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let seen = other.region(&region).residue(&ours()).await.unwrap();
        if seen.iter().any(|seen| seen.id == vpc) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "never seen: {seen:?}");
    }
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let world = World::new(&settings(), Scenario::default());
    for address in ["0.0.0.0:0", "[::]:0", "198.18.0.1:0"] {
        let refused = serve(&world, address.parse().unwrap()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{address}");
    }
}

/// A client that nobody here wrote, from an empty region to an empty region.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn boto3_builds_launches_and_takes_away() {
    // The script does not wait until what it made is told of.
    let settings = Settings { speed: 60.0, lag: Duration::ZERO, ..settings() };
    let world = World::new(&settings, Scenario::default());
    let server = serve(&world, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = server.url();
    let drive = move || {
        let script = script("drive_ec2.py");
        Command::new(python()).arg(script).arg(url).output().expect("starting python")
    };
    let output = tokio::task::spawn_blocking(drive).await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    let held = json!(["DependencyViolation", 400]);
    let expected = json!({
        "account": "111122223333",
        "image": "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261112",
        "regions": 17,
        "vcpus": 2,
        "vpc": [{ "Key": "owner", "Value": "boto <&> 3" }],
        "rules": [{
            "IpProtocol": "tcp",
            "FromPort": 22,
            "ToPort": 22,
            "IpRanges": [{ "CidrIp": "203.0.113.7/32", "Description": "me" }],
            "Ipv6Ranges": [],
            "PrefixListIds": [],
            "UserIdGroupPairs": [],
        }],
        "replayed": true,
        "mismatch": ["IdempotentParameterMismatch", 400],
        "pages": [5, 5, 2],
        "state": ["running"],
        "console": true,
        "tagged": 2,
        "price": true,
        "refusals": {
            "vpc": held,
            "group": held,
            "subnet": held,
            "gateway": held,
            "id": ["InvalidInstanceID.NotFound", 400],
            "filter": ["InvalidParameterValue", 400],
            "dry": ["DryRunOperation", 412],
        },
        "left": 0,
    });
    assert_eq!(seen, expected);
}
