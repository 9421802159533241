//! What a keeper costs while nothing happens: the real binary holds a fleet that it has launched and
//! set up itself in a demo cloud, in real time, with every look at AWS, every visit over SSH, and a
//! renewed lease at each. There is no TLS on the way to AWS.
//!
//! `SPOT_BENCH_INSTANCES` says how many (500), `SPOT_BENCH_SETTLE_M` how many minutes they are left alone
//! before it is measured, in which the machine may do something else (18, the least). All of it takes
//! thirty-five minutes.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot be taken has no number")]

#[path = "../tests/support/demo_cloud.rs"]
#[expect(dead_code, reason = "the tests ask more of it")]
mod demo_cloud;
#[expect(dead_code, reason = "the dashboard is measured elsewhere")]
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use demo_cloud::DemoCloud;
use table::{PROGRAM, cpu_time, print, status};
use tempfile::TempDir;

const REGIONS: [&str; 5] = ["us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1"];
/// What EC2 gives back to the bucket of a describing action that is filtered or paginated, in calls a
/// second and region (EC2 API Reference, "Request throttling").
const REFILL: f64 = 20.0;
/// Until all are ready.
const PATIENCE: Duration = Duration::from_mins(30);
/// What follows the last set-up is not rest yet, in minutes: the pauses between visits grow, one and four,
/// and fifteen after that.
const SETTLE: u64 = 18;
/// How long it is watched: each node is visited once.
const WATCH: Duration = Duration::from_mins(15);

/// A keeper under way, and where it tells its metrics.
struct Keeper {
    child: Child,
    metrics: String,
    folder: TempDir,
}

impl Keeper {
    fn start(cloud: &DemoCloud, count: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let key = folder.path().join("key");
        let keygen = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key)
            .status();
        assert!(keygen.unwrap().success());
        let regions: String =
            REGIONS.map(|it| format!("  - {it}: {{ machine_type: t3.medium }}\n")).concat();
        let config = format!(
            "aws:\n  total_instances: {count}\n  private_ssh_key_path: {}\n\
             regions:\n{regions}lease: 90m\nssh: {{ port: {} }}\n",
            key.display(),
            cloud.ssh_port(),
        );
        fs::write(folder.path().join("config.yaml"), config).unwrap();
        let said = fs::File::create(folder.path().join("said")).unwrap();
        let child = Command::new(PROGRAM)
            .args(["--endpoint-url", cloud.url(), "--metrics", &metrics, "keep", "--json"])
            .current_dir(folder.path())
            .env_clear()
            .envs([("HOME", folder.path())])
            .envs([
                ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", "none"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .unwrap();
        Self { child, metrics, folder }
    }

    fn process(&self) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string())
    }

    /// Its metrics, of which some begin with this: label text and value.
    fn scrape(&self, beginning: &str) -> BTreeMap<String, f64> {
        let mut text = String::new();
        if let Ok(mut stream) = TcpStream::connect(&self.metrics) {
            let request = "GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).unwrap();
            stream.read_to_string(&mut text).unwrap();
        }
        let lines = text.lines().filter_map(|line| line.strip_prefix(beginning)?.rsplit_once(' '));
        lines.map(|(labels, value)| (labels.to_owned(), value.parse().unwrap())).collect()
    }

    fn ready(&self) -> f64 {
        let phases = self.scrape("spot_tui_instances{");
        phases
            .iter()
            .filter(|(labels, _)| labels.contains("\"Ready\""))
            .map(|(_, count)| count)
            .sum()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn main() {
    let count = std::env::var("SPOT_BENCH_INSTANCES").map_or(500, |text| text.parse().unwrap());
    let settle = std::env::var("SPOT_BENCH_SETTLE_M").map_or(SETTLE, |text| text.parse().unwrap());
    let cloud = DemoCloud::start(&[]);
    let keeper = Keeper::start(&cloud, count);
    let begun = Instant::now();
    while keeper.ready() < f64::from(count) {
        let (ready, said) = (keeper.ready(), keeper.folder.path().join("said"));
        assert!(begun.elapsed() < PATIENCE, "{ready}: {}", fs::read_to_string(said).unwrap());
        thread::sleep(Duration::from_secs(1));
    }
    print(&format!("{count} launched and ready"), &format!("{} s", begun.elapsed().as_secs()), "");
    thread::sleep(Duration::from_mins(settle.max(SETTLE)));

    let (begun, cpu) = (Instant::now(), cpu_time(&keeper.process()));
    let before = keeper.scrape("spot_tui_aws_requests_total{");
    thread::sleep(WATCH);
    let seconds = begun.elapsed().as_secs_f64();
    let share = (cpu_time(&keeper.process()) - cpu) / seconds * 100.0;
    let after = keeper.scrape("spot_tui_aws_requests_total{");
    let what = |name: &str| format!("keep at rest with {count} instances: {name}");
    print(&what("processor"), &format!("{share:.2} % of a core"), "under 0.2 %");
    let resident = status(&keeper.process(), "VmRSS") / 1024.0;
    print(&what("memory"), &format!("{resident:.0} MiB"), "under 60 MB");
    let mut busiest = 0.0_f64;
    for (labels, calls) in after {
        let calls = calls - before.get(&labels).copied().unwrap_or_default();
        if calls > 0.0 {
            busiest = busiest.max(calls);
            print(&what(&labels), &format!("{:.0} calls an hour", calls / seconds * 3600.0), "");
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "five regions")]
    let rate = busiest / seconds / REGIONS.len() as f64;
    let measured = format!("1/{:.0} of what its bucket gets back", REFILL / rate);
    print(&what("the busiest action, a region"), &measured, "under 1/20");
}
