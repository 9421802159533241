//! One instance as the state file keeps it.
//!
//! The first ten keys are those of the predecessor's file, so that its files load and its users'
//! scripts go on working.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fleet::bill::{Bill, Cost};
use crate::fleet::cloudwatch::InstanceMetrics;
use crate::fleet::{
    Birth, DeploymentId, Ec2State, HostKey, ImageId, Instance, InstanceId, InstanceKey, LaunchId,
    Lifecycle, Machine, MachineType, Phase, Region, Seen, SpotRequestId, VpcId, Zone,
};

/// One instance of the state file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredInstance {
    /// The EC2 instance id.
    pub id: InstanceId,
    /// The region's code.
    pub region: Region,
    /// The instance type.
    #[serde(
        rename = "type",
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub machine_type: Option<MachineType>,
    /// The public address.
    #[serde(default, deserialize_with = "lenient")]
    pub public_ip: Option<IpAddr>,
    /// The address in the VPC.
    #[serde(default, deserialize_with = "lenient")]
    pub private_ip: Option<IpAddr>,
    /// EC2's own word.
    #[serde(default, deserialize_with = "lenient")]
    pub state: Option<Ec2State>,
    /// When EC2 launched it, RFC 3339. The predecessor wrote no zone.
    #[serde(default, deserialize_with = "moment")]
    pub created: Option<Timestamp>,
    /// The deployment.
    #[serde(default, deserialize_with = "lenient")]
    pub deployment_id: Option<DeploymentId>,
    /// The VPC.
    #[serde(default, deserialize_with = "lenient")]
    pub vpc_id: Option<VpcId>,
    /// Who created it.
    #[serde(default, deserialize_with = "lenient")]
    pub creator: Option<String>,
    /// The machine of the configuration that it is.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// The availability zone.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// How it is paid for.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
    /// The image.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageId>,
    /// The spot request behind it.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub spot_request_id: Option<SpotRequestId>,
    /// The launch that made it.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub launch_id: Option<LaunchId>,
    /// Our word for where it stands.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Since when it has been there.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The host key that it has to show.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub host_key: Option<HostKey>,
    /// The root volume in GiB: EC2 does not tell it with the instance.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub storage_gb: Option<u32>,
    /// Keys of other versions, kept as they are.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A value of another shape than ours is no reason to lose the instance: EC2 tells it anew.
pub(super) fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// A moment; one without a zone is taken for UTC, which is right to the day.
fn moment<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let told: Option<String> = lenient(deserializer)?;
    Ok(told.and_then(|text| {
        let zoneless = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
        text.parse().ok().or_else(|| zoneless().map(|it| it.timestamp()))
    }))
}

impl StoredInstance {
    /// What is worth keeping of a row; `None` while it has no id.
    pub fn of(instance: &Instance) -> Option<Self> {
        let machine = instance.machine.as_ref()?;
        Some(Self {
            id: machine.id.clone(),
            region: instance.region.clone(),
            machine_type: Some(machine.machine_type.clone()),
            public_ip: machine.seen.public_ip,
            private_ip: machine.seen.private_ip,
            state: Some(machine.seen.state),
            created: Some(machine.birth.launched),
            deployment_id: Some(instance.deployment.clone()),
            vpc_id: machine.vpc.clone(),
            creator: machine.birth.creator.clone(),
            machine: machine.birth.machine.clone(),
            zone: Some(machine.zone.clone()),
            lifecycle: Some(machine.birth.lifecycle),
            image: machine.birth.image.clone(),
            spot_request_id: machine.birth.spot_request.clone(),
            launch_id: machine.birth.launch.clone(),
            phase: Some(instance.phase.clone()),
            since: Some(instance.since),
            host_key: instance.host_key.clone(),
            storage_gb: instance.bill.storage_gb,
            other: Map::new(),
        })
    }

    /// The row again. What an old file does not tell is filled with what EC2 will correct at the
    /// first look; `now` is taken for an entry without a date.
    pub fn instance(&self, now: Timestamp) -> Instance {
        let created = self.created.unwrap_or(now);
        let phase = self.phase.clone().unwrap_or(Phase::Running);
        let since = self.since.unwrap_or(created);
        let is_off = matches!(phase, Phase::Terminating | Phase::Stopping | Phase::Stopped);
        Instance {
            key: InstanceKey::adopted(&self.id),
            region: self.region.clone(),
            deployment: self.deployment_id.clone().unwrap_or_else(|| "".into()),
            machine: Some(Machine {
                id: self.id.clone(),
                machine_type: self.machine_type.clone().unwrap_or_else(|| "".into()),
                zone: self.zone.clone().unwrap_or_else(|| "".into()),
                vpc: self.vpc_id.clone(),
                name: self.machine.clone(),
                birth: Birth {
                    lifecycle: self.lifecycle.unwrap_or_default(),
                    image: self.image.clone(),
                    spot_request: self.spot_request_id.clone(),
                    launched: created,
                    launch: self.launch_id.clone(),
                    creator: self.creator.clone(),
                    machine: self.machine.clone(),
                },
                seen: Seen {
                    state: self.state.unwrap_or(Ec2State::Running),
                    state_reason: None,
                    public_ip: self.public_ip,
                    private_ip: self.private_ip,
                    request: None,
                },
            }),
            timeline: vec![(since, phase.clone())],
            phase,
            since,
            host_key: self.host_key.clone(),
            attempts: Vec::new(),
            last_line: None,
            vitals: None,
            cpu: Vec::new(),
            failed_checks: Vec::new(),
            metrics: InstanceMetrics::new(),
            bill: Bill {
                storage_gb: self.storage_gb,
                public_ip: self.public_ip.is_some(),
                ended: is_off.then_some(since),
                ..Bill::default()
            },
            cost: Cost::UNKNOWN,
        }
    }
}
