//! What comes in over the wire, and what goes out: the words of both fronts.

use jiff::Timestamp;

/// The services that are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Ec2,
    Sts,
    Ssm,
    Pricing,
    Quotas,
    Monitoring,
    Advisor,
}

/// A request, as far as it matters.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    /// The header `Authorization`.
    pub(super) authorization: String,
    /// The path, without what follows a `?`.
    pub(super) path: String,
    /// The header `X-Amz-Target`.
    pub(super) target: String,
    /// The body; of a GET, what follows the `?`.
    pub(super) body: Vec<u8>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
    pub(super) request_id: String,
    /// AWS's code, where it is a refusal.
    pub(super) code: Option<String>,
}

impl Answer {
    pub(super) fn xml(status: u16, body: String, request_id: &str) -> Self {
        let content_type = "text/xml;charset=UTF-8";
        Self { status, content_type, body, request_id: request_id.to_owned(), code: None }
    }
}

/// What comes back to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// An answer.
    Answer(Answer),
    /// The connection ends.
    Cut,
    /// Nothing, ever.
    Silence,
}

/// What AWS's front says with every answer.
pub(super) fn headers(at: Timestamp) -> [(&'static str, String); 3] {
    let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    [("date", date), ("server", "AmazonEC2".into()), ("vary", "accept-encoding".into())]
}
