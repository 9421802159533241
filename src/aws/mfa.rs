//! A role that is taken with a code from a device (`mfa_serial`): asked for once, at a prompt, and kept
//! where the AWS CLI keeps it, so that who typed a code for one of them has typed it for the other. The
//! SDK passes `mfa_serial` over, and AWS then refuses without a word of it.

use jiff::Timestamp;
use serde_json::json;

use super::access::Aws;
use super::class::{Class, Credential};
use super::clock::moment;
use super::error::AwsError;
use super::kept_role::{Kept, Keys, file, keep};
use super::profile::Mfa;
use super::sdk::Access;
use crate::fleet::Secret;

/// How the session is called where the profile does not say.
const SESSION: &str = "spot-tui";

impl Aws {
    /// The device whose code the profile asks for, where it asks for one.
    pub fn mfa_device(&self) -> Option<&str> {
        self.profile().mfa.as_ref().map(|mfa| mfa.serial.as_str())
    }

    /// What is asked of the user for it: which role, by which profile, of which device.
    pub fn wanted_code(&self) -> Option<String> {
        let profile = self.profile();
        let mfa = profile.mfa.as_ref()?;
        let name = profile.name.as_deref().unwrap_or("default");
        let Mfa { role, serial, .. } = mfa;
        Some(format!("Profile {name} takes the role {role} with a code of {serial}. Six digits:"))
    }

    /// Takes the profile's role with a code of that device, and keeps it. Until when it is good.
    pub async fn assume_with_code(
        &self,
        access: &Access,
        code: &Secret,
    ) -> Result<Timestamp, AwsError> {
        let Some(mfa) = self.profile().mfa.clone() else {
            return Err(broken("the profile asks for no code", "see mfa_serial in ~/.aws/config"));
        };
        let source = Access { profile: Some(mfa.source.clone()), ..access.clone() };
        let source = Self::open(&source).await?;
        let session = mfa.session.clone().unwrap_or_else(|| SESSION.to_owned());
        let told = aws_sdk_sts::Client::new(source.sdk())
            .assume_role()
            .role_arn(&mfa.role)
            .role_session_name(session)
            .serial_number(&mfa.serial)
            .token_code(code.reveal().trim())
            .set_external_id(mfa.external_id.clone())
            .set_duration_seconds(mfa.seconds)
            .send()
            .await
            .map_err(source.failed("AssumeRole"))?;
        let Some(keys) = told.credentials() else {
            return Err(broken("AWS gave no keys for the role", ""));
        };
        let user = told
            .assumed_role_user()
            .map(|user| json!({ "AssumedRoleId": user.assumed_role_id(), "Arn": user.arn() }));
        let expiration = moment(keys.expiration()).unwrap_or_default();
        let keys = Keys {
            access_key_id: keys.access_key_id().to_owned(),
            secret_access_key: keys.secret_access_key().to_owned(),
            session_token: keys.session_token().to_owned(),
            expiration,
        };
        let kept = Kept { credentials: keys, assumed_role_user: user.unwrap_or_default() };
        keep(&file(&mfa), &kept).map_err(|error| {
            let text = format!("{}: {error}", file(&mfa).display());
            broken(text, "look whether that folder can be written to")
        })?;
        Ok(expiration)
    }
}

impl AwsError {
    /// Whether a code was refused: wrong, late, or used before.
    pub fn is_wrong_code(&self) -> bool {
        // As aws/aws-cli#2279 quotes it. That of a wrong device begins alike ("unable to validate MFA
        // code", aws/aws-cli#6325): no other code mends it.
        self.message.contains("invalid MFA one time pass code")
    }
}

fn broken(message: impl Into<String>, hint: impl Into<String>) -> AwsError {
    let class = Class::Credentials(Credential::Broken);
    AwsError::found("signing in", None, class, message, hint)
}
