//! `costs --focus`: what was spent as a data set of FOCUS 1.2, the FinOps Open Cost and Usage
//! Specification (focus.finops.org, "FOCUS Specification v1.2", columns), for programs that read
//! bills of many clouds. All amounts are estimates; columns that begin with `x_` are ours.

use std::io::Write;

use jiff::Timestamp;

use super::csv::quoted;
use crate::fleet::entry::{beginning_of, day_of};
use crate::fleet::{
    AccountId, Entries, Entry, Holder, Lifecycle, MachineType, REGION_LOCATIONS, Thing, Zone,
    surplus,
};

/// Who provides, publishes and bills: FOCUS wants the same word where nobody resells.
const AWS: &str = "Amazon Web Services";

/// The columns, in the order of the file.
const COLUMNS: [&str; 42] = [
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuPriceId",
    "Tags",
    "x_Deployment",
    "x_InstanceType",
    "x_IsFree",
    "x_IsOpen",
    "x_Lifecycle",
];

/// Prints what has a price, a line a thing and at most a day. Answers how many entries have none,
/// and are left out: FOCUS knows no cost that is not known.
pub fn print_focus(mut out: impl Write, entries: &Entries, account: Option<&AccountId>) -> usize {
    let account = account.map_or("unknown", AccountId::as_str);
    let mut unpriced = 0;
    // A reader that went away is no reason to fail.
    let _ = writeln!(out, "{}", COLUMNS.join(","));
    for (holder, entry) in entries.iter() {
        if entry.usd.is_none() {
            unpriced += 1;
            continue;
        }
        // Where no credits were spent there is no usage, and no charge for it.
        let is_charge = |piece: &&Entry| {
            piece.from < piece.until
                && (piece.thing != Thing::SurplusCredits || piece.usd > Some(0.0))
        };
        for piece in entry.cut_by_day().iter().filter(is_charge) {
            let values = line(holder, piece, account);
            let _ = writeln!(out, "{}", values.join(","));
        }
    }
    unpriced
}

/// The service behind a thing: its name, category and subcategory, and the unit it is priced in.
fn service(thing: Thing) -> [&'static str; 4] {
    match thing {
        Thing::Compute => ["Amazon Elastic Compute Cloud", "Compute", "Virtual Machines", "Hours"],
        Thing::SurplusCredits => {
            ["Amazon Elastic Compute Cloud", "Compute", "Virtual Machines", "vCPU-Hours"]
        }
        Thing::Storage | Thing::Snapshot => {
            ["Amazon Elastic Block Store", "Storage", "Block Storage", "GB-Hours"]
        }
        Thing::Address => {
            ["Amazon Virtual Private Cloud", "Networking", "Network Infrastructure", "Hours"]
        }
    }
}

/// The values of one line, in the order of [`COLUMNS`].
fn line(holder: &Holder, entry: &Entry, account: &str) -> Vec<String> {
    let [name, category, subcategory, unit] = service(entry.thing);
    let hours = entry.hours();
    let usd = entry.usd.unwrap_or_default();
    let quantity = match (entry.thing, holder.storage_gb) {
        (Thing::Storage | Thing::Snapshot, Some(gib)) => hours * f64::from(gib),
        (Thing::SurplusCredits, _) => {
            holder.machine_type().and_then(surplus::vcpu_hour_usd).map_or(hours, |rate| usd / rate)
        }
        _ => hours,
    };
    let list = entry.on_demand.unwrap_or(usd);
    let lifecycle = holder.capacity().map(|(_, lifecycle)| lifecycle);
    let is_spot = entry.thing == Thing::Compute && lifecycle != Some(Lifecycle::OnDemand);
    // What is kept has none of its own.
    let machine_type = holder.machine_type().map_or("none", MachineType::as_str);
    let lifecycle = lifecycle.map_or("none", Lifecycle::word);
    let location = REGION_LOCATIONS.iter().find(|it| it.code == holder.region.as_str());
    let region = location.map_or(holder.region.as_str(), |it| it.name);
    let is_kept = holder.machine_type().is_none();
    let (kind, what) = match entry.thing {
        Thing::Compute => ("Instance", format!("{machine_type} ({lifecycle})")),
        Thing::SurplusCredits => ("Instance", format!("surplus CPU credits of a {machine_type}")),
        Thing::Storage if is_kept => ("Volume", "gp3 volume on no instance".to_owned()),
        Thing::Storage => ("Volume", "gp3 volumes of the instance".to_owned()),
        Thing::Snapshot => ("Snapshot", "snapshot, at its full size: at most that".to_owned()),
        Thing::Address if is_kept => ("Public IPv4 Address", "idle public IPv4 address".to_owned()),
        Thing::Address => ("Public IPv4 Address", "public IPv4 address in use".to_owned()),
    };
    let end_of_month = day_of(entry.from).last_of_month().tomorrow().ok().and_then(beginning_of);
    let begin_of_month = beginning_of(day_of(entry.from).first_of_month());
    let tags = serde_json::to_string(&holder.tags).unwrap_or_default();
    let sku = format!("{machine_type}/{}", entry.thing.word());
    let id = holder.id();
    vec![
        quoted(holder.zone.as_ref().map_or("", Zone::as_str)),
        decimal(usd),
        quoted(account),
        String::new(),
        "USD".to_owned(),
        moment(end_of_month.unwrap_or(entry.until)),
        moment(begin_of_month.unwrap_or(entry.from)),
        "Usage".to_owned(),
        String::new(),
        quoted(&what),
        "Usage-Based".to_owned(),
        moment(entry.until),
        moment(entry.from),
        decimal(quantity),
        unit.to_owned(),
        decimal(usd),
        decimal(usd),
        String::new(),
        AWS.to_owned(),
        decimal(list),
        decimal(list / quantity),
        if is_spot { "Dynamic" } else { "Standard" }.to_owned(),
        decimal(quantity),
        unit.to_owned(),
        AWS.to_owned(),
        AWS.to_owned(),
        quoted(holder.region.as_str()),
        quoted(region),
        quoted(id.as_str()),
        quoted(holder.machine.as_deref().unwrap_or(id.as_str())),
        kind.to_owned(),
        category.to_owned(),
        name.to_owned(),
        subcategory.to_owned(),
        quoted(&sku),
        quoted(&format!("{sku}/{lifecycle}")),
        quoted(&tags),
        quoted(holder.deployment.as_str()),
        quoted(machine_type),
        entry.is_free.to_string(),
        entry.is_open.to_string(),
        lifecycle.to_owned(),
    ]
}

/// A number without an exponent, and never one that a reader takes for a whole one.
fn decimal(value: f64) -> String {
    format!("{value:.10}")
}

/// A moment as FOCUS writes it: in UTC, to the second.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
