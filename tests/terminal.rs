//! The dashboard in a real terminal, by keyboard: the built program, moto behind it, sshd hosts as
//! its instances.

mod demo_shell;
mod job_control;
mod reports;
mod rollback;
mod shared;
mod visits;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use portable_pty::CommandBuilder;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::keys::Key;
use crate::support::moto::Moto;
use crate::support::sshd::{Sshd, SshdOptions, ssh_config};
use crate::support::terminal::{Terminal, command, hang_up};

const PROGRAM: &str = env!("CARGO_BIN_EXE_spot-tui");
const SIZE: (u16, u16) = (140, 40);
/// What the first frame says.
const OPENING: &str = "signing in to AWS";
const RIGHT: &str = "\x1b[C";
const ESCAPE: &str = "\x1b";
const ENTER: &str = "\r";
const CTRL_C: &str = "\x03";
const CTRL_Z: &str = "\x1a";

/// A folder with a configuration of two regions, an instance each.
struct Home {
    folder: TempDir,
    key: Key,
}

impl Home {
    fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap(), key: Key::ed25519() };
        let config = format!(
            "aws:\n  private_ssh_key_path: {}\n  total_instances: 2\nregions:\n  \
             - us-west-2:\n      machine_type: t3.medium\n  \
             - eu-west-1:\n      machine_type: t3.medium\n\
             ssh:\n  config_file: ssh_config\n  allow_from: [198.51.100.7]\n  timeout_s: 60\n  \
             host_key: pin\n",
            home.key.path().display()
        );
        fs::write(home.folder.path().join("config.yaml"), config).unwrap();
        fs::write(home.folder.path().join("ssh_config"), "").unwrap();
        home
    }

    /// A host that looks like a node once it was set up.
    fn node(&self, address: [u8; 4], up: bool) -> Sshd {
        let host = Sshd::start(&SshdOptions {
            address: Ipv4Addr::from(address),
            accept: vec![self.key.public()],
            up,
            ..SshdOptions::default()
        });
        host.run_services();
        host
    }

    fn command(&self, endpoint: &str) -> CommandBuilder {
        let mut command = command(self.folder.path(), PROGRAM, &[]);
        command.env("AWS_ENDPOINT_URL", endpoint);
        command
    }

    /// The dashboard, in a shell with job control that says what became of it, and that takes a
    /// suspended one up again at a key.
    fn in_shell(&self, endpoint: &str) -> Terminal {
        // An interactive shell takes its own modes again before it asks for a command; this one is
        // told to, and `fg` goes back to what it found.
        let script = "modes=$(stty -g); \"$0\"; echo \"status $?\"; read -r _; \
                      stty \"$modes\"; fg; echo \"ended $?\"; read -r _";
        let mut command = command(self.folder.path(), "/bin/bash", &["-mc", script, PROGRAM]);
        command.env("AWS_ENDPOINT_URL", endpoint);
        Terminal::start(command, SIZE)
    }
}

/// An AWS that takes every call and never answers.
struct Silence(TcpListener);

impl Silence {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }
}

fn alive(seen: &Value) -> usize {
    let regions = seen.as_object().unwrap().values();
    let instances = regions.flat_map(|region| region["instances"].as_array().unwrap());
    instances.filter(|instance| instance["state"] != "terminated").count()
}

#[test]
fn a_state_that_cannot_be_read_is_told_on_the_first_screen() {
    let home = Home::new();
    fs::write(home.folder.path().join("instances.json"), "not a state").unwrap();
    let silence = Silence::new();
    let mut terminal = Terminal::start(home.command(&silence.url()), SIZE);
    terminal.wait_for("instances.json could not be read and was put aside as");
    terminal.press("q");
}

#[test]
fn by_keyboard_from_nothing_to_ready_and_back_to_nothing() {
    let home = Home::new();
    let mut hosts = [home.node([127, 0, 0, 2], false), home.node([127, 0, 0, 3], true)];
    ssh_config(home.folder.path(), &[("203.0.113.1", &hosts[0]), ("203.0.113.2", &hosts[1])]);
    let moto = Moto::start();
    let mut terminal = home.in_shell(&moto.url());

    terminal.wait_for("● live");
    terminal.press("c");
    terminal.wait_for("2 instances in 2 regions");
    terminal.press(ENTER);
    terminal.wait_for("Create 2 instances in 2 regions?");
    terminal.press(&format!("{RIGHT}{ENTER}"));
    terminal.wait_for("◐ 2 deploying");
    // One host is up and one is not: nobody waits for the other.
    terminal.wait_for("● 1 ready");
    terminal.wait_for(" Connecting ");
    terminal.press("?");
    terminal.wait_for("keys: instances");
    terminal.press(ESCAPE);
    terminal.wait_gone("keys: instances");
    hosts[0].up();
    let screen = terminal.wait_for("● 2 ready");
    assert_eq!(screen.matches("● Ready").count(), 2, "{screen}");
    terminal.press(ENTER);
    terminal.wait_for("Esc closes");
    // The list keeps the keyboard.
    terminal.press("\tz");
    let story = terminal.wait_for("Requesting");
    let mut rest = story.as_str();
    for phase in
        ["Requesting", "Connecting", "Uploading", "Configuring", "Rebooting", "Verifying", "Ready"]
    {
        let at = rest.find(phase).unwrap_or_else(|| panic!("{phase} is missing:\n{story}"));
        rest = &rest[at..];
    }
    terminal.press(ESCAPE);

    terminal.wait_gone("Esc closes");
    terminal.press("d");
    terminal.wait_for("Destroy this instance?");
    terminal.press(ENTER);
    terminal.wait_gone("Destroy this instance?");
    terminal.press(&format!("d{RIGHT}{ENTER}"));
    terminal.wait_for("1 terminated");
    terminal.wait_for("destroy in eu-west-1: done");
    assert_eq!(alive(&moto.inspect(&["us-west-2", "eu-west-1"])), 1);
    terminal.press("D");
    terminal.wait_for("Type 'all' and press Enter");
    terminal.press(&format!("all{ENTER}"));
    terminal.wait_for("destroy: done");
    terminal.press("q");
    terminal.wait_for("status 0");
    assert!(terminal.is_given_back());

    let seen = moto.inspect(&["us-west-2", "eu-west-1"]);
    assert_eq!(alive(&seen), 0, "{seen}");
}

#[test]
fn a_shell_on_an_instance_and_back_and_a_command_on_all() {
    let home = Home::new();
    let hosts = [home.node([127, 0, 0, 2], true), home.node([127, 0, 0, 3], true)];
    ssh_config(home.folder.path(), &[("203.0.113.1", &hosts[0]), ("203.0.113.2", &hosts[1])]);
    let moto = Moto::start();
    let mut terminal = Terminal::start(home.command(&moto.url()), SIZE);
    terminal.wait_for("● live");
    terminal.press(&format!("c{ENTER}{RIGHT}{ENTER}"));
    terminal.wait_for("● 2 ready");
    // What ssh is told of the host key is enough: it asks nothing. The host has no terminals.
    terminal.press("t");
    terminal.wait("ssh", |screen| !screen.alternate_screen());
    terminal.press("echo I am $USER\n");
    terminal.wait_for("I am ubuntu");
    terminal.resize((100, 30));
    terminal.press("exit\n");
    terminal.wait("the dashboard in its new size", |screen| {
        screen.alternate_screen()
            && screen.rows(0, 100).nth(29).is_some_and(|row| row.contains("ssh: back"))
    });
    // The same on both at once, without leaving the dashboard.
    terminal.press(&format!("a!echo here is $USER{ENTER}{RIGHT}{ENTER}"));
    terminal.wait("two answers that are the same", |screen| {
        let seen = screen.contents();
        seen.contains("here is ubuntu")
            && seen.contains("and 1 more")
            && seen.contains("all have ended")
    });
    // What ssh says when it cannot log in is read here, not on the screen that it had.
    drop(hosts);
    terminal.press("qt");
    terminal.wait("why", |screen| {
        let seen = screen.contents();
        seen.contains("ssh could not log in") && seen.contains("Connection refused")
    });
    terminal.press(ESCAPE);
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
    assert!(terminal.is_given_back());
}

#[test]
fn the_first_frame_waits_for_nobody_and_keys_work_meanwhile() {
    let (home, silence) = (Home::new(), Silence::new());
    let mut terminal = Terminal::start(home.command(&silence.url()), (80, 24));
    terminal.wait_for(OPENING);
    assert!(!terminal.is_given_back());
    terminal.press("?");
    terminal.wait_for("keys: instances");
    terminal.press(ESCAPE);
    terminal.wait_gone("keys: instances");
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
    assert!(terminal.is_given_back());
}

#[test]
fn a_paste_over_the_table_does_nothing() {
    let (home, silence) = (Home::new(), Silence::new());
    let mut terminal = Terminal::start(home.command(&silence.url()), (80, 24));
    terminal.wait_for(OPENING);
    terminal.paste("d\ny\nall\n");
    terminal.paste("c\nD\nall\nq\n");
    // What is typed after it is read after it.
    terminal.press("l");
    let screen = terminal.wait_for("Esc instances");
    assert!(!screen.contains("Create") && !screen.contains("Destroy"), "{screen}");
}

#[test]
fn no_size_does_harm() {
    let (home, silence) = (Home::new(), Silence::new());
    let mut terminal = Terminal::start(home.command(&silence.url()), (80, 24));
    terminal.wait_for(OPENING);
    for size in [(1, 1), (500, 2), (2, 300), (60, 15), (20, 5), (300, 100), (1, 1)] {
        terminal.resize(size);
    }
    terminal.resize((59, 14));
    terminal.wait_for("terminal too small (60x15 needed)");
    terminal.resize((80, 24));
    terminal.wait_for(OPENING);
    // A key and a new size at once: neither is lost. What is pressed where nothing can be seen is.
    terminal.press("?");
    terminal.resize((100, 30));
    terminal.wait_for("keys: instances");
    terminal.press("q");
    terminal.wait_for("q quit");
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
    assert!(terminal.is_given_back());
}

#[test]
fn a_signal_ends_it_in_good_order() {
    let (home, silence) = (Home::new(), Silence::new());
    for signal in [Signal::TERM, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::INT] {
        let mut terminal = Terminal::start(home.command(&silence.url()), (80, 24));
        terminal.wait_for(OPENING);
        terminal.signal(signal);
        let status = terminal.end();
        let expected = if signal == Signal::INT { 0 } else { 130 };
        assert_eq!((status.exit_code(), status.signal()), (expected, None), "{signal:?}");
        assert!(terminal.is_given_back(), "{signal:?}");
    }
}

#[test]
fn a_window_that_is_closed_ends_it_in_good_order() {
    let (home, silence) = (Home::new(), Silence::new());
    let status = hang_up(home.command(&silence.url()), OPENING);
    assert_eq!((status.exit_code(), status.signal()), (130, None));
}

#[test]
fn it_is_suspended_and_comes_back_to_another_size() {
    let (home, silence) = (Home::new(), Silence::new());
    let mut terminal = home.in_shell(&silence.url());
    terminal.wait_for(OPENING);
    terminal.press(CTRL_Z);
    // It hears of SIGTSTP, and stops with the signal that nobody hears of.
    terminal.wait_for(&format!("status {}", 128 + Signal::STOP.as_raw()));
    assert!(terminal.is_given_back());
    terminal.resize((100, 30));
    terminal.press(ENTER);
    terminal.wait("a frame of the new size", |screen| {
        screen.alternate_screen()
            && screen.rows(0, 100).nth(29).is_some_and(|row| row.contains("q quit"))
    });
    terminal.press("q");
    terminal.wait_for("ended 0");
    assert!(terminal.is_given_back());
}

#[test]
fn the_second_ctrl_c_asks_nothing_and_the_work_is_taken_up_again() {
    let home = Home::new();
    let host = home.node([127, 0, 0, 2], false);
    ssh_config(home.folder.path(), &[("*", &host)]);
    let moto = Moto::start();
    let mut terminal = Terminal::start(home.command(&moto.url()), SIZE);
    terminal.wait_for("● live");
    terminal.press(&format!("c{ENTER}{RIGHT}{ENTER}"));
    terminal.wait("both to be connected to", |screen| {
        screen.contents().matches(" Connecting ").count() == 2
    });
    terminal.press(CTRL_C);
    terminal.wait_for("Something is still under way");
    terminal.press(CTRL_C);
    assert_eq!(terminal.end().exit_code(), 130);
    assert!(terminal.is_given_back());

    let mut terminal = Terminal::start(home.command(&moto.url()), SIZE);
    terminal.wait_for("resume in 2 regions");
    terminal.press("q");
    terminal.wait_for("Quit, resume later");
    terminal.press(&format!("{RIGHT}{RIGHT}{ENTER}"));
    assert_eq!(terminal.end().exit_code(), 0);
}
