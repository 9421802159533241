//! The unit with which systemd keeps a keeper, made of how this process was called.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, io};

use crate::cli::Global;

/// What does not depend on how the process was called. Restarted after a crash and when it hangs, not
/// where the configuration is wrong or nobody is signed in at the start (2); told to leave, it answers
/// with 130. The user's own ssh and login helpers run under it, so that it may not be shut in
/// further. There is no `network-online.target` in a user's manager: the keeper tries again itself.
const SERVICE: &str = "\
Restart=on-failure
RestartSec=10s
RestartPreventExitStatus=2
SuccessExitStatus=130
TimeoutStartSec=5min
TimeoutStopSec=30s
WatchdogSec=2min
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077

[Install]
WantedBy=default.target
";

/// The unit for this call, to stand in `~/.config/systemd/user/`.
pub(super) fn unit(global: &Global) -> io::Result<String> {
    let folder = env::current_dir()?;
    Ok(unit_of(&env::current_exe()?, &folder, global, env::var("AWS_PROFILE").ok().as_deref()))
}

fn unit_of(program: &Path, folder: &Path, global: &Global, profile: Option<&str>) -> String {
    let mut command = vec![program.display().to_string()];
    let path = |path: &PathBuf| folder.join(path).display().to_string();
    command.extend(["--config".to_owned(), path(&global.config)]);
    command.extend(["--state".to_owned(), path(&global.state)]);
    let options = [
        ("--files", global.files.as_ref().map(path)),
        ("--profile", global.profile.clone()),
        ("--endpoint-url", global.endpoint_url.clone()),
        ("--deployment", global.deployment.clone()),
        ("--metrics", global.metrics.map(|address| address.to_string())),
    ];
    for (option, value) in options {
        command.extend(value.into_iter().flat_map(|value| [option.to_owned(), value]));
    }
    let flags = [("--quiet", global.quiet), ("--verbose", global.verbose)];
    command.extend(flags.iter().filter(|(_, is_given)| *is_given).map(|(it, _)| (*it).to_owned()));
    command.push("keep".to_owned());
    let command: Vec<String> = command.iter().map(|word| quoted(&escaped(word))).collect();
    // A folder is taken as it is, to the end of the line.
    let place = folder.display().to_string().replace('%', "%%");
    let mut unit = format!(
        "# ~/.config/systemd/user/spot-tui-keep.service\n\
         # systemctl --user daemon-reload; systemctl --user enable --now spot-tui-keep\n\
         # loginctl enable-linger: it goes on when you log out\n\
         [Unit]\nDescription=spot-tui keeps the fleet of {place}\n\
         Documentation=man:spot-tui-keep(1)\n\n\
         [Service]\nType=notify\nNotifyAccess=main\nWorkingDirectory={place}\nExecStart={}\n",
        command.join(" ")
    );
    if let Some(profile) = profile {
        let variable = quoted(&format!("AWS_PROFILE={}", profile.replace('%', "%%")));
        // A text takes what is written.
        let _ = writeln!(unit, "Environment={variable}");
    }
    unit + SERVICE
}

/// What systemd would put in the place of a word's signs, it leaves (systemd.service(5), "Command
/// lines"; systemd.unit(5), "Specifiers").
fn escaped(word: &str) -> String {
    word.replace('%', "%%").replace('$', "$$")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%$,+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn it_starts_what_was_called_from_where_it_was_called() {
        let arguments = ["spot-tui", "--state", "my fleet/100%.json", "--profile", "a\"b$", "keep"];
        let told = ["--metrics", "127.0.0.1:9464", "-v"];
        let global = Cli::parse_from(arguments.iter().chain(&told)).global;
        let (program, folder) = (Path::new("/usr/bin/spot-tui"), Path::new("/home/me/50% off"));
        let unit = unit_of(program, folder, &global, Some("work"));
        let line = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        assert_eq!(
            line("ExecStart="),
            "/usr/bin/spot-tui --config \"/home/me/50%% off/config.yaml\" --state \
             \"/home/me/50%% off/my fleet/100%%.json\" --profile \"a\\\"b$$\" --metrics \
             127.0.0.1:9464 --verbose keep"
        );
        assert_eq!(line("WorkingDirectory="), "/home/me/50%% off");
        assert_eq!(line("Environment="), "AWS_PROFILE=work");
    }
}
