//! Whether to do something to what is named here.

use std::collections::{BTreeMap, BTreeSet};

use super::next::Next;
use crate::app::action::{By, Way};
use crate::app::command::{Command, Press};
use crate::app::{Action, Scope, TextField};
use crate::fleet::{Amount, Health, JobId, Region};

/// A row that the question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfirmRow {
    /// Its name: id and address.
    pub label: String,
    /// Where it is.
    pub region: Region,
    /// Its phase's word.
    pub phase: &'static str,
    /// What that means.
    pub health: Health,
}

/// Whether to do an action to what is named here.
#[derive(Debug, Clone)]
pub struct ConfirmForm {
    /// What is done on Yes.
    pub action: Action,
    /// To what.
    pub scope: Scope,
    /// How it was asked for.
    pub way: &'static Way,
    /// The question.
    pub question: String,
    /// The rows that were there when the dialog opened.
    pub targets: Vec<ConfirmRow>,
    /// What it means for the bill.
    pub bill: Freed,
    /// The word to type; `None` where Yes is enough.
    pub word: Option<String>,
    /// What was typed.
    pub typed: TextField,
    /// Whether Yes is chosen.
    pub yes: bool,
    /// What the tags tell of it, where the rows do not tell all that goes.
    pub found: Option<Findings>,
    /// The first line of the list that is shown.
    pub top: usize,
}

/// What an action frees of what its rows cost, and what goes on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Freed {
    /// What they cost no more, an hour.
    pub hourly: Amount,
    /// What of machines stays when their instances end, a month; `None` where nothing does.
    pub kept: Option<Amount>,
    /// Whether snapshots are in that: at the most that they can cost.
    pub has_snapshots: bool,
}

/// What a job finds while its dialog is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// The job, until it has ended.
    pub by: Option<JobId>,
    /// What it said, by region.
    pub lines: BTreeSet<(Region, String)>,
}

impl ConfirmForm {
    /// A question that is answered No so far; `None` where this needs no question.
    pub fn new(
        action: Action,
        scope: Scope,
        way: &'static Way,
        question: String,
        (targets, bill): (Vec<ConfirmRow>, Freed),
    ) -> Option<Self> {
        let word = match action.entry().confirm.by(&scope, targets.len()) {
            By::Nothing => return None,
            By::Yes => None,
            By::Word(word) => Some(word),
        };
        Some(Self {
            action,
            scope,
            way,
            question,
            targets,
            bill,
            word,
            typed: TextField::default(),
            yes: false,
            found: None,
            top: 0,
        })
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

    /// Whether Enter does it now.
    pub fn is_confirmed(&self) -> bool {
        let is_something = self.found.as_ref().is_none_or(|found| !found.lines.is_empty());
        let is_said = self.word.as_ref().map_or(self.yes, |word| word == self.typed.text().trim());
        is_something && is_said
    }

    pub(super) fn on_press(&mut self, press: Press) -> Next {
        match press {
            Press::Accept if self.is_looking() => {}
            Press::Accept if self.is_confirmed() => {
                return Next::Do(Command::Act(self.action.clone(), self.scope.clone()));
            }
            // A wrong word is not a No: the user sees what is missing. An untyped one is.
            Press::Accept if self.word.is_some() && !self.typed.text().is_empty() => {}
            Press::Accept | Press::Back => return Next::Close,
            Press::Choose(choose) => {
                self.yes = choose.of_two(self.yes);
                if choose.is_an_answer() {
                    return self.on_press(Press::Accept);
                }
            }
            Press::Edit(edit) if self.word.is_some() => self.typed.edit(edit),
            Press::Move(motion) => self.top = motion.from(self.top, self.lines(), PAGE),
            // A click on a button is as good as its key and Enter.
            Press::Pick(at) if self.word.is_none() => {
                self.yes = at == 1;
                return self.on_press(Press::Accept);
            }
            Press::Edit(_)
            | Press::Complete
            | Press::Recall(_)
            | Press::Pick(_)
            | Press::More
            | Press::Less
            | Press::Column(_) => {}
        }
        Next::Stay
    }

    /// How many lines its list has at the most: what is long takes several.
    fn lines(&self) -> usize {
        let lines = |found: &Findings| found.lines.iter().map(|(_, it)| 1 + it.len() / 40).sum();
        self.found.as_ref().map_or(self.targets.len(), lines)
    }
}

/// By how many lines a page of the list moves.
const PAGE: usize = 5;
