//! `--read-only`: what it forbids, refused before anything is opened.

use super::stop::Stop;
use crate::cli::{Command, ExportFormat, Global};

/// Refuses what may change something at AWS, on an instance or on this disk.
pub(super) fn check(global: &Global, command: &Command) -> Result<(), Stop> {
    match forbidden(command).filter(|_| global.read_only) {
        Some(verb) => Err(Stop::Usage(format!("{verb}: --read-only forbids it; leave it out"))),
        None => Ok(()),
    }
}

/// Its word, if it may change something. A shell changes what its user likes, and so does a command
/// that is run over there.
fn forbidden(command: &Command) -> Option<&'static str> {
    Some(match command {
        Command::Create(args) if !args.dry_run => "create",
        Command::Keep(args) if !args.print_unit => "keep",
        Command::Nuke(args) if !args.dry_run => "nuke",
        Command::Cleanup(args) if !args.dry_run => "cleanup",
        Command::Notify(args) if args.send => "notify --send",
        Command::Man { folder: Some(_) } => "man DIR",
        // Both write what they name: the keys of hosts, and Ansible's way to them.
        Command::Export { format: ExportFormat::SshConfig } => "export ssh-config",
        Command::Export { format: ExportFormat::Ansible } => "export ansible",
        Command::Setup { .. } => "setup",
        Command::Destroy(_) => "destroy",
        Command::Retry(_) => "retry",
        Command::Recover { .. } => "recover",
        Command::Up { .. } => "up",
        Command::Down { .. } => "down",
        Command::Stop(_) => "stop",
        Command::Start(_) => "start",
        Command::Reboot(_) => "reboot",
        Command::Awake { .. } => "awake",
        Command::Snapshot { .. } => "snapshot",
        Command::Restore { .. } => "restore",
        Command::Recreate(_) => "recreate",
        Command::Drain(_) => "drain",
        Command::Ssh { .. } => "ssh",
        Command::Lease { .. } => "lease",
        Command::Exec(_) => "exec",
        Command::Pull(_) => "pull",
        Command::Login { .. } => "login",
        Command::Logout => "logout",
        Command::Create(_)
        | Command::Keep(_)
        | Command::Nuke(_)
        | Command::Cleanup(_)
        | Command::Notify(_)
        | Command::Man { .. }
        | Command::Export { .. }
        | Command::Validate { .. }
        | Command::List(_)
        | Command::Status(_)
        | Command::Events(_)
        | Command::Prices { .. }
        | Command::Costs(_)
        | Command::Diagnose { .. }
        | Command::Logs { .. }
        | Command::RandomIp
        | Command::Identity { .. }
        | Command::DemoCloud(_)
        | Command::IamPolicy(_)
        | Command::Completions { .. }
        | Command::Version => return None,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;
    use crate::runtime::exit_code::ExitCode;

    fn checked(line: &str) -> Result<(), Stop> {
        let words = ["spot-tui"].into_iter().chain(line.split(' '));
        let cli = Cli::try_parse_from(words).unwrap_or_else(|why| panic!("{line}: {why}"));
        check(&cli.global, &cli.command.unwrap())
    }

    #[test]
    fn what_changes_anything_is_refused_in_the_same_way_and_what_looks_is_not() {
        for line in [
            "setup",
            "create --yes",
            "create --forget",
            "destroy --all",
            "nuke",
            "cleanup",
            "up dev",
            "exec -- uptime",
            "ssh i-1",
            "ssh i-1 -- touch x",
            "lease extend 2h",
            "drain i-1",
            "awake dev 4h",
            "pull results",
            "export ssh-config",
            "export ansible",
            "login",
            "logout",
            "man pages",
            "notify --send",
        ] {
            let refused = checked(&format!("--read-only {line}")).unwrap_err();
            assert_eq!(refused.code(), ExitCode::USAGE, "{line}");
            let Stop::Usage(text) = refused else { panic!("{line}") };
            let verb = line.split(' ').next().unwrap();
            assert!(text.starts_with(verb) && text.contains("--read-only"), "{line}: {text}");
            assert_eq!(checked(line), Ok(()), "{line}");
        }
        for line in
            ["create --dry-run", "nuke --dry-run", "list", "export hosts", "logs i-1", "man"]
        {
            assert_eq!(checked(&format!("--read-only {line}")), Ok(()), "{line}");
        }
    }
}
