//! A call that is refused, as EC2 says it.

use std::borrow::Cow;

/// What is answered instead of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status. EC2 has 400 for nearly everything.
    pub(crate) status: u16,
    /// AWS's code.
    pub(crate) code: Cow<'static, str>,
    /// AWS's words.
    pub(crate) message: String,
}

impl Refusal {
    /// A refusal with HTTP 400.
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::with_status(400, code, message)
    }

    /// A refusal with another status.
    pub(crate) fn with_status(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    /// A parameter has a value that cannot be.
    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    /// A parameter is not there.
    pub(crate) fn missing(name: &str) -> Self {
        let message = format!("The request must contain the parameter {name}");
        Self::new("MissingParameter", message)
    }

    /// Something that is named is not there: `The vpc ID 'vpc-1' does not exist`.
    pub(crate) fn no_such(code: &'static str, what: &str, id: &str) -> Self {
        Self::new(code, format!("The {what} '{id}' does not exist"))
    }

    /// Something else still uses it.
    pub(crate) fn dependency(message: impl Into<String>) -> Self {
        Self::new("DependencyViolation", message)
    }

    /// Too many calls (seen in the field with HTTP 503).
    pub(crate) fn throttled() -> Self {
        Self::with_status(503, "RequestLimitExceeded", "Request limit exceeded.")
    }
}
