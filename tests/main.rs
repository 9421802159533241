//! All stories in one binary: each further one would link the AWS SDK again.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a story that cannot go on has failed"
)]

mod ssh;
mod support;
