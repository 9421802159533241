//! The signature of a login: asked of the ssh-agent, or made with a key that is open.
//!
//! Own code beside russh's: the agent is asked in its turn and for as long as its user needs, a
//! certificate that it does not know is signed for by its key, and RSA certificates from files are
//! signed for with SHA-2.

use russh::client::{AuthResult, Handle, Handler};
use russh::keys::agent::AgentIdentity;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode as _;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey as RawPublicKey};

use super::agent::{Agent, Turns, message};
use super::keys::Candidate;

/// Flags of a request (draft-miller-ssh-agent, section 5.6.1).
const RSA_SHA2_256: u32 = 2;
const RSA_SHA2_512: u32 = 4;

/// Who has the private half.
pub(super) enum Signer<'a> {
    Agent(&'a mut Agent, &'a Turns),
    Key(&'a PrivateKey),
}

/// Why there is no signature, in words for the user.
#[derive(Debug)]
pub(super) struct NotSigned(String);

impl From<russh::SendError> for NotSigned {
    fn from(error: russh::SendError) -> Self {
        Self(error.to_string())
    }
}

/// Shows a key, or a certificate of it, and signs when the server wants it. The error is for the
/// user.
pub(super) async fn show<H: Handler>(
    handle: &mut Handle<H>,
    user: &str,
    candidate: &Candidate,
    mut signer: Signer<'_>,
) -> Result<AuthResult, String> {
    let key = match (&candidate.key, &signer) {
        (_, Signer::Key(key)) => key.public_key().clone(),
        (Some(key), Signer::Agent(..)) => key.clone(),
        (None, Signer::Agent(..)) => return Err("its public half is not known".into()),
    };
    let hash = rsa_hash(handle, &key.algorithm()).await;
    let answer = match candidate.certificate.clone() {
        Some(shown) => handle.authenticate_certificate_with(user, shown, hash, &mut signer).await,
        None => handle.authenticate_publickey_with(user, key, hash, &mut signer).await,
    };
    answer.map_err(|NotSigned(why)| why)
}

impl russh::Signer for Signer<'_> {
    type Error = NotSigned;

    /// What is to be signed, and behind it the signature as one string (RFC 4252, section 7).
    async fn auth_sign(
        &mut self,
        shown: &AgentIdentity,
        hash: Option<HashAlg>,
        mut data: Vec<u8>,
    ) -> Result<Vec<u8>, NotSigned> {
        let signature = match self {
            Self::Key(key) => sign_with(key, hash, &data),
            Self::Agent(agent, turns) => match request(agent, shown, hash, &data) {
                Ok(request) => agent.sign(&request, turns).await,
                Err(error) => Err(error),
            },
        };
        data.extend(signature.map_err(NotSigned)?);
        Ok(data)
    }
}

/// What the agent is asked.
fn request(
    agent: &Agent,
    shown: &AgentIdentity,
    hash: Option<HashAlg>,
    data: &[u8],
) -> Result<Vec<u8>, String> {
    let name = match shown {
        AgentIdentity::PublicKey { key, .. } => key.to_bytes(),
        AgentIdentity::Certificate { certificate, .. } => match agent.signs_as(certificate) {
            Some(key) => RawPublicKey::to_bytes(key),
            None => certificate.to_bytes(),
        },
    };
    let flags = match hash {
        Some(HashAlg::Sha256) => RSA_SHA2_256,
        Some(HashAlg::Sha512) => RSA_SHA2_512,
        _ => 0,
    };
    let mut request = vec![message::SIGN_REQUEST];
    for part in [&name.map_err(|error| error.to_string())?, data] {
        part.encode(&mut request).map_err(|error| error.to_string())?;
    }
    request.extend(flags.to_be_bytes());
    Ok(request)
}

fn sign_with(key: &PrivateKey, hash: Option<HashAlg>, data: &[u8]) -> Result<Vec<u8>, String> {
    let signature = match key.key_data() {
        KeypairData::Rsa(pair) => (pair, hash).try_sign(data),
        other => other.try_sign(data),
    };
    let failed = |error: &dyn std::fmt::Display| format!("it does not sign: {error}");
    let signature = signature.map_err(|error| failed(&error))?;
    let mut encoded = Vec::new();
    signature.encode_prefixed(&mut encoded).map_err(|error| failed(&error))?;
    Ok(encoded)
}

/// The hash for an RSA signature; servers of today refuse SHA-1.
async fn rsa_hash<H: Handler>(handle: &Handle<H>, algorithm: &Algorithm) -> Option<HashAlg> {
    if !matches!(algorithm, Algorithm::Rsa { .. }) {
        return None;
    }
    let best = handle.best_supported_rsa_hash().await.ok().flatten().flatten();
    best.or(Some(HashAlg::Sha256))
}
