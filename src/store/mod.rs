//! What is kept on this machine between runs.

mod cache;

pub use cache::Cache;
