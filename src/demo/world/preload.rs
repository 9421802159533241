//! A world that does not begin empty.

use jiff::SignedDuration;

use super::images;
use super::launch::{Order, RootVolume, SpotTerms};
use super::network::{Subnet, Tags};
use super::region::RegionWorld;
use crate::fleet::tags;

/// How old what is preloaded is.
const AGE: SignedDuration = SignedDuration::from_hours(3);

impl RegionWorld {
    /// Makes `count` running instances of a deployment in the default network, as if launched
    /// long ago.
    /// Answers how many fit.
    pub(super) fn preload(&mut self, count: u32, deployment: &str, creator: &str) -> u32 {
        let (now, born) = (self.now, self.now - AGE);
        let tags: Tags = [
            (tags::MANAGED_BY, tags::SPOT_TUI.to_owned()),
            (tags::DEPLOYMENT_ID, deployment.to_owned()),
            (tags::CREATED_BY, creator.to_owned()),
            (tags::CREATED_AT, born.to_string()),
            (tags::REGION, self.place.code.to_owned()),
            (tags::NAME, format!("{}-{deployment}", tags::SPOT_TUI)),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        let subnets: Vec<Subnet> =
            self.network.subnets.values().filter(|subnet| subnet.is_default).cloned().collect();
        let path = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/\
                    ebs-gp3/ami-id";
        let Some((image, _)) = images::parameter(self.place.code, path) else { return 0 };
        let places = u32::try_from(subnets.len()).unwrap_or(1).max(1);
        let mut made = 0;
        self.now = born;
        for (index, subnet) in subnets.into_iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(0);
            let mut share = count / places + u32::from(index < count % places);
            while share > 0 {
                let batch = share.min(50);
                let order = order(&image, subnet.id.clone(), batch, &tags, &subnet.zone);
                if self.run(&order).is_err() {
                    break;
                }
                made += batch;
                share -= batch;
            }
        }
        self.advance(now);
        made
    }
}

fn order(image: &str, subnet: String, count: u32, tags: &Tags, zone: &str) -> Order {
    let kinds = ["instance", "volume", "network-interface", "spot-instances-request"];
    Order {
        token: None,
        digest: [0; 32],
        machine_type: if zone == "us-east-1e" { "t2.medium" } else { "t3.medium" }.into(),
        image: image.to_owned(),
        min: count,
        max: count,
        subnet: Some(subnet),
        zone: None,
        groups: Vec::new(),
        key_name: None,
        user_data: (String::new(), 0),
        spot: Some(SpotTerms { persistent: false, max_price: None }),
        public_ip: Some(true),
        volume: RootVolume {
            device: "/dev/sda1".into(),
            gib: 30,
            kind: "gp3".into(),
            encrypted: true,
            delete_on_termination: true,
        },
        preloaded: true,
        interface_stays: false,
        http_tokens: "required".into(),
        hop_limit: 1,
        profile: None,
        tags: kinds.map(|kind| (kind.to_owned(), tags.clone())).into(),
    }
}
