//! No secret goes to a host for which nobody vouched: told from the side of the hosts, by what
//! reached them and when. Consoles speak in the order and with the delay of real ones.

use std::time::Duration;

use spot_tui::demo::Scenario;
use spot_tui::demo::hosts::{Arrival, Arrived};
use spot_tui::fleet::{HostKeyTrust, Instance, Phase};

use crate::support::stage::Stage;

/// One instance, created to its end.
struct Story {
    stage: Stage,
}

impl Story {
    /// Plays a create with this policy in this scenario.
    async fn of(ssh: &str, scenario: &str) -> Self {
        let config = format!("regions: [us-west-2: {{ machine_type: t3.medium }}]\nssh: {ssh}");
        let mut stage = Stage::set(&config, Scenario::parse(scenario).unwrap());
        stage.create(0).await;
        Self { stage }
    }

    fn row(&self) -> &Instance {
        self.stage.model().fleet.instances().next().unwrap()
    }

    fn arrivals(&self) -> Vec<Arrival> {
        self.stage.cloud.hosts.arrivals(&self.row().machine.as_ref().unwrap().id)
    }

    /// What arrived first, and how long after the launch.
    fn first(&self, what: Arrived) -> Option<Duration> {
        let launched = self.row().machine.as_ref().unwrap().birth.launched;
        let arrivals = self.arrivals();
        let first = arrivals.iter().find(|it| it.what == what)?;
        Some(first.at.duration_since(launched).unsigned_abs())
    }

    fn trust(&self) -> Option<HostKeyTrust> {
        self.row().host_key.as_ref().map(|key| key.trust)
    }
}

const SECONDS: fn(u64) -> Duration = Duration::from_secs;

#[tokio::test(start_paused = true)]
async fn keys_in_the_network_stage_are_verified_within_a_poll() {
    let story = Story::of("{ host_key: console }", "{}").await;
    assert_eq!(story.row().phase, Phase::Ready, "{}", story.stage.log());
    assert_eq!(story.trust(), Some(HostKeyTrust::Console));
    // Running after some 5 s, sshd up to 18 s later; a poll of the console and a try to log in.
    let login = story.first(Arrived::Login).unwrap();
    assert!(login < SECONDS(5 + 18 + 5 + 10), "{login:?}");
    assert!(story.first(Arrived::Upload).unwrap() >= login);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_uploaded_before_a_console_that_speaks_only_at_the_end() {
    let scenario = "consoles: [{ region: us-west-2, tells: at_the_end }]\n\
                    hosts: [{ region: us-west-2, fault: { slow_cloud_init: 60 } }]";
    for policy in ["console", "strict"] {
        let story = Story::of(&format!("{{ host_key: {policy} }}"), scenario).await;
        assert_eq!(story.row().phase, Phase::Ready, "{}", story.stage.log());
        assert_eq!(story.trust(), Some(HostKeyTrust::Console));
        let (login, upload) = (story.first(Arrived::Login), story.first(Arrived::Upload));
        assert!(login.unwrap() >= SECONDS(100), "{login:?}");
        assert!(upload.unwrap() >= login.unwrap(), "{upload:?}");
        assert!(!story.stage.log().contains("unverified"), "{}", story.stage.log());
    }
    let story = Story::of("{ host_key: pin }", scenario).await;
    let login = story.first(Arrived::Login).unwrap();
    assert!(login < SECONDS(40), "who pins does not wait: {login:?}");
}

#[tokio::test(start_paused = true)]
async fn a_host_with_another_key_gets_no_byte() {
    let scenario = "consoles: [{ region: us-west-2, tells: anothers_keys }]";
    for policy in ["console", "strict"] {
        let story = Story::of(&format!("{{ host_key: {policy} }}"), scenario).await;
        assert_eq!(story.row().phase.word(), "Failed", "{}", story.stage.log());
        assert_eq!(story.arrivals(), [], "{policy}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_boot_that_ends_without_keys_is_pinned_and_said_or_refused() {
    let scenario = "consoles: [{ region: us-west-2, tells: no_keys }]";
    let story = Story::of("{ host_key: console }", scenario).await;
    assert_eq!(story.row().phase, Phase::Ready, "{}", story.stage.log());
    assert_eq!(story.trust(), Some(HostKeyTrust::Pinned));
    let said = "its boot ended without a host key on its console: the first host key is pinned, \
                unverified";
    assert!(story.stage.log().contains(said), "{}", story.stage.log());
    // cloud-init ends 40 s after the boot began, at the earliest.
    let login = story.first(Arrived::Login).unwrap();
    assert!(login >= SECONDS(40) && login < SECONDS(120), "{login:?}");

    let story = Story::of("{ host_key: strict }", scenario).await;
    assert_eq!(story.row().phase.word(), "Failed");
    assert_eq!(story.arrivals(), []);
}

#[tokio::test(start_paused = true)]
async fn a_silent_console_is_waited_for_to_its_deadline() {
    let scenario = "consoles: [{ region: us-west-2, tells: nothing }]";
    let denied = "calls: [{ action: GetConsoleOutput, count: 100000, trouble: { error: { status: \
                  403, code: UnauthorizedOperation, message: You are not authorized } } }]";
    for (scenario, ssh, least, said) in [
        (scenario, "{ host_key: console }", 890, "told no host key within 900 s"),
        (scenario, "{ console_timeout_s: 400 }", 390, "told no host key within 400 s"),
        (denied, "{ host_key: console }", 890, "its console cannot be read"),
    ] {
        let story = Story::of(ssh, scenario).await;
        assert_eq!(story.row().phase, Phase::Ready, "{}", story.stage.log());
        assert_eq!(story.trust(), Some(HostKeyTrust::Pinned));
        assert!(story.stage.log().contains(said), "{}", story.stage.log());
        let login = story.first(Arrived::Login).unwrap();
        assert!(login >= SECONDS(least), "{ssh}: {login:?}");
    }
    let story = Story::of("{ host_key: strict, console_timeout_s: 400 }", scenario).await;
    assert_eq!(story.row().phase.word(), "Failed", "{}", story.stage.log());
    assert_eq!(story.arrivals(), []);
}

/// A T3 in standard mode starts without credits: a fifth of its processors.
#[tokio::test(start_paused = true)]
async fn a_machine_at_a_fifth_of_its_processors_becomes_ready() {
    let whole = Story::of("{ host_key: strict }", "{}").await;
    let slow = Story::of("{ host_key: strict }", "no_launch_credits: true").await;
    for story in [&whole, &slow] {
        assert_eq!(story.row().phase, Phase::Ready, "{}", story.stage.log());
        assert_eq!(story.trust(), Some(HostKeyTrust::Console));
    }
    let (whole, slow) = (whole.stage.took(), slow.stage.took());
    assert!(slow > whole * 3, "{whole:?}, {slow:?}");
}
