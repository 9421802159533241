//! What the dashboard's memory comes to under whoever means it ill: a node whose output never ends, at
//! each place where it is asked for some; an AWS whose answers never end; a state file of 100 MB. The
//! program as it is, in a pseudo-terminal, for a minute each.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot be taken has no number")]

#[path = "../tests/support/demo_cloud.rs"]
#[expect(dead_code, reason = "the tests ask more of it")]
mod demo_cloud;
mod table;

use std::env;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, PtySize, native_pty_system};
use tempfile::TempDir;

use demo_cloud::DemoCloud;
use table::{cpu_time, dashboard, print, status};

/// How long each flood is borne.
const FLOOD: Duration = Duration::from_mins(1);
/// How long the dashboard may take to come to it.
const DEADLINE: Duration = Duration::from_mins(3);
const LEAST: &str = "under 200 MB, and a sentence";
const SIZE: (u16, u16) = (40, 160);
/// The key, as a terminal sends it.
const RIGHT: &str = "\x1b[C";

/// What a node floods; what is on the screen when it does; what is typed then; what is said of it.
const FLOODS: [(&str, &str, &str, &str); 6] = [
    ("upload", "Failed", "", "printed more"),
    ("boot_id", "Failed", "", "printed more"),
    ("set_up", "Configuring", "", "were dropped"),
    ("status", "Verifying", "", "printed more"),
    ("program", "● 1 ready", "!yes\r", "yyyy"),
    ("logs", "● 1 ready", "!sudo tail -n 200 -F /opt/deployment.log\r", "yyyy"),
];

/// All of it, or what is named on the command line.
fn main() {
    let named: Vec<String> = env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let is_wanted = |name: &str| named.is_empty() || named.iter().any(|it| it == name);
    for (flood, until, keys, words) in FLOODS {
        if is_wanted(flood) {
            node_floods(flood, until, keys, words);
        }
    }
    if is_wanted("aws") {
        let endless = |but_who_we_are| Endless { but_who_we_are };
        answers_never_end("each answer of AWS never ends", endless(false));
        answers_never_end("each but those of STS and DescribeRegions", endless(true));
    }
    if is_wanted("state") {
        large_state();
    }
}

fn node_floods(flood: &str, until: &str, keys: &str, words: &str) {
    let folder = folder();
    let story = format!("hosts:\n  - {{ region: us-west-2, fault: {{ flood: {flood} }} }}\n");
    fs::write(folder.path().join("story.yaml"), story).unwrap();
    let story = folder.path().join("story.yaml");
    let cloud = DemoCloud::start(&["--speed", "20", "--scenario", story.to_str().unwrap()]);
    configure(&folder, cloud.ssh_port());
    let mut screen = Screen::open(cloud.url(), &folder, &[]);
    screen.wait_for("● live");
    screen.press("c");
    screen.wait_for("1 instance in 1 region");
    screen.press("\r");
    screen.wait_for("Create 1 instance in 1 region?");
    screen.press(RIGHT);
    screen.press("\r");
    screen.wait_for(until);
    screen.press(keys);
    screen.bear(&format!("a node floods: {flood}"), words);
}

fn answers_never_end(what: &str, endless: Endless) {
    let folder = folder();
    configure(&folder, 22);
    let mut screen = Screen::open(&endless.serve(), &folder, &[]);
    screen.bear(what, "that is not AWS");
}

fn large_state() {
    let folder = folder();
    configure(&folder, 22);
    let path = folder.path().join("instances.json");
    let mut file = File::create(&path).unwrap();
    file.write_all(br#"{"version":1,"instances":[{}"#).unwrap();
    let entry = format!(",{{\"id\":\"i-0123456789abcdef0\",\"x\":\"{}\"}}", "x".repeat(1000));
    for _ in 0..100_000 {
        file.write_all(entry.as_bytes()).unwrap();
    }
    file.write_all(b"]}").unwrap();
    let mut screen = Screen::open("http://127.0.0.1:9", &folder, &[]);
    screen.bear("a state file of 100 MB", "could not be read");
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".ssh")).unwrap();
    let key = folder.path().join(".ssh/id_ed25519");
    let mut make = Command::new("ssh-keygen");
    make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(key);
    assert!(make.status().unwrap().success());
    folder
}

fn configure(folder: &TempDir, port: u64) {
    let config = format!(
        "deployment: spot-flood\naws: {{consistency_window_s: 1}}\nregions:\n  \
         - us-west-2: {{machine_type: t3.medium}}\nssh:\n  port: {port}\n  \
         allow_from: [198.51.100.7]\n"
    );
    fs::write(folder.path().join("config.yaml"), config).unwrap();
}

/// The dashboard on its terminal.
struct Screen {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    shown: Arc<Mutex<vt100::Parser>>,
    process: PathBuf,
}

impl Screen {
    fn open(endpoint: &str, folder: &TempDir, arguments: &[&str]) -> Self {
        let (rows, cols) = SIZE;
        let pair =
            native_pty_system().openpty(PtySize { rows, cols, ..PtySize::default() }).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let mut command = dashboard(endpoint, folder.path());
        command.args(arguments);
        let child = pair.slave.spawn_command(command).unwrap();
        let keys = pair.master.take_writer().unwrap();
        let [rows, cols] = [rows, cols].map(|size| NonZero::new(size).unwrap());
        let shown = Arc::new(Mutex::new(vt100::Parser::new(rows, cols, 0)));
        let screen = Arc::clone(&shown);
        thread::spawn(move || {
            // The terminal lives as long as its reader.
            let _pair = pair;
            let mut bytes = [0; 1 << 14];
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                screen.lock().unwrap().process(&bytes[..read]);
            }
        });
        let process = Path::new("/proc").join(child.process_id().unwrap().to_string());
        Self { child, keys, shown, process }
    }

    /// Presses one key after the other; what begins with ESC is one.
    fn press(&mut self, keys: &str) {
        let keys = if keys.starts_with(RIGHT) {
            vec![keys.to_owned()]
        } else {
            keys.chars().map(String::from).collect()
        };
        for key in keys {
            self.keys.write_all(key.as_bytes()).unwrap();
            self.keys.flush().unwrap();
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn text(&self) -> String {
        self.shown.lock().unwrap().screen().contents()
    }

    fn wait_for(&self, text: &str) {
        let begin = Instant::now();
        while !self.text().contains(text) {
            assert!(begin.elapsed() < DEADLINE, "no {text:?} on\n{}", self.text());
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Lets a minute go by, and prints the most memory that was needed and what is said.
    fn bear(&mut self, what: &str, words: &str) {
        let (begin, cpu) = (Instant::now(), cpu_time(&self.process));
        let mut said = None;
        while begin.elapsed() < FLOOD {
            let text = self.text();
            let line = text.lines().find(|line| line.contains(words));
            said = said.or_else(|| line.map(|line| line.trim().to_owned()));
            thread::sleep(Duration::from_millis(200));
        }
        assert!(self.child.try_wait().unwrap().is_none(), "it ended:\n{}", self.text());
        let most = status(&self.process, "VmHWM") / 1024.0;
        let share = (cpu_time(&self.process) - cpu) / begin.elapsed().as_secs_f64() * 100.0;
        let measured = format!("{most:.0} MiB at most, {share:.0} % of a core");
        print(what, &measured, LEAST);
        print("", &said.unwrap_or_else(|| format!("NOTHING IS SAID:\n{}", self.text())), "");
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An AWS whose answers never end.
#[derive(Clone, Copy)]
struct Endless {
    /// Whether it tells who we are and which regions there are, and is asked for more therefore.
    but_who_we_are: bool,
}

impl Endless {
    fn serve(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                thread::spawn(move || self.answer(stream.unwrap()));
            }
        });
        url
    }

    fn answer(self, mut stream: TcpStream) {
        while let Some(action) = read_action(&mut stream) {
            let short = short_answer(&action).filter(|_| self.but_who_we_are);
            let Some(body) = short else {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\n\r\n");
                let blanks = vec![b' '; 64 * 1024];
                while stream.write_all(&blanks).is_ok() {}
                return;
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// The action of the next request on this connection.
fn read_action(stream: &mut TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).ok()? > 0 && !line.trim().is_empty() {
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let form = String::from_utf8_lossy(&body).into_owned();
    Some(form.split('&').next()?.trim_start_matches("Action=").to_owned())
}

fn short_answer(action: &str) -> Option<String> {
    let inside = match action {
        "GetCallerIdentity" => {
            "<GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/a</Arn>\
             <Account>111122223333</Account></GetCallerIdentityResult>"
                .to_owned()
        }
        "DescribeRegions" => {
            let regions = (1..=17)
                .map(|number| format!("<item><regionName>us-west-{number}</regionName></item>"));
            format!("<regionInfo>{}</regionInfo>", regions.collect::<String>())
        }
        _ => return None,
    };
    Some(format!("<{action}Response>{inside}</{action}Response>"))
}
