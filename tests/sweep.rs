//! The kill sweep: `create` and `destroy` of 12 instances in 4 regions, killed with SIGKILL at
//! drawn points, against EC2s in other processes. Afterwards the state is intact or damaged, the
//! program is run again, and an independent boto3 looks whether anything of ours is left, whether
//! anything was launched twice, and whether strangers still have what is theirs.
//!
//! `make test` runs twenty kills, `make sweep` three hundred and prints the histogram.

mod case;
mod draw;
mod stage;
mod tally;

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use case::Without;
use draw::{Damage, Dice, During, Kill, Point};
use stage::{Peer, Stage};
use tally::Tally;

use crate::support::trap::Moment;

/// Runs these kills, shared out among stages that work side by side.
fn sweep(peer: Peer, kills: &[Kill], workers: usize) -> Tally {
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut stage = Stage::set(peer);
                while let Some(kill) = kills.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let verdict = stage.play(kill, Without::Nothing);
                    let mut tally = tally.lock().unwrap();
                    tally.add(peer, kill, &verdict);
                    tally.tell(peer);
                }
            });
        }
    });
    tally.into_inner().unwrap()
}

/// A few kills of the whole, drawn anew for each seed.
fn seeded(peer: Peer, seed: u64) {
    let mut stage = Stage::set(peer);
    let mut dice = Dice::new(seed);
    let score = stage.rehearse();
    let mut tally = Tally::default();
    for kill in draw::some(&score, 5, &mut dice) {
        let verdict = stage.play(&kill, Without::Nothing);
        tally.add(peer, &kill, &verdict);
    }
    tally.assert_clean();
}

#[test]
fn five_kills_against_moto_leave_nothing() {
    seeded(Peer::Moto, 1);
}

#[test]
fn five_more_kills_against_moto_leave_nothing() {
    seeded(Peer::Moto, 2);
}

#[test]
fn five_kills_against_the_demo_cloud_leave_nothing() {
    seeded(Peer::Cloud, 3);
}

#[test]
fn five_more_kills_against_the_demo_cloud_leave_nothing() {
    seeded(Peer::Cloud, 4);
}

/// Between the launch template and the fleet, and on either side.
#[test]
fn kills_around_a_fleet_leave_nothing() {
    let points = [
        ("CreateLaunchTemplate", Moment::Unanswered),
        ("CreateFleet", Moment::Unsent),
        ("CreateFleet", Moment::Unanswered),
        ("DeleteLaunchTemplate", Moment::Unsent),
    ];
    let kills = points.map(|(action, moment)| {
        let point = Point::Call { action: action.to_owned(), nth: 2, moment };
        Kill { during: During::Create, point, damage: Damage::None, seed: 5 }
    });
    sweep(Peer::Fleets, &kills, 2).assert_clean();
}

/// A kill when a launch was carried out and not answered.
fn unanswered_launch() -> Kill {
    let (action, moment) = ("RunInstances".to_owned(), Moment::Unanswered);
    let point = Point::Call { action, nth: 2, moment };
    Kill { during: During::Create, point, damage: Damage::None, seed: 1 }
}

#[test]
fn without_the_journal_the_sweep_finds_what_is_launched_twice() {
    let mut stage = Stage::set(Peer::Moto);
    let verdict = stage.play(&unanswered_launch(), Without::Journal);
    assert!(verdict.duplicated > 0, "{verdict:?}");
}

#[test]
fn without_tags_the_sweep_finds_leaks() {
    let mut stage = Stage::set(Peer::Cloud);
    let kill = Kill { damage: Damage::Deleted, ..unanswered_launch() };
    let verdict = stage.play(&kill, Without::Tags);
    assert!(verdict.leaked > 0, "{verdict:?}");
}

#[test]
#[ignore = "half an hour: make sweep"]
fn three_hundred_kills_leave_nothing() {
    let mut dice = Dice::new(20_261_120);
    let mut all = Tally::default();
    for peer in [Peer::Moto, Peer::Cloud] {
        let score = Stage::set(peer).rehearse();
        let kills = draw::all(&score, 150, &mut dice);
        all.merge(sweep(peer, &kills, 3));
    }
    // With --nocapture it is what `make sweep` shows.
    writeln!(std::io::stdout(), "{all}").unwrap();
    all.assert_clean();
}
