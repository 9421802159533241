//! The front for other processes: a small HTTP/1.1 server with keep-alive, on loopback only.
//!
//! Written by hand: the HTTP crate that is here already is built without its server, and another
//! set of features would build every AWS client anew.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::answer::answer;
use super::message::{Answer, Reply, Request, headers};
use crate::demo::world::World;

/// The longest head of a request, and the longest body. RunInstances with 16 KiB of user-data and
/// fifty tags fits many times.
const HEAD_CAP: u64 = 64 * 1024;
const BODY_CAP: usize = 1024 * 1024;
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_mins(2);

/// A server that serves until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients are given as the endpoint.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a world on an address of the loopback; port 0 takes a free one. Any other address is
/// refused: there is no authentication.
pub async fn serve(world: &World, address: SocketAddr) -> io::Result<Server> {
    if !address.ip().is_loopback() {
        let text = format!("{address} is not a loopback address: the demo cloud has no locks");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(accept(listener, world.clone()));
    Ok(Server { address, task })
}

async fn accept(listener: TcpListener, world: World) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, world.clone()));
                }
                // Out of file descriptors, for one: the next connection may do.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection to its end.
pub(super) async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, world: World) {
    let mut stream = BufReader::new(stream);
    while let Ok(Ok(Some(heard))) = timeout(IDLE, hear(&mut stream)).await {
        let (answer, keep) = match heard {
            Heard::Refused(status) => (plain(status), false),
            Heard::Request { request, keep } => {
                let reply = answer(&world, &request);
                sleep(world.latency()).await;
                match reply {
                    Reply::Answer(answer) => (answer, keep),
                    Reply::Cut => return,
                    Reply::Silence => {
                        // Until the client gives up.
                        let _ = stream.read_u8().await;
                        return;
                    }
                }
            }
        };
        if stream.get_mut().write_all(&written(&answer, world.clock().now(), keep)).await.is_err()
            || !keep
        {
            return;
        }
    }
}

/// What came in.
enum Heard {
    Request {
        request: Request,
        keep: bool,
    },
    /// Something that is not served, by HTTP status.
    Refused(u16),
}

/// Reads one request. `None` at the end of the connection.
async fn hear(
    stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
) -> io::Result<Option<Heard>> {
    let mut head = String::new();
    loop {
        let mut line = Vec::new();
        let left = HEAD_CAP.saturating_sub(head.len() as u64);
        let read = (&mut *stream).take(left).read_until(b'\n', &mut line).await?;
        if read == 0 {
            return Ok((!head.is_empty()).then_some(Heard::Refused(431)));
        }
        head.push_str(&String::from_utf8_lossy(&line));
        if matches!(line.as_slice(), b"\n" | b"\r\n") && head.trim().is_empty() {
            // Empty lines before a request are allowed (RFC 9112, 2.2).
            head.clear();
        } else if matches!(line.as_slice(), b"\n" | b"\r\n") {
            break;
        }
    }
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split_whitespace();
    let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    let header = |name: &str| {
        headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| *value)
    };
    if !["GET", "POST"].contains(&method) {
        return Ok(Some(Heard::Refused(405)));
    }
    if !header("transfer-encoding").is_empty() {
        return Ok(Some(Heard::Refused(411)));
    }
    let length = match header("content-length") {
        "" => 0,
        text => match text.parse::<usize>() {
            Ok(length) if length <= BODY_CAP => length,
            _ => return Ok(Some(Heard::Refused(413))),
        },
    };
    if header("expect").eq_ignore_ascii_case("100-continue") {
        stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    if let Some((_, query)) = path.split_once('?').filter(|_| body.is_empty()) {
        body = query.as_bytes().to_vec();
    }
    let request = Request {
        authorization: header("authorization").to_owned(),
        target: header("x-amz-target").to_owned(),
        path: path.split('?').next().unwrap_or_default().to_owned(),
        body,
    };
    let keep = !header("connection").eq_ignore_ascii_case("close");
    Ok(Some(Heard::Request { request, keep }))
}

fn plain(status: u16) -> Answer {
    Answer { content_type: "text/plain", ..Answer::xml(status, String::new(), "none") }
}

fn written(answer: &Answer, at: Timestamp, keep: bool) -> Vec<u8> {
    let connection = if keep { "keep-alive" } else { "close" };
    let further = headers(at).map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: {}\r\ncontent-length: {}\r\nx-amzn-requestid: {}\r\n\
         connection: {connection}\r\n{further}\r\n",
        answer.status,
        if answer.status < 400 { "OK" } else { "Refused" },
        answer.content_type,
        answer.body.len(),
        answer.request_id,
    );
    [head.as_bytes(), answer.body.as_bytes()].concat()
}
