//! The program's own code against the demo world, in the process and with tokio's clock paused:
//! minutes of AWS in no time, and faults that neither AWS nor moto can be asked for.
//!
//! A story that has faults ends with [`Stage::met_every_fault`]: one whose fault never came is
//! told in vain.

mod accounts;
mod failures;
mod fleet;
mod launching;
mod network;
mod requests;
mod server;
mod volumes;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use spot_tui::aws::network::{NetworkError, NetworkPlan, NetworkReady, ensure, teardown};
use spot_tui::aws::{
    Access, Architecture, Aws, AwsError, Credentials, Ec2, Kind, LaunchRequest, Selector,
    SharedTimeSource, SpotRequest,
};
use spot_tui::config::{CpuCredits, Network, UbuntuRelease};
use spot_tui::demo::{Scenario, Settings, World, by_hand, connector};
use spot_tui::fleet::tags::Origin;
use spot_tui::fleet::{DeploymentId, Level, Lifecycle, Machine};

use crate::support::journal::Unrecorded;

const REGION: &str = "us-west-2";

/// A world and our door to it.
struct Stage {
    world: World,
    aws: Aws,
    said: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    /// A world in which this story happens.
    async fn play(scenario: &str) -> Self {
        Self::set(&settings(), scenario).await
    }

    async fn set(settings: &Settings, scenario: &str) -> Self {
        let world = World::new(settings, Scenario::parse(scenario).unwrap());
        let aws = Aws::open(&access(&world)).await.unwrap();
        Self { world, aws, said: Arc::default() }
    }

    fn ec2(&self) -> Ec2 {
        self.aws.region(&REGION.into())
    }

    async fn ensure(&self) -> Result<NetworkReady, NetworkError> {
        let said = Arc::clone(&self.said);
        let say = move |_: Level, text: String| said.lock().unwrap().push(text);
        ensure(&self.ec2(), &dedicated(), &origin(), &Unrecorded, &say).await
    }

    /// What is left.
    async fn teardown(&self) -> Vec<String> {
        let said = Arc::clone(&self.said);
        let say = move |_: Level, text: String| said.lock().unwrap().push(text);
        let timeout = Duration::from_mins(5);
        let left = teardown(&self.ec2(), &ours(), timeout, Duration::from_mins(1), &say).await;
        left.unwrap().left.iter().map(ToString::to_string).collect()
    }

    /// The ids of what is there of ours, of these kinds.
    async fn left(&self, kinds: &[Kind]) -> Vec<String> {
        let left = self.ec2().residue(&ours()).await.unwrap();
        left.into_iter().filter(|it| kinds.contains(&it.kind)).map(|it| it.id).collect()
    }

    /// A launch of `count` t3.medium in the zone with this letter.
    async fn request(&self, ready: &NetworkReady, letter: &str, count: u32) -> LaunchRequest {
        let image = self.ec2().image(UbuntuRelease::Noble, Architecture::Amd64).await.unwrap();
        let place = ready.subnets.iter().find(|(_, zone)| zone.as_str().ends_with(letter));
        let (subnet, zone) = place.unwrap().clone();
        let token = format!("spot-test-{letter}").into();
        LaunchRequest {
            tags: origin().launch_tags(&REGION.into(), &token),
            token,
            count,
            machine_type: "t3.medium".into(),
            image: image.id,
            root_device: image.root_device,
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

    /// Our instances, the terminated ones too.
    async fn machines(&self) -> Vec<Machine> {
        self.ec2().instances(&ours().with_terminated()).await.unwrap()
    }

    async fn requests(&self) -> Vec<SpotRequest> {
        self.ec2().spot_requests(&ours()).await.unwrap()
    }

    /// Terminates and waits until EC2 says so.
    async fn end(&self, machines: &[Machine]) {
        let ids: Vec<_> = machines.iter().map(|machine| machine.id.clone()).collect();
        for (id, result) in self.ec2().terminate(&ids).await {
            result.unwrap_or_else(|error| panic!("{id}: {error}"));
        }
        pass(60).await;
        assert!(self.machines().await.iter().all(|machine| !machine.is_alive()));
    }

    /// What EC2 answers to a form that somebody else sends.
    fn ask(&self, form: &str) -> String {
        by_hand(&self.world, REGION, form).1
    }

    /// How often an action was called.
    fn calls(&self, action: &str) -> usize {
        self.world.calls().iter().filter(|call| call.action == action).count()
    }

    fn met_every_fault(&self) {
        let unmet = self.world.unmet();
        assert!(unmet.is_empty(), "these faults never came: {unmet:?}");
    }
}

/// Lets time pass in the world.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn settings() -> Settings {
    Settings { began: "2026-11-20T09:00:00Z".parse().unwrap(), ..Settings::default() }
}

fn access(world: &World) -> Access {
    Access {
        credentials: Some(Credentials::new("key", "secret", None, None, "demo")),
        http: Some(connector(world)),
        time: SharedTimeSource::new(world.clock()),
        ..Access::default()
    }
}

fn deployment() -> DeploymentId {
    "spot-test".into()
}

fn ours() -> Selector {
    Selector::deployment(&deployment())
}

fn origin() -> Origin {
    Origin {
        deployment: deployment(),
        creator: "tester".into(),
        at: "2026-11-20T09:00:00Z".parse().unwrap(),
        extra: BTreeMap::new(),
    }
}

fn dedicated() -> NetworkPlan {
    NetworkPlan {
        network: Network::Dedicated,
        zones: Vec::new(),
        is_public: false,
        operators: vec!["203.0.113.7/32".parse().unwrap()],
        extra_groups: Vec::new(),
    }
}

fn aws_error(error: NetworkError) -> AwsError {
    match error {
        NetworkError::Aws(error) => error,
        other @ NetworkError::NotRecorded(_) => panic!("{other}"),
    }
}
