//! The command line: every action of the keymap by its name, and a few that take words.

use super::next::edit;
use crate::app::Field;
use crate::app::command::{
    Action, Aim, Command, Copied, LinesCommand, Press, RowCommand, ScreenCommand, TableCommand,
};
use crate::app::keymap::Keymap;
use crate::config::ThemeName;

/// The command line while it is typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Palette {
    /// What was typed.
    pub typed: String,
    /// The place of the chosen proposal.
    pub at: usize,
}

/// Something that could be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The line that it completes to.
    pub line: String,
    /// Its keys, where it has some.
    pub keys: String,
    /// What it does.
    pub help: String,
}

/// What follows the word of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    /// A name of a field.
    Field,
    /// Names of fields.
    Fields,
    /// A theme.
    Theme,
    /// What to copy.
    Copied,
    /// Anything.
    Text,
}

/// The commands that take words, and what those are.
const VERBS: [(&str, Words, &str); 7] = [
    ("filter", Words::Text, "show only rows with these words: region:us phase:failed -type:t3"),
    ("sort", Words::Field, "sort by this column; again: the other way round"),
    ("columns", Words::Fields, "show these columns, in this order"),
    ("copy", Words::Copied, "copy something of the row under the cursor"),
    ("theme", Words::Theme, "colours and signs"),
    ("export", Words::Text, "write the events to this file"),
    ("run", Words::Text, "run this on the marked instances, else on the one under the cursor"),
];

const COPIED: [(&str, Copied); 3] =
    [("address", Copied::Address), ("id", Copied::Id), ("ssh", Copied::Ssh)];

impl Palette {
    /// A line that was begun.
    pub(in crate::app) fn of(typed: &str) -> Self {
        Self { typed: typed.to_owned(), at: 0 }
    }

    /// What could be meant by what was typed so far, the likeliest first.
    pub fn proposals(&self, keymap: &Keymap) -> Vec<Proposal> {
        match self.typed.trim_start().split_once(' ') {
            None => verbs(self.typed.trim(), keymap),
            Some((verb, rest)) => words(verb, rest),
        }
    }

    /// Takes a command that types; what is meant is for [`Palette::meant`].
    pub(in crate::app) fn take(&mut self, press: Press, keymap: &Keymap) {
        match press {
            Press::Move(motion) => {
                let count = self.proposals(keymap).len();
                self.at = motion.from(self.at, count, count);
            }
            Press::Complete => {
                if let Some(proposal) = self.proposals(keymap).into_iter().nth(self.at) {
                    let more = VERBS.iter().any(|(verb, ..)| *verb == proposal.line);
                    self.typed = proposal.line + if more { " " } else { "" };
                    self.at = 0;
                }
            }
            Press::Edit(key) => {
                edit(&mut self.typed, key);
                self.at = 0;
            }
            Press::Accept
            | Press::Back
            | Press::Choose(_)
            | Press::More
            | Press::Less
            | Press::Column(_) => {}
        }
    }

    /// The command that is meant, or why there is none. A line that is none by itself means the
    /// chosen proposal.
    pub(in crate::app) fn meant(&self, keymap: &Keymap) -> Result<Command, String> {
        let typed = self.typed.trim();
        let proposals = self.proposals(keymap);
        let chosen = proposals.get(self.at).map(|proposal| proposal.line.as_str());
        if self.at > 0
            && let Some(chosen) = chosen
        {
            return read(chosen, keymap);
        }
        read(typed, keymap).or_else(|why| match chosen {
            Some(chosen) if !typed.is_empty() => read(chosen, keymap),
            _ => Err(why),
        })
    }
}

/// The verbs that begin with what was typed, then those that have its letters in that order.
fn verbs(typed: &str, keymap: &Keymap) -> Vec<Proposal> {
    let taking = VERBS.iter().map(|(verb, _, help)| Proposal {
        line: (*verb).to_owned(),
        keys: String::new(),
        help: (*help).to_owned(),
    });
    let actions = keymap.actions().map(|(binding, keys)| Proposal {
        line: binding.name.to_owned(),
        keys: keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(" "),
        help: binding.help.to_owned(),
    });
    let mut all: Vec<Proposal> =
        actions.filter(|action| !VERBS.iter().any(|(verb, ..)| *verb == action.line)).collect();
    all.extend(taking);
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

/// How a command with words can go on.
fn words(verb: &str, rest: &str) -> Vec<Proposal> {
    let Some((_, kind, help)) = VERBS.iter().find(|(known, ..)| *known == verb) else {
        return Vec::new();
    };
    let (before, last) = rest.rsplit_once(' ').unwrap_or(("", rest));
    let names: Vec<&str> = match kind {
        Words::Field | Words::Fields => Field::ALL.into_iter().map(Field::name).collect(),
        Words::Theme => ThemeName::ALL.map(|(name, _)| name).to_vec(),
        Words::Copied => COPIED.map(|(name, _)| name).to_vec(),
        Words::Text => {
            let line = format!("{verb} {rest}").trim_end().to_owned();
            return vec![Proposal { line, keys: String::new(), help: (*help).to_owned() }];
        }
    };
    let lead = if before.is_empty() { verb.to_owned() } else { format!("{verb} {before}") };
    names
        .into_iter()
        .filter(|name| name.starts_with(last) && !before.split(' ').any(|word| word == *name))
        .map(|name| Proposal {
            line: format!("{lead} {name}"),
            keys: String::new(),
            help: String::new(),
        })
        .collect()
}

/// The command that a whole line says.
fn read(line: &str, keymap: &Keymap) -> Result<Command, String> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    if rest.is_empty() {
        let action = keymap.actions().find(|(binding, _)| binding.name == verb);
        return action
            .map(|(binding, _)| binding.command.clone())
            .ok_or_else(|| format!("'{verb}' is no command; ? shows them all"));
    }
    let field = |name: &str| Field::named(name).ok_or_else(|| format!("'{name}' is no column"));
    let kind = VERBS.iter().find(|(known, ..)| *known == verb).map(|(_, kind, _)| kind);
    match (verb, kind) {
        ("filter", _) => Ok(Command::Table(TableCommand::SetFilter(rest.to_owned()))),
        ("export", _) => Ok(Command::Lines(LinesCommand::Export(Some(rest.to_owned())))),
        ("run", _) => Ok(Command::Ask(Action::Exec(rest.to_owned()), Aim::Chosen)),
        (_, Some(Words::Field)) => {
            field(rest).map(|field| Command::Table(TableCommand::SortBy(field)))
        }
        (_, Some(Words::Fields)) => rest
            .split([' ', ','])
            .filter(|name| !name.is_empty())
            .map(field)
            .collect::<Result<_, _>>()
            .map(|fields| Command::Table(TableCommand::SetColumns(fields))),
        (_, Some(Words::Theme)) => {
            let theme = ThemeName::ALL.into_iter().find(|(name, _)| *name == rest);
            theme
                .map(|(_, theme)| Command::Screen(ScreenCommand::Theme(theme)))
                .ok_or(format!("'{rest}' is no theme"))
        }
        (_, Some(Words::Copied)) => {
            let copied = COPIED.into_iter().find(|(name, _)| *name == rest);
            let why = || format!("'{rest}' cannot be copied; address, id and ssh can");
            copied.map(|(_, copied)| Command::Row(RowCommand::Copy(copied))).ok_or_else(why)
        }
        _ => Err(format!("'{verb}' takes no words")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(text: &str) -> Result<Command, String> {
        Palette::of(text).meant(&Keymap::default())
    }

    fn lines(text: &str) -> Vec<String> {
        let proposals = Palette::of(text).proposals(&Keymap::default());
        proposals.into_iter().map(|proposal| proposal.line).collect()
    }

    #[test]
    fn every_action_can_be_typed() {
        let keymap = Keymap::default();
        for (binding, _) in keymap.actions() {
            assert_eq!(meant(binding.name), Ok(binding.command.clone()), "{}", binding.name);
        }
    }

    #[test]
    fn what_begins_alike_is_proposed_first_and_completed() {
        assert_eq!(lines("des")[0], "destroy");
        assert_eq!(lines("dsrg"), ["destroy-region"]);
        assert_eq!(lines("theme l"), ["theme light"]);
        assert_eq!(lines("columns region ph"), ["columns region phase"]);
        let mut palette = Palette::of("so");
        palette.take(Press::Complete, &Keymap::default());
        assert_eq!(palette.typed, "sort ");
    }

    #[test]
    fn words_are_taken_and_nonsense_is_told() {
        assert_eq!(meant("sort age"), Ok(Command::Table(TableCommand::SortBy(Field::Age))));
        assert_eq!(
            meant("filter phase:failed us"),
            Ok(Command::Table(TableCommand::SetFilter("phase:failed us".into())))
        );
        assert_eq!(
            meant("columns phase,region"),
            Ok(Command::Table(TableCommand::SetColumns(vec![Field::Phase, Field::Region])))
        );
        assert_eq!(
            meant("run df -h  /"),
            Ok(Command::Ask(Action::Exec("df -h  /".into()), Aim::Chosen))
        );
        assert_eq!(meant("theme pink").unwrap_err(), "'pink' is no theme");
        assert_eq!(meant("quit now").unwrap_err(), "'quit' takes no words");
        assert!(meant("").is_err() && meant("§").is_err());
    }

    #[test]
    fn a_chosen_proposal_wins_over_what_was_typed() {
        let keymap = Keymap::default();
        let mut palette = Palette::of("copy");
        palette.take(Press::Move(crate::app::Motion::Down), &keymap);
        assert_eq!(palette.meant(&keymap), Ok(Command::Row(RowCommand::Copy(Copied::Id))));
    }
}
