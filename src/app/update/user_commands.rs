//! Commands of the user's own, `ui.commands`: a shell on this side runs them, and knows the row under
//! the cursor by its environment. Nothing is pasted into a line: what AWS's tags say stays a value.

use super::panels::row;
use crate::app::dialog::{Menu, Strip};
use crate::app::{Command, Dialog, Effect, Model, Press, Program, UserCommand};
use crate::fleet::{Instance, Level};

/// Carries out a command of this kind.
pub(super) fn perform(model: &mut Model, command: UserCommand) -> Vec<Effect> {
    match command {
        UserCommand::Offer => offer(model),
        UserCommand::Ask(at) => return ask(model, at),
        UserCommand::Run(at) => return run(model, at),
    }
    Vec::new()
}

/// Offers them.
fn offer(model: &mut Model) {
    let commands = model.config.iter().flat_map(|config| &config.ui.commands);
    let items = commands.enumerate().map(|(at, command)| {
        (command.key, command.name.clone(), Command::User(UserCommand::Ask(at)))
    });
    let strip = Strip { title: "your commands", items: items.collect() };
    if strip.items.is_empty() {
        let text = "commands: none are configured; see ui.commands in config.yaml.example";
        model.show(Level::Info, text.into());
    } else {
        model.dialog = Some(Dialog::Strip(strip));
    }
}

/// Runs one, or asks first where it says so.
fn ask(model: &mut Model, at: usize) -> Vec<Effect> {
    let command = model.config.as_ref().and_then(|config| config.ui.commands.get(at)).cloned();
    let Some(command) = command else { return Vec::new() };
    let Some(row) = row(model).filter(|row| row.id().is_some()) else {
        model.show(Level::Warning, format!("{}: no instance is chosen", command.name));
        return Vec::new();
    };
    if !command.confirm {
        return run(model, at);
    }
    let text = vec![format!("Run on {}?", row.label()), command.run];
    let items = vec![
        ("No".into(), String::new(), Command::Press(Press::Back)),
        ("Yes".into(), String::new(), Command::User(UserCommand::Run(at))),
    ];
    model.dialog = Some(Dialog::Menu(Menu { title: "Run", text, items, at: 0 }));
    Vec::new()
}

/// Runs one.
fn run(model: &Model, at: usize) -> Vec<Effect> {
    let commands = model.config.iter().flat_map(|config| &config.ui.commands);
    let (Some(command), Some(row)) = (commands.skip(at).map(Clone::clone).next(), row(model))
    else {
        return Vec::new();
    };
    let chosen = model.table.chosen();
    let rows: Vec<&Instance> = chosen.iter().filter_map(|key| model.fleet.get(key)).collect();
    let all = |said: fn(&Instance) -> Option<String>| {
        rows.iter().filter_map(|row| said(row)).collect::<Vec<String>>().join(" ")
    };
    let id = |row: &Instance| row.id().map(ToString::to_string);
    let address = |row: &Instance| row.address().map(|address| address.to_string());
    let machine = row.machine.as_ref();
    let variables = [
        ("ID", id(row).unwrap_or_default()),
        ("IP", address(row).unwrap_or_default()),
        ("REGION", row.region.to_string()),
        ("ZONE", machine.map(|it| it.zone.to_string()).unwrap_or_default()),
        ("TYPE", machine.map(|it| it.machine_type.to_string()).unwrap_or_default()),
        ("PHASE", row.phase.word().to_owned()),
        ("DEPLOYMENT", row.deployment.to_string()),
        ("IDS", all(id)),
        ("IPS", all(address)),
    ];
    let (line, wait) = (command.run, command.wait);
    vec![Effect::Run(Box::new(Program {
        name: command.name,
        line,
        variables: variables.to_vec(),
        wait,
    }))]
}
