//! Leaving in the midst of a create, and removing what it made.

use spot_tui::store::{Journal, Paths};

use super::*;
use crate::support::demo_cloud::DemoCloud;
use crate::support::eye::Eye;

const REGIONS: [&str; 2] = ["us-west-2", "eu-west-1"];

#[test]
fn a_create_that_is_cancelled_at_quit_leaves_nothing() {
    // Nobody answers at the hosts' port, so that the create goes on until it is stopped.
    let cloud = DemoCloud::start(&["--no-ssh", "--speed", "30"]);
    let (mut eye, home) = (Eye::open(), Home::new());
    eye.settle_strangers(cloud.url(), &REGIONS);
    let before = eye.alive(cloud.url(), &REGIONS);
    let config = fs::read_to_string(home.folder.path().join("config.yaml")).unwrap();
    let config = config.replace("timeout_s: 60", "timeout_s: 600");
    // Beside the deployments of others a new one has to be named. A lock that was let go of a moment
    // after a launch stays, and says that it is free.
    let config = format!("deployment: spot-test\nlock: off\n{config}");
    fs::write(home.folder.path().join("config.yaml"), config).unwrap();
    let mut terminal = Terminal::start(home.command(cloud.url()), SIZE);
    terminal.wait_for("● live");
    terminal.press(&format!("c{ENTER}{RIGHT}{ENTER}"));
    terminal.wait("both to be connected to", |screen| {
        screen.contents().matches(" Connecting ").count() == 2
    });
    assert_ne!(eye.alive(cloud.url(), &REGIONS), before);

    terminal.press("q");
    terminal.wait_for("Something is still under way");
    terminal.press(&format!("{RIGHT}{RIGHT}{RIGHT}"));
    terminal.wait_for("removes what a create has made");
    terminal.press(ENTER);
    assert_eq!(terminal.end().exit_code(), 0);
    assert!(terminal.is_given_back());
    assert_eq!(eye.alive(cloud.url(), &REGIONS), before);
    let journal = Journal::open(&Paths::new(home.folder.path().join("instances.json"))).unwrap();
    assert_eq!(journal.unresolved(), [], "nothing is left to be done");
}
