//! Where a story without hosts is played: a demo cloud with strangers, and a user's folder.

use super::demo_cloud::DemoCloud;
use super::eye::{Eye, Seen};
use super::proxy::Proxy;
use super::spot::Spot;

/// The regions of the account.
pub(crate) const REGIONS: [&str; 2] = ["us-west-2", "eu-west-1"];

/// A demo cloud in a process of its own, the proxy before it, a user, and boto3's eye.
pub(crate) struct Scene {
    pub(crate) cloud: DemoCloud,
    pub(crate) proxy: Proxy,
    pub(crate) spot: Spot,
    pub(crate) eye: Eye,
    /// What strangers have.
    pub(crate) before: Seen,
}

impl Scene {
    /// Nothing of ours yet. `aws`: lines of that section of the configuration.
    pub(crate) fn set(aws: &str) -> Self {
        let cloud = DemoCloud::start(&["--no-ssh", "--speed", "30"]);
        let proxy = Proxy::start(cloud.address());
        proxy.limit_regions(&REGIONS);
        let spot = Spot::new(proxy.url());
        spot.configure_without_hosts(aws, &REGIONS);
        let mut eye = Eye::open();
        eye.settle_strangers(cloud.url(), &REGIONS[..1]);
        let before = eye.alive(cloud.url(), &REGIONS);
        Self { cloud, proxy, spot, eye, before }
    }

    /// Everything that is there and not terminated.
    pub(crate) fn seen(&mut self) -> Seen {
        self.eye.alive(self.cloud.url(), &REGIONS)
    }
}
