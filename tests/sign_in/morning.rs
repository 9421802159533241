//! Two mornings of somebody whose login does not last over the night, and whose machine does.

use std::fs;

use super::Office;
use crate::support::demo_cloud::DemoCloud;

const MACHINES: &str = "machines: [{ name: dev, region: us-west-2, type: t3.small, keep: root, \
                        address: keep, home: { size_gb: 20, mount: /home/ubuntu } }]\n";

/// An office whose EC2 is the demo cloud, and a machine in its configuration.
fn office(cloud: &DemoCloud) -> Office {
    let office = Office::over(&["ok"], cloud.url(), &[]);
    let ssh_config = office.spot.write("ssh_config", 0o644, b"");
    office.spot.configure(&ssh_config, 120, "", "  - us-west-2: { machine_type: t3.medium }");
    let config = office.spot.path().join("config.yaml");
    let text = fs::read_to_string(&config).unwrap()
        + &format!("  port: {}\n  allow_from: 127.0.0.1/32\n", cloud.ssh_port())
        + MACHINES;
    fs::write(config, text).unwrap();
    office
}

impl Office {
    /// The night is over, and so is the login; nothing renews it.
    fn sleep_over_it(&self) {
        for (path, mut told) in self.cache() {
            if told.get("accessToken").is_some() {
                told["expiresAt"] = "2026-01-01T00:00:00Z".into();
                told.as_object_mut().unwrap().remove("refreshToken");
            }
            fs::write(path, told.to_string()).unwrap();
        }
        drop(fs::remove_dir_all(self.spot.path().join(".aws/cli")));
    }

    /// `up` is refused until somebody has signed in.
    fn come_in_and_bring_it_up(&self) {
        let refused = self.run(&["up", "dev", "--profile", "work"]);
        assert_eq!(refused.code, 2, "{}", refused.told());
        assert!(refused.told().contains("spot-tui login --profile work"), "{}", refused.told());
        let login = self.run(&["login", "--profile", "work"]);
        assert_eq!(login.code, 0, "{}", login.told());
        let up = self.run(&["up", "dev", "--profile", "work"]);
        assert_eq!(up.code, 0, "{}", up.told());
    }

    /// What the AWS CLI tells of the machine: its instances that are there, volumes and address.
    fn seen_from_outside(&self) -> String {
        let runs = "Name=instance-state-name,Values=running";
        let instances = "Reservations[].Instances[].[InstanceId,PublicIpAddress]";
        let volumes = "Volumes[].[VolumeId,Size,Attachments[0].InstanceId,Attachments[0].Device]";
        [
            self.ec2(&["describe-instances", "--filters", runs, "--query", instances]),
            self.ec2(&["describe-volumes", "--query", volumes]),
            self.ec2(&["describe-addresses", "--query", "Addresses[].[PublicIp,InstanceId]"]),
        ]
        .join("\n")
    }
}

#[test]
fn a_machine_is_there_the_next_morning_for_whoever_signs_in_again() {
    let cloud = DemoCloud::start(&["--speed", "30"]);
    let office = office(&cloud);
    office.come_in_and_bring_it_up();
    let first = office.seen_from_outside();
    assert_eq!(first.lines().count(), 4, "an instance, two disks, an address: {first}");
    let down = office.run(&["down", "dev", "--yes", "--profile", "work"]);
    assert_eq!(down.code, 0, "{}", down.told());
    assert_ne!(office.seen_from_outside(), first);

    office.sleep_over_it();
    office.come_in_and_bring_it_up();
    assert_eq!(office.seen_from_outside(), first, "the same disks at the same address");
}
