//! A world that does not begin empty.

use jiff::{SignedDuration, Timestamp};

use super::images;
use super::network::Subnet;
use super::order::{Behaviour, Order, RootVolume, SpotTerms};
use super::region::RegionWorld;
use super::resource::Tags;
use crate::demo::shapes::Shape;
use crate::fleet::tags;

/// How old what is preloaded is.
const AGE: SignedDuration = SignedDuration::from_hours(3);

impl RegionWorld {
    /// Makes `count` running instances of a deployment in the default network, as if launched
    /// long ago.
    /// Answers how many fit.
    pub(super) fn preload(&mut self, count: u32, deployment: &str, creator: &str) -> u32 {
        let (now, born) = (self.now, self.now - AGE);
        let tags = self.tags(deployment, creator, born);
        let subnets: Vec<Subnet> = self.default_subnets().cloned().collect();
        let places = u32::try_from(subnets.len()).unwrap_or(1).max(1);
        let mut made = 0;
        self.now = born;
        for (index, subnet) in subnets.into_iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(0);
            let mut share = count / places + u32::from(index < count % places);
            while share > 0 {
                let batch = share.min(50);
                let kind = if subnet.zone == "us-east-1e" { "t2.medium" } else { "t3.medium" };
                let order = self.order(kind, subnet.id.clone(), (batch, 30), &tags);
                if order.is_none_or(|order| self.run(&order).is_err()) {
                    break;
                }
                made += batch;
                share -= batch;
            }
        }
        self.advance(now);
        made
    }

    /// Makes what the scenario says that runs from the beginning.
    pub(super) fn begin(&mut self, creator: &str) {
        let laws = std::sync::Arc::clone(&self.laws);
        for given in laws.scenario.networks.iter().filter(|it| it.region == self.place.code) {
            let long_ago = self.now - SignedDuration::from_hours(24 * 365);
            self.network.put_given(&mut self.dice, given, long_ago);
        }
        for fleet in &laws.scenario.running {
            let subnet = self.default_subnets().find(|it| it.zone == fleet.zone);
            let Some(subnet) = subnet.map(|subnet| subnet.id.clone()) else { continue };
            let tags = self.tags(&fleet.deployment, creator, self.now);
            let size = (fleet.count, fleet.storage_gb);
            if let Some(order) = self.order(&fleet.machine_type, subnet, size, &tags) {
                // What has no room is not there.
                let _ = self.run(&order);
            }
        }
    }

    fn default_subnets(&self) -> impl Iterator<Item = &Subnet> {
        self.network.subnets.values().filter(|subnet| subnet.is_default)
    }

    fn tags(&self, deployment: &str, creator: &str, born: Timestamp) -> Tags {
        [
            (tags::MANAGED_BY, tags::SPOT_TUI.to_owned()),
            (tags::DEPLOYMENT_ID, deployment.to_owned()),
            (tags::CREATED_BY, creator.to_owned()),
            (tags::CREATED_AT, born.to_string()),
            (tags::REGION, self.place.code.to_owned()),
            (tags::NAME, format!("{}-{deployment}", tags::SPOT_TUI)),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    /// What would have been asked for.
    fn order(
        &self,
        kind: &str,
        subnet: String,
        (count, gib): (u32, u32),
        tags: &Tags,
    ) -> Option<Order> {
        let shape = Shape::named(kind)?;
        let word = if shape.architecture == "arm64" { "arm64" } else { "amd64" };
        let path = format!(
            "/aws/service/canonical/ubuntu/server/24.04/stable/current/{word}/hvm/ebs-gp3/ami-id"
        );
        let (image, _) = images::parameter(self.place.code, &path)?;
        let kinds = ["instance", "volume", "network-interface", "spot-instances-request"];
        Some(Order {
            token: None,
            digest: [0; 32],
            machine_type: kind.to_owned(),
            image,
            min: count,
            max: count,
            subnet: Some(subnet),
            zone: None,
            groups: Vec::new(),
            key_name: None,
            user_data: (String::new(), 0),
            shutdown_terminates: false,
            spot: Some(SpotTerms {
                persistent: false,
                behaviour: Behaviour::Terminate,
                max_price: None,
            }),
            public_ip: Some(true),
            volume: RootVolume {
                device: "/dev/sda1".into(),
                gib,
                kind: "gp3".into(),
                encrypted: true,
                delete_on_termination: true,
            },
            preloaded: true,
            interface_stays: false,
            http_tokens: "required".into(),
            hop_limit: 1,
            profile: None,
            credits: None,
            tags: kinds.map(|kind| (kind.to_owned(), tags.clone())).into(),
        })
    }
}
