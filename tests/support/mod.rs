//! What the stories share, one file a subject.

pub(crate) mod screen;
