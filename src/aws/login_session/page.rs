//! The page on which a person signs in, and the code that it shows: OAuth's authorization code with
//! PKCE (RFC 7636), in the words of AWS Sign-In (the AWS CLI 2.36.7, `_get_authorization_uri` and
//! `parse_verification_code`).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::proof::Proof;

/// As which client: one that has no browser on its own machine.
pub(super) const CLIENT: &str = "arn:aws:signin:::devtools/cross-device";
/// The grant (AWS Sign-In, CreateOAuth2Token).
const CODE: &str = "authorization_code";
/// What a person copies may lack its end.
const PASTED: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A page that waits for a person, and what its code is exchanged with.
pub(super) struct Page {
    /// Where it is.
    pub url: String,
    /// The key that the session is bound to.
    pub proof: Proof,
    state: String,
    verifier: String,
    redirect: String,
}

impl Page {
    /// A new one below this address; `None` where the system gives no random numbers.
    pub(super) fn new(base: &str) -> Option<Self> {
        let base = base.trim_end_matches('/');
        let proof = Proof::generate()?;
        let state = Uuid::new_v4().to_string();
        // 64 of the characters that it may have, 244 bits of chance.
        let verifier = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let redirect = format!("{base}/v1/sessions/confirmation");
        let url = format!(
            "{base}/v1/authorize?response_type=code&client_id={}&state={state}\
             &code_challenge_method=SHA-256&scope=openid&redirect_uri={}&code_challenge={challenge}",
            encoded(CLIENT),
            encoded(&redirect)
        );
        Some(Self { url, proof, state, verifier, redirect })
    }

    /// The authorization code in what a person pasted: `state=..&code=..` in base64. Says why it is
    /// none of this page's.
    pub(super) fn code(&self, pasted: &str) -> Result<String, &'static str> {
        let pasted: String = pasted.split_whitespace().collect();
        let told = PASTED.decode(pasted).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let told = told.unwrap_or_default();
        let value = |name: &str| {
            let mut pairs = told.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(known, _)| *known == name).map(|(_, value)| decoded(value))
        };
        match (value("state"), value("code")) {
            (Some(state), Some(_)) if state != self.state => Err("That code is of another page. "),
            (Some(_), Some(code)) if !code.is_empty() => Ok(code),
            _ => Err("That is not the code that the page shows. "),
        }
    }

    /// What is asked for with a code.
    pub(super) fn grant(&self, code: &str) -> String {
        let grant = json!({
            "clientId": CLIENT,
            "grantType": CODE,
            "code": code,
            "codeVerifier": self.verifier,
            "redirectUri": self.redirect,
        });
        grant.to_string()
    }
}

/// A text as part of an address (RFC 3986, 2.3).
fn encoded(text: &str) -> String {
    let sign = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(sign).collect()
}

/// What stands in a form (`application/x-www-form-urlencoded`).
fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let (byte, taken) = match (first, byte) {
            (b'%', Some(byte)) => (byte, 2),
            (b'+', _) => (b' ', 0),
            (first, _) => (*first, 0),
        };
        bytes.push(byte);
        rest = &after[taken..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    const BASE: &str = "https://us-west-2.signin.aws.amazon.com";

    /// The address that AWS CLI 2.36.7 prints, its state and challenge left out.
    #[test]
    fn the_page_is_the_one_that_the_aws_cli_opens() {
        let page = Page::new(&format!("{BASE}/")).unwrap();
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&page.verifier));
        assert_eq!(
            page.url,
            format!(
                "https://us-west-2.signin.aws.amazon.com/v1/authorize?response_type=code&client_id=\
                 arn%3Aaws%3Asignin%3A%3A%3Adevtools%2Fcross-device&state={}&code_challenge_method=\
                 SHA-256&scope=openid&redirect_uri=https%3A%2F%2Fus-west-2.signin.aws.amazon.com%2Fv1\
                 %2Fsessions%2Fconfirmation&code_challenge={challenge}",
                page.state
            )
        );
        assert_eq!((page.verifier.len(), challenge.len()), (64, 43));
        let other = Page::new(BASE).unwrap();
        assert!(other.state != page.state && other.verifier != page.verifier);
    }

    #[test]
    fn a_code_is_read_however_it_was_copied_and_only_of_this_page() {
        let page = Page::new(BASE).unwrap();
        let of =
            |state: &str, code: &str| BASE64_STANDARD.encode(format!("state={state}&code={code}"));
        let whole = of(&page.state, "a%2Fb%3D+c%");
        let (head, tail) = whole.split_at(20);
        for pasted in [
            whole.clone(),
            format!("  {whole}\r\n"),
            format!("{head}\n  {tail}"),
            whole.trim_end_matches('=').to_owned(),
        ] {
            assert_eq!(page.code(&pasted).as_deref(), Ok("a/b= c%"), "{pasted}");
        }
        assert_eq!(page.code(&of("another", "a")), Err("That code is of another page. "));
        for none in ["", "no base64!", &BASE64_STANDARD.encode("code=a"), &of(&page.state, "")] {
            assert_eq!(
                page.code(none),
                Err("That is not the code that the page shows. "),
                "{none}"
            );
        }
    }
}
