//! What the stories share, one file a subject.

pub mod screen;
