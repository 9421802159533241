//! `validate`: reads the configuration and looks at the files that it names, as a create would. Asks
//! nobody and changes nothing.

use serde_json::json;

use super::environment::Environment;
use super::exit_code::ExitCode;
use super::notify_targets;
use super::setup::home;
use super::startup::read_config;
use super::stderr;
use super::stdout::print;
use super::stop::Stop;
use super::user_files;
use crate::config::Config;
use crate::files::in_home;
use crate::jobs::SshSettings;

/// `validate`.
pub(super) fn validate(environment: &Environment, as_json: bool) -> ExitCode {
    let mut notes = Vec::new();
    let problems: Vec<String> = match read_config(environment) {
        Ok(Some(config)) => {
            let ssh = ssh_config(&config, environment);
            notes = ssh.as_ref().map_or(Vec::new(), Clone::clone);
            notes.extend(config.ssh.allow_from.notes());
            notes.extend(notify_targets::troubles(&config.notify, environment.home.as_deref()));
            let files = user_files::check(&config);
            notes.extend(files.notes);
            files.wrong.into_iter().chain(ssh.err()).collect()
        }
        Ok(None) => vec!["there is no config.yaml here: run `spot-tui setup`".to_owned()],
        Err(Stop::Config(complaints)) => complaints.lines().map(str::to_owned).collect(),
        Err(stop) => {
            stop.print();
            return stop.code();
        }
    };
    let code = if problems.is_empty() { ExitCode::DONE } else { ExitCode::USAGE };
    if as_json {
        let told = json!({"v": 1, "ok": problems.is_empty(), "problems": problems, "notes": notes});
        print(&told.to_string());
        return code;
    }
    for note in &notes {
        stderr::print(&format!("WARNING: {note}"));
    }
    for problem in &problems {
        stderr::print(problem);
    }
    if problems.is_empty() {
        print(&format!("{} is valid", environment.global.config.display()));
    }
    code
}

/// What `ssh_config` says of our instances and is passed over; an error where it is refused.
fn ssh_config(config: &Config, environment: &Environment) -> Result<Vec<String>, String> {
    // One that is not there is told of with the other files.
    if config.ssh.config_file.as_ref().is_some_and(|path| !in_home(path, Some(&home())).exists()) {
        return Ok(Vec::new());
    }
    SshSettings::open(Some(config), environment.home.as_deref(), environment.agent.clone())
        .and_then(|access| access.notes())
        .map_err(|failure| failure.reason)
}
