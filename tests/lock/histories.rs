//! Histories of two machines, drawn from a seed.

use std::ops::Range;

use super::town::{QUIET, Role, Town, WANTED};

/// A history that is drawn from a seed: so many turns, then quiet.
async fn play(town: &mut Town, turns: u32) {
    town.machines[0].start().await;
    for _ in 0..turns {
        let which = fastrand::usize(..2);
        let is_up = town.machines[which].is_up;
        match fastrand::u32(..10) {
            _ if !is_up => {
                town.note(&format!("{which} starts"));
                town.machines[which].wake();
                town.machines[which].start().await;
            }
            0..3 => {
                town.note("one is taken");
                town.take_one().await;
            }
            3..5 => {
                town.note(&format!("{which} is killed"));
                town.machines[which].kill();
            }
            5 => {
                town.note(&format!("{which} ends"));
                town.machines[which].end().await;
            }
            6..8 if town.machines[which].sleeps => {
                town.note(&format!("{which} wakes"));
                town.machines[which].wake();
            }
            6..8 => {
                town.note(&format!("{which} sleeps"));
                town.machines[which].sleep();
            }
            _ => town.machines[which].create(),
        }
        town.pass(fastrand::u64(1..300)).await;
    }
    for which in 0..2 {
        town.machines[which].wake();
        if !town.machines[which].is_up {
            town.note(&format!("{which} starts"));
            town.machines[which].start().await;
        }
    }
    town.pass(QUIET).await;
    town.machines[1].create();
    town.pass(120).await;
}

/// Tells the story of a seed, and how many were alive at the most and at the end.
fn tell(seed: u64, lock: &str) -> (usize, usize, String) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let other = if seed % 3 == 2 { Role::Create } else { Role::Keep };
        let mut town = Town::new([Role::Keep, other], lock, seed);
        play(&mut town, 12).await;
        (town.most, town.alive().len(), town.told())
    })
}

fn exactly(seeds: Range<u64>) {
    for seed in seeds {
        let (most, end, told) = tell(seed, "auto");
        assert_eq!((most, end), (WANTED, WANTED), "seed {seed}, the most and the end: {told}");
    }
}

#[test]
fn two_machines_have_exactly_what_is_wanted_and_never_more() {
    exactly(0..5);
}

#[test]
fn the_same_in_five_more_histories() {
    exactly(5..10);
}

#[test]
fn the_same_in_another_five_histories() {
    exactly(10..15);
}

#[test]
fn the_same_in_the_last_five_histories() {
    exactly(15..20);
}

#[test]
#[ignore = "some minutes: make sweep"]
fn two_machines_have_exactly_what_is_wanted_in_sixty_histories() {
    exactly(0..60);
}

#[test]
fn without_a_lock_such_histories_have_too_many() {
    let has_too_many = |seed| tell(seed, "off").0 > WANTED;
    assert!((0..3).any(has_too_many), "the histories show nothing");
}
