//! What is asked or explained over the table. A dialog acts on what it named when it opened,
//! never on the row that is under the cursor by then.

mod columns;
mod confirm;
mod create;
mod leave;
mod line;
mod menu;
mod next;
mod palette;
mod quit;
mod secret;
mod strip;

pub use columns::ColumnsForm;
pub use confirm::{ConfirmForm, ConfirmRow, Findings, Freed};
pub use create::CreateForm;
pub use leave::Leave;
pub use menu::{Menu, MenuItem};
pub(super) use next::Next;
pub use palette::{Palette, Proposal, Words};
pub use quit::QuitForm;
pub use secret::SecretForm;
pub use strip::Strip;

use super::command::Press;
use super::keymap::Context;

/// What lies over the table.
#[derive(Debug, Clone)]
pub enum Dialog {
    /// How many to create, and where.
    Create(CreateForm),
    /// Whether to do something.
    Confirm(Box<ConfirmForm>),
    /// Whether to leave although jobs are at work.
    Quit(QuitForm),
    /// A secret for a job, or another answer that it waits for.
    Secret(SecretForm),
    /// Which columns the table shows.
    Columns(ColumnsForm),
    /// A few things to choose from.
    Menu(Menu),
    /// A command that is typed.
    Palette(Palette),
    /// The keys that can follow one.
    Strip(Strip),
    /// The keys that work in a context.
    Help {
        /// The context that the help was called in.
        context: Context,
        /// The first line shown.
        top: usize,
    },
    /// Something went wrong before it began.
    Notice {
        /// What was tried.
        title: String,
        /// Why it cannot be done.
        text: String,
        /// What to do.
        hint: String,
    },
}

impl Dialog {
    /// Whether it wants an answer before anything else: what lies below does not matter until then. In
    /// the others one sees there what they do: columns, a theme.
    pub fn is_question(&self) -> bool {
        match self {
            Self::Create(_)
            | Self::Confirm(_)
            | Self::Quit(_)
            | Self::Secret(_)
            | Self::Menu(_)
            | Self::Notice { .. } => true,
            Self::Columns(_) | Self::Palette(_) | Self::Strip(_) | Self::Help { .. } => false,
        }
    }

    /// Whether it says how much time there is left.
    pub(super) fn counts_down(&self) -> bool {
        matches!(self, Self::Secret(form) if form.is_confirmed_elsewhere())
    }

    /// What has the keyboard while it is open.
    pub fn context(&self) -> Context {
        match self {
            Self::Create(form) if form.choice.is_none() => Context::Counts,
            Self::Confirm(form) if form.word.is_some() => Context::Word,
            Self::Create(_) | Self::Confirm(_) | Self::Quit(_) => Context::Choice,
            Self::Menu(_) => Context::Menu,
            Self::Secret(form) if form.is_confirmed_elsewhere() => Context::Page,
            Self::Secret(form) if form.page().is_some() => Context::Code,
            Self::Secret(_) => Context::Secret,
            Self::Columns(_) => Context::Columns,
            Self::Palette(_) => Context::Palette,
            Self::Strip(_) => Context::Strip,
            Self::Help { .. } | Self::Notice { .. } => Context::Reading,
        }
    }
}

/// What is pressed in a dialog. `page` and `lines` are the window and the length of what a reading
/// dialog shows.
pub(super) fn apply(dialog: &mut Dialog, press: Press, page: usize, lines: usize) -> Next {
    match dialog {
        Dialog::Create(form) => form.on_press(press),
        Dialog::Confirm(form) => form.on_press(press),
        Dialog::Quit(form) => form.on_press(press),
        Dialog::Secret(form) => form.on_press(press),
        Dialog::Menu(menu) => menu.on_press(press),
        Dialog::Strip(strip) => strip.on_press(press),
        Dialog::Columns(form) => form.on_press(press),
        // Its line is read with the keymap at hand.
        Dialog::Palette(_) => Next::Stay,
        Dialog::Help { top, .. } => {
            if let Press::Move(motion) = press {
                // The window, not a cursor, moves: the last line stops at the lower edge.
                *top = motion.from(*top, (lines + 1).saturating_sub(page), page);
            }
            in_reading(press)
        }
        Dialog::Notice { .. } => in_reading(press),
    }
}

fn in_reading(press: Press) -> Next {
    match press {
        Press::Back | Press::Accept => Next::Close,
        Press::Move(_)
        | Press::Edit(_)
        | Press::Complete
        | Press::Recall(_)
        | Press::Pick(_)
        | Press::Choose(_)
        | Press::More
        | Press::Less
        | Press::Column(_) => Next::Stay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::command::{Choose, Command, Motion};
    use crate::app::{Action, Aim, Counts, Edit, Question, Scope, Secret};
    use crate::fleet::Health;

    fn press(dialog: &mut Dialog, presses: &[Press]) -> Next {
        let mut next = Next::Stay;
        for press in presses {
            next = apply(dialog, *press, 10, 10);
        }
        next
    }

    fn kind(character: char) -> Press {
        Press::Edit(Edit::InsertChar(character))
    }

    fn typed(text: &str) -> Vec<Press> {
        text.chars().map(kind).chain([Press::Accept]).collect()
    }

    fn target(label: &str) -> ConfirmRow {
        ConfirmRow {
            label: label.into(),
            region: "us-west-2".into(),
            phase: "Ready",
            health: Health::Good,
        }
    }

    fn confirm(aim: Aim, scope: Scope, count: usize) -> Dialog {
        let targets = (0..count).map(|number| target(&number.to_string())).collect();
        let way = Action::Destroy.way(aim).unwrap();
        let known = (targets, Freed::default());
        Dialog::Confirm(Box::new(
            ConfirmForm::new(Action::Destroy, scope, way, "Destroy?".into(), known).unwrap(),
        ))
    }

    fn destroy(count: usize) -> Dialog {
        let keys = (0..count).map(|number| number.to_string().into()).collect();
        confirm(Aim::Chosen, Scope::Instances(keys), count)
    }

    #[test]
    fn one_instance_takes_a_yes_and_enter_alone_is_no() {
        assert_eq!(press(&mut destroy(1), &[Press::Accept]), Next::Close);
        assert_eq!(press(&mut destroy(1), &[Press::Choose(Choose::No)]), Next::Close);
        let done = Next::Do(Command::destroy(Scope::Instances(vec!["0".into()])));
        let next = press(&mut destroy(1), &[Press::Choose(Choose::Next), Press::Accept]);
        assert_eq!(next, done);
        assert_eq!(press(&mut destroy(1), &[Press::Choose(Choose::Yes)]), done);
    }

    #[test]
    fn several_take_their_number() {
        assert_eq!(press(&mut destroy(3), &typed("2")), Next::Stay);
        assert_eq!(press(&mut destroy(3), &typed("")), Next::Close);
        assert!(matches!(press(&mut destroy(3), &typed("3")), Next::Do(_)));
        assert_eq!(press(&mut destroy(3), &[Press::Choose(Choose::Yes)]), Next::Close);
    }

    #[test]
    fn everything_takes_the_word_all() {
        let mut dialog = confirm(Aim::Deployment, Scope::All, 1);
        assert_eq!(dialog.context(), Context::Word);
        assert_eq!(press(&mut dialog, &typed("1")), Next::Stay);
        press(&mut dialog, &[Press::Edit(Edit::DeleteLine)]);
        assert_eq!(press(&mut dialog, &typed("all")), Next::Do(Command::destroy(Scope::All)));
    }

    #[test]
    fn counts_are_typed_stepped_and_confirmed() {
        let rows = vec![("a".into(), 1), ("b".into(), 2)];
        let mut dialog = Dialog::Create(CreateForm::new(rows));
        press(&mut dialog, &[kind('1'), kind('2'), Press::Move(Motion::Down)]);
        press(&mut dialog, &[Press::Less, Press::Less, Press::Less]);
        assert_eq!(press(&mut dialog, &[Press::Accept, Press::Accept]), Next::Stay);
        let next = press(&mut dialog, &[Press::Accept, Press::Choose(Choose::Yes)]);
        let counts = Counts::from([("a".into(), 12)]);
        assert_eq!(next, Next::Do(Command::more(counts)));
    }

    #[test]
    fn a_count_has_a_ceiling_and_none_at_all_goes_nowhere() {
        let mut dialog = Dialog::Create(CreateForm::new(vec![("a".into(), 0)]));
        assert_eq!(press(&mut dialog, &[Press::Accept]), Next::Stay);
        assert_eq!(dialog.context(), Context::Counts);
        press(&mut dialog, &typed("99999"));
        let Dialog::Create(form) = &dialog else { unreachable!() };
        assert_eq!(form.total(), 999);
    }

    #[test]
    fn a_secret_is_typed_and_an_empty_enter_answers_nothing() {
        let (id, wanted) = (crate::app::QuestionId(1), crate::app::Wanted::Secret);
        let question = Question { id, text: "Passphrase".into(), wanted };
        let mut dialog = Dialog::Secret(SecretForm::new(question));
        assert_eq!(press(&mut dialog, &[Press::Accept]), Next::Stay);
        press(&mut dialog, &[kind('ä'), kind('b'), Press::Edit(Edit::DeletePrevChar)]);
        assert!(!format!("{dialog:?}").contains('ä'));
        assert_eq!(press(&mut dialog, &[Press::Accept]), Next::Answer(Secret::new("ä")));
    }
}
