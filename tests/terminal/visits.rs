//! Looking at what is in another account, and coming back.

use std::process::Command;

use super::*;

/// Two profiles in two accounts, as moto tells them apart.
const PROFILES: &str = "[profile first]\nregion = us-west-2\naws_access_key_id = test\n\
                        aws_secret_access_key = test\n\
                        [profile second]\nregion = us-west-2\nsource_profile = first\n\
                        role_arn = arn:aws:iam::222222222222:role/deployer\n";

/// A user of both.
struct User {
    home: Home,
    moto: Moto,
}

impl User {
    fn new() -> Self {
        let home = Home::new();
        let path = home.folder.path();
        let config = fs::read_to_string(path.join("config.yaml")).unwrap();
        // Nobody answers: a create is under way for as long as the test takes.
        let config = config.replace("timeout_s: 60", "timeout_s: 900");
        fs::write(path.join("config.yaml"), config).unwrap();
        fs::create_dir(path.join(".aws")).unwrap();
        fs::write(path.join(".aws/config"), PROFILES).unwrap();
        Self { home, moto: Moto::start() }
    }

    fn run(&self, arguments: &[&str]) -> String {
        let path = self.home.folder.path();
        let ran = Command::new(PROGRAM)
            .args(arguments)
            .current_dir(path)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("HOME", path)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL", self.moto.url())
            .output()
            .unwrap();
        String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned()
    }

    /// Makes two instances of a deployment in the second account, and forgets them.
    fn plant(&self) {
        let path = self.home.folder.path();
        let config = fs::read_to_string(path.join("config.yaml")).unwrap();
        let quick = config.replace("timeout_s: 900", "timeout_s: 10");
        fs::write(path.join("quick.yaml"), quick).unwrap();
        let said = self.run(&[
            "create",
            "--yes",
            "--config",
            "quick.yaml",
            "--profile",
            "second",
            "--deployment",
            "spot-theirs",
            "--state",
            "theirs.json",
        ]);
        assert!(said.contains("spot-theirs"), "{said}");
        fs::remove_file(path.join("theirs.json")).unwrap();
        fs::remove_file(path.join("theirs.json.journal")).unwrap();
    }

    fn state(&self) -> String {
        fs::read_to_string(self.home.folder.path().join("instances.json")).unwrap()
    }
}

#[test]
fn another_account_is_visited_and_left_and_the_state_file_never_learns_of_it() {
    let user = User::new();
    user.plant();
    let mut command = user.home.command(&user.moto.url());
    command.args(["--profile", "first"]);
    let mut terminal = Terminal::start(command, SIZE);
    terminal.wait_for("● live");
    let screen = terminal.wait_for("profile first");
    assert!(screen.contains("123456789012"), "{screen}");
    terminal.press(&format!("c{ENTER}{RIGHT}{ENTER}"));
    terminal.wait_for("◐ 2 deploying");
    terminal.wait("two that run", |screen| screen.contents().matches(" i-").count() >= 2);

    // What is under way is asked about first.
    terminal.press(":profile sec");
    terminal.wait_for("profile second");
    terminal.press(&format!("ond{ENTER}"));
    let screen = terminal.wait_for("Something is still under way:");
    assert!(screen.contains("Wait, then go") && screen.contains("Stop the work"), "{screen}");
    terminal.press(&format!("{RIGHT}{RIGHT}"));
    terminal.wait_for("coming back resumes");
    terminal.press(ENTER);
    terminal.wait_for("READ-ONLY: a visit to spot-theirs (profile second); :deployment goes back");
    terminal.wait_for("222222222222");
    let state = user.state();
    terminal.wait("their two", |screen| screen.contents().contains("2 instances"));
    terminal.press("D");
    terminal.wait_for("read-only, nothing");
    terminal.press(":deployment ");
    let screen = terminal.wait_for("2 alive");
    assert!(!screen.contains("123456789012"), "{screen}");
    terminal.press(ESCAPE);
    terminal.wait_gone("2 alive");
    assert_eq!(user.state(), state, "the visit wrote into the state");
    assert!(!state.contains("spot-theirs"), "{state}");

    terminal.press(&format!(":deployment{ENTER}"));
    let screen = terminal.wait_for("profile first");
    assert!(!screen.contains("READ-ONLY") && !screen.contains("spot-theirs"), "{screen}");
    terminal.wait_for("◐ 2 deploying");
    assert!(!user.state().contains("spot-theirs"), "{}", user.state());
    terminal.wait_for("● live");
    // It is taken up once it is known who has the lock.
    terminal.wait_for("resume in");
    terminal.press(CTRL_C);
    terminal.wait_for("Wait, then quit");
    terminal.press(CTRL_C);
    terminal.end();

    // As the visit said.
    let said = user.run(&[
        "recover",
        "--profile",
        "second",
        "--deployment",
        "spot-theirs",
        "--state",
        "theirs.json",
    ]);
    let theirs = fs::read_to_string(user.home.folder.path().join("theirs.json")).unwrap();
    assert_eq!(theirs.matches("\"i-").count(), 2, "{said}\n{theirs}");
}
