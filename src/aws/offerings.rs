//! What a region offers: zones, machine types, and which type in which zone.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    AvailabilityZoneState, EphemeralNvmeSupport, InstanceTypeInfo, LocationType, UsageClassType,
};

use serde::{Deserialize, Serialize};

use super::access::Ec2;
use super::class::Class;
use super::error::AwsError;
use super::images::Architecture;
use super::select::filter;
use crate::config::InstanceRequirements;
use crate::fleet::{MachineType, Zone};

/// How many types a need may come to: each has pools of its own to be priced and asked.
const TYPES: usize = 20;

/// What a machine type is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineFacts {
    /// The type.
    pub machine_type: MachineType,
    /// What its processor runs.
    pub architecture: Architecture,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Whether it is sold as spot.
    pub spot: bool,
    /// Whether it brings disks along that udev names (NVMe instance store).
    #[serde(default)]
    pub has_instance_store: bool,
}

impl Ec2 {
    /// The zones that take instances (EC2 DescribeAvailabilityZones): real ones, no local or
    /// wavelength zones. Sorted.
    pub async fn zones(&self) -> Result<Vec<Zone>, AwsError> {
        let answer = self
            .patient
            .describe_availability_zones()
            .send()
            .await
            .map_err(self.failed("DescribeAvailabilityZones"))?;
        let mut zones: Vec<Zone> = answer
            .availability_zones()
            .iter()
            .filter(|zone| zone.state() == Some(&AvailabilityZoneState::Available))
            .filter(|zone| zone.zone_type().is_none_or(|kind| kind == "availability-zone"))
            .filter_map(|zone| zone.zone_name().map(Zone::from))
            .collect();
        zones.sort();
        Ok(zones)
    }

    /// What these machine types are (EC2 DescribeInstanceTypes, filtered by name, all pages), in
    /// the order asked for. One that the region lacks is said in the log and left out; an error
    /// says that none is left.
    pub async fn machine_types(
        &self,
        types: &[MachineType],
    ) -> Result<Vec<MachineFacts>, AwsError> {
        // By name EC2 refuses all for one that it does not have; a filter leaves that one out.
        let told = self
            .patient
            .describe_instance_types()
            .filters(filter("instance-type", types.iter().map(MachineType::as_str)))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(self.failed("DescribeInstanceTypes"))?;
        let told: Vec<MachineFacts> = told.iter().filter_map(facts).collect();
        let of = |name: &MachineType| told.iter().find(|facts| facts.machine_type == *name);
        let missing: Vec<&str> =
            types.iter().filter(|name| of(name).is_none()).map(MachineType::as_str).collect();
        let region = self.region();
        let text = format!("{region} has no machine type {} that runs Ubuntu", missing.join(", "));
        if missing.len() == types.len() {
            let hint = "check machine_type: a name like t3.medium that this region offers";
            return Err(AwsError::missing("DescribeInstanceTypes", region, text, hint));
        }
        if !missing.is_empty() {
            tracing::warn!("{text}: left out");
        }
        Ok(types.iter().filter_map(of).cloned().collect())
    }

    /// The types that are what is needed, the smallest first, twenty at most (EC2
    /// DescribeInstanceTypes, filtered, all pages). Up to twice the processors and four times the
    /// memory count: beyond that it is another kind of machine. None is an error.
    pub async fn machine_types_for(
        &self,
        requirements: &InstanceRequirements,
    ) -> Result<Vec<MachineFacts>, AwsError> {
        let vcpus = requirements.vcpus..=requirements.vcpus.saturating_mul(2);
        let told = self
            .patient
            .describe_instance_types()
            .filters(filter(
                "processor-info.supported-architecture",
                requirements.arch.iter().copied(),
            ))
            .filters(filter("supported-usage-class", ["spot"]))
            .filters(filter("current-generation", ["true"]))
            .filters(filter("bare-metal", ["false"]))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(self.failed("DescribeInstanceTypes"))?;
        let least = u64::from(requirements.memory_gib) * 1024;
        let mut fits: Vec<MachineFacts> = told
            .iter()
            .filter_map(facts)
            .filter(|it| vcpus.contains(&it.vcpus))
            .filter(|it| (least..=least * 4).contains(&it.memory_mib))
            .collect();
        fits.sort_by(|a, b| {
            (a.memory_mib, a.vcpus, &a.machine_type).cmp(&(b.memory_mib, b.vcpus, &b.machine_type))
        });
        fits.truncate(TYPES);
        if fits.is_empty() {
            let (vcpus, memory) = (requirements.vcpus, requirements.memory_gib);
            return Err(self.found(
                "DescribeInstanceTypes",
                Class::FatalRegion,
                format!(
                    "{} has no {} machine type with {vcpus} vCPUs and {memory} GiB",
                    self.region(),
                    requirements.arch.join(" or ")
                ),
                "ask for other sizes in machine_types, or name the types",
            ));
        }
        Ok(fits)
    }

    /// In which zones these types are offered (EC2 DescribeInstanceTypeOfferings). Sorted by
    /// zone, within a zone in the order asked for.
    pub async fn offerings(
        &self,
        types: &[MachineType],
    ) -> Result<Vec<(MachineType, Zone)>, AwsError> {
        let offers = self
            .patient
            .describe_instance_type_offerings()
            .location_type(LocationType::AvailabilityZone)
            .filters(filter("instance-type", types.iter().map(MachineType::as_str)))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(self.failed("DescribeInstanceTypeOfferings"))?;
        let offers: BTreeSet<(Zone, usize)> = offers
            .iter()
            .filter_map(|offer| {
                let name = offer.instance_type()?.as_str();
                let rank = types.iter().position(|wanted| wanted.as_str() == name)?;
                Some((Zone::from(offer.location()?), rank))
            })
            .collect();
        Ok(offers.into_iter().map(|(zone, rank)| (types[rank].clone(), zone)).collect())
    }
}

fn facts(kind: &InstanceTypeInfo) -> Option<MachineFacts> {
    let architectures = kind.processor_info()?.supported_architectures();
    Some(MachineFacts {
        machine_type: kind.instance_type()?.as_str().into(),
        architecture: architectures.iter().find_map(|word| Architecture::parse(word.as_str()))?,
        vcpus: u32::try_from(kind.v_cpu_info()?.default_v_cpus()?).ok()?,
        memory_mib: u64::try_from(kind.memory_info()?.size_in_mib()?).ok()?,
        spot: kind.supported_usage_classes().contains(&UsageClassType::Spot),
        has_instance_store: kind
            .instance_storage_info()
            .and_then(|it| it.nvme_support())
            .is_some_and(|nvme| *nvme != EphemeralNvmeSupport::Unsupported),
    })
}
