//! Key pairs: the public half of the user's key, so that the first login works.

use std::collections::BTreeMap;

use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{KeyPairInfo, ResourceType};

use super::access::Ec2;
use super::class::Class;
use super::error::AwsError;
use super::select::{Selector, born_with, read_tags};

/// A key pair in EC2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyPair {
    /// Its id, `key-...`.
    pub(super) id: String,
    /// The name that a launch gives.
    pub(super) name: String,
    /// Its tags.
    pub(super) tags: BTreeMap<String, String>,
}

impl Ec2 {
    /// Our key pairs (EC2 DescribeKeyPairs, filtered by tags).
    pub(super) async fn key_pairs(&self, ours: &Selector) -> Result<Vec<KeyPair>, AwsError> {
        let answer = self
            .patient
            .describe_key_pairs()
            .set_filters(Some(ours.filters()))
            .send()
            .await
            .map_err(self.failed("DescribeKeyPairs"))?;
        let pairs = answer.key_pairs().iter().filter_map(key_pair);
        Ok(pairs.filter(|pair| ours.matches(&pair.tags)).collect())
    }

    /// Whether there is a key pair of this name, whoever made it.
    pub async fn has_key_pair(&self, name: &str) -> Result<bool, AwsError> {
        Ok(self.key_pair(name).await?.is_some())
    }

    /// A key pair by its name, whoever made it.
    pub(super) async fn key_pair(&self, name: &str) -> Result<Option<KeyPair>, AwsError> {
        let answer = self
            .patient
            .describe_key_pairs()
            .key_names(name)
            .send()
            .await
            .map_err(self.failed("DescribeKeyPairs"));
        match answer {
            Ok(answer) => Ok(answer.key_pairs().iter().find_map(key_pair)),
            Err(error) if error.code.as_deref() == Some("InvalidKeyPair.NotFound") => Ok(None),
            Err(error) => Err(error.on(format!("{name} in {}", self.region()))),
        }
    }

    /// EC2 ImportKeyPair: an OpenSSH public key, ed25519 or rsa. [`Class::Exists`] when the name
    /// is taken.
    pub(super) async fn import_key(
        &self,
        name: &str,
        public_key: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<KeyPair, AwsError> {
        let answer = self
            .once
            .import_key_pair()
            .key_name(name)
            .public_key_material(Blob::new(public_key.trim()))
            .tag_specifications(born_with(ResourceType::KeyPair, tags))
            .send()
            .await
            .map_err(self.failed("ImportKeyPair"))
            .map_err(|error| error.on(format!("{name} in {}", self.region())))?;
        let id = answer.key_pair_id().map(str::to_owned).ok_or_else(|| {
            let hint = "the next run finds by its tags what was made";
            self.found("ImportKeyPair", Class::Unknown, "AWS answered without an id", hint)
        })?;
        Ok(KeyPair { id, name: name.to_owned(), tags: tags.clone() })
    }
}

fn key_pair(pair: &KeyPairInfo) -> Option<KeyPair> {
    Some(KeyPair {
        id: pair.key_pair_id()?.to_owned(),
        name: pair.key_name()?.to_owned(),
        tags: read_tags(pair.tags()),
    })
}
