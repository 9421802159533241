//! One binary for all stories: each further one would link the AWS SDK again.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "a story that cannot go on ends by panicking; what is shared is shared in this binary"
)]

mod support;
mod wire;
