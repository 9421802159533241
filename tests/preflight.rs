//! What a create refuses, its dry run refuses as well: in the same words, with the same exit code.
//! And nothing is made before either knows.

use std::fs;

use crate::support::demo_cloud::DemoCloud;
use crate::support::proxy::Proxy;
use crate::support::spot::Spot;

/// Why a create in us-west-2 would not begin.
struct Case {
    /// What the configuration has for the region, besides `machine_type`.
    region: &'static str,
    /// Lines of its section `aws`.
    aws: &'static str,
    /// What EC2 says to the dry run of this action.
    denied: Option<(&'static str, &'static str)>,
    /// What else the cloud's story has.
    story: &'static str,
    /// What is told.
    told: &'static str,
}

const FINE: Case =
    Case { region: "machine_type: t3.medium", aws: "", denied: None, story: "", told: "" };

const CASES: [Case; 7] = [
    Case {
        story: "spot_vcpus: 1\n",
        told: "room for 0 of 1 in us-west-2: 1 vCPUs of spot for t3.medium",
        ..FINE
    },
    Case { region: "machine_type: t9.huge", told: "no machine type t9.huge", ..FINE },
    Case {
        region: "machine_type: t3.medium, availability_zones: [us-west-2z]",
        told: "us-west-2 has no zone that offers what is asked for",
        ..FINE
    },
    Case {
        region: "machine_type: t3.medium, image: ami-0123456789abcdef0",
        told: "InvalidAMIID.NotFound",
        ..FINE
    },
    Case { aws: "  ssh_key_name: nobodys", told: "no key pair nobodys in us-west-2", ..FINE },
    Case {
        denied: Some(("RunInstances", "because no identity-based policy allows it")),
        told: "ec2:RunInstances",
        ..FINE
    },
    Case {
        denied: Some(("TerminateInstances", "with an explicit deny in a service control policy")),
        told: "what is launched could not be ended",
        ..FINE
    },
];

impl Case {
    /// The scenario that plays it.
    fn scenario(&self) -> String {
        let Some((action, why)) = self.denied else { return self.story.to_owned() };
        format!(
            "calls:\n  - action: {action} (dry run)\n    count: 1000\n    trouble:\n      error:\n        \
             status: 403\n        code: UnauthorizedOperation\n        message: \"You are not \
             authorized to perform this operation. User: arn:aws:iam::111122223333:user/demo is not \
             authorized to perform: ec2:{action} {why}\"\n"
        )
    }
}

#[test]
fn what_a_create_refuses_its_dry_run_refuses_and_nothing_is_made() {
    for case in CASES {
        let folder = tempfile::tempdir().unwrap();
        let scenario = folder.path().join("scenario.yaml");
        fs::write(&scenario, case.scenario()).unwrap();
        let arguments = ["--no-ssh", "--speed", "30", "--scenario", scenario.to_str().unwrap()];
        let cloud = DemoCloud::start(&arguments);
        let proxy = Proxy::start(cloud.address());
        let spot = Spot::new(proxy.url());
        let ssh_config = spot.write("ssh_config", 0o644, b"");
        spot.configure(&ssh_config, 10, case.aws, &format!("  - us-west-2: {{ {} }}", case.region));
        for arguments in [["create", "--dry-run"], ["create", "--yes"]] {
            let ran = spot.run(&arguments);
            let told = ran.told();
            assert_eq!(ran.code, 1, "{arguments:?}: {told}");
            assert!(told.contains(case.told), "{arguments:?}: {told}");
            let calls = proxy.take();
            let made: Vec<&str> = calls
                .iter()
                .filter(|call| call.is_mutating())
                .filter(|call| arguments[1] == "--dry-run" || !call.is_of_lock())
                .map(|call| call.action.as_str())
                .collect();
            assert!(made.is_empty(), "{arguments:?}: {made:?}: {told}");
        }
    }
}

/// README advises to bind what removes to our tags. Nothing has them before the first launch.
#[test]
fn who_may_end_only_what_is_ours_may_launch() {
    let bound = Case {
        denied: Some(("TerminateInstances", "because no identity-based policy allows it")),
        ..FINE
    };
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.yaml");
    fs::write(&scenario, bound.scenario()).unwrap();
    let arguments = ["--no-ssh", "--speed", "30", "--scenario", scenario.to_str().unwrap()];
    let cloud = DemoCloud::start(&arguments);
    let spot = Spot::new(cloud.url());
    let ssh_config = spot.write("ssh_config", 0o644, b"");
    spot.configure(&ssh_config, 10, "", "  - us-west-2: { machine_type: t3.medium }");
    let ran = spot.run(&["create", "--dry-run"]);
    assert_eq!(ran.code, 0, "{}", ran.told());
    assert!(ran.told().contains("whether this identity may end instances"), "{}", ran.told());
}

/// Where the account's quota has room for a part, that part is launched: who asks before is told.
#[test]
fn a_quota_that_has_room_for_a_part_is_told_before() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.yaml");
    fs::write(&scenario, "spot_vcpus: 9\n").unwrap();
    let arguments = ["--no-ssh", "--speed", "30", "--scenario", scenario.to_str().unwrap()];
    let cloud = DemoCloud::start(&arguments);
    let spot = Spot::new(cloud.url());
    let ssh_config = spot.write("ssh_config", 0o644, b"");
    spot.configure(&ssh_config, 10, "", "  - us-west-2: { machine_type: t3.medium }");
    for (count, told) in [("4", None), ("5", Some("room for 4 of 5")), ("3", None)] {
        let ran = spot.run(&["create", "--region", &format!("us-west-2={count}"), "--dry-run"]);
        assert_eq!(ran.code, 0, "{}", ran.told());
        let found = ran.told().contains("quota");
        assert_eq!(found, told.is_some(), "{count}: {}", ran.told());
        assert!(ran.told().contains(told.unwrap_or_default()), "{count}: {}", ran.told());
    }
}
