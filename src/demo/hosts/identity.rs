//! Who a host is: keys and ids, derived from the seed and the instance's id, so that a story can
//! be told twice. They protect nothing.

use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{HashAlg, PrivateKey, ssh_key};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::fleet::InstanceId;

/// The private key of a demo's user, as OpenSSH writes it.
pub fn private_key(seed: u64) -> Result<String, ssh_key::Error> {
    let key = key(&derive(seed, &InstanceId::new("user"), "login key"))?;
    Ok(key.to_openssh(LineEnding::LF)?.to_string())
}

/// The key that an instance shows.
pub(super) fn host_key(seed: u64, instance: &InstanceId) -> Result<PrivateKey, ssh_key::Error> {
    key(&derive(seed, instance, "host key"))
}

/// The key that it shows instead of its own.
pub(super) fn other_host_key(
    seed: u64,
    instance: &InstanceId,
) -> Result<PrivateKey, ssh_key::Error> {
    key(&derive(seed, instance, "another host key"))
}

fn key(bytes: &[u8; 32]) -> Result<PrivateKey, ssh_key::Error> {
    PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(bytes)), "root")
}

/// The fingerprint of an instance's host key under a seed: `SHA256:...`, as `ssh-keygen -l` prints
/// it.
pub fn fingerprint(seed: u64, instance: &InstanceId) -> String {
    // A key pair out of 32 bytes is never encrypted, the only thing that can be wrong with one.
    host_key(seed, instance)
        .map(|key| key.public_key().fingerprint(HashAlg::Sha256).to_string())
        .unwrap_or_default()
}

/// The public half of an instance's host key under a seed: one line of OpenSSH's, as cloud-init
/// prints it.
pub fn public_key(seed: u64, instance: &InstanceId) -> Option<String> {
    host_key(seed, instance).ok()?.public_key().to_openssh().ok()
}

/// The kernel's id of a boot (random(4)).
pub(super) fn boot_id(seed: u64, instance: &InstanceId, boot: u64) -> Uuid {
    let bytes = derive(seed, instance, &format!("boot {boot}"));
    uuid::Builder::from_random_bytes(leading(bytes)).into_uuid()
}

/// A number below `limit` that belongs to this instance and this matter.
pub(super) fn pick(seed: u64, instance: &InstanceId, matter: &str, limit: u64) -> u64 {
    u64::from_le_bytes(leading(derive(seed, instance, matter))) % limit.max(1)
}

fn derive(seed: u64, instance: &InstanceId, matter: &str) -> [u8; 32] {
    let text = format!("{seed}/{instance}/{matter}");
    Sha256::digest(text.as_bytes()).into()
}

fn leading<const N: usize>(bytes: [u8; 32]) -> [u8; N] {
    std::array::from_fn(|at| bytes[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_keeps_its_key_and_shares_it_with_nobody() {
        let (one, two) = (InstanceId::new("i-1"), InstanceId::new("i-2"));
        assert_eq!(fingerprint(7, &one), fingerprint(7, &one));
        assert_ne!(fingerprint(7, &one), fingerprint(7, &two));
        assert_ne!(fingerprint(7, &one), fingerprint(8, &one));
        let other = other_host_key(7, &one).unwrap();
        assert_ne!(
            other.public_key().fingerprint(HashAlg::Sha256).to_string(),
            fingerprint(7, &one)
        );
    }

    #[test]
    fn each_boot_has_an_id_that_looks_like_the_kernels() {
        let one = InstanceId::new("i-1");
        let id = boot_id(7, &one, 1);
        assert_eq!((id, id.get_version_num()), (boot_id(7, &one, 1), 4));
        assert_ne!(id, boot_id(7, &one, 2));
    }
}
