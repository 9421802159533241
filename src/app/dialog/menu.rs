//! A few things to choose from, each a command.

use std::borrow::Cow;

use super::next::Next;
use crate::app::command::{
    Choose, Command, Copied, LeaveCommand, Press, RowCommand, TableCommand, Turn, VisitCommand,
};
use crate::app::{Table, Visits};
use crate::fleet::{DeploymentId, Failure, FailureKind};

/// The question after a login that has ended.
const SIGNED_OUT: &str = "Signed out of AWS";
/// The title of the question after a login that could not be made.
const NOT_SIGNED_IN: &str = "Not signed in to AWS";

/// One of the choices: its name, what it means, and the command.
pub type MenuItem = (Cow<'static, str>, String, Command);

fn item(name: impl Into<Cow<'static, str>>, meaning: &str, command: Command) -> MenuItem {
    (name.into(), meaning.to_owned(), command)
}

/// A choice of commands.
#[derive(Debug, Clone, PartialEq)]
pub struct Menu {
    /// What is chosen.
    pub title: &'static str,
    /// What there is to say before, a paragraph each.
    pub text: Vec<String>,
    /// The choices, and what each means.
    pub items: Vec<MenuItem>,
    /// The place of the chosen one.
    pub at: usize,
}

impl Menu {
    /// What to copy of a row: its address and its id, where it has them.
    pub(in crate::app) fn copy(address: Option<String>, id: Option<String>) -> Self {
        let copy = |name, said: &str, what| item(name, said, Command::Row(RowCommand::Copy(what)));
        let mut items = Vec::new();
        items.extend(address.map(|said| copy("address", &said, Copied::Address)));
        items.extend(id.map(|said| copy("id", &said, Copied::Id)));
        if !items.is_empty() {
            items.push(copy("ssh command", "with the key that it showed", Copied::Ssh));
            items.push(copy("console URL", "its page in AWS's console", Copied::Console));
            items.push(copy("JSON", "all that its columns say", Copied::Json));
        }
        Self { title: "Copy", text: Vec::new(), items, at: 0 }
    }

    /// What to sort by: the columns that are shown. The one of now, chosen again, turns round.
    pub(in crate::app) fn sort(table: &Table) -> Self {
        let (sort, reverse) = table.sort();
        let items: Vec<_> = table
            .columns
            .shown()
            .map(|field| {
                let meaning = match (field == sort, reverse) {
                    (false, _) => "",
                    (true, false) => "now; Enter: descending",
                    (true, true) => "now, descending; Enter: ascending",
                };
                let command = Command::Table(TableCommand::SortBy(field));
                item(field.name(), meaning, command)
            })
            .collect();
        let at = table.columns.shown().position(|field| field == sort).unwrap_or(0);
        Self { title: "Sort by", text: Vec::new(), items, at }
    }

    /// What a newcomer without a configuration can do.
    pub(in crate::app) fn welcome() -> Self {
        Self {
            title: "Welcome to spot-tui",
            text: [
                "It launches spot instances in many AWS regions at once, turns them into Bacalhau \
                 compute nodes, and cleans up after them.",
                "There is no configuration in this folder yet.",
            ]
            .map(str::to_owned)
            .to_vec(),
            items: vec![
                item(
                    "Try the demo",
                    "a simulated cloud: no account, no cost",
                    Command::Leave(LeaveCommand::Turn(Turn::Demo)),
                ),
                item(
                    "Set up",
                    "finds credentials and keys, writes config.yaml",
                    Command::Leave(LeaveCommand::Turn(Turn::SetUp)),
                ),
                item(
                    "Look around",
                    "shows what AWS has; nothing can be created",
                    Command::Press(Press::Back),
                ),
                item("Quit", "", Command::Leave(LeaveCommand::Quit)),
            ],
            at: 0,
        }
    }

    /// What can be done where the login has ended and calls wait: for this reason.
    pub(in crate::app) fn signed_out(failure: &Failure, in_dialog: bool) -> Self {
        let elsewhere = failure.hint.strip_prefix("run: ").unwrap_or(&failure.hint);
        // What no login of the profile mends is mended elsewhere.
        let is_ours = failure.kind == FailureKind::SignIn;
        let how = if in_dialog { "asks in a dialog" } else { "lends the terminal to the login" };
        let here = item("Sign in here", how, Command::SignIn);
        let others = [
            item("Sign in elsewhere", elsewhere, Command::Press(Press::Back)),
            item("Quit", "", Command::Leave(LeaveCommand::Quit)),
        ];
        Self {
            title: SIGNED_OUT,
            text: vec![
                format!("{}.", failure.reason.trim_end_matches('.')),
                "What is under way waits, and goes on by itself after the next login. Nothing is lost."
                    .to_owned(),
            ],
            items: is_ours.then_some(here).into_iter().chain(others).collect(),
            at: 0,
        }
    }

    /// What can be done after a login that could not be made: for this reason.
    pub(in crate::app) fn not_signed_in(failure: &Failure) -> Self {
        let said = [&failure.reason, &failure.hint].into_iter().filter(|said| !said.is_empty());
        Self {
            title: NOT_SIGNED_IN,
            text: said.map(|said| format!("{}.", said.trim_end_matches('.'))).collect(),
            items: vec![
                item("Sign in here", "begins anew", Command::SignIn),
                item("Back", "", Command::Press(Press::Back)),
            ],
            at: 0,
        }
    }

    /// The AWS profiles that can be looked with; the one in use, where one was named.
    pub(in crate::app) fn profiles(names: &[String], used: Option<&String>) -> Self {
        let profile = |name: &String| {
            let meaning = if used == Some(name) { "in use" } else { "" };
            item(name.clone(), meaning, Command::Visit(VisitCommand::Profile(Some(name.clone()))))
        };
        let items = names.iter().map(profile).collect();
        let at = names.iter().position(|name| used == Some(name)).unwrap_or(0);
        Self { title: "AWS profile", text: Vec::new(), items, at }
    }

    /// The deployments of the account, as its tags tell of them; the one that is shown.
    pub(in crate::app) fn deployments(visits: &Visits, shown: &DeploymentId) -> Self {
        let deployment = |(id, about): (&DeploymentId, String)| {
            let about = if id == shown { format!("{about}; shown") } else { about };
            let command = Command::Visit(VisitCommand::Deployment(Some(id.clone())));
            item(id.to_string(), &about, command)
        };
        let items = visits.deployments().map(deployment).collect();
        let at = visits.deployments().position(|(id, _)| id == shown).unwrap_or(0);
        Self { title: "Deployment", text: Vec::new(), items, at }
    }

    /// Whether it is a question to who is signed out.
    pub(in crate::app) fn is_signed_out(&self) -> bool {
        [SIGNED_OUT, NOT_SIGNED_IN].contains(&self.title)
    }

    pub(super) fn on_press(&mut self, press: Press) -> Next {
        let count = self.items.len().max(1);
        match press {
            Press::Choose(Choose::Next) => self.at = (self.at + 1) % count,
            Press::Choose(Choose::Previous) => self.at = (self.at + count - 1) % count,
            Press::Back => return Next::Close,
            Press::Accept => {
                return match self.items.get(self.at) {
                    Some((_, _, Command::Press(Press::Back))) | None => Next::Close,
                    Some((_, _, command)) => Next::Do(command.clone()),
                };
            }
            Press::Pick(at) if at < self.items.len() => {
                self.at = at;
                return self.on_press(Press::Accept);
            }
            Press::Move(motion) => self.at = motion.from(self.at, count, count),
            Press::Choose(Choose::Yes | Choose::No)
            | Press::Edit(_)
            | Press::Complete
            | Press::Recall(_)
            | Press::Pick(_)
            | Press::More
            | Press::Less
            | Press::Column(_) => {}
        }
        Next::Stay
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Step;

    #[test]
    fn who_has_credentials_that_no_login_renews_is_offered_none() {
        let here = ["Sign in here", "Sign in elsewhere", "Quit"];
        for (kind, hint, items) in [
            (FailureKind::SignIn, "run: spot-tui login --profile work", &here[..]),
            (FailureKind::Credentials, "the credentials have expired: get new ones", &here[1..]),
        ] {
            let failure = Failure::new(kind, Step::Account, "it ended", hint);
            let menu = Menu::signed_out(&failure, false);
            let names: Vec<_> = menu.items.iter().map(|(name, ..)| name.as_ref()).collect();
            assert_eq!(names, items);
            assert!(
                menu.items
                    .iter()
                    .any(|(_, said, _)| said == hint.strip_prefix("run: ").unwrap_or(hint))
            );
        }
    }
}
