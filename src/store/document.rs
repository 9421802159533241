//! The state file as it stands: each value is read by itself, so that a bad one costs only itself.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Its instances as `T`, and all its other keys. As values a large fleet takes several times its
/// file's length, so that they are read one by one.
#[derive(Debug)]
pub(super) struct Document<T> {
    /// All but the instances.
    pub keys: Map<String, Value>,
    /// The instances that could be read.
    pub instances: Vec<T>,
    /// How many could not be read as `T`.
    pub unread: usize,
}

impl<T> Default for Document<T> {
    fn default() -> Self {
        Self { keys: Map::new(), instances: Vec::new(), unread: 0 }
    }
}

impl<T> Document<T> {
    /// What a key holds, where it is that.
    pub(super) fn get<V: DeserializeOwned>(&self, key: &str) -> Option<V> {
        self.keys.get(key).and_then(|value| V::deserialize(value).ok())
    }

    /// The version of its format.
    pub(super) fn version(&self) -> u64 {
        self.get("version").unwrap_or_default()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Document<T> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(Reader(PhantomData))
    }
}

/// Reads a whole document, or the instances of one.
struct Reader<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for Reader<T> {
    type Value = Document<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of instances")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut document = Document::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == "instances" {
                let Document { keys, instances, unread } = map.next_value()?;
                if !keys.is_empty() {
                    return Err(A::Error::custom("`instances` is no list"));
                }
                (document.instances, document.unread) = (instances, unread);
            } else {
                document.keys.insert(key, map.next_value()?);
            }
        }
        Ok(document)
    }

    // A predecessor's, which is nothing but its instances.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut document = Document::default();
        while let Some(value) = list.next_element::<Value>()? {
            match T::deserialize(value) {
                Ok(instance) => document.instances.push(instance),
                Err(_) => document.unread += 1,
            }
        }
        Ok(document)
    }
}
