//! Two dashboards, each with a folder and a state file of its own, on one cloud.

use super::*;
use crate::support::demo_cloud::DemoCloud;

/// A user of a deployment that another one uses as well.
fn user(cloud: &DemoCloud) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "deployment: spot-shared\naws:\n  private_ssh_key_path: key\n  consistency_window_s: 4\nregions:\n  \
         - us-west-2: {{machine_type: t3.medium}}\nssh:\n  port: {}\n  \
         allow_from: [198.51.100.7]\n",
        cloud.ssh_port()
    );
    fs::write(folder.path().join("config.yaml"), config).unwrap();
    folder
}

fn dashboard(folder: &TempDir, key: &Key, cloud: &DemoCloud) -> Terminal {
    fs::copy(key.path(), folder.path().join("key")).unwrap();
    let mut command = command(folder.path(), PROGRAM, &[]);
    command.env("AWS_ENDPOINT_URL", cloud.url());
    let terminal = Terminal::start(command, SIZE);
    terminal.wait_for("● live");
    terminal
}

#[test]
fn what_one_creates_and_destroys_the_other_sees() {
    let cloud = DemoCloud::start(&["--speed", "20"]);
    let (key, folders) = (Key::ed25519(), [user(&cloud), user(&cloud)]);
    let [mut one, mut other] = folders.each_ref().map(|folder| dashboard(folder, &key, &cloud));

    one.press("c");
    one.wait_for("1 instance in 1 region");
    one.press(ENTER);
    one.wait_for("Create 1 instance in 1 region?");
    one.press(&format!("{RIGHT}{ENTER}"));
    let screen = one.wait_for("● 1 ready");
    let id = screen.split_whitespace().find(|word| word.starts_with("i-")).unwrap();
    // Its spot request tells of it.
    other.wait_for(id);

    other.press("D");
    other.wait_for("Type 'all' and press Enter");
    other.press(&format!("all{ENTER}"));
    other.wait_for("destroy: done");
    one.wait_for("1 terminated");

    for terminal in [&mut one, &mut other] {
        terminal.press("q");
        assert_eq!(terminal.end().exit_code(), 0);
    }
}
