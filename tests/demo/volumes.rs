//! What outlives an instance, as AWS has it: volumes, snapshots, elastic addresses; and the order in
//! which a root volume moves to another instance.

use spot_tui::fleet::Ec2State;

use super::requests::{change, persistent};
use super::*;

/// The text of the first element of this name.
pub(crate) fn told(body: &str, tag: &str) -> String {
    let after = body.split(&format!("<{tag}>")).nth(1).unwrap_or_default();
    after.split('<').next().unwrap_or_default().to_owned()
}

impl Stage {
    /// The code with which a form is refused; its answer where it is not.
    fn refused(&self, form: &str) -> String {
        let body = self.ask(form);
        if body.contains("<Code>") { told(&body, "Code") } else { body }
    }

    /// What EC2 says of one volume.
    fn volume(&self, id: &str) -> String {
        self.ask(&format!("Action=DescribeVolumes&VolumeId.1={id}"))
    }

    /// The volume that an instance boots from.
    fn root(&self, instance: &str) -> String {
        let answer = self.ask(&format!("Action=DescribeInstances&InstanceId.1={instance}"));
        told(&answer, "volumeId")
    }

    async fn until_volume(&self, id: &str, word: &str) {
        for _ in 0..60 {
            if told(&self.volume(id), "status") == word {
                return;
            }
            pass(1).await;
        }
        panic!("never {word}: {}", self.volume(id));
    }

    /// Stops an instance for good: its request is disabled.
    async fn put_to_sleep(&self, id: &str) {
        change(self, "StopInstances", id);
        for _ in 0..300 {
            let requests = self.requests().await;
            let of =
                requests.iter().find(|it| it.instance.as_ref().is_some_and(|it| it.as_str() == id));
            if of.is_some_and(|it| it.state == "disabled") {
                return;
            }
            pass(1).await;
        }
        panic!("{id} never sleeps");
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_is_made_attached_and_kept_when_its_instance_ends() {
    let (stage, machine) = persistent("{}").await;
    let (instance, zone) = (machine.id.as_str(), machine.zone.as_str());
    let make = format!("Action=CreateVolume&AvailabilityZone={zone}&Size=20&ClientToken=home");
    let home = told(&stage.ask(&make), "volumeId");
    assert_eq!(told(&stage.ask(&make), "volumeId"), home, "the same token, the same volume");
    let attach =
        format!("Action=AttachVolume&VolumeId={home}&InstanceId={instance}&Device=/dev/sdf");
    assert_eq!(stage.refused(&attach), "IncorrectState", "it is being made");
    stage.until_volume(&home, "available").await;
    assert_eq!(told(&stage.ask(&attach), "status"), "attaching");
    pass(8).await;
    assert_eq!(told(&stage.volume(&home), "status"), "in-use");
    assert_eq!(stage.refused(&attach), "VolumeInUse");
    assert_eq!(stage.refused(&format!("Action=DeleteVolume&VolumeId={home}")), "VolumeInUse");

    let other = stage.ask("Action=CreateVolume&AvailabilityZone=us-west-2b&Size=1");
    let other = told(&other, "volumeId");
    stage.until_volume(&other, "available").await;
    let there = format!("Action=AttachVolume&VolumeId={other}&InstanceId={instance}");
    assert_eq!(stage.refused(&format!("{there}&Device=/dev/sdg")), "InvalidVolume.ZoneMismatch");
    let root = stage.root(instance);
    let detach = format!("Action=DetachVolume&VolumeId={root}");
    assert_eq!(stage.refused(&detach), "IncorrectState", "a running root stays");
    let elsewhere = format!("Action=DetachVolume&VolumeId={home}&InstanceId=i-0123456789abcdef0");
    assert_eq!(stage.refused(&elsewhere), "InvalidAttachment.NotFound");

    let request = stage.requests().await.remove(0);
    stage.ec2().cancel_spot_requests(&[request.id]).await.unwrap();
    stage.end(std::slice::from_ref(&machine)).await;
    assert_eq!(told(&stage.volume(&home), "status"), "available", "attached later, it stays");
    assert_eq!(stage.refused(&format!("Action=DescribeVolumes&VolumeId.1={root}")), NO_VOLUME);
    assert!(stage.ask(&format!("Action=DeleteVolume&VolumeId={home}")).contains("true"));
    assert_eq!(stage.refused(&format!("Action=DescribeVolumes&VolumeId.1={home}")), NO_VOLUME);
}

const NO_VOLUME: &str = "InvalidVolume.NotFound";

#[tokio::test(start_paused = true)]
async fn what_is_modified_is_kept_and_what_is_omitted_means_the_loss() {
    let (stage, machine) = persistent("{}").await;
    let root = stage.root(machine.id.as_str());
    let modify = format!(
        "Action=ModifyInstanceAttribute&InstanceId={}&BlockDeviceMapping.1.DeviceName=/dev/sda1",
        machine.id
    );
    stage.ask(&format!("{modify}&BlockDeviceMapping.1.Ebs.DeleteOnTermination=false"));
    assert_eq!(told(&stage.volume(&root), "deleteOnTermination"), "false");
    stage.ask(&modify);
    assert_eq!(told(&stage.volume(&root), "deleteOnTermination"), "true");
    let kind = format!("{modify}&InstanceType.Value=t3.large");
    assert_eq!(stage.refused(&kind), "UnsupportedOperation");
}

/// EC2 User Guide, "Replace a root volume", by hand: way A of a machine that was lost.
#[tokio::test(start_paused = true)]
async fn a_root_moves_to_another_instance_while_that_sleeps() {
    let (stage, old) = persistent("{}").await;
    let kept = stage.root(old.id.as_str());
    stage.ask(&format!(
        "Action=ModifyInstanceAttribute&InstanceId={}&BlockDeviceMapping.1.DeviceName=/dev/sda1\
         &BlockDeviceMapping.1.Ebs.DeleteOnTermination=false",
        old.id
    ));
    let request = stage.requests().await.remove(0);
    stage.ec2().cancel_spot_requests(&[request.id]).await.unwrap();
    stage.end(std::slice::from_ref(&old)).await;

    let ready = stage.ensure().await.unwrap();
    let mut launch = LaunchRequest {
        lifecycle: Lifecycle::PersistentSpot,
        ..stage.request(&ready, "a", 1).await
    };
    launch.token = "spot-test-second".into();
    stage.ec2().launch(&launch).await.unwrap();
    pass(10).await;
    let fresh = stage.machines().await.into_iter().find(Machine::is_alive).unwrap();
    let (fresh, temporary) = (fresh.id.to_string(), stage.root(fresh.id.as_str()));
    stage.put_to_sleep(&fresh).await;
    let attach =
        |id: &str| format!("Action=AttachVolume&VolumeId={id}&InstanceId={fresh}&Device=/dev/sda1");
    assert_eq!(stage.refused(&attach(&kept)), "InvalidParameterValue", "the device is taken");
    stage.ask(&format!("Action=DetachVolume&VolumeId={temporary}&InstanceId={fresh}"));
    assert_eq!(told(&stage.volume(&temporary), "status"), "in-use", "it takes a while");
    stage.until_volume(&temporary, "available").await;
    let start = format!("Action=StartInstances&InstanceId.1={fresh}");
    assert_eq!(stage.refused(&start), "InvalidParameterValue", "there is no root");
    stage.ask(&attach(&kept));
    stage.ask(&start);
    pass(10).await;
    assert_eq!(stage.root(&fresh), kept);
    let guest = stage.world.guests().into_iter().find(|it| it.id.as_str() == fresh).unwrap();
    assert_eq!(guest.root, Some(old.id.clone()), "what was written there is there");
    assert_eq!(guest.keys_of.as_str(), fresh, "cloud-init makes new keys at a new id");
}

#[tokio::test(start_paused = true)]
async fn an_elastic_address_outlives_stops_and_instances() {
    let (stage, machine) = persistent("{}").await;
    let instance = machine.id.as_str();
    let made = stage.ask(
        "Action=AllocateAddress&Domain=vpc&TagSpecification.1.ResourceType=elastic-ip\
         &TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=dev",
    );
    let (id, address) = (told(&made, "allocationId"), told(&made, "publicIp"));
    let associate = |at: &str| format!("Action=AssociateAddress&AllocationId={id}&InstanceId={at}");
    let association = told(&stage.ask(&associate(instance)), "associationId");
    assert_eq!(told(&stage.ask(&associate(instance)), "associationId"), association);
    let seen = stage.machines().await.remove(0).seen.public_ip;
    assert_eq!(seen.map(|it| it.to_string()), Some(address.clone()));
    stage.put_to_sleep(instance).await;
    assert!(stage.machines().await[0].seen.public_ip.is_some(), "it keeps it in its sleep");
    change(&stage, "StartInstances", instance);
    assert_eq!(stage.refused(&associate(instance)), "InvalidInstanceID", "it is pending");
    pass(10).await;
    let seen = stage.machines().await.remove(0).seen.public_ip;
    assert_eq!(seen.map(|it| it.to_string()), Some(address.clone()));
    let release = format!("Action=ReleaseAddress&AllocationId={id}");
    assert_eq!(stage.refused(&release), "InvalidIPAddress.InUse");

    let request = stage.requests().await.remove(0);
    stage.ec2().cancel_spot_requests(&[request.id]).await.unwrap();
    stage.end(std::slice::from_ref(&machine)).await;
    let left = stage.ask("Action=DescribeAddresses&Filter.1.Name=tag:Name&Filter.1.Value.1=dev");
    assert_eq!((told(&left, "publicIp"), told(&left, "associationId")), (address, String::new()));
    assert!(stage.ask(&release).contains("true"));
    assert_eq!(stage.refused(&release), "InvalidAllocationID.NotFound");
    for _ in 0..5 {
        stage.ask("Action=AllocateAddress&Domain=vpc");
    }
    assert_eq!(stage.refused("Action=AllocateAddress"), "AddressLimitExceeded");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_takes_its_time_and_outlives_its_volume() {
    let (stage, machine) = persistent("{}").await;
    let root = stage.root(machine.id.as_str());
    let make = format!("Action=CreateSnapshot&VolumeId={root}&Description=daily");
    let snapshot = told(&stage.ask(&make), "snapshotId");
    let look = format!("Action=DescribeSnapshots&Owner.1=self&SnapshotId.1={snapshot}");
    pass(2).await;
    assert_eq!(told(&stage.ask(&look), "status"), "pending");
    let restore = format!("Action=CreateVolume&AvailabilityZone=us-west-2b&SnapshotId={snapshot}");
    assert_eq!(stage.refused(&restore), "IncorrectState");
    pass(95).await;
    assert_eq!(told(&stage.ask(&look), "status"), "completed");
    assert_eq!(told(&stage.ask(&restore), "size"), "50", "as large as what it was made of");
    for _ in 0..5 {
        stage.ask(&make);
    }
    assert_eq!(stage.refused(&make), "ConcurrentSnapshotLimitExceeded");
    assert!(stage.ask(&format!("Action=DeleteSnapshot&SnapshotId={snapshot}")).contains("true"));
    assert_eq!(stage.refused(&look), "InvalidSnapshot.NotFound");
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_is_full_starts_nothing() {
    let story = "capacity: [{ zone: us-west-2a, limit: 0, from_s: 200, until_s: 900 }]";
    let (stage, machine) = persistent(story).await;
    stage.put_to_sleep(machine.id.as_str()).await;
    pass(150).await;
    let start = format!("Action=StartInstances&InstanceId.1={}", machine.id);
    assert_eq!(stage.refused(&start), "InsufficientInstanceCapacity");
    assert_eq!(stage.machines().await[0].seen.state, Ec2State::Stopped);
    pass(900).await;
    stage.ask(&start);
    pass(10).await;
    assert_eq!(stage.machines().await[0].seen.state, Ec2State::Running);
    stage.met_every_fault();
}

#[tokio::test(start_paused = true)]
async fn a_reboot_is_another_boot_of_the_same_machine() {
    let (stage, machine) = persistent("{}").await;
    let booted = || stage.world.guests().remove(0).booted;
    let (before, _) = booted();
    change(&stage, "RebootInstances", machine.id.as_str());
    let (after, at) = booted();
    assert_eq!((after, at), (before + 1, Some(stage.world.clock().now())));
    let seen = stage.machines().await.remove(0).seen;
    assert_eq!((seen.state, seen.public_ip), (Ec2State::Running, machine.seen.public_ip));
}
