//! What is asked or explained over the table. A dialog acts on what it named when it opened,
//! never on the row that is under the cursor by then.

mod columns;
mod leave;
mod menu;
mod next;
mod palette;

use std::collections::{BTreeMap, BTreeSet};

pub use columns::ColumnsForm;
pub use leave::{Leave, QuitForm};
pub use menu::Menu;
pub(super) use next::{Next, edit};
pub use palette::{Palette, Proposal};

use super::command::{Action, Choose, Command, Edit, Motion, Press};
use super::keymap::Context;
use super::{Counts, Question, Scope, Secret};
use crate::fleet::{Health, JobId, Region};

/// What lies over the table.
#[derive(Debug, Clone, PartialEq)]
pub enum Dialog {
    /// How many to create, and where.
    Create(CreateForm),
    /// Whether to destroy.
    Destroy(DestroyForm),
    /// Whether to leave although jobs are at work.
    Quit(QuitForm),
    /// A secret for a job.
    Secret(SecretForm),
    /// Which columns the table shows.
    Columns(ColumnsForm),
    /// A few things to choose from.
    Menu(Menu),
    /// A command that is typed.
    Palette(Palette),
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
    /// What has the keyboard while it is open.
    pub fn context(&self) -> Context {
        match self {
            Self::Create(form) if form.choice.is_none() => Context::Counts,
            Self::Destroy(form) if form.word.is_some() => Context::Word,
            Self::Create(_) | Self::Destroy(_) | Self::Quit(_) | Self::Menu(_) => Context::Choice,
            Self::Secret(_) => Context::Secret,
            Self::Columns(_) => Context::Columns,
            Self::Palette(_) => Context::Palette,
            Self::Help { .. } | Self::Notice { .. } => Context::Reading,
        }
    }
}

/// The most that can be asked for in one region at once. A slip of the finger on a digit shall
/// not cost a fortune; more goes by `instances_per_region`.
const MOST: u32 = 999;

/// A count for each configured region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateForm {
    /// The regions in the order of the configuration.
    pub rows: Vec<(Region, u32)>,
    /// The row under the cursor.
    pub at: usize,
    /// `Some` once the counts stand: whether Yes is chosen.
    pub choice: Option<bool>,
    /// Whether the next digit begins a new number.
    fresh: bool,
}

impl CreateForm {
    /// The counts to start from.
    pub fn new(rows: Vec<(Region, u32)>) -> Self {
        Self { rows, at: 0, choice: None, fresh: true }
    }

    /// Instances in all.
    pub fn total(&self) -> u64 {
        self.rows.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// The counts, without the regions that get none.
    pub fn counts(&self) -> Counts {
        self.rows.iter().filter(|(_, count)| *count > 0).cloned().collect()
    }

    fn go(&mut self, motion: Motion) {
        self.at = motion.from(self.at, self.rows.len(), self.rows.len());
        self.fresh = true;
    }

    fn change(&mut self, change: impl FnOnce(u32) -> u32) {
        if let Some((_, count)) = self.rows.get_mut(self.at) {
            *count = change(*count).min(MOST);
        }
    }

    fn digit(&mut self, digit: u32) {
        let fresh = std::mem::replace(&mut self.fresh, false);
        self.change(|count| if fresh { digit } else { count * 10 + digit });
    }
}

/// A row that a destroy was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name: id and address.
    pub label: String,
    /// Where it is.
    pub region: Region,
    /// Its phase's word.
    pub phase: &'static str,
    /// What that means.
    pub health: Health,
}

/// Whether to destroy what is named here.
#[derive(Debug, Clone, PartialEq)]
pub struct DestroyForm {
    /// What is done on Yes.
    pub action: Action,
    /// To what.
    pub scope: Scope,
    /// The rows that were there when the dialog opened.
    pub targets: Vec<Target>,
    /// The word to type, and what was typed; `None` where Yes is enough.
    pub word: Option<(String, String)>,
    /// Whether Yes is chosen.
    pub yes: bool,
    /// What the tags tell of it, where the rows do not tell all that goes.
    pub found: Option<Found>,
}

/// What a job finds while its dialog is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The job, until it has ended.
    pub by: Option<JobId>,
    /// What it said, by region.
    pub lines: BTreeSet<(Region, String)>,
}

impl DestroyForm {
    /// A question that is answered No so far. One row takes a Yes, several take their number,
    /// everything takes `all`, the account its number.
    pub fn new(action: Action, scope: Scope, targets: Vec<Target>) -> Self {
        let word = match (&scope, targets.len()) {
            (Scope::All, _) => Some("all".to_owned()),
            (Scope::Account(account, _), _) => Some(account.to_string()),
            (_, 0 | 1) => None,
            (_, several) => Some(several.to_string()),
        };
        let word = word.map(|word| (word, String::new()));
        Self { action, scope, targets, word, yes: false, found: None }
    }

    /// How many rows there are in each region.
    pub fn by_region(&self) -> BTreeMap<&Region, usize> {
        self.targets.iter().fold(BTreeMap::new(), |mut counts, target| {
            *counts.entry(&target.region).or_insert(0) += 1;
            counts
        })
    }

    /// Whether what would go is not told yet.
    pub fn is_looking(&self) -> bool {
        self.found.as_ref().is_some_and(|found| found.by.is_some())
    }

    fn is_confirmed(&self) -> bool {
        let is_something = self.found.as_ref().is_none_or(|found| !found.lines.is_empty());
        is_something && self.word.as_ref().map_or(self.yes, |(word, typed)| word == typed.trim())
    }
}

/// A secret for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretForm {
    /// What is asked.
    pub question: Question,
    typed: Secret,
}

impl SecretForm {
    /// The empty field for a question.
    pub fn new(question: Question) -> Self {
        Self { question, typed: Secret::default() }
    }

    /// How many characters were typed.
    pub fn len(&self) -> usize {
        self.typed.reveal().chars().count()
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.typed.reveal().is_empty()
    }

    fn edit(&mut self, change: impl FnOnce(&mut String)) {
        let mut typed = self.typed.reveal().to_owned();
        change(&mut typed);
        self.typed = Secret::new(typed);
    }
}

/// What is pressed in a dialog. `page` and `lines` are the window and the length of what a reading
/// dialog shows.
pub(super) fn apply(dialog: &mut Dialog, press: Press, page: usize, lines: usize) -> Next {
    match dialog {
        Dialog::Create(form) => in_create(form, press),
        Dialog::Destroy(form) => in_destroy(form, press),
        Dialog::Quit(form) => in_quit(form, press),
        Dialog::Secret(form) => in_secret(form, press),
        Dialog::Menu(menu) => menu.take(press),
        Dialog::Columns(form) => form.take(press),
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
        | Press::Choose(_)
        | Press::More
        | Press::Less
        | Press::Column(_) => Next::Stay,
    }
}

fn in_create(form: &mut CreateForm, press: Press) -> Next {
    if let Some(yes) = &mut form.choice {
        match press {
            Press::Choose(choose) => *yes = choose.of_two(*yes),
            Press::Accept if *yes => return Next::Do(Command::create(Some(form.counts()))),
            Press::Accept | Press::Back => form.choice = None,
            Press::Move(_)
            | Press::Edit(_)
            | Press::Complete
            | Press::More
            | Press::Less
            | Press::Column(_) => {}
        }
        return Next::Stay;
    }
    match press {
        Press::Move(motion) => form.go(motion),
        Press::More => form.change(|count| count.saturating_add(1)),
        Press::Less => form.change(|count| count.saturating_sub(1)),
        Press::Edit(Edit::Type(character)) => {
            if let Some(digit) = character.to_digit(10) {
                form.digit(digit);
            }
        }
        Press::Edit(Edit::Erase) => form.change(|count| count / 10),
        Press::Edit(Edit::EraseAll) => form.change(|_| 0),
        Press::Accept if form.total() > 0 => form.choice = Some(false),
        Press::Back => return Next::Close,
        Press::Accept | Press::Complete | Press::Choose(_) | Press::Column(_) => {}
    }
    Next::Stay
}

fn in_destroy(form: &mut DestroyForm, press: Press) -> Next {
    match press {
        Press::Accept if form.is_looking() => {}
        Press::Accept if form.is_confirmed() => {
            return Next::Do(Command::Act(form.action.clone(), form.scope.clone()));
        }
        // A wrong word is not a No: the user sees what is missing. An untyped one is.
        Press::Accept if form.word.as_ref().is_some_and(|(_, typed)| !typed.is_empty()) => {}
        Press::Accept | Press::Back => return Next::Close,
        Press::Choose(choose) => form.yes = choose.of_two(form.yes),
        Press::Edit(key) => {
            if let Some((_, typed)) = &mut form.word {
                edit(typed, key);
            }
        }
        Press::Move(_) | Press::Complete | Press::More | Press::Less | Press::Column(_) => {}
    }
    Next::Stay
}

fn in_quit(form: &mut QuitForm, press: Press) -> Next {
    let count = Leave::ALL.len();
    match press {
        Press::Choose(Choose::Next) => form.at = (form.at + 1) % count,
        Press::Choose(Choose::Previous) => form.at = (form.at + count - 1) % count,
        Press::Choose(Choose::No) => form.at = 0,
        Press::Accept => return Next::Leave(form.choice()),
        Press::Back => return Next::Close,
        // There are several ways to say yes.
        Press::Choose(Choose::Yes)
        | Press::Move(_)
        | Press::Edit(_)
        | Press::Complete
        | Press::More
        | Press::Less
        | Press::Column(_) => {}
    }
    Next::Stay
}

fn in_secret(form: &mut SecretForm, press: Press) -> Next {
    match press {
        // The dialog came by itself: an Enter that was meant for the table answers nothing.
        Press::Accept if form.is_empty() => {}
        Press::Accept => return Next::Answer(std::mem::take(&mut form.typed)),
        Press::Back => return Next::Close,
        Press::Edit(key) => form.edit(|typed| edit(typed, key)),
        Press::Move(_)
        | Press::Complete
        | Press::Choose(_)
        | Press::More
        | Press::Less
        | Press::Column(_) => {}
    }
    Next::Stay
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(dialog: &mut Dialog, presses: &[Press]) -> Next {
        let mut next = Next::Stay;
        for press in presses {
            next = apply(dialog, *press, 10, 10);
        }
        next
    }

    fn kind(character: char) -> Press {
        Press::Edit(Edit::Type(character))
    }

    fn typed(text: &str) -> Vec<Press> {
        text.chars().map(kind).chain([Press::Accept]).collect()
    }

    fn target(label: &str) -> Target {
        Target {
            label: label.into(),
            region: "us-west-2".into(),
            phase: "Ready",
            health: Health::Good,
        }
    }

    fn destroy(count: usize) -> Dialog {
        let keys = (0..count).map(|number| number.to_string().into()).collect();
        let targets = (0..count).map(|number| target(&number.to_string())).collect();
        Dialog::Destroy(DestroyForm::new(Action::Destroy, Scope::Instances(keys), targets))
    }

    #[test]
    fn one_instance_takes_a_yes_and_enter_alone_is_no() {
        assert_eq!(press(&mut destroy(1), &[Press::Accept]), Next::Close);
        let next = press(&mut destroy(1), &[Press::Choose(Choose::Next), Press::Accept]);
        assert_eq!(next, Next::Do(Command::destroy(Scope::Instances(vec!["0".into()]))));
    }

    #[test]
    fn several_take_their_number() {
        assert_eq!(press(&mut destroy(3), &typed("2")), Next::Stay);
        assert_eq!(press(&mut destroy(3), &typed("")), Next::Close);
        assert!(matches!(press(&mut destroy(3), &typed("3")), Next::Do(_)));
        assert_eq!(
            press(&mut destroy(3), &[Press::Choose(Choose::Yes), Press::Accept]),
            Next::Close
        );
    }

    #[test]
    fn everything_takes_the_word_all() {
        let mut dialog =
            Dialog::Destroy(DestroyForm::new(Action::Destroy, Scope::All, vec![target("a")]));
        assert_eq!(dialog.context(), Context::Word);
        assert_eq!(press(&mut dialog, &typed("1")), Next::Stay);
        press(&mut dialog, &[Press::Edit(Edit::EraseAll)]);
        assert_eq!(press(&mut dialog, &typed("all")), Next::Do(Command::destroy(Scope::All)));
    }

    #[test]
    fn counts_are_typed_stepped_and_confirmed() {
        let rows = vec![("a".into(), 1), ("b".into(), 2)];
        let mut dialog = Dialog::Create(CreateForm::new(rows));
        press(&mut dialog, &[kind('1'), kind('2'), Press::Move(Motion::Down)]);
        press(&mut dialog, &[Press::Less, Press::Less, Press::Less]);
        assert_eq!(press(&mut dialog, &[Press::Accept, Press::Accept]), Next::Stay);
        let next = press(&mut dialog, &[Press::Accept, Press::Choose(Choose::Yes), Press::Accept]);
        let counts = Counts::from([("a".into(), 12)]);
        assert_eq!(next, Next::Do(Command::create(Some(counts))));
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
        let question = Question { id: crate::app::QuestionId(1), text: "Passphrase".into() };
        let mut dialog = Dialog::Secret(SecretForm::new(question));
        assert_eq!(press(&mut dialog, &[Press::Accept]), Next::Stay);
        press(&mut dialog, &[kind('ä'), kind('b'), Press::Edit(Edit::Erase)]);
        assert!(!format!("{dialog:?}").contains('ä'));
        assert_eq!(press(&mut dialog, &[Press::Accept]), Next::Answer(Secret::new("ä")));
    }
}
