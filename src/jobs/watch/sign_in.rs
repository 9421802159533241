//! Signing in: on a page where a code is confirmed, or with a code, from a device or from the page on
//! which one signs in: the user is asked until AWS takes a code, or no other is given.

use crate::aws::{Asks as _, Aws, AwsError, LoginEnd};
use crate::fleet::{Failure, FailureKind, JobResult, Level, Step, Wanted};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;

/// How many digits a code has (IAM User Guide, "Using MFA-enabled devices").
const DIGITS: usize = 6;

/// Signs in by the profile, as that says: takes a role with a code of a device, or begins a session.
pub(in crate::jobs) async fn sign_in(context: &Context, reporter: &Reporter) -> JobResult {
    let aws = Aws::open(&context.access).await.map_err(|error| failed(&error))?;
    let told = if aws.mfa_device().is_some() {
        with_device(context, &aws).await?
    } else if aws.has_login_session() {
        match aws.begin_session(&context.asker).await.map_err(|error| failed(&error))? {
            LoginEnd::SignedIn => "signed in".to_owned(),
            LoginEnd::Left => return Err(not_signed_in("no code was given", "")),
        }
    } else {
        on_page(context, &aws).await?
    };
    // Clients that have failed before would remember that.
    context.forget_credentials().await;
    context.access.logins.look_again();
    reporter.remarked(Level::Success, told).await;
    Ok(0)
}

/// Shows the page on which the login is confirmed, until that is done there or a login is made in
/// another terminal. Says until when it is good.
async fn on_page(context: &Context, aws: &Aws) -> Result<String, Failure> {
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
            Ok(until) => Ok(format!("signed in until {until}")),
            Err(error) => Err(failed(&error)),
        },
        _ = context.asker.answer(text.to_owned(), wanted) => {
            Err(not_signed_in("the login was given up", ""))
        }
    }
}

/// Takes the profile's role with a code that the user types. AWS is asked once with each code. Says
/// until when it is good.
async fn with_device(context: &Context, aws: &Aws) -> Result<String, Failure> {
    let Some(wanted) = aws.wanted_code() else {
        let hint = "run: spot-tui login";
        return Err(not_signed_in("the profile asks for no code any more", hint));
    };
    let mut before = "";
    loop {
        let Some(code) = context.asker.ask(format!("{before}{wanted}")).await else {
            return Err(not_signed_in("no code was given", ""));
        };
        let typed = code.reveal().trim();
        if typed.len() != DIGITS || !typed.bytes().all(|byte| byte.is_ascii_digit()) {
            before = "That was not six digits. ";
            continue;
        }
        match Box::pin(aws.assume_with_code(&context.access, &code)).await {
            Ok(until) => return Ok(format!("signed in until {until}")),
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

fn not_signed_in(why: &str, hint: &str) -> Failure {
    Failure::new(FailureKind::SignIn, Step::Account, why, hint)
}
