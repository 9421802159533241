//! The command line: every action of the keymap by its name, and those that take words.
//!
//! What is typed is read by `line`; this is what of it is proposed, chosen and remembered.

use super::line::{self, VERBS, Verb};
use crate::app::command::{Motion, Older, Press};
use crate::app::history::History;
use crate::app::keymap::Keymap;
use crate::app::{Command, TextField};

pub use super::line::{Proposal, Words};

/// The command line while it is typed.
#[derive(Debug, Clone, Default)]
pub struct Palette {
    /// What was typed.
    pub field: TextField,
    /// The place of the chosen proposal.
    pub at: usize,
    /// Whether the arrows go through what was typed earlier, and how far back they are.
    back: Option<usize>,
    /// What was typed before they did: they go through what begins like it.
    begun: String,
}

impl Palette {
    /// A line that was begun.
    pub(in crate::app) fn of(typed: &str) -> Self {
        Self { field: TextField::of(typed), ..Self::default() }
    }

    /// What could be meant by what was typed so far, the likeliest first.
    pub fn proposals(&self, words: &Words<'_>) -> Vec<Proposal> {
        let typed = self.field.text().trim_start();
        match typed.split_once(' ') {
            None => verbs(typed.trim(), words.keymap),
            Some((verb, rest)) => line::continuations(verb, rest, words),
        }
    }

    /// What the verb that was typed does, where it takes words that nobody can propose.
    pub fn help(&self) -> Option<&'static str> {
        let (word, _) = self.field.text().trim_start().split_once(' ')?;
        VERBS.iter().find(|verb| verb.word == word).map(|verb| verb.help)
    }

    /// Takes what is pressed; what is meant is for [`Palette::meant`].
    pub(in crate::app) fn on_press(&mut self, press: Press, words: &Words<'_>, history: &History) {
        match press {
            // Above the first proposal is what was typed before.
            Press::Move(Motion::Up) if self.at == 0 => self.recall(history, true),
            Press::Move(Motion::Down) if self.back.is_some() => self.recall(history, false),
            Press::Move(motion) => {
                let count = self.proposals(words).len();
                self.at = motion.from(self.at, count, count);
            }
            Press::Recall(older) => self.recall(history, older == Older::Yes),
            Press::Pick(at) => self.at = at,
            Press::Complete => {
                if let Some(proposal) = self.proposals(words).into_iter().nth(self.at) {
                    let more = VERBS.iter().any(|verb| verb.word == proposal.line);
                    *self = Self::of(&(proposal.line + if more { " " } else { "" }));
                }
            }
            Press::Edit(edit) => {
                self.field.edit(edit);
                (self.at, self.back) = (0, None);
            }
            Press::Accept
            | Press::Back
            | Press::Choose(_)
            | Press::More
            | Press::Less
            | Press::Column(_) => {}
        }
    }

    /// Puts a pasted text where the cursor is. Says why not.
    pub(in crate::app) fn paste(&mut self, text: &str) -> Result<(), String> {
        (self.at, self.back) = (0, None);
        self.field.paste(text)
    }

    fn recall(&mut self, history: &History, older: bool) {
        if self.back.is_none() {
            self.field.text().clone_into(&mut self.begun);
        }
        let (back, line) = history.step(self.back, older, &self.begun);
        self.field = TextField::of(line);
        self.back = back;
    }

    /// The command that is meant, or why there is none. A line that is none by itself means the
    /// chosen proposal.
    pub(in crate::app) fn meant(&self, words: &Words<'_>) -> Result<Command, String> {
        let typed = self.field.text().trim();
        let proposals = self.proposals(words);
        let chosen = proposals.get(self.at).map(|proposal| proposal.line.as_str());
        if self.at > 0
            && let Some(chosen) = chosen
        {
            return line::read(chosen, words);
        }
        line::read(typed, words).or_else(|why| match chosen {
            Some(chosen) if !typed.is_empty() && line::may_be_guessed(typed) => {
                line::read(chosen, words)
            }
            _ => Err(why),
        })
    }
}

/// The verbs that begin with what was typed, then those that have its letters in that order.
fn verbs(typed: &str, keymap: &Keymap) -> Vec<Proposal> {
    let actions = keymap.actions().map(|(binding, keys)| Proposal {
        line: binding.name.to_owned(),
        keys: keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(" "),
        help: binding.help.to_owned(),
    });
    let mut all: Vec<Proposal> = actions.collect();
    let unbound = |verb: &&Verb| !keymap.actions().any(|(binding, _)| binding.name == verb.word);
    all.extend(VERBS.iter().filter(unbound).map(|verb| Proposal {
        line: verb.word.to_owned(),
        keys: String::new(),
        help: verb.help.to_owned(),
    }));
    let mut ranked: Vec<(u8, Proposal)> = all
        .into_iter()
        .filter_map(|proposal| Some((rank(&proposal.line, typed)?, proposal)))
        .collect();
    ranked.sort_by(|(a, one), (b, other)| (a, &one.line).cmp(&(b, &other.line)));
    // Letters here and there count only where nothing has them together.
    let together = ranked.iter().any(|(rank, _)| *rank < SCATTERED);
    ranked.retain(|(rank, _)| *rank < SCATTERED || !together);
    ranked.into_iter().map(|(_, proposal)| proposal).collect()
}

/// The rank of a word that has what was typed letter by letter, with others between them.
const SCATTERED: u8 = 2;

/// How well a word is meant by what was typed: 0 best, `None` not at all.
fn rank(word: &str, typed: &str) -> Option<u8> {
    if word.starts_with(typed) {
        return Some(0);
    }
    if word.contains(typed) {
        return Some(1);
    }
    let mut letters = word.chars();
    typed.chars().all(|wanted| letters.any(|letter| letter == wanted)).then_some(SCATTERED)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::app::{
        Action, Aim, Copied, Field, LeaveCommand, LinesCommand, RowCommand, SavedView, Scope,
        ScreenCommand, TableCommand, ViewCommand,
    };
    use crate::fleet::{Ec2State, Fleet, Instance, Phase};

    /// Two in us-west-2, one in eu-west-1, each with its id as its key.
    fn fleet() -> Fleet {
        let mut fleet = Fleet::default();
        for (id, region) in [("i-0a", "us-west-2"), ("i-0b", "us-west-2"), ("i-09", "eu-west-1")] {
            let now = Timestamp::UNIX_EPOCH;
            let mut row = Instance::planned(id.into(), region.into(), "spot-1".into(), now);
            row.machine = Some(crate::app::update::tests::machine(id, region, Ec2State::Running));
            row.phase = Phase::Running;
            fleet.insert(row);
        }
        fleet
    }

    fn with<T>(text: &str, ask: impl FnOnce(&mut Palette, &Words<'_>) -> T) -> T {
        let (keymap, fleet) = (Keymap::default(), fleet());
        let views = &[("bad".to_owned(), SavedView::default())].into();
        let words = Words { keymap: &keymap, fleet: &fleet, config: None, views, visits: None };
        ask(&mut Palette::of(text), &words)
    }

    fn meant(text: &str) -> Result<Command, String> {
        with(text, |palette, words| palette.meant(words))
    }

    fn lines(text: &str) -> Vec<String> {
        let proposals = with(text, |palette, words| palette.proposals(words));
        proposals.into_iter().map(|proposal| proposal.line).collect()
    }

    fn rows(keys: &[&str]) -> Scope {
        Scope::Instances(keys.iter().map(|key| (*key).into()).collect())
    }

    #[test]
    fn every_action_can_be_typed() {
        let keymap = Keymap::default();
        for (binding, _) in keymap.actions() {
            assert_eq!(meant(binding.name), Ok(binding.command.clone()), "{}", binding.name);
        }
        assert_eq!(meant("q"), Ok(Command::Leave(LeaveCommand::Quit)));
    }

    #[test]
    fn what_begins_alike_is_proposed_first_and_completed() {
        assert_eq!(lines("des")[0], "destroy");
        assert_eq!(lines("dsrg"), ["destroy-region"]);
        assert_eq!(lines("theme li"), ["theme light"]);
        assert_eq!(lines("columns region ph"), ["columns region phase"]);
        assert_eq!(lines("ssh i-0"), ["ssh i-09", "ssh i-0a", "ssh i-0b"]);
        assert_eq!(lines("destroy eu"), ["destroy eu-west-1"]);
        assert_eq!(lines("exec --region us"), ["exec --region us-west-2"]);
        let typed = with("so", |palette, words| {
            palette.on_press(Press::Complete, words, &History::default());
            palette.field.text().to_owned()
        });
        assert_eq!(typed, "sort ");
    }

    #[test]
    fn words_are_taken_and_nonsense_is_told() {
        assert_eq!(meant("sort age"), Ok(Command::Table(TableCommand::SortBy(Field::Age))));
        let filter = TableCommand::SetFilter("phase:failed us".into());
        assert_eq!(meant("filter phase:failed us"), Ok(Command::Table(filter)));
        let columns = TableCommand::SetColumns(vec![Field::Phase, Field::Region]);
        assert_eq!(meant("columns phase,region"), Ok(Command::Table(columns)));
        assert_eq!(
            meant("theme l"),
            Ok(Command::Screen(ScreenCommand::Theme(crate::config::ThemeName::Light)))
        );
        assert_eq!(meant("theme pink").unwrap_err(), "'pink' is no theme");
        assert_eq!(meant("quit now").unwrap_err(), "'quit' takes no arguments");
        assert!(meant("").is_err() && meant("§").is_err());
        assert_eq!(meant("view b"), Ok(Command::View(ViewCommand::Show("bad".into()))));
        assert!(meant("view zz").unwrap_err().contains("no saved view"));
        let table = LinesCommand::ExportTable(Some("a.csv".into()));
        assert_eq!(meant("export a.csv"), Ok(Command::Lines(table)));
    }

    #[test]
    fn an_action_is_meant_for_what_is_named() {
        let destroy = |scope| Ok(Command::AskFor(Action::Destroy, scope));
        assert_eq!(
            meant("destroy i-0a 0"),
            Err("no instance of this deployment is called '0': see `spot-tui list`".into())
        );
        assert_eq!(meant("destroy i-0a i-09"), destroy(rows(&["i-0a", "i-09"])));
        assert_eq!(meant("destroy us-west-2"), destroy(Scope::Region("us-west-2".into())));
        assert_eq!(
            meant("diagnose --region us-west-2"),
            Ok(Command::AskFor(Action::Diagnose, rows(&["i-0a", "i-0b"])))
        );
        assert_eq!(meant("ssh i-09"), Ok(Command::Row(RowCommand::Shell(Some("i-09".into())))));
        assert!(meant("ssh i-0").unwrap_err().contains("may be any of"));
        let go = Command::Table(TableCommand::Select("i-09".into()));
        assert_eq!(meant("go eu-west-1"), Ok(go));
    }

    #[test]
    fn a_command_for_nodes_is_taken_as_it_stands() {
        let exec = |command: &str| Action::Exec(command.into());
        assert_eq!(meant("exec df -h  /"), Ok(Command::Ask(exec("df -h  /"), Aim::Chosen)));
        assert_eq!(
            meant("exec --region us-west-2 -- ls -- -x"),
            Ok(Command::AskFor(exec("ls -- -x"), rows(&["i-0a", "i-0b"])))
        );
        assert_eq!(
            meant("exec --on i-09 -- uptime"),
            Ok(Command::AskFor(exec("uptime"), rows(&["i-09"])))
        );
        assert_eq!(meant("exec -- ls"), Ok(Command::Ask(exec("ls"), Aim::Chosen)));
        assert!(meant("exec --region us-west-2").is_err());
    }

    #[test]
    fn a_chosen_proposal_wins_over_what_was_typed() {
        let copied = with("copy", |palette, words| {
            palette.on_press(Press::Move(Motion::Down), words, &History::default());
            palette.meant(words)
        });
        assert_eq!(copied, Ok(Command::Row(RowCommand::Copy(Copied::Id))));
    }

    #[test]
    fn up_goes_back_to_what_was_typed() {
        let mut history = History::default();
        history.push("sort age");
        history.push("go eu-west-1");
        let typed = with("", |palette, words| {
            let mut seen = Vec::new();
            for motion in [Motion::Up, Motion::Up, Motion::Down, Motion::Down] {
                palette.on_press(Press::Move(motion), words, &history);
                seen.push(palette.field.text().to_owned());
            }
            seen
        });
        assert_eq!(typed, ["go eu-west-1", "sort age", "go eu-west-1", ""]);
    }
}
