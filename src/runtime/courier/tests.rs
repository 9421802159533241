//! Messages arrive, whatever the far side does and whenever the process dies. The far side is a
//! server of the tests' own on loopback; what it does wrong is what services in the field do.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::config::WebhookForm;
use crate::fleet::{NotificationKind, Secret};
use crate::notify::Webhook;
use crate::store::Paths;

/// How a server treats one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Treatment {
    Accept,
    /// It hangs up before it has read anything.
    Drop,
    /// It never answers.
    Stall,
    /// It answers with this status, and asks for a pause of so many seconds.
    Answer(u16, Option<u32>),
    /// It takes the request in, and hangs up in the middle of its answer.
    HangUp,
}

/// What a server has read: each request's id and body, in their order.
type Received = Arc<Mutex<Vec<(String, Value)>>>;

/// A server on loopback that treats its requests as it is told, and what it took in.
struct Server {
    url: String,
    received: Received,
    /// How many connections there were.
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn open(treatment: impl Fn(usize) -> Treatment + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/services/s3cr3t", listener.local_addr().unwrap());
        let received = Received::default();
        let (shared, treatment) = (Arc::clone(&received), Arc::new(treatment));
        let requests = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&requests);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                counted.fetch_add(1, Ordering::Relaxed);
                let (received, treatment) = (Arc::clone(&shared), treatment(number));
                thread::spawn(move || serve(stream.unwrap(), treatment, &received));
            }
        });
        Self { url, received, requests }
    }

    fn target(&self) -> Target {
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        let (client, url) = (client.build().unwrap(), Secret::new(&self.url));
        Target::Webhook(Webhook::new(client, WebhookForm::Json, &url, None, |_| true).unwrap())
    }

    fn count(&self) -> usize {
        self.received.lock().unwrap().len()
    }

    /// The ids of the notifications that arrived, in the order in which they first did.
    fn arrived(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let received = self.received.lock().unwrap();
        let told = received.iter().flat_map(|(_, body)| ids(body));
        told.filter(|id| seen.insert(id.clone())).collect()
    }
}

fn ids(body: &Value) -> Vec<String> {
    let told = body["data"]["notifications"].as_array().unwrap();
    told.iter().map(|told| told["id"].as_str().unwrap().to_owned()).collect()
}

fn serve(mut stream: TcpStream, treatment: Treatment, received: &Received) {
    if treatment == Treatment::Drop {
        return;
    }
    let Some((id, body)) = read(&mut stream) else { return };
    let status = match treatment {
        Treatment::Accept => "200 OK\r\n".to_owned(),
        Treatment::Answer(status, None) => format!("{status} No\r\n"),
        Treatment::Answer(status, Some(pause)) => {
            format!("{status} No\r\nretry-after: {pause}\r\n")
        }
        Treatment::HangUp => {
            received.lock().unwrap().push((id, body));
            let _ = stream.write_all(b"HTTP/1.1 200 O");
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
        Treatment::Stall => {
            // Until the other side goes.
            let _ = stream.read(&mut [0; 1]);
            return;
        }
        Treatment::Drop => return,
    };
    if treatment == Treatment::Accept {
        received.lock().unwrap().push((id, body));
    }
    let _ = write!(stream, "HTTP/1.1 {status}content-length: 0\r\nconnection: close\r\n\r\n");
}

/// One request: its `webhook-id`, and its body.
fn read(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
            };
            let length: usize = header("content-length")?.parse().ok()?;
            if let Some(body) = bytes.get(head.len() + 4..head.len() + 4 + length) {
                return Some((
                    header("webhook-id")?.to_owned(),
                    serde_json::from_slice(body).ok()?,
                ));
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

fn pace() -> Pace {
    Pace {
        hold: SignedDuration::ZERO,
        quiet: SignedDuration::ZERO,
        limit: Duration::from_millis(150),
        pauses: Pauses::new(Duration::from_millis(1), Duration::from_millis(8)),
        window: SignedDuration::from_hours(1),
        farewell: Duration::from_secs(5),
    }
}

/// A notification of its own group.
fn notification(number: usize) -> Notification {
    let deployment = format!("d-{number}").into();
    Notification { at: Timestamp::now(), deployment, ..Notification::sample(number) }
}

/// A courier at work.
struct Life {
    orders: UnboundedSender<Order>,
    words: UnboundedReceiver<Word>,
    task: tokio::task::JoinHandle<usize>,
}

impl Life {
    fn begin(outbox: &Outbox, targets: BTreeMap<String, Target>, pace: Pace) -> Self {
        let (orders, received) = unbounded_channel();
        let (said, words) = unbounded_channel();
        let clock = SharedTimeSource::default();
        let courier = Courier::new(outbox.clone(), targets, pace, clock, said);
        Self { orders, words, task: tokio::spawn(courier.run(received)) }
    }

    fn post(&self, notifications: Vec<Notification>) {
        self.orders.send(Order::Post(notifications)).unwrap();
    }

    async fn word(&mut self) -> Word {
        tokio::time::timeout(Duration::from_mins(1), self.words.recv()).await.unwrap().unwrap()
    }

    async fn end(self) -> usize {
        self.orders.send(Order::End).unwrap();
        self.task.await.unwrap()
    }
}

fn outbox() -> (tempfile::TempDir, Outbox) {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::new(&Paths::new(folder.path().join("instances.json")));
    (folder, outbox)
}

fn to(server: &Server) -> BTreeMap<String, Target> {
    [("ops".to_owned(), server.target())].into()
}

/// A runtime that is dropped as a process is killed: at whatever it waits for.
fn process() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_thousand_arrive_at_a_hostile_server_over_kills() {
    const COUNT: usize = 1_000;
    let server = Server::open(|number| {
        let mut dice = fastrand::Rng::with_seed(number as u64);
        match dice.u8(0..100) {
            0..58 => Treatment::Accept,
            58..68 => Treatment::Drop,
            68..70 => Treatment::Stall,
            70..76 => Treatment::Answer(429, Some(0)),
            76..82 => Treatment::Answer(500, None),
            82..88 => Treatment::Answer(503, Some(0)),
            // For a moment: two in a row come rarely, and three would be for good.
            88..92 if number % 2 == 0 => Treatment::Answer(404, None),
            _ => Treatment::HangUp,
        }
    });
    let (_folder, outbox) = outbox();
    let mut dice = fastrand::Rng::with_seed(18);
    let (mut posted, mut kills) = (0, 0);
    let deadline = Instant::now() + Duration::from_mins(4);
    while server.arrived().len() < COUNT {
        assert!(Instant::now() < deadline, "{} of {COUNT} arrived", server.arrived().len());
        let few = if posted < COUNT { dice.usize(1..60).min(COUNT - posted) } else { 0 };
        let last = server.count() + dice.usize(1..60);
        process().block_on(async {
            let mut life = Life::begin(&outbox, to(&server), pace());
            // Each in an order of its own, and so in a message of its own.
            (posted..posted + few).for_each(|number| life.post(vec![notification(number)]));
            // What is not known to be kept is told again by the next process.
            let mut kept = 0;
            while kept < few || server.count() < last && server.arrived().len() < posted {
                match life.word().await {
                    Word::Kept(done) => {
                        done.unwrap();
                        kept += 1;
                        posted += 1;
                        if dice.u8(0..60) == 0 {
                            break;
                        }
                    }
                    Word::Closed(closed) => assert_eq!(closed.given_up, None, "{closed:?}"),
                    Word::Said(..) => {}
                }
            }
        });
        kills += 1;
    }
    assert!(kills >= 20, "{kills}");
    let received = server.received.lock().unwrap();
    let mut bodies: BTreeMap<&str, &Value> = BTreeMap::new();
    for (id, body) in received.iter() {
        let first = bodies.entry(id).or_insert(body);
        assert_eq!(*first, body, "what comes again under an id is what came before");
        assert_eq!(id, body["id"].as_str().unwrap());
    }
    assert!(received.len() > bodies.len(), "some came again: at least once");
    // The last answers of a process that was killed may not be written down.
    drop(received);
    process().block_on(async {
        assert_eq!(Life::begin(&outbox, to(&server), pace()).end().await, 0, "nothing waits");
    });
    let waiting = outbox.read();
    assert!(waiting.notifications.is_empty() && waiting.deliveries.is_empty());
    let closed = outbox.closed();
    assert!(closed.iter().any(|it| it.tries > 1), "the log says in how many tries");
}

#[tokio::test]
async fn they_arrive_in_their_order_and_none_holds_up_another() {
    let slow = Server::open(|_| Treatment::Stall);
    let fast = Server::open(|number| match number % 3 {
        0 => Treatment::Answer(500, None),
        _ => Treatment::Accept,
    });
    let (_folder, outbox) = outbox();
    let targets = [("slow".to_owned(), slow.target()), ("ops".to_owned(), fast.target())];
    let mut life = Life::begin(&outbox, targets.into(), pace());
    let told: Vec<String> = (0..20).map(|number| notification(number).id).collect();
    for number in 0..20 {
        let to = vec!["slow".to_owned(), "ops".to_owned()];
        life.post(vec![Notification { to, ..notification(number) }]);
    }
    let mut closed = 0;
    while closed < 20 {
        closed += usize::from(matches!(life.word().await, Word::Closed(it) if it.target == "ops"));
    }
    assert_eq!(fast.arrived(), told);
    assert_eq!(life.end().await, 20, "those that nobody took wait for the next process");
}

#[tokio::test]
async fn a_storm_is_a_handful_of_messages() {
    let server = Server::open(|_| Treatment::Accept);
    let (_folder, outbox) = outbox();
    let (hold, quiet) = (SignedDuration::from_millis(300), SignedDuration::from_mins(5));
    let mut life = Life::begin(&outbox, to(&server), Pace { hold, quiet, ..pace() });
    for number in 0..300 {
        let region = Some(["us-west-1", "us-west-2"][number % 2].into());
        let (kind, deployment) = (NotificationKind::Interrupted, "d".into());
        life.post(vec![Notification { kind, deployment, region, ..notification(number) }]);
    }
    // The first of each region go soon; what comes then waits for the end of the quiet, or ours.
    while !matches!(life.word().await, Word::Closed(_)) {}
    assert_eq!(life.end().await, 0);
    assert_eq!(server.arrived().len(), 300);
    assert!(server.count() <= 4, "{} messages", server.count());
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept() {
    let server = Server::open(|number| match number {
        0 => Treatment::Answer(429, Some(1)),
        _ => Treatment::Accept,
    });
    let (_folder, outbox) = outbox();
    let begun = Instant::now();
    let mut life = Life::begin(&outbox, to(&server), pace());
    life.post(vec![notification(1)]);
    let closed = loop {
        if let Word::Closed(closed) = life.word().await {
            break closed;
        }
    };
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!((closed.tries, closed.given_up), (2, None));
}

#[tokio::test]
async fn what_is_refused_or_too_old_is_given_up_loudly() {
    for (treatment, window, why) in [
        (Treatment::Answer(403, None), SignedDuration::from_hours(1), "HTTP 403"),
        (Treatment::Answer(503, None), SignedDuration::ZERO, "not delivered in a day: HTTP 503"),
        (Treatment::Answer(404, None), SignedDuration::ZERO, "not delivered in a day: HTTP 404"),
    ] {
        let server = Server::open(move |_| treatment);
        let (_folder, outbox) = outbox();
        let mut life = Life::begin(&outbox, to(&server), Pace { window, ..pace() });
        life.post(vec![notification(1)]);
        assert_eq!(life.word().await, Word::Kept(Ok(())));
        let Word::Said(Level::Error, said) = life.word().await else { panic!("it is said") };
        assert!(said.contains(why) && said.contains("i-1: gave up"), "{said}");
        let Word::Closed(closed) = life.word().await else { panic!("it is closed") };
        assert_eq!(closed.given_up.as_deref(), Some(why));
        assert_eq!(outbox.closed(), [closed]);
    }
}

#[tokio::test]
async fn that_nothing_is_taken_is_said_once_and_nothing_is_lost() {
    let server = Server::open(|number| match number {
        0 | 1 | 5 | 6 => Treatment::Answer(404, None),
        2..5 => Treatment::Answer(503, None),
        _ => Treatment::Accept,
    });
    let (_folder, outbox) = outbox();
    let mut life = Life::begin(&outbox, to(&server), pace());
    life.post(vec![notification(1)]);
    let mut said = Vec::new();
    loop {
        match life.word().await {
            Word::Said(level, text) => said.push((level, text)),
            Word::Closed(closed) => break assert_eq!(closed.given_up, None),
            Word::Kept(_) => {}
        }
    }
    let [(Level::Warning, trouble), (Level::Success, again)] = said.as_slice() else {
        panic!("{said:?}")
    };
    assert!(trouble.contains("ops (127.0.0.1) takes no notifications: HTTP 503"), "{trouble}");
    assert!(!trouble.contains("s3cr3t"), "{trouble}");
    assert_eq!(again, "ops takes notifications again");
}

#[tokio::test]
async fn who_is_gone_for_good_is_given_up_at_once_and_said_once() {
    for (status, tries) in [(410, 1), (404, 3)] {
        let server = Server::open(move |_| Treatment::Answer(status, None));
        let requests = server.requests.clone();
        let (_folder, outbox) = outbox();
        let mut life = Life::begin(&outbox, to(&server), pace());
        life.post((1..=4).map(notification).collect());
        let (mut errors, mut closed) = (Vec::new(), Vec::new());
        let mut later = false;
        while closed.len() < 5 {
            match life.word().await {
                Word::Said(Level::Error, text) => errors.push(text),
                Word::Said(..) | Word::Kept(_) => {}
                Word::Closed(it) => closed.push(it),
            }
            // What comes then is not even tried.
            if closed.len() == 4 && !std::mem::replace(&mut later, true) {
                life.post(vec![notification(5)]);
            }
        }
        let why = format!("HTTP {status}");
        assert!(closed.iter().all(|it| it.given_up.as_deref() == Some(&why)), "{closed:?}");
        let [said] = errors.as_slice() else { panic!("{errors:?}") };
        let names = format!("ops (127.0.0.1) is not there any more: {why}");
        assert!(said.contains(&names) && said.contains("4 messages"), "{said}");
        assert!(!said.contains("s3cr3t"), "{said}");
        assert_eq!(requests.load(Ordering::Relaxed), tries, "{status}");
        assert_eq!(life.end().await, 0, "nothing waits");
    }
}

#[tokio::test]
async fn whoever_tells_again_what_was_told_is_not_repeated() {
    let server = Server::open(|_| Treatment::Accept);
    let (_folder, outbox) = outbox();
    let mut life = Life::begin(&outbox, to(&server), pace());
    life.post(vec![notification(1)]);
    while !matches!(life.word().await, Word::Closed(_)) {}
    assert_eq!(life.end().await, 0);
    let life = Life::begin(&outbox, to(&server), pace());
    life.post(vec![notification(1)]);
    assert_eq!(life.end().await, 0);
    assert_eq!(server.count(), 1);
}
