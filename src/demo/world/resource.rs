//! What all of a region's resources have in common.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Tags, by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// What has an id, tags and a birth: all of a region's resources.
pub(crate) trait Resource {
    /// Its id.
    fn id(&self) -> &str;
    /// Its tags.
    fn tags(&self) -> &Tags;
    /// Its tags, to be changed.
    fn tags_mut(&mut self) -> &mut Tags;
    /// When it was made. EC2 does not tell of what is too young.
    fn born(&self) -> Timestamp;
}

macro_rules! resources {
    ($($kind:ty),*) => {$(
        impl Resource for $kind {
            fn id(&self) -> &str {
                &self.id
            }
            fn tags(&self) -> &Tags {
                &self.tags
            }
            fn tags_mut(&mut self) -> &mut Tags {
                &mut self.tags
            }
            fn born(&self) -> Timestamp {
                self.born
            }
        }
    )*};
}
pub(super) use resources;
