//! A port where metrics are read: `GET /metrics` for Prometheus, `GET /healthz` for who watches over
//! processes. The engine answers each scrape from its model, between two messages.
//!
//! Written by hand: the HTTP crate that is here already is built without its server, and another
//! set of features would build every AWS client anew.

use std::future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{io, net};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::headless::MetricsFormat;

/// The longest head of a request, in bytes.
const HEAD: u64 = 16 << 10;
/// How long a request, and its answer, may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How many are served at once.
const MOST: usize = 8;

/// Somebody who asks for metrics.
#[derive(Debug)]
pub(super) struct Scrape {
    /// In what words.
    pub format: MetricsFormat,
    /// Where they go.
    pub answer: oneshot::Sender<String>,
}

/// The port, for as long as this lives; without an address there is none.
#[derive(Debug, Default)]
pub(super) struct MetricsPort(Option<Open>);

#[derive(Debug)]
struct Open {
    scrapes: mpsc::Receiver<Scrape>,
    task: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MetricsPort {
    /// Listens at an address from now on. Needs a runtime around it.
    pub(super) fn open(address: SocketAddr) -> io::Result<(Self, SocketAddr)> {
        let listener = net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = TcpListener::from_std(listener)?;
        let (sender, scrapes) = mpsc::channel(MOST);
        let task = tokio::spawn(accept(listener, sender));
        Ok((Self(Some(Open { scrapes, task })), address))
    }

    /// The next who asks. Cancel-safe. Pends where there is no port.
    pub(super) async fn next(&mut self) -> Scrape {
        let Some(open) = &mut self.0 else { return future::pending().await };
        match open.scrapes.recv().await {
            Some(scrape) => scrape,
            None => future::pending().await,
        }
    }
}

async fn accept(listener: TcpListener, sender: mpsc::Sender<Scrape>) {
    // They end with this.
    let mut connections = JoinSet::new();
    let room = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, for one: the next connection may do.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let sender = sender.clone();
        connections.spawn(async move {
            // Whoever hangs up gets no answer.
            let _ = timeout(LIMIT, serve(stream, sender)).await;
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one request; a connection has no other.
async fn serve(stream: TcpStream, sender: mpsc::Sender<Scrape>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let Some(head) = head(&mut stream).await? else {
        return answer(&mut stream, 431, "text/plain", "the request is too long\n").await;
    };
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    match (method, path) {
        ("GET", "/metrics") => {
            let format = MetricsFormat::accepted(accepts(&head));
            let (told, text) = oneshot::channel();
            let asked = sender.send(Scrape { format, answer: told }).await;
            match (asked, text.await) {
                (Ok(()), Ok(text)) => answer(&mut stream, 200, format.content_type(), &text).await,
                _ => answer(&mut stream, 503, "text/plain", "the program ends\n").await,
            }
        }
        ("GET", "/healthz") => answer(&mut stream, 200, "text/plain", "ok\n").await,
        ("GET", _) => answer(&mut stream, 404, "text/plain", "see /metrics\n").await,
        _ => answer(&mut stream, 405, "text/plain", "only GET is served\n").await,
    }
}

/// The lines before the body; `None` where they have no end.
async fn head(stream: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut bounded = stream.take(HEAD);
    let mut head = Vec::new();
    loop {
        let before = head.len();
        bounded.read_until(b'\n', &mut head).await?;
        match &head[before..] {
            b"\r\n" | b"\n" => return Ok(Some(String::from_utf8_lossy(&head).into_owned())),
            line if line.ends_with(b"\n") => {}
            _ => return Ok(None),
        }
    }
}

fn accepts(head: &str) -> &str {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let header = lines.find(|(name, _)| name.eq_ignore_ascii_case("accept"));
    header.map_or("", |(_, value)| value.trim())
}

async fn answer(
    stream: &mut BufReader<TcpStream>,
    status: u16,
    kind: &str,
    text: &str,
) -> io::Result<()> {
    let reason = if status == 200 { "OK" } else { "No" };
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: \
         close\r\n\r\n",
        text.len()
    );
    stream.get_mut().write_all(head.as_bytes()).await?;
    stream.get_mut().write_all(text.as_bytes()).await?;
    stream.get_mut().shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    fn here() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[tokio::test]
    async fn a_scrape_is_answered_in_the_words_that_it_takes() {
        let (mut port, address) = MetricsPort::open(here()).unwrap();
        tokio::spawn(async move {
            loop {
                let Scrape { format, answer } = port.next().await;
                let _ = answer.send(format!("{format:?}\n"));
            }
        });
        let plain = ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(plain.starts_with("HTTP/1.1 200 OK\r\n"), "{plain}");
        assert!(plain.contains("text/plain; version=0.0.4"), "{plain}");
        assert!(plain.ends_with("\r\n\r\nPrometheus\n"), "{plain}");
        // As Prometheus 2.42 sends it.
        let accept = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
                      version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let request = format!("GET /metrics HTTP/1.1\r\nAccept: {accept}\r\n\r\n");
        let open = ask(address, &request).await;
        assert!(open.contains("application/openmetrics-text; version=1.0.0"), "{open}");
        assert!(open.ends_with("OpenMetrics\n"), "{open}");
    }

    #[tokio::test]
    async fn what_is_no_scrape_is_refused_and_harms_nobody() {
        let (_port, address) = MetricsPort::open(here()).unwrap();
        let status = |text: String| text.split(' ').nth(1).unwrap().to_owned();
        for (request, expected) in [
            ("GET /healthz HTTP/1.1\r\n\r\n".to_owned(), "200"),
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), "404"),
            ("POST /metrics HTTP/1.1\r\n\r\n".to_owned(), "405"),
            (format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(15 << 10)), "404"),
        ] {
            assert_eq!(status(ask(address, &request).await), expected);
        }
        // More than are served at once, and none of them asks for anything.
        let mut silent = Vec::new();
        for _ in 0..MOST - 1 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        assert_eq!(status(ask(address, "GET /healthz HTTP/1.1\r\n\r\n").await), "200");
    }
}
