//! STS on loopback, which writes down by whose key each call is signed. The shapes of its answers are
//! those of the service's model (sts-2011-06-15): `GetCallerIdentity`, `AssumeRole`. A role's key tells
//! who took it: `ASIA`, then the role's name, then the key that signed.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What was seen under one path.
#[derive(Debug, Default)]
struct Seen {
    identity: Option<String>,
    codes: Vec<String>,
}

type Log = Arc<Mutex<BTreeMap<String, Seen>>>;

/// It runs as long as the test does.
pub(crate) struct Sts {
    address: SocketAddr,
    log: Log,
}

impl Sts {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, log) = (listener.local_addr().unwrap(), Log::default());
        let seen = Arc::clone(&log);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, seen) = (stream.unwrap(), Arc::clone(&seen));
                thread::spawn(move || while answer(&stream, &seen) {});
            }
        });
        Self { address, log }
    }

    /// An endpoint whose calls are told apart from the others'.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://{}/{}", self.address, path(name))
    }

    /// By whose key `GetCallerIdentity` was signed there.
    pub(crate) fn signed(&self, name: &str) -> Option<String> {
        self.log.lock().unwrap().get(&path(name))?.identity.clone()
    }

    /// The codes that came with `AssumeRole`.
    pub(crate) fn codes(&self, name: &str) -> Vec<String> {
        self.log.lock().unwrap().get(&path(name)).map(|seen| seen.codes.clone()).unwrap_or_default()
    }
}

fn path(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// Answers one request; whether there may be another one on the connection.
fn answer(stream: &TcpStream, log: &Log) -> bool {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let mut pairs = lines.iter().filter_map(|line| line.split_once(": "));
        pairs.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let length = header("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    let form = |key: &str| {
        let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == key).map(|(_, value)| value.to_owned())
    };
    let signature = header("authorization").unwrap_or_default();
    let key = signature.split("Credential=").nth(1).and_then(|it| it.split('/').next());
    let key = key.unwrap_or_default().to_owned();
    let at = lines[0].split(' ').nth(1).unwrap().trim_matches('/').to_owned();
    let mut log = log.lock().unwrap();
    let seen = log.entry(at).or_default();
    let (status, text) = match form("Action").as_deref() {
        Some("GetCallerIdentity") => {
            seen.identity = Some(key);
            (200, IDENTITY.to_owned())
        }
        Some("AssumeRole") => {
            let code = form("TokenCode");
            let is_wrong = code.as_deref() == Some(WRONG);
            seen.codes.extend(code);
            let role = form("RoleArn").unwrap_or_default();
            let role = role.rsplit("%2F").next().unwrap_or_default().to_uppercase();
            if is_wrong {
                (403, REFUSED.to_owned())
            } else {
                (200, assumed(&format!("ASIA{role}{key}")))
            }
        }
        _ => (403, DENIED.to_owned()),
    };
    drop(log);
    let head = format!(
        "HTTP/1.1 {status} told\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n",
        text.len()
    );
    let mut stream = stream;
    stream.write_all((head + &text).as_bytes()).is_ok()
}

const IDENTITY: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/me</Arn><UserId>AIDA</UserId>\
    <Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId>\
    </ResponseMetadata></GetCallerIdentityResponse>";

/// The code that is no good.
pub(crate) const WRONG: &str = "000000";

/// STS to who sends one, in the words that aws/aws-cli#2279 quotes.
const REFUSED: &str = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
    <Type>Sender</Type><Code>AccessDenied</Code><Message>MultiFactorAuthentication failed with invalid \
    MFA one time pass code. </Message></Error><RequestId>1</RequestId></ErrorResponse>";

/// For whatever else is asked: whose key signed is known by then.
const DENIED: &str = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not \
    authorized to perform this operation.</Message></Error></Errors><RequestID>1</RequestID></Response>";

fn assumed(key: &str) -> String {
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
         <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/one/me</Arn><AssumedRoleId>AROA:me\
         </AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s\
         </SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>\
         </Credentials></AssumeRoleResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
         </AssumeRoleResponse>"
    )
}
