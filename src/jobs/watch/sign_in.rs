//! Signing in: on a page where a code is confirmed, or with a code, from a device or from the page on
//! which one signs in: the user is asked until AWS takes a code, or no other is given.

use crate::aws::{Asks as _, Aws, AwsError, LoginEnd};
use crate::fleet::text::moment;
use crate::fleet::{Failure, FailureKind, Level, Outcome, Step, Wanted};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;

/// How many digits a code has (IAM User Guide, "Using MFA-enabled devices").
const DIGITS: usize = 6;

/// Signs in by the profile, as that says: takes a role with a code of a device, or begins a session. Who
/// gives that up has cancelled it.
pub(in crate::jobs) async fn sign_in(context: &Context, reporter: &Reporter) -> Outcome {
    let told = match signed_in(context).await {
        Ok(Some(told)) => told,
        Ok(None) => return Outcome::Cancelled,
        Err(failure) => return Outcome::Failed(failure),
    };
    // Clients that have failed before would remember that.
    context.forget_credentials().await;
    context.access.logins.look_again();
    reporter.remarked(Level::Success, told).await;
    Outcome::Done
}

/// Says how one is signed in now; `None` where the user gave it up.
async fn signed_in(context: &Context) -> Result<Option<String>, Failure> {
    let aws = Aws::open(&context.access).await.map_err(|error| failed(&error))?;
    if aws.mfa_device().is_some() {
        return with_device(context, &aws).await;
    }
    if !aws.has_login_session() {
        return on_page(context, &aws).await;
    }
    let end = aws.begin_session(&context.asker).await.map_err(|error| failed(&error))?;
    Ok((end == LoginEnd::SignedIn).then(|| "signed in".to_owned()))
}

/// Shows the page on which the login is confirmed, until that is done there or a login is made in
/// another terminal. Says until when it is good.
async fn on_page(context: &Context, aws: &Aws) -> Result<Option<String>, Failure> {
    let sign_in = Box::pin(aws.sign_in()).await.map_err(|error| failed(&error))?;
    let text = "Open this page in a browser on any machine, and confirm only if it shows, or takes, \
                this code:";
    let wanted = Wanted::Confirmation {
        page: sign_in.page().to_owned(),
        code: sign_in.code.clone(),
        until: context.now() + sign_in.good_for,
    };
    tokio::select! {
        until = Box::pin(sign_in.confirmed()) => match until {
            Ok(until) => Ok(Some(format!("signed in until {}", moment(until)))),
            Err(error) => Err(failed(&error)),
        },
        _ = context.asker.answer(text.to_owned(), wanted) => Ok(None),
    }
}

/// Takes the profile's role with a code that the user types. AWS is asked once with each code. Says
/// until when it is good.
async fn with_device(context: &Context, aws: &Aws) -> Result<Option<String>, Failure> {
    let Some(wanted) = aws.wanted_code() else {
        let why = "the profile asks for no code any more";
        let hint = "run: spot-tui login";
        return Err(Failure::new(FailureKind::SignIn, Step::Account, why, hint));
    };
    let mut before = "";
    loop {
        let Some(code) = context.asker.ask(format!("{before}{wanted}")).await else {
            return Ok(None);
        };
        let typed = code.reveal().trim();
        if typed.len() != DIGITS || !typed.bytes().all(|byte| byte.is_ascii_digit()) {
            before = "That was not six digits. ";
            continue;
        }
        match Box::pin(aws.assume_with_code(&context.access, &code)).await {
            Ok(until) => return Ok(Some(format!("signed in until {}", moment(until)))),
            Err(error) if error.is_wrong_code() => {
                before = "AWS refused that code; each is good once, for half a minute. ";
            }
            Err(error) => return Err(failed(&error)),
        }
    }
}

fn failed(error: &AwsError) -> Failure {
    error.failure(Step::Account)
}
