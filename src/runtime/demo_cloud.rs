//! `demo-cloud`: a demo cloud for other processes, on loopback.

use std::collections::BTreeSet;
use std::future::pending;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use ipnet::Ipv4Net;
use serde_json::json;

use super::demo;
use super::exit_code::ExitCode;
use super::limits::open_files;
use super::signals::Signals;
use super::stderr;
use super::stop::Stop;
use crate::cli;
use crate::demo::{Cloud, Settings, serve};
use crate::fleet::Failure;

/// Where its instances' public addresses are from: loopback, but not what others use of it.
const ADDRESSES: (Ipv4Addr, u8) = (Ipv4Addr::new(127, 64, 0, 0), 10);
/// How many of the files that may be open are kept for what is not a host's listener: connections.
const SPARE_FILES: u64 = 512;
/// Between two looks at which instances have an address.
const LOOK: Duration = Duration::from_millis(200);

/// Serves until a signal ends it.
pub(super) async fn run(demo: &cli::Demo, args: &cli::DemoCloud) -> Result<ExitCode, Stop> {
    let opened = open(demo, args).await.map_err(Stop::Usage)?;
    opened.answer().await.map_err(|error| {
        Failure::internal(format!("saying where the demo cloud listens: {error}"))
    })?;
    Ok(ExitCode::DONE)
}

/// A cloud that listens.
struct ListeningCloud {
    cloud: Cloud,
    server: crate::demo::Server,
    ssh_port: Option<u16>,
}

impl ListeningCloud {
    /// Says where it listens, and answers until a signal comes.
    async fn answer(&self) -> io::Result<()> {
        // Whoever has read the line may end this process in good order.
        let mut signals = Signals::listen()?;
        let (url, account) = (self.server.url(), Settings::default().account);
        let line = json!({"endpoint": url, "ssh_port": self.ssh_port, "account": account});
        let mut out = io::stdout();
        writeln!(out, "{line}").and_then(|()| out.flush())?;
        let answering = async {
            match self.ssh_port {
                Some(port) => keep_answering(&self.cloud, port, most_listeners()).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = answering => {}
            _ = signals.next() => {}
        }
        Ok(())
    }
}

async fn open(demo: &cli::Demo, args: &cli::DemoCloud) -> Result<ListeningCloud, String> {
    let (network, length) = ADDRESSES;
    let settings = Settings {
        addresses: Ipv4Net::new_assert(network, length),
        ..demo::settings(demo, demo.speed.unwrap_or(1.0))
    };
    let cloud = demo::cloud(demo, &settings, "{}")?;
    let server = serve(&cloud.world, args.listen)
        .await
        .map_err(|error| format!("--listen {}: {error}", args.listen))?;
    let ssh_port = if args.no_ssh { None } else { Some(free_port()?) };
    Ok(ListeningCloud { cloud, server, ssh_port })
}

/// One port for all hosts: each has an address of its own.
fn free_port() -> Result<u16, String> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("looking for a free port for SSH: {error}"))
}

/// Each host is a listener. How many there may be.
fn most_listeners() -> usize {
    usize::try_from(open_files().saturating_sub(SPARE_FILES)).unwrap_or(usize::MAX)
}

/// Listens for whichever instances have an address, and for no others; for so many at most.
async fn keep_answering(cloud: &Cloud, port: u16, most: usize) {
    let mut answering = BTreeSet::new();
    let mut is_told = false;
    loop {
        let there = cloud.world.public_addresses();
        for gone in &answering - &there {
            cloud.hosts.stop_serving(IpAddr::from(gone));
            answering.remove(&gone);
        }
        for new in &there - &answering {
            let is_full = answering.len() >= most;
            let why = if is_full {
                format!("{most} hosts are all that the limit of open files allows (ulimit -n)")
            } else {
                match cloud.hosts.serve(IpAddr::from(new), port).await {
                    Ok(_) => {
                        answering.insert(new);
                        continue;
                    }
                    Err(error) => error.to_string(),
                }
            };
            if !is_told {
                stderr::print(&format!(
                    "spot-tui: {new}:{port} is one that does not answer SSH: {why}"
                ));
                is_told = true;
            }
            if is_full {
                break;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
