//! The machine types of a region: named, or looked up by what is needed.

use jiff::SignedDuration;

use crate::aws::{AwsError, Ec2, MachineFacts};
use crate::config::RegionConfig;
use crate::fleet::MachineType;
use crate::jobs::context::Context;

/// How long a list of types stays good.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The machine types of a region: those that are named, or those that are what is needed, which
/// are looked up once a day.
pub(in crate::jobs) async fn machines(
    context: &Context,
    ec2: &Ec2,
    wanted: &RegionConfig,
) -> Result<Vec<MachineFacts>, AwsError> {
    let Some(requirements) = &wanted.requirements else {
        return ec2.machine_types(&wanted.machine_types).await;
    };
    let (vcpus, memory, arch) =
        (requirements.vcpus, requirements.memory_gib, requirements.arch.join("-"));
    let question = format!("{}-types-{vcpus}-{memory}-{arch}", ec2.region());
    if let Some(known) = context.cached(&question).await {
        return Ok(known);
    }
    let found = ec2.machine_types_for(requirements).await?;
    context.keep_cached(&question, &found, DAY).await;
    Ok(found)
}

/// The machine types that the configuration has for a region, those of its machines among them, as
/// far as they are known.
pub(in crate::jobs) async fn configured(context: &Context, ec2: &Ec2) -> Vec<MachineType> {
    resolve(context, ec2).await.0
}

/// The same; and where those are not among them that the region needs, why they could not be looked up.
pub(in crate::jobs) async fn resolve(
    context: &Context,
    ec2: &Ec2,
) -> (Vec<MachineType>, Option<AwsError>) {
    let Some(config) = &context.config else { return (Vec::new(), None) };
    let (mut types, unresolved) = match config.region(ec2.region()) {
        None => (Vec::new(), None),
        Some(wanted) if wanted.requirements.is_none() => (wanted.machine_types.clone(), None),
        Some(wanted) => match machines(context, ec2, wanted).await {
            Ok(found) => (found.into_iter().map(|facts| facts.machine_type).collect(), None),
            Err(error) => (Vec::new(), Some(error)),
        },
    };
    let here = config.machines.iter().filter(|machine| machine.place.region == *ec2.region());
    for wanted in here.flat_map(|machine| &machine.place.machine_types) {
        if !types.contains(wanted) {
            types.push(wanted.clone());
        }
    }
    (types, unresolved)
}
