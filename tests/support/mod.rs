//! What several stories need: one file a subject.

pub(crate) mod root;
