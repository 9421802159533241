//! A recording proxy in front of moto: what was asked, where and in which order; and faults that
//! moto does not have.
//!
//! Plain threads, so that it serves tests with a paused clock and programs in other processes
//! alike.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use super::trap::{Moment, Set, Trap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What follows the name of an action that is only rehearsed: it changes nothing.
pub(crate) const DRY_RUN: &str = " (dry run)";

/// One request and how it was answered.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// When it was received.
    pub(crate) at: Instant,
    /// `ec2`, `sts` or `ssm`: from the credential's scope.
    pub(crate) service: String,
    /// From the credential's scope.
    pub(crate) region: String,
    /// The API action.
    pub(crate) action: String,
    /// The form's parameters, decoded, in their order. Empty for JSON services.
    pub(crate) form: Vec<(String, String)>,
    /// The raw body.
    pub(crate) body: String,
    /// The answer's status; 0 when the connection was cut.
    pub(crate) status: u16,
    /// The answer's body.
    pub(crate) answer: String,
}

impl Call {
    /// A form parameter, `TagSpecification.1.ResourceType`.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The resource types that the call tags, each with its tags.
    pub(crate) fn tagged(&self) -> Vec<(String, Vec<(String, String)>)> {
        (1..)
            .map_while(|n| {
                let at = format!("TagSpecification.{n}");
                let kind = self.parameter(&format!("{at}.ResourceType"))?.to_owned();
                let tags = (1..).map_while(|m| {
                    let key = self.parameter(&format!("{at}.Tag.{m}.Key"))?;
                    let value = self.parameter(&format!("{at}.Tag.{m}.Value"))?;
                    Some((key.to_owned(), value.to_owned()))
                });
                Some((kind, tags.collect()))
            })
            .collect()
    }

    /// Whether the call changes anything.
    pub(crate) fn is_mutating(&self) -> bool {
        let asks = self.action.starts_with("Describe") || self.action.starts_with("Get");
        !asks && !self.action.ends_with(DRY_RUN)
    }

    /// Whether it may be about the lock between machines, which whoever launches takes and lets go of.
    pub(crate) fn is_of_lock(&self) -> bool {
        ["CreateLaunchTemplate", "DeleteLaunchTemplate"].contains(&self.action.as_str())
    }
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The service refuses; moto is not asked.
    Refuse {
        /// HTTP status.
        status: u16,
        /// AWS's code.
        code: &'static str,
        /// AWS's message.
        message: &'static str,
    },
    /// moto does it, and the answer is a 200 that nobody can read.
    Garble,
    /// The connection is cut before moto is asked.
    Cut,
    /// moto does it, and the connection is cut before the answer.
    CutAfter,
}

#[derive(Default)]
struct Book {
    calls: Vec<Call>,
    /// Action, how many calls of it from now on, what then.
    faults: Vec<(String, usize, Fault)>,
    /// Addresses that are still to be handed out, and those that were.
    free: Vec<IpAddr>,
    console: Option<String>,
    trap: Option<Set>,
    /// The only regions that the account has.
    regions: Vec<String>,
    strips_tags: bool,
    addresses: BTreeMap<String, IpAddr>,
}

/// A running proxy. It ends with the test process.
#[derive(Clone)]
pub(crate) struct Proxy {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
}

impl Proxy {
    /// Listens on a free port and forwards to `upstream`.
    pub(crate) fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let proxy = Self { address, book: Arc::default() };
        let book = Arc::clone(&proxy.book);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let book = Arc::clone(&book);
                // A client that goes away ends its connection, nothing else.
                thread::spawn(move || drop(serve(&stream, upstream, &book)));
            }
        });
        proxy
    }

    /// The endpoint URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The `nth` call of an action from now on (1 is the next) goes wrong.
    pub(crate) fn fail(&self, action: &str, nth: usize, fault: Fault) {
        lock(&self.book).faults.push((action.to_owned(), nth, fault));
    }

    /// moto makes public addresses up. From now on each of them is answered as one of these, in
    /// the order in which they first appear, so that every instance can be a host of its own.
    pub(crate) fn give_addresses(&self, hosts: impl IntoIterator<Item = IpAddr>) {
        lock(&self.book).free.extend(hosts);
    }

    /// moto's instances print the boot of another age. From now on all consoles say this.
    pub(crate) fn print_on_consoles(&self, text: &str) {
        lock(&self.book).console = Some(text.to_owned());
    }

    /// Catches one call: the `nth` of an action from now on, or of all that change something.
    pub(crate) fn trap(&self, action: Option<&str>, nth: usize, moment: Moment) -> Trap {
        let (set, trap) = Set::new(action.map(str::to_owned), nth, moment);
        lock(&self.book).trap = Some(set);
        trap
    }

    /// From now on the account has these regions alone.
    pub(crate) fn limit_regions(&self, regions: &[&str]) {
        lock(&self.book).regions = regions.iter().map(|&region| region.to_owned()).collect();
    }

    /// From now on no tag reaches EC2.
    pub(crate) fn strip_tags(&self) {
        lock(&self.book).strips_tags = true;
    }

    /// Everything that was asked so far, in the order of arrival.
    pub(crate) fn calls(&self) -> Vec<Call> {
        lock(&self.book).calls.clone()
    }

    /// Every call of one action so far.
    pub(crate) fn calls_of(&self, action: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.action == action).collect()
    }

    /// Forgets the calls so far, and gives them back.
    pub(crate) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut lock(&self.book).calls)
    }
}

impl Book {
    fn print(&self, body: Vec<u8>) -> Vec<u8> {
        let (Some(console), Ok(text)) = (&self.console, std::str::from_utf8(&body)) else {
            return body;
        };
        let Some((before, rest)) = text.split_once("<output>") else { return body };
        let after = rest.split_once("</output>").map_or("", |(_, after)| after);
        format!("{before}<output>{}</output>{after}", STANDARD.encode(console)).into_bytes()
    }

    /// Leaves out the regions that the account does not have.
    fn confine(&self, body: Vec<u8>) -> Vec<u8> {
        let text = String::from_utf8_lossy(&body);
        if self.regions.is_empty() || !text.contains("<regionInfo>") {
            return body;
        }
        let has = |item: &str| {
            let name = |region: &String| format!("<regionName>{region}</regionName>");
            self.regions.iter().any(|region| item.contains(&name(region)))
        };
        let (head, items) = text.split_once("<item>").unwrap_or((&text, ""));
        let (items, tail) = items.rsplit_once("</item>").unwrap_or((items, ""));
        let kept = items.split("</item>").map(|item| item.replace("<item>", ""));
        let kept = kept.filter(|item| has(item)).map(|item| format!("<item>{item}</item>"));
        format!("{head}{}{tail}", kept.collect::<String>()).into_bytes()
    }

    fn readdress(&mut self, body: Vec<u8>) -> Vec<u8> {
        const TAG: &str = "<ipAddress>";
        if self.free.is_empty() && self.addresses.is_empty() {
            return body;
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        let mut parts = text.split(TAG);
        let mut readdressed = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (made_up, rest) = part.split_once('<').unwrap_or((part, ""));
            let address = self.addresses.get(made_up).copied().or_else(|| {
                let host = (!self.free.is_empty()).then(|| self.free.remove(0))?;
                self.addresses.insert(made_up.to_owned(), host);
                Some(host)
            });
            let address = address.map_or_else(|| made_up.to_owned(), |host| host.to_string());
            readdressed = format!("{readdressed}{TAG}{address}<{rest}");
        }
        readdressed.into_bytes()
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request as it came.
struct Request {
    head: String,
    body: Vec<u8>,
}

/// Serves one connection, which may carry many requests.
fn serve(stream: &TcpStream, upstream: SocketAddr, book: &Mutex<Book>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        let (place, fault, trap) = write_down(book, &request);
        let request = if lock(book).strips_tags { without_tags(&request) } else { request };
        if let Some(trap) = trap {
            return catch(stream, &request, upstream, &trap);
        }
        let answer = match fault {
            Some(Fault::Cut) => None,
            Some(Fault::Refuse { status, code, message }) => {
                Some((status, refusal(&request, code, message)))
            }
            Some(Fault::Garble) => {
                forward(&request, upstream)?;
                Some((200, b"<!DOCTYPE html><p>proxy</p".to_vec()))
            }
            Some(Fault::CutAfter) => {
                forward(&request, upstream)?;
                None
            }
            None => Some(forward(&request, upstream)?),
        };
        let Some((status, body)) = answer else { return Ok(()) };
        let body = lock(book).readdress(body);
        let body = lock(book).print(body);
        let body = lock(book).confine(body);
        lock(book).calls.get_mut(place).into_iter().for_each(|call| {
            call.status = status;
            call.answer = String::from_utf8_lossy(&body).into_owned();
        });
        reply(stream, place, status, &body)?;
    }
    Ok(())
}

fn reply(mut stream: &TcpStream, place: usize, status: u16, body: &[u8]) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status} Answer\r\nx-amzn-requestid: req-{place}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat())
}

/// A call in the trap. Its connection ends with it.
fn catch(
    stream: &TcpStream,
    request: &Request,
    upstream: SocketAddr,
    trap: &Set,
) -> std::io::Result<()> {
    match trap.moment {
        Moment::Unsent => trap.spring(),
        Moment::Unanswered => {
            forward(request, upstream)?;
            trap.spring();
        }
        Moment::Answered => {
            let (status, body) = forward(request, upstream)?;
            reply(stream, 0, status, &body)?;
            trap.spring();
        }
        Moment::Late => {
            trap.spring();
            trap.hold();
            forward(request, upstream)?;
        }
        Moment::Held => {
            trap.spring();
            trap.hold();
            let (status, body) = forward(request, upstream)?;
            reply(stream, 0, status, &body)?;
        }
    }
    trap.hold();
    Ok(())
}

/// The same request without a tag.
fn without_tags(request: &Request) -> Request {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let kept: Vec<&str> =
        body.split('&').filter(|pair| !pair.starts_with("TagSpecification.")).collect();
    let body = kept.join("&").into_bytes();
    let lines = request.head.lines().map(|line| match line.split_once(':') {
        Some((key, _)) if key.eq_ignore_ascii_case("content-length") => {
            format!("{key}: {}\r\n", body.len())
        }
        _ => format!("{line}\r\n"),
    });
    Request { head: lines.collect(), body }
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Request>> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
        if head[before..].trim().is_empty() {
            break;
        }
    }
    let length = header(&head, "content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Request { head, body }))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Notes the call; its place in the book, the fault that is due, and the trap that it is in.
fn write_down(book: &Mutex<Book>, request: &Request) -> (usize, Option<Fault>, Option<Set>) {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let form =
        if header(&request.head, "x-amz-target").is_some() { Vec::new() } else { decode(&body) };
    // Credential=KEY/20261120/us-west-2/ec2/aws4_request
    let scope: Vec<&str> = header(&request.head, "authorization")
        .and_then(|it| it.split_once("Credential="))
        .map(|(_, scope)| scope.split(['/', ',']).collect())
        .unwrap_or_default();
    let action = header(&request.head, "x-amz-target")
        .and_then(|target| target.rsplit('.').next())
        .map(str::to_owned)
        .or_else(|| form.iter().find(|(key, _)| key == "Action").map(|(_, value)| value.clone()))
        .unwrap_or_default();
    let rehearses = form.iter().any(|(key, value)| key == "DryRun" && value == "true");
    let action = if rehearses { action + DRY_RUN } else { action };
    let part = |n: usize| scope.get(n).copied().unwrap_or_default().to_owned();
    let mut book = lock(book);
    let due = book.faults.iter_mut().filter(|(name, _, _)| *name == action).fold(
        None,
        |due, (_, nth, fault)| {
            *nth = nth.saturating_sub(1);
            if *nth == 0 { due.or(Some(fault.clone())) } else { due }
        },
    );
    book.faults.retain(|(_, nth, _)| *nth > 0);
    let call = Call {
        at: Instant::now(),
        service: part(3),
        region: part(2),
        action,
        form,
        body,
        status: 0,
        answer: String::new(),
    };
    let is_caught =
        book.trap.as_mut().is_some_and(|trap| trap.counts(&call.action, call.is_mutating()));
    let trap = if is_caught { book.trap.take() } else { None };
    book.calls.push(call);
    (book.calls.len() - 1, due, trap)
}

/// Asks moto. HTTP/1.0, so that the answer ends with the connection and is never in chunks.
fn forward(request: &Request, upstream: SocketAddr) -> std::io::Result<(u16, Vec<u8>)> {
    let mut head = request.head.replacen("HTTP/1.1", "HTTP/1.0", 1);
    head.truncate(head.trim_end().len());
    head.push_str("\r\nconnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(upstream)?;
    stream.write_all(&[head.as_bytes(), &request.body].concat())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let split = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap_or(answer.len());
    let status = std::str::from_utf8(&answer[..split])
        .ok()
        .and_then(|head| head.split(' ').nth(1)?.parse().ok())
        .unwrap_or(502);
    Ok((status, answer.get(split + 4..).unwrap_or_default().to_vec()))
}

/// An error as the service that was asked writes it.
fn refusal(request: &Request, code: &str, message: &str) -> Vec<u8> {
    if header(&request.head, "x-amz-target").is_some() {
        return serde_json::json!({ "__type": code, "message": message }).to_string().into();
    }
    let error = format!("<Code>{code}</Code><Message>{message}</Message>");
    if String::from_utf8_lossy(&request.body).contains("Version=2011-06-15") {
        format!("<ErrorResponse><Error>{error}</Error></ErrorResponse>").into()
    } else {
        format!("<Response><Errors><Error>{error}</Error></Errors></Response>").into()
    }
}

fn decode(form: &str) -> Vec<(String, String)> {
    form.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescape(key), unescape(value))
        })
        .collect()
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                u8::from_str_radix(digits, 16).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
