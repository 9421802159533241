//! The hosts of a demo have a shell that one can type into, by the system's own ssh.

use super::*;

#[test]
fn a_shell_on_a_host_of_the_demo_takes_what_is_typed_and_gives_the_dashboard_back() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("calm.yaml"), "{}").unwrap();
    let config = "regions:\n  - us-west-2: { machine_type: t3.medium, instances_per_region: 1 }\n";
    fs::write(folder.path().join("config.yaml"), config).unwrap();
    let arguments = ["--demo", "--scenario", "calm.yaml", "--speed", "30"];
    let mut terminal = Terminal::start(command(folder.path(), PROGRAM, &arguments), SIZE);
    terminal.wait_for("● live");
    terminal.press(&format!("c{ENTER}{RIGHT}{ENTER}"));
    terminal.wait_for("● 1 ready");

    terminal.press("t");
    terminal.wait("ssh", |screen| !screen.alternate_screen());
    terminal.wait_for(":~$ ");
    terminal.press("id\r");
    terminal.wait_for("uid=1000(ubuntu)");
    // A line is edited as on a terminal, and what needs a size has one.
    terminal.press("hostnamx\x7fe\r");
    terminal.wait("its name", |screen| {
        screen.rows(0, SIZE.0).any(|row| row.trim_end().starts_with("i-"))
    });
    terminal.press("exit\r");
    terminal.wait("the dashboard", vt100::Screen::alternate_screen);
    terminal.wait_for("● 1 ready");

    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
    assert!(terminal.is_given_back());
}
