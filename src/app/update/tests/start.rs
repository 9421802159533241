//! What a process begins with, once it knows who it is.

use super::*;

/// A dashboard that finds an instance in the midst of its set-up.
fn with_one_left_behind() -> Model {
    let mut opening = opening(true);
    let (key, machine) = running("i-1");
    let mut left = Instance::planned(key, REGIONS[0].into(), "spot-7f3a".into(), at(0));
    left.machine = Some(machine);
    left.phase = Phase::Configuring;
    opening.fleet.insert(left);
    Model::new(opening)
}

#[test]
fn who_we_are_comes_first_then_watching_and_resuming() {
    let mut model = with_one_left_behind();
    assert_eq!(command(&mut model, Command::Refresh), [Effect::Start(JobId(1), Job::Identify)]);
    assert_eq!(command(&mut model, Command::Refresh), [], "it is being asked already");
    report(&mut model, 1, News::Job(account()));
    let effects = end(&mut model, 1, Outcome::Done);
    let [Effect::Start(_, Job::Watch), Effect::Start(_, Job::Resume(rows))] = effects.as_slice()
    else {
        panic!("{effects:?}");
    };
    assert_eq!(rows.len(), 1);
    assert!(matches!(
        command(&mut model, Command::Refresh).as_slice(),
        [Effect::Start(_, Job::Survey)]
    ));
}

/// The watch looks for it when rows of the state are there already.
#[test]
fn what_another_machine_launches_is_not_resumed_here() {
    let holder = LockHolder { nonce: "n-1".into(), ..LockHolder::default() };
    for others in [vec![LockStanding::Other(holder)], Vec::new()] {
        let mut model = with_one_left_behind();
        Arc::make_mut(model.config.as_mut().unwrap()).lock = true;
        command(&mut model, Command::Refresh);
        report(&mut model, 1, News::Job(account()));
        let effects = end(&mut model, 1, Outcome::Done);
        assert!(matches!(effects.as_slice(), [Effect::Start(_, Job::Watch)]), "{effects:?}");
        let mut look = |standing| report(&mut model, 2, News::Job(JobNews::Lock(standing)));
        for standing in others {
            assert_eq!(look(standing), []);
        }
        let effects = look(LockStanding::Open);
        assert!(matches!(effects.as_slice(), [Effect::Start(_, Job::Resume(_))]), "{effects:?}");
        assert_eq!(look(LockStanding::Open), [], "once");
    }
}

#[test]
fn a_headless_command_starts_nothing_by_itself() {
    let mut model = Model::new(opening(false));
    command(&mut model, Command::Refresh);
    report(&mut model, 1, News::Job(account()));
    assert_eq!(end(&mut model, 1, Outcome::Done), []);
    assert!(matches!(
        command(&mut model, Command::Refresh).as_slice(),
        [Effect::Start(_, Job::Survey)]
    ));
    let effects = send(&mut model, 0, Message::Signal(Signal::Interrupt));
    let expected = [Effect::Cancel(JobId(2)), Effect::Persist, Effect::Quit(Exit::Interrupted)];
    assert_eq!(effects, expected);
}

#[test]
fn without_an_account_the_reason_stays_on_the_screen() {
    let mut model = model();
    command(&mut model, Command::Refresh);
    let failure = Failure::new(
        FailureKind::SignIn,
        Step::Account,
        "the session has expired",
        "aws sso login",
    );
    assert_eq!(end(&mut model, 1, Outcome::Failed(failure.clone())), []);
    assert_eq!(model.trouble, Some(failure));
    assert_eq!(model.verdict(), Exit::Failed);
}
