//! Where a story is played: an EC2 in another process, the proxy that catches calls, strangers.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::time::Instant;

use tempfile::TempDir;

use super::draw::{During, Score};
use crate::support::demo_cloud::DemoCloud;
use crate::support::eye::{Eye, Seen};
use crate::support::moto::Moto;
use crate::support::proxy::{Call, Proxy};
use crate::support::spot::Spot;

/// All regions of the account.
pub(super) const REGIONS: [&str; 4] = ["us-west-2", "eu-west-1", "ap-southeast-2", "eu-central-1"];
/// How many instances are created.
pub(super) const COUNT: usize = 12;
/// How fast the demo cloud's time passes.
const SPEED: &str = "30";
/// When two are taken back, in seconds of the world's time: a create has ended by then.
const NOTICE: u32 = 900;

/// Which EC2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Peer {
    Moto,
    Cloud,
    /// The demo cloud, asked for fleets.
    Fleets,
    /// The demo cloud with little room in one region: what finds none goes elsewhere.
    Spilling,
    /// The demo cloud, which takes two back.
    Reclaiming,
}

impl Peer {
    /// What goes wrong there.
    fn scenario(self) -> String {
        match self {
            Self::Moto | Self::Cloud | Self::Fleets => "{}".to_owned(),
            Self::Spilling => {
                let room = |(zone, limit)| format!("{{ zone: eu-west-1{zone}, limit: {limit} }}");
                let zones = [("a", 1), ("b", 0), ("c", 0)].map(room);
                format!("capacity: [{}]", zones.join(", "))
            }
            Self::Reclaiming => format!("interruptions: [{{ at_s: {NOTICE}, count: 2 }}]"),
        }
    }
}

/// Where stories are played, one after the other.
pub(super) struct Stage {
    peer: Peer,
    moto: Option<Moto>,
    /// Another account.
    pub(super) other: Option<Moto>,
    pub(super) eye: Eye,
    folder: TempDir,
}

/// One story's own EC2, proxy and folder.
pub(super) struct Set {
    /// It lives for as long as the story.
    _cloud: Option<DemoCloud>,
    address: SocketAddr,
    pub(super) proxy: Proxy,
    pub(super) spot: Spot,
    pub(super) before: Seen,
}

impl Set {
    /// The endpoint for those who are not watched.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Stage {
    pub(super) fn set(peer: Peer) -> Self {
        let moto = (peer == Peer::Moto).then(Moto::start);
        let folder = tempfile::tempdir().unwrap();
        Self { peer, moto, other: None, eye: Eye::open(), folder }
    }

    /// An empty account but for strangers.
    pub(super) fn fresh(&mut self, story: u64) -> Set {
        let scenario = self.folder.path().join("scenario.yaml");
        fs::write(&scenario, self.peer.scenario()).unwrap();
        let (scenario, seed) = (scenario.to_str().unwrap(), story.to_string());
        let arguments = ["--no-ssh", "--speed", SPEED, "--seed", &seed, "--scenario", scenario];
        let cloud = (self.peer != Peer::Moto).then(|| DemoCloud::start(&arguments));
        if let Some(moto) = &self.moto {
            moto.reset();
        }
        let clouds = cloud.as_ref().map(DemoCloud::address);
        let address = clouds.or(self.moto.as_ref().map(Moto::address)).unwrap();
        let proxy = Proxy::start(address);
        proxy.limit_regions(&REGIONS);
        let spot = Spot::new(proxy.url());
        spot.configure_without_hosts(&format!("  total_instances: {COUNT}"), &REGIONS);
        if self.peer == Peer::Fleets {
            spot.add_configuration("placement: { strategy: fleet, fleet_from: 2 }\n");
        }
        if self.peer == Peer::Spilling {
            spot.add_configuration("placement: { spill: true }\n");
        }
        let url = format!("http://{address}");
        self.eye.settle_strangers(&url, &REGIONS[..1]);
        let before = self.eye.alive(&url, &REGIONS);
        Set { _cloud: cloud, address, proxy, spot, before }
    }

    /// A run that nobody kills: what it calls, and how long it takes.
    pub(super) fn rehearse(&mut self) -> Score {
        let set = self.fresh(0);
        let mut score = Score::default();
        for (during, arguments) in
            [(During::Create, CREATE.as_slice()), (During::Destroy, DESTROY.as_slice())]
        {
            let began = Instant::now();
            let ran = set.spot.run(arguments);
            score.length.insert(during, began.elapsed());
            assert_ne!(ran.code, 2, "{}", ran.told());
            for call in set.proxy.take().iter().filter(|call| Call::is_mutating(call)) {
                *score.calls.entry((during, call.action.clone())).or_insert(0) += 1;
            }
        }
        assert_eq!(self.eye.alive(&set.url(), &REGIONS), set.before);
        score
    }
}

pub(super) const CREATE: [&str; 3] = ["create", "--yes", "--json"];
pub(super) const DESTROY: [&str; 4] = ["destroy", "--all", "--yes", "--json"];

/// The files of the state that are there.
pub(super) fn state_files(spot: &Spot) -> BTreeMap<&'static str, Vec<u8>> {
    ["instances.json", "instances.json.journal"]
        .into_iter()
        .filter_map(|name| Some((name, fs::read(spot.path().join(name)).ok()?)))
        .collect()
}
