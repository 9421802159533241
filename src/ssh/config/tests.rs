use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::ssh::SshError;

/// A home with these files below `~/.ssh`.
fn home(files: &[(&str, &str)]) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = home.path().join(".ssh").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    home
}

fn subject(typed: &str) -> Subject<'_> {
    Subject {
        typed,
        user: None,
        fallback_user: "me",
        general_user_counts: true,
        port: None,
        local_user: "me",
    }
}

/// What the user's file alone says of a host.
fn chosen(home: &TempDir, typed: &str) -> Chosen {
    let path = home.path().join(".ssh/config");
    let config = SshConfigFile::load(Some(&path), home.path()).unwrap();
    config.select(&subject(typed)).unwrap()
}

fn port(home: &TempDir, typed: &str) -> Option<u16> {
    chosen(home, typed).port().unwrap()
}

#[test]
fn included_files_come_by_name_and_stand_under_their_block() {
    let home = home(&[
        ("config", "Host outer\n  Include conf.d/*.conf nowhere/*\nHost *\n  Port 4\n"),
        ("conf.d/b.conf", "Host inner\n  Port 2\nHost out*\n  User b\n"),
        ("conf.d/a.conf", "User a\n"),
        ("conf.d/.hidden.conf", "Port 9\n"),
    ]);
    let outer = chosen(&home, "outer");
    assert_eq!(outer.get("user").unwrap().value(), "a");
    assert_eq!(outer.get("user").unwrap().at.file, home.path().join(".ssh/conf.d/a.conf"));
    assert_eq!(outer.port().unwrap(), Some(4));
    // `Host inner` stands under `Host outer`: it is never meant.
    assert_eq!(port(&home, "inner"), Some(4));
}

#[test]
fn a_glob_with_brackets_includes_what_a_shell_would() {
    let home = home(&[
        ("config", "Include config.d/[0-9]*.conf \"my hosts/[!x]?\"\nPort 9\n"),
        ("config.d/10-web.conf", "Host web\n  Port 10\n"),
        ("config.d/x.conf", "Host *\n  Port 8\n"),
        ("my hosts/ab", "Host db\n  Port 11\n"),
        ("my hosts/xy", "Host *\n  Port 8\n"),
    ]);
    assert_eq!(port(&home, "web"), Some(10));
    assert_eq!(port(&home, "db"), Some(11));
    assert_eq!(port(&home, "other"), Some(9));
}

#[test]
fn an_include_may_have_tokens_and_variables() {
    let home = home(&[
        ("config", "Include %d/.ssh/of-%u/* ${CARGO_PKG_NAME}.conf hosts/%h\nPort 9\n"),
        ("spot-tui.conf", "Host web\n  Port 1\n"),
        ("hosts/db", "Port 2\n"),
    ]);
    assert_eq!(port(&home, "web"), Some(1));
    assert_eq!(port(&home, "db"), Some(2));
    assert_eq!(port(&home, "other"), Some(9));
}

#[test]
fn a_file_that_includes_itself_is_refused() {
    let home = home(&[("config", "Include config\n"), ("later", "Include ~/.ssh/%h\n")]);
    let load =
        |name: &str| SshConfigFile::load(Some(&home.path().join(".ssh").join(name)), home.path());
    let error = load("config").unwrap_err();
    assert!(error.to_string().contains("config:1: too many"), "{error}");
    let error = load("later").unwrap().select(&subject("later")).unwrap_err();
    assert!(error.to_string().contains("later:1: too many"), "{error}");
}

#[test]
fn a_missing_file_is_an_error_only_when_it_was_named() {
    let home = tempfile::tempdir().unwrap();
    SshConfigFile::load(None, home.path()).unwrap();
    let named = home.path().join("named");
    assert!(matches!(SshConfigFile::load(Some(&named), home.path()), Err(SshError::File { .. })));
}

#[test]
fn files_that_others_may_write_are_refused_as_by_ssh() {
    let home = home(&[("config", "Include other\n"), ("other", "Port 1\n")]);
    let mode = |name: &str, mode| {
        let path = home.path().join(".ssh").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let refused = |named: Option<&Path>| match SshConfigFile::load(named, home.path()) {
        Err(SshError::ConfigTooOpen { path, .. }) => path.file_name().unwrap().to_owned(),
        other => panic!("{other:?}"),
    };
    let named = home.path().join(".ssh/config");
    mode("config", 0o664);
    assert_eq!(refused(None), "config");
    // One that is named with -F may be anybody's; what it includes may not.
    SshConfigFile::load(Some(&named), home.path()).unwrap();
    mode("other", 0o620);
    assert_eq!(refused(Some(&named)), "other");
}

#[test]
fn a_pipe_is_no_configuration() {
    let home = home(&[]);
    fs::create_dir_all(home.path().join(".ssh")).unwrap();
    let pipe = home.path().join(".ssh/config");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let error = SshConfigFile::load(None, home.path()).unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
}

#[test]
fn the_second_reading_is_for_the_name_that_the_host_has() {
    let home = home(&[(
        "config",
        "Host web\n  HostName Real.example\nMatch final host real.example\n  Port 3\n\
         Host real.example\n  User final\nMatch !final\n  ConnectTimeout 7\n",
    )]);
    let web = chosen(&home, "web");
    assert_eq!((web.host.as_str(), web.port().unwrap()), ("real.example", Some(3)));
    assert_eq!(web.get("user").unwrap().value(), "final");
    assert_eq!(web.connect_timeout().unwrap().unwrap().as_secs(), 7);
    assert_eq!(port(&home, "other"), None);
}
