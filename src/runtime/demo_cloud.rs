//! `demo-cloud`: a demo cloud for other processes, on loopback.

use std::collections::BTreeSet;
use std::future::pending;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use ipnet::Ipv4Net;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use super::rehearsal;
use super::signals::Signals;
use crate::cli;
use crate::demo::{Cloud, Settings, serve};

/// Where its instances' public addresses are from: loopback, but not what others use of it.
const ADDRESSES: (Ipv4Addr, u8) = (Ipv4Addr::new(127, 64, 0, 0), 10);
/// Between two looks at which instances have an address.
const LOOK: Duration = Duration::from_millis(200);

/// Serves until a signal ends it. Answers the exit code.
pub(super) async fn run(demo: &cli::Demo, args: &cli::DemoCloud) -> u8 {
    match open(demo, args).await {
        Ok(Open { cloud, server, ssh_port }) => {
            let account = &Settings::default().account;
            let line = json!({"endpoint": server.url(), "ssh_port": ssh_port, "account": account});
            let mut out = io::stdout();
            if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
                return 1;
            }
            let answering = async {
                match ssh_port {
                    Some(port) => keep_answering(&cloud, port).await,
                    None => pending().await,
                }
            };
            let Ok(mut signals) = Signals::listen() else { return 1 };
            tokio::select! {
                () = answering => {}
                _ = signals.next() => {}
            }
            0
        }
        Err(why) => {
            // Nobody may be reading.
            let _ = writeln!(io::stderr(), "spot-tui: {why}");
            2
        }
    }
}

/// A cloud that listens.
struct Open {
    cloud: Cloud,
    server: crate::demo::Server,
    ssh_port: Option<u16>,
}

async fn open(demo: &cli::Demo, args: &cli::DemoCloud) -> Result<Open, String> {
    let (network, length) = ADDRESSES;
    let settings = Settings {
        addresses: Ipv4Net::new_assert(network, length),
        ..rehearsal::settings(demo, demo.speed.unwrap_or(1.0))
    };
    let cloud = rehearsal::cloud(demo, &settings, "{}")?;
    let server = serve(&cloud.world, args.listen)
        .await
        .map_err(|error| format!("--listen {}: {error}", args.listen))?;
    let ssh_port = if args.no_ssh { None } else { Some(free_port()?) };
    allow_many_listeners();
    Ok(Open { cloud, server, ssh_port })
}

/// One port for all hosts: each has an address of its own.
fn free_port() -> Result<u16, String> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("looking for a free port for SSH: {error}"))
}

/// Each host is a listener, and the usual limit is about a thousand open files.
fn allow_many_listeners() {
    let limit = getrlimit(Resource::Nofile);
    // Refused, it costs the hosts beyond the limit, which are told of.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit { current: limit.maximum.or(limit.current), maximum: limit.maximum },
    );
}

/// Listens for whichever instances have an address, and for no others.
async fn keep_answering(cloud: &Cloud, port: u16) {
    let mut answering = BTreeSet::new();
    let mut unheard = BTreeSet::new();
    loop {
        let there = cloud.world.public_addresses();
        for gone in &answering - &there {
            cloud.hosts.stop_serving(IpAddr::from(gone));
            answering.remove(&gone);
        }
        for new in &there - &answering {
            match cloud.hosts.serve(IpAddr::from(new), port).await {
                Ok(_) => {
                    answering.insert(new);
                }
                Err(error) if unheard.insert(new) => {
                    let _ = writeln!(io::stderr(), "spot-tui: SSH on {new}:{port}: {error}");
                }
                Err(_) => {}
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
