//! What is done where AWS calls the keys of a call expired: it did nothing, so it is sent once more, with
//! others. A launch carries its client token again.

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};

use super::gate::Gate;

/// AWS's codes for it, in XML and in JSON (each service's list of common errors).
const CODES: [&str; 6] = [
    ">RequestExpired<",
    ">ExpiredToken<",
    ">ExpiredTokenException<",
    "\"ExpiredToken\"",
    "ExpiredTokenException\"",
    "#ExpiredTokenException",
];

/// Asks the gate for others.
#[derive(Debug)]
pub(super) struct ExpiredKeys {
    /// Who has the keys; fixed ones are nobody's.
    pub gate: Option<Gate>,
    /// Whether a call is repeated for nothing else, whatever the SDK makes of its failure.
    pub is_alone: bool,
}

impl ClassifyRetry for ExpiredKeys {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let gate = self.gate.as_ref().filter(|_| context.response().is_some_and(is_expired));
        match gate {
            Some(gate) => {
                gate.reject();
                RetryAction::transient_error()
            }
            None if self.is_alone => RetryAction::RetryForbidden,
            None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "expired keys"
    }

    /// It has the last word.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

fn is_expired(response: &HttpResponse) -> bool {
    if !response.status().is_client_error() {
        return false;
    }
    let text = response.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    CODES.iter().any(|code| text.contains(code))
}
