//! A fence a region: what launches holds it shared, what tears down holds it alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tokio::time::Instant;

use super::lock::lock;
use crate::aws::network::NetworkReady;
use crate::fleet::Region;

/// The fences of all regions, and what was laid out behind them.
#[derive(Debug, Default)]
pub(in crate::jobs) struct Fences(Mutex<HashMap<Region, Fence>>);

/// One region's.
#[derive(Debug, Clone, Default)]
struct Fence {
    gate: Arc<RwLock<()>>,
    network: Arc<tokio::sync::Mutex<Option<RegionNetwork>>>,
}

/// Where instances can be launched in a region, as it was laid out a moment ago. EC2 may not tell
/// of it yet to who asks.
#[derive(Debug, Clone)]
pub(in crate::jobs) struct RegionNetwork {
    pub network: NetworkReady,
    /// The name of the key pair that instances are started with.
    pub key_name: Option<String>,
    pub laid_out: Instant,
}

impl Fences {
    /// Held while a region's network is built and launched into: nobody tears it down meanwhile.
    pub(in crate::jobs) async fn build(&self, region: &Region) -> OwnedRwLockReadGuard<()> {
        self.of(region).gate.read_owned().await
    }

    /// Held while a region's network is laid out: two launches must not build it twice. What was
    /// laid out in the last `consistency` is in it.
    pub(in crate::jobs) async fn lay_out(
        &self,
        region: &Region,
        consistency: Duration,
    ) -> OwnedMutexGuard<Option<RegionNetwork>> {
        let mut network = self.of(region).network.lock_owned().await;
        network.take_if(|network| network.laid_out.elapsed() > consistency);
        network
    }

    /// Held while a region's network is torn down: nobody launches into it meanwhile.
    pub(in crate::jobs) async fn tear_down(&self, region: &Region) -> OwnedRwLockWriteGuard<()> {
        let Fence { gate, network } = self.of(region);
        let alone = gate.write_owned().await;
        // Nobody launches now, so nobody holds it.
        *network.lock().await = None;
        alone
    }

    fn of(&self, region: &Region) -> Fence {
        lock(&self.0).entry(region.clone()).or_default().clone()
    }
}
