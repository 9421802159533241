//! Reads the command line: a verb and its words.
//!
//! `create us-west-2=3`, `ssh i-09`, `destroy --region eu-west-1`, `exec --region eu-west-1 --
//! uptime`, `go us-east-1`. Instances are named as on the command line of the shell.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use strum::IntoEnumIterator;

use crate::app::action::{Action, Aim};
use crate::app::command::{
    Command, Copied, LeaveCommand, LinesCommand, RowCommand, ScreenCommand, TableCommand,
    ViewCommand, VisitCommand,
};
use crate::app::keymap::Keymap;
use crate::app::{Field, SavedView, Scope, Visits, resolve, scope};
use crate::config::{Config, ThemeName};
use crate::fleet::{Fleet, InstanceKey, Pull, Region};

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

/// What a line is read with.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    /// The actions and their keys.
    pub keymap: &'a Keymap,
    /// The instances that can be named.
    pub fleet: &'a Fleet,
    /// The regions that can be named.
    pub config: Option<&'a Config>,
    /// The views that have a name.
    pub views: &'a BTreeMap<String, SavedView>,
    /// The profiles and deployments that can be looked at.
    pub visits: Option<&'a Visits>,
}

/// A verb that takes words.
#[derive(Debug)]
pub(super) struct Verb {
    pub word: &'static str,
    takes: Takes,
    pub help: &'static str,
}

/// What follows the word of a command.
#[derive(Debug, Clone, PartialEq)]
enum Takes {
    /// Anything.
    Text,
    /// A name of a field.
    Field,
    /// Names of fields.
    Fields,
    /// A theme.
    Theme,
    /// What to copy.
    Copied,
    /// Regions, each with a count.
    Counts,
    /// An instance.
    Instance,
    /// An instance or a region.
    Place,
    /// Instances, or regions, for this action.
    Targets(Action),
    /// The same, and a command for the shell there.
    Command,
    /// The name of a view.
    View,
    /// The name of an AWS profile, or none.
    Profile,
    /// The id of a deployment, or none.
    Deployment,
}

impl Takes {
    /// Whether the first proposal is as good as what was typed: of a closed list, which harms
    /// nobody.
    fn may_be_guessed(&self) -> bool {
        matches!(self, Self::Field | Self::Fields | Self::Theme | Self::Copied | Self::View)
    }
}

/// The verbs that take words. Those of the table of actions that are meant for rows are among them.
pub(super) static VERBS: LazyLock<Vec<Verb>> = LazyLock::new(|| {
    let verb = |word, takes, help| Verb { word, takes, help };
    let takes_more = |action: &Action| matches!(action, Action::Exec(_) | Action::Pull(_));
    let actions = Action::iter().filter(|action| !takes_more(action));
    let targets = actions.filter_map(|action| {
        action.way(Aim::Chosen).map(|way| verb(way.name, Takes::Targets(action), way.help))
    });
    let others = [
        verb("create", Takes::Counts, "launch so many in these regions: us-west-2=3"),
        verb("exec", Takes::Command, "run this on the marked instances, else this one"),
        verb("pull", Takes::Command, "bring these files from the marked instances, else this one"),
        verb("ssh", Takes::Instance, "a shell on this instance"),
        verb("go", Takes::Place, "put the cursor on this instance, or into this region"),
        verb("filter", Takes::Text, "only rows with these words: region:us -phase:ready"),
        verb("sort", Takes::Field, "sort by this column; again: descending"),
        verb("columns", Takes::Fields, "show these columns, in this order"),
        verb("copy", Takes::Copied, "copy something of the row under the cursor"),
        verb("theme", Takes::Theme, "colours and signs"),
        verb("save", Takes::Text, "save filter, order and columns under this name"),
        verb("view", Takes::View, "show a saved view"),
        verb("unsave", Takes::View, "forget a saved view"),
        verb(
            "export",
            Takes::Text,
            "write the rows to a .csv or .json, the events to another file",
        ),
        verb("profile", Takes::Profile, "look with this AWS profile; without a name: back"),
        verb("deployment", Takes::Deployment, "look at this deployment; without an id: back"),
        verb("events", Takes::Text, "the events like this: since:1h kind:reclaimed"),
    ];
    targets.chain(others).collect()
});

const COPIED: [(&str, Copied); 5] = [
    ("address", Copied::Address),
    ("id", Copied::Id),
    ("ssh", Copied::Ssh),
    ("json", Copied::Json),
    ("console", Copied::Console),
];

/// The most names that are proposed.
const PROPOSED: usize = 50;

fn takes(verb: &str) -> Option<&'static Takes> {
    VERBS.iter().find(|known| known.word == verb).map(|verb| &verb.takes)
}

/// Whether the first proposal may be taken for a line that is none by itself.
pub(super) fn may_be_guessed(line: &str) -> bool {
    let verb = line.split_once(' ').map(|(verb, _)| verb);
    verb.is_none_or(|verb| takes(verb).is_some_and(Takes::may_be_guessed))
}

/// How a verb with words can go on.
pub(super) fn continuations(verb: &str, rest: &str, words: &Words<'_>) -> Vec<Proposal> {
    let Some(Verb { takes, help, .. }) = VERBS.iter().find(|known| known.word == verb) else {
        return Vec::new();
    };
    let (before, last) = rest.rsplit_once(' ').unwrap_or(("", rest));
    let names: Vec<(String, String)> = match takes {
        Takes::Text => {
            let line = format!("{verb} {rest}").trim_end().to_owned();
            return vec![Proposal { line, keys: String::new(), help: (*help).to_owned() }];
        }
        Takes::Field | Takes::Fields => plain(Field::ALL.iter().copied().map(Field::name)),
        Takes::Theme => plain(ThemeName::ALL.into_iter().map(|(name, _)| name)),
        Takes::Copied => plain(COPIED.into_iter().map(|(name, _)| name)),
        Takes::View => words.views.keys().map(|name| (name.clone(), String::new())).collect(),
        Takes::Profile => words.profiles(),
        Takes::Deployment => words.deployments(),
        Takes::Counts => {
            words.regions(true).map(|region| (format!("{region}="), String::new())).collect()
        }
        Takes::Instance => words.instances(last).collect(),
        Takes::Place | Takes::Targets(_) => words.places(last),
        Takes::Command if before.ends_with("--region") => {
            words.regions(false).map(|region| (region.to_string(), String::new())).collect()
        }
        Takes::Command if before.ends_with("--on") => words.instances(last).collect(),
        Takes::Command if rest.starts_with('-') && !rest.contains(" -- ") => {
            plain(["--region", "--on", "--"].into_iter())
        }
        Takes::Command => Vec::new(),
    };
    let lead = if before.is_empty() { verb.to_owned() } else { format!("{verb} {before}") };
    let is_new = |name: &str| !before.split(' ').any(|word| word == name) || name.starts_with("--");
    names
        .into_iter()
        .filter(|(name, _)| name.starts_with(last) && is_new(name))
        .take(PROPOSED)
        .map(|(name, help)| Proposal { line: format!("{lead} {name}"), keys: String::new(), help })
        .collect()
}

fn plain(names: impl Iterator<Item = &'static str>) -> Vec<(String, String)> {
    names.map(|name| (name.to_owned(), String::new())).collect()
}

impl<'a> Words<'a> {
    /// The regions that can be named: those of the configuration, or also those with instances.
    fn regions(&self, configured: bool) -> impl Iterator<Item = &'a Region> {
        let config = self.config.into_iter().flat_map(|config| &config.regions);
        let named = config.map(|it| &it.region);
        let mut all: Vec<&Region> = named.collect();
        if !configured {
            all.extend(self.fleet.instances().map(|row| &row.region));
        }
        all.sort_unstable();
        all.dedup();
        all.into_iter()
    }

    /// The ids that begin like this, and what there is to say of each instance: no more than can be
    /// proposed, for there may be ten thousand.
    fn instances(&self, begun: &str) -> impl Iterator<Item = (String, String)> {
        let found = self.fleet.alive().filter_map(move |row| {
            let id = row.id().filter(|id| id.as_str().starts_with(begun))?;
            Some((id.to_string(), format!("{}  {}", row.region, row.phase.word())))
        });
        found.take(PROPOSED)
    }

    fn profiles(&self) -> Vec<(String, String)> {
        let profiles = self.visits.iter().flat_map(|visits| &visits.profiles);
        profiles.map(|name| (name.clone(), String::new())).collect()
    }

    fn deployments(&self) -> Vec<(String, String)> {
        let found = self.visits.iter().flat_map(|visits| visits.deployments());
        found.map(|(id, about)| (id.to_string(), about)).collect()
    }

    fn places(&self, begun: &str) -> Vec<(String, String)> {
        let regions = self.regions(false).map(|region| (region.to_string(), "region".to_owned()));
        regions.chain(self.instances(begun)).collect()
    }

    fn instance(&self, text: &str) -> Result<InstanceKey, String> {
        resolve::instance(self.fleet, text)
    }

    /// The region that a word names, if it names one.
    fn region(&self, text: &str) -> Option<Region> {
        self.regions(false).find(|region| region.as_str() == text).cloned()
    }

    /// What these words name: `i-09 i-0a`, `eu-west-1`, `--region eu-west-1`, `--on i-09`.
    fn scope(&self, action: &Action, rest: &str) -> Result<Scope, String> {
        let (mut regions, mut keys) = (Vec::new(), Vec::new());
        let mut words = rest.split_whitespace();
        while let Some(word) = words.next() {
            let word = match word {
                "--region" | "--on" => words.next().ok_or(format!("{word} needs a name"))?,
                word => word,
            };
            match self.region(word) {
                Some(region) => regions.push(region),
                None => keys.push(self.instance(word)?),
            }
        }
        if let ([region], [], Some(_)) = (&*regions, &*keys, action.way(Aim::Region)) {
            return Ok(Scope::Region(region.clone()));
        }
        let there = self.fleet.alive().filter(|row| regions.contains(&row.region));
        keys.extend(there.map(|row| row.key.clone()));
        if keys.is_empty() {
            return Err(format!("no instance is in {rest}"));
        }
        Ok(Scope::Instances(keys))
    }
}

/// The command that a whole line says.
pub(super) fn read(line: &str, words: &Words<'_>) -> Result<Command, String> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    if rest.is_empty() {
        if verb == "q" {
            return Ok(Command::Leave(LeaveCommand::Quit));
        }
        match takes(verb) {
            Some(Takes::Profile) => return Ok(Command::Visit(VisitCommand::Profile(None))),
            Some(Takes::Deployment) => return Ok(Command::Visit(VisitCommand::Deployment(None))),
            _ => {}
        }
        let action = words.keymap.actions().find(|(binding, _)| binding.name == verb);
        return action.map(|(binding, _)| binding.command.clone()).ok_or_else(|| {
            match VERBS.iter().find(|known| known.word == verb) {
                Some(known) => format!("'{verb}' needs more: {}", known.help),
                None => format!("'{verb}' is no command; ? shows them all"),
            }
        });
    }
    let field = |name: &str| Field::named(name).ok_or_else(|| format!("'{name}' is no column"));
    match takes(verb) {
        None => Err(format!("'{verb}' takes no arguments")),
        Some(Takes::Text) if verb == "filter" => {
            Ok(Command::Table(TableCommand::SetFilter(rest.to_owned())))
        }
        Some(Takes::Text) if verb == "save" => {
            Ok(Command::View(ViewCommand::Save(rest.to_owned())))
        }
        Some(Takes::Text) if verb == "events" => {
            Ok(Command::Lines(LinesCommand::Events(rest.to_owned())))
        }
        Some(Takes::Text) => {
            let file = Some(rest.to_owned());
            let is_table = [".csv", ".json"].iter().any(|ending| rest.ends_with(ending));
            let lines = if is_table { LinesCommand::ExportTable } else { LinesCommand::Export };
            Ok(Command::Lines(lines(file)))
        }
        Some(Takes::View) if !words.views.contains_key(rest) => {
            Err(format!("'{rest}' is no saved view; :save saves one"))
        }
        Some(Takes::View) if verb == "unsave" => {
            Ok(Command::View(ViewCommand::Forget(rest.to_owned())))
        }
        Some(Takes::View) => Ok(Command::View(ViewCommand::Show(rest.to_owned()))),
        Some(Takes::Profile) => Ok(Command::Visit(VisitCommand::Profile(Some(rest.to_owned())))),
        Some(Takes::Deployment) => Ok(Command::Visit(VisitCommand::Deployment(Some(rest.into())))),
        Some(Takes::Field) => Ok(Command::Table(TableCommand::SortBy(field(rest)?))),
        Some(Takes::Fields) => {
            let names = rest.split([' ', ',']).filter(|name| !name.is_empty());
            let fields = names.map(field).collect::<Result<_, _>>()?;
            Ok(Command::Table(TableCommand::SetColumns(fields)))
        }
        Some(Takes::Theme) => {
            let theme = ThemeName::ALL.into_iter().find(|(name, _)| *name == rest);
            let (_, theme) = theme.ok_or(format!("'{rest}' is no theme"))?;
            Ok(Command::Screen(ScreenCommand::Theme(theme)))
        }
        Some(Takes::Copied) => {
            let copied = COPIED.into_iter().find(|(name, _)| *name == rest);
            let why = || format!("'{rest}' cannot be copied; address, id and ssh can");
            Ok(Command::Row(RowCommand::Copy(copied.ok_or_else(why)?.1)))
        }
        Some(Takes::Counts) => {
            let config = words.config.ok_or("there is no configuration; run spot-tui setup")?;
            let asked = rest.split_whitespace().filter(|word| *word != "--region");
            let counts = scope::counts(config, asked)?;
            Ok(Command::Ask(Action::Create(Some(counts)), Aim::Deployment))
        }
        Some(Takes::Instance) => Ok(Command::Row(RowCommand::Shell(Some(words.instance(rest)?)))),
        Some(Takes::Place) => go(rest, words),
        Some(Takes::Targets(action)) => {
            Ok(Command::AskFor(action.clone(), words.scope(action, rest)?))
        }
        Some(Takes::Command) if verb == "pull" => on_nodes(rest, words, |paths| {
            let paths = paths.split_whitespace().map(str::to_owned);
            let pull = Pull::here(paths.collect());
            pull.trouble().map_or(Ok(Action::Pull(pull)), Err)
        }),
        Some(Takes::Command) => on_nodes(rest, words, |line| Ok(Action::Exec(line.to_owned()))),
    }
}

/// `go us-east-1`, `go i-09`.
fn go(place: &str, words: &Words<'_>) -> Result<Command, String> {
    let in_region = || words.fleet.instances().find(|row| row.region.as_str() == place);
    let key = in_region().map_or_else(|| words.instance(place), |row| Ok(row.key.clone()))?;
    Ok(Command::Table(TableCommand::Select(key)))
}

/// `exec uptime`, `exec --region eu-west-1 -- uptime`.
fn on_nodes(
    rest: &str,
    words: &Words<'_>,
    action: impl Fn(&str) -> Result<Action, String>,
) -> Result<Command, String> {
    if !rest.starts_with("--") {
        return Ok(Command::Ask(action(rest)?, Aim::Chosen));
    }
    let (named, command) = rest
        .split_once("-- ")
        .filter(|(named, _)| named.is_empty() || named.ends_with(' '))
        .or_else(|| rest.split_once(" -- "))
        .ok_or("write it with -- before it: exec --region REGION -- COMMAND")?;
    let action = action(command.trim())?;
    if named.trim().is_empty() {
        return Ok(Command::Ask(action, Aim::Chosen));
    }
    let scope = words.scope(&action, named)?;
    Ok(Command::AskFor(action, scope))
}
