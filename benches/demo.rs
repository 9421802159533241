//! What a large demo cloud costs: how long a client takes to describe all of it, by its own EC2
//! client, all regions at once; and the memory of the process that serves it. And what it costs to
//! watch a thousand instances in it: the dashboard in a pseudo-terminal, in real time.
//!
//! Parsing alone costs a client some 66 ms for 1,000 instances.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot be taken has no number")]

#[path = "../tests/support/demo_cloud.rs"]
#[expect(dead_code, reason = "the tests ask more of it")]
mod demo_cloud;
mod table;

use std::io::Read as _;
use std::num::NonZero;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use portable_pty::{PtySize, native_pty_system};
use spot_tui::aws::{Access, Aws, Credentials, Selector, SharedTimeSource};
use spot_tui::demo::{Scenario, Settings, World, connector};

use demo_cloud::DemoCloud;
use table::{cpu_time, dashboard, print, status};

/// How long the dashboard is given to see everything for the first time.
const SETTLE: Duration = Duration::from_secs(20);
/// How long it is watched.
const WATCH: Duration = Duration::from_mins(1);
const INSTANCES: u32 = 10_000;
/// Whose instances `demo-cloud` has from the beginning.
const DEPLOYMENT: &str = "spot-demo";

#[tokio::main]
async fn main() {
    in_the_process().await;
    over_loopback(&["--no-ssh"]).await;
    over_loopback(&[]).await;
    watched();
}

async fn in_the_process() {
    let world = World::new(&Settings::default(), Scenario::default());
    let begin = Instant::now();
    assert_eq!(world.preload(INSTANCES, DEPLOYMENT, "demo"), INSTANCES);
    let what = format!("{INSTANCES} instances made");
    print(&what, &format!("{:.0} ms", begin.elapsed().as_secs_f64() * 1e3), "");
    let access = Access {
        http: Some(connector(&world)),
        time: SharedTimeSource::new(world.clock()),
        ..access()
    };
    measure("in the process", &access).await;
}

async fn over_loopback(options: &[&str]) {
    let cloud = preloaded(INSTANCES, options);
    let how = if options.is_empty() { "demo-cloud" } else { "demo-cloud without SSH" };
    measure(how, &Access { endpoint: Some(cloud.url().to_owned()), ..access() }).await;
    let process = Path::new("/proc").join(cloud.child.id().to_string());
    let most = status(&process, "VmHWM") / 1024.0;
    print(&format!("{how}: memory at most"), &format!("{most:.0} MiB"), "under 300 MB");
}

fn access() -> Access {
    Access {
        credentials: Some(Credentials::new("key", "secret", None, None, "bench")),
        ..Access::default()
    }
}

/// Describes everything twice: the second time connections are open.
async fn measure(how: &str, access: &Access) {
    let aws = Aws::open(access).await.unwrap();
    for round in ["first", "second"] {
        for (what, everything) in [("instances", false), ("and all else", true)] {
            let (begin, cpu) = (Instant::now(), cpu_time(Path::new("/proc/self")));
            assert_eq!(describe(&aws, everything).await, INSTANCES as usize);
            let taken = begin.elapsed().as_secs_f64() * 1e3;
            let cpu = (cpu_time(Path::new("/proc/self")) - cpu) * 1e3;
            let measured = format!("{taken:.0} ms, {cpu:.0} ms of processor time");
            print(&format!("{how}: {round} look, {what}"), &measured, "under 2 s");
        }
    }
}

/// How many instances all regions tell of; with the spot requests, and with the network and what
/// else hangs on it, where everything is wanted.
async fn describe(aws: &Aws, everything: bool) -> usize {
    let regions = aws.account().await.unwrap().regions;
    let looks = regions.into_iter().map(|region| {
        let ec2 = aws.region(&region);
        tokio::spawn(async move {
            let ours = Selector::deployment(&DEPLOYMENT.into());
            if everything {
                ec2.residue(&ours).await.unwrap();
            }
            ec2.instances(&ours).await.unwrap().len()
        })
    });
    join_all(looks).await.into_iter().map(Result::unwrap).sum()
}

/// A thousand instances, in all regions that need no opt-in, watched by the program as it is: every
/// poll, the reading of every answer, and a frame whenever something on the screen changes. There is
/// no TLS on the way, and no node is visited over SSH.
fn watched() {
    const WATCHED: u32 = 1000;
    let cloud = preloaded(WATCHED, &["--no-ssh"]);
    let folder = tempfile::tempdir().unwrap();
    let size = PtySize { rows: 50, cols: 200, ..PtySize::default() };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut reader = pair.master.try_clone_reader().unwrap();
    // It only looks, on all of the cloud's regions.
    let mut command = dashboard(cloud.url(), folder.path());
    command.args(["--read-only", "--deployment", DEPLOYMENT]);
    let mut dashboard = pair.slave.spawn_command(command).unwrap();
    let process = Path::new("/proc").join(dashboard.process_id().unwrap().to_string());
    // A terminal reads all that it is sent.
    let screen = thread::spawn(move || {
        let [rows, columns] = [50, 200].map(|size| NonZero::new(size).unwrap());
        let mut screen = vt100::Parser::new(rows, columns, 0);
        let (mut bytes, mut all_seen) = ([0; 1 << 14], false);
        while let Ok(read @ 1..) = reader.read(&mut bytes) {
            if !all_seen {
                screen.process(&bytes[..read]);
                all_seen = screen.screen().contents().contains(&format!("{WATCHED} instances"));
            }
        }
        all_seen
    });
    thread::sleep(SETTLE);
    let (begin, cpu) = (Instant::now(), cpu_time(&process));
    thread::sleep(WATCH);
    let share = (cpu_time(&process) - cpu) / begin.elapsed().as_secs_f64() * 100.0;
    // It may have ended by itself.
    let _ = dashboard.kill();
    let _ = dashboard.wait();
    drop(pair);
    assert!(screen.join().unwrap(), "the dashboard does not show {WATCHED} instances");
    let what = format!("watching {WATCHED} instances, {} s", WATCH.as_secs());
    print(&what, &format!("{share:.2} % of a core"), "under 2 %");
}

/// A demo cloud that has so many instances from the beginning.
fn preloaded(instances: u32, options: &[&str]) -> DemoCloud {
    let instances = instances.to_string();
    DemoCloud::start(&[&["--preload", &instances][..], options].concat())
}
