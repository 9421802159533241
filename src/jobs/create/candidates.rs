//! Where instances may be had: the pools of a region, the cheapest first.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use crate::aws::network::NetworkReady;
use crate::aws::{Architecture, AwsError, Ec2, ImageChoice, MachineFacts};
use crate::config::{Image, Placement, RegionConfig, UbuntuRelease};
use crate::fleet::market::History;
use crate::fleet::{
    Advice, Failure, FailureKind, Kept, Level, Lifecycle, MachineType, Pool, Ranked, Ranking,
    Records, Region, Step, SubnetId, Zone,
};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::market::prices::{WEEK, price_lists, spot_prices};
use crate::jobs::market::risk::advice;

/// How long a looked-up image, or list of types, stays good.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What is known of a region in which a launch may begin.
pub(super) struct Checked<'a> {
    /// What the configuration wants there.
    pub wanted: &'a RegionConfig,
    /// The machine types that there are, each with its image.
    pub images: BTreeMap<MachineType, ImageChoice>,
    /// Which of them is offered in which of the zones that may be used. At least one.
    pub offers: Vec<(MachineType, Zone)>,
}

/// A pool, and what a request for it needs besides.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub pool: Pool,
    pub image: ImageChoice,
    pub subnet: SubnetId,
    /// What it costs an hour now, in USD, where that is known.
    pub price: Option<f64>,
    /// Why it has its turn, where places are ranked.
    pub reason: Option<String>,
}

/// Gives what has no price the one on demand: more than that a place does not cost (a spot request
/// without a limit of its own is limited by it).
pub(super) async fn price_on_demand(
    context: &Context,
    region: &Region,
    candidates: &mut [Candidate],
) {
    let unpriced = candidates.iter().filter(|it| it.price.is_none());
    let types: BTreeSet<MachineType> = unpriced.map(|it| it.pool.machine_type.clone()).collect();
    if types.is_empty() {
        return;
    }
    let wanted = [(region.clone(), types.into_iter().collect())].into();
    let lists = price_lists(context, &wanted).await.known;
    let Some(list) = lists.get(region) else { return };
    for candidate in candidates.iter_mut().filter(|it| it.price.is_none()) {
        candidate.price = list.on_demand.get(&candidate.pool.machine_type).copied();
    }
}

/// Leaves out what costs more than this, and what nobody knows the price of: it may cost more. Says
/// so where that was anything: it is why there may be no place.
pub(super) fn drop_dear(
    candidates: &mut Vec<Candidate>,
    most: f64,
    region: &Region,
) -> Option<Failure> {
    let before = candidates.len();
    let unknown = candidates.iter().filter(|candidate| candidate.price.is_none()).count();
    candidates.retain(|candidate| candidate.price.is_some_and(|price| price <= most));
    let dropped = before - candidates.len();
    if dropped == 0 {
        return None;
    }
    let cost = (dropped > unknown).then(|| {
        let dear = dropped - unknown;
        format!(
            "{dear} of {before} places in {region} cost more than the ${most:.4}/h that the \
                 budget leaves for each"
        )
    });
    let lack = (unknown > 0).then(|| {
        format!(
            "the price of {unknown} of {before} places in {region} is not known, and the budget \
                 leaves ${most:.4}/h for each"
        )
    });
    let reason = cost.into_iter().chain(lack).collect::<Vec<_>>().join("; ");
    let hint = "raise the limits under `budget`, create fewer, or wait for lower prices";
    Some(Failure::new(FailureKind::Configuration, Step::Launch, reason, hint))
}

/// Leaves the zones in which the machine's disks are: from its first launch on it can be nowhere else.
pub(super) fn keep_to_zone(
    candidates: &mut Vec<Candidate>,
    kept: &[Kept],
    region: &Region,
) -> Result<(), Failure> {
    let Some(zone) = zone_of_disks(kept)? else { return Ok(()) };
    candidates.retain(|candidate| candidate.pool.zone == *zone);
    if candidates.is_empty() { Err(no_place(zone, region)) } else { Ok(()) }
}

/// Whether an offer is where the machine's disks are.
pub(super) fn offers_zone_of(
    checked: &Checked<'_>,
    kept: &[Kept],
    region: &Region,
) -> Result<(), Failure> {
    let Some(zone) = zone_of_disks(kept)? else { return Ok(()) };
    let is_offered = checked.offers.iter().any(|(_, at)| at == zone);
    if is_offered { Ok(()) } else { Err(no_place(zone, region)) }
}

/// The one zone in which the machine's disks are, where it has any.
fn zone_of_disks(kept: &[Kept]) -> Result<Option<&Zone>, Failure> {
    // What lies beside them may be meant for another zone.
    let disks = kept.iter().filter(|it| it.is_own_disk());
    let zones: BTreeSet<&Zone> = disks.filter_map(|it| it.zone.as_ref()).collect();
    let mut zones = zones.into_iter();
    let first = zones.next();
    let (Some(zone), Some(other)) = (first, zones.next()) else { return Ok(first) };
    let reason = format!("one of its disks is in {zone}, and one in {other}");
    let hint = "`spot-tui restore` makes one of a snapshot where the other is, and uses it";
    Err(Failure::new(FailureKind::Configuration, Step::Launch, reason, hint))
}

fn no_place(zone: &Zone, region: &Region) -> Failure {
    let reason = format!("its disks are in {zone}, where {region} has no place for it now");
    let hint = "try again later, or name another `type`, or `lifecycle: on-demand`: `up` launches \
                it on the same disks; `snapshot` and `restore --zone` take them to another zone";
    Failure::new(FailureKind::Capacity, Step::Launch, reason, hint)
}

/// The pools that may be asked, in the order in which to ask: ranked by price and risk, where there
/// are prices. What refused lately is left out, unless everything did.
pub(super) async fn candidates(
    context: &Context,
    ec2: &Ec2,
    Checked { wanted, images, offers }: &Checked<'_>,
    (network, records): (&NetworkReady, &Records),
    reporter: &Reporter,
) -> Vec<Candidate> {
    let types: Vec<MachineType> = images.keys().cloned().collect();
    let prices = market(context, ec2, wanted, &types, reporter).await;
    let mut found = Vec::new();
    for (subnet, zone) in &network.subnets {
        for (machine_type, image) in images {
            let pool = Pool { zone: zone.clone(), machine_type: machine_type.clone() };
            let offered = offers.iter().any(|(offer, at)| offer == machine_type && at == zone);
            if offered && !context.unavailable_pools().is_not_sold(&pool) {
                let (image, subnet) = (image.clone(), subnet.clone());
                found.push(Candidate { pool, image, subnet, price: None, reason: None });
            }
        }
    }
    let preference = |name: &MachineType| wanted.machine_types.iter().position(|it| it == name);
    match prices {
        Some((prices, advice)) => {
            for candidate in &mut found {
                let now = prices.get(&candidate.pool).and_then(History::now);
                candidate.price = now.map(|it| it.usd);
            }
            // A pool without a price does not exist.
            found.retain(|candidate| candidate.price.is_some());
            let placement = context.config.as_ref().map(|config| &config.placement);
            let weights = placement.map(Placement::weights).unwrap_or_default();
            let ranking = Ranking { weights, advice: &advice, records };
            let ranked = ranking.rank(found, |it| (&it.pool, it.price.unwrap_or_default()));
            let told = |Ranked { place, reason }| Candidate { reason: Some(reason), ..place };
            found = ranked.into_iter().map(told).collect();
        }
        None => found.sort_by_key(|candidate| preference(&candidate.pool.machine_type)),
    }
    let is_unavailable =
        |candidate: &Candidate| context.unavailable_pools().is_unavailable(&candidate.pool);
    if !found.iter().all(is_unavailable) {
        found.retain(|candidate| !is_unavailable(candidate));
    }
    found
}

/// The spot prices, and how often AWS takes back what runs there; `None` where they play no part, or
/// where AWS does not tell the prices: then the order of the configuration decides.
async fn market(
    context: &Context,
    ec2: &Ec2,
    wanted: &RegionConfig,
    types: &[MachineType],
    reporter: &Reporter,
) -> Option<(BTreeMap<Pool, History>, Advice)> {
    if wanted.lifecycle == Lifecycle::OnDemand {
        return None;
    }
    let prices = spot_prices(context, ec2, types, context.now() - WEEK);
    // At once: the launch waits for the slower one of them.
    let advice = Box::pin(advice(context, ec2.region(), types, reporter));
    let (prices, advice) = tokio::join!(Box::pin(prices), advice);
    match prices {
        Ok(prices) => Some((prices, advice)),
        Err(error) => {
            let text =
                format!("the spot prices are not known, so the first type goes first: {error}");
            reporter.said_of(ec2.region(), Level::Warning, text).await;
            None
        }
    }
}

/// The image of each machine type: of its architecture, and looked up once a day.
pub(super) async fn images(
    context: &Context,
    ec2: &Ec2,
    wanted: &RegionConfig,
    machines: &[MachineFacts],
) -> Result<BTreeMap<MachineType, ImageChoice>, Failure> {
    let mut images = BTreeMap::new();
    for facts in machines {
        let choice = image(context, ec2, &wanted.image, facts).await?;
        images.insert(facts.machine_type.clone(), choice);
    }
    Ok(images)
}

async fn image(
    context: &Context,
    ec2: &Ec2,
    wanted: &Image,
    facts: &MachineFacts,
) -> Result<ImageChoice, Failure> {
    let failure = |error: AwsError| error.failure(Step::Image);
    let release = match wanted {
        Image::Id(id) => {
            let choice = ec2.image_by_id(id).await.map_err(failure)?;
            return fits(&choice, facts).map(|()| choice);
        }
        Image::Ubuntu(release) => *release,
    };
    let question = image_of(ec2.region(), release, facts.architecture);
    if let Some(choice) = context.cached(&question).await {
        return Ok(choice);
    }
    let choice = ec2.image(release, facts.architecture).await.map_err(failure)?;
    context.keep_cached(&question, &choice, DAY).await;
    Ok(choice)
}

/// Under which question a looked-up image is kept.
fn image_of(region: &Region, release: UbuntuRelease, architecture: Architecture) -> String {
    format!("{region}-{release:?}-{}", architecture.word())
}

/// AWS does not know a remembered image any more: the next launch looks again.
pub(super) async fn forget_images(context: &Context, region: &Region, image: &Image) {
    let Image::Ubuntu(release) = image else { return };
    for architecture in [Architecture::Amd64, Architecture::Arm64] {
        context.forget_cached(&image_of(region, *release, architecture)).await;
    }
}

fn fits(image: &ImageChoice, facts: &MachineFacts) -> Result<(), Failure> {
    if image.architecture == facts.architecture {
        return Ok(());
    }
    let (is, needs) = (image.architecture.word(), facts.architecture.word());
    let reason = format!("{} is an {is} image, and {} needs {needs}", image.id, facts.machine_type);
    Err(Failure::new(
        FailureKind::Configuration,
        Step::Image,
        reason,
        "name an image of that architecture, or image: auto",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_a_budget_a_place_without_a_price_is_none() {
        let candidate = |zone: &str, price: Option<f64>| Candidate {
            pool: Pool { zone: zone.into(), machine_type: "t3.medium".into() },
            image: ImageChoice {
                id: "ami-1".into(),
                root_device: "/dev/sda1".to_owned(),
                name: "ubuntu".to_owned(),
                architecture: Architecture::Amd64,
            },
            subnet: "subnet-1".into(),
            price,
            reason: None,
        };
        let mut places =
            vec![candidate("a", Some(0.01)), candidate("b", Some(0.02)), candidate("c", None)];
        let why = drop_dear(&mut places, 0.015, &"us-west-2".into()).unwrap().reason;
        let left: Vec<&str> = places.iter().map(|it| it.pool.zone.as_str()).collect();
        assert_eq!(left, ["a"]);
        assert!(why.contains("1 of 3 places in us-west-2 cost more than the $0.0150/h"), "{why}");
        assert!(why.contains("the price of 1 of 3 places in us-west-2 is not known"), "{why}");
        assert_eq!(drop_dear(&mut places, 0.015, &"us-west-2".into()), None);
    }
}
