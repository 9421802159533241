//! The examples: each file of `assets/examples` is valid as it stands, and what it asks for becomes
//! ready in the demo and leaves nothing but what it keeps.

use std::fs;
use std::path::{Path, PathBuf};

use spot_tui::app::{Action, Command, Scope};
use spot_tui::config;
use spot_tui::demo::Scenario;

use crate::support::stage::Stage;

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/examples");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test(start_paused = true)]
async fn each_example_is_created_in_the_demo() {
    assert!(examples().len() >= 3);
    for file in examples() {
        let (name, text) = (file.display().to_string(), fs::read_to_string(&file).unwrap());
        let config = config::parse(&name, &text).unwrap_or_else(|wrong| panic!("{wrong}"));
        let mut stage = Stage::set(&text, Scenario::parse("{}").unwrap());
        stage.open().await;
        let fleet: u32 = config.spread().values().sum();
        if fleet > 0 {
            stage.command(Command::create(None));
        }
        for machine in &config.machines {
            stage.command(Command::Act(Action::Up(machine.name.clone()), Scope::All));
        }
        let wanted = usize::try_from(fleet).unwrap() + config.machines.len();
        let all_ready = |stage: &Stage| {
            let ready = stage.model().fleet.alive().filter(|row| row.phase.word() == "Ready");
            ready.count() == wanted
        };
        stage.until(2400, &name, all_ready).await;
        stage.destroy().await;
        assert_eq!(stage.left().await, 0, "{name}: {}", stage.log());
    }
}
