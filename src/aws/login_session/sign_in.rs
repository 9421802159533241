//! Beginning a session: a page of the console is opened on any machine, and the code that it shows is
//! exchanged for keys here (`aws login --remote` of the AWS CLI, whose file it becomes:
//! awscli/customizations/login/utils.py, `CrossDeviceLoginTokenFetcher`, of 2.36.7).

use std::io;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use jiff::Timestamp;
use tokio::time::sleep;

use super::page::Page;
use super::session_file::{Session, SessionFile};
use super::{endpoint, region, token};
use crate::aws::access::Aws;
use crate::aws::class::{Class, Credential};
use crate::aws::clock::time_at;
use crate::aws::error::AwsError;
use crate::aws::profile::LoginSession;
use crate::fleet::text::{profile_flag, shell_word};
use crate::fleet::{Region, Secret, Wanted};
use crate::retry::LOGIN_LOOK;

/// Who answers what only the user knows.
pub trait Asks {
    /// Asks, and waits. `None` when the user would not say.
    fn answer(&self, text: String, wanted: Wanted) -> impl Future<Output = Option<Secret>> + Send;
}

/// How a login ended that a person had in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginEnd {
    /// Somebody is signed in: here, or in another terminal.
    SignedIn,
    /// The user left, and nothing was kept.
    Left,
}

/// What came of a code.
enum Exchanged {
    /// A session, and whose it is.
    Session(Box<Session>, String),
    /// AWS takes no such code; what there is to say of it.
    Refused(&'static str),
}

impl Aws {
    /// Whether the profile's keys come from a session of `aws login`.
    pub fn has_login_session(&self) -> bool {
        self.profile().login_session.is_some()
    }

    /// Begins the session of the profile: shows a page until a code of it is taken, the user leaves, or
    /// somebody signed in in another terminal.
    ///
    /// # Errors
    /// The profile has no such session, AWS cannot be asked or does not let the user have one, or the
    /// user signed in as somebody else.
    pub async fn begin_session(&self, asks: &impl Asks) -> Result<LoginEnd, AwsError> {
        let Some(wanted) = &self.profile().login_session else {
            return Err(broken("the profile has no login_session", "run: aws login"));
        };
        let region = region(None, wanted);
        Login { aws: self, wanted, region, base: endpoint(self.sdk(), region) }.begin(asks).await
    }

    /// Forgets the session of the profile. Whether there was one.
    pub fn forget_session(&self) -> Result<bool, AwsError> {
        let Some(session) = &self.profile().login_session else { return Ok(false) };
        let file = SessionFile::of(session);
        file.forget().map_err(|error| disk(&file, &error))
    }
}

/// A session that is begun.
struct Login<'a> {
    aws: &'a Aws,
    /// Whose session the profile names.
    wanted: &'a LoginSession,
    region: &'a str,
    /// Where AWS Sign-In is.
    base: String,
}

impl Login<'_> {
    async fn begin(&self, asks: &impl Asks) -> Result<LoginEnd, AwsError> {
        let mut page = self.page()?;
        let mut before = "";
        loop {
            let text = format!(
                "{before}Open this page in a browser on any machine, sign in there as {}, and paste the \
                 code that it shows.",
                self.wanted.arn
            );
            let answer = asks.answer(text, Wanted::Code { page: page.url.clone() });
            let pasted = tokio::select! {
                pasted = answer => pasted,
                () = another_login(self.wanted, self.now()) => return Ok(LoginEnd::SignedIn),
            };
            let Some(pasted) = pasted else { return Ok(LoginEnd::Left) };
            let code = match page.code(pasted.reveal()) {
                Ok(code) => code,
                Err(why) => {
                    before = why;
                    continue;
                }
            };
            match self.exchange(&page, &code).await? {
                Exchanged::Session(session, arn) => return self.keep(asks, &session, arn).await,
                // A code that AWS has seen is of no more use, and its page shows no other.
                Exchanged::Refused(why) => (before, page) = (why, self.page()?),
            }
        }
    }

    fn page(&self) -> Result<Page, AwsError> {
        let none = || broken("the system gives no random numbers for a key", "");
        Page::new(&self.base).ok_or_else(none)
    }

    /// (AWS Sign-In, CreateOAuth2Token with an authorization code.)
    async fn exchange(&self, page: &Page, code: &str) -> Result<Exchanged, AwsError> {
        let asked = token(self.aws.sdk(), &self.base, page.proof.clone(), page.grant(code)).await;
        let told = match asked {
            Ok(told) => told,
            Err(error) => return self.refused(error),
        };
        let begun = page.proof.pem().and_then(|pem| Session::begun(told, &pem, self.now()));
        let Some((session, arn)) = begun else {
            return Err(broken("AWS's answer has no keys in it, or names nobody", ""));
        };
        Ok(Exchanged::Session(Box::new(session), arn))
    }

    /// A code that AWS does not take is asked for again; any other failure is told.
    fn refused(&self, error: SdkError<ErrorMetadata, HttpResponse>) -> Result<Exchanged, AwsError> {
        let told = error.as_service_error();
        match (told.and_then(ErrorMetadata::code), told.and_then(|told| told.extra("error"))) {
            (_, Some("INSUFFICIENT_PERMISSIONS")) => Err(broken(
                "AWS gives this identity no session for programs",
                "it needs signin:AuthorizeOAuth2Access and signin:CreateOAuth2Token, as AWS's policy \
                 SignInLocalDevelopmentAccess has them",
            )),
            (_, Some("AUTHCODE_EXPIRED")) => {
                Ok(Exchanged::Refused("That code has expired; here is a new page. "))
            }
            (Some("AccessDeniedException" | "ValidationException"), _) => {
                Ok(Exchanged::Refused("AWS refused that code; here is a new page. "))
            }
            _ => {
                let region = Region::from(self.region);
                Err(AwsError::read(error, "signing in", &region, self.aws.profile()))
            }
        }
    }

    /// Keeps the session under the name of whose it is, as the AWS CLI does; and as the AWS CLI asks
    /// before where that is not the profile's. The profile itself is the user's to change.
    async fn keep(
        &self,
        asks: &impl Asks,
        session: &Session,
        arn: String,
    ) -> Result<LoginEnd, AwsError> {
        let wanted = self.wanted.arn.trim();
        let is_other = arn != wanted;
        let name = self.wanted.profile.as_deref().unwrap_or("default");
        if is_other {
            let text = format!(
                "You signed in as {arn}, and the profile {name} is of {wanted}. Type yes to keep that \
                 session all the same."
            );
            let answer = asks.answer(text, Wanted::Yes).await;
            if !answer.is_some_and(|it| it.reveal().trim().eq_ignore_ascii_case("yes")) {
                return Ok(LoginEnd::Left);
            }
        }
        let file = SessionFile::of(&LoginSession { arn: arn.clone(), ..self.wanted.clone() });
        file.keep(session).map_err(|error| disk(&file, &error))?;
        if !is_other {
            return Ok(LoginEnd::SignedIn);
        }
        let flag = profile_flag(self.wanted.profile.as_deref());
        Err(broken(
            format!("the session of {arn} is kept, and the profile {name} is not of it"),
            format!("to use it: aws configure set login_session {}{flag}", shell_word(&arn)),
        ))
    }

    fn now(&self) -> Timestamp {
        time_at(&self.aws.sdk().time_source().unwrap_or_default())
    }
}

/// Waits until somebody began the session in another terminal: by another key than the one that is
/// there now, which a renewal would leave.
async fn another_login(wanted: &LoginSession, now: Timestamp) {
    let file = SessionFile::of(wanted);
    let key = |kept: Session| kept.dpop_key().to_owned();
    let before = file.read().map(key);
    loop {
        sleep(LOGIN_LOOK).await;
        let begun = file.read().filter(|kept| kept.ends_at() > now);
        if begun.is_some_and(|kept| Some(key(kept)) != before) {
            return;
        }
    }
}

fn disk(file: &SessionFile, error: &io::Error) -> AwsError {
    let text = format!("{}: {error}", file.path().display());
    broken(text, "look whether that folder can be written to")
}

fn broken(text: impl Into<String>, hint: impl Into<String>) -> AwsError {
    let class = Class::Credentials(Credential::Broken);
    AwsError::found("signing in", None, class, text, hint)
}
