//! All stories, in one binary: each further one would link the AWS SDK again.

mod config;
