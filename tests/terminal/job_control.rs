//! What stops the dashboard and takes it up again, other than its own keys; and what it raises of
//! the limits that it was started with.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use super::{CTRL_Z, ENTER, ESCAPE, Home, OPENING, PROGRAM, SIZE, Silence};
use crate::support::terminal::{Terminal, command};

/// The children of a process.
fn children(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let told = fs::read_to_string(path).unwrap();
    told.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

fn is_back(screen: &vt100::Screen) -> bool {
    let text = screen.contents();
    screen.alternate_screen() && text.contains("q quit") && !text.contains("status")
}

#[test]
fn whoever_stops_it_from_outside_finds_it_whole_afterwards() {
    let (home, silence) = (Home::new(), Silence::new());
    for signal in [Signal::TSTP, Signal::STOP] {
        let mut terminal = home.in_shell(&silence.url());
        terminal.wait_for(OPENING);
        let [program] = children(terminal.process())[..] else { panic!("one program") };
        let program = Pid::from_raw(program.try_into().unwrap()).unwrap();
        kill_process(program, signal).unwrap();
        terminal.wait_for("status 147");
        // It cannot hear of SIGSTOP, and could give nothing back.
        assert!(signal == Signal::STOP || terminal.is_given_back());
        // A terminal that was not given back is raw, and makes no line feed of Enter.
        terminal.press("\n");
        terminal.wait("the whole screen again", is_back);
        terminal.press("?");
        terminal.wait_for("keys: instances");
        terminal.press(ESCAPE);
        terminal.wait_gone("keys: instances");
        terminal.press("q");
        terminal.wait_for("ended 0");
        // After SIGSTOP the story's shell, which reads no keys itself, took the raw mode for its own,
        // and sets it again when a job ends.
        assert!(signal == Signal::STOP || terminal.is_given_back());
    }
}

#[test]
fn ctrl_z_also_stops_the_script_that_started_it() {
    let (home, silence) = (Home::new(), Silence::new());
    let shell = "sh -c '\"$0\"; echo after' \"$0\"; echo \"status $?\"; read -r _; fg; \
                 echo \"ended $?\"; read -r _";
    let mut command = command(home.folder.path(), "/bin/bash", &["-mc", shell, PROGRAM]);
    command.env("AWS_ENDPOINT_URL", silence.url());
    let mut terminal = Terminal::start(command, SIZE);
    terminal.wait_for(OPENING);
    terminal.press(CTRL_Z);
    terminal.wait_for(&format!("status {}", 128 + Signal::TSTP.as_raw()));
    assert!(terminal.is_given_back());
    terminal.press(ENTER);
    terminal.wait("the whole screen again", is_back);
    terminal.press("q");
    let screen = terminal.wait_for("ended 0");
    assert!(screen.contains("after"), "{screen}");
    assert!(terminal.is_given_back());
}

#[test]
fn it_may_open_as_many_files_as_the_system_lets_it() {
    let (home, silence) = (Home::new(), Silence::new());
    let script = "ulimit -Sn 100; exec \"$0\"";
    let mut command = command(home.folder.path(), "/bin/sh", &["-c", script, PROGRAM]);
    command.env("AWS_ENDPOINT_URL", silence.url());
    let terminal = Terminal::start(command, SIZE);
    terminal.wait_for(OPENING);
    let limits = fs::read_to_string(format!("/proc/{}/limits", terminal.process())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let [soft, hard] = files.split_whitespace().skip(3).take(2).collect::<Vec<_>>()[..] else {
        panic!("{files}")
    };
    assert_eq!(soft, hard);
}
