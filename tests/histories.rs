//! Random histories of one deployment: create, stop the work, kill, resume, destroy by name, by
//! region and all, spill, replace. An account book that knows nothing of the program but what its
//! user was promised says after each step what should be alive, and EC2 is asked whether it is.
//!
//! A history is drawn from a seed, so that it can be told again; one that fails is made shorter.

mod book;
mod play;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use book::Book;
use play::{Planted, Player};

/// The regions of the configuration: the last one always has room.
const REGIONS: [&str; 3] = ["us-west-2", "us-east-1", "eu-west-1"];

/// How a step is cut short, so many seconds after it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// The program is killed and started again.
    Kill(u16),
    /// "Stop the work", which takes back what a create has made; and another start.
    Stop(u16),
}

/// What a user does, or what befalls them.
#[derive(Debug, Clone)]
enum Step {
    /// So many in each region.
    Create([u8; 3], Option<Cut>),
    /// So many of those that are there, by their names.
    DestroyNamed(u8, Option<Cut>),
    DestroyRegion(u8),
    DestroyAll,
    /// What was cut short is dropped.
    Forget,
    /// The program is killed and started again.
    Kill,
    Pass(u16),
}

/// A deployment's history.
#[derive(Debug, Clone)]
struct History {
    /// How many find room in each of the first two regions; any number in the last one.
    room: [u8; 2],
    steps: Vec<Step>,
}

fn step() -> impl Strategy<Value = Step> {
    let kill = || (0..240_u16).prop_map(Cut::Kill);
    let cut = prop_oneof![kill(), kill(), (0..200_u16).prop_map(Cut::Stop)];
    let counts = prop::array::uniform3(0..3_u8);
    // At 0 s it has not begun, nothing of it is on the disk, and nothing was promised.
    let early = (1..20_u16).prop_map(Cut::Kill);
    prop_oneof![
        8 => (counts, prop::option::weighted(0.7, cut)).prop_map(|(n, cut)| Step::Create(n, cut)),
        3 => (1..3_u8, prop::option::weighted(0.3, early))
            .prop_map(|(n, cut)| Step::DestroyNamed(n, cut)),
        1 => (0..3_u8).prop_map(Step::DestroyRegion),
        1 => Just(Step::DestroyAll),
        1 => Just(Step::Forget),
        1 => Just(Step::Kill),
        1 => (1..300_u16).prop_map(Step::Pass),
    ]
}

fn history() -> impl Strategy<Value = History> {
    let steps = prop::collection::vec(step(), 3..8);
    (prop::array::uniform2(0..3_u8), steps).prop_map(|(room, steps)| History { room, steps })
}

/// Tells one history; what the book and EC2 disagree about is the error.
fn tell(history: &History, planted: Planted) -> Result<(), String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let mut player = Player::new(history.room, planted);
        let mut book = Book::default();
        player.open().await;
        for (number, step) in history.steps.iter().enumerate() {
            let is_so = player.play(step, &mut book).await;
            is_so.map_err(|why| format!("step {number}, {step:?}: {why}\n{}", player.log()))?;
        }
        player.play(&Step::DestroyAll, &mut book).await?;
        match player.left().await {
            0 => Ok(()),
            left => Err(format!("{left} things are left over\n{}", player.log())),
        }
    })
}

fn tell_many(cases: u32, seed: u8) {
    let config =
        Config { cases, max_shrink_iters: 40, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let told = TestRunner::new_with_rng(config, rng)
        .run(&history(), |history| tell(&history, Planted::Nothing).map_err(TestCaseError::fail));
    told.unwrap_or_else(|failed| panic!("{failed}"));
}

#[test]
fn what_is_alive_is_what_was_promised() {
    tell_many(6, 19);
}

#[test]
#[ignore = "some minutes: make sweep"]
fn what_is_alive_is_what_was_promised_in_three_hundred_histories() {
    tell_many(300, 20);
}

/// Four that spill, killed, and the same once more.
fn again() -> History {
    let create = |cut| Step::Create([2, 2, 0], cut);
    History { room: [0, 1], steps: vec![create(Some(Cut::Kill(40))), create(None)] }
}

#[test]
fn a_create_that_spilled_and_was_killed_is_completed() {
    tell(&again(), Planted::Nothing).unwrap();
}

#[test]
fn a_lost_journal_is_found_out() {
    let found = tell(&again(), Planted::LostJournal).unwrap_err();
    assert!(found.contains("are asked for"), "{found}");
}

#[test]
fn an_order_that_forgot_where_it_counts_is_found_out() {
    let found = tell(&again(), Planted::LostOrigin).unwrap_err();
    assert!(found.contains("are asked for"), "{found}");
}

#[test]
fn an_instance_that_nobody_asked_for_is_found_out() {
    let found = tell(&again(), Planted::Stranger).unwrap_err();
    assert!(found.contains("are asked for"), "{found}");
}

/// Four run, two are taken back, and the dashboard that replaces them is killed then.
#[test]
fn attack_17_what_was_being_replaced_when_it_was_killed_is_replaced() {
    for seconds in [0, 2, 5, 20] {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let mut player = Player::replacing();
            let mut book = Book::default();
            player.open().await;
            player.play(&Step::Create([2, 2, 0], None), &mut book).await.unwrap();
            player.until_notice(seconds).await;
            player.play(&Step::Kill, &mut Book::default()).await.ok();
            player.pass(600).await;
            let alive = player.alive().await.len();
            assert_eq!(alive, 4, "killed {seconds} s after the notice\n{}", player.log());
        });
    }
}
