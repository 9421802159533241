//! Signing in on the screen: what is asked, and when nobody waits for the answer any more.

use super::*;
use crate::app::PageCommand;

const PAGE: &str = "https://us-west-2.signin.aws.amazon.com/v1/authorize?state=1";

fn asked(number: u64, wanted: Wanted) -> Message {
    Message::Asked(Question { id: QuestionId(number), text: "which?".into(), wanted })
}

fn code() -> Wanted {
    Wanted::Code { page: PAGE.into() }
}

#[test]
fn what_a_login_asks_goes_with_it_and_another_question_comes_up() {
    for (outcome, wanted) in [(Outcome::Done, code()), (Outcome::Cancelled, Wanted::Yes)] {
        let mut model = Model::new(Opening { signs_in_here: true, ..opening(true) });
        let effects = command(&mut model, Command::SignIn);
        assert!(matches!(effects.as_slice(), [Effect::Start(_, Job::SignIn)]), "{effects:?}");
        assert_eq!(command(&mut model, Command::SignIn), [], "one login at a time");
        send(&mut model, 0, asked(1, wanted));
        send(&mut model, 0, asked(2, Wanted::Secret));
        send(&mut model, 0, asked(3, code()));
        end(&mut model, 1, outcome);
        let Some(Dialog::Secret(form)) = &model.dialog else { panic!("{:?}", model.dialog) };
        assert_eq!(form.question.id, QuestionId(2));
        assert!(model.questions.is_empty());
    }
}

#[test]
fn a_login_that_could_not_be_made_is_offered_anew_and_one_that_was_left_is_not() {
    let failure = Failure::new(FailureKind::SignIn, Step::Account, "it expired", "sign in again");
    for (outcome, level) in
        [(Outcome::Failed(failure), Level::Error), (Outcome::Cancelled, Level::Info)]
    {
        let mut model = Model::new(Opening { signs_in_here: true, ..opening(true) });
        command(&mut model, Command::SignIn);
        let until = model.now + jiff::SignedDuration::from_mins(10);
        let wanted = Wanted::Confirmation { page: PAGE.into(), code: "A-B".into(), until };
        send(&mut model, 0, asked(1, wanted));
        assert!(model.needs_tick(), "it counts down");
        end(&mut model, 1, outcome);
        let is_menu = matches!(&model.dialog, Some(Dialog::Menu(menu)) if menu.is_signed_out());
        assert_eq!(is_menu, level == Level::Error, "{:?}", model.dialog);
        let said: Vec<Level> = model.log.events().lines().map(|line| line.level).collect();
        assert_eq!(said, [level], "{:?}", model.log);
    }
}

#[test]
fn who_is_signed_in_by_keys_is_told_so_and_nobody_is_asked() {
    let mut model = model();
    assert_eq!(command(&mut model, Command::SignIn), [Effect::SignIn], "nobody is known yet");
    model.account = Some(Account {
        id: "123456789012".into(),
        creator: "alice".into(),
        arn: "arn:aws:iam::123456789012:user/alice".into(),
        regions: Vec::new(),
    });
    assert_eq!(command(&mut model, Command::SignIn), []);
    let said = &model.flash.as_ref().unwrap().text;
    assert_eq!(said, "login: signed in as alice; these credentials need no login");
    let failure = Failure::new(FailureKind::SignIn, Step::Account, "it expired", "sign in again");
    model.login_ended = Some(failure);
    assert_eq!(command(&mut model, Command::SignIn), [Effect::SignIn], "the login has ended");
}

#[test]
fn the_page_of_a_question_is_opened_and_copied_while_it_is_asked() {
    let mut model = model();
    let [open, copy] = [PageCommand::Open, PageCommand::Copy].map(Command::Page);
    assert_eq!(command(&mut model, open.clone()), []);
    send(&mut model, 0, asked(1, code()));
    assert_eq!(command(&mut model, open), [Effect::Open(PAGE.into())]);
    assert_eq!(command(&mut model, copy), [Effect::Copy(PAGE.into())]);
    assert!(model.dialog.is_some(), "it is asked all the while");
    assert_eq!(
        command(&mut model, Command::Press(Press::Back)),
        [Effect::Answer(QuestionId(1), None)]
    );
}
