//! The AWS adapter and the network's runbooks against moto, seen by boto3, with a recording proxy
//! in between.

mod account;
mod machines;
mod network;
mod stays;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use spot_tui::aws::network::{
    NetworkCall, NetworkError, NetworkPlan, NetworkReady, RecordIntent, ensure, ensure_key_pair,
    teardown,
};
use spot_tui::aws::{
    Access, Architecture, Aws, AwsError, Class, Credential, Credentials, Ec2, Kind, LaunchRequest,
    Selector,
};
use spot_tui::config::{CpuCredits, Network, UbuntuRelease};
use spot_tui::fleet::tags::Origin;
use spot_tui::fleet::{DeploymentId, Ec2State, Level, Lifecycle, Machine, Step};

use crate::support::moto::Moto;
use crate::support::proxy::{Call, Fault, Proxy};

const REGION: &str = "us-west-2";
const PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9i0vH1mWJ8l9e4mMqYHn0n1VQyq1zQ9lJm2cZsQeqK me@here";

/// moto, the proxy in front of it, and our door to both.
struct World {
    moto: Moto,
    proxy: Proxy,
    aws: Aws,
    journal: Journal,
    said: Arc<Mutex<Vec<String>>>,
}

impl World {
    async fn start() -> Self {
        let moto = Moto::start();
        let proxy = Proxy::start(moto.address());
        let aws = Aws::open(&Access {
            endpoint: Some(proxy.url()),
            credentials: Some(Credentials::new("key", "secret", None, None, "test")),
            ..Access::default()
        })
        .await
        .unwrap();
        Self { moto, proxy, aws, journal: Journal::default(), said: Arc::default() }
    }

    fn ec2(&self) -> Ec2 {
        self.aws.region(&REGION.into())
    }

    async fn ensure(&self, plan: &NetworkPlan) -> Result<NetworkReady, NetworkError> {
        let said = Arc::clone(&self.said);
        let say = move |_: Level, text: String| said.lock().unwrap().push(text);
        spawnable(ensure(&self.ec2(), plan, &origin(), &self.journal, &say)).await
    }

    async fn teardown(&self) -> Vec<String> {
        let said = Arc::clone(&self.said);
        let say = move |_: Level, text: String| said.lock().unwrap().push(text);
        let timeout = Duration::from_secs(30);
        let left = spawnable(teardown(
            &self.ec2(),
            &Selector::deployment(&deployment()),
            timeout,
            timeout,
            &say,
        ))
        .await;
        left.unwrap().left.iter().map(ToString::to_string).collect()
    }

    async fn image(&self) -> (String, String) {
        let image = self.ec2().image(UbuntuRelease::Noble, Architecture::Amd64).await.unwrap();
        (image.id.to_string(), image.root_device)
    }

    async fn request(&self, ready: &NetworkReady, count: u32) -> LaunchRequest {
        let (image, root_device) = self.image().await;
        let (subnet, zone) = ready.subnets[0].clone();
        let token = "spot-test-l1".into();
        LaunchRequest {
            tags: origin().launch_tags(&REGION.into(), &token),
            token,
            count,
            machine_type: "t3.medium".into(),
            image: image.into(),
            root_device,
            subnet,
            zone,
            security_groups: ready.security_groups.clone(),
            key_name: None,
            user_data: "#cloud-config\n".into(),
            storage_gb: 50,
            keeps_root: false,
            lifecycle: Lifecycle::Spot,
            max_price: None,
            associate_public_ip: true,
            cpu_credits: CpuCredits::Standard,
            ends_itself: false,
            instance_profile: None,
        }
    }

    /// Launches `count` instances, one call each: moto launches MinCount, whatever MaxCount says.
    async fn launch(&self, ready: &NetworkReady, count: u32) -> Vec<Machine> {
        let mut machines = Vec::new();
        for _ in 0..count {
            let request = self.request(ready, 1).await;
            machines.extend(spawnable(self.ec2().launch(&request)).await.unwrap());
        }
        machines
    }

    /// Terminates and waits until EC2 says so.
    async fn end(&self, machines: &[Machine]) {
        let ids: Vec<_> = machines.iter().map(|machine| machine.id.clone()).collect();
        for (id, result) in spawnable(self.ec2().terminate(&ids)).await {
            result.unwrap_or_else(|error| panic!("{id}: {error}"));
        }
    }

    fn seen(&self) -> Value {
        self.moto.inspect(&[REGION])[REGION].take()
    }
}

/// A journal that only counts: which intents were opened, and how many are still open.
#[derive(Default)]
struct Journal {
    opened: Mutex<Vec<NetworkCall>>,
    open: Mutex<BTreeSet<usize>>,
}

impl RecordIntent for Journal {
    type Entry = usize;

    async fn open(&self, intent: NetworkCall) -> Result<usize, String> {
        let mut opened = self.opened.lock().unwrap();
        opened.push(intent);
        self.open.lock().unwrap().insert(opened.len());
        Ok(opened.len())
    }

    async fn close(&self, entry: usize) -> Result<(), String> {
        self.open.lock().unwrap().remove(&entry);
        Ok(())
    }
}

/// A journal whose disk is full.
struct FullDisk;

impl RecordIntent for FullDisk {
    type Entry = ();

    async fn open(&self, _: NetworkCall) -> Result<(), String> {
        Err("No space left on device".into())
    }

    async fn close(&self, (): ()) -> Result<(), String> {
        Ok(())
    }
}

/// The runbooks run in spawned tasks: their futures have to be `Send`.
fn spawnable<F: Future + Send>(future: F) -> F {
    future
}

fn deployment() -> DeploymentId {
    "spot-test".into()
}

fn origin() -> Origin {
    Origin {
        deployment: deployment(),
        creator: "tester".into(),
        at: "2026-11-20T09:00:00Z".parse().unwrap(),
        extra: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
    }
}

fn plan(network: Network, operators: &[&str]) -> NetworkPlan {
    NetworkPlan {
        network,
        zones: Vec::new(),
        is_public: false,
        operators: operators.iter().map(|net| net.parse().unwrap()).collect(),
        extra_groups: Vec::new(),
    }
}

fn dedicated() -> NetworkPlan {
    plan(Network::Dedicated, &["203.0.113.7/32"])
}

fn mutating(calls: &[Call]) -> Vec<&str> {
    calls.iter().filter(|call| call.is_mutating()).map(|call| call.action.as_str()).collect()
}

/// The ids of one kind that carry the deployment's tags.
fn ours<'a>(seen: &'a Value, kind: &str) -> Vec<&'a str> {
    let is_ours = |it: &&Value| {
        it["tags"]["ManagedBy"] == "spot-tui" && it["tags"]["DeploymentId"] == "spot-test"
    };
    let found = seen[kind].as_array().unwrap().iter().filter(is_ours);
    found.map(|it| it["id"].as_str().unwrap()).collect()
}

fn aws_error(error: NetworkError) -> AwsError {
    match error {
        NetworkError::Aws(error) => error,
        other @ NetworkError::NotRecorded(_) => panic!("{other}"),
    }
}
