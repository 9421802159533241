//! The proof that a request comes from who holds the session's key (DPoP, RFC 9449): a token of its own
//! for each attempt of a call, signed with ECDSA over P-256.

use std::fmt;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use p256::SecretKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::Generate as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::pkcs8::LineEnding;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::aws::clock::time_at;

/// Proves each request with this key.
#[derive(Clone)]
pub(super) struct Proof(SecretKey);

/// Secrets are in no log.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(..)")
    }
}

impl Proof {
    /// By a key that is made now; `None` where the system gives no random numbers.
    pub(super) fn generate() -> Option<Self> {
        SecretKey::try_generate().ok().map(Self)
    }

    /// The key, as `aws login` keeps it.
    pub(super) fn pem(&self) -> Option<String> {
        self.0.to_sec1_pem(LineEnding::LF).ok().map(|pem| pem.to_string())
    }

    /// By a key in PEM, as `aws login` keeps it (SEC 1, `EC PRIVATE KEY`). Lines may be of any length: the AWS
    /// CLI minds none (botocore, `_load_private_key`).
    pub(super) fn of(pem: &str) -> Option<Self> {
        let lines = pem.lines().filter(|line| !line.starts_with("-----"));
        let der = BASE64_STANDARD.decode(lines.map(str::trim).collect::<String>()).ok()?;
        SecretKey::from_sec1_der(&der).ok().map(Self)
    }

    /// The token for a request to this address at this time (RFC 9449, 4.2).
    fn token(&self, address: &str, now: Timestamp) -> String {
        let point = self.0.public_key().to_sec1_point(false);
        // Uncompressed: a byte that says so, then both coordinates.
        let (x, y) = point.as_bytes()[1..].split_at(32);
        let head = json!({
            "typ": "dpop+jwt",
            "alg": "ES256",
            "jwk": { "kty": "EC", "crv": "P-256", "x": coded(x), "y": coded(y) },
        });
        let claims = json!({
            "htm": "POST",
            "htu": address,
            "iat": now.as_second(),
            "jti": Uuid::new_v4().to_string(),
        });
        let part = |part: Value| coded(part.to_string().as_bytes());
        let signed = format!("{}.{}", part(head), part(claims));
        let signature: Signature = SigningKey::from(&self.0).sign(signed.as_bytes());
        format!("{signed}.{}", coded(&signature.to_bytes()))
    }
}

fn coded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Intercept for Proof {
    fn name(&self) -> &'static str {
        "DPoP"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        components: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let now = time_at(&components.time_source().unwrap_or_default());
        let request = context.request_mut();
        let token = self.token(request.uri(), now);
        request.headers_mut().insert("dpop", token);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of aws-config's login/cache.rs, its lines as they are and as one.
    #[test]
    fn a_key_is_read_whatever_the_length_of_its_lines() {
        let lines = [
            "MHcCAQEEIFDZHUzOG1Pzq+6F0mjMlOSp1syN9LRPBuHMoCFXTcXhoAoGCCqGSM49",
            "AwEHoUQDQgAE9qhj+KtcdHj1kVgwxWWWw++tqoh7H7UHs7oXh8jBbgF47rrYGC+t",
            "djiIaHK3dBvvdE7MGj5HsepzLm3Kj91bqA==",
        ];
        for body in [lines.join("\n"), lines.concat()] {
            let pem =
                format!("-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----\n");
            let proof = Proof::of(&pem).unwrap();
            assert_eq!(
                proof.token("https://x/v1/token", Timestamp::UNIX_EPOCH).split('.').count(),
                3
            );
        }
        assert!(Proof::of("-----BEGIN EC PRIVATE KEY-----\nAA==\n").is_none());
    }

    /// Its lines are as long as the AWS CLI makes them (`_serialize_to_pem`).
    #[test]
    fn a_key_that_was_made_here_is_kept_as_the_aws_cli_keeps_it() {
        let made = Proof::generate().unwrap();
        let pem = made.pem().unwrap();
        let lengths: Vec<usize> = pem.lines().map(str::len).collect();
        assert_eq!(lengths, [30, 64, 64, 36, 28]);
        assert!(pem.starts_with("-----BEGIN EC PRIVATE KEY-----\n") && pem.ends_with("-----\n"));
        assert!(Proof::of(&pem).unwrap().0 == made.0);
        assert!(Proof::generate().unwrap().0 != made.0);
    }
}
