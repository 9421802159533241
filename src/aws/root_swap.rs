//! Replacing the root volume of an instance that runs by another volume: EC2 does so by itself, in a task
//! that can be watched.

use aws_sdk_ec2::types::{
    EbsInstanceBlockDeviceSpecification, InstanceBlockDeviceMappingSpecification,
    ReplaceRootVolumeTaskState,
};

use super::access::Ec2;
use super::error::AwsError;
use super::select::filter;
use crate::fleet::InstanceId;

/// How far a task is (EC2 API reference, `ReplaceRootVolumeTask`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootTask {
    /// EC2 works at it.
    UnderWay,
    /// The instance boots from the other volume.
    Succeeded,
    /// It came to nothing, in EC2's word; the instance has its old root, or none.
    Failed(String),
}

impl Ec2 {
    /// EC2 CreateReplaceRootVolumeTask, with a volume that nobody has; the old root stays. The same
    /// instance and volume make one task: the client token follows from them.
    pub async fn replace_root(&self, instance: &InstanceId, volume: &str) -> Result<(), AwsError> {
        self.once
            .create_replace_root_volume_task()
            .instance_id(instance.as_str())
            .volume_id(volume)
            .client_token(format!("{instance}-{volume}"))
            .delete_replaced_root_volume(false)
            .send()
            .await
            .map(drop)
            .map_err(self.failed("CreateReplaceRootVolumeTask"))
            .map_err(|error| error.on(format!("{volume} to {instance}")))
    }

    /// How far the newest such task of an instance is; `None` where there never was one (EC2
    /// DescribeReplaceRootVolumeTasks, all pages).
    pub async fn root_task(&self, instance: &InstanceId) -> Result<Option<RootTask>, AwsError> {
        let told = self
            .patient
            .describe_replace_root_volume_tasks()
            .filters(filter("instance-id", [instance.as_str()]))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(self.failed("DescribeReplaceRootVolumeTasks"))?;
        // RFC 3339, always in UTC: the newest is the last by its text.
        let newest = told.iter().max_by(|a, b| a.start_time().cmp(&b.start_time()));
        Ok(newest.and_then(|task| task.task_state()).map(|state| match state {
            ReplaceRootVolumeTaskState::Succeeded => RootTask::Succeeded,
            ReplaceRootVolumeTaskState::Failed | ReplaceRootVolumeTaskState::FailedDetached => {
                RootTask::Failed(state.as_str().to_owned())
            }
            _ => RootTask::UnderWay,
        }))
    }

    /// Has what is attached there outlive the instance (EC2 ModifyInstanceAttribute).
    pub async fn keep_at(&self, instance: &InstanceId, device: &str) -> Result<(), AwsError> {
        // A value that is left out means true.
        let ebs = EbsInstanceBlockDeviceSpecification::builder().delete_on_termination(false);
        let mapping = InstanceBlockDeviceMappingSpecification::builder()
            .device_name(device)
            .ebs(ebs.build())
            .build();
        self.patient
            .modify_instance_attribute()
            .instance_id(instance.as_str())
            .block_device_mappings(mapping)
            .send()
            .await
            .map(drop)
            .map_err(self.failed("ModifyInstanceAttribute"))
            .map_err(|error| error.on(format!("{device} of {instance}")))
    }
}
