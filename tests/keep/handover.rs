//! The state goes from a keeper to a dashboard, to another dashboard, and back.

use super::*;
use crate::support::terminal::Terminal;

const SIZE: (u16, u16) = (140, 40);
const CTRL_C: &str = "\x03";

/// A dashboard that finds the state taken, by a process with this number.
fn second(scene: &Scene, holder: u32) -> Terminal {
    let dashboard = Terminal::start(scene.spot.on_terminal(), SIZE);
    dashboard
        .wait_for(&format!("READ-ONLY (K asks it to hand over): kept by process {holder} on "));
    dashboard
}

/// It asks for the state, and keeps the fleet from then on.
fn take_over(dashboard: &mut Terminal) {
    dashboard.press("K");
    dashboard.wait_for("this dashboard keeps the fleet");
    dashboard.wait_gone("READ-ONLY");
}

/// Leaves what is under way to the next one.
fn leave(dashboard: &mut Terminal) {
    dashboard.press(CTRL_C);
    dashboard.wait_for("Something is still under way");
    dashboard.press(CTRL_C);
    assert_eq!(dashboard.end().exit_code(), 130);
}

#[test]
fn a_dashboard_takes_over_from_a_keeper_keeps_meanwhile_and_leaves_it_to_it_again() {
    let mut scene = Scene::set(FREE);
    let keeper = scene.keep(&[]);
    scene.until(COUNT);
    scene.looks(1);
    let listed = scene.spot.run(&["list"]);
    let told = format!("6 wanted, kept by process {} on ", keeper.0.id());
    assert!(listed.out.contains(&told), "{}", listed.told());

    let mut one = second(&scene, keeper.0.id());
    take_over(&mut one);
    one.wait_for("of 6 wanted");
    scene.hear("the state is handed over");
    scene.take(1);
    scene.until(COUNT);
    let of_one = scene.spot.run(&["list"]);
    assert!(of_one.out.contains("6 wanted, kept by process "), "{}", of_one.told());
    assert!(!of_one.out.contains(&told), "{}", of_one.told());

    let holder = of_one.out.split("kept by process ").nth(1).unwrap().split(' ').next().unwrap();
    let mut other = second(&scene, holder.parse().unwrap());
    take_over(&mut other);
    one.wait_for("READ-ONLY (K asks it to hand over): kept by process ");
    scene.take(1);
    scene.until(COUNT);
    one.press("q");
    assert_eq!(one.end().exit_code(), 0);

    leave(&mut other);
    let again = "6 instances are wanted";
    let deadline = Instant::now() + PATIENCE;
    while scene.out().matches(again).count() < 2 {
        assert!(Instant::now() < deadline, "the keeper does not go on\n{}", scene.out());
        std::thread::park_timeout(Duration::from_millis(100));
    }
    scene.take(1);
    scene.until(COUNT);
    scene.looks(2);
    assert_eq!((scene.alive().len(), scene.launched()), (COUNT, COUNT + 3), "none comes twice");
    assert_eq!(keeper.end(), Some(130));
    scene.destroy_all();
}
